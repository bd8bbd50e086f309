"""Numbers as people photograph and scan them: on a sheet on a table, in a form's boxes, short on a large page."""

import numpy as np

import data
from imaging import blurred, clouds, to_bytes
from paper import chooser, on_paper, pen, sheared, turned, written

PICTURES = 100


def table(choose, random):
    """A sheet that lies on a table, hardly askew, under a light from one side."""
    height = random.uniform(40, 110)
    ink, label = written(choose, random.integers(3, 8), None, height, random)
    ink = np.pad(ink, [tuple(int(height * m) for m in random.uniform(0.5, 1.5, 2)) for _ in range(2)])
    around = [(int(max(ink.shape) * random.uniform(0.1, 0.25)),) * 2] * 2
    angle = random.uniform(-4, 4)
    sheet, ink = (np.clip(turned(np.pad(layer, around), angle), 0, 1) for layer in (np.ones(ink.shape), ink))
    ground = random.uniform(30, 130) + 6 * clouds(random, *sheet.shape, 6)
    grey = ground * (1 - sheet) + random.uniform(185, 240) * sheet
    grey = grey * (1 - ink) + random.uniform(15, 70) * ink
    grey *= 1 - random.uniform(0, 0.35) * np.linspace(0, 1, sheet.shape[1])
    grey = blurred(grey, random.uniform(0.3, 1)) + random.normal(0, random.uniform(0.5, 5), grey.shape)
    return to_bytes(grey / 255), label


def boxes(choose, random):
    """One digit to a box, the boxes of thin lines, as grey as the ink or less."""
    height, count = random.uniform(32, 90), random.integers(3, 9)
    side, line = int(1.7 * height), max(1, round(height * random.uniform(0.02, 0.05)))
    page, label = np.zeros((side + line, count * side + line)), ""
    for at in range(0, count * side, side):
        while True:
            image, digit = choose(random)
            ink = sheared(pen(image, height * random.uniform(0.8, 1.1), random), random.uniform(-0.1, 0.2))
            room = side - line - 2 - np.array(ink.shape)
            if (room >= 1).all():
                break
        top, left = line + 1 + random.integers(0, room[0]), at + line + 1 + random.integers(0, room[1])
        page[top:top + ink.shape[0], left:left + ink.shape[1]] = ink
        label += str(digit)
    frame = np.zeros(page.shape)
    for at in range(0, count * side + 1, side):
        frame[:, at:at + line] = 1
    frame[:line] = frame[-line:] = 1
    page = np.pad(np.maximum(page, frame * random.uniform(0.4, 1)), int(0.6 * height))
    return to_bytes(1 - random.uniform(0.7, 0.95) * page + random.normal(0, 0.01, page.shape)), label


def large_page(choose, random):
    """A short number somewhere on a page of many times its height."""
    height = random.uniform(18, 30)
    ink, label = written(choose, random.integers(3, 7), None, height, random)
    return on_paper(np.pad(ink, [tuple(int(m) for m in random.uniform(100, 500, 2)) for _ in range(2)]), height,
                    random), label


ALL = {"on a sheet on a table": table, "in the boxes of a form": boxes, "short, on a large page": large_page}


def number(images, labels, name, index, part):
    """Picture INDEX of a kind, and its label."""
    random = data.generator("scene", name, part, index)
    return ALL[name](chooser(images, labels), random)
