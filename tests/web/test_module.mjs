/* The module for WebAssembly and web/inkling.js, in Node: both builds give what the native library gives, refuse what it
 * refuses, give back what they take, and are as small as promised. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import test from 'node:test';
import { InklingError, hasSimd, load } from '../../web/inkling.js';
import { BUILDS, bytesOf, idxImages, loadAll, native, readPng } from './common.mjs';

const built = await loadAll();
const DIGITS = 'samples/digits-images-idx3-ubyte';
const images = idxImages(DIGITS);
const together = Uint8Array.from(Buffer.concat(images));

/** A prepared picture turned about its middle, as src/vision/prepare.c does it. */
function turned(pixels, sine, cosine = 0.995) {
    const at = (x, y) => (x >= 0 && x < 28 && y >= 0 && y < 28 ? pixels[28 * y + x] : 0);
    return Uint8Array.from(pixels, (_, i) => {
        const right = (i % 28) - 13.5, down = Math.floor(i / 28) - 13.5;
        const u = cosine * right - sine * down + 13.5, v = sine * right + cosine * down + 13.5;
        const x = Math.floor(u), y = Math.floor(v), a = u - x, b = v - y;
        const above = (1 - a) * at(x, y) + a * at(x + 1, y), below = (1 - a) * at(x, y + 1) + a * at(x + 1, y + 1);
        return (1 - b) * above + b * below + 0.5;
    });
}

