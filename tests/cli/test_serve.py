"""inkling serve: the API's answers, which are those of the command line, and what is refused."""

import gzip
import json
import socket
import struct
import unittest

from server import HAS_SERVER, IDX, MODELS, NUMBER, PNG, RAW, Server, ServerTest, needs_server, receive, status_of
from support import FullyConnected, SAMPLES, ProgramTest, idx, jpeg, linear, needs_jpeg, needs_png, pgm, png

RAW_TYPE, IDX_TYPE = "application/octet-stream", "application/x-idx"


def without(document, *names):
    return {key: value for key, value in document.items() if key not in names}


class Answers(ServerTest):
    """The same keys and numbers as of the command line; a body has no file name, and a model a short one."""

    def predicted(self, file, *options):
        return self.done("predict", MODELS[0], file, "--json", *options).json

    def same_prediction(self, reply, expected):
        self.assertEqual(reply.status, 200, reply.body)
        self.assertEqual(list(reply.json), list(expected))
        self.assertEqual(reply.json["model"], "digits")
        self.assertEqual(len(reply.json["results"]), len(expected["results"]))
        for got, wanted in zip(reply.json["results"], expected["results"]):
            self.assertEqual(list(got), list(wanted))
            self.assertEqual(got["file"], "body")
            self.assertEqual(without(got, "file"), without(wanted, "file"))

    def same_reading(self, reply, *arguments):
        expected = self.done("read", "--model", MODELS[0], "--json", *arguments).json
        self.assertEqual(reply.status, 200, reply.body)
        self.assertEqual(list(reply.json), list(expected))
        self.assertEqual(len(reply.json["images"]), len(expected["images"]))
        for got, wanted in zip(reply.json["images"], expected["images"]):
            self.assertEqual(list(got), list(wanted))
            self.assertEqual(without(got, "file"), without(wanted, "file"))

    @needs_png
    def test_predict_png(self):
        self.same_prediction(self.server.post("/v1/predict", PNG), self.predicted(SAMPLES / "digit-3.png"))

    @needs_png
    def test_predict_prepared(self):
        self.same_prediction(self.server.post("/v1/predict?prepare=1", PNG),
                             self.predicted(SAMPLES / "digit-3.png", "--prepare"))
        self.same_prediction(self.server.post("/v1/predict", NUMBER), self.predicted(SAMPLES / "number.png"))

    def test_predict_idx(self):
        expected = self.predicted(SAMPLES / "digits-images-idx3-ubyte", "--count", "500")
        self.same_prediction(self.server.post("/v1/predict", IDX, IDX_TYPE), expected)

    def test_predict_raw(self):
        file = self.file("two.idx", idx([2, 28, 28], IDX[16:16 + 2 * 784]))
        reply = self.server.post("/v1/predict", IDX[16:16 + 2 * 784], RAW_TYPE)
        self.same_prediction(reply, self.predicted(file, "--count", "2"))

    @needs_jpeg
    def test_predict_jpeg(self):
        file = self.file("grey.jpg", jpeg())
        self.same_prediction(self.server.post("/v1/predict", jpeg(), "image/jpeg"), self.predicted(file))

    def test_blank(self):
        reply = self.server.post("/v1/predict?prepare=1", bytes(784), RAW_TYPE)
        self.assertIsNone(reply.json["results"][0]["digit"])
        self.assertEqual(self.server.post("/v1/read", bytes(784), RAW_TYPE).json["images"][0]["text"], "")

    @needs_png
    def test_read(self):
        self.same_reading(self.server.post("/v1/read", NUMBER), SAMPLES / "number.png")
        self.same_reading(self.server.post("/v1/read?threshold=1", NUMBER), SAMPLES / "number.png", "--threshold", "1")
        self.same_reading(self.server.post("/v1/read?single=1&threshold=0", PNG), SAMPLES / "digit-3.png", "--one",
                          "--threshold", "0")
        for polarity in ("find", "dark", "light"):
            self.same_reading(self.server.post("/v1/read?polarity=" + polarity, PNG), SAMPLES / "digit-3.png",
                              "--polarity", polarity)

    def test_read_raw_and_idx(self):
        file = self.file("digit.pgm", pgm(RAW))
        self.same_reading(self.server.post("/v1/read", RAW, RAW_TYPE), file)
        self.same_reading(self.server.post("/v1/read", idx([1, 28, 28], RAW), IDX_TYPE), file)
        wide = RAW + RAW                                  # of any size in an IDX file
        self.same_reading(self.server.post("/v1/read", idx([1, 56, 28], wide), IDX_TYPE),
                          self.file("wide.pgm", pgm(wide, 28, 56)))

    @needs_png
    def test_model(self):
        by_name = self.server.post("/v1/predict?model=fc", PNG).json
        expected = self.done("predict", MODELS[1], SAMPLES / "digit-3.png", "--json").json
        self.assertEqual(by_name["model"], "fc")
        self.assertEqual(by_name["results"][0]["probabilities"], expected["results"][0]["probabilities"])

    def test_models(self):
        models = self.server.ask("GET", "/v1/models").json["models"]
        self.assertEqual([(one["model"], one["default"]) for one in models], [("digits", True), ("fc", False)])
        for one, path in zip(models, MODELS):
            expected = self.done("inspect", path, "--json").json
            self.assertEqual(without(one, "model", "default"),
                             without(expected, "model", "metadata", "tensors", "nodes"))

    def test_health(self):
        reply = self.server.ask("GET", "/healthz")
        self.assertEqual((reply.status, reply.json["status"]), (200, "ok"))
        head = self.server.ask("HEAD", "/healthz")
        self.assertEqual((head.status, head.body, head.headers["Content-Length"]), (200, b"", str(len(reply.body))))

    def test_metrics(self):
        def value(name):
            text = self.server.ask("GET", "/metrics").body.decode()
            rows = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
            return float(rows.get(name, 0))

        for name, path, body, kind in (
                ('inkling_http_requests_total{route="/v1/predict",status="200"}', "/v1/predict", RAW, RAW_TYPE),
                ('inkling_http_requests_total{route="/v1/read",status="400"}', "/v1/read", b"no", "image/png"),
                ('inkling_http_request_seconds_count{route="other"}', "/nothing", b"", RAW_TYPE)):
            before = value(name)
            self.server.post(path, body, kind)
            self.assertEqual(value(name), before + 1, name)
        reply = self.server.ask("GET", "/metrics")
        self.assertEqual(reply.headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        for line in reply.body.decode().splitlines():
            self.assertRegex(line, r'\A(# (HELP|TYPE) \w+ .+|\w+(\{(\w+="[^"]*",?)+\})? [0-9.e+-]+)\Z')


class Refused(ServerTest):
    def said_by(self, command, content, name, *options):
        """The line of the command line, as a server says it."""
        file = self.file(name, content)
        model = [MODELS[0], file] if command == "predict" else ["--model", MODELS[0], file]
        return self.failed(command, *model, *options).err[len("inkling: "):].strip().replace(str(file), "body")

    @needs_png
    def test_malformed_pictures(self):
        bad = bytearray(PNG)
        bad[60] ^= 255
        for content in (PNG[:30], PNG[:100], bytes(bad), NUMBER[:-100], png(bytes(0), 0, 1)):
            for command in ("read", "predict"):
                self.assertEqual(self.server.post("/v1/" + command, content).message,
                                 self.said_by(command, content, "bad.png"))
                self.refused(self.server.post("/v1/" + command, content), 400)
        for content, word in ((b"", "is empty"), (b"GIF89a", "GIF"), (IDX, "IDX"), (b"hello", "no known format")):
            self.refused(self.server.post("/v1/read", content), 400, "body: ", word)

    def test_malformed_idx(self):
        for content in (IDX[:1000], IDX + b"x", idx([2], b"ab"), idx([0, 28, 28], b""), idx([1, 28, 28], RAW, kind=9)):
            self.assertEqual(self.server.post("/v1/predict", content, IDX_TYPE).message,
                             self.said_by("predict", content, "bad.idx"))
            self.refused(self.server.post("/v1/read", content, IDX_TYPE), 400)
        self.refused(self.server.post("/v1/predict", PNG, IDX_TYPE), 400, "no IDX file")
        self.refused(self.server.post("/v1/read", idx([1, 0, 28], b""), IDX_TYPE), 400, "dimension 1 is 0")
        self.refused(self.server.post("/v1/read", idx([1, 1, 70000], bytes(70000)), IDX_TYPE), 400, "70000x1")

    def test_raw_length(self):
        for size in (0, 783, 785):
            self.refused(self.server.post("/v1/predict", bytes(size), RAW_TYPE), 400,
                         "is %d bytes, wanted 784 for each picture, 1x28x28" % size)

    @needs_png
    def test_sizes(self):
        wide = png(bytes(501 * 4000), 32 * 501, 4000, depth=1, colour=0)[:200]
        self.refused(self.server.post("/v1/read", wide), 413, "16032x4000", "16000000")
        self.refused(self.server.post("/v1/predict", bytes(1025 * 784), RAW_TYPE), 413, "1025 pictures", "1024")
        huge = struct.pack(">BBBBIII", 0, 0, 8, 3, 2 ** 32 - 1, 0, 0)
        self.assertIn(self.server.post("/v1/predict", huge, IDX_TYPE).status, (400, 413))

    def test_types(self):
        for kind in ("text/plain", "image/gif", "image/pngx", "application/x-www-form-urlencoded", ""):
            self.refused(self.server.post("/v1/read", PNG, kind), 415, "Content-Type", "image/png")
        self.refused(self.server.ask("POST", "/v1/read", PNG), 415, "found none")
        self.refused(self.server.post("/v1/read", gzip.compress(PNG), Content_Encoding="gzip"), 415, "Content-Encoding")
        for kind in ("IMAGE/PNG", "image/png; charset=binary", "image/png ;q"):
            self.assertEqual(self.server.post("/v1/read", PNG, kind).status, 200)

    def test_methods(self):
        for path, allowed in (("/v1/read", "POST"), ("/v1/predict", "POST"), ("/v1/models", "GET, HEAD"),
                              ("/healthz", "GET, HEAD"), ("/metrics", "GET, HEAD")):
            for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"):
                if method in allowed.split(", "):
                    continue
                reply = self.server.ask(method, path)
                self.refused(reply, 405, path, method)
                self.assertEqual(reply.headers["Allow"], allowed)

    def test_paths(self):
        for path in ("/v1", "/v1/", "/v1/read/", "//v1/read", "/V1/READ", "/x" * 500):
            self.assertEqual(self.server.post(path, PNG).status, 404, path)
        for path in ("/v1/read%00", "/v1/read%00/x", "/v1/read?model=digits%00x"):
            self.refused(self.server.post(path, PNG), 400, "%00")

    def test_parameters(self):
        for query, status, words in (
                ("modle=fc", 400, ["modle", "model, threshold, polarity, single"]),
                ("prepare=1", 400, ["prepare"]), ("model=", 404, ["model"]), ("model=cnn", 404, ["'cnn'"]),
                ("threshold=2", 400, ["threshold", "'2'"]), ("threshold=nan", 400, []), ("threshold", 400, []),
                ("polarity=up", 400, ["find, dark or light"]), ("single=yes", 400, ["0 or 1"]),
                ("single=1&" * 9, 400, ["limit of 8"])):
            self.refused(self.server.post("/v1/read?" + query, PNG), status, *words)
        self.refused(self.server.post("/v1/predict?single=1", PNG), 400, "model, prepare")
        self.refused(self.server.ask("GET", "/healthz?x=1"), 400, "wanted none")

    def test_header_size(self):
        self.refused(self.server.ask("GET", "/healthz", X="x" * 20000), 431, "16384")
        self.assertIn(self.server.ask("GET", "/healthz", X="x" * 200000).status, (413, 431))

    def test_hosts(self):
        """A page elsewhere that has its own name mean 127.0.0.1 gets nothing."""
        for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "localhost:80x", "[::2]",
                     ""):
            self.refused(self.server.ask("GET", "/healthz", Host=host), 421, "Host")
            self.assertEqual(self.server.post("/v1/read", PNG, Host=host).status, 421)
        for host in ("localhost", "LocalHost:1", "127.0.0.1", "127.0.0.1:%d" % self.server.port, "[::1]:8080"):
            self.assertEqual(self.server.ask("GET", "/healthz", Host=host).status, 200, host)

    def test_no_other_origin(self):
        reply = self.server.ask("OPTIONS", "/v1/read", Origin="https://evil.example",
                                Access_Control_Request_Method="POST")
        self.assertEqual(reply.status, 405)
        for reply in (reply, self.server.post("/v1/read", PNG, Origin="https://evil.example")):
            self.assertFalse([name for name in reply.headers if name.lower().startswith("access-control")])

    def test_network_overflows(self):
        """An answer that is no number is the server's fault, not the request's."""
        net = FullyConnected()
        net.fc1_weight = [3e38] * len(net.fc1_weight)
        net.fc2_weight = [3e38] * len(net.fc2_weight)
        server = Server(models=[self.file("big.gguf", net.gguf())])
        self.refused(server.post("/v1/predict", b"\xff" * 784, RAW_TYPE), 500, "no number")
        self.assertEqual(server.stop()[0], 0)


