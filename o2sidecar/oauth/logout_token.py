"""Logout tokens: the rules of OpenID Connect Back-Channel Logout 1.0 §2.4 and §2.6, by their numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import frozen

from o2sidecar.oauth.id_token import IdTokenRules
from o2sidecar.oauth.jwk_set import VerificationKey
from o2sidecar.oauth.jws import SignedToken, TokenRejected

EVENT = "http://schemas.openid.net/event/backchannel-logout"
MAX_LOGOUT_TOKEN = 16384

_TYPES = frozenset({"", "jwt", "logout+jwt"})
_LONGEST = 255


@frozen(kw_only=True)
class LogoutNotice:
    """Whose sessions a provider says are over: all of a subject's, or those of its one session there.

    `sub` or `sid` may be empty, not both. Times are in seconds since the epoch.
    """

    iss: str
    sub: str
    sid: str
    jti: str
    issued_at: float
    expires_at: float


def read_logout_token(text: str) -> SignedToken:
    """A logout token taken apart, with nothing believed yet; raises `TokenRejected`."""
    # 1. An encrypted one was not asked for, and has other parts.
    return SignedToken.parse(text, max_length=MAX_LOGOUT_TOKEN)


def verify_logout_token(
    token: SignedToken, keys: Iterable[VerificationKey], rules: IdTokenRules, now: float
) -> LogoutNotice:
    """What a token says that holds in every point; `rules`: of the ID tokens of the same provider.

    Raises `TokenRejected`.
    """
    # RFC 8725 §3.11: a type that is named must be this one.
    if token.typ not in _TYPES:
        raise TokenRejected("token_type", "the token is of another kind (its header says so by typ)")
    # 2-3. The signature, by a key of the provider; never none, never a shared secret.
    claims = token.verify(keys, rules.algorithms)
    # 4. iss, aud, iat and exp as in ID tokens.
    if not rules.is_issuer_of(claims):
        raise TokenRejected("token_issuer", "the token's issuer (iss) is another one")
    audiences = claims["aud"] if isinstance(claims.get("aud"), list) else [claims.get("aud")]
    if rules.client_id not in audiences:
        raise TokenRejected("token_audience", "the token's audience (aud) is not this client")
    issued_at, expires_at = _moment(claims, "iat"), _moment(claims, "exp")
    if issued_at > now + rules.clock_skew or now >= expires_at + rules.clock_skew:
        raise TokenRejected("token_time", "the token has expired (exp), or was issued in the future (iat)")
    # 5. It names a subject, or a session, or both.
    sub, sid = _text(claims, "sub"), _text(claims, "sid")
    if not sub and not sid:
        raise TokenRejected("token_subject", "the token has neither sub nor sid")
    # 6. It is about this event.
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise TokenRejected("token_type", "the token's events do not tell of a logout")
    # 7. A nonce would make it an ID token.
    if "nonce" in claims:
        raise TokenRejected("token_type", "the token has a nonce, as ID tokens do")
    # 8. jti, by which it is known when it comes again.
    jti = _text(claims, "jti")
    if not jti:
        raise TokenRejected("token_malformed", "the token has no id (jti)")
    return LogoutNotice(iss=str(claims["iss"]), sub=sub, sid=sid, jti=jti, issued_at=issued_at, expires_at=expires_at)


def _moment(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        raise TokenRejected("token_time", f"the token's {name} is missing or is not a time")
    return float(value)


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name, "")
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise TokenRejected("token_malformed", f"the token's {name} is not a short text")
    return value
