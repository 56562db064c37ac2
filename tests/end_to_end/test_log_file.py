"""The log in a file, with real processes: written, moved away, and impossible to write."""

from __future__ import annotations

import contextlib
import gzip
import os
import signal
import urllib.error
import urllib.request
from pathlib import Path

from tests.end_to_end.processes import BIN, ProcessCase, Running, eventually, free_port


class LogFileTests(ProcessCase):
    """`logging_filename`."""

    def setUp(self) -> None:
        """A folder for logs, and settings with which the process starts."""
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        self.log = self.folder / "out.log"
        self.port = free_port()

    def variables(self, **changes: str) -> dict[str, str]:
        settings = {
            "HTTP_ADDRESS": f"127.0.0.1:{self.port}",
            "UPSTREAMS": "static://204",
            "PROVIDER": "github",
            "CLIENT_ID": "a",
            "CLIENT_SECRET": "b",
            "COOKIE_SECRET": "0123456789abcdef",
            "EMAIL_DOMAINS": "*",
            "LOGGING_FILENAME": str(self.log),
            **changes,
        }
        return {f"OAUTH2_PROXY_{key}": value for key, value in settings.items()}

    def start(self, *command: str, **changes: str) -> Running:
        """The sidecar, started by some command, once it listens."""
        running = self.run_process([str(BIN / command[0]), *command[1:]], self.variables(**changes))
        running.await_listening(self.port)
        return running

    def ask(self, path: str) -> int:
        """The status of a request."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            refused.close()
            return refused.code

    def await_in(self, file: Path, text: str) -> None:
        """Wait until a file holds a text."""
        eventually(f"{text!r} in {file}", lambda: file.is_file() and text in file.read_text())

    def test_all_of_it(self) -> None:
        """What the process does, requests and sign-ins are in the file, not on standard output, under twistd too."""
        for command in (("o2sidecar", "run"), ("twistd", "-n", "--pidfile=", "o2sidecar")):
            self.log = self.folder / f"{command[0]}.log"
            running = self.start(*command)
            self.ask("/oauth2/callback?code=x&state=y")
            self.await_in(self.log, "listening on")
            self.await_in(self.log, "[AuthFailure]")
            self.await_in(self.log, "GET - ")
            self.assertIn(running.stop(), (0, -signal.SIGTERM))
            self.await_in(self.log, "stopped")
            self.assertEqual(running.output(), "")

    def test_daemon(self) -> None:
        """A daemon of twistd's writes there as well, after it left its folder and its terminal behind."""
        pid = self.folder / "pid"
        daemon = ["twistd", f"--pidfile={pid}", f"--rundir={self.folder}", "o2sidecar"]
        self.run_process([str(BIN / daemon[0]), *daemon[1:]], self.variables())
        self.addCleanup(self.end, pid)
        eventually("the daemon", pid.is_file)
        self.await_in(self.log, "listening on")
        self.end(pid)
        self.await_in(self.log, "stopped")
        self.assertFalse((self.folder / "twistd.log").exists())

    def end(self, pid: Path) -> None:
        """End the daemon, if it is there."""
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            os.kill(int(pid.read_text()), signal.SIGTERM)

    def test_moved_away(self) -> None:
        """After it was moved a new file is begun: with SIGUSR1 at once, without it with the next line."""
        running = self.start("o2sidecar", "run")
        self.await_in(self.log, "listening on")
        first, second = self.folder / "out.log.1", self.folder / "out.log.2"
        os.rename(self.log, first)
        running.signal(signal.SIGUSR1)
        eventually("the new file", self.log.exists)
        self.ask("/one")
        self.await_in(self.log, "/one")
        os.rename(self.log, second)
        self.ask("/two")
        self.await_in(self.log, "/two")
        self.assertNotIn("/two", second.read_text())
        self.assertEqual(running.stop(), 0)

    def test_rotated_and_compressed(self) -> None:
        """A large file is rotated, and compressed by and by; no line is lost."""
        running = self.start("o2sidecar", "run", LOGGING_MAX_SIZE="1", LOGGING_COMPRESS="true")
        for number in range(120):
            self.ask(f"/{number}/{'x' * 10_000}")
        eventually("the compressed file", lambda: list(self.folder.glob("out-*.log.gz")))
        self.assertEqual(running.stop(), 0)
        [packed] = self.folder.glob("out-*.log.gz")
        text = gzip.decompress(packed.read_bytes()).decode() + self.log.read_text()
        for number in range(120):
            self.assertEqual(text.count(f'"/{number}/xxx'), 1, number)

    def test_full_disk(self) -> None:
        """Where nothing can be written all is served, and standard error tells it once."""
        running = self.start("o2sidecar", "run", LOGGING_FILENAME="/dev/full")
        self.assertEqual([self.ask("/ping") for _ in range(50)], [200] * 50)
        running.await_line("^o2sidecar: /dev/full cannot be written: No space left on device")
        self.assertEqual(running.stop(), 0)
        self.assertEqual(len(running.output().splitlines()), 1, running.output())

    def test_impossible(self) -> None:
        """A file that cannot be written is refused by the name of its setting, together with what else is wrong."""
        for path, why in (
            ("/nowhere/log", 'there is no folder "/nowhere"'),
            ("/dev/null/log", "Not a directory"),
            (str(self.folder), "Is a directory"),
        ):
            command = [str(BIN / "o2sidecar"), "run"]
            running = self.run_process(command, self.variables(LOGGING_FILENAME=path, COOKIE_SECRET="short"))
            self.assertEqual(running.status(), 1)
            self.assertRegex(running.output(), f"OAUTH2_PROXY_LOGGING_FILENAME: .*{why}")
            self.assertIn("OAUTH2_PROXY_COOKIE_SECRET", running.output())

    def test_impossible_as_it_turns_out(self) -> None:
        """A file that cannot be made although everything spoke for it is refused as well."""
        running = self.run_process([str(BIN / "o2sidecar"), "run"], self.variables(LOGGING_FILENAME="/proc/log"))
        self.assertEqual(running.status(), 1)
        self.assertIn("logging_filename: /proc/log cannot be written: No such file", running.output())

    def test_config_test_makes_none(self) -> None:
        """Trying the settings makes no file, which might belong to somebody else than the sidecar's user."""
        running = self.run_process([str(BIN / "o2sidecar"), "run", "--config-test"], self.variables())
        self.assertEqual(running.status(), 0, running.output())
        self.assertFalse(self.log.exists())
