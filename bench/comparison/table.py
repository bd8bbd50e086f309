"""The results as Markdown."""

import math

WORDS = {1: "1 picture", 1000: "1,000 pictures"}


def settings(results):
    return [(t, b) for b in results["plan"]["batches"] for t in results["plan"]["threads"]]


def setting_name(threads, batch):
    return "%s, %d thread%s" % (WORDS.get(batch, "%d pictures" % batch), threads, "s" if threads > 1 else "")


def median(result, setting):
    """Microseconds a picture, or None."""
    return result.get("times", {}).get("%d/%d" % setting, {}).get("median_us")


def median_in_pieces(result, setting):
    """The same where it may take the pictures of a call in pieces: the shorter of both."""
    found = [median(result, setting), result.get("in_pieces", {}).get("%d/%d" % setting, {}).get("median_us")]
    return min([value for value in found if value], default=None)


def ratio(network, peer, setting, of_peer=median):
    """Our time by the peer's; less than 1 is faster."""
    ours = median(network["results"].get("inkling", {}), setting)
    theirs = of_peer(network["results"].get(peer, {}), setting)
    return ours / theirs if ours and theirs else None


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def us(value):
    """Three digits, of microseconds or milliseconds."""
    if value is None:
        return ""
    return ("%.0f" if value >= 100 else "%.1f" if value >= 10 else "%.2f") % value


ms = us


def mib(kib):
    return "" if kib is None else "%.1f" % (kib / 1024)


def two(value):
    return "" if value is None else "%.2f" % value


def rows_of(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])


# ---- parts ----

def head(results):
    machine = results["processor"]
    parts = ["# bench/compare: %s" % machine["name"],
             "%s (%s), %d processors, %s. %s. %s, load average %s before and %s after. Pictures: %s." % (
                 machine["name"], machine["family"], machine["processors"], machine["vectors"], results["system"],
                 results["date"], results["load"][0], results["load"][1], results["pictures"]),
             "`%s`: %d rounds of %g s for each engine and setting, engines one after the other in each round. Times "
             "are the median of the rounds' medians, in microseconds for one picture; the number in brackets is "
             "inkling's time divided by the peer's. [../README.md](../README.md) says how it is measured." % (
                 results["command"], results["plan"]["rounds"], results["plan"]["seconds"])]
    if results.get("picture"):
        parts.append("![time for one picture](%s)" % results["picture"])
    rows = [[p["name"], p["version"] or "", p["note"] if not p["missing"] else "**missing**: " + p["missing"]]
            for p in results["peers"]]
    return parts + [rows_of(["engine", "version", "from"], rows)]


def times(results, network):
    rows = []
    for name, result in network["results"].items():
        if "missing" in result:
            rows.append([name, "missing: " + result["missing"]] + [""] * len(settings(results)))
            continue
        row = [name]
        for setting in settings(results):
            there = ratio(network, name, setting) if name != "inkling" else None
            row.append(us(median(result, setting)) + (" (%.2f)" % there if there else ""))
        told = "%.1g" % result["difference"]
        if result.get("other_class"):
            told += ", %d of another class" % result["other_class"]
        rows.append(row + [told])
    return rows_of(["engine"] + [setting_name(*s) for s in settings(results)] + ["largest difference"], rows)


def pieces(results, network):
    """What the peers would take if their caller cut the 1,000 pictures up, as an inkling session does."""
    many = [s for s in settings(results) if s[1] > 1]
    rows = []
    for name, result in network["results"].items():
        found = result.get("in_pieces", {})
        if found:
            row = [name]
            for setting in many:
                time, there = median_in_pieces(result, setting), ratio(network, name, setting, median_in_pieces)
                of = found.get("%d/%d" % setting, {}).get("variant", "/all").split("/")[1]
                row.append("%s (%s), of %s" % (us(time), two(there), of) if time else "")
            rows.append(row)
    return rows_of(["in pieces, if the caller cuts"] + [setting_name(*s) for s in many], rows) if rows else ""


