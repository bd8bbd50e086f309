#!/usr/bin/env python3
"""Converts the model files that people published, and compares the answers with their frameworks' on 200 test images.

For each file of INKLING_DATA/wild: `inkling convert` makes a GGUF, or refuses with a reason; then the framework that
the file is of runs the same images, scaled as the result's metadata says, and no probability may differ by more than
1e-4. A file without its graph is run in PyTorch as the printed graph says. Prints a line a file; --table writes the
lines as a Markdown table. A file may be refused where EXPECTED says so; everything else that is refused or differs is a
failure. Frameworks that are not installed are skipped.

Environment: INKLING_BIN, INKLING_DATA. Exit code 77: skipped.
"""

import argparse
import csv
import gzip
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

IMAGES, TOLERANCE = 200, 1e-4

# Files that inkling has to refuse, and a word of the reason.
EXPECTED = {
    "Vorobiy__InscribeAI__word_sentence_recognition.keras": "",
    "markusmeingast__Keras-MNIST-to-TPU__mnist.tflite": "quant",
    "akinobu123__tf2onnx__mnist.onnx": "",
}


class Skipped(Exception):
    """The framework is not here."""


def load_idx(path, np):
    data = gzip.decompress(path.read_bytes())
    rank = data[3]
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(np.frombuffer(data, ">u4", rank, 4))


def need(module):
    try:
        return __import__(module, fromlist=["x"])
    except ImportError as error:
        raise Skipped("no " + module) from error


def probabilities(scores, np):
    """Rows that are no probabilities are logits."""
    scores = np.asarray(scores, np.float64).reshape(len(scores), -1)
    if scores.min() >= -1e-6 and scores.max() <= 1 + 1e-5:
        return scores
    raised = np.exp(scores - scores.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)


# ---- frameworks ----

def shaped(x, shape, np):
    """[count, 28, 28] as the framework's input wants it; shape without the batch, None where it is free."""
    sizes = [28 if size is None else size for size in shape]
    return x.reshape([len(x), *sizes]).astype(np.float32)


def run_keras(path, x, _, np):
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    keras = need("keras")
    with tempfile.TemporaryDirectory() as folder:
        # Keras goes by the suffix, and not all people do
        link = pathlib.Path(folder, "m.keras" if path.suffix == ".keras" else "m.h5")
        link.symlink_to(path.resolve())
        try:
            model = keras.saving.load_model(link, compile=False)
        except Exception:
            os.environ["TF_USE_LEGACY_KERAS"] = "1"
            model = need("tf_keras").models.load_model(link, compile=False)
        shape = model.inputs[0].shape[1:] if model.inputs else (28, 28)
        return model.predict(shaped(x, shape, np), verbose=0)


def run_onnx(path, x, _, np):
    runtime = need("onnxruntime")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    rows = []
    sizes = [size if isinstance(size, int) else None for size in given.shape[1:]]
    for one in shaped(x, sizes, np):
        rows.append(session.run(None, {given.name: one[np.newaxis]})[0].reshape(-1))
    return np.stack(rows)


def run_tflite(path, x, _, np):
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    tf = need("tensorflow")
    program = tf.lite.Interpreter(str(path))
    program.allocate_tensors()
    given, scores = program.get_input_details()[0], program.get_output_details()[0]
    rows = []
    for one in shaped(x, given["shape"][1:], np):
        program.set_tensor(given["index"], one[np.newaxis])
        program.invoke()
        rows.append(program.get_tensor(scores["index"]).reshape(-1))
    return np.stack(rows)


