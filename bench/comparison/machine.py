"""The machine, and what the comparison makes on it: a build, a venv, the engines."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENGINES = ROOT / "bench/comparison/engines"
PLACE = ROOT / "build/compare"
VENV = ROOT / "build/venv-compare"

# Installed one by one: what cannot be had is missing, and the others are not.
PINNED = {
    "onnx": "onnx==1.23.2",
    "onnxruntime": "onnxruntime==1.32.0",
    "openvino": "openvino==2026.4.1",
    "ggml": "libggml-python==0.20.2.post1",
    "onednn": "onednn-devel-cpu-gomp==2023.2.0",
}
# A package of source code; the wheel above is compiled for processors of 2013.
GGML_SOURCE = "ggml-python==0.0.45"


class Missing(Exception):
    """A peer cannot be had, and why."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(*command, missing="", **options):
    """Runs a command quietly. What it printed is told when it fails: as Missing where there is a text for that."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "check": False, **options}
    try:
        done = subprocess.run([str(word) for word in command], **options)
    except OSError as error:
        raise Missing("%s: %s" % (missing or command[0], error)) from error
    if done.returncode:
        told = re.sub(r"\w+://\S+", "...", done.stdout or "").strip().splitlines() # results name no hosts
        if missing:
            raise Missing("%s: %s" % (missing, told[-1] if told else "exit code %d" % done.returncode))
        raise SystemExit("%s failed:\n%s" % (" ".join(map(str, command)), "\n".join(told[-20:])))
    return done.stdout or ""


# ---- facts ----

def processor():
    """Its name, and what else tells machines apart."""
    text = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8") if os.path.exists("/proc/cpuinfo") else ""
    found = dict(re.findall(r"^([^\t:]+?)\s*: (.*)$", text, re.M))
    flags = found.get("flags", "").split()
    return {
        "name": found.get("model name", "unknown"),
        "family": "%s family %s model %s" % (found.get("vendor_id", "?"), found.get("cpu family", "?"),
                                             found.get("model", "?")),
        "processors": os.cpu_count(),
        "vectors": ", ".join(f for f in ("avx2", "fma", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8",
                                         "asimd", "asimddp") if f in flags),
    }


def system():
    facts = pathlib.Path("/etc/os-release")
    named = dict(re.findall(r'^(\w+)="?([^"\n]*)', facts.read_text(encoding="utf-8"), re.M)) if facts.exists() else {}
    return named.get("PRETTY_NAME", "unknown")


def load():
    return "%.2f" % os.getloadavg()[0]


def coretype():
    """Debian's OpenBLAS takes new processors for old ones, and is told here what this one is like."""
    vectors = processor()["vectors"]
    return "SKYLAKEX" if "avx512f" in vectors else "HASWELL"


# ---- inkling ----

class Inkling:
    """The programs, and the library that the engine is linked with."""

    def __init__(self, build):
        given = os.environ.get("INKLING_BIN")
        if given and not build:
            self.bin = pathlib.Path(given)
            build = self.bin.parent
        else:
            build = pathlib.Path(build or ROOT / "build/bench")
            self.bin = build / "bin"
            say("building inkling in %s" % build)
            run("cmake", "-S", ROOT, "-B", build, "-DCMAKE_BUILD_TYPE=Release", "-DBUILD_TESTING=OFF")
            run("cmake", "--build", build, "-j", os.cpu_count() or 1)
        self.program, self.library = self.bin / "inkling", build / "lib/libinkling.a"
        self.shared = build / "lib/libinkling.so"
        self.environment = dict(os.environ, INKLING_SAMPLES=str(ROOT / "samples"))
        if not self.library.exists():
            raise SystemExit("%s is not there: build the target inkling_static" % self.library)

    def __call__(self, *words, missing=""):
        return run(self.program, *words, missing=missing, env=self.environment, stderr=subprocess.STDOUT)

    def json(self, *words, missing=""):
        """Standard output alone, for --json."""
        import json
        done = subprocess.run([str(self.program), *map(str, words)], capture_output=True, text=True, check=False,
                              env=self.environment)
        if done.returncode:
            raise Missing("%s%s" % (missing and missing + ": ", " ".join(done.stderr.split())[:300]))
        return json.loads(done.stdout)


# ---- compiling ----

def newer(target, *sources):
    return target.exists() and all(target.stat().st_mtime >= pathlib.Path(s).stat().st_mtime for s in sources)


