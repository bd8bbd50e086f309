#!/usr/bin/env python3
"""Make tests/golden/: small networks with what PyTorch says that they give.

Each network is built from torch.nn layers with fixed random weights, in evaluation mode, and
written by gguf-py in inkling's own layout; neither knows anything of inkling. Together they use
every operator. Beside them stand networks in the older layouts, with random weights too.

  NAME.gguf, NAME.bin   the network
  NAME.input.f32        its inputs, little-endian float32 [images, C, H, W]; without this file
                        the inputs are the first images of samples/digits-images-idx3-ubyte,
                        as bytes
  NAME.output.f32       what its last node gives for each of them, float32 [images, elements]
  NAME.probs.f32        the probabilities, where the network is one of the older layouts

The outputs are computed in float64 from the weights that are in the file and then rounded, so that
they do not depend on the processor. The random numbers are those of NumPy's RandomState, which
never change. Making the files again gives the same bytes.
"""

import argparse
import pathlib
import struct
import sys

import gguf
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXAMPLES = """\
examples:
  scripts/make-golden.py -o tests/golden

  # into another folder, to compare
  scripts/make-golden.py -o /tmp/golden

needs Python 3.9 or later, PyTorch 1.13 or later, NumPy, and gguf from PyPI. On Debian 12:
  apt-get install python3-torch python3-numpy python3-venv
  /usr/bin/python3 -m venv --system-site-packages venv && venv/bin/pip install gguf
and then venv/bin/python scripts/make-golden.py -o tests/golden
"""

IMAGES = 9
DIGITS = 64
LEGACY_MAGIC = 0x67676D6C
TYPES = gguf.GGUFValueType


# ---------------------------------------------------------------- networks in inkling's layout

