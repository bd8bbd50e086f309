"""Figures: accuracy, calibration, and how much of a text is right."""

import numpy as np

BINS = 15


def bins(confidence, right, count=BINS):
    """Of each bin of equal width: how many, their mean confidence, their accuracy."""
    confidence, right = np.asarray(confidence, float), np.asarray(right, float)
    which = np.minimum((confidence * count).astype(int), count - 1)
    number = np.bincount(which, minlength=count)
    some = np.maximum(number, 1)
    return (number, np.bincount(which, confidence, count) / some, np.bincount(which, right, count) / some)


def calibration_error(confidence, right, count=BINS):
    """Expected calibration error: the gap between confidence and accuracy, weighted by the bins' sizes."""
    number, mean, accuracy = bins(confidence, right, count)
    return float((number * np.abs(mean - accuracy)).sum() / max(number.sum(), 1))


def alignment(found, label):
    """The edit distance, and the most digits that stay as they are among the alignments that have it."""
    above = [(j, 0) for j in range(len(label) + 1)]
    for i, have in enumerate(found, 1):
        row = [(i, 0)]
        for j, want in enumerate(label, 1):
            cost, kept = above[j - 1]
            row.append(min((cost, kept - 1) if have == want else (cost + 1, kept),
                           (above[j][0] + 1, above[j][1]), (row[j - 1][0] + 1, row[j - 1][1])))
        above = row
    return above[-1][0], -above[-1][1]


def distance(found, label):
    return alignment(found, label)[0]


def digits_right(text, label):
    """How many digits of the label are found and right: TEXT's lines against the label's, in their order."""
    found = ["".join(line.split()) for line in text.split("\n") if line.strip()]
    wanted = label.split()
    above = [0] * (len(wanted) + 1)
    for have in found:
        row = [0]
        for j, want in enumerate(wanted, 1):
            row.append(max(above[j], row[j - 1], above[j - 1] + alignment(have, want)[1]))
        above = row
    return above[-1]
