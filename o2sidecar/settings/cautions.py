"""What an operator should know about settings that are valid: a full sentence each, none of them a refusal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from o2sidecar.settings.kinds import shown
from o2sidecar.settings.problems import Problem
from o2sidecar.settings.provider_checks import of_no_effect
from o2sidecar.settings.provider_kind import ProviderKind, ProviderKinds
from o2sidecar.settings.redis_rules import redis_cautions
from o2sidecar.settings.table import BY_KEY, OPTIONS, Options
from o2sidecar.settings.tls import WITHOUT_FORWARD_SECRECY

_DANGERS = {
    "ssl_insecure_skip_verify": "the provider's certificate is not verified: anybody on the way can pose as it.",
    "ssl_upstream_insecure_skip_verify": "the app's certificate is not verified: anybody on the way can pose as it.",
    "insecure_oidc_allow_unverified_email": "unverified addresses are believed: people may claim somebody else's.",
    "insecure_oidc_skip_issuer_verification": "ID tokens of any issuer that the keys fit are accepted.",
    "show_debug_on_error": "error pages show internal reasons to everybody; use it for tests only.",
}
_WITHOUT_EFFECT = {
    "flush_interval": "this has no effect: nothing is buffered, every piece of an answer is passed on as it comes.",
    "errors_to_info_log": "this has no effect: errors are where everything else of the log is already.",
}


_PUBLIC = frozenset({"bitbucket", "digitalocean", "facebook", "github", "google", "linkedin", "login.gov", "sourcehut"})
"""Kinds of provider where anybody can have an account."""

_MANY_TENANTS = frozenset({"common", "organizations", "consumers"})


def cautions_of(
    options: Options, given: Collection[str], *, kinds: ProviderKinds, tls: bool = False
) -> Iterator[Problem]:
    """What to say about these options, of which the keys `given` were set by somebody; the names in it are keys.

    `kinds`: the providers that there are, that of the options among them. `tls`: whether https is served here.
    """
    for key in given:
        if key in BY_KEY and BY_KEY[key].successor:
            yield _caution(key, f"this is deprecated; use {BY_KEY[key].successor} instead.")
    for key, sentence in _DANGERS.items():
        if getattr(options, key):
            yield _caution(key, sentence)
    for key, sentence in _WITHOUT_EFFECT.items():
        if key in given and getattr(options, key):
            yield _caution(key, sentence)
    if options.force_https and not options.reverse_proxy and not tls:
        sentence = "nobody can come by https: there is no certificate, and without reverse_proxy no proxy is believed."
        yield _caution("force_https", sentence)
    for rule in _RULES:
        yield from rule(options, given)
    yield from of_no_effect(options, given, kinds)
    for rule_of_kind in (_everybody_may_pass, _nonce, _validate_url, _authentication_times):
        yield from rule_of_kind(options, kinds.kind(options.provider))


def _forwarding(options: Options, given: Collection[str]) -> Iterator[Problem]:
    if options.reverse_proxy and not options.trusted_proxy_ips:
        yield _caution(
            "trusted_proxy_ips",
            "with reverse_proxy and no trusted proxies, only forwarding headers from loopback are believed"
            " (oauth2-proxy believes everybody's); name the networks of your proxies.",
        )
    if options.proxy_protocol and not options.trusted_proxy_ips:
        yield _caution(
            "trusted_proxy_ips",
            "with proxy_protocol and no trusted proxies, only connections from loopback are taken;"
            " name the networks of your proxies.",
        )
    if options.trusted_proxy_ips and not options.reverse_proxy and not options.proxy_protocol:
        yield _caution("trusted_proxy_ips", "this has no effect without reverse_proxy or proxy_protocol.")
    if options.trusted_ips and options.reverse_proxy:
        yield _caution("trusted_ips", "clients with these addresses pass without a session, by their proxy's word.")


def _cipher_suites(options: Options, given: Collection[str]) -> Iterator[Problem]:
    for key in ("tls_cipher_suites", "metrics_tls_cipher_suites"):
        for suite in getattr(options, key):
            if suite in WITHOUT_FORWARD_SECRECY:
                sentence = f"with {suite}, whoever gets hold of the key later can read what was said before."
                yield _caution(key, sentence)


def _user_headers(options: Options, given: Collection[str]) -> Iterator[Problem]:
    if not options.pass_user_headers and options.pass_basic_auth:
        yield _caution(
            "pass_user_headers",
            "pass_basic_auth is on and sends the same headers; to send none, set pass_basic_auth to false too.",
        )
    if not options.skip_auth_strip_headers:
        yield _caution(
            "skip_auth_strip_headers",
            "identity headers in clients' requests are removed all the same; this only lets a client's"
            " Authorization stay in front of ours.",
        )


def _everybody_may_pass(options: Options, kind: ProviderKind) -> Iterator[Problem]:
    if "*" not in options.email_domains or options.allowed_groups:
        return
    # The tenant of azure may be one of those that mean everybody.
    restrictions = [option.key for option in OPTIONS if option.restricts and option.key in kind.keys - {"azure_tenant"}]
    if _knows_strangers(options) and not any(getattr(options, key) for key in restrictions):
        sentence = f"* lets everybody in the world who has an account with {options.provider} pass."
        yield _caution("email_domains", sentence)


def _knows_strangers(options: Options) -> bool:
    """Whether anybody can have an account with the provider."""
    match options.provider:
        case "gitlab":
            return options.oidc_issuer_url in {"", "https://gitlab.com"}
        case "azure" if not options.oidc_issuer_url:
            return options.azure_tenant in _MANY_TENANTS
        case "azure" | "entra-id":
            many = not _MANY_TENANTS.isdisjoint(options.oidc_issuer_url.split("/")[3:])
            return many or options.insecure_oidc_skip_issuer_verification
    return options.provider in _PUBLIC


def _provider(options: Options, given: Collection[str]) -> Iterator[Problem]:
    match options.provider:
        case "azure":
            sentence = "azure is the older name of entra-id, which is oauth2-proxy's successor of it too."
            yield _caution("provider", sentence)
        case "keycloak":
            yield _caution("provider", "keycloak is the older one, without ID tokens; keycloak-oidc is its successor.")
        case "nextcloud":
            sentence = "Nextcloud verifies no addresses for us: see to it there that people cannot choose their own."
            yield _caution("provider", sentence)


def _login_protection(options: Options, given: Collection[str]) -> Iterator[Problem]:
    if not options.code_challenge_method:
        sentence = "PKCE is off; set it to S256, or defaults to o2sidecar (RFC 9700 §2.1.1)."
        yield _caution("code_challenge_method", sentence)


def _cookies(options: Options, given: Collection[str]) -> Iterator[Problem]:
    if not options.cookie_secure:
        yield _caution("cookie_secure", "cookies are sent without https too, where others can read them.")
    if options.cookie_samesite == "none" and not options.cookie_secure:
        yield _caution("cookie_samesite", "browsers drop cookies with SameSite=None that are not secure.")
    if options.auth_request_response_mode == "form_post":
        sentence = "with form_post the provider posts across sites, where browsers send no cookie but SameSite=None."
        if options.cookie_csrf_samesite not in {"", "none"}:
            yield _caution("cookie_csrf_samesite", sentence)
        elif not options.cookie_secure:
            yield _caution("cookie_secure", f"{sentence} Such a cookie has to be secure.")


def _cookie_name_prefix(options: Options, given: Collection[str]) -> Iterator[Problem]:
    """RFC 6265bis §4.1.3: browsers drop cookies whose attributes break the promise of their name."""
    if options.cookie_name.startswith(("__Host-", "__Secure-")) and not options.cookie_secure:
        yield _caution("cookie_name", "browsers drop cookies of this name that are not secure.")
    if options.cookie_name.startswith("__Host-") and (options.cookie_path != "/" or options.cookie_domains):
        yield _caution("cookie_name", "browsers drop cookies of this name that have a domain or another path than /.")


def _cut_patterns(options: Options, given: Collection[str]) -> Iterator[Problem]:
    """A variable is cut at every comma, `^/a{1,3}$` too; the parts may open paths that nobody meant."""
    for key in ("skip_auth_routes", "skip_auth_regex", "reauth_routes", "api_routes"):
        for pattern in getattr(options, key):
            if pattern.count("{") != pattern.count("}"):
                sentence = f"{shown(pattern)} looks like a pattern cut at a comma; write the list as a JSON array."
                yield _caution(key, sentence)


def _provider_authorities(options: Options, given: Collection[str]) -> Iterator[Problem]:
    if options.use_system_trust_store and not options.provider_ca_files:
        yield _caution("use_system_trust_store", "this has no effect without provider_ca_files.")


def _upstream_authorities(options: Options, given: Collection[str]) -> Iterator[Problem]:
    if options.upstream_ca_files and options.ssl_upstream_insecure_skip_verify:
        yield _caution("upstream_ca_files", "this has no effect while the app's certificate is not verified.")


def _bearer_tokens(options: Options, given: Collection[str]) -> Iterator[Problem]:
    if options.skip_jwt_bearer_tokens:
        return
    for key in ("bearer_token_login_fallback", "extra_jwt_issuers"):
        if key in given and getattr(options, key) != BY_KEY[key].default:
            yield _caution(key, "this has no effect without skip_jwt_bearer_tokens.")


def _authentication_times(options: Options, kind: ProviderKind) -> Iterator[Problem]:
    if options.reauth_routes and "clock_skew" not in kind.keys:
        sentence = (
            f"{options.provider} gives no ID tokens, which alone tell when somebody signed in: nobody gets there."
        )
        yield _caution("reauth_routes", sentence)


def _local_users(options: Options, given: Collection[str]) -> Iterator[Problem]:
    for key in ("htpasswd_user_groups", "display_htpasswd_form"):
        if key in given and not options.htpasswd_file and getattr(options, key) != BY_KEY[key].default:
            yield _caution(key, "this has no effect without htpasswd_file.")


def _log_file(options: Options, given: Collection[str]) -> Iterator[Problem]:
    if options.logging_filename:
        return
    for key in ("logging_max_size", "logging_max_age", "logging_max_backups", "logging_compress"):
        if key in given and getattr(options, key) != BY_KEY[key].default:
            yield _caution(key, "this has no effect without logging_filename.")


def _nonce(options: Options, kind: ProviderKind) -> Iterator[Problem]:
    if "oidc_issuer_url" in kind.keys and options.insecure_oidc_skip_nonce:
        sentence = "nonces are not checked; set it to false, or defaults to o2sidecar (OpenID Connect Core §15.5.2)."
        yield _caution("insecure_oidc_skip_nonce", sentence)


def _validate_url(options: Options, kind: ProviderKind) -> Iterator[Problem]:
    if options.validate_url and "validate_url" not in kind.keys:
        how = "judged by their ID tokens" if "oidc_issuer_url" in kind.keys else "judged by profile_url"
        yield _caution("validate_url", f"this has no effect with {options.provider}: its sessions are {how}.")


def _caution(key: str, sentence: str) -> Problem:
    return Problem(names=(key,), sentence=sentence)


_RULES: tuple[Callable[[Options, Collection[str]], Iterator[Problem]], ...] = (
    _forwarding,
    _cipher_suites,
    _user_headers,
    _provider,
    _login_protection,
    _cookies,
    _cookie_name_prefix,
    _provider_authorities,
    _upstream_authorities,
    _bearer_tokens,
    _local_users,
    _log_file,
    _cut_patterns,
    redis_cautions,
)
