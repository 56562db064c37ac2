"""Tests of whose word is believed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.policy.paths import PublicPaths
from o2sidecar.policy.peers import Forwarding, TrustedAddresses, parse_address


class Request:
    """What forwarding needs to know of a request."""

    def __init__(self, *fields: tuple[str, str], peer: str = "127.0.0.1", secure: bool = False) -> None:
        self._fields = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in fields]
        self.peer = peer
        self.secure = secure
        self.target = b"/real?x=1"
        self.host = b"real.example:4180"

    def values(self, name: bytes) -> list[bytes]:
        return [value for field, value in self._fields if field == name]


OFF = Forwarding()
ON = Forwarding(reverse_proxy=True)
CHAIN = Forwarding(
    reverse_proxy=True,
    trusted_proxies=TrustedAddresses.parse(["127.0.0.1", "10.0.0.0/8"]),
    real_client_ip_header="X-Forwarded-For",
)


class AddressTests(SynchronousTestCase):
    """Addresses are read as people and proxies write them."""

    def test_forms(self) -> None:
        """Ports, brackets, zones and IPv4 in IPv6 are understood (security.md A7)."""
        for text, address in (
            ("192.0.2.1", "192.0.2.1"), (" 192.0.2.1\t", "192.0.2.1"), ("192.0.2.1:80", "192.0.2.1"), ("::1", "::1"),
            ("[::1]", "::1"), ("[::1]:80", "::1"), ("fe80::1%eth0", "fe80::1"), ("[fe80::1%25eth0]:80", "fe80::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"), ("[::FFFF:c000:201]:80", "192.0.2.1"),
        ):  # fmt: skip
            self.assertEqual(str(parse_address(text)), address, text)

    def test_no_address(self) -> None:
        """Names, numbers, lists and other texts are no address."""
        for text in (
            "", "unix", "localhost", "1", "1.2.3", "01.2.3.4", "1.2.3.4,5.6.7.8", "::1:80:", "[1.2.3.4]:x", "_hidden",
            "1.2.3.4:", "1.2.3.4 5", "١.2.3.4", "1.2.3.4%eth0" * 10,
        ):  # fmt: skip
            self.assertIsNone(parse_address(text), text)

    @given(st.text(max_size=100))
    def test_any_text(self, text: str) -> None:
        """Whatever it is, it is an address or not."""
        parse_address(text)


class TrustedAddressesTests(SynchronousTestCase):
    """A set of addresses."""

    def test_networks(self) -> None:
        """Networks and single addresses are in it, in either writing."""
        trusted = TrustedAddresses.parse(["10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "::ffff:198.51.100.0/120"])
        for address in ("10.1.2.3", "::ffff:10.1.2.3", "192.0.2.1", "2001:db8::5", "10.0.0.1:55", "198.51.100.7"):
            self.assertTrue(trusted.admits(address), address)
        for other in ("11.0.0.1", "192.0.2.2", "::1", "2001:db9::1", "198.51.101.1", "unix", "", None, "junk"):
            self.assertFalse(trusted.admits(other), other)

    def test_nothing(self) -> None:
        """An empty set has no address."""
        self.assertFalse(TrustedAddresses.parse([]).admits("127.0.0.1"))

    def test_bad_texts(self) -> None:
        """All texts that are no address or network are named at once."""
        with self.assertRaises(ValueError) as caught:
            TrustedAddresses.parse(["10.0.0.0/8", "10.0.0.0/33", "name"])
        self.assertIn("'10.0.0.0/33'", str(caught.exception))
        self.assertIn("'name'", str(caught.exception))


class TrustTests(SynchronousTestCase):
    """Whose fields count."""

    def test_only_behind_a_proxy(self) -> None:
        """Without `reverse_proxy` nobody is believed."""
        self.assertFalse(OFF.trusts(Request()))
        self.assertFalse(OFF.trusts(Request(peer="unix")))

    def test_u10_no_list(self) -> None:
        """U10: without a list only loopback and a unix socket's peer are believed."""
        for peer in ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "unix"):
            self.assertTrue(ON.trusts(Request(peer=peer)), peer)
        for peer in ("10.0.0.1", "192.0.2.1", "::2", "", "unix2"):
            self.assertFalse(ON.trusts(Request(peer=peer)), peer)

    def test_a_list(self) -> None:
        """With a list only who is on it is believed, and a unix socket's peer."""
        listed = Forwarding(reverse_proxy=True, trusted_proxies=TrustedAddresses.parse(["192.0.2.0/24"]))
        self.assertTrue(listed.trusts(Request(peer="192.0.2.9")))
        self.assertTrue(listed.trusts(Request(peer="unix")))
        self.assertFalse(listed.trusts(Request(peer="127.0.0.1")))


