"""What a document says, as it is known now: fetched by this process, or kept by one before it and good for a while."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Generic, TypeVar

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from o2sidecar.providers.kept_documents import Documents

_T = TypeVar("_T")

_log = Logger()


class Remembered(Generic[_T]):
    """One document. `read`: makes its meaning of its bytes, or raises `ValueError`; `what`: what the log calls it."""

    def __init__(
        self,
        read: Callable[[bytes], _T],
        *,
        documents: Documents,
        name: tuple[str, ...],
        what: str,
        clock: IReactorTime,
    ) -> None:
        self._read = read
        self._documents = documents
        self._name = name
        self._what = what
        self._clock = clock
        self._good_until = inf
        self._is_recalled = False
        self.value: _T | None = None

    def recall(self) -> bool:
        """Take what was kept, once, if nothing is known, and forget it when its time is over; whether it was taken."""
        if self._clock.seconds() >= self._good_until:
            self.value, self._good_until = None, inf
        if self.value is not None or self._is_recalled:
            return False
        self._is_recalled = True
        kept = self._documents.recall(*self._name)
        if kept is None:
            return False
        try:
            self.value = self._read(kept.body)
        except ValueError as error:
            _log.warn("What was kept of {what} is not used: {trouble}", what=self._what, trouble=str(error))
            return False
        self._good_until = kept.good_until
        _log.info("What is known of {what} is what was kept, until it is fetched.", what=self._what)
        return True

    def learn(self, body: bytes, value: _T) -> None:
        """It was fetched, and says this."""
        self.value, self._good_until = value, inf
        self._documents.keep(body, *self._name)
