"""A Redis in memory: what a server would answer, and an endpoint that carries it over a wire of the test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from zope.interface import implementer

from o2sidecar.stores.resp import Replies, Reply
from tests.wire import App, Wire


def resp(value: Any) -> bytes:
    """A reply on the wire; text is a simple string or, with a dash before it, an error."""
    if value is None:
        return b"$-1\r\n"
    if isinstance(value, str):
        return value.encode() + b"\r\n" if value.startswith("-") else f"+{value}\r\n".encode()
    if isinstance(value, bytes):
        return b"$%d\r\n%b\r\n" % (len(value), value)
    if isinstance(value, int):
        return b":%d\r\n" % value
    return b"*%d\r\n" % len(value) + b"".join(map(resp, value))


class MemoryRedis:
    """Keys and values with their ends, and the commands that sessions need. `password`: wanted before all else.

    `primaries`: what a Sentinel knows. `instead`: maps a command's name to what is answered in its place.
    """

    def __init__(self, clock: Clock, *, password: str = "") -> None:
        self.clock = clock
        self.password = password
        self.kept: dict[bytes, tuple[bytes, float | None]] = {}
        self.asked: list[tuple[bytes, ...]] = []
        self.primaries: dict[bytes, Any] = {}
        self.instead: dict[bytes, Callable[[tuple[bytes, ...]], Any]] = {}

    def answer(self, words: tuple[bytes, ...], login: list[tuple[bytes, ...]]) -> Any:
        """What a server answers to a command on a connection that began with this login."""
        self.asked.append(words)
        name = words[0].upper()
        if name in self.instead:
            return self.instead[name](words)
        if name == b"AUTH":
            if words[-1].decode() != self.password:
                return "-WRONGPASS invalid username-password pair or user is disabled."
            login.append(words)
            return "OK"
        if self.password and not login:
            return "-NOAUTH Authentication required."
        return {
            b"PING": lambda: "PONG",
            b"SELECT": lambda: "OK",
            b"ROLE": lambda: [b"master", 0, []],
            b"GET": lambda: self.get(words[1]),
            b"SENTINEL": lambda: self.primaries.get(words[2]),
            b"SET": lambda: self._set(*words[1:]),
            b"DEL": lambda: 1 if self.kept.pop(words[1], None) else 0,
            b"EVAL": lambda: self._eval(words),
        }.get(name, lambda: f"-ERR unknown command '{name.decode()}', with args beginning with: 'hunter2'")()

    def get(self, key: bytes) -> bytes | None:
        """The value of a key that has not ended."""
        value, ends = self.kept.get(key, (None, None))
        return None if ends is not None and ends <= self.clock.seconds() else value

    def _set(self, key: bytes, value: bytes, *options: bytes) -> str | None:
        if b"NX" in options and self.get(key) is not None:
            return None
        ends = None
        if b"PX" in options:
            ends = self.clock.seconds() + int(options[options.index(b"PX") + 1]) / 1000
        self.kept[key] = (value, ends)
        return "OK"

    def _eval(self, words: tuple[bytes, ...]) -> int:
        """The scripts; the real ones run in a real server, in the end-to-end tests."""
        _, script, _, key, seen, *more = words
        if b".. ARGV[1]" in script:
            self._set(key, (self.get(key) or b"") + seen, *(() if more[0] == b"0" else (b"PX", more[0])))
            return 1
        if self.get(key) != seen:
            return 0
        if b"'SET'" in script:
            self._set(key, more[0], *(() if more[1] == b"0" else (b"PX", more[1])))
        elif b"PEXPIRE" in script:
            self._set(key, seen, b"PX", more[0])
        else:
            self.kept.pop(key)
        return 1


@implementer(IStreamClientEndpoint)
class RedisEndpoint(App):
    """Connects to a Redis in memory. What is sent waits until `carry`, unless the server is `quick`."""

    def __init__(self, redis: MemoryRedis, *, quick: bool = True) -> None:
        super().__init__()
        self.redis = redis
        self.quick = quick
        self.down = False

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:
        connected = super().connect(protocolFactory) if not self.down else _refused()
        if not self.down and self.accepts:
            Answering(self.wire, self)
        return connected

    def cut(self) -> None:
        """Lose the connections, and have no new ones come about."""
        self.down = True
        for wire in self.wires:
            wire.vanish()


class Answering:
    """The server's side of one wire: answers each command as it is written."""

    def __init__(self, wire: Wire, endpoint: RedisEndpoint) -> None:
        self._wire = wire
        self._endpoint = endpoint
        self._read = Replies(1 << 20)
        self._login: list[tuple[bytes, ...]] = []
        self._busy = False
        write: Any = wire.write
        self._write = write
        wire.write = self._written  # type: ignore[method-assign]

    def _written(self, data: bytes) -> None:
        if not self._endpoint.quick:
            self._write(data)
            return
        for words in self._read.feed(data):
            assert isinstance(words, list)
            self._wire.send(resp(self._endpoint.redis.answer(tuple(words), self._login)))


class RedisProtocol(Protocol):
    """A server's side of a connection: answers each command at once, unless the answer is `SILENCE`."""

    def __init__(self, redis: MemoryRedis) -> None:
        self._redis = redis
        self._read = Replies(1 << 20)
        self._login: list[tuple[bytes, ...]] = []

    def dataReceived(self, data: bytes) -> None:
        for words in self._read.feed(data):
            assert isinstance(words, list)
            answer = self._redis.answer(tuple(words), self._login)
            if answer is not SILENCE and self.transport is not None:
                self.transport.write(resp(answer))


def _refused() -> Deferred[Any]:
    refused: Deferred[Any] = Deferred()
    refused.errback(ConnectionRefusedError())
    return refused


def outcome(what: Any) -> Any:
    """What something comes to without waiting: a result, an error, or `WAITS`."""
    found: list[Any] = []
    started = what if isinstance(what, Deferred) else Deferred.fromCoroutine(what)
    started.addCallbacks(found.append, lambda failure: found.append(failure.value))
    return found[0] if found else WAITS


WAITS, SILENCE = object(), object()


def replies(words: Sequence[Reply]) -> bytes:
    """Several replies on the wire."""
    return b"".join(map(resp, words))
