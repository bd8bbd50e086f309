// The page in a browser: Debian's Chromium, driven by playwright-core. tests/web/run-page installs what this needs.
// INKLING_BIN is the folder of the programs.

import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';

import {
    DIGITS, axeSource, browser, countingProxy, draw, native, ownServer, reads, root, shown, staticServer, until, visit,
} from './page_support.mjs';

const shots = join(root, 'build/web-shots');
const SAMPLES = 'samples/digits-images-idx3-ubyte';
const FIRST_VISIT = 700_000; // bytes, from a server that compresses nothing
const USABLE = 300;                // ms
const sizes = [[360, 740], [768, 1024], [1440, 900]];
let chrome;

before(async () => {
    mkdirSync(shots, { recursive: true });
    chrome = await browser();
});
after(() => chrome?.close());

const file = (path) => join(root, path);

/** Waits until an element says something. */
const says = (page, selector, what) => until(`${selector}: ${what}`,
    async () => what.test(await page.locator(selector).textContent()));

const servers = [['a static server', () => staticServer(join(root, 'web'))]];
if (process.env.INKLING_BIN && existsSync(join(process.env.INKLING_BIN, '../libexec/inkling/inkling-serve')))
    servers.push(['inkling serve', ownServer]);

for (const [name, start] of servers) {
    describe(`from ${name}`, () => {
        let server;
        before(async () => { server = await start(); });
        after(() => server.stop());

        test('ten digits, drawn, are read right at once', async () => {
            const { page, context, faults } = await visit(chrome, server.url);
            for (const [digit, strokes] of DIGITS.entries()) {
                await draw(page, strokes);
                await reads(page, String(digit));
                await page.locator('#clear').click();
                await says(page, '#state', /^Nothing drawn$/);
            }
            assert.deepEqual(faults, []);
            await context.close();
        });

        test('a random digit has the probabilities of the native library', async () => {
            const { page, context, faults } = await visit(chrome, server.url);
            const wanted = native('web/models/digits.gguf', SAMPLES, 500);
            for (let i = 0; i < 5; i++) {
                const before = await page.locator('#timing').textContent();
                await page.locator('#random').click();
                await until('another sample', async () => (await page.locator('#timing').textContent()) !== before);
                const [, number] = /number (\d+) of samples/.exec(await page.locator('#timing').textContent());
                (await shown(page)).forEach((probability, digit) => assert.ok(
                    Math.abs(probability - wanted[number][digit]) <= 1e-4,
                    `sample ${number}, digit ${digit}: found ${probability}, wanted ${wanted[number][digit]}`));
            }
            assert.deepEqual(faults, []);
            await context.close();
        });

        test('works offline after the first visit', async () => {
            const { page, context, faults } = await visit(chrome, server.url);
            await page.waitForSelector('html[data-offline]');
            await context.setOffline(true);
            await page.reload();
            await page.waitForSelector('html[data-ready]');
            await draw(page, DIGITS[3]);
            await reads(page, '3');
            await page.locator('.tile').first().click();
            await says(page, '#timing', /labelled/);
            assert.deepEqual(faults, []);
            await context.close();
        });
    });
}

