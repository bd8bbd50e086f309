// usage: node run.mjs PROGRAM ARGUMENT...
// Runs a program for WASI; it sees the working folder, and what INKLING_DATA and TMPDIR name, under the same paths.
import { readFileSync } from 'node:fs';
import { WASI } from 'node:wasi';

const args = process.argv.slice(2);
const folders = ['.', process.cwd(), process.env.INKLING_DATA, process.env.TMPDIR || '/tmp'].filter(Boolean);
const wasi = new WASI({
    version: 'preview1',
    args,
    env: process.env,
    preopens: Object.fromEntries(folders.map((folder) => [folder, folder])),
    returnOnExit: true,
});
const module = await WebAssembly.compile(readFileSync(args[0]));
process.exitCode = wasi.start(await WebAssembly.instantiate(module, { wasi_snapshot_preview1: wasi.wasiImport }));
