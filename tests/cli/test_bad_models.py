"""Model files that are broken: every command refuses each with one line, and writes nothing."""

import struct
import unittest

from support import (F16, FullyConnected, Gguf, ProgramTest, convolutional, gguf_string, idx_images,
                     idx_labels, pictures, png, tensor_bytes)

NETWORK = FullyConnected()
GOOD = NETWORK.gguf().bytes()
LEGACY = NETWORK.legacy()


def changed(change, file=None):
    file = file or NETWORK.gguf()
    change(file)
    return file.bytes()


def set_field(**fields):
    return lambda file: [setattr(file, name, value) for name, value in fields.items()]


def drop(name):
    return lambda file: file.tensors.remove(file.tensor(name))


def reshape(name, dimensions):
    def change(file):
        file.tensor(name)[1] = dimensions
    return change


def retype(name, kind, data):
    def change(file):
        file.tensor(name)[2:] = [kind, data]
    return change


def weight(name, place, value):
    """One weight replaced, e.g. by a NaN."""
    def change(file):
        tensor = file.tensor(name)
        raw = bytearray(tensor[3])
        raw[4 * place:4 * place + 4] = struct.pack("<f", value)
        tensor[3] = bytes(raw)
    return change


def overlapping():
    """A tensor whose data begins beyond the end of the file."""
    place = GOOD.index(b"fc2.bias") + 8 + 4 + 8 + 4
    return GOOD[:place] + struct.pack("<Q", 1 << 40) + GOOD[place + 8:]


def legacy_numbers(*places):
    file = bytearray(LEGACY)
    for place, value in places:
        file[place:place + 4] = struct.pack("<i", value)
    return bytes(file)


def big_endian():
    file = Gguf()
    file.order = ">"
    return file.bytes()


