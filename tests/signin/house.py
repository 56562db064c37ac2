"""What the sign-in tests are made of: requests in memory, a provider that does as it is told, and the real rooms."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

from attrs import evolve, field, frozen
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from o2sidecar.guard.current import CurrentSession
from o2sidecar.guard.sessions import Sessions
from o2sidecar.http.exchange import HeaderFields
from o2sidecar.identity import Identity, IdentityHeaders
from o2sidecar.observe.records import Outcome
from o2sidecar.policy.admission import Admission
from o2sidecar.policy.peers import Forwarding
from o2sidecar.policy.redirects import Redirects
from o2sidecar.providers.registrations import Registration, Registrations
from o2sidecar.refusals import LoginFailed, Refusal
from o2sidecar.session.codec import SessionCodec
from o2sidecar.session.cookies import CookieAttributes, SessionCookie, parse_cookies
from o2sidecar.session.keys import KeyRing
from o2sidecar.session.pending_cookie import PendingCookie
from o2sidecar.session.revocations import RevocationKeys, Revocations
from o2sidecar.session.session import Session
from o2sidecar.signin.answers import Answers
from o2sidecar.signin.callback_uri import CallbackUri
from o2sidecar.signin.choosing import Choosing
from o2sidecar.signin.destinations import Destinations
from o2sidecar.signin.failed_check import FailedCheck
from o2sidecar.signin.pages import Pages
from o2sidecar.signin.recovery import Recovery
from o2sidecar.signin.session_life import SessionLife
from o2sidecar.signin.signing_out import SigningOut
from o2sidecar.signin.transaction import Logins
from o2sidecar.stores.revocation_list import RevocationList

NOW = 1_800_000_000.0
NAME = "_oauth2_proxy"
ALICE = Session(
    created_at=NOW,
    user="u-1",
    email="alice@example.com",
    groups=("dev", "ops"),
    preferred_username="alice",
    access_token="AT",
    id_token="ID.to/ken",
    refresh_token="RT",
)
T = TypeVar("T")


class Asked:
    """A request in memory, and what became of it."""

    def __init__(
        self, target: str = "/", *, method: str = "GET", fields: HeaderFields | None = None, body: bytes = b""
    ) -> None:
        self.method = method.encode()
        self.target = target.encode()
        self.path = self.target.partition(b"?")[0]
        self.http_1_0 = False
        self.host = b"app.example.com"
        self.peer, self.peer_port = "203.0.113.9", 4711
        self.secure = False
        self.headers: HeaderFields = [(name.lower(), value) for name, value in fields or []]
        self.content_length: int | None = len(body)
        self.chunked = False
        self.has_body = bool(body)
        self.identity: Identity | None = None
        self.also: HeaderFields = []
        self.upstream = ""
        self.reason = ""
        self.request_id = "rid-1"
        self.given: tuple[int, HeaderFields, bytes] | None = None
        self._body = body

    def values(self, name: bytes) -> list[bytes]:
        return [value for given, value in self.headers if given == name]

    def header(self, name: bytes) -> bytes | None:
        return next(iter(self.values(name)), None)

    def read_body(self, limit: int) -> Deferred[bytes]:
        return succeed(self._body)

    def answer(self, status: int, headers: HeaderFields, body: bytes = b"") -> None:
        assert self.given is None, "answered twice"
        self.given = (status, headers, body)

    @property
    def status(self) -> int:
        assert self.given is not None, "not answered"
        return self.given[0]

    @property
    def text(self) -> str:
        assert self.given is not None
        return self.given[2].decode()

    def sent(self, name: bytes) -> list[bytes]:
        """All values of a field of the answer."""
        assert self.given is not None
        return [value for given, value in [*self.given[1], *self.also] if given.lower() == name]

    @property
    def set_cookies(self) -> list[str]:
        return [value.decode() for value in self.sent(b"set-cookie")]


class TheProvider:
    """An identity provider; `outcome` is what redeeming a code comes to."""

    display_name = "Example"
    allowed_groups: frozenset[str] = frozenset()
    token_issuer = None
    session_end = None

    def __init__(self) -> None:
        self.endpoint: str | Refusal = "https://idp.example/authorize?tenant=7"
        self.outcome: Session | Exception = ALICE
        self.refreshed: Session | Exception | None = None
        self.redeemed: list[dict[str, str | None]] = []

    async def authorization_endpoint(self) -> str:
        if isinstance(self.endpoint, Refusal):
            raise self.endpoint
        return self.endpoint

    def authorization_parameters(self) -> dict[str, str]:
        return {"scope": "openid email", "approval_prompt": "force"}

    async def check_response_issuer(self, issuer: str | None) -> None:
        if issuer not in (None, "https://idp.example"):
            raise LoginFailed(reason="issuer_mismatch")

    async def sign_in(self, *, code: str, redirect_uri: str, code_verifier: str | None, nonce: str | None) -> Session:
        self.redeemed.append(
            {"code": code, "redirect_uri": redirect_uri, "code_verifier": code_verifier, "nonce": nonce}
        )
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    async def refresh(self, session: Session) -> Session | None:
        if isinstance(self.refreshed, Exception):
            raise self.refreshed
        return self.refreshed

    def trouble(self) -> str:
        return ""

    async def start(self) -> None:
        """Nothing to fetch."""

    def stop(self) -> None:
        """Nothing to stop."""


def chances(seed: bytes = b"seed") -> Callable[[int], bytes]:
    """Bytes that look random and are the same in every run."""

    def blocks() -> Iterator[bytes]:
        block = seed
        while True:
            block = hashlib.sha256(block).digest()
            yield block

    stream = blocks()
    return lambda n: b"".join(next(stream) for _ in range(n // 32 + 1))[:n]


ATTRIBUTES = CookieAttributes(name=NAME, expire=3600, secure=False)
RING = KeyRing.from_texts(["0123456789abcdef"])
COOKIE = SessionCookie(attributes=ATTRIBUTES, codec=SessionCodec(ring=RING, expire=3600))


@frozen(kw_only=True)
class House:
    """The sign-in room with its real neighbours."""

    clock: Clock
    provider: TheProvider = field(factory=TheProvider)
    logged: list[tuple[Outcome, str, str]] = field(factory=list)
    asked: list[str] = field(factory=list)
    redirects: Redirects = field(factory=lambda: Redirects(whitelist_domains=(".example.org",), prefix="/oauth2"))
    forwarding: Forwarding = field(factory=Forwarding)
    admission: Admission = field(factory=lambda: Admission(email_domains=("*",)))
    pending: PendingCookie = field(
        factory=lambda: PendingCookie(attributes=evolve(ATTRIBUTES, expire=900), ring=RING, random=chances(b"iv"))
    )
    revoked: RevocationList = field()
    sessions: Sessions = field()
    random: Callable[[int], bytes] = field(factory=chances)

    @revoked.default
    def _revoked(self) -> RevocationList:
        return RevocationList(
            Revocations(RevocationKeys(RING), now=self.clock.seconds, lifetime=3600), clock=self.clock
        )

    @sessions.default
    def _sessions(self) -> Sessions:
        return self.sessions_in(COOKIE)

    def sessions_in(self, cookie: SessionCookie) -> Sessions:
        """Sessions that are kept in such a cookie."""
        return Sessions(
            cookie=cookie,
            headers=IdentityHeaders(request_rules=(), response_rules=(), auth_rules=()),
            provider=self.provider,
            forwarding=self.forwarding,
            now=self.clock.seconds,
            lifetime=3600,
            revoked=self.revoked,
        )

    @property
    def signing_out(self) -> SigningOut:
        """What follows a sign-out at the provider, which has no session of its own here."""
        return SigningOut(
            registrations=self.logins().registrations,
            landing=CallbackUri(
                configured="", path="/oauth2/signed_out", relative=False, secure=False, forwarding=self.forwarding
            ),
            attributes=evolve(ATTRIBUTES, name=f"{NAME}_signed_out", path="/oauth2/signed_out"),
            ring=RING,
            at_provider=True,
            revokes=True,
            clock=self.clock,
            random=self.random,
        )

    @property
    def current(self) -> CurrentSession:
        return CurrentSession(sessions=self.sessions, admission=self.admission)

    @property
    def destinations(self) -> Destinations:
        return Destinations(redirects=self.redirects, forwarding=self.forwarding, prefix="/oauth2")

    async def ask(self, url: str) -> None:
        """Note a URL of the provider's that is asked for."""
        self.asked.append(url)

    def logins(self, **changes: Any) -> Logins:
        """Logins with PKCE and nonce, or as the changes say."""
        callback_uri = CallbackUri(
            configured="", path="/oauth2/callback", relative=False, secure=False, forwarding=self.forwarding
        )
        registration = Registration(
            provider=self.provider, client_id="client-1", code_challenge_method="S256", nonce=True, ask=self.ask
        )
        of_provider = {
            key: changes.pop(key)
            for key in ("code_challenge_method", "nonce", "backend_logout_url", "ask")
            if key in changes
        }
        logins = Logins(
            registrations=Registrations([evolve(registration, **of_provider)]),
            callback_uri=callback_uri,
            pending=self.pending,
            issue=self.sessions.issue,
            forwarding=self.forwarding,
            redirects=self.redirects,
            admission=self.admission,
            current=self.current.identity,
            look=self.sessions.look,
            why_none=self.sessions.why_none,
            random=self.random,
            now=self.clock.seconds,
        )
        return evolve(logins, **changes)

    def recovery(self, logins: Logins | None = None) -> Recovery:
        return Recovery(
            logins=logins or self.logins(),
            failed_check=FailedCheck(attributes=self.pending.attributes, forwarding=self.forwarding),
            log=self.log,
        )

    def session_life(self) -> SessionLife:
        return SessionLife(
            look=self.current.look, renew=self.current.identity, now=self.clock.seconds, login_url="/oauth2/start"
        )

    def pages(self, **changes: Any) -> Pages:
        return Pages(**{"provider_name": "Example", "prefix": "/oauth2", "version": "1", **changes})

    def answers(self, *, pages: Pages | None = None, **changes: Any) -> Answers:
        logins = self.logins()
        answers = Answers(
            pages=pages or self.pages(),
            logins=logins,
            choosing=Choosing(registrations=logins.registrations, forwarding=self.forwarding),
            destinations=self.destinations,
            forwarding=self.forwarding,
            take_cookies=self.sessions.take_cookies,
            take_all_cookies=self.sessions.take_all_cookies,
            log=self.log,
        )
        return evolve(answers, **changes)

    def log(self, outcome: Outcome, exchange: object, name: str, message: str) -> None:
        self.logged.append((outcome, name, message))


