"""Names requests: by the client's own field where that is harmless, else at random."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol
from uuid import UUID


class _Asked(Protocol):
    def header(self, name: bytes) -> bytes | None: ...


class RequestIds:
    """Gives each request a name for the log and the person.

    `field`: the field, in lower case, in which a proxy in front may have named it already; empty: none. `random`:
    like `os.urandom`.
    """

    def __init__(self, *, field: bytes, random: Callable[[int], bytes]) -> None:
        self.field = field
        self._random = random

    def of(self, asked: _Asked) -> str:
        """The name: what came if it is up to 128 visible ASCII characters, else a new UUID."""
        given = asked.header(self.field) if self.field else None
        if given and len(given) <= 128 and not given.translate(None, _HARMLESS):
            return given.decode("ascii")
        return str(UUID(bytes=self._random(16), version=4))


_HARMLESS = bytes(set(range(0x21, 0x7F)) - set(b"\"'<>\\"))
