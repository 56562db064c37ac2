"""A WebSocket app and its clients, on sockets and with the frames of wsproto, a library that is not ours."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Event, Message, Ping, Request
from wsproto.utilities import LocalProtocolError

from tests.end_to_end.processes import PATIENCE

_PIECE = 1 << 18


class Client:
    """A WebSocket of a client, opened or refused. Whatever it waits for, it waits for with patience."""

    def __init__(
        self, port: int, path: str = "/", headers: Mapping[str, str] | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="127.0.0.1")
        self.frames = WSConnection(ConnectionType.CLIENT)
        extra = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
        self.socket.sendall(self.frames.send(Request(host=f"127.0.0.1:{port}", target=path, extra_headers=extra)))
        self.opened = self.next()
        """What the server answered to the request."""

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *failure: object) -> None:
        self.socket.close()

    def send(self, *events: Event) -> None:
        """Send all of them in one piece."""
        self.socket.sendall(b"".join(self.frames.send(event) for event in events))

    def send_aside(self, event: Event) -> None:
        """Send what is more than fits on the way, while its echo is read here."""
        threading.Thread(target=self.socket.sendall, args=(self.frames.send(event),), daemon=True).start()

    def next(self) -> Event:
        """The next thing that comes; raises `AssertionError` when the connection ends first."""
        while True:
            for event in self.frames.events():
                return event
            data = self.socket.recv(_PIECE)
            assert data, "the connection ended"
            self.frames.receive_data(data)

    def message(self) -> Any:
        """The next message, put together."""
        parts: list[Any] = []
        while True:
            event = self.next()
            assert isinstance(event, Message), event
            parts.append(event.data)
            if event.message_finished:
                return parts[0][:0].join(parts)

    def closed(self, answer: bool = True) -> CloseConnection:
        """The Close frame that comes next, answered as it should be, and then the connection's end."""
        event = self.next()
        assert isinstance(event, CloseConnection), event
        if answer:
            self.send(event.response())
        self.ended()
        return event

    def ended(self) -> None:
        """Wait for the end of the connection, whatever else comes."""
        with contextlib.suppress(ConnectionResetError):
            while self.socket.recv(_PIECE):
                pass


class Guest:
    """One connection at the app: what its client asked for, and how it ended."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.headers: dict[str, str] = {}
        self.close: CloseConnection | None = None
        """The Close frame that came."""
        self.gone = False
        """Whether the connection has ended."""


class App:
    """Accepts every WebSocket and gives back what it is sent, message part by message part.

    At `/begin/HEX` it begins with these bytes right behind its 101, whatever they are. `tls`: how it speaks TLS, if it
    does.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.guests: list[Guest] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Accept no more, and hang up."""
        self._listening.close()
        for guest in self.guests:
            with contextlib.suppress(OSError):
                guest.socket.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                if self._tls is not None:
                    connection = self._tls.wrap_socket(connection, server_side=True)
                guest = Guest(connection)
                self.guests.append(guest)
                threading.Thread(target=self._serve, args=(guest,), daemon=True).start()

    def _serve(self, guest: Guest) -> None:
        frames = WSConnection(ConnectionType.SERVER)
        with contextlib.suppress(OSError, LocalProtocolError), guest.socket:
            while data := guest.socket.recv(_PIECE):
                frames.receive_data(data)
                for event in frames.events():
                    guest.socket.sendall(self._answer(guest, frames, event))
                if guest.close is not None:
                    break
        guest.gone = True

    def _answer(self, guest: Guest, frames: WSConnection, event: Event) -> bytes:
        if isinstance(event, Request):
            guest.headers = {name.decode().lower(): value.decode() for name, value in event.extra_headers}
            protocols: Sequence[str] = event.subprotocols
            answer = frames.send(AcceptConnection(subprotocol=protocols[0] if protocols else None))
            _, _, begin = event.target.partition("/begin/")
            return answer + bytes.fromhex(begin)
        if isinstance(event, CloseConnection):
            guest.close = event
        if isinstance(event, (Ping, CloseConnection)):
            return frames.send(event.response())
        return frames.send(event) if isinstance(event, Message) else b""
