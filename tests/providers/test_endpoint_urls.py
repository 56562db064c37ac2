"""Tests for `o2sidecar.providers.endpoint_urls`: where a provider may be, and where it may not lead."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.providers.endpoint_urls import configured_url, discovered_url

ISSUER = "https://idp.example"


class ConfiguredTests(SynchronousTestCase):
    """`configured_url`."""

    def test_any_host(self) -> None:
        """The operator may choose http, loopback, ports, paths and queries."""
        for url in (ISSUER, "http://127.0.0.1:9000/a?b=c", "http://[::1]:80", "https://10.0.0.1", "http://localhost"):
            self.assertEqual(configured_url(url, "login_url"), url)

    def test_refused(self) -> None:
        """What is no web address is refused by the option's name."""
        for url in (
            "", "idp.example", "//idp.example", "ftp://x", "javascript:alert(1)", "https://", "https:///x", "file:///etc",
            "https://me@idp.example", "https://me:pw@idp.example", "https://x/#f", "https://x/ y", "https://x\r\n",
            "https://x\\y", "https://bücher.example", "https://x:0", "https://x:99999", "https://x:a", "https://[::1",
            "https://x/" + "a" * 3000,
        ):  # fmt: skip
            with self.assertRaises(ValueError) as caught:
                configured_url(url, "login_url")
            self.assertTrue(str(caught.exception).startswith("login_url: "))


class DiscoveredTests(SynchronousTestCase):
    """X9: `discovered_url`."""

    def assert_refused(self, url: object, issuer: str = ISSUER) -> None:
        with self.assertRaises(ValueError) as caught:
            discovered_url(url, issuer=issuer, member="jwks_uri")
        self.assertTrue(str(caught.exception).startswith("jwks_uri"))

    def test_elsewhere(self) -> None:
        """A provider's endpoints may be on other hosts (Google's are)."""
        self.assertEqual(
            discovered_url("https://api.other.example/jwks", issuer=ISSUER, member="x"),
            "https://api.other.example/jwks",
        )

    def test_no_downgrade(self) -> None:
        """An https issuer has https endpoints; an http one may have either."""
        self.assert_refused("http://idp.example/jwks")
        for url in ("http://idp.local/jwks", "https://idp.local/jwks"):
            self.assertEqual(discovered_url(url, issuer="http://idp.local", member="x"), url)

    def test_no_inside(self) -> None:
        """A provider outside does not lead to addresses inside, however they are written."""
        for host in (
            "127.0.0.1", "127.1", "0x7f.1", "2130706433", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
            "0.0.0.0", "100.64.0.1", "[::1]", "[::]", "[fe80::1]", "[fd00:ec2::254]", "[::ffff:127.0.0.1]",
            "[::ffff:169.254.169.254]", "localhost", "localhost.", "LOCALHOST", "x.localhost", "127.0.0.1.",
        ):  # fmt: skip
            self.assert_refused(f"https://{host}/jwks")

    def test_inside_to_inside(self) -> None:
        """A provider that is inside may lead inside."""
        for issuer in ("http://127.0.0.1:9000", "http://localhost:8080", "http://10.1.2.3"):
            self.assertTrue(discovered_url("http://127.0.0.1:9000/jwks", issuer=issuer, member="x"))

    def test_not_a_text(self) -> None:
        """Another type of value is refused."""
        values: tuple[object, ...] = (None, 7, ["https://x"], {}, "")
        for value in values:
            self.assert_refused(value)

    @settings(deadline=None)
    @given(st.text(max_size=60) | st.text("htps:/@[]#?%.\\ 127\t\n", max_size=40))
    def test_junk(self, text: str) -> None:
        """Whatever text comes, it is an https URL without surprises, or refused."""
        try:
            url = discovered_url(text, issuer=ISSUER, member="x")
        except ValueError:
            return
        self.assertTrue(url.isascii() and url.lower().startswith("https://"))
