// The answers that a phone keeps until they are sent. Shared by the page and its service worker.
//
// An answer is written here before anything is sent, under an id of its own: whatever is sent twice is stored once.
// Once it is sent, its numbers are forgotten here; what stays is which time it was for.
"use strict";

self.diaryQueue = (() => {
  const NAME = "medial-diary";
  const STORE = "entries";

  function open() {
    return new Promise((resolve, reject) => {
      const asked = indexedDB.open(NAME, 1);
      asked.onupgradeneeded = () => asked.result.createObjectStore(STORE, { keyPath: "id" });
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
      asked.onblocked = () => reject(new Error("blocked"));
    });
  }

  async function within(mode, work) {
    const database = await open();
    try {
      return await new Promise((resolve, reject) => {
        const transaction = database.transaction(STORE, mode);
        const asked = work(transaction.objectStore(STORE));
        transaction.oncomplete = () => resolve(asked && asked.result);
        transaction.onerror = () => reject(transaction.error);
        transaction.onabort = () => reject(transaction.error);
      });
    } finally {
      database.close();
    }
  }

  const all = () => within("readonly", (store) => store.getAll());

  function put(entries) {
    return within("readwrite", (store) => {
      for (const entry of entries) store.put(entry);
    });
  }

  function remove(ids) {
    return within("readwrite", (store) => {
      for (const id of ids) store.delete(id);
    });
  }

  // An instant with the phone's own offset, as 2026-03-02T10:15:00.000-06:00.
  function stamp(milliseconds) {
    const at = new Date(milliseconds);
    const east = -at.getTimezoneOffset();
    const two = (number) => String(Math.trunc(number)).padStart(2, "0");
    const local = new Date(milliseconds + east * 60000).toISOString().slice(0, -1);
    return `${local}${east < 0 ? "-" : "+"}${two(Math.abs(east) / 60)}:${two(Math.abs(east) % 60)}`;
  }

  function body(entry) {
    return {
      id: entry.id,
      taken_at: entry.taken_at,
      answered_at: entry.answered_at,
      sent_at: stamp(Date.now()),
      value: entry.value,
      side: entry.side,
      stated_relief_percent: entry.relief,
      analgesic_taken: entry.medicine,
    };
  }

  const done = (entry, state) => ({ id: entry.id, path: entry.path, taken: entry.taken, side: entry.side, state });

  async function post(path, entries) {
    const response = await fetch(`${path}/entries`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify(entries.map(body)),
    });
    if (response.status === 404) return { ended: true };
    if (response.status === 400 || response.status === 422) {
      // One that cannot be read must not be in the way of the others.
      if (entries.length > 1) {
        for (const entry of entries) await post(path, [entry]);
      } else {
        await put([done(entries[0], "refused")]);
      }
      return {};
    }
    if (!response.ok) throw new Error(`status ${response.status}`);
    const answer = await response.json();
    const refused = new Set(answer.entries.filter((one) => one.refused).map((one) => one.id));
    await put(entries.map((entry) => done(entry, refused.has(entry.id) ? "refused" : "sent")));
    return { answered: answer.answered };
  }

  // Sends what waits; what came of it, by path.
  async function send() {
    const waiting = (await all()).filter((entry) => entry.state === "waiting");
    const outcomes = {};
    for (const path of new Set(waiting.map((entry) => entry.path))) {
      const own = waiting.filter((entry) => entry.path === path);
      for (let from = 0; from < own.length; from += 50) {
        outcomes[path] = await post(path, own.slice(from, from + 50));
      }
    }
    return outcomes;
  }

  return { all, put, remove, send, stamp };
})();
