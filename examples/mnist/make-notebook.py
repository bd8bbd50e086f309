#!/usr/bin/env python3
"""Makes mnist-fc.ipynb from mnist-fc.py, its twin: a cell for each "# %%". usage: make-notebook.py > mnist-fc.ipynb"""

import json
import pathlib
import re

SOURCE = pathlib.Path(__file__).resolve().parent / "mnist-fc.py"


def cell(number, kind, lines):
    text = "\n".join(lines).strip("\n")
    if kind == "markdown":
        text = re.sub(r"^# ?", "", text, flags=re.M)
    made = {"cell_type": kind, "id": "cell-%d" % number, "metadata": {}, "source": text.splitlines(keepends=True)}
    if kind == "code":
        made.update(execution_count=None, outputs=[])
    return made


def main():
    cells, kind, lines = [], None, []
    for line in SOURCE.read_text().splitlines() + ["# %%"]:
        if line.startswith("# %%"):
            if kind:
                cells.append(cell(len(cells), kind, lines))
            kind, lines = "markdown" if "[markdown]" in line else "code", []
        else:
            lines.append(line)
    print(json.dumps({
        "cells": cells,
        "metadata": {"colab": {"provenance": []}, "kernelspec": {"display_name": "Python 3", "name": "python3"},
                     "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }, indent=1, sort_keys=True))


main()
