"""What every provider is built with beside its options."""

from __future__ import annotations

from collections.abc import Callable
from random import random as random_fraction

from attrs import frozen
from twisted.internet.interfaces import IReactorTime

from o2sidecar.provider_client import ProviderClient
from o2sidecar.providers.kept_documents import NO_DOCUMENTS, Documents

SESSION_LIFETIME = 7 * 86400.0


@frozen(kw_only=True)
class Surroundings:
    """The collaborators of a provider.

    Attributes:
        client: asks the provider.
        clock: tells the time, in seconds since the epoch, and calls later.
        random: gives numbers from 0 to 1; for jitter, not for secrets.
        documents: remember what providers published.
        session_lifetime: in seconds, for sessions whose tokens have no end; 0: they have none either.
        refresh_period: seconds after which a session is asked about again; 0: never.
    """

    client: ProviderClient
    clock: IReactorTime
    random: Callable[[], float] = random_fraction
    documents: Documents = NO_DOCUMENTS
    session_lifetime: float = SESSION_LIFETIME
    refresh_period: float = 0
