// The diary's page: which time is due, keeping an answer on the phone, and sending it.
// Without this script the page is a plain form that is sent to the server.
"use strict";

const data = JSON.parse(document.body.dataset.diary);
const words = data.words;
const queue = self.diaryQueue;
const path = location.pathname;
const start = Date.parse(data.performed_at);
const find = (id) => document.getElementById(id);
const [form, ask, rest, status, when] = ["answer", "ask", "rest", "status", "when"].map(find);

const MINUTE = 60000;
// A time is asked for from a little before it is due, and at most so long before.
const EARLY = 30 * MINUTE;

let answered = new Set(data.answered);
let ended = false;
// The instant that is rated again by whoever changes an answer, with the entries of that answer.
let last = null;
let changing = null;
// Asked for by hand, though nothing is due.
let asked = false;

const clock = new Intl.DateTimeFormat(data.language, { hour: "numeric", minute: "2-digit" });
const filled = (text, name, value) => text.replace(`{${name}}`, value);
const dueAt = (slot) => start + slot[0] * MINUTE;
const slotAt = (time) => data.slots.find((slot) => time >= start + slot[1] * 1000 && time < start + slot[2] * 1000);
const isDay = (slot) => slot[0] >= 1440;
const shownTime = (slot) => {
  // In one piece: "1:30" is not parted from "PM".
  const time = clock.format(dueAt(slot)).replace(/\s/g, "\u00a0");
  return isDay(slot) ? `${filled(data.day, "count", slot[0] / 1440)}, ${time}` : time;
};

// The times that are answered on each side, here or as the server knows.
async function known() {
  const done = new Set(answered);
  const sides = new Map();
  for (const entry of (await queue.all().catch(() => [])).filter((one) => one.path === path)) {
    if (entry.state === "refused") continue;
    const slot = slotAt(entry.taken);
    if (!slot) continue;
    const of = sides.get(slot[0]) || new Set();
    of.add(entry.side);
    sides.set(slot[0], of);
    if (data.sides.every((side) => of.has(side))) done.add(slot[0]);
  }
  return done;
}

function stateOf(slot, done, now) {
  if (done.has(slot[0])) return "done";
  const opens = Math.max(start + slot[1] * 1000, dueAt(slot) - EARLY);
  if (now >= start + slot[2] * 1000) return "missed";
  return now >= opens ? "now" : "later";
}

function show(element, visible) {
  element.hidden = !visible;
}

function say(text) {
  status.textContent = text;
  show(status, text !== "");
}

async function refresh() {
  const now = Date.now();
  const done = await known();
  const states = data.slots.map((slot) => [slot, stateOf(slot, done, now)]);
  for (const [slot, state] of states) {
    const item = document.querySelector(`[data-minutes="${slot[0]}"]`);
    item.className = state;
    item.querySelector("time").textContent = shownTime(slot);
    item.querySelector(".state").textContent = data.states[state];
    const button = item.querySelector("button");
    show(button, state === "missed" && !ended);
    button.setAttribute("aria-label", `${data.states.answer}: ${shownTime(slot)}`);
  }
  choices(states);
  const current = states.find(([, state]) => state === "now");
  const next = states.find(([, state]) => state === "later");
  const open = !ended && (Boolean(current) || asked || Boolean(changing));
  show(ask, open);
  show(rest, !open && !ended);
  if (!open) resting(next, now);
  const due = find("due");
  const earlier = when.value !== "now";
  due.textContent = changing ? find("again").textContent : earlier ? when.selectedOptions[0].text : words.due_now;
  show(due, Boolean(changing) || earlier || Boolean(current));
  show(find("again"), Boolean(last) && !open && !ended);
  await tellWaiting();
}

// The earlier times that can still be chosen.
function choices(states) {
  const chosen = when.value;
  const options = [new Option(data.states.choose_now, "now")];
  for (const [slot, state] of states) {
    if (state === "missed") options.push(new Option(filled(data.states.earlier, "time", shownTime(slot)), slot[0]));
  }
  when.replaceChildren(...options);
  when.value = options.some((option) => option.value === chosen) ? chosen : "now";
  show(find("time"), options.length > 1 && !changing);
  show(find("memory"), when.value !== "now");
}

function resting(next, now) {
  const title = find("rest-title");
  const count = find("rest-count");
  if (!next) {
    title.textContent = words.finished;
    count.textContent = "";
    show(find("anyway"), false);
    return;
  }
  const [slot] = next;
  const first = slot[0] === data.slots[0][0];
  title.textContent = filled(first ? words.not_yet : words.due_at, "time", shownTime(slot));
  const minutes = Math.max(1, Math.ceil((dueAt(slot) - now) / MINUTE));
  count.textContent = minutes < 120 ? filled(words.in_minutes, "count", minutes) : words.done_for_now;
  show(find("anyway"), now > start);
}

