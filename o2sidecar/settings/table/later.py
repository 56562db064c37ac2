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
        missing: what it does not do, for a warning.
    """

    missing: str


def _later(key: str, default: Any, missing: str, *, structured: bool = False) -> LaterOption:
    return LaterOption(
        key=key,
        flag=flag_of(key, default),
        variable="OAUTH2_PROXY_" + key.upper(),
        kind=_KINDS[type(default)],
        default=default,
        missing=missing,
        structured=structured,
    )


_AMBIENT = "groups are asked for with google_service_account_json and google_admin_email only"


LATER: tuple[LaterOption, ...] = (
    _later(
        "signature_key",
        "",
        "requests to the app are not signed (GAP-Signature), and the app must be reachable through the sidecar only",
    ),
    _later("google_use_application_default_credentials", False, _AMBIENT, structured=True),
    _later("google_target_principal", "", _AMBIENT, structured=True),
    _later("google_use_organization_id", False, "the preferred username stays what Google says", structured=True),
    _later("google_admin_api_user_scope", "", "the directory is asked for groups only", structured=True),
)
"""A value that is the default changes nothing and is accepted without a word."""

LATER_BY_KEY: Mapping[str, LaterOption] = {option.key: option for option in LATER}
