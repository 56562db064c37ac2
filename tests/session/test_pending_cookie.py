"""Tests of the cookie of a login that is under way."""

from __future__ import annotations

import os

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.oauth.browser_secret import BrowserSecret, Seed
from o2sidecar.oauth.pending import PendingLogin
from o2sidecar.oauth.pkce import new_verifier
from o2sidecar.oauth.state import State
from o2sidecar.refusals import LoginFailed, LoginLost
from o2sidecar.session.cookies import CookieAttributes, Cookies, parse_cookies
from o2sidecar.session.keys import KeyRing
from o2sidecar.session.pending_cookie import PendingCookie
from o2sidecar.session.sealing import seal
from tests.session.vectors import recorded_cookies

NAME = "_oauth2_proxy"
NOW = 1_800_000_000.0
HOST = "app.example.com"
RING = KeyRing.from_texts(["0123456789abcdef"])
ATTRIBUTES = CookieAttributes(name=NAME, expire=900, samesite="lax")
COOKIE = PendingCookie(attributes=ATTRIBUTES, ring=RING)
EACH = evolve(COOKIE, per_request=True)


def begun() -> PendingLogin:
    return PendingLogin(state=os.urandom(32), nonce=os.urandom(32), code_verifier=new_verifier(os.urandom))


def sent(lines: list[bytes]) -> Cookies:
    """What a browser sends back of what it was given."""
    return parse_cookies([line.partition(b";")[0] for line in lines if b"Max-Age=0" not in line])


def deleted(lines: list[bytes]) -> list[str]:
    return [line.partition(b"=")[0].decode() for line in lines if b"Max-Age=0" in line]


class FindTests(SynchronousTestCase):
    """A login is found again by the state that came back."""

    def refused(self, cookie: PendingCookie, cookies: Cookies, state_hash: str, now: float = NOW) -> str:
        with self.assertRaises(LoginFailed) as caught:
            cookie.find(cookies, State(hash=state_hash, redirect="/"), now)
        self.assertIn("CSRF", caught.exception.sentence)
        self.assertEqual(caught.exception.status, 403)
        return str(caught.exception.reason)

    def test_recorded(self) -> None:
        """Every recorded cookie of oauth2-proxy opens to the state that it had sent."""
        vectors = [vector for vector in recorded_cookies()["vectors"] if "csrf" in vector]
        self.assertGreater(len(vectors), 15)
        for vector in vectors:
            csrf = vector["csrf"]
            cookie = PendingCookie(
                attributes=CookieAttributes(name=vector["cookie_name"]),
                ring=KeyRing.from_texts([vector["cookie_secret"]]),
                per_request=csrf["name"] != vector["cookie_name"] + "_csrf",
            )
            state = State(hash=csrf["state_sent"].split(":")[0], redirect="/")
            pending = cookie.find([(csrf["name"], csrf["value"])], state, csrf["timestamp"])
            self.assertEqual(pending.state.hex(), csrf["fields"]["oauth_state"]["hex"])
            self.assertEqual(pending.nonce.hex(), csrf["fields"]["oidc_nonce"]["hex"])
            self.assertEqual(pending.code_verifier, csrf["fields"].get("code_verifier", ""))

    def test_round_trip(self) -> None:
        """A login that was written is found by its state, with its own attributes on the cookie."""
        for cookie, name in ((COOKIE, f"{NAME}_csrf"), (EACH, "")):
            pending = begun()
            lines = cookie.write(pending, HOST, [], NOW)
            self.assertEqual(cookie.find(sent(lines), State(hash=pending.state_hash, redirect="/"), NOW), pending)
            self.assertTrue(lines[0].endswith(b"; Path=/; Max-Age=900; HttpOnly; Secure; SameSite=Lax"), lines[0])
            wanted = name or f"{NAME}_{pending.state_hash[:8]}_csrf"
            self.assertEqual([found for found, _ in sent(lines)], [wanted])

    def test_parallel_logins(self) -> None:
        """With a cookie for each, several logins are under way at once (golden csrf-per-request-parallel)."""
        logins = [begun() for _ in range(3)]
        cookies = [pair for pending in logins for pair in sent(EACH.write(pending, HOST, [], NOW))]
        for pending in logins:
            self.assertEqual(EACH.find(cookies, State(hash=pending.state_hash, redirect="/"), NOW), pending)

    def test_missing(self) -> None:
        """A browser that began no login has no cookie of one (security.md O1)."""
        pending = begun()
        self.assertEqual(self.refused(COOKIE, [("other", "1")], pending.state_hash), "csrf_cookie_missing")
        cookies = sent(EACH.write(begun(), HOST, [], NOW))
        self.assertEqual(self.refused(EACH, cookies, pending.state_hash), "csrf_cookie_missing")

    def test_another_login(self) -> None:
        """A cookie of another login than the one that is answered does not do (security.md O1)."""
        cookies = sent(COOKIE.write(begun(), HOST, [], NOW))
        self.assertEqual(self.refused(COOKIE, cookies, begun().state_hash), "csrf_state_differs")

    def test_unreadable(self) -> None:
        """A cookie that expired, or was sealed with another key, for another name or as another thing, does not do."""
        pending = begun()
        cookies = sent(COOKIE.write(pending, HOST, [], NOW))
        value = cookies[0][1]
        for bad, now in (
            (cookies, NOW + 900),
            (cookies, NOW - 400),
            ([(f"{NAME}_csrf", value[:-1])], NOW),
            ([(f"{NAME}_csrf", seal(RING.sealing, NAME, pending.packed(), int(NOW)))], NOW),
            ([(f"{NAME}_csrf", seal(RING.sealing, f"{NAME}_csrf", b"junk", int(NOW)))], NOW),
        ):
            self.assertEqual(self.refused(COOKIE, bad, pending.state_hash, now), "csrf_cookie_unreadable")
        stranger = evolve(COOKIE, ring=KeyRing.from_texts(["fedcba9876543210"]))
        self.assertEqual(self.refused(stranger, cookies, pending.state_hash), "csrf_cookie_unreadable")

    def test_planted_cookies(self) -> None:
        """Several cookies of the same name are each tried, up to a bound (security.md S7)."""
        pending = begun()
        good = sent(COOKIE.write(pending, HOST, [], NOW))
        other = sent(COOKIE.write(begun(), HOST, [], NOW))
        junk = [(f"{NAME}_csrf", "junk")]
        self.assertEqual(COOKIE.find(other + junk + good, State(hash=pending.state_hash, redirect="/"), NOW), pending)
        self.assertEqual(self.refused(COOKIE, junk * 8 + good, pending.state_hash), "csrf_cookie_unreadable")

    @given(st.text(max_size=60), st.text(max_size=20), st.booleans())
    def test_anything(self, value: str, state_hash: str, per_request: bool) -> None:
        """Whatever value and state come, the login failed and nothing else happens."""
        cookie = evolve(COOKIE, per_request=per_request)
        self.refused(cookie, [(cookie.name(state_hash), value)], state_hash)


