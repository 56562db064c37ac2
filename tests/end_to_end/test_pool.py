"""Connections to the app: used again, few, given up in time, and never trusted with a request that may not be lost."""

from __future__ import annotations

import socket
import threading

from tests.end_to_end.origin import Conversation, end_by_reset
from tests.end_to_end.processes import Running, eventually
from tests.end_to_end.sidecar_case import SidecarCase, receive_all, receive_until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class PoolCase(SidecarCase):
    """Asks, each time as another client, and notes what the app sees: on which of its connections, and what."""

    def setUp(self) -> None:
        """Nothing was seen."""
        self.seen: list[tuple[int, str]] = []

    def note(self, conversation: Conversation) -> None:
        """Called by the app's scripts."""
        self.seen.append((conversation.connection, conversation.method))

    def send(self, path: str, method: str = "GET", body: bytes | None = None) -> socket.socket:
        """Send a request; the connection that its answer will come on."""
        client = self.connect()
        length = "" if body is None else f"Content-Length: {len(body)}\r\n"
        head = f"{method} {path} HTTP/1.1\r\nHost: app\r\nConnection: close\r\n{length}\r\n"
        client.sendall(head.encode() + (body or b""))
        return client

    def ask(self, path: str, method: str = "GET", body: bytes | None = None) -> int:
        """The status of the answer to a request."""
        return int(receive_all(self.send(path, method, body)).split(b" ", 2)[1])


class ReuseTests(PoolCase):
    """An app that keeps its connections."""

    def setUp(self) -> None:
        """Requests for /open/held/N are answered when `go_on[N]` is set, others at once."""
        super().setUp()
        self.go_on = [threading.Event() for _ in range(5)]

    def script(self, conversation: Conversation) -> bool:
        """Answer."""
        self.note(conversation)
        conversation.take_body()
        if conversation.path.startswith("/open/held/"):
            self.go_on[int(conversation.path[-1])].wait(60)
        conversation.send(OK)
        return True

    def hold(self, count: int) -> list[socket.socket]:
        """Have the app busy with requests on so many connections, numbered from 1; the clients that wait."""
        clients = []
        for number in range(count):
            clients.append(self.send(f"/open/held/{number}"))
            eventually("the request at the app", lambda: len(self.seen) == len(clients))
        return clients

    def test_used_again(self) -> None:
        """One connection serves one client's request after another's."""
        self.start(self.script)
        for method, body in (("GET", None), ("POST", b"body"), ("PUT", b""), ("GET", None)):
            self.assertEqual(self.ask("/open/x", method, body), 200)
        self.assertEqual(self.seen, [(1, "GET"), (1, "POST"), (1, "PUT"), (1, "GET")])

    def test_most_recent_first(self) -> None:
        """The one that was used last is used first, so that those that are too many grow old."""
        self.start(self.script, "--upstream-keepalive-timeout=60s")
        clients = self.hold(3)
        for number in (2, 0, 1):
            self.go_on[number].set()
            receive_all(clients[number])
        self.seen.clear()
        for _ in range(4):
            self.assertEqual(self.ask("/open/x"), 200)
        self.assertEqual([connection for connection, _ in self.seen], [2, 2, 2, 2])

    def test_bounded(self) -> None:
        """No more of them are kept than `upstream_pool_size`."""
        self.start(self.script, "--upstream-pool-size=2", "--upstream-keepalive-timeout=60s")
        for number, client in enumerate(self.hold(5)):
            self.go_on[number].set()
            receive_all(client)
        eventually("the end of three", lambda: self.origin.standing == 2)
        self.assertEqual(self.ask("/open/x"), 200)
        self.assertEqual(self.origin.accepted, 5)

    def test_given_up_when_idle(self) -> None:
        """One that was not used for `upstream_keepalive_timeout` is closed by us, before the app does it."""
        self.start(self.script, "--upstream-keepalive-timeout=200ms")
        self.assertEqual(self.ask("/open/x"), 200)
        eventually("the end of the connection", lambda: self.origin.standing == 0)
        self.assertEqual(self.ask("/open/x"), 200)
        self.assertEqual(self.seen, [(1, "GET"), (2, "GET")])


