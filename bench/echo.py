"""A program: the WebSocket echo behind the app. `python -m bench.echo PORT`."""

from __future__ import annotations

import base64
import hashlib
import re
import sys

from twisted.internet import reactor  # noqa: TID251 (a program meets it)
from twisted.internet.protocol import Protocol, ServerFactory

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY = re.compile(rb"\r\nSec-WebSocket-Key: *([^\r]+)", re.IGNORECASE)


class Echo(Protocol):
    """Gives every frame back. It knows the frames of `websocket_load` alone: binary, 126 to 65535 bytes, mask of 0."""

    def __init__(self) -> None:
        self._received = b""
        self._open = False

    def dataReceived(self, data: bytes) -> None:
        """Answer the handshake first, then every whole frame."""
        self._received += data
        if not self._open and b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            self._open = True
            self._accept(head)
        while self._open and len(self._received) >= 8:
            size = int.from_bytes(self._received[2:4], "big")
            if len(self._received) < 8 + size:
                break
            payload, self._received = self._received[8 : 8 + size], self._received[8 + size :]
            self._write(b"\x82\x7e" + size.to_bytes(2, "big") + payload)

    def _accept(self, head: bytes) -> None:
        """RFC 6455 §4.2.2."""
        found = _KEY.search(head)
        accept = base64.b64encode(hashlib.sha1((found[1] if found else b"") + _GUID).digest())
        self._write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )

    def _write(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)


if __name__ == "__main__":
    factory = ServerFactory()
    factory.protocol = Echo
    reactor.listenTCP(int(sys.argv[1]), factory, backlog=1024, interface="127.0.0.1")
    reactor.run()
