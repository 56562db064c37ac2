"""ID tokens: the rules of OpenID Connect Core 1.0 §3.1.3.7, by their numbers."""

from __future__ import annotations

import hmac
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import field, frozen

from o2sidecar.oauth.jwk_set import VerificationKey
from o2sidecar.oauth.jws import SignedToken, TokenRejected
from o2sidecar.oauth.signing_algorithms import enabled_algorithms
from o2sidecar.refusals import LoginFailed, ProviderFailed

CLOCK_SKEW = 300.0

_LATEST = 253402300799.0
"""The end of the year 9999 in seconds since the epoch; what lies beyond is no date."""

_LONGEST_SUBJECT = 255

TENANT = "{tenantid}"
"""What stands in the issuer that Microsoft's discovery document for all tenants names."""

TENANT_ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
"""What a tenant's id looks like (RFC 9562 §4)."""

ID_TOKEN_TYPES = frozenset({"", "jwt", "jose"})
"""What the `typ` of an ID token may say, in lower case."""


@frozen(kw_only=True)
class IdTokenRules:
    """What an ID token must be to be believed.

    Attributes:
        issuer: the issuer that must have made it, compared exactly; `{tenantid}` in it stands for the token's `tid`.
        client_id: the client that it must be meant for.
        extra_audiences: other audiences that will do.
        audience_claims: the claims that may name the audience; the first that is present counts.
        algorithms: the signature algorithms allowed.
        types: what `typ` may say, in lower case; empty: it may be absent.
        check_issuer: whether `iss` is compared.
        check_authorized_party: whether an `azp` must be one of the audiences.
        clock_skew: how far `iat` and `nbf` may lie ahead, in seconds.
        expiry_leeway: how long a token is believed beyond `exp`, in seconds.
    """

    issuer: str
    client_id: str
    extra_audiences: frozenset[str] = frozenset()
    audience_claims: tuple[str, ...] = ("aud",)
    algorithms: frozenset[str] = field(factory=enabled_algorithms)
    types: frozenset[str] = ID_TOKEN_TYPES
    check_issuer: bool = True
    check_authorized_party: bool = True
    clock_skew: float = CLOCK_SKEW
    expiry_leeway: float = 0.0

    def verify(
        self, token: SignedToken, keys: Iterable[VerificationKey], now: float, nonce: str | None
    ) -> dict[str, Any]:
        """The claims of a token that holds in every point; `now` in seconds since the epoch.

        `nonce` is what the authorization request sent; `None`: it sent none, or it is not to be compared.
        Raises `ProviderFailed`, or `LoginFailed` for another login's nonce.
        """
        try:
            self._check_kind(token)
            # 6-8. The signature counts although the token came over TLS, and never by a shared secret.
            claims = token.verify(keys, self.algorithms)
        except TokenRejected as rejected:
            raise _refusal(rejected) from None
        self.check_claims(claims, now)
        self._check_nonce(claims, nonce)
        return claims

    def check_claims(self, claims: Mapping[str, Any], now: float) -> None:
        """Every rule but those about signature and nonce, for a token that was verified before; as `verify`."""
        try:
            self._check_issuer(claims)
            self._check_audience(claims)
            self._check_times(claims, now)
            _check_subject(claims)
        except TokenRejected as rejected:
            raise _refusal(rejected) from None

    def check_what_is_said(self, claims: Mapping[str, Any], now: float) -> None:
        """The rules about issuer, audience and times as far as claims say anything about them.

        Raises `TokenRejected`.
        """
        if "iss" in claims:
            self._check_issuer(claims)
        if "aud" in claims:
            self._check_meant_for("aud", claims["aud"])
        self._check_times(claims, now, required=False)

    def is_issuer_of(self, claims: Mapping[str, Any]) -> bool:
        """Whether claims name the issuer of these rules.

        Microsoft has one issuer a tenant, and keys that all of them share; what tells them apart is `tid`.
        """
        issuer = self.issuer
        if TENANT in issuer:
            tenant = claims.get("tid")
            if not isinstance(tenant, str) or not TENANT_ID.fullmatch(tenant):
                return False
            issuer = issuer.replace(TENANT, tenant)
        return bool(claims.get("iss") == issuer)

    def _check_kind(self, token: SignedToken) -> None:
        """RFC 8725 §3.11: other kinds of token of the same issuer are no ID tokens; 1. nor is an encrypted one."""
        if token.typ not in self.types:
            raise TokenRejected("token_type", "the token is of another kind (its header says so by typ)")
        if "events" in token.unverified_claims:
            # OpenID Connect Back-Channel Logout 1.0 §2.4
            raise TokenRejected("token_type", "the token is a logout token")

    def _check_issuer(self, claims: Mapping[str, Any]) -> None:
        """2. `iss` is exactly the issuer that discovery vouched for."""
        if self.check_issuer and not self.is_issuer_of(claims):
            raise TokenRejected("token_issuer", f"the token's issuer (iss) is not {self.issuer}")

    def _check_audience(self, claims: Mapping[str, Any]) -> None:
        name = next((name for name in self.audience_claims if claims.get(name) is not None), None)
        if name is None:
            raise TokenRejected("token_audience", f"the token has no audience in {' or '.join(self.audience_claims)}")
        # 3. It is meant for this client, perhaps among others.
        self._check_meant_for(name, claims[name])
        # 4-5. The party it was issued to, where it is named, is this client as well.
        party = claims.get("azp")
        is_judged = self.check_authorized_party and "azp" not in self.audience_claims and party is not None
        if is_judged and not (isinstance(party, str) and party in self._accepted):
            raise TokenRejected("token_audience", "the token was issued to another client (azp), not this audience")

    def _check_meant_for(self, name: str, said: Any) -> None:
        audiences = said if isinstance(said, list) else [said]
        if not all(isinstance(audience, str) for audience in audiences) or self._accepted.isdisjoint(audiences):
            raise TokenRejected("token_audience", f"the token's audience ({name}) is not this client")

    @property
    def _accepted(self) -> frozenset[str]:
        return self.extra_audiences | {self.client_id}

    def _check_times(self, claims: Mapping[str, Any], now: float, *, required: bool = True) -> None:
        # 9. `exp` lies ahead.
        expires = _time(claims, "exp")
        if (expires is None and required) or (expires is not None and now >= expires + self.expiry_leeway):
            raise TokenRejected("token_expired", "the token has expired (exp), or does not say when it will")
        # 10. `iat` is required (§2) and cannot lie ahead by more than clocks differ; nor can `nbf` (RFC 7519 §4.1.5).
        issued = _time(claims, "iat")
        if (issued is None and required) or (issued or 0.0) > now + self.clock_skew:
            raise TokenRejected("token_time", "the token was issued in the future (iat), or does not say when")
        if (_time(claims, "nbf") or 0.0) > now + self.clock_skew:
            raise TokenRejected("token_time", "the token is not valid yet (nbf)")

    def _check_nonce(self, claims: Mapping[str, Any], nonce: str | None) -> None:
        """11. The nonce is the one that this login sent; otherwise the token belongs to another login."""
        if nonce is None:
            return
        found = claims.get("nonce")
        if not isinstance(found, str) or not hmac.compare_digest(found.encode(), nonce.encode()):
            raise LoginFailed(
                reason="nonce_mismatch",
                sentence="This login could not be completed. Please sign in again.",
                detail="the id_token's nonce is missing or is not the one that this login sent",
            )


def read_id_token(text: str) -> SignedToken:
    """An ID token taken apart, with nothing believed yet; raises `ProviderFailed`."""
    try:
        return SignedToken.parse(text)
    except TokenRejected as rejected:
        raise _refusal(rejected) from None


def _refusal(rejected: TokenRejected) -> ProviderFailed:
    return ProviderFailed(reason=rejected.reason, detail=f"id_token: {rejected}")


def _check_subject(claims: Mapping[str, Any]) -> None:
    """§2: `sub` is required, a text of at most 255 characters."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
        raise TokenRejected("token_subject", "the token has no usable subject (sub)")


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    """A NumericDate (RFC 7519 §2) in seconds since the epoch; `None` if absent."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= _LATEST:
        raise TokenRejected("token_time", f"the token's {name} is not a time")
    return float(value) if math.isfinite(value) else None
