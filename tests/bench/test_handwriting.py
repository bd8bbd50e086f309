"""bench/handwriting: what it measures with is right. No data but samples/ is read, and little is measured."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench/handwriting"))
sys.dont_write_bytecode = True

try:
    import numpy as np
    import PIL # noqa: F401
except ImportError as error:
    print("skipped: %s (Debian: python3-numpy, python3-pil)" % error)
    sys.exit(77)

import corruptions # noqa: E402
import data # noqa: E402
import engine # noqa: E402
import imaging # noqa: E402
import measures # noqa: E402
import nodigits # noqa: E402
import paper # noqa: E402
import scenes # noqa: E402
import scores # noqa: E402

IMAGES = data.read_idx(ROOT / "samples/digits-images-idx3-ubyte")
LABELS = data.read_idx(ROOT / "samples/digits-labels-idx1-ubyte")


def blobs(ink):
    """How many pieces of touching pixels, the corners' neighbours among them."""
    left = {(int(r), int(c)) for r, c in zip(*np.nonzero(ink))}
    count = 0
    while left:
        count += 1
        some = [left.pop()]
        while some:
            row, column = some.pop()
            for place in [(row + r, column + c) for r in (-1, 0, 1) for c in (-1, 0, 1)]:
                if place in left:
                    left.remove(place)
                    some.append(place)
    return count


class Scores(unittest.TestCase):
    def test_calibration_error(self):
        self.assertEqual(scores.calibration_error(np.ones(50), np.ones(50, bool)), 0)
        self.assertAlmostEqual(scores.calibration_error([0.5, 0.5], [True, False]), 0)
        self.assertAlmostEqual(scores.calibration_error([0.9] * 4, [True, True, False, False]), 0.4)
        # Two bins, each off by a tenth, and one of them three times as large.
        self.assertAlmostEqual(scores.calibration_error([0.9] * 3 + [0.1], [True] * 3 + [False]), 0.1)

    def test_bins(self):
        number, mean, accuracy = scores.bins([0, 1, 1, 0.999], [False, True, True, False])
        self.assertEqual((number[0], number[-1], number.sum()), (1, 3, 4))
        self.assertAlmostEqual(mean[-1], 2.999 / 3)
        self.assertAlmostEqual(accuracy[-1], 2 / 3)

    def test_distance(self):
        for found, label, wrong, kept in (("", "", 0, 0), ("123", "123", 0, 3), ("", "123", 3, 0),
                                          ("1234", "124", 1, 3), ("124", "1234", 1, 3), ("1?3", "123", 1, 2),
                                          ("321", "123", 2, 1)):
            self.assertEqual(scores.alignment(found, label), (wrong, kept), (found, label))

    def test_digits_right(self):
        for text, label, right in (("12345\n67890", "12345 67890", 10), ("67890", "12345 67890", 5),
                                   ("1234567890", "12345 67890", 5), ("?\n1 23 45\n67?90\n", "12345 67890", 9),
                                   ("67890\n12345", "12345 67890", 5), ("", "12", 0)):
            self.assertEqual(scores.digits_right(text, label), right, (text, label))


