/* bench/compare-web's work: in this process, and in Chromium, which gets the same files from a server. */
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { cpus, loadavg } from 'node:os';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { extname, join, normalize, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compare, inklingEngine, onnxEngine, tensorsOf, tfjsEngine } from './engines.mjs';

const PLACE = 'build/compare-web', PACKAGES = `${PLACE}/node_modules`;
const NETWORKS = ['cnn', 'digits'];
const options = { rounds: 40, milliseconds: 40, tolerance: 1e-5 };
let output = '';
for (let i = 2; i < process.argv.length; i++) {
    const word = process.argv[i];
    if (word === '--quick')
        Object.assign(options, { rounds: 3, milliseconds: 5 });
    else if (word === '--rounds')
        options.rounds = Number(process.argv[++i]);
    else if (word === '--output')
        output = process.argv[++i];
    else {
        console.error(`bench/compare-web: found '${word}', wanted --quick, --rounds N or --output FILE.md`);
        process.exit(2);
    }
}

const bytes = (path) => new Uint8Array(readFileSync(path));
const images = bytes('samples/digits-images-idx3-ubyte');
const pictures = Array.from({ length: 50 }, (_, i) => images.slice(16 + 784 * i, 16 + 784 * (i + 1)));

/** What engines.mjs wants to know of a network. */
function facts(name) {
    const { input, nodes } = JSON.parse(readFileSync(`${PLACE}/${name}.json`, 'utf8'));
    return { scale: input.scale, offset: input.offset, softmax: nodes.at(-1).op === 'softmax',
        nodes: nodes.map(({ name: node, op, attributes, output: shape }) => ({ name: node, op, attributes, output: shape })) };
}

async function inNode() {
    const require = createRequire(pathToFileURL(`${resolve(PLACE)}/`));
    const ort = require('onnxruntime-web'), tf = require('@tensorflow/tfjs-core');
    const wasm = require('@tensorflow/tfjs-backend-wasm');
    const { load } = await import('../../../web/inkling.js');
    const results = {};
    for (const name of NETWORKS) {
        const network = { ...facts(name), gguf: bytes(`models/${name}.gguf`), onnx: bytes(`${PLACE}/${name}.onnx`),
            tensors: tensorsOf(bytes(`${PLACE}/${name}.safetensors`)) };
        const engines = { inkling: await inklingEngine({ load }, network), 'onnxruntime-web': await onnxEngine(ort, network),
            'TensorFlow.js': await tfjsEngine(tf, wasm, network) };
        results[name] = { ...await compare(engines, pictures, options),
            versions: Object.fromEntries(Object.entries(engines).map(([engine, { version }]) => [engine, version])) };
    }
    return results;
}

const PAGE = `<!DOCTYPE html><meta charset="utf-8">
<script src="/${PACKAGES}/@tensorflow/tfjs-core/dist/tf-core.min.js"></script>
<script src="/${PACKAGES}/@tensorflow/tfjs-backend-wasm/dist/tf-backend-wasm.min.js"></script>
<script type="module">
import * as ort from '/${PACKAGES}/onnxruntime-web/dist/ort.wasm.min.mjs';
import { load } from '/web/inkling.js';
import { compare, inklingEngine, onnxEngine, tensorsOf, tfjsEngine } from '/bench/comparison/web/engines.mjs';
const bytes = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer());
tf.wasm.setWasmPaths('/${PACKAGES}/@tensorflow/tfjs-backend-wasm/dist/');
window.measure = async (name, facts, pictures, options) => {
    const network = { ...facts, gguf: await bytes('/models/' + name + '.gguf'), onnx: await bytes('/${PLACE}/' + name + '.onnx'),
        tensors: tensorsOf(await bytes('/${PLACE}/' + name + '.safetensors')) };
    const engines = { inkling: await inklingEngine({ load }, network), 'onnxruntime-web': await onnxEngine(ort, network),
        'TensorFlow.js': await tfjsEngine(tf, tf.wasm, network) };
    return compare(engines, pictures.map((p) => Uint8Array.from(p)), options);
};
window.ready = true;
</script>`;

