"""inkling data fetch, with a server that cuts, corrupts, stalls, redirects and sends too much."""

import gzip
import hashlib
import http.server
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import ssl
import subprocess
import sys
import threading
import time
import unittest

from support import BIN, BUILT_WITH, DATA, ProgramTest, needs_json, run

MISSING = [name for name in ("zlib", "libcurl", "OpenSSL") if "no " + name in BUILT_WITH]
IMAGES, LABELS = "t-images-idx3-ubyte", "t-labels-idx1-ubyte"


def noise(size, seed):
    return random.Random(seed).randbytes(size)


CONTENT = {IMAGES: noise(300_000, 1), LABELS: noise(500, 2)}
PACKED = {name: gzip.compress(data, mtime=0) for name, data in CONTENT.items()}
SIZE = len(PACKED[IMAGES])


def sums(contents):
    return "".join("%s  %s\n" % (hashlib.sha256(data).hexdigest(), name)
                   for name, data in contents.items()).encode()


# ---- the server: what it does with a request is a function of the handler ------------------------

def begin(request, code, length, **headers):
    request.send_response(code)
    if length is not None:
        request.send_header("Content-Length", str(length))
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    request.end_headers()


def whole(data):
    """As a good server: all of it, or the range that was asked for."""
    def answer(request):
        asked = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
        start = int(asked[1]) if asked else 0
        if asked and start >= len(data):
            return begin(request, 416, 0)
        begin(request, 206 if asked else 200, len(data) - start,
              **({"Content_Range": "bytes %d-%d/%d" % (start, len(data) - 1, len(data))}
                 if asked else {}))
        request.wfile.write(data[start:])
    return answer


def no_ranges(data):
    def answer(request):
        begin(request, 200, len(data))
        request.wfile.write(data)
    return answer


def cut(data, size, promise=True):
    def answer(request):
        begin(request, 200, len(data) if promise else None)
        request.wfile.write(data[:size])
    return answer


def stall(data, size, until):
    def answer(request):
        begin(request, 200, len(data))
        request.wfile.write(data[:size])
        request.wfile.flush()
        until.wait(60)
    return answer


def status(code, body=b"<html>no</html>"):
    def answer(request):
        begin(request, code, len(body))
        request.wfile.write(body)
    return answer


def redirect(to):
    return lambda request: begin(request, 302, 0, Location=to)


def endless(request):
    begin(request, 200, None)
    try:
        for _ in range(1000):
            request.wfile.write(noise(100_000, 9))
    except OSError:
        pass


class Server:
    """`server.answers[path]` is an answer, or a list of those for one request after another, of
    which the last one stays."""

    def __init__(self, test):
        self.answers, self.requests = {}, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.requests.append((self.path, self.headers.get("Range")))
                answer = outer.answers.get(self.path, status(404))
                if isinstance(answer, list):
                    answer = answer.pop(0) if len(answer) > 1 else answer[0]
                try:
                    answer(self)
                except OSError:
                    pass                                  # the client has gone
                self.close_connection = True

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        test.addCleanup(self.server.server_close)
        test.addCleanup(self.server.shutdown)
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]

    def put(self, folder, contents=None):
        for name, data in (contents or PACKED).items():
            self.answers["/%s/%s.gz" % (folder, name)] = whole(data)
        return "%s/%s" % (self.url, folder)

    def ranges(self, name):
        return [asked for path, asked in self.requests if path.endswith("/%s.gz" % name)]