class StaleTests(PoolCase):
    """An app that ends a kept connection when the next request comes on it, as if its time were over just then."""

    def setUp(self) -> None:
        """On connections in `stale`, requests for /open/stale are read, and the connection ends with `last_words`."""
        super().setUp()
        self.stale = {1}
        self.last_words = b""
        self.reset = False

    def script(self, conversation: Conversation) -> bool:
        """Answer, or end the connection."""
        self.note(conversation)
        conversation.take_body()
        if conversation.path == "/open/stale" and conversation.connection in self.stale:
            conversation.send(self.last_words)
            if self.reset:
                end_by_reset(conversation.socket)
            return False
        conversation.send(OK)
        return True

    def before_a_kept_connection(self) -> Running:
        """A sidecar that has one connection to the app, used and free."""
        sidecar = self.start(self.script, "--upstream-keepalive-timeout=60s")
        self.assertEqual(self.ask("/open/x"), 200)
        self.assertEqual(self.seen, [(1, "GET")])
        self.seen.clear()
        return sidecar

    def test_sent_once_more(self) -> None:
        """A request that may be repeated and has no body goes out once more, on a new connection."""
        for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE"):
            sidecar = self.before_a_kept_connection()
            self.assertEqual(self.ask("/open/stale", method), 200, method)
            self.assertEqual(self.seen, [(1, method), (2, method)])
            self.seen.clear()
            sidecar.stop()
            self.reset = not self.reset

    def test_not_what_may_not_be_repeated(self) -> None:
        """A POST is not sent again: the app may have acted on it (RFC 9110 §9.2.2)."""
        for body in (None, b""):
            sidecar = self.before_a_kept_connection()
            self.assertEqual(self.ask("/open/stale", "POST", body), 502)
            self.assertEqual(self.seen, [(1, "POST")])
            self.seen.clear()
            sidecar.stop()

    def test_not_what_has_a_body(self) -> None:
        """A request with a body is not sent again: it was not kept."""
        self.before_a_kept_connection()
        self.assertEqual(self.ask("/open/stale", "PUT", b"body"), 502)
        self.assertEqual(self.seen, [(1, "PUT")])

    def test_not_what_was_answered(self) -> None:
        """Nothing is sent again once something came back, if only the beginning of a head."""
        self.last_words = b"HTTP/1.1 2"
        self.before_a_kept_connection()
        self.assertEqual(self.ask("/open/stale"), 502)
        self.assertEqual(self.seen, [(1, "GET")])

    def test_not_on_a_new_connection(self) -> None:
        """A new connection that ends without an answer was not stale: the request is not sent again."""
        self.start(self.script)
        self.assertEqual(self.ask("/open/stale"), 502)
        self.assertEqual(self.seen, [(1, "GET")])

    def test_not_twice(self) -> None:
        """The second time is the last."""
        self.stale = {1, 2}
        self.before_a_kept_connection()
        self.assertEqual(self.ask("/open/stale"), 502)
        self.assertEqual(self.seen, [(1, "GET"), (2, "GET")])


class AwkwardAppTests(PoolCase):
    """Apps that end connections, or speak on them, when nobody expects it."""

    def test_ends_behind_each_answer(self) -> None:
        """An app that says nothing of it, but ends each connection behind its answer, loses nobody's request."""

        def script(conversation: Conversation) -> bool:
            self.note(conversation)
            conversation.send(OK)
            return False

        self.start(script)
        self.assertEqual([self.ask("/open/x") for _ in range(50)], [200] * 50)

    def test_ends_just_then(self) -> None:
        """Not even a POST, which may not be sent again, is lost to an end that nobody has read yet."""
        over = threading.Semaphore(0)

        def script(conversation: Conversation) -> bool:
            conversation.take_body()
            conversation.send(OK)
            over.acquire(timeout=60)
            return False

        sidecar = self.start(script, "--upstream-keepalive-timeout=60s")
        self.addCleanup(over.release)
        client = self.connect()
        request = b"POST /open/x HTTP/1.1\r\nHost: app\r\nContent-Length: 4\r\n\r\nbody"
        client.sendall(request)
        receive_until(client, b"ok")
        for _ in range(10):
            with sidecar.standing_still():
                client.sendall(request)
                over.release()
                eventually("the end of the connection", lambda: self.origin.standing == 0)
            answer = receive_until(client, b"\r\n\r\n")
            self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer)

    def test_speaks_unasked(self) -> None:
        """What an app says behind its answer is nobody's answer: the connection is not used again."""

        def script(conversation: Conversation) -> bool:
            self.note(conversation)
            conversation.send(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
            return True

        self.start(script)
        for _ in range(20):
            answer = receive_all(self.send("/open/x"))
            self.assertTrue(answer.endswith(b"\r\n\r\nok"), answer)
            self.assertNotIn(b"poison", answer)
        self.assertEqual(len({connection for connection, _ in self.seen}), 20)
