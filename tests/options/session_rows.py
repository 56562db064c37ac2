"""The options of cookies, headers and of the proxies in front."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from pathlib import Path

from o2sidecar.session.codec import SessionCodec
from o2sidecar.session.keys import KeyRing
from o2sidecar.session.sealing import CookieRefused
from tests.catalogue.whole import ALICE, NAME, NOW, pair
from tests.fakes import answering
from tests.options.papers import OTHER_SECRET
from tests.options.probes import (
    app_sees,
    logged,
    login_cookie,
    session_cookie,
    status,
    told,
    told_to_browser,
)
from tests.options.redis_servers import REDIS
from tests.options.row import BASE, REFUSED, Probe, Row, row
from tests.options.world import World, parameters_of

ALICE_BASIC = "Basic " + base64.b64encode(b"user-1:pw").decode()
BASIC = {"basic_auth_password": "pw"}
BEHIND_A_PROXY = {"reverse_proxy": "true", "trusted_proxy_ips": "192.0.2.1"}
BY_HTTPS = (b"X-Forwarded-Proto: https", b"X-Forwarded-Host: outside.example.com")
CLIENT = "203.0.113.7"
HERE, OUTSIDE = (f"https://{name}.example.com/oauth2/callback" for name in ("app", "outside"))


def _opens(secret: str) -> Probe:
    """Whether a session that was sealed with that secret counts."""
    codec = SessionCodec(ring=KeyRing.from_texts([secret]), expire=3600)

    def probe(world: World) -> bool:
        world.jar[NAME.encode()] = codec.encode(NAME, ALICE).encode()
        return world.get("/").status == 200

    return probe


def _kept_token(world: World) -> str:
    """The access token in the session's cookie."""
    world.sign_in()
    codec = SessionCodec(ring=KeyRing.from_texts([BASE["cookie_secret"]]), expire=168 * 3600)
    return codec.decode(NAME, world.jar[NAME.encode()].decode(), NOW).access_token


def _seals_with_a_new_secret(world: World) -> bool:
    """Whether cookies are sealed with a new secret a minute after it stands in its file."""
    path = Path(world.loaded.settings.cookie_secret_file)
    former = path.read_text()
    try:
        path.write_text(OTHER_SECRET)
        world.pass_time(60)
    finally:
        path.write_text(former)
    world.sign_in()
    codec = SessionCodec(ring=KeyRing.from_texts([OTHER_SECRET]), expire=168 * 3600)
    try:
        codec.decode(NAME, world.jar[NAME.encode()].decode(), NOW + 60)
    except CookieRefused:
        return False
    return True


def _logins_at_a_time(world: World) -> int:
    """How many logins a browser can have under way that begins five."""
    for _ in range(5):
        world.begin()
        world.pass_time(1)
    return sum(name.endswith(b"_csrf") for name in world.jar)


def _renewed(world: World) -> bool:
    world.sign_in()
    world.pass_time(60)
    world.get("/")
    return "refresh_token" in [asked.form.get("grant_type") for asked in world.provider.asked]


def _renewed_early(world: World) -> bool:
    """Whether one of many sessions is renewed before its time has come."""
    codec = SessionCodec(ring=KeyRing.from_texts([BASE["cookie_secret"]]), expire=168 * 3600)
    for number in range(64):
        session = type(ALICE)(created_at=NOW - 95, user="u", email="u@example.com", refresh_token=f"RT-{number}")
        world.get("/", b"Cookie: " + f"{NAME}={codec.encode(NAME, session)}".encode())
    return "refresh_token" in [asked.form.get("grant_type") for asked in world.provider.asked]


def _status_when_spent(world: World) -> int:
    """The status once the session's refresh token is not taken any more."""
    world.sign_in()
    world.provider.instead["/token"] = answering({"error": "invalid_grant"}, 400)
    world.pass_time(31)
    return world.get("/").status


def _status_after(*pauses: int) -> Probe:
    """The last status of somebody who signs in and asks after each of these pauses."""

    def probe(world: World) -> int:
        world.sign_in()
        status = 0
        for seconds in pauses:
            world.pass_time(seconds)
            answer = world.get("/")
            world.keep(answer)
            status = answer.status
        return status

    return probe