def costs(network):
    rows = []
    for name, r in network["results"].items():
        if "missing" not in r and "open_ms" in r:
            rows.append([name, ms(r["open_ms"]), ms(r["answer_ms"]), ms(r["import_ms"]) if r["import_ms"] else "",
                         mib(r["growth_kib"]), mib(r.get("growth_many_kib")), mib(r["peak_kib"]),
                         "%.0f" % (r["file_bytes"] / 1024),
                         mib(r["library_bytes"] / 1024) if r["library_bytes"] else ""])
    return rows_of(["engine", "opens the file, ms", "first answer, ms", "import, ms", "memory, MiB", "with 1,000, MiB",
                    "whole process, MiB", "model file, KiB", "library, MiB"], rows)


def best_way(result, setting):
    return result.get("times", {}).get("%d/%d" % setting, {}).get("variant", "")


def ways(results, network):
    """Which variant of each engine was the fastest."""
    told = []
    for name, result in network["results"].items():
        found = [best_way(result, s) for s in settings(results)]
        if name != "inkling" and any(found):
            told.append("%s %s" % (name, ", ".join(found)))
    spread = [max(t["medians"]) / min(t["medians"]) for r in network["results"].values()
              for t in r.get("times", {}).values()]
    text = "Variants taken: %s." % "; ".join(told) if told else ""
    if spread and results["plan"]["rounds"] > 1:
        text += " Rounds differ by up to %.0f %%." % (100 * max(spread) - 100)
    return text.strip()


def published(results):
    chosen = [n for n in results["networks"] if n["published"]]
    if not chosen:
        return []
    peers = sorted({p for n in chosen for p in n["results"] if p != "inkling"})
    parts = ["## Published networks",
             "Networks that people published, as `inkling convert` reads them and writes them as ONNX."]
    for peer in peers:
        rows = []
        for network in chosen:
            cells = ["%s / %s (%s)" % (us(median(network["results"]["inkling"], s)),
                                       us(median(network["results"].get(peer, {}), s)), two(ratio(network, peer, s)))
                     if ratio(network, peer, s) else network["results"].get(peer, {}).get("missing", "")
                     for s in settings(results)]
            rows.append([network["name"], "%.2f" % (network["macs"] / 1e6)] + cells)
        means = [geometric_mean([r for r in (ratio(n, peer, s) for n in chosen) if r]) for s in settings(results)]
        rows.append(["**geometric mean**", ""] + ["**%s**" % two(mean) for mean in means])
        if any(b > 1 for _, b in settings(results)):
            cut = [geometric_mean([r for r in (ratio(n, peer, s, median_in_pieces) for n in chosen) if r])
                   for s in settings(results)]
            rows.append(["geometric mean, if its caller cuts 1,000 into pieces", ""] + [two(mean) for mean in cut])
        parts.append(rows_of(["inkling / %s" % peer, "million multiply-adds"] +
                             [setting_name(*s) for s in settings(results)], rows))
    return parts


def alone(results):
    parts = []
    if results.get("programs"):
        rows = []
        for key, r in results["programs"].items():
            name = ("`inkling predict` with cnn, one picture" if key == "predict" else
                    "`inkling eval` with cnn, %d pictures, %s thread(s)" % (results["picture_count"], key.split()[1]))
            rows.append([name, ms(r["median_ms"]), ms(r["min_ms"]), mib(r["peak_kib"])])
        parts += ["## Whole processes", rows_of(["command", "median, ms", "least, ms", "most memory, MiB"], rows)]
    if results.get("counts"):
        parts += ["## Few pictures and many",
                  "One call with so many pictures, cnn; memory is what the process grew by, without the pictures and "
                  "the answers, which are the caller's."]
        threads = results["plan"]["threads"]
        by = {(c["threads"], c["images"]): c for c in results["counts"]}
        rows = []
        for images in sorted({c["images"] for c in results["counts"]}):
            row = [format(images, ",")]
            for t in threads:
                row += [us(by[t, images]["median_us"]), mib(by[t, images]["growth_kib"])]
            rows.append(row)
        header = ["pictures in a call"]
        for t in threads:
            header += ["us a picture, %d thread%s" % (t, "s" if t > 1 else ""), "memory, MiB"]
        parts.append(rows_of(header, rows))
    return parts


