"""Corruptions of 28x28 digits, as MNIST-C has them (N. Mu, J. Gilmer, "MNIST-C: A Robustness Benchmark for Computer
Vision", arXiv:1906.02337): the same fifteen, about as severe, written anew for whole sets of pictures at once.

Each takes pictures [N, 28, 28] of floats from 0 to 1, and a generator of random numbers, and gives pictures like them.
They are for measuring only: none of them, as it is here, is for training.
"""

import numpy as np

import data
from imaging import blurred, sampled, to_bytes, warped

PIECE = 1000 # pictures at a time, for memory


def signs(random, count):
    return random.choice([-1.0, 1.0], count)


def matrices(a, b, c, d, count):
    """[N, 2, 2] of numbers or of arrays [N]."""
    return np.stack([np.broadcast_to(v, count) for v in (a, b, c, d)], -1).reshape(count, 2, 2)


def identity(x, random):
    return x


def shot_noise(x, random):
    """White is three photons."""
    return random.poisson(x * 3) / 3


def impulse_noise(x, random):
    """17 of 100 pixels are black or white."""
    hit = random.random(x.shape)
    return np.where(hit < 0.085, 0, np.where(hit < 0.17, 1, x))


def glass_blur(x, random):
    """Blurred, each pixel maybe swapped with a neighbour, twice, and blurred again."""
    x = blurred(x, 0.7).copy()
    count, height, width = x.shape
    for _ in range(2):
        for row in range(height - 2, 0, -1):
            for column in range(width - 2, 0, -1):
                which = np.flatnonzero(random.random(count) < 0.5)
                r, c = row + random.integers(-1, 2, len(which)), column + random.integers(-1, 2, len(which))
                here, there = x[which, row, column], x[which, r, c]
                x[which, row, column], x[which, r, c] = there, here
    return blurred(x, 0.7)


def motion_blur(x, random):
    """Drawn out to one side, up to 45 degrees from level, by a half Gaussian of sigma 3."""
    count, height, width = x.shape
    angle = np.radians(random.uniform(-45, 45, count))[:, None, None]
    row, column = np.mgrid[0:height, 0:width].astype(float)
    weight = np.exp(-0.5 * (np.arange(21) / 3) ** 2)
    weight = weight / weight.sum()
    return sum(w * sampled(x, row + i * np.sin(angle), column + i * np.cos(angle))
               for i, w in enumerate(weight) if w > 1e-5)


def shear(x, random):
    """Columns by 0.4 radians, to either side."""
    angle = 0.4 * signs(random, len(x))
    return warped(x, matrices(np.cos(angle), 0, np.sin(angle), 1, len(x)))


def scale(x, random):
    """To 0.7 of the size."""
    return warped(x, np.eye(2) / 0.7)


def rotate(x, random):
    """By 0.4 radians, 23 degrees, to either side."""
    angle = 0.4 * signs(random, len(x))
    return warped(x, matrices(np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle), len(x)))


def brightness(x, random):
    """Half of white is added."""
    return x + 0.5


def translate(x, random):
    """By 3 pixels along both axes; what leaves the picture is lost."""
    row, column = np.mgrid[0:x.shape[1], 0:x.shape[2]].astype(float)
    return sampled(x, row + 3 * signs(random, len(x))[:, None, None],
                   column + 3 * signs(random, len(x))[:, None, None])


def stripe(x, random):
    """The first and the last seven columns are inverted."""
    x = x.copy()
    x[:, :, :7], x[:, :, 21:] = 1 - x[:, :, :7], 1 - x[:, :, 21:]
    return x


def fog_map(random, size=256, decay=1.96):
    """Noise of all scales, each finer octave weaker by DECAY, from 0 to 1."""
    out, place = np.zeros((1, size, size)), np.arange(size)
    amplitude, cells = 1.0, 1
    while cells <= size:
        grid = random.uniform(-1, 1, (1, cells + 1, cells + 1))
        row, column = np.meshgrid(place * cells / size, place * cells / size, indexing="ij")
        out += amplitude * sampled(grid, row[None], column[None])
        amplitude, cells = amplitude / decay, cells * 2
    out = out[0] - out.min()
    return out / out.max()