class Protocol(ServerTest):
    arguments = ("--timeout", "2")                        # of some that have said their last word the library waits

    def exchange(self, data, end=True):
        with self.server.connect() as connection:
            connection.sendall(data)
            if end:
                connection.shutdown(socket.SHUT_WR)
            return receive(connection)

    def test_old_and_chunked(self):
        head = b"POST /v1/predict HTTP/1.%d\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"
        whole = head % 0 + b"Content-Length: 784\r\n\r\n" + RAW
        self.assertEqual(status_of(self.exchange(whole, end=False)), 200)  # the server closes by itself
        self.assertEqual(status_of(self.exchange(b"GET /healthz HTTP/1.0\r\n\r\n", end=False)), 200)
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (RAW[:1], RAW[1:500], RAW[500:]))
        got = self.exchange(head % 1 + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + chunks +
                            b"0\r\n\r\n")
        self.assertEqual(status_of(got), 200)
        digit = json.loads(got.split(b"\r\n\r\n", 1)[1])["results"][0]["digit"]
        self.assertEqual(digit, self.server.post("/v1/predict", RAW, RAW_TYPE).json["results"][0]["digit"])

    def test_no_path(self):
        for path in (b"?x", b"?", b"#", b"/?"):
            got = self.exchange(b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % path, end=False)
            self.assertIn(status_of(got), (200, 400, 404), path)

    def test_several_at_once(self):
        one = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        last = one.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        self.assertEqual(self.exchange(4 * one + last, end=False).count(b"HTTP/1.1 200 "), 5)

    def test_continue(self):
        head = (b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\n"
                b"Content-Length: 784\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n")
        with self.server.connect() as connection:
            connection.sendall(head % RAW_TYPE.encode())
            self.assertEqual(status_of(connection.recv(1000)), 100)
            connection.sendall(RAW)
            self.assertEqual(status_of(receive(connection)), 200)
        self.assertEqual(status_of(self.exchange(head % b"text/plain", end=False)), 415)  # at once

    def test_no_http(self):
        for data in (b"\0" * 100, b"hello\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                     b"POST /v1/read HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
                     b"POST /v1/read HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n",
                     b"POST /v1/read HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"):
            got = self.exchange(data)
            self.assertTrue(not got or 400 <= status_of(got) <= 505, (data, got))
        self.assertEqual(self.server.ask("GET", "/healthz").status, 200)

    def test_cut(self):
        """A request that ends half way is no request, and nothing becomes of it."""
        whole = (b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
                 b"Content-Length: %d\r\n\r\n" % len(PNG)) + PNG
        for size in (1, 20, 60, len(whole) - len(PNG), len(whole) - 1):
            with self.server.connect() as connection:
                connection.sendall(whole[:size])
        self.assertEqual(self.server.post("/v1/predict", PNG).status, 200)