async function tellWaiting() {
  const own = (await queue.all().catch(() => [])).filter((entry) => entry.path === path);
  const waiting = new Set(own.filter((entry) => entry.state === "waiting").map((entry) => entry.taken)).size;
  const line = find("waiting");
  const text = waiting === 1 ? words.waiting_one : filled(words.waiting_many, "count", waiting);
  line.textContent = waiting === 0 ? "" : text;
  show(line, waiting > 0);
  show(find("offline"), !navigator.onLine);
  if (own.some((entry) => entry.state === "refused")) {
    say(words.refused);
    await queue.remove(own.filter((entry) => entry.state === "refused").map((entry) => entry.id));
  }
}

async function send() {
  if (ended) return;
  try {
    if (!navigator.onLine) throw new Error("offline");
    heed(await queue.send());
  } catch {
    const registration = await navigator.serviceWorker?.getRegistration("/d/");
    await registration?.sync?.register("medial-diary").catch(() => undefined);
  }
}

function heed(outcomes) {
  const own = outcomes[path];
  if (!own) return;
  if (own.answered) answered = new Set(own.answered);
  if (own.ended) {
    ended = true;
    say(words.ended);
  }
}

function drawId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

// The entries of the form, one a side; null where a number is missing.
function entries() {
  const fields = new FormData(form);
  const now = Date.now();
  const slot = data.slots.find((one) => String(one[0]) === when.value);
  const taken = changing ? changing.taken : slot ? dueAt(slot) : now;
  const made = [];
  for (const side of data.sides) {
    const value = fields.get(`pain_${side}`);
    if (value === null) return null;
    const relief = fields.get(`relief_${side}`);
    made.push({
      id: drawId(),
      path,
      state: "waiting",
      taken,
      taken_at: queue.stamp(taken),
      answered_at: queue.stamp(now),
      value: Number(value),
      side,
      relief: relief === "" || relief === null ? null : Number(relief),
      medicine: fields.get("medicine") === "yes",
    });
  }
  return made;
}

async function save(event) {
  event.preventDefault();
  const made = entries();
  const missing = find("missing");
  show(missing, !made);
  if (!made) {
    form.querySelector("fieldset.pain:not(:has(input:checked)) input").focus({ preventScroll: true });
    missing.scrollIntoView({ block: "start" });
    return;
  }
  try {
    if (changing) await withdrawWaiting(changing.ids);
    await queue.put(made);
  } catch {
    // No room on this phone: the plain form still works online.
    say(words.full);
    form.removeEventListener("submit", save);
    return;
  }
  last = { taken: made[0].taken, ids: made.map((entry) => entry.id) };
  [changing, asked] = [null, false];
  form.reset();
  say(words.kept);
  await refresh();
  window.scrollTo(0, 0);
  rest.focus({ preventScroll: true });
  await send();
  const still = (await queue.all()).some((entry) => last.ids.includes(entry.id) && entry.state === "waiting");
  if (!still && !ended) say(words.sent);
  await refresh();
}

// An answer that was not sent yet is replaced; one that was sent is followed by another for the same instant, which
// counts in its place.
async function withdrawWaiting(ids) {
  const waiting = (await queue.all()).filter((entry) => ids.includes(entry.id) && entry.state === "waiting");
  await queue.remove(waiting.map((entry) => entry.id));
}

function openForm() {
  window.scrollTo(0, 0);
  form.querySelector("fieldset.pain input").focus({ preventScroll: true });
}

// What is missing is said by the page itself, in its own language.
form.noValidate = true;
form.addEventListener("submit", save);
when.addEventListener("change", refresh);
find("anyway").addEventListener("click", async () => {
  [asked, changing] = [true, null];
  say("");
  await refresh();
  openForm();
});
find("again").addEventListener("click", async () => {
  changing = last;
  say("");
  await refresh();
  openForm();
});
for (const button of document.querySelectorAll("[data-minutes] button")) {
  button.addEventListener("click", async () => {
    [asked, changing] = [true, null];
    await refresh();
    when.value = button.closest("[data-minutes]").dataset.minutes;
    say("");
    await refresh();
    openForm();
  });
}
window.addEventListener("online", () => send().then(refresh));
window.addEventListener("offline", refresh);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) send().then(refresh);
});
setInterval(refresh, 15000);
setInterval(() => send().then(refresh), 60000);

if ("serviceWorker" in navigator) {
  navigator.serviceWorker.register("/d/sw.js", { scope: "/d/" }).then(
    () => navigator.serviceWorker.ready.then((ready) => ready.active.postMessage({ keep: path })),
    () => undefined,
  );
  navigator.serviceWorker.addEventListener("message", (event) => {
    if (event.data && event.data.outcomes) {
      heed(event.data.outcomes);
      refresh();
    }
  });
}
navigator.storage?.persist?.().catch(() => undefined);
refresh().then(send).then(refresh);
