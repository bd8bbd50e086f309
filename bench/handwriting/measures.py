"""What is measured: each function gives rows of the table, and may give tables of its own."""

import dataclasses
import pathlib
import tempfile

import numpy as np
from PIL import Image

import corruptions
import data
import engine
import nodigits
import paper
import scenes
import scores
import tesseract


@dataclasses.dataclass
class Row:
    name: str
    count: int
    figure: str
    wanted: str = ""
    met: bool | None = None # None: nothing was wanted


def share(right):
    return 100 * float(np.mean(right))


def at_least(name, right, wanted=None):
    """A row of how many are right, of an array of truths."""
    figure = share(right)
    if wanted is None:
        return Row(name, len(right), "%.2f %%" % figure)
    return Row(name, len(right), "%.2f %%" % figure, ">= %g %%" % wanted, figure >= wanted)


def at_most(name, confidence, right, wanted):
    error = 100 * scores.calibration_error(confidence, right)
    return Row(name, len(right), "%.2f %%" % error, "<= %g %%" % wanted, error <= wanted)


class Context:
    """The engine, the data, which part of it, and what more than one measurement needs."""

    def __init__(self, tool, how, say):
        self.tool, self.part, self.say, self.how = tool, how.part, say, how
        self.digits, self.data = how.digits, how.data
        self.tables, self.wrong, self.kept = [], [], {}

    def mnist(self):
        return data.mnist(self.data, self.part)

    def reliability(self, name, predictions, right):
        lines = ["| confidence | pictures | mean confidence | accuracy |", "|---|---|---|---|"]
        number, mean, accuracy = scores.bins(predictions.confidence, right)
        for i in np.flatnonzero(number):
            lines.append("| %.3f to %.3f | %d | %.1f %% | %.1f %% |" %
                         (i / scores.BINS, (i + 1) / scores.BINS, number[i], 100 * mean[i], 100 * accuracy[i]))
        self.tables.append(("Reliability, %s" % name, lines))


def mnist(c):
    images, labels = c.mnist()
    c.say("MNIST, plain")
    plain = c.tool.predict_idx(images, prepare=False).right(labels)
    c.say("MNIST, prepared")
    prepared = c.tool.predict_idx(images)
    c.say("MNIST, pasted anywhere")
    pasted = c.tool.predict_pictures(paper.pasted(image, i, c.part) for i, image in enumerate(images))
    lost = share(plain) - share(pasted.right(labels))
    return [at_least("MNIST, the plain network", plain),
            at_least("MNIST, 28x28 through the preparation", prepared.right(labels)),
            at_least("MNIST, pasted anywhere", pasted.right(labels)),
            Row("points lost by pasting", len(labels), "%.2f" % lost, "<= 0.3", lost <= 0.3),
            at_least("kept at the default threshold, 28x28", ~prepared.unsure, 99),
            at_least("kept at the default threshold, pasted", ~pasted.unsure, 99)]


def usps(c):
    images, labels = data.usps(c.digits)
    c.say("USPS")
    found = c.tool.predict_idx(images)
    right = found.right(labels)
    c.reliability("USPS", found, right)
    return [at_least("USPS test", right, 98.7),
            at_most("USPS, expected calibration error", found.confidence, right, 3)]


