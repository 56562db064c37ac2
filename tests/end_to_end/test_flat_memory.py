"""The memory that bodies take on their way: next to none, whatever their size, and whoever is slow."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.end_to_end.origin import Conversation
from tests.end_to_end.processes import Running, eventually
from tests.end_to_end.sidecar_case import SidecarCase, private_memory, receive_until

MIB = 1 << 20
GIB = 1 << 30
PIECE = b"\0" * (1 << 18)
AT_ONCE = 10
MOST_OVER_IDLE = 20.0
"""MiB that ten transfers of 1 GiB may add to an idle process."""
SMALL_BUFFER = 1 << 16
MOST_UNDER_WAY = 32 * MIB
"""Bytes that the kernel's buffers and ours may hold of one body between its two ends."""


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

    def test_slow_clients(self) -> None:
        """An app that sends faster than its ten clients read has to wait; what is under way is bounded."""
        sent: Counter[int] = Counter()

        def script(conversation: Conversation) -> None:
            conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % GIB)
            while True:
                conversation.send(PIECE)
                sent[conversation.connection] += len(PIECE)

        sidecar = self.start(script)
        with self.flat(sidecar):
            for _ in range(AT_ONCE):
                client = self.connect(receive_buffer=SMALL_BUFFER)
                client.sendall(b"GET /open/down HTTP/1.1\r\nHost: app\r\n\r\n")
                receive_until(client, b"\r\n\r\n")
            stands_still("the app's sending", sent.total)
        self.assertEqual(len(sent), AT_ONCE)
        self.assertLess(max(sent.values()), MOST_UNDER_WAY)

    def test_slow_app(self) -> None:
        """Ten clients that send faster than the app reads have to wait; what is under way is bounded."""
        over = threading.Event()
        self.addCleanup(over.set)
        sidecar = self.start(lambda conversation: over.wait(60), receive_buffer=SMALL_BUFFER)
        sent: Counter[socket.socket] = Counter()
        with self.flat(sidecar):
            clients = [self.connect() for _ in range(AT_ONCE)]
            for client in clients:
                client.sendall(b"POST /open/up HTTP/1.1\r\nHost: app\r\nContent-Length: %d\r\n\r\n" % GIB)
                client.setblocking(False)

            def send_on() -> int:
                for client in clients:
                    with contextlib.suppress(BlockingIOError):
                        while sent[client] < GIB:
                            sent[client] += client.send(PIECE)
                return sent.total()

            stands_still("the clients' sending", send_on)
        self.assertEqual(len(sent), AT_ONCE)
        self.assertLess(max(sent.values()), MOST_UNDER_WAY)


def stands_still(what: str, count: Callable[[], int]) -> None:
    """Wait until a count is the same for a while."""
    seen: list[int] = []

    def still() -> bool:
        seen.append(count())
        return len(seen) > 25 and seen[-1] > 0 and len(set(seen[-25:])) == 1

    eventually(f"the standstill of {what}", still)