class Network:
    """A graph that is built twice at once: as torch modules, and as what the file says of them."""

    def __init__(self, name, shape, seed):
        self.name = name
        self.shape = shape
        self.random = np.random.RandomState(seed)
        self.nodes = []             # (operator, name, inputs, attributes)
        self.functions = []         # of each node: torch, on a batch
        self.tensors = []           # (name, array)
        self.modules = []
        self.half = False           # weights are float16 in the file

    # ---- the parts

    def uniform(self, *shape, low=-1.0, high=1.0):
        return torch.from_numpy(self.random.uniform(low, high, shape).astype(np.float32))

    def add(self, op, function, inputs=None, **attributes):
        """Add a node; `function` takes its inputs as batches. Gives the node's name."""
        inputs = inputs or [self.nodes[-1][1] if self.nodes else "input"]
        name = f"{op}_{len(self.nodes)}"
        self.nodes.append((op, name, inputs, attributes))
        self.functions.append(function)
        return name

    def parameter(self, name, values):
        """Keep `values` for the file; gives them as the file holds them."""
        if self.half:
            values = values.half()
        self.tensors.append((name, values.numpy()))
        return values.float()

    def module(self, op, module, inputs=None, **attributes):
        """Add a node with weights that are taken from `module`'s shapes and drawn anew."""
        name = self.add(op, module, inputs, **attributes)
        self.modules.append(module.eval())
        renamed = {"running_mean": "mean", "running_var": "variance"}
        with torch.no_grad():
            for key, values in module.state_dict().items():
                if key == "num_batches_tracked":
                    continue
                if key == "running_var":
                    drawn = self.uniform(*values.shape, low=0.25, high=2.0)
                elif values.dim() > 1:
                    bound = 1.7 / np.sqrt(values[0].numel())
                    drawn = self.uniform(*values.shape, low=-bound, high=bound)
                else:
                    drawn = self.uniform(*values.shape)
                values.copy_(self.parameter(f"{name}.{renamed.get(key, key)}", drawn))
        return name

    def conv2d(self, channels, outputs, kernel, inputs=None, bias=True, **attributes):
        """A convolution; `padding` may have four values: top, left, bottom, right."""
        padding = attributes.get("padding", 0)
        module = nn.Conv2d(channels, outputs, kernel, bias=bias, **dict(attributes, padding=0))
        name = self.module("conv2d", module, inputs, kernel=pair(kernel), **{
            key: value if key == "groups" else quad(value) if key == "padding" else pair(value)
            for key, value in attributes.items()})
        if padding:
            self.functions[-1] = padded(module, quad(padding), 0.0)
        return name

    def dense(self, features, outputs, inputs=None, bias=True):
        return self.module("dense", nn.Linear(features, outputs, bias=bias), inputs)

    def batch_norm(self, channels, inputs=None, flat=False, **options):
        kind = nn.BatchNorm1d if flat else nn.BatchNorm2d
        attributes = {}
        if "eps" in options:
            attributes["epsilon"] = options["eps"] = single(options["eps"])
        return self.module("batch_norm", kind(channels, **options), inputs, **attributes)

    def max_pool2d(self, kernel, inputs=None, **options):
        return self.add("max_pool2d", nn.MaxPool2d(kernel, **options), inputs,
                        kernel=pair(kernel), **pool_attributes(options))

    def avg_pool2d(self, kernel, inputs=None, **options):
        # PyTorch counts padding unless told otherwise, inkling does not.
        options.setdefault("count_include_pad", False)
        return self.add("avg_pool2d", nn.AvgPool2d(kernel, **options), inputs,
                        kernel=pair(kernel), **pool_attributes(options))

    def global_max_pool2d(self, inputs=None):
        return self.add("global_max_pool2d", nn.AdaptiveMaxPool2d(1), inputs)

    def global_avg_pool2d(self, inputs=None):
        return self.add("global_avg_pool2d", nn.AdaptiveAvgPool2d(1), inputs)

    def relu(self, inputs=None):
        return self.add("relu", nn.ReLU(), inputs)

    # Without a value the file says nothing: the defaults are meant to be PyTorch's.
    def leaky_relu(self, alpha=None, inputs=None):
        return self.add("leaky_relu", nn.LeakyReLU(**with_alpha("negative_slope", alpha)), inputs,
                        **with_alpha("alpha", alpha))

    def elu(self, alpha=None, inputs=None):
        return self.add("elu", nn.ELU(**with_alpha("alpha", alpha)), inputs,
                        **with_alpha("alpha", alpha))

    def sigmoid(self, inputs=None):
        return self.add("sigmoid", nn.Sigmoid(), inputs)

    def tanh(self, inputs=None):
        return self.add("tanh", nn.Tanh(), inputs)

    def gelu(self, approximate=False, inputs=None):
        return self.add("gelu", nn.GELU("tanh" if approximate else "none"), inputs,
                        **{"approximate": True} if approximate else {})

    def softmax(self, inputs=None):
        return self.add("softmax", nn.Softmax(-1), inputs)

    def log_softmax(self, inputs=None):
        return self.add("log_softmax", nn.LogSoftmax(-1), inputs)

    def flatten(self, inputs=None):
        return self.add("flatten", nn.Flatten(), inputs)

    def dropout(self, inputs=None, **rate):
        return self.add("dropout", nn.Dropout(rate.get("rate", 0.5)).eval(), inputs, **rate)

    def reshape(self, *shape, inputs=None):
        return self.add("reshape", lambda x: x.reshape(len(x), *shape), inputs, shape=list(shape))

    def permute(self, *order, inputs=None):
        return self.add("permute", lambda x: x.permute(0, *(axis + 1 for axis in order)), inputs,
                        order=list(order))

    def pad(self, padding, inputs=None, **value):
        return self.add("pad", padded(None, quad(padding), value.get("value", 0.0)), inputs,
                        padding=quad(padding), **value)

    def sum(self, *inputs):
        return self.add("add", lambda *x: sum(x[1:], x[0]), list(inputs))

    def concat(self, *inputs, **where):
        axis = where.get("axis", 0)
        return self.add("concat", lambda *x: torch.cat(x, axis + 1 if axis >= 0 else axis),
                        list(inputs), **where)

    # ---- the whole

    def run(self, x):
        values = {"input": x}
        for (_, name, inputs, _), function in zip(self.nodes, self.functions):
            x = values[name] = function(*(values[one] for one in inputs))
        return x.flatten(1)

    def write(self, folder):
        x = self.uniform(IMAGES, *self.shape, low=-2.0, high=2.0)
        with torch.no_grad():
            rounded = self.run(x)
            for module in self.modules:
                module.double()
            exact = self.run(x.double())
        check_close(self.name, rounded, exact)
        write_floats(folder / f"{self.name}.input.f32", x)
        write_floats(folder / f"{self.name}.output.f32", exact)
        writer = gguf.GGUFWriter(folder / f"{self.name}.gguf", "inkling")
        writer.add_name(f"golden: {self.name}")
        writer.add_uint32("inkling.version", 1)
        writer.add_key_value("inkling.input.shape", list(self.shape), TYPES.ARRAY, TYPES.UINT32)
        writer.add_float32("inkling.input.scale", 1 / 255)
        writer.add_float32("inkling.input.offset", 0.0)
        writer.add_array("inkling.classes", [f"class {i}" for i in range(exact.shape[1])])
        writer.add_uint32("inkling.node.count", len(self.nodes))
        for i, (op, name, inputs, attributes) in enumerate(self.nodes):
            writer.add_string(f"inkling.node.{i}.op", op)
            writer.add_string(f"inkling.node.{i}.name", name)
            writer.add_array(f"inkling.node.{i}.inputs", inputs)
            for key, value in attributes.items():
                write_attribute(writer, f"inkling.node.{i}.{key}", value)
        for name, values in self.tensors:
            writer.add_tensor(name, np.ascontiguousarray(values))
        finish(writer)


