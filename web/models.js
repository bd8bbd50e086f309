// The choice of a model: those that the page comes with, and one of one's own.

import { download } from './download.js';

/** `bytes` are the model's with f16 weights, before it is compressed; `right` is the share of MNIST's test digits.
 *  docs/web.md says how it is measured. */
const MODELS = [
    { name: 'digits', about: 'the best: six convolutions', bytes: 582784, right: 0.9968 },
    { name: 'cnn', about: 'small: two convolutions', bytes: 73408, right: 0.9947 },
    { name: 'fc', about: 'fast: two dense layers', bytes: 797728, right: 0.9931 },
];

const fileOf = ({ name }) => `models/${name}.gguf.split.gz`;
const kilobytes = (bytes) => `${Math.round(bytes / 1000).toLocaleString('en')} KB`;
const microseconds = (time) => (time < 10 ? time.toFixed(1) : Math.round(time).toLocaleString('en'));

/** The default model's bytes: asked for at once, while the library starts. */
export const firstModel = () => ({ row: MODELS[0], bytes: download(fileOf(MODELS[0])) });

export class Models {
    #list;
    #open;
    #rows = [...MODELS];
    #current = null;

    /** A radio group; open(row, bytes) opens a model and throws an error that is shown. */
    constructor(list, open) {
        this.#list = list;
        this.#open = open;
        list.addEventListener('change', ({ target }) => this.#choose(this.#rows[target.value]));
        this.#show();
    }

    /** The model that is open: shows it as chosen. */
    opened(row, info) {
        this.#current = row;
        row.bytes = info.fileBytes;
        row.about ??= [info.architecture, `${info.channels} x ${info.height} x ${info.width}`,
            `${info.parameters.toLocaleString('en')} weights`].filter(Boolean).join(', ');
        this.#show();
    }

    /** How long it takes for one digit on this device. */
    timed(row, time) {
        row.time = time;
        this.#show();
    }

    /** Opens a file that somebody chose or dropped; it joins the list if it is a model. */
    async add(file) {
        const row = { name: file.name, own: true, content: new Uint8Array(await file.arrayBuffer()) };
        if (await this.#choose(row)) // in place of one of that name
            this.#rows = [...this.#rows.filter(({ name, own }) => !own || name !== row.name), row];
        this.#show();
    }

    async #choose(row) {
        this.#list.setAttribute('aria-busy', 'true');
        const isOpen = await this.#open(row, async () => row.content ?? download(fileOf(row)));
        this.#list.removeAttribute('aria-busy');
        this.#show(); // the one before stays chosen where it failed
        return isOpen;
    }

    #show() {
        const focused = this.#list.contains(document.activeElement) ? document.activeElement.value : null;
        this.#list.replaceChildren(...this.#rows.map((row, i) => {
            const label = document.createElement('label');
            label.className = 'model';
            const input = document.createElement('input');
            Object.assign(input, { type: 'radio', name: 'model', value: i, checked: row === this.#current });
            const parts = [
                ['name', row.name],
                ['about', row.about ?? ''],
                ['figure', row.bytes ? kilobytes(row.bytes) : ''],
                ['figure', row.right ? `${(100 * row.right).toFixed(2)} % right` : 'accuracy unknown'],
                ['figure', row.time ? `${microseconds(row.time)} µs a digit here` : 'not measured yet'],
            ].map(([className, textContent]) =>
                Object.assign(document.createElement('span'), { className, textContent }));
            label.append(input, ...parts);
            return label;
        }));
        if (focused !== null)
            this.#list.querySelector(`input[value="${focused}"]`)?.focus();
    }
}
