"""What the guard's tests are made of: requests, sessions in cookies, and a provider that answers when told to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from o2sidecar.guard.session_memory import SessionMemory
from o2sidecar.guard.sessions import Sessions
from o2sidecar.http.exchange import Exchange, HeaderFields
from o2sidecar.identity import HeaderRule, HeaderSource, Identity, IdentityHeaders
from o2sidecar.observe.counts import SessionCounts
from o2sidecar.policy.peers import Forwarding
from o2sidecar.session.codec import SessionCodec
from o2sidecar.session.cookies import CookieAttributes, SessionCookie
from o2sidecar.session.keys import KeyRing
from o2sidecar.session.revocations import RevocationKeys, Revocations
from o2sidecar.session.session import Session
from o2sidecar.stores.revocation_list import RevocationList

NOW = 1_800_000_000.0
RING = KeyRing.from_texts(["0123456789abcdef"])
CODEC = SessionCodec(ring=RING, expire=3600)
COOKIE = SessionCookie(attributes=CookieAttributes(name="_oauth2_proxy", expire=3600), codec=CODEC)
ALICE = Session(created_at=NOW, user="u-1", email="alice@example.com", groups=("dev",), access_token="AT")
HEADERS = IdentityHeaders(
    request_rules=(HeaderRule(name="X-Forwarded-User", sources=(HeaderSource(claim="user"),)),),
    response_rules=(),
    auth_rules=(HeaderRule(name="X-Auth-Request-User", sources=(HeaderSource(claim="user"),)),),
)


def address_of(exchange: Exchange) -> str:
    """Where a request comes from, when there is no proxy in front."""
    return exchange.peer


class Asked:
    """A request as the guard sees it, and what became of it."""

    def __init__(
        self, *cookies: str, method: bytes = b"GET", target: bytes = b"/", fields: HeaderFields | None = None
    ) -> None:
        self.method = method
        self.target = target
        self.path = target.partition(b"?")[0]
        self.host = b"app.example.com"
        self.peer = "203.0.113.9"
        self.peer_port = 4711
        self.secure = False
        self.fields: HeaderFields = [(b"cookie", cookie.encode()) for cookie in cookies] + (fields or [])
        self.options = [option.strip().lower() for option in self.values(b"connection")]
        self.identity: Identity | None = None
        self.stands: Callable[[Exchange], bool] | None = None
        self.also: HeaderFields = []
        self.reason = ""
        self.given: tuple[int, HeaderFields, bytes] | None = None

    def values(self, name: bytes) -> list[bytes]:
        return [value for given, value in self.fields if given == name]

    def header(self, name: bytes) -> bytes | None:
        return next(iter(self.values(name)), None)

    def answer(self, status: int, headers: HeaderFields, body: bytes = b"") -> None:
        self.given = (status, headers, body)

    @property
    def set_cookies(self) -> list[bytes]:
        return [value for name, value in self.also if name == b"Set-Cookie"]


class SlowProvider:
    """A provider that is asked about sessions and answers when the test says so."""

    def __init__(self) -> None:
        self.asked: list[Session] = []
        self.answers: list[Deferred[Session | None]] = []

    async def refresh(self, session: Session) -> Session | None:
        self.asked.append(session)
        answer: Deferred[Session | None] = Deferred()
        self.answers.append(answer)
        return await answer


def cookie_of(session: Session, name: str = "_oauth2_proxy") -> str:
    """The session as one pair of a Cookie field."""
    return f"{name}={CODEC.encode(name, session)}"


def revocation_list(clock: Clock, **changes: Any) -> RevocationList:
    """What is known of sessions that are over; it is shared with nobody unless the changes say so."""
    revocations = Revocations(RevocationKeys(RING), now=clock.seconds, lifetime=3600)
    return RevocationList(revocations, clock=clock, **changes)


def sessions(
    provider: SlowProvider,
    clock: Clock,
    *,
    refresh_period: float = 0,
    retry_period: float = 60,
    remembered: int = 4096,
    counts: SessionCounts | None = None,
    revoked: RevocationList | None = None,
    grace: float = 0,
    headers: IdentityHeaders = HEADERS,
    memory: SessionMemory | None = None,
) -> Sessions:
    """Sessions on a clock that stands at NOW when the test has not moved it."""
    found = Sessions(
        cookie=COOKIE,
        headers=headers,
        provider=provider,
        forwarding=Forwarding(),
        now=clock.seconds,
        lifetime=3600,
        revoked=revoked or revocation_list(clock),
        refresh_period=refresh_period,
        retry_period=retry_period,
        counts=counts,
        grace=grace,
        memory=memory or SessionMemory(RING, most=remembered),
    )
    if memory is None:
        found.take_over()
    return found
