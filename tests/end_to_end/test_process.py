"""The process as its operator meets it: how it starts, what it says, how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

from o2sidecar import __version__
from tests.end_to_end.echo import Echo
from tests.end_to_end.processes import BIN, ProcessCase, Running, clean_environment, eventually, free_port, is_listening
from tests.end_to_end.visitor import Visitor

CLIENT_SECRET = "a-client-secret-nobody-may-see"
COOKIE_SECRET = "a-cookie-secret-nobody-may-see!!"

PROJECT = str(Path(__file__).resolve().parents[2])
SIGNALLED = """
import os, signal, sys
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.application.service import Service
from twisted.logger import Logger, globalLogBeginner
from o2sidecar.foreground import Foreground

number, moment = getattr(signal, sys.argv[1]), sys.argv[2]

def at(this):
    if this == moment:
        os.kill(os.getpid(), number)

async def job():
    at("in a coroutine")

class Signalled(Service):
    def privilegedStartService(self):
        at("listening")

    def startService(self):
        at("starting")
        Deferred.fromCoroutine(job())
        Logger().info("begin")

    def stopService(self):
        print("stopped")

globalLogBeginner.beginLoggingTo([lambda event: at("logging")], redirectStandardIO=False)
reactor.callWhenRunning(lambda: reactor.callLater(0, at, "running"))
Foreground().run(Signalled(), reactor)
print("returned")
"""
"""A service in the foreground that sends its own process a signal at a given moment."""


def ended(*command: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    variables = clean_environment({f"OAUTH2_PROXY_{key}": value for key, value in settings.items()})
    return subprocess.run(
        [str(BIN / command[0]), *command[1:]],
        env=variables,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class StartTests(ProcessCase):
    """What the command line and the settings lead to."""

    def test_version(self) -> None:
        """The version is one line, under all three names that it goes by."""
        for command in (
            ("o2sidecar", "--version"),
            ("o2sidecar", "run", "--version"),
            ("twistd", "-n", "o2sidecar", "--version"),
        ):
            done = ended(*command)
            self.assertEqual((done.returncode, done.stdout), (0, f"o2sidecar {__version__}\n"), done.stderr)

    def test_help(self) -> None:
        """Help names the options and ends with 0."""
        for command in (("o2sidecar", "run", "--help"), ("twistd", "-n", "o2sidecar", "--help")):
            done = ended(*command)
            self.assertEqual(done.returncode, 0, done.stderr)
            for option in ("--upstream", "--cookie-secret", "--oidc-issuer-url", "--defaults"):
                self.assertIn(option, done.stdout)

    def test_unknown_flag(self) -> None:
        """An unknown flag is named, with status 2."""
        for command in (("o2sidecar", "run"), ("twistd", "-n", "--pidfile=", "o2sidecar")):
            done = ended(*command, "--no-such-flag=1")
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn("no-such-flag", done.stdout + done.stderr)
            self.assertNotIn("Traceback", done.stdout + done.stderr)

    def test_all_problems_at_once(self) -> None:
        """Wrong and missing settings come in one message that names each, with status 1 and no traceback."""
        settings = {"COOKIE_SECRET": "short", "COOKIE_SAMESITE": "sometimes", "COOKIE_EXPIRE": "soon"}
        for command in (("o2sidecar", "run"), ("twistd", "-n", "--pidfile=", "o2sidecar")):
            done = ended(*command, **settings)
            said = done.stdout + done.stderr
            self.assertEqual(done.returncode, 1, said)
            for name in ("cookie_secret", "cookie_samesite", "cookie_expire", "client_id"):
                self.assertIn(name, said.lower().replace("-", "_"), said)
            self.assertNotIn("Traceback", said)

    def test_provider_required_at_start(self) -> None:
        """With oauth2-proxy's defaults a provider that cannot be had ends the process, with status 1 and a reason."""
        for command in (("o2sidecar", "run"), ("twistd", "-n", "--pidfile=", "o2sidecar")):
            done = ended(
                *command,
                PROVIDER="oidc",
                OIDC_ISSUER_URL="http://127.0.0.1:9",
                CLIENT_ID="sidecar",
                CLIENT_SECRET=CLIENT_SECRET,
                COOKIE_SECRET=COOKIE_SECRET,
                EMAIL_DOMAINS="*",
                HTTP_ADDRESS=f"127.0.0.1:{free_port()}",
            )
            said = done.stdout + done.stderr
            self.assertEqual(done.returncode, 1, said)
            self.assertIn("provider_required_at_start", said)
            self.assertIn("http://127.0.0.1:9", said)
            self.assertNotIn("Traceback", said)

    def test_unknown_key(self) -> None:
        """A key of a file that is no option is an error that names it."""
        path = Path(self.mktemp()).resolve()
        path.write_text('no_such_key = "1"\n')
        done = ended("o2sidecar", "run", f"--config={path}")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no_such_key", done.stdout + done.stderr)

    def test_file_that_is_not_there(self) -> None:
        """A settings file that is not there is named in a sentence."""
        done = ended("o2sidecar", "run", "--config=/nonexistent/o2sidecar.cfg")
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nonexistent/o2sidecar.cfg", done.stdout + done.stderr)
        self.assertNotIn("Traceback", done.stdout + done.stderr)


