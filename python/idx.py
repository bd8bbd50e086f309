"""What the scripts here share: pictures of an IDX file as a model takes them, and what it gives as an .npy file."""

import argparse
import fractions
import gzip
import math
import pathlib
import struct
import sys

import numpy


class Failure(Exception):
    """What is wrong with a file or an argument, in one line."""


def read_images(path):
    """The pictures of an IDX file, compressed by gzip or not: uint8 [count, height, width].

    Format: https://yann.lecun.com/exdb/mnist/, "FILE FORMATS FOR THE MNIST DATABASE"."""
    data = pathlib.Path(path).read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    if len(data) < 16:
        raise Failure("%s: has %d bytes: no IDX file of pictures" % (path, len(data)))
    magic, count, height, width = struct.unpack(">4I", data[:16])
    if magic != 0x803:
        raise Failure("%s: begins with 0x%08x, wanted 0x00000803, bytes of three dimensions" % (path, magic))
    if len(data) != 16 + count * height * width:
        raise Failure("%s: %d pictures of %d x %d need %d bytes, the file has %d"
                      % (path, count, height, width, 16 + count * height * width, len(data)))
    return numpy.frombuffer(data, numpy.uint8, offset=16).reshape(count, height, width)


def number(text):
    """A number of the command line, which may be a fraction: "0.5", "1/255"."""
    try:
        value = float(fractions.Fraction(text.replace(" ", "")))
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError("'%s' is no number such as 0.5 or 1/255" % text) from None
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError("'%s' is not finite" % text)
    return value


def sizes(text):
    """A shape of the command line: "1,28,28"."""
    try:
        shape = tuple(int(size) for size in text.split(","))
    except ValueError:
        shape = ()
    if not shape or min(shape) < 1:
        raise argparse.ArgumentTypeError("'%s' is no shape such as 1,28,28" % text)
    return shape


def known_shape(shape, height, width):
    """The shape of one picture, without the batch, where None and names stand for sizes that may be any."""
    shape = list(shape)
    open_axes = [i for i, size in enumerate(shape) if not isinstance(size, int) or size < 1]
    if len(open_axes) == 1 and len(shape) == 1:
        shape[0] = height * width
    elif len(open_axes) == 2 and len(shape) in (2, 3):
        shape[open_axes[0]], shape[open_axes[1]] = height, width
    elif len(open_axes) == 3:
        shape = [height, width, 1]
    elif open_axes:
        raise Failure("the model takes pictures of shape %s, whose sizes are not known" % (shape,))
    return tuple(shape)


def prepare(pixels, shape, scale, offset, dtype=numpy.float32):
    """x = pixel * scale + offset, in the shape of one picture that the model takes."""
    count, height, width = pixels.shape
    shape = known_shape(shape, height, width)
    longer = [size for size in shape if size != 1]
    if longer not in ([size for size in (height, width) if size != 1], [height * width]):
        raise Failure("the model takes pictures of shape %s, these are %d x %d" % (list(shape), height, width))
    x = pixels.astype(numpy.float32) * numpy.float32(scale) + numpy.float32(offset)
    if dtype != numpy.float32:
        if not numpy.array_equal(x, x.astype(dtype)):
            raise Failure("the model takes %s: use --scale 1 --offset 0" % numpy.dtype(dtype).name)
        x = x.astype(dtype)
    return x.reshape(count, *shape)


def softmax(scores):
    """Probabilities from logits, along the last axis."""
    powers = numpy.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def as_scores(outputs, count):
    """float32 [count, classes]"""
    scores = numpy.asarray(outputs, dtype=numpy.float32)
    if scores.shape[:1] != (count,) or scores.size < 2 * count or max(scores.shape[1:], default=0) * count != scores.size:
        raise Failure("the model gives an array of shape %s, wanted scores of two or more classes for each of %d "
                      "pictures" % (list(scores.shape), count))
    if not numpy.isfinite(scores).all():
        raise Failure("the model gives values that are not finite")
    return scores.reshape(count, -1)


def batches(x, size):
    """Pieces of `size` pictures; the last is filled up with its last picture, for models of one size only."""
    for at in range(0, len(x), size):
        piece = x[at:at + size]
        missing = size - len(piece)
        yield numpy.concatenate([piece, numpy.repeat(piece[-1:], missing, axis=0)]) if missing else piece


def run_batches(run, x, size):
    """What `run` gives for all pictures, of which it takes `size` at once."""
    return numpy.concatenate([numpy.asarray(run(piece)) for piece in batches(x, size)])[:len(x)]


def parser(framework, examples):
    p = argparse.ArgumentParser(
        description="Write what a model of %s gives for the pictures of an IDX file, as the reference for 'inkling "
                    "convert --verify IMAGES --reference OUT'." % framework,
        epilog="examples:\n" + examples, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model", metavar="MODEL")
    p.add_argument("images", metavar="IMAGES", help="IDX file of pictures, compressed by gzip or not")
    p.add_argument("out", metavar="OUT.npy", help="becomes a float32 array [pictures, classes]")
    p.add_argument("--count", type=int, metavar="N", help="only the first N pictures")
    p.add_argument("--scale", type=number, default=1 / 255, metavar="S", help="x = pixel * S + O; default 1/255")
    p.add_argument("--offset", type=number, default=0.0, metavar="O", help="default 0")
    p.add_argument("--softmax", action="store_true", help="the model gives logits: make probabilities of them")
    return p


def checked(load, args):
    """load(args), with what a framework says of a file that it cannot read as one line."""
    try:
        return load(args)
    except (Failure, ImportError, OSError):
        raise
    except Exception as error:
        lines = str(error).strip().splitlines()
        raise Failure("%s: %s: %s" % (args.model, type(error).__name__, lines[0] if lines else "")) from None


def main(p, load):
    """Runs a script. `load(args)` gives the shape of a picture, without the batch, the type of its elements, and a
    function from pictures to scores."""
    args = p.parse_args()
    try:
        pixels = read_images(args.images)[:args.count]
        if not len(pixels):
            raise Failure("%s: no pictures are left" % args.images)
        shape, dtype, run = checked(load, args)
        scores = as_scores(run(prepare(pixels, shape, args.scale, args.offset, dtype)), len(pixels))
        if args.softmax:
            scores = softmax(scores)
        with open(args.out, "wb") as file:
            numpy.save(file, numpy.ascontiguousarray(scores, dtype="<f4"))
    except ImportError as error:
        sys.exit("%s: %s is not installed" % (p.prog, error.name or error))
    except (Failure, OSError, EOFError) as error:
        sys.exit("%s: %s" % (p.prog, error))
    print("%s: %d pictures, %d classes" % (args.out, *scores.shape))