# ---- what was wanted ----

def targets(results):
    """Rows: what, found, wanted, whether it holds."""
    rows, networks = [], {n["name"]: n for n in results["networks"]}

    def row(what, found, text, wanted, good):
        if found is not None:
            rows.append([what, text, wanted, "yes" if good else "**no**"])

    cnn = networks.get("cnn", {}).get("results", {}).get("inkling", {})
    row("cnn opens its file", cnn.get("open_ms"), "%.2f ms" % cnn.get("open_ms", 0), "under 1 ms",
        cnn.get("open_ms", 9) < 1)
    for setting in settings(results):
        where = setting_name(*setting)
        if "digits" in networks:
            found = ratio(networks["digits"], "onnxruntime", setting)
            row("digits by onnxruntime, " + where, found, two(found), "at most 0.50", found and found <= 0.5)
        several = [(ratio(n, "onnxruntime", setting), n["name"]) for n in results["networks"]
                   if n["published"] or n["name"] in ("digits", "padded")]
        several = [(r, name) for r, name in several if r]
        if several:
            worst, mean = max(several), geometric_mean([r for r, _ in several])
            row("%d CNNs by onnxruntime, %s, geometric mean" % (len(several), where), mean, two(mean), "at most 0.60",
                mean <= 0.6)
            row("the slowest of them, %s" % where, worst[0], "%.2f, %s" % worst, "at most 1.00", worst[0] <= 1)
    programs = results.get("programs") or {}
    if "predict" in programs:
        one = programs["predict"]
        row("`inkling predict`, whole process", one["median_ms"], "%.1f ms" % one["median_ms"], "under 5 ms",
            one["median_ms"] < 5)
        row("its memory", one["peak_kib"], mib(one["peak_kib"]) + " MiB", "under 12 MB",
            one["peak_kib"] * 1.024e-3 < 12)
    if "eval 2" in programs and results["picture_count"] == 10000:
        one = programs["eval 2"]["median_ms"]
        row("`inkling eval` of 10,000 pictures, 2 threads, whole process", one, "%.0f ms" % one, "under 150 ms",
            one < 150)
    for threads in results["plan"]["threads"]:
        found = [c for c in results.get("counts") or [] if c["threads"] == threads]
        if len(found) > 1:
            first, last = found[0], max(found[1:], key=lambda c: c["median_us"])
            row("a picture among many by one alone, %d thread(s), the worst" % threads, first,
                "%.2f, of %s pictures" % (last["median_us"] / first["median_us"], format(last["images"], ",")),
                "at most 1.00", last["median_us"] <= 1.02 * first["median_us"])
            growth = found[-1]["growth_kib"] - found[0]["growth_kib"]
            row("memory for %s pictures less that for one, %d thread(s)" % (format(found[-1]["images"], ","), threads),
                growth, mib(growth) + " MiB", "about 0", growth < 1024)
    return rows


def markdown(results):
    parts = head(results)
    wanted = targets(results)
    if wanted:
        parts += ["## What was wanted", rows_of(["", "found", "wanted", "holds"], wanted)]
    for network in results["networks"]:
        if not network["published"]:
            parts += ["## %s" % network["name"], "%s; %s parameters, %.2f million multiply-adds." % (
                network["what"][0].upper() + network["what"][1:], format(network["parameters"], ","),
                network["macs"] / 1e6), times(results, network), ways(results, network), pieces(results, network),
                      costs(network)]
    parts += published(results) + alone(results)
    if results["left_out"]:
        parts += ["## Left out", rows_of(["what", "why"], results["left_out"])]
    return "\n\n".join(part for part in parts if part) + "\n"
