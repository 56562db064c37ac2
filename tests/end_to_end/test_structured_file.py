"""The structured file as operators meet it: checked, converted to, run from, and known to editors."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.end_to_end.echo import Echo
from tests.end_to_end.processes import BIN, ProcessCase, clean_environment, free_port
from tests.end_to_end.visitor import Visitor

COOKIE = {"OAUTH2_PROXY_COOKIE_SECRET": "0123456789abcdef", "OAUTH2_PROXY_EMAIL_DOMAINS": "*"}


def ended(*command: str, settings: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """What a command printed, and its status."""
    return subprocess.run(
        [str(BIN / command[0]), *command[1:]],
        env=clean_environment(settings or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class StructuredFileTests(ProcessCase):
    """A structured file, written by people or by the conversion."""

    def setUp(self) -> None:
        """An app, a port, flat settings for both, and a place for the file."""
        self.app = Echo()
        self.addCleanup(self.app.close)
        self.port = free_port()
        self.flat = {
            "OAUTH2_PROXY_PROVIDER": "oidc",
            "OAUTH2_PROXY_OIDC_ISSUER_URL": f"http://127.0.0.1:{free_port()}",
            "OAUTH2_PROXY_CLIENT_ID": "sidecar",
            "OAUTH2_PROXY_CLIENT_SECRET": "a-secret-for-nobody",
            "OAUTH2_PROXY_HTTP_ADDRESS": f"127.0.0.1:{self.port}",
            "OAUTH2_PROXY_UPSTREAMS": self.app.url,
            "OAUTH2_PROXY_SKIP_AUTH_ROUTES": "^/open/",
        } | COOKIE
        folder = Path(self.mktemp()).resolve()
        folder.mkdir(parents=True)
        self.path = folder / "o2sidecar.yaml"

    def converted(self, *program: str) -> subprocess.CompletedProcess[str]:
        """What conversion printed; standard output becomes the file."""
        done = ended(*program, "--convert-config-to-alpha", settings=self.flat)
        self.path.write_text(done.stdout)
        return done

    def test_convert_and_run(self) -> None:
        """The file goes to standard output, advice to standard error; the sidecar then runs from it."""
        done = self.converted("o2sidecar", "run")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("clientSecret: a-secret-for-nobody\n", done.stdout)
        self.assertIn("  OAUTH2_PROXY_UPSTREAMS\n", done.stderr)
        self.assertNotIn("a-secret-for-nobody", done.stderr)
        left = COOKIE | {"OAUTH2_PROXY_SKIP_AUTH_ROUTES": "^/open/"}
        sidecar = self.run_process(
            [str(BIN / "o2sidecar"), "run", "--provider-required-at-start=false", f"--alpha-config={self.path}"], left
        )
        sidecar.await_listening(self.port)
        self.assertEqual(Visitor().get(f"http://127.0.0.1:{self.port}/open/x").status, 200)
        self.assertNotIn("a-secret-for-nobody", sidecar.output())

    def test_as_a_plugin(self) -> None:
        """The plugin of twistd converts too, and prints the same."""
        text = self.converted("o2sidecar", "run").stdout
        self.assertEqual(self.converted("twistd", "-n", "--pidfile=", "o2sidecar").stdout, text)

    def test_nothing_is_converted_of_bad_settings(self) -> None:
        """Settings that are refused give all problems, status 1, and no file."""
        self.flat["OAUTH2_PROXY_UPSTREAMS"] = "gopher://x"
        done = self.converted("o2sidecar", "run")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn('OAUTH2_PROXY_UPSTREAMS: the scheme "gopher"', done.stderr)

    def test_config_test(self) -> None:
        """`--config-test` checks the file: 0 if it is good; 1 if not, with the place; 2 for a flag that is none."""
        check = ("o2sidecar", "run", "--config-test", f"--alpha-config={self.path}")
        good = self.converted("o2sidecar", "run").stdout
        for text, status, words in (
            (good, 0, "The settings are valid."),
            (good + "providers: []\n", 1, "the key 'providers' is there twice (at line "),
            (good + "server: [\n", 1, "(at line "),
            (good + "nonsense: 1\n", 1, "no such key is known here"),
            (good.replace("uri: http:", "uri: gopher:"), 1, '): the scheme "gopher"'),
            ("", 1, "it must be a block of keys and values"),
        ):
            self.path.write_text(text)
            done = ended(*check, settings=COOKIE)
            self.assertEqual(done.returncode, status, done.stderr)
            self.assertIn(words, done.stdout + done.stderr)
            self.assertNotIn("Traceback", done.stderr)
        self.path.unlink()
        done = ended(*check, settings=COOKIE)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot be read: No such file or directory", done.stderr)
        done = ended(*check, "--no-such-flag", settings=COOKIE)
        self.assertEqual(done.returncode, 2)

    def test_schema(self) -> None:
        """`o2sidecar schema` prints the schema, says how to use it when asked, and takes no arguments."""
        done = ended("o2sidecar", "schema")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("providers", json.loads(done.stdout)["properties"])
        done = ended("o2sidecar", "schema", "--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn("# yaml-language-server: $schema=o2sidecar.schema.json", done.stdout)
        done = ended("o2sidecar", "schema", "x")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
