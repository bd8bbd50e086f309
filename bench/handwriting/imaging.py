"""Small image processing on arrays of floats from 0 to 1, whole sets of pictures [N, height, width] at once."""

import numpy as np
from PIL import Image


def gaussian_kernel(sigma):
    reach = max(1, int(4 * sigma + 0.5))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return kernel / kernel.sum()


def blurred(x, sigma):
    """Gaussian blur of the last two axes; the border's pixels go on outside."""
    if sigma <= 0:
        return x
    kernel = gaussian_kernel(sigma)
    reach = len(kernel) // 2
    for axis in (-2, -1):
        pad = [(0, 0)] * x.ndim
        pad[axis] = (reach, reach)
        wide = np.pad(x, pad, mode="edge")
        size = x.shape[axis]
        x = sum(w * np.take(wide, range(i, i + size), axis) for i, w in enumerate(kernel))
    return x


def sampled(x, row, column):
    """x [N, h, w] at places [N, ...], bilinear; outside it is 0."""
    count, height, width = x.shape
    which = np.arange(count).reshape((-1,) + (1,) * (row.ndim - 1))
    top, left = np.floor(row).astype(int), np.floor(column).astype(int)
    down, right = row - top, column - left
    # A border of zeros stands for all that is outside.
    wide = np.pad(x, [(0, 0), (1, 1), (1, 1)])

    def at(r, c):
        return wide[which, np.clip(r + 1, 0, height + 1), np.clip(c + 1, 0, width + 1)]

    return ((1 - down) * ((1 - right) * at(top, left) + right * at(top, left + 1)) +
            down * ((1 - right) * at(top + 1, left) + right * at(top + 1, left + 1)))


def warped(x, matrix):
    """Each picture by its own matrix [N, 2, 2], which takes a place of the result to one of x, about the middle."""
    count, height, width = x.shape
    middle = np.array([(height - 1) / 2, (width - 1) / 2])
    row, column = np.mgrid[0:height, 0:width].astype(float)
    row, column = row - middle[0], column - middle[1]
    matrix = np.broadcast_to(matrix, (count, 2, 2))[:, :, :, None, None]
    return sampled(x, matrix[:, 0, 0] * row + matrix[:, 0, 1] * column + middle[0],
                   matrix[:, 1, 0] * row + matrix[:, 1, 1] * column + middle[1])


def resized(picture, width, height, how=Image.BICUBIC):
    """One picture of floats in another size."""
    return np.asarray(Image.fromarray(picture.astype(np.float32), "F").resize((width, height), how))


def to_bytes(x):
    return np.clip(np.rint(x * 255), 0, 255).astype(np.uint8)


def clouds(random, height, width, cells):
    """Smooth noise from -1 to 1, about CELLS swells along the longer side."""
    longer = max(height, width)
    shape = [max(2, int(np.ceil(cells * side / longer)) + 1) for side in (height, width)]
    return resized(random.uniform(-1, 1, shape), width, height)


def sheet(pictures, width=1600, gap=6, most=None):
    """Pictures of any sizes in rows on one page, to look at."""
    rows, row, across = [], [], gap
    for picture in pictures[:most]:
        if row and across + picture.shape[1] + gap > width:
            rows.append(row)
            row, across = [], gap
        row.append(picture)
        across += picture.shape[1] + gap
    rows.append(row)
    width = max([width] + [picture.shape[1] + 2 * gap for picture in pictures[:most]])
    page = np.full((gap + sum(max(p.shape[0] for p in r) + gap for r in rows), width), 128, np.uint8)
    top = gap
    for row in rows:
        left = gap
        for picture in row:
            page[top:top + picture.shape[0], left:left + picture.shape[1]] = picture
            left += picture.shape[1] + gap
        top += max(p.shape[0] for p in row) + gap
    return page
