"""Tests for where to listen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.settings.listeners import Address


class ListenerTests(SynchronousTestCase):
    """The forms of `http_address`."""

    def test_forms(self) -> None:
        """Host and port, unix socket and descriptor are read."""
        for text, listener in {
            "127.0.0.1:4180": Address(host="127.0.0.1", port=4180),
            ":4180": Address(host="", port=4180),
            "localhost:0": Address(host="localhost", port=0),
            "[::1]:80": Address(host="::1", port=80),
            "http://0.0.0.0:4180": Address(host="0.0.0.0", port=4180),
            "http://a:1/": Address(host="a", port=1),
            "unix:///run/a.sock": Address(path="/run/a.sock"),
            "unix:/run/a.sock": Address(path="/run/a.sock"),
            "unix:///run/a.sock,mode=0660": Address(path="/run/a.sock", mode=0o660),
            "fd:3": Address(descriptor=3),
        }.items():
            self.assertEqual(Address.parse(text), listener, text)

    def test_secure(self) -> None:
        """The same forms are read for https, with its own scheme."""
        for text in ("a:443", "https://a:443"):
            self.assertEqual(Address.parse(text, secure=True), Address(host="a", port=443, secure=True))
        self.assertTrue(Address.parse("unix:///s", secure=True).secure)
        self.assertTrue(Address.parse("fd:3", secure=True).secure)
        self.assertRaises(ValueError, Address.parse, "http://a:443", secure=True)

    def test_refused(self) -> None:
        """Everything else is refused."""
        for text in (
            "",
            "4180",
            "a",
            "a:",
            "a:65536",
            "a:b",
            "https://a:1",
            "::1:80",
            "fd:x",
            "unix:",
            "a b:1",
            "a:1\n",
            "unix://a,mode=9",
        ):
            self.assertRaises(ValueError, Address.parse, text)

    @given(st.text(max_size=30))
    def test_any_text(self, text: str) -> None:
        """Any text is a listener or a `ValueError`."""
        try:
            listener = Address.parse(text)
        except ValueError:
            return
        self.assertTrue(listener.path or listener.descriptor is not None or 0 <= listener.port < 65536)
