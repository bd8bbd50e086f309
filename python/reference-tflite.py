#!/usr/bin/env python3
"""The reference of a TensorFlow Lite model: see README.md."""

import idx

EXAMPLES = """  python3 reference-tflite.py mnist.tflite t10k-images-idx3-ubyte.gz reference.npy
  python3 reference-tflite.py bytes.tflite t10k-images-idx3-ubyte.gz reference.npy --count 200 --scale 1
"""


def interpreter_class():
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        try:
            from tflite_runtime.interpreter import Interpreter
        except ImportError:
            import tensorflow
            return tensorflow.lite.Interpreter
    return Interpreter


def load(args):
    interpreter = interpreter_class()(args.model)
    interpreter.allocate_tensors()
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    if len(inputs) != 1:
        raise idx.Failure("%s: has %d inputs, wanted one" % (args.model, len(inputs)))
    shape = [int(size) for size in inputs[0]["shape"]]

    def run(piece):
        interpreter.set_tensor(inputs[0]["index"], piece)
        interpreter.invoke()
        return interpreter.get_tensor(outputs[0]["index"])

    return shape[1:], inputs[0]["dtype"], lambda x: idx.run_batches(run, x, shape[0])


idx.main(idx.parser("TensorFlow Lite", EXAMPLES), load)