# name: (the file's bytes, words of the message)
BAD = {
    "empty": (b"", ""),
    "four bytes": (b"GGUF", ""),
    "wrong magic": (b"GGUG" + GOOD[4:], "not a model"),
    "a picture": (png(bytes(784)), "not a model"),
    "text": (b"hello\n" * 100, "not a model"),
    "big-endian": (big_endian(), "endian"),
    "version 0": (changed(set_field(version=0)), "version"),
    "version 1": (changed(set_field(version=1)), "version"),
    "version 4": (changed(set_field(version=4)), "version"),
    "version 99": (changed(set_field(version=99)), "version"),
    "absurd tensor count": (changed(set_field(tensor_count=1 << 60)), ""),
    "tensor count one too many": (changed(set_field(tensor_count=5)), ""),
    "absurd metadata count": (changed(set_field(kv_count=(1 << 64) - 1)), ""),
    "metadata count one too many": (changed(set_field(kv_count=3)), ""),
    "no tensors": (changed(set_field(tensors=[])), ""),
    "no metadata": (changed(set_field(metadata=[])), ""),
    "absurd dimension": (changed(reshape("fc1.weight", [1 << 62, 16])), "fc1.weight"),
    "dimensions that overflow": (changed(reshape("fc1.weight", [1 << 32, 1 << 32])), "fc1.weight"),
    "dimension of zero": (changed(reshape("fc1.weight", [0, 16])), "fc1.weight"),
    "five dimensions": (changed(reshape("fc1.weight", [784, 16, 1, 1, 1])), "fc1.weight"),
    "unknown architecture": (changed(lambda file: file.metadata.__setitem__(
        0, ("general.architecture", 8, gguf_string("llama")))), "llama"),
    "no architecture": (changed(lambda file: file.metadata.pop(0)), "architecture"),
    "no fc1.weight": (changed(drop("fc1.weight")), "fc1.weight"),
    "no fc2.bias": (changed(drop("fc2.bias")), "fc2.bias"),
    "fc1.weight turned": (changed(reshape("fc1.weight", [16, 784])), ""),
    "fc1.bias too short": (changed(lambda file: file.tensor("fc1.bias").__setitem__(
        slice(1, 4), [[15], 0, bytes(60)])), "fc1.bias"),
    "unknown type": (changed(retype("fc1.bias", 77, bytes(64))), "77"),
    "type of K-quants": (changed(retype("fc1.weight", 12, bytes(784 * 16 // 256 * 144))), "Q4_K is not supported"),
    "i8": (changed(retype("fc1.bias", 24, bytes(16))), "which only the weight of a conv2d or dense node may be"),
    "i16": (changed(retype("fc1.bias", 25, bytes(32))), "I16 is not supported"),
    "rows of no whole blocks": (changed(retype("fc1.weight", 2, bytes(784 * 16 // 32 * 18))),
                                "'fc1.weight': dimension 0, the fastest, is 784, wanted a multiple of 32"),
    "infinity in f64": (changed(retype("fc1.bias", 28, struct.pack("<16d", *[1e39] * 16))), "fc1.bias"),
    "NaN in fc1.weight": (changed(weight("fc1.weight", 5, float("nan"))), "fc1.weight"),
    "infinity in fc1.bias": (changed(weight("fc1.bias", 0, float("inf"))), "fc1.bias"),
    "minus infinity in fc2.bias": (changed(weight("fc2.bias", 9, float("-inf"))), "fc2.bias"),
    "NaN of 16 bits": (changed(lambda file: file.tensor("conv2.kernel").__setitem__(
        slice(2, 4), [F16, tensor_bytes(F16, [float("nan")] * 1152)]), convolutional()),
        "conv2"),
    "offset beyond the end": (overlapping(), "fc2.bias"),
    "architecture of the other network": (changed(lambda file: file.metadata.__setitem__(
        0, ("general.architecture", 8, gguf_string("mnist-cnn")))), ""),
    "two tensors of one name": (changed(lambda file: file.tensor("fc2.bias").__setitem__(
        0, "fc1.bias")), "fc1.bias"),
    "one key twice": (changed(lambda file: file.put_string("general.name", "again")),
                      "general.name"),
    "alignment of 3": (changed(lambda file: file.put_u32("general.alignment", 3)), "alignment"),
    "legacy: magic only": (LEGACY[:4], ""),
    "legacy: eight bytes": (LEGACY[:8], ""),
    "legacy: cut": (LEGACY[:-1], ""),
    "legacy: byte after the end": (LEGACY + b"\0", ""),
    "legacy: big-endian": (LEGACY[3::-1] + LEGACY[4:], "endian"),
    "legacy: 0 dimensions": (legacy_numbers((4, 0)), ""),
    "legacy: many dimensions": (legacy_numbers((4, 1 << 30)), ""),
    "legacy: negative dimensions": (legacy_numbers((4, -1)), ""),
    "legacy: huge dimension": (legacy_numbers((8, 0x7fffffff)), ""),
    "legacy: negative dimension": (legacy_numbers((8, -784)), ""),
    "legacy: another input": (legacy_numbers((8, 392), (12, 32)), ""),
}


class BadModels(ProgramTest):
    def setUp(self):
        super().setUp()
        self.images = self.file("images", idx_images(pictures(3)))
        self.labels = self.file("labels", idx_labels([1, 2, 3]))

    def refused_everywhere(self, model, says=()):
        self.failed("predict", model, self.images, says=says)
        self.failed("predict", model, self.images, "--json", "--dot", self.folder / "x.dot")
        self.failed("eval", model, self.images, self.labels, says=says)
        self.failed("inspect", model, says=says)
        self.failed("graph", model, "-o", self.folder / "x.dot", says=says)
        self.failed("bench", model, "--seconds", "0.01", says=says)
        self.failed("convert", model, self.folder / "x.gguf", says=says)
        for program in ("mnist", "mnist-cnn"):
            self.failed(model, self.images, program=program, cwd=self.folder, says=says)

    def test_good_ones(self):
        """What is broken below is good unless it is broken."""
        for content in (GOOD, LEGACY, convolutional().bytes()):
            self.done("inspect", self.file("good", content))

    def test_bad_files(self):
        for name, (content, says) in BAD.items():
            with self.subTest(name):
                model = self.file("bad.model", content)
                self.refused_everywhere(model, [str(model), says])

    def test_cut_anywhere(self):
        """At each byte of the header, and here and there in the data."""
        header = GOOD.index(b"fc2.bias") + 64
        for size in list(range(0, header, 3)) + list(range(header, len(GOOD), 9973)):
            self.failed("inspect", self.file("cut.gguf", GOOD[:size]), says="cut.gguf")
        for size in list(range(0, 64)) + list(range(64, len(LEGACY), 9973)):
            self.failed("inspect", self.file("cut.bin", LEGACY[:size]), says="cut.bin")

    def test_missing_and_folders(self):
        self.refused_everywhere(self.folder / "missing.gguf", "missing.gguf")
        self.refused_everywhere(self.folder, [str(self.folder), "directory"])
        self.refused_everywhere(self.images / "x.gguf", "x.gguf")

    def test_overflow(self):
        """Weights that are finite, and answers that are not: said, and not printed."""
        network = FullyConnected()
        network.fc1_weight = [3e38] * len(network.fc1_weight)
        network.fc2_weight = [3e38 if i % 2 else -3e38 for i in range(len(network.fc2_weight))]
        model = self.file("overflow.gguf", network.gguf())
        for arguments in (["predict", model, self.images],
                          ["predict", model, self.images, "--json"],
                          ["eval", model, self.images, self.labels],
                          ["convert", model, self.folder / "x.gguf"]):
            self.failed(*arguments, says=["overflow.gguf", "no number"])


if __name__ == "__main__":
    unittest.main()
