/**
 * inkling in a browser and in Node: read handwritten digits with libinkling, compiled to WebAssembly.
 *
 *     import { load } from './inkling.js';
 *     const inkling = await load();
 *     const model = inkling.open(bytes); // a Uint8Array: a model file
 *     model.read(picture).text;          // ImageData: what is written in it
 *
 * @module inkling
 */

/**
 * @typedef {object} Options
 * @property {URL | string | ArrayBuffer | Uint8Array | WebAssembly.Module} [wasm] the module, or where it is;
 *     inkling-simd.wasm or inkling.wasm beside this file
 * @property {boolean} [simd] which of the two; what the engine has
 */

/**
 * @typedef {object} Step a step of what runs
 * @property {string} name @property {string} ops e.g. "conv2d+relu"
 * @property {string} kernel @property {string[]} inputs names of steps; "input" is the picture
 * @property {number[]} shape of its output @property {number} macs multiply-adds @property {number} weightBytes
 */

/**
 * @typedef {object} Info
 * @property {string} name @property {string} architecture @property {string} format @property {string} layout
 * @property {number} channels @property {number} height @property {number} width of a picture
 * @property {number} classes @property {string[]} labels
 * @property {number} parameters @property {number} macs multiply-adds of one picture
 * @property {number} fileBytes @property {number} packedBytes
 * @property {string} cpu "simd128" or "scalar" @property {Step[]} steps
 */

/**
 * @typedef {object} Picture rows from the top; ImageData is one
 * @property {number} width @property {number} height
 * @property {Uint8Array | Uint8ClampedArray} data
 * @property {1 | 3 | 4} [channels] grey; red, green, blue; and alpha, laid over white. What the length says
 */

/**
 * @typedef {object} ReadOptions
 * @property {'find' | 'dark' | 'light'} [polarity] of the ink; found
 * @property {boolean} [single] the whole picture is one digit
 * @property {number} [threshold] digits of a lower probability are unsure; {@link Inkling#threshold}
 */

/**
 * @typedef {object} Digit
 * @property {number} digit the likeliest class @property {string} label its name
 * @property {number} probability @property {boolean} unsure below the threshold, so perhaps no digit at all
 * @property {[number, number, number, number]} box x, y, width, height in the picture
 * @property {number} line from 0, the topmost
 * @property {Float32Array} probabilities of each class
 * @property {Uint8Array} pixels height * width of the model's input: what the network saw
 */

/**
 * @typedef {object} Reading
 * @property {string} text the labels, '?' for an unsure one, lines apart
 * @property {number} lines @property {Digit[]} digits in reading order
 */

/**
 * @typedef {object} Layer what a step gives
 * @property {string} name @property {string} ops
 * @property {number[]} shape channels, height, width; or one number
 * @property {Float32Array} values in the order of the shape
 */

/** What the library refuses. */
export class InklingError extends Error {
    /** @param {number} status as in inkling.h @param {string} statusText @param {string} message one line */
    constructor(status, statusText, message) {
        super(message);
        this.name = 'InklingError';
        this.status = status;
        this.statusText = statusText;
    }
}

const ARGUMENT = 10; // INK_ERR_ARGUMENT
const POLARITIES = ['find', 'dark', 'light']; // as ink_polarity counts them

/** @param {string} message @returns {never} */
function refuse(message) {
    throw new InklingError(ARGUMENT, 'bad argument', message);
}

/** The smallest module with an instruction of SIMD: () -> v128, i32.const 0, i8x16.splat. */
const SIMD_PROBE = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0,
    253, 15, 11]);

/** Whether the engine runs the module with SIMD. @returns {boolean} */
export function hasSimd() {
    return WebAssembly.validate(SIMD_PROBE);
}

