"""Tests of which pages may open a WebSocket."""

from __future__ import annotations

from attrs import frozen
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.policy.origins import Origins
from o2sidecar.policy.peers import Forwarding, TrustedAddresses
from o2sidecar.policy.redirects import Redirects


@frozen
class Facts:
    """A request for a WebSocket."""

    origins: tuple[bytes, ...]
    host: bytes = b"app.example.com"
    peer: str = "203.0.113.9"
    forwarded_host: bytes = b""
    secure: bool = False
    target: bytes = b"/socket"

    def values(self, name: bytes) -> list[bytes]:
        if name == b"x-forwarded-host" and self.forwarded_host:
            return [self.forwarded_host]
        return list(self.origins) if name == b"origin" else []

    def header(self, name: bytes) -> bytes | None:
        return next(iter(self.values(name)), None)


class OriginTests(SynchronousTestCase):
    """The page's origin decides (RFC 6455 §10.2)."""

    def allowed(self, *origins: bytes, host: bytes = b"app.example.com") -> bool:
        judge = Origins(redirects=Redirects(whitelist_domains=(".apps.example.com",)), forwarding=Forwarding())
        return judge.allow(Facts(origins, host))

    def test_no_page(self) -> None:
        """Programs send no Origin; they have no cookies of a person either."""
        self.assertTrue(self.allowed())

    def test_the_same_host(self) -> None:
        """A page of the app's own host may, with its port, in any case."""
        self.assertTrue(self.allowed(b"https://app.example.com"))
        self.assertTrue(self.allowed(b"HTTPS://App.Example.com"))
        self.assertTrue(self.allowed(b"https://app.example.com", host=b"APP.example.com"))
        self.assertTrue(self.allowed(b"http://app.example.com:8443", host=b"app.example.com:8443"))
        self.assertTrue(self.allowed(b"http://[2001:db8::1]:4180", host=b"[2001:DB8::1]:4180"))

    def test_ports(self) -> None:
        """Another port is another host; a scheme's own port may be left out on either side."""
        self.assertTrue(self.allowed(b"https://app.example.com", host=b"app.example.com:443"))
        self.assertTrue(self.allowed(b"https://app.example.com:443"))
        self.assertTrue(self.allowed(b"http://app.example.com", host=b"app.example.com:80"))
        for origin, host in (
            (b"https://app.example.com:8443", b"app.example.com"),
            (b"https://app.example.com", b"app.example.com:8443"),
            (b"https://app.example.com:80", b"app.example.com"),
            (b"https://app.example.com", b"app.example.com:80"),
            (b"https://app.example.com:8443", b"app.example.com:844"),
        ):
            self.assertFalse(self.allowed(origin, host=host), (origin, host))

    def test_behind_a_proxy(self) -> None:
        """The host is the one that the browser asked for, where a trusted proxy tells it; nobody else's word counts."""
        facts = Facts((b"https://app.example.com",), b"10.0.0.1:8080", forwarded_host=b"app.example.com")
        for forwarding, allowed in (
            (Forwarding(reverse_proxy=True, trusted_proxies=TrustedAddresses.parse(["203.0.113.0/24"])), True),
            (Forwarding(reverse_proxy=True), False),
            (Forwarding(), False),
        ):
            self.assertIs(Origins(redirects=Redirects(), forwarding=forwarding).allow(facts), allowed)

    def test_whitelisted_hosts(self) -> None:
        """So may pages of hosts that the operator whitelisted, by the same rule as for redirects."""
        self.assertTrue(self.allowed(b"https://other.apps.example.com"))
        self.assertFalse(self.allowed(b"https://other.apps.example.com:8443"))

    def test_others(self) -> None:
        """No other page may, however its origin is written."""
        for origin in (
            b"https://evil.example", b"https://app.example.com.evil.example", b"https://evilapps.example.com",
            b"https://xapp.example.com", b"https://example.com", b"https://app.example.co",
            b"null", b"", b"file://", b"https://", b"javascript://app.example.com", b"https://app.example.com@evil",
            b"https://evil@app.example.com", b"https://app.example.com:443@evil.example", b"ws://app.example.com",
            b"https://evil.example/https://app.example.com", b"//app.example.com", b"app.example.com",
            b"https://app.example.com/", b"https://app.example.com#evil", b"https://app.example.com?evil",
            b"https://app.example.com\\evil", b"https:\\\\app.example.com", b"https://app%2eexample.com",
            b"https://app.example.com, https://evil.example", b"https://app.example.com https://evil.example",
            b"https://other.apps.example.com/x", b"https://app.example.com.", b"https://app.example.com\xa0",
            b"chrome-extension://app.example.com", b"http+unix://app.example.com", b" https://app.example.com",
        ):  # fmt: skip
            self.assertFalse(self.allowed(origin), origin)

    def test_no_host(self) -> None:
        """An empty host is nobody's."""
        for origin in (b"https://", b"http://:80", b"null"):
            self.assertFalse(self.allowed(origin, host=b""))

    def test_two(self) -> None:
        """Two origins are none, not even twice the same."""
        self.assertFalse(self.allowed(b"https://app.example.com", b"https://evil.example"))
        self.assertFalse(self.allowed(b"https://evil.example", b"https://app.example.com"))
        self.assertFalse(self.allowed(b"https://app.example.com", b"https://app.example.com"))
