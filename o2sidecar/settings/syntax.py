"""The form that the text of an option must have: a complaint about it, or none."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from o2sidecar.oauth.token_issuers import ExtraIssuer
from o2sidecar.policy.paths import PublicPaths
from o2sidecar.policy.pattern import Pattern
from o2sidecar.policy.peers import TrustedAddresses
from o2sidecar.policy.reauth_routes import ReauthRoutes
from o2sidecar.policy.redirects import Redirects
from o2sidecar.settings import layouts
from o2sidecar.settings.kinds import shown, shown_url
from o2sidecar.settings.listeners import Address
from o2sidecar.settings.probe_relays import ProbeRelay
from o2sidecar.settings.redis_url import RedisUrl

Check = Callable[[str], str]
"""What is wrong with a text, as a sentence; empty if nothing is."""

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 §5.6.2
_DOMAIN = re.compile(r"\.?[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?")
_LONGEST_COOKIE_NAME = 256
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_IMAGES = (".svg", ".png", ".jpg", ".jpeg")


def _cookie_name(text: str) -> str:
    if not _TOKEN.fullmatch(text) or len(text) > _LONGEST_COOKIE_NAME:
        return f"{shown(text)} is no cookie name: up to 256 letters, digits and marks of RFC 9110 §5.6.2"
    return ""


def _field_name(text: str) -> str:
    return "" if _TOKEN.fullmatch(text) else f"{shown(text)} is no name of a header"


def _cookie_domain(text: str) -> str:
    return "" if _DOMAIN.fullmatch(text) else f"{shown(text)} is no domain"


def _host_rule(text: str) -> str:
    good = _DOMAIN.fullmatch(text.removeprefix("*")) or re.fullmatch(r"\[[0-9A-Fa-f:.]+\]", text)
    return "" if good else f"{shown(text)} is no host: write example.com or .example.com, without a port"


def _cookie_path(text: str) -> str:
    return "" if text.startswith("/") and ";" not in text else f"{shown(text)} is no path for cookies"


def _path(text: str) -> str:
    return "" if text.startswith("/") and not set(text) & set("?# ") else f"{shown(text)} is no path"


def _prefix(text: str) -> str:
    good = re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", text) and not set(text.split("/")) & {".", ".."}
    return "" if good else f"{shown(text)} must begin with a slash, not end with one, and have no odd characters"


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        good = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    return "" if good and " " not in text else f"{shown_url(text)} must be an http:// or https:// URL"


def _url_or_path(text: str) -> str:
    return "" if text.startswith("/") and not text.startswith("//") else _url(text)


def _list(text: str) -> str:
    if "://" not in text:
        return ""
    if text.startswith("http://") and urlsplit(text).hostname not in _LOOPBACK:
        return f"{shown_url(text)} must be an https:// URL: whoever is on the way could leave lines out"
    return _url(text)


def _logo(text: str) -> str:
    if text == "-" or text.startswith(("http://", "https://")) or text.lower().endswith(_IMAGES):
        return ""
    return f"{shown(text)} must be a URL, or a file whose name ends in one of {', '.join(_IMAGES)}"


def _colour(text: str) -> str:
    good = re.fullmatch(r"#(?:[0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})", text)
    return "" if good else f"{shown(text)} is no colour: write it as #rrggbb, such as #2f4fd0"


def _language(text: str) -> str:
    good = re.fullmatch(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*", text)
    return "" if good else f"{shown(text)} is no language: write its tag, such as de"


def _unless_refused(parse: Callable[[str], object]) -> Check:
    """The check that a text is one that `parse` can use, which says by `ValueError` why it cannot."""

    def check(text: str) -> str:
        try:
            parse(text)
        except ValueError as error:
            return str(error)
        return ""

    return check


def _extra_issuer(text: str) -> str:
    try:
        return _url(ExtraIssuer.parse(text).issuer)
    except ValueError as error:
        return f"{shown(text)} {error}"


_network = _unless_refused(lambda text: TrustedAddresses.parse([text]))
_listener = _unless_refused(Address.parse)
_redis = _unless_refused(RedisUrl.parse)
_secure_listener = _unless_refused(lambda text: Address.parse(text, secure=True))


def _layout(key: str) -> Check:
    return _unless_refused(lambda text: layouts.Layout.parse(text, layouts.VARIABLES[key]))


RULES_OF_TEXTS: Mapping[str, Check] = {
    **{key: _layout(key) for key in layouts.VARIABLES},
    "cookie_name": _cookie_name,
    "cookie_path": _cookie_path,
    "cookie_domains": _cookie_domain,
    "allowed_hosts": _host_rule,
    "skip_auth_routes": _unless_refused(lambda text: PublicPaths.parse([text])),
    "skip_auth_regex": _unless_refused(lambda text: PublicPaths.parse([], [text])),
    "reauth_routes": _unless_refused(lambda text: ReauthRoutes.parse([text])),
    "api_routes": _unless_refused(Pattern),
    "probe_relays": _unless_refused(ProbeRelay.parse),
    "whitelist_domains": _unless_refused(lambda text: Redirects(whitelist_domains=[text])),
    "provider_private_addresses": _network,
    "trusted_ips": _network,
    "extra_jwt_issuers": _extra_issuer,
    "trusted_proxy_ips": _network,
    "http_address": _listener,
    "https_address": _secure_listener,
    "metrics_address": _listener,
    "metrics_secure_address": _secure_listener,
    "redirect_url": _url_or_path,
    "redis_connection_url": _redis,
    "redis_sentinel_connection_urls": _redis,
    "redis_cluster_connection_urls": _redis,
    "revocation_list": _list,
    "oidc_issuer_url": _url,
    "oidc_jwks_url": _url,
    "login_url": _url,
    "redeem_url": _url,
    "profile_url": _url,
    "validate_url": _url,
    "backend_logout_url": _url,
    "proxy_prefix": _prefix,
    "ping_path": _path,
    "ready_path": _path,
    "request_id_header": _field_name,
    "custom_sign_in_logo": _logo,
    "brand_colour": _colour,
    "language": _language,
}
"""The check for each text of an option, by key; an empty text is not asked about."""
