"""What to look at: probes that rows share, made to measure by what they are about."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.catalogue.strict import Message
from tests.options.row import Probe
from tests.options.world import World, parameters_of

UPGRADE = (b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13")
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


def text(values: list[bytes]) -> str | None:
    """The values of a field as one text; `None` if there are none."""
    return b" | ".join(values).decode() if values else None


def status(target: str = "/", *fields: bytes, **more: Any) -> Probe:
    """The status of the answer to a request."""
    return lambda world: world.get(target, *fields, **more).status


def answer_field(name: bytes, target: str = "/", *fields: bytes, **more: Any) -> Probe:
    """A field of the answer to a request."""
    return lambda world: text(world.get(target, *fields, **more).values(name))


def body_holds(part: str, target: str = "/oauth2/sign_in", *fields: bytes) -> Probe:
    """Whether the answer to a request holds a text."""
    return lambda world: part.encode() in world.get(target, *fields).body


def asks_provider(name: str) -> Probe:
    """A parameter of the authorization request."""
    return lambda world: parameters_of(world.begin()).get(name)


def signing_in(**claims: Any) -> Probe:
    """The status at the end of a login, where the provider says this of the person; 302 if they may pass."""

    def probe(world: World) -> int:
        world.provider.claims.update(claims)
        return world.sign_in().status

    return probe


def told(name: bytes, *fields: bytes) -> Probe:
    """What the app is told in a field about somebody who has signed in."""

    def probe(world: World) -> str | None:
        world.sign_in()
        world.get("/", *fields)
        return text(world.seen[-1].values(name))

    return probe


def told_to_browser(name: bytes, target: str = "/oauth2/auth") -> Probe:
    """What an answer says in a field to somebody who has signed in."""

    def probe(world: World) -> str | None:
        world.sign_in()
        return text(world.get(target).values(name))

    return probe


def app_sees(name: bytes, *fields: bytes, target: str = "/open/") -> Probe:
    """A field of a request as the app gets it, without a session."""

    def probe(world: World) -> str | None:
        world.get(target, *fields)
        return text(world.seen[-1].values(name))

    return probe


def asked_of_provider(*paths: str, refresh_after: float = 0) -> Probe:
    """Those of these paths that the provider was asked for, up to the end of a login or of renewing its session."""

    def probe(world: World) -> list[str]:
        world.sign_in()
        if refresh_after:
            world.pass_time(refresh_after)
            world.get("/")
        return [path for path in dict.fromkeys(world.provider.paths()) if path in paths]

    return probe


def session_cookie(pattern: str) -> Probe:
    """What of the session's Set-Cookie value fits a pattern."""
    return lambda world: _in_cookies(world.sign_in(), pattern, pending=False)


def login_cookie(pattern: str) -> Probe:
    """The same of a login's."""
    return lambda world: _in_cookies(world.begin(), pattern, pending=True)


def _in_cookies(answer: Message, pattern: str, *, pending: bool) -> str | None:
    for value in answer.values(b"set-cookie"):
        if (b"_csrf=" in value) is pending and b"Max-Age=0" not in value:
            found = re.search(pattern, value.decode())
            return found[0] if found else None
    raise AssertionError("there is no such cookie")


def warned(part: str) -> Probe:
    """Whether a warning at the start holds a text."""
    return lambda world: any(b"warn: " in line and part.encode() in line for line in world.standard)


def seconds(begin: Callable[[World], Callable[[], object]]) -> Probe:
    """How many seconds pass until what `begin` gives is true."""
    return lambda world: world.seconds_until(begin(world))


def logged(pattern: str, *targets: str, fields: tuple[bytes, ...] = ()) -> Probe:
    """What of the access log fits a pattern after these requests, in order."""

    def probe(world: World) -> list[str]:
        for target in targets or ("/open/x",):
            world.get(target, *fields)
        world.pass_time(1)
        return re.findall(pattern, b"".join(world.log).decode())

    return probe
