#!/usr/bin/env python3
"""Does what docs/convert.md says: writes its files, and runs its blocks of commands, in one folder that has MNIST.

A comment before a block says what it is: <!-- file: NAME --> is written, <!-- run: GROUP --> is run with the group's
Python, anything else is for reading. Groups: keras and torch want a Python with these, node wants Node.js; a group
whose tools are not here is skipped, and said so.

Environment: INKLING_BIN, INKLING_DATA, INKLING_PYTHON (with torch), INKLING_KERAS_PYTHON (with keras and tensorflow),
NODE_PATH (with @tensorflow/tfjs). Exit code 77: skipped.
"""

import gzip
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^<!-- (file|run): (\S+) -->\n```\w+\n(.*?)^```$", re.M | re.S)


def works(*command):
    try:
        return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


def python(variable):
    """The Python that the variable names, from anywhere."""
    found = shutil.which(os.environ.get(variable, "python3"))
    return os.path.abspath(found) if found else None


def groups():
    """The program of each group of commands; None where its tools are not here."""
    torch, keras = python("INKLING_PYTHON"), python("INKLING_KERAS_PYTHON")
    return {
        "torch": torch if torch and works(torch, "-c", "import torch, onnxruntime, safetensors") else None,
        "keras": keras if keras and works(keras, "-c", "import keras, tensorflow") else None,
        "node": "node" if works("node", "-e", 'require("@tensorflow/tfjs")') else None,
    }


def main():
    data = pathlib.Path(os.environ.get("INKLING_DATA") or ".", "mnist")
    if not (data / "t10k-images-idx3-ubyte.gz").exists():
        print("skipped: INKLING_DATA is not set, MNIST is needed")
        return 77
    tools, run, absent = groups(), 0, set()
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        (place / "mnist").mkdir()
        for packed in data.glob("*-ubyte.gz"):
            (place / "mnist" / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))
        (place / "python").symlink_to(ROOT / "python")
        shutil.copy(ROOT / "samples/digit-3.png", place)
        shims = place / "shims"
        for group, tool in tools.items():
            if tool and group != "node":
                (shims / group).mkdir(parents=True)
                shim = shims / group / "python3"
                shim.write_text('#!/bin/sh\nexec "%s" "$@"\n' % tool)
                shim.chmod(0o755)
        programs = str(pathlib.Path(os.environ.get("INKLING_BIN", ROOT / "build/test/bin")).resolve())
        for kind, name, text in BLOCK.findall((ROOT / "docs/convert.md").read_text()):
            if kind == "file":
                (place / name).write_text(text)
                continue
            if not tools[name]:
                absent.add(name)
                continue
            path = os.pathsep.join([str(shims / name), programs, os.environ["PATH"]])
            done = subprocess.run(["bash", "-euxc", text], cwd=place, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, env={**os.environ, "PATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"})
            print(done.stdout)
            if done.returncode:
                print("docs/convert.md: exit code %d" % done.returncode)
                return 1
            run += 1
    for name in sorted(absent):
        print("not run: %s, whose tools are not here" % name)
    if not run:
        print("skipped: neither Keras nor PyTorch nor Node.js is here")
        return 77
    print("%d blocks ran" % run)
    return 0


if __name__ == "__main__":
    sys.exit(main())
