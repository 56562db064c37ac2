"""Questions to an API that need not wait for each other: a few at a time, and all in the time that one may take."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred, FirstError, TimeoutError, gatherResults

from o2sidecar.provider_client import ProviderClient
from o2sidecar.refusals import ProviderUnavailable

MOST_AT_ONCE = 5

T = TypeVar("T")
Question = Callable[[], Coroutine[Deferred[Any], Any, T]]


async def together(client: ProviderClient, questions: Iterable[Question[T]]) -> list[T]:
    """The answers to all questions, in their order; `client`: with whose time and clock they are asked.

    Raises what the first of them raises that fails, for which the others are given up, and `ProviderUnavailable` if
    the time is over before the last has its answer.
    """
    waiting = enumerate(questions)
    answers: dict[int, T] = {}

    async def ask_on() -> None:
        for number, question in waiting:
            answers[number] = await question()

    asking = [Deferred.fromCoroutine(ask_on()) for _ in range(MOST_AT_ONCE)]
    began = client.clock.seconds()
    gathered = gatherResults(asking, consumeErrors=True)
    gathered.addTimeout(client.timeout, client.clock)
    try:
        await gathered
    except (TimeoutError, FirstError) as error:
        cause: Any = error.subFailure.value if isinstance(error, FirstError) else error
        if client.clock.seconds() - began >= client.timeout or isinstance(cause, (CancelledError, TimeoutError)):
            late = f"the provider's API did not answer all questions within {client.timeout:g} seconds"
            raise ProviderUnavailable(detail=late) from None
        raise cause from None
    finally:
        for each in asking:
            each.cancel()
    return [answers[number] for number in sorted(answers)]
