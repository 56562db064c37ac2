"""A Redis Cluster: each key has a slot, each slot a server, and servers tell which one (redis.io, cluster spec)."""

from __future__ import annotations

from binascii import crc_hqx
from collections.abc import Sequence
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from o2sidecar.refusals import StoreUnavailable
from o2sidecar.shared_call import SharedCall
from o2sidecar.stores.resp import Reply
from o2sidecar.stores.server import MakeServer, RedisRefused, RedisServer

SLOTS = 16384
_MOST_HOPS = 5
_PAUSE = 0.1
_WAIT = frozenset({"TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "LOADING"})
"""Errors after which the same question may have an answer in a moment."""

Address = tuple[str, int]


def slot_of(key: bytes) -> int:
    """The slot of a key: the CRC16 (XMODEM) of it, or of what stands in its first braces."""
    start = key.find(b"{")
    if start >= 0:
        end = key.find(b"}", start + 1)
        if end > start + 1:
            key = key[start + 1 : end]
    return crc_hqx(key, 0) % SLOTS


class Cluster:
    """Gives each command to the server of its key.

    `seeds`: addresses of some servers, of which any can tell of the others. `make`: makes what speaks to an address.
    """

    _log = Logger()

    def __init__(self, seeds: Sequence[Address], *, make: MakeServer, clock: IReactorTime) -> None:
        self._seeds = tuple(seeds)
        self._make = make
        self._clock = clock
        self._servers: dict[Address, RedisServer] = {}
        self._owners: list[Address | None] = [None] * SLOTS
        self._learning: SharedCall[None] = SharedCall(self._learn)

    async def ask(self, key: bytes, *words: bytes) -> Reply:
        """See `Commands`."""
        slot, hops = slot_of(key), 0
        first: Sequence[bytes] = ()
        if self._owners[slot] is None:
            await self._learning()
        address = self._owner(slot)
        while True:
            hops += 1
            try:
                return await self._server(address).command(*words, first=first)
            except StoreUnavailable:
                # A replica may have taken its place.
                await self._learning()
                if hops >= _MOST_HOPS or self._owner(slot) == address:
                    raise
                address, first = self._owner(slot), ()
            except RedisRefused as refused:
                if hops >= _MOST_HOPS:
                    raise StoreUnavailable(detail=f"Redis Cluster: {refused}") from None
                address, first = await self._elsewhere(refused, slot, address)

    async def ping(self) -> None:
        """See `Commands`: the cluster is well when a server can tell who has the slots, and all have somebody."""
        await self._learning()
        if None in self._owners:
            raise StoreUnavailable(detail="Redis Cluster: some slots have no server")

    def close(self) -> None:
        """See `Commands`."""
        self._learning.stop()
        for server in self._servers.values():
            server.close()
        self._servers.clear()

    async def _elsewhere(self, refused: RedisRefused, slot: int, address: Address) -> tuple[Address, Sequence[bytes]]:
        """Whom to ask instead, and what to say first; raises the refusal where it is no matter of where."""
        if refused.code == "MOVED":
            moved = self._owners[slot] = _redirected(refused, address)
            self._learning().addErrback(lambda failure: failure.trap(StoreUnavailable))
            return moved, ()
        if refused.code == "ASK":
            return _redirected(refused, address), (b"ASKING",)
        if refused.code in _WAIT:
            await deferLater(self._clock, _PAUSE)
            return self._owner(slot), ()
        raise refused

    def _owner(self, slot: int) -> Address:
        address = self._owners[slot]
        if address is None:
            raise StoreUnavailable(detail=f"Redis Cluster: slot {slot} has no server")
        return address

    def _server(self, address: Address) -> RedisServer:
        if address not in self._servers:
            self._servers[address] = self._make(*address)
        return self._servers[address]

    async def _learn(self) -> None:
        """Ask who has which slots: first those who answered before, then the seeds."""
        why = "no server"
        for address in dict.fromkeys((*self._servers, *self._seeds)):
            try:
                reply = await self._server(address).command(b"CLUSTER", b"SLOTS")
                owners = _owners(reply, address)
            except StoreUnavailable as error:
                why = error.detail
            except (RedisRefused, ValueError) as error:
                why = f"Redis at {self._server(address).where}: {error}"
            else:
                self._owners = owners
                self._keep({address, *filter(None, owners)})
                return
        raise StoreUnavailable(detail=f"Redis Cluster: {why}")

    def _keep(self, known: set[Address]) -> None:
        """Forget the servers that are none of the cluster's any more."""
        for address in self._servers.keys() - known:
            self._servers.pop(address).close()


def _redirected(refused: RedisRefused, asked: Address) -> Address:
    """The address in `MOVED 3999 127.0.0.1:6381`; without a host it is the one that was asked."""
    words = refused.reply.text.split(" ")
    host, _, port = words[2].rpartition(":") if len(words) == 3 else ("", "", "")
    if not port.isdigit() or len(port) > 5:
        raise StoreUnavailable(detail="Redis Cluster: a redirection to no address")
    return host.strip("[]") or asked[0], int(port)


def _owners(reply: Any, asked: Address) -> list[Address | None]:
    """Who has each slot, of CLUSTER SLOTS' `[[first, last, [host, port, ...], ...], ...]`."""
    owners: list[Address | None] = [None] * SLOTS
    try:
        for first, last, primary, *_ in reply:
            host = (primary[0] or b"").decode("ascii")
            if not 0 <= first <= last < SLOTS or not 0 < primary[1] < 65536:
                raise ValueError
            address = (asked[0] if host in {"", "?"} else host, primary[1])
            owners[first : last + 1] = [address] * (last + 1 - first)
    except (TypeError, ValueError, AttributeError, IndexError):
        raise ValueError("its answer about slots cannot be understood") from None
    return owners
