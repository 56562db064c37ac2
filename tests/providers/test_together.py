"""Tests for `o2sidecar.providers.together`: several questions in the time of one."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.providers.together import MOST_AT_ONCE, together
from o2sidecar.refusals import NotPermitted, ProviderUnavailable
from tests.fakes import Wire


class TogetherTests(SynchronousTestCase):
    """`together`."""

    def setUp(self) -> None:
        self.wire = Wire(timeout=10.0)
        self.asked: list[Deferred[str]] = []

    def question(self) -> Callable[[], Coroutine[Any, Any, str]]:
        async def ask() -> str:
            self.asked.append(Deferred())
            return await self.asked[-1]

        return ask

    def begin(self, count: int) -> Deferred[list[str]]:
        return self.wire.begin(together(self.wire.client, [self.question() for _ in range(count)]))

    def test_order(self) -> None:
        """Answers come in the order of the questions, whichever was answered first; none is an answer, too."""
        waiting = self.begin(3)
        for number in (2, 0, 1):
            self.asked[number].callback(str(number))
        self.assertEqual(self.successResultOf(waiting), ["0", "1", "2"])
        self.assertEqual(self.successResultOf(self.begin(0)), [])
        self.assertEqual(self.wire.clock.getDelayedCalls(), [])

    def test_a_few_at_a_time(self) -> None:
        """A question waits until one of those before it has its answer."""
        waiting = self.begin(MOST_AT_ONCE + 2)
        self.assertEqual(len(self.asked), MOST_AT_ONCE)
        for number in range(MOST_AT_ONCE + 2):
            self.asked[number].callback("x")
        self.assertEqual(len(self.successResultOf(waiting)), MOST_AT_ONCE + 2)

    def test_one_time_for_all(self) -> None:
        """When the time is over, the questions under way are given up and the others not asked."""
        waiting = self.begin(MOST_AT_ONCE + 2)
        self.wire.clock.advance(9)
        self.asked[0].callback("x")
        self.wire.clock.advance(1)
        failure = self.failureResultOf(waiting, ProviderUnavailable)
        self.assertIn("10 seconds", failure.value.detail)
        self.assertEqual(len(self.asked), MOST_AT_ONCE + 1)
        self.assertTrue(all(asked.called for asked in self.asked))

    def test_a_failure(self) -> None:
        """The first failure is everybody's, and gives the others up."""
        waiting = self.begin(3)
        self.asked[1].errback(NotPermitted(reason="why"))
        self.assertEqual(self.failureResultOf(waiting, NotPermitted).value.reason, "why")
        self.assertTrue(all(asked.called for asked in self.asked))
        self.assertEqual(self.wire.clock.getDelayedCalls(), [])

    def test_given_up(self) -> None:
        """Whoever waits no more leaves no question behind."""
        waiting = self.begin(2)
        waiting.cancel()
        self.failureResultOf(waiting, ProviderUnavailable)
        self.assertTrue(all(asked.called for asked in self.asked))
        self.assertEqual(self.wire.clock.getDelayedCalls(), [])
