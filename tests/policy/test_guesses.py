"""Tests of `o2sidecar.policy.guesses`."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.policy.guesses import Guesses
from o2sidecar.refusals import TooManyGuesses

HERE, THERE = "192.0.2.1", "192.0.2.2"


class GuessesTests(SynchronousTestCase):
    """Failures are counted for users and for addresses (security.md D10)."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.guesses = self.make()

    def make(self, **more: Any) -> Guesses:
        limits: dict[str, Any] = {"per_user": 3, "per_address": 5, "period": 60, **more}
        return Guesses(now=self.clock.seconds, **limits)

    def fail_times(self, number: int, user: str, address: str) -> None:
        for _ in range(number):
            self.guesses.begin(user, address)

    def sign_in(self, user: str, address: str) -> None:
        self.guesses.begin(user, address)
        self.guesses.succeeded(user, address)

    def assert_refused(self, user: str, address: str) -> None:
        self.assertRaises(TooManyGuesses, self.guesses.begin, user, address)

    def test_user(self) -> None:
        """A user's password is tried so many times, wherever from; others' passwords still are."""
        self.fail_times(2, "bob", HERE)
        self.fail_times(1, "bob", THERE)
        self.assert_refused("bob", "192.0.2.3")
        self.guesses.begin("eve", HERE)

    def test_address(self) -> None:
        """From one address so many are tried, whoever's they are."""
        for number in range(5):
            self.fail_times(1, f"user{number}", HERE)
        self.assert_refused("bob", HERE)
        self.guesses.begin("bob", THERE)

    def test_networks(self) -> None:
        """A network of IPv6 that one customer has counts as one address, an IPv4 address as itself however written."""
        for number in range(5):
            self.fail_times(1, f"user{number}", f"2001:db8:1:2::{number}")
        self.assert_refused("bob", "2001:db8:1:2:ffff::1")
        self.guesses.begin("bob", "2001:db8:1:3::1")
        for number in range(5):
            self.fail_times(1, f"user{10 + number}", f"::ffff:{HERE}")
        self.assert_refused("eve", HERE)

    def test_nobodys_address(self) -> None:
        """What is no address of anybody's, as a unix socket's, does not make all who come that way one."""
        for address in ("", "@", "unix"):
            for number in range(20):
                self.fail_times(1, f"{address}{number}", address)

    def test_period(self) -> None:
        """The count begins anew when the period is over, and is not prolonged by trying on."""
        self.fail_times(3, "bob", HERE)
        self.clock.advance(59)
        self.assert_refused("bob", HERE)
        self.clock.advance(1)
        self.fail_times(3, "bob", HERE)
        self.assert_refused("bob", HERE)

    def test_not_locked_out_at_home(self) -> None:
        """Where a user signed in within the last weeks, others' guesses keep them out neither by name nor address."""
        self.sign_in("bob", HERE)
        self.clock.advance(8 * 86400)
        self.fail_times(3, "bob", THERE)
        self.assert_refused("bob", THERE)
        for number in range(5):
            self.fail_times(1, f"user{number}", HERE)
        self.assert_refused("eve", HERE)
        self.guesses.begin("bob", HERE)

    def test_signing_in_is_no_guess(self) -> None:
        """However often people sign in, nothing is counted; and it takes nobody's failures away."""
        for number in range(50):
            self.sign_in(f"user{number}", HERE)
            self.sign_in("robot", f"192.0.2.{number}")
        for number in range(100, 105):
            self.fail_times(1, f"user{number}", HERE)
            self.sign_in("mallory", HERE)
        self.assert_refused("bob", HERE)

    def test_many_at_once(self) -> None:
        """Tries that are begun before any is judged count too."""
        self.fail_times(3, "bob", HERE)
        self.assert_refused("bob", HERE)
        self.guesses.succeeded("bob", HERE)
        self.guesses.begin("bob", HERE)

    def test_no_limit(self) -> None:
        """0 is any number."""
        self.guesses = self.make(per_user=0, per_address=0)
        self.fail_times(1000, "bob", HERE)

    def test_bounded(self) -> None:
        """Names that somebody makes up do not fill the memory, however many and long; the youngest are remembered."""
        self.guesses = self.make(per_address=0, remembered=10)
        for number in range(1000):
            self.guesses.begin(f"user{number}" + "x" * 50_000, f"192.0.{number // 256}.{number % 256}")
        self.fail_times(2, "user999" + "x" * 50_000, THERE)
        self.assert_refused("user999" + "x" * 50_000, THERE)
        self.fail_times(2, "user0" + "x" * 50_000, THERE)
        for limit in (self.guesses._users, self.guesses._addresses):
            self.assertLessEqual(len(limit._failures), 10)
            self.assertTrue(all(len(key) == 16 for key in limit._failures))