def run_tfjs(path, x, _, np):
    """A layers-model by Keras: its topology is Keras' own configuration, its weights lie in shards."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    keras = need("tf_keras")
    document = json.loads(path.read_text())
    model = keras.models.model_from_json(json.dumps(document["modelTopology"]["model_config"]))
    values = {}
    for group in document["weightsManifest"]:
        data = b"".join((path.parent / name).read_bytes() for name in group["paths"])
        for weight in group["weights"]:
            count = int(np.prod(weight["shape"]))
            values[weight["name"]] = np.frombuffer(data, np.float32, count).reshape(weight["shape"])
            data = data[4 * count:]
    model.set_weights([values[weight.name.split(":")[0]] for weight in model.weights])
    return model.predict(shaped(x, model.inputs[0].shape[1:], np), verbose=0)


def torch_tensors(path, read):
    """The named tensors of a file, without the classes of whoever wrote it."""
    torch = need("torch")
    import pickle
    import types

    class Unknown(torch.nn.Module):
        def __init__(self, *_, **__):
            super().__init__()

    class Unpickler(pickle.Unpickler):
        def find_class(self, module, name):
            if module.split(".")[0] in ("torch", "collections", "builtins", "_codecs", "numpy"):
                return super().find_class(module, name)
            return type(name, (Unknown,), {})

    if read["format"] == "PyTorch TorchScript":
        return dict(torch.jit.load(str(path), map_location="cpu").state_dict())
    if read["format"] == "PyTorch module":
        # torch 1.13 takes the argument pickle_module and then does not use it
        torch.serialization.pickle = types.SimpleNamespace(**{**vars(pickle), "Unpickler": Unpickler})
        kwargs = {"weights_only": False} if "weights_only" in torch.load.__code__.co_varnames else {}
        loaded = torch.load(str(path), map_location="cpu", **kwargs)
        return dict(loaded.state_dict())
    loaded = torch.load(str(path), map_location="cpu", weights_only=True)
    return loaded[read["key"]] if read["key"] else loaded


def keras_tensors(path, torch):
    """The arrays of a .h5 of weights alone, by PyTorch's names and in its order."""
    h5py, found = need("h5py"), {}
    parts = {"kernel:0": "weight", "gamma:0": "weight", "bias:0": "bias", "beta:0": "bias",
             "moving_mean:0": "running_mean", "moving_variance:0": "running_var"}

    def visit(name, item):
        if hasattr(item, "shape"):
            array = item[()]
            array = array.transpose(3, 2, 0, 1) if array.ndim == 4 else array.T
            found[name.split("/")[-2] + "." + parts[name.split("/")[-1]]] = torch.from_numpy(array.copy())

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


def run_torch(path, x, read, np):
    """As the printed graph says, in PyTorch."""
    torch = need("torch")
    function = torch.nn.functional
    weights = keras_tensors(path, torch) if read["format"].startswith("Keras") else torch_tensors(path, read)
    values, last = {}, torch.from_numpy(x.astype(np.float32))[:, None]
    values["input"] = last
    for line in read["graph"].split("\n"):
        words = line.split("#")[0].split()
        if not words or words[0] == "input":
            continue
        given = dict(word.split("=", 1) for word in words[1:])
        if "inputs" in given:
            last = values[given["inputs"].split(",")[0]]

        def numbers(key, default):
            found = [int(n) for n in given.get(key, str(default)).split(",")]
            return found * 2 if len(found) == 1 else found

        def tensor(part, given=given):
            full = (given["name"] + "." if given.get("name") else "") + part
            return weights[full].float() if full in weights else None

        if words[0] == "conv2d":
            last = function.conv2d(last, tensor("weight"), tensor("bias"), numbers("stride", 1), numbers("padding", 0)[:2],
                                   numbers("dilation", 1), int(given.get("groups", "1")))
        elif words[0] == "dense":
            last = function.linear(last, tensor("weight"), tensor("bias"))
        elif words[0] == "batch_norm":
            last = function.batch_norm(last, tensor("running_mean"), tensor("running_var"), tensor("weight"),
                                       tensor("bias"), eps=float(given.get("epsilon", "1e-5")))
        elif words[0] in ("max_pool2d", "avg_pool2d"):
            last = getattr(function, words[0])(last, numbers("kernel", 2), numbers("stride", given["kernel"]))
        elif words[0] in ("global_avg_pool2d", "global_max_pool2d"):
            last = last.amax((2, 3), keepdim=True) if "max" in words[0] else last.mean((2, 3), keepdim=True)
        elif words[0] == "permute":
            last = last.permute(0, *(int(axis) + 1 for axis in given["order"].split(",")))
        elif words[0] == "flatten":
            last = last.flatten(1)
        elif words[0] in ("relu", "elu", "gelu", "sigmoid", "tanh", "leaky_relu"):
            named = {"alpha": "negative_slope"} if words[0] == "leaky_relu" else {}
            last = getattr(function if hasattr(function, words[0]) else torch, words[0])(
                last, **{named.get(key, key): float(value) for key, value in given.items() if key == "alpha"})
        elif words[0] in ("softmax", "log_softmax"):
            last = getattr(function, words[0])(last, -1)
        elif words[0] != "dropout":
            raise Skipped("a graph with " + words[0])
        values[given.get("name", "")] = last
    return last.detach().numpy()