def drawings(c):
    """Drawings and photos. Those from L to Z are neither named nor, with --list-wrong, measured."""
    rows = data.drawings(c.digits)
    clean = [r for r in rows if r["clean"] == "1" and len(r["label"]) == 1 and r["label"].isdigit()]
    multi = [r for r in rows if r["kind"] == "multi"]
    none = [r for r in rows if r["label"] == "?"]
    if c.how.list_wrong:
        clean, multi, none = ([r for r in some if r["seen"]] for some in (clean, multi, none))
    c.say("drawings, one digit")
    found = c.tool.predict_files([r["path"] for r in clean])
    right = found.right([int(r["label"]) for r in clean])
    seen = np.array([r["seen"] for r in clean])
    out = [at_least("drawings", right, 98.5), at_least("drawings, A to K", right[seen])]
    if not c.how.list_wrong:
        out.append(at_least("drawings, L to Z", right[~seen]))
    out.append(at_least("drawings, not unsure", ~found.unsure))
    c.wrong += ["%s: %s, read as %d, %.3f%s" % (r["file"], r["label"], digit, confidence, " unsure" * unsure)
                for r, ok, digit, confidence, unsure in zip(clean, right, found.digit, found.confidence, found.unsure)
                if r["seen"] and not ok]
    c.say("drawings, no digit")
    if none:
        unsure = c.tool.predict_files([r["path"] for r in none]).unsure
        out.append(at_least("drawings of what is no digit: unsure", unsure))
    try:
        return out + several(c, multi)
    except engine.Failed as reason: # the rows above are still worth having
        return out + [Row("pictures of several digits", 0, "not measured: %s" % reason, ">= 92 %", False)]


def several(c, rows):
    c.say("drawings, several digits")
    counts = {True: [0, 0], False: [0, 0]} # right, all
    for row, image in zip(rows, c.tool.read_files([r["path"] for r in rows])):
        right, wanted = scores.digits_right(image["text"], row["label"]), len(row["label"].replace(" ", ""))
        counts[row["seen"]][0] += right
        counts[row["seen"]][1] += wanted
        if row["seen"] and image["text"].split() != row["label"].split():
            c.wrong.append("%s: %r, read as %r, %d of %d" % (row["file"], row["label"], image["text"], right, wanted))
    right, wanted = (counts[True][i] + counts[False][i] for i in range(2))
    out = [Row("pictures of several digits: digits found and right", wanted, "%.2f %%" % (100 * right / wanted),
               ">= 92 %", 100 * right >= 92 * wanted)]
    for seen, name in ((True, "A to K"), (False, "L to Z")):
        if counts[seen][1]:
            out.append(Row("pictures of several digits, %s" % name, counts[seen][1],
                           "%.2f %%" % (100 * counts[seen][0] / counts[seen][1])))
    return out


def corrupted(c):
    images, labels = c.mnist()
    all_found, all_right, rows = [], [], []
    for corruption in [corruptions.identity] + corruptions.ALL:
        c.say("corruption %s" % corruption.__name__)
        found = c.tool.predict_idx(corruptions.corrupted(images, corruption, c.part))
        right = found.right(labels)
        rows.append(at_least("corrupted: %s" % corruption.__name__.replace("_", " "), right))
        if corruption is not corruptions.identity: # whatever it adds would make the means look better
            all_found.append(found)
            all_right.append(right)
    found, right = engine.joined(all_found), np.concatenate(all_right)
    c.reliability("the fifteen corruptions", found, right)
    return rows + [at_least("corrupted: mean of the fifteen", right, 96),
                   at_most("corrupted, expected calibration error", found.confidence, right, 2)]


def compose(pictures, folder):
    """Pictures of numbers as PNG files, and their labels."""
    paths, labels = [], []
    for picture, label in pictures:
        paths.append(pathlib.Path(folder, "%03d.png" % len(paths)))
        Image.fromarray(picture).save(paths[-1])
        labels.append(label)
    return paths, labels


def read_numbers(c, paths):
    return ["".join(image["text"].split()) for image in c.tool.read_files(paths)]


