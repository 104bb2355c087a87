// Every form works without this. It shows the nerves at once, adds rows in place, and minds what was typed.

const form = document.querySelector("form[data-record]");

// What is wrong is read first.
document.querySelector("[data-problems]")?.focus();

// The nerves as they follow from the joints, which the server says of each.
for (const spine of document.querySelectorAll("[data-spine]")) {
  const shown = spine.querySelector("[data-nerves-shown]");
  const places = [...spine.querySelectorAll("input[data-nerves]")];
  const order = [];
  for (const place of places)
    for (const nerve of place.dataset.nerves.split(", ")) if (!order.includes(nerve)) order.push(nerve);
  const show = () => {
    const chosen = new Set(places.filter((one) => one.checked).flatMap((one) => one.dataset.nerves.split(", ")));
    shown.textContent = order.filter((nerve) => chosen.has(nerve)).join(", ") || "none yet";
  };
  spine.addEventListener("change", show);
  show();
  // Up and down walk along the spine, left and right change the side.
  spine.addEventListener("keydown", (event) => {
    const place = places.indexOf(event.target);
    const step = { ArrowUp: -2, ArrowDown: 2, ArrowLeft: place % 2 ? -1 : 0, ArrowRight: place % 2 ? 0 : 1 }[event.key];
    if (place < 0 || !step || !places[place + step]) return;
    event.preventDefault();
    places[place + step].focus();
  });
}
for (const button of document.querySelectorAll("[data-preview]")) button.hidden = true;

// More rows, without a way to the server and back.
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-more]");
  if (!button) return;
  const at = button.dataset.more;
  const body =
    at === "/scores" ? document.querySelector("[data-grid] tbody[data-own]") : document.querySelector(`table[data-rows="${at}"] tbody`);
  const model = body && [...body.rows].findLast((row) => row.querySelector("[name]"));
  if (!model) return;
  event.preventDefault();
  const numbers = [...document.querySelectorAll(`[name^="${at}/"]`)].map((one) => Number(one.name.slice(at.length + 1).split("/")[0]));
  const from = model.querySelector("[name]").name.slice(at.length + 1).split("/")[0];
  let first;
  for (let next = Math.max(...numbers) + 1, count = 0; count < 3; next += 1, count += 1) {
    const row = model.cloneNode(true);
    row.classList.remove("wrong");
    const stem = `f${at.replaceAll(/[^A-Za-z0-9]/g, "-")}-`;
    for (const one of row.querySelectorAll("*")) {
      for (const name of ["id", "for", "name"]) {
        const value = one.getAttribute(name);
        if (!value) continue;
        if (value.startsWith(`${at}/${from}/`)) one.setAttribute(name, `${at}/${next}/${value.slice(at.length + from.length + 2)}`);
        if (value.startsWith(`${stem}${from}-`)) one.setAttribute(name, `${stem}${next}-${value.slice(stem.length + from.length + 1)}`);
      }
      one.removeAttribute("aria-invalid");
      one.removeAttribute("aria-describedby");
      if (one.matches("label")) one.textContent = one.textContent.replace(/row \d+$/, `row ${next + 1}`);
      if (one.matches("input[type=checkbox]")) one.checked = false;
      else if (one.matches("input")) one.value = "";
      if (one.matches(".error-text")) one.remove();
    }
    body.append(row);
    first ??= row.querySelector("input, select");
  }
  first?.focus();
});

// Enter in the grid goes on to the next time, as in a table.
form?.addEventListener("keydown", (event) => {
  const field = event.target;
  if (event.key !== "Enter" || !field.matches("table.scores input[type=text]")) return;
  event.preventDefault();
  const column = field.closest("td, th").cellIndex;
  let row = field.closest("tr").nextElementSibling;
  while (row && !row.cells[column]?.querySelector("input")) row = row.nextElementSibling;
  row?.cells[column].querySelector("input[type=text]")?.focus();
});

// A form that was begun is not left by mistake, and is sent once.
if (form) {
  let begun = false;
  let sent = false;
  form.addEventListener("input", () => { begun = true; });
  form.addEventListener("submit", (event) => {
    if (sent && event.submitter?.name !== "act") event.preventDefault();
    begun = false;
    sent = true;
  });
  addEventListener("pageshow", () => { sent = false; });
  addEventListener("beforeunload", (event) => { if (begun) event.preventDefault(); });
}
