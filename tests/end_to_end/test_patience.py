"""Who takes a body slowly is waited for, however long it takes; who takes nothing of it is not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from tests.end_to_end.origin import Conversation
from tests.end_to_end.sidecar_case import SidecarCase, receive_all, receive_until

SIZE = 32 << 20
"""Bytes of a body: more than the kernel holds by itself."""
SLOWLY = 7.0
"""Seconds of taking little: more than twice the patience that these tests give the sidecar."""
LITTLE = 4096
"""Bytes that are then taken at a time, twenty times a second: far less than makes room in the kernel."""
SMALL_BUFFER = 1 << 16


def take(receive: Callable[[int], bytes], taken: int) -> int:
    """Take a body, of which `taken` bytes are there already, at first slowly and then as it comes; how much it is."""
    ends = time.monotonic() + SLOWLY
    while time.monotonic() < ends:
        taken += len(receive(LITTLE))
        time.sleep(0.05)
    while taken < SIZE and (piece := receive(1 << 20)):
        taken += len(piece)
    return taken


def download(conversation: Conversation) -> None:
    """Give a body, if the other side takes it."""
    conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE)
    conversation.send(b"\0" * SIZE)


class SlowTests(SidecarCase):
    """Time-outs count from the last byte that was taken."""

    def test_client(self) -> None:
        """A client may read slowly: it is cut off only if it takes nothing for `write_timeout`."""
        self.start(download, "--write-timeout=3s")
        client = self.connect(receive_buffer=SMALL_BUFFER)
        client.sendall(b"GET /open/down HTTP/1.1\r\nHost: app\r\n\r\n")
        received = receive_until(client, b"\r\n\r\n").partition(b"\r\n\r\n")[2]
        self.assertEqual(take(client.recv, len(received)), SIZE)

    def test_app(self) -> None:
        """An app may read slowly: it has failed only if it takes nothing for `upstream_write_timeout`."""

        def script(conversation: Conversation) -> None:
            taken = take(conversation.socket.recv, len(conversation.rest))
            conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Taken: %d\r\n\r\n" % taken)

        self.start(script, "--upstream-write-timeout=3s", receive_buffer=SMALL_BUFFER)
        client = self.connect()
        client.sendall(b"POST /open/up HTTP/1.1\r\nHost: app\r\nContent-Length: %d\r\n\r\n" % SIZE)
        client.sendall(b"\0" * SIZE)
        self.assertIn(b"X-Taken: %d" % SIZE, receive_until(client, b"\r\n\r\n"))


class NothingTests(SidecarCase):
    """Somebody who does nothing is not waited for, and costs nothing any more."""

    def test_client(self) -> None:
        """A client that takes nothing for `write_timeout` is cut off, and the app is told at once."""
        told = threading.Event()

        def script(conversation: Conversation) -> None:
            try:
                download(conversation)
            except ConnectionError:
                told.set()

        self.start(script, "--write-timeout=500ms")
        client = self.connect(receive_buffer=SMALL_BUFFER)
        client.sendall(b"GET /open/down HTTP/1.1\r\nHost: app\r\n\r\n")
        self.assertTrue(told.wait(60))
        self.assertLess(len(receive_all(client)), SIZE)

    def test_app(self) -> None:
        """An app that takes nothing for `upstream_write_timeout` has failed: the client is told in the middle of it."""
        asked = threading.Event()

        def script(conversation: Conversation) -> None:
            asked.wait(60)

        self.start(script, "--upstream-write-timeout=500ms", receive_buffer=SMALL_BUFFER)
        client = self.connect()
        client.sendall(b"POST /open/up HTTP/1.1\r\nHost: app\r\nContent-Length: %d\r\n\r\n" % SIZE)
        client.sendall(b"\0" * SIZE)
        self.assertTrue(receive_until(client, b"\r\n\r\n").startswith(b"HTTP/1.1 504 "))
        asked.set()
