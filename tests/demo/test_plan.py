"""Tests of the demo's command line."""

from __future__ import annotations

import io
import socket
import sys
from urllib.parse import urlsplit

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.demo.plan import Plan, is_free, plan


def _all_free(address: str, port: int) -> bool:
    return True


def _none_free(address: str, port: int) -> bool:
    return False


class PlanTests(SynchronousTestCase):
    """The command line says where everything is found."""

    def refusal(self, *arguments: str) -> str:
        """What is printed when the arguments are refused; the status is 2."""
        err = io.StringIO()
        self.patch(sys, "stderr", err)
        with self.assertRaises(SystemExit) as ended:
            plan(arguments, _all_free)
        self.assertEqual(ended.exception.code, 2)
        return err.getvalue()

    def test_usual(self) -> None:
        """Without arguments, two names on the usual ports, and a provider that is found by address."""
        found = plan([], _all_free)
        self.assertEqual(found.app_urls, ("http://app1.demo.localhost:4180", "http://app2.demo.localhost:4181"))
        self.assertEqual(found.provider_url, "http://127.0.0.1:9400")
        self.assertEqual((found.listen, found.own_app, found.named), ("127.0.0.1", "", True))

    def test_usual_ports_taken(self) -> None:
        """Where the usual ports are taken, free ones are used, three different ones."""
        found = plan([], _none_free)
        ports = {found.app1_port, found.app2_port, found.provider_port}
        self.assertEqual(len(ports), 3)
        self.assertEqual(ports & {4180, 4181, 9400, 0}, set())

    def test_one_port_taken(self) -> None:
        """Each port falls back on its own."""
        found = plan([], lambda address, port: port != 4181)
        self.assertEqual((found.app1_port, found.provider_port), (4180, 9400))
        self.assertNotIn(found.app2_port, (4180, 4181, 9400, 0))

    def test_port(self) -> None:
        """A port that was asked for is taken whether it is free or not, so that a clash is told."""
        found = plan(["--port", "5000"], lambda address, port: port == 9400)
        self.assertEqual((found.app1_port, found.app2_port, found.provider_port), (5000, 5001, 9400))

    def test_free_ports(self) -> None:
        """Port 0 takes free ports for everything, even if the usual ones are free too."""
        found = plan(["--port", "0"], _all_free)
        self.assertEqual({found.app1_port, found.app2_port, found.provider_port} & {0, 4180, 4181, 9400}, set())

    def test_by_address(self) -> None:
        """With an address, both apps are there and tell themselves apart by port."""
        found = plan(["--host", "127.0.0.1"], _all_free)
        self.assertEqual(found.app_urls, ("http://127.0.0.1:4180", "http://127.0.0.1:4181"))
        self.assertFalse(found.named)

    def test_another_loopback(self) -> None:
        """Any loopback address will do, and everything listens there."""
        found = plan(["--host=127.0.0.7"], _all_free)
        self.assertEqual((found.listen, found.provider_url), ("127.0.0.7", "http://127.0.0.7:9400"))

    def test_own_app(self) -> None:
        """The reader's own app is taken as it was given."""
        self.assertEqual(plan(["--app", "http://127.0.0.1:8080"], _all_free).own_app, "http://127.0.0.1:8080")

    def test_beyond_loopback(self) -> None:
        """Addresses and names that others could reach are refused with the reason."""
        for host in (
            "0.0.0.0",
            "::",
            "",
            "192.168.1.10",
            "10.0.0.1",
            "126.255.255.255",
            "128.0.0.1",
            "example.com",
            "localhost.example.com",
            "notlocalhost",
            ".localhost",
            "a..localhost",
            "127.1",
            "0127.0.0.1",
            "127.0.0.1.example.com",
        ):
            self.assertIn("loopback only", self.refusal(f"--host={host}"), host)

    def test_nonsense(self) -> None:
        """What makes no sense is named, with status 2."""
        self.assertIn("--nope", self.refusal("--nope"))
        self.assertIn("--ap", self.refusal("--ap=http://x"))
        self.assertIn("'ftp://x' is not a URL", self.refusal("--app=ftp://x"))
        self.assertIn("is not a URL", self.refusal("--app=http://[::1"))
        self.assertIn("is not a URL", self.refusal("--app=http://x:99999"))
        self.assertIn("is not a URL", self.refusal("--app=127.0.0.1:8080"))
        self.assertIn("not a port", self.refusal("--port=65535"))
        self.assertIn("not a port", self.refusal("--port=-1"))
        self.assertIn("--port", self.refusal("--port=four"))

    def test_help(self) -> None:
        """`--help` names every argument, with status 0."""
        out = io.StringIO()
        self.patch(sys, "stdout", out)
        with self.assertRaises(SystemExit) as ended:
            plan(["--help"], _all_free)
        self.assertEqual(ended.exception.code, 0)
        for argument in ("--app URL", "--port N", "--host HOST"):
            self.assertIn(argument, out.getvalue())

    @given(st.integers(1, 65534))
    def test_urls_are_of_the_plan(self, port: int) -> None:
        """Every URL names the port that is listened on."""
        found = Plan(host="demo.localhost", listen="127.0.0.1", app1_port=port, app2_port=port + 1, provider_port=1)
        self.assertEqual([urlsplit(url).port for url in found.app_urls], [port, port + 1])


class FreeTests(SynchronousTestCase):
    """A port is free if one can listen there."""

    def test_taken_and_free(self) -> None:
        """A port is taken while somebody listens there, and free afterwards."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.assertFalse(is_free("127.0.0.1", port))
        self.assertTrue(is_free("127.0.0.1", port))
