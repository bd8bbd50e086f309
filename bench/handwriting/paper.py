"""Pictures with digits in them, made from MNIST's: one digit pasted somewhere, and numbers written on paper.

All is made by seed: picture i of a set depends on the set's name and on i only.
"""

import numpy as np
from PIL import Image

import data
from imaging import blurred, clouds, resized, to_bytes

NUMBERS = 300


def pasted(image, index, part):
    """The digit 1 to 8 times as large, anywhere in a larger picture, either polarity, any grey of ink and paper."""
    random = data.generator("pasted", part, index)
    side = int(round(28 * random.uniform(1, 8)))
    ink = resized(image / 255, side, side, Image.BICUBIC if random.random() < 0.5 else Image.BILINEAR).clip(0, 1)
    height, width = side + random.integers(1, int(1.5 * side), 2)
    top, left = random.integers(0, height - side + 1), random.integers(0, width - side + 1)
    contrast = random.uniform(80, 255)
    dark = random.uniform(0, 255 - contrast)
    grey = np.zeros((height, width))
    grey[top:top + side, left:left + side] = ink
    if random.random() < 0.5:
        grey = 1 - grey
    return to_bytes((dark + contrast * grey + random.normal(0, random.uniform(0, 4), grey.shape)) / 255)


# ---- numbers ----

def pen(image, height, random):
    """A digit as a pen of some width writes it: larger, with edges that are not as soft as a small picture's."""
    rows, columns = np.flatnonzero((image > 40).any(1)), np.flatnonzero((image > 40).any(0))
    cut = image[max(rows[0] - 1, 0):rows[-1] + 2, max(columns[0] - 1, 0):columns[-1] + 2] / 255
    times = height / 20 # MNIST's digits are 20 pixels high or wide
    cut = np.pad(cut, 1)
    ink = resized(cut, max(3, round(cut.shape[1] * times)), max(3, round(cut.shape[0] * times)))
    # The greys of a 20-pixel digit are its anti-aliasing; larger, an edge is as sharp as a pixel or two.
    edge = np.clip(2.4 / times, 0.5, 1)
    low = max(0.05, random.uniform(0.4, 0.5) - edge / 2) # paper stays free of ink
    return np.clip((blurred(ink, 0.2 * times) - low) / edge, 0, 1)


def sheared(ink, slant):
    """Leaning right by SLANT columns a row, about its foot."""
    height, width = ink.shape
    reach = int(np.ceil(abs(slant) * height))
    picture = Image.fromarray(np.pad(ink, [(0, 0), (reach, reach)]).astype(np.float32), "F")
    # A place of the result comes from further left in higher rows, by as much as they move right.
    moved = picture.transform(picture.size, Image.AFFINE, (1, slant, -slant * height, 0, 1, 0), Image.BILINEAR)
    return trimmed(np.asarray(moved))


def trimmed(ink):
    rows, columns = np.flatnonzero((ink > 0.1).any(1)), np.flatnonzero((ink > 0.1).any(0))
    return ink[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]


def profile(ink, right):
    """Of each row, how far its ink reaches to the right (columns), or begins from the left; none: nan."""
    some = (ink > 0.5).any(1)
    first = (ink > 0.5)[:, ::-1].argmax(1) if right else (ink > 0.5).argmax(1)
    return np.where(some, ink.shape[1] - first if right else first, np.nan)


def contact(left, left_top, right, right_top):
    """Where RIGHT's left edge is, from LEFT's, when it comes from the right and touches; None if they never meet."""
    ends, begins = profile(left, True), profile(right, False)
    top, bottom = max(left_top, right_top), min(left_top + len(left), right_top + len(right))
    if bottom <= top:
        return None
    places = ends[top - left_top:bottom - left_top] - begins[top - right_top:bottom - right_top]
    return None if np.isnan(places).all() else int(np.nanmax(places))


