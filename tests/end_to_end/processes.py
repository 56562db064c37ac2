"""Real processes for tests: started in a session of their own, waited for with deadlines, and always ended."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from twisted.trial.unittest import SynchronousTestCase

_T = TypeVar("_T")

BIN = Path(sys.executable).parent
PATIENCE = 60.0
"""Seconds until a wait is given up; only a test that fails takes so long, or a machine that is very busy."""


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def eventually(what: str, attempt: Callable[[], _T | None], seconds: float = PATIENCE) -> _T:
    """The first result of `attempt` that is true; it is asked again and again until the deadline.

    Raises `AssertionError` that says `what` did not happen.
    """
    ends = time.monotonic() + seconds
    while True:
        if found := attempt():
            return found
        if time.monotonic() > ends:
            raise AssertionError(f"{what} did not happen within {seconds:.0f} s")
        time.sleep(0.02)


def clean_environment(settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of this process, without any setting of the sidecar, and then `settings`."""
    ours = ("OAUTH2_PROXY_", "O2SIDECAR_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, **(settings or {})}


class Running:
    """A process with its own session. Standard output and error go to one file, so that it never waits for a reader."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        output: Path,
        settings: Mapping[str, str] | None = None,
        cwd: Path | str = "/",
        uid: int | None = None,
    ) -> None:
        self._path = output
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            # A shell's background job ignores SIGINT, and so would every process that it starts.
            signal.signal(signal.SIGINT, signal.default_int_handler)
        with output.open("wb") as file:
            self._process: subprocess.Popen[bytes] = subprocess.Popen(
                list(command),
                cwd=cwd,
                env=clean_environment(settings),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=uid,
                group=uid,
                extra_groups=None if uid is None else (),
            )

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def output(self) -> str:
        """All that it has printed."""
        return self._path.read_text("utf-8", "replace")

    def await_line(self, pattern: str) -> re.Match[str]:
        """Wait until it has printed something that matches; the match."""
        return eventually(f"the line {pattern!r} in:\n{self.output()}\n", lambda: self._find(pattern))

    def await_listening(self, port: int, host: str = "127.0.0.1") -> None:
        """Wait until somebody listens there."""
        eventually(f"listening on {port}", lambda: self._alive() and is_listening(port, host))

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process alone."""
        os.kill(self.pid, number)

    @contextlib.contextmanager
    def standing_still(self) -> Iterator[None]:
        """Stop the process for a while, so that everything that happens meanwhile is there for it at once."""
        self.signal(signal.SIGSTOP)
        eventually("the stop", lambda: Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")
        try:
            yield
        finally:
            self.signal(signal.SIGCONT)

    def status(self) -> int:
        """Wait for the end; the exit status, negative for a signal."""
        return self._process.wait(PATIENCE)

    def stop(self) -> int:
        """Ask it to end, as an orchestrator does; the exit status."""
        if self._process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.status()

    def kill(self) -> None:
        """End the whole session at once, if anything of it is left."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait(PATIENCE)

    def _find(self, pattern: str) -> re.Match[str] | None:
        found = re.search(pattern, self.output(), re.MULTILINE)
        if found is None:
            self._alive()
        return found

    def _alive(self) -> bool:
        status = self._process.poll()
        if status is not None:
            raise AssertionError(f"the process ended with {status}:\n{self.output()}")
        return True


def is_listening(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a connection can be made."""
    try:
        socket.create_connection((host, port), 1.0).close()
    except OSError:
        return False
    return True


class ProcessCase(SynchronousTestCase):
    """A test with processes, all of which end with it."""

    def run_process(
        self, command: Sequence[str], settings: Mapping[str, str] | None = None, uid: int | None = None
    ) -> Running:
        """Start a process that is ended when the test is."""
        folder = Path(self.mktemp()).resolve()
        folder.mkdir(parents=True)
        running = Running(command, output=folder / "output", settings=settings, uid=uid)
        self.addCleanup(running.kill)
        return running

    def run_sidecar(self, settings: Mapping[str, str], *arguments: str) -> Running:
        """Start `o2sidecar run`; settings as `OAUTH2_PROXY_*` variables, here without that prefix."""
        variables = {f"OAUTH2_PROXY_{key}": value for key, value in settings.items()}
        return self.run_process([str(BIN / "o2sidecar"), "run", *arguments], variables)
