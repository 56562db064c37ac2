"""Tests of o2sidecar.signin.destinations."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.http.exchange import HeaderFields
from o2sidecar.policy.peers import Forwarding, TrustedAddresses
from o2sidecar.signin.destinations import Destinations
from o2sidecar.signin.fields import Fields
from tests.signin.house import Asked, house

PROXIED = Forwarding(reverse_proxy=True, trusted_proxies=TrustedAddresses.parse(["203.0.113.9"]))


def destination(
    target: str = "/", rd: str = "", fields: HeaderFields | None = None, forwarding: Forwarding | None = None
) -> str:
    """Where a request that submitted this rd leads."""
    inner = house().destinations
    destinations = Destinations(redirects=inner.redirects, forwarding=forwarding or Forwarding(), prefix="/oauth2")
    submitted = Fields((("rd", rd),)) if rd else Fields()
    return destinations.of(Asked(target, fields=fields), submitted)  # type: ignore[arg-type]


class DestinationTests(SynchronousTestCase):
    """The first safe candidate wins."""

    def test_the_page_itself(self) -> None:
        """Without anything else the person comes back to the page, query included."""
        self.assertEqual(destination("/app/page?x=1&y=%2F"), "/app/page?x=1&y=%2F")

    def test_own_endpoints_are_no_destination(self) -> None:
        """From any path under the prefix the person comes to the root (security.md R13)."""
        for target in ("/oauth2/sign_in", "/oauth2/unknown?x=1", "/oauth2/"):
            self.assertEqual(destination(target), "/")
        self.assertEqual(destination("/oauth2x/page"), "/oauth2x/page")

    def test_rd_comes_first(self) -> None:
        """What the request asks for wins over the header, which wins over the page."""
        header: HeaderFields = [(b"X-Auth-Request-Redirect", b"/from-header")]
        self.assertEqual(destination("/app", rd="/from-rd", fields=header), "/from-rd")
        self.assertEqual(destination("/app", fields=header), "/from-header")

    def test_an_unsafe_candidate_is_passed_over(self) -> None:
        """A foreign rd does not hide the safe candidate behind it."""
        for rd in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
            self.assertEqual(destination("/app", rd=rd), "/app")

    def test_a_circle_is_no_destination(self) -> None:
        """Nobody is sent from the end of a login to the start of one (security.md R13)."""
        self.assertEqual(destination("/oauth2/start", rd="/oauth2/start?rd=/x"), "/")

    def test_after_signing_out_the_sign_in_page_is_one(self) -> None:
        """An operator may send people who signed out to the sign-in page."""
        submitted = Fields((("rd", "/oauth2/sign_in"),))
        asked = Asked("/oauth2/sign_out")
        found = house().destinations.of(asked, submitted, own_endpoints=True)  # type: ignore[arg-type]
        self.assertEqual(found, "/oauth2/sign_in")

    def test_allowed_hosts_are_kept(self) -> None:
        """An absolute rd to a host of the whitelist stays absolute."""
        self.assertEqual(destination(rd="https://app2.example.org/x?y=1"), "https://app2.example.org/x?y=1")

    def test_a_trusted_proxy_names_host_and_page(self) -> None:
        """Behind a proxy the page is what the proxy was asked for, if its host is allowed."""
        fields: HeaderFields = [
            (b"X-Forwarded-Proto", b"https"),
            (b"X-Forwarded-Host", b"app2.example.org"),
            (b"X-Forwarded-Uri", b"/deep?x=1"),
        ]
        self.assertEqual(
            destination("/oauth2/auth", fields=fields, forwarding=PROXIED), "https://app2.example.org/deep?x=1"
        )
        self.assertEqual(destination("/app", fields=fields), "/app")

    def test_a_foreign_forwarded_host_is_not_followed(self) -> None:
        """A host that is not allowed is left out, its page stays (security.md R14)."""
        fields: HeaderFields = [(b"X-Forwarded-Host", b"evil.example"), (b"X-Forwarded-Uri", b"/deep")]
        self.assertEqual(destination("/oauth2/auth", fields=fields, forwarding=PROXIED), "/deep")

    def test_a_damaged_query_leads_to_the_page(self) -> None:
        """On the app's pages a query that we cannot read is the app's business."""
        asked = Asked("/x?rd=%zz")
        self.assertEqual(house().destinations.of_page(asked), "/x?rd=%zz")  # type: ignore[arg-type]

    @settings(deadline=None)
    @given(st.text(max_size=60), st.binary(max_size=60))
    def test_no_input_leads_to_a_foreign_host(self, rd: str, header: bytes) -> None:
        """Whatever is asked for, the outcome is a local path or an allowed host (security.md R1 to R12)."""
        found = destination("/oauth2/start", rd=rd, fields=[(b"X-Auth-Request-Redirect", header)])
        self.assertTrue(found.startswith("/") or ".example.org" in found, found)
        self.assertFalse(found.startswith(("//", "/\\")), found)
