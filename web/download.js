// The page's own files.

const GZIP = 0x1f8b;

/** The bytes of the even places, then those of the odd ones, put back in turns. */
function joined(split) {
    const bytes = new Uint8Array(split.length), even = (split.length + 1) >> 1;
    for (let i = 0; i < split.length; i++)
        bytes[i] = split[(i >> 1) + (i & 1 ? even : 0)];
    return bytes;
}

/** Downloads one. Those that end in .gz are inflated, unless the server or the browser has done that on the way; of
 *  .split.gz the bytes are put back in order: f16 weights are smaller so, for their upper bytes are like each other. */
export async function download(path) {
    const bytes = await downloadInflated(path);
    return path.endsWith('.split.gz') ? joined(bytes) : bytes;
}

async function downloadInflated(path) {
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