@unittest.skipIf(MISSING, "built without " + ", ".join(MISSING))
class Fetch(ProgramTest):
    def setUp(self):
        super().setUp()
        self.server = Server(self)
        self.mirror = self.server.put("good")
        self.sums = self.file("SHA256SUMS", sums(CONTENT))
        self.dir = self.folder / "d"
        self.release = threading.Event()
        self.addCleanup(self.release.set)

    def arguments(self, *mirrors, name="test", options=(), with_sums=True):
        mirrors = mirrors or (self.mirror,)
        return (["data", "fetch", name, "--dir", self.dir, *options] +
                ["--mirror=" + mirror for mirror in mirrors] +
                (["--sums", self.sums] if with_sums else []))

    def fetch(self, *mirrors, code=0, says=(), **how):
        result = run(*self.arguments(*mirrors, **how), no_proxy="*")
        self.assertEqual(result.code, code, result.err)
        if code:
            self.assertEqual(result.out, "")
            last = result.err.rstrip("\n").split("\n")[-1]
            self.assertRegex(last, r"\Ainkling: ")
            for word in [says] if isinstance(says, str) else says:
                self.assertIn(word, last)
        else:
            self.assert_there()
        return result

    def names(self):
        return sorted(path.name for path in self.dir.iterdir()) if self.dir.exists() else []

    def assert_there(self, contents=None):
        contents = contents or CONTENT
        aliases = {re.sub(r"-(idx\d)", r".\1", name): data for name, data in contents.items()}
        self.assertEqual(self.names(), sorted([*contents, *aliases]))
        for name, data in {**contents, **aliases}.items():
            self.assertEqual((self.dir / name).read_bytes(), data, name)

    def start(self, *mirrors, stderr=subprocess.PIPE, **how):
        child = subprocess.Popen([BIN / "inkling", *self.arguments(*mirrors, **how)],
                                 stdout=subprocess.PIPE, stderr=stderr,
                                 env={**os.environ, "no_proxy": "*"})
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        if child.stderr:
            self.addCleanup(child.stderr.close)
        return child

    def wait_for_part(self, size, name=IMAGES):
        part = self.dir / (name + ".gz.part")
        end = time.monotonic() + 30
        while not part.exists() or part.stat().st_size < size:
            self.assertLess(time.monotonic(), end, "nothing came")
            time.sleep(0.01)
        return part

    def answer_images(self, answer, folder="bad"):
        url = self.server.put(folder)
        self.server.answers["/%s/%s.gz" % (folder, IMAGES)] = answer
        return url

    # ---- what works ----

    def test_fetch(self):
        result = self.fetch()
        lines = result.out.split("\n")
        self.assertEqual(len(lines), 4)
        self.assertEqual(lines[1].split(), [str(self.dir / IMAGES), "300000",
                                            "%s/%s.gz" % (self.mirror, IMAGES)])
        self.assertEqual(result.err, "".join("%s: from %s/%s.gz\n" % (name, self.mirror, name)
                                             for name in CONTENT))

    def test_second_name_is_a_link(self):
        self.fetch()
        self.assertTrue((self.dir / IMAGES).samefile(self.dir / "t-images.idx3-ubyte"))

    @unittest.skipUnless(shutil.which("cc"), "no C compiler")
    def test_copy_where_there_are_no_links(self):
        source = self.file("link.c", b"#include <errno.h>\nint link(const char *a, const char *b)\n"
                                     b"{ (void)a; (void)b; errno = EPERM; return -1; }\n")
        library = self.folder / "link.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
        result = run(*self.arguments(), no_proxy="*", LD_PRELOAD=str(library),
                     ASAN_OPTIONS="verify_asan_link_order=0")
        self.assertEqual(result.code, 0, result.err)
        self.assert_there()
        self.assertFalse((self.dir / IMAGES).samefile(self.dir / "t-images.idx3-ubyte"))

    @needs_json
    def test_json(self):
        document = self.fetch(options=["--json"]).json
        self.assertEqual((document["data_set"], document["folder"]), ("test", str(self.dir)))
        for row, (name, data) in zip(document["files"], CONTENT.items()):
            self.assertEqual(row, {
                "file": str(self.dir / name),
                "alias": str(self.dir / re.sub(r"-(idx\d)", r".\1", name)),
                "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(),
                "already_there": False, "source": "%s/%s.gz" % (self.mirror, name)})
        document = self.fetch(options=["--json"]).json
        self.assertEqual([row["already_there"] for row in document["files"]], [True, True])
        self.assertNotIn("source", document["files"][0])

    def test_already_there(self):
        self.fetch()
        before = len(self.server.requests)
        result = self.fetch("http://127.0.0.1:1")
        self.assertEqual(result.out.count("already there"), 2)
        self.assertEqual((len(self.server.requests), result.err), (before, ""))

    def test_one_name_is_enough(self):
        """The other name is made of it, without a download."""
        self.fetch()
        before = len(self.server.requests)
        for name in (IMAGES, "t-images.idx3-ubyte"):
            (self.dir / name).unlink()
            self.fetch()
        self.assertEqual(len(self.server.requests), before)

    def test_folder_by_default(self):
        result = run("data", "fetch", "test", "-m", self.mirror, "--sums", self.sums,
                     cwd=self.folder, no_proxy="*")
        self.assertEqual(result.code, 0, result.err)
        self.dir = self.folder / "data" / "test"
        self.assert_there()

    def test_folder_in_folders(self):
        self.dir = self.folder / "a" / "b" / "c"
        self.fetch()

    def test_slash_behind_mirror(self):
        self.fetch(self.mirror + "/")

    def test_name_is_escaped(self):
        contents = {"a b#%41?": b"x"}
        self.sums = self.file("sums", sums(contents))
        self.server.answers["/good/a%20b%23%2541%3F.gz"] = whole(gzip.compress(b"x"))
        result = run(*self.arguments(), no_proxy="*")
        self.assertEqual((result.code, self.names()), (0, list(contents)), result.err)

    def test_several_members(self):
        data = CONTENT[IMAGES]
        members = gzip.compress(data[:1000]) + gzip.compress(data[1000:])
        self.fetch(self.answer_images(whole(members)))

    def test_sums_as_sha256sum_reads_them(self):
        """With a star, with .gz files beside, with the ends of lines of Windows, in capitals."""
        text = sums(CONTENT).upper().replace(b"T-", b"t-").replace(b"IDX", b"idx").replace(
            b"UBYTE", b"ubyte").replace(b"IMAGES", b"images").replace(b"LABELS", b"labels")
        self.sums.write_bytes(text.replace(b"  ", b" *").replace(b"\n", b"\r\n") + b"\n" +
                              sums({name + ".gz": data for name, data in PACKED.items()}))
        self.fetch()

    @unittest.skipUnless(DATA and (pathlib.Path(DATA) / "mnist").is_dir(),
                         "no MNIST in INKLING_DATA")
    def test_mnist_itself(self):
        """The checksums and sizes of the table are those of the files."""
        names = [part + end for part in ("train", "t10k") for end in ("-images-idx3-ubyte",
                                                                      "-labels-idx1-ubyte")]
        packed = {name: (pathlib.Path(DATA) / "mnist" / (name + ".gz")).read_bytes()
                  for name in names}
        result = run(*self.arguments(self.server.put("mnist", packed), name="mnist",
                                     with_sums=False), no_proxy="*")
        self.assertEqual(result.code, 0, result.err)
        self.assert_there({name: gzip.decompress(data) for name, data in packed.items()})

    # ---- servers that fail ----

    def test_cut(self):
        bad = self.answer_images([cut(PACKED[IMAGES], 100_000), whole(PACKED[IMAGES])])
        result = self.fetch(bad)
        self.assertEqual(self.server.ranges(IMAGES), [None, "bytes=100000-"])
        self.assertIn("broken off after 100000 bytes; going on", result.err)

    def test_cut_without_a_length(self):
        """Only the gzip data tells that the end is missing."""
        bad = self.answer_images([cut(PACKED[IMAGES], 100_000, promise=False),
                                  whole(PACKED[IMAGES])])
        self.fetch(bad)
        self.assertEqual(self.server.ranges(IMAGES), [None, "bytes=100000-"])

    def test_cut_goes_on_elsewhere(self):
        bad = self.answer_images([cut(PACKED[IMAGES], 100_000), status(503)])
        self.fetch(bad, self.mirror)
        self.assertEqual(self.server.ranges(IMAGES), [None, "bytes=100000-", "bytes=100000-"])

    def test_ranges_ignored(self):
        data = PACKED[IMAGES]
        self.fetch(self.answer_images([cut(data, 100_000), no_ranges(data)]))
        self.assertEqual(self.server.ranges(IMAGES), [None, "bytes=100000-"])

    def test_always_cut(self):
        """A mirror is not asked for ever."""
        bad = self.answer_images(cut(PACKED[IMAGES], 100_000))
        self.fetch(bad, code=1, says=[IMAGES, "broken off after 100000 bytes"])
        self.assertEqual(self.server.ranges(IMAGES), [None, "bytes=100000-"])
        self.assertEqual(self.names(), [IMAGES + ".gz.part"])

    def test_corrupt(self):
        data = bytearray(PACKED[IMAGES])
        data[150_000] ^= 1
        other = gzip.compress(b"other")
        for wrong, says in ((bytes(data), "damaged"), (other, "the SHA-256 is " +
                            hashlib.sha256(b"other").hexdigest()), (b"<html>", "is no gzip data"),
                            (PACKED[IMAGES] + b"behind", "is no gzip data, or damaged")):
            bad = self.answer_images(whole(wrong))
            self.fetch(bad, code=1, says=[IMAGES + ".gz: ", says])
            self.assertEqual(self.names(), [])
        self.fetch(bad, self.mirror)
        self.assertEqual(set(self.server.ranges(IMAGES)), {None})

    def test_cut_on_the_mirror_itself(self):
        self.fetch(self.answer_images(whole(PACKED[IMAGES][:-1000])), self.mirror)
        self.assertLessEqual(len(self.server.ranges(IMAGES)), 6)

    def test_cut_again_and_again(self):
        """As long as each try brings something more, to a limit."""
        data = PACKED[IMAGES]
        for steps, code in ((4, 0), (5, 1)):
            begin_at = [whole(data[:i * 10_000]) for i in range(1, steps + 1)]
            self.fetch(self.answer_images(begin_at + [whole(data)]), code=code)
            if self.dir.exists():
                shutil.rmtree(self.dir)

    def test_empty(self):
        self.fetch(self.answer_images(whole(b"")), code=1, says="ends before its checksum")
        self.assertEqual(self.names(), [])

    def test_part_is_wrong(self):
        """It is thrown away once, and the same mirror asked again."""
        self.dir.mkdir()
        (self.dir / (IMAGES + ".gz.part")).write_bytes(noise(5000, 5))
        result = self.fetch()
        self.assertEqual(self.server.ranges(IMAGES), ["bytes=5000-", None])
        self.assertIn("once more, from the start", result.err)

    def test_part_is_whole(self):
        """As after a run that ended between downloading and unpacking: 416 says that it is all."""
        self.dir.mkdir()
        (self.dir / (IMAGES + ".gz.part")).write_bytes(PACKED[IMAGES])
        self.fetch()
        self.assertEqual(self.server.ranges(IMAGES), ["bytes=%d-" % SIZE])

    def test_part_is_too_long(self):
        self.dir.mkdir()
        (self.dir / (IMAGES + ".gz.part")).write_bytes(PACKED[IMAGES] + b"more")
        self.fetch()
        self.assertEqual(self.server.ranges(IMAGES), ["bytes=%d-" % (SIZE + 4), None])

    def test_part_of_another_file(self):
        """It is longer than the file, and looks as if only its end were missing."""
        self.dir.mkdir()
        (self.dir / (IMAGES + ".gz.part")).write_bytes(gzip.compress(noise(400_000, 6))[:SIZE + 9])
        self.fetch()
        self.assertEqual(self.server.ranges(IMAGES), ["bytes=%d-" % (SIZE + 9), None])

    def test_stall(self):
        for size in (0, 100_000):
            bad = self.answer_images(stall(PACKED[IMAGES], size, self.release))
            begin_time = time.monotonic()
            self.fetch(bad, code=1, options=["--timeout", "1"],
                       says="stalled for 1 s after %d bytes" % size)
            self.assertLess(time.monotonic() - begin_time, 20)
        self.fetch(bad, self.mirror, options=["--timeout", "1"])

    def test_next_mirror(self):
        other = Server(self)
        gone = "http://127.0.0.1:1"
        result = self.fetch(gone, other.url + "/none", self.mirror)
        self.assertIn("HTTP status 404; trying the next mirror", result.err)
        self.assertIn(gone, result.err)
        self.assertEqual(len(other.requests), 2)

    def test_no_mirror(self):
        result = self.fetch(self.server.url + "/none", self.server.url + "/neither", code=1,
                            says=[IMAGES, "/none/%s.gz: HTTP status 404; " % IMAGES,
                                  "/neither/%s.gz: HTTP status 404" % IMAGES])
        self.assertEqual(self.names(), [])
        self.assertNotIn(LABELS, result.err)

    def test_other_status(self):
        for code in (204, 206, 300, 304, 500):
            body = b"" if code in (204, 304) else PACKED[IMAGES]
            self.fetch(self.answer_images(status(code, body)), code=1, says="HTTP status %d" % code)
            self.assertEqual(self.names(), [])

    def test_redirect(self):
        self.fetch(self.answer_images(redirect("/good/%s.gz" % IMAGES)))

    def test_redirects_with_range(self):
        self.dir.mkdir()
        (self.dir / (IMAGES + ".gz.part")).write_bytes(PACKED[IMAGES][:1000])
        self.fetch(self.answer_images(redirect("/good/%s.gz" % IMAGES)))
        self.assertEqual(self.server.requests[1], ("/good/%s.gz" % IMAGES, "bytes=1000-"))

    def test_redirect_away(self):
        secret = self.file("secret", PACKED[IMAGES])
        for address in ("file://%s" % secret, "ftp://127.0.0.1/x", "gopher://127.0.0.1/x"):
            self.fetch(self.answer_images(redirect(address)), code=1,
                       says="leads elsewhere than to http or https")
            self.assertEqual(self.names(), [])

    @unittest.skipUnless(shutil.which("openssl"), "no program openssl")
    def test_certificate_of_nobody(self):
        secure, pem = Server(self), self.folder / "pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-keyout", pem, "-out", self.folder / "crt"],
                       check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "crt", pem)
        secure.server.socket = context.wrap_socket(secure.server.socket, server_side=True)
        secure.server.handle_error = lambda *_: None
        address = secure.put("good").replace("http:", "https:")
        self.fetch(address, code=1, says=[address, "certificate"])
        self.assertEqual(secure.requests, [])

    def test_redirect_loop(self):
        self.fetch(self.answer_images(redirect("/bad/%s.gz" % IMAGES)), code=1,
                   says="more than 5 redirects")
        self.assertEqual(len(self.server.requests), 6)

    # ---- too much; the sizes of MNIST are known ----

    def test_too_much(self):
        """With a length that says so, and without."""
        name = "train-images-idx3-ubyte"
        limit = (16 + 60000 * 784) * 101 // 100 + 1024
        for answer, sent in ((lambda request: begin(request, 200, limit + 1), 0), (endless, None)):
            self.server.answers["/big/%s.gz" % name] = answer
            self.fetch(self.server.url + "/big", name="mnist", with_sums=False, code=1,
                       says=[name, "sends more than %d bytes" % limit])
            self.assertEqual(self.names(), [])

    def test_bomb(self):
        name, size = "train-images-idx3-ubyte", 16 + 60000 * 784
        self.server.answers["/bomb/%s.gz" % name] = whole(gzip.compress(bytes(size + 1)))
        self.fetch(self.server.url + "/bomb", name="mnist", with_sums=False, code=1,
                   says=[name, "inflates to more than %d bytes" % size])
        self.assertEqual(self.names(), [])

    # ---- ends in the middle ----

    def test_killed(self):
        bad = self.answer_images([stall(PACKED[IMAGES], 100_000, self.release),
                                  whole(PACKED[IMAGES])])
        child = self.start(bad)
        part = self.wait_for_part(100_000)
        child.kill()
        child.wait(30)
        self.assertEqual(self.names(), [part.name])
        self.fetch(bad)
        self.assertEqual(self.server.ranges(IMAGES), [None, "bytes=100000-"])

    def test_interrupted(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            bad = self.answer_images([stall(PACKED[IMAGES], 100_000, self.release),
                                      whole(PACKED[IMAGES])])
            child = self.start(bad)
            part = self.wait_for_part(100_000)
            child.send_signal(number)
            out, err = child.communicate(timeout=30)
            self.assertEqual((child.returncode, out), (-number, b""))
            self.assertIn("%s: interrupted; what has come is kept in %s" % (IMAGES, part),
                          err.decode())
            self.assertEqual(self.names(), [part.name])
            self.fetch(bad)
            shutil.rmtree(self.dir)

    def test_interrupted_in_the_second_file(self):
        """What writes files has had the signals in between; the first file stays."""
        self.server.answers["/good/%s.gz" % LABELS] = stall(PACKED[LABELS], 100, self.release)
        child = self.start()
        part = self.wait_for_part(100, LABELS)
        child.send_signal(signal.SIGINT)
        self.assertIn("%s: interrupted; " % LABELS, child.communicate(timeout=30)[1].decode())
        self.assertEqual(child.returncode, -signal.SIGINT)
        self.assertEqual(self.names(), sorted([IMAGES, "t-images.idx3-ubyte", part.name]))

    def test_two_at_once(self):
        bad = self.answer_images(stall(PACKED[IMAGES], 100_000, self.release))
        self.start(bad)
        part = self.wait_for_part(100_000)
        self.fetch(code=1, says=[str(part), "another inkling is downloading it"])
        self.assertEqual(part.stat().st_size, 100_000)

    def limited(self, size):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        done = subprocess.run([BIN / "inkling", *self.arguments()], capture_output=True, text=True,
                              preexec_fn=limit, env={**os.environ, "no_proxy": "*"}, timeout=60,
                              check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        return done.stderr.rstrip("\n").split("\n")[-1]

    def test_disk_full(self):
        """While downloading, and while unpacking; when there is room again it goes on."""
        part = self.dir / (IMAGES + ".gz.part")
        self.assertRegex(self.limited(100_000), r"^inkling: %s: cannot write: \w" % part)
        self.assertEqual((self.names(), part.stat().st_size), ([part.name], 100_000))
        self.fetch()
        shutil.rmtree(self.dir)
        zeros = {IMAGES: bytes(300_000)}
        self.sums.write_bytes(sums(zeros))
        self.answer_images(whole(gzip.compress(zeros[IMAGES])), "good")
        self.assertRegex(self.limited(100_000), r"^inkling: %s: cannot write: \w" %
                         (self.dir / IMAGES))
        self.assertEqual(self.names(), [part.name])

    # ---- what is there already ----

    def test_wrong_file(self):
        for name in (IMAGES, "t-labels.idx1-ubyte"):
            self.dir.mkdir()
            (self.dir / name).write_bytes(b"mine")
            before = len(self.server.requests)
            self.fetch(code=1, says=[str(self.dir / name), hashlib.sha256(b"mine").hexdigest(),
                                     "--force"])
            self.assertEqual((len(self.server.requests), self.names()), (before, [name]))
            self.fetch(options=["--force"])
            shutil.rmtree(self.dir)

    def test_wrong_file_stays_when_no_mirror_has_it(self):
        self.dir.mkdir()
        (self.dir / IMAGES).write_bytes(b"mine")
        self.fetch(self.server.url + "/none", code=1, options=["--force"])
        self.assertEqual((self.names(), (self.dir / IMAGES).read_bytes()), ([IMAGES], b"mine"))

    def test_no_file(self):
        (self.dir / IMAGES).mkdir(parents=True)
        self.fetch(code=1, options=["--force"],
                   says=[str(self.dir / IMAGES), "is there and no file"])

    def test_no_folder(self):
        self.dir.write_bytes(b"mine")
        self.fetch(code=1, says=[str(self.dir), "folder"])
        self.dir = self.dir / "below"
        self.fetch(code=1, says=[str(self.dir.parent), "folder"])

    # ---- the terminal ----

    def on_terminal(self, **variables):
        """What comes on a terminal, until the download stands still."""
        ours, theirs = self.terminal()
        self.addCleanup(os.close, ours)
        release = threading.Event()
        self.addCleanup(release.set)
        bad = self.answer_images(stall(PACKED[IMAGES], 150_000, release))
        environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
        child = subprocess.Popen(
            [BIN / "inkling", *self.arguments(bad, options=["--timeout", "1"])],
            stdout=subprocess.PIPE, stderr=theirs,
            env={**environment, "no_proxy": "*", "TERM": "xterm", **variables})
        os.close(theirs)
        out, shown = child.communicate(timeout=60)[0], b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:                               # all is read, and the other end closed
                piece = b""
            if not piece:
                break
            shown += piece
        self.assertEqual((child.returncode, out), (1, b""))
        return shown.decode()

    def test_progress(self):
        shown = self.on_terminal()
        self.assertRegex(shown, r"%s\x1b\[2m  0\.\d of 0\.3 MB, \d+ %%\x1b\[0m\r +\r" % IMAGES)
        self.assertRegex(shown, r"\r +\rinkling: [^\r]*stalled")
        plain = self.on_terminal(NO_COLOR="1")
        self.assertNotIn("\x1b", plain)
        self.assertIn(" of 0.3 MB, ", plain)

    # ---- checksums that cannot be used ----

    def test_bad_sums(self):
        good = hashlib.sha256(b"").hexdigest()
        for text, says in (
                (b"", "has no checksum of a file"),
                (sums({"a.gz": b""}), "has no checksum of a file"),
                (b"abc  a\n", ":1: wanted 64 hexadecimal digits, two spaces and a name"),
                (sums({"a": b""}) + b"\n# no\n", ":3: wanted 64 hexadecimal digits"),
                (("%s a\n" % good).encode(), ":1: wanted 64"),
                (("%s0  a\n" % good).encode(), ":1: wanted 64"),
                (("%s  \n" % good).encode(), ":1: wanted the plain name"),
                (sums({"a": b""}) * 2, ":2: a is there a second time"),
                (sums({"a": b""}) + b"\0", "is no text"),
                *((sums({name: b""}), ":1: wanted the plain name of a file") for name in
                  ("../a", "/a", "a/b", ".a", "..", "-a", "a\x1bb", "a\\b", "a" * 201))):
            self.sums.write_bytes(text)
            self.failed(*self.arguments(), says=[str(self.sums), says])
        self.sums.unlink()
        self.failed(*self.arguments(), says=[str(self.sums), "cannot open"])

    def test_wrong_calls(self):
        for arguments, says in (
                (["data"], "fetch is missing"),
                (["data", "fetch"], "NAME is missing"),
                (["data", "get", "mnist"], "wanted 'fetch', found 'get'"),
                (["data", "fetch", "mnits"], "did you mean 'mnist'"),
                (["data", "fetch", "zzzzzzzzz"], "wanted mnist; another one needs --sums"),
                (["data", "fetch", "../x", "--sums", self.sums, "-m", self.mirror], "no name"),
                (["data", "fetch", "x", "--sums", self.sums], "--mirror is missing"),
                (["data", "fetch", "mnist", "-m", "file:///x"], "http:// or https://"),
                (["data", "fetch", "mnist", "-m", "example.com"], "http:// or https://"),
                (["data", "fetch", "mnist", "-m", ""], "--mirror: wanted URL, found nothing"),
                (["data", "fetch", "mnist", "--timeout", "0"], "from 1 to 3600"),
                (["data", "fetch", "mnist"] + ["-mhttp://a"] * 9, "more than 8 times")):
            self.failed(*arguments, code=2, says=says)


class WithoutLibraries(ProgramTest):
    @unittest.skipUnless(MISSING, "built with all libraries")
    def test_says_so(self):
        self.failed("data", "fetch", "mnist", "--dir", self.folder / "d", says="built without")


if __name__ == "__main__":
    unittest.main()
