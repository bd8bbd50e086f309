// The page's own files.

const GZIP = 0x1f8b;

/** Downloads one. Those that end in .gz are inflated, unless the server or the browser has done that on the way. */
export async function download(path) {
    let response;
    try {
        response = await fetch(path);
    } catch {
        throw new Error(`${path}: cannot be loaded; is this device offline?`);
    }
    if (!response.ok)
        throw new Error(`${path}: ${response.status} ${response.statusText}`);
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (!path.endsWith('.gz') || (bytes[0] << 8 | bytes[1]) !== GZIP)
        return bytes;
    const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
    return new Uint8Array(await new Response(inflated).arrayBuffer());
}
