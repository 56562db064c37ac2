"""OpenID Connect: any provider that describes itself, or that settings describe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import evolve, field, frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from o2sidecar.oauth.claims import STANDARD_EMAIL_CLAIM, ClaimRules, Person
from o2sidecar.oauth.id_token import CLOCK_SKEW, IdTokenRules, read_id_token
from o2sidecar.oauth.jwk_set import JwkSet
from o2sidecar.oauth.signing_algorithms import enabled_algorithms
from o2sidecar.oauth.tokens import TokenRefused
from o2sidecar.providers.authorization_parameters import authorization_parameters
from o2sidecar.providers.bearer_tokens import TokenIssuer
from o2sidecar.providers.discovery import (
    REFRESH_INTERVAL,
    Discovery,
    FixedMetadata,
    MetadataSource,
    ProviderMetadata,
)
from o2sidecar.providers.endpoint_urls import configured_url
from o2sidecar.providers.id_token_check import IdTokenCheck
from o2sidecar.providers.key_set import REFETCH_INTERVAL, TTL, FixedKeys, KeySource, RemoteKeys
from o2sidecar.providers.surroundings import Surroundings
from o2sidecar.providers.token_endpoint import Secret, TokenEndpoint
from o2sidecar.providers.user_info import UserInfo
from o2sidecar.refusals import LoginFailed, ProviderFailed, Refusal, SessionEnded
from o2sidecar.session.session import Session

_log = Logger()


class OidcProvider:
    """A provider that vouches for people by ID tokens.

    `source` tells its endpoints, `tokens` asks for tokens, `check` judges ID tokens, `user_info` makes persons of them.
    `parameters`: of authorization requests.
    `issuer`: what authorization responses may name; empty: anything. `token_issuer` judges its bearer tokens.
    """

    def __init__(
        self,
        *,
        display_name: str,
        source: MetadataSource,
        tokens: TokenEndpoint,
        check: IdTokenCheck,
        user_info: UserInfo,
        parameters: Mapping[str, str],
        issuer: str,
        token_issuer: TokenIssuer,
        clock: IReactorTime,
    ) -> None:
        self.display_name = display_name
        self.token_issuer = token_issuer
        self._source = source
        self._tokens = tokens
        self._check = check
        self._user_info = user_info
        self._parameters = dict(parameters)
        self._issuer = issuer
        self._clock = clock

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
        person = await self._user_info.person(
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
                    raise SessionEnded(detail=f"the token endpoint refused the refresh: {refused}") from None
                _log.warn("A session could not be refreshed: {trouble}", trouble=str(refused))
            except SessionEnded:
                raise
            except Refusal as refusal:
                _log.warn("A session could not be refreshed: {trouble}", trouble=str(refusal))
        await self._require_valid(session)
        return None

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
        if not tokens.id_token:
            return renewed
        _require_same_person(session, tokens.id_token)
        claims = await self._check.verify(tokens.id_token, advertised=metadata.signing_algorithms)
        person = await self._user_info.person(
            claims, endpoint=metadata.userinfo_endpoint, access_token=tokens.access_token
        )
        # Providers may leave the email out of refreshed tokens; it is still the same person.
        known = evolve(person, email=person.email or session.email)
        return evolve(renewed, id_token=tokens.id_token, **_identity(known))

    async def _require_valid(self, session: Session) -> None:
        """The session's own tokens must still vouch for it; otherwise raise `SessionEnded`."""
        if session.expires_on is not None and session.expires_on <= self._clock.seconds():
            raise SessionEnded(detail="the session's tokens have expired and could not be renewed")
        try:
            await self._check.verify_again(session.id_token)
        except ProviderFailed as failed:
            raise SessionEnded(detail=f"the session could not be renewed, and {failed.detail}") from None


def _identity(person: Person) -> dict[str, Any]:
    return {
        "user": person.user,
        "email": person.email,
        "groups": person.groups,
        "preferred_username": person.preferred_username,
        "additional_claims": person.additional_claims,
    }


def _require_same_person(session: Session, id_token: str) -> None:
    """OpenID Connect Core §12.2: a refreshed ID token keeps `iss` and `sub`; a session's user is its `sub`."""
    renewed = read_id_token(id_token).unverified_claims
    try:
        before = dict(read_id_token(session.id_token).unverified_claims)
    except ProviderFailed:
        before = {}
    if session.user:
        before["sub"] = session.user
    for name in ("iss", "sub"):
        if name in before and renewed.get(name) != before[name]:
            raise SessionEnded(reason="identity_changed", detail=f"the refreshed id_token has another {name}")


