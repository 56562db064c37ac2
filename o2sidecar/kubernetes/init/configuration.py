"""The file `oauth2_proxy.cfg` of a realm, and what the real settings say to it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import field, frozen

from o2sidecar.kubernetes.init.realm import Realm
from o2sidecar.settings.kinds import DURATION
from o2sidecar.settings.load import Loaded, load
from o2sidecar.settings.provider_kind import ProviderKinds
from o2sidecar.settings.table import BY_KEY, Options

CONFIGURATION = "/etc/oauth2-proxy/oauth2_proxy.cfg"
SECRETS = "/etc/o2sidecar/secret"
ACCEPTED = f"{SECRETS}/accepted-cookie-secrets"

_SAID_BEFORE: Mapping[str, str] = {
    "defaults": "what is not said here is as o2sidecar thinks it right",
    "email_domains": "whose addresses may pass",
    "cookie_domains": "one session for all apps below the domain",
    "reverse_proxy": "the gateway's word about clients counts, where trusted_proxy_ips has its addresses",
    "redirect_url": "one callback for all apps",
    "set_xauthrequest": "what apps are told: X-Auth-Request-* beside X-Forwarded-*",
    "accepted_cookie_secrets_file": "`o2sidecar keys rotate` moves former cookie secrets there",
}
"""A comment in front of some options."""


@frozen(kw_only=True)
class Credentials:
    """What the Secret holds."""

    client_id: str
    client_secret: str = field(repr=False)
    cookie_secret: str = field(repr=False)
    accepted_cookie_secrets: str = field(default="", repr=False)

    @classmethod
    def nobody(cls) -> Credentials:
        """None yet."""
        return cls(client_id="", client_secret="", cookie_secret="")

    def data(self) -> dict[str, str]:
        """By the keys of the Secret."""
        return {
            "client-id": self.client_id,
            "client-secret": self.client_secret,
            "cookie-secret": self.cookie_secret,
            "accepted-cookie-secrets": self.accepted_cookie_secrets,
        }


def options_of(realm: Realm) -> dict[str, Any]:
    """Every option that the file sets, in its order; those that are not said follow from the realm."""
    suffixes = [f".{realm.domain}", realm.domain]
    return {
        "defaults": "o2sidecar",
        "provider": realm.provider,
        "email_domains": ["*"],
        "cookie_domains": [f".{realm.domain}"],
        "whitelist_domains": suffixes,
        "allowed_hosts": suffixes,
        "reverse_proxy": True,
        **({"redirect_url": f"https://{realm.auth_host}/oauth2/callback"} if realm.auth_host else {}),
        "set_xauthrequest": True,
        "accepted_cookie_secrets_file": ACCEPTED,
        **realm.options,
    }


def configuration_text(realm: Realm) -> str:
    """The file, in TOML."""
    options = options_of(realm)
    first = ["defaults", "provider", *sorted(realm.options.keys() & _of_provider()), "email_domains"]
    order = [*dict.fromkeys([*first, *options])]
    return "".join(_lines(key, options[key]) for key in order)


def _of_provider() -> set[str]:
    return {key for key, option in BY_KEY.items() if option.structured and not key.startswith("upstream")}


def _lines(key: str, value: Any) -> str:
    comment = f"# {_SAID_BEFORE[key]}\n" if key in _SAID_BEFORE else ""
    return f"{comment}{key} = {toml_value(key, value)}\n"


def toml_value(key: str, value: Any) -> str:
    """A value of an option as TOML has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_quoted, value))}]"
    if BY_KEY[key].kind is DURATION and not isinstance(value, str):
        return _quoted(DURATION.to_text(value))
    return _quoted(value) if isinstance(value, str) else str(value)


def _quoted(text: str) -> str:
    # A basic string of TOML has JSON's escapes, and wants one for DEL besides.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def settings_of(text: str, credentials: Credentials, *, arguments: Sequence[str], providers: ProviderKinds) -> Loaded:
    """The settings that a sidecar gets from this file and Secret, with these arguments of its container.

    Raises `SettingsRefused`.
    """
    files = {CONFIGURATION: text} | {f"{SECRETS}/{key}": value for key, value in credentials.data().items()}

    def read_file(path: str) -> bytes:
        if path not in files:
            raise FileNotFoundError(2, "there is no such file in the sidecar's container", path)
        return files[path].encode()

    environment = {"OAUTH2_PROXY_CLIENT_ID": credentials.client_id}
    return load(arguments, environment, read_file=read_file, providers=providers)


def restrictions(options: Options, keys: Iterable[str]) -> Iterator[str]:
    """The keys of options that narrow down who may pass, among those that the provider wants, `keys`."""
    if options.email_domains and "*" not in options.email_domains:
        yield "email_domains"
    if options.allowed_groups:
        yield "allowed_groups"
    for key, option in BY_KEY.items():
        # The tenant of azure may be one of those that mean everybody.
        if option.restricts and key in keys and key != "azure_tenant" and getattr(options, key) != option.default:
            yield key
