#!/usr/bin/env python3
"""The reference of a PyTorch model: see README.md."""

import importlib.util
import pathlib
import sys

import numpy

import idx

EXAMPLES = """  python3 reference-torch.py scripted.pt t10k-images-idx3-ubyte.gz reference.npy --softmax
  python3 reference-torch.py weights.pth t10k-images-idx3-ubyte.gz reference.npy --module train.py:Net --softmax
  python3 reference-torch.py checkpoint.pt t10k-images-idx3-ubyte.gz reference.npy --module train.py:Net --key model
  python3 reference-torch.py mlp.pth t10k-images-idx3-ubyte.gz reference.npy --module train.py:Net --shape 784
"""


def class_of(text):
    """The class that "file.py:Name" tells of; the file is run."""
    path, _, name = text.rpartition(":")
    if not path:
        raise idx.Failure("--module %s: wanted file.py:ClassName" % text)
    sys.path.insert(0, str(pathlib.Path(path).resolve().parent))
    spec = importlib.util.spec_from_file_location(pathlib.Path(path).stem, path)
    if spec is None:
        raise idx.Failure("--module %s: no file of Python" % text)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    if not hasattr(module, name):
        raise idx.Failure("--module %s: the file has no class '%s'" % (text, name))
    return getattr(module, name)


def load_model(args):
    import torch

    if args.module and not args.trust:
        weights = torch.load(args.model, map_location="cpu", weights_only=True)
        for key in args.key or []:
            weights = weights[key]
        model = class_of(args.module)()
        model.load_state_dict(weights)
        return model
    if args.trust:
        if args.module:
            setattr(sys.modules["__main__"], args.module.rpartition(":")[2], class_of(args.module))
        return torch.load(args.model, map_location="cpu", weights_only=False)
    try:
        return torch.jit.load(args.model, map_location="cpu")
    except RuntimeError:
        raise idx.Failure("%s: is no TorchScript: name the class of a state_dict with --module, or use --trust for a "
                          "whole module that you trust" % args.model) from None


def load(args):
    import torch

    model = load_model(args).eval()

    def run(piece):
        with torch.no_grad():
            return model(torch.from_numpy(piece)).numpy()

    return args.shape, numpy.float32, lambda x: numpy.concatenate([run(x[at:at + 100]) for at in range(0, len(x), 100)])


p = idx.parser("PyTorch", EXAMPLES)
p.add_argument("--module", metavar="FILE.py:CLASS", help="MODEL is a state_dict of this class, made without arguments")
p.add_argument("--key", action="append", metavar="KEY", help="where the state_dict is in a checkpoint; may be repeated")
p.add_argument("--shape", type=idx.sizes, default=(1, 28, 28), help="of one picture; default 1,28,28")
p.add_argument("--trust", action="store_true", help="MODEL is a whole module: its pickle may run any code")
idx.main(p, load)