class ClientAddressTests(SynchronousTestCase):
    """Which address the client has."""

    def test_f8_untrusted_peers(self) -> None:
        """F8: what an untrusted peer says about addresses does not count, whatever the field."""
        fields = [(name, "10.1.2.3") for name in ("X-Real-IP", "X-Forwarded-For", "Forwarded", "CF-Connecting-IP")]
        self.assertEqual(OFF.client_address(Request(*fields)), "127.0.0.1")
        self.assertEqual(ON.client_address(Request(*fields, peer="192.0.2.1")), "192.0.2.1")

    def test_one_address(self) -> None:
        """A trusted proxy's field counts, without its port, in one writing."""
        for told, address in (
            ("203.0.113.9", "203.0.113.9"),
            ("203.0.113.9:55", "203.0.113.9"),
            ("::ffff:1.2.3.4", "1.2.3.4"),
        ):
            self.assertEqual(ON.client_address(Request(("X-Real-IP", told))), address)
        self.assertEqual(ON.client_address(Request(("X-Forwarded-For", "203.0.113.9"))), "")

    def test_unreadable(self) -> None:
        """A field that is missing, no address, or there twice with different values tells no address."""
        for fields in ([], [("X-Real-IP", "")], [("X-Real-IP", "x")], [("X-Real-IP", "1.2.3.4, 5.6.7.8")],
                       [("X-Real-IP", "1.2.3.4"), ("X-Real-IP", "5.6.7.8")]):  # fmt: skip
            self.assertEqual(ON.client_address(Request(*fields)), "", fields)

    def test_from_the_right(self) -> None:
        """The last entry that no trusted proxy is, is the client (CONTRACT §10 #8)."""
        for told, address in (
            ("203.0.113.9", "203.0.113.9"),
            ("6.6.6.6, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
            ("10.9.9.9, 203.0.113.9", "203.0.113.9"),
            ("10.0.0.3,10.0.0.2", "10.0.0.3"),
            ("unknown, 203.0.113.9", "203.0.113.9"),
            ("203.0.113.9, unknown", ""),
            ("203.0.113.9,", ""),
            ("", ""),
        ):
            self.assertEqual(CHAIN.client_address(Request(("X-Forwarded-For", told))), address, told)

    def test_repeated_fields(self) -> None:
        """Several fields are one list, in order."""
        request = Request(("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "203.0.113.9, 10.0.0.1"))
        self.assertEqual(CHAIN.client_address(request), "203.0.113.9")

    def test_very_long_lists(self) -> None:
        """Only so many hops are walked."""
        request = Request(("X-Forwarded-For", "6.6.6.6" + ",10.0.0.1" * 5000))
        self.assertEqual(CHAIN.client_address(request), "10.0.0.1")

    def test_a7_trusted_ips(self) -> None:
        """A7: a claimed address opens nothing unless a trusted proxy told it (golden trusted-ip-untrusted-proxy)."""
        trusted_ips = TrustedAddresses.parse(["10.0.0.0/8"])
        listed = Forwarding(reverse_proxy=True, trusted_proxies=TrustedAddresses.parse(["192.0.2.0/24"]))
        claim = ("X-Real-IP", "10.1.2.3")
        self.assertFalse(trusted_ips.admits(listed.client_address(Request(claim))))
        self.assertTrue(trusted_ips.admits(listed.client_address(Request(claim, peer="192.0.2.1"))))
        self.assertFalse(TrustedAddresses.parse(["127.0.0.1"]).admits(ON.client_address(Request())))

    def test_unknown_field(self) -> None:
        """A field that tells no address cannot be chosen; the known ones can, in any case."""
        with self.assertRaises(ValueError) as caught:
            Forwarding(real_client_ip_header="X-Whatever")
        self.assertIn("CF-Connecting-IP", str(caught.exception))
        chosen = Forwarding(reverse_proxy=True, real_client_ip_header="cf-connecting-ip")
        self.assertEqual(chosen.client_address(Request(("CF-Connecting-IP", "1.2.3.4"))), "1.2.3.4")


FORWARDED = [("X-Forwarded-Host", "app.example.com"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Uri", "/deep?y=2")]


class OriginTests(SynchronousTestCase):
    """What the client asked for."""

    def test_believed(self) -> None:
        """A trusted proxy tells scheme, host and URI."""
        request = Request(*FORWARDED)
        self.assertEqual(
            (ON.scheme(request), ON.host(request), ON.uri(request)), ("https", "app.example.com", "/deep?y=2")
        )

    def test_not_believed(self) -> None:
        """Nobody else does."""
        for forwarding, request in ((OFF, Request(*FORWARDED)), (ON, Request(*FORWARDED, peer="192.0.2.1"))):
            self.assertEqual(forwarding.scheme(request), "http")
            self.assertEqual(forwarding.host(request), "real.example:4180")
            self.assertEqual(forwarding.uri(request), "/real?x=1")

    def test_not_told(self) -> None:
        """What is not told is what the request says."""
        self.assertEqual(ON.uri(Request(("X-Forwarded-Uri", ""))), "/real?x=1")
        self.assertEqual(ON.host(Request()), "real.example:4180")
        self.assertEqual(ON.scheme(Request(secure=True)), "https")
        self.assertEqual(ON.scheme(Request(), "https"), "https")
        self.assertEqual(ON.scheme(Request(("X-Forwarded-Proto", "http")), "https"), "http")

    def test_first_of_several(self) -> None:
        """Of a list of hops the first is what the client asked for."""
        request = Request(("X-Forwarded-Proto", "HTTPS, http"), ("X-Forwarded-Host", "a.example:8443, b"))
        self.assertEqual((ON.scheme(request), ON.host(request)), ("https", "a.example:8443"))

    def test_contradictions(self) -> None:
        """Fields that come twice with different values tell nothing; a URI then opens nothing."""
        twice = [(name, value + "x") for name, value in FORWARDED] + FORWARDED
        request = Request(*twice)
        self.assertEqual((ON.scheme(request), ON.host(request), ON.uri(request)), ("http", "real.example:4180", ""))
        self.assertFalse(PublicPaths.parse(["!=^/admin"]).admits(b"GET", ON.uri(request).encode()))

    def test_odd_values(self) -> None:
        """A host that is none, a scheme that is none: as if they were not told."""
        for host in ("a b", "a/b", "evil.example#", "a@b", "é.example", "a:b", "<x>", "a\\b"):
            self.assertEqual(ON.host(Request(("X-Forwarded-Host", host))), "real.example:4180", host)
        self.assertEqual(ON.host(Request(("X-Forwarded-Host", "[::1]:80"))), "[::1]:80")
        self.assertEqual(ON.scheme(Request(("X-Forwarded-Proto", "javascript"))), "http")

    def test_u9_forwarded_uris(self) -> None:
        """U9: the URI that an untrusted peer claims is not what is judged, and odd bytes open nothing."""
        public = PublicPaths.parse(["^/public"])
        claim = ("X-Forwarded-Uri", "/public/x")
        self.assertFalse(public.admits(b"GET", ON.uri(Request(claim, peer="192.0.2.1")).encode()))
        self.assertTrue(public.admits(b"GET", ON.uri(Request(claim)).encode()))
        for told in ("/public/../private", "/public/\xff", "https://x/public", "/public#/private"):
            self.assertFalse(public.admits(b"GET", ON.uri(Request(("X-Forwarded-Uri", told))).encode()), told)
