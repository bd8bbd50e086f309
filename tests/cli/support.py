"""What the tests of the programs share: making files without inkling's own code, running programs.

Environment: INKLING_BIN is the folder of the programs (default build/bin). The tests run from the
project's root and write nothing outside of a temporary folder.
"""

import gzip
import json
import math
import os
import pathlib
import pty
import random
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("INKLING_BIN", "build/bin")).resolve()
SAMPLES = ROOT / "samples"
DATA = os.environ.get("INKLING_DATA")

F32, F16 = 0, 1                                          # GGUF's tensor types
U32, GGUF_F32, STRING, ARRAY = 4, 6, 8, 9                # GGUF's value types


# ---- models ------------------------------------------------------------------------------------

def gguf_string(text):
    raw = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(raw)) + raw


def tensor_bytes(kind, values):
    return struct.pack("<%d%s" % (len(values), "f" if kind == F32 else "e"), *values)


class Gguf:
    """A GGUF file, dimensions fastest first. Its fields can be set to what nobody should write."""

    def __init__(self):
        self.magic = b"GGUF"
        self.version = 3
        self.order = "<"                                 # of the header's numbers
        self.tensor_count = self.kv_count = None         # None: as many as there are
        self.metadata = []                               # (key, type, packed value)
        self.tensors = []                                # [name, dimensions, type, bytes]

    def put_string(self, key, text):
        self.metadata.append((key, STRING, gguf_string(text)))

    def put_u32(self, key, value):
        self.metadata.append((key, U32, struct.pack("<I", value)))

    def put_strings(self, key, texts):
        packed = struct.pack("<IQ", STRING, len(texts)) + b"".join(map(gguf_string, texts))
        self.metadata.append((key, ARRAY, packed))

    def put_tensor(self, name, dimensions, values, kind=F32):
        self.tensors.append([name, dimensions, kind, tensor_bytes(kind, values)])

    def tensor(self, name):
        return next(tensor for tensor in self.tensors if tensor[0] == name)

    def bytes(self):
        count = len(self.tensors) if self.tensor_count is None else self.tensor_count
        pairs = len(self.metadata) if self.kv_count is None else self.kv_count
        head = self.magic + struct.pack(self.order + "IQQ", self.version, count, pairs)
        for key, kind, packed in self.metadata:
            head += gguf_string(key) + struct.pack("<I", kind) + packed
        data = b""
        for name, dimensions, kind, values in self.tensors:
            head += gguf_string(name) + struct.pack("<I", len(dimensions))
            head += struct.pack("<%dQ" % len(dimensions), *dimensions)
            head += struct.pack("<IQ", kind, len(data))
            data += values + bytes(-len(values) % 32)
        return head + bytes(-len(head) % 32) + data


class FullyConnected:
    """The network of ggml's mnist-fc with random weights, and its answers in double precision."""

    def __init__(self, pixels=784, hidden=16, classes=10, seed=1):
        source = random.Random(seed)

        def weights(count, spread):
            values = [source.uniform(-spread, spread) for _ in range(count)]
            return list(struct.unpack("<%df" % count, struct.pack("<%df" % count, *values)))

        self.pixels, self.hidden, self.classes = pixels, hidden, classes
        self.fc1_weight = weights(pixels * hidden, 0.2)
        self.fc1_bias = weights(hidden, 0.2)
        self.fc2_weight = weights(hidden * classes, 1.0)
        self.fc2_bias = weights(classes, 0.2)

    def probabilities(self, picture, scale=1 / 255):
        x = [pixel * scale for pixel in picture]

        def dense(x, weight, bias):
            n = len(x)
            return [b + math.fsum(w * v for w, v in zip(weight[i * n:(i + 1) * n], x))
                    for i, b in enumerate(bias)]

        hidden = [max(0.0, value) for value in dense(x, self.fc1_weight, self.fc1_bias)]
        logits = dense(hidden, self.fc2_weight, self.fc2_bias)
        powers = [math.exp(value - max(logits)) for value in logits]
        return [power / math.fsum(powers) for power in powers]

    def gguf(self):
        file = Gguf()
        file.put_string("general.architecture", "mnist-fc")
        file.put_string("general.name", "a test")
        file.put_tensor("fc1.weight", [self.pixels, self.hidden], self.fc1_weight)
        file.put_tensor("fc1.bias", [self.hidden], self.fc1_bias)
        file.put_tensor("fc2.weight", [self.hidden, self.classes], self.fc2_weight)
        file.put_tensor("fc2.bias", [self.classes], self.fc2_bias)
        return file

    def legacy(self):
        file = struct.pack("<i", 0x67676d6c)
        for dimensions, values in (([self.pixels, self.hidden], self.fc1_weight),
                                   ([self.hidden], self.fc1_bias),
                                   ([self.hidden, self.classes], self.fc2_weight),
                                   ([self.classes], self.fc2_bias)):
            file += struct.pack("<%di" % (1 + len(dimensions)), len(dimensions), *dimensions)
            file += tensor_bytes(F32, values)
        return file


