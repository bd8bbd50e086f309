"""inkling eval: its numbers against a computation of our own, and every wrong pair of files."""

import math
import pathlib
import unittest

from support import (DATA, ROOT, FullyConnected, ProgramTest, compressed, idx, idx_images, idx_labels,
                     linear, needs_gzip, needs_json, pictures)

NETWORK = FullyConnected()
PICTURES = pictures(60)
ANSWERS = [NETWORK.probabilities(picture) for picture in PICTURES]
DIGITS = [answer.index(max(answer)) for answer in ANSWERS]
LABELS = [digit if i % 4 else (digit + 1 + i % 3) % 10 for i, digit in enumerate(DIGITS)]


class Eval(ProgramTest):
    def setUp(self):
        super().setUp()
        self.model = self.file("model.gguf", NETWORK.gguf())
        self.images = self.file("images", idx_images(PICTURES))
        self.labels = self.file("labels", idx_labels(LABELS))

    def check(self, document):
        right = sum(digit == label for digit, label in zip(DIGITS, LABELS))
        self.assertEqual(document["images"], 60)
        self.assertEqual(document["correct"], right)
        self.assertAlmostEqual(document["accuracy"], right / 60, delta=1e-8)
        loss = -sum(math.log(answer[label]) for answer, label in zip(ANSWERS, LABELS)) / 60
        self.assertAlmostEqual(document["loss"], loss, delta=1e-5)
        confusion = [[0] * 10 for _ in range(10)]
        for digit, label in zip(DIGITS, LABELS):
            confusion[label][digit] += 1
        self.assertEqual(document["confusion"], confusion)
        misread = [(ANSWERS[i][DIGITS[i]], i) for i in range(60) if DIGITS[i] != LABELS[i]]
        wanted = sorted(misread, key=lambda pair: -pair[0])[:10]
        self.assertEqual([one["index"] for one in document["worst"]], [i for _, i in wanted])
        for one, (probability, i) in zip(document["worst"], wanted):
            self.assertEqual((one["label"], one["digit"]), (LABELS[i], DIGITS[i]))
            self.assertAlmostEqual(one["probability"], probability, delta=1e-5)

    @needs_json
    def test_numbers(self):
        document = self.done("eval", self.model, self.images, self.labels, "--json").json
        self.check(document)
        self.assertGreater(document["us_per_image"], 0)
        self.assertEqual(document["model"], str(self.model))

    @needs_json
    def test_wilson(self):
        low, high = self.done("eval", self.model, self.images, self.labels, "--json").json[
            "accuracy_ci95"]
        n, z = 60, 1.959963984540054
        p = sum(digit == label for digit, label in zip(DIGITS, LABELS)) / n
        for end in (low, high):                          # both ends solve |end - p| = z sqrt(...)
            self.assertAlmostEqual(abs(end - p), z * math.sqrt(end * (1 - end) / n), delta=1e-7)
        self.assertLess(low, p)
        self.assertLess(p, high)

    @needs_json
    def test_all_right_and_all_wrong(self):
        for shift, accuracy in ((0, 1), (1, 0)):
            labels = self.file("l", idx_labels([(digit + shift) % 10 for digit in DIGITS]))
            document = self.done("eval", self.model, self.images, labels, "--json").json
            self.assertEqual(document["accuracy"], accuracy)
            low, high = document["accuracy_ci95"]
            self.assertTrue(0 <= low <= accuracy <= high <= 1)
            self.assertGreater(high - low, 0.01)
            self.assertEqual(len(document["worst"]), 10 * shift)
            self.done("eval", self.model, self.images, labels)

    @needs_json
    def test_ways_to_run(self):
        for how in (["--cpu", "scalar"], ["--threads", 4], ["--batch", 1], ["--batch", 7, "-t", 3],
                    ["--input-scale", "1/255"]):
            self.check(self.done("eval", self.model, self.images, self.labels, "--json", *how).json)

    @needs_json
    def test_standard_input(self):
        self.check(self.done("eval", self.model, "-", self.labels, "--json",
                             stdin=self.images.read_bytes()).json)
        self.check(self.done("eval", self.model, self.images, "-", "--json",
                             stdin=self.labels.read_bytes()).json)

    @needs_json
    @needs_gzip
    def test_gzip(self):
        images = self.file("images.gz", compressed(self.images.read_bytes()))
        labels = self.file("labels.gz", compressed(self.labels.read_bytes()))
        self.check(self.done("eval", self.model, images, labels, "--json").json)

    @needs_json
    def test_impossible_answer(self):
        """A probability that rounds to 0 costs a finite loss."""
        network = FullyConnected()
        network.fc2_bias[3] = 500.0
        model = self.file("sure.gguf", network.gguf())
        labels = self.file("l", idx_labels([4] * 60))
        document = self.done("eval", model, self.images, labels, "--json").json
        self.assertAlmostEqual(document["loss"], -math.log(2 ** -126), delta=1e-4)

    @needs_json
    def test_prepared(self):
        """It counts what predict tells of each image, with any number of threads."""
        images, labels = ROOT / "samples" / "digits-images-idx3-ubyte", ROOT / "samples" / "digits-labels-idx1-ubyte"
        model = ROOT / "models" / "cnn.gguf"
        truth = labels.read_bytes()[8:]
        results = self.done("predict", model, images, "--prepare", "--count", 500, "--json").json["results"]
        for threads in (1, 2, 7):
            document = self.done("eval", model, images, labels, "--prepare", "--threads", threads, "--json").json
            right = [result["digit"] == label for result, label in zip(results, truth)]
            self.assertEqual((document["images"], document["correct"]), (500, sum(right)))
            self.assertEqual((document["unsure"], document["blank"]), (sum(one["unsure"] for one in results), 0))
            sure = [good for good, result in zip(right, results) if not result["unsure"]]
            self.assertAlmostEqual(document["accuracy_of_sure"], sum(sure) / len(sure), delta=1e-8)
        self.assertGreater(document["accuracy"], 0.97)
        self.assertNotIn("unsure", self.done("eval", model, images, labels, "--json").json)

    @needs_json
    def test_other_sizes_are_prepared(self):
        """Each image twice as large on dark paper, and one without ink, which is no misread."""
        raw = (ROOT / "samples" / "digits-images-idx3-ubyte").read_bytes()[16:16 + 784 * 40]
        truth = (ROOT / "samples" / "digits-labels-idx1-ubyte").read_bytes()[8:48]
        large = bytearray(64 * 60 * 41)
        for i in range(40):
            for y in range(56):
                for x in range(56):
                    large[(i * 60 + y + 2) * 64 + x + 4] = raw[i * 784 + y // 2 * 28 + x // 2]
        images = self.file("large", idx([41, 60, 64], bytes(large)))
        labels = self.file("truth", idx_labels(list(truth) + [0]))
        model = ROOT / "models" / "digits.gguf"
        document = self.done("eval", model, images, labels, "--json").json
        self.assertGreaterEqual(document["correct"], 39)
        self.assertEqual((document["blank"], document["unsure"] >= 1), (1, True))
        self.assertEqual(sum(map(sum, document["confusion"])), 40)
        self.assertEqual(len(document["worst"]), 40 - document["correct"])
        text = self.done("eval", model, images, labels, "--prepare").out
        self.assertRegex(text, r"(?m)^unsure    \d+\.\d\d %, \d+ images?; of the others \d+\.\d\d % are right$")
        self.assertIn("on 1 of the unsure nothing is written", text)

    def test_many_classes(self):
        """No matrix in the text beyond 26 classes; no labels beyond 256."""
        for classes in (27, 256):
            model = self.file("many.gguf", FullyConnected(classes=classes).gguf())
            self.assertNotIn("which digit", self.done("eval", model, self.images, self.labels).out)
        model = self.file("more.gguf", linear(labels=[str(i) for i in range(257)]))
        self.failed("eval", model, self.images, self.labels, says=["more.gguf", "257 classes"])

    def test_text(self):
        text = self.done("eval", self.model, self.images, self.labels).out
        right = sum(digit == label for digit, label in zip(DIGITS, LABELS))
        self.assertIn("accuracy  %.2f %%, %d of 60 images" % (100 * right / 60, right), text)
        for words in ("Wilson", "nats", "1.18e-38", "us an image", "the surest of 15 misreads",
                      "which digit (row) was read as which (column)"):
            self.assertIn(words, text)
        self.assertNotIn("\033", text)

    def test_wrong_pairs(self):
        model, images, labels = self.model, self.images, self.labels
        beyond = self.file("beyond", idx_labels(LABELS[:7] + [10] + LABELS[8:]))
        small = self.file("small", idx([60, 14, 14], bytes(60 * 196)))
        for arguments, says in (
                ([model, labels, images], "looks like you swapped"),
                ([model, labels, labels], "look like labels"),
                ([model, images, images], "look like pictures"),
                ([model, images, self.file("few", idx_labels(LABELS[:59]))],
                 ["holds 59 labels", "wanted 60"]),
                ([model, images, self.file("many", idx_labels(LABELS + [1]))], "holds 61 labels"),
                ([model, images, self.file("none", idx_labels([]))], "none"),
                ([model, self.file("empty", idx_images([])), labels], "empty"),
                ([model, images, beyond], ["label 7 is 10", "10 classes (0 to 9)"]),
                ([model, images, self.file("all99", idx_labels([99] * 60))], "label 0 is 99"),
                ([self.file("words.gguf", linear(labels=["yes", "no"])), small, labels], ["14x14", "28x28"]),
                ([model, small, self.file("few", idx_labels(LABELS[:59])), "--prepare"], "wanted 60"),
                ([model, images, self.folder / "missing"], "missing"),
                ([model, self.folder / "missing", labels], "missing"),
                ([model, images, self.folder], "is a directory"),
                ([model, self.folder, labels], "is a directory"),
                ([self.folder, images, labels], "directory"),
                ([images, images, labels], str(images)),
                ([model, model, labels], "GGUF model"),
                ([model, images, self.file("rank2", idx([30, 2], bytes(60)))], "rank 2")):
            self.failed("eval", *arguments, says=says)

    def test_usage(self):
        self.failed("eval", self.model, "-", "-", code=2, says="only once")
        self.failed("eval", self.model, self.images, code=2, says="LABELS is missing")
        self.failed("eval", self.model, self.images, self.labels, "x", code=2, says="unexpected")
        self.failed("eval", self.model, self.images, self.labels, "--batch", 0, code=2,
                    says="--batch")

    def test_disk_full(self):
        self.disk_full("eval", self.model, self.images, self.labels)
        self.disk_full("eval", self.model, self.images, self.labels, "--json")

    @needs_json
    @needs_gzip
    @unittest.skipUnless(DATA, "INKLING_DATA is not set")
    def test_mnist(self):
        """Models of other programs, the whole test set; expected values: data/models/README.md."""
        data = pathlib.Path(DATA)
        files = [data / "mnist/t10k-images-idx3-ubyte.gz", data / "mnist/t10k-labels-idx1-ubyte.gz"]
        for model, accuracy in (("mnist-fc-legacy.bin", 0.9831), ("mnist-cnn-2023.gguf", 0.9909),
                                ("mnist-fc-ggml.gguf", 0.9787), ("mnist-cnn-ggml.gguf", 0.9865)):
            document = self.done("eval", data / "models" / model, *files, "--json", "-t", 2).json
            self.assertEqual(document["images"], 10000)
            self.assertAlmostEqual(document["accuracy"], accuracy, delta=1e-9, msg=model)


if __name__ == "__main__":
    unittest.main()
