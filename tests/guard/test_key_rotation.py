"""Tests of rotating the keys of cookies."""

from __future__ import annotations

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.guard.key_rotation import KeyRotation
from o2sidecar.guard.sessions import Sessions
from o2sidecar.oauth.pending import PendingLogin
from o2sidecar.oauth.state import State
from o2sidecar.policy.peers import Forwarding
from o2sidecar.refusals import SessionEnded
from o2sidecar.session.codec import SessionCodec
from o2sidecar.session.cookies import CookieAttributes, SessionCookie
from o2sidecar.session.keys import KeyRing
from o2sidecar.session.pending_cookie import PendingCookie
from o2sidecar.session.ticket import Ticket
from o2sidecar.session.ticket_cookie import TicketCookie
from tests.guard.asking import ALICE, HEADERS, NOW, Asked, SlowProvider, revocation_list

A, B, C = "a" * 16, "b" * 16, "c" * 16
NAME = "_oauth2_proxy"
ATTRIBUTES = CookieAttributes(name=NAME, expire=3600)


class RotationTests(SynchronousTestCase):
    """Which secret seals, and which ones open."""

    def setUp(self) -> None:
        """A ring of one key."""
        self.clock = Clock()
        self.ring = KeyRing.from_texts([A])
        self.rotation = KeyRotation(self.ring, clock=self.clock, settle=60)

    def texts(self) -> str:
        """The secrets by their first letters, in order."""
        return b"".join(key.text[:1] for key in self.ring.keys).decode()

    def test_a_new_secret(self) -> None:
        """It opens at once and seals after the time that the others need to learn of it; the former one still opens."""
        self.rotation.turn_to(B)
        self.assertEqual(self.texts(), "ab")
        self.clock.advance(59)
        self.assertEqual(self.texts(), "ab")
        self.clock.advance(1)
        self.assertEqual(self.texts(), "ba")

    def test_taken_back(self) -> None:
        """A secret that is taken back before it seals never does, but opens: others may have sealed with it."""
        self.rotation.turn_to(B)
        self.clock.advance(30)
        self.rotation.turn_to(A)
        self.clock.advance(3600)
        self.assertEqual(self.texts(), "ab")

    def test_two_in_a_row(self) -> None:
        """Of two new ones in a row the second seals, after its own time, and all three open."""
        self.rotation.turn_to(B)
        self.clock.advance(59)
        self.rotation.turn_to(C)
        self.clock.advance(59)
        self.assertEqual(self.texts(), "acb")
        self.clock.advance(1)
        self.assertEqual(self.texts(), "cab")

    def test_accepted(self) -> None:
        """Accepted secrets open and do not seal; one that is accepted no more does not open."""
        self.rotation.accept([B, C])
        self.assertEqual(self.texts(), "abc")
        self.rotation.accept([C])
        self.assertEqual(self.texts(), "ac")

    def test_a_bad_secret(self) -> None:
        """A secret that makes no key changes nothing, and the message does not show it."""
        for change in (lambda: self.rotation.turn_to("s3cret"), lambda: self.rotation.accept([C, "s3cret"])):
            with self.assertRaises(ValueError) as caught:
                change()
            self.assertNotIn("s3cret", str(caught.exception))
            self.clock.advance(60)
            self.assertEqual(self.texts(), "a")

    @given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from([0, 30, 60])), max_size=12))
    def test_bounded(self, turns: list[tuple[str, int]]) -> None:
        """However often it is turned, few keys are tried, none twice, and the newest one that settled seals."""
        clock, ring = Clock(), KeyRing.from_texts([A])
        rotation = KeyRotation(ring, clock=clock, settle=60)
        for letter, pause in turns:
            rotation.turn_to(letter * 16)
            clock.advance(pause)
        texts = [key.text for key in ring.keys]
        self.assertEqual((len(texts), len(set(texts)) <= 5), (len(set(texts)), True))
        clock.advance(60)
        self.assertEqual(ring.sealing.text[:1].decode(), turns[-1][0] if turns else "a")


