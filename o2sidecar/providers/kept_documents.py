"""What providers published last, kept in a folder: for a process that starts while they are away.

A file counts only if we wrote it, for the same issuer, and not too long ago; what is in it is judged by whoever asked
as if it had just been fetched. A folder that cannot be written costs a warning and nothing else.
"""

from __future__ import annotations

import json
import os
import stat
from base64 import b64decode, b64encode
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from tempfile import mkstemp
from typing import Protocol

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from o2sidecar.oauth import strict_json

MAX_AGE = 86400.0

_LONGEST = 4 << 20
_FORMAT = 1
_MOST_RECENT = 64


@frozen(kw_only=True)
class KeptDocument:
    """A document as it was when it was fetched, in seconds since the epoch, and until when it may count."""

    body: bytes
    fetched_at: float
    good_until: float


class Documents(Protocol):
    """A memory of documents by what they are: a kind, an issuer and whatever else tells one from another."""

    def recall(self, *name: str) -> KeptDocument | None:
        """The last one, unless it is too old; never raises."""

    def keep(self, body: bytes, *name: str) -> None:
        """Put it in the place of the last one; never raises."""


class NoDocuments:
    """Keeps nothing."""

    def recall(self, *name: str) -> KeptDocument | None:
        """Nothing."""
        return None

    def keep(self, body: bytes, *name: str) -> None:
        """Let it be forgotten."""


NO_DOCUMENTS = NoDocuments()


class RecentDocuments:
    """The documents that this process fetched, for who comes to ask in another's place; else those of `older`.

    `now`: seconds since the epoch.
    """

    def __init__(self, older: Documents, *, now: Callable[[], float]) -> None:
        self._older = older
        self._now = now
        self._recent: dict[tuple[str, ...], KeptDocument] = {}

    def recall(self, *name: str) -> KeptDocument | None:
        """See `Documents`."""
        recent = self._recent.get(name)
        if recent is not None and self._now() < recent.good_until:
            return recent
        return self._older.recall(*name)

    def keep(self, body: bytes, *name: str) -> None:
        """See `Documents`."""
        now = self._now()
        while len(self._recent) >= _MOST_RECENT and name not in self._recent:
            del self._recent[next(iter(self._recent))]
        self._recent[name] = KeptDocument(body=body, fetched_at=now, good_until=now + MAX_AGE)
        self._older.keep(body, *name)


class KeptDocuments:
    """Documents in a folder, which is made if it is not there.

    `max_age`: seconds for which one counts. `now`: seconds since the epoch. `in_thread` calls a function in a thread.
    """

    _log = Logger()

    def __init__(
        self,
        folder: str,
        *,
        now: Callable[[], float],
        in_thread: Callable[..., Deferred[None]],
        max_age: float = MAX_AGE,
    ) -> None:
        self._folder = folder
        self._now = now
        self._in_thread = in_thread
        self._max_age = max_age
        self._trouble = ""

    def recall(self, *name: str) -> KeptDocument | None:
        """See `Documents`."""
        try:
            return self._judged(_read(self._path(name)), name)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            self._log.warn("{path} is not used: {why}", path=self._path(name), why=why)
            return None

    def keep(self, body: bytes, *name: str) -> None:
        """See `Documents`."""
        record = {"format": _FORMAT, "name": name, "fetched_at": self._now(), "body": b64encode(body).decode("ascii")}
        written = self._in_thread(_write, self._path(name), json.dumps(record).encode("ascii"))
        written.addCallbacks(lambda _: self._wrote(""), lambda failure: self._wrote(str(failure.value)))

    def _path(self, name: tuple[str, ...]) -> str:
        return os.path.join(self._folder, f"{name[0]}-{sha256(json.dumps(name).encode()).hexdigest()[:32]}.json")

    def _judged(self, content: bytes, name: tuple[str, ...]) -> KeptDocument:
        record = strict_json.parse(content, max_bytes=_LONGEST)
        if not isinstance(record, dict) or record.get("format") != _FORMAT or record.get("name") != list(name):
            raise ValueError("it is not what was kept there")
        fetched_at, body = record.get("fetched_at"), record.get("body")
        if not isinstance(fetched_at, float) or not isinstance(body, str):
            raise ValueError("it is damaged")
        if not 0 <= self._now() - fetched_at < self._max_age:
            raise ValueError("it is too old, or from the future")
        return KeptDocument(
            body=b64decode(body, validate=True), fetched_at=fetched_at, good_until=fetched_at + self._max_age
        )

    def _wrote(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            self._log.warn("nothing can be kept in provider_cache_dir: {trouble}", trouble=trouble)
        self._trouble = trouble


def _read(path: str) -> bytes:
    """What is in a file of ours; raises `ValueError` if it may be somebody else's."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode) or about.st_uid != os.geteuid() or about.st_mode & 0o022:
            raise ValueError("somebody else may have written it")
        content = file.read(_LONGEST + 1)
    if len(content) > _LONGEST:
        raise ValueError("it is too large")
    return content


def _write(path: str, content: bytes) -> None:
    """Put a file in the place of another, whole or not at all."""
    folder = os.path.dirname(path) or "."
    os.makedirs(folder, mode=0o700, exist_ok=True)
    # Entries of one issuer, and processes with one folder, write the same file at the same moment.
    descriptor, beside = mkstemp(prefix=f"{os.path.basename(path)}.", suffix=".new", dir=folder)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
        os.replace(beside, path)
    except OSError:
        with suppress(FileNotFoundError):
            os.unlink(beside)
        raise
