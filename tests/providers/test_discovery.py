"""Tests for `o2sidecar.providers.discovery`: what a provider says of itself, in good days and in bad ones."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.error import ConnectionRefusedError
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.providers.discovery import Discovery, FixedMetadata, ProviderMetadata
from o2sidecar.refusals import ProviderUnavailable
from tests.fakes import ISSUER, Wire, answering, silent

DOCUMENT = "/.well-known/openid-configuration"
GOOD = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/jwks",
}


class MetadataTests(SynchronousTestCase):
    """`ProviderMetadata.from_document`."""

    def read(self, **changes: Any) -> ProviderMetadata:
        document = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
        return ProviderMetadata.from_document(document, issuer=ISSUER)

    def test_least(self) -> None:
        """Issuer and three endpoints will do."""
        self.assertEqual(
            self.read(),
            ProviderMetadata(
                authorization_endpoint=f"{ISSUER}/authorize",
                token_endpoint=f"{ISSUER}/token",
                jwks_uri=f"{ISSUER}/jwks",
            ),
        )

    def test_more(self) -> None:
        """What else is used is read; lists keep their texts only."""
        found = self.read(
            userinfo_endpoint=f"{ISSUER}/userinfo",
            token_endpoint_auth_methods_supported=["client_secret_post", 7],
            id_token_signing_alg_values_supported=["RS256", None],
            authorization_response_iss_parameter_supported=True,
        )
        self.assertEqual(found.userinfo_endpoint, f"{ISSUER}/userinfo")
        self.assertEqual(found.token_endpoint_auth_methods, {"client_secret_post"})
        self.assertEqual(found.signing_algorithms, {"RS256"})
        self.assertTrue(found.names_itself_in_responses)

    def test_issuer(self) -> None:
        """O7: the document is the issuer's own, compared exactly."""
        for issuer in (
            None,
            "",
            f"{ISSUER}/",
            ISSUER.upper(),
            "https://other.example",
            7,
            [ISSUER],
            "https://idp.example:443",
        ):
            with self.assertRaises(ValueError) as caught:
                self.read(issuer=issuer)
            self.assertIn(ISSUER, str(caught.exception))
        document = {**GOOD, "issuer": "https://other.example"}
        self.assertTrue(ProviderMetadata.from_document(document, issuer=ISSUER, check_issuer=False))
        self.assertTrue(ProviderMetadata.from_document(document, issuer=ISSUER, named="https://other.example"))
        self.assertRaises(ValueError, ProviderMetadata.from_document, GOOD, issuer=ISSUER, named="https://x.example")

    def test_endpoints(self) -> None:
        """X9: an endpoint that is missing, or cannot be one, is refused by name."""
        for member in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            for value in (None, "", 7, "http://idp.example/x", "javascript:alert(1)", "https://169.254.169.254/x"):
                with self.assertRaises(ValueError) as caught:
                    self.read(**{member: value})
                self.assertIn(member, str(caught.exception))
        with self.assertRaises(ValueError):
            self.read(userinfo_endpoint="https://127.0.0.1/")

    @settings(deadline=None)
    @given(
        st.dictionaries(
            st.sampled_from([*GOOD, "userinfo_endpoint"]),
            st.none() | st.integers() | st.text(max_size=9) | st.lists(st.text(max_size=3)),
        )
    )
    def test_junk(self, changes: dict[str, Any]) -> None:
        """Whatever the members hold, the document is read or refused."""
        try:
            found = ProviderMetadata.from_document({**GOOD, **changes}, issuer=ISSUER)
        except ValueError:
            return
        self.assertTrue(found.token_endpoint.startswith("https://"))


