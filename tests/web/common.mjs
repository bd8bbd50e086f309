/* What the tests of web/ in Node share. They skip with 77 where what they test is not built. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { inflateSync } from 'node:zlib';

export const BUILDS = ['simd', 'plain'];

/** @param {string} why */
export function skip(why) {
    console.log(`skipped: ${why}`);
    process.exit(77);
}

/** @param {string} path */
export const bytesOf = (path) => new Uint8Array(readFileSync(path));

/** The library as built, { simd, plain }: an object of each, fresh. */
export async function loadAll() {
    for (const file of ['web/inkling-simd.wasm', 'web/inkling.wasm'])
        if (!existsSync(file))
            skip(`no ${file} (scripts/build-web makes it)`);
    const { load } = await import('../../web/inkling.js');
    return { simd: await load({ simd: true }), plain: await load({ simd: false }) };
}

/** What the native program prints as JSON. @param {string[]} args */
export function native(...args) {
    const program = `${process.env.INKLING_BIN ?? 'build/bin'}/inkling`;
    if (!existsSync(program))
        skip(`no ${program}`);
    const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
    if (/ built without /.test(stderr)) // it has no JSON, or no PNG
        skip(stderr.trim());
    if (status !== 0)
        throw new Error(`${program} ${args.join(' ')}: ${status}, ${stderr.trim()}`);
    return JSON.parse(stdout);
}

/** Images [count][784] of an IDX file. @param {string} path */
export function idxImages(path) {
    const bytes = bytesOf(path), view = new DataView(bytes.buffer, bytes.byteOffset);
    const count = view.getUint32(4), size = view.getUint32(8) * view.getUint32(12);
    return Array.from({ length: count }, (_, i) => bytes.subarray(16 + i * size, 16 + (i + 1) * size));
}

/** A PNG of 8 bits a channel, not interlaced, as { width, height, channels, data }. @param {string} path */
export function readPng(path) {
    const bytes = bytesOf(path), view = new DataView(bytes.buffer, bytes.byteOffset);
    let width = 0, height = 0, channels = 0;
    const parts = [];
    for (let at = 8; at < bytes.length;) {
        const length = view.getUint32(at), type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
        if (type === 'IHDR') {
            [width, height] = [view.getUint32(at + 8), view.getUint32(at + 12)];
            channels = { 0: 1, 2: 3, 4: 2, 6: 4 }[bytes[at + 17]];
            if (bytes[at + 16] !== 8 || !channels || bytes[at + 20])
                throw new Error(`${path}: not a PNG of 8 bits without palette and interlacing`);
        } else if (type === 'IDAT')
            parts.push(bytes.subarray(at + 8, at + 8 + length));
        at += length + 12;
    }
    const raw = inflateSync(Buffer.concat(parts)), row = width * channels, data = new Uint8Array(row * height);
    for (let y = 0; y < height; y++)
        for (let x = 0; x < row; x++) {
            const left = x < channels ? 0 : data[y * row + x - channels], up = y ? data[(y - 1) * row + x] : 0;
            const corner = x < channels || !y ? 0 : data[(y - 1) * row + x - channels];
            const guess = left + up - corner;
            const [a, b, c] = [left, up, corner].map((v) => Math.abs(guess - v));
            const paeth = a <= b && a <= c ? left : b <= c ? up : corner;
            data[y * row + x] = raw[y * (row + 1) + 1 + x] + [0, left, up, (left + up) >> 1, paeth][raw[y * (row + 1)]];
        }
    return { width, height, channels, data };
}
