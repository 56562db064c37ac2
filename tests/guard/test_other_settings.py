"""Tests of sessions in cookies when other settings take the place of those by which they were found."""

from __future__ import annotations

from attrs import evolve
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.guard.opened import Opened
from o2sidecar.guard.session_memory import SessionMemory
from o2sidecar.guard.sessions import Sessions
from o2sidecar.identity import IdentityHeaders
from o2sidecar.refusals import GrantSpent
from tests.guard.asking import ALICE, HEADERS, NOW, RING, Asked, SlowProvider, cookie_of, sessions

SILENT = IdentityHeaders(request_rules=(), response_rules=(), auth_rules=())


class OtherSettingsTests(SynchronousTestCase):
    """What is known of sessions is shared; who finds them by newer settings takes it over."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.provider = SlowProvider()
        self.memory = SessionMemory(RING)
        self.before, self.after = self.made(), self.made(SILENT)
        self.before.take_over()
        self.pair = cookie_of(evolve(ALICE, refresh_token="RT"))

    def made(self, headers: IdentityHeaders = HEADERS) -> Sessions:
        return sessions(self.provider, self.clock, refresh_period=600, grace=30, memory=self.memory, headers=headers)

    def found(self, by: Sessions) -> Opened:
        opened = by.find(Asked(self.pair))  # type: ignore[arg-type]
        assert opened is not None
        return opened

    def test_headers_while_the_provider_is_asked(self) -> None:
        """Whatever the provider says, the app is told by the newer settings afterwards."""
        for answer in (None, GrantSpent()):
            self.setUp()
            self.clock.advance(600)
            self.before.renew(self.found(self.before))
            self.after.take_over()
            [asked] = self.provider.answers
            if answer is None:
                asked.callback(None)
            else:
                asked.errback(answer)
            self.assertEqual(self.found(self.after).identity.request_fields, (), answer)

    def test_what_goes_on(self) -> None:
        """A stream of a session is told by the newer settings too, by their limits and headers."""
        opened = self.found(self.before)
        self.after.take_over()
        known = self.after.as_of_now(opened)
        assert known is not None
        self.assertEqual(known.identity.request_fields, ())
        self.clock.advance(3600)
        self.assertIsNone(self.after.as_of_now(opened))
