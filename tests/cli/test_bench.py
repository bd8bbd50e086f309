"""inkling bench: that it measures and what it tells; how fast is not asked here."""

import os
import re
import shutil
import subprocess
import unittest

from support import (BIN, FullyConnected, ProgramTest, SAMPLES, idx_images, idx_labels, needs_json,
                     pictures)

QUICK = ["--seconds", "0.02"]


class Bench(ProgramTest):
    def setUp(self):
        super().setUp()
        self.model = self.file("model.gguf", FullyConnected().gguf())

    def bench(self, *arguments, **how):
        return self.done("bench", self.model, *QUICK, "--json", *arguments, **how).json

    @needs_json
    def test_document(self):
        document = self.bench()
        self.assertEqual((document["batch"], document["threads"]), (1, 1))
        self.assertEqual(document["images"], str(SAMPLES / "digits-images-idx3-ubyte"))
        self.assertGreaterEqual(document["different_images"], 256)
        self.assertGreater(document["calls"], 0)
        self.assertTrue(0 < document["us_min"] <= document["us_median"] <= document["us_p95"] <=
                        document["us_p99"])
        self.assertGreater(document["images_per_second"], 0)
        self.assertNotIn("nodes", document)

    @needs_json
    def test_batch_and_threads(self):
        document = self.bench("--batch", 300, "--threads", 2, "--cpu", "scalar")
        self.assertEqual((document["batch"], document["threads"], document["cpu"]),
                         (300, 2, "scalar"))
        self.assertEqual(self.bench("--batch", 1001)["batch"], 1001)

    @needs_json
    def test_threads_that_are_not_worth_it(self):
        document = self.bench("--threads", 2)
        self.assertEqual((document["threads"], document["threads_used"]), (2, 1))
        self.assertIn("2 threads of which 1 works, 1 image a call",
                      self.done("bench", self.model, *QUICK, "--threads", 2).out)
        self.assertEqual(self.bench("--threads", 2, "--batch", 1000)["threads_used"], 2)

    @needs_json
    def test_nodes(self):
        nodes = self.bench("--nodes")["nodes"]
        plan = self.done("inspect", self.model, "--kernels", "--json").json["steps"]
        self.assertEqual([(n["name"], n["kernel"], n["multiply_adds"]) for n in nodes],
                         [(s["name"], s["kernel"], s["multiply_adds"]) for s in plan])
        self.assertGreater(sum(node["us_min"] for node in nodes), 0)
        for node in nodes:
            self.assertLessEqual(node["us_min"], node["us_median"])
        self.assertGreater(self.bench("--nodes")["peak_multiply_adds_per_second"], 1e6)

    @needs_json
    def test_images(self):
        images = self.file("images", idx_images(pictures(5)))
        document = self.bench("--images", images, "--batch", 12)
        self.assertEqual((document["images"], document["different_images"]), (str(images), 5))

    def test_text(self):
        text = self.done("bench", self.model, *QUICK, "--nodes").out
        self.assertRegex(text, r"\d+\.\d{3} us median, \d+\.\d{3} least, "
                               r"\d+\.\d{3} 95th percentile, \d+\.\d{3} 99th")
        self.assertRegex(text, r"a second +\d+ images")
        self.assertIn("500 different images from", text)
        self.assertTrue(re.search(r"step +computes +kernel +us least +median +share +multiply-adds +of the peak", text))

    def test_noise(self):
        """A model of another input size: noise, and it says so."""
        small = self.file("small.bin", FullyConnected(pixels=196).legacy())
        self.assertIn("256 images of noise", self.done("bench", small, *QUICK).out)

    def test_samples_beside_the_program(self):
        """As installed, and as built, found through a link to the program."""
        for where in ("share/inkling/samples", "../samples"):
            tree = self.folder / where.replace("/", "-") / "tree"
            (tree / "bin").mkdir(parents=True)
            program = tree / "bin" / "inkling"
            shutil.copy2(BIN / "inkling", program)
            link = self.folder / ("link-" + where.replace("/", "-"))
            link.symlink_to(program)
            environment = {k: v for k, v in os.environ.items() if k != "INKLING_SAMPLES"}
            command = [link, "bench", self.model] + QUICK
            done = subprocess.run(command, capture_output=True, env=environment, check=False)
            self.assertEqual((done.returncode, done.stdout), (1, b""))
            self.assertEqual(done.stderr.count(b"\n"), 1)
            self.assertIn(b"INKLING_SAMPLES", done.stderr)
            shutil.copytree(SAMPLES, tree / where)
            done = subprocess.run(command, capture_output=True, env=environment, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_failures(self):
        self.failed("bench", code=2, says="MODEL is missing")
        for value in ("0", "-1", "1e9", "x", "inf"):
            self.failed("bench", self.model, "--seconds", value, code=2, says="--seconds")
        self.failed("bench", self.model, "--batch", 0, code=2, says="--batch")
        self.failed("bench", self.model, "--batch", 65537, code=2, says="--batch")
        self.failed("bench", self.model, *QUICK, says=str(self.folder),
                    INKLING_SAMPLES=str(self.folder))
        labels = self.file("labels", idx_labels([1, 2]))
        self.failed("bench", self.model, "--images", labels, *QUICK, says="look like labels")
        self.disk_full("bench", self.model, *QUICK)
        self.disk_full("bench", self.model, *QUICK, "--json")


if __name__ == "__main__":
    unittest.main()
