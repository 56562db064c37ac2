"""Bodies on their way through a real process: as they come, both ways, in flat memory, and their ends as they are."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.end_to_end.origin import Conversation
from tests.end_to_end.processes import Running, eventually
from tests.end_to_end.sidecar_case import SidecarCase, private_memory, receive_all, receive_until

MIB = 1 << 20
GIB = 1 << 30
PIECE = b"\0" * (1 << 18)
AT_ONCE = 10
MOST_OVER_IDLE = 20.0
"""MiB that ten transfers of 1 GiB may add to an idle process."""


def send_pieces(send: Callable[[bytes], object], size: int) -> None:
    """Send a body of this size."""
    for _ in range(size // len(PIECE)):
        send(PIECE)


def gibibyte(conversation: Conversation) -> bool:
    """Takes an upload whole and says how much it was, or gives a download."""
    if conversation.path == "/open/up":
        taken = b"%d" % conversation.take_body()
        conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(taken), taken))
    else:
        conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % GIB)
        send_pieces(conversation.send, GIB)
    return True


class FlatMemoryTests(SidecarCase):
    """A body is never held, whatever its size and whoever is slow."""

    @contextmanager
    def flat(self, sidecar: Running) -> Iterator[None]:
        """Watch the sidecar's memory while something happens."""
        idle = private_memory(sidecar)
        over = threading.Event()
        highest = [idle]

        def watch() -> None:
            while not over.wait(0.05):
                highest[0] = max(highest[0], private_memory(sidecar))

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()
        self.assertLess(highest[0] - idle, MOST_OVER_IDLE, f"{idle:.1f} MiB idle, {highest[0]:.1f} at the most")

    def at_once(self, transfer: Callable[[], object]) -> None:
        """Ten of them."""
        results: list[object] = []
        threads = [threading.Thread(target=lambda: results.append(transfer())) for _ in range(AT_ONCE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(results, [GIB] * AT_ONCE)

    def test_downloads(self) -> None:
        """Ten downloads of 1 GiB at once are whole, and memory stays flat."""
        sidecar = self.start(gibibyte)

        def download() -> int:
            with self.connect() as client:
                client.sendall(b"GET /open/down HTTP/1.1\r\nHost: app\r\n\r\n")
                received = len(receive_until(client, b"\r\n\r\n").partition(b"\r\n\r\n")[2])
                view = bytearray(1 << 20)
                while received < GIB and (count := client.recv_into(view)):
                    received += count
                return received

        with self.flat(sidecar):
            self.at_once(download)

    def test_uploads(self) -> None:
        """Ten uploads of 1 GiB at once are whole, and memory stays flat."""
        sidecar = self.start(gibibyte)

        def upload() -> int:
            with self.connect() as client:
                client.sendall(b"POST /open/up HTTP/1.1\r\nHost: app\r\nContent-Length: %d\r\n\r\n" % GIB)
                send_pieces(client.sendall, GIB)
                return int(receive_until(client, b"\r\n\r\n%d" % GIB).rpartition(b"\r\n")[2])

        with self.flat(sidecar):
            self.at_once(upload)

    def test_slow_client(self) -> None:
        """An app that sends faster than the client reads has to wait; what is under way is bounded."""
        sent = [0]

        def script(conversation: Conversation) -> None:
            conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % GIB)

            def send(piece: bytes) -> None:
                conversation.send(piece)
                sent[0] += len(piece)

            send_pieces(send, GIB)

        sidecar = self.start(script)
        with self.flat(sidecar):
            client = self.connect(receive_buffer=1 << 16)
            client.sendall(b"GET /open/down HTTP/1.1\r\nHost: app\r\n\r\n")
            receive_until(client, b"\r\n\r\n")
            stands_still("the app's sending", lambda: sent[0])
            self.assertLess(sent[0], 32 * MIB)

    def test_slow_app(self) -> None:
        """A client that sends faster than the app reads has to wait; what is under way is bounded."""
        reading = threading.Event()

        def script(conversation: Conversation) -> None:
            reading.wait(60)

        sidecar = self.start(script, receive_buffer=1 << 16)
        sent = [0]
        with self.flat(sidecar):
            client = self.connect()
            client.sendall(b"POST /open/up HTTP/1.1\r\nHost: app\r\nContent-Length: %d\r\n\r\n" % GIB)
            client.setblocking(False)

            def send_on() -> int:
                try:
                    while sent[0] < GIB:
                        sent[0] += client.send(PIECE)
                except BlockingIOError:
                    pass
                return sent[0]

            stands_still("the client's sending", send_on)
            self.assertLess(sent[0], 32 * MIB)
        reading.set()


def stands_still(what: str, count: Callable[[], int]) -> None:
    """Wait until a count is the same for a while."""
    seen: list[int] = []

    def still() -> bool:
        seen.append(count())
        return len(seen) > 25 and seen[-1] > 0 and len(set(seen[-25:])) == 1

    eventually(f"the standstill of {what}", still)


class PieceByPieceTests(SidecarCase):
    """Nothing waits for what comes behind it."""

    def test_events(self) -> None:
        """Each server-sent event arrives before the next one is sent."""
        arrived = threading.Semaphore(0)

        def script(conversation: Conversation) -> None:
            conversation.send(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
            for number in range(5):
                event = b"data: %d\n\n" % number
                conversation.send(b"%x\r\n%s\r\n" % (len(event), event))
                if not arrived.acquire(timeout=30):
                    raise AssertionError(f"event {number} did not arrive")
            conversation.send(b"0\r\n\r\n")

        self.start(script)
        client = self.connect()
        client.sendall(b"GET /open/events HTTP/1.1\r\nHost: app\r\nAccept: text/event-stream\r\n\r\n")
        received = b""
        for number in range(5):
            while b"data: %d\n\n" % number not in received:
                received += client.recv(1 << 16)
            arrived.release()
        self.assertTrue((received + receive_until(client, b"0\r\n\r\n")).endswith(b"0\r\n\r\n"))

    def test_both_ways_at_once(self) -> None:
        """An app may answer each piece of a request before the next one is sent (as gRPC-style bodies do)."""

        def script(conversation: Conversation) -> None:
            conversation.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            received = b""
            for number in range(5):
                while b"question %d" % number not in received:
                    received += conversation.receive()
                answer = b"answer %d" % number
                conversation.send(b"%x\r\n%s\r\n" % (len(answer), answer))
            while b"0\r\n\r\n" not in received:
                received += conversation.receive()
            conversation.send(b"0\r\n\r\n")

        self.start(script)
        client = self.connect()
        client.sendall(b"POST /open/talk HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n")
        received = b""
        for number in range(5):
            question = b"question %d" % number
            client.sendall(b"%x\r\n%s\r\n" % (len(question), question))
            while b"answer %d" % number not in received:
                received += client.recv(1 << 16)
        client.sendall(b"0\r\n\r\n")
        if b"0\r\n\r\n" not in received:
            receive_until(client, b"0\r\n\r\n")

    def test_continue(self) -> None:
        """A client that waits for 100 is told when the app says so, and its body then goes through."""

        def script(conversation: Conversation) -> None:
            self.assertIn(b"expect: 100-continue", conversation.head.lower())
            self.assertEqual(conversation.rest, b"")
            conversation.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            taken = conversation.take_body()
            conversation.send(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nX-Taken: %d\r\n\r\n" % taken)

        self.start(script)
        client = self.connect()
        client.sendall(b"PUT /open/up HTTP/1.1\r\nHost: app\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        self.assertTrue(receive_until(client, b"\r\n\r\n").startswith(b"HTTP/1.1 100 "))
        client.sendall(b"12345")
        self.assertIn(b"X-Taken: 5", receive_until(client, b"\r\n\r\n"))

    def test_refused_before_the_body(self) -> None:
        """A client that waits for 100 gets the app's refusal, and never sends its body."""

        def script(conversation: Conversation) -> None:
            conversation.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            self.assertTrue(conversation.ended())

        self.start(script)
        client = self.connect()
        client.sendall(b"PUT /open/up HTTP/1.1\r\nHost: app\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        self.assertTrue(receive_until(client, b"\r\n\r\n").startswith(b"HTTP/1.1 413 "))

    def test_early_answer(self) -> None:
        """An app's answer reaches the client while the upload still runs, and the connection then ends."""

        def script(conversation: Conversation) -> None:
            conversation.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
            conversation.ended()

        self.start(script)
        client = self.connect()
        client.sendall(b"POST /open/up HTTP/1.1\r\nHost: app\r\nContent-Length: 1000000\r\n\r\nthe beginning")
        answer = receive_all(client)
        self.assertTrue(answer.startswith(b"HTTP/1.1 403 "), answer)
        self.assertIn(b"connection: close", answer.lower())
        self.assertTrue(answer.endswith(b"no"), answer)


class ClientGoneTests(SidecarCase):
    """A client that leaves takes its request along: the app sees the end, and works for nobody no more."""

    def leave(self, script: Callable[[Conversation], object], request: bytes, first: bytes = b"") -> None:
        """Send a request, wait for `first` of the answer, and leave; the app must see it."""
        seen = threading.Event()
        begun = threading.Event()

        def watched(conversation: Conversation) -> None:
            script(conversation)
            begun.set()
            while not conversation.ended():
                pass
            seen.set()

        self.start(watched)
        client = self.connect()
        client.sendall(request)
        self.assertTrue(begun.wait(30), "the app was asked")
        if first:
            receive_until(client, first)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        self.assertTrue(seen.wait(30), "the app saw the end")

    def test_while_it_waits(self) -> None:
        """It leaves before there is an answer."""
        self.leave(lambda conversation: None, b"GET /open/slow HTTP/1.1\r\nHost: app\r\n\r\n")

    def test_while_it_uploads(self) -> None:
        """It leaves in the middle of its body."""
        self.leave(
            lambda conversation: conversation.receive(),
            b"POST /open/up HTTP/1.1\r\nHost: app\r\nContent-Length: 1000\r\n\r\nsome of it",
        )

    def test_while_it_downloads(self) -> None:
        """It leaves in the middle of the answer."""
        begin = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nsome of it"
        self.leave(
            lambda conversation: conversation.send(begin),
            b"GET /open/down HTTP/1.1\r\nHost: app\r\n\r\n",
            b"some of it",
        )


class AppGoneTests(SidecarCase):
    """An app that breaks off: the client can tell that its answer is not complete."""

    def answer_to(self, beginning: bytes, *, reset: bool = False) -> bytes:
        """What a client gets of an app that sends this and ends the connection."""

        def script(conversation: Conversation) -> None:
            conversation.send(beginning)
            if reset:
                conversation.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

        self.start(script)
        client = self.connect()
        client.sendall(b"GET /open/x HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n")
        return receive_all(client)

    def test_in_a_counted_answer(self) -> None:
        """Content-Length promises more than there is."""
        answer = self.answer_to(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
        self.assertIn(b"Content-Length: 10\r\n", answer)
        self.assertTrue(answer.endswith(b"\r\n\r\n12345"), answer)

    def test_in_a_chunked_answer(self) -> None:
        """There is no last chunk."""
        answer = self.answer_to(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n")
        self.assertIn(b"Transfer-Encoding: chunked\r\n", answer)
        self.assertFalse(answer.endswith(b"0\r\n\r\n"), answer)

    def test_by_a_reset(self) -> None:
        """A reset in the middle is no end either."""
        answer = self.answer_to(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n", reset=True)
        self.assertFalse(answer.endswith(b"0\r\n\r\n"), answer)

    def test_before_its_answer(self) -> None:
        """Without a head there is a 502 of ours."""
        self.assertTrue(self.answer_to(b"").startswith(b"HTTP/1.1 502 "))
