"""The page at the end of a training: well-formed, closed in itself, and true to the numbers.

The pages are those of make_reports, which stands beside the programs' folder."""

import base64
import html.parser
import pathlib
import re
import struct
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree
import zlib

from support import BIN, ROOT, SAMPLES

MAKER = BIN.parent / "tests" / "make_reports"
NAMES = ["digits", "hostile", "long", "many", "nothing", "one", "perfect", "unvalidated"]
VOID = {"meta", "link", "img", "br"}
LOADS = {"href", "src", "srcset", "data", "action", "poster", "background", "formaction"}


def setUpModule():
    global PAGES
    with tempfile.TemporaryDirectory(prefix="inkling-test-") as folder:
        subprocess.run([MAKER, folder], cwd=ROOT, check=True, timeout=60)
        PAGES = {path.stem: path.read_text("utf-8")
                 for path in sorted(pathlib.Path(folder).iterdir())}


def tree(name):
    return xml.etree.ElementTree.fromstring(PAGES[name].split("\n", 1)[1])


def words(element):
    return "".join(element.itertext())


def decoded(uri):
    """(width, height, pixels) of a grey PNG, all its checksums checked."""
    kind, data = uri.split(",", 1)
    assert kind == "data:image/png;base64", kind
    data = base64.b64decode(data, validate=True)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, []
    while at < len(data):
        size, = struct.unpack_from(">I", data, at)
        body = data[at + 4:at + 8 + size]
        assert struct.unpack_from(">I", data, at + 8 + size)[0] == zlib.crc32(body)
        chunks.append((body[:4], body[4:]))
        at += 12 + size
    assert [kind for kind, _ in chunks] == [b"IHDR", b"IDAT", b"IEND"]
    width, height, *how = struct.unpack(">IIBBBBB", chunks[0][1])
    assert how == [8, 0, 0, 0, 0], how
    raw = zlib.decompress(chunks[1][1])
    assert len(raw) == height * (width + 1)
    rows = [raw[y * (width + 1):(y + 1) * (width + 1)] for y in range(height)]
    assert all(row[0] == 0 for row in rows)
    return width, height, b"".join(row[1:] for row in rows)


class Outline(html.parser.HTMLParser):
    """What a reader of HTML, not of XML, sees."""

    def __init__(self, page):
        super().__init__()
        self.open, self.seen = [], []
        self.feed(page)
        self.close()
        assert self.open == [], self.open

    def handle_starttag(self, tag, attributes):
        self.seen.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.seen.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


