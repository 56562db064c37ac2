"""Tests of finding and renewing the sessions of requests."""

from __future__ import annotations

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.guard.opened import Opened
from o2sidecar.observe.counts import SessionCounts
from o2sidecar.refusals import ProviderFailed, Refusal, SessionEnded
from o2sidecar.session.session import Session
from tests.guard.asking import ALICE, CODEC, NOW, Asked, SlowProvider, cookie_of, sessions


class FindTests(SynchronousTestCase):
    """A request's session is found by its cookie."""

    def setUp(self) -> None:
        """Sessions on a clock."""
        self.clock = Clock()
        self.clock.advance(NOW)
        self.counts = SessionCounts()
        self.sessions = sessions(SlowProvider(), self.clock, counts=self.counts)

    def name(self, *cookies: str) -> str | None:
        found = self.sessions.find(Asked(*cookies))  # type: ignore[arg-type]
        return found.session.name if found else None

    def test_alone_and_among_others(self) -> None:
        """The cookie counts wherever it stands in the field."""
        pair = cookie_of(ALICE)
        for field in (pair, f"a=1; {pair}", f"{pair}; b=2", f"a=1; {pair}; b=2", f"a=1;{pair};b=2"):
            self.assertEqual(self.name(field), "alice@example.com", field[:20])

    def test_opened_once(self) -> None:
        """The same cookie gives the same opened session, whatever other cookies come with it."""
        pair = cookie_of(ALICE)
        first = self.sessions.find(Asked(f"a=1; {pair}; b=2"))  # type: ignore[arg-type]
        second = self.sessions.find(Asked(f"{pair}; c=3"))  # type: ignore[arg-type]
        self.assertIsNotNone(first)
        self.assertIs(first, second)
        self.assertEqual((self.counts.opened, self.counts.remembered), (1, 1))

    def test_what_does_not_count_is_counted(self) -> None:
        """Each request with a cookie that is no session, or no longer one, counts by what was wrong with it."""
        pair = cookie_of(ALICE)
        self.name("a=1")
        self.name("_oauth2_proxy=forged|1|x")
        self.name("_oauth2_proxy=nonsense")
        self.name(cookie_of(Session(created_at=NOW)))
        self.name(pair)
        self.clock.advance(3600)
        self.name(pair)
        self.sessions = sessions(SlowProvider(), self.clock, counts=self.counts)
        self.name(pair)
        found = {reason: count for reason, count in self.counts.refused.items() if count}
        self.assertEqual(found, {"signature": 1, "malformed": 1, "nobody": 1, "expired": 2})

    def test_several_fields(self) -> None:
        """Cookies may come in several fields (RFC 9113 §8.2.3)."""
        self.assertEqual(self.name("a=1", cookie_of(ALICE)), "alice@example.com")

    def test_another_name(self) -> None:
        """A good value under a longer name is nobody's, before and after the good one was opened (S3)."""
        pair = cookie_of(ALICE)
        self.assertIsNone(self.name(f"x{pair}"))
        self.assertEqual(self.name(pair), "alice@example.com")
        self.assertIsNone(self.name(f"x{pair}"))
        self.assertIsNone(self.name(f"a=1; x{pair}; b=2"))

    def test_parts(self) -> None:
        """A session in numbered parts is found too."""
        value = CODEC.encode("_oauth2_proxy", ALICE)
        self.assertEqual(self.name(f"_oauth2_proxy_0={value[:50]}; _oauth2_proxy_1={value[50:]}"), "alice@example.com")

    def test_nobody(self) -> None:
        """No cookie, a broken one, and a session that names nobody are no session (CONTRACT §10 #32)."""
        self.assertIsNone(self.name())
        self.assertIsNone(self.name("a=1"))
        self.assertIsNone(self.name("_oauth2_proxy=junk"))
        self.assertIsNone(self.name(cookie_of(Session(created_at=NOW))))

    def test_expiry_is_compared_each_time(self) -> None:
        """A cookie that was good is refused when it is too old, although it was opened before (S10)."""
        pair = cookie_of(ALICE)
        self.assertIsNotNone(self.name(pair))
        self.clock.advance(3599)
        self.assertIsNotNone(self.name(pair))
        self.clock.advance(1)
        self.assertIsNone(self.name(pair))

    @given(st.text(alphabet=' ;=_0123456789abcoauth2_proxy\t"', max_size=60))
    def test_any_field(self, noise: str) -> None:
        """Whatever stands in a Cookie field, it is judged without an exception, and noise is nobody."""
        self.assertIsNone(self.name(noise))


