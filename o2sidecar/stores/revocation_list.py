"""The list of revocations that sidecars share: looked at again and again, and added to by whoever ends a session."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from o2sidecar.session.revocations import Revocation, Revocations
from o2sidecar.session.session import Session
from o2sidecar.shared_call import SharedCall
from o2sidecar.stores.revocation_sources import ListUnavailable, RevocationSource

_MISSED = 3
_MANY_PAST = 100
_MOST_OWED = 10_000


class RevocationList:
    """Ends sessions, here at once and at all sidecars that share the list within `interval` seconds.

    Without a `source` nothing is shared. `required`: whether no session counts while the list could not be had for
    three intervals, or was never had yet. `on_demand`: it is looked at only when somebody asks, by `current`.
    """

    _log = Logger()

    def __init__(
        self,
        revocations: Revocations,
        *,
        source: RevocationSource | None = None,
        clock: IReactorTime,
        interval: float = 10.0,
        required: bool = False,
        on_demand: bool = False,
    ) -> None:
        self.revocations = revocations
        self._source = source
        self._clock = clock
        self._interval = interval
        self._required = required and source is not None
        self._trouble = ""
        self._text: bytes | None = None
        self._is_kept_otherwise = False
        self._good_at = 0.0
        self._owed: dict[bytes, None] = {}
        self._on_demand = on_demand
        self._looked_at = -interval
        self._look = SharedCall(self.look)
        self._looks = LoopingCall(self._look)
        self._looks.clock = clock
        revocations.blind = self._required

    @property
    def shared(self) -> bool:
        """Whether other sidecars hear of what ends here, and this one of what ends there."""
        return self._source is not None

    @property
    def is_due(self) -> bool:
        """Whether somebody who asks has to have the list looked at first, by `current`."""
        late = self._clock.seconds() - self._looked_at >= self._interval
        return self._on_demand and self._source is not None and late

    def turn_to(self, *, lifetime: float, issuer_of: Callable[[Session], str]) -> None:
        """Judge by other settings from now on; see `Revocations`."""
        self.revocations.turn_to(lifetime=lifetime, issuer_of=issuer_of)
        # What was about nothing any more may be about something again.
        self._text = None
        if self._source is not None and self._source.turn_to(lifetime=lifetime):
            self._is_kept_otherwise = True

    def trouble(self) -> str:
        """Why the list cannot be had just now; empty if it can."""
        return self._trouble

    async def start(self) -> None:
        """Look at the list, and from then on regularly, until `stop`; never raises."""
        if self._source is None or self._on_demand:
            return
        self._looks.start(self._interval, now=False).addErrback(
            lambda failure: self._log.failure("looking at the list of revocations failed", failure=failure)
        )
        await self._look()

    async def current(self) -> None:
        """Have what is known be no older than the interval, as far as it can be had; never raises."""
        if self._source is not None and self._clock.seconds() - self._looked_at >= self._interval:
            await self._look()

    def begin_to_look(self) -> None:
        """Have who asks the next time know what is in the list now, if a look is due."""
        if self.is_due and not self._look.under_way:
            Deferred.fromCoroutine(self.current())

    def stop(self) -> None:
        """Look no more."""
        if self._looks.running:
            self._looks.stop()

    async def end_session(self, session: Session) -> None:
        """End one session, and every copy of its cookies; never raises."""
        await self.end(self.revocations.of_session(session))

    async def end(self, revocation: Revocation) -> None:
        """End whatever this is about; never raises: what cannot be written now is written later."""
        self.revocations.add(revocation)
        if self._source is None or not self._source.writable:
            return
        if len(self._owed) < _MOST_OWED:
            self._owed[revocation.line] = None
        await self._pay()

    async def look(self) -> None:
        """Take over what is new in the list; never raises."""
        assert self._source is not None
        begun = self._clock.seconds()
        self.revocations.prune()
        try:
            text = await Deferred.fromCoroutine(self._source.fetch())
        except ListUnavailable as unavailable:
            self._looked_at = begun
            self._note(str(unavailable))
            return
        # Not before it is here: whoever asks meanwhile waits for it, too.
        self._looked_at = begun
        self._good_at = self._clock.seconds()
        self._note("")
        if text != self._text:
            refused = self.revocations.take(text.splitlines())
            if refused:
                self._log.warn(
                    "{count} lines of the list of revocations do not count: nobody with this cookie_secret wrote them",
                    count=len(refused),
                )
            self._text = text
            if self._is_kept_otherwise:
                await self._replace(text, text.splitlines())
            elif len(refused) == 0 and self._source.writable:
                await self._tidy(text)
        await self._pay()

    async def _tidy(self, text: bytes) -> None:
        """Drop lines that are about nothing any more, once there are many of them."""
        current = self.revocations.lines()
        if text.count(b"\n") - len(current) >= max(_MANY_PAST, len(current)):
            await self._replace(text, current)

    async def _replace(self, text: bytes, lines: Iterable[bytes]) -> None:
        assert self._source is not None
        try:
            await self._source.replace(text, lines)
        except ListUnavailable as unavailable:
            self._note(str(unavailable))
            return
        self._is_kept_otherwise = False

    async def _pay(self) -> None:
        assert self._source is not None
        for line in list(self._owed):
            try:
                await Deferred.fromCoroutine(self._source.append(line))
            except ListUnavailable as unavailable:
                self._note_unwritten(str(unavailable))
                return
            self._owed.pop(line, None)

    def _note_unwritten(self, why: str) -> None:
        self._log.warn("a session ended here that others cannot be told of yet: {why}", why=why)

    def _note(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            self._log.warn("the list of revocations cannot be had: {trouble}", trouble=trouble)
        elif self._trouble and not trouble:
            self._log.info("the list of revocations can be had again")
        self._trouble = trouble
        late = self._clock.seconds() - self._good_at >= _MISSED * self._interval
        self.revocations.blind = self._required and bool(trouble) and late
