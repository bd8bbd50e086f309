"""inkling serve under clients that are slow, greedy, many, or gone; and how it ends."""

import concurrent.futures
import json
import pathlib
import signal
import socket
import time
import unittest

from server import IDX, NUMBER, PNG, RAW, Server, ServerTest, later, needs_server, receive, status_of
from support import ProgramTest, needs_png

MIB = 1 << 20
HEAD = (b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"
        b"Connection: close\r\n%s\r\n\r\n")
WITH_LENGTH = HEAD % b"Content-Length: %d"
CHUNKED = HEAD % b"Transfer-Encoding: chunked"


def json_of(data):
    return json.loads(data.split(b"\r\n\r\n", 1)[1])


class Slow(ServerTest):
    arguments = ("--timeout", "1")

    def answer_to(self, *pieces, pause=0.3):
        """What comes where the pieces go out slowly, and after how long."""
        start = time.monotonic()
        with self.server.connect() as connection:
            try:
                for piece in pieces:
                    connection.sendall(piece)
                    time.sleep(pause)
            except ConnectionError:
                pass
            return receive(connection), time.monotonic() - start

    def test_slow_requests(self):
        """One byte at a time keeps no connection open; whoever has begun a request is told so."""
        drops = [b"%c" % byte for byte in RAW[:12]]
        firsts = (WITH_LENGTH[:90], WITH_LENGTH % 784, CHUNKED + b"310\r\n", b"P")  # the last: not even a first line
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda first: self.answer_to(first, *drops), firsts))
        for got, seconds in answers:
            self.assertLess(seconds, 6)
        for got, _ in answers[:3]:
            self.assertEqual(status_of(got), 408, got)
            self.assertEqual(json_of(got)["error"]["status"], 408)
        self.assertEqual(answers[3][0], b"")

    def test_slow_but_in_time(self):
        whole = WITH_LENGTH % 784 + RAW
        got, _ = self.answer_to(*(whole[i:i + 300] for i in range(0, len(whole), 300)), pause=0.05)
        self.assertEqual(status_of(got), 200)

    def test_idle(self):
        """Between two requests there is as much time, and then the connection is closed."""
        one = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with self.server.connect() as connection:
            for _ in range(3):
                connection.sendall(one)
                self.assertEqual(status_of(connection.recv(10000)), 200)
                time.sleep(0.6)
            start = time.monotonic()
            self.assertEqual(receive(connection), b"")
            self.assertLess(time.monotonic() - start, 3)

    def test_answer_not_taken(self):
        """A large answer that nobody reads."""
        body = IDX[16:16 + 500 * 784]
        with self.server.connect() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            requests = (WITH_LENGTH.replace(b"Connection: close\r\n", b"") % len(body) + body) * 30
            connection.settimeout(2)
            with self.assertRaises((TimeoutError, ConnectionError)):
                connection.sendall(requests)
                connection.sendall(requests)
        self.assertEqual(self.server.ask("GET", "/healthz").status, 200)

    def test_others_do_not_wait(self):
        """While twenty sit there, another is answered at once."""
        slow = [self.server.connect() for _ in range(20)]
        try:
            for connection in slow:
                connection.sendall(WITH_LENGTH % 784)
            for _ in range(20):
                start = time.monotonic()
                self.assertEqual(self.server.ask("GET", "/healthz").status, 200)
                self.assertLess(time.monotonic() - start, 3)
            for connection in slow:
                self.assertEqual(status_of(receive(connection)), 408)
        finally:
            for connection in slow:
                connection.close()


