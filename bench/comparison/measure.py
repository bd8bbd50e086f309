"""Engines as processes, and the measurements: answers, rounds, cold starts, whole processes."""

import array
import json
import math
import os
import pathlib
import re
import select
import statistics
import subprocess
import tempfile

import machine
from machine import Missing, say

TOLERANCE = 1e-4
ANSWERS = 500


class Peer:
    """A row of the table of engines: how it is had, its file, and how it is started."""

    def __init__(self, name, note, suffix, get, libraries, script="", environment=None, picture=4):
        self.name, self.note, self.suffix, self.get, self.libraries = name, note, suffix, get, libraries
        self.script, self.environment = script, environment
        self.picture = picture # bytes that the process keeps for a pixel of the pictures
        self.place, self.missing, self.version = None, None, ""

    def obtain(self):
        try:
            self.place = self.get()
            if self.script:
                machine.install("onnx")
        except Missing as why:
            self.missing = str(why)
            say("%s: %s" % (self.name, why))

    def command(self, network, pictures, threads):
        shape = ",".join(map(str, network.shape)) if self.script else str(math.prod(network.shape))
        words = [machine.python(), "-B", machine.ENGINES / "worker.py", self.script] if self.script else [self.place]
        return [str(word) for word in words + [network.file(self.suffix), pictures.raw, pictures.count, shape,
                                               repr(network.scale), repr(network.offset), threads]]


def peers(inkling):
    """One row an engine; the first is ours."""
    def folder(place):
        return {"GGML_FOLDER": str(place), "LD_LIBRARY_PATH": str(place)}

    def package(name):
        return lambda: (machine.install(name), name)[1]

    return [
        Peer("inkling", "this tree; from bytes", ".gguf", lambda: machine.inkling_engine(inkling), inkling.shared,
             picture=1),
        Peer("onnxruntime", "PyPI", ".onnx", package("onnxruntime"), "/onnxruntime/", "onnxruntime"),
        Peer("OpenVINO", "PyPI", ".onnx", package("openvino"), "/openvino/", "openvino"),
        Peer("PyTorch", "Debian; TorchScript", ".pt", machine.have_torch,
             "/torch/|libtorch|libc10|libdnnl|openblas|libgomp", "torch"),
        Peer("oneDNN 2", "Debian", ".layers", machine.onednn_debian, "libdnnl|libgomp", picture=5),
        Peer("oneDNN 3", "PyPI", ".layers", machine.onednn_package, "libdnnl|libgomp", picture=5),
        Peer("ggml, package", "PyPI, as it comes", ".onnx", machine.ggml_wheel, "libggml", "ggml", folder),
        Peer("ggml, built here", "source from PyPI, compiled for this processor", ".onnx", machine.ggml_built_here,
             "libggml", "ggml", folder),
    ]


# ---- a running engine ----

class Engine:
    """A process that answers lines; see engine_protocol.h."""

    def __init__(self, peer, network, pictures, threads):
        variables = dict(os.environ, OMP_NUM_THREADS=str(threads), OPENBLAS_NUM_THREADS=str(threads),
                         OPENBLAS_CORETYPE=machine.coretype(), OMP_DYNAMIC="FALSE")
        if peer.environment:
            variables.update(peer.environment(peer.place))
        self.peer = peer
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(peer.command(network, pictures, threads), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.errors, env=variables)
        try:
            self.start = self.answer(120)
        except Missing:
            self.close()
            raise
        peer.version = self.start["version"]

    def answer(self, patience):
        ready, _, _ = select.select([self.process.stdout], [], [], patience)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            self.errors.seek(0)
            told = self.errors.read().decode(errors="replace").strip().splitlines()
            raise Missing("%s: %s" % ("it ended" if ready else "no answer", told[-1] if told else "without a word"))
        found = json.loads(line)
        if isinstance(found, dict) and "error" in found:
            raise Missing(found["error"])
        return found

    def ask(self, *words, patience=120):
        try:
            self.process.stdin.write((" ".join(map(str, words)) + "\n").encode())
            self.process.stdin.flush()
        except OSError as error:
            raise Missing("it ended") from error
        return self.answer(patience)

    def answers(self, variant, batch, count):
        path = machine.PLACE / ("answers-%d" % self.process.pid)
        classes = self.ask("answers", variant, batch, count, path)["classes"]
        found = array.array("f", path.read_bytes())
        path.unlink()
        return [list(found[i:i + classes]) for i in range(0, len(found), classes)]

    def library_bytes(self):
        """Of the shared libraries that it has loaded and that are the framework's. Ours is linked otherwise."""
        if isinstance(self.peer.libraries, pathlib.Path):
            return os.path.getsize(self.peer.libraries) if self.peer.libraries.exists() else 0
        maps = pathlib.Path("/proc/%d/maps" % self.process.pid).read_text(encoding="utf-8")
        found = {path for path in re.findall(r"(/\S+\.so\S*)", maps) if re.search(self.peer.libraries, path)}
        return sum(os.path.getsize(path) for path in found if os.path.exists(path))

    def close(self):
        try:
            self.process.stdin.write(b"quit\n")
            self.process.stdin.close()
        except OSError:
            pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.errors.close()


