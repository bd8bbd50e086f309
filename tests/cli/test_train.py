"""inkling train: what it learns, what it writes, and that no moment at which it ends loses anything."""

import json
import os
import random
import re
import resource
import signal
import struct
import subprocess
import time
import unittest

from support import (BIN, DATA, ProgramTest, idx_images, idx_labels, needs_gzip, needs_json, needs_png, png, run)

SIDE = 8
NETWORK = ("conv2d filters=4 kernel=3\nbatch_norm\nrelu\nmax_pool2d kernel=2\nflatten\n"
           "dropout rate=0.1\ndense units=classes\n")
QUICK = ("--epochs", 4, "--rate", 0.02, "--batch", 32)


def drawn(label, source):
    """A bar across, a bar down, or a block, on 8x8 pixels."""
    at = source.randrange(1, 7)
    picture = bytearray(source.randrange(16) for _ in range(SIDE * SIDE))
    for y in range(SIDE):
        for x in range(SIDE):
            if (y == at, x == at, y // 2 == at // 2 and x // 2 == at // 2)[label]:
                picture[y * SIDE + x] = 200 + source.randrange(50)
    return bytes(picture)


class Train(ProgramTest):
    def setUp(self):
        super().setUp()
        self.data = self.folder / "data"
        self.data.mkdir()
        source = random.Random(5)
        for part, count in (("train", 400), ("t10k", 60)):
            labels = [source.randrange(3) for _ in range(count)]
            images = [drawn(label, source) for label in labels]
            (self.data / (part + "-images-idx3-ubyte")).write_bytes(idx_images(images, SIDE, SIDE))
            (self.data / (part + "-labels-idx1-ubyte")).write_bytes(idx_labels(labels))
        self.network = self.file("net.txt", NETWORK.encode())
        self.model = self.folder / "m.gguf"
        self.checkpoint = self.folder / "m.checkpoint.gguf"

    def train(self, *arguments, output=None):
        return ("train", "--arch", self.network, "--data", self.data, "-o", output or self.model,
                *arguments)

    def written(self):
        return sorted(path.name for path in self.folder.iterdir()
                      if path.name not in ("data", "net.txt"))

    # ---- learning ----

    def test_learns(self):
        out = self.done(*self.train("--epochs", 12, "--rate", 0.02, "--batch", 32, "--test",
                                    "--augment", "none")).out
        lines = out.splitlines()
        self.assertRegex(lines[0], r"net\.txt: \d+ weights, 360 pictures of 8x8 in 3 classes, 40 more to "
                                   r"validate, \d+ threads? \(\w+\)")
        for i in range(12):
            self.assertRegex(lines[i + 1], r"^epoch +%d/12  loss \d\.\d{4}  accuracy +\d+\.\d\d %%  "
                             r"validation +\d+\.\d\d %%  loss \d\.\d{4} [ *]  \d+\.\d s$" % (i + 1))
        found = re.search(r"m\.gguf: epoch \d+, ([\d.]+) % of 40 validation pictures, ([\d.]+) % of 60 test "
                          r"pictures", lines[13])
        self.assertGreater(float(found[1]), 90)
        self.assertGreater(float(found[2]), 90)
        self.assertEqual(self.written(), ["m.gguf", "m.html", "m.log.jsonl"])
        # The model is an ordinary one, and reads what train said that it reads.
        evaluated = self.done("eval", self.model, self.data / "t10k-images-idx3-ubyte",
                              self.data / "t10k-labels-idx1-ubyte").out
        self.assertIn(found[2], evaluated)
        inspected = self.done("inspect", self.model).out
        for word in ("training.settings", "training.epoch", "training.validation_accuracy", "training.command",
                     "--arch net.txt --epochs 12 --batch 32 --rate 0.02 --augment none --seed 1 --data DIR -o MODEL"):
            self.assertIn(word, inspected)
        self.assertNotIn("dropout", inspected)
        self.assertNotIn("batch_norm", inspected)
        log = [json.loads(line) for line in (self.folder / "m.log.jsonl").read_text().splitlines()]
        self.assertEqual([row["epoch"] for row in log], list(range(1, 13)))
        self.assertLess(log[-1]["loss"], log[0]["loss"] / 2)
        page = (self.folder / "m.html").read_text()
        self.assertIn("net.txt", page)
        self.assertIn("%s %%" % found[2], page)

    @unittest.skipUnless(DATA, "INKLING_DATA is not set")
    @needs_gzip
    @needs_json
    def test_mnist(self):
        """A floor under what a sixth of MNIST teaches: 92.6 % were seen, for one seed."""
        answer = self.done("train", "--arch", "fc", "--data", os.path.join(DATA, "mnist"), "-o", self.model,
                           "--epochs", 1, "--batch", 32, "--validation", 50000, "--no-files", "--test",
                           "--json").json
        self.assertGreater(answer["test"]["accuracy"], 0.9)
        self.assertEqual(answer["training"], 10000)

    @needs_json
    def test_json(self):
        answer = self.done(*self.train(*QUICK, "--test", "--json")).json
        self.assertEqual(answer["epochs"], 4)
        self.assertEqual(answer["training"], 360)
        self.assertEqual(answer["validation"]["count"], 40)
        self.assertEqual(answer["test"]["count"], 60)
        self.assertEqual(answer["settings"], "epochs=4 batch=32 seed=1 rate=0.02")
        self.assertEqual(answer["steps"], 4 * 11)

    def test_built_in_networks(self):
        """On 28x28 pictures; the number of classes is that of the data."""
        source = random.Random(1)
        labels = [i % 4 for i in range(40)]
        images = [bytes(source.randrange(256) if (i // 28) % 4 == label else 0 for i in range(784))
                  for label in labels]
        (self.data / "train-images-idx3-ubyte").write_bytes(idx_images(images))
        (self.data / "train-labels-idx1-ubyte").write_bytes(idx_labels(labels))
        os.remove(self.data / "t10k-images-idx3-ubyte")
        os.remove(self.data / "t10k-labels-idx1-ubyte")
        for name in ("fc", "cnn", "small", "digits"):
            self.done("train", "--arch", name, "--data", self.data, "-o", self.model, "--epochs", 1,
                      "--no-files")
            self.assertIn(name, self.done("inspect", self.model).out)
            self.assertEqual(self.written(), ["m.gguf"])
        # A recipe brings its network; what is given beside it goes before it.
        self.done("train", "--recipe", "cnn", "--data", self.data, "-o", self.model, "--epochs", 1,
                  "--no-files")
        inspected = self.done("inspect", self.model).out
        self.assertIn("training.recipe", inspected)

    @needs_png
    def test_folder_of_pictures(self):
        folder = self.folder / "shapes"
        source = random.Random(2)
        for label, name in enumerate(("across", "down", "spot")):
            (folder / name).mkdir(parents=True)
            for i in range(40):
                (folder / name / ("%02d.png" % i)).write_bytes(png(drawn(label, source), SIDE, SIDE))
        self.done("train", "--arch", self.network, "--data", folder, "-o", self.model, *QUICK, "--no-files")
        answer = self.done("predict", self.model, folder / "down" / "03.png").out
        self.assertIn("across", answer)                  # the classes have the folders' names
        self.assertRegex(answer, r"03\.png: (across|down|spot)")

    # ---- the same, whatever happens ----

    def test_threads_change_nothing(self):
        models = []
        for threads in (1, 2, 5):
            self.done(*self.train(*QUICK, "--threads", threads, "--augment", "strong"))
            models.append(self.model.read_bytes())
        self.assertEqual(models[0], models[1])
        self.assertEqual(models[0], models[2])
        self.done(*self.train(*QUICK, "--seed", 2, "--augment", "strong"))
        self.assertNotEqual(models[0], self.model.read_bytes())

    def start(self, *arguments):
        return subprocess.Popen([BIN / "inkling"] + [str(a) for a in arguments], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    LONG = ("--epochs", 60, "--rate", 0.01, "--batch", 16, "--average", 0.9, "--schedule", "one-cycle",
            "--augment", "light")

    def whole(self):
        path = self.folder / "whole.gguf"
        self.done(*self.train(*self.LONG, "--no-files", output=path))
        content = path.read_bytes()
        path.unlink()
        return content

    def resume_to_end(self):
        self.done("train", "--resume", self.checkpoint, "--data", self.data, "-o", self.model)
        return self.model.read_bytes()

    def wait_for_epoch(self, process):
        line = b""
        while not line.startswith(b"epoch"):
            line = process.stdout.readline()
            self.assertTrue(line)

    def test_interrupted(self):
        wanted = self.whole()
        for number in (signal.SIGINT, signal.SIGTERM):
            process = self.start(*self.train(*self.LONG))
            self.wait_for_epoch(process)
            process.send_signal(number)
            _, err = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 1)
            self.assertRegex(err.decode(), r"^inkling: stopped by a signal at step \d+ of \d+; go on with: inkling "
                                           r"train --resume \S+ --data \S+ -o \S+\n$")
            self.assertNotIn("m.gguf", self.written())
            self.assertEqual(self.resume_to_end(), wanted)
            self.assertEqual(self.written(), ["m.gguf", "m.html", "m.log.jsonl"])
            rows = [json.loads(line) for line in (self.folder / "m.log.jsonl").read_text().splitlines()]
            self.assertEqual([row["epoch"] for row in rows], list(range(1, 61)))
            self.model.unlink()

    def test_killed(self):
        wanted = self.whole()
        source = random.Random(9)
        for _ in range(6):
            process = self.start(*self.train(*self.LONG))
            self.wait_for_epoch(process)
            time.sleep(source.random() * 0.15)
            process.kill()
            process.communicate()
            for path in self.folder.glob(".*"):          # the temporary file of the moment
                path.unlink()
            if not self.checkpoint.exists():             # it was through
                continue
            self.done("inspect", self.checkpoint)
            self.assertEqual(self.resume_to_end(), wanted)
            self.model.unlink()

    def test_longer(self):
        """With a constant rate, 2 epochs and 2 more are 4."""
        kept = self.folder / "kept.gguf"
        self.done(*self.train(*QUICK))
        wanted = self.model.read_bytes()
        self.done(*self.train("--epochs", 2, "--rate", 0.02, "--batch", 32, "--checkpoint", kept))
        self.assertTrue(kept.exists())                   # since it was named
        self.done("train", "--resume", kept, "--data", self.data, "-o", self.model, "--epochs", 4)
        # Only the command that began it is another.
        self.assertEqual(self.model.read_bytes().replace(b"--epochs 2 ", b"--epochs 4 "), wanted)
        self.assertTrue(kept.exists())

    def test_disk_full(self):
        def small():
            resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

        process = subprocess.run([BIN / "inkling"] + [str(a) for a in self.train(*QUICK)], preexec_fn=small,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False)
        self.assertEqual(process.returncode, 1)
        self.assertRegex(process.stderr.decode(), r"^inkling: \S*m\.checkpoint\.gguf: [^\n]*too large[^\n]*\n$")
        self.assertEqual(self.written(), [])
        # One that is there stays whole.
        process = self.start(*self.train(*self.LONG))
        self.wait_for_epoch(process)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        before = self.checkpoint.read_bytes()
        process = subprocess.run([BIN / "inkling", "train", "--resume", self.checkpoint, "--data", self.data, "-o",
                                  self.model], preexec_fn=small, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, timeout=60, check=False)
        self.assertEqual(process.returncode, 1)
        self.assertEqual(self.checkpoint.read_bytes(), before)
        self.assertNotIn("m.gguf", self.written())

    # ---- what a person sees ----

    def test_terminal(self):
        main, other = self.terminal()
        process = subprocess.Popen([BIN / "inkling"] + [str(a) for a in self.train(*self.LONG, "--no-files")],
                                   stdout=other, stderr=other, env=dict(os.environ, TERM="xterm"))
        os.close(other)
        seen = b""
        while True:
            try:
                part = os.read(main, 65536)
            except OSError:
                break
            if not part:
                break
            seen += part
        process.wait(timeout=60)
        os.close(main)
        self.assertEqual(process.returncode, 0)
        self.assertRegex(seen, rb"\repoch \d+/60 \[#*-*\] \d+ images/s  loss \d\.\d{4}  accuracy \d+\.\d\d %  "
                               rb"\d+:\d\d left\x1b\[K")
        self.assertIn(b"\x1b[32m", seen)                 # a new best is green
        self.assertEqual(seen.count(b" * "), seen.count(b"\x1b[32m"))

    def test_sheet(self):
        sheet = self.folder / "sheet.png"
        done = self.done("train", "--data", self.data, "--show-augmented", sheet, "--augment", "strong")
        self.assertEqual(done.out, "")
        self.assertEqual(self.written(), ["sheet.png"])
        content = sheet.read_bytes()
        width, height = struct.unpack(">II", content[16:24])
        self.assertEqual((width, height), (12 * (8 * 4 + 4) + 4, 10 * (8 * 4 + 4) + 4))
        again = self.folder / "again.png"
        self.done("train", "--data", self.data, "--show-augmented", again, "--augment", "strong")
        self.assertEqual(again.read_bytes(), content)
        self.done("train", "--data", self.data, "--show-augmented", again, "--augment", "none")
        self.assertNotEqual(again.read_bytes(), content)

    # ---- what is wrong ----

    def test_usage(self):
        data, net, out = self.data, self.network, self.model
        for arguments, says in (
                ([], "--data is missing"),
                (["--data", data], "--output is missing"),
                (["--data", data, "-o", out], "--arch is missing"),
                (self.train("--rate", "fast")[1:], "setting 'rate': found 'fast', wanted a number"),
                (self.train("--rate", "1 epochs=3")[1:], "setting 'rate': found '?'"),
                (self.train("--epochs", "0")[1:], "setting 'epochs': found '0'"),
                (self.train("--optimizer", "adm")[1:], "did you mean 'adam'"),
                (self.train("--recipe", "cnnn")[1:], "did you mean 'cnn'"),
                (self.train("--resume", out)[1:], "--resume takes the network"),
                (self.train("--no-files", "--log", "x")[1:], "contradict"),
                (self.train("extra")[1:], "unexpected")):
            self.failed("train", *arguments, code=2, says=says)

    def test_failures(self):
        data, net, out = self.data, self.network, self.model
        bad = self.file("bad.txt", b"flatten\ndense units=5 name=out\n\nrelu speed=3\n")
        many = self.file("many.txt", b"flatten\ndense units=2\n")
        wide = self.file("wide.txt", b"input shape=1,28,28\nflatten\ndense units=classes\n")
        empty = self.folder / "empty"
        empty.mkdir()
        model = self.folder / "model.gguf"
        self.done(*self.train("--epochs", 1, "--no-files", output=model))
        for arguments, says in (
                (["--arch", "cnm", "--data", data], ["there is no network and no file 'cnm'", "fc, cnn, small, digits"]),
                (["--arch", self.folder / "no.txt", "--data", data], "no.txt"),
                (["--arch", bad, "--data", data], ["bad.txt:4", "relu", "speed"]),
                (["--arch", many, "--data", data], ["many.txt: classes: found 3 names", "2 elements"]),
                (["--arch", wide, "--data", data], ["wide.txt:1", "1x28x28", "1x8x8"]),
                (["--arch", "cnn", "--data", empty], "empty"),
                (["--arch", "cnn", "--data", self.folder / "none"], "none"),
                (["--arch", net, "--data", data, "--validation", 400], "there are 400 examples"),
                (["--resume", model, "--data", data], ["model.gguf", "no checkpoint"]),
                (["--resume", net, "--data", data], ["net.txt", "no model file"])):
            self.failed("train", *arguments, "-o", out, says=says)
        self.failed(*self.train(output=self.folder / "none" / "m.gguf")[0:], says="cannot")
        (data / "t10k-labels-idx1-ubyte").unlink()
        (data / "t10k-images-idx3-ubyte").unlink()
        self.failed(*self.train("--test"), says="--test")

    def test_checkpoint_of_another_run(self):
        self.file("m.checkpoint.gguf", b"something that took a week")
        self.failed(*self.train(*QUICK), says=["m.checkpoint.gguf is there", "--force"])
        self.done(*self.train(*QUICK, "--force"))

    def test_the_loss_leaves_the_numbers(self):
        plain = self.file("plain.txt", b"flatten\ndense units=9\ndense units=9\ndense units=classes\n")
        result = run("train", "--arch", plain, "--data", self.data, "-o", self.model, "--optimizer", "sgd",
                     "--rate", 100, "--epochs", 200, "--no-files")
        self.assertEqual(result.code, 1)
        self.assertIn("the learning rate 100 may be too high", result.err)
        self.assertEqual(result.err.count("\n"), 1)


if __name__ == "__main__":
    unittest.main()