class Pictures(unittest.TestCase):
    def test_corruptions(self):
        self.assertEqual(len(corruptions.ALL), 15)
        some = IMAGES[:20]
        np.testing.assert_array_equal(corruptions.corrupted(some, corruptions.identity, "test"), some)
        seen = []
        for corruption in corruptions.ALL:
            with self.subTest(corruption.__name__):
                before = some.copy()
                made = corruptions.corrupted(some, corruption, "test")
                self.assertEqual((made.shape, made.dtype), (some.shape, np.uint8))
                np.testing.assert_array_equal(made, corruptions.corrupted(some, corruption, "test"))
                np.testing.assert_array_equal(some, before)
                self.assertTrue((made != some).any((1, 2)).mean() > 0.9, "pictures that are as they were")
                self.assertTrue((made.max((1, 2)) > made.min((1, 2))).all(), "blank pictures")
                self.assertFalse(any((made == other).all() for other in seen))
                seen.append(made)

    def test_sampled(self):
        x = np.arange(12, dtype=float).reshape(1, 3, 4)
        row, column = np.mgrid[0:3, 0:4].astype(float)
        np.testing.assert_allclose(imaging.sampled(x, row[None], column[None]), x)
        np.testing.assert_allclose(imaging.sampled(x, row[None], column[None] + 0.5)[0, :, 0], x[0, :, :2].mean(1))
        self.assertTrue((imaging.sampled(x, row[None] + 9, column[None]) == 0).all())
        np.testing.assert_allclose(imaging.warped(x, np.eye(2)), x)
        np.testing.assert_allclose(imaging.blurred(np.full((2, 5, 6), 0.3), 1.7), 0.3)

    def test_pasted(self):
        polarities = set()
        for i in range(20):
            picture = paper.pasted(IMAGES[i], i, "test")
            np.testing.assert_array_equal(picture, paper.pasted(IMAGES[i], i, "test"))
            self.assertGreater(min(picture.shape), 28)
            self.assertGreater(int(picture.max()) - int(picture.min()), 60)
            polarities.add(np.median(picture) > picture.mean())
        self.assertEqual(len(polarities), 2)
        self.assertFalse(np.array_equal(paper.pasted(IMAGES[0], 0, "test"), paper.pasted(IMAGES[0], 0, "validation")))

    def test_surroundings(self):
        for name in scenes.ALL:
            with self.subTest(name):
                picture, label = scenes.number(IMAGES, LABELS, name, 4, "test")
                again, same = scenes.number(IMAGES, LABELS, name, 4, "test")
                np.testing.assert_array_equal(picture, again)
                self.assertEqual((picture.dtype, label), (np.uint8, same))
                self.assertTrue(3 <= len(label) <= 8 and label.isdigit(), label)
        picture, _ = scenes.number(IMAGES, LABELS, "on a sheet on a table", 4, "test")
        edge = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
        self.assertLess(int(edge.max()), int(np.median(picture)) - 30, "the table is all around, and darker")

    def test_numbers(self):
        for touching in (False, True):
            picture, label = paper.number(IMAGES, LABELS, touching, 3, "test")
            again, same = paper.number(IMAGES, LABELS, touching, 3, "test")
            np.testing.assert_array_equal(picture, again)
            self.assertEqual(label, same)
            self.assertTrue(4 <= len(label) <= 8 and label.isdigit(), label)

    def test_touching(self):
        """Digits that are one piece each: a number that touches throughout is one, a separate one has its length."""
        whole = [i for i in range(60) if blobs(paper.pen(IMAGES[i], 40, data.generator("pen", i)) > 0.5) == 1]
        self.assertGreater(len(whole), 20)

        def choose(random):
            at = whole[random.integers(0, len(whole))]
            return IMAGES[at], LABELS[at]

        for i in range(12):
            for how in (None, "all", "some"):
                random = data.generator("touching", i)
                length = int(random.integers(4, 9))
                ink, label = paper.written(choose, length, how, 24 + 4 * i, random)
                pieces, expected = blobs(ink > 0.5), {None: length, "all": 1}.get(how)
                self.assertEqual(len(label), length)
                if how == "some":
                    self.assertLess(pieces, length, (i, label))
                else:
                    # A thin digit may break where another pen writes it than the one that was tried.
                    self.assertTrue(expected <= pieces <= expected + 1, (i, how, label, pieces))

    def test_no_digits(self):
        self.assertEqual(len(nodigits.LETTERS), 36)
        for i in range(8):
            picture = nodigits.strokes(i, "test")
            np.testing.assert_array_equal(picture, nodigits.strokes(i, "test"))
            self.assertGreater(int(picture.max()) - int(picture.min()), 60)


class Reading(unittest.TestCase):
    def test_touching_numbers(self):
        """69 of 100; 64 where the network's probabilities choose the cuts as they are (src/vision/read.c, liking)."""
        program = os.path.join(os.environ.get("INKLING_BIN", ROOT / "build/bin"), "inkling")
        if b"no jansson" in subprocess.run([program, "--version"], stdout=subprocess.PIPE, check=True).stdout:
            self.skipTest("built without jansson, and --json needs it")
        tool = engine.Engine(program, ROOT / "models/digits.gguf")
        with tempfile.TemporaryDirectory() as folder:
            paths, labels = measures.compose((paper.number(IMAGES, LABELS, True, i, "test") for i in range(100)), folder)
            right = sum("".join(image["text"].split()) == label
                        for image, label in zip(tool.read_files(paths), labels))
        self.assertGreaterEqual(right, 65)


