#!/usr/bin/env python3
"""Trains small networks in Keras on pixels scaled in each usual way, and asks `inkling convert` which way it was.

After one epoch, some on a part of MNIST, networks are unsure of themselves, or too sure: both must be judged rightly.

usage: tests/live/scalings.py [SEEDS]
Environment: INKLING_BIN, INKLING_DATA, INKLING_KERAS_PYTHON (with keras and tensorflow). Exit code 77: skipped.
"""

import gzip
import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import tempfile

WAYS = {"x = pixel / 255": (1 / 255, 0), "x = (pixel / 255 - 0.1307) / 0.3081": (1 / 255 / 0.3081, -0.1307 / 0.3081),
        "x = pixel / 127.5 - 1": (2 / 255, -1), "x = pixel": (1, 0), "x = 1 - pixel / 255": (-1 / 255, 1)}


def network(keras, kind):
    layers = keras.layers
    conv = [layers.Conv2D(16, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten(), layers.Dropout(0.5)]
    dense = [layers.Flatten(), layers.Dense(64, activation="relu")]
    return keras.Sequential([keras.Input((28, 28, 1)), *{"conv": conv, "dense": dense}[kind],
                             layers.Dense(10, activation="softmax")])


def main():
    data = pathlib.Path(os.environ.get("INKLING_DATA") or ".", "mnist")
    if not (data / "train-images-idx3-ubyte.gz").exists():
        print("skipped: INKLING_DATA is not set, MNIST is needed")
        return 77
    if not importlib.util.find_spec("keras"):
        other = os.environ.get("INKLING_KERAS_PYTHON", "")
        if os.access(other, os.X_OK) and other != sys.executable:
            os.execv(other, [other, *sys.argv])
        print("skipped: no keras here, and INKLING_KERAS_PYTHON names no other Python")
        return 77
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras
    import numpy

    read = lambda name, offset: numpy.frombuffer(gzip.decompress((data / name).read_bytes()), "u1", -1, offset) # noqa: E731
    pixels = read("train-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28, 1)
    labels = read("train-labels-idx1-ubyte.gz", 8)
    program = pathlib.Path(os.environ.get("INKLING_BIN", "build/test/bin"), "inkling")
    models = wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.keras")
        for seed in range(int(sys.argv[1]) if len(sys.argv) > 1 else 1):
            for way, (scale, offset) in WAYS.items():
                for kind, part in (("conv", 60000), ("conv", 20000), ("dense", 20000)):
                    keras.utils.set_random_seed(seed)
                    model = network(keras, kind)
                    model.compile("adam", "sparse_categorical_crossentropy")
                    model.fit(pixels[:part] * numpy.float32(scale) + numpy.float32(offset), labels[:part],
                              batch_size=128, verbose=0)
                    model.save(path)
                    done = subprocess.run([program, "convert", path, os.path.join(folder, "model.gguf")],
                                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                    told = re.search(r"^input .*?(x = [^,\n]*)", done.stdout, re.M)
                    models += 1
                    if done.returncode or not told or told.group(1).strip() != way:
                        wrong += 1
                        print("wrong: seed %d, %s, %d pictures, %s:\n%s" % (seed, kind, part, way, done.stdout))
    print("%d models, %d judged wrongly" % (models, wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
