"""The table of options: one line an option, by group; everything else about options is made from it."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from o2sidecar.settings.option import Group, Option, options_of
from o2sidecar.settings.table.access import AccessOptions, LoginOptions, PageOptions
from o2sidecar.settings.table.asking import AskingOptions
from o2sidecar.settings.table.cookies import CookieOptions
from o2sidecar.settings.table.limits import LimitOptions
from o2sidecar.settings.table.logout import LogoutOptions
from o2sidecar.settings.table.providers import (
    BitbucketOptions,
    GitHubOptions,
    GitLabOptions,
    GoogleOptions,
    KeycloakOptions,
    MicrosoftOptions,
    OidcOptions,
    OtherProviderOptions,
    ProviderOptions,
)
from o2sidecar.settings.table.redis import RedisOptions
from o2sidecar.settings.table.server import (
    DefaultsOptions,
    ForwardingOptions,
    HeaderOptions,
    ListenerOptions,
    LogOptions,
    OwnHeaderOptions,
    ProbeOptions,
    TlsOptions,
    UpstreamOptions,
    UpstreamTlsOptions,
)


@frozen(kw_only=True, slots=False, eq=False)
class Options(
    DefaultsOptions,
    ListenerOptions,
    TlsOptions,
    UpstreamOptions,
    UpstreamTlsOptions,
    ProviderOptions,
    OidcOptions,
    GitHubOptions,
    GoogleOptions,
    MicrosoftOptions,
    KeycloakOptions,
    GitLabOptions,
    BitbucketOptions,
    OtherProviderOptions,
    LoginOptions,
    AccessOptions,
    CookieOptions,
    RedisOptions,
    LogoutOptions,
    HeaderOptions,
    OwnHeaderOptions,
    ForwardingOptions,
    PageOptions,
    LogOptions,
    ProbeOptions,
    AskingOptions,
    LimitOptions,
):
    """A value for every option, whether they fit together or not."""

    title = "All"


GROUPS: tuple[type[Group], ...] = Options.__bases__
OPTIONS: tuple[Option, ...] = tuple(options_of(GROUPS))
"""Every option, in the order of its group."""

BY_KEY: Mapping[str, Option] = {option.key: option for option in OPTIONS}
