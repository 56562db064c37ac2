"""OpenID Connect's code flow: sign-in, refresh, and who a session's person is by then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import evolve
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from o2sidecar.oauth.claims import Person
from o2sidecar.oauth.id_token import read_id_token
from o2sidecar.oauth.tokens import TokenRefused
from o2sidecar.providers.bearer_tokens import TokenIssuer
from o2sidecar.providers.discovery import MetadataSource
from o2sidecar.providers.id_token_check import IdTokenCheck
from o2sidecar.providers.persons import Persons
from o2sidecar.providers.session_end import SessionEnd
from o2sidecar.providers.token_endpoint import TokenEndpoint
from o2sidecar.refusals import (
    GrantSpent,
    LoginFailed,
    NotPermitted,
    ProviderFailed,
    ProviderUnavailable,
    Refusal,
    SessionEnded,
)
from o2sidecar.session.session import Session

_log = Logger()


class OidcProvider:
    """A provider that vouches for people by ID tokens.

    `source` tells its endpoints, `tokens` asks for tokens, `check` judges ID tokens, `persons` makes persons of them.
    `parameters`: of authorization requests.
    `issuer`: what authorization responses may name; empty: anything. `token_issuer` judges its bearer tokens,
    `session_end` is what it offers when somebody signs out.
    `allowed_groups`: those that its own options name: who is in one of them may pass. `user_is_subject`: whether a
    session's user is the token's `sub`. `grace`: seconds since somebody was judged by rules of the provider's own, for
    which they may pass beyond the end of their tokens while only new tokens, and no new judgement, are to be had.
    """

    def __init__(
        self,
        *,
        display_name: str,
        source: MetadataSource,
        tokens: TokenEndpoint,
        check: IdTokenCheck,
        persons: Persons,
        parameters: Mapping[str, str],
        issuer: str,
        token_issuer: TokenIssuer,
        session_end: SessionEnd,
        clock: IReactorTime,
        allowed_groups: Iterable[str] = (),
        user_is_subject: bool = True,
        grace: float = 0,
    ) -> None:
        self.display_name = display_name
        self.token_issuer = token_issuer
        self.session_end = session_end
        self.allowed_groups = frozenset(allowed_groups)
        self._source = source
        self._tokens = tokens
        self._check = check
        self._persons = persons
        self._parameters = dict(parameters)
        self._issuer = issuer
        self._clock = clock
        self._user_is_subject = user_is_subject
        self._grace = grace

    async def authorization_endpoint(self) -> str:
        """See `Provider`."""
        return (await self._source.metadata()).authorization_endpoint

    def authorization_parameters(self) -> Mapping[str, str]:
        """See `Provider`."""
        return self._parameters

    async def check_response_issuer(self, issuer: str | None) -> None:
        """See `Provider`; RFC 9207 §2.4."""
        expected = issuer is not None or (await self._source.metadata()).names_itself_in_responses
        if self._issuer and expected and issuer != self._issuer:
            raise LoginFailed(
                reason="issuer_mismatch",
                sentence="This login could not be completed. Please sign in again.",
                detail="the authorization response is not from the provider that this login was begun with (iss)",
            )

    async def sign_in(self, *, code: str, redirect_uri: str, code_verifier: str | None, nonce: str | None) -> Session:
        """See `Provider`."""
        metadata = await self._source.metadata()
        tokens = await self._tokens.redeem(
            metadata.token_endpoint,
            code=code,
            redirect_uri=redirect_uri,
            code_verifier=code_verifier,
            methods=metadata.token_endpoint_auth_methods,
        )
        if not tokens.id_token:
            raise ProviderFailed(reason="token_response", detail="the token endpoint's answer has no id_token")
        claims = await self._check.verify(tokens.id_token, nonce=nonce, advertised=metadata.signing_algorithms)
        person = await self._persons.person(
            claims, endpoint=metadata.userinfo_endpoint, access_token=tokens.access_token
        )
        if not person.email:
            raise ProviderFailed(
                reason="email_missing",
                sentence="The identity provider did not tell your e-mail address.",
                detail="neither the id_token nor the user info names an email",
            )
        return Session(
            created_at=self._clock.seconds(),
            expires_on=tokens.expires_on,
            access_token=tokens.access_token,
            id_token=tokens.id_token,
            refresh_token=tokens.refresh_token,
            **_identity(person),
        )

    async def refresh(self, session: Session) -> Session | None:
        """See `Provider`."""
        if session.refresh_token:
            try:
                return await self._renewed(session)
            except TokenRefused as refused:
                if refused.ends_the_grant:
                    ended = GrantSpent if refused.is_of_the_token else SessionEnded
                    raise ended(detail=f"the token endpoint refused the refresh: {refused}") from None
                _log.warn("A session could not be refreshed: {trouble}", trouble=str(refused))
            except SessionEnded:
                raise
            except Refusal as refusal:
                _log.warn("A session could not be refreshed: {trouble}", trouble=str(refusal))
        await self._require_valid(session)
        if session.refresh_token or not self._persons.decides:
            return None
        renewed = evolve(session, created_at=self._clock.seconds())
        judged = await self._judged(session, renewed, _claims_of(session))
        return None if judged == session else judged

    def trouble(self) -> str:
        """See `Provider`."""
        return self._source.trouble()

    async def start(self) -> None:
        """See `Provider`."""
        await self._source.start()

    def stop(self) -> None:
        """See `Provider`."""
        self._source.stop()

    async def _renewed(self, session: Session) -> Session:
        metadata = await self._source.metadata()
        tokens = await self._tokens.refresh(
            metadata.token_endpoint,
            refresh_token=session.refresh_token,
            methods=metadata.token_endpoint_auth_methods,
        )
        renewed = evolve(
            session,
            created_at=self._clock.seconds(),
            expires_on=tokens.expires_on,
            access_token=tokens.access_token,
            refresh_token=tokens.refresh_token or session.refresh_token,
        )
        try:
            if tokens.id_token:
                self._require_same_person(session, tokens.id_token)
                claims = await self._check.verify(tokens.id_token, advertised=metadata.signing_algorithms)
                return await self._judged(session, evolve(renewed, id_token=tokens.id_token), claims)
            if self._persons.decides:
                return await self._judged(session, renewed, _claims_of(session))
        except ProviderUnavailable as unavailable:
            return self._kept(session, renewed, unavailable)
        except ProviderFailed as failed:
            _log.warn("A session was refreshed, but not its person: {trouble}", trouble=failed.detail)
            await self._require_valid(session)
            # The old refresh token may be spent: without the new one the next refresh would end the session.
            return evolve(renewed, created_at=session.created_at, expires_on=session.expires_on)
        return renewed

    async def _judged(self, session: Session, renewed: Session, claims: Mapping[str, Any]) -> Session:
        """The renewed session with who its person is now; raises `SessionEnded` if they may not pass any more."""
        try:
            metadata = await self._source.metadata()
            person = await self._persons.person(
                claims, endpoint=metadata.userinfo_endpoint, access_token=renewed.access_token, renewing=True
            )
        except ProviderUnavailable as unavailable:
            return self._kept(session, renewed, unavailable)
        except (ProviderFailed, NotPermitted) as refusal:
            if self._persons.decides:
                raise SessionEnded(detail=str(refusal)) from None
            raise
        # Providers may leave the email out of refreshed tokens; it is still the same person.
        known = evolve(person, email=person.email or session.email)
        return evolve(renewed, **_identity(known))

    def _kept(self, session: Session, renewed: Session, unavailable: ProviderUnavailable) -> Session:
        """The session with its new tokens, to be asked about again soon; nobody could tell who its person is now.

        The token endpoint has just vouched for it, whatever the old tokens' end; what is missing only describes the
        person, unless rules of the provider's own decide: then it goes on for no longer than the grace. The new tokens
        are kept, since the old ones may be void by now.
        """
        _log.warn("A session's person could not be asked about: {trouble}", trouble=unavailable.detail)
        kept = evolve(renewed, created_at=session.created_at)
        if not self._persons.decides:
            return kept
        if session.created_at is None or session.created_at + self._grace <= self._clock.seconds():
            self._require_unexpired(session)
        return evolve(kept, id_token=session.id_token, expires_on=session.expires_on)

    async def _require_valid(self, session: Session) -> None:
        """The session's own tokens must still vouch for it; otherwise raise `SessionEnded`."""
        self._require_unexpired(session)
        try:
            await self._check.verify_again(session.id_token)
        except ProviderFailed as failed:
            raise SessionEnded(detail=f"the session could not be renewed, and {failed.detail}") from None

    def _require_same_person(self, session: Session, id_token: str) -> None:
        """OpenID Connect Core §12.2: a refreshed ID token keeps `iss` and `sub`.

        A session's user is its `sub` too, unless the provider calls people otherwise; where its own token cannot be
        read, that decides alone, and where the user is another name, nothing can.
        """
        renewed = read_id_token(id_token).unverified_claims
        user = session.user if self._user_is_subject else ""
        try:
            before = dict(read_id_token(session.id_token).unverified_claims)
        except ProviderFailed as failed:
            if not self._user_is_subject:
                raise SessionEnded(detail=f"nobody can tell whose session it is: {failed.detail}") from None
            before = {"sub": user} if user else {}
        for name, known in (("iss", ""), ("sub", user)):
            if name in before and renewed.get(name) not in (before[name], *filter(None, [known])):
                raise SessionEnded(reason="identity_changed", detail=f"the refreshed id_token has another {name}")

    def _require_unexpired(self, session: Session) -> None:
        if session.expires_on is not None and session.expires_on <= self._clock.seconds():
            raise SessionEnded(detail="the session's tokens have expired and could not be renewed")


def _identity(person: Person) -> dict[str, Any]:
    return {
        "user": person.user,
        "email": person.email,
        "groups": person.groups,
        "preferred_username": person.preferred_username,
        "additional_claims": person.additional_claims,
    }


def _claims_of(session: Session) -> Mapping[str, Any]:
    """The claims of a session's own ID token, which was verified when the session began."""
    try:
        return read_id_token(session.id_token).unverified_claims
    except ProviderFailed as failed:
        raise SessionEnded(detail=f"nobody can tell whose session it is: {failed.detail}") from None
