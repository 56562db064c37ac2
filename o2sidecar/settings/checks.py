"""Which values options may have, and which of them fit together; every rule reports all that it finds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from o2sidecar.durations import format_duration
from o2sidecar.policy.peers import REAL_CLIENT_IP_HEADERS
from o2sidecar.session.keys import CookieKey
from o2sidecar.settings.kinds import DURATION, LIST, NUMBER, SIZE, TEXT, shown
from o2sidecar.settings.problems import Problem
from o2sidecar.settings.provider_checks import PROVIDER_RULES, proves_itself_otherwise
from o2sidecar.settings.redis_rules import redis_problems
from o2sidecar.settings.structure import upstream_of
from o2sidecar.settings.syntax import RULES_OF_TEXTS
from o2sidecar.settings.table import OPTIONS, Options
from o2sidecar.settings.tls import MINIMUM_VERSIONS, suite_complaint
from o2sidecar.settings.upstreams import Upstream, doubles

CHOICES: Mapping[str, tuple[str, ...]] = {
    "defaults": ("oauth2-proxy", "o2sidecar"),
    "cookie_samesite": ("", "lax", "strict", "none"),
    "cookie_csrf_samesite": ("", "lax", "strict", "none"),
    "session_groups": ("all", "needed"),
    "session_spill": ("", "redis"),
    "session_store_type": ("cookie", "redis"),
    "redis_outage": ("reject", "cookie-fallback"),
    "revocation_unavailable": ("allow", "reject"),
    "logging_format": ("text", "json"),
    "code_challenge_method": ("", "S256", "plain"),
    "auth_request_response_mode": ("", "query", "form_post"),
    "token_endpoint_auth_method": ("", "client_secret_basic", "client_secret_post", "private_key_jwt", "none"),
    "tls_min_version": MINIMUM_VERSIONS,
    "metrics_tls_min_version": MINIMUM_VERSIONS,
}
"""The only values of some options, by key."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_CONTROL_IN_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_MANY_LINES = frozenset({"banner", "footer", "jwt_key"})
_MAY_BE_NEGATIVE = frozenset({"flush_interval"})
_LEAST: Mapping[str, int] = {
    "head_size_limit": 1024,
    "upstream_head_size_limit": 1024,
    "own_body_size_limit": 1024,
    "provider_body_limit": 1024,
    "target_size_limit": 64,
    "chunk_line_size_limit": 16,
    "redirect_length_limit": 1,
    "header_count_limit": 8,
    "provider_requests_limit": 1,
    "cookie_parts_limit": 1,
    "session_cache_size": 2,
}
"""Below these nothing works any more."""
_MUST_LAST = frozenset(
    {
        "head_timeout",
        "body_idle_timeout",
        "keepalive_timeout",
        "write_timeout",
        "tunnel_idle_timeout",
        "upstream_connect_timeout",
        "upstream_write_timeout",
        "provider_timeout",
        "provider_connect_timeout",
        "discovery_refresh_interval",
        "jwks_ttl",
        "provider_cache_age",
        "redis_connect_timeout",
        "redis_command_timeout",
        "redis_lock_time",
        "revocation_poll_interval",
    }
)
"""Times that cannot be nothing, and where 0 does not mean none."""


def problems_of(options: Options) -> Iterator[Problem]:
    """Everything that is wrong with the options; the names in it are keys."""
    unreadable = set()
    for problem in _impossible(options):
        unreadable |= set(problem.names)
        yield problem
    for rule in _RULES:
        for problem in rule(options):
            if unreadable.isdisjoint(problem.names):
                yield problem


def _impossible(options: Options) -> Iterator[Problem]:
    """Values that no option can have."""
    for option in OPTIONS:
        value = getattr(options, option.key)
        if option.kind in (DURATION, NUMBER, SIZE) and value < 0 and option.key not in _MAY_BE_NEGATIVE:
            yield _wrong(option.key, "must not be negative")
        elif option.key in _LEAST and value < _LEAST[option.key]:
            yield _wrong(option.key, f"must be at least {_LEAST[option.key]}")
        elif option.key in _MUST_LAST and not value:
            yield _wrong(option.key, "must be longer than nothing")
        forbidden = _CONTROL_IN_LINES if option.key in _MANY_LINES else _CONTROL
        texts = value if option.kind is LIST else (value,) if option.kind is TEXT else ()
        if any(forbidden.search(text) for text in texts):
            yield _wrong(option.key, "holds a control character, or is not UTF-8")


def _choices(options: Options) -> Iterator[Problem]:
    for key, allowed in CHOICES.items():
        value = getattr(options, key)
        if value not in allowed:
            words = ", ".join(word or "empty" for word in allowed)
            yield _wrong(key, f"must be one of {words}, not {shown(value)}")


def _syntax(options: Options) -> Iterator[Problem]:
    """Values whose form can be judged one by one."""
    for key, check in RULES_OF_TEXTS.items():
        value = getattr(options, key)
        for text in value if isinstance(value, tuple) else (value,):
            if text and (complaint := check(text)):
                yield _wrong(key, complaint)


def _credentials(options: Options) -> Iterator[Problem]:
    if not options.client_id:
        yield _wrong("client_id", "is missing: the client id that the provider gave you")
    if not options.client_secret and not proves_itself_otherwise(options):
        yield _wrong("client_secret", "is missing: the client secret that the provider gave you, or client_secret_file")
    if not options.cookie_secret:
        yield _wrong("cookie_secret", "is missing: 32 random bytes in base64, or cookie_secret_file")
    accepted = [("accepted_cookie_secrets", secret) for secret in options.accepted_cookie_secrets]
    for key, secret in (("cookie_secret", options.cookie_secret), *accepted):
        try:
            if secret:
                CookieKey.from_text(secret)
        except ValueError as error:
            yield _wrong(key, str(error))