# ---- the same answers ----

def probabilities(rows):
    """Rows that are no probabilities are logits, or their logarithms."""
    if min(map(min, rows)) >= -1e-6 and max(map(max, rows)) <= 1 + 1e-5:
        return rows
    found = []
    for row in rows:
        raised = [math.exp(x - max(row)) for x in row]
        found.append([x / sum(raised) for x in raised])
    return found


def difference(found, wanted):
    """The largest, and how many pictures are given another class."""
    found, wanted = probabilities(found), probabilities(wanted)
    if len(found) != len(wanted) or len(found[0]) != len(wanted[0]):
        return math.inf, len(wanted)
    most = max(abs(a - b) for x, y in zip(found, wanted) for a, b in zip(x, y))
    return (math.inf if math.isnan(most) else most), sum(x.index(max(x)) != y.index(max(y))
                                                         for x, y in zip(found, wanted))


# ---- one network ----

class Plan:
    """What is measured, and how long."""

    def __init__(self, threads, batches, rounds, seconds, trial, cold):
        self.threads, self.batches, self.rounds = threads, batches, rounds
        self.seconds, self.trial, self.cold = seconds, trial, cold


class Contest:
    """The engines of one network. `results` is by engine: the reason why it is missing, or the figures."""

    def __init__(self, network, rows, pictures, plan):
        self.network, self.pictures, self.plan = network, pictures, plan
        self.rows = rows # (label, peer, network): ours may be there more than once, with other files
        self.results = {label: {} for label, _, _ in rows}
        self.running = {}

    def run(self):
        try:
            self.open_all()
            self.check_all()
            self.choose_all()
            for number in range(self.plan.rounds):
                self.round(number)
        finally:
            for engine in self.running.values():
                engine.close()
            self.running.clear()
        for label, peer, network in self.rows:
            if "missing" not in self.results[label]:
                self.guarded(label, lambda label=label, peer=peer, network=network: self.cold(label, peer, network))
        return self.results

    def guarded(self, label, work):
        """An engine that fails is out, with the reason, and the others go on."""
        try:
            work()
        except (Missing, OSError, ValueError) as why:
            say("  %s: %s" % (label, why))
            self.results[label]["missing"] = str(why)
            for threads in self.plan.threads:
                engine = self.running.pop((label, threads), None)
                if engine:
                    engine.close()

    def open_all(self):
        for label, peer, network in self.rows:
            if peer.missing:
                self.results[label]["missing"] = peer.missing
                continue
            for threads in self.plan.threads:
                if "missing" not in self.results[label]:
                    self.guarded(label, lambda label=label, peer=peer, network=network, threads=threads: self.running.
                                 update({(label, threads): Engine(peer, network, self.pictures, threads)}))

    def check_all(self):
        """All must compute the same: each variant, with one picture in a call and with many, against ours."""
        count, ours = min(ANSWERS, self.pictures.count), self.rows[0][0]
        wanted = self.running[ours, self.plan.threads[0]].answers("bytes", count, count)
        for (label, threads), engine in list(self.running.items()):
            if (label, threads) in self.running: # it was not closed since
                self.guarded(label, lambda label=label, engine=engine: self.check(label, engine, wanted, count))
        for label, result in self.results.items():
            if "difference" in result and "missing" not in result:
                say("  %-24s largest difference %.2g" % (label, result["difference"]))

    def check(self, label, engine, wanted, count):
        result, good = self.results[label], []
        result.setdefault("difference", 0.0)
        result.setdefault("other_class", 0)
        rejected = []
        ways = {batch: [name for name in engine.ask("variants", batch) if "/" not in name] for batch in (1, count)}
        for variant in dict.fromkeys(ways[1] + ways[count]):
            most = max(difference(engine.answers(variant, batch, count), wanted)
                       for batch in ways if variant in ways[batch])
            if most[0] <= TOLERANCE or engine.peer.name == "inkling":
                good.append(variant)
                result["difference"] = max(result["difference"], most[0])
                result["other_class"] = max(result["other_class"], most[1])
            else:
                rejected.append("%s differs by %.2g" % (variant, most[0]))
        if not good:
            result["differs"] = True
            raise Missing("; ".join(rejected))
        if rejected:
            result["rejected"] = sorted(set(result.get("rejected", []) + rejected))
        engine.good = good

    def settings(self):
        return [(threads, batch) for threads in self.plan.threads for batch in self.plan.batches
                if batch <= self.pictures.count]

    def choose_all(self):
        """Each engine's best way for each setting, by a short trial: in one call, and in pieces where that is
        faster."""
        self.ways, self.pieces = {}, {}
        for (label, threads), engine in list(self.running.items()):
            if (label, threads) in self.running:
                self.guarded(label, lambda label=label, threads=threads, engine=engine:
                             self.choose(label, threads, engine))

    def choose(self, label, threads, engine):
        for of_setting, batch in self.settings():
            if of_setting != threads:
                continue
            tried = {}
            names = [name for name in engine.ask("variants", batch) if name.split("/")[0] in engine.good]
            whole = [name for name in names if "/" not in name]
            for name in whole if len(names) > 1 else []:
                tried[name] = engine.ask("run", name, batch, self.plan.trial)["median_us"]
            base = min(tried, key=tried.get) if tried else names[0]
            for name in names:
                if name.startswith(base + "/"):
                    tried[name] = engine.ask("run", name, batch, self.plan.trial)["median_us"]
            self.ways[label, threads, batch] = base
            best = min(tried, key=tried.get) if tried else base
            if best != base:
                self.pieces[label, threads, batch] = best
            self.results[label].setdefault("tried", {})["%d/%d" % (threads, batch)] = tried

    def round(self, number):
        """All engines, one after the other, beginning with another one in each round."""
        for threads, batch in self.settings():
            labels = [label for label, _, _ in self.rows if (label, threads) in self.running]
            shift = number % max(1, len(labels))
            for label in labels[shift:] + labels[:shift]:
                self.guarded(label, lambda label=label, threads=threads, batch=batch: self.one(label, threads, batch))

    def one(self, label, threads, batch):
        for key, ways in (("times", self.ways), ("in_pieces", self.pieces)):
            way = ways.get((label, threads, batch))
            if way:
                found = self.running[label, threads].ask("run", way, batch, self.plan.seconds)
                times = self.results[label].setdefault(key, {}).setdefault("%d/%d" % (threads, batch), {
                    "variant": way, "medians": [], "minima": [], "calls": 0})
                times["medians"].append(found["median_us"])
                times["minima"].append(found["min_us"])
                times["calls"] += found["calls"]
                times["median_us"] = statistics.median(times["medians"])
                times["min_us"] = min(times["minima"])

    def cold(self, label, peer, network):
        """New processes: how long from the file to the first answer, and how much memory that takes."""
        starts, result, batch = [], self.results[label], max(self.plan.batches)
        for number in range(self.plan.cold):
            engine = Engine(peer, network, self.pictures, 1)
            try:
                starts.append(engine.start)
                if number == 0:
                    result["library_bytes"] = engine.library_bytes()
                if number == 0 and batch <= self.pictures.count:
                    engine.ask("run", self.ways.get((label, 1, batch), engine.ask("variants", 1)[0]), batch, 0.01)
                    many = engine.ask("memory")
                    result["growth_many_kib"] = many["growth_kib"] - many.get("answers_kib", 0)
            finally:
                engine.close()
        for key in ("import_ms", "open_ms", "answer_ms", "growth_kib", "peak_kib"):
            result[key] = statistics.median(start[key] for start in starts)
        result["peak_kib"] -= self.pictures.count * self.pictures.size * peer.picture // 1024
        result["file_bytes"] = os.path.getsize(network.file(peer.suffix))