def written(choose, length, touching, height, random):
    """Ink of a number, its label, and which pairs touch. CHOOSE gives a digit's picture and label."""
    slant = random.uniform(-0.15, 0.4)
    touches = np.zeros(length, bool)
    if touching:
        touches[1:] = touching == "all" or random.random(length - 1) < 0.5
        touches[random.integers(1, length)] = True
    parts, label, left = [], "", 0 # parts: ink, top, left
    while len(parts) < length:
        image, digit = choose(random)
        if touches[len(parts)] and label[-1] == "1" and digit == 1:
            continue # nobody could tell two strokes that touch from a V or an H
        ink = sheared(pen(image, height * random.uniform(0.88, 1.12), random), slant + random.uniform(-0.08, 0.08))
        top = int(2 * height - len(ink) + height * random.uniform(-0.06, 0.06)) # on one line, nearly
        if parts:
            before, before_top, before_left = parts[-1]
            place = contact(before, before_top, ink, top)
            if place is None or before.shape[1] - place > 0.3 * min(before.shape[1], ink.shape[1]):
                if touches[len(parts)]:
                    continue # one would lie over the other before they touch, and nobody could read it: another digit
                place = before.shape[1]
            if touches[len(parts)]:
                left = before_left + place - max(1, round(height * random.uniform(0.02, 0.07)))
            else:
                left = before_left + max(place, before.shape[1] - round(0.1 * height))
                left += max(3, round(height * random.uniform(0.08, 0.45)))
        parts.append((ink, top, left))
        label += str(digit)
    width = max(left + ink.shape[1] for ink, _, left in parts)
    page = np.zeros((int(3 * height), width + 1))
    for ink, top, left in parts:
        at = page[top:top + ink.shape[0], left:left + ink.shape[1]]
        np.maximum(at, ink, out=at)
    rows = np.flatnonzero((page > 0.1).any(1))
    return page[rows[0]:rows[-1] + 1], label


def ruled(shape, baseline, height, random):
    """How strong a ruled line is at each pixel."""
    lines = np.zeros(shape)
    gap = int(height * random.uniform(1.3, 1.9))
    thick = max(1, round(height * random.uniform(0.02, 0.05)))
    for row in range((baseline + int(height * random.uniform(0, 0.15))) % gap, shape[0], gap):
        lines[row:row + thick] = 1
    if random.random() < 0.25: # squared paper
        for column in range(random.integers(0, gap), shape[1], gap):
            lines[:, column:column + thick] = 1
    return lines


def turned(layer, degrees):
    return np.asarray(Image.fromarray(layer.astype(np.float32), "F").rotate(degrees, Image.BICUBIC, expand=False))


def on_paper(ink, height, random):
    """Ink on paper, or chalk on a board: shadows, grain, sometimes lines, and a camera's noise."""
    above, below, before, behind = (int(height * m) for m in random.uniform(0.35, 1.3, 4))
    angle = random.uniform(-3, 3)
    # Room for what turning moves out.
    extra = int(np.ceil(abs(np.sin(np.radians(angle))) * ink.shape[1] / 2))
    page = np.pad(ink, [(above + extra, below + extra), (before, behind)])
    shape = page.shape
    lines = None
    board = random.random() < 0.15
    if not board and random.random() < 0.35:
        lines = turned(ruled(shape, above + extra + ink.shape[0], height, random), angle)
    page = np.clip(turned(page, angle), 0, 1)
    row, column = np.mgrid[0:shape[0], 0:shape[1]]
    tilt = (row / shape[0] - 0.5) * random.uniform(-1, 1) + (column / shape[1] - 0.5) * random.uniform(-1, 1)
    shade = random.uniform(0, 40) * tilt + random.uniform(0, 14) * clouds(random, *shape, 2)
    grain = blurred(random.normal(0, 1, shape), random.uniform(0.4, 1.2)) * random.uniform(1, 9)
    if board:
        ground, colour = random.uniform(25, 75), random.uniform(185, 240)
        # Chalk leaves gaps where the board is rough.
        page = page * np.clip(1 + 0.35 * blurred(random.normal(0, 1, shape), 0.7), 0.3, 1)
        shade = 0.5 * shade
    else:
        ground, colour = random.uniform(185, 245), random.uniform(15, 95)
        page = page * (1 + random.uniform(0, 0.15) * clouds(random, *shape, 6)).clip(0, 1)
    ground = ground + shade + grain
    if lines is not None:
        ground = ground - random.uniform(15, 45) * lines
    grey = ground * (1 - page) + colour * page
    grey = blurred(grey, random.uniform(0, 0.8)) + random.normal(0, random.uniform(0.5, 5), shape)
    return to_bytes(grey / 255)


def chooser(images, labels):
    def choose(random):
        at = random.integers(0, len(images))
        return images[at], labels[at]
    return choose


def number(images, labels, touching, index, part):
    """Picture INDEX of the numbers of a kind, and its label. Of touching numbers every other one touches throughout."""
    random = data.generator("number", "touching" if touching else "separate", part, index)
    length, height = random.integers(4, 9), random.uniform(24, 80)
    how = ("all" if index % 2 == 0 else "some") if touching else None
    ink, label = written(chooser(images, labels), length, how, height, random)
    return on_paper(ink, height, random), label
