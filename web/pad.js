// The drawing pad: pen, finger, mouse and keyboard make strokes, and pictures are laid on it.
//
// A sheet is strokes, or one picture; each change makes a new sheet, so undoing is taking the one before. Lengths are
// in units of the sheet, 480 x 360, however large it is on the screen, and what is read is drawn anew, black on white:
// so the answer does not depend on the screen, nor on the theme.

export const WIDTH = 480;
export const HEIGHT = 360;
export const DRAWING = { width: 320, height: 240 }; // what is read: larger takes longer and is not read better

const PEN_STEP = 12;       // of the arrow keys
const FINE_STEP = 4;       // with shift
const UNDO_LIMIT = 200;
const TAP = { milliseconds: 250, distance: 5 }; // shorter than this is a tap
const EMPTY = Object.freeze({ strokes: [], picture: null });

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Where a picture lies on the sheet: whole, in the middle. */
export function placed(picture) {
    const scale = Math.min(WIDTH / picture.width, HEIGHT / picture.height);
    return { x: (WIDTH - scale * picture.width) / 2, y: (HEIGHT - scale * picture.height) / 2, scale };
}

/** Draws strokes: from each point to the next a line as wide as the pen was pressed, with round ends. */
function drawStrokes(context, strokes, colour) {
    context.lineCap = 'round';
    context.lineJoin = 'round';
    context.strokeStyle = colour;
    for (const points of strokes) {
        points.forEach((point, i) => {
            const from = points[i - 1] ?? point;
            context.lineWidth = point.width;
            context.beginPath();
            context.moveTo(from.x, from.y);
            context.lineTo(point.x, point.y + (from === point ? 0.01 : 0)); // a dot is a line too
            context.stroke();
        });
    }
}

export class Pad {
    brush = 29; // the width of the pen

    #canvas;
    #events;
    #sheet = EMPTY;
    #past = [];
    #stroke = null;  // that is being drawn: the last of the sheet's
    #pointer = null; // which draws it
    #begin = null;   // where and when it came down
    #pen = { x: WIDTH / 2, y: HEIGHT / 4, down: false, shown: false };
    #arrows = new Set(); // that are held
    #frame = 0;
    #paper = new OffscreenCanvas(DRAWING.width, DRAWING.height).getContext('2d', { willReadFrequently: true });

