"""Tests for `o2sidecar.shared_call`: one call, many who wait."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.shared_call import SharedCall, SharedCalls


class SharedCallTests(SynchronousTestCase):
    """`SharedCall`."""

    def setUp(self) -> None:
        self.calls: list[Deferred[str]] = []
        self.shared = SharedCall(self.call)

    async def call(self) -> str:
        self.calls.append(Deferred())
        return await self.calls[-1]

    def test_shared(self) -> None:
        """A hundred who ask at once make one call, and all get its result."""
        waiting = [self.shared() for _ in range(100)]
        self.assertEqual(len(self.calls), 1)
        self.assertTrue(self.shared.under_way)
        self.calls[0].callback("done")
        self.assertEqual({self.successResultOf(waiter) for waiter in waiting}, {"done"})
        self.assertFalse(self.shared.under_way)

    def test_again(self) -> None:
        """Whoever asks afterwards makes a new call, also after a failure."""
        first = self.shared()
        self.calls[0].errback(ValueError("no"))
        self.failureResultOf(first, ValueError)
        second = self.shared()
        self.calls[1].callback("done")
        self.assertEqual(self.successResultOf(second), "done")

    def test_failure_is_shared(self) -> None:
        """A failure goes to all who wait."""
        waiting = [self.shared() for _ in range(3)]
        self.calls[0].errback(ValueError("no"))
        for waiter in waiting:
            self.failureResultOf(waiter, ValueError)

    def test_one_gives_up(self) -> None:
        """One who waits no longer leaves the call and the others as they are, even if nobody is left."""
        first, second = self.shared(), self.shared()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.calls[0].callback("done")
        self.assertEqual(self.successResultOf(second), "done")
        lonely = self.shared()
        lonely.cancel()
        self.failureResultOf(lonely, CancelledError)
        late = self.shared()
        self.assertEqual(len(self.calls), 2)
        self.calls[1].callback("again")
        self.assertEqual(self.successResultOf(late), "again")

    def test_asked_from_a_result(self) -> None:
        """Somebody who asks again from within a result makes a new call."""
        again: list[Deferred[str]] = []
        self.shared().addCallback(lambda _: again.append(self.shared()))
        self.calls[0].callback("one")
        self.calls[1].callback("two")
        self.assertEqual(self.successResultOf(again[0]), "two")

    def test_at_once(self) -> None:
        """A call that ends at once is over when it is asked for the next time."""

        async def prompt() -> int:
            count.append(1)
            return len(count)

        count: list[int] = []
        shared = SharedCall(prompt)
        self.assertEqual([self.successResultOf(shared()), self.successResultOf(shared())], [1, 2])

    def test_stop(self) -> None:
        """Stopping gives up the call under way, and does nothing without one."""
        self.shared.stop()
        waiter = self.shared()
        self.shared.stop()
        self.failureResultOf(waiter, CancelledError)
        self.assertFalse(self.shared.under_way)


class SharedCallsTests(SynchronousTestCase):
    """Calls by their keys."""

    def setUp(self) -> None:
        """Nothing was asked yet."""
        self.calls: SharedCalls[str] = SharedCalls()
        self.answers: list[Deferred[str]] = []

    def ask(self, key: bytes) -> Deferred[str]:
        async def function() -> str:
            self.answers.append(Deferred())
            return await self.answers[-1]

        return self.calls(key, function)

    def test_by_key(self) -> None:
        """Who asks for the same shares a call; who asks for something else has one of their own."""
        one, same, other = self.ask(b"a"), self.ask(b"a"), self.ask(b"b")
        self.assertEqual(len(self.answers), 2)
        self.answers[1].callback("b")
        self.answers[0].callback("a")
        self.assertEqual([self.successResultOf(each) for each in (one, same, other)], ["a", "a", "b"])

    def test_asked_again_on_the_way_out(self) -> None:
        """Those who ask again on hearing the answer share one new call."""
        again: list[Deferred[str]] = []
        for _ in range(2):
            self.ask(b"a").addCallback(lambda answer: again.append(self.ask(b"a")))
        self.answers[0].callback("old")
        self.assertEqual(len(self.answers), 2)
        self.answers[1].callback("new")
        self.assertEqual([self.successResultOf(each) for each in again], ["new", "new"])

    def test_failure(self) -> None:
        """After a failure the next one asks anew."""
        failed = self.ask(b"a")
        self.answers[0].errback(ValueError("no"))
        self.failureResultOf(failed, ValueError)
        self.ask(b"a")
        self.assertEqual(len(self.answers), 2)
