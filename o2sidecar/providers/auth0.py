"""Auth0: OpenID Connect, where the issuer ends in a slash and groups are no scope."""

from __future__ import annotations

from attrs import field, frozen

from o2sidecar.providers import oidc
from o2sidecar.providers.oidc_provider import OidcProvider
from o2sidecar.providers.surroundings import Surroundings


def _issuer(url: str) -> str:
    return url if not url or url.endswith("/") else f"{url}/"


@frozen(kw_only=True)
class Options(oidc.Options):
    """What settings say; the issuer may lack its slash, as Auth0's own pages show it."""

    oidc_issuer_url: str = field(converter=_issuer)


def build(options: Options, surroundings: Surroundings) -> OidcProvider:
    """Auth0 of settings."""
    return oidc.build(options, surroundings, oidc.Dialect(name="Auth0", scope="openid email profile"))