def convolutional(channels=8, seed=2):
    """A file as today's ggml writes for mnist-cnn, with random weights."""
    source = random.Random(seed)

    def weights(count):
        return [source.uniform(-0.2, 0.2) for _ in range(count)]

    file = Gguf()
    file.put_string("general.architecture", "mnist-cnn")
    file.put_tensor("conv1.kernel", [3, 3, 1, channels], weights(9 * channels))
    file.put_tensor("conv1.bias", [1, 1, channels, 1], weights(channels))
    file.put_tensor("conv2.kernel", [3, 3, channels, 2 * channels], weights(18 * channels ** 2))
    file.put_tensor("conv2.bias", [1, 1, 2 * channels, 1], weights(2 * channels))
    file.put_tensor("dense.weight", [98 * channels, 10], weights(980 * channels))
    file.put_tensor("dense.bias", [10], weights(10))
    return file


def linear(channels=1, height=28, width=28, labels=None, seed=4):
    """A file in inkling's own layout (docs/formats.md): one dense layer, and labelled classes."""
    labels = labels or [str(i) for i in range(10)]
    source, pixels = random.Random(seed), channels * height * width
    file = Gguf()
    file.put_string("general.architecture", "inkling")
    file.put_u32("inkling.version", 1)
    file.metadata.append(("inkling.input.shape", ARRAY,
                          struct.pack("<IQ3I", U32, 3, channels, height, width)))
    file.metadata.append(("inkling.input.scale", GGUF_F32, struct.pack("<f", 1 / 255)))
    file.metadata.append(("inkling.input.offset", GGUF_F32, struct.pack("<f", 0)))
    file.put_strings("inkling.classes", labels)
    file.put_u32("inkling.node.count", 2)
    nodes = (("flatten", "flat", "input"), ("dense", "out", "flat"))
    for i, (op, name, inputs) in enumerate(nodes):
        file.put_string("inkling.node.%d.op" % i, op)
        file.put_string("inkling.node.%d.name" % i, name)
        file.put_strings("inkling.node.%d.inputs" % i, [inputs])
    file.put_tensor("out.weight", [pixels, len(labels)],
                    [source.uniform(-0.1, 0.1) for _ in range(pixels * len(labels))])
    file.put_tensor("out.bias", [len(labels)], [source.uniform(-1, 1) for _ in labels])
    return file


# ---- pictures ----------------------------------------------------------------------------------

def pictures(count, seed=3, size=784):
    """Pictures that are mostly black, as digits are."""
    source = random.Random(seed)
    return [bytes(source.randrange(256) if source.random() < 0.2 else 0 for _ in range(size))
            for _ in range(count)]


def idx(dimensions, data, kind=8):
    rank = len(dimensions)
    return struct.pack(">BBBB%dI" % rank, 0, 0, kind, rank, *dimensions) + data


def idx_images(images, height=28, width=28):
    return idx([len(images), height, width], b"".join(images))


def idx_labels(labels):
    return idx([len(labels)], bytes(labels))


def pgm(picture, width=28, height=28):
    return b"P5\n# made by a test\n%d %d\n255\n" % (width, height) + picture


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(rows, width=28, height=28, depth=8, colour=0, extra=b"", interlace=0):
    """A PNG of these bytes a row, without filters; `extra` are chunks before the pixels."""
    size = len(rows) // height
    raw = b"".join(b"\0" + rows[i * size:(i + 1) * size] for i in range(height))
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    return (b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + extra +
            png_chunk(b"IDAT", zlib.compress(raw)) + png_chunk(b"IEND", b""))


