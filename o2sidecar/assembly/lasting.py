"""Assembles what lasts from the start of the process to its end, whatever becomes of the settings meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import define

from o2sidecar.assembly.asking import kept_documents
from o2sidecar.assembly.edge import Edge
from o2sidecar.assembly.secrets import Keys
from o2sidecar.guard.session_memory import SessionMemory
from o2sidecar.observe.lines import LineWriter
from o2sidecar.providers.kept_documents import Documents, RecentDocuments
from o2sidecar.settings.options import Settings

if TYPE_CHECKING:
    from o2sidecar.htpasswd_file import HtpasswdFile
    from o2sidecar.stores.revocation_list import RevocationList
    from o2sidecar.stores.tickets import TicketStore


@define
class Ending:
    """Whether the process is about to end."""

    begun: bool = False


@define(kw_only=True)
class Lasting:
    """What one tree leaves to the next that takes its place.

    Attributes:
        edge: the first one, whose lines and counts go on.
        ending: whether the process is about to end.
        keys: of cookies.
        memory: of sessions in cookies.
        documents: of providers, as they were fetched last.
        store, revoked, listed: what the first tree made: where sessions are kept, which of them are over, and the local
            users; None until it did.
    """

    edge: Edge
    ending: Ending
    keys: Keys
    memory: SessionMemory
    documents: Documents
    store: TicketStore | None = None
    revoked: RevocationList | None = None
    listed: HtpasswdFile | None = None

    @classmethod
    def of(cls, settings: Settings, reactor: Any, write: Callable[[bytes], object]) -> Lasting:
        """From the settings of the start; `write` takes the log's lines."""
        keys = Keys.of(settings, reactor)
        return cls(
            edge=Edge.of(settings, reactor, LineWriter(write=write, clock=reactor)),
            ending=Ending(),
            keys=keys,
            memory=SessionMemory(keys.ring, most=settings.session_cache_size),
            documents=RecentDocuments(kept_documents(settings, reactor), now=reactor.seconds),
        )
