"""Rules about cookies, and the hosts that they are for."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from o2sidecar.kubernetes.check.configuration import Configuration
from o2sidecar.kubernetes.check.routing import host_fits
from o2sidecar.kubernetes.check.rule import Remark, error
from o2sidecar.kubernetes.check.scene import Scene
from o2sidecar.kubernetes.check.thing import items

SECURITY = frozenset({"cookie_secure", "cookie_samesite"})
"""Options about who gets a cookie to see."""
LIFETIMES = frozenset({"cookie_refresh", "cookie_expire"})
"""Options about how long one counts."""
_SHARED_BY_ALL = frozenset(
    [
        "ac.uk",
        "co.in",
        "co.jp",
        "co.kr",
        "co.nz",
        "co.uk",
        "co.za",
        "com.ar",
        "com.au",
        "com.br",
        "com.cn",
        "com.mx",
        "com.sg",
        "com.tr",
        "gov.uk",
        "net.au",
        "org.au",
        "org.uk",
        "azurewebsites.net",
        "cloudapp.net",
        "cloudfront.net",
        "fly.dev",
        "github.io",
        "gitlab.io",
        "herokuapp.com",
        "netlify.app",
        "nip.io",
        "onrender.com",
        "pages.dev",
        "run.app",
        "sslip.io",
        "vercel.app",
        "web.app",
        "workers.dev",
    ]
)
"""Some domains below which strangers have hosts, from the public suffix list's best known."""
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]", "::1")


def callback_host(configuration: Configuration) -> str:
    """The host of the callback, if it is a fixed one."""
    try:
        return urlsplit(configuration.values["redirect_url"]).hostname or ""
    except ValueError:
        return ""


def _outside(scene: Scene) -> Iterator[Remark]:
    for configuration in scene.configurations:
        domains = configuration.values["cookie_domains"]
        hosts = dict.fromkeys([*filter(None, [callback_host(configuration)]), *scene.hosts_of(configuration)])
        for host in hosts if domains else ():
            if any(_is_in(host, domain) for domain in domains):
                if configuration.program == "oauth2-proxy" and f".{host}" in domains:
                    sentence = f"oauth2-proxy does not take {host} for a host of the cookie domain .{host}"
                    yield configuration.remark(sentence, "cookie_domains")
                continue
            sentence = (
                f"the host {host} is in none of the cookie domains ({', '.join(domains)}): browsers drop the cookie"
            )
            yield configuration.remark(sentence, "cookie_domains")


def _is_in(host: str, domain: str) -> bool:
    bare = domain.lstrip(".").partition(":")[0].lower()
    return host.lower() == bare or host.lower().endswith("." + bare)


def _public_suffixes(scene: Scene) -> Iterator[Remark]:
    for configuration in scene.configurations:
        for domain in configuration.values["cookie_domains"]:
            bare = domain.strip(".").lower()
            if bare and ("." not in bare or bare in _SHARED_BY_ALL) and bare not in _LOOPBACK:
                sentence = f"strangers have hosts below {bare} too: browsers refuse the cookie, or give it to them"
                yield configuration.remark(sentence, "cookie_domains")


def _not_secure(scene: Scene) -> Iterator[Remark]:
    for configuration in scene.configurations:
        if configuration.pod is None and _on_loopback(configuration):
            continue
        for verdict in configuration.about(SECURITY):
            if not verdict.refused:
                yield configuration.remark(verdict.sentence, *sorted(verdict.keys))


def _on_loopback(configuration: Configuration) -> bool:
    host = callback_host(configuration)
    address = configuration.values["http_address"].rpartition(":")[0]
    return host in _LOOPBACK or host.endswith(".localhost") or (not host and address in _LOOPBACK)


def _lifetime(scene: Scene) -> Iterator[Remark]:
    for configuration in scene.configurations:
        for verdict in configuration.about(LIFETIMES):
            if verdict.refused:
                yield configuration.remark(verdict.sentence, *sorted(verdict.keys))


