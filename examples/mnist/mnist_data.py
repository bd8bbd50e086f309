"""MNIST as NumPy arrays, for the examples here: the four files from a folder, or downloaded by Keras.

The folder is models/mnist beside this file, or what the environment variable MNIST names; `inkling data fetch mnist
--dir FOLDER` fills it. The files may be compressed, and have the names that LeCun's page or the document gives them.
"""

import gzip
import os
import pathlib

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = pathlib.Path(os.environ.get("MNIST", HERE / "models" / "mnist"))


def find(name):
    """The file train-images-idx3-ubyte and the like, under one of its names; None where there is none."""
    for variant in (name, name.replace("-idx", ".idx")):
        for ending in ("", ".gz"):
            if (FOLDER / (variant + ending)).exists():
                return FOLDER / (variant + ending)
    return None


def read(path):
    """An IDX file of bytes as an array."""
    with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
        data = file.read()
    if data[:3] != b"\0\0\x08":
        raise SystemExit("%s: is no IDX file of bytes" % path)
    rank = data[3]
    shape = np.frombuffer(data, ">u4", rank, 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)


def load():
    """((pictures, labels) to train, (pictures, labels) to test): bytes [count, 28, 28] and [count]."""
    paths = [find(name) for name in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
                                     "t10k-labels-idx1-ubyte")]
    if all(paths):
        arrays = [read(path) for path in paths]
        return (arrays[0], arrays[1]), (arrays[2], arrays[3])
    import keras
    return keras.datasets.mnist.load_data()
