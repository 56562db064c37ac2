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
            self.guesses.check(user, address)
            self.guesses.failed(user, address)

    def assert_refused(self, user: str, address: str) -> None:
        self.assertRaises(TooManyGuesses, self.guesses.check, user, address)

    def test_user(self) -> None:
        """A user's password is tried so many times, wherever from; others' passwords still are."""
        self.fail_times(2, "bob", HERE)
        self.fail_times(1, "bob", THERE)
        self.assert_refused("bob", "192.0.2.3")
        self.guesses.check("eve", HERE)

    def test_address(self) -> None:
        """From one address so many are tried, whoever's they are."""
        for number in range(5):
            self.fail_times(1, f"user{number}", HERE)
        self.assert_refused("bob", HERE)
        self.guesses.check("bob", THERE)

    def test_period(self) -> None:
        """The count begins anew when the period is over, and is not prolonged by trying on."""
        self.fail_times(3, "bob", HERE)
        self.clock.advance(59)
        self.assert_refused("bob", HERE)
        self.clock.advance(1)
        self.fail_times(3, "bob", HERE)
        self.assert_refused("bob", HERE)

    def test_not_locked_out_at_home(self) -> None:
        """Where a user signed in lately, others' guesses elsewhere do not keep them out."""
        self.guesses.succeeded("bob", HERE)
        self.fail_times(3, "bob", THERE)
        self.assert_refused("bob", THERE)
        self.guesses.check("bob", HERE)
        self.clock.advance(61)
        self.fail_times(3, "bob", THERE)
        self.assert_refused("bob", HERE)

    def test_signing_in_resets_nothing(self) -> None:
        """Whoever has an account cannot guess others' passwords for ever by signing in now and then."""
        for number in range(5):
            self.fail_times(1, f"user{number}", HERE)
            self.guesses.succeeded("mallory", HERE)
        self.assert_refused("bob", HERE)

    def test_no_limit(self) -> None:
        """0 is any number."""
        self.guesses = self.make(per_user=0, per_address=0)
        self.fail_times(1000, "bob", HERE)

    def test_bounded(self) -> None:
        """Names and addresses that somebody makes up do not fill the memory; the youngest are remembered."""
        self.guesses = self.make(per_address=0, remembered=10)
        for number in range(1000):
            self.guesses.failed(f"user{number}", f"address{number}")
            self.guesses.succeeded(f"user{number}", f"address{number}")
        for user in ("user0", "user999"):
            self.guesses.failed(user, THERE)
            self.guesses.failed(user, THERE)
        self.guesses.check("user0", THERE)
        self.assert_refused("user999", THERE)
        sizes = [len(limit._failures) for limit in (self.guesses._users, self.guesses._addresses)]
        self.assertEqual([*sizes, len(self.guesses._at_home)], [10, 10, 10])
