// The sample digits: the hard ones as a gallery, and a random one of all.

import { download } from './download.js';
import { inked, sample } from './picture.js';

const HARD = 'hard';     // 24 of them, 4 KB: there from the first visit
const ALL = 'digits';    // 500, 83 KB: loaded when first wanted
const NOTE = 'samples/number.png';

/** An IDX file of bytes: `{ dim, bytes }`. */
function idx(file, path) {
    const view = new DataView(file.buffer);
    const rank = file[3];
    const header = 4 + 4 * rank;
    if (file.length < header || view.getUint16(0) !== 0 || file[2] !== 8)
        throw new Error(`${path}: no IDX file of bytes`);
    const dim = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
    const bytes = file.subarray(header);
    const wanted = dim.reduce((a, b) => a * b, 1);
    if (bytes.length !== wanted)
        throw new Error(`${path}: found ${bytes.length} bytes, wanted ${wanted}`);
    return { dim, bytes };
}

const loaded = new Map();

/** The images and labels of a pair of files, `{ count, size, at(i) }`; loaded once. */
function digits(name) {
    if (!loaded.has(name)) {
        const loading = load(name);
        loaded.set(name, loading);
        loading.catch(() => loaded.delete(name)); // the next click tries again
    }
    return loaded.get(name);
}

async function load(name) {
    const paths = [`samples/${name}-images-idx3-ubyte.gz`, `samples/${name}-labels-idx1-ubyte.gz`];
    const [images, labels] = (await Promise.all(paths.map(download))).map((file, i) => idx(file, paths[i]));
    const [count, size] = images.dim;
    return {
        count, size,
        at: (i) => sample(images.bytes.slice(i * size * size, (i + 1) * size * size), size,
            `number ${i} of samples/${name}-images-idx3-ubyte`, String(labels.bytes[i])),
    };
}

/** One of the 500. */
export async function randomDigit() {
    const all = await digits(ALL);
    const index = Math.floor(Math.random() * all.count);
    return { ...all.at(index), index };
}

/** Brings the 500 to this device. */
export const fetchSamples = () => digits(ALL);

/** Fills the gallery with buttons: choose(picture), or chooseFile(blob, name) for the note. */
export async function gallery(list, choose, chooseFile) {
    const hard = await digits(HARD);
    const pictures = Array.from({ length: hard.count }, (_, i) => hard.at(i));
    const buttons = pictures.map((picture, i) => {
        const button = document.createElement('button');
        button.type = 'button';
        button.className = 'tile';
        button.setAttribute('aria-label', `Hard digit ${i + 1} of ${hard.count}, a ${picture.label}`);
        const canvas = document.createElement('canvas');
        canvas.width = canvas.height = hard.size;
        button.append(canvas);
        button.addEventListener('click', () => choose(picture));
        return { button, canvas, picture };
    });
    const note = document.createElement('button');
    note.type = 'button';
    note.className = 'tile wide';
    note.textContent = 'A note: 31415 92653';
    note.addEventListener('click', async () =>
        chooseFile(async () => new File([await download(NOTE)], 'number.png', { type: 'image/png' })));
    list.replaceChildren(...buttons.map(({ button }) => button), note);

    /** Again in the colours of now. */
    return () => {
        const ink = getComputedStyle(list).color;
        for (const { canvas, picture } of buttons) {
            const context = canvas.getContext('2d');
            context.clearRect(0, 0, canvas.width, canvas.height);
            context.drawImage(inked(picture.pixels, hard.size, hard.size, ink), 0, 0);
        }
    };
}
