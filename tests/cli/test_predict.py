"""inkling predict: the right digit, in every form that is promised."""

import os
import re
import struct
import subprocess
import unittest
import zlib

from support import (BIN, ROOT, SAMPLES, FullyConnected, ProgramTest, compressed, convolutional, idx_images,
                     idx_labels, jpeg, linear, needs_gzip, needs_jpeg, needs_json, needs_png, pgm, pictures, png,
                     png_chunk, run)

NETWORK = FullyConnected()
PICTURES = pictures(12)


def expected_digit(picture, **how):
    answer = NETWORK.probabilities(picture, **how)
    return answer.index(max(answer))


class Predict(ProgramTest):
    def setUp(self):
        super().setUp()
        self.model = self.file("model.gguf", NETWORK.gguf())
        self.images = self.file("images-idx3-ubyte", idx_images(PICTURES))

    def results(self, *arguments, **how):
        return self.done("predict", *arguments, "--json", **how).json["results"]

    def check_probabilities(self, found, picture, **how):
        wanted = NETWORK.probabilities(picture, **how)
        self.assertEqual(len(found), len(wanted))
        for a, b in zip(found, wanted):
            self.assertAlmostEqual(a, b, delta=1e-5)

    @needs_json
    def test_probabilities(self):
        results = self.results(self.model, self.images, "--count", 12)
        self.assertEqual(len(results), 12)
        for i, (result, picture) in enumerate(zip(results, PICTURES)):
            self.check_probabilities(result["probabilities"], picture)
            self.assertEqual(result["file"], str(self.images))
            self.assertEqual(result["index"], i)
            self.assertEqual(result["digit"], expected_digit(picture))
            self.assertEqual(result["label"], str(result["digit"]))
            self.assertEqual(result["probability"], max(result["probabilities"]))

    @needs_json
    def test_kernels_and_threads_agree(self):
        for how in (["--cpu", "scalar"], ["--threads", 3], ["--cpu", "best", "-t", 12]):
            for result, picture in zip(self.results(self.model, self.images, "-n", 12, *how),
                                       PICTURES):
                self.check_probabilities(result["probabilities"], picture)

    @needs_json
    def test_document(self):
        document = self.done("predict", self.model, self.images, "--json").json
        self.assertEqual(document["model"], str(self.model))
        self.assertGreater(document["load_ms"], 0)
        self.assertGreater(document["us_per_image"], 0)
        self.assertEqual(document["threads"], 1)
        self.assertIn(document["cpu"], ("scalar", "avx2", "avx512", "avx512vnni", "neon"))
        self.assertNotIn("seed", document)

    @needs_json
    def test_legacy_model(self):
        legacy = self.file("model.bin", NETWORK.legacy())
        self.check_probabilities(self.results(legacy, self.images)[0]["probabilities"], PICTURES[0])

    @needs_json
    def test_input_scale(self):
        for given, scale in (("1", 1.0), ("1/128", 1 / 128), ("0.01", 0.01), ("1e-3", 1e-3)):
            result = self.results(self.model, self.images, "--input-scale", given)[0]
            self.check_probabilities(result["probabilities"], PICTURES[0], scale=scale)

    @needs_json
    def test_choosing(self):
        def indices(*how):
            return [result["index"] for result in self.results(self.model, self.images, *how)]

        self.assertEqual(indices(), [0])
        self.assertEqual(indices("--index", 7), [7])
        self.assertEqual(indices("-i11"), [11])
        self.assertEqual(indices("--count=3"), [0, 1, 2])
        self.assertEqual(indices("--index", 9, "--count", 3), [9, 10, 11])
        self.assertEqual(len(indices("--random", "--count", 5)), 5)

    @needs_json
    def test_seed(self):
        def draw(*how):
            document = self.done("predict", self.model, self.images, "--random", "--count", 50,
                                 "--json", *how).json
            return document["seed"], [result["index"] for result in document["results"]]

        seed, first = draw()
        self.assertEqual(draw("--seed", seed), (seed, first))
        self.assertEqual(draw("--seed", 5), draw("--seed", 5))
        self.assertNotEqual(draw()[1], first)
        self.assertGreater(len(set(first)), 5)
        self.assertEqual(set(first) - set(range(12)), set())

    def test_told_seed(self):
        text = self.done("predict", self.model, self.images, "--random").out
        seed = re.search(r"^chosen with --seed (\d+)$", text, re.M).group(1)
        again = self.done("predict", self.model, self.images, "--random", "--seed", seed).out
        self.assertEqual(text.split("\n\n")[:3], again.split("\n\n")[:3])
        self.assertNotIn("chosen", again)

    # ---- text ----

    def test_text(self):
        lines = self.done("predict", self.model, self.images).out.split("\n")
        drawn = ["".join("* " if PICTURES[0][28 * y + x] > 230 else "_ " for x in range(28))
                 for y in range(28)]
        self.assertEqual(lines[:28], drawn)
        self.assertEqual(lines[28], "")
        digit = expected_digit(PICTURES[0])
        self.assertEqual(lines[29], "%s[0]: %d" % (self.images, digit))
        answer = NETWORK.probabilities(PICTURES[0])
        best = sorted(range(10), key=lambda i: -answer[i])[:3]
        for line, digit in zip(lines[31:34], best):
            self.assertRegex(line, r"^  %d +%.2f %%( |$)" % (digit, answer[digit] * 100))
        self.assertEqual(lines[34], "")
        self.assertRegex(lines[35], r"^model loaded in \d+\.\d\d ms, first picture read in \d+\.\d us \(")

    def test_top(self):
        for top, count in ((1, 1), (10, 10), (99, 10)):
            text = self.done("predict", self.model, self.images, "--top", top, "--no-picture").out
            self.assertEqual(len(re.findall(r"^  \d +\d+\.\d\d %", text, re.M)), count)

    def test_no_picture(self):
        for how in (["--no-picture"], ["--picture", "none"], ["--picture", "text", "--no-picture"]):
            text = self.done("predict", self.model, self.images, *how).out
            self.assertNotIn("_ _", text)

    def test_many(self):
        text = self.done("predict", self.model, self.images, "--count", 12).out
        self.assertNotIn("_ _", text)
        for i, picture in enumerate(PICTURES):
            line = r"(?m)^%s\[%d\] +%d +" % (self.images, i, expected_digit(picture))
            self.assertRegex(text, line)
        self.assertIn("12 pictures read in", text)
        drawn = self.done("predict", self.model, self.images, "--count", 2, "--picture", "text").out
        self.assertEqual(len(re.findall(r"^([*_] ){28}$", drawn, re.M)), 56)

    # ---- terminals ----

    def on_terminal(self, *arguments, **variables):
        environment = dict(os.environ, TERM="xterm-256color", LANG="C.UTF-8", LC_ALL="C.UTF-8")
        environment.pop("NO_COLOR", None)
        environment.pop("COLORTERM", None)
        environment.update(variables)
        ours, theirs = self.terminal()
        child = subprocess.Popen([BIN / "inkling"] + list(map(str, arguments)), stdout=theirs,
                                 stderr=subprocess.PIPE, env=environment)
        os.close(theirs)
        shown = b""
        while True:
            try:
                block = os.read(ours, 65536)
            except OSError:                              # Linux: the other end is closed
                break
            if not block:
                break
            shown += block
        os.close(ours)
        error = child.stderr.read()
        child.stderr.close()
        self.assertEqual((child.wait(), error), (0, b""))
        return shown.decode()

    def test_colours(self):
        shown = self.on_terminal("predict", self.model, self.images, COLORTERM="truecolor")
        rows = shown.split("\r\n\r\n")[0].split("\r\n")
        self.assertEqual(len(rows), 14)
        self.assertIn("\u2580", shown)
        for pixel in set(PICTURES[0]):
            self.assertRegex(shown, r"\033\[[34]8;2;%d;%d;%dm" % (pixel, pixel, pixel))
        self.assertIn("\u2588", shown)

    def test_without_colours(self):
        for variables in ({}, {"COLORTERM": "truecolor", "NO_COLOR": "1"},
                          {"COLORTERM": "24bit", "TERM": "dumb"},
                          {"COLORTERM": "24bit", "LC_ALL": "C"}):
            shown = self.on_terminal("predict", self.model, self.images, **variables)
            self.assertIn("_ _ ", shown)
            self.assertNotIn("38;2;", shown)
        self.assertNotIn("\033", self.on_terminal("predict", self.model, self.images, NO_COLOR="1"))
        text = self.done("predict", self.model, self.images, COLORTERM="24bit").out
        self.assertNotIn("\033", text)

    def test_text_on_terminal(self):
        shown = self.on_terminal("predict", self.model, self.images, "--picture", "text",
                                 COLORTERM="truecolor")
        self.assertIn("_ _ ", shown)

    # ---- files ----

    @needs_json
    def test_standard_input(self):
        for content in (pgm(PICTURES[3]), idx_images(PICTURES[3:])):
            result = self.results(self.model, "-", stdin=content)[0]
            self.assertEqual(result["file"], "standard input")
            self.check_probabilities(result["probabilities"], PICTURES[3])

    @needs_json
    def test_pgm(self):
        picture = PICTURES[4]
        plain = " ".join(map(str, picture)).replace(" 0 0 0 ", "\n0 # nothing\r\n0\t0 ").encode()
        for content in (pgm(picture),
                        b"P2 28\n#\n28 255\n" + plain + b"\n",
                        b"P5 28 28 65535 " + b"".join(struct.pack(">H", v * 257) for v in picture)):
            result = self.results(self.model, self.file("p.pgm", content))[0]
            self.assertEqual(result["index"], 0)
            self.check_probabilities(result["probabilities"], picture)

    @needs_json
    def test_pgm_of_few_greys(self):
        content = b"P5\n28 28\n3\n" + bytes(value >> 6 for value in PICTURES[4])
        result = self.results(self.model, self.file("p.pgm", content))[0]
        self.check_probabilities(result["probabilities"], [(v >> 6) * 85 for v in PICTURES[4]])

    @needs_json
    @needs_png
    def test_png(self):
        grey = PICTURES[5]
        index = bytes(value >> 4 for value in grey)
        palette = b"".join(bytes([16 * i + i] * 3) for i in range(16))
        packed = bytes(index[i] << 4 | index[i + 1] for i in range(0, 784, 2))
        half = [(value * 128 + 127) // 255 for value in grey]
        cases = {
            "grey": (png(grey), grey),
            "grey of 16 bits": (png(b"".join(bytes([v, v]) for v in grey), depth=16), grey),
            "grey of 4 bits": (png(packed, depth=4), [(v >> 4) * 17 for v in grey]),
            "colour": (png(b"".join(bytes([v] * 3) for v in grey), colour=2), grey),
            "palette": (png(index, colour=3, extra=png_chunk(b"PLTE", palette)),
                        [(v >> 4) * 17 for v in grey]),
            "grey and alpha": (png(b"".join(bytes([v, 128]) for v in grey), colour=4), half),
            "colour and alpha": (png(b"".join(bytes([255, 255, 255, v]) for v in grey), colour=6),
                                 grey),
            "red": (png(b"".join(bytes([v, 0, 0]) for v in grey), colour=2),
                    [(299 * v + 500) // 1000 for v in grey]),
            "transparent": (png(grey, extra=png_chunk(b"tRNS", struct.pack(">H", 0))), grey),
            "warnings": (png(grey, extra=png_chunk(b"gAMA", b"\0\0\0\0") +
                             png_chunk(b"tEXt", b"\0 no key")), grey),
        }
        for name, (content, picture) in cases.items():
            with self.subTest(name):
                result = self.results(self.model, self.file("p.png", content))[0]
                self.check_probabilities(result["probabilities"], picture)

    @needs_json
    @needs_png
    def test_interlaced_png(self):
        """Adam7, packed here by hand."""
        picture = PICTURES[6]
        raw = b""
        for x0, y0, dx, dy in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4),
                               (1, 0, 2, 2), (0, 1, 1, 2)):
            for y in range(y0, 28, dy):
                raw += b"\0" + bytes(picture[28 * y + x] for x in range(x0, 28, dx))
        header = struct.pack(">IIBBBBB", 28, 28, 8, 0, 0, 0, 1)
        content = (b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) +
                   png_chunk(b"IDAT", zlib.compress(raw)) + png_chunk(b"IEND", b""))
        result = self.results(self.model, self.file("p.png", content))[0]
        self.check_probabilities(result["probabilities"], picture)

    @needs_json
    @needs_jpeg
    def test_jpeg(self):
        result = self.results(self.model, self.file("p.jpg", jpeg()))[0]
        self.check_probabilities(result["probabilities"], [128] * 784)

    @needs_json
    def test_colours(self):
        """Samples of red, green, blue; and bits, where 1 is black."""
        grey = PICTURES[5]
        content = b"P6 28 28 255\n" + b"".join(bytes([v] * 3) for v in grey)
        result = self.results(self.model, self.file("p.ppm", content))[0]
        self.check_probabilities(result["probabilities"], grey)
        result = self.results(self.model, self.file("p.pbm", b"P4 28 28\n" + bytes([0x0f] * 4 * 28)))[0]
        self.check_probabilities(result["probabilities"], (([255] * 4 + [0] * 4) * 4)[:28] * 28)

    @needs_json
    @needs_gzip
    def test_gzip(self):
        whole = idx_images(PICTURES)
        for content in (compressed(whole), compressed(whole[:1000]) + compressed(whole[1000:]),
                        compressed(b"") + compressed(whole)):
            result = self.results(self.model, self.file("i.gz", content), "--index", 11)[0]
            self.check_probabilities(result["probabilities"], PICTURES[11])
        result = self.results(self.model, self.file("p.pgm.gz", compressed(pgm(PICTURES[1]))))[0]
        self.check_probabilities(result["probabilities"], PICTURES[1])

    @needs_json
    def test_several_files(self):
        one = self.file("one.pgm", pgm(PICTURES[1]))
        results = self.results(self.model, one, self.images, one, "--index", 0)
        self.assertEqual([result["file"] for result in results],
                         [str(one), str(self.images), str(one)])

    @needs_json
    def test_names_are_masked(self):
        name = "a\033[31m\n\u202e.pgm"
        path = self.file(name, pgm(PICTURES[1]))
        text = self.done("predict", self.model, path, "--no-picture").out
        self.assertIn("a?[31m??.pgm: ", text)
        self.assertEqual(self.results(self.model, path)[0]["file"], str(path))
        raw = os.fsencode(self.folder) + b"/\xff\xc0\x80.pgm"
        os.link(path, raw)
        self.assertEqual(self.results(self.model, raw)[0]["file"],
                         str(self.folder) + "/\ufffd\ufffd\ufffd.pgm")
        self.failed("predict", self.model, self.folder / "no\nsuch\033file", says="no?such?file")

    def test_dash_dash(self):
        self.file("-n.pgm", pgm(PICTURES[1]))
        result = self.done("predict", self.model, "--no-picture", "--", "-n.pgm", cwd=self.folder)
        self.assertIn("-n.pgm: %d" % expected_digit(PICTURES[1]), result.out)

    # ---- pictures that are prepared ----

    def paper(self, name, factor=3, dark=True, digit=3):
        """The sample digit, larger, in the corner of a sheet."""
        image = (SAMPLES / "digit-3.pgm").read_bytes()[-784:] if digit == 3 else bytes(784)
        width, height = 28 * factor + 30, 28 * factor + 50
        greys = bytearray([230 if dark else 20] * (width * height))
        for y in range(28 * factor):
            for x in range(28 * factor):
                value = image[28 * (y // factor) + x // factor] * 200 // 255
                greys[(y + 12) * width + x + 7] = 230 - value if dark else 20 + value
        return self.file(name, pgm(bytes(greys), width, height))

    @needs_json
    def test_other_pictures_are_prepared(self):
        digits = ROOT / "models" / "digits.gguf"
        for name, how in (("dark.pgm", {}), ("light.pgm", {"dark": False}), ("large.pgm", {"factor": 9})):
            path = self.paper(name, **how)
            result = self.results(digits, path)[0]
            self.assertEqual((result["digit"], result["label"], result["unsure"]), (3, "3", False))
            self.assertEqual(self.results(digits, path, "--prepare"), [result])
            one = self.done("read", path, "--one", "--json").json["images"][0]["digits"][0]
            self.assertEqual((one["digit"], one["probability"]), (3, result["probability"]))
        drawn = self.done("predict", digits, path).out.split("\n")[:28]
        self.assertGreater(sum(row.count("*") for row in drawn), 30)
        for row in drawn[:2] + drawn[26:]:               # in the middle, as the network saw it
            self.assertNotIn("*", row)

    @needs_json
    def test_prepare_what_has_the_size(self):
        plain = self.results(ROOT / "models" / "digits.gguf", SAMPLES / "digit-3.pgm")[0]
        prepared = self.results(ROOT / "models" / "digits.gguf", SAMPLES / "digit-3.pgm", "--prepare")[0]
        self.assertNotIn("unsure", plain)
        self.assertEqual((plain["digit"], prepared["digit"], prepared["unsure"]), (3, 3, False))
        self.assertNotEqual(plain["probabilities"], prepared["probabilities"])

    @needs_json
    def test_prepared_file_of_many(self):
        digits, images = ROOT / "models" / "digits.gguf", SAMPLES / "digits-images-idx3-ubyte"
        labels = (SAMPLES / "digits-labels-idx1-ubyte").read_bytes()[8:]
        results = self.results(digits, images, "--prepare", "--count", 100, "--index", 40)
        self.assertEqual([result["index"] for result in results], list(range(40, 140)))
        self.assertGreaterEqual(sum(a["digit"] == b for a, b in zip(results, labels[40:140])), 98)
        for how in (["--threads", 3], ["--threads", 150]):
            self.assertEqual(self.results(digits, images, "--prepare", "--count", 100, "--index", 40, *how), results)
        drawn = self.results(digits, images, "--prepare", "--random", "--seed", 3, "--count", 20)
        for result in drawn:
            if 40 <= result["index"] < 140:
                self.assertEqual(result, results[result["index"] - 40])

    @needs_json
    def test_prepared_beside_others(self):
        """Those of the model's size go as they are, whatever stands between them."""
        digits = ROOT / "models" / "digits.gguf"
        plain, paper = SAMPLES / "digit-3.pgm", self.paper("dark.pgm")
        apart = [self.results(digits, path)[0] for path in (plain, paper)]
        self.assertEqual(self.results(digits, plain, paper, paper, plain, plain),
                         [apart[0], apart[1], apart[1], apart[0], apart[0]])

    @needs_json
    def test_nothing_is_written(self):
        path = self.paper("empty.pgm", digit=None)
        result = self.results(self.model, path)[0]
        self.assertEqual((result["digit"], result["label"], result["probability"], result["unsure"]),
                         (None, None, 0, True))
        self.assertEqual(len(result["probabilities"]), 10)
        for value in result["probabilities"]:
            self.assertAlmostEqual(value, 0.1, delta=1e-6)
        text = self.done("predict", self.model, path).out
        self.assertTrue(text.startswith("%s: nothing is written\n\nmodel loaded" % path), text)
        self.assertRegex(self.done("predict", self.model, path, self.images).out, r"empty.pgm +nothing\n")

    def test_unsure_is_told(self):
        network = FullyConnected()
        network.fc2_weight = [0.0] * len(network.fc2_weight)
        network.fc2_bias = [0.0] * 6 + [0.1] + [0.0] * 3
        model, path = self.file("vague.gguf", network.gguf()), self.paper("dark.pgm")
        self.assertIn("dark.pgm: 6? unsure: it may be another, or no digit\n", self.done("predict", model, path).out)
        self.assertRegex(self.done("predict", model, path, path).out, r"(?m)dark.pgm +6\? +10.94 %")

    def test_prepared_overflow(self):
        network = FullyConnected()
        network.fc1_weight = [3e38] * len(network.fc1_weight)
        network.fc2_weight = [3e38] * len(network.fc2_weight)
        model = self.file("huge.gguf", network.gguf())
        self.failed("predict", model, self.paper("dark.pgm"), says=["huge.gguf", "overflows"])

    # ---- the graph ----

    def test_dot(self):
        path = self.folder / "graph.dot"
        self.done("predict", self.model, self.images, "--dot", path)
        self.assertEqual(path.read_text(), self.done("graph", self.model).out)
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()),
                         ["graph.dot", "images-idx3-ubyte", "model.gguf"])

    def test_dot_that_cannot_be_written(self):
        self.failed("predict", self.model, self.images, "--dot", self.images / "x.dot",
                    says=[str(self.images / "x.dot"), "cannot write"])
        self.failed("predict", self.model, self.images, "--dot", self.folder / "no" / "x.dot",
                    says="cannot write")
        (self.folder / "folder.dot").mkdir()
        self.failed("predict", self.model, self.images, "--dot", self.folder / "folder.dot",
                    says="directory")

    def test_disk_full(self):
        self.disk_full("predict", self.model, self.images)
        self.disk_full("predict", self.model, self.images, "--dot", self.folder / "x.dot")
        self.disk_full("predict", self.model, self.images, "--json")

    def test_reader_that_leaves(self):
        """A closed pipe ends the program without a word."""
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "wb") as pipe:
            result = run("predict", self.model, self.images, stdout=pipe)
        self.assertEqual((result.code, result.err), (-13, ""))

    def test_closed_output(self):
        """With standard output closed, nothing may land in a file that took its place."""
        before = self.contents()
        done = subprocess.run(["sh", "-c", '"$0" "$@" >&-', BIN / "inkling", "predict", self.model,
                               self.images, "--dot", self.folder / "x.dot"],
                              stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.count(b"\n"), 1)
        self.assertEqual(self.contents(), before)

    # ---- usage ----

    def test_usage(self):
        model, images = self.model, self.images
        for arguments, says in (
                ([], "MODEL is missing"),
                ([model], "IMAGE is missing"),
                ([model, images, "--random", "--index", 1], "do not go together"),
                ([model, images, "--seed", 1], "--random"),
                ([model, "-", "-"], "only once"),
                ([model, images, "--index", "x"], "found 'x'"),
                ([model, images, "--index", "-1"], "found '-1'"),
                ([model, images, "--index", "1.5"], "found '1.5'"),
                ([model, images, "--index", "99999999999999999999"], "--index"),
                ([model, images, "--index", ""], "--index"),
                ([model, images, "--index"], "wants a value"),
                ([model, images, "-i"], "wants a value"),
                ([model, images, "--count", 0], "--count"),
                ([model, images, "--top", 0], "--top"),
                ([model, images, "--threads", 0], "1 to 256"),
                ([model, images, "--threads", 257], "1 to 256"),
                ([model, images, "--json=yes"], "takes no value"),
                ([model, images, "--jsn"], "did you mean '--json'"),
                ([model, images, "-z"], "unknown option '-z'"),
                ([model, images, "--cpu", "mmx"], "'mmx' is none of best, scalar"),
                ([model, images, "--cpu", "scaler"], "did you mean 'scalar'"),
                ([model, images, "--picture", "big"], "none of auto"),
                ([model, images, "--input-scale", "0"], "--input-scale"),
                ([model, images, "--input-scale", "nan"], "found 'nan'"),
                ([model, images, "--input-scale", "1/0"], "found '1/0'"),
                ([model, images, "--input-scale", "0x10"], "found '0x10'"),
                ([model, images, "--input-scale", "1e999"], "found '1e999'"),
                ([model, images, "--dot", "x.jpg"], "x.jpg"),
                ([model, ""], "empty")):
            self.failed("predict", *arguments, code=2, says=says)

    def test_nothing_is_told_of_the_good_ones(self):
        """One bad picture among good ones: only its line."""
        good = self.file("good.pgm", pgm(PICTURES[0]))
        self.failed("predict", self.model, good, self.folder / "missing.pgm", says="missing.pgm")
        self.failed("predict", self.model, good, self.images, "--index", 3, says="out of range")

    def test_out_of_range(self):
        self.failed("predict", self.model, self.images, "--index", 12,
                    says=[str(self.images), "12", "0 to 11"])
        self.failed("predict", self.model, self.images, "--count", 13, says="12 images")
        self.failed("predict", self.model, self.images, "--index", 10, "--count", 3,
                    says="2 images")

    @needs_json
    def test_convolutions(self):
        model = self.file("cnn.gguf", convolutional())
        result = self.results(model, self.images)[0]
        self.assertAlmostEqual(sum(result["probabilities"]), 1, delta=1e-5)
        scalar = self.results(model, self.images, "--cpu", "scalar")[0]
        for a, b in zip(result["probabilities"], scalar["probabilities"]):
            self.assertAlmostEqual(a, b, delta=1e-5)

    # ---- other models ----

    @needs_json
    def test_labels(self):
        """Names of classes are shown, but never raw; digits stay their indices."""
        labels = ["cat", "dog", "a\033[31m\nb", "\u00e4\u00f6", "", "x" * 500]
        model = self.file("names.gguf", linear(labels=labels))
        results = self.results(model, self.images, "--count", 12)
        for result in results:
            self.assertEqual(result["label"], labels[result["digit"]])
            self.assertEqual(len(result["probabilities"]), 6)
        digit = results[0]["digit"]
        text = self.done("predict", model, self.images, "--top", 6, "--no-picture").out
        self.assertIn(" (class %d)\n" % digit, text)
        for shown in ("  cat ", "  dog ", "  a?[31m?b ", "  \u00e4\u00f6 ", "x" * 37 + "... "):
            self.assertIn(shown, text)
        self.assertNotIn("\033", text)
        self.assertNotIn("x" * 38, text)

    @needs_json
    def test_other_sizes(self):
        """A model that is no square, with pictures of its size."""
        model = self.file("wide.gguf", linear(height=5, width=9))
        picture = self.file("wide.pgm", pgm(bytes(range(45)), 9, 5))
        self.assertEqual(len(self.results(model, picture)), 1)
        text = self.done("predict", model, picture).out
        self.assertEqual(text.split("\n\n")[0], "\n".join(["_ " * 9] * 5))
        model = self.file("words.gguf", linear(height=5, width=9, labels=["yes", "no"]))
        self.failed("predict", model, self.file("high.pgm", pgm(bytes(45), 5, 9)),
                    says="is 5x9, the model wants 9x5")
        self.failed("predict", model, self.images, says=["28x28", "9x5"])

    def test_colour_models(self):
        model = self.file("colour.gguf", linear(channels=3))
        labels = self.file("labels", idx_labels([0] * 12))
        for arguments in (["predict", model, self.images], ["eval", model, self.images, labels],
                          ["bench", model, "--images", self.images]):
            self.failed(*arguments, says=["colour.gguf", "3 channels"])
        self.failed(model, self.images, program="mnist", says="3 channels", cwd=self.folder)
        self.done("bench", model, "--seconds", "0.01")


if __name__ == "__main__":
    unittest.main()
