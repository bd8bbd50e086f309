"""inkling serve: the page's files."""

import gzip
import unittest
import urllib.parse

from server import MODELS, PNG, RAW, Server, ServerTest, needs_server
from support import BUILT_WITH, ROOT, ProgramTest

PAGE = b"<!doctype html><title>digits</title>" + b"<p>draw</p>" * 100
FILES = {
    "index.html": ("text/html; charset=utf-8", PAGE),
    "inkling.js": ("text/javascript; charset=utf-8", b"export {}\n" * 50),
    "inkling.wasm": ("application/wasm", b"\0asm\1\0\0\0" + bytes(500)),
    "inkling.wasm.gz": ("application/gzip", gzip.compress(bytes(500))),
    "style.css": ("text/css; charset=utf-8", b"p { color: red }\n" * 20),
    "manifest.webmanifest": ("application/manifest+json", b"{}"),
    "icon.svg": ("image/svg+xml", b"<svg/>"),
    "models/digits.gguf": ("application/octet-stream", bytes(range(256)) * 4),
    "samples/digit-3.png": ("image/png", PNG),
    "samples/t-images-idx3-ubyte": ("application/octet-stream", RAW * 2),
    "a b/caf\u00e9.txt": ("text/plain; charset=utf-8", b"hello\n"),
    "empty.js": ("text/javascript; charset=utf-8", b""),
    "more/index.html": ("text/html; charset=utf-8", b"more"),
}
HIDDEN = (".git/config.json", ".hidden.js", "node_modules/a/index.js", "secret.key", "module/module.c", "README")


class Page(ServerTest):
    @classmethod
    def setUpClass(cls):
        pass                                              # the folder is made first

    @classmethod
    def tearDownClass(cls):
        pass

    def setUp(self):
        super().setUp()
        web = self.folder / "web"
        for name, (_, content) in FILES.items():
            path = web / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        for name in HIDDEN:
            path = web / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"not for you")
        self.file("outside.js", b"not for you")
        self.server = Server("--web", web)
        self.addCleanup(self.server.stop)

    def test_files(self):
        for name, (kind, content) in FILES.items():
            path = "/" + urllib.parse.quote(name)
            reply = self.server.ask("GET", path)
            self.assertEqual((reply.status, reply.headers["Content-Type"], reply.body), (200, kind, content), name)
            self.assertEqual(reply.headers["X-Content-Type-Options"], "nosniff")
            self.assertEqual(reply.headers["Cache-Control"], "no-cache")
            head = self.server.ask("HEAD", path)
            self.assertEqual((head.status, head.body), (200, b""))
            self.assertEqual(head.headers["Content-Length"], str(len(content)))
        self.assertEqual(self.server.ask("GET", "/").body, PAGE)
        self.assertEqual(self.server.ask("GET", "/?x=1").body, PAGE)
        self.assertEqual(self.server.ask("GET", "/more/").body, b"more")

    def test_policy(self):
        policy = self.server.ask("GET", "/").headers["Content-Security-Policy"]
        for word in ("default-src 'self'", "'wasm-unsafe-eval'", "frame-ancestors 'none'"):
            self.assertIn(word, policy)
        self.assertIsNone(self.server.ask("GET", "/inkling.js").headers["Content-Security-Policy"])

    def test_known_files(self):
        first = self.server.ask("GET", "/inkling.js")
        tag = first.headers["ETag"]
        self.assertRegex(tag, r'\A"[0-9a-f]{16}"\Z')
        for asked in (tag, "W/" + tag, '"x", ' + tag, "*"):
            reply = self.server.ask("GET", "/inkling.js", If_None_Match=asked)
            self.assertEqual((reply.status, reply.body, reply.headers["ETag"]), (304, b"", tag), asked)
        for asked in ('"x"', tag[:-2] + '"', self.server.ask("GET", "/style.css").headers["ETag"]):
            self.assertEqual(self.server.ask("GET", "/inkling.js", If_None_Match=asked).status, 200, asked)

    @unittest.skipIf("no zlib" in BUILT_WITH, "built without zlib")
    def test_packed(self):
        for accepted, packed in (("gzip", True), ("br, gzip;q=0.5", True), ("GZIP", True), ("gzip;q=0", False),
                                 ("br", False), ("x-gzip", False), ("gzipped", False), ("", False)):
            reply = self.server.ask("GET", "/", Accept_Encoding=accepted)
            self.assertEqual(reply.headers["Content-Encoding"], "gzip" if packed else None, accepted)
            self.assertEqual(gzip.decompress(reply.body) if packed else reply.body, PAGE)
            self.assertEqual(reply.headers["Vary"], "Accept-Encoding")
        plain, packed = (self.server.ask("GET", "/", Accept_Encoding=how).headers["ETag"] for how in ("br", "gzip"))
        self.assertNotEqual(plain, packed)
        self.assertEqual(self.server.ask("GET", "/", Accept_Encoding="gzip", If_None_Match=packed).status, 304)
        for name in ("samples/digit-3.png", "models/digits.gguf"):
            self.assertIsNone(self.server.ask("GET", "/" + name, Accept_Encoding="gzip").headers["Content-Encoding"])

    def test_nothing_else(self):
        escapes = ["/../outside.js", "/..%2foutside.js", "/%2e%2e/outside.js", "/models/../../outside.js",
                   "/models/../index.html", "//index.html", "/./index.html", "/models", "/models/", "/a b/",
                   "/etc/passwd", "/%00index.html", "/index.html%00", "/index.html/", "/\\..\\outside.js", "*",
                   "/" + str(self.folder / "outside.js"), "/INDEX.HTML"]
        for path in escapes + ["/" + name for name in HIDDEN]:
            reply = self.server.ask("GET", path.replace(" ", "%20"))
            self.assertIn(reply.status, (400, 404), path)
            self.assertNotIn(b"not for you", reply.body, path)
            self.assertEqual(reply.headers["Content-Type"], "application/json")
        self.refused(self.server.ask("POST", "/index.html", b"x"), 405)

    def test_read_once(self):
        """What changes after the start is not seen, whatever it becomes."""
        web = self.folder / "web"
        (web / "index.html").unlink()
        (web / "index.html").symlink_to(self.folder / "outside.js")
        (web / "new.js").write_bytes(b"new")
        self.assertEqual(self.server.ask("GET", "/").body, PAGE)
        self.assertEqual(self.server.ask("GET", "/new.js").status, 404)


