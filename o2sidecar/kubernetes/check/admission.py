"""Rules about who may pass."""

from __future__ import annotations

import re
from collections.abc import Iterator

from o2sidecar.kubernetes.check.configuration import Configuration
from o2sidecar.kubernetes.check.rule import Remark, error, warning
from o2sidecar.kubernetes.check.scene import Scene
from o2sidecar.policy.paths import PublicPaths
from o2sidecar.settings.table import OPTIONS

TRUST = frozenset({"trusted_proxy_ips"})
"""Options about whose word counts."""
RESTRICTIONS = frozenset(option.key for option in OPTIONS if option.restricts)
"""Options that narrow down who may pass."""
_ANYWHERE = (b"/", b"/o2s-check/some/page")
_GITHUB_TEAMS = ("github_org", "github_team")


def _everybody(scene: Scene) -> Iterator[Remark]:
    for configuration in scene.configurations:
        for verdict in configuration.about(["email_domains"]):
            if not verdict.refused:
                yield configuration.remark(verdict.sentence, "email_domains", "provider")


def _restricts_nobody(scene: Scene) -> Iterator[Remark]:
    for configuration in scene.configurations:
        for verdict in configuration.about(RESTRICTIONS):
            if verdict.refused:
                yield configuration.remark(verdict.sentence, *sorted(verdict.keys))


def _scopes(scene: Scene) -> Iterator[Remark]:
    for configuration in scene.configurations:
        values = configuration.values
        scopes = values["scope"].replace("+", " ").split()
        if "scope" not in configuration.given or not scopes:
            continue
        if values["provider"] == "github" and any(values[key] for key in _GITHUB_TEAMS):
            if not {"read:org", "admin:org", "write:org"} & set(scopes):
                sentence = "the scope lacks read:org, without which GitHub tells no organisations: nobody passes"
                yield configuration.remark(sentence, "scope")
        elif values["provider"] in _openid_providers(configuration, scene) and "openid" not in scopes:
            sentence = "the scope lacks openid: the provider gives no ID token (a repeated --scope keeps the last only)"
            yield configuration.remark(sentence, "scope")


def _openid_providers(configuration: Configuration, scene: Scene) -> set[str]:
    name = configuration.values["provider"]
    try:
        return {name} if "oidc_issuer_url" in scene.kinds.kind(name).keys else set()
    except ValueError:
        return set()


def _opens_everything(configuration: Configuration) -> Iterator[tuple[str, str]]:
    """The patterns of public paths that open paths of which they say nothing, each with its option."""
    for key in ("skip_auth_routes", "skip_auth_regex"):
        for pattern in configuration.values[key]:
            routes = ([pattern], []) if key == "skip_auth_routes" else ([], [pattern])
            try:
                opened = PublicPaths.parse(*routes)
            except ValueError:
                continue  # which the loader says
            method = pattern.partition("=")[0].rstrip("!").upper() if "=" in pattern else "GET"
            if any(opened.admits(method.encode(errors="replace") or b"GET", path) for path in _ANYWHERE):
                yield key, pattern


def _public(scene: Scene) -> Iterator[Remark]:
    for configuration in scene.configurations:
        for key, pattern in _opens_everything(configuration):
            yield configuration.remark(
                f"the pattern {pattern!r} opens every path, or the first page, to everybody", key
            )


def _unanchored(scene: Scene) -> Iterator[Remark]:
    for configuration in scene.configurations:
        open_anyway = {pattern for _, pattern in _opens_everything(configuration)}
        for key in ("skip_auth_routes", "skip_auth_regex"):
            for pattern in set(configuration.values[key]) - open_anyway:
                routes = ([pattern], []) if key == "skip_auth_routes" else ([], [pattern])
                try:
                    loose = PublicPaths.parse(*routes).unanchored()
                except ValueError:
                    continue
                if any(not _begins_at_the_start(one) for one in loose):
                    sentence = f"the pattern {pattern!r} opens every path that holds a match anywhere; begin it with ^"
                    yield configuration.remark(sentence, key)


def _begins_at_the_start(pattern: str) -> bool:
    """Whether a pattern begins with ^ and has alternatives inside of groups only: `^/(a|b)$`."""
    depth = 0
    for character in re.sub(r"\\.|\[[^\]]*\]", "", pattern):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "|" and depth == 0:
            return False
    return pattern.startswith("^")


def _nobody_trusted(scene: Scene) -> Iterator[Remark]:
    for configuration in scene.configurations:
        for verdict in configuration.about(TRUST):
            if not verdict.refused:
                yield configuration.remark(verdict.sentence, "reverse_proxy", "trusted_proxy_ips")


