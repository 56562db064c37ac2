"""The command line of `o2sidecar init`, and the options of the sidecar that it says."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from o2sidecar.kubernetes.arguments import parser_of
from o2sidecar.kubernetes.container import SidecarSpec
from o2sidecar.kubernetes.init.realm import NewGateway, Realm, reference, selector
from o2sidecar.kubernetes.terminal import STANDARD, Misused
from o2sidecar.settings.flags import read_command_line
from o2sidecar.settings.kinds import shown
from o2sidecar.settings.nearest import suggestion
from o2sidecar.settings.table import BY_KEY

_DESCRIPTION = """\
Writes a folder for `kubectl apply -k`: what all apps of a domain share. That is the Secret and the ConfigMap of
their sidecars in each namespace, a Gateway of Istio unless there is one, and with --shared-callback the host that
all sign-ins come back to. What is missing is asked for, if there is a terminal.
"""
_EPILOG = """\
examples:
  o2sidecar init --domain example.com --provider github --allow-github-org acme -n apps -o o2 \\
      --client-id Iv1.0123456789abcdef --client-secret-file secret.txt
  o2sidecar init --domain example.com --provider entra-id --tenant 11112222-3333-4444-5555-666677778888 \\
      --allow-email-domain example.com -n apps,tools --gateway aks-istio-ingress/main --shared-callback -o o2

Into a folder that is there nothing is written that would change it: differences are shown, and --force makes them.
The cookie secret of a folder stays in any case; `o2sidecar keys rotate` makes another.

