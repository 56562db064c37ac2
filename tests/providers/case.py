"""What tests of providers that speak OpenID Connect share."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.providers.oidc_provider import OidcProvider
from o2sidecar.refusals import NotPermitted, Refusal, SessionEnded
from o2sidecar.session.session import Session
from tests.fakes import CLIENT_ID, CLIENT_SECRET, ISSUER, Wire

GOOD: dict[str, Any] = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "oidc_issuer_url": ISSUER}


class ProviderTestCase(SynchronousTestCase):
    """A provider of `module` over an in-memory wire; `options` are those of all tests of a class."""

    module: ModuleType

    def setUp(self) -> None:
        self.options: dict[str, Any] = {}
        self.wire = Wire()
        self.fake = self.wire.provider

    def make(self, **options: Any) -> OidcProvider:
        declared = self.module.Options(**{**GOOD, **self.options, **options})
        provider: OidcProvider = self.module.build(declared, self.wire.surroundings)
        self.addCleanup(provider.stop)
        self.provider = provider
        return provider

    def signed_in(self, **options: Any) -> Session | BaseException:
        provider = self.make(**options)
        return self.wire.outcome(
            provider.sign_in(code="C-1", redirect_uri="https://app.example/cb", code_verifier=None, nonce=None)
        )

    def session(self, **options: Any) -> Session:
        session = self.signed_in(**options)
        assert isinstance(session, Session), session
        return session

    def refusal(self, **options: Any) -> Refusal:
        refusal = self.signed_in(**options)
        assert isinstance(refusal, Refusal), refusal
        return refusal

    def assert_not_permitted(self, reason: str, **options: Any) -> None:
        refusal = self.refusal(**options)
        self.assertEqual((type(refusal), refusal.status, refusal.reason), (NotPermitted, 403, reason))
        self.assertTrue(refusal.sentence)

    def refreshed(self, session: Session) -> Session | BaseException | None:
        return self.wire.outcome(self.provider.refresh(session))

    def renewed(self, session: Session) -> Session:
        renewed = self.refreshed(session)
        assert isinstance(renewed, Session), renewed
        return renewed

    def assert_ended(self, session: Session) -> None:
        self.assertIsInstance(self.refreshed(session), SessionEnded)
