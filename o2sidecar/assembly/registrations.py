"""Assembles the providers that people sign in with, and whose people may pass."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import cast

from o2sidecar.assembly.credentials import EXTRA_ISSUER, LOCAL_USER
from o2sidecar.policy.admission import Admission
from o2sidecar.policy.kept_groups import ALL_GROUPS, KeptGroups
from o2sidecar.policy.pattern import Pattern
from o2sidecar.policy.provenance import Admitting, ByProvider
from o2sidecar.provider_client import ProviderClient
from o2sidecar.providers.provider import Provider
from o2sidecar.providers.registrations import ChallengeMethod, Registration, Registrations
from o2sidecar.settings.loaded import ProviderEntry
from o2sidecar.settings.options import Settings
from o2sidecar.settings.structure import Structure

Made = tuple[Provider, ProviderClient]
"""A provider, and what it is asked with."""


def registrations_of(entries: Sequence[ProviderEntry], provider_of: Callable[[ProviderEntry], Made]) -> Registrations:
    """Our registration at each; `provider_of` makes the provider of an entry.

    Sessions say whose they are, unless oauth2-proxy's defaults count and nobody asks: then they look like its own.
    """
    settings = entries[0].settings
    marked = len(entries) > 1 or bool(settings.accepted_providers) or settings.defaults == "o2sidecar"
    return Registrations([_registration(each, provider_of(each), marked=marked) for each in entries])


def _registration(each: ProviderEntry, made: Made, *, marked: bool) -> Registration:
    provider, client = made
    return Registration(
        id=each.settings.provider_id if marked else "",
        provider=provider,
        unanswered=client.trouble,
        client_id=each.settings.client_id,
        code_challenge_method=cast("ChallengeMethod", each.settings.code_challenge_method),
        nonce=not each.settings.insecure_oidc_skip_nonce,
        backend_logout_url=each.settings.backend_logout_url,
        ask=_asking(client),
        email_domains=each.email_domains,
        hosts=each.hosts,
        paths=tuple(map(Pattern, each.paths)),
    )


def _asking(client: ProviderClient) -> Callable[[str], Awaitable[None]]:
    async def ask(url: str) -> None:
        (await client.get(url)).require(200)

    return ask


def admission_of(
    settings: Settings,
    entries: Sequence[ProviderEntry],
    registrations: Registrations,
    listed_emails: Callable[[], frozenset[str]] | None,
) -> Admitting:
    """The rules about who may pass, of each provider its own; `settings` are those that hold for all."""
    rules = {
        registration.id: _rules(entries, entry, registration.provider.allowed_groups, listed_emails)
        for entry, registration in zip(entries, registrations, strict=True)
    }
    first = rules[registrations.first.id]
    if not registrations.several and not settings.accepted_providers:
        # As with oauth2-proxy, whose sessions say nothing: whoever shares the secret is believed.
        return first
    # Of those that are configured elsewhere, nothing is known but what holds for all.
    shared = _rules(entries, ProviderEntry(settings=settings), frozenset(), listed_emails)
    accepted = {id: rules.get(id, shared) for id in settings.accepted_providers} or rules
    return ByProvider(
        rules={**accepted, **_beside(settings, shared, first)},
        untagged=None if settings.accepted_providers else first,
    )


def pass_groups(structure: Structure) -> bool:
    """Whether headers tell anybody of people's groups."""
    rules = (*structure.request_rules, *structure.response_rules, *structure.auth_rules)
    return any(rule.passes("groups") for rule in rules)


def groups_of(
    settings: Settings, structure: Structure, entries: Sequence[ProviderEntry], registrations: Registrations
) -> KeptGroups:
    """Which groups sessions keep: where only some are to be kept, those that any provider's rules name."""
    if settings.session_groups == "all" or pass_groups(structure):
        return ALL_GROUPS
    named = {group for each in entries for group in each.settings.allowed_groups}
    return KeptGroups(needed=frozenset(named).union(*(each.provider.allowed_groups for each in registrations)))


def _rules(
    entries: Sequence[ProviderEntry],
    entry: ProviderEntry,
    groups: frozenset[str],
    listed_emails: Callable[[], frozenset[str]] | None,
) -> Admission:
    own = entry.email_domains
    others = () if own else tuple(domain for each in entries for domain in each.email_domains)
    return Admission(
        email_domains=entry.settings.email_domains,
        reserved_domains=others,
        allowed_groups=(*entry.settings.allowed_groups, *groups),
        **({"listed_emails": listed_emails} if listed_emails else {}),
    )


def _beside(settings: Settings, shared: Admitting, first: Admitting) -> Mapping[str, Admitting]:
    """The rules for sessions of no provider: those of other issuers' tokens, and those of local users."""
    others = {EXTRA_ISSUER: shared} if settings.extra_jwt_issuers else {}
    return others | ({LOCAL_USER: first} if settings.htpasswd_file else {})