Exit status 0 when the folder is written, or says the same already; 1 when that is refused; 2 for arguments that make
no sense, or lack a value.
"""

FLAGS: Mapping[str, str] = {
    "provider": "--provider",
    "client_id": "--client-id",
    "client_secret": "--client-secret-file",
    "client_secret_file": "--client-secret-file",
    "cookie_secret": "--cookie-secret-file",
    "cookie_secret_file": "--cookie-secret-file",
    "oidc_issuer_url": "--issuer",
    "azure_tenant": "--tenant",
    "github_org": "--allow-github-org",
    "github_team": "--allow-github-team",
    "github_users": "--allow-github-user",
    "email_domains": "--allow-email-domain",
    "allowed_groups": "--allow-group",
    "entra_id_allowed_tenants": "--allow-tenant",
    "trusted_proxy_ips": "--trusted-proxy",
}
"""The flags here that say options of the sidecar, by their keys."""

_LISTS = ("github_users", "email_domains", "allowed_groups", "entra_id_allowed_tenants", "trusted_proxy_ips")
_TEXTS = ("oidc_issuer_url", "github_org")


def parse(arguments: list[str]) -> argparse.Namespace:
    """What the command line says; argparse ends the process where that is help, or nothing that it knows."""
    parser = parser_of("init", _DESCRIPTION, _EPILOG)
    add = parser.add_argument
    add("--domain", required=True, help="apps are below it, and share sign-ins: example.com")
    add("--provider", required=True, help="github, google, entra-id, oidc, or any other of docs/providers.md")
    add("--client-id", default="", help="the id that the provider gave you")
    add("--client-secret-file", default="", metavar="FILE", help="file with the secret that it gave you; -: stdin")
    add(
        "--cookie-secret-file", default="", metavar="FILE", help="file with the cookie secret of proxies that are there"
    )
    add("--issuer", dest="oidc_issuer_url", default="", metavar="URL", help="of the provider, with oidc and its kin")
    add("--tenant", default="", metavar="ID", help="with entra-id and azure: whose people sign in")
    _add_restrictions(parser)
    add("-n", "--namespace", action="append", required=True, metavar="NS[,NS]", help="where the apps are")
    add("--gateway", default="", metavar="NS/NAME", help="a Gateway that is there; else one is written, by the next")
    add("--gateway-namespace", default="", metavar="NS", help="where the gateway's pods are (istio-system)")
    add("--gateway-selector", default="", metavar="KEY=VALUE", help="their label (istio=ingressgateway)")
    add("--tls-secret", default="", metavar="NAME", help="Secret there with the certificate (wildcard-tls)")
    add("--trusted-proxy", dest="trusted_proxy_ips", action="append", metavar="CIDR", help="the gateway's addresses")
    add("--shared-callback", action="store_true", help="one callback for all apps, on a host of its own")
    add("--auth-host", default="", metavar="HOST", help="that host (auth.DOMAIN)")
    add("--host", action="append", metavar="HOST", help="of an app, to be told its callback URL")
    add("--set", action="append", metavar="KEY=VALUE", help="any other option of docs/configuration.md")
    add("-o", "--output", required=True, metavar="DIR", help="the folder")
    add("--force", action="store_true", help="change what is in the folder")
    return parser.parse_args(arguments)


def _add_restrictions(parser: argparse.ArgumentParser) -> None:
    who = parser.add_argument_group("who may pass; with several, who fits all of them")
    add = who.add_argument
    add("--allow-email-domain", dest="email_domains", action="append", metavar="DOMAIN", help="addresses of these")
    add("--allow-group", dest="allowed_groups", action="append", metavar="GROUP", help="members of one of these")
    add("--allow-github-org", dest="github_org", default="", metavar="ORG", help="members of it")
    add("--allow-github-team", action="append", metavar="TEAM", help="members of one of these; ORG:TEAM of any")
    add("--allow-github-user", dest="github_users", action="append", metavar="LOGIN", help="these, in any case")
    add("--allow-tenant", dest="entra_id_allowed_tenants", action="append", metavar="ID", help="people of these")
    add("--allow-any-user", action="store_true", help="everybody who can sign in with the provider")


def realm_of(given: argparse.Namespace) -> Realm:
    """The realm that is asked for; raises `ValueError` with a sentence."""
    if given.auth_host and not given.shared_callback:
        raise Misused("--auth-host is of no use without --shared-callback")
    if given.gateway and (given.gateway_namespace or given.gateway_selector or given.tls_secret):
        raise Misused("--gateway names a Gateway that is there; the other flags about it are for a new one")
    names = [name for text in given.namespace for name in text.split(",")]
    if given.client_secret_file == given.cookie_secret_file == STANDARD:
        raise Misused("--client-secret-file and --cookie-secret-file cannot both be standard input")
    domain = given.domain.removeprefix("*.").removeprefix(".")
    return Realm(
        domain=given.domain,
        provider=given.provider,
        namespaces=tuple(names),
        options=options_of(given),
        gateway=reference(given.gateway) if given.gateway else _new_gateway(given),
        hosts=tuple(given.host or ()),
        auth_host=given.auth_host or (f"auth.{domain}" if given.shared_callback else ""),
    )


def _new_gateway(given: argparse.Namespace) -> NewGateway:
    said: dict[str, Any] = {"namespace": given.gateway_namespace, "tls_secret": given.tls_secret}
    if given.gateway_selector:
        said["selector"] = selector(given.gateway_selector)
    return NewGateway(**{key: value for key, value in said.items() if value})


def options_of(given: argparse.Namespace) -> dict[str, Any]:
    """The options that were given, by key; raises `Misused`."""
    options: dict[str, Any] = {key: tuple(value) for key in _LISTS if (value := getattr(given, key))}
    options |= {key: value for key in _TEXTS if (value := getattr(given, key))}
    if given.allow_github_team:
        options["github_team"] = ",".join(given.allow_github_team)
    if given.tenant:
        options |= _tenant(given)
    for text in given.set or ():
        key, value = _assignment(text)
        if key in options:
            raise Misused(f"--set {key}: {FLAGS[key]} says it already" if key in FLAGS else f"--set {key}: given twice")
        options[key] = value
    return options


def _tenant(given: argparse.Namespace) -> dict[str, Any]:
    if given.oidc_issuer_url:
        raise Misused("--tenant and --issuer say the same; give one of them")
    match given.provider:
        case "azure":
            return {"azure_tenant": given.tenant}
        case "entra-id":
            return {"oidc_issuer_url": f"https://login.microsoftonline.com/{given.tenant}/v2.0"}
    raise Misused(f"--tenant: the provider {shown(given.provider)} has no tenants, only entra-id and azure do")


def _assignment(text: str) -> tuple[str, Any]:
    """An option and its value, written `KEY=VALUE`."""
    key, equals, value = text.partition("=")
    key = key.strip().replace("-", "_")
    if not equals or key not in BY_KEY:
        hint = suggestion(key, list(BY_KEY)) if equals else ""
        raise Misused(f"--set {shown(key)}: no option has this key{hint}; write --set KEY=VALUE")
    option = BY_KEY[key]
    if option.secret:
        raise Misused(f"--set {key}: a secret has no place on a command line, where everybody can read it")
    if key == "provider" or option.flag in said_by_container():
        raise Misused(f"--set {key}: that is said elsewhere already")
    try:
        return key, option.kind.from_text(value)
    except ValueError as error:
        raise Misused(f"--set {key}: {error}") from None


def said_by_container() -> frozenset[str]:
    """The flags that the sidecar's container has in any case, against which the file is of no effect."""
    said = read_command_line(SidecarSpec(app_port=8080).arguments).occurrences
    return frozenset(said) | {"--client-id"}
