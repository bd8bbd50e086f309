"""inkling quantize: what it writes computes nearly the same, and what it tells is true."""

import unittest

from support import FullyConnected, ProgramTest, idx_images, idx_labels, needs_json, pictures

NETWORK = FullyConnected()
PICTURES = pictures(60)
ANSWERS = [NETWORK.probabilities(picture) for picture in PICTURES]
DIGITS = [answer.index(max(answer)) for answer in ANSWERS]
LABELS = [digit if i % 4 else (digit + 1) % 10 for i, digit in enumerate(DIGITS)]


class Quantize(ProgramTest):
    def setUp(self):
        super().setUp()
        self.model = self.file("model.gguf", NETWORK.gguf())
        self.images = self.file("images", idx_images(PICTURES))
        self.labels = self.file("labels", idx_labels(LABELS))
        self.out = self.folder / "out.gguf"

    def quantize(self, *more, **how):
        return self.done("quantize", self.model, self.out, "--calibrate", self.images, *more, **how)

    @needs_json
    def test_numbers(self):
        told = self.quantize("--labels", self.labels, "--json").json
        self.assertEqual((told["images"], told["layers"], told["layers_i8"]), (60, 2, 2))
        self.assertEqual(told["bytes_before"], self.model.stat().st_size)
        self.assertEqual(told["bytes_after"], self.out.stat().st_size)
        self.assertLess(told["bytes_after"], 0.3 * told["bytes_before"])
        self.assertAlmostEqual(told["accuracy_before"], sum(d == l for d, l in zip(DIGITS, LABELS)) / 60, delta=1e-9)
        for model, key in ((self.model, "accuracy_before"), (self.out, "accuracy_after")):
            document = self.done("eval", model, self.images, self.labels, "--json").json
            self.assertAlmostEqual(document["accuracy"], told[key], delta=1e-9)
        answers = [self.done("predict", model, self.images, "--no-picture", "--count", 60, "--top", 10, "--json").json
                   for model in (self.model, self.out)]
        self.assertGreater(told["agreement"], 0.9)
        self.assertLess(told["largest_difference"], 0.2)
        self.assertEqual(len(answers), 2)

    def test_text(self):
        text = self.quantize("-l", self.labels).out
        self.assertRegex(text, r"layers     2 of 2 with weights of i8")
        self.assertRegex(text, r"accuracy   75\.00 % before, \d+\.\d\d % after \(45 and \d+ of 60 images\)")
        self.assertRegex(text, r"agreement  \d+ of 60 images")
        self.assertNotIn("accuracy", self.quantize().out)

    def test_same_bytes(self):
        self.quantize()
        first = self.out.read_bytes()
        self.quantize("--threads", 2, "--labels", self.labels)
        self.assertEqual(self.out.read_bytes(), first)

    def test_keep(self):
        name = [line.split()[0] for line in self.done("inspect", self.model).out.splitlines()
                if len(line.split()) > 1 and line.split()[1] == "dense"][-1]
        self.assertIn("1 of 2", self.quantize("--keep", name).out)

    def test_others_read_it(self):
        self.quantize()
        for command in (["inspect", self.out, "--kernels"], ["graph", self.out, "--plan"],
                        ["predict", self.out, self.images, "--index", 3, "--no-picture"],
                        ["bench", self.out, "--images", self.images, "--seconds", 0.01],
                        ["convert", self.out, self.folder / "copy.gguf"]):
            self.done(*command)
        self.assertEqual((self.folder / "copy.gguf").read_bytes(), self.out.read_bytes())
        self.assertIn("i8", self.done("inspect", self.out).out)

    def test_refused(self):
        self.quantize()
        for target, more in (("x.gguf", ["--type", "f32"]), ("x.gguf", ["--layout", "ggml"]), ("x.bin", []),
                             ("x.safetensors", [])):
            self.failed("convert", self.out, self.folder / target, *more, says="i8")
            self.assertFalse((self.folder / target).exists())
        twice = self.folder / "twice.gguf"
        self.failed("quantize", self.out, twice, "-c", self.images, says="i8 already")
        self.failed("quantize", self.model, twice, "-c", self.images, "--keep", "nobody", says="'nobody'")
        self.failed("quantize", self.model, twice, "-c", self.labels, says="labels")
        self.failed("quantize", self.model, twice, "-c", self.images, "-l", self.images, says="wanted labels")
        self.failed("quantize", self.model, twice, "-c", self.images, "-l",
                    self.file("short", idx_labels(LABELS[:9])), says=["9 labels", "60"])
        self.failed("quantize", self.model, twice, code=2, says="--calibrate")
        self.failed("quantize", self.model, twice, "-c", "-", "-l", "-", code=2, says="only once")
        self.assertFalse(twice.exists())

    def test_disk_full(self):
        self.disk_full("quantize", self.model, self.out, "-c", self.images)


if __name__ == "__main__":
    unittest.main()