def house(**changes: Any) -> House:
    """A house whose clock stands at NOW."""
    clock = Clock()
    clock.advance(NOW)
    return House(clock=clock, **changes)


def now_of(coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine comes to without waiting; its exception is raised."""
    outcome: list[T] = []
    failed: list[Any] = []
    Deferred.fromCoroutine(coroutine).addCallbacks(outcome.append, failed.append)
    if failed:
        failed[0].raiseException()
    assert outcome, "it waits for something"
    return outcome[0]


def session_pair(session: Session = ALICE) -> bytes:
    """A session as one pair of a Cookie field."""
    return f"{NAME}={COOKIE.codec.encode(NAME, session)}".encode()


def cookies_from(set_cookies: Iterator[bytes] | tuple[bytes, ...]) -> bytes:
    """What a browser sends that was given these Set-Cookie values."""
    return b"; ".join(value.partition(b";")[0] for value in set_cookies)


def session_in(set_cookies: tuple[bytes, ...]) -> Session | None:
    """The session that a browser has that was given these Set-Cookie values."""
    return COOKIE.read(parse_cookies([cookies_from(set_cookies)]), NOW)


def query_of(url: bytes) -> dict[str, str]:
    """The query of an URL; no name may come twice."""
    pairs = parse_qsl(urlsplit(url.decode()).query, keep_blank_values=True, strict_parsing=True)
    assert len(pairs) == len(dict(pairs))
    return dict(pairs)
