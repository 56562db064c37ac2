"""Tests of serving requests for our own hosts alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.guard import KnownHosts
from o2sidecar.http.exchange import Exchange
from o2sidecar.policy.peers import Forwarding, TrustedAddresses
from o2sidecar.refusals import Refusal
from tests.guard.asking import Asked

HOSTS = ("app.example.com", ".apps.example.com", "[::1]", "127.0.0.1")
BEHIND_A_PROXY = Forwarding(reverse_proxy=True, trusted_proxies=TrustedAddresses.parse(["203.0.113.0/24"]))


class KnownHostsTests(SynchronousTestCase):
    """Only requests for hosts that are named are served."""

    def status(self, host: bytes, forwarding: Forwarding | None = None, forwarded: bytes = b"") -> int:
        """200 if a request for a host is served, else what it is answered."""
        served: list[Exchange] = []
        refused: list[Refusal] = []

        class Inner:
            def serve(self, exchange: Exchange) -> None:
                served.append(exchange)

        asked = Asked(fields=[(b"x-forwarded-host", forwarded)] if forwarded else [])
        asked.host = host
        known = KnownHosts(
            Inner(),
            hosts=HOSTS,
            forwarding=forwarding or Forwarding(),
            refuse=lambda exchange, refusal: refused.append(refusal),
        )
        known.serve(asked)  # type: ignore[arg-type]
        self.assertEqual(len(served) + len(refused), 1)
        return 200 if served else refused[0].status

    def test_ours(self) -> None:
        """Names in any case, with or without a port and the last period, and all below a domain."""
        for host in (
            b"app.example.com",
            b"APP.example.COM",
            b"app.example.com:8443",
            b"app.example.com.",
            b"app.example.com.:80",
            b"a.apps.example.com",
            b"a.b.apps.example.com",
            b"127.0.0.1:4180",
            b"[::1]:4180",
            b"[::1]",
        ):
            self.assertEqual(self.status(host), 200, host)

    def test_others(self) -> None:
        """O19: what only looks like one of ours is answered 421."""
        for host in (
            b"",
            b"evil.example",
            b"app.example.com.evil.example",
            b"xapp.example.com",
            b"apps.example.com",
            b"evilapps.example.com",
            b".apps.example.com",
            b"app.example.com:80:80",
            b"app.example.com..",
            b"\xe1pp.example.com",
            b"::1",
            b"127.0.0.1.evil.example",
        ):
            self.assertEqual(self.status(host), 421, host)

    def test_behind_a_proxy(self) -> None:
        """The host that a trusted proxy names counts, and nobody else's word."""
        self.assertEqual(self.status(b"pod", BEHIND_A_PROXY, b"app.example.com"), 200)
        self.assertEqual(self.status(b"app.example.com", BEHIND_A_PROXY, b"evil.example"), 421)
        self.assertEqual(self.status(b"evil.example", None, b"app.example.com"), 421)

    @given(st.binary(max_size=40))
    def test_any_host(self, host: bytes) -> None:
        """Whatever stands in Host, it is ours or refused."""
        bare = host.lower().decode("latin-1")
        if not any(bare.startswith(name.removeprefix(".")) or ".apps.example.com" in bare for name in HOSTS):
            self.assertEqual(self.status(host), 421)
