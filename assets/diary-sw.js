// Keeps the diary's page and its files on the phone, and sends answers when the phone is online again.
// In front of this the server puts FILES, the addresses of the files of this release, and QUEUE, one of them.
"use strict";

importScripts(QUEUE);

const CACHE = "medial-diary";
const PATIENCE = 4000;

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(FILES)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

const isPage = (url) => /^\/d\/[^/.]+$/.test(url.pathname);

async function kept(path, response) {
  const cache = await caches.open(CACHE);
  if (response.ok) {
    await cache.put(path, response.clone());
    // The page that is kept names the files of this release; those of earlier ones are not needed any more.
    for (const request of await cache.keys()) {
      const { pathname } = new URL(request.url);
      if (pathname.startsWith("/assets/") && !FILES.includes(pathname)) await cache.delete(request);
    }
  } else if (response.status === 404) {
    await cache.delete(path);
  }
  return response;
}

async function page(request, url) {
  const cache = await caches.open(CACHE);
  const known = await cache.match(url.pathname);
  const fresh = fetch(request).then((response) => kept(url.pathname, response));
  if (!known) return fresh;
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE, known));
  return Promise.race([fresh.catch(() => known), late]);
}

async function file(request) {
  const cache = await caches.open(CACHE);
  return (await cache.match(request)) || fetch(request);
}

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== self.location.origin) return;
  if (event.request.mode === "navigate" && isPage(url)) {
    event.respondWith(page(event.request, url));
  } else if (FILES.includes(url.pathname)) {
    event.respondWith(file(event.request));
  }
});

// The first visit was not through this worker: the page asks for itself to be kept.
self.addEventListener("message", (event) => {
  const path = event.data && event.data.keep;
  if (!path) return;
  const url = new URL(path, self.location.origin);
  if (isPage(url)) {
    event.waitUntil(fetch(path).then((response) => kept(url.pathname, response)).catch(() => undefined));
  }
});

self.addEventListener("sync", (event) => {
  if (event.tag !== "medial-diary") return;
  const told = async (outcomes) => {
    for (const client of await self.clients.matchAll()) client.postMessage({ outcomes });
  };
  event.waitUntil(self.diaryQueue.send().then(told));
});
