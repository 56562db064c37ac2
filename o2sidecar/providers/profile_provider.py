"""OAuth 2 without ID tokens: who signed in is whom a profile behind the access token names, at each refresh anew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from attrs import asdict, evolve
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from o2sidecar.oauth.claims import Person
from o2sidecar.oauth.tokens import TokenRefused
from o2sidecar.provider_client import ProviderClient
from o2sidecar.providers.token_endpoint import TokenEndpoint
from o2sidecar.refusals import GrantSpent, NotPermitted, ProviderFailed, ProviderUnavailable, SessionEnded
from o2sidecar.session.session import Session

_METHODS = ("client_secret_post",)
_log = Logger()


class Profile(Protocol):
    """What a provider's own API says of people."""

    async def person(self, access_token: str) -> Person:
        """Whose token this is.

        Raises `NotPermitted` by rules of the provider's own, `ProviderFailed` for answers that cannot be used,
        `ProviderUnavailable` where waiting may help.
        """


async def profile_at(client: ProviderClient, url: str, access_token: str, **headers: str) -> dict[str, Any]:
    """The JSON object at a URL by an access token (RFC 6750 §2.1); raises as `Answer.json_object`.

    A header's name is written with `_` for `-`.
    """
    more = {name.replace("_", "-"): text for name, text in headers.items()}
    bearer = {"Accept": "application/json", "Authorization": f"Bearer {access_token}"}
    return (await client.get(url, {**bearer, **more})).json_object()


class ProfileProvider:
    """A provider that vouches for people by its API.

    `parameters`: of authorization requests. `lifetime`: of sessions whose tokens have no end, in seconds; 0: no end.
    `allowed_groups`: those that its own options name: who is in one of them may pass.
    """

    def __init__(
        self,
        *,
        display_name: str,
        login_url: str,
        redeem_url: str,
        tokens: TokenEndpoint,
        profile: Profile,
        parameters: Mapping[str, str],
        lifetime: float,
        clock: IReactorTime,
        allowed_groups: Iterable[str] = (),
    ) -> None:
        self.display_name = display_name
        self.allowed_groups = frozenset(allowed_groups)
        self.token_issuer = None
        self._login_url = login_url
        self._redeem_url = redeem_url
        self._tokens = tokens
        self._profile = profile
        self._parameters = dict(parameters)
        self._lifetime = lifetime
        self._clock = clock

    async def authorization_endpoint(self) -> str:
        """See `Provider`."""
        return self._login_url

    def authorization_parameters(self) -> Mapping[str, str]:
        """See `Provider`."""
        return self._parameters

    async def check_response_issuer(self, issuer: str | None) -> None:
        """See `Provider`: there is no issuer that was agreed on."""

    async def sign_in(self, *, code: str, redirect_uri: str, code_verifier: str | None, nonce: str | None) -> Session:
        """See `Provider`; there is no ID token for a nonce to be in."""
        tokens = await self._tokens.redeem(
            self._redeem_url, code=code, redirect_uri=redirect_uri, code_verifier=code_verifier, methods=_METHODS
        )
        person = await self._profile.person(tokens.access_token)
        if not person.email:
            raise ProviderFailed(
                reason="email_missing",
                sentence="The identity provider did not tell your e-mail address.",
                detail="the profile names no email that counts",
            )
        return Session(
            created_at=self._clock.seconds(),
            expires_on=self._end(tokens.expires_on),
            access_token=tokens.access_token,
            refresh_token=tokens.refresh_token,
            **asdict(person, recurse=False),
        )

    async def refresh(self, session: Session) -> Session | None:
        """See `Provider`: the profile says who it is by now, and whether they may still come."""
        renewed = await self._with_new_tokens(session)
        try:
            person = await self._profile.person(renewed.access_token)
        except ProviderUnavailable as unavailable:
            _log.warn("A session could not be checked again: {trouble}", trouble=unavailable.detail)
            self._require_unexpired(session)
            # New tokens are kept, since the old ones may be void by now; more time they give nobody unasked.
            return None if renewed is session else evolve(renewed, expires_on=session.expires_on)
        except (ProviderFailed, NotPermitted) as refusal:
            raise SessionEnded(detail=str(refusal)) from None
        if renewed is session:
            self._require_unexpired(session)
        if person.user and session.user and person.user != session.user:
            raise SessionEnded(reason="identity_changed", detail="the profile is another user's by now")
        known = evolve(person, email=person.email or session.email)
        return evolve(renewed, created_at=self._clock.seconds(), **asdict(known, recurse=False))

    def trouble(self) -> str:
        """See `Provider`: nothing is needed before the first sign-in."""
        return ""

    async def start(self) -> None:
        """See `Provider`."""

    def stop(self) -> None:
        """See `Provider`."""

    async def _with_new_tokens(self, session: Session) -> Session:
        """The session with new tokens if it has a refresh token that is good for some; else as it is."""
        if not session.refresh_token:
            return session
        try:
            tokens = await self._tokens.refresh(self._redeem_url, refresh_token=session.refresh_token, methods=_METHODS)
        except TokenRefused as refused:
            if refused.ends_the_grant:
                ended = GrantSpent if refused.is_of_the_token else SessionEnded
                raise ended(detail=f"the token endpoint refused the refresh: {refused}") from None
            _log.warn("A session could not be refreshed: {trouble}", trouble=str(refused))
            return session
        except ProviderFailed as failed:
            _log.warn("A session could not be refreshed: {trouble}", trouble=failed.detail)
            return session
        return evolve(
            session,
            expires_on=self._end(tokens.expires_on),
            access_token=tokens.access_token,
            refresh_token=tokens.refresh_token or session.refresh_token,
        )

    def _end(self, expires_on: float | None) -> float | None:
        return expires_on or (self._clock.seconds() + self._lifetime if self._lifetime else None)

    def _require_unexpired(self, session: Session) -> None:
        if session.expires_on is not None and session.expires_on <= self._clock.seconds():
            raise SessionEnded(detail="the session has expired and could not be renewed")
