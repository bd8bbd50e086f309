/* mnist.js as a page uses it that was written for the document's: examples/mnist is compiled by the README's own line, the
 * script is run as a classic one, and Module is called as such pages do. scripts/test-full runs this; emcc is a big install. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import vm from 'node:vm';
import { idxImages, native, skip } from './common.mjs';

if (spawnSync('emcc', ['--version']).error)
    skip('no emcc (Debian: emscripten)');

const line = /^emcc (?:.*\\\n)*.*$/m.exec(readFileSync('README.md', 'utf8'))?.[0];
assert.ok(line, 'README.md has no line of emcc');
for (const suffix of ['js', 'wasm', 'data'])
    rmSync(`examples/mnist/web/mnist.${suffix}`, { force: true });
const compiled = spawnSync('sh', ['-c', line], { cwd: 'examples/mnist', encoding: 'utf8',
    env: { NODE_PATH: '/usr/share/nodejs', ...process.env } });
assert.equal(compiled.status, 0, compiled.stderr);

const SIZE = 28 * 28;
const images = idxImages('samples/digits-images-idx3-ubyte');
const { results } = native('predict', '--json', '--count', '50', 'models/digits.gguf', 'samples/digits-images-idx3-ubyte');
/* What a <script src="mnist.js"> finds. Emscripten 3.1.6 mistakes the fetch of Node 18 for a browser's. */
delete globalThis.fetch;
globalThis.require = createRequire(resolve('examples/mnist/web/mnist.js'));
globalThis.__dirname = resolve('examples/mnist/web');
process.chdir(globalThis.__dirname); // mnist.data is looked for beside the page
vm.runInThisContext(readFileSync('mnist.js', 'utf8'), 'mnist.js');
const { Module } = globalThis;
await new Promise((done) => {
    Module['onRuntimeInitialized'] = done; // set behind the script, as the page does
});

for (const { index, digit } of results) {
    const buffer = Module._malloc(SIZE);
    assert.ok(buffer);
    Module.HEAPU8.set(Array.from(images[index]), buffer); // a page's digit is an Array
    assert.equal(Module.ccall('wasm_eval', null, ['number'], [buffer]), digit);
    Module._free(buffer);
}

const known = new Set(images.map((image) => Buffer.from(image).toString('hex')));
const seen = new Set();
for (let i = 0; i < 40; i++) {
    const buffer = Module._malloc(SIZE);
    assert.equal(Module.ccall('wasm_random_digit', null, ['number'], [buffer]), 1);
    const digit = new Uint8Array(Module.HEAPU8.buffer, buffer, SIZE);
    const hex = Buffer.from(digit).toString('hex');
    assert.ok(known.has(hex), 'a random digit is one of the samples');
    seen.add(hex);
    Module._free(buffer);
}
assert.ok(seen.size > 5, 'they differ');
console.log(`${results.length} digits as the native library reads them, ${seen.size} random ones`);
process.exit(0);