for (const build of BUILDS) {
    const inkling = built[build];

    test(`${build}: what is loaded`, () => {
        assert.equal(inkling.simd, build === 'simd');
        assert.equal(inkling.version, /INK_VERSION "([^"]+)"/.exec(readFileSync('include/inkling.h', 'utf8'))[1]);
        assert.equal(inkling.threshold, Number(/INK_READ_THRESHOLD ([0-9.]+)f/.exec(readFileSync('include/inkling.h', 'utf8'))[1]));
    });

    for (const name of ['digits', 'cnn', 'fc'])
        test(`${build}: ${name} predicts what the native library predicts`, () => {
            const model = inkling.open(bytesOf(`models/${name}.gguf`));
            const { results } = native('predict', '--json', '--count', String(images.length), `models/${name}.gguf`, DIGITS);
            const found = model.predict(together);
            assert.equal(results.length, images.length);
            assert.equal(found.length, images.length * model.info.classes);
            for (const { index, probabilities } of results)
                probabilities.forEach((p, i) => {
                    const ours = found[index * 10 + i];
                    assert.ok(Math.abs(ours - p) <= 1e-4, `image ${index}, class ${i}: ${ours}, wanted ${p}`);
                });
            assert.deepEqual(model.predict(images[3]), found.slice(30, 40)); // whatever is beside it
            model.close();
        });

    test(`${build}: facts of a model`, () => {
        const model = inkling.open(bytesOf('models/digits.gguf'));
        const { name, channels, height, width, classes, labels, parameters, macs, fileBytes, cpu, steps } = model.info;
        assert.deepEqual({ name, channels, height, width, classes, cpu },
            { name: 'digits', channels: 1, height: 28, width: 28, classes: 10, cpu: build === 'simd' ? 'simd128' : 'scalar' });
        assert.deepEqual(labels, [...'0123456789']);
        assert.equal(fileBytes, bytesOf('models/digits.gguf').length);
        assert.ok(parameters > 1e5 && macs > parameters);
        assert.equal(steps.reduce((sum, step) => sum + step.macs, 0), macs);
        assert.ok(steps.every((step) => step.kernel && step.ops && step.inputs.length > 0));
        model.close();
    });

    test(`${build}: layers end in what predict gives`, () => {
        const model = inkling.open(bytesOf('models/cnn.gguf'));
        const layers = model.layers(images[0]);
        assert.deepEqual(layers.map(({ name, shape }) => [name, shape]), model.info.steps.map(({ name, shape }) => [name, shape]));
        for (const { shape, values } of layers)
            assert.equal(values.length, shape.reduce((a, b) => a * b, 1));
        assert.deepEqual(layers.at(-1).values, model.predict(images[0]));
        model.close();
    });

    test(`${build}: a number is read as by the program`, () => {
        const picture = readPng('samples/number.png');
        const model = inkling.open(bytesOf('models/digits.gguf'));
        const wanted = native('read', '--json', '--model', 'models/digits.gguf', 'samples/number.png').images[0];
        const found = model.read(picture);
        assert.equal(found.text, wanted.text);
        assert.equal(found.digits.length, wanted.digits.length);
        assert.equal(found.lines, wanted.text.split('\n').length);
        found.digits.forEach((digit, i) => {
            const { box, line, unsure, probability } = wanted.digits[i];
            assert.deepEqual([digit.digit, digit.box, digit.line, digit.unsure], [wanted.digits[i].digit, box, line, unsure]);
            assert.ok(Math.abs(digit.probability - probability) <= 1e-4);
            assert.equal(digit.probability, Math.max(...digit.probabilities));
            assert.equal(digit.pixels.length, 784);
            // What the network saw is what gave the answer: as it is, and turned by six degrees each way.
            const looks = [digit.pixels, turned(digit.pixels, 0.1), turned(digit.pixels, -0.1)].map((p) => model.predict(p));
            const means = digit.probabilities.map((_, c) => Math.cbrt(looks.reduce((all, look) => all * (look[c] + 1e-12), 1)));
            const sum = means.reduce((all, mean) => all + mean);
            // A pixel may be rounded the other way, and 1e-12 counts as nothing.
            means.forEach((mean, c) => {
                const p = digit.probabilities[c];
                assert.ok(Math.abs(mean / sum - p) < 0.02 * p + 1e-11, `digit ${i}, class ${c}: ${mean / sum}, ${p}`);
            });
        });
        const strict = model.read(picture, { threshold: 1 });
        assert.deepEqual(strict.digits.map(({ unsure }) => unsure), found.digits.map(({ probability }) => probability < 1));
        assert.ok(strict.text.includes('?'));
        model.close();
    });

    test(`${build}: pictures of 1, 3 and 4 channels, and transparent paper`, () => {
        const png = readPng('samples/number.png');
        const pixels = png.width * png.height;
        const model = inkling.open(bytesOf('models/digits.gguf'));
        const grey = Uint8Array.from({ length: pixels }, (_, i) => png.data[i * png.channels]);
        const { text } = model.read({ width: png.width, height: png.height, data: grey });
        const rgb = new Uint8Array(pixels * 3), rgba = new Uint8ClampedArray(pixels * 4), ink = new Uint8ClampedArray(pixels * 4);
        grey.forEach((v, i) => {
            rgb.fill(v, 3 * i, 3 * i + 3);
            rgba.fill(v, 4 * i, 4 * i + 3);
            rgba[4 * i + 3] = 255;
            ink[4 * i + 3] = 255 - v; // black, where it covers
        });
        for (const data of [rgb, rgba, ink])
            assert.equal(model.read({ width: png.width, height: png.height, data }).text, text);
        const negative = grey.map((v) => 255 - v);
        assert.equal(model.read({ width: png.width, height: png.height, data: negative }, { polarity: 'light' }).text, text);
        assert.equal(model.read({ width: 28, height: 28, data: images[0] }, { polarity: 'light', single: true }).text, '7');
        assert.deepEqual(model.read({ width: 100, height: 50, data: new Uint8Array(5000).fill(255) }),
            { text: '', lines: 0, digits: [] });
        model.close();
    });

    test(`${build}: what is refused`, () => {
        const model = inkling.open(bytesOf('models/fc.gguf'));
        const cases = [
            [() => inkling.open(new Uint8Array(0), 'empty.gguf'), 30, /empty\.gguf/],
            [() => inkling.open(new TextEncoder().encode('no model at all'), 'x.gguf'), 31, /x\.gguf/],
            [() => inkling.open(bytesOf('models/fc.gguf').subarray(0, 5000)), 30, /model/],
            [() => inkling.open('models/fc.gguf'), 10, /Uint8Array/],
            [() => model.predict(new Uint8Array(783)), 10, /783/],
            [() => model.layers(new Uint8Array(0)), 10, /wanted 784/],
            [() => model.read({ width: 3, height: 3, data: new Uint8Array(10) }), 10, /10 bytes/],
            [() => model.read({ width: 0, height: 0, data: new Uint8Array(0) }), 10, /0 x 0/],
            [() => model.read({ width: 1, height: 2, channels: 2, data: new Uint8Array(4) }), 10, /channels/],
            [() => model.read({ width: 1, height: 1, data: new Uint8Array(1) }, { polarity: 'blue' }), 10, /blue/],
            [() => model.read({ width: 1, height: 1, data: new Uint8Array(1) }, { threshold: 7 }), 10, /threshold/],
        ];
        for (const [call, status, message] of cases)
            assert.throws(call, (error) => error instanceof InklingError && error.status === status &&
                message.test(error.message) && error.statusText.length > 0 && !error.message.includes('\n'),
                String(call));
        model.close();
        model.close();
        assert.throws(() => model.predict(images[0]), InklingError);
        assert.equal(model.predict.length, 1);
    });

    test(`${build}: the corpus of bad models never stops the module`, () => {
        let refused = 0, opened = 0;
        for (const folder of readdirSync('fuzz/corpus').filter((name) => ['gguf', 'model', 'bin', 'run'].includes(name)))
            for (const file of readdirSync(`fuzz/corpus/${folder}`))
                try {
                    const model = inkling.open(bytesOf(`fuzz/corpus/${folder}/${file}`), file);
                    const { channels, height, width } = model.info;
                    model.predict(new Uint8Array(channels * height * width));
                    model.close();
                    opened++;
                } catch (error) {
                    assert.ok(error instanceof InklingError, `${folder}/${file}: ${error.stack}`);
                    refused++;
                }
        assert.ok(refused > 20 && opened > 0, `${refused} refused, ${opened} opened`);
    });

    test(`${build}: damaged models never stop the module`, () => {
        const whole = bytesOf('models/cnn.gguf');
        let state = 12345;
        const random = (n) => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) % n;
        for (let i = 0; i < 400; i++) {
            const bytes = whole.slice(0, i % 4 ? whole.length : random(whole.length));
            for (let k = 1 + random(4); k > 0; k--) // most of it where the structure is
                if (bytes.length)
                    bytes[random(Math.min(bytes.length, 2500))] = random(256);
            try {
                const model = inkling.open(bytes);
                const { channels, height, width } = model.info;
                if (channels * height * width === 784)
                    model.predict(images[0]);
                model.close();
            } catch (error) {
                assert.ok(error instanceof InklingError, `${i}: ${error.stack}`);
            }
        }
    });

    test(`${build}: no picture stops the module`, () => {
        const model = inkling.open(bytesOf('models/cnn.gguf'));
        let state = 777, marks = 0;
        const random = (n) => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) % n;
        for (let i = 0; i < 150; i++) {
            const width = 1 + random(i % 25 ? 50 : 300), height = 1 + random(i % 25 ? 50 : 150), channels = [1, 3, 4][i % 3];
            const data = new Uint8Array(width * height * channels);
            const few = 1 + random(4), run = 1 + random(40); // noise, and blocks, bars and stripes of it
            for (let at = 0, value = 0; at < data.length; at++) {
                value = at % run ? value : random(few) * 85;
                data[at] = value;
            }
            marks += model.read({ width, height, channels, data }, { polarity: ['find', 'dark', 'light'][i % 3],
                single: i % 5 === 0 }).digits.length;
        }
        assert.ok(marks > 20, `${marks} marks`);
        model.close();
    });

    test(`${build}: too little memory is an error, and the module goes on`, async () => {
        const small = await load({ simd: build === 'simd' });
        const bytes = bytesOf('models/digits.gguf');
        const models = [];
        assert.throws(() => {
            for (;;)
                models.push(small.open(bytes));
        }, (error) => error instanceof InklingError && error.status === 20);
        assert.ok(models.length > 50 && small.memoryBytes <= 1 << 30);
        models.pop().close();
        models.pop().close();
        const model = small.open(bytes);
        assert.equal(model.predict(images[0]).indexOf(Math.max(...model.predict(images[0]))), 7);
        assert.throws(() => model.read({ width: 30000, height: 30000, channels: 1, data: { length: 9e8 } }), InklingError);
    });

    test(`${build}: 10000 rounds take no more memory than a few`, async () => {
        const fresh = await load({ simd: build === 'simd' });
        const bytes = bytesOf('models/cnn.gguf');
        const picture = { width: 56, height: 28, channels: 1, data: new Uint8Array(56 * 28) };
        for (let y = 0; y < 28; y++)
            for (const k of [0, 1])
                picture.data.set(images[k].subarray(28 * y, 28 * y + 28), 56 * y + 28 * k);
        let after = 0;
        for (let i = 0; i < 10000; i++) {
            const model = fresh.open(bytes);
            model.predict(images[i % images.length]);
            if (i % 50 === 0)
                assert.equal(model.read(picture).digits.length, 2);
            if (i % 100 === 0) {
                model.layers(images[0]);
                assert.throws(() => fresh.open(bytes.subarray(0, 3000)), InklingError);
            }
            model.close();
            if (i === 200)
                after = fresh.memoryBytes;
        }
        assert.equal(fresh.memoryBytes, after);
    });
}