@needs_server
class Folders(ProgramTest):
    def test_none(self):
        empty = self.folder / "empty"
        empty.mkdir()
        server = Server("--web", empty)
        self.assertEqual(server.ask("GET", "/").status, 404)
        code, _, err = server.stop()
        self.assertEqual(code, 0)
        self.assertIn("no page is there", err)

    def test_module_missing(self):
        (self.folder / "index.html").write_bytes(PAGE)
        server = Server("--web", self.folder)
        self.assertIn("scripts/build-web", server.stop()[2])
        server = Server("--web", self.folder, "--verbose")
        self.assertEqual(server.ask("GET", "/").body, PAGE)
        server.stop()

    def test_own_page(self):
        """Without --web it is the page of the source tree around the build."""
        page = ROOT / "web" / "index.html"
        if not page.exists():
            self.skipTest("no web/index.html")
        server = Server()
        self.assertEqual(server.ask("GET", "/").body, page.read_bytes())
        server.stop()

    def test_wrong_folder(self):
        deep = self.folder.joinpath(*"abcdefghij")
        deep.mkdir(parents=True)
        self.failed("serve", MODELS[0], "--port", "0", "--web", self.folder, says="folders deep")
        self.failed("serve", MODELS[0], "--port", "0", "--web", self.file("x", b""), says="x: cannot read the folder")

    def test_too_many_files(self):
        many = self.folder / "many"
        many.mkdir()
        for i in range(4097):
            (many / ("%d.js" % i)).touch()
        self.failed("serve", MODELS[0], "--port", "0", "--web", many, says="limit of 4096")


if __name__ == "__main__":
    unittest.main()