async function inChromium() {
    const program = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path));
    if (!program)
        return 'no chromium (Debian: chromium)';
    const { chromium } = createRequire(pathToFileURL(`${resolve(PLACE)}/`))('playwright-core');
    const types = { '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm' };
    const server = createServer((request, response) => {
        const path = join('.', normalize(decodeURIComponent(new URL(request.url, 'http://here').pathname)));
        if (path === '.' || path === './') {
            response.writeHead(200, { 'Content-Type': 'text/html' }).end(PAGE);
        } else if (existsSync(path)) {
            response.writeHead(200, { 'Content-Type': types[extname(path)] ?? 'application/octet-stream' }).end(readFileSync(path));
        } else
            response.writeHead(404).end();
    }).listen(0, '127.0.0.1');
    await new Promise((done) => server.once('listening', done));
    const browser = await chromium.launch({ executablePath: program, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] });
    try {
        const page = await browser.newPage();
        page.on('pageerror', (error) => console.error(`Chromium: ${error}`));
        await page.goto(`http://127.0.0.1:${server.address().port}/`);
        await page.waitForFunction(() => window.ready, undefined, { timeout: 60000 });
        const results = { version: browser.version() };
        for (const name of NETWORKS)
            results[name] = await page.evaluate(([network, told, shown, how]) => window.measure(network, told, shown, how),
                [name, facts(name), pictures.map((p) => [...p]), options]);
        return results;
    } finally {
        await browser.close();
        server.close();
    }
}

// ---- the table ----

const median = (sorted) => sorted[sorted.length >> 1];

function rows(where, results) {
    return NETWORKS.flatMap((name) => {
        const { times, largest } = results[name];
        return Object.entries(times).map(([engine, t]) => `| ${where} | ${name} | ${engine} | ${median(t).toFixed(1)} | ` +
            `${t[0].toFixed(1)} | ${engine === 'inkling' ? `differs by ${largest.toExponential(1)} at most`
                : `${(median(t) / median(times.inkling)).toFixed(2)} (${(t[0] / times.inkling[0]).toFixed(2)})`} |`);
    });
}

const download = (...files) => files.map((file) => gzipSync(readFileSync(file), { level: 9 }).length).reduce((a, b) => a + b);
const before = loadavg()[0];
const node = await inNode();
const chromium = await inChromium();
const tfjs = `${PACKAGES}/@tensorflow`, ort = `${PACKAGES}/onnxruntime-web/dist`;
const sizes = { inkling: download('web/inkling.js', 'web/inkling-simd.wasm'),
    'onnxruntime-web': download(`${ort}/ort.wasm.min.mjs`, `${ort}/ort-wasm-simd-threaded.mjs`, `${ort}/ort-wasm-simd-threaded.wasm`),
    'TensorFlow.js': download(`${tfjs}/tfjs-core/dist/tf-core.min.js`, `${tfjs}/tfjs-backend-wasm/dist/tf-backend-wasm.min.js`,
        `${tfjs}/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm`) };
const wanted = (results) => Math.min(...['onnxruntime-web', 'TensorFlow.js'].map((engine) => median(results.cnn.times[engine]))) /
    median(results.cnn.times.inkling);
const places = [['Node', node], ...(typeof chromium === 'string' ? [] : [['Chromium', chromium]])];
const text = `# bench/compare-web

${cpus()[0].model}, ${cpus().length} processors, ${new Date().toISOString().slice(0, 10)}, load average ${before.toFixed(2)} before and \
${loadavg()[0].toFixed(2)} after. Node ${process.version}${typeof chromium === 'string' ? `; not in Chromium: ${chromium}`
    : `, Chromium ${chromium.version}`}. One thread, SIMD, ${pictures.length} of the sample digits one at a time, ${options.rounds} \
rounds of about ${options.milliseconds} ms for each engine, in turns. Times are microseconds for one picture, from its bytes to its \
probabilities; in brackets the ratio of the minima.

| engine | version | bytes to download, gzipped |
|---|---|--:|
${Object.entries(node.cnn.versions).map(([engine, version]) => `| ${engine} | ${version} | ${sizes[engine]} |`).join('\n')}

| where | network | engine | median | minimum | times as long as inkling |
|---|---|---|--:|--:|--:|
${places.flatMap(([where, results]) => rows(where, results)).join('\n')}

| wanted | found | holds |
|---|---|---|
${places.map(([where, results]) => `| cnn in ${where}: at least 2.5 times faster than the faster of the two | ${wanted(results).toFixed(2)} | \
${wanted(results) >= 2.5 ? 'yes' : '**no**'} |`).join('\n')}
`;
process.stdout.write(text);
if (output)
    writeFileSync(output, text);
