// The library runs here, beside the page's own thread. A message names a function of `functions`, see reader.js.

import { download } from './download.js';
import { hasSimd, load } from './inkling.js';

// Compressed by us: then it is small whatever the server does.
const loading = download(hasSimd() ? 'inkling-simd.wasm.gz' : 'inkling.wasm.gz').then((wasm) => load({ wasm }));
let model = null;

/** The model's own picture [channels, height, width] of one that is drawn or chosen: red, green and blue. */
function scaledPlanes(picture, { height, width }) {
    const whole = new OffscreenCanvas(picture.width, picture.height);
    whole.getContext('2d').putImageData(new ImageData(picture.data, picture.width, picture.height), 0, 0);
    const small = new OffscreenCanvas(width, height);
    const context = small.getContext('2d');
    context.fillStyle = '#fff';
    context.fillRect(0, 0, width, height);
    context.imageSmoothingQuality = 'high';
    context.drawImage(whole, 0, 0, width, height);
    const { data } = context.getImageData(0, 0, width, height);
    const planes = new Uint8Array(3 * height * width);
    for (let i = 0; i < height * width; i++)
        for (let channel = 0; channel < 3; channel++)
            planes[channel * height * width + i] = data[4 * i + channel];
    return planes;
}

/** A reading as the library gives them, of a picture that is the model's own already. */
async function readingOf(pixels, box) {
    const { threshold } = await loading;
    const probabilities = model.predict(pixels);
    let digit = 0;
    for (let i = 1; i < probabilities.length; i++)
        if (probabilities[i] > probabilities[digit])
            digit = i;
    const label = model.info.labels[digit], probability = probabilities[digit], unsure = probability < threshold;
    return {
        text: unsure ? '?' : label, lines: 1,
        digits: [{ digit, label, probability, unsure, box, line: 0, probabilities, pixels }],
    };
}

const functions = {
    async library() {
        const inkling = await loading;
        return { version: inkling.version, simd: inkling.simd };
    },

    /** Opens a model in place of the one before, which stays if this fails. */
    async open({ bytes, name }) {
        const inkling = await loading;
        const opened = inkling.open(bytes, name);
        if (opened.info.channels !== 1 && opened.info.channels !== 3) {
            const { channels } = opened.info;
            opened.close();
            throw new Error(`${name}: its pictures have ${channels} channels; this page can show it grey or colour ` +
                'pictures, of 1 or 3');
        }
        model?.close();
        model = opened;
        return model.info;
    },

    /** What is written in a picture: `{ width, height, data, single, polarity }`, RGBA. */
    async read(picture) {
        const begin = performance.now();
        let reading;
        if (model.info.channels === 1)
            reading = model.read(picture, { single: picture.single, polarity: picture.polarity });
        else
            reading = await readingOf(scaledPlanes(picture, model.info), [0, 0, picture.width, picture.height]);
        return { ...reading, milliseconds: performance.now() - begin };
    },

    /** A picture that is prepared already, as MNIST's are, goes to the network as it is. */
    async predict(pixels) {
        const begin = performance.now();
        return { ...await readingOf(pixels, null), milliseconds: performance.now() - begin };
    },

    async layers(pixels) {
        return model.layers(pixels);
    },

    /** Microseconds of one picture. A browser's clock is coarse, so a run is at least 10 ms, and the best of five
     *  counts: what is above it, others did. */
    async time(pixels) {
        const clock = (times) => {
            const begin = performance.now();
            for (let i = 0; i < times; i++)
                model.predict(pixels);
            return performance.now() - begin;
        };
        let times = 1;
        while (clock(times) < 10)
            times *= 2;
        let best = Infinity;
        for (let run = 0; run < 5; run++)
            best = Math.min(best, clock(times));
        return best / times * 1000;
    },
};

self.onmessage = async ({ data: { id, name, argument } }) => {
    try {
        self.postMessage({ id, value: await functions[name](argument) });
    } catch ({ name, message, status, statusText }) {
        self.postMessage({ id, error: { name, message, status, statusText } });
    }
};
