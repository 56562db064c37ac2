"""An app whose every byte the test decides: a script is called for each request, with the connection in its hands."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable

from attrs import define, field

PATIENCE = 60.0
"""Seconds until a socket operation is given up; only a test that fails takes so long."""


def end_by_reset(connection: socket.socket) -> None:
    """Have the end of a connection, when it comes, be a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@define
class Conversation:
    """One request on one connection to the app, its head read.

    Attributes:
        connection: which of the app's connections this is, counted from 1.
        head: from the request line to the empty line.
        rest: what came behind the head already.
    """

    socket: socket.socket = field(repr=False)
    connection: int
    head: bytes
    rest: bytes = field(default=b"", repr=False)

    @property
    def method(self) -> str:
        """The request's method."""
        return self.head.split(b" ", 1)[0].decode()

    @property
    def path(self) -> str:
        """The request target."""
        return self.head.split(b" ", 2)[1].decode()

    @property
    def length(self) -> int:
        """The announced length of the body; 0 without one."""
        for line in self.head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                return int(value)
        return 0

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self.socket.sendall(data)

    def receive(self) -> bytes:
        """The next bytes; empty at the end."""
        if self.rest:
            data, self.rest = self.rest, b""
            return data
        return self.socket.recv(1 << 18)

    def take_body(self) -> int:
        """Read the announced body and throw it away; how much there was of it."""
        taken = 0
        while taken < self.length and (piece := self.receive()):
            taken += len(piece)
        return taken

    def ended(self) -> bool:
        """Wait for the end of the connection; whether there was one, and not more data."""
        try:
            return self.receive() == b""
        except ConnectionError:
            return True


Script = Callable[[Conversation], object]
"""Deals with one request. The connection is kept for another if it returns `True`, and closed otherwise."""


class Origin:
    """Listens on a free port of 127.0.0.1.

    Attributes:
        accepted: how many connections were made.
        standing: how many of them have not ended.
        errors: what scripts raised.
    """

    def __init__(self, script: Script, *, receive_buffer: int = 0) -> None:
        """`receive_buffer`: bytes of the socket's own buffer, small for an app that is to be slow; 0: the usual."""
        self._script = script
        self._listener = socket.socket()
        if receive_buffer:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(512)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.accepted = 0
        self.standing = 0
        self._counting = threading.Lock()
        self.errors: list[BaseException] = []
        self._connections: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Stop listening, and end every connection."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.accepted += 1
                self._count(1)
                self._connections.append(connection)
                threading.Thread(target=self._serve, args=(connection, self.accepted), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        connection.settimeout(PATIENCE)
        try:
            with connection:
                while (asked := _next_request(connection, number)) is not None and self._script(asked) is True:
                    pass
        except ConnectionError:
            pass
        except BaseException as error:
            self.errors.append(error)
        finally:
            self._count(-1)

    def _count(self, change: int) -> None:
        with self._counting:
            self.standing += change


def _next_request(connection: socket.socket, number: int) -> Conversation | None:
    held = b""
    while b"\r\n\r\n" not in held:
        piece = connection.recv(1 << 16)
        if not piece:
            return None
        held += piece
    head, _, rest = held.partition(b"\r\n\r\n")
    return Conversation(connection, number, head + b"\r\n\r\n", rest)
