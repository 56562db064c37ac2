"""The options of cookies and sessions, one line each."""

# ruff: noqa: RUF009 (`option` makes a field, it is no default)

from __future__ import annotations

from attrs import frozen

from o2sidecar.settings.kinds import Duration, Size, Texts
from o2sidecar.settings.option import Group, option


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class CookieOptions(Group):
    """How cookies look and how long they live."""

    title = "Cookies"

    cookie_name: str = option("_oauth2_proxy", "name of the session cookie; others' names begin with it")
    cookie_secret: str = option("", "16, 24 or 32 bytes that seal cookies, plain or in base64", secret=True)
    cookie_secret_file: str = option("", "file that holds the cookie secret; one line break at its end does not count")
    accepted_cookie_secrets: Texts = option((), "more secrets that open cookies, and seal none", ours=True, secret=True)
    accepted_cookie_secrets_file: str = option("", "file that holds such secrets, one a line", ours=True)
    cookie_secret_settle_time: Duration = option(
        120.0, "how long a new secret in cookie_secret_file opens cookies before it seals them", ours=True
    )
    cookie_domains: Texts = option((), "domains for cookies; the longest that fits the host is used")
    cookie_path: str = option("/", "path of all cookies")
    cookie_expire: Duration = option(168 * 3600.0, "how long a session lives; 0: until the browser is closed")
    cookie_refresh: Duration = option(0.0, "age at which a session is renewed with the provider; 0: never")
    session_absolute_lifetime: Duration = option(
        0.0, "how long a session lives after the login, however often it is renewed; 0: without such an end", ours=True
    )
    session_idle_limit: Duration = option(
        0.0, "how long a session lives without being used; 0: without such an end", ours=True
    )
    cookie_refresh_jitter: Duration = option(
        0.0,
        "renew sessions up to so long ahead of cookie_refresh, at random, at most a tenth of it",
        ours=True,
        sidecar_default=30.0,
    )
    refresh_grace: Duration = option(
        0.0,
        "how long a session in cookies lives on whose refresh token is spent, in case another pod renewed it",
        ours=True,
        sidecar_default=60.0,
    )
    cookie_secure: bool = option(True, "send cookies over https only")
    cookie_httponly: bool = option(True, "hide cookies from scripts")
    cookie_samesite: str = option("", "SameSite: lax, strict, none, or empty for none", sidecar_default="lax")
    cookie_csrf_per_request: bool = option(False, "give each login attempt a cookie of its own")
    cookie_csrf_per_request_limit: int = option(0, "most login cookies of a browser, oldest dropped; 0: no limit")
    cookie_csrf_expire: Duration = option(15 * 60.0, "how long a login attempt may take")
    cookie_csrf_samesite: str = option("", "SameSite of login cookies; empty: as cookie_samesite")
    session_store_type: str = option("cookie", "where sessions are kept: cookie or redis")
    session_spill: str = option(
        "",
        "where a session goes that takes more than session_cookie_budget in cookies: redis; empty: nowhere",
        ours=True,
    )
    session_groups: str = option(
        "all", "all: keep all of a person's groups; needed: only those that a rule or a header asks for", ours=True
    )
    session_cookie_budget: Size = option(
        8 * 1024, "most bytes that a session should take in cookies; what is above it is logged; 0: no limit", ours=True
    )
    session_cookie_minimal: bool = option(False, "leave the tokens out of the session")
