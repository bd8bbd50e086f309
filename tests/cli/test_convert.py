"""inkling convert: among the layouts, with the same answers; and the helper program behind it."""

import os
import random
import shutil
import stat
import struct
import unittest

from support import (BIN, FullyConnected, ProgramTest, convolutional, idx_images, linear, needs_json,
                     pictures, run)

NETWORK = FullyConnected()
HELPER = BIN.parent / "libexec" / "inkling"


class Convert(ProgramTest):
    def setUp(self):
        super().setUp()
        self.model = self.file("model.gguf", NETWORK.gguf())
        self.legacy = self.file("model.bin", NETWORK.legacy())
        self.cnn = self.file("cnn.gguf", convolutional())
        self.images = self.file("images", idx_images(pictures(20)))

    def answers(self, model):
        document = self.done("predict", model, self.images, "--count", 20, "--json").json
        return [p for result in document["results"] for p in result["probabilities"]]

    def same_answers(self, a, b, delta=1e-6):
        a, b = self.answers(a), self.answers(b)
        self.assertEqual(len(a), len(b))
        for x, y in zip(a, b):
            self.assertAlmostEqual(x, y, delta=delta)

    @needs_json
    def test_layouts(self):
        for source in (self.model, self.legacy):
            for layout in ("inkling", "ggml"):
                target = self.folder / "out.gguf"
                self.done("convert", source, target, "--layout", layout)
                self.same_answers(source, target)
                self.assertEqual(self.done("inspect", target, "--json").json["layout"], layout)
            target = self.folder / "out.bin"
            self.done("convert", source, target)
            self.assertEqual(target.read_bytes(), NETWORK.legacy())

    @needs_json
    def test_convolutions(self):
        for layout in ("inkling", "ggml"):
            target = self.folder / "out.gguf"
            self.done("convert", self.cnn, target, "--layout", layout)
            self.same_answers(self.cnn, target)

    @needs_json
    def test_other_formats(self):
        """Written, read again, the same answers and scaling; what they cannot hold is told."""
        if "protobuf-c" in run("convert", self.model, self.folder / "x.onnx").err:
            self.skipTest("built without protobuf-c")
        for suffix, name in ((".onnx", "ONNX"), (".safetensors", "safetensors")):
            for source in (self.legacy, self.cnn, "models/digits.gguf"):
                target, again = self.folder / ("out" + suffix), self.folder / "again.gguf"
                wrote = self.done("convert", source, target, "--json").json["wrote"]
                self.assertEqual((wrote["format"], wrote["bytes"]), (name, target.stat().st_size))
                read = self.done("convert", target, again, "--json").json["read"]
                self.assertEqual((read["format"], read["input_scaling_from"], read["graph_from"]),
                                 (name, "the file", "the file"))
                self.assertAlmostEqual(read["input_scale"], wrote["input_scale"], delta=1e-9)
                self.same_answers(source, again)
            self.failed("convert", self.model, target, "--layout", "inkling", code=2, says=["--layout", suffix])
            self.failed("convert", self.model, target, "--type", "f16", code=2, says=["--type", suffix])

    def quantised(self, scale=1 / 128):
        """Ten classes of pictures of 8x8, the weights in Q8_0, the biases in BF16; and the same as float32."""
        source, plain, packed = random.Random(5), linear(height=8, width=8), linear(height=8, width=8)
        quants = [source.randrange(-128, 128) for _ in range(640)]
        blocks = [struct.pack("<e32b", scale, *quants[at:at + 32]) for at in range(0, 640, 32)]
        packed.tensor("out.weight")[2:] = [8, b"".join(blocks)]
        plain.tensor("out.weight")[3] = struct.pack("<640f", *[scale * q for q in quants])
        halves = [source.randrange(0x3c00, 0x3f80) for _ in range(10)]
        packed.tensor("out.bias")[2:] = [30, struct.pack("<10H", *halves)]
        plain.tensor("out.bias")[3] = struct.pack("<10I", *[half << 16 for half in halves])
        return packed, plain

    @needs_json
    def test_quantised(self):
        packed, plain = (self.file(name, file.bytes()) for name, file in zip(("q.gguf", "p.gguf"), self.quantised()))
        self.images = self.file("small", idx_images(pictures(20, size=64), height=8, width=8))
        target, again = self.folder / "out.gguf", self.folder / "again.gguf"

        def types():
            return {t["name"]: t["type"] for t in self.done("inspect", target, "--json").json["tensors"]}

        self.same_answers(packed, plain, delta=0)
        self.assertNotIn("note", self.done("convert", packed, target).out)
        self.assertEqual(types(), {"out.weight": "q8_0", "out.bias": "bf16"})
        self.same_answers(target, plain, delta=0)

        note = "SRC has weights in q8_0 and DST has none: what rounding to q8_0 has lost does not come back"
        self.assertIn(note, self.done("convert", packed, target, "--type", "f32").out)
        self.assertEqual(types(), {"out.weight": "f32", "out.bias": "f32"})
        self.done("convert", plain, again, "--type", "f32")
        self.assertEqual(target.read_bytes(), again.read_bytes())
        self.assertNotIn("lost_type", self.done("convert", plain, again, "--type", "f32", "--json").json)

        document = self.done("convert", packed, target, "--type", "f16", "--json").json
        self.assertEqual(document["lost_type"], "q8_0")
        self.assertEqual(types(), {"out.weight": "f16", "out.bias": "f32"})
        self.same_answers(target, plain, delta=0)  # eight bits and a power of two fit

        self.failed("convert", packed, target, "--type", "q8_0", code=2, says="none of f32, f16")
        large = self.file("large.gguf", self.quantised(scale=65504)[0].bytes())
        self.failed("convert", large, target, "--type", "f16", says=["out.weight", "beyond f16's largest"])
        for suffix in (".onnx", ".safetensors"):
            result = run("convert", packed, self.folder / ("out" + suffix))
            if "built without" in result.err:
                continue
            self.assertEqual(result.code, 0, result.err)
            self.assertIn(note, result.out)
            self.done("convert", self.folder / ("out" + suffix), target)
            self.assertEqual(types(), {"out.weight": "f32", "out.bias": "f32"})
            self.same_answers(target, plain)

    def test_note_where_ggml_has_other_sizes(self):
        """ggml's programs abort on sizes other than their own; who writes such a file is told."""
        small = self.done("convert", self.model, self.folder / "small.gguf", "--layout", "ggml")
        self.assertIn("note   ggml's own program takes 784-500-10 only", small.out)
        usual = self.done("convert", "models/fc.gguf", self.folder / "usual.bin")
        self.assertNotIn("note", usual.out)

    @needs_json
    def test_there_and_back(self):
        """Converting twice gives the same bytes."""
        one, two, three = (self.folder / name for name in ("1.gguf", "2.gguf", "3.gguf"))
        self.done("convert", self.cnn, one)
        self.done("convert", one, two)
        self.assertEqual(one.read_bytes(), two.read_bytes())
        self.done("convert", one, three, "--layout", "ggml")
        self.same_answers(self.cnn, three)

    def test_text(self):
        target = self.folder / "out.gguf"
        lines = self.done("convert", self.legacy, target).out.split("\n")
        self.assertEqual(len(lines), 4)
        self.assertEqual(lines[0], "read   %s: ggml .bin, layout legacy, 4 tensors, %d bytes" %
                         (self.legacy, self.legacy.stat().st_size))
        self.assertEqual(lines[1], "wrote  %s: GGUF v3, layout inkling, 4 tensors, %d bytes" %
                         (target, target.stat().st_size))
        self.assertRegex(lines[2], r"^check  64 pictures, largest difference .* \d")

    @needs_json
    def test_document(self):
        target = self.folder / "out.gguf"
        document = self.done("convert", self.legacy, target, "--json").json
        self.assertEqual(document["read"]["file"], str(self.legacy))
        self.assertEqual(document["read"]["layout"], "legacy")
        self.assertEqual(document["wrote"]["layout"], "inkling")
        self.assertEqual(document["wrote"]["bytes"], target.stat().st_size)
        self.assertLess(document["largest_difference"], 1e-5)

    def test_onto_itself(self):
        self.model.chmod(0o600)
        self.done("convert", self.model, self.model)
        self.assertIn(b"inkling", self.model.read_bytes()[:100])
        self.assertEqual(stat.S_IMODE(self.model.stat().st_mode), 0o600)

    def test_read_only_source(self):
        self.model.chmod(0o400)
        self.done("convert", self.model, self.folder / "out.gguf")

    def test_usage(self):
        out = self.folder / "out"
        for arguments, says in (
                ([], "SRC is missing"),
                ([self.model], "DST is missing"),
                ([self.model, out], ["unknown suffix", ".gguf", ".bin"]),
                ([self.model, str(out) + ".tflite"], "unknown suffix"),
                ([self.model, str(out) + ".bin", "--layout", "ggml"], "contradicts"),
                ([self.model, str(out) + ".gguf", "--layout", "legacy"], "contradicts"),
                ([self.model, str(out) + ".gguf", "--layout", "gml"], "did you mean 'ggml'")):
            self.failed("convert", *arguments, code=2, says=says)

    def test_failures(self):
        self.failed("convert", self.cnn, self.folder / "out.bin", says=[str(self.cnn), "legacy"])
        self.failed("convert", self.cnn, self.folder / "out.gguf", "--layout", "ggml-2023",
                    says="ggml-2023")
        self.failed("convert", self.folder / "no.gguf", self.folder / "out.gguf", says="no.gguf")
        self.failed("convert", self.model, self.folder / "no" / "out.gguf", says="cannot write")
        self.failed("convert", self.model, self.model / "out.gguf", says="cannot write")
        os.mkdir(self.folder / "folder.gguf")
        self.failed("convert", self.model, self.folder / "folder.gguf", says="directory")
        self.disk_full("convert", self.model, self.folder / "out.gguf")
        self.disk_full("convert", self.model, self.model)

    # ---- the helper ----

    def test_helper_missing(self):
        self.failed("convert", self.model, self.folder / "out.gguf", says="not installed",
                    INKLING_LIBEXEC=str(self.folder))

    def test_helper_elsewhere(self):
        """The whole tree moved, the program called through a link, by a name in PATH."""
        tree = self.folder / "moved"
        shutil.copytree(HELPER, tree / "libexec" / "inkling")
        (tree / "bin").mkdir()
        shutil.copy2(BIN / "inkling", tree / "bin" / "inkling")
        links = self.folder / "links"
        links.mkdir()
        (links / "inkling").symlink_to(tree / "bin" / "inkling")
        result = run("-c", "inkling convert \"$0\" \"$1\"", self.model, self.folder / "out.gguf",
                     program="/bin/sh", PATH=str(links) + ":/bin:/usr/bin", cwd="/")
        self.assertEqual((result.code, result.err), (0, ""))

    def test_helper_alone(self):
        text = run("--help", program=HELPER / "inkling-convert").out
        self.assertEqual(text, self.done("convert", "--help").out)
        self.assertEqual(text, self.done("help", "convert").out)
        self.assertIn("usage: inkling convert", text)

    @needs_json
    def test_scale_is_kept(self):
        """Legacy has no field for the scale: both say pixel / 255."""
        self.done("convert", self.legacy, self.folder / "out.gguf")
        scale = self.done("inspect", self.folder / "out.gguf", "--json").json["input"]["scale"]
        self.assertEqual(struct.pack("<f", scale), struct.pack("<f", 1 / 255))


if __name__ == "__main__":
    unittest.main()