class TakenCookieTests(SynchronousTestCase):
    """Cookies that give no session are taken away."""

    def test_every_part_once(self) -> None:
        """Each of our names is deleted once, others' stay."""
        asked = Asked("_oauth2_proxy=junk; _oauth2_proxy_1=x; _oauth2_proxy=more; other=1")
        made = sessions(SlowProvider(), Clock())
        made.take_cookies(asked)  # type: ignore[arg-type]
        made.take_cookies(asked)  # type: ignore[arg-type]
        names = [value.split(b"=")[0] for value in asked.set_cookies]
        self.assertEqual(sorted(names), [b"_oauth2_proxy", b"_oauth2_proxy_1"])
        self.assertTrue(all(b"Max-Age=0" in value for value in asked.set_cookies))

    def test_all_of_them(self) -> None:
        """Those of pending logins go too where all are to go."""
        asked = Asked("_oauth2_proxy=junk; _oauth2_proxy_csrf=x; _oauth2_proxy_12345678_csrf=y; other=1")
        sessions(SlowProvider(), Clock()).take_all_cookies(asked)  # type: ignore[arg-type]
        names = [value.split(b"=")[0] for value in asked.set_cookies]
        self.assertEqual(names, [b"_oauth2_proxy", b"_oauth2_proxy_csrf", b"_oauth2_proxy_12345678_csrf"])

    def test_the_end(self) -> None:
        """Signing out asks nobody, tells whose session it was, due or not, and takes its cookies."""
        provider, clock = SlowProvider(), Clock()
        clock.advance(NOW + 600)
        made = sessions(provider, clock, refresh_period=600)
        asked = Asked(cookie_of(ALICE))
        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(made.end(asked))), ALICE)  # type: ignore[arg-type]
        self.assertEqual((len(asked.set_cookies), provider.asked), (1, []))
        self.assertIsNone(self.successResultOf(Deferred.fromCoroutine(made.end(Asked()))))  # type: ignore[arg-type]

    def test_nothing_to_take(self) -> None:
        """A request without our cookies is answered without Set-Cookie."""
        asked = Asked("other=1")
        sessions(SlowProvider(), Clock()).take_cookies(asked)  # type: ignore[arg-type]
        self.assertEqual(asked.also, [])


