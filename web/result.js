// Shows a reading: the text, which of its digits is looked at, its bars, and what the network saw of it.

import { Bars, percent } from './bars.js';
import { inked } from './picture.js';
import { HEIGHT, WIDTH, placed } from './pad.js';

const SPEAK_AFTER = 700; // ms without a stroke: a screen reader is told answers, not each point of a line

const element = (id) => document.getElementById(id);

/** What is said of a digit. */
function judged({ label, probability, unsure, probabilities }, labels) {
    if (!unsure)
        return `${label}, ${percent(probability)} sure`;
    const order = labels.map((_, i) => i).sort((a, b) => probabilities[b] - probabilities[a]);
    const [first, second] = order.map((i) => `${labels[i]} (${percent(probabilities[i])})`);
    return second ? `Unsure: most like ${first}, then ${second}` : `Unsure: most like ${first}`;
}

export class Result {
    reading = null;
    #bars = new Bars(element('bars'));
    #labels = [];
    #chosen = null; // the digit looked at, if somebody chose it; else the last
    #picture = null;
    #size = { width: 28, height: 28 };
    #timer = 0;
    #selected;

    /** selected(digit | null) is called when another digit is looked at. */
    constructor(selected) {
        this.#selected = selected;
    }

    /** The model's classes and the size of its pictures. */
    set model({ labels, height, width, channels }) {
        this.#labels = labels;
        this.#bars.labels = labels;
        this.#size = { width, height, channels };
        const seen = element('seen');
        Object.assign(seen, { width, height });
    }

    /** The digit that is looked at. */
    get digit() {
        const digits = this.reading?.digits ?? [];
        return digits[Math.min(this.#chosen ?? Infinity, digits.length - 1)] ?? null;
    }

    /** A reading of what is on the pad, or null: it is empty. `picture` is where on the pad its boxes are. */
    show(reading, picture) {
        this.reading = reading;
        this.#picture = picture;
        if (!reading || reading.digits.length < 2)
            this.#chosen = null;
        this.#paint();
        document.documentElement.dataset.reading = reading ? reading.text : '';
    }

    /** Looks at the digit at a place on the pad. False: none is there, or it is the only one. */
    selectAt(x, y) {
        const digits = this.reading?.digits ?? [];
        const at = digits.length < 2 ? -1 : digits.findIndex((digit) => {
            const [left, top, width, height] = this.#onPad(digit.box);
            return x >= left && x <= left + width && y >= top && y <= top + height;
        });
        if (at < 0)
            return false;
        this.#select(at);
        return true;
    }

    /** Speaks to a screen reader, when nothing has happened for a moment. */
    speak(text) {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => { element('spoken').textContent = text; }, SPEAK_AFTER);
    }

    /** In the colours of now. */
    repaint() {
        this.#paintSeen();
    }

    #select(index) {
        this.#chosen = index;
        this.#paint();
    }

    /** A box of the picture as x, y, width and height on the pad. */
    #onPad([left, top, width, height]) {
        const { x, y, scale } = placed(this.#picture);
        return [x + scale * left, y + scale * top, scale * width, scale * height];
    }

    #paint() {
        const { reading, digit } = this;
        const state = !reading ? 'empty' : !digit ? 'none' : digit.unsure ? 'unsure' : 'sure';
        const texts = { empty: 'Nothing drawn', none: 'No digit found' };
        const said = texts[state] ?? judged(digit, this.#labels);
        const text = element('text');
        text.textContent = digit ? reading.text : '–';
        text.dataset.state = state;
        text.classList.toggle('long', reading?.text.length > 3);
        element('state').textContent = said;
        element('state').dataset.state = state;
        this.#bars.show(digit?.probabilities ?? null);
        this.#paintSeen();
        this.#paintDigits();
        const many = reading?.digits.length > 1;
        this.speak(many ? `Read: ${reading.text}. Looking at ${said}` : said);
        this.#selected(digit);
    }

    #paintSeen() {
        const canvas = element('seen');
        const context = canvas.getContext('2d');
        const { width, height, channels } = this.#size;
        context.clearRect(0, 0, width, height);
        const { digit } = this;
        canvas.setAttribute('aria-label', `What the network sees, ${width} by ${height} pixels: ` +
            (digit ? `a digit that looks like ${digit.label}` : 'nothing yet'));
        if (!digit)
            return;
        if (channels === 1) {
            context.drawImage(inked(digit.pixels, width, height, getComputedStyle(canvas).color), 0, 0);
            return;
        }
        const image = new ImageData(width, height);
        const plane = width * height;
        for (let i = 0; i < plane; i++)
            image.data.set([digit.pixels[i], digit.pixels[plane + i], digit.pixels[2 * plane + i], 255], 4 * i);
        context.putImageData(image, 0, 0);
    }

    /** A button for each digit, and its box on the pad, where there are several. */
    #paintDigits() {
        const digits = this.reading?.digits ?? [];
        const many = digits.length > 1;
        const chips = element('digits');
        const focused = [...chips.children].indexOf(document.activeElement);
        chips.hidden = !many;
        chips.replaceChildren(...(many ? digits : []).map((digit, i) => {
            const chip = document.createElement('button');
            chip.type = 'button';
            chip.textContent = digit.unsure ? `${digit.label}?` : digit.label;
            chip.className = digit.unsure ? 'chip unsure' : 'chip';
            chip.setAttribute('aria-pressed', String(digit === this.digit));
            chip.setAttribute('aria-label', `Digit ${i + 1} of ${digits.length}: ${judged(digit, this.#labels)}`);
            chip.addEventListener('click', () => this.#select(i));
            return chip;
        }));
        chips.children[focused]?.focus();

        const isWhole = digits.length === 1 && !digits[0].box;
        element('boxes').replaceChildren(...(isWhole ? [] : digits).map((digit) => {
            const box = document.createElement('div');
            box.className = 'box';
            box.classList.toggle('unsure', digit.unsure);
            box.classList.toggle('chosen', many && digit === this.digit);
            const [left, top, width, height] = this.#onPad(digit.box);
            Object.assign(box.style, {
                left: `${left / WIDTH * 100}%`, top: `${top / HEIGHT * 100}%`,
                width: `${width / WIDTH * 100}%`, height: `${height / HEIGHT * 100}%`,
            });
            const tag = document.createElement('span');
            tag.textContent = digit.unsure ? '?' : digit.label;
            box.append(tag);
            return box;
        }));
    }
}
