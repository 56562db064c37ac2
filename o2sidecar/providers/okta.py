"""Okta: OpenID Connect by its name."""

from __future__ import annotations

from o2sidecar.providers import oidc
from o2sidecar.providers.oidc import Options
from o2sidecar.providers.oidc_provider import OidcProvider
from o2sidecar.providers.surroundings import Surroundings

__all__ = ["Options", "build"]


def build(options: Options, surroundings: Surroundings) -> OidcProvider:
    """Okta of settings."""
    return oidc.build(options, surroundings, oidc.Dialect(name="Okta"))
