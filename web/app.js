// The page: what is on the pad is read at every stroke, and the result is shown.

import { gallery, fetchSamples, randomDigit } from './gallery.js';
import { Layers } from './layers.js';
import { Models, firstModel } from './models.js';
import { offline } from './offline.js';
import { DRAWING, Pad } from './pad.js';
import { imageOf, pictureFrom } from './picture.js';
import { Newest, Reader, STALE } from './reader.js';
import { Result } from './result.js';
import { themes } from './theme.js';

const root = document.documentElement;
const element = (id) => document.getElementById(id);
const reader = new Reader();
const readings = new Newest(reader);
const layersOf = new Newest(reader);
const first = firstModel();
let info = null; // of the model that is open
let library = null;

// ---- what is shown -------------------------------------------------------------------------------

const layers = new Layers(element('layers'));
const canSeeLayers = Layers.watch(element('inside'), element('layers'), () => showLayers());
const result = new Result(() => showLayers());
const pad = new Pad(element('pad'), {
    change: () => {
        element('undo').disabled = !pad.canUndo;
        element('clear').disabled = pad.isEmpty;
        element('hint').hidden = !pad.isEmpty;
        readSoon();
    },
    tap: (x, y) => result.selectAt(x, y),
    pen: (text) => result.speak(text),
});

/** Says what went wrong; an empty text takes it away. */
function complain(text, id = 'error') {
    element(id).textContent = text;
    element(id).hidden = !text;
}

/** The feature maps of the digit that is looked at, if anyone sees them. */
async function showLayers() {
    if (!canSeeLayers())
        return;
    const { digit } = result;
    if (!digit) {
        layers.clear();
        return;
    }
    try {
        const values = await layersOf.call('layers', digit.pixels);
        if (values !== STALE && result.digit)
            layers.show(values);
    } catch (error) {
        complain(error.message);
    }
}

// ---- reading -------------------------------------------------------------------------------------

let frame = 0;
let asking = null; // the picture that was asked about last

/** Reads what is on the pad at the next frame: once, however many points came. */
function readSoon() {
    frame ||= requestAnimationFrame(() => {
        frame = 0;
        readNow();
    });
}

async function readNow() {
    if (!info)
        return; // it is read when the model has come
    if (pad.isEmpty) {
        readings.forget();
        result.show(null);
        element('timing').textContent = ready();
        complain('');
        return;
    }
    const { picture } = pad;
    // To part half a digit takes long, and is of no use. So until the pen is lifted what hangs together is one digit.
    const isOne = element('single').checked || Boolean(picture?.pixels) || pad.isDrawing;
    if (pad.isDrawing && !element('single').checked && !pad.hangsTogether)
        return;
    if (picture !== asking) // what is on its way is of another sheet
        readings.forget();
    asking = picture;
    complain(''); // now, for once it is read there may be another complaint, of a file that was dropped meanwhile
    try {
        const reading = await asked(picture, isOne);
        if (reading === STALE)
            return;
        result.show(reading, picture ?? DRAWING);
        const what = picture ? `${picture.name}${picture.label ? `, labelled ${picture.label}` : ''}: read` : 'Read';
        element('timing').textContent = `${what} in ${reading.milliseconds.toFixed(1)} ms on this device`;
    } catch (error) {
        complain(error.message);
    }
}

/** The reading of a drawing, of a picture, or of a sample, which has the network's own size if the model reads such. */
function asked(picture, single) {
    const isOwn = picture?.pixels && info.channels === 1 &&
        info.width === picture.width && info.height === picture.height;
    if (isOwn)
        return readings.call('predict', picture.pixels);
    const image = picture?.pixels ? imageOf(picture.pixels, picture.width) : picture?.data ?? pad.drawing();
    return readings.call('read', {
        width: image.width, height: image.height, data: image.data,
        single,
        polarity: picture?.pixels ? 'light' : picture ? 'find' : 'dark',
    });
}

const ready = () => (library.simd ? 'Ready' : 'Ready, without SIMD: this browser has none');

// ---- models --------------------------------------------------------------------------------------

const models = new Models(element('models'), async (row, content) => {
    complain('', 'model-error');
    try {
        await openModel(row, await content());
        return true;
    } catch (error) {
        complain(error.message, 'model-error');
        return false;
    }
});

