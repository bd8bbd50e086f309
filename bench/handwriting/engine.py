"""Runs `inkling predict` and `inkling read`, and gives back arrays."""

import json
import os
import pathlib
import subprocess
import tempfile

import numpy as np

import data

LINE = 200_000 # characters of file names in a command: a quarter of what systems allow
PICTURES = 500 # files of pictures at a time, so that little of the disk is taken


class Failed(Exception):
    """A command ended with an error, or answered something else than was asked."""


class Predictions:
    """Of each picture: its probabilities, and whether it was reported as unsure."""

    def __init__(self, probabilities, unsure):
        self.probabilities = np.asarray(probabilities, float).reshape(-1, 10)
        self.unsure = np.asarray(unsure, bool)
        self.digit = self.probabilities.argmax(1)
        self.confidence = self.probabilities.max(1)

    def __len__(self):
        return len(self.digit)

    def right(self, labels):
        return self.digit == np.asarray(labels)


def joined(parts):
    parts = list(parts)
    return Predictions(np.concatenate([p.probabilities for p in parts]), np.concatenate([p.unsure for p in parts]))


def pieces(paths):
    """Lists of paths, each short enough for a command."""
    piece, length = [], 0
    for path in map(str, paths):
        if piece and length + len(path) + 1 > LINE:
            yield piece
            piece, length = [], 0
        piece.append(path)
        length += len(path) + 1
    if piece:
        yield piece


class Engine:
    def __init__(self, program, model, threads=1):
        self.program, self.model, self.threads = str(program), str(model), threads

    def run(self, *arguments):
        command = [self.program, *map(str, arguments)]
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        except OSError as error:
            raise data.Missing("%s: %s" % (self.program, error.strerror)) from None
        if done.returncode:
            lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
            raise Failed("inkling %s: exit code %d: %s" % (arguments[0], done.returncode, lines[0]))
        return json.loads(done.stdout)

    def predict(self, arguments, count):
        results = self.run("predict", self.model, *arguments, "--json", "--threads", self.threads)["results"]
        if len(results) != count:
            raise Failed("inkling predict: %d results for %d pictures" % (len(results), count))
        return Predictions([r["probabilities"] for r in results], [r.get("unsure", False) for r in results])

    def predict_idx(self, images, prepare=True):
        """Of an array of pictures of one size, white on black as MNIST's."""
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "images-idx3-ubyte")
            data.write_idx(path, images)
            how = ["--prepare"] if prepare else []
            return self.predict([path, "--count", len(images), *how], len(images))

    def predict_files(self, paths):
        return joined(self.predict([*piece, "--prepare"], len(piece)) for piece in pieces(paths))

    def predict_pictures(self, pictures):
        """Of arrays of any sizes, written as PGM a few at a time and removed at once."""
        done, some = [], []
        with tempfile.TemporaryDirectory() as folder:
            def flush():
                paths = [os.path.join(folder, "%06d.pgm" % i) for i in range(len(some))]
                for path, picture in zip(paths, some):
                    data.write_pgm(path, picture)
                done.append(self.predict_files(paths))
                some.clear()

            for picture in pictures:
                some.append(picture)
                if len(some) == PICTURES:
                    flush()
            if some:
                flush()
        return joined(done)

    def read_files(self, paths):
        """Of each file what `inkling read` says: text, digits."""
        found = []
        for piece in pieces(paths):
            images = self.run("read", "--model", self.model, *piece, "--json")["images"]
            if [image["file"] for image in images] != piece:
                raise Failed("inkling read: %d answers for %d pictures, or in another order" %
                             (len(images), len(piece)))
            found += images
        return found
