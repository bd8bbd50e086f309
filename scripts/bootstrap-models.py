#!/usr/bin/env python3
"""Train the bootstrap models with PyTorch and write them in the layouts that inkling reads.

inkling trains its own models in C. Until that trainer exists, and as a second opinion
afterwards, this script trains the same networks on MNIST with PyTorch and writes

  fc-ggml.gguf         784 -> 500 relu -> 10            "mnist-fc", today's ggml layout
  cnn-ggml-2023.gguf   conv 32, conv 64, dense          "mnist-cnn", the layout of 2023, F16 kernels
  cnn-ggml.gguf        padded conv 8, conv 16, dense    "mnist-cnn", today's ggml layout
  fc-legacy.bin        the network of fc-ggml.gguf      the nameless "ggml" .bin layout
  NAME.probs.f32       golden outputs for each file     little-endian float32 [64, 10]

Every model takes pixel / 255 as its input, fc-legacy.bin too.

Method. The last tenth of the training set is held back for validation. The epoch that is kept
has the best validation accuracy, a tie going to the lower loss. The test set chooses
nothing: it is read once, after all training. Seed, threads and library versions being
equal, the files are the same byte for byte.

The golden outputs are softmax probabilities for the first 64 images of the samples file,
computed by PyTorch in float32 from the values that are in the file; for the 2023 layout that
means its F16 kernels, widened to float32, and no rounding of anything else.

At the end every file is read back, its tensors' names, types and shapes are checked, and a
plain NumPy evaluation that knows nothing of PyTorch must give the golden outputs and the
test accuracy again.
"""

import argparse
import gzip
import hashlib
import math
import os
import pathlib
import struct
import sys
import time

import gguf
import numpy as np
import torch
import torch.nn.functional as F

EXAMPLES = """\
examples:
  # all models, about ten minutes on two cores
  scripts/bootstrap-models.py --data path/to/data -o models

  # the data folder from the environment, two of the models
  INKLING_DATA=path/to/data scripts/bootstrap-models.py --only fc --only cnn -o /tmp/out

  # a minute's rehearsal: few images, one epoch, the test set left alone
  scripts/bootstrap-models.py --data path/to/data --rehearse -o /tmp/rehearsal

needs Python 3.9 or later, PyTorch 1.13 or later, NumPy, and gguf from PyPI. On Debian 12:
  apt-get install python3-torch python3-numpy python3-venv
  /usr/bin/python3 -m venv --system-site-packages venv && venv/bin/pip install gguf
"""

# SHA-256 of the uncompressed files of the canonical MNIST.
MNIST_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
SIZE = 28
CLASSES = 10
GOLDEN_IMAGES = 64
LEGACY_MAGIC = 0x67676D6C


# ---------------------------------------------------------------- data

def parse_idx(raw, source):
    """An IDX file of unsigned bytes as an array."""
    if raw[:3] != b"\0\0\x08":
        sys.exit(f"{source}: not an IDX file of unsigned bytes")
    dims = struct.unpack_from(f">{raw[3]}I", raw, 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(dims)


def load_mnist(folder, part):
    """Images (N, 28, 28) and labels (N) of "train" or "t10k", digests checked."""
    arrays = []
    for kind in ("images-idx3", "labels-idx1"):
        name = f"{part}-{kind}-ubyte"
        path = folder / (name + ".gz")
        try:
            raw = gzip.decompress(path.read_bytes())
        except OSError as e:
            sys.exit(f"{path}: {e.strerror or e}")
        if hashlib.sha256(raw).hexdigest() != MNIST_SHA256[name]:
            sys.exit(f"{path}: not the canonical MNIST (digest differs)")
        arrays.append(parse_idx(raw, path))
    return arrays


def to_input(images):
    """Bytes (N, 28, 28) as the networks' input, float32 (N, 1, 28, 28), pixel / 255."""
    return torch.from_numpy(np.array(images))[:, None].float() / 255


# ---------------------------------------------------------------- networks

class Dense(torch.nn.Module):
    """A fully connected layer, weight (out, in).

    It is computed as a 1x1 convolution, which is the same sum. Debian's PyTorch hands
    convolutions to oneDNN and matrix products to the reference BLAS, and here the former is
    more than ten times as fast.
    """

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.empty(outputs, inputs))
        self.bias = torch.nn.Parameter(torch.zeros(outputs))
        torch.nn.init.xavier_uniform_(self.weight)

    def forward(self, x):
        return F.conv2d(x[:, :, None, None], self.weight[:, :, None, None], self.bias)[:, :, 0, 0]


