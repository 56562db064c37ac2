"""One Redis server: a connection to it that stands while it is used, made anew when it is lost, never waited for long.

One connection is enough: questions go out as they come and need not wait for each other's replies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, cast

from attrs import field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as TimedOut
from twisted.internet.error import ConnectError, ConnectingCancelledError, UserError
from twisted.internet.error import TimeoutError as ConnectTimedOut
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.internet.protocol import Factory

from o2sidecar.refusals import StoreUnavailable
from o2sidecar.shared_call import SharedCall
from o2sidecar.stores.connection import ConnectionGone, RedisConnection
from o2sidecar.stores.resp import ErrorReply, Reply

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0
_NOT_ALLOWED = "NOPERM"
_TOO_SLOW = (TimedOut, CancelledError, ConnectTimedOut, ConnectingCancelledError)


class RedisRefused(Exception):
    """The server answered a command with an error."""

    def __init__(self, reply: ErrorReply) -> None:
        super().__init__(reply.shown)
        self.code = reply.code
        self.reply = reply


_NO_CONNECTION = (*_TOO_SLOW, ConnectError, UserError, OSError, ConnectionGone, RedisRefused)
"""What making a connection comes to when it fails, names that cannot be looked up among the rest."""


class Commands(Protocol):
    """What commands can be given to, whichever servers there are behind it."""

    async def ask(self, key: bytes, *words: bytes) -> Reply:
        """The reply to a command about one key; raises `StoreUnavailable` or `RedisRefused`."""

    async def ping(self) -> None:
        """Find out whether it answers; raises as `ask` does."""

    def close(self) -> None:
        """End all connections."""


@frozen(kw_only=True)
class RedisLimits:
    """What a server may cost.

    Attributes:
        connect_time: seconds until a new connection is ready for questions: names looked up, TLS, password, all of it.
        command_time: seconds until a reply is there.
        idle_time: seconds after which an unused connection is not used again; 0: however long.
        value_size: bytes that a value may have.
        waiting: questions that may wait for their replies.
    """

    connect_time: float = 2.0
    command_time: float = 2.0
    idle_time: float = 0
    value_size: int = 1024 * 1024
    waiting: int = 4096


@frozen(kw_only=True)
class Login:
    """Who we are to a server, and which of its databases is ours. Without a password nobody is asked who we are.

    `password`: or what tells the current one: secrets in files change.
    """

    username: str = ""
    password: str | Callable[[], str] = field(default="", repr=False)
    database: int = 0

    def words(self) -> list[Sequence[bytes]]:
        """The commands that begin a connection."""
        begun: list[Sequence[bytes]] = []
        password = self.password if isinstance(self.password, str) else self.password()
        if password and self.username:
            begun.append((b"AUTH", self.username.encode(), password.encode()))
        elif password:
            begun.append((b"AUTH", password.encode()))
        if self.database:
            begun.append((b"SELECT", b"%d" % self.database))
        return begun


class RedisServer:
    """Gives commands to one server.

    `where`: what it is called in the log. `primary`: use it only while it says that it is no replica of another one.
    """

    def __init__(
        self,
        endpoint: IStreamClientEndpoint,
        *,
        where: str,
        login: Login,
        limits: RedisLimits,
        clock: IReactorTime,
        primary: bool = False,
    ) -> None:
        self._endpoint = endpoint
        self.where = where
        self._login = login
        self._limits = limits
        self._clock = clock
        self._primary = primary
        self._connection: RedisConnection | None = None
        self._connecting: SharedCall[RedisConnection] = SharedCall(self._connect)
        self._failures = 0
        self._rests_until = 0.0
        self._why = ""
        self._closed = False

    async def ask(self, key: bytes, *words: bytes) -> Reply:
        """See `Commands`; the key's place is not asked for."""
        return await self.command(*words)

    async def command(self, *words: bytes, first: Sequence[bytes] = ()) -> Reply:
        """The reply to a command, with `first` sent right before it."""
        connection, stood = await self._standing()
        try:
            return await self._reply(connection, words, first)
        except ConnectionGone as gone:
            # A connection that stood may have been closed by the server just now, which says nothing about a new one.
            # All that is asked here may be asked twice.
            if not stood or gone.slow:
                raise self._unavailable(str(gone)) from None
        connection, _ = await self._standing()
        try:
            return await self._reply(connection, words, first)
        except ConnectionGone as gone:
            raise self._unavailable(str(gone)) from None

    async def ping(self) -> None:
        """See `Commands`."""
        try:
            await self.command(b"PING")
        except RedisRefused as refused:
            if refused.code != _NOT_ALLOWED:
                raise

    def close(self) -> None:
        """See `Commands`."""
        self._closed = True
        self._connecting.stop()
        if self._connection is not None:
            self._connection.close()

    async def _reply(self, connection: RedisConnection, words: Sequence[bytes], first: Sequence[bytes]) -> Reply:
        if first:
            connection.ask(*first).addErrback(lambda _: None)
        reply = await connection.ask(*words)
        if isinstance(reply, ErrorReply):
            raise RedisRefused(reply)
        return reply

    async def _standing(self) -> tuple[RedisConnection, bool]:
        """A connection, and whether it stood before."""
        connection, now = self._connection, self._clock.seconds()
        if connection is not None and self._limits.idle_time and now >= connection.used_at + self._limits.idle_time:
            connection.close("it was not used for too long")
            connection = None
        if connection is not None and connection.usable:
            return connection, True
        if self._closed or (now < self._rests_until and not self._connecting.under_way):
            raise self._unavailable(self._why or "closed")
        return await self._connecting(), False

    async def _connect(self) -> RedisConnection:
        """A new connection that is ready; how often one is tried after failures grows slower, up to a limit."""
        begun = Deferred.fromCoroutine(self._begun()).addTimeout(self._limits.connect_time, self._clock)
        try:
            connection = await begun
        except _NO_CONNECTION as error:
            self._failures += 1
            pause = min(_FIRST_PAUSE * 2 ** (self._failures - 1), _LONGEST_PAUSE)
            self._rests_until = self._clock.seconds() + pause
            self._why = self._reason(error)
            raise self._unavailable(self._why) from None
        self._failures, self._rests_until, self._why = 0, 0.0, ""
        self._connection = connection
        return connection

    async def _begun(self) -> RedisConnection:
        connection = cast("RedisConnection", await self._endpoint.connect(Factory.forProtocol(self._made)))
        try:
            for words in (*self._login.words(), (b"PING",), *([(b"ROLE",)] if self._primary else [])):
                reply = await connection.ask(*words)
                if isinstance(reply, ErrorReply) and reply.code != _NOT_ALLOWED:
                    raise RedisRefused(reply)
            if self._primary and isinstance(reply, list) and reply[:1] != [b"master"]:
                raise ConnectionGone("it is a replica")
        except BaseException:
            connection.close()
            raise
        return connection

    def _made(self) -> RedisConnection:
        return RedisConnection(
            clock=self._clock,
            patience=self._limits.command_time,
            most=self._limits.value_size,
            waiting=self._limits.waiting,
            ended=self._ended,
        )

    def _ended(self, connection: RedisConnection) -> None:
        if connection is self._connection:
            self._connection = None

    def _reason(self, error: Exception) -> str:
        if isinstance(error, RedisRefused) and error.code in {"WRONGPASS", "NOAUTH"}:
            return f"it wants another user or password ({error.code})"
        if isinstance(error, _TOO_SLOW):
            return f"not ready within {self._limits.connect_time:g} s"
        return str(error) or type(error).__name__

    def _unavailable(self, why: str) -> StoreUnavailable:
        return StoreUnavailable(detail=f"Redis at {self.where}: {why.removesuffix('.')}")


MakeServer = Callable[[str, int], RedisServer]
"""Makes what speaks to the server at a host and port."""
