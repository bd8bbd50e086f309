// What the tests of the page share: a server, a browser, and a hand that draws.

import { spawn, spawnSync } from 'node:child_process';
import { createServer, connect } from 'node:net';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const require = createRequire(join(root, 'build/npm-web/'));
const { chromium } = require('playwright-core');
export const axeSource = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/** A port that nobody has. */
export async function freePort() {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address();
    server.close();
    await once(server, 'close');
    return port;
}

/** Waits until something is true. */
export async function until(what, condition, milliseconds = 10000) {
    const end = Date.now() + milliseconds;
    for (;;) {
        const value = await condition();
        if (value)
            return value;
        if (Date.now() > end)
            throw new Error(`${what}: not within ${milliseconds} ms`);
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
}

const accepts = (port) => new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true); });
    socket.on('error', () => resolve(false));
});

/** Starts a server; `log` gathers what it says. */
async function start(port, command, options) {
    const child = spawn(command, options, { stdio: ['ignore', 'pipe', 'pipe'] });
    const server = { url: `http://127.0.0.1:${port}/`, port, log: '', stop: () => child.kill() };
    for (const stream of [child.stdout, child.stderr])
        stream.on('data', (text) => { server.log += text; });
    await until(`${command} ${options.join(' ')}`, () => accepts(port));
    return server;
}

/** The simplest static server there is: it neither compresses nor says how long a file may be kept. */
export async function staticServer(folder) {
    const port = await freePort();
    return start(port, 'python3', ['-m', 'http.server', String(port), '--bind', '127.0.0.1', '--directory', folder]);
}

/** `inkling serve`, of the folder INKLING_BIN. */
export async function ownServer() {
    const port = await freePort();
    return start(port, join(process.env.INKLING_BIN, 'inkling'),
        ['serve', '--port', String(port), '--web', join(root, 'web'), join(root, 'web/models/digits.gguf')]);
}

/** Passes a server's answers on, and counts their bytes. */
export async function countingProxy(target) {
    const counter = { bytes: 0 };
    const sockets = new Set();
    const proxy = createServer((socket) => {
        const upstream = connect(target.port, '127.0.0.1');
        upstream.on('data', (data) => { counter.bytes += data.length; });
        socket.pipe(upstream);
        upstream.pipe(socket);
        for (const each of [socket, upstream]) {
            sockets.add(each);
            each.on('error', () => { socket.destroy(); upstream.destroy(); });
        }
    }).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    counter.url = `http://127.0.0.1:${proxy.address().port}/`;
    counter.stop = () => {
        proxy.close();
        sockets.forEach((socket) => socket.destroy());
    };
    return counter;
}

export const chromiumPath = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** A browser. Its sandbox cannot be had by root. */
export const browser = () => chromium.launch({
    executablePath: chromiumPath,
    args: process.getuid() === 0 ? ['--no-sandbox'] : [],
});

/** A new visitor on the page; `faults` gathers what must not happen: errors, and requests to other hosts. */
export async function visit(of, url, options = {}) {
    const context = await of.newContext(options);
    const page = await context.newPage();
    const faults = [];
    page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type()))
            faults.push(`${message.type()}: ${message.text()}`);
    });
    page.on('pageerror', (error) => faults.push(`exception: ${error.message}`));
    context.on('request', (request) => {
        const { protocol, origin } = new URL(request.url());
        if (!['blob:', 'data:'].includes(protocol) && origin !== new URL(url).origin)
            faults.push(`another host: ${request.url()}`);
    });
    await page.goto(url);
    await page.waitForSelector('html[data-ready]');
    return { context, page, faults };
}

/** Ten digits as people draw them: strokes of points in a square. */
const around = (x, y, rx, ry, from, to) => Array.from({ length: 25 }, (_, i) => {
    const angle = (from + (to - from) * i / 24) * Math.PI / 180;
    return [x + rx * Math.cos(angle), y + ry * Math.sin(angle)];
});
export const DIGITS = [
    [around(0.5, 0.5, 0.25, 0.38, -90, 270)],
    [[[0.38, 0.25], [0.52, 0.12], [0.52, 0.88]]],
    [[...around(0.5, 0.32, 0.22, 0.2, 190, 390), [0.3, 0.88], [0.76, 0.88]]],
    [[...around(0.46, 0.32, 0.22, 0.19, 205, 440), ...around(0.46, 0.68, 0.25, 0.2, -80, 150)]],
    [[[0.35, 0.12], [0.26, 0.56], [0.76, 0.56]], [[0.64, 0.3], [0.62, 0.9]]],
    [[[0.72, 0.13], [0.36, 0.13], [0.33, 0.45], ...around(0.47, 0.64, 0.25, 0.23, -110, 140)]],
    [[[0.64, 0.1], [0.42, 0.35], ...around(0.5, 0.67, 0.21, 0.21, 180, 540)]],
    [[[0.25, 0.14], [0.74, 0.14], [0.44, 0.88]]],
    [[...around(0.5, 0.31, 0.18, 0.18, 70, -270), ...around(0.5, 0.69, 0.22, 0.2, -90, 270)]],
    [[...around(0.5, 0.33, 0.2, 0.21, 0, -360), [0.69, 0.5], [0.62, 0.9]]],
];

/** Draws strokes with the mouse; the square of a digit goes from `left` and `top`, in shares of the pad. */
export async function draw(page, strokes, { left = 0.2, top = 0.1, width = 0.6, height = 0.8 } = {}) {
    await page.locator('#pad').scrollIntoViewIfNeeded();
    const pad = await page.locator('#pad').boundingBox();
    const at = ([x, y]) => [pad.x + pad.width * (left + x * width), pad.y + pad.height * (top + y * height)];
    for (const [first, ...others] of strokes) {
        await page.mouse.move(...at(first));
        await page.mouse.down();
        for (const point of others)
            await page.mouse.move(...at(point), { steps: 2 });
        await page.mouse.up();
    }
}

/** Waits until the page has read what is wanted, and no other. */
export async function reads(page, text) {
    const reading = () => page.evaluate(() => document.documentElement.dataset.reading);
    await until(`reads ${JSON.stringify(text)}`, async () => (await reading()) === text, 5000).catch(async (error) => {
        throw new Error(`${error.message}, but ${JSON.stringify(await reading())}`);
    });
}

/** The probabilities that the bars show. */
export const shown = (page) => page.locator('#bars li').evaluateAll(
    (rows) => rows.map((row) => Number(row.dataset.probability)));

/** What the native library says of the samples. */
export function native(model, samples, count) {
    const options = ['predict', model, samples, '--count', String(count), '--json'];
    const run = spawnSync(join(process.env.INKLING_BIN, 'inkling'), options, { cwd: root, maxBuffer: 1 << 26 });
    if (run.status !== 0)
        throw new Error(String(run.stderr));
    return JSON.parse(run.stdout).results.map(({ probabilities }) => probabilities);
}
