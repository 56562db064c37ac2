"""The options of oauth2-proxy that this version knows by name only, one line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from o2sidecar.settings.kinds import LIST, NUMBER, SWITCH, TEXT, Kind
from o2sidecar.settings.option import KnownOption, flag_of

_KINDS: Mapping[type, Kind] = {str: TEXT, bool: SWITCH, int: NUMBER, tuple: LIST}


@frozen(kw_only=True)
class LaterOption(KnownOption):
    """An option that is not built yet.

    Attributes:
        refused: whether the process must not start with it, since someone relies on what it would do; otherwise it
            only changes looks, and a warning says that it does not.
    """

    refused: bool


def _later(key: str, default: Any, *, refused: bool, flag: str = "", structured: bool = False) -> LaterOption:
    return LaterOption(
        key=key,
        flag=flag or flag_of(key, default),
        variable="OAUTH2_PROXY_" + key.upper(),
        kind=_KINDS[type(default)],
        default=default,
        refused=refused,
        structured=structured,
    )


def _refused(key: str, default: Any, *, flag: str = "", structured: bool = False) -> LaterOption:
    return _later(key, default, refused=True, flag=flag, structured=structured)


def _warned(key: str, default: Any, *, structured: bool = False) -> LaterOption:
    return _later(key, default, refused=False, structured=structured)


LATER: tuple[LaterOption, ...] = (
    _refused("metrics_secure_address", "", structured=True),
    _refused("metrics_tls_cert_file", "", structured=True),
    _refused("metrics_tls_key_file", "", structured=True),
    _refused("signature_key", ""),
    _refused("resource", "", structured=True),
    _refused("google_use_application_default_credentials", False, structured=True),
    _refused("google_target_principal", "", structured=True),
    _refused("google_use_organization_id", False, structured=True),
    _refused("google_admin_api_user_scope", "", structured=True),
    _refused("bitbucket_team", "", structured=True),
    _refused("bitbucket_repository", "", structured=True),
    _refused("jwt_key", "", structured=True),
    _refused("jwt_key_file", "", structured=True),
    _refused("pubjwk_url", "", structured=True),
    _refused("redis_connection_url", ""),
    _refused("redis_username", ""),
    _refused("redis_password", ""),
    _refused("redis_use_sentinel", False),
    _refused("redis_sentinel_password", ""),
    _refused("redis_sentinel_master_name", ""),
    _refused("redis_ca_path", ""),
    _refused("redis_insecure_skip_tls_verify", False),
    _refused("redis_sentinel_connection_urls", (), flag="--redis-sentinel-connection-urls"),
    _refused("redis_use_cluster", False),
    _refused("redis_cluster_connection_urls", (), flag="--redis-cluster-connection-urls"),
    _refused("redis_connection_idle_timeout", 0),
)
"""A value that is the default changes nothing and is accepted without a word."""

LATER_BY_KEY: Mapping[str, LaterOption] = {option.key: option for option in LATER}
