"""The options that bound what apps and providers may cost."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from tests.catalogue.strict import Message
from tests.catalogue.whole import HOST
from tests.fakes import id_token, silent
from tests.options.row import Probe, Row, row
from tests.options.world import World, parameters_of

NOBODY = "http://127.0.0.1:9/"


def _where_app_says(answer: bytes) -> Probe:
    """The status that the client sees where the app answers with these bytes."""

    def probe(world: World) -> int:
        world.respond = lambda request, number: answer
        return world.get("/open/").status

    return probe


def _until_told(world: World) -> int | None:
    """Seconds until a client is told that the app does not answer."""
    world.respond = None
    client = world.send("/open/")
    return world.seconds_until(lambda: client.got)


def _until_nobody_answers(target: str) -> Probe:
    """Seconds until a client is told that somebody cannot be reached."""

    def probe(world: World) -> int | None:
        client = world.send(target)
        return world.seconds_until(lambda: client.got)

    return probe


def _status_of_silence(world: World) -> int:
    world.respond = None
    client = world.send("/open/")
    world.pass_time(40)
    return world.answer_to(client).status


def _until_told_to_go_on(world: World) -> int | None:
    world.respond = None
    head = b"POST /open/ HTTP/1.1\r\nHost: " + HOST + b"\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"
    client = world.raw(head)
    return world.seconds_until(lambda: client.got)


def _app_takes_nothing(world: World) -> int | None:
    """Seconds until an app is given up that takes nothing of a large body."""
    world.respond = None
    client = world.raw(b"POST /open/ HTTP/1.1\r\nHost: " + HOST + b"\r\nContent-Length: 900000\r\n\r\n")
    world.apps[0].wire.stall()
    client.send(b"x" * 400_000)
    return world.seconds_until(lambda: world.apps[0].wire.aborted)


def _app_falls_silent(world: World) -> int | None:
    """Seconds until an answer is broken off of which only the beginning came."""
    world.respond = lambda request, number: b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"
    client = world.send("/open/")
    return world.seconds_until(lambda: client.ended)


def _idle_connection(world: World) -> int | None:
    world.get("/open/")
    return world.seconds_until(lambda: world.apps[0].wire.ended)


def _kept_for_later(world: World) -> int:
    """How many connections to the app are kept after two requests at a time."""
    world.respond = None
    clients = [world.send("/open/"), world.send("/open/")]
    for app in world.apps:
        app.wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    world.pump()
    assert all(client.got for client in clients)
    return sum(not app.wire.ended for app in world.apps)


def _provider_is_silent(world: World) -> int | None:
    """Seconds until a person is told that the provider does not answer."""
    world.provider.instead["/token"] = silent
    begun = world.begin()
    return _until_nobody_answers(f"/oauth2/callback?code=c&state={_state(begun)}")(world)  # type: ignore[return-value]


def _state(begun: Message) -> str:
    return begun.values(b"location")[0].decode().partition("state=")[2].partition("&")[0]


def _large_answer(world: World) -> int:
    world.provider.tokens["padding"] = "x" * 5000
    return world.sign_in().status


def _asked(path: str, *, after: float, times: int = 1, key: str = "main") -> Probe:
    """How often the provider was asked for something in the course of logins with some time between them."""

    def probe(world: World) -> int:
        world.provider.make_id_token = lambda **claims: id_token(kid=key, **claims)
        for _ in range(times):
            world.sign_in()
            world.pass_time(after)
        return world.provider.paths().count(path)

    return probe


def _questions_at_a_time(world: World) -> int:
    """How many codes of three are swapped while the provider answers none."""
    world.provider.instead["/token"] = silent
    for _ in range(3):
        world.jar.clear()
        state = parameters_of(world.begin())["state"]
        world.send(f"/oauth2/callback?code=c&state={quote(state)}")
    return world.provider.paths().count("/token")


ROWS: Mapping[str, Row] = {
    # Apps.
    "upstream_timeout": row(_until_told, "3s", 30, 3),
    "upstream_timeout_status": row(_status_of_silence, "504", 502, 504),
    "upstream_connect_timeout": row(_until_nobody_answers("/open/"), "3s", 5, 3, upstreams=NOBODY),
    "upstream_head_size_limit": row(
        _where_app_says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: " + b"x" * 1500 + b"\r\n\r\n"), "1KiB", 200, 502
    ),
    "upstream_interim_limit": row(
        _where_app_says(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 3 + b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        "2",
        200,
        502,
    ),
    "upstream_continue_timeout": row(_until_told_to_go_on, "4s", 1, 4),
    "upstream_write_timeout": row(_app_takes_nothing, "3s", 60, 3, upstream_timeout="300s"),
    "upstream_idle_timeout": row(_app_falls_silent, "3s", None, 3),
    "upstream_keepalive_timeout": row(_idle_connection, "2s", 4, 2),
    "upstream_pool_size": row(_kept_for_later, "1", 2, 1),
    # Providers.
    "provider_timeout": row(_provider_is_silent, "3s", 10, 3),
    "provider_connect_timeout": row(
        _until_nobody_answers("/oauth2/start"), "3s", 5, 3, oidc_issuer_url=NOBODY.rstrip("/")
    ),
    "provider_requests_limit": row(_questions_at_a_time, "2", 3, 2),
    "provider_body_limit": row(_large_answer, "4KiB", 302, 500),
    "discovery_refresh_interval": row(_asked("/.well-known/openid-configuration", after=100), "30s", 1, 4),
    "jwks_ttl": row(_asked("/jwks", after=100, times=3), "30s", 1, 3),
    "jwks_refetch_interval": row(_asked("/jwks", after=10, times=3, key="new"), "5s", 2, 4),
}
