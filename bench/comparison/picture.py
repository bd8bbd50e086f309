"""The results as a picture: bars for the networks that are here, dots for the published ones."""

import html

import table

WIDTH, LEFT, GAP, BAR, HEAD = 1120, 130, 22, 17, 54
COLUMNS = 4
MOST = 6 # bars are cut off at so many times ours
STYLE = """
text { font: 12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: #24292f }
.page { fill: #ffffff } .title { font-size: 18px; font-weight: 600 } .panel { font-size: 13px; font-weight: 600 }
.small { font-size: 11px; fill: #57606a } .ours { fill: #0969da } .peer { fill: #afb8c1 } .grid { stroke: #d0d7de }
.limit { stroke: #bf8700; stroke-dasharray: 4 3 } .row { stroke: #eaeef2 } .end { text-anchor: end }
.middle { text-anchor: middle } .our-text { font-weight: 600 }
.a { fill: #0969da } .b { fill: #8250df } .c { fill: #1a7f37 } .d { fill: #bc4c00 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .page { fill: #0d1117 } .small { fill: #8d96a0 } .ours { fill: #4493f8 }
  .peer { fill: #484f58 } .grid { stroke: #30363d } .row { stroke: #21262d } .limit { stroke: #d29922 }
  .a { fill: #4493f8 } .b { fill: #ab7df8 } .c { fill: #3fb950 } .d { fill: #db6d28 }
}
"""


class Drawing:
    def __init__(self):
        self.parts, self.y = [], 0

    def text(self, x, y, text, kind=""):
        self.parts.append('<text x="%.1f" y="%.1f" class="%s">%s</text>' % (x, y, kind, html.escape(text)))

    def box(self, x, y, width, height, kind, title=""):
        inside = "<title>%s</title>" % html.escape(title) if title else ""
        self.parts.append('<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="2" class="%s">%s</rect>' % (
            x, y, max(width, 1), height, kind, inside))

    def line(self, x1, y1, x2, y2, kind):
        self.parts.append('<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>' % (x1, y1, x2, y2, kind))

    def dot(self, x, y, kind, title):
        self.parts.append('<circle cx="%.1f" cy="%.1f" r="4.5" class="%s"><title>%s</title></circle>' % (
            x, y, kind, html.escape(title)))

    def svg(self):
        return ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">\n'
                "<style>%s</style>\n<rect class=\"page\" width=\"%d\" height=\"%d\"/>\n%s\n</svg>\n" % (
                    WIDTH, self.y, WIDTH, self.y, STYLE, WIDTH, self.y, "\n".join(self.parts)))


def panel(drawing, x, y, width, names, network, setting):
    """Bars of one setting, each with its time."""
    found = [table.median(network["results"][name], setting) for name in names]
    ours = next((value for value in found if value), 1)
    longest = min(max([value for value in found if value], default=1), MOST * ours)
    drawing.text(x, y - 7, table.setting_name(*setting), "small")
    for i, (name, value) in enumerate(zip(names, found)):
        at, bold = y + i * (BAR + 4), name.startswith("inkling")
        if value is None:
            drawing.text(x, at + BAR - 4, "missing", "small")
            continue
        length = (width - 66) * min(value, longest) / longest
        drawing.box(x, at, length, BAR, "ours" if bold else "peer", "%s: %s us" % (name, table.us(value)))
        if value > longest:
            drawing.box(x + length - 12, at, 4, BAR, "page")
        drawing.text(x + max(length, 1) + 5, at + BAR - 4, table.us(value), "our-text" if bold else "")


def bars(drawing, results, network):
    settings = table.settings(results)[:COLUMNS]
    names = [name for name, result in network["results"].items() if result.get("times")]
    width = (WIDTH - LEFT - 2 * GAP) / max(len(settings), 1)
    drawing.text(GAP, drawing.y + 16, network["name"], "panel")
    drawing.text(GAP + 9 * len(network["name"]) + 12, drawing.y + 16, network["what"], "small")
    top = drawing.y + HEAD - 6
    for i, name in enumerate(names):
        drawing.text(LEFT + GAP - 10, top + i * (BAR + 4) + BAR - 4, name,
                     "end our-text" if name.startswith("inkling") else "end")
    for i, setting in enumerate(settings):
        panel(drawing, LEFT + GAP + i * width, top, width - 16, names, network, setting)
    drawing.y = top + len(names) * (BAR + 4) + 26


def dots(drawing, results, peer="onnxruntime"):
    """Our time by the peer's for each network, on a line from 0."""
    settings = table.settings(results)[:COLUMNS]
    found = [(network, [table.ratio(network, peer, s) for s in settings]) for network in results["networks"]
             if network["published"]]
    found = [(network, ratios) for network, ratios in found if any(ratios)]
    if not found:
        return
    found.sort(key=lambda row: max(r for r in row[1] if r))
    names, right, step = 380, WIDTH - 60, 19
    most = max(1.1, max(r for _, ratios in found for r in ratios if r) + 0.05)

    def place(value):
        return names + (right - names) * value / most

    drawing.text(GAP, drawing.y + 16, "published networks", "panel")
    drawing.text(GAP + 150, drawing.y + 16, "inkling's time divided by %s's; left of the line at 1 is faster" % peer,
                 "small")
    for i, (kind, setting) in enumerate(zip("abcd", settings)):
        at = names + i * 180
        drawing.dot(at, drawing.y + 36, kind, "")
        drawing.text(at + 9, drawing.y + 40, table.setting_name(*setting), "small")
    top = drawing.y + 72
    bottom = top + len(found) * step
    for tenth in range(0, int(most * 10) + 1, 2):
        drawing.line(place(tenth / 10), top - 10, place(tenth / 10), bottom, "limit" if tenth == 10 else "grid")
        drawing.text(place(tenth / 10), top - 14, "%.1f" % (tenth / 10), "small middle")
    for i, (network, ratios) in enumerate(found):
        y = top + i * step + 8
        name = network["name"] if len(network["name"]) <= 54 else network["name"][:53] + "\u2026"
        drawing.line(names, y, right, y, "row")
        drawing.text(names - 12, y + 4, name, "small end")
        for kind, setting, value in zip("abcd", settings, ratios):
            if value:
                drawing.dot(place(value), y, kind, "%s: %.2f" % (table.setting_name(*setting), value))
    drawing.y = bottom + 24


def svg(results):
    drawing = Drawing()
    drawing.text(GAP, 32, "Microseconds for one picture, %s" % results["processor"]["name"], "title")
    drawing.text(GAP, 52, "the same networks, weights and pictures, interleaved in one run; shorter is faster, and a "
                 "bar with a gap would be longer", "small")
    drawing.y = 70
    for network in results["networks"]:
        if not network["published"]:
            bars(drawing, results, network)
    dots(drawing, results)
    return drawing.svg()