# ---- inkling alone ----

def whole_process(runner, inkling, times, *words):
    told = machine.run(runner, times, inkling.program, *words, env=inkling.environment)
    runs = [line.split() for line in told.splitlines()]
    wall = [float(run[0]) / 1e3 for run in runs]
    return {"median_ms": statistics.median(wall), "min_ms": min(wall), "peak_kib": max(int(run[1]) for run in runs)}


def programs(inkling, pictures, labels, quick):
    """Commands from start to end."""
    runner, model = machine.process_runner(), machine.ROOT / "models/cnn.gguf"
    found = {"predict": whole_process(runner, inkling, 3 if quick else 30, "predict", model,
                                      machine.ROOT / "samples/digit-3.pgm")}
    if labels:
        for threads in (1, 2):
            found["eval %d" % threads] = whole_process(runner, inkling, 1 if quick else 10, "eval", model, pictures.idx,
                                                       labels, "--threads", threads)
    return found


def counts(peer, network, pictures, plan, quick):
    """Time and memory of ours for calls of few and of many pictures; a new process for each."""
    found = []
    for threads in plan.threads:
        for batch in (1, 10, 100, 1000, 10000, 60000):
            if batch > pictures.count:
                continue
            engine = Engine(peer, network, pictures, threads)
            try:
                way = engine.ask("variants", batch)[0]
                times = [engine.ask("run", way, batch, plan.seconds) for _ in range(1 if quick else 3)]
                memory = engine.ask("memory")
            finally:
                engine.close()
            found.append({"threads": threads, "images": batch,
                          "median_us": statistics.median(t["median_us"] for t in times),
                          "growth_kib": memory["growth_kib"] - memory["answers_kib"]})
    return found
