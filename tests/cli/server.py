"""A running `inkling serve` for tests, and requests to it."""

import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time
import unittest
import urllib.parse

from support import BIN, BUILT_WITH, ROOT, SAMPLES, ProgramTest

HAS_SERVER = "no libmicrohttpd" not in BUILT_WITH and "no jansson" not in BUILT_WITH
needs_server = unittest.skipUnless(HAS_SERVER, "built without libmicrohttpd or jansson")
MODELS = [ROOT / "models" / name for name in ("digits.gguf", "fc.gguf")]
PNG = (SAMPLES / "digit-3.png").read_bytes()
NUMBER = (SAMPLES / "number.png").read_bytes()
IDX = (SAMPLES / "digits-images-idx3-ubyte").read_bytes()
RAW = IDX[16:16 + 784]


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def message(self):
        return self.json["error"]["message"]


class Server:
    def __init__(self, *arguments, models=MODELS):
        environment = {key: value for key, value in os.environ.items() if key != "INKLING_LIBEXEC"}
        # What the address sanitizer keeps of freed memory would look like memory that is never freed.
        environment["ASAN_OPTIONS"] = environment.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=4"
        self.process = subprocess.Popen(
            [BIN / "inkling", "serve", *map(str, models), "--port", "0", *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
        self.url = self.process.stdout.readline().decode().strip()
        place = urllib.parse.urlsplit(self.url)
        self.host, self.port = place.hostname, place.port

    def stop(self, number=signal.SIGTERM):
        """The exit code, and what else it has printed: on standard output, on standard error."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out.decode(), err.decode()

    def ended(self):
        """The exit code, once it has ended by itself, or by a signal that it was sent."""
        self.process.communicate(timeout=60)
        return self.process.returncode

    def connect(self, timeout=20):
        return socket.create_connection((self.host, self.port), timeout)

    def ask(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            connection.request(method, path, body,
                               {name.replace("_", "-"): value for name, value in headers.items()})
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def post(self, path, body, kind="image/png", **headers):
        return self.ask("POST", path, body, Content_Type=kind, **headers)

    def memory(self):
        """Bytes of resident memory."""
        with open("/proc/%d/statm" % self.process.pid, encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def receive(connection):
    """All until the other side closes; what a broken connection has given is kept."""
    data = b""
    try:
        while piece := connection.recv(65536):
            data += piece
    except ConnectionError:
        pass
    return data


def status_of(data):
    return int(data.split()[1]) if data else None


def later(seconds, function):
    def run():
        time.sleep(seconds)
        function()
    thread = threading.Thread(target=run)
    thread.start()
    return thread


@needs_server
class ServerTest(ProgramTest):
    """One server for the tests of a class, with the class's `arguments`. It must end well and say nothing."""

    arguments = ()

    @classmethod
    def setUpClass(cls):
        cls.server = Server(*cls.arguments)

    @classmethod
    def tearDownClass(cls):
        code, out, err = cls.server.stop()
        err = "".join(line for line in err.splitlines(True) if "page" not in line)
        if (code, out, err) != (0, "", ""):
            raise AssertionError("the server ended with %r" % ((code, out, err),))

    def refused(self, reply, status, *words):
        self.assertEqual(reply.status, status, reply.body)
        self.assertEqual(reply.headers["Content-Type"], "application/json")
        self.assertEqual(list(reply.json), ["error"])
        self.assertEqual(reply.json["error"]["status"], status)
        for word in words:
            self.assertIn(word, reply.message)
