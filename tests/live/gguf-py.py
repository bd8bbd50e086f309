#!/usr/bin/env python3
"""Read with gguf-py what inkling writes, and find in it what was there before.

Every model of models/ and tests/golden/ is converted by `inkling convert` to each layout that can
hold it; GGUFReader reads the result. Keys, their types and values, tensors' names, types, shapes
and values, and the places of everything in the file must be right. Where a layout stores a
tensor in another way, the way is written down here once more.

Environment: INKLING_BIN, the folder of the programs. Exit code 77: skipped.
"""

import os
import pathlib
import struct
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
LEGACY_MAGIC = 0x67676D6C
CNN = ("conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias", "dense.weight", "dense.bias")
FC = ("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias")

# How inkling writes attributes: GGUF type, number of values, default.
ATTRIBUTES = {
    "kernel": ("INT32", 2, None), "stride": ("INT32", 2, [1, 1]), "padding": ("INT32", 4, [0] * 4),
    "dilation": ("INT32", 2, [1, 1]), "groups": ("INT32", 1, [1]), "axis": ("INT32", 1, None),
    "shape": ("INT32", 0, None), "order": ("INT32", 0, None), "ceil": ("BOOL", 1, [False]),
    "count_padding": ("BOOL", 1, [False]), "approximate": ("BOOL", 1, [False]),
    "alpha": ("FLOAT32", 1, None), "epsilon": ("FLOAT32", 1, [1e-5]),
    "value": ("FLOAT32", 1, [0.0]), "rate": ("FLOAT32", 1, [0.5]),
    "input_scale": ("FLOAT32", 1, None), "input_zero": ("INT32", 1, [0]),
}
OPERATOR_DEFAULTS = {("softmax", "axis"): [-1], ("log_softmax", "axis"): [-1],
                     ("concat", "axis"): [0], ("leaky_relu", "alpha"): [0.01],
                     ("elu", "alpha"): [1.0]}

checks = 0


def check(good, text):
    global checks
    checks += 1
    if not good:
        sys.exit(f"{text}")


# ---------------------------------------------------------------- reading

class Model:
    """A file as gguf-py sees it: fields as (types, value), tensors as arrays, slowest axis first."""

    def __init__(self, path):
        self.path = path
        reader = gguf.GGUFReader(path)
        self.fields = {key: ([kind.name for kind in field.types], field.contents())
                       for key, field in reader.fields.items()}
        self.tensors = {t.name: np.array(t.data) for t in reader.tensors}
        self.shapes = {t.name: [int(d) for d in t.shape][::-1] for t in reader.tensors}
        self.types = {t.name: t.tensor_type.name for t in reader.tensors}
        self.check_places(reader)

    def check_places(self, reader):
        """Tensors stand one behind the other, each at a multiple of 32, and the file ends there."""
        at = int(reader.data_offset)
        check(at % 32 == 0, f"{self.path}: the data begin at {at}")
        for t in reader.tensors:
            check(int(t.data_offset) == at, f"{self.path}: {t.name} is at {t.data_offset}, not {at}")
            at += (int(t.n_bytes) + 31) // 32 * 32
        size = self.path.stat().st_size
        check(size == at, f"{self.path}: has {size} bytes, the tensors end at {at}")
        check(self.value("GGUF.version") == 3, f"{self.path}: version {self.value('GGUF.version')}")

    def value(self, key):
        return self.fields[key][1] if key in self.fields else None


def read_legacy(path):
    raw = path.read_bytes()
    check(struct.unpack_from("<i", raw) == (LEGACY_MAGIC,), f"{path}: wrong magic number")
    tensors, at = {}, 4
    for name in FC:
        count, = struct.unpack_from("<i", raw, at)
        dims = struct.unpack_from(f"<{count}i", raw, at + 4)[::-1]
        at += 4 + 4 * count
        size = int(np.prod(dims))
        tensors[name] = np.frombuffer(raw, "<f4", size, at).reshape(dims)
        at += 4 * size
    check(at == len(raw), f"{path}: {len(raw) - at} bytes are left over")
    return tensors


