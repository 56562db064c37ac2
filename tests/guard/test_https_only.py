"""Tests of sending plain HTTP to https."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.guard import HttpsOnly
from o2sidecar.http.exchange import Exchange, HeaderFields
from o2sidecar.policy.peers import Forwarding, TrustedAddresses
from o2sidecar.refusals import Refusal
from tests.guard.asking import Asked

BEHIND_A_PROXY = Forwarding(reverse_proxy=True, trusted_proxies=TrustedAddresses.parse(["203.0.113.0/24"]))
HTTPS: HeaderFields = [(b"x-forwarded-proto", b"https")]


class HttpsOnlyTests(SynchronousTestCase):
    """Only what came by https is served."""

    def served(self, asked: Asked, forwarding: Forwarding | None = None, port: int = 443) -> bool:
        """Whether a request is served."""
        served: list[Exchange] = []

        class Inner:
            def serve(self, exchange: Exchange) -> None:
                served.append(exchange)

        def refuse(exchange: Exchange, refusal: Refusal) -> None:
            exchange.answer(refusal.status, [], refusal.reason.encode())

        only = HttpsOnly(Inner(), forwarding=forwarding or Forwarding(), port=port, refuse=refuse)
        only.serve(asked)  # type: ignore[arg-type]
        return bool(served)

    def location(self, asked: Asked, forwarding: Forwarding | None = None, port: int = 443) -> str:
        """Where a request is sent."""
        self.assertFalse(self.served(asked, forwarding, port))
        assert asked.given is not None
        status, fields, body = asked.given
        self.assertEqual((status, [name for name, _ in fields], body), (308, [b"Location"], b""))
        return fields[0][1].decode()

    def test_by_tls(self) -> None:
        """What came by our own TLS is served."""
        asked = Asked()
        asked.secure = True
        self.assertTrue(self.served(asked))

    def test_by_the_word_of_a_trusted_proxy(self) -> None:
        """Its X-Forwarded-Proto counts, in any case of letters, in either direction."""
        for word in (b"https", b"HTTPS", b"https, http"):
            self.assertTrue(self.served(Asked(fields=[(b"x-forwarded-proto", word)]), BEHIND_A_PROXY))
        asked = Asked(fields=[(b"x-forwarded-proto", b"http")])
        asked.secure = True
        self.assertEqual(self.location(asked, BEHIND_A_PROXY), "https://app.example.com/")

    def test_by_anybody_else(self) -> None:
        """Nobody else is believed, and what says several things says nothing."""
        self.assertFalse(self.served(Asked(fields=HTTPS)))
        asked = Asked(fields=HTTPS)
        asked.peer = "198.51.100.1"
        self.assertFalse(self.served(asked, BEHIND_A_PROXY))
        asked = Asked(fields=[*HTTPS, (b"x-forwarded-proto", b"http")])
        self.assertFalse(self.served(asked, BEHIND_A_PROXY))

    def test_where_it_leads(self) -> None:
        """The same host and target, byte for byte, and the method stays."""
        for target in (b"/", b"/a?b=c&d", b"//evil.example/x", b"/%0d%0a"):
            asked = Asked(method=b"POST", target=target)
            self.assertEqual(self.location(asked).encode(), b"https://app.example.com" + target)
        self.assertEqual(asked.reason, "plain_http")

    def test_ports(self) -> None:
        """A host that names a port gets that of https, the usual one unnamed; a host without one stays without."""
        for host, port, found in (
            (b"a:80", 443, "a"),
            (b"a:8080", 8443, "a:8443"),
            (b"a", 8443, "a"),
            (b"[::1]:4180", 8443, "[::1]:8443"),
            (b"[::1]", 8443, "[::1]"),
            (b"a:", 443, "a"),
        ):
            asked = Asked()
            asked.host = host
            self.assertEqual(self.location(asked, port=port), f"https://{found}/")

    def test_the_forwarded_host(self) -> None:
        """Behind a trusted proxy its X-Forwarded-Host is where it leads; behind others it is nothing."""
        fields: HeaderFields = [(b"x-forwarded-host", b"outside.example.com:80")]
        self.assertEqual(self.location(Asked(fields=fields), BEHIND_A_PROXY), "https://outside.example.com/")
        self.assertEqual(self.location(Asked(fields=fields)), "https://app.example.com/")

    def test_no_host(self) -> None:
        """A request without a host can be sent nowhere: it is refused."""
        asked = Asked()
        asked.host = b""
        self.assertFalse(self.served(asked))
        self.assertEqual(asked.given, (400, [], b"host_missing"))
