"""Runs commands in tests: their standard input, what they wrote, and the person who is asked, if any."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from attrs import define, field

from o2sidecar.kubernetes.terminal import Terminal


class Command(Protocol):
    """A command's `main`."""

    def __call__(self, arguments: Sequence[str], terminal: Terminal) -> int:
        """Do it; the exit status."""


def counting() -> Callable[[int], bytes]:
    """Random bytes that are the same each time, and never the same twice."""
    calls = iter(range(1, 256))
    return lambda size: bytes([next(calls)]) * size


@define(kw_only=True)
class Run:
    """One run of a command, and what came of it.

    Attributes:
        status: the exit status.
        out: standard output.
        err: standard error.
    """

    status: int = -1
    out: str = ""
    err: str = ""
    asked: list[str] = field(factory=list)

    @classmethod
    def of(
        cls,
        command: Command,
        *arguments: str,
        standard_input: str | bytes = "",
        answers: Sequence[str] | None = None,
        random: Callable[[int], bytes] | None = None,
    ) -> Run:
        """Run it; `answers` are those of a person at a terminal."""
        run = cls()
        rest = list(answers or ())

        def ask(question: str) -> str:
            run.asked.append(question)
            return rest.pop(0)

        content = standard_input.encode() if isinstance(standard_input, str) else standard_input
        terminal = Terminal(
            read=lambda: content,
            out=run._out,
            say=run._say,
            ask=ask if answers is not None else None,
            ask_secret=ask if answers is not None else None,
            random=random or counting(),
        )
        try:
            run.status = command(list(arguments), terminal)
        except SystemExit as ended:
            run.status = ended.code if isinstance(ended.code, int) else 1
        return run

    def _out(self, text: str) -> None:
        self.out += text

    def _say(self, text: str) -> None:
        self.err += f"{text}\n"
