"""What a command reads and writes, and whom it can ask."""

from __future__ import annotations

import contextlib
import errno
import getpass
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from attrs import frozen

STANDARD = "-"
"""The name of a file that means standard input or output."""


def _read() -> bytes:
    if sys.stdin is None:
        raise OSError(errno.EBADF, "it is closed")
    return sys.stdin.buffer.read()


def _out(text: str) -> None:
    """As it is: a manifest keeps its line ends and its letters, whatever the locale. Where it cannot, that is all."""
    try:
        if sys.stdout is None:
            raise OSError(errno.EBADF, "it is closed")
        sys.stdout.buffer.write(text.encode())
        sys.stdout.flush()
    except OSError as error:
        _say(f"o2sidecar: standard output cannot be written: {error.strerror}")
        # What is left in its buffer would be tried again, and complained about, when the process ends.
        with contextlib.suppress(OSError), open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 1)
        raise SystemExit(1) from None


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


class Misused(ValueError):
    """What was asked makes no sense, or names what cannot be read; the message says what. Exit status 2."""


@frozen(kw_only=True)
class Terminal:
    """Standard input, output and error, and the person in front of them.

    Attributes:
        read: all of standard input.
        out: writes to standard output.
        say: writes a line to standard error.
        ask, ask_secret: an answer to a question; `None` where nobody can be asked. The latter is not shown.
        random: so many bytes that nobody can guess.
    """

    read: Callable[[], bytes] = _read
    out: Callable[[str], None] = _out
    say: Callable[[str], None] = _say
    ask: Callable[[str], str] | None = None
    ask_secret: Callable[[str], str] | None = None
    random: Callable[[int], bytes] = os.urandom

    @classmethod
    def of_process(cls) -> Terminal:
        """Those of the process."""
        if sys.stdin is not None and sys.stdin.isatty():
            return cls(ask=input, ask_secret=getpass.getpass)
        return cls()

    def content(self, path: str) -> bytes:
        """What a file has, or standard input; raises `Misused` with a sentence that names it."""
        try:
            return self.read() if path == STANDARD else Path(path).read_bytes()
        except OSError as error:
            raise Misused(f"{path} cannot be read: {error.strerror}") from None

    def text(self, path: str) -> str:
        """The text of a file, or of standard input; raises `Misused` with a sentence that names it."""
        try:
            return self.content(path).decode()
        except UnicodeDecodeError as error:
            raise Misused(f"{path} is not text in UTF-8 (at byte {error.start})") from None

    def refuse(self, command: str, sentences: Iterable[object], status: int = 1) -> int:
        """Say why a command is not done; its exit status."""
        for sentence in sentences:
            self.say(f"o2sidecar {command}: {sentence}")
        return status
