"""Pictures and labels that are broken: one line, exit code 1, nothing printed."""

import struct
import unittest
import zlib

from support import (FullyConnected, ProgramTest, compressed, idx, idx_images, idx_labels,
                     linear, needs_gzip, needs_png, pgm, pictures, png, png_chunk, run)

PICTURES = pictures(3)
IMAGES = idx_images(PICTURES)
PICTURE = PICTURES[0]
PNG = png(PICTURE)
GZIP = compressed(IMAGES)


def damaged(data, place, bits=0xff):
    return data[:place] + bytes([data[place] ^ bits]) + data[place + 1:]


def ihdr(width, height, depth=8, colour=0):
    """A PNG's first bytes, and nothing behind them."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header)


# name: (the file's bytes, words of the message)
BAD = {
    "empty": (b"", "is empty"),
    "one byte": (b"\0", "no known format"),
    "text": (b"hello\n", "no known format"),
    "GIF": (b"GIF89a" + bytes(100), ["a GIF picture", "wanted an IDX file or a PNG, JPEG, PBM, PGM or PPM"]),
    "JPEG": (b"\xff\xd8\xff\xe0" + bytes(100), "JPEG"),
    "PPM: cut": (b"P6 28 28 255\n" + bytes(3 * 784 - 1), ["the PPM is cut", "2351", "2352"]),
    "SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
    "model": (FullyConnected().gguf().bytes(), "a GGUF model"),
    "IDX: magic only": (IMAGES[:4], ""),
    "IDX: header cut": (IMAGES[:15], ""),
    "IDX: header only": (IMAGES[:16], ""),
    "IDX: cut": (IMAGES[:-1], ""),
    "IDX: byte after the last image": (IMAGES + b"\0", ""),
    "IDX: one image more promised": (idx([4, 28, 28], b"".join(PICTURES)), ""),
    "IDX: one image fewer promised": (idx([2, 28, 28], b"".join(PICTURES)), ""),
    "IDX: absurd count": (idx([0xffffffff, 28, 28], b"".join(PICTURES)), ""),
    "IDX: absurd dimensions": (idx([0xffffffff] * 3, b"".join(PICTURES)), ""),
    "IDX: dimension of zero": (idx([3, 0, 28], b""), ""),
    "IDX: no images": (idx_images([]), ""),
    "IDX: rank 0": (idx([], b""), ""),
    "IDX: rank 2": (idx([3, 784], b"".join(PICTURES)), ""),
    "IDX: rank 200": (b"\0\0\x08\xc8" + IMAGES[4:], ""),
    "IDX: of shorts": (idx([3, 28, 28], bytes(2 * 3 * 784), kind=0x0b), ""),
    "IDX: of floats": (idx([3, 28, 28], bytes(4 * 3 * 784), kind=0x0d), ""),
    "IDX: unknown type": (idx([3, 28, 28], b"".join(PICTURES), kind=0x07), ""),
    "labels": (idx_labels([1, 2, 3]), "look like labels"),
    "PGM: magic only": (b"P5", "the width"),
    "PGM: no size": (b"P5\n28", "the height"),
    "PGM: no maximum": (b"P5\n28 28\n", "the largest value"),
    "PGM: cut": (pgm(PICTURE)[:-1], ["783", "784"]),
    "PGM: byte after the last pixel": (pgm(PICTURE) + b"\n", "1 byte after"),
    "PGM: comment without an end": (b"P5 # 28 28 255", "the width"),
    "PGM: negative": (b"P5 -28 28 255 " + PICTURE, "not a number"),
    "PGM: zero": (b"P5 0 28 255 " + PICTURE, "out of range"),
    "PGM: maximum of zero": (b"P5 28 28 0 " + PICTURE, "out of range"),
    "PGM: maximum too large": (b"P5 28 28 65536 " + PICTURE, "out of range"),
    "PGM: huge": (b"P5 99999999999999999999999999 28 255 " + PICTURE, "out of range"),
    "PGM: huge product": (b"P5 2147483647 2147483647 255 " + PICTURE,
                          "2147483647x2147483647"),
    "PGM: 65535 and 8-bit pixels": (b"P5 28 28 65535 " + PICTURE, "1568"),
    "PGM: pixel above the maximum": (b"P5 28 28 9 " + bytes([10]) + bytes(783), "pixel 0 is 10"),
    "PGM: junk after the maximum": (b"P5 28 28 255x" + PICTURE, "no space"),
    "PGM: text cut": (b"P2 28 28 255 " + b"7 " * 783, "is cut"),
    "PGM: text of letters": (b"P2 28 28 255 " + b"x " * 784, "not a number"),
    "PGM: text above the maximum": (b"P2 28 28 255 " + b"256 " * 784, "out of range"),
    "PGM: text goes on": (b"P2 28 28 255 " + b"7 " * 785, "after"),
}

# Of another size than the model's: what cannot prepare them refuses them.
OTHER_SIZES = {
    "IDX: 14x14": (idx([3, 14, 14], bytes(3 * 196)), ["14x14", "28x28"]),
    "IDX: 784x1": (idx([3, 784, 1], bytes(3 * 784)), ["1x784", "28x28"]),
    "PGM: 64x64": (pgm(bytes(4096), 64, 64), "is 64x64, the model wants 28x28, white ink on black; 'inkling predict "
                                             "--prepare' makes that of any picture of a digit"),
    "PGM: 28x27": (pgm(bytes(28 * 27), 28, 27), "is 28x27"),
}
OTHER_PNG_SIZES = {
    "PNG: 64x64": (png(bytes(4096), 64, 64), "is 64x64, the model wants 28x28"),
    "PNG: 27x28": (png(bytes(27 * 28), 27, 28), "is 27x28"),
}

BAD_PNG = {
    "PNG: signature only": (PNG[:8], "cut"),
    "PNG: header cut": (PNG[:30], "cut"),
    "PNG: header only": (PNG[:33], "damaged"),
    "PNG: cut": (PNG[:-20], "damaged"),
    "PNG: end cut": (PNG[:-1], "damaged"),
    "PNG: no end": (PNG[:-12], "damaged"),
    "PNG: checksum of the pixels": (damaged(PNG, len(PNG) - 14), "damaged"),
    "PNG: checksum of the header": (damaged(PNG, 32), "damaged"),
    "PNG: as text": (PNG.replace(b"\r\n", b"\n"), ""),
    "PNG: too few pixels": (png(PICTURE[:-28] + b"", height=28)[:33] +
                            png_chunk(b"IDAT", zlib.compress(bytes(29 * 27))) +
                            png_chunk(b"IEND", b""), "damaged"),
    "PNG: no pixels": (ihdr(28, 28) + png_chunk(b"IEND", b""), "damaged"),
    "PNG: no zlib": (ihdr(28, 28) + png_chunk(b"IDAT", b"hello") + png_chunk(b"IEND", b""),
                     "damaged"),
    "PNG: bit depth of 3": (ihdr(28, 28, depth=3), "damaged"),
    "PNG: colour type 5": (ihdr(28, 28, colour=5), "damaged"),
    "PNG: palette missing": (png(bytes(784), colour=3), "damaged"),
    "PNG: absurd size": (ihdr(0x7fffffff, 0x7fffffff), "2147483647x2147483647"),
    "PNG: impossible size": (ihdr(0xffffffff, 0), "4294967295x0"),
}

BAD_GZIP = {
    "gzip: magic only": (b"\x1f\x8b", "is cut"),
    "gzip: header cut": (GZIP[:9], "is cut"),
    "gzip: cut in the middle": (GZIP[:len(GZIP) // 2], "is cut"),
    "gzip: cut before the checksum": (GZIP[:-8], "is cut"),
    "gzip: one byte missing": (GZIP[:-1], "is cut"),
    "gzip: wrong checksum": (damaged(GZIP, len(GZIP) - 8), "damaged"),
    "gzip: wrong length": (damaged(GZIP, len(GZIP) - 1), "damaged"),
    "gzip: damaged": (damaged(GZIP, len(GZIP) // 2), ""),
    "gzip: byte after the end": (GZIP + b"\0", "1 byte after the end"),
    "gzip: second member cut": (GZIP + GZIP[:-1], "is cut"),
    "gzip: of nothing": (compressed(b""), "is empty"),
    "gzip: in gzip": (compressed(GZIP), "gzip inside gzip"),
    "gzip: of an IDX with a byte after the end": (compressed(IMAGES + b"\0"), ""),
    "gzip: of an IDX that is cut": (compressed(IMAGES[:-1]), ""),
}


class BadImages(ProgramTest):
    def setUp(self):
        super().setUp()
        self.model = self.file("model.gguf", FullyConnected().gguf())
        self.labels = self.file("labels", idx_labels([1, 2, 3]))

    def refused_everywhere(self, images, says=()):
        self.failed("predict", self.model, images, says=says)
        self.failed("predict", self.model, images, "--index", 0, "--json", says=says)
        self.failed("predict", self.model, images, "--random", "--dot", self.folder / "x.dot",
                    says=says)
        self.failed("predict", self.model, images, "--prepare", says=says)
        self.failed("eval", self.model, images, self.labels)
        self.failed("eval", self.model, images, self.labels, "--prepare", "--threads", 2)
        self.refused_unprepared(images, says)

    def refused_unprepared(self, images, says):
        self.failed("bench", self.model, "--images", images, "--seconds", "0.01", says=says)
        for program in ("mnist", "mnist-cnn"):
            self.failed(self.model, images, program=program, cwd=self.folder, says=says)

    def check_table(self, table):
        for name, (content, says) in table.items():
            with self.subTest(name):
                path = self.file("bad", content)
                says = [says] if isinstance(says, str) else says
                self.refused_everywhere(path, [str(path)] + list(says))
                result = self.failed("predict", self.model, "-", stdin=content, says=says)
                self.assertIn("standard input", result.err)

    def check_other_sizes(self, table):
        """They are prepared, but not for a model of something else than digits."""
        letters = self.file("letters.gguf", linear(labels=list("abcdefghij")))
        for name, (content, says) in table.items():
            with self.subTest(name):
                path = self.file("other", content)
                says = [says] if isinstance(says, str) else says
                self.done("predict", self.model, path)
                self.refused_unprepared(path, says)
                self.failed("predict", letters, path, says=[str(path)] + list(says))
                self.failed("predict", self.file("nine.gguf", linear(labels=list("012345678"))), path, says=says)
                self.done("predict", letters, path, "--prepare")

    def test_other_sizes(self):
        self.check_other_sizes(OTHER_SIZES)

    @needs_png
    def test_other_png_sizes(self):
        self.check_other_sizes(OTHER_PNG_SIZES)

    def test_bad_files(self):
        self.check_table(BAD)

    @needs_png
    def test_bad_png(self):
        self.check_table(BAD_PNG)

    @needs_gzip
    def test_bad_gzip(self):
        self.check_table(BAD_GZIP)

    @needs_png
    def test_png_cut_anywhere(self):
        for size in range(8, len(PNG), 7):
            self.failed("predict", self.model, self.file("cut.png", PNG[:size]), says="cut.png")

    @needs_gzip
    def test_gzip_cut_anywhere(self):
        for size in range(2, len(GZIP), 31):
            self.failed("predict", self.model, self.file("cut.gz", GZIP[:size]), "--index", 0,
                        says="cut.gz")

    def test_missing_and_folders(self):
        self.refused_everywhere(self.folder / "missing", "missing")
        self.refused_everywhere(self.folder, "is a directory")
        self.refused_everywhere(self.model / "x", "x: cannot open")

    def test_too_large(self):
        """A sparse file of more than the limit is not read at all."""
        path = self.folder / "large"
        with open(path, "wb") as file:
            file.truncate((1 << 30) + 1)
        result = self.failed_unread("predict", self.model, path)
        self.assertIn("larger than the limit of 1073741824 bytes", result.err)

    def failed_unread(self, *arguments):
        """As failed(), without looking at the folder: reading 1 GiB takes too long."""
        result = run(*arguments)
        self.assertEqual((result.code, result.out, result.err.count("\n")), (1, "", 1))
        return result

    def test_model_of_another_size(self):
        model = self.file("small.bin", FullyConnected(pixels=196).legacy())
        self.failed("bench", model, "--images", self.file("i", IMAGES), says=["28x28", "14x14"])


if __name__ == "__main__":
    unittest.main()