describe('the page', () => {
    let server;
    before(async () => { server = await staticServer(join(root, 'web')); });
    after(() => server.stop());
    const open = (options) => visit(chrome, server.url, options);

    test('the first visit is small', async (context) => {
        const proxy = await countingProxy(server);
        const from = server.log.length;
        const { page, context: visitor } = await visit(chrome, proxy.url);
        await page.waitForSelector('html[data-offline]'); // the service worker has what it wants
        await visitor.close();
        proxy.stop();
        // What a usual host would send compressed, it is compressed here.
        const served = [...server.log.slice(from).matchAll(/"GET \/(\S*) HTTP[^"]*" 200/g)]
            .map(([, path]) => path || 'index.html');
        const text = served.filter((path) => /\.(html|css|js|svg|webmanifest)$/.test(path));
        const saved = text.reduce((sum, path) => {
            const bytes = readFileSync(join(root, 'web', path));
            return sum + bytes.length - gzipSync(bytes, { level: 6 }).length;
        }, 0);
        const packed = proxy.bytes - saved;
        context.diagnostic(`${served.length} files, ${proxy.bytes} bytes, ${packed} where text is compressed`);
        assert.ok(proxy.bytes <= FIRST_VISIT, `${proxy.bytes} bytes, wanted ${FIRST_VISIT} at most`);
        assert.equal(new Set(served).size, served.length, `nothing twice: ${served}`);
    });

    test('usable soon after it has loaded', async (context) => {
        const waits = [];
        for (let i = 0; i < 5; i++) { // new visitors; the best of them: a test runs beside others
            const { page, context: visitor } = await open();
            const [loaded, usable] = await page.evaluate(() => [
                performance.getEntriesByType('navigation')[0].loadEventEnd,
                performance.getEntriesByName('inkling-ready')[0].startTime]);
            waits.push(Math.round(usable - loaded));
            context.diagnostic(`loaded after ${Math.round(loaded)} ms, usable after ${Math.round(usable)} ms`);
            await visitor.close();
        }
        assert.ok(Math.min(...waits) <= USABLE, `usable ${waits} ms after the load, wanted ${USABLE} at most`);
    });

    test('several digits: each is found, and can be looked at', async () => {
        const { page, context, faults } = await open();
        for (const [i, digit] of [7, 1, 3].entries())
            await draw(page, DIGITS[digit], { left: 0.05 + 0.31 * i, width: 0.28 });
        await reads(page, '713');
        assert.equal(await page.locator('#digits button').count(), 3);
        assert.equal(await page.locator('.box').count(), 3);
        await page.locator('#digits button').first().click();
        assert.match(await page.locator('#state').textContent(), /^7,/);
        const pad = await page.locator('#pad').boundingBox();
        await page.mouse.click(pad.x + 0.19 * pad.width, pad.y + 0.9 * pad.height); // beside all boxes: a dot, perhaps
        await page.locator('#undo').click();
        await reads(page, '713');
        await page.mouse.click(pad.x + 0.5 * pad.width, pad.y + 0.5 * pad.height); // in the 1
        assert.match(await page.locator('#state').textContent(), /^1,/);
        await page.keyboard.press('Control+z');
        await reads(page, '71');
        assert.deepEqual(faults, []);
        await context.close();
    });

    test('scribble is unsure, and says so', async () => {
        const { page, context } = await open();
        await draw(page, [[[0.1, 0.5], [0.5, 0.5], [0.9, 0.5]]]); // a bar
        await reads(page, '?');
        assert.match(await page.locator('#state').textContent(), /^Unsure: most like \d \(/);
        await says(page, '#spoken', /^Unsure/);
        await context.close();
    });

    test('the keyboard draws, undoes, clears and chooses', async () => {
        const { page, context, faults } = await open();
        await page.locator('#pad').focus();
        await page.keyboard.press(' ');
        for (let i = 0; i < 16; i++)
            await page.keyboard.press('ArrowDown');
        await page.keyboard.press(' ');
        await reads(page, '1');
        await page.keyboard.press('Control+z');
        await reads(page, '');
        await page.keyboard.press('r');
        await says(page, '#timing', /samples/);
        await page.keyboard.press('Control+Delete');
        await reads(page, '');
        assert.deepEqual(faults, []);
        await context.close();
    });

    test('a finger draws and does not scroll', async () => {
        const { page, context } = await open({ hasTouch: true, viewport: { width: 360, height: 500 } });
        const client = await context.newCDPSession(page);
        await page.locator('#pad').scrollIntoViewIfNeeded();
        const pad = await page.locator('#pad').boundingBox();
        const scrolled = await page.evaluate(() => scrollY);
        const touch = (type, y) => client.send('Input.dispatchTouchEvent', { type,
            touchPoints: y === null ? [] : [{ x: pad.x + pad.width / 2, y: pad.y + pad.height * y }] });
        await touch('touchStart', 0.9);
        for (let y = 0.9; y > 0.1; y -= 0.05)
            await touch('touchMove', y);
        await touch('touchEnd', null);
        await reads(page, '1');
        assert.equal(await page.evaluate(() => scrollY), scrolled);
        await context.close();
    });

    test('a picture that is chosen, pasted or dropped is read', async () => {
        const { page, context, faults } = await open();
        await page.setInputFiles('#file', file('samples/number.png'));
        await reads(page, '31415\n92653');
        const bytes = readFileSync(file('samples/digit-7.png')).toString('base64');
        await page.evaluate((base64) => {
            const data = new DataTransfer();
            const content = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
            data.items.add(new File([content], '7.png', { type: 'image/png' }));
            document.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data }));
        }, bytes);
        await reads(page, '7');
        await page.evaluate(async () => { // a large photo: dark ink on grey, 4000 x 3000
            const canvas = new OffscreenCanvas(4000, 3000);
            const pen = canvas.getContext('2d');
            pen.fillStyle = '#999';
            pen.fillRect(0, 0, 4000, 3000);
            pen.lineWidth = 150;
            pen.strokeStyle = '#222';
            pen.beginPath();
            pen.moveTo(2000, 600);
            pen.lineTo(2000, 2400);
            pen.stroke();
            const data = new DataTransfer();
            data.items.add(new File([await canvas.convertToBlob()], 'photo.png', { type: 'image/png' }));
            document.dispatchEvent(new DragEvent('drop', { dataTransfer: data }));
        });
        await reads(page, '1');
        const broken = { name: 'broken.png', mimeType: 'image/png', buffer: Buffer.from('no picture') };
        await page.setInputFiles('#file', broken);
        await says(page, '#error', /^broken.png: your browser cannot decode/);
        assert.deepEqual(faults, []);
        await context.close();
    });

    test('models: another one, one of one’s own, and what is none', async () => {
        const { page, context, faults } = await open();
        await draw(page, DIGITS[4]);
        await reads(page, '4');
        for (const [i, name] of ['digits', 'cnn', 'fc'].entries()) {
            await page.locator('.model input').nth(i).check();
            const row = page.locator('.model').nth(i);
            await until(`${name} is timed`, async () => /µs a digit here/.test(await row.textContent()));
            const bytes = readFileSync(join(root, `web/models/${name}.gguf`)).length;
            assert.ok((await row.textContent()).includes(`${Math.round(bytes / 1000)} KB`), 'the table has its size');
            await reads(page, '4');
        }
        await page.setInputFiles('#model-file', file('models/cnn.gguf'));
        await until('a fourth model', async () => (await page.locator('.model').count()) === 4);
        assert.ok(await page.locator('.model input').nth(3).isChecked());
        await reads(page, '4');
        const cut = readFileSync(file('models/cnn.gguf')).subarray(0, 5000);
        await page.setInputFiles('#model-file', { name: 'no.gguf', mimeType: '', buffer: cut });
        await says(page, '#model-error', /^no.gguf: /);
        assert.ok(await page.locator('.model input').nth(3).isChecked(), 'the one before stays');
        await page.locator('#random').click();
        await says(page, '#timing', /samples/);
        assert.deepEqual(faults, []);
        await context.close();
    });

    test('models for other pictures: small, coloured, of many classes; and those that no picture fits', async () => {
        const { page, context, faults } = await open();
        await draw(page, DIGITS[0]);
        await reads(page, '0');
        // name, channels and size as the page says them, and how many bars
        const golden = [['half', '1 x 8 x 8', 10], ['mlp', '1 x 6 x 5', 5], ['functions', '1 x 3 x 5', 10],
            ['mobilenet', '3 x 13 x 11', 6], ['resnet', '3 x 10 x 9', 10], ['line', '1 x 1 x 40', 4]];
        await page.locator('#inside summary').click();
        for (const [name, size, bars] of golden) {
            await page.setInputFiles('#model-file', file(`tests/golden/${name}.gguf`));
            await until(name, async () => (await page.locator('.model:has(:checked)').textContent()).includes(size));
            assert.equal(await page.locator('#bars li').count(), bars);
            await until('bars', async () => Math.max(...await shown(page)) > 0);
            await page.locator('.tile').first().click();
            await says(page, '#timing', /labelled/);
            await page.locator('#undo').click();
            await says(page, '#timing', /^Read in/);
        }
        for (const name of ['inception', 'shuffle']) { // of 2 and of 4 channels
            await page.setInputFiles('#model-file', file(`tests/golden/${name}.gguf`));
            await says(page, '#model-error', new RegExp(`^${name}.gguf: its pictures have [24] channels`));
        }
        assert.ok(await page.locator('#error').isHidden());
        assert.deepEqual(faults, []);
        await context.close();
    });

    test('where the first model cannot be had, another can be chosen', async () => {
        const context = await chrome.newContext({ serviceWorkers: 'block' });
        const page = await context.newPage();
        const exceptions = [];
        page.on('pageerror', ({ message }) => exceptions.push(message));
        await page.route('**/digits.gguf*', (route) => route.abort());
        await page.goto(server.url);
        await says(page, '#error', /^The page cannot start: models\/digits\.gguf\S* cannot be loaded/);
        await page.locator('.model input').nth(1).check();
        await says(page, '#timing', /^Ready/);
        await draw(page, DIGITS[5]);
        await reads(page, '5');
        assert.ok(await page.locator('#error').isHidden());
        // A folder that is dropped looks like a file, and cannot be read.
        await page.evaluate(() => {
            File.prototype.arrayBuffer = async () => { throw new Error('it is a folder'); };
            const data = new DataTransfer();
            data.items.add(new File([], 'folder'));
            document.dispatchEvent(new DragEvent('drop', { dataTransfer: data }));
        });
        await says(page, '#error', /it is a folder/);
        assert.deepEqual(exceptions, []);
        await context.close();
    });

    test('a pen that is pressed harder draws wider', async () => {
        const { page, context } = await open();
        const inked = (force) => page.evaluate(async (pressure) => {
            const pad = document.getElementById('pad');
            const { left, top, width, height } = pad.getBoundingClientRect();
            const send = (type, y) => pad.dispatchEvent(new PointerEvent(type, { pointerType: 'pen', pointerId: 1,
                pressure, button: 0, bubbles: true, clientX: left + width / 2, clientY: top + height * y }));
            pad.setPointerCapture = () => {}; // there is no such pointer
            send('pointerdown', 0.2);
            send('pointermove', 0.8);
            send('pointerup', 0.8);
            await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
            const { data } = pad.getContext('2d').getImageData(0, pad.height / 2, pad.width, 1);
            document.getElementById('clear').click();
            return data.filter((value, i) => i % 4 === 3 && value > 128).length;
        }, force);
        const [light, hard] = [await inked(0.2), await inked(0.9)];
        assert.ok(hard > 1.5 * light, `found ${light} and ${hard} pixels`);
        await context.close();
    });

    test('the layers are shown while they can be seen', async () => {
        const { page, context, faults } = await open();
        await draw(page, DIGITS[2]);
        await reads(page, '2');
        assert.equal(await page.locator('#layers canvas').count(), 0);
        await page.locator('#inside summary').click();
        await page.locator('#layers').scrollIntoViewIfNeeded();
        await until('layers', async () => (await page.locator('#layers canvas').count()) >= 9);
        assert.deepEqual(faults, []);
        await context.close();
    });

    test('a new version is offered, and never mixed with the old', async () => {
        const folder = mkdtempSync(join(tmpdir(), 'inkling-web-'));
        cpSync(join(root, 'web'), folder, { recursive: true });
        const copy = await staticServer(folder);
        const list = () => assert.equal(spawnSync(join(root, 'scripts/web-files'), [folder]).status, 0);
        try {
            const { page, context } = await visit(chrome, copy.url);
            await page.waitForSelector('html[data-offline]');
            const style = readFileSync(join(root, 'web/style.css'));
            const change = (to) => writeFileSync(join(folder, 'style.css'), `${style} :root { --version: ${to} }`);
            const version = () => page.evaluate(
                () => getComputedStyle(document.documentElement).getPropertyValue('--version'));
            // A server in the middle of an update: another list already, and files that are not of it.
            change('1');
            list();
            change('2');
            await page.reload();
            await page.waitForSelector('html[data-offline]');
            await new Promise((resolve) => setTimeout(resolve, 1000));
            assert.equal(await version(), '', 'the old version is whole');
            assert.ok(await page.locator('#update').isHidden());
            list();
            await page.reload();
            await page.locator('#update').waitFor();
            assert.equal(await version(), '', 'the old one until somebody says so');
            await Promise.all([page.waitForNavigation(), page.locator('#reload').click()]);
            await page.waitForSelector('html[data-ready]');
            assert.equal((await version()).trim(), '2');
            await context.close();
        } finally {
            copy.stop();
            rmSync(folder, { recursive: true });
        }
    });

    for (const scheme of ['light', 'dark']) {
        for (const [width, height] of sizes) {
            test(`axe finds nothing: ${scheme}, ${width} pixels wide`, async () => {
                const { page, context, faults } = await open(
                    { colorScheme: scheme, viewport: { width, height }, reducedMotion: 'reduce' });
                const check = async (state) => {
                    await page.evaluate(axeSource);
                    const { violations } = await page.evaluate(() => window.axe.run());
                    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html)}`);
                    assert.deepEqual(found, [], state);
                };
                await check('empty');
                await draw(page, DIGITS[6]);
                await reads(page, '6');
                await page.screenshot({ path: join(shots, `${width}-${scheme}.png`) });
                await page.locator('#clear').click();
                for (const [i, digit] of [7, 3].entries())
                    await draw(page, DIGITS[digit], { left: 0.05 + 0.31 * i, width: 0.28 });
                await draw(page, [[[0, 0.5], [0.5, 0.5], [1, 0.5]]], { left: 0.7, width: 0.25 });
                await reads(page, '73');
                await page.locator('#inside summary').click();
                await page.locator('.keys summary').click();
                await page.setInputFiles('#model-file', { name: 'no.gguf', mimeType: '', buffer: Buffer.from('no') });
                await until('an error', () => page.locator('#model-error').isVisible());
                await check('full');
                const overhang = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
                assert.ok(overhang <= 0, `${overhang} pixels wider than the screen`);
                await page.screenshot({ path: join(shots, `${width}-${scheme}-full.png`), fullPage: true });
                assert.deepEqual(faults, []);
                await context.close();
            });
        }
    }
});
