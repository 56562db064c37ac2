"""The demo's OpenID provider without its web pages: requests, codes, tokens and the rules that bind them.

It is small, but it checks what a careful provider checks, so that the demo shows the sidecar at its real work.
Nothing is kept but in memory, and all of it is bounded.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from attrs import define, field, frozen
from joserfc import jwt
from joserfc.jwk import ECKey
from twisted.internet.interfaces import IReactorTime

from o2sidecar.demo.people import Person

_T = TypeVar("_T")


@frozen(kw_only=True)
class Client:
    """A registered client (RFC 7591 §2). `redirect_uris` and `after_sign_out` are compared whole (RFC 9700 §2.1)."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uris: tuple[str, ...]
    after_sign_out: tuple[str, ...] = ()

    def has_secret(self, secret: str) -> bool:
        """Whether `secret` is this client's, in constant time."""
        return hmac.compare_digest(self.client_secret.encode(), secret.encode())


class RequestRefused(Exception):
    """An authorization request that must not be answered by a redirect (RFC 6749 §4.1.2.1)."""


@frozen
class TokenRefused(Exception):
    """A token or userinfo request is refused; `error` is RFC 6749 §5.2's or RFC 6750 §3.1's word."""

    error: str
    description: str
    status: int = 400


@frozen(kw_only=True)
class AuthorizationRequest:
    """A checked authorization request (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1)."""

    redirect_uri: str
    state: str
    nonce: str
    code_challenge: str
    error: str = ""
    """RFC 6749 §4.1.2.1's word for what is wrong with it; empty if nothing is."""


@define
class Expiring(Generic[_T]):
    """Values under random names, gone after `lifetime` seconds; the oldest make room above `most`."""

    _clock: IReactorTime
    _random: Callable[[int], bytes]
    _lifetime: float
    _most: int = 1000
    _kept: dict[str, tuple[float, _T]] = field(factory=dict, init=False)

    def put(self, value: _T) -> str:
        """Keep a value; its name has 256 random bits."""
        name = base64.urlsafe_b64encode(self._random(32)).rstrip(b"=").decode()
        while len(self._kept) >= self._most:
            del self._kept[next(iter(self._kept))]
        self._kept[name] = (self._clock.seconds() + self._lifetime, value)
        return name

    def get(self, name: str) -> _T | None:
        """The value, if it is still there."""
        ends, value = self._kept.get(name, (0.0, None))
        return value if ends > self._clock.seconds() else None

    def drop(self, name: str) -> None:
        """Forget a value."""
        self._kept.pop(name, None)


@define
class _Grant:
    request: AuthorizationRequest
    person: Person
    access_token: str = ""
    """The token that the code was swapped for; empty while it has not been."""


