#!/usr/bin/env python3
"""Quantise the models of models/ with gguf-py, and compare what inkling computes with gguf-py's own dequantised values.

For each type two files are written by gguf-py in inkling's layout: one with the quantised weights, one with the float32
values that gguf-py gives back for them. inkling must answer both with the same numbers, bit for bit. What `inkling
convert` makes of the first must hold the same bytes, or, with --type f32, the second one's values.

ggml's blocks are 32 weights of a row, and few rows of MNIST's networks are so long: the dense layer of cnn.gguf is (1600),
and fc.gguf gets zeros to the right and below, pictures of 28x32 and 512 hidden values, which changes no answer.

Environment: INKLING_BIN, the folder of the programs; INKLING_DATA, for the accuracy on MNIST (mnist/t10k-*.gz); without it
the sample digits tell. Exit code 77: skipped.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

try:
    import gguf
    import numpy as np
except ImportError as e:
    print(f"skipped: {e.name} is not installed (scripts/test-full makes an environment with it)")
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SAMPLES = ROOT / "samples" / "digits-images-idx3-ubyte", ROOT / "samples" / "digits-labels-idx1-ubyte"
TYPES = {"Q8_0": 0.0005, "Q5_1": 0.002, "Q5_0": 0.002, "Q4_1": 0.005, "Q4_0": 0.005, "BF16": 0.0005, "F64": 0}
"""With how much less of the pictures that are read rightly, at most."""

checks = 0


def check(good, text):
    global checks
    checks += 1
    if not good:
        sys.exit(text)


# ---------------------------------------------------------------- files

class Network:
    """A GGUF file, keys as (types, value), tensors as arrays, slowest axis first; written again by gguf-py."""

    def __init__(self, path):
        reader = gguf.GGUFReader(path)
        self.name = path.stem
        self.fields = {key: (list(field.types), field.contents()) for key, field in reader.fields.items()
                       if not key.startswith(("GGUF.", "general.architecture"))}
        self.tensors = {t.name: np.array(t.data) for t in reader.tensors}

    def write(self, path, kinds, dequantised):
        """`kinds`: tensors' types. `dequantised`: F32 with the values that they have then."""
        writer = gguf.GGUFWriter(path, "inkling")
        if not dequantised:
            writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
        for key, (types, value) in self.fields.items():
            inner = types[1] if types[0] == gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(key, value, types[0], sub_type=inner)
        values = {}
        for name, tensor in self.tensors.items():
            kind = gguf.GGMLQuantizationType[kinds.get(name, "F32")]
            data = tensor
            if kind == gguf.GGMLQuantizationType.F64:
                data = tensor.astype(np.float64)
                values[name] = tensor
            elif kind != gguf.GGMLQuantizationType.F32:
                data = gguf.quants.quantize(tensor, kind)
                values[name] = gguf.quants.dequantize(data, kind).reshape(tensor.shape)
                check(values[name].dtype == np.float32, f"{kind.name}: gguf-py gives {values[name].dtype}")
            else:
                values[name] = tensor
            if dequantised:
                writer.add_tensor(name, values[name])
            else:
                writer.add_tensor(name, data, raw_dtype=kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return values


def pad_picture(network):
    """fc.gguf with rows of 28x32 pixels and 512 hidden values: a pad before the flatten, zeros for what is new."""
    t = network.tensors
    first = np.zeros((512, 28, 32), np.float32)
    first[:500, :, :28] = t["fc1.weight"].reshape(500, 28, 28)
    t["fc1.weight"] = first.reshape(512, 896)
    t["fc1.bias"] = np.pad(t["fc1.bias"], (0, 12))
    t["fc2.weight"] = np.pad(t["fc2.weight"], ((0, 0), (0, 12)))
    text, array, number = gguf.GGUFValueType.STRING, gguf.GGUFValueType.ARRAY, gguf.GGUFValueType.INT32
    moved = {}
    for key, (types, value) in network.fields.items():
        if key == "inkling.node.count":
            value += 1
        elif key.startswith("inkling.node."):
            index, rest = key[len("inkling.node."):].split(".", 1)
            key = f"inkling.node.{int(index) + 1}.{rest}"
            value = ["wider"] if rest == "inputs" and value == ["input"] else value
        moved[key] = (types, value)
    moved["inkling.node.0.op"] = ([text], "pad")
    moved["inkling.node.0.name"] = ([text], "wider")
    moved["inkling.node.0.inputs"] = ([array, text], ["input"])
    moved["inkling.node.0.padding"] = ([array, number], [0, 0, 0, 4])
    network.fields = moved


# ---------------------------------------------------------------- the programs

PROGRAM = pathlib.Path(os.environ.get("INKLING_BIN", "")) / "inkling"


def inkling(*arguments, code=0):
    done = subprocess.run([PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    check(done.returncode == code, f"inkling {' '.join(map(str, arguments))}: exit code {done.returncode}\n{done.stdout}")
    return done.stdout


def answers(model, pictures, cpu):
    """The probabilities of 500 pictures; nine digits tell one float32 from all others."""
    document = json.loads(inkling("predict", model, pictures, "--count", 500, "--cpu", cpu, "--json"))
    return [result["probabilities"] for result in document["results"]]


def accuracy(model, pictures, labels):
    return json.loads(inkling("eval", model, pictures, labels, "--json"))["accuracy"]


def check_tensors(path, kinds, wanted):
    """`wanted`: values by name. Names, types and values as gguf-py reads them."""
    for tensor in gguf.GGUFReader(path).tensors:
        kind = kinds.get(tensor.name, "F32")
        check(tensor.tensor_type.name == kind, f"{path}: {tensor.name} is {tensor.tensor_type.name}, wanted {kind}")
        found = gguf.quants.dequantize(tensor.data, tensor.tensor_type) if kind[0] in "QB" else tensor.data
        value = wanted[tensor.name]
        check(np.array_equal(np.float32(found).reshape(value.shape), value), f"{path}: {tensor.name} has other values")


def check_type(network, kind, folder, pictures, labels, before):
    kinds = {name: kind for name, tensor in network.tensors.items()
             if tensor.shape[-1] % 32 == 0 and tensor.ndim > 1 or kind in ("BF16", "F64")}
    packed, plain, copy, f32 = (folder / f"{network.name}-{kind}-{name}.gguf" for name in ("packed", "plain", "copy", "f32"))
    network.write(packed, kinds, False)
    values = network.write(plain, kinds, True)
    for cpu in ("scalar", "best"):
        check(answers(packed, pictures, cpu) == answers(plain, pictures, cpu), f"{packed} ({cpu}): other answers than {plain}")
    told = {t["name"]: t["type"] for t in json.loads(inkling("inspect", packed, "--json"))["tensors"]}
    check(told == {name: kinds.get(name, "F32").lower() for name in network.tensors}, f"{packed}: inspect tells {told}")

    inkling("convert", packed, copy)
    check_tensors(copy, kinds, values)
    lines = inkling("convert", "--type", "f32", packed, f32)
    check_tensors(f32, {}, values)
    check(("what rounding to " + kind.lower() in lines) == (kind[0] == "Q"), f"{f32}: the note is\n{lines}")

    after = accuracy(packed, pictures, labels)
    check(before - after <= TYPES[kind], f"{packed}: reads {after:.2%}, as float32 {before:.2%}")
    print(f"{network.name:6} {kind:5} {len(kinds)} tensors, {packed.stat().st_size:8} of {plain.stat().st_size} bytes, "
          f"accuracy {after:.2%} ({before:.2%} as float32)")


def check_refused(folder):
    """A row of 784 in blocks: gguf-py refuses to make it, so the type is written over what it made."""
    network = Network(ROOT / "models" / "fc.gguf")
    path = folder / "rows.gguf"
    network.write(path, {"fc1.weight": "BF16"}, False)
    raw = path.read_bytes()
    at = raw.index(b"fc1.weight") + len("fc1.weight") + 4 + 8 + 8
    check(raw[at:at + 4] == bytes([30, 0, 0, 0]), f"{path}: no BF16 there")
    path.write_bytes(raw[:at] + bytes([8, 0, 0, 0]) + raw[at + 4:])
    said = inkling("inspect", path, code=1)
    check("tensor 'fc1.weight': dimension 0, the fastest, is 784, wanted a multiple of 32" in said, said)


def main():
    if "INKLING_BIN" not in os.environ:
        print("skipped: INKLING_BIN is not set")
        return 77
    pictures, labels = SAMPLES
    if os.environ.get("INKLING_DATA"):
        mnist = pathlib.Path(os.environ["INKLING_DATA"]) / "mnist"
        pictures, labels = mnist / "t10k-images-idx3-ubyte.gz", mnist / "t10k-labels-idx1-ubyte.gz"
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for model in ("fc", "cnn"):
            network = Network(ROOT / "models" / f"{model}.gguf")
            if model == "fc":
                pad_picture(network)
            network.write(folder / "before.gguf", {}, True)
            before = accuracy(folder / "before.gguf", pictures, labels)
            check(before == accuracy(ROOT / "models" / f"{model}.gguf", pictures, labels), f"{model}: is another network")
            for kind in TYPES:
                check_type(network, kind, folder, pictures, labels, before)
        check_refused(folder)
    print(f"{checks} checks, pictures of {pictures}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
