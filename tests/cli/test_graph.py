"""inkling graph."""

import os
import shutil
import stat
import unittest

from support import FullyConnected, ProgramTest, convolutional, run

has_graphviz = unittest.skipUnless(shutil.which("dot"), "graphviz is not installed")


class Graph(ProgramTest):
    def setUp(self):
        super().setUp()
        self.model = self.file("model.gguf", FullyConnected().gguf())

    def program(self, script):
        """A folder for PATH whose `dot` is this script."""
        folder = self.folder / "programs"
        folder.mkdir(exist_ok=True)
        path = folder / "dot"
        path.write_text("#!/bin/sh\n" + script)
        path.chmod(0o755)
        return str(folder) + ":/usr/bin:/bin"

    def test_text(self):
        text = self.done("graph", self.model).out
        self.assertRegex(text, r"\Adigraph ")
        for words in ("fc1", "784", "16x784"):
            self.assertIn(words, text)
        self.assertEqual(self.done("graph", self.model).out, text)
        self.assertEqual(self.done("graph", self.model, "-o", "-").out, text)
        self.assertNotEqual(self.done("graph", self.model, "--plan").out, text)
        self.assertNotEqual(self.done("graph", self.file("cnn", convolutional())).out, text)

    def test_plan(self):
        text = self.done("graph", self.model, "--plan", "--cpu", "scalar").out
        self.assertIn("scalar", text)
        self.assertNotIn("avx", text)
        self.assertIn("%", self.done("graph", self.model, "--plan", "--times").out)

    def test_file(self):
        text = self.done("graph", self.model).raw
        for name in ("a.dot", "a.gv"):
            path = self.folder / name
            result = self.done("graph", self.model, "-o", path)
            self.assertEqual(result.out, "")
            self.assertEqual(path.read_bytes(), text)
        self.assertEqual(len(list(self.folder.iterdir())), 3)

    def test_file_that_is_there(self):
        """It is replaced, keeps its mode, and a link stays a link."""
        path, link = self.folder / "a.dot", self.folder / "link.dot"
        path.write_text("old")
        path.chmod(0o640)
        link.symlink_to("a.dot")
        self.done("graph", self.model, "-o", link)
        self.assertTrue(link.is_symlink())
        self.assertIn("digraph", path.read_text())
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o640)
        self.done("graph", self.model, "-o", "/dev/null")
        self.assertIn("digraph", self.done("graph", self.model, "-o", "/dev/stdout").out)

    @has_graphviz
    def test_drawn(self):
        for name, start in (("a.svg", b"<?xml"), ("a.png", b"\x89PNG\r\n"), ("a.pdf", b"%PDF")):
            path = self.folder / name
            self.assertEqual(self.done("graph", self.model, "-o", path).out, "")
            self.assertEqual(path.read_bytes()[:len(start)], start)

    def test_graphviz_is_called_without_a_shell(self):
        path = self.folder / "a;touch hacked $(touch hacked).svg"
        self.done("graph", self.model, "-o", path, cwd=self.folder,
                  PATH=self.program('cat >/dev/null; echo "$*"'))
        self.assertEqual(path.read_text(), "-Tsvg\n")
        self.assertFalse((self.folder / "hacked").exists())

    def test_graphviz_fails(self):
        old = self.file("old.svg", b"old")
        for script, says in (
                ("echo the reason >&2; echo more >&2; exit 3", "the reason"),
                ("cat; exit 1", "does not say why"),
                ("kill -9 $$", "signal 9")):
            self.failed("graph", self.model, "-o", old, says=["graphviz", says],
                        PATH=self.program(script))
        self.assertEqual(old.read_bytes(), b"old")
        self.failed("graph", self.model, "-o", self.folder / "x.svg",
                    says="graphviz is not installed", PATH="/nowhere")
        self.done("graph", self.model, "-o", self.folder / "x.dot", PATH="/nowhere")

    def test_interrupted(self):
        """Ctrl-C while graphviz draws leaves nothing behind."""
        path = self.program("kill -INT $PPID; sleep 1")
        before = self.contents()
        result = run("graph", self.model, "-o", self.folder / "x.svg", PATH=path)
        self.assertEqual((result.code, result.err), (-2, ""))
        self.assertEqual(self.contents(), before)

    def test_long_name(self):
        path = self.folder / ("x" * 251 + ".dot")
        self.done("graph", self.model, "-o", path)
        self.assertTrue(path.exists())
        self.failed("graph", self.model, "-o", self.folder / ("x" * 252 + ".dot"),
                    says="cannot write")

    def test_failures(self):
        self.failed("graph", code=2, says="MODEL is missing")
        for name in ("x.jpg", "x", ".svg", "svg", "x.svg.gz"):
            self.failed("graph", self.model, "-o", name, code=2, says=name, cwd=self.folder)
        self.failed("graph", self.model, "--times", code=2, says="--plan")
        self.failed("graph", self.model, "-o", self.folder / "no" / "x.dot", says="cannot write")
        self.failed("graph", self.model, "-o", self.model / "x.dot", says="cannot write")
        self.failed("graph", self.model, "-o", self.model / "x.svg", says="cannot write")
        os.mkdir(self.folder / "folder.dot")
        self.failed("graph", self.model, "-o", self.folder / "folder.dot", says="directory")
        self.failed("graph", self.model, "-o", "/dev/full", says="/dev/full")
        self.disk_full("graph", self.model)


if __name__ == "__main__":
    unittest.main()