    /** `events`: change(), tap(x, y) for a tap that leaves no ink if it returns true, pen(text) to be spoken. */
    constructor(canvas, events) {
        this.#canvas = canvas;
        this.#events = events;
        canvas.addEventListener('pointerdown', (event) => this.#down(event));
        canvas.addEventListener('pointermove', (event) => this.#move(event));
        canvas.addEventListener('pointerup', (event) => this.#up(event));
        canvas.addEventListener('pointercancel', (event) => this.#up(event));
        canvas.addEventListener('keydown', (event) => this.#key(event));
        canvas.addEventListener('keyup', (event) => this.#arrows.delete(event.key));
        canvas.addEventListener('focus', () => this.#showPen(canvas.matches(':focus-visible')));
        canvas.addEventListener('blur', () => this.#leave());
        new ResizeObserver(() => this.#resize()).observe(canvas);
    }

    get isEmpty() {
        return !this.#sheet.picture && this.#sheet.strokes.length === 0;
    }

    get canUndo() {
        return this.#past.length > 0;
    }

    /** The picture on the sheet, as show() was given it; null where there are strokes. */
    get picture() {
        return this.#sheet.picture;
    }

    /** Whether a stroke is being drawn. */
    get isDrawing() {
        return this.#stroke !== null;
    }

    /** Whether no blank column parts the strokes: then they may be one digit. */
    get hangsTogether() {
        const spans = this.#sheet.strokes.map((points) => [
            Math.min(...points.map(({ x, width }) => x - width / 2)),
            Math.max(...points.map(({ x, width }) => x + width / 2)),
        ]).sort((a, b) => a[0] - b[0]);
        let end = spans[0]?.[1];
        return spans.every(([from, to]) => {
            const touches = from <= end;
            end = Math.max(end, to);
            return touches;
        });
    }

    /** What was drawn, black on white: ImageData of the size DRAWING. */
    drawing() {
        const { width, height } = DRAWING;
        this.#paper.setTransform(width / WIDTH, 0, 0, height / HEIGHT, 0, 0);
        this.#paper.fillStyle = '#fff';
        this.#paper.fillRect(0, 0, WIDTH, HEIGHT);
        drawStrokes(this.#paper, this.#sheet.strokes, '#000');
        return this.#paper.getImageData(0, 0, width, height);
    }

    /** Lays a picture on a new sheet: `{ width, height, paint(context, ink) }`, painted in its own size, and whatever
     *  else the caller wants to find in `picture`. */
    show(picture) {
        this.#turn({ strokes: [], picture });
    }

    clear() {
        if (!this.isEmpty)
            this.#turn(EMPTY);
    }

    undo() {
        if (!this.canUndo)
            return;
        this.#end();
        this.#sheet = this.#past.pop();
        this.#changed();
    }

    /** Paints at the next frame. */
    paint() {
        this.#frame ||= requestAnimationFrame(() => {
            this.#frame = 0;
            this.#paintNow();
        });
    }

    /** Takes a new sheet. */
    #turn(sheet) {
        this.#end();
        this.#past.push(this.#sheet);
        if (this.#past.length > UNDO_LIMIT)
            this.#past.shift();
        this.#sheet = sheet;
        this.#changed();
    }

    #changed() {
        this.paint();
        this.#events.change();
    }

    /** Puts the pen down: a new stroke, on a new sheet where a picture lay. */
    #start(point) {
        const strokes = this.#sheet.picture ? [] : this.#sheet.strokes;
        const stroke = [point];
        const pointer = this.#pointer;
        this.#turn({ strokes: [...strokes, stroke], picture: null });
        this.#stroke = stroke;
        this.#pointer = pointer;
    }

    #end() {
        this.#stroke = null;
        this.#pointer = null;
        this.#pen.down = false;
    }

    /** Lifts the pen: what was drawn may now be read with care. */
    #finish() {
        const wasDrawing = this.isDrawing;
        this.#end();
        if (wasDrawing)
            this.#changed();
    }

    #down(event) {
        if (event.button !== 0 || this.#pointer !== null) // a second finger, or a palm
            return;
        this.#end();
        this.#showPen(false);
        this.#pointer = event.pointerId;
        this.#begin = { point: this.#point(event), x: event.clientX, y: event.clientY, time: event.timeStamp };
        this.#canvas.setPointerCapture(event.pointerId);
    }

    /** Is it a tap, as yet? Then there is no stroke. */
    #isTap(event) {
        return !this.#stroke && event.timeStamp - this.#begin.time < TAP.milliseconds &&
            Math.hypot(event.clientX - this.#begin.x, event.clientY - this.#begin.y) < TAP.distance;
    }

    #move(event) {
        if (event.pointerId !== this.#pointer || this.#isTap(event))
            return;
        if (!this.#stroke)
            this.#start(this.#begin.point);
        // What came between two frames is as good as what came last. Browsers without it have the one.
        const events = event.getCoalescedEvents?.() ?? [];
        for (const each of events.length > 0 ? events : [event])
            this.#stroke.push(this.#point(each));
        this.#changed();
    }

    #up(event) {
        if (event.pointerId !== this.#pointer)
            return;
        const { point } = this.#begin;
        if (!this.#stroke && event.type === 'pointerup' && !(this.#isTap(event) && this.#events.tap(point.x, point.y)))
            this.#start(point); // a dot
        this.#finish();
    }

    /** A pointer's place on the sheet. A pen that is pressed harder is wider; others say 0.5, or 0. */
    #point(event) {
        const frame = this.#canvas.getBoundingClientRect();
        const pressed = event.pointerType === 'pen' && event.pressure > 0 ? 0.5 + event.pressure : 1;
        return {
            x: (event.clientX - frame.left) / frame.width * WIDTH,
            y: (event.clientY - frame.top) / frame.height * HEIGHT,
            width: this.brush * pressed,
        };
    }

    #showPen(shown) {
        this.#pen.shown = shown;
        this.paint();
    }

    #leave() {
        this.#arrows.clear();
        if (this.#pointer === null)
            this.#finish();
        this.#showPen(false);
    }

    #key(event) {
        const pen = this.#pen;
        if (event.ctrlKey || event.metaKey || event.altKey)
            return;
        if (event.key === ' ' || event.key === 'Enter') {
            event.preventDefault();
            pen.shown = true;
            if (pen.down) {
                this.#finish();
            } else {
                this.#start({ x: pen.x, y: pen.y, width: this.brush });
                pen.down = true;
            }
            this.#say();
        } else if (event.key in ARROWS) {
            event.preventDefault(); // else the page scrolls
            this.#arrows.add(event.key);
            const step = event.shiftKey ? FINE_STEP : PEN_STEP;
            for (const arrow of this.#arrows) { // two of them: aslant
                pen.x = Math.min(Math.max(pen.x + step * ARROWS[arrow][0], 0), WIDTH);
                pen.y = Math.min(Math.max(pen.y + step * ARROWS[arrow][1], 0), HEIGHT);
            }
            pen.shown = true;
            if (pen.down) {
                this.#stroke.push({ x: pen.x, y: pen.y, width: this.brush });
                this.#changed();
            }
            this.#say();
        }
        this.paint();
    }

    #say() {
        const percent = (value, of) => Math.round(value / of * 100);
        const { x, y, down } = this.#pen;
        this.#events.pen(`Pen ${down ? 'down' : 'up'}, ${percent(x, WIDTH)} percent from the left, ` +
            `${percent(y, HEIGHT)} percent from the top`);
    }

    #resize() {
        const ratio = devicePixelRatio || 1;
        this.#canvas.width = Math.round(this.#canvas.clientWidth * ratio);
        this.#canvas.height = Math.round(this.#canvas.clientHeight * ratio);
        this.#paintNow();
    }

    #paintNow() {
        const canvas = this.#canvas;
        const context = canvas.getContext('2d');
        const style = getComputedStyle(canvas);
        const ink = style.color;
        context.setTransform(canvas.width / WIDTH, 0, 0, canvas.height / HEIGHT, 0, 0);
        context.clearRect(0, 0, WIDTH, HEIGHT);
        const { picture, strokes } = this.#sheet;
        if (picture) {
            const { x, y, scale } = placed(picture);
            context.save();
            context.translate(x, y);
            context.scale(scale, scale);
            picture.paint(context, ink);
            context.restore();
        }
        drawStrokes(context, strokes, ink);
        if (this.#pen.shown)
            this.#paintPen(context, style.accentColor);
    }

    #paintPen(context, colour) {
        const { x, y, down } = this.#pen;
        context.strokeStyle = colour;
        context.lineWidth = 2;
        context.beginPath();
        context.arc(x, y, this.brush / 2 + 3, 0, 2 * Math.PI);
        context.moveTo(x - 6, y);
        context.lineTo(x + 6, y);
        context.moveTo(x, y - 6);
        context.lineTo(x, y + 6);
        context.stroke();
        if (down) {
            context.globalAlpha = 0.3;
            context.fillStyle = colour;
            context.fill();
            context.globalAlpha = 1;
        }
    }
}