def single(value):
    """A number as the file holds it, in float32."""
    return float(np.float32(value))


def with_alpha(name, alpha):
    return {} if alpha is None else {name: single(alpha)}


def pair(value):
    return [value, value] if isinstance(value, int) else list(value)


def quad(value):
    value = pair(value)
    return value * 2 if len(value) == 2 else value


def padded(module, padding, value):
    """`module`, or nothing, on pictures with a border: top, left, bottom, right."""
    top, left, bottom, right = padding

    def run(x):
        x = F.pad(x, (left, right, top, bottom), value=value)
        return module(x) if module else x
    return run


def pool_attributes(options):
    names = {"ceil_mode": "ceil", "count_include_pad": "count_padding"}
    return {names.get(key, key): value if isinstance(value, bool) else
            quad(value) if key == "padding" else pair(value) for key, value in options.items()}


def write_attribute(writer, key, value):
    if isinstance(value, bool):
        writer.add_bool(key, value)
    elif isinstance(value, int):
        writer.add_int32(key, value)
    elif isinstance(value, float):
        writer.add_float32(key, value)
    else:
        writer.add_array(key, value)


# ---------------------------------------------------------------- which networks

def mlp(net):
    net.flatten()
    net.dense(30, 24)
    net.batch_norm(24, flat=True)
    net.relu()
    net.dropout()
    net.dense(24, 17, bias=False)
    net.batch_norm(17, flat=True, affine=False, eps=0.01)
    net.tanh()
    net.dense(17, 5)
    net.softmax()


def lenet(net):
    net.conv2d(1, 6, 5, padding=2)
    net.tanh()
    net.avg_pool2d(2)
    net.conv2d(6, 9, 3)
    net.sigmoid()
    net.max_pool2d(2, stride=1)
    net.flatten()
    net.dense(81, 20)
    net.elu(0.7)
    net.dense(20, 10)
    net.log_softmax()