def compile_program(name, sources, *flags, missing=""):
    """A program of bench/comparison/engines; C and C++ by the suffix."""
    target = PLACE / name
    paths = [ENGINES / source for source in sources]
    libraries = [flag for flag in flags if str(flag).endswith(".a")]
    mark, how = PLACE / (name + ".flags"), " ".join(map(str, flags))
    if not (newer(target, *paths, *libraries, ENGINES / "engine_protocol.h") and mark.exists() and
            mark.read_text(encoding="utf-8") == how):
        objects = []
        for path in paths:
            objects.append(PLACE / (name + "-" + path.stem + ".o"))
            compiler = "g++" if path.suffix == ".cpp" else "gcc"
            run(compiler, "-O2", "-Wall", "-Wextra", *[f for f in flags if str(f).startswith("-I")], "-c", path, "-o",
                objects[-1], missing=missing)
        linker = "g++" if any(path.suffix == ".cpp" for path in paths) else "gcc"
        run(linker, *objects, *[f for f in flags if not str(f).startswith("-I")], "-o", target, missing=missing)
        mark.write_text(how, encoding="utf-8")
    return target


def inkling_engine(inkling):
    return compile_program("inkling_engine", ["inkling_engine.c", "engine_protocol.c"], "-I%s" % (ROOT / "include"),
                           inkling.library, "-lm", "-lpthread")


def process_runner():
    return compile_program("run_process", ["run_process.c"])


# ---- peers ----

def python():
    return VENV / "bin/python"


def make_venv():
    """Of Debian's Python where it is, since Debian's PyTorch is for that."""
    if not (VENV / ".made").exists():
        base = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
        say("making a venv in %s" % VENV)
        shutil.rmtree(VENV, ignore_errors=True)
        run(base, "-m", "venv", "--system-site-packages", VENV, missing="no venv (Debian: python3-venv)")
        (VENV / ".made").touch()


def install(name):
    """Installs a pinned package into the venv, once."""
    make_venv()
    mark = VENV / (".have-" + name)
    if not mark.exists() or mark.read_text(encoding="ascii") != PINNED[name]:
        say("installing %s" % PINNED[name])
        run(VENV / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "numpy<2", PINNED[name],
            missing="pip cannot install %s" % PINNED[name])
        mark.write_text(PINNED[name], encoding="ascii")


def have_torch():
    make_venv()
    run(python(), "-c", "import torch", missing="no PyTorch (Debian: python3-torch)")


def packages_folder():
    return pathlib.Path(run(python(), "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])").strip())


def ggml_wheel():
    install("ggml")
    for folder in ("lib64", "lib"):
        found = packages_folder() / "libggml" / folder
        if (found / "libggml-cpu.so").exists():
            return found
    raise Missing("the package %s carries no libggml-cpu.so" % PINNED["ggml"])


def ggml_built_here():
    """ggml compiled for this very processor, with all that it has for it."""
    make_venv()
    target, source = PLACE / "ggml", PLACE / "ggml-source"
    if not (target / ".made").exists():
        say("building ggml from %s, which takes a few minutes" % GGML_SOURCE)
        shutil.rmtree(source, ignore_errors=True)
        source.mkdir(parents=True)
        run(VENV / "bin/pip", "download", "--quiet", "--no-deps", "--no-binary", "ggml-python",
            "--dest", source, GGML_SOURCE, missing="pip cannot get %s" % GGML_SOURCE)
        archive = next(source.glob("*.tar.gz"))
        run("tar", "xzf", archive, "-C", source, "--strip-components=1", missing="cannot unpack %s" % GGML_SOURCE)
        run("cmake", "-S", source / "vendor/ggml", "-B", target, "-DCMAKE_BUILD_TYPE=Release", "-DBUILD_SHARED_LIBS=ON",
            "-DGGML_NATIVE=ON", "-DGGML_LLAMAFILE=ON", "-DGGML_BUILD_TESTS=OFF", "-DGGML_BUILD_EXAMPLES=OFF",
            missing="cannot configure ggml")
        run("cmake", "--build", target, "-j", os.cpu_count() or 1, missing="cannot build ggml")
        (target / ".made").touch()
    return target / "src"


def onednn_debian():
    return compile_program("onednn_engine", ["onednn_engine.cpp", "engine_protocol.c"], "-ldnnl",
                           missing="no oneDNN (Debian: libdnnl-dev)")


def onednn_package():
    install("onednn")
    return compile_program("onednn3_engine", ["onednn_engine.cpp", "engine_protocol.c"], "-I%s" % (VENV / "include"),
                           "-L%s" % (VENV / "lib"), "-ldnnl", "-Wl,-rpath,%s" % (VENV / "lib"),
                           missing="cannot build with %s" % PINNED["onednn"])
