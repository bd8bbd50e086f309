"""inkling inspect."""

import unittest

from support import FullyConnected, ProgramTest, convolutional, needs_json

NETWORK = FullyConnected()


class Inspect(ProgramTest):
    def setUp(self):
        super().setUp()
        self.model = self.file("model.gguf", NETWORK.gguf())

    @needs_json
    def test_document(self):
        document = self.done("inspect", self.model, "--json").json
        self.assertEqual(document["model"], str(self.model))
        self.assertEqual(document["name"], "a test")
        self.assertEqual(document["architecture"], "mnist-fc")
        self.assertEqual(document["format"], "GGUF v3")
        self.assertEqual(document["layout"], "ggml")
        self.assertEqual(document["file_bytes"], self.model.stat().st_size)
        self.assertEqual(document["parameters"], 784 * 16 + 16 + 16 * 10 + 10)
        self.assertEqual(document["multiply_adds"], 784 * 16 + 16 * 10)
        self.assertEqual(document["classes"], 10)
        self.assertEqual(document["labels"], [str(i) for i in range(10)])
        self.assertEqual({key: document["input"][key] for key in ("channels", "height", "width")},
                         {"channels": 1, "height": 28, "width": 28})
        self.assertAlmostEqual(document["input"]["scale"], 1 / 255, delta=1e-9)
        self.assertEqual([(t["name"], t["type"], t["shape"], t["bytes"])
                          for t in document["tensors"]],
                         [("fc1.weight", "f32", [16, 784], 50176), ("fc1.bias", "f32", [16], 64),
                          ("fc2.weight", "f32", [10, 16], 640), ("fc2.bias", "f32", [10], 40)])
        self.assertIn({"key": "general.name", "type": "string", "array": False,
                       "values": ["a test"]}, document["metadata"])
        self.assertNotIn("steps", document)
        for node in document["nodes"]:
            self.assertEqual(set(node), {"name", "op", "attributes", "inputs", "output",
                                         "parameters", "multiply_adds"})
        self.assertEqual(sum(n["parameters"] for n in document["nodes"]), document["parameters"])
        self.assertEqual(sum(n["multiply_adds"] for n in document["nodes"]),
                         document["multiply_adds"])

    @needs_json
    def test_kernels(self):
        best = self.done("inspect", self.model, "--kernels", "--json").json
        scalar = self.done("inspect", self.model, "--kernels", "--cpu", "scalar", "--json").json
        self.assertEqual(scalar["cpu"], "scalar")
        for step in best["steps"] + scalar["steps"]:
            self.assertTrue(step["kernel"])
        for step in scalar["steps"]:
            self.assertNotIn("avx", step["kernel"])

    def test_text(self):
        text = self.done("inspect", self.model, "-k").out
        for words in ("GGUF v3, layout ggml", "a test, architecture mnist-fc", "1x28x28",
                      "10: 0 1 2 3 4 5 6 7 8 9", "12730 parameters in 4 tensors",
                      "metadata", "general.name", '"a test"', "tensors", "16x784", "graph", "dense",
                      "plan", "kernel"):
            self.assertIn(words, text)
        self.assertNotIn("\033", text)
        for line in text.split("\n"):
            self.assertEqual(line, line.rstrip())
        self.assertNotIn("\nplan\n", self.done("inspect", self.model).out)

    def test_legacy_and_convolutions(self):
        text = self.done("inspect", self.file("model.bin", NETWORK.legacy())).out
        self.assertIn("layout legacy", text)
        text = self.done("inspect", self.file("cnn.gguf", convolutional())).out
        self.assertIn("conv2d", text)

    def hostile(self):
        file = NETWORK.gguf()
        file.metadata[1] = ("general.name", 8, b"\x09" + bytes(7) +
                            b"\033[31m\n\xffab")
        file.put_strings("long.list", ["word %d" % i for i in range(500)])
        file.put_string("long.text", "x" * 5000)
        file.put_u32("a.number", 4000000000)
        return self.file("hostile.gguf", file)

    @needs_json
    def test_hostile_strings_in_json(self):
        document = self.done("inspect", self.hostile(), "--json").json
        self.assertEqual(document["name"], "\033[31m\n\ufffdab")
        values = {entry["key"]: entry["values"] for entry in document["metadata"]}
        self.assertEqual(values["long.list"], ["word %d" % i for i in range(500)])
        self.assertEqual(values["long.text"], ["x" * 5000])
        self.assertEqual(values["a.number"], [4000000000])

    def test_hostile_strings_in_text(self):
        text = self.done("inspect", self.hostile()).out
        self.assertNotIn("\033", text)
        self.assertIn("?[31m??ab", text)
        self.assertIn("string[500]", text)
        self.assertIn('"word 0" "word 1" "word 2" "word 3" ...', text)
        self.assertIn("4000000000", text)
        for line in text.split("\n"):
            self.assertLess(len(line), 250)

    def test_failures(self):
        self.failed("inspect", code=2, says="MODEL is missing")
        self.failed("inspect", self.model, self.model, code=2, says="unexpected")
        self.failed("inspect", self.folder / "missing.gguf", says="missing.gguf")
        self.disk_full("inspect", self.model)
        self.disk_full("inspect", self.model, "--json")


if __name__ == "__main__":
    unittest.main()