def fog(x, random):
    """Three times as much fog as digit. Each picture has its own window of one of a few maps."""
    maps = np.stack([fog_map(random) for _ in range(16)])
    count, height, width = x.shape
    which = random.integers(0, len(maps), count)
    top, left = random.integers(0, 256 - height, count), random.integers(0, 256 - width, count)
    window = maps[which[:, None, None], (top[:, None] + np.arange(height))[:, :, None],
                  (left[:, None] + np.arange(width))[:, None, :]]
    most = x.max((1, 2), keepdims=True)
    return (x + 3 * window) * most / (most + 3)


def spatter(x, random):
    """Blots of mud, a quarter of white, where blurred noise is high."""
    liquid = blurred(random.normal(0.65, 0.3, x.shape), 1)
    mud = blurred((liquid > 0.65).astype(float), 1.5)
    mud[mud < 0.8] = 0
    return x * (1 - mud) + 63 / 255 * mud


def ink_along(away):
    """How white a line is so many pixels above or below its middle."""
    return np.clip(1 + np.log(1 - np.clip(np.abs(away), 0, 2.299) / 2.3), 0, 1)


def dotted_line(x, random):
    """From edge to edge, two columns of four."""
    count, height, width = x.shape
    start, end = random.integers(0, 27, (2, count, 1, 1))
    row, column = np.mgrid[0:height, 0:width].astype(float)
    line = ink_along(row - (start + (end - start) * column / (width - 1)))
    return x + line * (column.astype(int) % 4 >= 2)


def zigzag(x, random):
    """A zigzag of teeth 2 high and 4 wide, nearly level, over the picture's width."""
    count, height, width = x.shape
    start = random.integers(0, 27, (count, 1, 1))
    slope = random.integers(-5, 5, (count, 1, 1)) / 23
    row, column = np.mgrid[0:height, 0:width].astype(float)
    along = column - 2
    tooth = 2 * (2 / np.pi) * np.arcsin(np.sin(np.pi * along / 4)) # from -2 to 2, over 8 columns
    return x + ink_along(row - (start + slope * along + tooth)) * ((column >= 2) & (column <= 25))


def canny_edges(x, random):
    """The edges that Canny's detector finds, with sigma 1, and thresholds 0.1 and 0.2."""
    smooth = np.pad(blurred(x, 1), [(0, 0), (1, 1), (1, 1)], mode="edge")
    across = smooth[:, :, 2:] - smooth[:, :, :-2]
    down = smooth[:, 2:] - smooth[:, :-2]
    gx = across[:, :-2] + 2 * across[:, 1:-1] + across[:, 2:]
    gy = down[:, :, :-2] + 2 * down[:, :, 1:-1] + down[:, :, 2:]
    strength = np.hypot(gx, gy)
    length = np.maximum(strength, 1e-9)
    row, column = np.mgrid[0:x.shape[1], 0:x.shape[2]].astype(float)
    ahead = sampled(strength, row + gy / length, column + gx / length)
    behind = sampled(strength, row - gy / length, column - gx / length)
    crest = (strength >= ahead) & (strength > behind)
    maybe, edge = crest & (strength > 0.1), crest & (strength > 0.2)
    while True: # weak edges that touch strong ones are edges
        near = np.pad(edge, [(0, 0), (1, 1), (1, 1)])
        grown = maybe & np.any([near[:, r:r + x.shape[1], c:c + x.shape[2]] for r in range(3) for c in range(3)], 0)
        if (grown == edge).all():
            return edge.astype(float)
        edge = grown


ALL = [shot_noise, impulse_noise, glass_blur, motion_blur, shear, scale, rotate, brightness, translate, stripe, fog,
       spatter, dotted_line, zigzag, canny_edges]


def corrupted(images, corruption, part):
    """Bytes [N, 28, 28] made worse. The same part gives the same pictures."""
    out = np.empty_like(images)
    for at in range(0, len(images), PIECE):
        random = data.generator("corruption", corruption.__name__, part, at)
        out[at:at + PIECE] = to_bytes(corruption(images[at:at + PIECE] / 255, random))
    return out
