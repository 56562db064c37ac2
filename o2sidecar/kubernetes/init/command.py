"""`o2sidecar init`: asks, judges and writes; nothing is written when anything is refused."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import evolve

from o2sidecar.kubernetes.cookie_secrets import new_cookie_secret
from o2sidecar.kubernetes.ending import ended
from o2sidecar.kubernetes.findings import ManifestProblem
from o2sidecar.kubernetes.init.advice import advice
from o2sidecar.kubernetes.init.arguments import FLAGS, parse, realm_of
from o2sidecar.kubernetes.init.auth_host import arguments as sidecar_arguments
from o2sidecar.kubernetes.init.configuration import Credentials, configuration_text, restrictions, settings_of
from o2sidecar.kubernetes.init.folder import SECRET_FILE, files_of
from o2sidecar.kubernetes.init.realm import Realm
from o2sidecar.kubernetes.init.standing import Standing
from o2sidecar.kubernetes.terminal import Misused, Terminal
from o2sidecar.settings.files import without_line_break
from o2sidecar.settings.load import Loaded, SettingsRefused
from o2sidecar.settings.provider_kind import ProviderKinds

_KNOW_NO_GROUPS = frozenset({"digitalocean", "facebook", "google", "linkedin", "login.gov", "sourcehut"})
"""Providers that say nothing of groups here: with a rule about them nobody could pass."""

_NAME = "init"

_BETWEEN_NAMES = re.compile(r", (?![^(]*\))")


class _Refused(Exception):
    """The settings are not written, for these reasons."""


def main(arguments: Sequence[str], terminal: Terminal | None = None) -> int:
    """Write the folder; see its `--help` for the exit status."""
    from o2sidecar.providers.registry import KnownProviders  # noqa: PLC0415 - it looks for those of other packages

    terminal = terminal or Terminal.of_process()
    given = parse(list(arguments))

    def do() -> int:
        try:
            return _done(given, terminal, KnownProviders())
        except ManifestProblem as problem:
            return terminal.refuse(_NAME, [*problem.findings, "nothing is written"])
        except _Refused as refused:
            return terminal.refuse(_NAME, [*refused.args, "nothing is written"])
        except ValueError as error:
            raise Misused(str(error)) from None

    return ended(_NAME, terminal, do)


def _done(given: argparse.Namespace, terminal: Terminal, providers: ProviderKinds) -> int:
    realm = realm_of(given)
    folder = Path(given.output)
    standing = Standing.read(folder, files_of(realm, Credentials.nobody()))
    realm, credentials = _completed(given, realm, standing, terminal, providers)
    loaded = _judged(realm, credentials, given.allow_any_user, providers)
    files = standing.wanted(files_of(realm, credentials))
    differences = list(standing.differences(files))
    for difference in differences:
        terminal.say(difference)
    if differences and not given.force:
        raise _Refused(f"{folder} is there and says something else, as shown above; --force changes it")
    if files != standing.texts:
        standing.write(files)
    elif standing.close():
        terminal.say(f"{folder / SECRET_FILE} could be read by others; only its owner may now")
    for warning in map(_as_given, loaded.warnings):
        # Who has not said where the gateway is will read of it below.
        if not warning.startswith(FLAGS["trusted_proxy_ips"]):
            terminal.say(f"warning: {warning}")
    for name in standing.left_over(files):
        terminal.say(f"warning: {folder / name} is no part of it any more; take it away")
    terminal.out(advice(realm, given.output, list(files)))
    return 0


def _completed(
    given: argparse.Namespace, realm: Realm, standing: Standing, terminal: Terminal, providers: ProviderKinds
) -> tuple[Realm, Credentials]:
    """The realm and its credentials with what the folder knows and what the person answers."""
    kept = standing.values
    missing = []

    def answer(flag: str, question: str, *, secret: bool = False) -> str:
        ask = terminal.ask_secret if secret else terminal.ask
        if ask is None:
            missing.append(flag)
            return ""
        try:
            said = ask(f"{question}: ").strip()
        except EOFError:
            said = ""
        if not said:
            missing.append(flag)
        return said

    if _needs_issuer(realm, providers):
        tenant = realm.provider == "entra-id"
        flag, question = ("--tenant", "Tenant's id") if tenant else ("--issuer", "Issuer's URL")
        said = answer(flag, question)
        issuer = f"https://login.microsoftonline.com/{said}/v2.0" if tenant else said
        realm = evolve(realm, options={"oidc_issuer_url": issuer, **realm.options})
    client_id = given.client_id or kept.get("client-id") or answer("--client-id", "Client id")
    if given.client_secret_file:
        client_secret = without_line_break(terminal.text(given.client_secret_file))
    else:
        question = "Client secret (it is not shown)"
        client_secret = kept.get("client-secret") or answer("--client-secret-file", question, secret=True)
    if missing:
        why = "there was no answer" if terminal.ask else "missing, and there is no terminal to ask on"
        raise Misused(f"{', '.join(missing)}: {why}")
    cookie_secret = kept.get("cookie-secret") or new_cookie_secret(terminal.random)
    if given.cookie_secret_file:
        cookie_secret = without_line_break(terminal.text(given.cookie_secret_file))
    return realm, Credentials(
        client_id=client_id,
        client_secret=client_secret,
        cookie_secret=cookie_secret,
        accepted_cookie_secrets=kept.get("accepted-cookie-secrets", ""),
    )


def _needs_issuer(realm: Realm, providers: ProviderKinds) -> bool:
    if realm.provider not in providers or "oidc_issuer_url" in realm.options:
        return False
    return "oidc_issuer_url" in providers.kind(realm.provider).required and "skip_oidc_discovery" not in realm.options


def _judged(realm: Realm, credentials: Credentials, any_user: bool, providers: ProviderKinds) -> Loaded:
    """What a sidecar would make of it; raises `_Refused` with all that is wrong."""
    text, arguments = configuration_text(realm), sidecar_arguments(realm)
    try:
        loaded = settings_of(text, credentials, arguments=arguments, providers=providers)
    except SettingsRefused as refused:
        raise _Refused(*(_as_given(str(problem)) for problem in refused.problems)) from None
    found = list(restrictions(loaded.settings, providers.kind(realm.provider).keys))
    if complaints := list(_complaints(realm, found, any_user)):
        raise _Refused(*complaints)
    return loaded


def _complaints(realm: Realm, found: Sequence[str], any_user: bool) -> Iterator[str]:
    if "allowed_groups" in found and realm.provider in _KNOW_NO_GROUPS:
        more = "; it has google_groups, with a service account" if realm.provider == "google" else ""
        yield f"--allow-group: {realm.provider} says nothing of groups, so that nobody could pass{more}"
    if not found and not any_user:
        yield (
            f"everybody who has an account with {realm.provider} could pass: say who may, for example by"
            " --allow-email-domain, or that everybody may, by --allow-any-user"
        )
    if found and any_user:
        flags = ", ".join(FLAGS.get(key, f"--set {key}") for key in found)
        yield f"--allow-any-user contradicts {flags}"


def _as_given(sentence: str) -> str:
    """What settings say, with the flags of `init` in the place of keys in the file."""
    names, colon, rest = sentence.partition(": ")
    told = [FLAGS.get(key, f"--set {key}") for key in map(_key, _BETWEEN_NAMES.split(names))]
    return f"{', '.join(dict.fromkeys(told))}{colon}{rest}"


def _key(name: str) -> str:
    """Of an option as settings name it: `key (file)`, or `--flag (VARIABLE, key)`."""
    first, _, inner = name.partition(" (")
    return inner.removesuffix(")").rpartition(", ")[2] if first.startswith("--") else first
