"""What tests of providers share."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any, ClassVar

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.providers.provider import Provider
from o2sidecar.refusals import NotPermitted, Refusal, SessionEnded
from o2sidecar.session.session import Session
from tests.fakes import CLIENT_ID, CLIENT_SECRET, ISSUER, Wire

GOOD: dict[str, Any] = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "oidc_issuer_url": ISSUER}


class ProviderTestCase(SynchronousTestCase):
    """A provider of `module` over an in-memory wire.

    `good` are options that suffice, those of OpenID Connect; `options` are those of all tests of a class.
    """

    module: ModuleType
    good: ClassVar[Mapping[str, Any]] = GOOD

    def setUp(self) -> None:
        self.options: dict[str, Any] = {}
        self.wire = Wire()
        self.fake = self.wire.provider

    def make(self, **options: Any) -> Any:
        declared = self.module.Options(**{**self.good, **self.options, **options})
        provider: Provider = self.module.build(declared, self.wire.surroundings)
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


class ProfileTestCase(ProviderTestCase):
    """A provider without ID tokens; its API is the test's to put into `fake.apis`."""

    good: ClassVar[Mapping[str, Any]] = {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "login_url": f"{ISSUER}/authorize",
        "redeem_url": f"{ISSUER}/token",
    }

    def setUp(self) -> None:
        super().setUp()
        self.fake.tokens = {"id_token": None}

    def at(self, path: str) -> str:
        """A URL of the fake provider."""
        return f"{ISSUER}{path}"
