// The service worker keeps the page's files, see sw.js. A new version waits until one says "reload": the page that is
// open goes on with its own files, never with a mixture.

/** `ready()` is called when the page works offline, `update(apply)` when a new version waits. */
export async function offline(ready, update) {
    const container = navigator.serviceWorker;
    if (!container) // not on https, or switched off
        return;
    const wasControlled = container.controller !== null;
    const registration = await container.register('sw.js', { updateViaCache: 'none' });

    if (wasControlled) // else it is the first version that takes over
        container.addEventListener('controllerchange', () => location.reload(), { once: true });
    const offer = (worker) => update(() => worker.postMessage('take over'));
    if (registration.waiting && wasControlled)
        offer(registration.waiting);
    registration.addEventListener('updatefound', () => {
        const worker = registration.installing;
        worker.addEventListener('statechange', () => {
            if (worker.state === 'installed' && wasControlled)
                offer(worker);
        });
    });
    await container.ready;
    ready();
}
