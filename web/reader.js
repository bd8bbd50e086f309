// The page's side of worker.js: calls that give promises.
//
// Reading takes a few milliseconds a digit, so it is done beside the page's own thread, and drawing never waits.

/** An answer that has been overtaken by a newer call. */
export const STALE = Symbol('stale');

export class Reader {
    #worker = new Worker(new URL('worker.js', import.meta.url), { type: 'module' });
    #calls = new Map();
    #count = 0;

    constructor() {
        this.#worker.onmessage = ({ data: { id, value, error } }) => {
            const call = this.#calls.get(id);
            this.#calls.delete(id);
            if (error)
                call.reject(Object.assign(new Error(error.message), error));
            else
                call.resolve(value);
        };
        this.#worker.onerror = (event) => {
            const error = new Error(event.message || 'the worker cannot be started');
            for (const call of this.#calls.values())
                call.reject(error);
            this.#calls.clear();
        };
    }

    /** Calls a function of worker.js. `transfer` lists buffers that are given away. */
    call(name, argument, transfer = []) {
        return new Promise((resolve, reject) => {
            const id = this.#count++;
            this.#calls.set(id, { resolve, reject });
            this.#worker.postMessage({ id, name, argument }, transfer);
        });
    }
}

/** Calls of which the newest counts. One is made at a time; of those that come meanwhile the newest waits, and those
 *  before it are STALE: so no answer is older than one reading, however fast one draws. */
export class Newest {
    #reader;
    #running = false;
    #next = null;
    #age = 0;

    constructor(reader) {
        this.#reader = reader;
    }

    call(name, argument) {
        return new Promise((resolve, reject) => {
            this.#next?.resolve(STALE);
            this.#next = { name, argument, resolve, reject };
            this.#pump();
        });
    }

    /** No answer to what was asked until now is wanted any more. */
    forget() {
        this.#next?.resolve(STALE);
        this.#next = null;
        this.#age++;
    }

    async #pump() {
        if (this.#running || !this.#next)
            return;
        const { name, argument, resolve, reject } = this.#next;
        const age = this.#age;
        this.#next = null;
        this.#running = true;
        try {
            const value = await this.#reader.call(name, argument);
            resolve(age === this.#age ? value : STALE);
        } catch (error) {
            reject(error);
        }
        this.#running = false;
        this.#pump();
    }
}