async function openModel(row, bytes) {
    // The bytes are copied, not given away: a model of one's own may be chosen again.
    info = await reader.call('open', { bytes, name: row.name });
    readings.forget();
    layersOf.forget();
    result.model = info;
    result.show(null);
    layers.clear();
    models.opened(row, info);
    readNow();
    whenIdle(async () => {
        const time = await reader.call('time', new Uint8Array(info.channels * info.height * info.width));
        models.timed(row, time);
    });
}

/** Does what can wait; Safari does not say when it is idle. */
function whenIdle(work) {
    if (window.requestIdleCallback)
        requestIdleCallback(() => work(), { timeout: 2000 });
    else
        setTimeout(work, 200);
}

// ---- buttons, keys, files ------------------------------------------------------------------------

element('undo').addEventListener('click', () => pad.undo());
element('clear').addEventListener('click', () => pad.clear());
element('single').addEventListener('change', readSoon);
element('brush').addEventListener('input', ({ target }) => { pad.brush = BRUSH_UNIT * target.value; });
const BRUSH_UNIT = 4.8; // a hundredth of the pad
pad.brush = BRUSH_UNIT * element('brush').value;

async function showRandom() {
    try {
        pad.show(await randomDigit());
    } catch (error) {
        complain(error.message);
    }
}
element('random').addEventListener('click', showRandom);

document.addEventListener('keydown', (event) => {
    const control = event.ctrlKey || event.metaKey;
    if (control && !event.shiftKey && event.key.toLowerCase() === 'z')
        pad.undo();
    else if (control && (event.key === 'Delete' || event.key === 'Backspace'))
        pad.clear();
    else if (event.target === element('pad') && !control && !event.altKey && event.key.toLowerCase() === 'r')
        showRandom();
    else
        return;
    event.preventDefault();
});

/** A file that was dropped, pasted or chosen: a picture, or else a model. */
async function take(file) {
    if (!file)
        return;
    try {
        if (file.type.startsWith('image/')) {
            pad.show(await pictureFrom(file));
        } else {
            await models.add(file);
            element('models').scrollIntoView({ block: 'nearest' });
        }
    } catch (error) {
        complain(error.message);
    }
}

for (const [button, input] of [['choose', 'file'], ['open-model', 'model-file']]) {
    element(button).addEventListener('click', () => element(input).click());
    element(input).addEventListener('change', ({ target }) => {
        const [file] = target.files;
        target.value = ''; // the same file may be chosen again
        take(file);
    });
}
document.addEventListener('paste', ({ clipboardData }) => take(clipboardData.files[0]));
document.addEventListener('dragover', (event) => {
    event.preventDefault();
    root.classList.add('dropping');
});
document.addEventListener('dragleave', ({ relatedTarget }) => {
    if (!relatedTarget)
        root.classList.remove('dropping');
});
document.addEventListener('drop', (event) => {
    event.preventDefault();
    root.classList.remove('dropping');
    take(event.dataTransfer.files[0]);
});

// ---- start ---------------------------------------------------------------------------------------

/** The library alone: where the first model cannot be had, another may. */
async function loadLibrary() {
    library = await reader.call('library');
    element('version').textContent = `inkling ${library.version}, ${library.simd ? 'with' : 'without'} SIMD`;
}

let paintGallery = () => {};
themes(element('theme'), () => {
    pad.paint();
    result.repaint();
    paintGallery();
    layers.recolour();
    showLayers();
});
element('undo').disabled = element('clear').disabled = true;

try {
    const [bytes] = await Promise.all([first.bytes, loadLibrary()]);
    await openModel(first.row, bytes);
    root.dataset.ready = 'yes';
    performance.mark('inkling-ready');
} catch (error) {
    complain(`The page cannot start: ${error.message}`);
    element('timing').textContent = '';
}

gallery(element('gallery'), (picture) => pad.show(picture), async (file) => {
    try {
        await take(await file());
    } catch (error) {
        complain(error.message);
    }
}).then((paint) => {
    paintGallery = paint;
    paint();
}).catch((error) => complain(error.message));

// The first visit has loaded what is needed; a later one brings the samples too.
const isLater = Boolean(navigator.serviceWorker?.controller);
whenIdle(() => offline(() => {
    element('offline').textContent = ', works offline';
    root.dataset.offline = 'yes';
    if (isLater && navigator.onLine)
        fetchSamples().catch(() => {}); // the button will say so
}, (apply) => {
    element('update').hidden = false;
    element('reload').addEventListener('click', apply);
}).catch((error) => {
    element('offline').textContent = `, not kept for offline use: ${error.message}`;
}));