class Large(ServerTest):
    arguments = ("--max-body", "1")

    def test_statuses(self):
        for size, status in ((MIB - MIB % 784, 413), (MIB, 400), (MIB + 1, 413), (3 * MIB, 413)):
            reply = self.server.post("/v1/predict", bytes(size), "application/octet-stream")
            self.refused(reply, status)                   # the first: more than 1024 pictures
        self.assertIn("1048577 bytes, more than the limit of 1048576",
                      self.server.post("/v1/read", bytes(MIB + 1)).message)

    def test_far_too_large(self):
        """It is said at once, and nothing of it is read."""
        with self.server.connect() as connection:
            connection.sendall(WITH_LENGTH % 10 ** 15)
            got = receive(connection)
        self.assertEqual(status_of(got), 413)
        self.assertIn("1000000000000000 bytes", json_of(got)["error"]["message"])

    def test_without_length(self):
        chunk = b"10000\r\n" + bytes(65536) + b"\r\n"
        with self.server.connect() as connection:
            connection.sendall(CHUNKED + 20 * chunk + b"0\r\n\r\n")
            self.assertEqual(status_of(receive(connection)), 413)
        with self.server.connect() as connection:        # four times the limit, and it is cut off
            with self.assertRaises(ConnectionError):
                for _ in range(1000):
                    connection.sendall(chunk)
        self.assertEqual(self.server.post("/v1/predict", RAW, "application/octet-stream").status, 200)

    def test_held_bodies(self):
        """Eight times the limit is held; others are told to come again."""
        for pause in (0.5, 2, 8):                         # until all that was sent is there
            holders = [self.server.connect() for _ in range(8)]
            try:
                for connection in holders:
                    connection.sendall(WITH_LENGTH % MIB + bytes(MIB - 1))
                time.sleep(pause)
                reply = self.server.post("/v1/predict", RAW, "application/octet-stream")
                self.assertEqual(self.server.ask("GET", "/healthz").status, 200)
            finally:
                for connection in holders:
                    connection.close()
            if reply.status == 503:
                break
        self.refused(reply, 503, "too many large bodies")
        self.assertEqual(reply.headers["Retry-After"], "1")
        deadline = time.monotonic() + 10
        while self.server.post("/v1/predict", RAW, "application/octet-stream").status != 200:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)


class Many(ServerTest):
    arguments = ("--connections", "8", "--timeout", "20")

    def test_connections(self):
        held = [self.server.connect() for _ in range(8)]
        try:
            time.sleep(0.3)
            reply = self.server.ask("GET", "/healthz")
            self.refused(reply, 503, "too many connections")
            self.assertEqual((reply.headers["Retry-After"], reply.headers["Connection"].lower()), ("1", "close"))
            held[0].sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            held[0].recv(10000)
        finally:
            for connection in held:
                connection.close()
        time.sleep(0.3)
        self.assertEqual(self.server.ask("GET", "/healthz").status, 200)

    def test_storm_of_connections(self):
        """Far more than are kept: those that wait are not lost when the others go."""
        for _ in range(3):
            crowd = [self.server.connect() for _ in range(200)]
            for connection in crowd:
                connection.close()
            deadline = time.monotonic() + 10
            while self.server.ask("GET", "/healthz").status != 200:
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.05)


@needs_png
class Concurrent(ServerTest):
    def test_answers_do_not_mix(self):
        """Different requests at once have the answers that they have alone."""
        def ask(index):
            picture = IDX[16 + 784 * index:16 + 784 * (index + 1)]
            kind = index % 4
            if kind == 0:
                return self.server.post("/v1/predict", picture, "application/octet-stream").json["results"][0]["digit"]
            if kind == 1:
                return self.server.post("/v1/predict?model=fc", picture,
                                        "application/octet-stream").json["results"][0]["digit"]
            if kind == 2:
                return self.server.post("/v1/read", NUMBER).json["images"][0]["text"]
            return self.server.post("/v1/read", NUMBER[:index + 8]).message

        alone = [ask(i) for i in range(32)]
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            for _ in range(3):
                self.assertEqual(list(pool.map(ask, range(32))), alone)


