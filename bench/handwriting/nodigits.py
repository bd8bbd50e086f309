"""Pictures that are no digits: letters in handwriting fonts, and random strokes."""

import pathlib
import string

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import data
from imaging import blurred, to_bytes

LETTERS = [c for c in string.ascii_letters if c not in "bgiloqszBDGIOQSZ"]
SIZES = (32, 64, 120)
STROKES = 2000

# Debian's package, and the font in it.
FONTS = [
    ("fonts-breip", "truetype/breip/Breip.ttf"),
    ("fonts-bwht", "opentype/bwht/BecauseWeBuild-Regular.otf"),
    ("fonts-bwht", "opentype/bwht/BecauseWeConnect-Regular.otf"),
    ("fonts-bwht", "opentype/bwht/BecauseWeCreate-Regular.otf"),
    ("fonts-bwht", "opentype/bwht/BecauseWeLearn-Regular.otf"),
    ("fonts-bwht", "opentype/bwht/BecauseWeMentor-Regular.otf"),
    ("fonts-bwht", "opentype/bwht/BecauseWeOrganize-Regular.otf"),
    ("fonts-comic-neue", "opentype/comic-neue/ComicNeue-Regular.otf"),
    ("fonts-dancingscript", "opentype/dancingscript/DancingScript-Regular.otf"),
    ("fonts-dkg-handwriting", "truetype/fifthhorseman/dkg.ttf"),
    ("fonts-ecolier-court", "truetype/ecolier-court/Ecolier-court.ttf"),
    ("fonts-femkeklaver", "truetype/femkeklaver/femkeklaver.ttf"),
    ("fonts-humor-sans", "truetype/humor-sans/Humor-Sans.ttf"),
    ("fonts-kristi", "truetype/kristi/Kristi.ttf"),
    ("fonts-rufscript", "truetype/rufscript/Rufscript010.ttf"),
    ("fonts-sjfonts", "truetype/sjfonts/Delphine.ttf"),
    ("fonts-sjfonts", "truetype/sjfonts/SteveHand.ttf"),
]


def fonts():
    """The fonts that are installed, and the packages of those that are not."""
    folder = pathlib.Path("/usr/share/fonts")
    there = [folder / path for _, path in FONTS if (folder / path).exists()]
    return there, sorted({package for package, path in FONTS if not (folder / path).exists()})


def shown(ink, random):
    """Ink on paper of some grey, or light on dark."""
    contrast = random.uniform(110, 230)
    low = random.uniform(0, 255 - contrast)
    grey = ink if random.random() < 0.3 else 1 - ink
    noise = random.normal(0, random.uniform(0, 4), ink.shape)
    return to_bytes((low + contrast * blurred(grey, random.uniform(0, 0.7)) + noise) / 255)


def letter(path, character, size):
    random = data.generator("letter", path.name, character, size)
    font = ImageFont.truetype(str(path), size)
    left, top, right, bottom = font.getbbox(character)
    if right <= left or bottom <= top:
        return None # the font has no such letter
    margin = [int(size * m) for m in random.uniform(0.15, 0.8, 4)]
    page = Image.new("L", (right - left + margin[0] + margin[1], bottom - top + margin[2] + margin[3]))
    ImageDraw.Draw(page).text((margin[0] - left, margin[2] - top), character, 255, font)
    return shown(np.asarray(page) / 255, random)


def letters():
    """(font, letter, size, picture) of all."""
    for path in fonts()[0]:
        for character in LETTERS:
            for size in SIZES:
                picture = letter(path, character, size)
                if picture is not None:
                    yield path.stem, character, size, picture


# ---- random strokes ----

def curve(random, points, size):
    """Places along a smooth curve through about so many points, anywhere."""
    ends = random.uniform(0.1, 0.9, (points, 2)) * size
    if points < 3:
        return [tuple(p) for p in ends]
    # Midpoints joined by quadratic Bezier curves, with the points between as their handles.
    middles = (ends[:-1] + ends[1:]) / 2
    t = np.linspace(0, 1, 24)[:, None]
    parts = [(1 - t) ** 2 * middles[i] + 2 * t * (1 - t) * ends[i + 1] + t ** 2 * middles[i + 1]
             for i in range(points - 2)]
    return [tuple(p) for p in np.concatenate(parts)]


def draw(pen, line, width):
    pen.line(line, fill=255, width=width, joint="curve")
    for x, y in (line[0], line[-1]):
        pen.ellipse([x - width / 2, y - width / 2, x + width / 2, y + width / 2], fill=255)


def strokes(index, part):
    """Scribbles, crossing strokes, hatching, or blots: nothing that a person would read as a digit."""
    random = data.generator("strokes", part, index)
    size = int(random.uniform(48, 200))
    page = Image.new("L", (4 * size, 4 * size)) # drawn four times as large, for soft edges
    pen, width = ImageDraw.Draw(page), int(4 * size * random.uniform(0.02, 0.07))
    kind = index % 4
    if kind == 0: # one line that goes to and fro
        draw(pen, curve(random, int(random.integers(9, 18)), 4 * size), width)
    elif kind == 1: # several strokes, each for itself
        for _ in range(random.integers(4, 9)):
            draw(pen, curve(random, int(random.integers(2, 5)), 4 * size), width)
    elif kind == 2: # hatching, across itself
        for turn in random.uniform(0, np.pi) + np.array([0, random.uniform(0.6, 2.4)]):
            along, across = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
            for place in np.linspace(-0.3, 0.3, random.integers(3, 6)):
                ends = [0.5 + place * across + side * along * random.uniform(0.2, 0.4) for side in (-1, 1)]
                draw(pen, [tuple(e * 4 * size) for e in ends], width)
    else: # blots
        for x, y in random.uniform(0.15, 0.85, (random.integers(5, 14), 2)) * 4 * size:
            w, h = random.uniform(0.03, 0.14, 2) * 4 * size
            pen.ellipse([x - w, y - h, x + w, y + h], fill=255)
    return shown(np.asarray(page.resize((size, size), Image.BOX)) / 255, random)
