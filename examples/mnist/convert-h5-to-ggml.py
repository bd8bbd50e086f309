#!/usr/bin/env python3
"""Converts the fully connected network of mnist-fc.ipynb to ggml's older binary format.

usage: convert-h5-to-ggml.py STATE_DICT    writes ./models/mnist/ggml-model-f32.bin, by `inkling convert`

In spite of the name, which is that of ggml's example, STATE_DICT is what PyTorch's torch.save wrote.
"""

import pathlib
import sys

from inkling_program import inkling


def main(arguments):
    if len(arguments) != 1 or arguments[0] in ("-h", "--help"):
        sys.exit(__doc__.strip())
    target = pathlib.Path("models/mnist/ggml-model-f32.bin")
    target.parent.mkdir(parents=True, exist_ok=True)
    inkling("convert", arguments[0], target)
    print("Done. Output file: ./%s" % target)


main(sys.argv[1:])