def parameters_of(path):
    """The network's parameters under the names that inkling's layout gives them, and their layout."""
    if path.suffix == ".bin":
        return read_legacy(path), "legacy"
    model = Model(path)
    architecture = model.value("general.architecture")
    if architecture == "inkling":
        return model.tensors, "inkling"
    if architecture == "mnist-fc":
        return model.tensors, "ggml"
    if "kernel1" in model.tensors:
        names = ("kernel1", "bias1", "kernel2", "bias2", "dense_w", "dense_b")
        found = dict(zip(CNN, (model.tensors[name] for name in names)))
        for name in ("conv1.bias", "conv2.bias"):
            channels = found[name].reshape(found[name].shape[-3], -1)
            check((channels == channels[:, :1]).all(), f"{path}: {name} differs over its map")
            found[name] = channels[:, 0]
        return found, "ggml-2023"
    names = ("conv1.kernel", "conv1.bias", "conv2.kernel", "conv2.bias", "dense.weight", "dense.bias")
    found = dict(zip(CNN, (model.tensors[name] for name in names)))
    for name in ("conv1.bias", "conv2.bias"):
        found[name] = found[name].reshape(-1)
    return found, "ggml"


# ---------------------------------------------------------------- what must be in a file

def check_tensor(path, model, name, kind, values):
    check(name in model.tensors, f"{path}: no tensor {name}, but {sorted(model.tensors)}")
    check(model.types[name] == kind, f"{path}: {name} is {model.types[name]}, wanted {kind}")
    check(model.shapes[name] == list(values.shape),
          f"{path}: {name} is {model.shapes[name]}, wanted {list(values.shape)}")
    found = model.tensors[name].reshape(values.shape)
    check(np.array_equal(found.view(np.uint8), values.astype(found.dtype).view(np.uint8)),
          f"{path}: the values of {name} differ")


def check_inkling(path, source, parameters):
    """Names of classes, sizes and nodes beside the parameters; `source` is a Model of that layout."""
    model = Model(path)
    check(sorted(model.tensors) == sorted(parameters), f"{path}: has {sorted(model.tensors)}")
    for name, values in parameters.items():
        check_tensor(path, model, name, "F16" if values.dtype == np.float16 else "F32", values)
    types = {"general.architecture": ["STRING"], "inkling.version": ["UINT32"],
             "inkling.input.shape": ["ARRAY", "UINT32"], "inkling.input.scale": ["FLOAT32"],
             "inkling.input.offset": ["FLOAT32"], "inkling.classes": ["ARRAY", "STRING"],
             "inkling.node.count": ["UINT32"]}
    for key, wanted in types.items():
        check(key in model.fields, f"{path}: no key {key}")
        check(model.fields[key][0] == wanted, f"{path}: {key} is {model.fields[key][0]}")
    check(model.value("general.architecture") == "inkling", f"{path}: is no inkling")
    check(model.value("inkling.version") == 1, f"{path}: has another version")
    if source is None:
        check(model.value("inkling.input.shape") == [1, 28, 28], f"{path}: the input is another")
        check(model.value("inkling.input.scale") == np.float32(1 / 255), f"{path}: wrong scale")
        check(model.value("inkling.classes") == [str(i) for i in range(10)], f"{path}: wrong classes")
    else:
        for key in ("inkling.input.shape", "inkling.input.scale", "inkling.input.offset",
                    "inkling.classes", "inkling.node.count"):
            check(model.value(key) == source.value(key), f"{path}: {key} is {model.value(key)}")
        for key, (_, value) in source.fields.items():
            if not key.startswith(("inkling.", "GGUF.")):
                check(model.value(key) == value, f"{path}: {key} is {model.value(key)}")
    for i in range(model.value("inkling.node.count")):
        check_node(path, model, source, f"inkling.node.{i}.")


