"""Where the list of revocations is that sidecars share: a file or a URL; `revocation_key` has the key in Redis."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable
from typing import Protocol

from o2sidecar.provider_client import ProviderClient
from o2sidecar.refusals import ProviderFailed

LARGEST_LIST = 16 << 20


class ListUnavailable(Exception):
    """The list cannot be had, or not be written; the message says why."""


class RevocationSource(Protocol):
    """Where a list is."""

    writable: bool
    """Whether a line can be added from here."""

    async def fetch(self) -> bytes:
        """The list, a line each; raises `ListUnavailable`."""

    async def append(self, line: bytes) -> None:
        """Add a line, for all who read it; raises `ListUnavailable`."""

    async def replace(self, seen: bytes, lines: Iterable[bytes]) -> None:
        """Write these lines in the place of what was seen, if that is what is there; raises `ListUnavailable`."""

    def turn_to(self, *, lifetime: float) -> bool:
        """Keep what is written for so many seconds; whether what is there has to be written anew for that."""


class ListFile:
    """A file; who only may read it cannot add to it. Several sidecars may write it at once."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.writable = True

    async def fetch(self) -> bytes:
        """See `RevocationSource`. A file that is not there yet is begun."""
        try:
            return self.read()
        except FileNotFoundError:
            await self.append(b"")
            return b""
        except OSError as error:
            raise ListUnavailable(f"{self._path} cannot be read: {error.strerror}") from None

    async def append(self, line: bytes) -> None:
        """See `RevocationSource`."""
        self.write(line)

    async def replace(self, seen: bytes, lines: Iterable[bytes]) -> None:
        """See `RevocationSource`."""
        try:
            with open(self._path, "r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if file.read() == seen:
                    file.seek(0)
                    file.write(whole(lines))
                    file.truncate()
        except OSError as error:
            raise ListUnavailable(f"{self._path} cannot be written: {error.strerror}") from None

    def turn_to(self, *, lifetime: float) -> bool:
        """See `RevocationSource`. A file stays."""
        return False

    def read(self) -> bytes:
        """What is in it; raises `OSError`, and `ListUnavailable` if it is too large."""
        with open(self._path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            found = file.read(LARGEST_LIST + 1)
        if len(found) > LARGEST_LIST:
            raise ListUnavailable(f"{self._path} is too large for a list of revocations")
        return found

    def write(self, line: bytes) -> None:
        """Add a line; raises `ListUnavailable`."""
        try:
            # Others' sidecars may run as other users; what is in it tells them nothing.
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
            with open(descriptor, "ab") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                file.write(whole([line]))
        except OSError as error:
            raise ListUnavailable(f"{self._path} cannot be written: {error.strerror}") from None


class ListUrl:
    """A URL, as another sidecar serves it; nothing can be added there."""

    writable = False

    def __init__(self, url: str, client: ProviderClient) -> None:
        self._url = url
        self._client = client

    async def fetch(self) -> bytes:
        """See `RevocationSource`."""
        try:
            answer = await self._client.get(self._url)
            answer.require(200)
        except ProviderFailed as failed:
            raise ListUnavailable(failed.detail) from None
        return answer.body

    async def append(self, line: bytes) -> None:
        """See `RevocationSource`."""
        raise ListUnavailable(f"{self._url} can only be read")

    async def replace(self, seen: bytes, lines: Iterable[bytes]) -> None:
        """See `RevocationSource`."""
        raise ListUnavailable(f"{self._url} can only be read")

    def turn_to(self, *, lifetime: float) -> bool:
        """See `RevocationSource`. Others keep it."""
        return False


def whole(lines: Iterable[bytes]) -> bytes:
    """Lines as a list has them."""
    return b"".join(line + b"\n" for line in lines if line)
