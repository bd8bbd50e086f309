"""The commands of docs/serve.md, as they stand there, against a server, and what it says that they print."""

import json
import re
import shutil
import subprocess
import unittest

from server import Server, needs_server
from support import ROOT, needs_jpeg, needs_png

VARIES = ("load_ms", "us_per_image", "cpu")


def blocks():
    text = (ROOT / "docs" / "serve.md").read_text(encoding="utf-8")
    for mark, kind, content in re.findall(r"(<!-- not run: [^\n]*-->\n)?```(\w+)\n(.*?)```", text, re.S):
        if not mark:
            yield kind, content


@needs_server
@needs_png
@needs_jpeg
@unittest.skipUnless(shutil.which("curl"), "curl is not installed")
class Docs(unittest.TestCase):
    def like(self, got, wanted, where):
        """The same keys and words, and numbers but for what another machine rounds."""
        self.assertEqual(type(got), type(wanted), where)
        if isinstance(got, dict):
            self.assertEqual(list(got), list(wanted), where)
            for key in wanted:
                if key not in VARIES:
                    self.like(got[key], wanted[key], where + "." + key)
        elif isinstance(got, list):
            self.assertEqual(len(got), len(wanted), where)
            for i, (a, b) in enumerate(zip(got, wanted)):
                self.like(a, b, "%s[%d]" % (where, i))
        elif isinstance(got, float):
            self.assertAlmostEqual(got, wanted, delta=1e-4, msg=where)
        else:
            self.assertEqual(got, wanted, where)

    def test_commands(self):
        server = Server()
        printed, commands, compared = "", 0, 0
        try:
            for kind, content in blocks():
                if kind == "json":
                    self.like(json.loads(printed), json.loads(content), "")
                    compared += 1
                    continue
                self.assertEqual(kind, "sh")
                for command in content.replace("\\\n", " ").strip().split("\n"):
                    self.assertIn("http://127.0.0.1:8080/", command)
                    command = command.replace("http://127.0.0.1:8080/", server.url)
                    done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=60,
                                          check=True)
                    printed = done.stdout
                    self.assertTrue(printed, command)
                    if "/metrics" not in command and compared < 2:
                        self.assertNotIn('"error"', printed, command)
                    commands += 1
        finally:
            self.assertEqual(server.stop()[0], 0)
        self.assertEqual((commands, compared), (9, 3))


if __name__ == "__main__":
    unittest.main()
