"""An engine in Python: the conversation of engine_protocol.h, with engine_NAME.py as the engine.

usage: worker.py NAME MODEL PICTURES COUNT CHANNELS,HEIGHT,WIDTH SCALE OFFSET THREADS

An engine's module has a class Engine:

    Engine(setup)           imports the framework, and makes of setup.pictures, floats as the network wants them, what
                            its users would have
    version                 a text
    open()                  from the model file to something that can answer
    variants(batch)         names; the first is run first
    prepare(variant, batch) two functions: call(i) runs the i-th slice of the pictures, and answers() gives an array
                            [batch, classes] of what the last call gave
"""

import gc
import importlib
import json
import os
import sys
import time

PIECES = (1, 8, 50)


def status_kib(key):
    with open("/proc/self/status", encoding="ascii") as file:
        for line in file:
            if line.startswith(key):
                return int(line.split()[1])
    return -1


def forget_peak():
    """From here on the peak is that of what follows."""
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
    except OSError:
        pass


class Setup:
    """What bench/compare asked for."""

    def __init__(self, words):
        import numpy
        self.numpy = numpy
        self.model, self.count, self.threads = words[1], int(words[3]), int(words[7])
        self.shape = [int(size) for size in words[4].split(",")]
        raw = numpy.fromfile(words[2], numpy.uint8, self.count * int(numpy.prod(self.shape)))
        self.pictures = (raw.astype(numpy.float32) * numpy.float32(words[5]) + numpy.float32(words[6]))
        self.pictures = self.pictures.reshape([self.count] + self.shape)

    def slices(self, batch):
        return [self.pictures[i:i + batch] for i in range(0, self.count - batch + 1, batch)]


class Worker:
    def __init__(self, engine, setup):
        self.engine, self.setup, self.ready = engine, setup, {}

    def prepare(self, variant, batch):
        """Like the engine's, but for variants in pieces too."""
        if batch > self.setup.count:
            raise ValueError("there are fewer pictures than that")
        if (variant, batch) not in self.ready:
            self.ready.clear()
            gc.collect()
            name, _, piece = variant.partition("/")
            if not piece:
                self.ready[variant, batch] = self.engine.prepare(name, batch)
            else:
                self.ready[variant, batch] = self.in_pieces(name, batch, int(piece))
        return self.ready[variant, batch]

    def in_pieces(self, name, batch, piece):
        run, answers = self.engine.prepare(name, piece)
        pieces, numpy, rows = batch // piece, self.setup.numpy, []

        def call(i):
            rows.clear()
            for j in range(i * pieces, (i + 1) * pieces):
                run(j)
                rows.append(answers())

        return call, lambda: numpy.concatenate(rows)

    def run(self, variant, batch, seconds):
        call, _ = self.prepare(variant, int(batch))
        slices, seconds, times, clock = self.setup.count // int(batch), float(seconds), [], time.perf_counter_ns
        begin, i = clock(), 0
        # A tenth of the time to warm up, and some calls unless they are long.
        while i == 0 or clock() - begin < seconds * (1e9 if i < 3 else 1e8):
            call(i % slices)
            i += 1
        i %= slices
        end, to = clock() + seconds * 1e9, 0
        gc.disable()
        while to < end:
            begin = clock()
            call(i)
            to = clock()
            times.append(to - begin)
            i = i + 1 if i + 1 < slices else 0
        gc.enable()
        times.sort()
        return {"calls": len(times), "median_us": times[len(times) // 2] / 1e3 / int(batch),
                "min_us": times[0] / 1e3 / int(batch)}

    def answers(self, variant, batch, count, path):
        call, answers = self.prepare(variant, int(batch))
        rows = []
        for i in range(int(count) // int(batch)):
            call(i)
            rows.append(self.setup.numpy.array(answers(), self.setup.numpy.float32).reshape(int(batch), -1))
        self.setup.numpy.concatenate(rows).tofile(path)
        return {"classes": rows[0].shape[1]}

    def variants(self, batch):
        batch = int(batch)
        found = list(self.engine.variants(batch))
        for piece in PIECES:
            if batch > piece and batch % piece == 0:
                found += ["%s/%d" % (name, piece) for name in self.engine.variants(piece)]
        return found

    def memory(self):
        return {"peak_kib": status_kib("VmHWM:"), "growth_kib": status_kib("VmHWM:") - self.before}

    def start(self):
        forget_peak()
        self.before = status_kib("VmRSS:")
        begin = time.perf_counter()
        self.engine.open()
        opened = time.perf_counter()
        call, _ = self.prepare(self.engine.variants(1)[0], 1)
        call(0)
        answered = time.perf_counter()
        for i in range(min(100, self.setup.count)):
            call(i)
        return {"open_ms": 1e3 * (opened - begin), "answer_ms": 1e3 * (answered - begin), **self.memory()}


def main():
    # What a framework prints must not mix with the conversation.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(what):
        out.write(json.dumps(what) + "\n")
        out.flush()

    try:
        setup, module = Setup(sys.argv[1:]), importlib.import_module("engine_" + sys.argv[1])
        begin = time.perf_counter()
        engine = module.Engine(setup)
        imported = 1e3 * (time.perf_counter() - begin)
        worker = Worker(engine, setup)
        say({"version": engine.version, "import_ms": imported, **worker.start()})
    except Exception as error: # the framework's, of any kind; it is told, and shown as the reason
        say({"error": "%s: %s" % (type(error).__name__, " ".join(str(error).split())[:300])})
        return 1
    for line in sys.stdin:
        words = line.split()
        if words[0] == "quit":
            break
        try:
            say(getattr(worker, words[0])(*words[1:]))
        except Exception as error:
            say({"error": "%s: %s" % (type(error).__name__, " ".join(str(error).split())[:300])})
    out.close()
    os._exit(0) # some frameworks take seconds to end their threads


if __name__ == "__main__":
    sys.exit(main())
