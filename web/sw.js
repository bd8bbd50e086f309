// Keeps the page's files, so that it works offline.
//
// files.js lists them with their SHA-256; scripts/web-files writes it. Its version, the hash of all hashes, names the
// cache. A file counts only if it is the one in the list: where a server is in the middle of an update, or a cache on
// the way is stale, this version does not install, and the next visit tries again. So what is served is of one version,
// whole.

importScripts('files.js'); // INKLING_FILES: { version, files: { path: { bytes, sha256, first } } }

const { version, files } = self.INKLING_FILES;
const cacheName = `inkling-${version}`;
const scope = new URL('./', self.location);

/** A file's path in the list; null where it is none of ours. */
function pathOf(url) {
    if (url.origin !== scope.origin || !url.pathname.startsWith(scope.pathname))
        return null;
    const path = url.pathname.slice(scope.pathname.length) || 'index.html';
    return Object.hasOwn(files, path) ? path : null;
}

/** Where it is: the page itself at the address without a name, from which the browser has it already. */
const urlOf = (path) => new URL(path === 'index.html' ? './' : path, scope);

/** Downloads a file, checks it and keeps it. The browser's own cache may answer, after it has asked the server. */
async function take(cache, path) {
    const response = await fetch(urlOf(path), { cache: 'no-cache' });
    if (!response.ok)
        throw new Error(`${path}: ${response.status} ${response.statusText}`);
    const bytes = await response.arrayBuffer();
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
    const sha256 = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
    if (sha256 !== files[path].sha256)
        throw new Error(`${path}: not of version ${version}`);
    // A new response: one that was redirected may not answer a navigation.
    const headers = { 'Content-Type': response.headers.get('Content-Type') ?? 'application/octet-stream' };
    const kept = new Response(bytes, { headers });
    await cache.put(urlOf(path), kept.clone());
    return kept;
}

self.addEventListener('install', (event) => event.waitUntil((async () => {
    const cache = await caches.open(cacheName);
    const first = Object.keys(files).filter((path) => files[path].first);
    await Promise.all(first.map((path) => take(cache, path)));
})()));

self.addEventListener('activate', (event) => event.waitUntil((async () => {
    const old = (await caches.keys()).filter((name) => name.startsWith('inkling-') && name !== cacheName);
    await Promise.all(old.map((name) => caches.delete(name)));
    await self.clients.claim();
})()));

self.addEventListener('message', ({ data }) => {
    if (data === 'take over')
        self.skipWaiting();
});

self.addEventListener('fetch', (event) => {
    const path = event.request.method === 'GET' ? pathOf(new URL(event.request.url)) : null;
    if (path === null)
        return;
    event.respondWith((async () => {
        const cache = await caches.open(cacheName);
        const kept = await cache.match(urlOf(path));
        // What is not of the first visit, a second model or the samples, is kept when it is first wanted.
        return kept ?? take(cache, path).catch((error) => new Response(error.message, { status: 503,
            statusText: 'not on this device yet' }));
    })());
});
