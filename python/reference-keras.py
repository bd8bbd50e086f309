#!/usr/bin/env python3
"""The reference of a Keras model: see README.md."""

import numpy

import idx

EXAMPLES = """  python3 reference-keras.py model.keras t10k-images-idx3-ubyte.gz reference.npy
  python3 reference-keras.py model.h5 t10k-images-idx3-ubyte.gz reference.npy --count 200 --scale 1/127.5 --offset -1
  python3 reference-keras.py keras-2.h5 t10k-images-idx3-ubyte.gz reference.npy --legacy
"""


def load(args):
    if args.legacy:
        import tf_keras as keras
    else:
        import keras

    model = keras.models.load_model(args.model, compile=False)
    if not isinstance(model.input_shape, tuple):
        raise idx.Failure("%s: has several inputs" % args.model)
    return model.input_shape[1:], numpy.float32, lambda x: model.predict(x, batch_size=100, verbose=0)


p = idx.parser("Keras", EXAMPLES)
p.add_argument("--legacy", action="store_true", help="read it with Keras 2 (pip install tf_keras), as some older files "
               "need it")
idx.main(p, load)
