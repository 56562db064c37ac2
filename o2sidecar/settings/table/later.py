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
        refused: whether the process must not start with it, since someone relies on what it would do.
        missing: what it does not do, for the warning where the process starts; empty where it does not.
    """

    refused: bool
    missing: str


def _later(
    key: str, default: Any, *, refused: bool, missing: str = "", flag: str = "", structured: bool = False
) -> LaterOption:
    return LaterOption(
        key=key,
        flag=flag or flag_of(key, default),
        variable="OAUTH2_PROXY_" + key.upper(),
        kind=_KINDS[type(default)],
        default=default,
        refused=refused,
        missing=missing,
        structured=structured,
    )


def _refused(key: str, default: Any, *, flag: str = "", structured: bool = False) -> LaterOption:
    return _later(key, default, refused=True, flag=flag, structured=structured)


def _warned(key: str, default: Any, missing: str, *, structured: bool = False) -> LaterOption:
    return _later(key, default, refused=False, missing=missing, structured=structured)


_AMBIENT = "groups are asked for with google_service_account_json and google_admin_email only"
_LOGIN_GOV = "a client of login.gov cannot prove itself by a key of its own"


LATER: tuple[LaterOption, ...] = (
    _warned(
        "signature_key",
        "",
        "requests to the app are not signed (GAP-Signature), and the app must be reachable through the sidecar only",
    ),
    _warned("resource", "", "the provider is not told of a resource", structured=True),
    _warned("google_use_application_default_credentials", False, _AMBIENT, structured=True),
    _warned("google_target_principal", "", _AMBIENT, structured=True),
    _warned("google_use_organization_id", False, "the preferred username stays what Google says", structured=True),
    _warned("google_admin_api_user_scope", "", "the directory is asked for groups only", structured=True),
    _refused("bitbucket_team", "", structured=True),
    _refused("bitbucket_repository", "", structured=True),
    _warned("jwt_key", "", _LOGIN_GOV, structured=True),
    _warned("jwt_key_file", "", _LOGIN_GOV, structured=True),
    _warned("pubjwk_url", "", _LOGIN_GOV, structured=True),
)
"""A value that is the default changes nothing and is accepted without a word."""

LATER_BY_KEY: Mapping[str, LaterOption] = {option.key: option for option in LATER}
