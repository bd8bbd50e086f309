#!/usr/bin/env python3
"""bench/compare runs, and each of its engines that can be had computes what inkling computes.

One network, one thread, rounds of a moment: the figures mean nothing. Engines that cannot be had must be named, with
the reason. Environment: INKLING_BIN, INKLING_DATA. Exit code 77: skipped.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENGINES = {"inkling", "onnxruntime", "OpenVINO", "PyTorch", "oneDNN 2", "oneDNN 3", "ggml, package", "ggml, built here"}


def main():
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([ROOT / "bench/compare", "--quick", "--only", "cnn", "--threads", "1", "--name", "test",
                               "--output", folder], check=False)
        assert done.returncode == 0, "bench/compare ended with %d" % done.returncode
        results = json.loads(pathlib.Path(folder, "compare-test.json").read_text(encoding="utf-8"))
        table = pathlib.Path(folder, "compare-test.md").read_text(encoding="utf-8")
        xml.etree.ElementTree.parse(pathlib.Path(folder, "compare-test.svg"))
    found = results["networks"][0]["results"]
    assert set(found) == ENGINES, sorted(found)
    there = [name for name, result in found.items() if "missing" not in result]
    for name in there:
        times = found[name]["times"]
        print("%-20s largest difference %.2g" % (name, found[name]["difference"]))
        assert found[name]["difference"] <= 1e-4 and found[name]["other_class"] == 0, name
        assert set(times) == {"1/1", "1/1000"} and all(t["median_us"] > 0 for t in times.values()), name
        assert found[name]["open_ms"] > 0 and found[name]["file_bytes"] > 0, name
    for name in ENGINES:
        assert "| %s |" % name in table, name
    for name in ENGINES - set(there):
        print("%-20s missing: %s" % (name, found[name]["missing"]))
        assert found[name]["missing"], name
    assert "inkling" in there
    if len(there) == 1:
        print("skipped: none of the peers can be had")
        return 77
    return 0


if __name__ == "__main__":
    sys.exit(main())