def jpeg(width=28, height=28):
    """The simplest one: a single code for "as the block before", one for "nothing more"; all of it is grey 128."""
    def segment(marker, body):
        return b"\xff" + marker + struct.pack(">H", 2 + len(body)) + body

    blocks = -(-width // 8) * -(-height // 8)
    code = bytes([1] + [0] * 15) + b"\0"
    return (b"\xff\xd8" + segment(b"\xdb", b"\0" + bytes([1] * 64)) +
            segment(b"\xc0", struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0") +
            segment(b"\xc4", b"\0" + code) + segment(b"\xc4", b"\x10" + code) +
            segment(b"\xda", b"\1\1\0\0\x3f\0") + bytes(-(-2 * blocks // 8)) + b"\xff\xd9")


# ---- programs ----------------------------------------------------------------------------------

class Result:
    def __init__(self, done):
        self.code = done.returncode
        self.raw = done.stdout
        self.out = done.stdout.decode("utf-8", "replace") if done.stdout is not None else ""
        self.err = done.stderr.decode("utf-8", "replace")

    @property
    def json(self):
        return json.loads(self.out)


def run(*arguments, program="inkling", stdin=b"", stdout=subprocess.PIPE, cwd=None, **variables):
    environment = {key: value for key, value in os.environ.items()
                   if key not in ("NO_COLOR", "COLORTERM", "INKLING_LIBEXEC", "INKLING_MODEL")}
    environment.setdefault("INKLING_SAMPLES", str(SAMPLES))
    environment.update(variables)
    command = [BIN / program] + [a if isinstance(a, (bytes, os.PathLike)) else str(a)
                                 for a in arguments]
    return Result(subprocess.run(command, input=stdin, stdout=stdout, stderr=subprocess.PIPE,
                                 cwd=cwd, env=environment, timeout=120, check=False))


if not (BIN / "inkling").exists():
    sys.exit("%s is not there: build it, or set INKLING_BIN to the folder of the programs" %
             (BIN / "inkling"))
BUILT_WITH = run("--version").out
HAS_JSON = "no jansson" not in BUILT_WITH
needs_json = unittest.skipUnless(HAS_JSON, "built without jansson")
needs_gzip = unittest.skipIf("no zlib" in BUILT_WITH, "built without zlib")
needs_png = unittest.skipIf("no libpng" in BUILT_WITH, "built without libpng")
needs_jpeg = unittest.skipIf("no libjpeg" in BUILT_WITH, "built without libjpeg")


def in_this_build(arguments):
    """Without jansson, --json is an error of its own that would hide the one that is tested."""
    return [argument for argument in arguments
            if HAS_JSON or argument != "--json" or len(arguments) == 1]


class ProgramTest(unittest.TestCase):
    """Each test has a folder, `self.folder`, and the files that it makes there."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="inkling-test-")
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content.bytes() if isinstance(content, Gguf) else content)
        return path

    def contents(self):
        return {path: path.read_bytes() if path.is_file() else None
                for path in self.folder.rglob("*")}

    def done(self, *arguments, **how):
        result = run(*arguments, **how)
        self.assertEqual((result.code, result.err), (0, ""), arguments)
        return result

    def failed(self, *arguments, code=1, says=(), program="inkling", **how):
        """It fails as every failure must: one line, no output, nothing written."""
        before = self.contents()
        arguments = in_this_build(arguments)
        result = run(*arguments, program=program, **how)
        self.assertEqual(result.code, code, (arguments, result.err))
        self.assertEqual(result.out, "", arguments)
        self.assertEqual(result.err.count("\n"), 1, (arguments, result.err))
        self.assertRegex(result.err, r"\A%s: [^\n]*\n\Z" % program, arguments)
        self.assertLess(len(result.err), 1000)
        for word in [says] if isinstance(says, str) else says:
            self.assertIn(word, result.err, arguments)
        self.assertEqual(self.contents(), before, arguments)
        return result

    def terminal(self):
        """Both ends of a pseudo-terminal, ours first; a bare root has no /dev/pts."""
        try:
            return pty.openpty()
        except OSError as error:
            self.skipTest("no terminal can be made here: %s" % error)

    def disk_full(self, *arguments, **how):
        """Standard output cannot be written."""
        before = self.contents()
        arguments = in_this_build(arguments)
        with open("/dev/full", "wb") as full:
            result = run(*arguments, stdout=full, **how)
        self.assertEqual(result.code, 1, (arguments, result.err))
        self.assertEqual(result.err.count("\n"), 1, (arguments, result.err))
        self.assertIn("cannot write to standard output", result.err)
        self.assertEqual(self.contents(), before, arguments)


def compressed(data):
    return gzip.compress(data, mtime=0)
