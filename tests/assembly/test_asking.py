"""Tests of what providers are asked with, as settings make it."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.assembly.asking import provider_client
from o2sidecar.assembly.edge import Edge
from o2sidecar.observe.lines import LineWriter
from o2sidecar.refusals import ProviderUnavailable
from o2sidecar.settings.options import Settings
from tests.settings.loading import load_with


class NamedHostsTests(SynchronousTestCase):
    """Hosts that settings name may be at private addresses; every name resolves to one here."""

    def connects(self, url: str, settings: Settings, **more: Any) -> bool:
        reactor = MemoryReactorClock()
        lines = LineWriter(write=lambda _: None, clock=reactor)
        client = provider_client(settings, Edge.of(settings, reactor, lines), reactor, **more)
        asking = Deferred.fromCoroutine(client.get(url))
        reactor.advance(10)
        self.failureResultOf(asking, ProviderUnavailable)
        return bool(reactor.tcpClients)

    def test_named(self) -> None:
        """X9: those of each option that says where a provider is, of every provider, and no others."""
        named = load_with(
            variables={
                "LOGIN_URL": "https://login.example/a",
                "REDEEM_URL": "https://token.example/a",
                "PROFILE_URL": "https://me.example/a",
                "OIDC_JWKS_URL": "https://keys.example/a",
                "VALIDATE_URL": "https://validate.example/a",
                "BACKEND_LOGOUT_URL": "https://logout.example/a",
                "EXTRA_JWT_ISSUERS": "https://issuer.example=a,https://other.example=b",
            }
        ).settings
        plain = load_with().settings
        for host in ("login", "token", "me", "keys", "validate", "logout", "issuer", "other"):
            url = f"http://{host}.example:8080/"
            self.assertTrue(self.connects(url, named), host)
            self.assertFalse(self.connects(url, plain), host)
            self.assertTrue(self.connects(url, plain, beside=[named]), host)
        self.assertFalse(self.connects("http://elsewhere.example/", named))
