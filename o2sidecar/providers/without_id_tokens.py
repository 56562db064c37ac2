"""What providers have in common that issue no ID tokens, and vouch for people by an API behind the access token."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NotRequired, TypedDict, Unpack

from twisted.internet.interfaces import IReactorTime

from o2sidecar.oauth.tokens import TokenResponse
from o2sidecar.providers.token_endpoint import TokenEndpoint
from o2sidecar.refusals import SessionEnded
from o2sidecar.session.session import Session

METHODS = ("client_secret_post",)
"""How they want to know who asks; there is no discovery document that could say something else."""


class Common(TypedDict):
    """What each of them is made with.

    `parameters`: of authorization requests. `lifetime`: of sessions whose tokens have no end, in seconds; 0: no end.
    `allowed_groups`: those that its own options name: who is in one of them may pass.
    """

    display_name: str
    login_url: str
    redeem_url: str
    tokens: TokenEndpoint
    parameters: Mapping[str, str]
    lifetime: float
    clock: IReactorTime
    allowed_groups: NotRequired[Iterable[str]]


class WithoutIdTokens:
    """The half of a `Provider` that is the same for all of them; they add `sign_in` and `refresh`."""

    def __init__(self, **common: Unpack[Common]) -> None:
        self.display_name = common["display_name"]
        self.allowed_groups = frozenset(common.get("allowed_groups", ()))
        self.token_issuer = None
        self.session_end = None
        self._login_url = common["login_url"]
        self._redeem_url = common["redeem_url"]
        self._tokens = common["tokens"]
        self._parameters = dict(common["parameters"])
        self._lifetime = common["lifetime"]
        self._clock = common["clock"]

    async def authorization_endpoint(self) -> str:
        """See `Provider`."""
        return self._login_url

    def authorization_parameters(self) -> Mapping[str, str]:
        """See `Provider`."""
        return self._parameters

    async def check_response_issuer(self, issuer: str | None) -> None:
        """See `Provider`: there is no issuer that was agreed on."""

    def trouble(self) -> str:
        """See `Provider`: nothing is needed before the first sign-in."""
        return ""

    async def start(self) -> None:
        """See `Provider`."""

    def stop(self) -> None:
        """See `Provider`."""

    async def _redeem(self, code: str, redirect_uri: str, code_verifier: str | None) -> TokenResponse:
        return await self._tokens.redeem(
            self._redeem_url, code=code, redirect_uri=redirect_uri, code_verifier=code_verifier, methods=METHODS
        )

    def _end(self, expires_on: float | None) -> float | None:
        return expires_on or (self._clock.seconds() + self._lifetime if self._lifetime else None)

    def _require_unexpired(self, session: Session) -> None:
        if session.expires_on is not None and session.expires_on <= self._clock.seconds():
            raise SessionEnded(detail="the session has expired and could not be renewed")
