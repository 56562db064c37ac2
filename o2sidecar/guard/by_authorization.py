"""Sessions of requests with an Authorization field: a bearer token, or a user and a password, without a login.

It stands before the sessions of cookies, and only where the operator wants it: other sidecars have nothing of it on
their hot path. The same people may pass as with cookies; no cookie is ever given for it.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from math import inf
from typing import Protocol

from attrs import define
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from o2sidecar.guard.credentials import Credentials
from o2sidecar.guard.opened import Opened, OpenedSessions
from o2sidecar.guard.session_finder import SessionFinder
from o2sidecar.http.exchange import Exchange
from o2sidecar.identity import IdentityHeaders
from o2sidecar.observe.records import Outcome
from o2sidecar.refusals import CredentialsRefused, OwnFault, Refusal, RevocationsUnknown, WhyLost
from o2sidecar.session.session import Session
from o2sidecar.shared_call import SharedCalls
from o2sidecar.stores.revocation_list import RevocationList

_BELIEVED = 60.0


class Tokens(Protocol):
    """Judges bearer tokens."""

    async def session(self, text: str) -> Session | None:
        """The session of a token; `None` if it does not hold. Never raises."""


class Users(Protocol):
    """Judges users and passwords."""

    async def session(self, user: str, password: str, address: str) -> Session | None:
        """The session of a user with this password; `None` if there is none. May raise a `Refusal`.

        `address`: where they are.
        """

    def standing(self, user: str) -> Callable[[], bool]:
        """Tells later whether the user still has the password of now."""

    def knows(self, user: str) -> bool:
        """Whether there is such a user."""


def _always() -> bool:
    return True


@define(kw_only=True)
class _Proven(Opened):
    """A session that an Authorization field opened. `due_at`: until when the field is believed unjudged.

    `stands`: whether what was judged then would be judged so now, as far as can be told without judging. `told`:
    whether the authentication log has it. `judge`: by whose settings it was judged.
    """

    judge: ByAuthorization
    told: bool = False
    stands: Callable[[], bool] = _always


class ByAuthorization:
    """Finds sessions by the Authorization field, and by the cookies of requests without a usable one.

    `revoked`: whose sessions were ended before their time; that of a token began when the token was made. `absolute`:
    seconds after which a token is too old, whatever it says itself. `log` writes to the authentication log, once for
    each field that comes to be known and for each that is refused.
    `key`: 32 random bytes; fields are remembered by a hash with it. `believed`: seconds for which a field that was
    good is not judged again. `fallback`: whether a field that is of no use is ignored; else the request is refused.
    `remembered`: most sessions that are kept. `client_address`: where a request comes from.
    """

    _log = Logger()

    def __init__(
        self,
        cookies: SessionFinder,
        *,
        tokens: Tokens | None = None,
        users: Users | None = None,
        headers: IdentityHeaders,
        revoked: RevocationList,
        log: Callable[[Outcome, Exchange, str, str], None],
        now: Callable[[], float],
        client_address: Callable[[Exchange], str],
        key: bytes,
        absolute: float = inf,
        fallback: bool = True,
        believed: float = _BELIEVED,
        remembered: int = 4096,
    ) -> None:
        self._cookies = cookies
        self._tokens = tokens
        self._users = users
        self._headers = headers
        self._revoked = revoked
        self._revocations = revoked.revocations
        self._record = log
        self._absolute = absolute
        self._now = now
        self._client_address = client_address
        self._key = key
        self._fallback = fallback
        self._believed = believed
        self._opened = OpenedSessions(remembered)
        self._judgements: SharedCalls[_Proven | None] = SharedCalls()

    def settle(
        self,
        exchange: Exchange,
        decide: Callable[[Exchange, Opened | None], None],
        give_up: Callable[[Exchange, Refusal], None],
    ) -> None:
        """See `SessionFinder`; a good Authorization field wins over a cookie."""
        values = exchange.values(b"authorization")
        if not values:
            self._cookies.settle(exchange, decide, give_up)
            return
        # RFC 9110 §11.6.2: the field has one value. Of two, nobody knows which one the next reader takes.
        value = values[0] if len(values) == 1 else b""
        key = blake2b(value, key=self._key, digest_size=32).digest()
        opened = self._opened.get(key)
        current = opened is not None and opened.due_at > self._now() and not self._revoked.is_due
        if opened is not None and current and self.as_of_now(opened):
            self._pass(exchange, opened, decide, give_up)
            return
        judged = self._judge(key, value, self._client_address(exchange))
        judged.addCallback(self._go_on, value, exchange, decide, give_up)
        judged.addErrback(self._broken, exchange, give_up)

    async def issue(self, exchange: Exchange, session: Session) -> list[bytes]:
        """See `SessionFinder`."""
        return await self._cookies.issue(exchange, session)

    def give_cookie(self, exchange: Exchange, opened: Opened) -> None:
        """See `SessionFinder`."""
        self._cookies.give_cookie(exchange, opened)

    async def end(self, exchange: Exchange) -> Session | None:
        """See `SessionFinder`; whoever sends the field again has its session again."""
        return await self._cookies.end(exchange)

    def take_cookies(self, exchange: Exchange) -> None:
        """See `SessionFinder`."""
        self._cookies.take_cookies(exchange)

    def take_all_cookies(self, exchange: Exchange) -> None:
        """See `SessionFinder`."""
        self._cookies.take_all_cookies(exchange)

    async def look(self, exchange: Exchange) -> Opened | None:
        """See `SessionFinder`."""
        return await self._cookies.look(exchange)

    async def why_none(self, exchange: Exchange) -> WhyLost:
        """See `SessionFinder`."""
        return await self._cookies.why_none(exchange)

    def as_of_now(self, opened: Opened) -> Opened | None:
        """See `SessionFinder`; a token is good until it expires, a password until it changes."""
        if not isinstance(opened, _Proven):
            return self._cookies.as_of_now(opened)
        self._revoked.begin_to_look()
        if opened.judge is not self:
            opened.judge = self
            # Until that is done it is as it was.
            Deferred.fromCoroutine(self._judge_anew(opened))
        if opened.checked != self._revocations.generation:
            opened.ended = opened.ended or self._revocations.ends(opened.session)
            opened.checked = self._revocations.generation
        return opened if not opened.ended and opened.expires_at > self._now() and opened.stands() else None

    async def _judge_anew(self, opened: _Proven) -> None:
        """Have the settings of now count for what goes on since it was found by others."""
        if not opened.session.has_tokens:
            opened.ended = opened.ended or self._users is None
            return
        session = await self._tokens.session(opened.session.access_token) if self._tokens else None
        if session is None or not session.names_somebody:
            opened.ended = True
            return
        opened.session, opened.identity = session, self._headers.identify(session)
        opened.expires_at = self._ends_at(session)

    def _ends_at(self, session: Session) -> float:
        expires_at = inf if session.expires_on is None else session.expires_on
        return expires_at if session.began_at is None else min(expires_at, session.began_at + self._absolute)

    def _judge(self, key: bytes, value: bytes, address: str) -> Deferred[_Proven | None]:
        """Have a field judged, once for all requests that bring it meanwhile: a page of many parts is one question."""
        return self._judgements(key, lambda: self._judged(key, Credentials.read(value), address))

    async def _judged(self, key: bytes, given: Credentials, address: str) -> _Proven | None:
        await self._revoked.current()
        known = self._opened.get(key)
        if isinstance(known, _Proven) and known.due_at > self._now() and self.as_of_now(known):
            return known
        session, stands = None, _always
        if given.token and self._tokens:
            session = await self._tokens.session(given.token)
        elif given.user and self._users:
            stands = self._users.standing(given.user)
            session = await self._users.session(given.user, given.password, address)
        if session is None or not session.names_somebody:
            return None
        expires_at = self._ends_at(session)
        opened = _Proven(
            key=key,
            session=session,
            identity=self._headers.identify(session),
            expires_at=expires_at,
            due_at=min(expires_at, self._now() + self._believed),
            stands=stands,
            checked=-1,
            told=known is not None,
            judge=self,
        )
        if self.as_of_now(opened) is None:
            return None
        self._opened.keep(opened)
        return opened

    def _pass(
        self,
        exchange: Exchange,
        opened: Opened,
        decide: Callable[[Exchange, Opened | None], None],
        give_up: Callable[[Exchange, Refusal], None],
    ) -> None:
        if self._revocations.blind:
            give_up(exchange, RevocationsUnknown())
        else:
            decide(exchange, opened)

    def _go_on(
        self,
        opened: _Proven | None,
        value: bytes,
        exchange: Exchange,
        decide: Callable[[Exchange, Opened | None], None],
        give_up: Callable[[Exchange, Refusal], None],
    ) -> None:
        self._tell(exchange, opened, Credentials.read(value))
        if opened is not None:
            self._pass(exchange, opened, decide, give_up)
        elif self._fallback:
            self._cookies.settle(exchange, decide, give_up)
        else:
            give_up(exchange, CredentialsRefused(detail="the Authorization field opens nothing here"))

    def _tell(self, exchange: Exchange, opened: _Proven | None, given: Credentials) -> None:
        """Leave a line of what was judged, where it was something that counts here at all."""
        by = "a bearer token" if given.token else "Basic credentials"
        if opened is not None and not opened.told:
            opened.told = True
            self._record(Outcome.SUCCESS, exchange, opened.session.name, f"authenticated by {by}")
        elif opened is None and ((given.token and self._tokens) or (given.user and self._users)):
            # A name that nobody has may be a secret: many an API takes its keys there.
            name = given.user if self._users and self._users.knows(given.user) else ""
            self._record(Outcome.FAILURE, exchange, name, f"not authenticated by {by}")

    def _broken(self, failure: Failure, exchange: Exchange, give_up: Callable[[Exchange, Refusal], None]) -> None:
        if isinstance(failure.value, Refusal):
            give_up(exchange, failure.value)
            return
        self._log.failure("a request could not be judged", failure=failure)
        give_up(exchange, OwnFault())
