"""Tests of which pages may open a WebSocket."""

from __future__ import annotations

from attrs import frozen
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.policy.origins import Origins
from o2sidecar.policy.peers import Forwarding
from o2sidecar.policy.redirects import Redirects


@frozen
class Facts:
    """A request for a WebSocket."""

    origins: tuple[bytes, ...]
    host: bytes = b"app.example.com"
    peer: str = "203.0.113.9"
    secure: bool = False
    target: bytes = b"/socket"

    def values(self, name: bytes) -> list[bytes]:
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
        self.assertTrue(self.allowed(b"http://app.example.com:8443", host=b"app.example.com:8443"))
        self.assertFalse(self.allowed(b"https://app.example.com:8443"))

    def test_whitelisted_hosts(self) -> None:
        """So may pages of hosts that the operator whitelisted."""
        self.assertTrue(self.allowed(b"https://other.apps.example.com"))

    def test_others(self) -> None:
        """No other page may, however its origin is written."""
        for origin in (
            b"https://evil.example", b"https://app.example.com.evil.example", b"https://evilapps.example.com",
            b"null", b"", b"file://", b"https://", b"javascript://app.example.com", b"https://app.example.com@evil",
            b"https://evil.example/https://app.example.com", b"//app.example.com", b"app.example.com",
        ):  # fmt: skip
            self.assertFalse(self.allowed(origin), origin)

    def test_two(self) -> None:
        """Two origins are none."""
        self.assertFalse(self.allowed(b"https://app.example.com", b"https://evil.example"))