def _no_way_back(scene: Scene) -> Iterator[Remark]:
    """With a callback on another host, the app's host must be one to return to."""
    for configuration in scene.configurations:
        callback = callback_host(configuration)
        for host in scene.hosts_of(configuration) if callback else ():
            if host == callback:
                continue
            allowed = configuration.values["whitelist_domains"]
            if not any(_may_return(host, entry) for entry in allowed):
                sentence = (
                    f"people come back from the provider at {callback} and are not led on to {host},"
                    " which whitelist_domains does not name"
                )
                yield configuration.remark(sentence, "whitelist_domains", "redirect_url")
            if not configuration.values["cookie_domains"]:
                sentence = f"the callback at {callback} sets a cookie that {host} never gets: cookie_domains is not set"
                yield configuration.remark(sentence, "redirect_url")


def _may_return(host: str, entry: str) -> bool:
    name = entry.partition(":")[0].lower().removeprefix("*")
    return host == name or (name.startswith(".") and host.endswith(name))


def _no_route(scene: Scene) -> Iterator[Remark]:
    for configuration in scene.proxies:
        host = callback_host(configuration)
        hosts = [pattern for route in scene.routes for pattern in route.hosts]
        if not host or not hosts or scene.is_external("Host", "", host):
            continue
        if not any(host_fits(host, pattern) for pattern in hosts):
            yield configuration.remark(
                f"the provider sends people to {host}, and no route of this set has that host", "redirect_url"
            )


def _unresolved(scene: Scene) -> Iterator[Remark]:
    for configuration in scene.proxies:
        pod, container, around = configuration.pod, configuration.container, configuration.surroundings
        assert pod is not None and container is not None and around is not None
        words = [("args", index, str(word)) for index, word in enumerate(items(container.data.get("args")))]
        words += [
            ("env", index, str(variable.get("value") or ""))
            for index, variable in enumerate(items(container.data.get("env")))
            if isinstance(variable, dict)
        ]
        for part, index, word in words:
            for reference in around.dangling(word):
                sentence = f"{reference} stays as it is: the container has no variable of that name"
                yield Remark(sentence=sentence, thing=pod.thing, path=(*container.path, part, index))


RULES = (
    error(
        "O2S030",
        "A host is not in the cookie's domain",
        "Browsers drop a cookie for a domain that the host is not in, so that people sign in in a circle.",
        "Name the parent of all hosts in cookie_domains, or leave it out for a single host.",
        _outside,
    ),
    error(
        "O2S031",
        "The cookie's domain belongs to everybody",
        "Below a public suffix there are strangers' hosts: browsers refuse such a cookie, or hand it to them.",
        "Use the domain that is yours: .example.com.",
        _public_suffixes,
    ),
    error(
        "O2S032",
        "The session cookie is not protected",
        "Without Secure it is sent over plain HTTP for everybody on the way to read; SameSite=None without Secure is"
        " dropped by browsers.",
        "Leave cookie_secure on: the gateway ends TLS, and the browser sees https.",
        _not_secure,
    ),
    error(
        "O2S033",
        "A session is renewed after it has ended",
        "With cookie_refresh not shorter than cookie_expire nothing is ever renewed; the proxy does not start.",
        "Make cookie_refresh shorter: 1h with cookie_expire 168h.",
        _lifetime,
    ),
    error(
        "O2S034",
        "The callback's host does not lead back to the app",
        "With a shared callback people end on the callback's host, in another app, or without a session.",
        "Leave redirect_url out; or name the app's host in whitelist_domains, and the parent in cookie_domains.",
        _no_way_back,
    ),
    error(
        "O2S035",
        "No route has the callback's host",
        "The provider sends people to a host that leads nowhere: 404 instead of a sign-in.",
        "Give the host a route to a proxy with the same settings, or declare it with --external Host/NAME.",
        _no_route,
    ),
    error(
        "O2S036",
        "A reference to a variable stays as it is",
        "Kubernetes replaces $(NAME) only where the container has that variable, and says nothing otherwise.",
        "Add the variable to env before it is used, or write the value.",
        _unresolved,
    ),
)