class TrainReport(unittest.TestCase):
    def test_every_page_is_there_and_well_formed(self):
        self.assertEqual(sorted(PAGES), NAMES)
        for name, page in PAGES.items():
            with self.subTest(name):
                self.assertTrue(page.startswith("<!DOCTYPE html>\n<html lang=\"en\">"))
                elements = [element.tag for element in tree(name).iter()]
                self.assertEqual(Outline(page).seen, elements)
                for element in tree(name).iter():  # HTML would not take <td/> for an end
                    if element.tag not in VOID | {"path"}:
                        self.assertNotIn("<%s/>" % element.tag, page)
                self.assertNotRegex(page, r"\b(nan|inf)\b")

    def test_nothing_runs_and_nothing_is_loaded(self):
        for name in PAGES:
            for element in tree(name).iter():
                self.assertNotIn(element.tag, ("script", "iframe", "object", "embed", "base"))
                for key, value in element.attrib.items():
                    self.assertFalse(key.startswith("on"), (name, element.tag, key))
                    if key in LOADS:
                        self.assertTrue(value.startswith("data:"), (name, key, value[:40]))
            for style in tree(name).iter("style"):
                self.assertNotRegex(style.text, r"@import|url\(")
            policy = tree(name).find("head/meta[@http-equiv]").get("content")
            self.assertIn("default-src 'none'", policy)

    def test_strings_from_outside_are_text(self):
        page = tree("hostile")
        self.assertEqual(page.find("head/title").text, "</title><script>alert('1')</script>")
        facts = [words(cell) for cell in page.find(".//table[@class='facts']/tbody").iter()
                 if cell.tag in ("th", "td")]
        self.assertEqual(facts[:2], ["</td><script>alert(1)</script>", "\"quoted\" & 'so'"])
        self.assertEqual(facts[3], "?? ? ?? ?")
        self.assertEqual(page.find(".//li//img").get("alt"),
                         "Picture 18446744073709551615, \" onerror=\"x that was read as ?")

    def test_pages_can_be_read_without_seeing_them(self):
        for name in PAGES:
            page = tree(name)
            self.assertEqual(len(page.findall(".//h1")), 1, name)
            for table in page.iter("table"):
                self.assertTrue(words(table.find("caption")), name)
                for head in table.iter("th"):
                    self.assertIn(head.get("scope"), ("row", "col"))
            for image in page.iter("img"):
                self.assertTrue(image.get("alt"))
            for section in page.iter("section"):
                self.assertEqual(section[0].tag, "h2")
            for drawing in page.iter("svg"):
                self.assertEqual(drawing.get("aria-hidden"), "true")
            for frame in page.findall(".//div[@class='frame']"):
                self.assertEqual(frame.get("role"), "img")
        labels = [frame.get("aria-label") for frame in
                  tree("digits").findall(".//div[@class='frame']")]
        self.assertRegex(labels[0], r"^Loss: training 0\.35 at epoch 1, 0\.01\d+ at epoch 20; "
                                    r"validation 0\.1\d+ at epoch 1, 0\.0\d+ at epoch 20$")
        self.assertRegex(labels[1], r"^Misread pictures: training 10 at epoch 1, ")

    def test_misread_pictures_are_shown_pixel_by_pixel(self):
        samples = (SAMPLES / "digits-images-idx3-ubyte").read_bytes()[16:]
        found = tree("digits").findall(".//li/figure")
        self.assertEqual(len(found), 24)
        for i, figure in enumerate(found):
            self.assertEqual(decoded(figure.find("img").get("src")),
                             (28, 28, samples[i * 784:(i + 1) * 784]))
        self.assertEqual(words(found[1].find("figcaption")),
                         "54, is 1, read as 2 (97.9 %)1 had 1.5 %")
        self.assertEqual(found[1].find("img").get("alt"), "Picture 54, 1 that was read as 2")
        large = tree("hostile").find(".//li/figure/img").get("src")  # two blocks
        self.assertEqual(decoded(large), (300, 300, bytes(i * 7 & 255 for i in range(90000))))

    def test_the_matrix_tells_every_number(self):
        table = tree("digits").find(".//table[@class='matrix']")
        rows = [[words(cell) for cell in row] for row in table.find("tbody")]
        self.assertEqual([row[0] for row in rows], list("0123456789"))
        self.assertEqual(rows[0][1:], ["600", "81"] + [""] * 8 + ["88.1 %"])
        self.assertEqual(rows[3][1:5], ["", "27", "", "597"])
        self.assertEqual([words(cell) for cell in table.find("tfoot/tr")][:3],
                         ["precision", "96.3", "84.7"])    # 600 of 623, 599 of 707
        self.assertEqual([cell.get("class") for cell in table.find("tbody")[0]][1:3],
                         ["right", "w4"])
        one = tree("one").find(".//table[@class='matrix']/tbody")
        self.assertEqual([words(cell) for cell in one[1]],
                         ["yes", "", "0", "–"])            # no picture of that class

    def test_many_classes_are_a_picture_and_a_list(self):
        page = tree("many")
        self.assertIsNone(page.find(".//table[@class='matrix']"))
        width, height, pixels = decoded(page.find(".//img[@class='map']").get("src"))
        self.assertEqual((width, height), (100, 100))
        self.assertEqual((pixels[0], pixels[1], pixels[5]),
                         (255 - round(255 * (600 / 681) ** 0.5),
                          255 - round(255 * (81 / 681) ** 0.5), 255))
        commonest, every = page.findall(".//table[@class='names']")
        self.assertEqual([words(cell) for cell in commonest.find("tbody")[0]],
                         ["kind of beetle 0", "1", "81", "681"])
        self.assertEqual(len(commonest.find("tbody")), 20)
        self.assertEqual(len(every.find("tbody")), 100)

    def test_without_validation_nothing_is_made_up(self):
        page = tree("unvalidated")
        self.assertIn("not known", words(page.find(".//p[@class='lede']")))
        self.assertNotIn("validation", words(page.find(".//div[@class='plots']")))
        self.assertIsNone(page.find(".//table[@class='matrix']"))
        self.assertIsNone(page.find(".//li"))
        self.assertEqual(words(page.find(".//details//tbody")[0]).count("–"), 2)
        self.assertIn("None: all 6000", words(tree("perfect")))

    def test_curves_are_where_the_numbers_say(self):
        loss, error = tree("digits").findall(".//figure[@class='plot']")
        self.assertIn("logarithmic", words(loss.find("figcaption")))
        ticks = {span.text: float(span.get("style")[7:-1])
                 for span in loss.findall(".//span[@class='y']")}
        self.assertEqual(list(ticks), ["0.01", "0.02", "0.05", "0.1", "0.2", "0.5"])
        self.assertEqual((ticks["0.01"], ticks["0.5"]), (0, 100))
        x, y = re.match(r"M(\S+) (\S+)L",
                        loss.find(".//div/svg/path[@class='first']").get("d")).groups()
        self.assertEqual(float(x), 0)                      # 0.35 between 0.01 and 0.5
        self.assertAlmostEqual(float(y), 91.2, delta=0.1)
        mark = loss.find(".//div/svg/path[@class='mark']").get("d")
        self.assertEqual(mark, "M736.8 0V1000")            # epoch 15 of 1 to 20
        self.assertEqual(loss.find(".//span[@class='over']").text, "epoch 15 chosen")
        self.assertIn("0 on the lower edge", words(tree("perfect").findall(".//figcaption")[1]))

    def test_gaps_stay_gaps_and_one_epoch_is_a_dot(self):
        first = tree("hostile").find(".//div/svg/path[@class='first']").get("d")
        self.assertEqual(first.count("M"), 2)              # infinite, then not a number
        one = tree("one").find(".//div/svg/path[@class='first dots']").get("d")
        self.assertRegex(one, r"^M500\.0 \S+h0$")
        self.assertIsNone(tree("long").find(".//div/svg/path[@class='first dots']"))
        self.assertEqual(tree("long").find(".//div/svg/path[@class='first']").get("d").count("L"),
                         199)


if __name__ == "__main__":
    unittest.main()