/** @param {URL | string} where @returns {Promise<WebAssembly.Module>} */
async function fetchModule(where) {
    const url = new URL(where, import.meta.url);
    if (url.protocol === 'file:') { // Node, whose fetch reads no files
        const { readFile } = await import('node:fs/promises');
        return WebAssembly.compile(await readFile(url));
    }
    const response = await fetch(url);
    if (!response.ok)
        throw new Error(`${url}: ${response.status} ${response.statusText}`);
    // A server that does not know the type gives the same bytes.
    if (WebAssembly.compileStreaming && response.headers.get('Content-Type') === 'application/wasm')
        return WebAssembly.compileStreaming(response);
    return WebAssembly.compile(await response.arrayBuffer());
}

/**
 * Loads the library.
 * @param {Options} [options]
 * @returns {Promise<Inkling>}
 */
export async function load(options = {}) {
    const simd = options.simd ?? hasSimd();
    const wasm = options.wasm ?? new URL(simd ? 'inkling-simd.wasm' : 'inkling.wasm', import.meta.url);
    const isPlace = typeof wasm === 'string' || wasm instanceof URL;
    const module = isPlace ? await fetchModule(wasm)
        : wasm instanceof WebAssembly.Module ? wasm : await WebAssembly.compile(wasm);
    return new Inkling(await WebAssembly.instantiate(module, {}));
}

/** The module's memory: what the two classes below share. */
class Memory {
    /** @param {WebAssembly.Instance} instance */
    constructor(instance) {
        /** @type {any} */
        this.c = instance.exports;
    }

    /** The error that the last call left. */
    error() {
        return new InklingError(this.c.error_status(), this.text(this.c.error_status_text()),
            this.text(this.c.error_text()));
    }

    /** The string at an address. @param {number} at */
    text(at) {
        const bytes = new Uint8Array(this.c.memory.buffer, at);
        return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
    }

    /** The structure that a function gave as JSON. @param {number} at 0: it failed */
    json(at) {
        if (!at)
            throw this.error();
        return JSON.parse(this.text(at));
    }

    /** @param {number} size */
    alloc(size) {
        const at = this.c.alloc(size) >>> 0;
        if (!at)
            throw this.error();
        return at;
    }

    /** Copies bytes into new memory, which the caller frees. @param {ArrayLike<number>} bytes */
    put(bytes) {
        const at = this.alloc(bytes.length);
        new Uint8Array(this.c.memory.buffer, at, bytes.length).set(bytes);
        return at;
    }

    /** A copy of floats. Views would be lost when the memory grows. @param {number} at @param {number} count */
    floats(at, count) {
        return new Float32Array(this.c.memory.buffer, at, count).slice();
    }

    /** @param {number} at @param {number} count */
    bytes(at, count) {
        return new Uint8Array(this.c.memory.buffer, at, count).slice();
    }
}

/** The library, loaded. */
export class Inkling {
    #memory;

    /** @param {WebAssembly.Instance} instance */
    constructor(instance) {
        this.#memory = new Memory(instance);
        const { c } = this.#memory;
        /** The library's version, e.g. "0.1.0". */
        this.version = this.#memory.text(c.version());
        /** Whether this is the module with SIMD. */
        this.simd = this.#memory.text(c.cpu()) === 'simd128';
        /** A digit of a lower probability is called unsure. @type {number} */
        this.threshold = Number(c.threshold().toPrecision(6)); // a float32
    }

    /**
     * Opens a model file of any kind that libinkling opens. The bytes are copied.
     * @param {Uint8Array} bytes
     * @param {string} [name] names it in errors
     * @returns {Model}
     * @throws {InklingError}
     */
    open(bytes, name = 'model') {
        if (!(bytes instanceof Uint8Array))
            refuse('open: the model file must be a Uint8Array');
        const memory = this.#memory;
        const nameAt = memory.put(new TextEncoder().encode(`${name}\0`));
        try {
            const handle = memory.c.open(memory.put(bytes), bytes.length, nameAt);
            if (!handle)
                throw memory.error();
            return new Model(memory, handle);
        } finally {
            memory.c.free(nameAt);
        }
    }