def _kept_groups(world: World) -> tuple[str, ...]:
    """The groups in the session's cookie."""
    world.provider.claims["groups"] = ["dev", "everybody", "ops"]
    world.sign_in()
    codec = SessionCodec(ring=KeyRing.from_texts([BASE["cookie_secret"]]), expire=168 * 3600)
    return codec.decode(NAME, world.jar[NAME.encode()].decode(), NOW).groups


def _above_budget(world: World) -> bool:
    """Whether the log says what takes the room in cookies, once somebody has signed in."""
    world.sign_in()
    return any(b"above session_cookie_budget" in line for line in world.standard)


def _large_session(world: World) -> int:
    world.provider.claims["groups"] = [f"group-{number:04}-{number * 7919:x}" for number in range(600)]
    return world.sign_in().status


def _opened_anew(world: World) -> int:
    """How many sessions were opened when three people ask in turn, twice."""
    for _ in range(2):
        for name in ("a", "b", "c"):
            session = type(ALICE)(created_at=NOW, user=name, email=f"{name}@example.com")
            world.get("/", b"Cookie: " + pair(session))
    page = world.scrape()
    [count] = re.findall(r'sessions_found_total{how="opened"} ([0-9]+)', page)
    return int(count)


def _scheme_told(world: World) -> str | None:
    found = told(b"authorization")(world)
    return str(found).partition(" ")[0] if found else None


def _scheme_of_answer(world: World) -> str | None:
    found = told_to_browser(b"authorization")(world)
    return str(found).partition(" ")[0] if found else None


def _own_cookie_told(world: World) -> bool:
    return NAME in str(told(b"cookie")(world))


def _callback_told(*fields: bytes) -> Probe:
    """The callback of which the provider is told when a request brings these fields."""
    return lambda world: parameters_of(world.get("/oauth2/start", *fields))["redirect_uri"]


