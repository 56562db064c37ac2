"""Tests for `o2sidecar.stores.revocation_list`: when a list is looked at that is read on demand."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.session.keys import KeyRing
from o2sidecar.session.revocations import RevocationKeys, Revocations
from o2sidecar.session.session import Session
from o2sidecar.stores.revocation_key import ListKey
from o2sidecar.stores.revocation_list import RevocationList
from o2sidecar.stores.revocation_sources import ListFile
from o2sidecar.stores.server import Login, RedisLimits, RedisServer
from tests.stores.memory import MemoryRedis, RedisEndpoint

NOW = 1_700_000_000.0
RING = KeyRing.from_texts(["0123456789abcdef"])
ALICE = Session(created_at=NOW - 10, began_at=NOW - 10, user="alice", email="alice@example.com")


class OnDemandTests(SynchronousTestCase):
    """A list in a key of a Redis, that counts for half a second."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.redis = MemoryRedis(self.clock)
        self.endpoint = RedisEndpoint(self.redis)
        limits = RedisLimits(connect_time=2, command_time=2)
        server = RedisServer(self.endpoint, where="redis", login=Login(), limits=limits, clock=self.clock)
        self.list = self.made(source=ListKey(server, "revocations", 3600), interval=0.5, on_demand=True)

    def made(self, **how: Any) -> RevocationList:
        revocations = Revocations(RevocationKeys(RING), now=self.clock.seconds, lifetime=3600)
        return RevocationList(revocations, clock=self.clock, **how)

    def revoke(self) -> None:
        """Have everybody's sessions be over, as another sidecar writes it."""
        line = RevocationKeys(RING).revocation("all", [], NOW).line
        self.redis.kept[b"revocations"] = (line + b"\n", None)

    def current(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.list.current())

    def looks(self) -> int:
        return sum(words[0] == b"GET" for words in self.redis.asked)

    def test_due(self) -> None:
        """It is due at first, not after a look, and again when the interval is over; nobody looks without need."""
        self.assertTrue(self.list.is_due)
        self.successResultOf(Deferred.fromCoroutine(self.list.start()))
        self.assertEqual(self.looks(), 0, "nobody asked")
        self.successResultOf(self.current())
        self.assertFalse(self.list.is_due)
        self.clock.advance(0.4)
        self.successResultOf(self.current())
        self.assertEqual((self.list.is_due, self.looks()), (False, 1))
        self.clock.advance(0.2)
        self.assertTrue(self.list.is_due)
        self.successResultOf(self.current())
        self.assertEqual((self.list.is_due, self.looks()), (False, 2))

    def test_what_is_written_there_counts(self) -> None:
        """What another sidecar ended is over after the next look."""
        self.successResultOf(self.current())
        self.revoke()
        self.assertFalse(self.list.revocations.ends(ALICE))
        self.clock.advance(0.5)
        self.successResultOf(self.current())
        self.assertTrue(self.list.revocations.ends(ALICE))

    def test_sessions_last_longer(self) -> None:
        """When they do from now on, lines count again that were about nothing any more, and are kept for as long."""
        self.revoke()
        self.clock.advance(3601)
        self.successResultOf(self.current())
        self.assertFalse(self.list.revocations.ends(ALICE))
        self.list.turn_to(lifetime=7200, issuer_of=lambda session: "")
        self.clock.advance(1)
        self.successResultOf(self.current())
        self.assertTrue(self.list.revocations.ends(ALICE))
        self.assertEqual(self.redis.kept[b"revocations"][1], self.clock.seconds() + 7200)

    def test_all_wait_for_one_look(self) -> None:
        """While the list is being looked at it is due still, and whoever asks waits for that look."""
        self.revoke()
        asked: list[Deferred[None]] = []
        known: list[bool] = []

        def told(words: tuple[bytes, ...]) -> Any:
            # Somebody else comes while the answer is on its way.
            self.assertTrue(self.list.is_due)
            asked.append(self.current())
            self.assertNoResult(asked[0])
            asked[0].addCallback(lambda _: known.append(self.list.revocations.ends(ALICE)))
            return self.redis.get(words[1])

        self.redis.instead[b"GET"] = told
        self.successResultOf(self.current())
        self.successResultOf(asked[0])
        self.assertEqual((known, self.looks()), ([True], 1))

    def test_away(self) -> None:
        """What cannot be had is not asked for by every request, nor is what was known forgotten."""
        self.revoke()
        self.successResultOf(self.current())
        self.redis.instead[b"GET"] = lambda words: "-LOADING it reads its file"
        self.clock.advance(0.5)
        self.successResultOf(self.current())
        self.assertFalse(self.list.is_due)
        self.assertIn("LOADING", self.list.trouble())
        self.assertTrue(self.list.revocations.ends(ALICE))
        self.clock.advance(0.5)
        del self.redis.instead[b"GET"]
        self.successResultOf(self.current())
        self.assertEqual(self.list.trouble(), "")

    def test_never_due(self) -> None:
        """A list that is looked at regularly makes no request wait, and neither does none at all."""
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        file = ListFile(str(Path(temporary.name) / "revoked"))
        for each in (self.made(), self.made(on_demand=True), self.made(source=file)):
            self.assertFalse(each.is_due)