class DemoProvider:
    """An OpenID provider with one client. Its signing key is made here and lives as long as the object."""

    def __init__(
        self,
        *,
        issuer: str,
        client: Client,
        clock: IReactorTime,
        random: Callable[[int], bytes],
        code_lifetime: float = 60.0,
        token_lifetime: float = 3600.0,
    ) -> None:
        self.issuer = issuer
        self.client = client
        self._clock = clock
        self._token_lifetime = token_lifetime
        self._key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
        self._codes: Expiring[_Grant] = Expiring(clock, random, code_lifetime)
        self._access: Expiring[Person] = Expiring(clock, random, token_lifetime)

    def metadata(self) -> dict[str, Any]:
        """The discovery document (OpenID Connect Discovery §3)."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/jwks",
            "end_session_endpoint": f"{self.issuer}/end_session",
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": ["openid", "email", "profile", "groups"],
            "claims_supported": ["sub", "name", "preferred_username", "email", "email_verified", "groups"],
        }

    def jwks(self) -> dict[str, Any]:
        """The public half of the signing key (RFC 7517 §5)."""
        return {"keys": [self._key.as_dict(private=False)]}

    def authorization_request(self, parameters: Mapping[str, Sequence[str]]) -> AuthorizationRequest:
        """Check an authorization request; what is wrong but may be told to the client is in its `error`.

        Raises `RequestRefused` when the client or its redirect URI is unknown: then nobody is redirected.
        """
        if _one(parameters, "client_id") != self.client.client_id:
            raise RequestRefused("No application is registered here under that client_id.")
        redirect_uri = _one(parameters, "redirect_uri")
        if redirect_uri not in self.client.redirect_uris:
            raise RequestRefused("The redirect_uri is not registered for this application.")
        return AuthorizationRequest(
            redirect_uri=redirect_uri,
            state=_one(parameters, "state"),
            nonce=_one(parameters, "nonce"),
            code_challenge=_one(parameters, "code_challenge"),
            error=_authorization_error(parameters),
        )

    def issue_code(self, request: AuthorizationRequest, person: Person) -> str:
        """A code for one swap (RFC 6749 §4.1.2)."""
        return self._codes.put(_Grant(request, person))

    def token_response(self, form: Mapping[str, Sequence[str]], basic: tuple[str, str] | None) -> dict[str, Any]:
        """Swap a code for tokens (RFC 6749 §4.1.3, RFC 7636 §4.6); `basic`: the Authorization field's credentials."""
        self._authenticate(basic or (_one(form, "client_id"), _one(form, "client_secret")))
        if _one(form, "grant_type") != "authorization_code":
            raise TokenRefused("unsupported_grant_type", "Only codes can be swapped here.")
        code = _one(form, "code")
        grant = self._codes.get(code)
        if grant is None:
            raise TokenRefused("invalid_grant", "The code is unknown or has expired.")
        if grant.access_token:  # RFC 6749 §4.1.2: a code that comes twice takes back what the first time gave
            self._access.drop(grant.access_token)
            self._codes.drop(code)
            raise TokenRefused("invalid_grant", "The code was used before.")
        if _one(form, "redirect_uri") != grant.request.redirect_uri:
            raise TokenRefused("invalid_grant", "The redirect_uri differs from the authorization request's.")
        if _s256(_one(form, "code_verifier")) != grant.request.code_challenge:
            raise TokenRefused("invalid_grant", "The code_verifier does not fit the code_challenge.")
        grant.access_token = self._access.put(grant.person)
        return {
            "access_token": grant.access_token,
            "token_type": "Bearer",
            "expires_in": int(self._token_lifetime),
            "id_token": self._id_token(grant),
            "scope": "openid email profile groups",
        }

    def userinfo(self, access_token: str) -> dict[str, Any]:
        """The claims of the person whom an access token was given for (OpenID Connect Core §5.3)."""
        person = self._access.get(access_token)
        if person is None:
            raise TokenRefused("invalid_token", "The access token is unknown or has expired.", 401)
        return person.claims()

    def after_sign_out(self, parameters: Mapping[str, Sequence[str]]) -> str:
        """Where to go after a sign-out (RP-Initiated Logout §3); empty where no registered URL was asked for."""
        wanted = _one(parameters, "post_logout_redirect_uri")
        return wanted if wanted in self.client.after_sign_out else ""

    def _authenticate(self, credentials: tuple[str, str]) -> None:
        client_id, client_secret = credentials
        if client_id != self.client.client_id or not self.client.has_secret(client_secret):
            raise TokenRefused("invalid_client", "The client is unknown or its secret is wrong.", 401)

    def _id_token(self, grant: _Grant) -> str:
        now = int(self._clock.seconds())
        claims = {
            **grant.person.claims(),
            "iss": self.issuer,
            "aud": self.client.client_id,
            "iat": now,
            "exp": now + int(self._token_lifetime),
        }
        if grant.request.nonce:
            claims["nonce"] = grant.request.nonce
        return jwt.encode({"alg": "ES256", "kid": self._key.kid}, claims, self._key, algorithms=["ES256"])


def _one(parameters: Mapping[str, Sequence[str]], name: str) -> str:
    """A parameter's value; empty if it is absent or, against RFC 6749 §3.1, there more than once."""
    values = parameters.get(name, ())
    return values[0] if len(values) == 1 else ""


def _authorization_error(parameters: Mapping[str, Sequence[str]]) -> str:
    if _one(parameters, "response_type") != "code":
        return "unsupported_response_type"
    if "openid" not in _one(parameters, "scope").split():
        return "invalid_scope"
    # RFC 9700 §2.1.1: PKCE is demanded of every client, and with the method that hides the verifier.
    if not _one(parameters, "code_challenge") or _one(parameters, "code_challenge_method") != "S256":
        return "invalid_request"
    return ""


def _s256(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