class DiscoveryTests(SynchronousTestCase):
    """`Discovery`."""

    def setUp(self) -> None:
        self.wire = Wire()
        self.provider = self.wire.provider

    def discovery(self, issuer: str = ISSUER, **more: Any) -> Discovery:
        made = Discovery(issuer=issuer, client=self.wire.client, clock=self.wire.clock, random=lambda: 0.0, **more)
        self.addCleanup(made.stop)
        return made

    def advance(self, seconds: float) -> None:
        self.wire.clock.advance(seconds)
        self.wire.settle()

    def test_start(self) -> None:
        """At start the document is fetched once, and then known."""
        discovery = self.discovery()
        self.assertEqual(discovery.trouble(), "")
        self.wire.result(discovery.start())
        self.assertEqual(discovery.trouble(), "")
        self.assertEqual(self.wire.result(discovery.metadata()).token_endpoint, f"{ISSUER}/token")
        self.assertEqual(self.provider.paths(), [DOCUMENT])

    def test_path(self) -> None:
        """§4.1: an issuer with a path has its document under it, without a double slash."""
        for issuer in ("https://idp.example/realms/x", "https://idp.example/realms/x/"):
            self.wire.outcome(self.discovery(issuer).metadata())
            self.assertEqual(self.provider.paths()[-1], f"/realms/x{DOCUMENT}")

    def test_down_at_start(self) -> None:
        """A provider that is down at the start is tried again, ever more slowly, until it is back."""
        gone = self.wire.cut(ConnectionRefusedError())
        discovery = self.discovery(first_delay=1.0, longest_delay=60.0)
        self.assertIsNone(self.wire.result(discovery.start()))
        self.assertIn("ConnectionRefusedError", discovery.trouble())
        self.assertIn(ISSUER, discovery.trouble())
        moments = []
        for second in range(1, 300):
            before = gone.requests
            self.advance(1)
            if gone.requests > before:
                moments.append(second)
        self.assertEqual(moments, [1, 3, 7, 15, 31, 63, 123, 183, 243])
        self.wire.mend()
        self.advance(60)
        self.assertEqual(discovery.trouble(), "")

    def test_jitter(self) -> None:
        """Pods that started together do not ask together."""
        gone = self.wire.cut(ConnectionRefusedError())
        discovery = Discovery(
            issuer=ISSUER, client=self.wire.client, clock=self.wire.clock, random=lambda: 1.0, first_delay=8.0
        )
        self.addCleanup(discovery.stop)
        self.wire.result(discovery.start())
        self.advance(3.9)
        self.assertEqual(gone.requests, 1)
        self.advance(0.1)
        self.assertEqual(gone.requests, 2)

    def test_lying_at_start(self) -> None:
        """A document that is wrong is as good as none; the trouble says what is wrong with it."""
        for fault, text in (
            (answering({"issuer": "https://evil.example"}), "issuer"),
            (answering(b"<html>"), "JSON"),
            (answering([]), "object"),
            (answering({**GOOD, "jwks_uri": "http://evil.example"}), "jwks_uri"),
            (answering({}, 404), "404"),
            (answering(None, 302, location="https://evil.example/"), "302"),
            (answering(b"{" + b" " * (2 << 20) + b"}"), "many bytes"),
        ):
            self.provider.instead[DOCUMENT] = fault
            discovery = self.discovery()
            self.wire.result(discovery.start())
            self.assertIn(text, discovery.trouble())
            self.assertIsInstance(self.wire.outcome(discovery.metadata()), ProviderUnavailable)
            discovery.stop()

    def test_slow_at_start(self) -> None:
        """A provider that does not answer delays nothing for longer than the client's time-out."""
        self.provider.instead[DOCUMENT] = silent
        discovery = self.discovery()
        started = self.wire.begin(discovery.start())
        self.assertNoResult(started)
        self.advance(10)
        self.assertIsNone(self.successResultOf(started))
        self.assertIn("within", discovery.trouble())

    def test_one_try_for_a_sign_in(self) -> None:
        """While nothing is known, a sign-in makes one attempt of its own; many at once share it."""
        gone = self.wire.cut(ConnectionRefusedError())
        discovery = self.discovery()
        self.wire.result(discovery.start())
        self.assertIsInstance(self.wire.outcome(discovery.metadata()), ProviderUnavailable)
        self.assertEqual(gone.requests, 2)
        self.wire.mend()
        self.provider.instead[DOCUMENT] = silent
        waiting = [self.wire.begin(discovery.metadata()) for _ in range(20)]
        self.assertEqual(self.provider.paths(), [DOCUMENT])
        self.advance(10)
        for waiter in waiting:
            self.failureResultOf(waiter, ProviderUnavailable)

    def test_sign_in_finds_it_back(self) -> None:
        """A provider that is back is found by the first sign-in, before the next attempt is due."""
        self.wire.cut(ConnectionRefusedError())
        discovery = self.discovery(first_delay=50.0)
        self.wire.result(discovery.start())
        self.wire.mend()
        self.assertTrue(self.wire.result(discovery.metadata()))
        self.assertEqual(discovery.trouble(), "")

    def test_last_known_good(self) -> None:
        """An outage later on, or a wrong document, leaves what was known; a new document replaces it."""
        discovery = self.discovery(refresh_interval=3600.0)
        self.wire.result(discovery.start())
        for fault in (answering({}, 500), answering({"issuer": "https://evil.example"})):
            self.provider.instead[DOCUMENT] = fault
            self.advance(3600)
            self.assertEqual(self.wire.result(discovery.metadata()).token_endpoint, f"{ISSUER}/token")
            self.assertEqual(discovery.trouble(), "")
        del self.provider.instead[DOCUMENT]
        self.provider.discovery["token_endpoint"] = f"{ISSUER}/new-token"
        self.advance(60)
        self.assertEqual(self.wire.result(discovery.metadata()).token_endpoint, f"{ISSUER}/new-token")

    def test_overrides(self) -> None:
        """What settings say goes before what the document says."""
        discovery = self.discovery(overrides={"token_endpoint": "http://10.0.0.1/token"})
        metadata = self.wire.result(discovery.metadata())
        self.assertEqual((metadata.token_endpoint, metadata.jwks_uri), ("http://10.0.0.1/token", f"{ISSUER}/jwks"))

    def test_stop(self) -> None:
        """After `stop` nothing is asked, whether it was waiting or under way."""
        discovery = self.discovery()
        self.wire.result(discovery.start())
        discovery.stop()
        self.assertEqual(self.wire.clock.getDelayedCalls(), [])
        discovery.stop()
        self.provider.instead[DOCUMENT] = silent
        again = self.discovery()
        self.wire.begin(again.start())
        again.stop()
        self.wire.settle()
        self.assertEqual(self.wire.clock.getDelayedCalls(), [])

    def test_issuer_must_be_a_url(self) -> None:
        """An issuer that is no URL is refused when it is made."""
        for issuer in ("", "idp.example", "ftp://x"):
            with self.assertRaises(ValueError):
                self.discovery(issuer)


class FixedMetadataTests(SynchronousTestCase):
    """`FixedMetadata`."""

    def test_fixed(self) -> None:
        """It knows what it was given, and needs nobody."""
        metadata = ProviderMetadata(authorization_endpoint="a", token_endpoint="b")
        fixed = FixedMetadata(metadata)
        wire = Wire()
        wire.result(fixed.start())
        fixed.stop()
        self.assertEqual((wire.result(fixed.metadata()), fixed.trouble()), (metadata, ""))
