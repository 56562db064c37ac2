"""A provider that speaks real HTTP in memory: OpenID Connect and GitHub's API, with every fault that a test asks for.

`FakeProvider` is a `twisted.web` resource; `Wire` is treq's agent that carries requests to it over an in-memory
connection, with the product's own client before it. Nothing here is a stand-in for the product's code.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from attrs import define, field, frozen
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from joserfc.jws import JWSRegistry
from treq.testing import RequestTraversalAgent
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.web.iweb import IAgent
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

from o2sidecar.provider_client import ProviderClient
from o2sidecar.providers.surroundings import Surroundings

NOW = 1_800_000_000.0
ISSUER = "https://idp.example"
CLIENT_ID = "client-1"
CLIENT_SECRET = "secret-1"

T = TypeVar("T")


@cache
def signing_key(name: str = "main", kty: str = "RSA", size: int | str = 2048) -> Key:
    """A key pair by name, made once per process."""
    if kty == "RSA":
        return RSAKey.generate_key(int(size))
    if kty == "EC":
        return ECKey.generate_key(str(size))
    return OKPKey.generate_key(str(size))  # type: ignore[arg-type]


def public_jwk(key: Key, **members: Any) -> dict[str, Any]:
    """The public half of a key as a JWK, with members of the test's choice."""
    return {**key.as_dict(private=False), **members}


def b64url(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def compact(header: Mapping[str, Any] | str, payload: Mapping[str, Any] | str, key: Key | None, alg: str = "") -> str:
    """A compact JWS of any header and payload (texts are taken as they are), signed by `alg` whatever the header says.

    Without a key the signature is empty.
    """
    parts = [text if isinstance(text, str) else json.dumps(text) for text in (header, payload)]
    signing_input = ".".join(b64url(part.encode()) for part in parts)
    if key is None:
        return signing_input + "."
    model = JWSRegistry.algorithms[alg or "RS256"]
    return f"{signing_input}.{b64url(model.sign(signing_input.encode(), key))}"


def claims_of(**changes: Any) -> dict[str, Any]:
    """The claims of a good ID token of Alice; a change to `None` takes a claim away."""
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": CLIENT_ID,
        "sub": "user-1",
        "iat": int(NOW),
        "exp": int(NOW) + 3600,
        "email": "alice@example.com",
        "email_verified": True,
        "groups": ["dev", "ops"],
        "preferred_username": "alice",
    }
    claims.update(changes)
    return {name: value for name, value in claims.items() if value is not None}


def id_token(key: Key | None = None, *, kid: str = "main", **changes: Any) -> str:
    """A good ID token but for these changes of its claims."""
    return compact({"alg": "RS256", "typ": "JWT", "kid": kid}, claims_of(**changes), key or signing_key())


@frozen
class Asked:
    """A request that the provider got."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    form: Mapping[str, str]
    body: str = ""


@define
class GitHubAccount:
    """What GitHub knows of the person."""

    login: str = "octo"
    emails: list[dict[str, Any]] = field(
        factory=lambda: [
            {"email": "second@example.com", "primary": False, "verified": True},
            {"email": "octo@example.com", "primary": True, "verified": True},
        ]
    )
    orgs: list[str] = field(factory=lambda: ["acme"])
    teams: list[str] = field(factory=lambda: ["acme:core"])
    collaborators: list[str] = field(factory=list)
    repo: dict[str, Any] | None = None
    per_page: int = 1
    """However many are asked for: so that every list has pages."""


class FakeProvider(Resource):
    """OpenID Connect at the root, GitHub's API under `/api`, its token endpoint at `/login/oauth/access_token`.

    `discovery` changes the document; `claims` those of ID tokens; `tokens` the token answer (a change to `None` takes
    a member away); `user_info` is that endpoint's answer; `jwks` the key set. `instead` maps a path to a function that
    answers it in place of all this, and `apis` the beginning of paths to an API of one provider.
    """

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Asked] = []
        self.discovery: dict[str, Any] = {}
        self.claims: dict[str, Any] = {}
        self.tokens: dict[str, Any] = {}
        self.user_info: dict[str, Any] = {"sub": "user-1"}
        self.jwks: list[Any] = [public_jwk(signing_key(), kid="main", use="sig", alg="RS256")]
        self.make_id_token: Callable[..., str] = id_token
        self.github = GitHubAccount()
        self.instead: dict[str, Callable[[Request], bytes | int]] = {}
        self.apis: dict[str, Callable[[Request, Asked], bytes | int]] = {}

    def paths(self) -> list[str]:
        """The paths asked for so far, in order."""
        return [asked.path for asked in self.asked]

    def render(self, request: Request) -> bytes | int:
        """Answer a request."""
        path = request.path.decode("ascii")
        body = request.content.read().decode() if request.content is not None else ""
        headers = {
            name.decode("ascii").lower(): values[-1].decode()
            for name, values in request.requestHeaders.getAllRawHeaders()
        }
        query = request.uri.partition(b"?")[2].decode()
        self.asked.append(Asked(request.method.decode(), path, query, headers, dict(parse_qsl(body)), body))
        if path in self.instead:
            return self.instead[path](request)
        for beginning, api in self.apis.items():
            if path.startswith(beginning):
                return api(request, self.asked[-1])
        if path.startswith("/api"):
            return self._github(request, path.removeprefix("/api"))
        return self._oidc(request, path)

    def _oidc(self, request: Request, path: str) -> bytes:
        answers: dict[str, Callable[[], Any]] = {
            "/.well-known/openid-configuration": self._document,
            "/jwks": lambda: {"keys": self.jwks},
            "/token": self._tokens,
            "/userinfo": lambda: self.user_info,
            "/login/oauth/access_token": lambda: {
                "access_token": "gho_1", "token_type": "bearer", "scope": "read:org", **self.tokens
            },
        }  # fmt: skip
        if path not in answers:
            return answer(request, {"message": "Not Found"}, 404)
        return answer(request, answers[path]())

    def _document(self) -> dict[str, Any]:
        document = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/jwks",
            "userinfo_endpoint": f"{ISSUER}/userinfo",
            "id_token_signing_alg_values_supported": ["RS256"],
            **self.discovery,
        }
        return {name: value for name, value in document.items() if value is not None}

    def _tokens(self) -> dict[str, Any]:
        tokens = {
            "access_token": "AT-1",
            "token_type": "Bearer",
            "expires_in": 3600,
            "refresh_token": "RT-1",
            "id_token": self.make_id_token(**self.claims),
            **self.tokens,
        }
        return {name: value for name, value in tokens.items() if value is not None}

    def _github(self, request: Request, path: str) -> bytes:
        account = self.github
        page = int(dict(parse_qsl(self.asked[-1].query)).get("page", "1"))
        shown = slice((page - 1) * account.per_page, page * account.per_page)
        teams = [team.split(":") for team in account.teams]
        answers: dict[str, Any] = {
            "/": {"current_user_url": "x"},
            "/user": {"login": account.login, "email": None},
            "/user/emails": account.emails,
            "/user/orgs": [{"login": org} for org in account.orgs][shown],
            "/user/teams": [{"slug": slug, "organization": {"login": org}} for org, slug in teams][shown],
            "/repos/acme/app": account.repo,
        }
        if path.startswith("/repos/acme/app/collaborators/"):
            return answer(request, None, 204 if path.rpartition("/")[2] in account.collaborators else 404)
        if answers.get(path) is None:
            return answer(request, {"message": "Not Found"}, 404)
        return answer(request, answers[path])


def answer(request: Request, value: Any, status: int = 200, content_type: str = "application/json") -> bytes:
    """Answer with a value as JSON; `None` is an empty body, bytes go as they are."""
    request.setResponseCode(status)
    request.setHeader(b"Content-Type", content_type.encode())
    if value is None:
        return b""
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def answering(
    value: Any, status: int = 200, content_type: str = "application/json", **headers: str
) -> Callable[[Request], bytes]:
    """A fault for `instead`: always this answer; a header's name is written with `_` for `-`."""

    def render(request: Request) -> bytes:
        for name, text in headers.items():
            request.setHeader(name.replace("_", "-").encode(), text.encode())
        return answer(request, value, status, content_type)

    return render