def resnet(net):
    net.conv2d(3, 8, 3, padding=1, bias=False)
    net.batch_norm(8)
    start = net.relu()
    net.conv2d(8, 8, 3, padding=1, bias=False)
    net.batch_norm(8)
    net.relu()
    net.conv2d(8, 8, 3, padding=1, bias=False)
    inner = net.batch_norm(8)
    net.sum(inner, start)
    middle = net.relu()
    net.conv2d(8, 12, 3, stride=2, padding=1, bias=False)
    net.batch_norm(12, eps=0.001)
    net.relu()
    net.conv2d(12, 12, 3, padding=1, bias=False)
    long = net.batch_norm(12)
    net.conv2d(8, 12, 1, [middle], stride=2)
    short = net.batch_norm(12)
    net.sum(long, short)
    net.relu()
    net.global_avg_pool2d()
    net.flatten()
    net.dense(12, 10)


def mobilenet(net):
    net.conv2d(3, 7, 3, stride=2, padding=[0, 1, 2, 1])
    net.leaky_relu(0.2)
    net.conv2d(7, 7, 3, padding=1, groups=7, bias=False)
    net.batch_norm(7)
    net.relu()
    net.conv2d(7, 18, 1)
    net.gelu()
    net.conv2d(18, 18, (2, 3), groups=18, stride=(1, 2), padding=[1, 0, 0, 2], dilation=(2, 1))
    net.leaky_relu(2.0)
    net.conv2d(18, 12, 1, groups=3)
    net.global_max_pool2d()
    net.flatten()
    net.dense(12, 6)
    net.softmax()


def inception(net):
    one = net.conv2d(2, 4, 1)
    net.conv2d(2, 3, 1, ["input"])
    net.relu()
    three = net.conv2d(3, 5, 3, padding=1)
    net.conv2d(2, 2, (1, 5), ["input"], padding=(0, 2))
    five = net.conv2d(2, 3, (5, 1), padding=(2, 0))
    net.max_pool2d(3, ["input"], stride=1, padding=1)
    pool = net.conv2d(2, 4, 1)
    net.concat(one, three, five, pool)
    both = net.elu()
    net.max_pool2d(3, stride=2, ceil_mode=True)
    left = net.conv2d(16, 6, 3, padding=1)
    net.avg_pool2d(3, [both], stride=2, ceil_mode=True)
    right = net.conv2d(16, 6, 2, dilation=2, padding=1)
    net.sum(left, right, left)
    net.global_avg_pool2d()
    net.flatten()
    net.dense(6, 8)


def shuffle(net):
    net.conv2d(4, 12, 1, groups=2)
    net.reshape(2, 6, 7, 5)
    net.permute(1, 0, 2, 3)
    net.reshape(12, 7, 5)
    net.conv2d(12, 12, 3, groups=4, padding=1)
    net.gelu(approximate=True)
    net.pad([0, 1, 2, 3], value=0.5)
    net.avg_pool2d(2, stride=(1, 2))
    net.pad(1)
    net.conv2d(12, 5, 3)
    net.permute(2, 0, 1)
    net.reshape(-1, 10)
    net.dense(10, 3)
    net.flatten()


def pools(net):
    parts = [
        net.max_pool2d(2, ["input"]),
        net.max_pool2d(3, ["input"], stride=2, padding=1, ceil_mode=True),
        net.max_pool2d((2, 3), ["input"], stride=(3, 1), padding=(1, 0), ceil_mode=True),
        net.max_pool2d(2, ["input"], stride=3, padding=1, ceil_mode=True),
        net.avg_pool2d(2, ["input"]),
        net.avg_pool2d(3, ["input"], stride=2, padding=1),
        net.avg_pool2d(3, ["input"], stride=2, padding=1, count_include_pad=True),
        net.avg_pool2d(3, ["input"], stride=2, padding=1, ceil_mode=True),
        net.avg_pool2d(3, ["input"], stride=2, padding=1, ceil_mode=True, count_include_pad=True),
        net.avg_pool2d((4, 2), ["input"], stride=(3, 2), padding=(2, 1), ceil_mode=True,
                       count_include_pad=True),
        net.avg_pool2d(2, ["input"], stride=3, padding=1, ceil_mode=True, count_include_pad=True),
        net.global_max_pool2d(["input"]),
        net.global_avg_pool2d(["input"]),
    ]
    net.concat(*[net.flatten([part]) for part in parts])


