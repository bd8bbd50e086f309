// The probabilities as bars: of ten classes, or of the ten likeliest where a model has more.

const ROWS = 10;

/** Nothing is certain: what rounds to 100.0 % is over 99.9 %. */
export const percent = (probability) => (probability >= 0.9995 ? '> 99.9 %' : `${(100 * probability).toFixed(1)} %`);

export class Bars {
    #list;
    #labels = [];
    #rows = [];

    /** An <ol>. */
    constructor(list) {
        this.#list = list;
    }

    /** What the classes are called. */
    set labels(labels) {
        this.#labels = labels;
        this.#rows = labels.slice(0, ROWS).map(() => {
            const row = document.createElement('li');
            const [name, track, value] = ['name', 'track', 'value'].map((part) => {
                const element = document.createElement('span');
                element.className = part;
                return element;
            });
            track.setAttribute('aria-hidden', 'true');
            const fill = track.appendChild(document.createElement('span'));
            row.append(name, track, value);
            return { row, name, fill, value };
        });
        this.#list.replaceChildren(...this.#rows.map(({ row }) => row));
        this.show(null);
    }

    /** Probabilities [classes], or null: nothing was read. */
    show(probabilities) {
        let order = this.#labels.map((_, i) => i);
        if (probabilities && order.length > ROWS)
            order.sort((a, b) => probabilities[b] - probabilities[a]);
        order = order.slice(0, ROWS);
        const best = probabilities ? Math.max(...probabilities) : -1;
        this.#rows.forEach(({ row, name, fill, value }, i) => {
            const probability = probabilities?.[order[i]] ?? 0;
            name.textContent = this.#labels[order[i]];
            fill.style.transform = `scaleX(${probability})`;
            value.textContent = probabilities ? percent(probability) : '';
            row.dataset.probability = probabilities ? probability : '';
            row.classList.toggle('best', probability === best);
        });
    }
}
