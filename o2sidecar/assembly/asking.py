"""Assembles what providers are asked with: whom to trust on the way, where it may lead, and how much there may be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.threads import deferToThreadPool

from o2sidecar.assembly.checked import checked
from o2sidecar.assembly.edge import Edge
from o2sidecar.oauth.token_issuers import extra_issuers
from o2sidecar.policy.peers import TrustedAddresses
from o2sidecar.policy.reachable import Reachable
from o2sidecar.provider_client import ProviderClient
from o2sidecar.providers.agent import provider_agent
from o2sidecar.providers.kept_documents import NO_DOCUMENTS, Documents, KeptDocuments
from o2sidecar.settings.options import Settings

_URLS = (
    "oidc_issuer_url",
    "login_url",
    "redeem_url",
    "profile_url",
    "oidc_jwks_url",
    "validate_url",
    "backend_logout_url",
    "revocation_list",
)
"""Options that say where a provider is, or something else to be asked."""


def provider_client(settings: Settings, edge: Edge, reactor: Any, *, beside: Iterable[Settings] = ()) -> ProviderClient:
    """What provider and backend are asked with; `beside`: settings whose hosts count as named, too."""
    agent = provider_agent(
        reactor,
        reachable=Reachable(
            named_hosts=[host for each in (settings, *beside) for host in _named_hosts(each)],
            private=checked(
                "provider_private_addresses", lambda: TrustedAddresses.parse(settings.provider_private_addresses)
            ),
        ),
        ca_files=settings.provider_ca_files,
        use_system_trust_store=settings.use_system_trust_store,
        insecure=settings.ssl_insecure_skip_verify,
        connect_timeout=settings.provider_connect_timeout,
    )
    return ProviderClient(
        agent=agent,
        clock=reactor,
        timeout=settings.provider_timeout,
        max_body=settings.provider_body_limit,
        most_at_once=settings.provider_requests_limit,
        counts=edge.counts.provider,
    )


def kept_documents(settings: Settings, reactor: Any) -> Documents:
    """What remembers the provider's documents for the next process."""
    if not settings.provider_cache_dir:
        return NO_DOCUMENTS
    return KeptDocuments(
        settings.provider_cache_dir,
        now=reactor.seconds,
        in_thread=lambda *call: deferToThreadPool(reactor, reactor.getThreadPool(), *call),
        max_age=settings.provider_cache_age,
    )


def _named_hosts(settings: Settings) -> Iterator[str]:
    urls = [getattr(settings, key) for key in _URLS]
    for url in (*urls, *(issuer.issuer for issuer in extra_issuers(settings.extra_jwt_issuers))):
        try:
            yield urlsplit(url).hostname or ""
        except ValueError:
            # It is refused by whoever would ask there.
            continue