class RenewalTests(SynchronousTestCase):
    """A session is renewed when it is due, once, whoever waits."""

    def setUp(self) -> None:
        """Sessions that are renewed after ten minutes, and one that is due."""
        self.clock = Clock()
        self.clock.advance(NOW)
        self.provider = SlowProvider()
        self.counts = SessionCounts()
        self.sessions = sessions(self.provider, self.clock, refresh_period=600, retry_period=60, counts=self.counts)
        self.pair = cookie_of(ALICE)
        self.decided: list[tuple[Asked, Opened | None]] = []
        self.given_up: list[Asked] = []
        self.reasons: list[str] = []

    def gave_up(self, asked: Asked, refusal: Refusal) -> None:
        self.given_up.append(asked)
        self.reasons.append(refusal.reason)

    def settle(self) -> Asked:
        asked = Asked(self.pair)
        self.sessions.settle(
            asked,  # type: ignore[arg-type]
            lambda exchange, opened: self.decided.append((asked, opened)),
            lambda exchange, refusal: self.gave_up(asked, refusal),
        )
        return asked

    def test_a_young_session_is_not_asked_about(self) -> None:
        """Before its time a session is used at once."""
        self.clock.advance(599)
        self.settle()
        self.assertEqual(len(self.decided), 1)
        self.assertEqual(self.provider.asked, [])

    def test_one_question_for_all_who_wait(self) -> None:
        """Fifty requests of one session cost one question, and all get the renewed session (O16)."""
        self.clock.advance(600)
        for _ in range(50):
            self.settle()
        self.assertEqual((len(self.provider.asked), self.decided), (1, []))
        self.provider.answers[0].callback(evolve(ALICE, created_at=NOW + 600, access_token="AT-2"))
        tokens = [opened.session.access_token for _, opened in self.decided if opened]
        self.assertEqual(tokens, ["AT-2"] * 50)

    def test_one_question_whatever_else_is_in_the_field(self) -> None:
        """Other cookies, and a login under way, do not make a split session another one."""
        value = CODEC.encode("_oauth2_proxy", ALICE)
        parts = f"_oauth2_proxy_0={value[:50]}; _oauth2_proxy_1={value[50:]}"
        self.clock.advance(600)
        for pair in (f"{parts}; _ga=1", f"_ga=2; {parts}", f"{parts}; _oauth2_proxy_csrf=x"):
            self.pair = pair
            self.settle()
        self.assertEqual(len(self.provider.asked), 1)
        self.provider.answers[0].callback(None)
        self.assertEqual(len(self.decided), 3)

    def test_late_requests_with_the_old_cookie(self) -> None:
        """A request that was under way with the old cookie gets the renewed session, without another question."""
        self.clock.advance(600)
        self.settle()
        self.provider.answers[0].callback(evolve(ALICE, created_at=NOW + 600))
        self.settle()
        self.assertEqual(len(self.provider.asked), 1)
        late = self.decided[-1][1]
        self.assertTrue(late is not None and late.renewed)

    def test_nothing_new(self) -> None:
        """A session that is still good is used as it is, and asked about again after the retry period only."""
        self.clock.advance(600)
        self.settle()
        self.provider.answers[0].callback(None)
        self.clock.advance(59)
        self.settle()
        self.assertEqual(len(self.provider.asked), 1)
        self.assertFalse(any(opened.renewed for _, opened in self.decided if opened))
        self.clock.advance(1)
        self.settle()
        self.assertEqual(len(self.provider.asked), 2)

    def test_kept(self) -> None:
        """New tokens without a new judgement are used at once, also by the new cookie, and asked about soon again."""
        self.clock.advance(600)
        self.settle()
        kept = evolve(ALICE, access_token="AT-2", refresh_token="RT-2")
        self.provider.answers[0].callback(kept)
        found = self.decided[-1][1]
        assert found is not None
        self.assertEqual((found.session, found.renewed, found.expires_at), (kept, True, NOW + 3600))
        for pair in (self.pair, cookie_of(kept)):
            self.pair = pair
            self.settle()
        self.clock.advance(59)
        self.settle()
        self.assertEqual(len(self.provider.asked), 1)
        self.clock.advance(1)
        self.settle()
        self.assertEqual(len(self.provider.asked), 2)
        self.assertEqual(self.counts.renewals["unchanged"], 1)

    def test_what_is_kept_is_bounded(self) -> None:
        """However many sessions an outage keeps, no more are remembered than the cache may hold."""
        self.sessions = sessions(self.provider, self.clock, refresh_period=600, remembered=2)
        self.clock.advance(600)
        for number in range(3):
            self.pair = cookie_of(evolve(ALICE, access_token=f"AT-{number}"))
            self.settle()
            self.provider.answers[number].callback(evolve(ALICE, access_token=f"new-{number}"))
        for number, asked in ((2, 3), (0, 4)):
            self.pair = cookie_of(evolve(ALICE, access_token=f"new-{number}"))
            self.settle()
            self.assertEqual(len(self.provider.asked), asked)

    def test_ended(self) -> None:
        """A session that the provider ended is nobody's, now and later, without another question."""
        self.clock.advance(600)
        self.settle()
        self.provider.answers[0].errback(SessionEnded())
        self.settle()
        self.assertEqual([opened for _, opened in self.decided], [None, None])
        self.assertEqual(len(self.provider.asked), 1)

    def test_a_broken_provider_class(self) -> None:
        """An unexpected exception refuses those who wait, is logged, and does not end the session for ever."""
        self.clock.advance(600)
        self.settle()
        self.provider.answers[0].errback(ZeroDivisionError("a defect"))
        self.assertEqual((self.decided, len(self.given_up)), ([], 1))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.settle()
        self.assertEqual(len(self.provider.asked), 2)

    def test_a_refusal_is_no_defect(self) -> None:
        """A provider's failure refuses those who wait, and is no traceback in the log."""
        self.clock.advance(600)
        self.settle()
        self.provider.answers[0].errback(ProviderFailed(reason="token_refused"))
        self.assertEqual((self.decided, len(self.given_up)), ([], 1))
        self.assertEqual(self.given_up[0].also, [], "the cookie may still be good, and stays")
        self.assertEqual(self.reasons, ["renewal_failed"])

    def test_renewals_are_counted(self) -> None:
        """Each question counts once, however many wait for it, by what came of it."""
        self.clock.advance(600)
        self.settle()
        self.settle()
        self.provider.answers[0].errback(ProviderFailed(reason="token_refused"))
        self.settle()
        self.provider.answers[1].callback(None)
        self.clock.advance(60)
        self.settle()
        self.provider.answers[2].callback(evolve(ALICE, created_at=NOW + 660))
        self.clock.advance(600)
        self.settle()
        self.provider.answers[3].errback(SessionEnded())
        self.settle()
        self.assertEqual(self.counts.renewals, {"renewed": 1, "unchanged": 1, "ended": 1, "failed": 1})
        self.assertEqual(self.counts.refused["ended"], 1)

    def test_giving_up(self) -> None:
        """If judging fails after the wait, the request is still answered."""
        asked = Asked(self.pair)
        self.clock.advance(600)
        self.sessions.settle(
            asked,  # type: ignore[arg-type]
            lambda exchange, opened: 1 // 0,  # type: ignore[arg-type]
            lambda exchange, refusal: self.gave_up(asked, refusal),
        )
        self.provider.answers[0].callback(None)
        self.assertEqual(self.given_up, [asked])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_the_new_cookie(self) -> None:
        """The answer carries the renewed session, and takes old parts away."""
        asked = Asked(f"{self.pair}; _oauth2_proxy_0=old")
        opened = self.sessions.find(Asked(self.pair))  # type: ignore[arg-type]
        assert opened is not None
        self.sessions.give_cookie(asked, opened)  # type: ignore[arg-type]
        names = [value.split(b"=")[0] for value in asked.set_cookies]
        self.assertEqual(names, [b"_oauth2_proxy", b"_oauth2_proxy_0"])
        self.assertIn(b"Max-Age=0", asked.set_cookies[1])
