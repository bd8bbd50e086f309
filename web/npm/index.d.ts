/** Where the module is, or the module; by default inkling-simd.wasm or inkling.wasm beside inkling.js. */
export interface Options {
    wasm?: URL | string | ArrayBuffer | Uint8Array | WebAssembly.Module;
    /** Which of the two; by default what the engine has. */
    simd?: boolean;
}

/** A step of what runs. */
export interface Step {
    name: string;
    /** E.g. "conv2d+relu". */
    ops: string;
    kernel: string;
    /** Names of steps; "input" is the picture. */
    inputs: string[];
    /** Of its output. */
    shape: number[];
    macs: number;
    weightBytes: number;
}

export interface Info {
    name: string;
    architecture: string;
    format: string;
    layout: string;
    /** Of a picture. */
    channels: number;
    height: number;
    width: number;
    classes: number;
    labels: string[];
    parameters: number;
    /** Multiply-adds of one picture. */
    macs: number;
    fileBytes: number;
    packedBytes: number;
    cpu: 'simd128' | 'scalar';
    steps: Step[];
}

/** Rows from the top; ImageData is one. */
export interface Picture {
    width: number;
    height: number;
    data: Uint8Array | Uint8ClampedArray;
    /** Grey; red, green, blue; and alpha, laid over white. By default what the length says. */
    channels?: 1 | 3 | 4;
}

export interface ReadOptions {
    /** Of the ink; by default found. */
    polarity?: 'find' | 'dark' | 'light';
    /** The whole picture is one digit. */
    single?: boolean;
    /** Digits of a lower probability are unsure; by default Inkling.threshold. */
    threshold?: number;
}

export interface Digit {
    /** The likeliest class, and its name. */
    digit: number;
    label: string;
    probability: number;
    /** Below the threshold, so perhaps no digit at all. */
    unsure: boolean;
    /** x, y, width, height in the picture. */
    box: [number, number, number, number];
    /** From 0, the topmost. */
    line: number;
    probabilities: Float32Array;
    /** [height, width] of the model's input: what the network saw. */
    pixels: Uint8Array;
}

export interface Reading {
    /** The labels, '?' for an unsure one, lines apart. */
    text: string;
    lines: number;
    /** In reading order. */
    digits: Digit[];
}

/** What a step gives. */
export interface Layer {
    name: string;
    ops: string;
    /** Channels, height, width; or one number. */
    shape: number[];
    /** In the order of the shape. */
    values: Float32Array;
}

/** What the library refuses. */
export class InklingError extends Error {
    constructor(status: number, statusText: string, message: string);
    /** As in inkling.h, e.g. 31 for a file that is no model. */
    readonly status: number;
    readonly statusText: string;
}

/** A model that was opened. Close it: no collector knows of its memory. */
export interface Model {
    readonly info: Info;
    /** [n, channels, height, width] bytes, 0 = paper, 255 = ink, to [n, classes] probabilities. */
    predict(pixels: Uint8Array | Uint8ClampedArray): Float32Array;
    /** Finds what is written in a picture and reads each digit of it. */
    read(picture: Picture, options?: ReadOptions): Reading;
    /** Runs one picture and shows what each step of the network makes of it. */
    layers(pixels: Uint8Array | Uint8ClampedArray): Layer[];
    close(): void;
}

/** The library, loaded. */
export interface Inkling {
    readonly version: string;
    /** Whether it is the module with SIMD. */
    readonly simd: boolean;
    /** A digit of a lower probability is called unsure. */
    readonly threshold: number;
    /** Bytes of WebAssembly memory so far. */
    readonly memoryBytes: number;
    /** Opens a model file of any kind that libinkling opens; `name` names it in errors. */
    open(bytes: Uint8Array, name?: string): Model;
}

/** Whether the engine runs the module with SIMD. */
export function hasSimd(): boolean;
export function load(options?: Options): Promise<Inkling>;