@frozen(kw_only=True)
class Options:
    """What settings say; the names are the options' keys, times are in seconds.

    Making one raises `ValueError`, with a sentence, for settings that cannot work.
    """

    client_id: str
    client_secret: Secret = field(default="", repr=False)
    oidc_issuer_url: str
    provider_display_name: str = ""
    login_url: str = ""
    redeem_url: str = ""
    profile_url: str = ""
    oidc_jwks_url: str = ""
    oidc_public_key_files: Sequence[str] = ()
    skip_oidc_discovery: bool = False
    skip_claims_from_profile_url: bool = False
    insecure_oidc_skip_issuer_verification: bool = False
    insecure_oidc_allow_unverified_email: bool = False
    oidc_enabled_signing_algs: Sequence[str] = ()
    oidc_audience_claims: Sequence[str] = ("aud",)
    oidc_extra_audiences: Sequence[str] = ()
    oidc_email_claim: str = STANDARD_EMAIL_CLAIM
    oidc_groups_claim: str = "groups"
    user_id_claim: str = STANDARD_EMAIL_CLAIM
    additional_claims: Sequence[str] = ()
    allowed_groups: Sequence[str] = ()
    scope: str = ""
    prompt: str = ""
    approval_prompt: str = "force"
    acr_values: str = ""
    auth_request_response_mode: str = ""
    clock_skew: float = CLOCK_SKEW
    jwks_ttl: float = TTL
    jwks_refetch_interval: float = REFETCH_INTERVAL
    discovery_refresh_interval: float = REFRESH_INTERVAL

    def __attrs_post_init__(self) -> None:
        configured_url(self.oidc_issuer_url, "oidc_issuer_url")
        enabled_algorithms(self.oidc_enabled_signing_algs)
        missing = [option for option, member in _MEMBERS.items() if member not in {*self.endpoints, *self._optional}]
        if self.skip_oidc_discovery and missing:
            raise ValueError(f"skip_oidc_discovery needs {', '.join(missing)} as well")

    @property
    def endpoints(self) -> dict[str, str]:
        """The metadata that settings tell, and that they know better than discovery."""
        stated = {option: getattr(self, option) for option in _MEMBERS}
        return {_MEMBERS[option]: configured_url(url, option) for option, url in stated.items() if url}

    @property
    def _optional(self) -> set[str]:
        return {"userinfo_endpoint", "jwks_uri"} if self.oidc_public_key_files else {"userinfo_endpoint"}


_MEMBERS = {
    "login_url": "authorization_endpoint",
    "redeem_url": "token_endpoint",
    "profile_url": "userinfo_endpoint",
    "oidc_jwks_url": "jwks_uri",
}


def build(options: Options, surroundings: Surroundings) -> OidcProvider:
    """An OpenID provider of settings; raises `ValueError` naming a key file that cannot be used."""
    client, clock = surroundings.client, surroundings.clock
    check_issuer = not options.insecure_oidc_skip_issuer_verification
    source = _source(options, surroundings)
    rules = IdTokenRules(
        issuer=options.oidc_issuer_url,
        client_id=options.client_id,
        extra_audiences=frozenset(options.oidc_extra_audiences),
        audience_claims=tuple(options.oidc_audience_claims),
        check_issuer=check_issuer,
        clock_skew=options.clock_skew,
    )
    keys, claims = _keys(options, surroundings, source), _claim_rules(options)

    async def advertised() -> frozenset[str]:
        return (await source.metadata()).signing_algorithms

    return OidcProvider(
        display_name=options.provider_display_name or "OpenID Connect",
        source=source,
        tokens=TokenEndpoint(
            client=client, clock=clock, client_id=options.client_id, client_secret=options.client_secret
        ),
        check=IdTokenCheck(rules=rules, keys=keys, clock=clock, algorithms=options.oidc_enabled_signing_algs),
        user_info=UserInfo(client=client, rules=claims, is_asked=not options.skip_claims_from_profile_url),
        parameters=_parameters(options),
        issuer=options.oidc_issuer_url if check_issuer else "",
        token_issuer=TokenIssuer(
            rules=rules,
            keys=keys,
            claims=claims,
            clock=clock,
            algorithms=options.oidc_enabled_signing_algs,
            advertised=advertised,
        ),
        clock=clock,
    )


def _source(options: Options, surroundings: Surroundings) -> MetadataSource:
    stated: dict[str, Any] = options.endpoints
    if options.skip_oidc_discovery:
        return FixedMetadata(ProviderMetadata(**stated))
    return Discovery(
        issuer=options.oidc_issuer_url,
        client=surroundings.client,
        clock=surroundings.clock,
        check_issuer=not options.insecure_oidc_skip_issuer_verification,
        overrides=stated,
        refresh_interval=options.discovery_refresh_interval,
        random=surroundings.random,
    )


def _keys(options: Options, surroundings: Surroundings, source: MetadataSource) -> KeySource:
    if options.oidc_public_key_files:
        return FixedKeys(JwkSet.from_pems(_read_key(name) for name in options.oidc_public_key_files))

    async def address() -> str:
        return (await source.metadata()).jwks_uri

    return RemoteKeys(
        address,
        client=surroundings.client,
        clock=surroundings.clock,
        ttl=options.jwks_ttl,
        refetch_interval=options.jwks_refetch_interval,
    )


def _claim_rules(options: Options) -> ClaimRules:
    # `user_id_claim` promised more than it ever did: it is the older name of the option for the email's claim.
    is_default = options.oidc_email_claim == STANDARD_EMAIL_CLAIM
    return ClaimRules(
        email_claim=options.user_id_claim if is_default else options.oidc_email_claim,
        groups_claim=options.oidc_groups_claim,
        additional_claims=tuple(options.additional_claims),
        allow_unverified_email=options.insecure_oidc_allow_unverified_email,
    )


def _parameters(options: Options) -> dict[str, str]:
    default = "openid email profile groups" if options.allowed_groups else "openid email profile"
    return authorization_parameters(
        scope=options.scope or default,
        prompt=options.prompt,
        approval_prompt=options.approval_prompt,
        acr_values=options.acr_values,
        response_mode=options.auth_request_response_mode,
    )


def _read_key(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise ValueError(f"oidc_public_key_files: {name} cannot be read: {error.strerror}") from None
