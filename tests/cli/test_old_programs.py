"""mnist and mnist-cnn: what the reference document shows, to the letter."""

import os
import unittest

from support import FullyConnected, ProgramTest, convolutional, idx_images, pictures, run

NETWORK = FullyConnected()
PICTURES = pictures(40)


def drawn(picture):
    return "".join("".join("* " if picture[28 * y + x] > 230 else "_ " for x in range(28)) + "\n"
                   for y in range(28)) + "\n"


class OldPrograms(ProgramTest):
    def setUp(self):
        super().setUp()
        self.images = self.file("images", idx_images(PICTURES))
        self.models = {"mnist": self.file("model.bin", NETWORK.legacy()),
                       "mnist-cnn": self.file("model.gguf", convolutional())}

    def old(self, program):
        result = run(self.models[program], self.images, program=program, cwd=self.folder)
        self.assertEqual(result.code, 0, result.err)
        return result

    def test_output(self):
        for program in self.models:
            result = self.old(program)
            lines = result.out.split("\n")
            self.assertEqual(len(lines), 4)
            self.assertRegex(lines[0], r"^main: loaded model in [ \d]{5}\.\d\d ms$")
            self.assertEqual(lines[1], "ggml_graph_dump_dot: dot -Tpng %s.dot -o %s.dot.png && "
                                       "open %s.dot.png" % ((program,) * 3))
            self.assertRegex(lines[2], r"^main: predicted digit is \d$")
            self.assertIn(result.err, [drawn(picture) for picture in PICTURES])
            self.assertRegex((self.folder / (program + ".dot")).read_text(), r"\Adigraph ")
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()),
                         ["images", "mnist-cnn.dot", "mnist.dot", "model.bin", "model.gguf"])

    def test_digit(self):
        """The digit is that of the picture that it drew."""
        for _ in range(5):
            result = self.old("mnist")
            picture = next(p for p in PICTURES if drawn(p) == result.err)
            answer = NETWORK.probabilities(picture)
            self.assertTrue(result.out.endswith("digit is %d\n" % answer.index(max(answer))))

    def test_random(self):
        for program in self.models:
            self.assertGreater(len({self.old(program).err for _ in range(12)}), 3)

    def test_same_graph(self):
        self.old("mnist")
        first = (self.folder / "mnist.dot").read_bytes()
        self.old("mnist")
        self.assertEqual((self.folder / "mnist.dot").read_bytes(), first)
        self.assertEqual(self.done("graph", self.models["mnist"]).raw, first)

    def test_usage(self):
        for program, model in (("mnist", "MODEL.bin"), ("mnist-cnn", "MODEL.gguf")):
            for arguments in ([], ["x"], ["x", "y", "z"]):
                result = run(*arguments, program=program)
                self.assertEqual((result.code, result.out), (2, ""))
                self.assertEqual(result.err, "usage: %s %s IMAGES\n" % (program, model))
            self.assertEqual(run("--help", program=program).code, 0)

    def test_folder_that_cannot_be_written(self):
        for program, model in self.models.items():
            (self.folder / (program + ".dot")).mkdir()
            self.failed(model, self.images, program=program, cwd=self.folder,
                        says=[program + ".dot", "cannot write"])
        gone = self.folder / "gone"
        gone.mkdir()
        handle = os.open(gone, os.O_RDONLY)
        gone.rmdir()
        for program, model in self.models.items():   # a working directory that was removed
            self.failed(model, self.images, program=program, says="cannot write",
                        cwd="/proc/self/fd/%d" % handle)
        os.close(handle)

    def test_disk_full(self):
        for program, model in self.models.items():
            self.disk_full(model, self.images, program=program, cwd=self.folder)


if __name__ == "__main__":
    unittest.main()