def functions(net):
    first = net.conv2d(1, 3, 2)
    parts = [
        net.relu([first]), net.leaky_relu(None, [first]), net.leaky_relu(0.3, [first]),
        net.leaky_relu(1.5, [first]), net.leaky_relu(-0.25, [first]), net.elu(None, [first]),
        net.elu(0.25, [first]), net.sigmoid([first]), net.tanh([first]), net.gelu(False, [first]),
        net.gelu(True, [first]), net.softmax([first]), net.log_softmax([first]),
        net.dropout([first], rate=0.25),
    ]
    net.concat(net.concat(*parts, axis=1), net.concat(*parts[::-1], axis=1), axis=-1)


def half(net):
    net.half = True
    net.conv2d(1, 8, 3)
    net.batch_norm(8)
    net.relu()
    net.max_pool2d(2)
    net.flatten()
    net.dense(72, 10)
    net.softmax()


def line(net):
    net.conv2d(1, 8, (1, 5), stride=(1, 2))
    net.relu()
    net.max_pool2d((1, 2))
    net.conv2d(8, 8, (1, 3), padding=(0, 1))
    net.relu()
    net.flatten()
    net.dense(72, 4)


def keras(net):
    """The dense layer reads the picture channels last."""
    net.conv2d(1, 8, 3)
    net.relu()
    net.max_pool2d(2)
    net.conv2d(8, 10, 3)
    net.relu()
    net.max_pool2d(2)
    net.permute(1, 2, 0)
    net.flatten()
    net.dropout()
    net.dense(40, 10)
    net.softmax()


def features(net):
    """Layers on the last of several axes, and batch norm where it cannot be folded."""
    net.batch_norm(3)
    net.dense(5, 7)
    net.batch_norm(3)
    net.relu()
    wide = net.batch_norm(3)
    net.permute(0, 2, 1)
    net.dense(4, 7, bias=False)
    net.concat(wide, net.nodes[-1][1], axis=1)
    net.flatten()
    net.batch_norm(231, flat=True)
    net.dense(231, 6)


NETWORKS = [
    (mlp, (1, 6, 5)), (lenet, (1, 12, 12)), (resnet, (3, 10, 9)), (mobilenet, (3, 13, 11)),
    (inception, (2, 9, 8)), (shuffle, (4, 7, 5)), (pools, (3, 10, 7)), (functions, (1, 3, 5)),
    (half, (1, 8, 8)), (line, (1, 1, 40)), (keras, (1, 14, 14)), (features, (3, 4, 5)),
]


# ---------------------------------------------------------------- the older layouts

def digits():
    """The sample images as the input of those networks."""
    raw = (ROOT / "samples" / "digits-images-idx3-ubyte").read_bytes()
    images = np.frombuffer(raw, np.uint8, DIGITS * 28 * 28, 16).reshape(DIGITS, 1, 28, 28)
    return torch.from_numpy(images.astype(np.float64)) / 255


def write_fully_connected(folder):
    """784 -> 24 relu -> 10 with random weights: as legacy .bin, and as ggml's mnist-fc."""
    random = np.random.RandomState(100)
    tensors = [("fc1.weight", (24, 784), 0.15), ("fc1.bias", (24,), 0.5),
               ("fc2.weight", (10, 24), 0.5), ("fc2.bias", (10,), 0.5)]
    tensors = [(name, random.uniform(-size, size, shape).astype(np.float32))
               for name, shape, size in tensors]
    with open(folder / "fc-legacy.bin", "wb") as f:
        f.write(struct.pack("<i", LEGACY_MAGIC))
        for _, values in tensors:
            f.write(struct.pack(f"<{1 + values.ndim}i", values.ndim, *values.shape[::-1]))
            f.write(values.astype("<f4").tobytes())
    writer = gguf.GGUFWriter(folder / "fc-ggml.gguf", "mnist-fc")
    for name, values in tensors:
        writer.add_tensor(name, values)
    finish(writer)
    w1, b1, w2, b2 = (torch.from_numpy(values).double() for _, values in tensors)
    logits = F.linear(F.relu(F.linear(digits().flatten(1), w1, b1)), w2, b2)
    probabilities = torch.softmax(logits, 1)
    for name, output in (("fc-legacy", probabilities), ("fc-ggml", logits)):
        write_floats(folder / f"{name}.output.f32", output)
        write_floats(folder / f"{name}.probs.f32", probabilities)


