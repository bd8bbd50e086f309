#!/usr/bin/env python3
"""The reference of an ONNX model: see README.md."""

import numpy

import idx

EXAMPLES = """  python3 reference-onnx.py mnist.onnx t10k-images-idx3-ubyte.gz reference.npy
  python3 reference-onnx.py logits.onnx t10k-images-idx3-ubyte.gz reference.npy --count 200 --softmax
"""

TYPES = {"tensor(float)": numpy.float32, "tensor(float16)": numpy.float16, "tensor(double)": numpy.float64,
         "tensor(uint8)": numpy.uint8}


def load(args):
    import onnxruntime

    session = onnxruntime.InferenceSession(args.model, providers=["CPUExecutionProvider"])
    inputs = session.get_inputs()
    if len(inputs) != 1:
        raise idx.Failure("%s: has %d inputs, wanted one" % (args.model, len(inputs)))
    name, shape = inputs[0].name, inputs[0].shape
    if inputs[0].type not in TYPES:
        raise idx.Failure("%s: takes %s" % (args.model, inputs[0].type))
    batch = shape[0] if isinstance(shape[0], int) and shape[0] > 0 else 100
    return shape[1:], TYPES[inputs[0].type], \
        lambda x: idx.run_batches(lambda piece: session.run(None, {name: piece})[0], x, batch)


idx.main(idx.parser("ONNX", EXAMPLES), load)