class Start(ProgramTest):
    @needs_server
    def test_failures(self):
        self.failed("serve", code=2, says="MODEL is missing")
        self.failed("serve", "nothing.gguf", says="nothing.gguf")
        self.failed("serve", MODELS[0], "--port", "65536", code=2, says="--port")
        self.failed("serve", MODELS[0], "--host", "192.0.2.1", "--port", "0", says="192.0.2.1")
        self.failed("serve", MODELS[0], "--web", self.folder / "nothing", says="nothing")
        other = self.folder / "other"
        other.mkdir()
        same = other / MODELS[0].name
        same.write_bytes(MODELS[0].read_bytes())
        self.failed("serve", MODELS[0], same, says="'digits'")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            self.failed("serve", MODELS[0], "--port", taken.getsockname()[1], says=["taken", "--port 0"])

    @needs_server
    def test_told(self):
        server = Server("--verbose")
        self.assertRegex(server.url, r"\Ahttp://127\.0\.0\.1:\d+/\Z")
        server.post("/v1/predict", RAW, RAW_TYPE)
        server.ask("GET", "/%1b[31m")
        code, out, err = server.stop()
        self.assertEqual((code, out), (0, ""))
        self.assertRegex(err, r"(?m)^127\.0\.0\.1 POST /v1/predict 200 784 bytes \d+\.\d\d ms$")
        self.assertNotIn("\x1b", err)

    @needs_server
    def test_loopback_of_another_name(self):
        server = Server("--host", "127.0.0.2")
        self.assertEqual(server.ask("GET", "/healthz").status, 200)
        self.assertEqual(server.stop()[0], 0)

    @needs_server
    def test_other_channels(self):
        """Bytes as they are do for a model whose pictures no file holds yet."""
        path = self.file("colour.gguf", linear(channels=3, height=4, width=4))
        server = Server(models=[path])
        self.assertEqual(len(server.post("/v1/predict", bytes(96), RAW_TYPE).json["results"]), 2)
        for where, body, kind in (("/v1/predict", PNG, "image/png"), ("/v1/read", bytes(48), RAW_TYPE),
                                  ("/v1/predict?prepare=1", bytes(48), RAW_TYPE)):
            reply = server.post(where, body, kind)
            self.assertEqual(reply.status, 400)
            self.assertIn("3 channels", reply.message)
        self.assertEqual(server.stop()[0], 0)

    @unittest.skipIf(HAS_SERVER, "built with all that it takes")
    def test_without_library(self):
        self.failed("serve", MODELS[0], says="was built without")


if __name__ == "__main__":
    unittest.main()
