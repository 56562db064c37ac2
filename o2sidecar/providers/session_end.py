"""What an OpenID provider offers for the end of a session: its own logout, revoked tokens, and word of its logouts."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from attrs import evolve
from twisted.internet.interfaces import IReactorTime

from o2sidecar.oauth.id_token import IdTokenRules
from o2sidecar.oauth.jws import SignedToken, TokenRejected
from o2sidecar.oauth.logout_token import LogoutNotice, verify_logout_token
from o2sidecar.oauth.signing_algorithms import enabled_algorithms
from o2sidecar.providers.discovery import MetadataSource
from o2sidecar.providers.key_set import KeySource
from o2sidecar.providers.token_endpoint import TokenEndpoint
from o2sidecar.session.session import Session


class SessionEnd:
    """One provider's side of a logout; `algorithms`: those that settings allow, none of them meaning all.

    `signed_with`: the algorithms of the ID tokens that held so far.
    """

    def __init__(
        self,
        *,
        source: MetadataSource,
        tokens: TokenEndpoint,
        rules: IdTokenRules,
        keys: KeySource,
        clock: IReactorTime,
        signed_with: Collection[str],
        algorithms: Iterable[str] = (),
    ) -> None:
        self.rules = rules
        self._source = source
        self._tokens = tokens
        self._keys = keys
        self._clock = clock
        self._signed_with = signed_with
        self._configured = frozenset(algorithms)

    async def end_session_endpoint(self) -> str:
        """Where it ends its own session with a browser; empty if it does not say. Raises `ProviderUnavailable`."""
        return (await self._source.metadata()).end_session_endpoint

    async def revoke(self, session: Session) -> bool:
        """Have it take a session's grant back (RFC 7009); whether it was asked.

        Raises `ProviderFailed` or `ProviderUnavailable`.
        """
        metadata = await self._source.metadata()
        hint = "refresh_token" if session.refresh_token else "access_token"
        token = session.refresh_token or session.access_token
        if not metadata.revocation_endpoint or not token:
            return False
        await self._tokens.revoke(
            metadata.revocation_endpoint, token=token, hint=hint, methods=metadata.token_endpoint_auth_methods
        )
        return True

    async def verify(self, token: SignedToken) -> LogoutNotice:
        """What a logout token says that this provider signed for us.

        Raises `TokenRejected`, or `ProviderUnavailable` while there are no keys.
        """
        advertised = (await self._source.metadata()).signing_algorithms
        enabled = enabled_algorithms(self._configured, advertised)
        # Back-Channel Logout 1.0 §2.4: signed as ID tokens are. Which way that is for this client only those tell.
        if self._signed_with and not self._configured:
            enabled = enabled.intersection(self._signed_with)
        rules = evolve(self.rules, algorithms=enabled)
        candidates = await self._keys.candidates(token)
        try:
            return verify_logout_token(token, candidates, rules, self._clock.seconds())
        except TokenRejected as rejected:
            newer = await self._keys.newer_candidates(token) if rejected.reason == "token_signature" else ()
            if not newer:
                raise
            return verify_logout_token(token, newer, rules, self._clock.seconds())
