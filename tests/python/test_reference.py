"""python/idx.py, and that the scripts beside it tell how they are used. Exits with 77 without NumPy."""

import contextlib
import gzip
import io
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import unittest

try:
    import numpy
except ImportError:
    print("skipped: numpy is not installed (Debian: python3-numpy)")
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPTS = sorted((ROOT / "python").glob("reference-*.py"))
sys.path.insert(0, str(ROOT / "python"))
import idx  # noqa: E402


def images(count=2, height=2, width=3, magic=0x803):
    return struct.pack(">4I", magic, count, height, width) + bytes(range(count * height * width))


class Idx(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def file(self, data):
        path = self.folder / "images"
        path.write_bytes(data)
        return path

    def test_pictures_are_read(self):
        for data in images(), gzip.compress(images()):
            pixels = idx.read_images(self.file(data))
            self.assertEqual(pixels.shape, (2, 2, 3))
            self.assertEqual(pixels.ravel().tolist(), list(range(12)))

    def test_other_files_are_told(self):
        for data, words in ((b"", "has 0 bytes"), (images()[:-1], "need 28 bytes, the file has 27"),
                            (images() + b"x", "the file has 29"), (images(magic=0x801), "begins with 0x00000801")):
            with self.assertRaisesRegex(idx.Failure, words):
                idx.read_images(self.file(data))

    def test_numbers(self):
        self.assertEqual(idx.number("1/255"), 1 / 255)
        self.assertEqual(idx.number("-0.5"), -0.5)
        self.assertEqual(idx.sizes("1,28,28"), (1, 28, 28))
        for text in "x", "1/0", "nan", "1e999":
            with self.assertRaises(Exception):
                idx.number(text)
        for text in "x", "", "0", "1,-2":
            with self.assertRaises(Exception):
                idx.sizes(text)

    def test_pictures_take_the_model_s_shape(self):
        pixels = numpy.arange(12, dtype=numpy.uint8).reshape(2, 2, 3)
        for shape, wanted in (((2, 3), (2, 3)), ((6,), (6,)), ((2, 3, 1), (2, 3, 1)), ((1, 2, 3), (1, 2, 3)),
                              ((1, 6), (1, 6)), ((None,), (6,)), ((None, None, 1), (2, 3, 1)), ((1, "h", "w"), (1, 2, 3)),
                              ((None, None, None), (2, 3, 1))):
            x = idx.prepare(pixels, shape, 0.5, -1)
            self.assertEqual(x.shape, (2, *wanted))
            self.assertEqual(x.dtype, numpy.float32)
            self.assertEqual(x.ravel().tolist(), [i / 2 - 1 for i in range(12)])
        for shape in (28, 28), (2, 3, 3), (3, 2), (3, 2, 1), (None, 3):
            with self.assertRaises(idx.Failure):
                idx.prepare(pixels, shape, 1, 0)

    def test_bytes_stay_bytes(self):
        pixels = numpy.full((1, 2, 3), 200, dtype=numpy.uint8)
        self.assertEqual(idx.prepare(pixels, (6,), 1, 0, numpy.uint8).tolist(), [[200] * 6])
        with self.assertRaisesRegex(idx.Failure, "takes uint8: use --scale 1"):
            idx.prepare(pixels, (6,), 1 / 255, 0, numpy.uint8)

    def test_scores(self):
        self.assertEqual(idx.as_scores([[[1, 2]], [[3, 4]]], 2).tolist(), [[1, 2], [3, 4]])
        for outputs in [[1], [2]], [1, 2], [[1, 2]], [[[1, 2], [3, 4]]] * 2, [[1, float("nan")]] * 2:
            with self.assertRaises(idx.Failure):
                idx.as_scores(outputs, 2)
        self.assertTrue(numpy.allclose(idx.softmax(numpy.array([[1000, 1000 + numpy.log(3)]])), [[0.25, 0.75]]))

    def test_the_last_batch_is_filled_up(self):
        x = numpy.arange(5)
        self.assertEqual([b.tolist() for b in idx.batches(x, 2)], [[0, 1], [2, 3], [4, 4]])
        self.assertEqual(idx.run_batches(lambda b: b * 10, x, 2).tolist(), [0, 10, 20, 30, 40])

    def run_main(self, *arguments, run=lambda x: x):
        def load(_):
            if run is None:
                raise ValueError("it is no model\nat all")
            return (6,), numpy.float32, run

        out, argv = self.folder / "out", sys.argv
        sys.argv = ["script", "model", str(self.file(images())), str(out), *arguments]
        try:
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                idx.main(idx.parser("tests", ""), load)
        finally:
            sys.argv = argv
        self.assertIn("pictures, 6 classes", printed.getvalue())
        return numpy.load(out)

    def test_a_reference_is_written(self):
        reference = self.run_main("--scale", "1/2", "--offset", "1")
        self.assertEqual(reference.dtype, numpy.dtype("<f4"))
        self.assertEqual(reference.tolist(), [[i / 2 + 1 for i in range(6)], [i / 2 + 1 for i in range(6, 12)]])
        self.assertEqual(self.run_main("--count", "1", "--scale", "1").tolist(), [list(range(6))])
        self.assertTrue(numpy.allclose(self.run_main("--softmax").sum(axis=1), 1))

    def test_what_is_wrong_is_one_line(self):
        with self.assertRaisesRegex(SystemExit, "^script: the model gives an array of shape"):
            self.run_main(run=lambda x: x[:, :1])
        with self.assertRaisesRegex(SystemExit, "^script: model: ValueError: it is no model$"):
            self.run_main(run=None)
        with self.assertRaisesRegex(SystemExit, "no pictures are left"):
            self.run_main("--count", "0")


class Scripts(unittest.TestCase):
    def test_help_needs_no_framework(self):
        self.assertEqual(len(SCRIPTS), 4)
        for script in SCRIPTS:
            done = subprocess.run([sys.executable, "-B", script, "--help"], capture_output=True, text=True, check=True)
            self.assertIn("examples:", done.stdout)
            for line in re.findall(r"(?m)^  python3 (\S+)", done.stdout):
                self.assertEqual(line, script.name)


if __name__ == "__main__":
    unittest.main()
