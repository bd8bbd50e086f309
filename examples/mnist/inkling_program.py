"""Calls `inkling`, the program that converts models here."""

import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def inkling(*arguments):
    """Runs it, and ends this script with its exit code where it fails."""
    places = [os.environ.get("INKLING"), pathlib.Path("bin/inkling"), ROOT / "build/bin/inkling", shutil.which("inkling")]
    for place in places:
        if place and pathlib.Path(place).is_file():
            break
    else:
        sys.exit("inkling is not built: mkdir build && cd build && cmake .. && make")
    code = subprocess.run([str(pathlib.Path(place).resolve()), *map(str, arguments)]).returncode
    if code:
        sys.exit(code)
