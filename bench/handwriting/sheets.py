"""Sheets of the pictures that the report makes, to look at. Drawings and USPS, which are not ours, are left out."""

from PIL import Image

import corruptions
import data
import imaging
import nodigits
import paper
import scenes


def write(how, say):
    images, labels = data.mnist(how.data, how.part)
    how.sheets.mkdir(parents=True, exist_ok=True)
    made = {
        "pasted": ([paper.pasted(images[i], i, how.part) for i in range(40)], 1600),
        "separate": ([paper.number(images, labels, False, i, how.part)[0] for i in range(40)], 1600),
        "touching": ([paper.number(images, labels, True, i, how.part)[0] for i in range(40)], 1600),
        "surroundings": ([scenes.number(images, labels, name, i, how.part)[0] for name in scenes.ALL
                          for i in range(6)], 3200),
        "corrupted": ([picture for corruption in [corruptions.identity] + corruptions.ALL
                       for picture in corruptions.corrupted(images[:corruptions.PIECE], corruption, how.part)[:20]],
                      20 * 34 + 6),
        "letters": ([picture for _, _, size, picture in nodigits.letters() if size == nodigits.SIZES[0]], 1600),
        "strokes": ([nodigits.strokes(i, how.part) for i in range(60)], 1600),
    }
    for name, (pictures, width) in made.items():
        if pictures:
            path = how.sheets / (name + ".png")
            Image.fromarray(imaging.sheet(pictures, width)).save(path)
            say("wrote %s" % path)
    return 0