class BrowserTests(SynchronousTestCase):
    """All logins of a browser are found by its one cookie."""

    def tabs(self, count: int, seeds: bool) -> tuple[list[State], Cookies]:
        """So many logins that begin a second apart, and the cookie that the last of them left."""
        cookies: Cookies = []
        states = []
        for tab in range(count):
            browser = COOKIE.browser(cookies, NOW + tab) or BrowserSecret.new(os.urandom)
            seed = browser.sealed(Seed.new(os.urandom, NOW + tab, provider="other"), "/") if seeds else None
            pending = browser.login(seed, pkce=True) if seed else browser.login_at(NOW + tab, 900, pkce=True)
            cookies = sent(COOKIE.write(pending, HOST, cookies, NOW + tab))
            states.append(State(hash=pending.state_hash, redirect="/", seed=seed.text if seed else ""))
        return states, cookies

    def test_many_tabs(self) -> None:
        """Twenty logins, one cookie of less than 500 bytes, each found with secrets of its own."""
        for seeds in (False, True):
            states, cookies = self.tabs(20, seeds)
            self.assertEqual(len(cookies), 1)
            self.assertLess(len(cookies[0][1]), 500)
            found = [COOKIE.find(cookies, state, NOW + 20) for state in states]
            self.assertEqual([login.state_hash for login in found], [state.hash for state in states])
            for secrets in zip(*((login.state, login.nonce, login.code_verifier) for login in found), strict=True):
                self.assertEqual(len(set(secrets)), 20)

    def test_each_expires_for_itself(self) -> None:
        """A later login lengthens the cookie's life, and no other login's."""
        for seeds in (False, True):
            states, cookies = self.tabs(20, seeds)
            with self.assertRaises(LoginLost) as caught:
                COOKIE.find(cookies, states[0], NOW + 905)
            self.assertEqual(caught.exception.why, "another")
            self.assertEqual(COOKIE.find(cookies, states[-1], NOW + 905).state_hash, states[-1].hash)

    def test_another_browsers(self) -> None:
        """A login of another browser is none of this one, whatever seed is put to its hash (security.md O1)."""
        for seeds in (False, True):
            states, _ = self.tabs(2, seeds)
            others, cookies = self.tabs(2, seeds)
            for state in (states[0], evolve(states[0], seed=others[0].seed), evolve(states[0], seed="A" * 35)):
                self.assertRaises(LoginLost, COOKIE.find, cookies, state, NOW)

    def test_a_seed_that_was_changed(self) -> None:
        """Moving a login's beginning or its provider makes another login of it, which nobody began."""
        (state, _), cookies = self.tabs(2, True)
        seed = Seed.parse(state.seed)
        assert seed is not None
        for changed in (
            evolve(seed, begun=seed.begun + 1),
            evolve(seed, again=1),
            evolve(seed, provider="evil"),
            evolve(seed, seal=b"x" * 10),
        ):
            self.assertRaises(LoginLost, COOKIE.find, cookies, evolve(state, seed=changed.text), NOW)

    def test_a_page_that_was_changed(self) -> None:
        """A state that leads elsewhere than its login did is none, be it the last login's or another's."""
        states, cookies = self.tabs(2, True)
        for state in states:
            for redirect in ("/other", "https://evil.example/", "", "/\0"):
                with self.assertRaises(LoginLost) as caught:
                    COOKIE.find(cookies, evolve(state, redirect=redirect), NOW)
                self.assertEqual((caught.exception.reason, caught.exception.why), ("csrf_redirect_differs", "redirect"))
            bare = evolve(state, seed="", redirect="/other")
            self.assertRaises(LoginLost, COOKIE.find, cookies, bare, NOW)

    def test_oauth2_proxys_cookie(self) -> None:
        """A browser that comes from a pod of oauth2-proxy gets a secret with its next login here."""
        self.assertIsNone(COOKIE.browser(sent(COOKIE.write(begun(), HOST, [], NOW)), NOW))

    def test_a_cookie_each(self) -> None:
        """Where each login has a cookie of its own, none is made of another's secret."""
        login = BrowserSecret.new(os.urandom).login_at(NOW, 900, pkce=False)
        self.assertIsNone(EACH.browser(sent(EACH.write(login, HOST, [], NOW)), NOW))

    def test_what_opens_nothing(self) -> None:
        """Damaged, foreign and expired cookies give no secret."""
        login = BrowserSecret.new(os.urandom).login_at(NOW, 900, pkce=False)
        cookies = sent(COOKIE.write(login, HOST, [], NOW))
        self.assertIsNotNone(COOKIE.browser(cookies, NOW))
        self.assertIsNone(COOKIE.browser(cookies, NOW + 900))
        self.assertIsNone(evolve(COOKIE, ring=KeyRing.from_texts(["fedcba9876543210"])).browser(cookies, NOW))