def check_node(path, model, source, prefix):
    fields = {key[len(prefix):]: field for key, field in model.fields.items()
              if key.startswith(prefix)}
    given = {key[len(prefix):]: field[1] for key, field in source.fields.items()
             if key.startswith(prefix)} if source else None
    for key, kinds in (("op", ["STRING"]), ("name", ["STRING"]), ("inputs", ["ARRAY", "STRING"])):
        found, value = fields.pop(key)
        check(found == kinds, f"{path}: {prefix}{key} is {found}")
        if key == "op":
            op = value
        if given:
            check(value == given.pop(key), f"{path}: {prefix}{key} is {value}")
    for key, (found, value) in fields.items():
        kind, count, default = ATTRIBUTES[key]
        check(found == ([kind] if count == 1 else ["ARRAY", kind]), f"{path}: {prefix}{key} is {found}")
        values = as_list(value)
        check(len(values) == (count or len(values)), f"{path}: {prefix}{key} is {values}")
        default = OPERATOR_DEFAULTS.get((op, key), default)
        if key == "stride" and op.endswith("pool2d"):
            default = as_list(fields["kernel"][1])
        if given is not None:
            wanted = as_list(given.pop(key, default))
            wanted = wanted * (len(values) // len(wanted))
            check(np.array_equal(np.float32(values), np.float32(wanted)),
                  f"{path}: {prefix}{key} is {values}, wanted {wanted}")
    check(not given, f"{path}: {prefix} has lost {given}")


def as_list(value):
    return list(value) if isinstance(value, (list, tuple)) else [value]


def check_ggml(path, parameters):
    model = Model(path)
    cnn = "conv1.weight" in parameters
    check(model.value("general.architecture") == ("mnist-cnn" if cnn else "mnist-fc"),
          f"{path}: is {model.value('general.architecture')}")
    names = {"conv1.weight": "conv1.kernel", "conv2.weight": "conv2.kernel"}
    check(list(model.tensors) == [names.get(name, name) for name in (CNN if cnn else FC)],
          f"{path}: has {list(model.tensors)}")
    for name, values in parameters.items():
        values = values.astype(np.float32)
        if name.startswith("conv") and name.endswith("bias"):
            values = values.reshape(-1, 1, 1)  # ggml drops a slowest axis of 1
        check_tensor(path, model, names.get(name, name), "F32", values)


def check_ggml_2023(path, parameters):
    model = Model(path)
    check(model.value("general.architecture") == "mnist-cnn", f"{path}: is no mnist-cnn")
    check(list(model.tensors) == ["kernel1", "bias1", "kernel2", "bias2", "dense_w", "dense_b"],
          f"{path}: has {list(model.tensors)}")
    for i, side in ((1, 26), (2, 11)):
        bias = parameters[f"conv{i}.bias"].astype(np.float32)
        check_tensor(path, model, f"kernel{i}", "F16",
                     parameters[f"conv{i}.weight"].astype(np.float16))
        check_tensor(path, model, f"bias{i}", "F32", np.ascontiguousarray(
            np.broadcast_to(bias[None, :, None, None], (1, len(bias), side, side))))
    check_tensor(path, model, "dense_w", "F32", parameters["dense.weight"].astype(np.float32))
    check_tensor(path, model, "dense_b", "F32", parameters["dense.bias"].astype(np.float32))


def check_legacy(path, parameters):
    found = read_legacy(path)
    for name, values in parameters.items():
        check(found[name].shape == values.shape and
              np.array_equal(found[name], values.astype(np.float32)), f"{path}: {name} differs")


# ---------------------------------------------------------------- all files, all layouts

def layouts_for(parameters, layout):
    """The layouts that can hold a network."""
    if sorted(parameters) == sorted(FC):
        return ["inkling", "ggml", "legacy"]
    if sorted(parameters) != sorted(CNN):
        return ["inkling"]
    # The two generations of the CNN differ in the padding of their convolutions.
    padded = layout == "ggml"
    return ["inkling", "ggml" if padded else "ggml-2023"]


def convert(program, source, target, layout):
    done = subprocess.run([program, "convert", "--layout", layout, source, target],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    check(done.returncode == 0, f"{source} to {layout}: exit code {done.returncode}\n{done.stdout}")


def check_source(program, source, folder):
    parameters, layout = parameters_of(source)
    graph = Model(source) if layout == "inkling" else None
    for wanted in layouts_for(parameters, layout):
        target = folder / f"{source.stem}-{wanted}{'.bin' if wanted == 'legacy' else '.gguf'}"
        convert(program, source, target, wanted)
        if wanted == "inkling":
            check_inkling(target, graph, parameters)
        else:
            {"ggml": check_ggml, "ggml-2023": check_ggml_2023,
             "legacy": check_legacy}[wanted](target, parameters)
        if wanted == layout == "legacy":
            check(source.read_bytes() == target.read_bytes(), f"{target}: other bytes than {source}")
        print(f"{source.relative_to(ROOT)} as {wanted}: {len(parameters)} tensors")


def check_quantized(program, source, folder):
    """I8 weights: each is the nearest multiple of its channel's scale."""
    target = folder / f"{source.stem}-i8.gguf"
    done = subprocess.run([program, "quantize", source, target, "--calibrate",
                           ROOT / "samples" / "digits-images-idx3-ubyte"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    check(done.returncode == 0, f"{source} quantized: exit code {done.returncode}\n{done.stdout}")
    old, new = Model(source), Model(target)
    layers = [name[:-len(".scale")] for name in new.tensors if name.endswith(".scale")]
    check(len(layers) >= 2, f"{target}: only {len(layers)} layers")
    for name in layers:
        weight, scale = new.tensors[f"{name}.weight"], new.tensors[f"{name}.scale"]
        before = old.tensors[f"{name}.weight"].astype(np.float64)
        check(new.types[f"{name}.weight"] == "I8" and weight.dtype == np.int8, f"{target}: {name} is no I8")
        check(new.types[f"{name}.scale"] == "F32", f"{target}: the scale of {name} is no F32")
        check(new.shapes[f"{name}.weight"] == old.shapes[f"{name}.weight"], f"{target}: {name}'s shape")
        each = scale.astype(np.float64).reshape(-1, *[1] * (weight.ndim - 1))
        off = np.abs(weight.reshape(before.shape) * each.reshape(-1, *[1] * (before.ndim - 1)) - before)
        check((off <= scale.max() * 0.501).all(), f"{target}: {name} is off by {off.max()}")
    for i in range(new.value("inkling.node.count")):
        prefix = f"inkling.node.{i}."
        if new.value(prefix + "name") in layers:
            check(new.fields[prefix + "input_scale"][0] == ["FLOAT32"], f"{target}: {prefix}input_scale")
            check(new.fields[prefix + "input_zero"][0] == ["INT32"], f"{target}: {prefix}input_zero")
    print(f"{source.relative_to(ROOT)} quantized: {len(layers)} layers")


def main():
    if "INKLING_BIN" not in os.environ:
        print("skipped: INKLING_BIN is not set")
        return 77
    program = pathlib.Path(os.environ["INKLING_BIN"]) / "inkling"
    sources = sorted((ROOT / "models").glob("*.gguf")) + sorted(
        path for path in (ROOT / "tests" / "golden").iterdir() if path.suffix in (".gguf", ".bin"))
    check(len(sources) >= 3, f"only {len(sources)} models found")
    with tempfile.TemporaryDirectory() as folder:
        for source in sources:
            check_source(program, source, pathlib.Path(folder))
        for source in sorted((ROOT / "models").glob("*.gguf")):
            check_quantized(program, source, pathlib.Path(folder))
    print(f"{len(sources)} models, {checks} checks")
    return 0


if __name__ == "__main__":
    sys.exit(main())
