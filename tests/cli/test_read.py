"""inkling read: numbers on paper that the tests make, the answer in all its forms, and what cannot be read."""

import gzip
import os
import pathlib
import re
import shutil
import struct
import subprocess
import unittest
import zlib

from support import (BIN, HAS_JSON, ROOT, SAMPLES, FullyConnected, ProgramTest, idx_images, jpeg, linear, needs_gzip,
                     needs_jpeg, needs_json, needs_png, pgm, run)

DIGITS = (SAMPLES / "digits-images-idx3-ubyte").read_bytes()[16:]
LABELS = (SAMPLES / "digits-labels-idx1-ubyte").read_bytes()[8:]
SIZE, ZOOM, STEP = 28, 2, 44                             # of a digit, and from one to the next


def digit_image(digit, which=0):
    """The bytes of a sample; those of the first cycles are clear digits."""
    found = [i for i in range(len(LABELS)) if LABELS[i] == digit][which]
    return DIGITS[found * SIZE * SIZE:(found + 1) * SIZE * SIZE]


class Paper:
    """Dark ink on light paper; where each digit's ink is, is kept in `boxes`. `which` has those of the samples of a
    digit that are not the first."""

    def __init__(self, lines, light=False, margin=20, zoom=ZOOM, which=None):
        self.width = 2 * margin + STEP * zoom // 2 * max(map(len, lines)) + 12 * zoom
        self.height = 2 * margin + 36 * zoom * len(lines)
        ink = bytearray(self.width * self.height)
        self.boxes = []
        for row, digits in enumerate(lines):
            for place, digit in enumerate(digits):
                image = digit_image(int(digit), (which or {}).get(digit, 0))
                left, top = margin + place * STEP * zoom // 2, margin + row * 36 * zoom
                rows = [y for y in range(SIZE) if any(image[y * SIZE:(y + 1) * SIZE])]
                columns = [x for x in range(SIZE) if any(image[x::SIZE])]
                for y in range(SIZE * zoom):
                    for x in range(SIZE * zoom):
                        at = (top + y) * self.width + left + x
                        ink[at] = max(ink[at], image[y // zoom * SIZE + x // zoom])
                self.boxes.append([left + columns[0] * zoom, top + rows[0] * zoom,
                                   (columns[-1] + 1 - columns[0]) * zoom, (rows[-1] + 1 - rows[0]) * zoom])
        self.greys = bytes(40 + value * 4 // 5 if light else 235 - value * 4 // 5 for value in ink)

    def pgm(self):
        return pgm(self.greys, self.width, self.height)


def jpeg_of_blocks(greys, width, height):
    """A JPEG in which each grey is a block of 8x8: its mean alone is coded, after the one before it."""
    def segment(marker, body):
        return b"\xff" + marker + struct.pack(">H", 2 + len(body)) + body

    bits, before = [], 0
    for grey in greys:
        step, before = grey - 128 - before, grey - 128
        size = abs(step).bit_length()
        bits.append(format(size, "04b"))                 # the code of a size is that number in four bits
        if size:
            bits.append(format(step if step > 0 else step + (1 << size) - 1, "0%db" % size))
        bits.append("0")                                 # and nothing more in the block
    stream = "".join(bits)
    stream += "1" * (-len(stream) % 8)
    packed = int(stream, 2).to_bytes(len(stream) // 8, "big").replace(b"\xff", b"\xff\0")
    sizes = bytes([0, 0, 0, 12] + [0] * 12) + bytes(range(12))
    return (b"\xff\xd8" + segment(b"\xdb", b"\0" + bytes([8] * 64)) +
            segment(b"\xc0", struct.pack(">BHHB", 8, 8 * height, 8 * width, 1) + b"\1\x11\0") +
            segment(b"\xc4", b"\0" + sizes) + segment(b"\xc4", b"\x10" + bytes([1] + [0] * 15) + b"\0") +
            segment(b"\xda", b"\1\1\0\0\x3f\0") + packed + b"\xff\xd9")


def hard_paper():
    """Samples that were chosen for being hard: a probability of exactly 1 for each would be odd."""
    return Paper(["26", "489"], which={"2": 16, "6": 15, "4": 23, "8": 39, "9": 39}).pgm()


def png_size(path):
    """Of a PNG that is whole: each checksum is right, and there are as many pixels as its head says."""
    data, at, packed = path.read_bytes(), 8, b""
    assert data[:8] == b"\x89PNG\r\n\x1a\n", path
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        assert zlib.crc32(kind + body) == struct.unpack(">I", data[at + 8 + size:at + 12 + size])[0]
        if kind == b"IHDR":
            width, height, _, colour = struct.unpack(">IIBB", body[:10])
        packed += body if kind == b"IDAT" else b""
        at += 12 + size
    assert kind == b"IEND" and colour == 2
    assert len(zlib.decompress(packed)) == height * (1 + 3 * width)
    return width, height


def without_model():
    """The environment of a user who has set nothing."""
    return {key: value for key, value in os.environ.items() if key not in ("INKLING_MODEL", "INKLING_SAMPLES")}


class Read(ProgramTest):
    def setUp(self):
        super().setUp()
        self.paper = Paper(["31", "592"])
        self.picture = self.file("paper.pgm", self.paper.pgm())

    def image(self, *arguments, **how):
        document = self.done("read", *arguments, "--json", **how).json
        self.assertEqual(set(document), {"model", "images"})
        self.assertEqual(len(document["images"]), 1)
        return document["images"][0]

    # ---- what is read ----

    def test_lines(self):
        self.assertEqual(self.done("read", self.picture).out, "31\n592\n")

    def test_light_ink(self):
        light = self.file("board.pgm", Paper(["2047"], light=True).pgm())
        self.assertEqual(self.done("read", light).out, "2047\n")
        self.assertEqual(self.done("read", light, "--polarity", "light").out, "2047\n")
        self.assertNotEqual(run("read", light, "--polarity", "dark").out, "2047\n")

    @needs_json
    def test_document(self):
        image = self.image(self.picture)
        self.assertEqual(set(image), {"file", "text", "digits"})
        self.assertEqual((image["file"], image["text"]), (str(self.picture), "31\n592"))
        self.assertEqual([one["digit"] for one in image["digits"]], [3, 1, 5, 9, 2])
        self.assertEqual([one["line"] for one in image["digits"]], [0, 0, 1, 1, 1])
        for one, box in zip(image["digits"], self.paper.boxes):
            self.assertEqual(set(one), {"digit", "probability", "box", "line", "alternatives", "unsure"})
            self.assertIs(one["unsure"], False)
            for found, wanted in zip(one["box"], box):   # the palest pixels at the edge are paper, on both sides
                self.assertAlmostEqual(found, wanted, delta=4 * ZOOM)
            others = one["alternatives"]
            self.assertEqual(len(others), 3)
            self.assertEqual(len({other["digit"] for other in others} | {one["digit"]}), 4)
            likely = [one["probability"]] + [other["probability"] for other in others]
            self.assertEqual(likely, sorted(likely, reverse=True))
            self.assertLessEqual(sum(likely), 1.001)
            self.assertEqual(set(others[0]), {"digit", "probability"})

    @needs_json
    def test_ways_to_run(self):
        whole = self.image(self.picture)
        self.assertEqual(self.image(self.picture, "--threads", 3), whole)
        self.assertEqual(self.image("-", stdin=self.paper.pgm()), dict(whole, file="standard input"))
        scalar = self.image(self.picture, "--cpu", "scalar")
        self.assertEqual(scalar["text"], whole["text"])

    @needs_json
    @needs_gzip
    def test_gzip(self):
        packed = self.file("paper.pgm.gz", gzip.compress(self.paper.pgm()))
        self.assertEqual(self.image(packed), dict(self.image(self.picture), file=str(packed)))

    @needs_png
    def test_sample(self):
        self.assertEqual(self.done("read", "samples/number.png", cwd=ROOT).out, "31415\n92653\n")

    @needs_json
    def test_one(self):
        paper = Paper(["4"], margin=60)
        image = self.image("--one", self.file("four.pgm", paper.pgm()))
        self.assertEqual((image["text"], len(image["digits"])), ("4", 1))
        for found, wanted in zip(image["digits"][0]["box"], paper.boxes[0]):
            self.assertAlmostEqual(found, wanted, delta=4 * ZOOM)
        self.assertLessEqual(len(self.image("--one", self.picture)["digits"]), 1)

    @needs_json
    def test_nothing(self):
        empty = self.file("empty.pgm", pgm(bytes([222] * 6000), 100, 60))
        for how in ([], ["--one"]):
            self.assertEqual(self.done("read", empty, *how).out, "nothing is written\n")
            image = self.image(empty, *how)
            self.assertEqual((image["text"], image["digits"]), ("", []))

    # ---- what is unsure ----

    @needs_json
    def test_thresholds(self):
        picture = self.file("hard.pgm", hard_paper())

        def unsure(threshold):
            digits = self.image(picture, "--threshold", threshold)["digits"]
            for one in digits:
                self.assertEqual(one["unsure"], one["probability"] < threshold)
            return [one["unsure"] for one in digits]

        likely = [one["probability"] for one in self.image(picture)["digits"]]
        self.assertEqual(unsure(0), [False] * 5)
        self.assertLess(min(likely), max(likely), "else the next line says nothing")
        self.assertEqual(unsure(max(likely)), [p < max(likely) for p in likely])
        text = self.image(picture, "--threshold", 1)["text"]
        self.assertEqual(re.sub("[0-9]", "?", text), "??\n???")

    def test_unsure_is_told(self):
        """A model that knows no digits: all of ten are as likely."""
        network = FullyConnected()
        network.fc2_weight = [0.0] * len(network.fc2_weight)
        network.fc2_bias = [0.0] * 6 + [0.1] + [0.0] * 3
        model = self.file("model.gguf", network.gguf())
        text = self.done("read", self.picture, "--model", model).out
        self.assertEqual(text, "??\n???\n5 of 5 unsure (?), most like " + ", ".join(["6 (11 %)"] * 5) + "\n")
        text = self.done("read", self.picture, self.picture, "--model", model).out
        self.assertEqual(text.count("\n  ??\n  ???\n  5 of 5 unsure (?), most like 6"), 2)
        text = self.done("read", self.picture, "--model", model, "--threshold", "0").out
        self.assertEqual(text, "66\n666\n")

    def test_default_threshold(self):
        """The help tells the library's."""
        header = (ROOT / "include" / "inkling.h").read_text()
        value = re.search(r"#define INK_READ_THRESHOLD ([0-9.]+)f", header).group(1)
        self.assertIn("(default %s)" % value, " ".join(self.done("read", "--help").out.split()))

    # ---- several files ----

    def test_several(self):
        one = self.file("one.pgm", Paper(["7"]).pgm())
        text = self.done("read", one, self.picture).out
        self.assertEqual(text, "%s: 7\n%s:\n  31\n  592\n" % (one, self.picture))

    def test_broken_among_good_ones(self):
        good = self.file("good.pgm", Paper(["7"]).pgm())
        broken = self.file("broken.pgm", self.paper.pgm()[:-5])
        missing = self.folder / "missing.png"
        result = run("read", good, broken, missing, good)
        self.assertEqual((result.code, result.out), (1, "%s: 7\n" % good * 2))
        self.assertRegex(result.err, r"\Ainkling: [^\n]*broken.pgm: [^\n]*cut[^\n]*\n"
                                     r"inkling: [^\n]*missing.png: [^\n]*\n\Z")
        if not HAS_JSON:
            return
        result = run("read", good, broken, missing, good, "--json")
        images = result.json["images"]
        self.assertEqual(result.code, 1)
        self.assertEqual([one.get("text") for one in images], ["7", None, None, "7"])
        self.assertEqual([one["file"] for one in images], [str(good), str(broken), str(missing), str(good)])
        for image, line in zip(images[1:3], result.err.splitlines()):
            self.assertEqual(set(image), {"file", "error"})
            self.assertEqual("inkling: " + image["error"], line)

    def test_names_are_masked(self):
        path = self.file("a\033[31m\n.pgm", Paper(["7"]).pgm())
        self.assertIn("a?[31m?.pgm: 7\n", self.done("read", path, path).out)

    # ---- pictures of the answer ----

    def test_annotate(self):
        out = self.folder / "out.png"
        self.assertEqual(self.done("read", self.picture, "--annotate", out).out, "31\n592\n")
        self.assertEqual(png_size(out), (self.paper.width, self.paper.height))
        hard = self.file("hard.pgm", hard_paper())
        self.done("read", hard, "-a", out)
        sure = out.read_bytes()
        self.done("read", hard, "-a", out, "--threshold", 1)
        self.assertNotEqual(out.read_bytes(), sure)

    def test_steps(self):
        out, other = self.folder / "out.png", self.folder / "other.png"
        self.done("read", self.picture, "--steps", out)
        few = png_size(out)
        self.assertGreater(few[0], 1000)
        self.done("read", self.file("empty.pgm", pgm(bytes([222] * 6000), 100, 60)), "--steps", other)
        self.assertLess(png_size(other)[1], few[1])      # no digits on it
        self.done("read", self.picture, "--steps", out, "--annotate", other)
        self.assertEqual((png_size(out), png_size(other)), (few, (self.paper.width, self.paper.height)))
        self.assertEqual({path.name for path in self.folder.iterdir()},
                         {"paper.pgm", "empty.pgm", "out.png", "other.png"})

    def test_nothing_is_left_after_an_error(self):
        out = self.folder / "out.png"
        broken = self.file("broken.pgm", self.paper.pgm()[:-5])
        for option in ("--annotate", "--steps"):
            self.failed("read", broken, option, out, says="broken.pgm")
            self.failed("read", self.picture, option, self.folder / "no" / "out.png",
                        says=["no/out.png", "cannot write"])
            self.failed("read", self.picture, option, self.folder, says="directory")
        self.failed("read", self.picture, "--annotate", out, "--steps", self.folder / "no" / "out.png",
                    says="no/out.png")
        self.disk_full("read", self.picture, "--annotate", out, "--steps", self.folder / "other.png")
        self.disk_full("read", self.picture, "--json")

    # ---- JPEG ----

    @needs_jpeg
    def test_grey_jpeg(self):
        self.assertEqual(self.done("read", self.file("grey.jpg", jpeg(64, 48))).out, "nothing is written\n")

    @needs_json
    @needs_jpeg
    def test_scaled_jpeg(self):
        """A photo of more pixels than are worked on: boxes are the file's, whatever it was decoded at."""
        paper = Paper(["604", "12"], margin=30, zoom=4)
        content = jpeg_of_blocks(paper.greys, paper.width, paper.height)
        path, out = self.file("photo.jpg", content), self.folder / "out.png"
        self.assertGreater(64 * paper.width * paper.height, 2 * 4000000)
        image = self.image(path, "--annotate", out)
        self.assertEqual(image["text"], "604\n12")
        for one, box in zip(image["digits"], paper.boxes):
            for found, wanted in zip(one["box"], box):
                self.assertAlmostEqual(found, 8 * wanted, delta=8 * 4 * 4)
        width, height = png_size(out)
        self.assertLessEqual(width * height, 4000000)
        self.assertGreater(width * height, 1000000)

    # ---- the model ----

    @needs_json
    def test_models(self):
        own = self.done("read", self.picture, "--json").json["model"]
        self.assertEqual(pathlib.Path(own), ROOT / "models" / "digits.gguf")
        other = str(ROOT / "models" / "cnn.gguf")
        for how, variables in ((["--model", other], {}), ([], {"INKLING_MODEL": other}),
                               (["-m", other], {"INKLING_MODEL": "nowhere"}), (["-m", other], {"INKLING_MODEL": ""})):
            document = self.done("read", self.picture, "--json", *how, **variables).json
            self.assertEqual(document["model"], other)

    def test_models_that_will_not_do(self):
        self.failed("read", self.picture, "--model", self.folder / "none.gguf", says="none.gguf")
        self.failed("read", self.picture, says="none.gguf", INKLING_MODEL=str(self.folder / "none.gguf"))
        self.failed("read", self.picture, "--model", self.picture, says="is not a model")
        colour = self.file("colour.gguf", linear(channels=3))
        self.failed("read", self.picture, "--model", colour, says=["colour.gguf", "3 channels"])
        network = FullyConnected()
        network.fc1_weight = [3e38] * len(network.fc1_weight)
        network.fc2_weight = [3e38] * len(network.fc2_weight)
        self.failed("read", self.picture, "--model", self.file("huge.gguf", network.gguf()), says="overflows")

    def test_model_beside_the_program(self):
        """As installed, and as built; without it the error says where it was looked for."""
        for where in ("share/inkling/models", "../models"):
            tree = self.folder / where.replace("/", "-") / "tree"
            (tree / "bin").mkdir(parents=True)
            shutil.copy2(BIN / "inkling", tree / "bin" / "inkling")
            command = [tree / "bin" / "inkling", "read", self.picture]
            done = subprocess.run(command, capture_output=True, env=without_model(), check=False)
            self.assertEqual((done.returncode, done.stdout, done.stderr.count(b"\n")), (1, b"", 1))
            for words in (b"share/inkling/models/digits.gguf", b"INKLING_MODEL", b"--model"):
                self.assertIn(words, done.stderr)
            (tree / where).mkdir(parents=True)
            shutil.copy2(ROOT / "models" / "digits.gguf", tree / where)
            done = subprocess.run(command, capture_output=True, env=without_model(), check=False)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"31\n592\n", b""))

    @needs_json
    def test_other_labels(self):
        """Of a model that reads something else, the text has the names, and digits are its classes."""
        model = self.file("names.gguf", linear(labels=["a\033", "b", "c"]))
        image = self.image(self.picture, "--model", model, "--threshold", 0)
        names = image["text"].replace("\n", "").replace("a\033", "a")
        self.assertEqual(names, "".join("abc"[one["digit"]] for one in image["digits"]))
        self.assertEqual(len(image["digits"][0]["alternatives"]), 2)
        self.assertNotIn("\033", self.done("read", self.picture, "--model", model, "--threshold", 0).out)

    # ---- usage ----

    def test_usage(self):
        for arguments, says in (
                ([], "IMAGE is missing"),
                (["-", "-"], "only once"),
                ([self.picture, self.picture, "--annotate", "x.png"], ["--annotate", "one picture"]),
                ([self.picture, self.picture, "--steps", "x.png"], ["--steps", "one picture"]),
                ([self.picture, "--annotate", self.picture], "is the picture that is read"),
                ([self.picture, "--annotate", "x.png", "--steps", "x.png"], "same file"),
                ([self.picture, "--polarity", "grey"], "none of find, dark, light"),
                ([self.picture, "--threshold", "1.1"], "--threshold"),
                ([self.picture, "--threshold", "-0.1"], "--threshold"),
                ([self.picture, "--threshold", "nan"], "--threshold"),
                ([self.picture, "--threads", 0], "1 to 256"),
                ([self.picture, "--anotate", "x.png"], "did you mean '--annotate'")):
            self.failed("read", *arguments, code=2, says=says)

    def test_files_that_are_no_pictures(self):
        for name, content, says in (("images", idx_images([bytes(784)]), "IDX file"), ("empty", b"", "is empty"),
                                    ("model.gguf", FullyConnected().gguf(), "a GGUF model")):
            self.failed("read", self.file(name, content), says=[name, says])
        self.failed("read", self.folder, says="directory")


if __name__ == "__main__":
    unittest.main()