class LimitTests(SynchronousTestCase):
    """A browser holds no more logins than the limit."""

    def held(self, ages: list[int]) -> tuple[Cookies, list[str]]:
        cookies = [sent(EACH.write(begun(), HOST, [], NOW - age))[0] for age in ages]
        return cookies, [name for name, _ in cookies]

    def test_the_oldest_go(self) -> None:
        """The oldest are deleted so that the new one makes the limit full."""
        cookies, names = self.held([10, 30, 20])
        lines = evolve(EACH, limit=2).write(begun(), HOST, cookies, NOW)
        self.assertEqual(deleted(lines), [names[1], names[2]])
        self.assertEqual(len(lines), 3)

    def test_unreadable_ones_go_first(self) -> None:
        """What cannot be read, or has expired, is as good as the oldest."""
        cookies, names = self.held([10, 2000])
        cookies.append((f"{NAME}_abcdefgh_csrf", "junk"))
        lines = evolve(EACH, limit=2).write(begun(), HOST, cookies, NOW)
        self.assertEqual(sorted(deleted(lines)), sorted([names[1], f"{NAME}_abcdefgh_csrf"]))

    def test_no_need(self) -> None:
        """Nothing is deleted under the limit, without one, or without a cookie for each login."""
        cookies, _ = self.held([10, 20])
        for cookie in (evolve(EACH, limit=3), EACH, evolve(COOKIE, limit=1)):
            self.assertEqual(deleted(cookie.write(begun(), HOST, cookies, NOW)), [])

    def test_only_own_names(self) -> None:
        """Other cookies are not counted and not deleted."""
        cookies = [(name, "1") for name in (NAME, f"{NAME}_csrf", f"{NAME}_short_csrf", "x_abcdefgh_csrf", "other")]
        self.assertEqual(deleted(evolve(EACH, limit=1).write(begun(), HOST, cookies, NOW)), [])


class ClearTests(SynchronousTestCase):
    """A login that is over leaves no cookie."""

    def test_only_this_login(self) -> None:
        """Only the cookie of this login is deleted, and only if it was there."""
        mine, other = begun(), begun()
        cookies = sent(EACH.write(mine, HOST, [], NOW)) + sent(EACH.write(other, HOST, [], NOW))
        self.assertEqual(deleted(EACH.clear(HOST, cookies, mine.state_hash)), [EACH.name(mine.state_hash)])
        self.assertEqual(EACH.clear(HOST, cookies[1:], mine.state_hash), [])

    def test_odd_states(self) -> None:
        """A state that could not be in a name falls back to the name for all logins."""
        for state_hash in ("", "short", "a;b=c, d", "é" * 20, "\r\n\r\n\r\n\r\n"):
            self.assertEqual(EACH.name(state_hash), f"{NAME}_csrf")
            self.assertEqual(deleted(EACH.clear(HOST, [(f"{NAME}_csrf", "x")], state_hash)), [f"{NAME}_csrf"])
