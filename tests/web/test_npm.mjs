/* The npm package: packed, installed from the tarball into an empty folder without a network, and its README's example run
 * there. Where TypeScript is in build/npm, the types are checked against a program that uses them all. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test from 'node:test';
import { skip } from './common.mjs';

const packed = spawnSync('scripts/build-npm', { encoding: 'utf8' });
if (packed.status === 77)
    skip(packed.stderr.trim());
assert.equal(packed.status, 0, packed.stderr);
const tarball = resolve('build', packed.stdout.trim().split('\n').at(-1));

const place = mkdtempSync(join(tmpdir(), 'inkling-npm-'));
process.on('exit', () => rmSync(place, { recursive: true, force: true }));
writeFileSync(join(place, 'package.json'), '{ "name": "user", "type": "module", "private": true }');
execFileSync('npm', ['install', '--offline', '--no-audit', '--no-fund', '--silent', tarball], { cwd: place });
const installed = join(place, 'node_modules/inkling-digits');

/** The README's ```js block that begins so. @param {string} begin */
function example(begin) {
    const blocks = [...readFileSync('web/npm/README.md', 'utf8').matchAll(/```js\n([^]*?)```/g)].map((match) => match[1]);
    return blocks.find((block) => block.startsWith(begin));
}

test('the package holds what it says, and depends on nothing', () => {
    const { files, dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    assert.deepEqual(readdirSync(installed).sort(), [...files, 'README.md', 'package.json'].sort());
    assert.equal(dependencies, undefined);
    assert.deepEqual(readFileSync(join(installed, 'inkling.js')), readFileSync('web/inkling.js'));
});

test('the README\'s example for Node reads a one', () => {
    const program = example('import { readFile }');
    assert.equal(program.trim().split('\n').length, 5);
    writeFileSync(join(place, 'example.mjs'), program);
    assert.equal(execFileSync('node', ['example.mjs'], { cwd: place, encoding: 'utf8' }), '1\n');
});

test('the README\'s example for browsers, with a canvas and a server that Node plays', async () => {
    const program = example('import { load } from \'/inkling/')
        .replace('/inkling/inkling.js', `${installed}/inkling.js`).replace('fetch(', 'give(');
    const picture = readFileSync('samples/digits-images-idx3-ubyte').subarray(16, 16 + 784);
    const data = Uint8ClampedArray.from({ length: 4 * 784 }, (_, i) => i % 4 === 3 ? 255 : 255 - picture[i >> 2]);
    writeFileSync(join(place, 'browser.mjs'), `
        import { readFileSync } from 'node:fs';
        const give = async () => ({ arrayBuffer: async () => Uint8Array.from(readFileSync('${installed}/digits.gguf')).buffer });
        const canvas = { width: 28, height: 28, getContext: () => ({ getImageData: (x, y, width, height) =>
            ({ width, height, data: Uint8ClampedArray.from(${JSON.stringify([...data])}) }) }) };
        ${program}`);
    assert.match(execFileSync('node', ['browser.mjs'], { cwd: place, encoding: 'utf8' }), /^7 \[ '7: (1|0\.9\d*) at 6,7,14,20' \]$/m);
});

test('the types', (t) => {
    const compiler = 'build/npm/node_modules/typescript/bin/tsc';
    if (!existsSync(compiler))
        return t.skip(`no ${compiler}`);
    writeFileSync(join(place, 'use.ts'), `
        import { load, hasSimd, InklingError, type Digit, type Inkling, type Layer, type Model, type Reading } from 'inkling-digits';
        const inkling: Inkling = await load({ simd: hasSimd() });
        const model: Model = inkling.open(new Uint8Array(3), 'name');
        const p: Float32Array = model.predict(new Uint8ClampedArray(784));
        const reading: Reading = model.read({ width: 1, height: 1, data: new Uint8Array(1), channels: 1 }, { polarity: 'dark' });
        const canvas = document.createElement('canvas').getContext('2d')!.getImageData(0, 0, 1, 1);
        const digits: Digit[] = model.read(canvas).digits;
        const layers: Layer[] = model.layers(new Uint8Array(784));
        const names: string[] = model.info.steps.map((step) => step.kernel);
        const [x] = digits[0].box;
        if (new InklingError(1, 'a', 'b').status > x + p[0] + layers[0].values[0] + inkling.threshold) model.close();
        // @ts-expect-error: no such polarity
        model.read(canvas, { polarity: 'blue' });
        console.log(reading.text, names, inkling.version, inkling.memoryBytes);`);
    const checked = spawnSync('node', [compiler, '--strict', '--noEmit', '--target', 'es2022', '--module', 'nodenext',
        join(place, 'use.ts')], { encoding: 'utf8' });
    assert.equal(checked.status, 0, checked.stdout);
    // And inkling.js itself, whose types are in its comments.
    const own = spawnSync('node', [compiler, '--allowJs', '--checkJs', '--noEmit', '--target', 'es2022', '--module', 'es2022',
        '--moduleResolution', 'bundler', '--skipLibCheck', 'web/inkling.js'], { encoding: 'utf8' });
    assert.doesNotMatch(own.stdout, /^(?!.*node:fs)web\/inkling\.js.*error/m);
});
