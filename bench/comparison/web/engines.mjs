/* The engines: each is made of a network and gives a function from the bytes of a picture to its probabilities, the work of
 * changing one into the other included. The same code in Node and in browsers. */

/** Tensors of a safetensors file, { name: { shape, data: Float32Array } }. */
export function tensorsOf(bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset), length = view.getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
    delete header.__metadata__;
    return Object.fromEntries(Object.entries(header).map(([name, { shape, data_offsets: [from, to], dtype }]) => {
        if (dtype !== 'F32')
            throw new Error(`${name}: found ${dtype}, wanted F32`);
        return [name, { shape, data: new Float32Array(bytes.slice(8 + length + from, 8 + length + to).buffer) }];
    }));
}

/** The module of web/: { load } is its inkling.js. */
export async function inklingEngine({ load }, network) {
    const inkling = await load();
    if (!inkling.simd)
        throw new Error('this engine has no SIMD');
    const model = inkling.open(network.gguf);
    return { version: inkling.version, run: (pixels) => model.predict(pixels) };
}

/** onnxruntime-web with its WebAssembly, of one thread. */
export async function onnxEngine(ort, network) {
    ort.env.wasm.numThreads = 1;
    const session = await ort.InferenceSession.create(network.onnx, { executionProviders: ['wasm'] });
    const [input] = session.inputNames, [output] = session.outputNames;
    const x = new Float32Array(28 * 28);
    return {
        version: ort.env.versions.web,
        run: async (pixels) => {
            for (let i = 0; i < x.length; i++)
                x[i] = pixels[i] * network.scale + network.offset;
            return softmaxed((await session.run({ [input]: new ort.Tensor('float32', x, [1, 1, 28, 28]) }))[output].data, network);
        },
    };
}

function softmaxed(y, network) {
    if (network.softmax)
        return y;
    const largest = Math.max(...y), e = Array.from(y, (v) => Math.exp(v - largest)), sum = e.reduce((a, b) => a + b);
    return e.map((v) => v / sum);
}

/** TensorFlow.js's WebAssembly, by its core's operations: relu goes into the convolution or dense layer before it. */
export async function tfjsEngine(tf, wasm, network) {
    wasm.setThreadsCount?.(1);
    if (!await tf.setBackend('wasm'))
        throw new Error('no backend of WebAssembly');
    await tf.ready();
    const { nodes, tensors } = network, steps = [];
    let [channels, height, width] = [1, 28, 28], flat = 0, last = false;
    for (let i = 0; i < nodes.length; i++) {
        const { name, op, attributes, output } = nodes[i];
        const weight = tensors[`${name}.weight`], bias = tensors[`${name}.bias`];
        const numbers = (key, otherwise) => new RegExp(`${key}=([0-9,]+)`).exec(attributes)?.[1].split(',').map(Number) ?? otherwise;
        const activation = nodes[i + 1]?.op === 'relu' && (op === 'conv2d' || op === 'dense') ? 'relu' : undefined;
        if (op === 'conv2d') {
            const filter = tf.keep(tf.transpose(tf.tensor(weight.data, weight.shape), [2, 3, 1, 0]));
            const b = tf.keep(tf.tensor1d(bias.data)), strides = numbers('stride', [1, 1]), p = numbers('padding', [0, 0, 0, 0]);
            const pad = p.some((v) => v) ? [[0, 0], [p[0], p[2] ?? p[0]], [p[1] ?? p[0], p[3] ?? p[1] ?? p[0]], [0, 0]] : 'valid';
            steps.push((x) => tf.fused.conv2d({ x, filter, strides, pad, bias: b, activation }));
        } else if (op === 'max_pool2d') {
            const kernel = numbers('kernel'), strides = numbers('stride', kernel);
            steps.push((x) => tf.maxPool(x, kernel, strides, 'valid'));
        } else if (op === 'global_max_pool2d') {
            steps.push((x) => tf.max(x, [1, 2]));
        } else if (op === 'permute' && attributes === 'order=1,2,0') {
            last = true; // as pictures lie here anyway
        } else if (op === 'flatten') {
            flat = height * width > 1 && !last ? channels : 0;
            steps.push((x) => tf.reshape(x, [1, -1]));
        } else if (op === 'dense') {
            let w = tf.tensor2d(weight.data, weight.shape);
            if (flat)
                w = tf.reshape(tf.transpose(tf.reshape(w, [weight.shape[0], flat, height * width]), [0, 2, 1]), weight.shape);
            const b = tf.keep(tf.tensor1d(bias.data)), matrix = tf.keep(tf.transpose(w));
            steps.push((x) => tf.fused.matMul({ a: x, b: matrix, bias: b, activation }));
            flat = 0;
        } else if (op === 'softmax')
            steps.push((x) => tf.softmax(x));
        else if (op !== 'dropout')
            throw new Error(`${name}: no ${op} here`);
        if (activation)
            i++;
        if (op !== 'flatten' && op !== 'permute' && output.length === 3)
            [channels, height, width] = output;
    }
    if (!network.softmax)
        steps.push((x) => tf.softmax(x));
    return {
        version: tf.version_core ?? tf.version?.['tfjs-core'],
        run: (pixels) => {
            const y = tf.tidy(() => {
                const x = Float32Array.from(pixels, (v) => v * network.scale + network.offset);
                return steps.reduce((value, step) => step(value), tf.tensor4d(x, [1, 28, 28, 1]));
            });
            const answer = y.dataSync();
            y.dispose();
            return answer;
        },
    };
}

/** Shows each engine the pictures, compares, and then measures in turns: microseconds a picture of each, sorted. */
export async function compare(engines, pictures, { rounds, tolerance, milliseconds }) {
    let largest = 0;
    const names = Object.keys(engines), answers = {};
    for (const name of names) {
        answers[name] = [];
        for (const pixels of pictures)
            answers[name].push(Float32Array.from(await engines[name].run(pixels)));
        answers[name].forEach((p, i) => p.forEach((v, k) => {
            largest = Math.max(largest, Math.abs(v - answers[names[0]][i][k]));
            if (!(Math.abs(v - answers[names[0]][i][k]) <= tolerance))
                throw new Error(`${name}: picture ${i}, class ${k}: ${v}, ${names[0]} has ${answers[names[0]][i][k]}`);
        }));
    }
    const times = Object.fromEntries(names.map((name) => [name, []]));
    const calls = {};
    for (let round = -2; round < rounds; round++) // two to warm up, in which engines compile what is called often
        for (const name of names) {
            const { run } = engines[name];
            const count = calls[name] ?? 200;
            const begin = performance.now();
            for (let i = 0; i < count; i++)
                await run(pictures[i % pictures.length]);
            const each = (performance.now() - begin) / count;
            calls[name] = Math.max(10, Math.round(milliseconds / each)); // so long that a coarse clock will do
            if (round >= 0)
                times[name].push(each * 1000);
        }
    for (const name of names)
        times[name].sort((a, b) => a - b);
    return { largest, times };
}
