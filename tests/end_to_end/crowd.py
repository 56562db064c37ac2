"""A crowd of clients that hold a server's connections: idle ones, and ones that send or read very slowly.

    python -m tests.end_to_end.crowd PORT KIND=COUNT...

Prints `ready` when all of them are connected, stays until SIGTERM, and then prints as JSON what became of them.
"""

from __future__ import annotations

import json
import signal
import socket
import sys
import time
from collections import Counter, deque
from typing import ClassVar

from o2sidecar.descriptors import raise_limit

PATIENCE = 60.0
PACE = 1.0
"""Seconds between two moments at which the same slow client does something."""


class Client:
    """One of the crowd, connected to `port`; asks for `path`."""

    path: ClassVar[bytes] = b"/open/x"
    receive_buffer: ClassVar[int] = 0
    slow: ClassVar[bool] = True

    def __init__(self, port: int) -> None:
        self.port = port
        self.socket = socket.socket()
        if self.receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(("127.0.0.1", port))
        self.socket.sendall(b"GET %s HTTP/1.1\r\nHost: app\r\nUser-Agent: crowd\r\n" % self.path)
        self.begin()
        self.socket.setblocking(False)

    def begin(self) -> None:
        """Called once when the beginning of a head is sent."""

    def act(self) -> str:
        """Do what it does now and then; how it ended, or nothing as long as it goes on."""
        try:
            return self.judge(self.socket.recv(512))
        except BlockingIOError:
            return ""
        except ConnectionError:
            return "cut"

    def judge(self, received: bytes) -> str:
        """How what was received ends it, if it does."""
        return received[9:12].decode() or "closed"


class Idle(Client):
    """Was served once, and is silent since then."""

    slow = False

    def begin(self) -> None:
        """Be served."""
        self.socket.sendall(b"\r\n")
        while not self.socket.recv(1 << 16).endswith(b"ok"):
            pass


class Sender(Client):
    """Sends a head that does not end, byte by byte."""

    def act(self) -> str:
        """Send one, unless it is over."""
        ended = super().act()
        if not ended:
            self.socket.send(b"x")
        return ended

    def begin(self) -> None:
        """Begin a field."""
        self.socket.sendall(b"X-Slow: ")


class Reader(Client):
    """Reads a large answer, a little at a time."""

    path = b"/open/large"
    receive_buffer = 1 << 12

    def begin(self) -> None:
        """Wait for the answer."""
        self.socket.sendall(b"\r\n")
        self.socket.recv(12)

    def judge(self, received: bytes) -> str:
        """Only its end ends it."""
        return "" if received else "closed"


KINDS: dict[str, type[Client]] = {"idle": Idle, "sender": Sender, "reader": Reader}


def main(port: int, counts: dict[str, int]) -> None:
    """Be there until SIGTERM. A slow client whose connection ends comes back."""
    over: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: over.append(number))
    raise_limit()
    clients = [KINDS[kind](port) for kind, count in counts.items() for _ in range(count)]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    slow = deque(client for client in clients if client.slow)
    resting = [client for client in clients if not client.slow]
    found: Counter[str] = Counter()
    while not over:
        # Evenly, as strangers would, and not all at once.
        time.sleep(PACE / max(10, len(slow)))
        if slow:
            slow.append(after_a_turn(slow.popleft(), found))
    for client in [*resting, *slow]:
        found[f"{type(client).__name__} {client.act() or 'open'}"] += 1
    sys.stdout.write(json.dumps(found) + "\n")


def after_a_turn(client: Client, found: Counter[str]) -> Client:
    """The client once it has acted, or one that comes in its place; `found` counts how those went that are gone."""
    ended = client.act()
    if not ended:
        return client
    found[f"{type(client).__name__} {ended}"] += 1
    client.socket.close()
    return type(client)(client.port)


if __name__ == "__main__":
    main(int(sys.argv[1]), {kind: int(count) for kind, _, count in (each.partition("=") for each in sys.argv[2:])})