ROWS: Mapping[str, Row] = {
    # Cookies.
    "cookie_name": row(session_cookie("^[^=]+"), "other", "_oauth2_proxy", "other"),
    "cookie_secret": row(_opens(OTHER_SECRET), OTHER_SECRET, False, True),
    "cookie_secret_file": row(_opens(OTHER_SECRET), "{folder}/cookie-secret", REFUSED, True, cookie_secret=""),
    "accepted_cookie_secrets": row(_opens(OTHER_SECRET), OTHER_SECRET, False, True),
    "accepted_cookie_secrets_file": row(_opens(OTHER_SECRET), "{folder}/cookie-secret", False, True),
    "cookie_secret_settle_time": row(
        _seals_with_a_new_secret, "30s", False, True, cookie_secret="", cookie_secret_file="{folder}/turning-secret"
    ),
    "cookie_domains": row(session_cookie("Domain=[^;]+"), ".example.com", None, "Domain=example.com"),
    "cookie_path": row(session_cookie("Path=[^;]+"), "/x", "Path=/", "Path=/x"),
    "cookie_expire": row(session_cookie("Max-Age=[0-9]+"), "1h", "Max-Age=604800", "Max-Age=3600"),
    "cookie_secure": row(session_cookie("Secure"), "false", "Secure", None),
    "cookie_httponly": row(session_cookie("HttpOnly"), "false", "HttpOnly", None),
    "cookie_samesite": row(session_cookie("SameSite=[A-Za-z]+"), "strict", None, "SameSite=Strict"),
    "cookie_csrf_per_request": row(_logins_at_a_time, "true", 1, 5),
    "cookie_csrf_per_request_limit": row(_logins_at_a_time, "2", 5, 2, cookie_csrf_per_request="true"),
    "cookie_csrf_expire": row(login_cookie("Max-Age=[0-9]+"), "1m", "Max-Age=900", "Max-Age=60"),
    "cookie_csrf_samesite": row(login_cookie("SameSite=[A-Za-z]+"), "none", None, "SameSite=None"),
    "cookie_refresh": row(_renewed, "30s", False, True),
    "session_absolute_lifetime": row(
        _status_after(30, 30, 30, 31), "2m", 200, 302, cookie_refresh="25s", skip_provider_button="true"
    ),
    "session_idle_limit": row(_status_after(61), "1m", 200, 302, skip_provider_button="true"),
    "cookie_refresh_jitter": row(_renewed_early, "10s", False, True, cookie_refresh="100s"),
    "refresh_grace": row(_status_when_spent, "1m", 302, 200, cookie_refresh="30s", skip_provider_button="true"),
    "cookie_parts_limit": row(_large_session, "2", 302, 500),
    "session_store_type": row(session_cookie("=djIu"), "redis", None, "=djIu", redis_connection_url=REDIS),
    "session_spill": row(
        session_cookie("=djIu"), "redis", None, "=djIu", redis_connection_url=REDIS, session_cookie_budget="100"
    ),
    "session_groups": row(
        _kept_groups,
        "needed",
        ("dev", "everybody", "ops"),
        ("ops",),
        allowed_groups="ops",
        pass_basic_auth="false",
        pass_user_headers="false",
    ),
    "session_cookie_budget": row(_above_budget, "100", False, True),
    "session_cookie_minimal": row(_kept_token, "true", "AT-1", ""),
    "session_cache_size": row(_opened_anew, "2", 3, 6, metrics_address="127.0.0.1:9100"),
    # What the app and an asking proxy are told.
    "pass_user_headers": row(told(b"x-forwarded-user"), "false", "user-1", None, pass_basic_auth="false"),
    "pass_basic_auth": row(told(b"authorization"), "false", ALICE_BASIC, None, **BASIC),
    "basic_auth_password": row(told(b"authorization"), "pw", None, ALICE_BASIC),
    "pass_access_token": row(told(b"x-forwarded-access-token"), "true", None, "AT-1"),
    "pass_authorization_header": row(_scheme_told, "true", None, "Bearer"),
    "prefer_email_to_user": row(told(b"x-forwarded-user"), "true", "user-1", "alice@example.com"),
    "set_xauthrequest": row(told_to_browser(b"x-auth-request-email"), "true", None, "alice@example.com"),
    "set_authorization_header": row(_scheme_of_answer, "true", None, "Bearer"),
    "set_basic_auth": row(_scheme_of_answer, "true", None, "Basic", **BASIC),
    "pass_session_expires_in": row(
        told(b"x-session-expires-in"), "true", None, "600", cookie_expire="10m", cookie_refresh="0"
    ),
    "gap_auth": row(told_to_browser(b"gap-auth"), "false", "alice@example.com", None),
    "skip_auth_strip_headers": row(
        told(b"authorization", b"Authorization: Mine"), "false", ALICE_BASIC, f"Mine,{ALICE_BASIC}", **BASIC
    ),
    "pass_own_cookies": row(_own_cookie_told, "false", True, False),
    # Proxies in front.
    "reverse_proxy": row(_callback_told(*BY_HTTPS), "true", HERE, OUTSIDE, trusted_proxy_ips="192.0.2.1"),
    "trusted_proxy_ips": row(_callback_told(*BY_HTTPS), "192.0.2.1", HERE, OUTSIDE, reverse_proxy="true"),
    "real_client_ip_header": row(
        logged(f"^{CLIENT}", fields=(f"X-Forwarded-For: {CLIENT}".encode(),)),
        "X-Forwarded-For",
        [],
        [CLIENT],
        **BEHIND_A_PROXY,
    ),
    "pass_untrusted_forwarded": row(
        app_sees(b"x-forwarded-for", b"X-Forwarded-For: 1.1.1.1"), "false", "1.1.1.1, 192.0.2.1", "192.0.2.1"
    ),
    "proxy_protocol": row(
        lambda world: world.send("/open/x").got[:12], "true", b"HTTP/1.1 200", b"", trusted_proxy_ips="192.0.2.1"
    ),
    "force_https": row(status("/open/x"), "true", 200, 308),
}
