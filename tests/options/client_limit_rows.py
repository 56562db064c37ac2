"""The options that bound what a client may cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.catalogue.whole import HOST, Client
from tests.options.probes import SWITCHED, UPGRADE, seconds, status
from tests.options.row import Probe, Row, row
from tests.options.world import World

POST = b"POST /open/x HTTP/1.1\r\nHost: " + HOST + b"\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
ORIGIN = b"Origin: https://elsewhere.example"


def _status_of(data: bytes) -> Probe:
    """The status of the answer to these bytes."""
    return lambda world: world.answer_to(world.raw(data)).status


def _many_fields(world: World) -> int:
    return world.get("/open/x", *(b"X-%d: x" % number for number in range(20))).status


def _until_answered(data: bytes) -> Probe:
    """Seconds until these bytes are answered."""

    def begin(world: World) -> Callable[[], object]:
        client = world.raw(data)
        return lambda: client.got

    return seconds(begin)


def _until_over(data: bytes, then: Callable[[World, Client], object] = lambda world, client: None) -> Probe:
    """Seconds from the answer to these bytes, and what is done then, to the end of their connection."""

    def begin(world: World) -> Callable[[], object]:
        client = world.raw(data)
        then(world, client)
        return lambda: client.ended

    return seconds(begin)


def _until_gone(world: World) -> int | None:
    """Seconds from a refusal, behind which the client goes on sending, to the end of their connection."""
    client = world.raw(POST + b"Content-Length: 99\r\n\r\n")
    return world.seconds_until(lambda: client.wire.lost or client.wire.aborted)


def _taking_nothing(world: World) -> int | None:
    """Seconds until a client is given up that takes nothing of a large answer."""
    world.respond = lambda request, number: b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n" + b"x" * 900_000
    client = world.client()
    client.wire.stall()
    client.send(b"GET /open/x HTTP/1.1\r\nHost: " + HOST + b"\r\n\r\n")
    return world.seconds_until(lambda: client.wire.aborted)


def _half_closed(world: World) -> int | None:
    """Seconds until a client is given up that ended its side while the app does not answer."""
    world.respond = None
    client = world.send("/open/x")
    client.wire.close()
    return world.seconds_until(lambda: client.wire.aborted)


def _tunnel(world: World) -> Client:
    world.respond = lambda request, number: SWITCHED
    return world.send("/open/x", *UPGRADE)


def _silent_tunnel(world: World) -> int | None:
    """Seconds until a WebSocket is told to end on which nobody says anything."""
    client = _tunnel(world)
    return world.seconds_until(lambda: client.got.rpartition(b"\r\n\r\n")[2], most=4000)


def _stubborn_tunnel(world: World) -> int | None:
    """Seconds from there until it is cut, where the client does not answer the Close frame."""
    client = _tunnel(world)
    world.seconds_until(lambda: client.got.rpartition(b"\r\n\r\n")[2])
    return world.seconds_until(lambda: client.ended)


def _second_client(world: World) -> int:
    world.client()
    return world.get("/open/x").status


def _drained(begin: Callable[[World], object]) -> Probe:
    """Seconds from the wish to end until the sidecar has ended, when this was begun before."""

    def probe(world: World) -> int | None:
        begin(world)
        world.service.stopService()
        return world.seconds_until(lambda: any(line.endswith(b"] stopped\n") for line in world.standard))

    return probe


def _waiting_client(world: World) -> None:
    world.respond = None
    world.send("/open/x")


ROWS: Mapping[str, Row] = {
    # How much.
    "head_size_limit": row(status("/open/x", b"X: " + b"x" * 1500), "1KiB", 200, 431),
    "header_count_limit": row(_many_fields, "10", 200, 431),
    "target_size_limit": row(status("/open/" + "x" * 80), "64", 200, 414),
    "chunk_line_size_limit": row(_status_of(CHUNKED + b"1;" + b"x" * 30 + b"\r\na\r\n0\r\n\r\n"), "16", 200, 400),
    "chunk_extensions_limit": row(_status_of(CHUNKED + b"1;abcdef\r\na\r\n0\r\n\r\n"), "3", 200, 400),
    "trailer_size_limit": row(_status_of(CHUNKED + b"1\r\na\r\n0\r\nX: abcdef\r\n\r\n"), "3", 200, 431),
    "body_size_limit": row(status("/open/x", method=b"POST", body=b"x" * 100), "10", 200, 413),
    "own_body_size_limit": row(status("/oauth2/start", method=b"POST", body=b"x" * 1100), "1KiB", 302, 413),
    "max_connections": row(_second_client, "1", 200, 503),
    # How long.
    "head_timeout": row(_until_answered(b"GET / HT"), "3s", 10, 3),
    "body_idle_timeout": row(_until_answered(POST + b"Content-Length: 9\r\n\r\nx"), "3s", 60, 3),
    "keepalive_timeout": row(_until_over(b"GET /open/x HTTP/1.1\r\nHost: a\r\n\r\n"), "3s", 75, 3),
    "write_timeout": row(_taking_nothing, "3s", 60, 3),
    "linger_timeout": row(_until_gone, "2s", 5, 2, body_size_limit="1"),
    "half_closed_timeout": row(_half_closed, "5s", 2, 5),
    "tunnel_idle_timeout": row(_silent_tunnel, "5s", 3600, 5),
    "websocket_close_timeout": row(_stubborn_tunnel, "5s", 2, 5, tunnel_idle_timeout="5s"),
    "drain_delay": row(_drained(lambda world: None), "5s", 0, 5),
    "shutdown_timeout": row(_drained(_waiting_client), "5s", 25, 5),
    # WebSockets.
    "proxy_websockets": row(lambda world: _tunnel(world).got[9:12], "false", b"101", b"501"),
    "websocket_origin_check": row(status("/open/x", *UPGRADE, ORIGIN), "false", 403, 200),
}
