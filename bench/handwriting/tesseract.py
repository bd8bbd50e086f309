"""Tesseract on the same pictures: Debian's tesseract-ocr, digits only."""

import os
import pathlib
import shutil
import subprocess
import tempfile

import data

MODES = (7, 6, 8, 13) # one line, a block, a word, a raw line


def version():
    if not shutil.which("tesseract"):
        raise data.Missing("no tesseract (Debian: tesseract-ocr)")
    return subprocess.run(["tesseract", "--version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True,
                          text=True).stdout.split("\n")[0]


def texts(paths, mode):
    """Of each picture, what Tesseract reads, without blanks."""
    with tempfile.TemporaryDirectory() as folder:
        names = pathlib.Path(folder, "names")
        names.write_text("".join("%s\n" % path for path in paths), encoding="utf-8")
        done = subprocess.run(["tesseract", names, "stdout", "--psm", str(mode), "-c",
                               "tessedit_char_whitelist=0123456789"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, env={**os.environ, "OMP_THREAD_LIMIT": "1"}, check=True)
    pages = done.stdout.decode().split("\f")
    if len(pages) == len(paths) + 1: # some versions have one behind the last page too
        pages.pop()
    if len(pages) != len(paths):
        raise data.Missing("tesseract gave %d pages for %d pictures" % (len(pages), len(paths)))
    return ["".join(page.split()) for page in pages]