class ResealingTests(SynchronousTestCase):
    """What was sealed with a former key is sealed anew when it is used."""

    def setUp(self) -> None:
        """Sessions whose keys are about to rotate."""
        self.clock = Clock()
        self.clock.advance(NOW)
        self.ring = KeyRing.from_texts([A])
        self.rotation = KeyRotation(self.ring, clock=self.clock, settle=60)
        self.provider = SlowProvider()
        self.cookie = SessionCookie(attributes=ATTRIBUTES, codec=SessionCodec(ring=self.ring, expire=3600))
        self.sessions = Sessions(
            cookie=self.cookie,
            headers=HEADERS,
            provider=self.provider,
            forwarding=Forwarding(),
            now=self.clock.seconds,
            lifetime=3600,
            revoked=revocation_list(self.clock),
            refresh_period=600,
        )
        self.pair = f"{NAME}={self.cookie.codec.encode(NAME, ALICE)}"

    def renewed(self) -> bool:
        """Whether the browser gets a new cookie."""
        found = self.sessions.find(Asked(self.pair))  # type: ignore[arg-type]
        assert found is not None
        return found.renewed

    def turn(self) -> None:
        self.rotation.turn_to(B)
        self.clock.advance(60)

    def test_on_use(self) -> None:
        """A session that was opened before the turn gets a new cookie after it, and its time is what it was."""
        self.assertFalse(self.renewed())
        self.turn()
        self.assertTrue(self.renewed())
        asked = Asked(self.pair)
        found = self.sessions.find(asked)  # type: ignore[arg-type]
        assert found is not None
        self.sessions.give_cookie(asked, found)  # type: ignore[arg-type]
        self.pair = asked.set_cookies[0].partition(b";")[0].decode()
        value = self.pair.partition("=")[2]
        self.assertEqual(SessionCodec(ring=KeyRing.from_texts([B]), expire=3600).decode(NAME, value, NOW), ALICE)
        self.assertFalse(self.renewed())

    def test_ahead_of_its_turn(self) -> None:
        """What another sidecar sealed with the new secret counts before it seals here, and so does what is pending."""
        pending = PendingLogin(state=b"s" * 32, nonce=b"n" * 32, code_verifier="v" * 43)
        elsewhere = KeyRing.from_texts([B])
        theirs, ours = (PendingCookie(attributes=ATTRIBUTES, ring=ring) for ring in (elsewhere, self.ring))
        [value] = theirs.write(pending, "app", [], NOW)
        self.rotation.turn_to(B)
        content = value.decode().partition(";")[0].partition("=")[2]
        state = State(hash=pending.state_hash, redirect="/", seed="")
        self.assertEqual(ours.find([(ours.name(""), content)], state, NOW), pending)
        self.pair = f"{NAME}={SessionCodec(ring=elsewhere, expire=3600).encode(NAME, ALICE)}"
        self.renewed()

    def test_the_end_is_remembered(self) -> None:
        """A session that the provider ended stays over, whichever key seals (S10)."""
        self.clock.advance(600)
        asked = self.sessions.renew(self.sessions.find(Asked(self.pair)))  # type: ignore[arg-type]
        self.provider.answers[0].errback(SessionEnded())
        self.assertIsNone(self.successResultOf(asked))
        self.turn()
        self.assertIsNone(self.sessions.find(Asked(self.pair)))  # type: ignore[arg-type]

    def test_new_tokens_are_remembered(self) -> None:
        """New tokens that the browser did not get yet are not lost: the old ones may be spent."""
        self.clock.advance(600)
        asked = self.sessions.renew(self.sessions.find(Asked(self.pair)))  # type: ignore[arg-type]
        self.provider.answers[0].callback(evolve(ALICE, created_at=NOW + 600, refresh_token="RT-2"))
        self.successResultOf(asked)
        self.turn()
        found = self.sessions.find(Asked(self.pair))  # type: ignore[arg-type]
        assert found is not None
        self.assertEqual((found.session.refresh_token, found.renewed), ("RT-2", True))

    def test_tickets(self) -> None:
        """A ticket that a former key signed says so."""
        tickets = TicketCookie(attributes=ATTRIBUTES, ring=self.ring)
        [value] = tickets.write(Ticket.issue(NAME), NOW, "app", [])
        content = value.decode().partition(";")[0].partition("=")[2]
        self.assertEqual([each.aged for each in tickets.read([(NAME, content)], NOW)], [False])
        self.turn()
        self.assertEqual([each.aged for each in tickets.read([(NAME, content)], NOW)], [True])
