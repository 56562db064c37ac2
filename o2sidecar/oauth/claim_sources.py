"""Where claims come from that somebody else vouches for: aggregated and distributed claims (OIDC Core 1.0 §5.6.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

MAX_SOURCES = 3

_OF_THE_TOKEN = frozenset(
    {"sub", "iss", "aud", "azp", "exp", "iat", "nbf", "jti", "nonce", "_claim_names", "_claim_sources"}
)
"""Claims about a token or about whose claims these are; nobody else has a say in them."""


@frozen(kw_only=True)
class ClaimSource:
    """One source: either `jwt` holds its claims (aggregated), or they are at `endpoint` (distributed).

    `names`: the claims that it is named for; others that it may tell do not count. `access_token`: what it wants to
    see; may be empty.
    """

    names: frozenset[str]
    jwt: str = field(default="", repr=False)
    endpoint: str = ""
    access_token: str = field(default="", repr=False)

    def of_these(self, claims: Mapping[str, Any]) -> dict[str, Any]:
        """Of what the source says, the claims that it was named for."""
        return {name: value for name, value in claims.items() if name in self.names}


def claim_sources(claims: Mapping[str, Any]) -> tuple[ClaimSource, ...]:
    """The sources that claims refer to, at most `MAX_SOURCES`; what is malformed, or said directly too, is left out."""
    names, sources = claims.get("_claim_names"), claims.get("_claim_sources")
    if not isinstance(names, dict) or not isinstance(sources, dict):
        return ()
    wanted: dict[str, set[str]] = {}
    for name, source in names.items():
        if isinstance(source, str) and name not in claims and name not in _OF_THE_TOKEN:
            wanted.setdefault(source, set()).add(name)
    read = (_source(sources.get(source), frozenset(its)) for source, its in wanted.items())
    return tuple(source for source in read if source is not None)[:MAX_SOURCES]


def _source(said: Any, names: frozenset[str]) -> ClaimSource | None:
    if not isinstance(said, dict):
        return None
    jwt, endpoint, access_token = (said.get(member, "") for member in ("JWT", "endpoint", "access_token"))
    if not all(isinstance(text, str) for text in (jwt, endpoint, access_token)) or bool(jwt) == bool(endpoint):
        return None
    return ClaimSource(names=names, jwt=jwt, endpoint=endpoint, access_token=access_token)