def silent(request: Request) -> int:
    """A fault for `instead`: no answer at all."""
    return NOT_DONE_YET


def stalling(request: Request) -> int:
    """A fault for `instead`: a head, the body's first bytes, and no more."""
    request.setHeader(b"Content-Length", b"1000")
    request.write(b'{"keys":')
    return NOT_DONE_YET


def breaking_off(request: Request) -> int:
    """A fault for `instead`: the connection ends within the body."""
    request.setHeader(b"Content-Length", b"1000")
    request.write(b'{"keys":')
    request.loseConnection()
    return NOT_DONE_YET


@implementer(IAgent)
class Unreachable:
    """An agent whose connections all fail with this error; with none, they neither succeed nor fail."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error
        self.requests = 0

    def request(self, method: bytes, uri: bytes, headers: Any = None, bodyProducer: Any = None) -> Deferred[Any]:
        """See `IAgent`."""
        self.requests += 1
        result: Deferred[Any] = Deferred()
        if self.error is not None:
            result.errback(self.error)
        return result


class Wire:
    """The product's client, an in-memory wire, and a fake provider at its end; `clock` is everybody's."""

    def __init__(self, **client: Any) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.provider = FakeProvider()
        self.agent = RequestTraversalAgent(self.provider)
        self._switch = _Switch(self.agent)
        self.client = ProviderClient(agent=self._switch, clock=self.clock, **client)
        self.surroundings = Surroundings(client=self.client, clock=self.clock, random=lambda: 0.5)

    def cut(self, error: Exception | None = None) -> Unreachable:
        """From now on no connection comes about."""
        self._switch.agent = gone = Unreachable(error)
        return gone

    def mend(self) -> None:
        """From now on connections come about again."""
        self._switch.agent = self.agent

    def begin(self, what: Awaitable[T]) -> Deferred[T]:
        """Begin something, and carry bytes until nothing moves."""
        started: Deferred[T] = what if isinstance(what, Deferred) else Deferred.fromCoroutine(_coroutine(what))
        self.settle()
        return started

    def settle(self) -> None:
        """Carry bytes until nothing moves."""
        for _ in range(50):
            self.agent.flush()

    def outcome(self, what: Awaitable[T]) -> T | BaseException:
        """What something comes to: its result, or the error that it raised."""
        results: list[T] = []
        failures: list[Failure] = []
        self.begin(what).addCallbacks(results.append, failures.append)
        if failures:
            assert failures[0].value is not None
            return failures[0].value
        assert results, "it has not come to an end"
        return results[0]

    def result(self, what: Awaitable[T]) -> T:
        """The result of something that must come to one."""
        outcome = self.outcome(what)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


@implementer(IAgent)
class _Switch:
    """An agent that stands for another, which a test may change."""

    def __init__(self, agent: Any) -> None:
        self.agent = agent

    def request(self, method: bytes, uri: bytes, headers: Any = None, bodyProducer: Any = None) -> Deferred[Any]:
        """See `IAgent`."""
        asked: Deferred[Any] = self.agent.request(method, uri, headers, bodyProducer)
        return asked


async def _coroutine(what: Awaitable[T]) -> T:
    return await what