class Conv(torch.nn.Conv2d):
    """A 3x3 convolution, initialised as Keras does."""

    def __init__(self, inputs, outputs, padding):
        super().__init__(inputs, outputs, 3, padding=padding)
        torch.nn.init.xavier_uniform_(self.weight)
        torch.nn.init.zeros_(self.bias)


class FcNet(torch.nn.Module):
    """784 -> 500 relu -> 10."""

    def __init__(self):
        super().__init__()
        self.fc1 = Dense(SIZE * SIZE, 500)
        self.fc2 = Dense(500, CLASSES)

    def forward(self, x):
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


class CnnNet(torch.nn.Module):
    """Two times (3x3 convolution, relu, 2x2 max-pool), then a dense layer.

    The dense layer reads its inputs in H, W, C order, C fastest, as Keras and ggml do.
    """

    def __init__(self, channels1, channels2, padding, dropout):
        super().__init__()
        self.conv1 = Conv(1, channels1, padding)
        self.conv2 = Conv(channels1, channels2, padding)
        side = ((SIZE - 2 + 2 * padding) // 2 - 2 + 2 * padding) // 2
        self.dense = Dense(side * side * channels2, CLASSES)
        self.dropout = dropout

    def forward(self, x):
        x = x.contiguous(memory_format=torch.channels_last)
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.permute(0, 2, 3, 1).flatten(1)
        return self.dense(F.dropout(x, self.dropout, self.training))


class Recipe:
    """What is trained, and how."""

    def __init__(self, title, net, text, epochs):
        self.title = title          # for general.name
        self.net = net              # makes the network
        self.text = text            # the network in a line of text, for general.description
        self.epochs = epochs


RECIPES = {
    "fc": Recipe(
        "MNIST fully connected 784-500-10", FcNet,
        "784 -> 500 relu -> 10", 30),
    "cnn-2023": Recipe(
        "MNIST CNN 32/64", lambda: CnnNet(32, 64, padding=0, dropout=0.5),
        "conv 3x3 32 valid relu, max-pool 2, conv 3x3 64 valid relu, max-pool 2, "
        "dropout 0.5, dense 10", 15),
    "cnn": Recipe(
        "MNIST CNN 8/16", lambda: CnnNet(8, 16, padding=1, dropout=0.0),
        "conv 3x3 8 same relu, max-pool 2, conv 3x3 16 same relu, max-pool 2, dense 10", 10),
}
BATCH = 128
RATE = 1e-3
SHIFT = 2
TRAINING = (f"Adam {RATE:g} with cosine decay, batch {BATCH}, {{epochs}} epochs, "
            f"random shift up to {SHIFT} px")


# ---------------------------------------------------------------- training

def shifted(padded, picks):
    """The picked images of `padded` (N, 28+2S, 28+2S), each shifted at random by up to S."""
    span = torch.arange(SIZE)
    rows = torch.randint(0, 2 * SHIFT + 1, (len(picks), 1)) + span
    columns = torch.randint(0, 2 * SHIFT + 1, (len(picks), 1)) + span
    return padded[picks[:, None, None], rows[:, :, None], columns[:, None, :]][:, None]


def logits_of(net, x):
    """Logits for many images, in evaluation mode."""
    net.eval()
    with torch.no_grad():
        return torch.cat([net(part) for part in x.split(1000)])


def accuracy(logits, labels):
    return (logits.argmax(1) == labels).double().mean().item()


def train(name, recipe, seed, epochs, images, labels):
    """The network after its best epoch, and what is to be told about it."""
    torch.manual_seed(seed)
    net = recipe.net()
    optimizer = torch.optim.Adam(net.parameters(), lr=RATE)

    x = to_input(images)
    y = torch.from_numpy(labels.astype(np.int64))
    held_back = len(x) // 10
    val_x, val_y = x[-held_back:], y[-held_back:]
    x, y = F.pad(x[:-held_back, 0], (SHIFT,) * 4), y[:-held_back]

    steps = math.ceil(len(x) / BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: 0.5 + 0.5 * math.cos(math.pi * step / (epochs * steps)))
    best = None
    for epoch in range(1, epochs + 1):
        started = time.monotonic()
        net.train()
        total = 0.0
        for picks in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            loss = F.cross_entropy(net(shifted(x, picks)), y[picks])
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(picks)
        val_logits = logits_of(net, val_x)
        val_accuracy = accuracy(val_logits, val_y)
        val_loss = F.cross_entropy(val_logits, val_y).item()
        print(f"{name}: epoch {epoch:2}/{epochs}  loss {total / len(x):.4f}  validation loss "
              f"{val_loss:.4f}  accuracy {100 * val_accuracy:.2f} %  "
              f"({time.monotonic() - started:.0f} s)", flush=True)
        if best is None or (val_accuracy, -val_loss) > best["key"]:
            best = {"key": (val_accuracy, -val_loss), "epoch": epoch,
                    "state": {k: v.clone() for k, v in net.state_dict().items()}}

    net.load_state_dict(best["state"])
    facts = (f"{recipe.text}; input pixel/255; trained on MNIST with PyTorch "
             f"{torch.__version__}: {TRAINING.format(epochs=epochs)}, "
             f"seed {seed}; kept epoch {best['epoch']} by validation on the last {held_back} "
             f"training images, validation accuracy {100 * best['key'][0]:.2f} %")
    return net, facts


def round_kernels_to_f16(net):
    """Give the convolutions the kernels that a file with F16 kernels holds."""
    with torch.no_grad():
        for conv in (net.conv1, net.conv2):
            conv.weight.copy_(conv.weight.half().float())


# ---------------------------------------------------------------- files

def array(parameter):
    return np.ascontiguousarray(parameter.detach().numpy())


def write_gguf(path, architecture, recipe, facts, tensors):
    """Write `tensors`, pairs of a name and an array; ggml lists the dimensions reversed."""
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_name(recipe.title)
    writer.add_author("inkling")
    writer.add_license("CC-BY-SA-3.0")
    writer.add_license_name("Creative Commons Attribution-ShareAlike 3.0 "
                            "(data: MNIST, Y. LeCun and C. Cortes)")
    writer.add_description(facts)
    for name, values in tensors:
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def tensors_fc(net):
    return [("fc1.weight", array(net.fc1.weight)), ("fc1.bias", array(net.fc1.bias)),
            ("fc2.weight", array(net.fc2.weight)), ("fc2.bias", array(net.fc2.bias))]


def tensors_cnn_2023(net):
    """F16 kernels, and each bias repeated over its whole feature map."""
    def over_map(bias, side):
        return np.ascontiguousarray(
            np.broadcast_to(array(bias)[None, :, None, None], (1, len(bias), side, side)))

    return [("kernel1", array(net.conv1.weight).astype(np.float16)),
            ("bias1", over_map(net.conv1.bias, 26)),
            ("kernel2", array(net.conv2.weight).astype(np.float16)),
            ("bias2", over_map(net.conv2.bias, 11)),
            ("dense_w", array(net.dense.weight)), ("dense_b", array(net.dense.bias))]


def tensors_cnn(net):
    return [("conv1.kernel", array(net.conv1.weight)),
            ("conv1.bias", array(net.conv1.bias)[None, :, None, None]),
            ("conv2.kernel", array(net.conv2.weight)),
            ("conv2.bias", array(net.conv2.bias)[None, :, None, None]),
            ("dense.weight", array(net.dense.weight)), ("dense.bias", array(net.dense.bias))]


def write_legacy(path, net):
    """The .bin of 2023: a magic number, then dimensions and float32 values, without names."""
    with open(path, "wb") as f:
        f.write(struct.pack("<i", LEGACY_MAGIC))
        for _, values in tensors_fc(net):
            f.write(struct.pack(f"<{1 + values.ndim}i", values.ndim, *values.shape[::-1]))
            f.write(values.astype("<f4").tobytes())


# ---------------------------------------------------------------- the check

# Name, type and dimensions (ggml's order, fastest first) of what each file must hold.
WANTED = {
    "fc-ggml.gguf": ("mnist-fc", [
        ("fc1.weight", "F32", [784, 500]), ("fc1.bias", "F32", [500]),
        ("fc2.weight", "F32", [500, 10]), ("fc2.bias", "F32", [10])]),
    "cnn-ggml-2023.gguf": ("mnist-cnn", [
        ("kernel1", "F16", [3, 3, 1, 32]), ("bias1", "F32", [26, 26, 32, 1]),
        ("kernel2", "F16", [3, 3, 32, 64]), ("bias2", "F32", [11, 11, 64, 1]),
        ("dense_w", "F32", [1600, 10]), ("dense_b", "F32", [10])]),
    "cnn-ggml.gguf": ("mnist-cnn", [
        ("conv1.kernel", "F32", [3, 3, 1, 8]), ("conv1.bias", "F32", [1, 1, 8, 1]),
        ("conv2.kernel", "F32", [3, 3, 8, 16]), ("conv2.bias", "F32", [1, 1, 16, 1]),
        ("dense.weight", "F32", [784, 10]), ("dense.bias", "F32", [10])]),
}


def read_gguf(path):
    """The tensors of one of our GGUF files, its layout checked."""
    architecture, wanted = WANTED[path.name]
    reader = gguf.GGUFReader(path)
    found = [(t.name, t.tensor_type.name, [int(d) for d in t.shape]) for t in reader.tensors]
    if reader.fields["general.architecture"].contents() != architecture or found != wanted:
        sys.exit(f"{path}: wanted {architecture} {wanted}, found {found}")
    return [np.array(t.data, np.float32) for t in reader.tensors]


def read_legacy(path):
    raw = path.read_bytes()
    if struct.unpack_from("<i", raw) != (LEGACY_MAGIC,):
        sys.exit(f"{path}: wrong magic number")
    tensors, at = [], 4
    while at < len(raw):
        count, = struct.unpack_from("<i", raw, at)
        dims = struct.unpack_from(f"<{count}i", raw, at + 4)[::-1]
        at += 4 + 4 * count
        tensors.append(np.frombuffer(raw, "<f4", math.prod(dims), at).reshape(dims))
        at += 4 * math.prod(dims)
    if [t.shape for t in tensors] != [(500, 784), (500,), (10, 500), (10,)]:
        sys.exit(f"{path}: wrong shapes")
    return tensors


def relu(x):
    return np.maximum(x, 0, dtype=np.float32)


def numpy_fc(tensors, x):
    w1, b1, w2, b2 = tensors
    return relu(x.reshape(len(x), -1) @ w1.T + b1) @ w2.T + b2


def numpy_cnn(tensors, x, padding):
    """x (N, H, W), logits (N, 10). A bias is (1, C, 1, 1) or (1, C, H, W)."""
    kernel1, bias1, kernel2, bias2, dense_w, dense_b = tensors
    x = x[:, None]
    for kernel, bias in ((kernel1, bias1), (kernel2, bias2)):
        x = np.pad(x, ((0, 0), (0, 0), (padding,) * 2, (padding,) * 2))
        height, width = x.shape[2] - 2, x.shape[3] - 2
        total = np.zeros((len(x), len(kernel), height, width), np.float32)
        for i in range(3):
            for j in range(3):
                total += np.einsum("oc,nchw->nohw", kernel[:, :, i, j],
                                   x[:, :, i:i + height, j:j + width], optimize=True)
        x = relu(total + bias)[:, :, :height // 2 * 2, :width // 2 * 2]
        x = x.reshape(len(x), len(kernel), height // 2, 2, width // 2, 2).max((3, 5))
    return x.transpose(0, 2, 3, 1).reshape(len(x), -1) @ dense_w.T + dense_b


EVALUATE = {
    "fc-ggml.gguf": lambda t, x: numpy_fc(t, x),
    "fc-legacy.bin": lambda t, x: numpy_fc(t, x),
    "cnn-ggml-2023.gguf": lambda t, x: numpy_cnn(t, x, 0),
    "cnn-ggml.gguf": lambda t, x: numpy_cnn(t, x, 1),
}


def numpy_logits(path, images):
    """Logits (N, 10) of a file for bytes (N, 28, 28), by NumPy in float32."""
    tensors = read_legacy(path) if path.suffix == ".bin" else read_gguf(path)
    x = images.astype(np.float32) / np.float32(255)
    return np.concatenate([EVALUATE[path.name](tensors, x[i:i + 500])
                           for i in range(0, len(x), 500)])


def softmax(logits):
    e = np.exp(logits - logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def check(path, samples, test, expected):
    """Read a file back and compare it with its golden outputs and, if given, PyTorch's accuracy."""
    golden = np.fromfile(path.with_suffix(".probs.f32"), "<f4").reshape(-1, CLASSES)
    difference = np.abs(softmax(numpy_logits(path, samples)) - golden).max()
    line = f"{path.name}: layout as wanted; NumPy against golden outputs {difference:.1e}"
    good = difference < 1e-5
    if test is not None:
        images, labels = test
        found = (numpy_logits(path, images).argmax(1) == labels).mean()
        line += f"; test accuracy {100 * found:.2f} %, PyTorch {100 * expected:.2f} %"
        good = good and abs(found - expected) < 1e-9
    print(line if good else f"FAILED {line}", flush=True)
    return good


# ---------------------------------------------------------------- main

def parse_arguments():
    parser = argparse.ArgumentParser(
        description="Train the bootstrap models on MNIST with PyTorch and write them as "
                    "fc-ggml.gguf, fc-legacy.bin, cnn-ggml-2023.gguf and cnn-ggml.gguf, each "
                    "with golden outputs for the first 64 sample images (.probs.f32).",
        epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", metavar="DIR", type=pathlib.Path, required=True,
                        help="folder for the files; made if it is not there")
    parser.add_argument("--data", metavar="DIR", type=pathlib.Path,
                        default=os.environ.get("INKLING_DATA"),
                        help="folder whose mnist/ holds MNIST's four .gz files "
                             "(default: the environment variable INKLING_DATA)")
    parser.add_argument("--samples", metavar="FILE", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parent.parent
                        / "samples" / "digits-images-idx3-ubyte",
                        help="IDX images for the golden outputs "
                             "(default: samples/digits-images-idx3-ubyte of this project)")
    parser.add_argument("--only", choices=sorted(RECIPES), action="append",
                        help="train only this network; may be given again")
    parser.add_argument("--seed", type=int, default=20231, help="default: %(default)s")
    parser.add_argument("--threads", type=int, default=2,
                        help="default: %(default)s; another number may change the last bits")
    parser.add_argument("--rehearse", action="store_true",
                        help="one epoch on 5000 images, without the test set: a trial run")
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("no data folder: give --data DIR or set INKLING_DATA")
    return arguments


def main():
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    torch.use_deterministic_algorithms(True)
    folder = pathlib.Path(arguments.data) / "mnist"
    try:
        samples = parse_idx(arguments.samples.read_bytes(), arguments.samples)[:GOLDEN_IMAGES]
    except OSError as e:
        sys.exit(f"{arguments.samples}: {e.strerror} (scripts/make-samples.py makes it)")
    arguments.output.mkdir(parents=True, exist_ok=True)

    images, labels = load_mnist(folder, "train")
    if arguments.rehearse:
        images, labels = images[:5000], labels[:5000]
    trained = {}
    for name, recipe in RECIPES.items():
        if arguments.only and name not in arguments.only:
            continue
        epochs = 1 if arguments.rehearse else recipe.epochs
        trained[name] = train(name, recipe, arguments.seed, epochs, images, labels)
    if "cnn-2023" in trained:
        net, facts = trained["cnn-2023"]
        round_kernels_to_f16(net)
        trained["cnn-2023"] = net, facts + "; kernels then rounded to F16"

    # Nothing is chosen any more from here on: now the test set may be looked at.
    test = None if arguments.rehearse else load_mnist(folder, "t10k")
    good = True
    for name, (net, facts) in trained.items():
        recipe, expected = RECIPES[name], None
        if test is not None:
            expected = accuracy(logits_of(net, to_input(test[0])),
                                torch.from_numpy(test[1].astype(np.int64)))
            facts += f", test accuracy {100 * expected:.2f} %"
        else:
            facts += " (rehearsal on 5000 images, not for use)"
        paths = [arguments.output / {"fc": "fc-ggml.gguf", "cnn": "cnn-ggml.gguf",
                                     "cnn-2023": "cnn-ggml-2023.gguf"}[name]]
        if name == "fc":
            write_gguf(paths[0], "mnist-fc", recipe, facts, tensors_fc(net))
            paths.append(arguments.output / "fc-legacy.bin")
            write_legacy(paths[1], net)
        elif name == "cnn-2023":
            write_gguf(paths[0], "mnist-cnn", recipe, facts, tensors_cnn_2023(net))
        else:
            write_gguf(paths[0], "mnist-cnn", recipe, facts, tensors_cnn(net))

        golden = torch.softmax(logits_of(net, to_input(samples)), 1).numpy().astype("<f4")
        for path in paths:
            path.with_suffix(".probs.f32").write_bytes(golden.tobytes())
            good = check(path, samples, test, expected) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
