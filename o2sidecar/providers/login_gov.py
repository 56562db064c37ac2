"""login.gov: OpenID Connect, where a client proves itself by a key and every login names its assurance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

from attrs import evolve, frozen

from o2sidecar.providers import oidc
from o2sidecar.providers.oidc_provider import OidcProvider
from o2sidecar.providers.profile_options import otherwise
from o2sidecar.providers.surroundings import Surroundings

NAME = "login.gov"
ISSUER = "https://secure.login.gov/"


@frozen(kw_only=True)
class Options(oidc.Options):
    """What settings say. Where only `login_url` is given, for the sandbox, the issuer is there too."""

    defaults: ClassVar[Mapping[str, Any]] = {"insecure_oidc_skip_nonce": False}
    """login.gov answers no login without a nonce."""

    oidc_issuer_url: str = ""
    acr_values: str = otherwise("http://idmanagement.gov/ns/assurance/loa/1")
    pubjwk_url: str = ""
    scope: str = otherwise("email openid")

    def __attrs_post_init__(self) -> None:
        if self.oidc_issuer_url:
            super().__attrs_post_init__()
        if self.token_endpoint_auth_method in {"", "private_key_jwt"} and not (self.jwt_key or self.jwt_key_file):
            raise ValueError("jwt_key or jwt_key_file is missing: login.gov knows clients by a key")

    @property
    def issuer(self) -> str:
        """The issuer: the one given, or where people sign in."""
        login = urlsplit(self.login_url)
        return self.oidc_issuer_url or (f"{login.scheme}://{login.netloc}/" if self.login_url else ISSUER)


def build(options: Options, surroundings: Surroundings) -> OidcProvider:
    """login.gov of settings."""
    complete = evolve(
        options, oidc_issuer_url=options.issuer, oidc_jwks_url=options.oidc_jwks_url or options.pubjwk_url
    )
    return oidc.build(complete, surroundings, oidc.Dialect(name="login.gov"))
