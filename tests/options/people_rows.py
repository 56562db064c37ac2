"""The options of access, login and pages: who may pass, how one signs in, where that leads, and what it looks like."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from o2sidecar.session.codec import SessionCodec
from o2sidecar.session.keys import KeyRing
from o2sidecar.session.session import Session
from tests.catalogue.strict import Message
from tests.options.papers import PASSWORD
from tests.options.probes import (
    UPGRADE,
    answer_field,
    asks_provider,
    body_holds,
    seconds,
    signing_in,
    status,
    text,
)
from tests.options.row import BASE, REFUSED, Row, row
from tests.options.world import OTHER_ISSUER, World


def _basic(user: str, password: str) -> bytes:
    return b"Authorization: Basic " + base64.b64encode(f"{user}:{password}".encode())


PREFLIGHT = (b"Origin: https://other.example", b"Access-Control-Request-Method: PUT")
BASIC = _basic("bob", PASSWORD)
CALLBACK = "https://app.example.com/oauth2/callback"
LOCAL_USERS = {"htpasswd_file": "{folder}/users"}
BEARER = {"skip_jwt_bearer_tokens": "true"}


def _with_token(of: Callable[[World], Any]) -> Callable[[World], int]:
    def probe(world: World) -> int:
        issuer = of(world)
        token = issuer.make_id_token(**issuer.claims)
        return world.get("/", b"Authorization: Bearer " + token.encode()).status

    return probe


def _leads_to(wanted: str) -> Callable[[World], str | None]:
    """Where a login leads to in the end that was begun to go there."""
    return lambda world: text(world.sign_in(wanted).values(b"location"))


def _local_sign_in(world: World) -> int:
    form = urlencode({"username": "bob", "password": PASSWORD, "rd": "/"}).encode()
    fields = (b"Content-Type: application/x-www-form-urlencoded",)
    return world.get("/oauth2/sign_in", *fields, method=b"POST", body=form).status


def _right_after_wrong(user: str) -> Callable[[World], int]:
    """The status for Bob and his password, after two wrong ones for somebody."""

    def probe(world: World) -> int:
        for guess in ("a", "b"):
            world.get("/", _basic(user, guess))
        return world.get("/", BASIC).status

    return probe


def _soon_right(world: World) -> Callable[[], bool]:
    """Guess wrong for Bob; whether his password is looked at again."""
    world.get("/", _basic("bob", "a"))
    return lambda: world.get("/", BASIC).status == 200


def _forged_callback(world: World) -> bool:
    """Whether the page that refuses a callback nobody waits for tells more than people need to know."""
    answer: Message = world.get("/oauth2/callback?code=c&state=nonsense")
    return b"it must be a hash, a colon and a redirect" in answer.body


def _accepts(provider: str) -> Callable[[World], int]:
    """The status of the auth endpoint for somebody whom a provider of this id signed in."""

    def probe(world: World) -> int:
        ring = KeyRing.from_texts([BASE["cookie_secret"]])
        codec = SessionCodec(ring=ring, expire=0)
        now = world.clock.seconds()
        session = Session(created_at=now, user="u", email="alice@example.com", access_token="t", provider=provider)
        world.jar[b"_oauth2_proxy"] = codec.encode("_oauth2_proxy", session).encode()
        return world.get("/oauth2/auth").status

    return probe


ROWS: Mapping[str, Row] = {
    # Who may pass.
    "email_domains": row(signing_in(), "other.example", 302, 403),
    "authenticated_emails_file": row(signing_in(), "{folder}/emails", 403, 302, email_domains="other.example"),
    "accepted_providers": row(_accepts("b"), "a", 202, 401, provider_id="a"),
    "provider_id": row(_accepts("a"), "a", REFUSED, 202, accepted_providers="a"),
    "skip_auth_routes": row(status("/free"), "^/free", 403, 200),
    "skip_auth_regex": row(status("/free"), "^/free", 403, 200),
    "skip_auth_preflight": row(status("/", *PREFLIGHT, method=b"OPTIONS"), "true", 403, 200),
    "trusted_ips": row(status(), "192.0.2.0/24", 403, 200),
    "reauth_routes": row(
        lambda world: (world.sign_in(), world.get("/admin").status)[1], "^/admin max_age=5m", 200, 401
    ),
    "api_routes": row(status("/api/x"), "^/api/", 403, 401),
    "skip_jwt_bearer_tokens": row(_with_token(lambda world: world.provider), "true", 403, 200),
    "extra_jwt_issuers": row(
        _with_token(lambda world: world.other), f"http://127.0.0.1:{OTHER_ISSUER}=other-app", 403, 200, **BEARER
    ),
    "bearer_token_login_fallback": row(
        answer_field(b"content-type", "/", b"Authorization: Bearer x"),
        "false",
        "text/html; charset=utf-8",
        "text/plain; charset=utf-8",
        **BEARER,
    ),
    "htpasswd_file": row(status("/", BASIC), "{folder}/users", 403, 200),
    "htpasswd_user_groups": row(
        lambda world: (world.get("/", BASIC), text(world.seen[-1].values(b"x-forwarded-groups")))[1],
        "staff",
        None,
        "staff",
        **LOCAL_USERS,
    ),
    "password_guesses_per_user": row(_right_after_wrong("bob"), "2", 200, 429, **LOCAL_USERS),
    "password_guesses_per_address": row(_right_after_wrong("carol"), "2", 200, 429, **LOCAL_USERS),
    "password_guess_period": row(seconds(_soon_right), "60s", 300, 60, **LOCAL_USERS, password_guesses_per_user="1"),
    # How one signs in.
    "redirect_url": row(
        asks_provider("redirect_uri"), "https://sso.example.com/cb", CALLBACK, "https://sso.example.com/cb"
    ),
    "relative_redirect_url": row(asks_provider("redirect_uri"), "true", CALLBACK, "/oauth2/callback"),
    "allowed_hosts": row(status(), "other.example.com", 403, 421),
    "whitelist_domains": row(_leads_to("https://x.example.org/y"), ".example.org", "/", "https://x.example.org/y"),
    "redirect_length_limit": row(_leads_to("/a-rather-long-way"), "10", "/a-rather-long-way", "/"),
    "skip_provider_button": row(status(), "true", 403, 302),
    "force_json_errors": row(answer_field(b"content-type"), "true", "text/html; charset=utf-8", "application/json"),
    "websocket_challenge": row(status("/", *UPGRADE), "true", 403, 401),
    "encode_state": row(lambda world: ":" in str(asks_provider("state")(world)), "true", True, False),
    "allow_query_semicolons": row(body_holds('value="/y"', "/oauth2/sign_in?a=1;rd=/y"), "true", False, True),
    "proxy_prefix": row(status("/sso/auth"), "/sso", 403, 401),
    # What pages look like.
    "custom_templates_dir": row(body_holds("my own page"), "{folder}/templates", False, True),
    "display_htpasswd_form": row(body_holds('name="password"'), "false", True, False, **LOCAL_USERS),
    "custom_sign_in_logo": row(body_holds("data:image/svg+xml"), "{folder}/logo.svg", False, True),
    "banner": row(body_holds("<b>Welcome</b>"), "<b>Welcome</b>", False, True),
    "footer": row(body_holds("<i>Acme</i>"), "<i>Acme</i>", False, True),
    "brand_name": row(body_holds("Sign in · Acme"), "Acme", False, True),
    "brand_colour": row(body_holds("--accent: #0a7d33;"), "#0a7d33", False, True),
    "language": row(body_holds('<html lang="de">'), "de", False, True),
    "no_store_pages": row(
        answer_field(b"cache-control", "/", BASIC), "true", None, "no-store", **LOCAL_USERS, allowed_groups="staff"
    ),
    "show_debug_on_error": row(_forged_callback, "true", False, True),
}
