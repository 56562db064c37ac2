"""OpenID Connect: any provider that describes itself, or that settings describe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from o2sidecar.oauth.claims import STANDARD_EMAIL_CLAIM, ClaimRules
from o2sidecar.oauth.id_token import CLOCK_SKEW, TENANT, IdTokenRules
from o2sidecar.oauth.jwk_set import JwkSet
from o2sidecar.oauth.signed_claims import SignedClaimsRules
from o2sidecar.oauth.signing_algorithms import enabled_algorithms
from o2sidecar.providers.authorization_parameters import authorization_parameters
from o2sidecar.providers.bearer_tokens import TokenIssuer
from o2sidecar.providers.client_options import ClientOptions, token_endpoint
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
from o2sidecar.providers.oidc_provider import OidcProvider
from o2sidecar.providers.persons import Persons
from o2sidecar.providers.session_end import SessionEnd
from o2sidecar.providers.signed_claims import SignedClaims
from o2sidecar.providers.surroundings import Surroundings
from o2sidecar.providers.user_info import UserInfo


@frozen(kw_only=True)
class Options(ClientOptions):
    """What settings say; the names are the options' keys, times are in seconds.

    Making one raises `ValueError`, with a sentence, for settings that cannot work.
    """

    oidc_issuer_url: str
    provider_display_name: str = ""
    login_url: str = ""
    redeem_url: str = ""
    profile_url: str = ""
    oidc_jwks_url: str = ""
    oidc_public_key_files: Sequence[str] = ()
    skip_oidc_discovery: bool = False
    skip_claims_from_profile_url: bool = False
    oidc_user_info_by_form: bool = False
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


def _as_they_are(user_info: UserInfo) -> Persons:
    return user_info


@frozen(kw_only=True)
class Dialect:
    """OpenID Connect as one provider speaks it; without anything said, as the standard does.

    Attributes:
        name: of the provider.
        scope: what is asked for unless settings say.
        persons: makes persons, given what would do it by the standard.
        issuer: of ID tokens, where it is not the configured one; they must have it whatever settings say.
        document_issuer: what the discovery document names, where that is another.
        client_assertion: proves who we are, in the place of a secret, to the URL given.
        resource: the protected resource that both requests name; `None`: that of settings.
        sends_scope: whether authorization requests name the scope.
        user_is_subject, allowed_groups: see `OidcProvider`.
    """

    name: str = "OpenID Connect"
    scope: str = ""
    persons: Callable[[UserInfo], Persons] = _as_they_are
    issuer: str = ""
    document_issuer: str = ""
    client_assertion: Callable[[str], str] | None = None
    resource: str | None = None
    sends_scope: bool = True
    user_is_subject: bool = True
    allowed_groups: Sequence[str] = ()


STANDARD = Dialect()


def build(options: Options, surroundings: Surroundings, dialect: Dialect = STANDARD) -> OidcProvider:
    """An OpenID provider of settings; raises `ValueError` naming a key file that cannot be used."""
    source = _source(options, surroundings, dialect)
    rules = _id_token_rules(options, dialect)
    keys, clock = _keys(options, surroundings, source), surroundings.clock
    signed = SignedClaims(rules=SignedClaimsRules(of_id_tokens=rules), keys=keys, clock=clock)
    persons = dialect.persons(_user_info(options, surroundings, signed))

    async def advertised() -> frozenset[str]:
        return (await source.metadata()).signing_algorithms

    algorithms = options.oidc_enabled_signing_algs
    check = IdTokenCheck(rules=rules, keys=keys, clock=clock, algorithms=algorithms)
    tokens = token_endpoint(options, surroundings, client_assertion=dialect.client_assertion, resource=dialect.resource)
    return OidcProvider(
        display_name=options.provider_display_name or dialect.name,
        source=source,
        tokens=tokens,
        check=check,
        persons=persons,
        parameters=_parameters(options, dialect),
        issuer=rules.issuer if rules.check_issuer and TENANT not in rules.issuer else "",
        token_issuer=TokenIssuer(
            rules=rules,
            keys=keys,
            persons=persons,
            email_claim=claim_rules(options).email_claim,
            clock=clock,
            algorithms=algorithms,
            advertised=advertised,
        ),
        session_end=SessionEnd(
            source=source,
            tokens=tokens,
            rules=rules,
            keys=keys,
            clock=clock,
            signed_with=check.signed_with,
            algorithms=algorithms,
        ),
        clock=clock,
        allowed_groups=dialect.allowed_groups,
        user_is_subject=dialect.user_is_subject,
        grace=2 * surroundings.refresh_period,
    )


def _user_info(options: Options, surroundings: Surroundings, signed: SignedClaims) -> UserInfo:
    return UserInfo(
        client=surroundings.client,
        rules=claim_rules(options),
        is_asked=not options.skip_claims_from_profile_url,
        signed=signed,
        in_form=options.oidc_user_info_by_form,
    )


def _id_token_rules(options: Options, dialect: Dialect) -> IdTokenRules:
    return IdTokenRules(
        issuer=dialect.issuer or options.oidc_issuer_url,
        client_id=options.client_id,
        extra_audiences=frozenset(options.oidc_extra_audiences),
        audience_claims=tuple(options.oidc_audience_claims),
        algorithms=enabled_algorithms(options.oidc_enabled_signing_algs),
        check_issuer=bool(dialect.issuer) or not options.insecure_oidc_skip_issuer_verification,
        clock_skew=options.clock_skew,
    )


def _source(options: Options, surroundings: Surroundings, dialect: Dialect) -> MetadataSource:
    stated: dict[str, Any] = options.endpoints
    if options.skip_oidc_discovery:
        return FixedMetadata(ProviderMetadata(**stated))
    return Discovery(
        issuer=options.oidc_issuer_url,
        client=surroundings.client,
        clock=surroundings.clock,
        check_issuer=not options.insecure_oidc_skip_issuer_verification,
        named=dialect.document_issuer,
        overrides=stated,
        refresh_interval=options.discovery_refresh_interval,
        random=surroundings.random,
        documents=surroundings.documents,
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
        documents=surroundings.documents,
        name=(options.oidc_issuer_url, options.oidc_jwks_url),
    )


def claim_rules(options: Options) -> ClaimRules:
    """Which claims make a person."""
    # `user_id_claim` promised more than it ever did: it is the older name of the option for the email's claim.
    is_default = options.oidc_email_claim == STANDARD_EMAIL_CLAIM
    return ClaimRules(
        email_claim=options.user_id_claim if is_default else options.oidc_email_claim,
        groups_claim=options.oidc_groups_claim,
        additional_claims=tuple(options.additional_claims),
        allow_unverified_email=options.insecure_oidc_allow_unverified_email,
    )


def _parameters(options: Options, dialect: Dialect) -> dict[str, str]:
    default = "openid email profile groups" if options.allowed_groups else "openid email profile"
    return authorization_parameters(
        scope=(options.scope or dialect.scope or default) if dialect.sends_scope else "",
        prompt=options.prompt,
        approval_prompt=options.approval_prompt,
        acr_values=options.acr_values,
        response_mode=options.auth_request_response_mode,
        resource=options.resource if dialect.resource is None else dialect.resource,
    )


def _read_key(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise ValueError(f"oidc_public_key_files: {name} cannot be read: {error.strerror}") from None
