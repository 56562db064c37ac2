"""OAuth 2 without ID tokens: who signed in is whom a profile behind the access token names, at each refresh anew."""

from __future__ import annotations

from typing import Any, Protocol, Unpack

from attrs import asdict, evolve
from twisted.logger import Logger

from o2sidecar.oauth.claims import Person
from o2sidecar.oauth.tokens import TokenRefused
from o2sidecar.provider_client import ProviderClient
from o2sidecar.providers.without_id_tokens import METHODS, Common, WithoutIdTokens
from o2sidecar.refusals import GrantSpent, NotPermitted, ProviderFailed, ProviderUnavailable, SessionEnded
from o2sidecar.session.session import Session

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


class ProfileProvider(WithoutIdTokens):
    """A provider whose profile says who somebody is; the rest is as in `WithoutIdTokens`."""

    def __init__(self, *, profile: Profile, **common: Unpack[Common]) -> None:
        super().__init__(**common)
        self._profile = profile

    async def sign_in(self, *, code: str, redirect_uri: str, code_verifier: str | None, nonce: str | None) -> Session:
        """See `Provider`; there is no ID token for a nonce to be in."""
        tokens = await self._redeem(code, redirect_uri, code_verifier)
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

    async def _with_new_tokens(self, session: Session) -> Session:
        """The session with new tokens if it has a refresh token that is good for some; else as it is."""
        if not session.refresh_token:
            return session
        try:
            tokens = await self._tokens.refresh(self._redeem_url, refresh_token=session.refresh_token, methods=METHODS)
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
