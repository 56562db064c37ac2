"""Gitea, and Forgejo: OpenID Connect, with organisations and `organisation:team` as groups."""

from __future__ import annotations

from o2sidecar.providers import oidc
from o2sidecar.providers.oidc import Options
from o2sidecar.providers.oidc_provider import OidcProvider
from o2sidecar.providers.surroundings import Surroundings

__all__ = ["Options", "build"]


def build(options: Options, surroundings: Surroundings) -> OidcProvider:
    """A Gitea of settings."""
    return oidc.build(options, surroundings, oidc.Dialect(name="Gitea", scope="openid email profile groups"))