def write_convolutional(folder):
    """Two convolutions with random weights: as ggml's mnist-cnn of today, and as that of 2023.

    Today's has padding and float32 kernels; that of 2023 neither, float16 kernels, and a bias for each pixel.
    """
    for seed, name, channels, padding, sides in ((101, "cnn-ggml", (8, 16), 1, (14, 7)),
                                                 (102, "cnn-ggml-2023", (6, 10), 0, (26, 11))):
        random = np.random.RandomState(seed)
        older = name.endswith("2023")
        first, second = channels
        features = second * (sides[1] if padding else sides[1] // 2) ** 2
        values = [random.uniform(-size, size, shape).astype(np.float32)
                  for size, shape in ((0.5, (first, 1, 3, 3)), (0.3, (1, first, 1, 1)),
                                      (0.3, (second, first, 3, 3)), (0.3, (1, second, 1, 1)),
                                      (0.2, (10, features)), (0.5, (10,)))]
        if older:
            for i, side in ((1, sides[0]), (3, sides[1])):
                values[i] = np.ascontiguousarray(np.broadcast_to(values[i], (*values[i].shape[:2], side, side)))
            for i in (0, 2):
                values[i] = values[i].astype(np.float16)
        names = (["kernel1", "bias1", "kernel2", "bias2", "dense_w", "dense_b"] if older else
                 ["conv1.kernel", "conv1.bias", "conv2.kernel", "conv2.bias", "dense.weight", "dense.bias"])
        writer = gguf.GGUFWriter(folder / f"{name}.gguf", "mnist-cnn")
        for tensor, array in zip(names, values):
            writer.add_tensor(tensor, array)
        finish(writer)
        w1, b1, w2, b2, w, b = (torch.from_numpy(array.astype(np.float64)) for array in values)
        x = F.max_pool2d(F.relu(F.conv2d(digits(), w1, padding=padding) + b1), 2)
        x = F.max_pool2d(F.relu(F.conv2d(x, w2, padding=padding) + b2), 2)
        logits = F.linear(x.permute(0, 2, 3, 1).flatten(1), w, b)
        probabilities = torch.softmax(logits, 1)
        write_floats(folder / f"{name}.output.f32", probabilities if older else logits)
        write_floats(folder / f"{name}.probs.f32", probabilities)


# ---------------------------------------------------------------- files

def write_floats(path, values):
    path.write_bytes(values.detach().numpy().astype("<f4").tobytes())


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def check_close(name, rounded, exact):
    """PyTorch in float32 must agree with itself in float64."""
    difference = (rounded.double() - exact).abs().max().item()
    size = exact.abs().max().item()
    print(f"{name}: {exact.shape[1]} outputs up to {size:.3g}, float32 is off by {difference:.2g}")
    if not difference <= 1e-5 * max(size, 1):
        sys.exit(f"{name}: float32 and float64 differ by {difference}")


def main():
    parser = argparse.ArgumentParser(
        description="Make the networks and outputs of tests/golden with PyTorch and gguf-py.",
        epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", metavar="DIR", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.output.mkdir(parents=True, exist_ok=True)
    for seed, (build, shape) in enumerate(NETWORKS, 1):
        net = Network(build.__name__, shape, seed)
        build(net)
        net.write(arguments.output)
    write_fully_connected(arguments.output)
    write_convolutional(arguments.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
