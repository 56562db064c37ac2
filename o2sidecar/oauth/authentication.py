"""When and how a person was authenticated, as a token tells (OpenID Connect Core 1.0 §2: auth_time, acr)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

_LONGEST_ACR = 256
_LATEST = 253402300799.0
"""The end of the year 9999 in seconds since the epoch."""


@frozen(kw_only=True)
class Authentication:
    """What is known of it.

    Attributes:
        at: when it was, in seconds since the epoch by our own clock; `None` if that is not known.
        acr: its class; empty if none is named.
        trouble: why `at` is not known: one word; empty if it is.
    """

    at: float | None
    acr: str
    trouble: str = ""

    @classmethod
    def of_login(cls, claims: Mapping[str, Any], now: float, skew: float) -> Authentication:
        """Of the verified claims of an ID token that was issued just now.

        The provider's clock made both `auth_time` and `iat`, so how long ago it was is known although clocks differ,
        by `skew` at most.
        """
        issued = _time(claims.get("iat"))
        shift = 0.0 if issued is None else max(-skew, min(skew, now - issued))
        return cls._of(claims, now, shift, skew)

    @classmethod
    def presented(cls, claims: Mapping[str, Any], now: float, skew: float) -> Authentication:
        """Of those of a token that may have been issued long ago."""
        return cls._of(claims, now, 0.0, skew)

    @classmethod
    def _of(cls, claims: Mapping[str, Any], now: float, shift: float, skew: float) -> Authentication:
        said, acr = claims.get("auth_time"), claims.get("acr")
        kind = acr if isinstance(acr, str) and len(acr) <= _LONGEST_ACR else ""
        if said is None:
            return cls(at=None, acr=kind, trouble="auth_time_missing")
        at = _time(said)
        if at is None:
            return cls(at=None, acr=kind, trouble="auth_time_unusable")
        if at > now + skew:
            return cls(at=None, acr=kind, trouble="auth_time_in_the_future")
        return cls(at=max(0.0, min(at + shift, now)), acr=kind)


def _time(value: Any) -> float | None:
    """A NumericDate (RFC 7519 §2); `None` if it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= _LATEST:
        return None
    return float(value)