@needs_png
class Memory(ServerTest):
    arguments = ("--max-body", "4")

    def round(self, count):
        with self.server.connect() as connection:        # one connection: thousands would wait for their ports
            for index in range(count):
                body, kind = ((PNG, b"image/png"), (PNG[:-20], b"image/png"),
                              (RAW, b"application/octet-stream"))[index % 3]
                if index % 50 == 0:                       # these take a while
                    body, kind = (NUMBER, NUMBER[:-100])[index % 100 // 50], b"image/png"
                path = (b"/v1/predict", b"/v1/read")[index % 6 // 3]
                connection.sendall(b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\n"
                                   b"Content-Length: %d\r\n\r\n" % (path, kind, len(body)) + body)
                self.take(connection)
        for size in (3 * MIB, 5 * MIB):
            self.server.post("/v1/predict", bytes(size), "application/octet-stream")

    def take(self, connection):
        data = connection.recv(65536)
        head, _, rest = data.partition(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        while len(rest) < length:
            rest += connection.recv(65536)
        self.assertIn(status_of(data), (200, 400))

    @unittest.skipUnless(pathlib.Path("/proc/self/statm").exists(), "no /proc")
    def test_memory_is_kept(self):
        """Thousands of requests of all kinds, good and bad: not a byte each stays. Threads and allocators reach their
        most at any time; what stays of each request would show in every round."""
        growth, before = [], self.server.memory()
        for _ in range(8):
            self.round(400)
            now = self.server.memory()
            growth.append(now - before)
            before = now
            if len(growth) > 1 and growth[-1] < MIB / 4:
                return
        self.fail("400 requests after 400 others: grown by %s" % growth)


class Stop(ProgramTest):
    def setUp(self):
        super().setUp()
        self.server = None
        self.addCleanup(lambda: self.server and self.server.process.kill())

    @needs_server
    def test_idle_stop(self):
        """Connections on which nothing is asked do not keep it, whatever the signal."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self.server = Server()
            with self.server.connect(), self.server.connect():
                start = time.monotonic()
                code, out, _ = self.server.stop(number)
                self.assertEqual((code, out), (0, ""))
                self.assertLess(time.monotonic() - start, 5)

    @needs_server
    def test_finishes_what_has_begun(self):
        """A request of which a part was there is answered; a new connection is not taken."""
        self.server = Server("--timeout", "20")
        half = len(RAW) // 2
        with self.server.connect() as connection:
            connection.sendall(WITH_LENGTH % 784 + RAW[:half])
            time.sleep(0.3)
            self.server.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            with self.assertRaises(ConnectionError):
                self.server.connect()
            self.assertIsNone(self.server.process.poll())
            connection.sendall(RAW[half:])
            got = receive(connection)
        self.assertEqual(status_of(got), 200)
        self.assertEqual(len(json_of(got)["results"]), 1)
        self.assertEqual(self.server.ended(), 0)

    @needs_server
    def test_says_that_it_stops(self):
        self.server = Server("--timeout", "20")
        with self.server.connect() as holder, self.server.connect() as other:
            holder.sendall(WITH_LENGTH % 784)
            time.sleep(0.3)
            self.server.process.send_signal(signal.SIGTERM)
            other.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
            time.sleep(0.3)
            other.sendall(b"\r\n")
            got = receive(other)                          # which is closed behind the answer
            self.assertEqual((status_of(got), json_of(got)["error"]["message"]), (503, "the server is stopping"))
        self.assertEqual(self.server.ended(), 0)

    @needs_server
    def test_stop_is_bounded(self):
        """Who never finishes does not keep it for longer than the timeout."""
        self.server = Server("--timeout", "1")
        with self.server.connect() as connection:
            connection.sendall(WITH_LENGTH % 784)
            time.sleep(0.2)
            start = time.monotonic()
            self.assertEqual(self.server.stop()[0], 0)
            self.assertLess(time.monotonic() - start, 5)

    @needs_server
    def test_second_signal(self):
        self.server = Server("--timeout", "60")
        with self.server.connect() as connection:
            connection.sendall(WITH_LENGTH % 784)
            time.sleep(0.3)
            later(0.5, lambda: self.server.process.send_signal(signal.SIGINT))
            self.assertEqual(self.server.stop(signal.SIGINT)[0], -signal.SIGINT)

    @needs_server
    def test_under_load(self):
        """Each request that was taken is answered, also those that come while the server stops."""
        self.server = Server("--timeout", "100")
        picture = WITH_LENGTH % len(IDX[16:]) + IDX[16:]

        def ask(_):
            with self.server.connect() as connection:
                connection.sendall(picture)
                return receive(connection)

        with concurrent.futures.ThreadPoolExecutor(5) as pool:
            asked = [pool.submit(ask, i) for i in range(5)]
            time.sleep(0.1)
            self.assertEqual(self.server.stop()[0], 0)
            for one in asked:
                got = one.result()
                self.assertEqual(status_of(got), 200)
                self.assertEqual(len(json_of(got)["results"]), 500)


if __name__ == "__main__":
    unittest.main()
