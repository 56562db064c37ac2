"""Tests of o2sidecar.oauth.browser_secret."""

from __future__ import annotations

import hashlib
import os
from base64 import urlsafe_b64encode

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.oauth.browser_secret import BrowserSecret, Seed
from o2sidecar.oauth.state import State

NOW = 1_800_000_000.0
BROWSER = BrowserSecret(secret=b"b" * 32)


def state(state_hash: str, seed: str = "") -> State:
    return State(hash=state_hash, redirect="/", seed=seed)


class SeedTests(SynchronousTestCase):
    """A seed is a short text in the state."""

    @settings(deadline=None)
    @given(st.integers(0, 2**40 - 1), st.integers(0, 255), st.text("abcXYZ019-_.~=", max_size=64))
    def test_round_trip(self, begun: int, again: int, provider: str) -> None:
        """What is written is read."""
        seed = Seed(begun=begun, again=again, provider=provider, chance=os.urandom(10))
        self.assertEqual(Seed.parse(seed.text), seed)
        self.assertRegex(seed.text, r"\A[A-Za-z0-9_-]{35,120}\Z")

    @settings(deadline=None)
    @given(st.text(max_size=70) | st.text("AZaz09-_", max_size=70))
    def test_anything(self, text: str) -> None:
        """Whatever text comes is a seed that is written the same way, or none."""
        seed = Seed.parse(text)
        self.assertIn(seed.text if seed else None, (text, None))


class LoginTests(SynchronousTestCase):
    """Logins are made of a browser's secret and found again."""

    def test_form(self) -> None:
        """Secrets have the sizes of oauth2-proxy's: 32 bytes, 32 bytes, 128 characters; without PKCE no verifier."""
        for login in (BROWSER.login_at(NOW, 900, pkce=True), BROWSER.login(Seed.new(os.urandom, NOW), pkce=True)):
            self.assertEqual((len(login.state), len(login.nonce), len(login.code_verifier)), (32, 32, 128))
            self.assertEqual(len({login.state, login.nonce, BROWSER.secret}), 3)
        self.assertEqual(BROWSER.login_at(NOW, 900, pkce=False).code_verifier, "")

    def test_the_hash_tells_nothing(self) -> None:
        """What is sent, the hash of the state's secret, is of no use to find the nonce or the verifier."""
        login = BROWSER.login_at(NOW, 900, pkce=True)
        other = BrowserSecret(secret=hashlib.sha256(login.state).digest()).login_at(NOW, 900, pkce=True)
        self.assertNotEqual(login.nonce, other.nonce)
        self.assertNotIn("b" * 8, repr(BROWSER))

    def test_seeds_make_logins_of_one_second_differ(self) -> None:
        """Two logins of one second share nothing where the state tells the seed."""
        one, two = (BROWSER.login(Seed.new(os.urandom, NOW), pkce=True) for _ in range(2))
        self.assertFalse({one.state, one.nonce} & {two.state, two.nonce})

    def test_found_by_the_moment(self) -> None:
        """A login is found as long as it lasts, to the second, whether it lasts a minute, a day, or for ever."""
        for expire, last, gone in ((60, 59, 61), (900, 899, 901), (86400, 86200, 86600), (0, 86300, 90000)):
            login = BROWSER.login_at(NOW, expire, pkce=True)
            for later in (-299 if expire < 1000 else 0, 0, last):
                found = BROWSER.find(state(login.state_hash), expire, NOW + later)
                self.assertEqual(found, login, (expire, later))
            self.assertIsNone(BROWSER.find(state(login.state_hash), expire, NOW + gone), expire)

    def test_found_by_the_seed(self) -> None:
        """The same where the state tells the seed; a clock that is ahead may be five minutes ahead."""
        seed = Seed.new(os.urandom, NOW)
        login = BROWSER.login(seed, pkce=True)
        for later, found in ((0, True), (899, True), (901, False), (-299, True), (-301, False)):
            got = BROWSER.find(state(login.state_hash, seed.text), 900, NOW + later)
            self.assertEqual(got is not None, found, later)
        self.assertIsNotNone(BROWSER.find(state(login.state_hash, seed.text), 0, NOW + 10**6))

    def test_not_found(self) -> None:
        """Other hashes, other seeds and other browsers find nothing."""
        seed = Seed.new(os.urandom, NOW)
        login = BROWSER.login(seed, pkce=True)
        other = BrowserSecret.new(os.urandom)
        for browser, sought in (
            (other, state(login.state_hash, seed.text)),
            (BROWSER, state(login.state_hash)),
            (BROWSER, state(login.state_hash, evolve(seed, begun=seed.begun - 1).text)),
            (BROWSER, state(urlsafe_b64encode(os.urandom(32)).decode().rstrip("="))),
            (BROWSER, state("short")),
            (BROWSER, state("é" * 43)),
        ):
            self.assertIsNone(browser.find(sought, 900, NOW))
