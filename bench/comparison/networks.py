"""The networks that are compared, as files for each engine, and the pictures."""

import csv
import gzip
import os
import pathlib
import re
import shutil

import machine
from machine import Missing, say

# ggml's MNIST example of today, and many others: 3x3 convolutions of 8 and 16 channels, padded.
PADDED = """\
conv2d name=conv1 filters=8 kernel=3 padding=1
relu
max_pool2d kernel=2
conv2d name=conv2 filters=16 kernel=3 padding=1
relu
max_pool2d kernel=2
flatten
dense name=dense units=classes
"""

MAIN = {
    "cnn": "two convolutions of 32 and 64 channels, models/cnn.gguf",
    "fc": "784 - 500 - 10, models/fc.gguf",
    "digits": "six convolutions with 32 to 128 channels, models/digits.gguf",
    "padded": "two padded 3x3 convolutions of 8 and 16 channels",
}


class Network:
    """A network and its files; `files` is by suffix, and a file that cannot be made is a Missing there."""

    def __init__(self, name, what, gguf, published=""):
        self.name, self.what, self.gguf, self.published = name, what, pathlib.Path(gguf), published
        self.files = {".gguf": self.gguf}

    def inspect(self, inkling):
        facts = inkling.json("inspect", self.gguf, "--json")
        given = facts["input"]
        self.shape = [given["channels"], given["height"], given["width"]]
        self.scale, self.offset = given["scale"], given["offset"]
        self.classes, self.macs, self.parameters = facts["classes"], facts["multiply_adds"], facts["parameters"]
        self.convolutions = sum(node["op"] == "conv2d" for node in facts["nodes"])

    def export(self, inkling, suffixes):
        """The same weights for the peers."""
        base = machine.PLACE / "networks" / self.name.replace("/", "__")
        base.parent.mkdir(parents=True, exist_ok=True)
        onnx = base.with_name(base.name + ".onnx")
        self.make(".onnx", onnx, lambda: inkling("convert", self.gguf, onnx, missing="no .onnx"))
        for suffix, how in ((".layers", "chain"), (".pt", "trace")):
            target = base.with_name(base.name + suffix)
            if suffix in suffixes:
                self.make(suffix, target, lambda how=how, target=target: machine.run(
                    machine.python(), machine.ENGINES / "layers.py", how, self.file(".onnx"), target,
                    missing="no " + target.suffix))

    def make(self, suffix, target, work):
        try:
            work()
            self.files[suffix] = target
        except Missing as why:
            self.files[suffix] = why

    def file(self, suffix):
        if isinstance(self.files[suffix], Missing):
            raise self.files[suffix]
        return self.files[suffix]


# ---- networks ----

def padded(inkling):
    """Trained for a moment on the samples: its speed does not depend on how well it reads."""
    folder = machine.PLACE / "padded"
    target = folder / "padded.gguf"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "padded.txt").write_text(PADDED, encoding="ascii")
        for kind in ("images-idx3", "labels-idx1"):
            shutil.copy(machine.ROOT / ("samples/digits-%s-ubyte" % kind), folder / ("train-%s-ubyte" % kind))
        inkling("train", "--arch", folder / "padded.txt", "--data", folder, "--output", target, "--epochs", "3",
                "--no-files")
    return target


def main_networks(inkling, wanted):
    for name, what in MAIN.items():
        if wanted(name):
            yield Network(name, what, padded(inkling) if name == "padded" else machine.ROOT / ("models/%s.gguf" % name))


def linked(path, folder):
    """The file by the name that it was published under, beside those that belong to it."""
    prefix = path.name.rsplit("__", 1)[0]
    folder.mkdir(parents=True, exist_ok=True)
    for part in path.parent.glob(prefix + "__*"):
        link = folder / part.name[len(prefix) + 2:]
        link.unlink(missing_ok=True)
        link.symlink_to(part.resolve())
    return folder / path.name[len(prefix) + 2:]


