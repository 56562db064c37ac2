"""A Redis server that Sentinels watch: they are asked which one takes writes just now (redis.io, Sentinel clients)."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.logger import Logger

from o2sidecar.refusals import StoreUnavailable
from o2sidecar.shared_call import SharedCall
from o2sidecar.stores.resp import Reply
from o2sidecar.stores.server import MakeServer, RedisRefused, RedisServer

_NO_LONGER_PRIMARY = frozenset({"READONLY", "MASTERDOWN", "UNBLOCKED"})


class Watched:
    """Gives commands to the primary of a name.

    `sentinels`: any of them may be asked; one that answered is asked first the next time. `make`: makes what speaks to
    the primary's address; it must find out by itself that it speaks to a primary (`RedisServer.primary`).
    """

    _log = Logger()

    def __init__(self, sentinels: Sequence[RedisServer], *, name: str, make: MakeServer) -> None:
        self._sentinels = list(sentinels)
        self._name = name
        self._make = make
        self._primary: RedisServer | None = None
        self._address: tuple[str, int] | None = None
        self._looking: SharedCall[RedisServer] = SharedCall(self._look)

    async def ask(self, key: bytes, *words: bytes) -> Reply:
        """See `Commands`. A primary that fails is asked for anew, and the command given once more if it is another."""
        primary = self._primary or await self._looking()
        try:
            return await primary.ask(key, *words)
        except StoreUnavailable:
            if await self._looking() is primary:
                raise
        except RedisRefused as refused:
            if refused.code not in _NO_LONGER_PRIMARY:
                raise
            self._forget()
        return await (await self._looking()).ask(key, *words)

    async def ping(self) -> None:
        """See `Commands`; a primary that the Sentinels know no longer is left, whether it answers or not."""
        await (await self._looking()).ping()

    def close(self) -> None:
        """See `Commands`."""
        self._looking.stop()
        self._forget()
        for sentinel in self._sentinels:
            sentinel.close()

    def _forget(self) -> None:
        if self._primary is not None:
            self._primary.close()
        self._primary = self._address = None

    async def _look(self) -> RedisServer:
        why = ""
        for sentinel in list(self._sentinels):
            try:
                reply = await sentinel.command(b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME", self._name.encode())
                address = _address(reply)
            except StoreUnavailable as error:
                why = error.detail
            except (RedisRefused, ValueError) as error:
                why = f"Sentinel at {sentinel.where}: {error}"
            else:
                self._sentinels.remove(sentinel)
                self._sentinels.insert(0, sentinel)
                return self._at(address)
        raise StoreUnavailable(detail=f"no Sentinel names a primary; {why}")

    def _at(self, address: tuple[str, int]) -> RedisServer:
        if self._primary is None or address != self._address:
            if self._address is not None:
                self._log.info("the primary of {name} is another server now", name=self._name)
            self._forget()
            self._address, self._primary = address, self._make(*address)
        return self._primary


def _address(reply: Reply) -> tuple[str, int]:
    if reply is None:
        raise ValueError("no primary of this name is known to it")
    if isinstance(reply, list) and len(reply) == 2 and all(isinstance(part, bytes) for part in reply):
        host, port = reply[0].decode("ascii", "replace"), reply[1]
        if host and port.isdigit() and len(port) < 6:
            return host, int(port)
    raise ValueError("its answer is no address")
