// Every page works without this. It saves a click or a reload where it runs.

// Filters: a chosen value applies at once, typing after a pause.
for (const form of document.querySelectorAll("form[data-apply]")) {
  let timer;
  const apply = () => { clearTimeout(timer); trim(form); form.requestSubmit(); };
  form.addEventListener("change", (event) => { if (event.target.type !== "search") apply(); });
  form.addEventListener("input", (event) => {
    if (event.target.type !== "search") return;
    clearTimeout(timer);
    timer = setTimeout(apply, 450);
  });
  form.addEventListener("submit", () => trim(form));
}

// What is empty does not belong in an address that is shared.
function trim(form) {
  for (const field of form.elements) if (field.name && field.value === "") field.disabled = true;
}
addEventListener("pageshow", () => {
  for (const field of document.querySelectorAll("form[data-apply] :disabled")) field.disabled = false;
});

// Typing goes on where it was before the list was loaded anew.
const search = document.querySelector("form[data-apply] input[type=search]");
if (search && search.value && !location.hash) {
  search.focus({ preventScroll: true });
  search.setSelectionRange(search.value.length, search.value.length);
}

// A link that opens a form opens it in place.
document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-dialog]");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  const answer = await fetch(link.href, { headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) { location.href = link.href; return; }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const content = page.querySelector("[data-dialog-content]");
  if (!content) { location.href = link.href; return; }
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-labelledby", content.querySelector("h1")?.id ?? "");
  dialog.append(document.adoptNode(content));
  document.body.append(dialog);
  dialog.addEventListener("close", () => { dialog.remove(); link.focus(); });
  dialog.addEventListener("click", (inside) => {
    if (inside.target === dialog || inside.target.closest("[data-close]")) { inside.preventDefault(); dialog.close(); }
  });
  dialog.showModal();
});

// The list keeps itself up to date while somebody looks at it.
const live = document.querySelector("[data-live]");
if (live) {
  const busy = () =>
    document.hidden || document.querySelector("dialog[open], :popover-open") || live.contains(document.activeElement);
  const refresh = async () => {
    if (busy()) return;
    const address = new URL(live.dataset.live, location.href);
    address.searchParams.set("seen", live.dataset.seen);
    const answer = await fetch(address, { headers: { Accept: "text/html" } });
    if (answer.status !== 200 || answer.redirected || busy()) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-live]");
    if (!fresh) return;
    live.replaceChildren(...fresh.childNodes);
    live.dataset.seen = fresh.dataset.seen;
  };
  setInterval(() => refresh().catch(() => {}), Number(live.dataset.every ?? 10) * 1000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh().catch(() => {}); });
}
