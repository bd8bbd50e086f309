// What each step of the network makes of the picture: a canvas a step, a tile a channel.

const GAP = 1;          // between tiles, in values
const ROW_VALUES = 256; // about so many values in a row, and half as many where there is little room
const LITTLE_ROOM = 500; // CSS pixels
const SCALE = 4;        // CSS pixels a value, at most
const NUMBER_SCALE = 8; // and of one that is alone

/** The three colours of a theme as numbers: of zero, of the largest value, and of the smallest below zero. */
function colours(element) {
    const style = getComputedStyle(element);
    const context = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
    return ['--zero', '--above', '--below'].map((name) => {
        context.fillStyle = style.getPropertyValue(name);
        context.fillRect(0, 0, 1, 1);
        return context.getImageData(0, 0, 1, 1).data;
    });
}

/** A step's values as [tiles, height, width]. A row of numbers is one tile each. */
function tiled(shape) {
    if (shape.length === 3)
        return { tiles: shape[0], height: shape[1], width: shape[2] };
    return { tiles: shape.reduce((a, b) => a * b, 1), height: 1, width: 1 };
}

export class Layers {
    #list;
    #figures = [];
    #palette;

    constructor(list) {
        this.#list = list;
    }

    /** Whether anyone can see it: it is computed for nobody else. */
    static watch(details, list, changed) {
        let isNear = false;
        const observer = new IntersectionObserver(([entry]) => {
            isNear = entry.isIntersecting;
            changed();
        }, { rootMargin: '100px' });
        observer.observe(list);
        details.addEventListener('toggle', changed);
        return () => details.open && isNear;
    }

    /** The theme has changed. */
    recolour() {
        this.#palette = null;
    }

    clear() {
        this.#figures = [];
        this.#list.replaceChildren();
    }

    /** Layers as the model's layers() gives them. */
    show(layers) {
        if (this.#figures.length !== layers.length)
            this.#build(layers);
        this.#palette ??= colours(this.#list);
        layers.forEach((layer, i) => this.#paint(this.#figures[i], layer));
    }

    #build(layers) {
        this.#figures = layers.map(({ name, ops, shape }) => {
            const figure = document.createElement('figure');
            const caption = document.createElement('figcaption');
            const strong = document.createElement('strong');
            strong.textContent = name;
            caption.append(strong, ` ${ops} → ${shape.join(' × ')}`);
            const canvas = document.createElement('canvas');
            canvas.setAttribute('role', 'img');
            canvas.setAttribute('aria-label', `The output of ${name}, ${ops}: ${shape.join(' by ')} values`);
            figure.append(caption, canvas);
            return { figure, canvas };
        });
        this.#list.replaceChildren(...this.#figures.map(({ figure }) => figure));
    }

    #paint({ canvas }, { shape, values }) {
        const { tiles, height, width } = tiled(shape);
        const rowValues = this.#list.clientWidth < LITTLE_ROOM ? ROW_VALUES / 2 : ROW_VALUES;
        const scale = width === 1 ? NUMBER_SCALE : SCALE;
        // Networks have 32, 64 or 128 channels: a power of two in a row leaves no gap at the end.
        const most = 2 ** Math.floor(Math.log2(Math.max(1, rowValues * SCALE / scale / (width + GAP))));
        const columns = Math.min(tiles, most);
        const rows = Math.ceil(tiles / columns);
        const image = new ImageData(columns * (width + GAP) - GAP, rows * (height + GAP) - GAP);
        let largest = 0;
        for (const value of values)
            largest = Math.max(largest, Math.abs(value));
        const [zero, above, below] = this.#palette;
        for (let tile = 0; tile < tiles; tile++) {
            const left = tile % columns * (width + GAP);
            const top = Math.floor(tile / columns) * (height + GAP);
            for (let y = 0; y < height; y++) {
                for (let x = 0; x < width; x++) {
                    const value = values[(tile * height + y) * width + x];
                    const part = largest > 0 ? Math.abs(value) / largest : 0;
                    const to = value < 0 ? below : above;
                    const at = 4 * ((top + y) * image.width + left + x);
                    for (let channel = 0; channel < 3; channel++)
                        image.data[at + channel] = zero[channel] + part * (to[channel] - zero[channel]);
                    image.data[at + 3] = 255;
                }
            }
        }
        if (canvas.width !== image.width || canvas.height !== image.height) {
            canvas.width = image.width;
            canvas.height = image.height;
            canvas.style.maxWidth = `${image.width * scale}px`;
        }
        canvas.getContext('2d').putImageData(image, 0, 0);
    }
}
