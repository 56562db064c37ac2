"""Tests of the health checks that are passed on: how they are written, and what is refused."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.settings.probe_relays import ProbeRelay
from tests.settings.loading import refusal_of


class ParseTests(SynchronousTestCase):
    """`CONTAINER/KIND=URL` is taken apart, and anything else refused."""

    def test_whole(self) -> None:
        """Path and query of the URL are what the app is asked for."""
        relay = ProbeRelay.parse("app/liveness=https://127.0.0.1:8443/healthz?full=1")
        self.assertEqual(relay.path, "/probe/app/liveness")
        self.assertEqual((relay.origin, relay.target), ("https://127.0.0.1:8443", "/healthz?full=1"))

    def test_no_path(self) -> None:
        """A URL without a path asks for the root."""
        self.assertEqual(ProbeRelay.parse("a/startup=http://[::1]:80").target, "/")

    def test_hooks(self) -> None:
        """What kubelet calls when a container starts and ends is passed on, too."""
        for kind in ("postStart", "preStop"):
            self.assertEqual(ProbeRelay.parse(f"app/{kind}=http://127.0.0.1/x").path, f"/probe/app/{kind}")

    def test_refused(self) -> None:
        """Other names, kinds, schemes and places are refused with what was written, but for credentials."""
        for text in (
            "",
            "app=http://127.0.0.1/",
            "app/liveness",
            "app/health=http://127.0.0.1/",
            "../liveness=http://127.0.0.1/",
            "App/liveness=http://127.0.0.1/",
            f"{'a' * 64}/liveness=http://127.0.0.1/",
            "app/liveness=unix:///run/app.sock",
            "app/liveness=http://",
            "app/liveness=http://127.0.0.1:99999/",
            "app/liveness=http://127.0.0.1/a b",
            "app/liveness=http://127.0.0.1/a\r\nX: y",
            "app/liveness=http://127.0.0.1/#part",
            "app/liveness=http://b\u00fccher/",
        ):
            self.assertRaises(ValueError, ProbeRelay.parse, text)
        refused = self.assertRaises(ValueError, ProbeRelay.parse, "app/liveness=http://user:geheim@127.0.0.1/")
        self.assertNotIn("geheim", str(refused))


class RulesTests(SynchronousTestCase):
    """What does not fit together is told at the start."""

    def test_nowhere(self) -> None:
        """Without a listener for metrics there is nowhere to ask."""
        self.assertIn("--metrics-address", refusal_of("--probe-relay=app/liveness=http://127.0.0.1:8080/"))

    def test_twice(self) -> None:
        """One check cannot lead to two places."""
        told = refusal_of(
            "--metrics-address=127.0.0.1:9100",
            "--probe-relay=app/liveness=http://127.0.0.1:8080/a",
            "--probe-relay=app/liveness=http://127.0.0.1:8080/b",
        )
        self.assertIn('"app/liveness" is there twice', told)
