"""Tests of the memory of opened sessions."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.guard.opened import Opened, OpenedSessions
from o2sidecar.identity import IdentityHeaders
from o2sidecar.session.session import Session

HEADERS = IdentityHeaders(request_rules=(), response_rules=(), auth_rules=())


def opened(key: bytes, user: str = "alice") -> Opened:
    session = Session(user=user)
    return Opened(key=key, session=session, identity=HEADERS.identify(session), expires_at=1.0, due_at=2.0)


class OpenedSessionsTests(SynchronousTestCase):
    """What was opened is found again, and what is kept is bounded."""

    def test_found_by_its_bytes(self) -> None:
        """Exactly the same bytes find a session, others find nothing."""
        kept = OpenedSessions(4)
        kept.keep(opened(b"a"))
        found = kept.get(b"a")
        self.assertIsNotNone(found)
        self.assertIsNone(kept.get(b"A"))
        self.assertIsNone(kept.get(b""))

    def test_replaced(self) -> None:
        """A session kept under the same bytes takes the other's place, in either generation."""
        kept = OpenedSessions(4)
        for key in (b"a", b"b", b"c"):
            kept.keep(opened(key))
        kept.keep(opened(b"a", "renewed"))
        found = kept.get(b"a")
        self.assertEqual(found.session.user if found else None, "renewed")

    def test_what_is_in_use_stays(self) -> None:
        """A session that is looked up again and again outlives any number of others."""
        kept = OpenedSessions(8)
        kept.keep(opened(b"used"))
        for number in range(100):
            kept.keep(opened(b"%d" % number))
            self.assertIsNotNone(kept.get(b"used"), number)

    @given(st.lists(st.tuples(st.booleans(), st.integers(0, 30))), st.integers(1, 12))
    def test_bounded(self, steps: list[tuple[bool, int]], size: int) -> None:
        """Never more sessions are kept than were allowed (or two), and never another's is found."""
        kept = OpenedSessions(size)
        for look, number in steps:
            key = b"%d" % number
            if look:
                found = kept.get(key)
                self.assertTrue(found is None or found.key == key)
            else:
                kept.keep(opened(key))
            self.assertLessEqual(len(kept), max(2, size))