RUNNERS = {"h5": run_keras, "keras": run_keras, "onnx": run_onnx, "tflite": run_tflite, "tfjs": run_tfjs,
           "pt": run_torch}


# ---- one file ----

def under_its_names(path, folder):
    """The file and those that belong to it, by the names that they were published under; in the collection each name
    begins with the project's."""
    prefix = path.name.rsplit("__", 1)[0]
    for part in path.parent.glob(prefix + "__*"):
        link = folder / part.name[len(prefix) + 2:]
        link.unlink(missing_ok=True)
        link.symlink_to(part.resolve())
    return folder / path.name[len(prefix) + 2:]


def judge(kind, path, x, data, np, folder):
    wanted = EXPECTED.get(path.name)
    path = under_its_names(path, folder)
    target = folder / "out.gguf"
    target.unlink(missing_ok=True)
    program = pathlib.Path(os.environ.get("INKLING_BIN", "build/test/bin")) / "inkling"
    done = subprocess.run([program, "convert", path, target, "--json", "--verify", data / "t10k-images-idx3-ubyte.gz",
                           "--labels", data / "t10k-labels-idx1-ubyte.gz"], capture_output=True, text=True)
    if done.returncode:
        reason = done.stderr.strip().replace(str(path) + ": ", "").replace("inkling: ", "")
        return ("refused" if wanted is not None and wanted in reason else "FAILED"), reason.replace("\n", "; ")[:300]
    told = json.loads(done.stdout)
    read, accuracy = told["read"], told["verify"]["accuracy"]
    runner = RUNNERS[kind] if read["graph_from"] == "the file" and kind != "pt" else run_torch
    scaled = x.astype(np.float64) * read["input_scale"] + read["input_offset"]
    try:
        wanted = probabilities(runner(path, scaled, read, np), np)
    except Skipped as why:
        return "skipped", "%s; accuracy %.2f %%" % (why, 100 * accuracy)
    answers = subprocess.run([program, "predict", target, data / "t10k-images-idx3-ubyte.gz", "--count", str(len(x)),
                              "--json"], capture_output=True, text=True, check=True)
    found = np.array([r["probabilities"] for r in json.loads(answers.stdout)["results"]])
    if found.shape != wanted.shape:
        return "FAILED", "%s answers, wanted %s" % (found.shape, wanted.shape)
    difference = np.abs(found - wanted).max()
    note = "difference %.2g, accuracy %.2f %%, x = pixel * %.6g + %.6g (%s)" % (
        difference, 100 * accuracy, read["input_scale"], read["input_offset"], read["input_scaling_from"])
    good = difference <= TOLERANCE and (read["graph_from"] == "the file" or accuracy >= 0.95)
    return ("agrees" if good else "FAILED"), note


def main():
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", action="store_true", help="print a Markdown table")
    parser.add_argument("names", nargs="*", help="only files whose name contains one of these")
    how = parser.parse_args()
    data = pathlib.Path(os.environ.get("INKLING_DATA") or ".")
    if not (data / "wild/models.tsv").exists():
        print("skipped: INKLING_DATA has no wild/models.tsv")
        return 77
    try:
        import numpy as np
    except ImportError:
        print("skipped: no numpy")
        return 77
    x = load_idx(data / "mnist/t10k-images-idx3-ubyte.gz", np)[:IMAGES]
    counts = {}
    with open(data / "wild/models.tsv", newline="") as rows, tempfile.TemporaryDirectory() as folder:
        for row in csv.DictReader(rows, delimiter="\t"):
            path = data / "wild" / row["file"]
            if how.names and not any(name in row["file"] for name in how.names):
                continue
            if row["model"] in ("weights shard", "external data"):
                continue
            try:
                verdict, note = judge(row["kind"], path, x, data / "mnist", np, pathlib.Path(folder))
            except Exception as error: # a framework that fails is a finding, and the others go on
                verdict, note = "FAILED", "%s: %s" % (type(error).__name__, str(error)[:200].replace("\n", " "))
            counts[verdict] = counts.get(verdict, 0) + 1
            print(("| %s | %s | %s |" if how.table else "%-70s %-8s %s") % (row["file"], verdict, note), flush=True)
    print("\n" + ", ".join("%d %s" % (count, verdict) for verdict, count in sorted(counts.items())))
    return 1 if counts.get("FAILED") else 0


if __name__ == "__main__":
    sys.exit(main())