class Data(unittest.TestCase):
    def test_set_aside(self):
        """As the trainer draws them: models/digits.gguf says 99.67 % of its 3000, and reads 2990 of these."""
        order = data.set_aside(60000, 1)
        self.assertEqual(sorted(order), list(range(60000)))
        self.assertEqual(order[:5], [38730, 17246, 12852, 32957, 22637])

    def test_files(self):
        with tempfile.TemporaryDirectory() as folder:
            data.write_idx(pathlib.Path(folder, "x-idx3-ubyte"), IMAGES[:3])
            np.testing.assert_array_equal(data.read_idx(data.find(folder, "x-idx3-ubyte")), IMAGES[:3])
            with self.assertRaises(data.Missing):
                data.find(folder, "y-idx3-ubyte")


FAKE = """#!%s
import json, sys
files = [a for a in sys.argv[2:] if a.endswith(".pgm")]
if sys.argv[1] == "predict" and "broken" in sys.argv[2]:
    sys.exit("inkling: it is broken")
if sys.argv[1] == "predict":
    row = {"probabilities": [0.02] * 9 + [0.82], "unsure": True}
    print(json.dumps({"results": [row] * len(files)}))
else:
    print(json.dumps({"images": [{"file": f, "text": "1"} for f in files]}))
""" % sys.executable


class Engine(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.program = os.path.join(folder.name, "inkling")
        pathlib.Path(self.program).write_text(FAKE, encoding="utf-8")
        os.chmod(self.program, 0o755)

    def test_predict(self):
        tool = engine.Engine(self.program, "model.gguf")
        found = tool.predict_pictures(np.zeros((n % 5 + 1, 7), np.uint8) for n in range(engine.PICTURES + 3))
        self.assertEqual(len(found), engine.PICTURES + 3)
        self.assertTrue((found.digit == 9).all() and found.unsure.all() and (found.confidence == 0.82).all())
        self.assertEqual(list(found.right(np.full(len(found), 9)))[:2], [True, True])

    def test_commands_are_short(self):
        names = ["/folder/%d.pgm" % i for i in range(30000)]
        parts = list(engine.pieces(names))
        self.assertEqual([name for part in parts for name in part], names)
        self.assertTrue(len(parts) > 1 and all(sum(len(n) + 1 for n in part) <= engine.LINE for part in parts))
        self.assertEqual(len(engine.Engine(self.program, "model.gguf").read_files(names[:2])), 2)

    def test_failures(self):
        with self.assertRaisesRegex(engine.Failed, "predict: exit code 1: inkling: it is broken"):
            engine.Engine(self.program, "broken.gguf").predict_files(["a.pgm"])
        with self.assertRaisesRegex(engine.Failed, "0 results for 1 pictures"):
            engine.Engine(self.program, "model.gguf").predict_files(["a.png"])
        with self.assertRaises(data.Missing):
            engine.Engine(self.program + "-not", "model.gguf").predict_files(["a.pgm"])


class Program(unittest.TestCase):
    def report(self, *arguments):
        return subprocess.run([sys.executable, ROOT / "bench/handwriting-report", *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False)

    def test_help(self):
        done = self.report("--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn("--part validation", done.stdout)

    def test_nothing_is_chosen_by_test_sets(self):
        for name in ("usps", "drawings", "letters", "fashion"):
            done = self.report("--part", "validation", "--only", name)
            self.assertEqual(done.returncode, 2)
            self.assertIn("has no validation part", done.stderr)

    def test_missing_data(self):
        with tempfile.TemporaryDirectory() as folder:
            done = self.report("--only", "usps", "--digits", folder)
        self.assertEqual(done.returncode, 1)
        self.assertIn("not measured: no usps-test-images", done.stdout)


if __name__ == "__main__":
    unittest.main()
