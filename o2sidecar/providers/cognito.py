"""Amazon Cognito: OpenID Connect, with groups in a claim of its own and no scope for them."""

from __future__ import annotations

from attrs import field, frozen

from o2sidecar.providers import oidc
from o2sidecar.providers.oidc_provider import OidcProvider
from o2sidecar.providers.surroundings import Surroundings


def _groups_claim(name: str) -> str:
    return "cognito:groups" if name == "groups" else name


@frozen(kw_only=True)
class Options(oidc.Options):
    """What settings say; groups are in Cognito's claim unless they name another."""

    oidc_groups_claim: str = field(default="cognito:groups", converter=_groups_claim)


def build(options: Options, surroundings: Surroundings) -> OidcProvider:
    """Cognito of settings."""
    return oidc.build(options, surroundings, oidc.Dialect(name="Amazon Cognito", scope="openid email profile"))
