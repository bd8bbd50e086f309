"""inkling convert from other frameworks' files: what is told, proved, refused; and that nothing of a file is run."""

import hashlib
import io
import json
import math
import os
import pickle
import struct
import unittest
import zipfile

from support import FullyConnected, ProgramTest, idx_images, idx_labels, needs_json, pictures, run

IMAGES = "samples/digits-images-idx3-ubyte"
LABELS = "samples/digits-labels-idx1-ubyte"
GRAPH = "input shape=1,28,28\nflatten\ndense name=fc1 units=16\nrelu\ndense name=fc2 units=classes\n"


def floats(values):
    return struct.pack("<%df" % len(values), *values)


def safetensors(tensors):
    header, data = {}, b""
    for name, (shape, raw) in tensors.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def npy(rows, columns, values):
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }" % (rows, columns)
    header += " " * (-(len(header) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + floats(values)


def legacy_tensors(data):
    """The four tensors of a .bin of ggml's fully connected network (docs/formats.md)."""
    at, tensors = 4, []
    for _ in range(4):
        rank, = struct.unpack_from("<i", data, at)
        shape = struct.unpack_from("<%di" % rank, data, at + 4)
        at += 4 + 4 * rank
        size = 4
        for dimension in shape:
            size *= dimension
        tensors.append((list(reversed(shape)), data[at:at + size]))
        at += size
    return tensors


class Harmful:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, ("touch '%s'" % self.path,)


@needs_json
class Foreign(ProgramTest):
    def setUp(self):
        super().setUp()
        self.done("convert", "models/fc.gguf", self.folder / "fc.bin")
        tensors = legacy_tensors((self.folder / "fc.bin").read_bytes())
        self.weights = dict(zip(("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"),
                                [tensors[0], ([500], tensors[1][1]), tensors[2], ([10], tensors[3][1])]))
        self.source = self.file("fc.safetensors", safetensors(self.weights))
        self.target = self.folder / "out.gguf"

    def convert(self, *arguments, source=None):
        return self.done("convert", source or self.source, self.target, *arguments)

    def test_weights_are_recognised(self):
        result = self.convert()
        self.assertIn("read   %s: safetensors, 4 tensors" % self.source, result.out)
        self.assertIn("x = pixel / 255, by which it reads", result.out)
        self.assertIn("dense name=fc1 units=500\n         relu\n", result.out)
        wanted = self.done("predict", "models/fc.gguf", IMAGES, "--count", 100, "--json").json["results"]
        found = self.done("predict", self.target, IMAGES, "--count", 100, "--json").json["results"]
        self.assertEqual([r["probabilities"] for r in wanted], [r["probabilities"] for r in found])

    def test_what_is_told(self):
        read = self.convert("--json").json["read"]
        self.assertEqual(read["format"], "safetensors")
        self.assertEqual(read["sha256"], hashlib.sha256(self.source.read_bytes()).hexdigest())
        self.assertEqual(read["input_shape"], [1, 28, 28])
        self.assertAlmostEqual(read["input_scale"], 1 / 255, delta=1e-9)
        self.assertEqual((read["graph_from"], read["input_scaling_from"]), ("samples", "samples"))
        metadata = self.done("inspect", self.target, "--json").json["metadata"]
        for key, value in (("file", "fc.safetensors"), ("format", "safetensors"), ("sha256", read["sha256"]),
                           ("scaling", "samples")):
            self.assertIn(value, json.dumps(metadata), key)

    def test_proof(self):
        result = self.convert("--verify", IMAGES, "--labels", LABELS)
        self.assertIn("verify 500 pictures agree with the source as it was read: largest difference 0 ", result.out)
        self.assertRegex(result.out, r"accuracy \d+\.\d\d %, (49\d|500) of 500")

    def test_proof_by_reference(self):
        network = FullyConnected()
        shown = pictures(6)
        images = self.file("images", idx_images(shown))
        model = self.file("model.gguf", network.gguf())
        rows = [network.probabilities(picture) for picture in shown]
        good = self.file("good.npy", npy(6, 10, [p for row in rows for p in row]))
        fewer = self.file("fewer.npy", npy(4, 10, [p for row in rows[:4] for p in row]))
        logits = self.file("logits.npy", npy(6, 10, [40 * p - 20 for row in rows for p in row]))
        bad = self.file("bad.npy", npy(6, 10, [p + (0.001 if i == 25 else 0) for i, p in
                                               enumerate(p for row in rows for p in row)]))
        proof = self.convert("--verify", images, "--reference", good, "--json", source=model).json["verify"]
        self.assertEqual((proof["images"], proof["same_class"]), (6, 6))
        self.assertLess(proof["largest_difference"], 1e-5)
        self.assertEqual(self.convert("--verify", images, "--reference", fewer, "--json",
                                      source=model).json["verify"]["images"], 4)
        self.target.unlink()
        self.failed("convert", model, self.target, "--verify", images, "--reference", bad,
                    says=["does not agree", "picture 2", "0.001", "0.0001"])
        self.assertFalse(self.target.exists())
        self.convert("--verify", images, "--reference", bad, "--tolerance", 0.01, source=model)
        self.failed("convert", model, self.target, "--verify", images, "--reference", logits, says="does not agree")
        self.failed("convert", model, self.target, "--verify", images, "--reference", images, says="is no .npy file")
        self.failed("convert", model, self.target, "--verify", images, "--labels",
                    self.file("labels", idx_labels([1, 2])), says="wanted 6 labels")
        self.failed("convert", model, self.target, "--verify", images, "--reference",
                    self.file("nine.npy", npy(6, 9, [0.0] * 54)), says=["9 columns", "10 classes"])
        self.failed("convert", model, self.target, "--verify", images, "--reference",
                    self.file("more.npy", npy(7, 10, [0.0] * 70)), says=["7 rows", "6 pictures"])

    def test_graph(self):
        network = FullyConnected()
        data = legacy_tensors(network.legacy())
        source = self.file("small.safetensors", safetensors(dict(zip(
            ("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"),
            [data[0], ([16], data[1][1]), data[2], ([10], data[3][1])]))))
        result = run("convert", source, self.target)
        self.assertEqual((result.code, result.out, self.target.exists()), (1, "", False))
        self.assertIn("holds weights and no graph", result.err.split("\n")[0])
        self.assertIn("--graph", result.err)
        draft = result.err[result.err.index("input shape"):]
        for line in ("dense name=fc1 units=16", "dense name=fc2 units=10"):
            self.assertIn(line, draft)
        graph = self.file("net.txt", GRAPH.encode())
        self.assertIn("x = pixel / 255, by --graph", self.convert("--graph", graph, source=source).out)
        self.done("predict", self.target, IMAGES, "--count", 1)
        self.failed("convert", source, self.target, "--graph", self.file("bad.txt", GRAPH.encode() + b"conv9\n"),
                    says=["bad.txt:6", "conv9"])
        self.failed("convert", "models/fc.gguf", self.target, "--graph", graph, says="no file that --graph is for")

    def test_scaling_is_told(self):
        """Whatever the file says or the samples do: by what is told guesses are judged too."""
        network = self.folder / "fc.onnx"
        self.done("convert", "models/fc.gguf", network)
        for source, told, words in ((self.source, ("1/200",), "pixel * 0.005 + 0"),
                                    (network, ("-1/255", "--input-offset", 1), "1 - pixel / 255")):
            result = self.convert("--input-scale", *told, source=source)
            self.assertIn("x = %s, by --input-scale" % words, result.out)
            info = self.done("inspect", self.target, "--json").json
            self.assertAlmostEqual(info["input"]["scale"], 0.005 if source == self.source else -1 / 255, delta=1e-9)
            self.assertIn("--input-scale", json.dumps(info["metadata"]))
        result = run("convert", self.source, self.target, "--input-scale", "-1/255", "--input-offset", 1)
        self.assertEqual(result.code, 1)
        self.assertIn("no guess at it reads", result.err)
        self.assertIn("input shape=1,28,28 scale=-0.00392156863 offset=1", result.err)
        self.failed("convert", "models/fc.gguf", self.target, "--input-scale", "1/255",
                    says="predict --input-scale")
        text = self.folder / "with-graph.safetensors"
        self.done("convert", "models/fc.gguf", text)
        self.failed("convert", text, self.target, "--input-scale", "1/255", says="line 'input'")

    def test_names_steer_no_terminal(self):
        """Names of layers are the file's, and stand in the draft that is printed."""
        source = self.file("odd.safetensors", safetensors({"a\x1b[31mb.weight": ([10, 784], floats([0.0] * 7840))}))
        result = run("convert", source, self.target)
        self.assertEqual(result.code, 1)
        self.assertIn("units=10", result.err)
        self.assertNotIn("\x1b", result.err)

    def test_type(self):
        for source in (self.source, "models/cnn.gguf"):
            self.done("convert", source, self.folder / "f32.gguf")
            result = self.done("convert", source, self.target, "--type", "f16", "--verify", IMAGES, "--tolerance", 0.01)
            self.assertIn("500 pictures agree", result.out)
            self.assertLess(self.target.stat().st_size, 0.6 * (self.folder / "f32.gguf").stat().st_size)
            types = {t["type"] for t in self.done("inspect", self.target, "--json").json["tensors"]
                     if len(t["shape"]) > 1}
            self.assertEqual(types, {"f16"})
            self.done("convert", self.target, self.folder / "again.gguf", "--type", "f32")
            self.done("convert", self.folder / "again.gguf", self.folder / "twice.gguf", "--type", "f16")
            self.assertEqual(self.target.read_bytes(), (self.folder / "twice.gguf").read_bytes())
        self.failed("convert", self.source, self.folder / "x.bin", "--type", "f16", code=2, says="layout inkling")

    def test_models_of_several_files(self):
        """TensorFlow.js' weights lie beside; a name that leads out of the folder is not opened."""
        def document(shard):
            layer = {"class_name": "Dense", "config": {"name": "d", "units": 10, "activation": "softmax",
                                                       "batch_input_shape": [None, 784]}}
            return json.dumps({
                "format": "layers-model",
                "modelTopology": {"model_config": {"class_name": "Sequential", "config": {"layers": [layer]}}},
                "weightsManifest": [{"paths": [shard], "weights": [
                    {"name": "d/kernel", "shape": [784, 10], "dtype": "float32"},
                    {"name": "d/bias", "shape": [10], "dtype": "float32"}]}]}).encode()
        biases = [float(i) for i in range(10)]
        source = self.file("model.json", document("part/a.bin"))
        self.failed("convert", source, self.target, says=["'part/a.bin'", "not in its folder"])
        (self.folder / "part").mkdir()
        self.file("part/a.bin", floats([0.0] * 7840 + biases))
        self.convert(source=source)
        found = self.done("predict", self.target, IMAGES, "--count", 1, "--json").json["results"][0]["probabilities"]
        raised = [math.exp(b) for b in biases]
        for p, r in zip(found, raised):
            self.assertAlmostEqual(p, r / sum(raised), delta=1e-6)
        self.target.unlink()
        for name in ("../a.bin", "/etc/hostname", "part/../../a.bin"):
            self.failed("convert", self.file("model.json", document(name)), self.target, says="outside its folder")
        self.file("part/a.bin", floats([0.0] * 7840))
        self.failed("convert", self.file("model.json", document("part/a.bin")), self.target,
                    says=["31360 bytes", "31400"])

    def test_nothing_is_run(self):
        """A pickle is a program: one that would do harm is refused by the name of what it calls."""
        mark = self.folder / "harm"
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("m/data.pkl", pickle.dumps({"a": Harmful(mark)}, protocol=2))
            archive.writestr("m/version", "3\n")
        error = self.failed("convert", self.file("m.pt", buffer.getvalue()), self.target).err
        if "built without libzip" not in error:
            self.assertIn("system", error)
        self.assertFalse(mark.exists())
        self.assertFalse(self.target.exists())

    def test_misuse(self):
        for arguments, says in ((("--reference", self.source), "--verify"), (("--labels", self.source), "--verify"),
                                (("--type", "f64"), "f64"), (("--input-scale", "0"), "--input-scale 0"),
                                (("--input-offset", "1"), "goes with --input-scale"),
                                (("--input-scale", "1", "--graph", self.source), "line 'input'"), (("--tolerance", "-1"), "--tolerance")):
            self.failed("convert", self.source, self.target, *arguments, code=2, says=says)
        folder = self.folder / "saved"
        folder.mkdir()
        self.failed("convert", folder, self.target, says="is a directory")
        (folder / "saved_model.pb").write_bytes(b"")
        self.failed("convert", folder, self.target, says=["SavedModel", "model.save(\"model.keras\")"])
        self.failed("convert", self.file("x.pt", b"nothing known"), self.target, says="x.pt")
        self.failed("convert", self.source, self.target, "--graph", self.folder / "none", says="none")
        for name in ("--graph", "--verify"):
            self.failed("convert", self.source, self.target, name, folder, says=str(folder))


if __name__ == "__main__":
    unittest.main()