class RunningTests(ProcessCase):
    """A sidecar at work, with a provider that cannot be reached and an app that can."""

    def setUp(self) -> None:
        """An app, and an address for the sidecar."""
        self.app = Echo()
        self.addCleanup(self.app.close)
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"

    def settings(self, **changes: str) -> dict[str, str]:
        """Settings with which everything below /open is open."""
        return {
            "PROVIDER": "oidc",
            "OIDC_ISSUER_URL": f"http://127.0.0.1:{free_port()}",
            "CLIENT_ID": "sidecar",
            "CLIENT_SECRET": CLIENT_SECRET,
            "COOKIE_SECRET": COOKIE_SECRET,
            "EMAIL_DOMAINS": "*",
            "HTTP_ADDRESS": f"127.0.0.1:{self.port}",
            "UPSTREAMS": self.app.url,
            "SKIP_AUTH_ROUTES": "^/open/",
            **changes,
        }

    def start(self, *arguments: str, **changes: str) -> Running:
        """A sidecar that listens."""
        sidecar = self.run_sidecar(self.settings(**changes), "--defaults=o2sidecar", *arguments)
        sidecar.await_listening(self.port)
        return sidecar

    def test_ends_on_signals(self) -> None:
        """SIGTERM and SIGINT end it with status 0, without a complaint; then nobody listens."""
        for number in (signal.SIGTERM, signal.SIGINT):
            sidecar = self.start()
            sidecar.signal(number)
            self.assertEqual(sidecar.status(), 0, sidecar.output())
            self.assertNotIn("Traceback", sidecar.output())
            self.assertRaises(OSError, Visitor().get, self.base)

    def test_ends_on_signals_of_any_moment(self) -> None:
        """The same holds whatever the process is doing when the signal comes, from before it listens."""
        for number in ("SIGTERM", "SIGINT"):
            for moment in ("listening", "starting", "in a coroutine", "logging", "running"):
                process = self.run_process([sys.executable, "-c", SIGNALLED, number, moment], {"PYTHONPATH": PROJECT})
                self.assertEqual(process.status(), 0, f"{number} when {moment}: {process.output()}")
                self.assertEqual(process.output(), "stopped\nreturned\n", f"{number} when {moment}")

    def test_the_lean_reactor_under_twistd(self) -> None:
        """The reactor that `o2sidecar run` uses serves under twistd as well, where it is asked for."""
        variables = {f"OAUTH2_PROXY_{key}": value for key, value in self.settings().items()}
        twistd = [str(BIN / "twistd"), "-n", "--pidfile=", "--reactor=o2sidecar", "o2sidecar", "--defaults=o2sidecar"]
        sidecar = self.run_process(twistd, variables)
        sidecar.await_listening(self.port)
        self.assertEqual(Visitor().get(f"{self.base}/open/x").status, 200)

    def test_sigterm_in_the_middle_of_an_upload(self) -> None:
        """An upload under way is finished and answered; new connections are not accepted; then the process ends."""
        sidecar = self.start()
        with socket.create_connection(("127.0.0.1", self.port), 30) as client:
            client.sendall(b"POST /open/up HTTP/1.1\r\nHost: app\r\nContent-Length: 200000\r\n\r\n" + b"x" * 100000)
            eventually("the upload's begin", lambda: len(self.app.connections) > 0)
            sidecar.signal(signal.SIGTERM)
            eventually("the closed listener", lambda: not is_listening(self.port))
            client.sendall(b"x" * 100000)
            answer = b""
            while piece := client.recv(65536):
                answer += piece
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK\r\n"), answer)
        self.assertIn(b"connection: close", answer.lower())
        self.assertTrue(answer.endswith(b'{"size": 200000}'), answer)
        self.assertEqual(sidecar.status(), 0, sidecar.output())

    def test_uploads_that_never_end_are_cut(self) -> None:
        """What is not finished within shutdown_timeout is cut, and the process ends all the same."""
        sidecar = self.start("--shutdown-timeout=500ms")
        with socket.create_connection(("127.0.0.1", self.port), 30) as client:
            client.sendall(b"POST /open/up HTTP/1.1\r\nHost: app\r\nContent-Length: 200000\r\n\r\nx")
            eventually("the upload's begin", lambda: len(self.app.connections) > 0)
            sidecar.signal(signal.SIGTERM)
            self.assertEqual(sidecar.status(), 0, sidecar.output())

    def test_twistd_ends_on_sigterm(self) -> None:
        """The same under twistd."""
        variables = {f"OAUTH2_PROXY_{key}": value for key, value in self.settings().items()}
        sidecar = self.run_process([str(BIN / "twistd"), "-n", "--pidfile=", "o2sidecar"], variables)
        sidecar.await_listening(self.port)
        self.assertEqual(Visitor().get(f"{self.base}/open/x").status, 200)
        self.assertIn(sidecar.stop(), (0, -signal.SIGTERM), sidecar.output())
        self.assertNotIn("Traceback", sidecar.output())

    def test_twistd_logs_as_the_settings_say(self) -> None:
        """In the foreground twistd's own log is ours, in the operator's layout; told where to log, it logs there."""
        variables = {f"OAUTH2_PROXY_{key}": value for key, value in self.settings().items()}
        layout = "--standard-logging-format=OURS {{.Message}}"
        twistd = [str(BIN / "twistd"), "-n", "--pidfile="]
        sidecar = self.run_process([*twistd, "o2sidecar", layout], variables)
        sidecar.await_line("^OURS listening on ")
        sidecar.stop()
        path = Path(self.mktemp()).resolve()
        sidecar = self.run_process([*twistd, f"--logfile={path}", "o2sidecar", layout], variables)
        sidecar.await_listening(self.port)
        sidecar.stop()
        self.assertIn("listening on ", path.read_text())
        self.assertNotIn("OURS", path.read_text())

    def test_port_taken(self) -> None:
        """An address that is taken is named in a sentence, with a status that is not 0."""
        self.start()
        done = ended("o2sidecar", "run", **self.settings())
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(f"127.0.0.1:{self.port}", done.stdout + done.stderr)
        self.assertNotIn("Traceback", done.stdout + done.stderr)

    def test_health(self) -> None:
        """The health check of the image says whether it answers."""
        sidecar = self.start()
        address = f"127.0.0.1:{self.port}"
        self.assertEqual(ended("o2sidecar", "healthcheck", HTTP_ADDRESS=address).returncode, 0)
        sidecar.stop()
        self.assertEqual(ended("o2sidecar", "healthcheck", HTTP_ADDRESS=address).returncode, 1)

    def test_upstream_down(self) -> None:
        """While the app is down there is a page with 502, and the next request after it is back reaches it."""
        self.start()
        self.assertEqual(json.loads(Visitor().get(f"{self.base}/open/1").body)["path"], "/open/1")
        self.app.close()
        answer = eventually("a 502", lambda: self.answered(502))
        self.assertIn("<html", answer)
        again = Echo(self.app.port)
        self.addCleanup(again.close)
        eventually("recovery", lambda: self.answered(200))

    def answered(self, status: int) -> str | None:
        """The text of an open page, if it comes with that status."""
        answer = Visitor().get(f"{self.base}/open/2")
        return answer.text if answer.status == status else None

    def test_closed_paths_stay_closed(self) -> None:
        """Without a session the app is not asked, however the path is written."""
        self.start()
        for path in ("/", "/open", "/%6fpen/..%2fadmin", "/open/../admin", "/open/%2e%2e/admin", "/admin?/open/"):
            self.assertNotEqual(Visitor().get(self.base + path).status, 200, path)
        self.assertEqual(self.app.seen, [])

    def test_secrets_are_not_printed(self) -> None:
        """Neither the secrets nor what a browser sends as cookie, code or state are in the output."""
        sidecar = self.start("--request-logging=true")
        cookie = {"Cookie": "_oauth2_proxy=stolen-cookie-value|1|x", "Authorization": "Bearer stolen-bearer"}
        for path in ("/open/1", "/private", "/oauth2/callback?code=secret-code&state=secret-state", "/oauth2/start"):
            Visitor().get(self.base + path, cookie)
        sidecar.await_line("/private")
        sidecar.stop()
        for secret in (
            CLIENT_SECRET,
            COOKIE_SECRET,
            "stolen-cookie-value",
            "stolen-bearer",
            "secret-code",
            "secret-state",
        ):
            self.assertNotIn(secret, sidecar.output())

    def test_secrets_are_not_in_refusals(self) -> None:
        """A message about settings does not repeat a secret."""
        done = ended("o2sidecar", "run", **self.settings(COOKIE_SECRET="wrong-length-secret", COOKIE_SAMESITE="x"))
        self.assertEqual(done.returncode, 1)
        self.assertNotIn("wrong-length-secret", done.stdout + done.stderr)
        self.assertNotIn(CLIENT_SECRET, done.stdout + done.stderr)

    def test_nothing_is_written(self) -> None:
        """It runs where it may not write, and leaves nothing behind in its folder."""
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
        self.addCleanup(folder.chmod, stat.S_IRWXU)
        variables = {f"OAUTH2_PROXY_{key}": value for key, value in self.settings().items()}
        output = Path(self.mktemp()).resolve()
        sidecar = Running(
            [str(BIN / "o2sidecar"), "run"],
            output=output,
            settings={**variables, "TMPDIR": str(folder), "HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
            cwd=folder,
        )
        self.addCleanup(sidecar.kill)
        sidecar.await_listening(self.port)
        self.assertEqual(Visitor().get(f"{self.base}/open/1").status, 200)
        self.assertEqual(sidecar.stop(), 0, sidecar.output())
        self.assertEqual(os.listdir(folder), [])