def convert(inkling, path, name):
    """A published file as a Network. Missing: it is refused, or is no network of convolutions for such pictures."""
    folder = machine.PLACE / "wild" / name.replace("/", "__")
    target = folder / "model.gguf"
    source = linked(path, folder / "published")
    inkling.json("convert", source, target, "--json")
    found = Network(name, "published", target, published=name)
    found.inspect(inkling)
    if not found.convolutions:
        raise Missing("no convolution in it")
    if found.shape != [1, 28, 28]:
        raise Missing("its pictures are not 28 x 28")
    return found


def wild_networks(inkling, data, wanted, left_out):
    """Every CNN of the published files that `inkling convert` reads; the others go to left_out, with the reason."""
    table = data / "wild/models.tsv" if data else None
    if not table or not table.exists():
        left_out.append(("published networks", "no wild/models.tsv in the folder that INKLING_DATA names"))
        return
    with open(table, newline="", encoding="utf-8") as rows:
        for row in csv.DictReader(rows, delimiter="\t"):
            if row["model"] in ("weights shard", "external data"):
                continue
            name = row["file"].split("/", 1)[1].replace("__", "/")
            if not wanted(name):
                continue
            try:
                yield convert(inkling, data / "wild" / row["file"], name)
            except Missing as why:
                text = re.sub(r"\S*/published/\S+: ", "", " ".join(str(why).split()))
                left_out.append((name, text.replace("inkling: ", "")[:300]))


# ---- pictures ----

class Pictures:
    """Real digits, as engines read them: bytes, one picture behind the other."""

    def __init__(self, source, idx, label, repeat=1):
        self.idx, self.label = idx, label
        data = gzip.decompress(source.read_bytes()) if source.suffix == ".gz" else source.read_bytes()
        idx.parent.mkdir(parents=True, exist_ok=True)
        idx.write_bytes(data)
        self.count = int.from_bytes(data[4:8], "big")
        self.size = int.from_bytes(data[8:12], "big") * int.from_bytes(data[12:16], "big")
        if data[:4] != b"\0\0\x08\x03" or len(data) != 16 + self.count * self.size:
            raise SystemExit("%s: found no IDX file of pictures" % source)
        self.raw = idx.with_suffix(".bytes")
        self.raw.write_bytes(data[16:] * repeat)
        self.in_file, self.count = self.count, self.count * repeat


def look_for(data, part, kind):
    for name in ("%s-%s-ubyte" % (part, kind), "%s-%s-ubyte.gz" % (part, kind)):
        if data and (data / "mnist" / name).exists():
            return data / "mnist" / name
    return None


def pictures(data, given):
    """MNIST's test images, or those given, or the samples. Then the labels' file, or None."""
    if given:
        return Pictures(pathlib.Path(given), machine.PLACE / "given", given), None
    images, labels = look_for(data, "t10k", "images-idx3"), look_for(data, "t10k", "labels-idx1")
    if images and labels:
        plain = machine.PLACE / "t10k-labels"
        plain.parent.mkdir(parents=True, exist_ok=True)
        plain.write_bytes(gzip.decompress(labels.read_bytes()) if labels.suffix == ".gz" else labels.read_bytes())
        return Pictures(images, machine.PLACE / "t10k-images", "MNIST's 10,000 test images"), plain
    say("no MNIST in the folder that INKLING_DATA names: with the sample digits")
    samples = machine.ROOT / "samples"
    return (Pictures(samples / "digits-images-idx3-ubyte", machine.PLACE / "samples",
                     "the 500 sample digits, twice, for MNIST was not there", 2),
            samples / "digits-labels-idx1-ubyte")


def training_pictures(data):
    """MNIST's 60,000, or None."""
    images = look_for(data, "train", "images-idx3")
    return Pictures(images, machine.PLACE / "train-images", "MNIST's 60,000 training images") if images else None


def data_folder():
    given = os.environ.get("INKLING_DATA")
    return pathlib.Path(given) if given else None
