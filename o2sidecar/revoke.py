"""`o2sidecar revoke`: ends sessions on every sidecar that reads the same list, before their time."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from attrs import frozen
from twisted.internet.defer import Deferred

from o2sidecar.assembly.logout import revocation_key
from o2sidecar.assembly.people import cookies_of
from o2sidecar.session.cookies import parse_cookies
from o2sidecar.session.keys import KeyRing
from o2sidecar.session.revocations import Revocation, RevocationKeys, Revocations, user_name
from o2sidecar.session.sealing import CookieRefused
from o2sidecar.settings.load import SettingsRefused, load
from o2sidecar.settings.options import Settings
from o2sidecar.settings.redis_rules import lists_in_redis
from o2sidecar.stores.revocation_key import ListKey
from o2sidecar.stores.revocation_sources import ListFile, ListUnavailable

_USAGE = """Usage: o2sidecar revoke (--user NAME | --session FILE | --all-before TIME) [OPTION ...]

Ends sessions on every sidecar that reads the same list: in Redis within a second, else within
revocation_poll_interval. Who signs in afterwards has a new session.

  --user NAME        all sessions of a person: the e-mail address or the user's name, in any case
  --session FILE     one session and every copy of it: the file (- for standard input) holds its Cookie field
  --all-before TIME  everybody's sessions that began before: now, or as 2030-01-31T12:00:00Z

The other options are those of `o2sidecar run`, as are the variables and the file: they say which cookie_secret the
sidecars have, and where their list is (revocation_list, or session_store_type=redis).

  o2sidecar revoke --user alice@example.com --config=/etc/oauth2_proxy.cfg
  O2SIDECAR_REVOCATION_LIST=/shared/revoked o2sidecar revoke --all-before now
  o2sidecar revoke --session - --config=/etc/oauth2_proxy.cfg < cookie.txt

Exit status 0 when it is written, 1 when it cannot be, 2 for arguments that make no sense.
"""
_ASKS = ("--user", "--session", "--all-before")


class _Misused(ValueError):
    """The arguments make no sense; the message says why."""


@frozen(kw_only=True)
class Demand:
    """What is asked for, `kind` with its `value`; `others`: the arguments that settings are read from."""

    kind: str
    value: str
    others: tuple[str, ...]

    @classmethod
    def of(cls, arguments: Sequence[str]) -> Demand:
        """From the command line; raises `ValueError` with a sentence."""
        found: list[tuple[str, str]] = []
        others: list[str] = []
        rest = list(arguments)
        while rest:
            argument = rest.pop(0)
            name, equals, value = argument.partition("=")
            if name not in _ASKS:
                others.append(argument)
                continue
            if not equals:
                value = rest.pop(0) if rest else ""
            if not value:
                raise _Misused(f"{name} needs a value")
            found.append((name, value))
        if len(found) != 1:
            raise _Misused(f"one of {', '.join(_ASKS)} has to be given, and once")
        return cls(kind=found[0][0], value=found[0][1], others=tuple(others))

    def revocation(self, settings: Settings, now: float) -> Revocation:
        """Which sessions are over; raises `ValueError` with a sentence, or `OSError`."""
        ring = KeyRing.from_texts([settings.cookie_secret, *settings.accepted_cookie_secrets])
        cookie, _ = cookies_of(settings, ring)
        keys = RevocationKeys(ring)
        if self.kind == "--user":
            return keys.revocation("user", [user_name(self.value)], now)
        if self.kind == "--all-before":
            return keys.revocation("all", [], now if self.value == "now" else _moment(self.value))
        if settings.session_store_type == "redis":
            raise ValueError("a session that is kept in Redis ends when its key there is deleted")
        text = sys.stdin.buffer.read() if self.value == "-" else Path(self.value).read_bytes()
        try:
            session = cookie.read(parse_cookies([_cookie_field(text, settings.cookie_name)]), now)
        except CookieRefused as refused:
            raise ValueError(f"{refused}; if it has expired, it is over already") from None
        if session is None:
            raise ValueError(f"there is no cookie named {settings.cookie_name}")
        return Revocations(keys, now=lambda: now, lifetime=0).of_session(session)


def main(
    arguments: Sequence[str], environment: Mapping[str, str] = os.environ, *, now: Callable[[], float] = time.time
) -> int:
    """Write it; see the usage for the exit status."""
    if not arguments or arguments[0] in {"-h", "--help"}:
        (sys.stdout if arguments else sys.stderr).write(_USAGE)
        return 0 if arguments else 2
    from o2sidecar.providers.registry import KnownProviders  # noqa: PLC0415 - it looks for those of other packages

    try:
        demand = Demand.of(arguments)
        settings = load(demand.others, environment, providers=KnownProviders()).settings
        where = _write(settings, demand.revocation(settings, now()))
    except _Misused as misused:
        sys.stderr.write(f"o2sidecar revoke: {misused}\n\n{_USAGE}")
        return 2
    except SettingsRefused as refused:
        sys.stderr.write(f"{refused}\n")
        return 1
    except (OSError, ValueError, ListUnavailable) as error:
        sys.stderr.write(f"o2sidecar revoke: {error}\n")
        return 1
    sys.stdout.write(f"It is written to {where}.\n")
    return 0


def _write(settings: Settings, revocation: Revocation) -> str:
    """Add it to the list; where that is. Raises `ValueError` with a sentence, or `ListUnavailable`."""
    if lists_in_redis(settings):
        _write_to_redis(settings, revocation)
        return f"the key {revocation_key(settings)} in Redis"
    path = settings.revocation_list
    if not path:
        raise ValueError("revocation_list is missing: the file that sidecars read, or serve to others")
    if "://" in path:
        raise ValueError(f"{path} can only be read: write to the file that the sidecar serves which answers there")
    ListFile(path).write(revocation.line)
    return path


def _write_to_redis(settings: Settings, revocation: Revocation) -> None:
    from twisted.internet import reactor  # noqa: PLC0415, TID251 - only who keeps sessions there needs one

    from o2sidecar.assembly.stores import ticket_store_of  # noqa: PLC0415

    store = ticket_store_of(settings, reactor)
    failures: list[BaseException] = []
    key = ListKey(store.redis, revocation_key(settings), settings.cookie_expire)
    written = Deferred.fromCoroutine(key.append(revocation.line))
    written.addCallbacks(lambda _: None, lambda failure: failures.append(failure.value))
    written.addCallback(lambda _: reactor.callWhenRunning(reactor.stop))
    reactor.run()
    store.stop()
    for failure in failures:
        raise failure


def _cookie_field(text: bytes, name: str) -> bytes:
    """A Cookie field, from its value, the whole line, or the value of the one cookie."""
    field = text.strip().removeprefix(b"Cookie:").removeprefix(b"cookie:").strip()
    return field if name.encode() in field else f"{name}=".encode() + field


def _moment(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _Misused(f"{text} is no time; write it as 2030-01-31T12:00:00Z, or now") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