    /** Bytes of WebAssembly memory so far; it never shrinks. @returns {number} */
    get memoryBytes() {
        return this.#memory.c.memory.buffer.byteLength;
    }
}

/** A model that was opened. Close it: no collector knows of its memory. */
export class Model {
    #memory;
    #handle;
    #pictureBytes;

    /** @param {Memory} memory @param {number} handle */
    constructor(memory, handle) {
        this.#memory = memory;
        this.#handle = handle;
        /** @type {Info} */
        this.info = memory.json(memory.c.info(handle));
        this.#pictureBytes = this.info.channels * this.info.height * this.info.width;
    }

    #open() {
        if (!this.#handle)
            refuse('the model is closed');
        return this.#memory;
    }

    /**
     * What the pictures show.
     * @param {Uint8Array | Uint8ClampedArray} pixels [n, channels, height, width] bytes, 0 = paper, 255 = ink
     * @returns {Float32Array} [n, classes] probabilities
     */
    predict(pixels) {
        const memory = this.#open();
        const images = pixels.length / this.#pictureBytes;
        if (!Number.isInteger(images))
            refuse(`predict: found ${pixels.length} pixels, wanted a multiple of ${this.#pictureBytes}`);
        const from = memory.put(pixels);
        let to = 0;
        try {
            to = memory.alloc(images * this.info.classes * 4);
            if (memory.c.predict(this.#handle, from, images, to))
                throw memory.error();
            return memory.floats(to, images * this.info.classes);
        } finally {
            memory.c.free(from);
            memory.c.free(to);
        }
    }

    /**
     * Finds what is written in a picture and reads each digit of it.
     * @param {Picture | ImageData} picture
     * @param {ReadOptions} [options]
     * @returns {Reading}
     */
    read(picture, options = {}) {
        const memory = this.#open();
        const { width, height, data } = picture;
        const channels = /** @type {any} */ (picture).channels ?? data.length / (width * height);
        const polarity = POLARITIES.indexOf(options.polarity ?? 'find');
        if (!(width > 0 && height > 0 && [1, 3, 4].includes(channels) && data.length === width * height * channels))
            refuse(`read: found ${width} x ${height} pixels of ${channels} channels in ${data.length} bytes, ` +
                'wanted 1, 3 or 4 channels and a byte for each');
        if (polarity < 0)
            refuse(`read: found polarity '${options.polarity}', wanted ${POLARITIES.join(', ')}`);
        const at = memory.put(data);
        try {
            const reading = memory.json(memory.c.read(this.#handle, at, width, height, channels, polarity,
                options.single ? 1 : 0, options.threshold ?? 0));
            for (const digit of reading.digits) {
                digit.probabilities = memory.floats(digit.probabilities, this.info.classes);
                digit.pixels = memory.bytes(digit.pixels, this.#pictureBytes);
                digit.probability = digit.probabilities[digit.digit];
            }
            return reading;
        } finally {
            memory.c.free(at);
        }
    }

    /**
     * Runs one picture and shows what each step of the network makes of it.
     * @param {Uint8Array | Uint8ClampedArray} pixels [channels, height, width]
     * @returns {Layer[]} one for each of `info.steps`
     */
    layers(pixels) {
        const memory = this.#open();
        if (pixels.length !== this.#pictureBytes)
            refuse(`layers: found ${pixels.length} pixels, wanted ${this.#pictureBytes}`);
        const at = memory.put(pixels);
        try {
            const layers = memory.json(memory.c.layers(this.#handle, at));
            for (const layer of layers)
                layer.values = memory.floats(layer.values,
                    layer.shape.reduce((/** @type {number} */ a, /** @type {number} */ b) => a * b, 1));
            return layers;
        } finally {
            memory.c.free(at);
        }
    }

    /** Gives its memory back. A closed model may be closed again. */
    close() {
        if (this.#handle)
            this.#memory.c.close(this.#handle);
        this.#handle = 0;
    }
}