def numbers(c):
    rows, peers, total, ours, theirs = [], [], 0, 0, dict.fromkeys(tesseract.MODES, 0)
    images, digits = c.mnist()
    try:
        peer = tesseract.version()
    except data.Missing as reason:
        peer = None
        c.say(str(reason))
    for touching, wanted in ((False, 97), (True, 85)):
        kind = "touching" if touching else "separate"
        c.say("numbers, %s" % kind)
        with tempfile.TemporaryDirectory() as folder:
            paths, labels = compose((paper.number(images, digits, touching, i, c.part)
                                     for i in range(paper.NUMBERS)), folder)
            texts = read_numbers(c, paths)
            for mode in tesseract.MODES if peer else ():
                c.say("numbers, %s, tesseract --psm %d" % (kind, mode))
                found = tesseract.texts(paths, mode)
                theirs[mode] += sum(map(scores.distance, found, labels))
                peers.append(at_least("numbers, %s, by Tesseract --psm %d" % (kind, mode),
                                      [text == label for text, label in zip(found, labels)]))
        right = np.array([text == label for text, label in zip(texts, labels)])
        rows.append(at_least("numbers, %s" % kind, right, wanted))
        if touching:
            rows += [at_least("numbers, touching throughout", right[0::2]),
                     at_least("numbers, some pairs touching", right[1::2])]
        c.wrong += ["number %s %d: %s, read as %s" % (kind, i, labels[i], texts[i]) for i in np.flatnonzero(~right)]
        ours += sum(map(scores.distance, texts, labels))
        total += sum(map(len, labels))
    rows += peers + [Row("numbers: wrong digits", total, "%d" % ours)]
    if not peer:
        return rows + [Row("numbers: wrong digits by Tesseract", total, "not measured: it is not installed",
                           ">= 5 times ours", False)]
    rows += [Row("numbers: wrong digits by %s --psm %d" % (peer, mode), total, "%d" % wrong)
             for mode, wrong in theirs.items()]
    best = min(theirs.values())
    return rows + [Row("numbers: Tesseract's best, over ours", total, "%.1f times" % (best / max(ours, 1)),
                       ">= 5 times", best >= 5 * ours)]


def surroundings(c):
    images, labels = c.mnist()
    rows = []
    for name in scenes.ALL:
        c.say("numbers %s" % name)
        with tempfile.TemporaryDirectory() as folder:
            paths, wanted = compose((scenes.number(images, labels, name, i, c.part)
                                     for i in range(scenes.PICTURES)), folder)
            texts = read_numbers(c, paths)
        rows.append(at_least("numbers %s" % name, [text == label for text, label in zip(texts, wanted)]))
        c.wrong += ["number %s %d: %s, read as %s" % (name, i, label, text)
                    for i, (label, text) in enumerate(zip(wanted, texts)) if label != text]
    return rows


def letters(c):
    there, missing = nodigits.fonts()
    if not there:
        raise data.Missing("no handwriting fonts (Debian: %s)" % ", ".join(missing))
    c.say("letters in %d fonts" % len(there))
    found = list(nodigits.letters())
    unsure = c.tool.predict_pictures(picture for _, _, _, picture in found).unsure
    rows = [at_least("letters in %d handwriting fonts%s: unsure" %
                     (len(there), ", without %s" % ", ".join(missing) if missing else ""), unsure, 80)]
    lines = ["| letter | pictures | unsure |", "|---|---|---|"]
    for letter in nodigits.LETTERS:
        of = np.array([f[1] == letter for f in found])
        if of.any():
            lines.append("| %s | %d | %.0f %% |" % (letter, of.sum(), share(unsure[of])))
    c.tables.append(("Letters", lines))
    return rows


def fashion(c):
    images = data.fashion()
    c.say("Fashion-MNIST")
    return [at_least("Fashion-MNIST test: unsure", c.tool.predict_idx(images).unsure, 95)]


def strokes(c):
    c.say("random strokes")
    found = c.tool.predict_pictures(nodigits.strokes(i, c.part) for i in range(nodigits.STROKES))
    return [at_least("random strokes: unsure", found.unsure, 95)] + [
        at_least("random strokes, %s: unsure" % kind, found.unsure[i::4])
        for i, kind in enumerate(("scribbles", "several strokes", "hatching", "blots"))]


# By the name for --only: the function, and whether there is a validation part, by which choices may be made.
ALL = {"mnist": (mnist, True), "usps": (usps, False), "drawings": (drawings, False), "corrupted": (corrupted, True),
       "numbers": (numbers, True), "surroundings": (surroundings, True), "letters": (letters, False),
       "fashion": (fashion, False), "strokes": (strokes, True)}