def _spoofed(scene: Scene) -> Iterator[Remark]:
    for configuration in scene.proxies:
        if configuration.program == "oauth2-proxy" and configuration.values["set_xauthrequest"]:
            sentence = (
                "set_xauthrequest sends X-Auth-Request-* to the browser, not to the app, and oauth2-proxy passes a"
                " client's own X-Auth-Request-Email on: an app that believes it can be lied to by anybody signed in"
            )
            yield configuration.remark(sentence, "set_xauthrequest")


def _no_token(scene: Scene) -> Iterator[Remark]:
    for configuration in scene.configurations:
        name = configuration.values["provider"]
        for key in ("pass_authorization_header", "set_authorization_header"):
            if configuration.values[key] and name in scene.kinds and not _openid_providers(configuration, scene):
                sentence = f"{key} has nothing to pass: {name} gives no ID token, and so there is no Authorization"
                yield configuration.remark(sentence, key)


def _shared_session(scene: Scene) -> Iterator[Remark]:
    """oauth2-proxy asks for membership at sign-in only, so a session of a neighbour's passes here."""
    for configuration in scene.proxies:
        mine = _restrictions(configuration)
        if configuration.program != "oauth2-proxy" or not mine or not configuration.values["cookie_domains"]:
            continue
        for other in scene.proxies:
            lacking = sorted(key for key, _ in mine - _restrictions(other))
            if other is not configuration and _same_cookie(configuration, other) and lacking:
                assert other.pod is not None
                key = lacking[0]
                sentence = (
                    f"{key} is asked for at sign-in only, and {other.pod.thing.title} signs people in without it"
                    " under the same cookie: its sessions pass here"
                )
                yield configuration.remark(sentence, key)
                break


def _restrictions(configuration: Configuration) -> set[tuple[str, object]]:
    keys = RESTRICTIONS & configuration.given.keys()
    return {(key, configuration.values[key]) for key in keys if configuration.values[key]}


def _same_cookie(one: Configuration, other: Configuration) -> bool:
    keys = ("cookie_domains", "cookie_name", "cookie_secret")
    return all(one.values[key] == other.values[key] for key in keys)


RULES = (
    error(
        "O2S020",
        "Everybody in the world may pass",
        "Anybody can open an account with a public provider; `*` then only asks people for a name, and lets them in.",
        "Name who may pass: github_org, allowed_groups, or the domains of addresses in email_domains.",
        _everybody,
    ),
    error(
        "O2S021",
        "A restriction restricts nobody",
        "The option is another provider's. oauth2-proxy ignores it, and everybody passes; o2sidecar does not start.",
        "Use the restriction of the provider that is configured, or allowed_groups.",
        _restricts_nobody,
    ),
    error(
        "O2S022",
        "The scope does not give what the settings need",
        "Without read:org GitHub tells no memberships, without openid there is no ID token: nobody can sign in.",
        "Leave scope out, or name all scopes in one text: `openid email profile`, `user:email read:org`.",
        _scopes,
    ),
    error(
        "O2S023",
        "A public path opens everything",
        "Patterns of skip_auth_routes are searched for. One that matches `/` takes the sign-in away from every page.",
        "Say the whole path: `GET=^/healthz$`.",
        _public,
    ),
    warning(
        "O2S024",
        "A public path is not anchored",
        "It opens every path that holds the text anywhere: `/health` opens `/admin/health` and `/x/healthy` too.",
        "Begin it with ^ and end it with $.",
        _unanchored,
    ),
    warning(
        "O2S025",
        "Forwarding headers are believed, but nobody is trusted",
        "oauth2-proxy believes X-Forwarded-* of everybody who reaches it; o2sidecar then believes only loopback, so"
        " that the gateway's word about host, scheme and address does not count.",
        "Name the networks of the gateway in trusted_proxy_ips.",
        _nobody_trusted,
    ),
    error(
        "O2S026",
        "Identity headers can be made up by clients",
        "With oauth2-proxy's set_xauthrequest, X-Auth-Request-* are headers of answers; those of requests pass as they"
        " are. An app that reads them believes whoever is signed in.",
        "Use o2sidecar, which takes them out of every request and sets its own; or read X-Forwarded-Email in the app.",
        _spoofed,
    ),
    warning(
        "O2S027",
        "There is no token to pass on",
        "pass_authorization_header and set_authorization_header carry an ID token, and this provider gives none.",
        "Use pass_access_token, or leave the option out.",
        _no_token,
    ),
    error(
        "O2S028",
        "A neighbour's session passes a restriction",
        "oauth2-proxy asks for organisation and team when people sign in, and not when a session of another app comes"
        " with the cookie that both share.",
        "Use o2sidecar, which asks at each request, or give the restricted app a cookie and a secret of its own.",
        _shared_session,
    ),
)