test('both builds are under 80 KB in gzip, import nothing, and the right one is chosen', async () => {
    for (const file of ['web/inkling-simd.wasm', 'web/inkling.wasm']) {
        const bytes = readFileSync(file);
        const size = gzipSync(bytes, { level: 9 }).length;
        console.log(`${file}: ${bytes.length} bytes, ${size} in gzip`);
        assert.ok(size < 80000, `${file}: ${size} bytes in gzip`);
        assert.deepEqual(WebAssembly.Module.imports(new WebAssembly.Module(bytes)), []);
    }
    assert.equal((await load()).simd, hasSimd());
    const bytes = readFileSync('web/inkling.wasm');
    for (const wasm of ['inkling.wasm', new URL('../../web/inkling.wasm', import.meta.url), bytes, new WebAssembly.Module(bytes)])
        assert.equal((await load({ wasm })).simd, false);
});

test('a server of any kind will do', async () => {
    const { createServer } = await import('node:http');
    for (const type of ['application/wasm', 'application/octet-stream']) {
        const server = createServer((_, response) => response.writeHead(200, { 'Content-Type': type })
            .end(readFileSync('web/inkling.wasm'))).listen(0, '127.0.0.1');
        await new Promise((done) => server.once('listening', done));
        assert.equal((await load({ wasm: `http://127.0.0.1:${server.address().port}/inkling.wasm` })).simd, false);
        server.closeAllConnections();
        server.close();
    }
});
