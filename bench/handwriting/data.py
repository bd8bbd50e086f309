"""The data: MNIST, the digits held back from its training, USPS, drawings, Fashion-MNIST; IDX and PGM files."""

import csv
import gzip
import pathlib
import struct
import zlib

import numpy as np

VALIDATION = 3000
FASHION = pathlib.Path("/usr/share/datasets/fashion-mnist")
MASK = (1 << 64) - 1


class Missing(Exception):
    """Data or a program that is not there; the table names it."""


def read_idx(path):
    """The array of an IDX file of bytes, in gzip or not."""
    raw = pathlib.Path(path).read_bytes()
    if raw[:2] == b"\x1f\x8b":
        raw = gzip.decompress(raw)
    zero, kind, dimensions = struct.unpack(">HBB", raw[:4])
    if zero != 0 or kind != 8:
        raise Missing("%s: not an IDX file of bytes" % path)
    shape = struct.unpack(">%dI" % dimensions, raw[4:4 + 4 * dimensions])
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def write_idx(path, images):
    header = struct.pack(">HBB%dI" % images.ndim, 0, 8, images.ndim, *images.shape)
    pathlib.Path(path).write_bytes(header + np.ascontiguousarray(images, np.uint8).tobytes())


def write_pgm(path, picture):
    height, width = picture.shape
    pathlib.Path(path).write_bytes(b"P5 %d %d 255\n" % (width, height) + np.ascontiguousarray(picture).tobytes())


def find(folder, name):
    """The IDX file NAME of a folder, under one of its usual names."""
    for usual in (name, name.replace("-idx", ".idx")):
        for end in ("", ".gz"):
            path = pathlib.Path(folder, usual + end)
            if path.exists():
                return path
    raise Missing("no %s in %s" % (name, folder))


def labelled(folder, part):
    return read_idx(find(folder, part + "-images-idx3-ubyte")), read_idx(find(folder, part + "-labels-idx1-ubyte"))


def generator(*what):
    """The random numbers of one thing that is made: the same for the same words and numbers."""
    return np.random.default_rng([zlib.crc32(str(word).encode()) for word in what])


# ---- the trainer's own draw of the pictures it sets aside ----

def mix(value):
    """ink_mix of src/base/random.h."""
    value = (value + 0x9e3779b97f4a7c15) & MASK
    value = ((value ^ (value >> 30)) * 0xbf58476d1ce4e5b9) & MASK
    value = ((value ^ (value >> 27)) * 0x94d049bb133111eb) & MASK
    return value ^ (value >> 31)


def set_aside(count, seed):
    """Which of COUNT training pictures `inkling train --seed SEED` holds back: the first so many of these.

    So validation digits here are pictures that no model of a recipe with validation = 0.05 has learnt from.
    """
    state = mix(mix(seed) ^ mix(1 * 0xd1342543de82ef95 & MASK))
    order = list(range(count))
    for i in range(count, 1, -1):
        k = (mix(state) >> 32) * i >> 32
        state = (state + 0x9e3779b97f4a7c15) & MASK
        order[i - 1], order[k] = order[k], order[i - 1]
    return order


def mnist(folder, part):
    """Pictures and labels of "test", or of "validation": those that training with seed 1 sets aside."""
    if part == "test":
        return labelled(folder, "t10k")
    images, labels = labelled(folder, "train")
    indices = np.array(set_aside(len(images), 1)[:VALIDATION])
    return images[indices], labels[indices]


# ---- sets for testing only ----

def usps(folder):
    return labelled(folder, "usps-test")


def fashion():
    if not FASHION.exists():
        raise Missing("no Fashion-MNIST (Debian: dataset-fashion-mnist)")
    return labelled(FASHION, "t10k")[0]


def drawings(folder):
    """The rows of drawn.tsv, each with `path`, and `seen`: may it be looked at? Names from A to K, digits before."""
    table = pathlib.Path(folder, "drawn.tsv")
    if not table.exists():
        raise Missing("no drawn.tsv in %s" % folder)
    with open(table, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    for row in rows:
        row["path"] = pathlib.Path(folder, "drawn", row["file"])
        row["seen"] = row["file"][0].lower() < "l"
    return rows
