"""A program: keeps WebSocket messages going to and fro. `python -m bench.websocket_load --help`.

Each connection has one message on its way. The last line is JSON, as `load.Load` has it.
"""

from __future__ import annotations

import argparse
import json
import selectors
import socket
import sys
import time
from collections.abc import Sequence

from attrs import define

from bench.browser import HEADERS
from bench.figures import percentile

_PATIENCE = 30.0


@define
class _Conversation:
    """A connection, when its message went out, and how much of the answer has come."""

    socket: socket.socket
    sent_at: float
    received: int = 0


def opened(port: int, path: str, cookie: str) -> socket.socket:
    """A connection past its handshake (RFC 6455 §4.1), as a browser's script makes it."""
    connection = socket.create_connection(("127.0.0.1", port), _PATIENCE)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    fields = {
        "Host": f"127.0.0.1:{port}",
        "Origin": f"http://127.0.0.1:{port}",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "bm90aGluZyBoaWRkZW4gaA==",
        "User-Agent": HEADERS["User-Agent"],
        **({"Cookie": cookie} if cookie else {}),
    }
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(65536)
        head += piece
        if not piece:
            break
    if not head.startswith(b"HTTP/1.1 101"):
        raise SystemExit(f"no WebSocket: {head.decode('latin-1')}")
    return connection


def latencies(connections: Sequence[socket.socket], size: int, seconds: float) -> list[float]:
    """Send, await, send again, until the time is over; how long each message of `size` bytes was away, in seconds."""
    # The mask may be anything, so it is zeros: masked and plain are the same then, and nobody has to count.
    message = b"\x82\xfe" + size.to_bytes(2, "big") + bytes(4) + b"x" * size
    answer_size = 4 + size
    found = []
    with selectors.DefaultSelector() as selector:
        ends = time.perf_counter() + seconds
        for connection in connections:
            selector.register(connection, selectors.EVENT_READ, _Conversation(connection, time.perf_counter()))
            connection.sendall(message)
        while time.perf_counter() < ends:
            for key, _ in selector.select(_PATIENCE):
                conversation = key.data
                piece = conversation.socket.recv(65536)
                if not piece:
                    raise SystemExit("the proxy ended a WebSocket")
                conversation.received += len(piece)
                if conversation.received == answer_size:
                    now = time.perf_counter()
                    found.append(now - conversation.sent_at)
                    conversation.received, conversation.sent_at = 0, now
                    conversation.socket.sendall(message)
    return found


def main() -> None:
    """Read the command line, send, and say how it went."""
    parser = argparse.ArgumentParser(description="Sends messages through WebSockets to an echo.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--cookie", default="", help="the Cookie field's value")
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--size", type=int, required=True, help="bytes of a message, 126 to 65535")
    parser.add_argument("--seconds", type=float, required=True)
    given = parser.parse_args()
    connections = [opened(given.port, given.path, given.cookie) for _ in range(given.connections)]
    in_ms = sorted(1e3 * latency for latency in latencies(connections, given.size, given.seconds))
    said = {"requests": len(in_ms), "p50_ms": percentile(in_ms, 50), "p99_ms": percentile(in_ms, 99), "wrong": {}}
    sys.stdout.write(f"{json.dumps(said)}\n")


if __name__ == "__main__":
    main()