def _accepted_providers(options: Options) -> Iterator[Problem]:
    if options.accepted_providers and options.provider_id not in options.accepted_providers:
        what = f"it does not name {shown(options.provider_id)}" if options.provider_id else "provider_id is not given"
        yield _wrong("accepted_providers", f"nobody who signs in here could pass: {what}")


def _cookie_lifetime(options: Options) -> Iterator[Problem]:
    if options.cookie_expire and options.cookie_refresh >= options.cookie_expire:
        refresh, expire = format_duration(options.cookie_refresh), format_duration(options.cookie_expire)
        sentence = f"a session must be renewed before it expires, and {refresh} is not shorter than {expire}"
        yield Problem(names=("cookie_refresh", "cookie_expire"), sentence=sentence)


def _minimal_session(options: Options) -> Iterator[Problem]:
    if not options.session_cookie_minimal:
        return
    for key in ("pass_access_token", "pass_authorization_header", "set_authorization_header"):
        if getattr(options, key):
            yield Problem(names=("session_cookie_minimal", key), sentence="a session without tokens has none to pass")
    if options.cookie_refresh:
        sentence = "a session without tokens cannot be renewed"
        yield Problem(names=("session_cookie_minimal", "cookie_refresh"), sentence=sentence)


def _one_authorization(options: Options) -> Iterator[Problem]:
    if options.pass_authorization_header and options.pass_basic_auth and options.basic_auth_password:
        yield Problem(
            names=("pass_authorization_header", "basic_auth_password"),
            sentence="both would set the app's Authorization header; choose one",
        )
    if options.set_authorization_header and options.set_basic_auth:
        yield Problem(
            names=("set_authorization_header", "set_basic_auth"),
            sentence="both would set the answer's Authorization header; choose one",
        )
    if options.set_basic_auth and not options.basic_auth_password:
        yield Problem(names=("set_basic_auth",), sentence="needs basic_auth_password")


def _upstreams(options: Options) -> Iterator[Problem]:
    good: list[Upstream] = []
    for uri in options.upstreams:
        try:
            good.append(upstream_of(options, uri))
        except ValueError as error:
            yield _wrong("upstreams", str(error))
    for sentence in doubles(good):
        yield _wrong("upstreams", sentence)


def _probe_relays(options: Options) -> Iterator[Problem]:
    if options.probe_relays and not (options.metrics_address or options.metrics_secure_address):
        sentence = "health checks of the app are passed on at metrics_address, and there is none"
        yield Problem(names=("probe_relays", "metrics_address"), sentence=sentence)
    names = [text.partition("=")[0] for text in options.probe_relays]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield _wrong("probe_relays", f"{shown(name)} is there twice")


def _timeout_status(options: Options) -> Iterator[Problem]:
    if options.upstream_timeout_status not in {502, 504}:
        yield _wrong("upstream_timeout_status", f"must be 502 or 504, not {options.upstream_timeout_status}")


def _address_header(options: Options) -> Iterator[Problem]:
    if options.real_client_ip_header.lower() not in map(str.lower, REAL_CLIENT_IP_HEADERS):
        known = ", ".join(REAL_CLIENT_IP_HEADERS)
        yield _wrong("real_client_ip_header", f"must be one of {known}, not {shown(options.real_client_ip_header)}")


def _tls(options: Options) -> Iterator[Problem]:
    for prefix in ("", "metrics_"):
        pair = (f"{prefix}tls_cert_file", f"{prefix}tls_key_file")
        if bool(getattr(options, pair[0])) != bool(getattr(options, pair[1])):
            yield Problem(names=pair, sentence="one is of no use without the other")
        for suite in getattr(options, f"{prefix}tls_cipher_suites"):
            if complaint := suite_complaint(suite):
                yield _wrong(f"{prefix}tls_cipher_suites", complaint)


def nobody_may_pass(options: Options, *others: str) -> Iterator[Problem]:
    """Whether all are kept out, which is no danger but of no use; `others`: keys that say who may, too."""
    if not options.email_domains and not options.authenticated_emails_file and not options.htpasswd_file:
        sentence = "is missing: whose addresses may pass (* for all), or authenticated_emails_file, or htpasswd_file"
        yield Problem(names=("email_domains", *others), sentence=sentence)


def flat_metrics_problems(options: Options) -> Iterator[Problem]:
    """What the flat options lack for metrics over TLS; in the structured file the certificate is no option."""
    pair = ("metrics_tls_cert_file", "metrics_tls_key_file")
    given = bool(options.metrics_tls_cert_file or options.metrics_tls_key_file)
    if options.metrics_secure_address and not given:
        yield Problem(names=("metrics_secure_address", *pair), sentence="TLS needs a certificate and its key")
    if given and not options.metrics_secure_address:
        sentence = "a certificate is of no use without an address to listen on with it"
        yield Problem(names=(*pair, "metrics_secure_address"), sentence=sentence)


def _nothing_emptied(options: Options) -> Iterator[Problem]:
    for key in ("cookie_name", "cookie_path", "http_address", "https_address", "proxy_prefix"):
        if not getattr(options, key):
            yield _wrong(key, "must not be empty")


def _wrong(key: str, sentence: str) -> Problem:
    return Problem(names=(key,), sentence=sentence)


_RULES: tuple[Callable[[Options], Iterator[Problem]], ...] = (
    _choices,
    _syntax,
    _credentials,
    redis_problems,
    _accepted_providers,
    _cookie_lifetime,
    _minimal_session,
    _one_authorization,
    _upstreams,
    _probe_relays,
    _timeout_status,
    *PROVIDER_RULES,
    _address_header,
    _tls,
    _nothing_emptied,
)
