"""Tests for `o2sidecar.providers.token_endpoint`: how a client proves who it is."""

from __future__ import annotations

import base64
from collections.abc import Collection
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.oauth.tokens import TokenRefused
from o2sidecar.providers.token_endpoint import TokenEndpoint
from o2sidecar.refusals import ProviderFailed
from o2sidecar.secret_file import Secret
from tests.fakes import ISSUER, Asked, Wire, answering


class TokenEndpointTests(SynchronousTestCase):
    """`TokenEndpoint`."""

    def setUp(self) -> None:
        self.wire = Wire()

    def endpoint(self, client_id: str = "client-1", secret: Secret = "secret-1") -> TokenEndpoint:
        return TokenEndpoint(client=self.wire.client, clock=self.wire.clock, client_id=client_id, client_secret=secret)

    def asked(self, endpoint: TokenEndpoint, methods: Collection[str] = ()) -> Asked:
        self.wire.result(endpoint.refresh(f"{ISSUER}/token", refresh_token="RT", methods=methods))
        return self.wire.provider.asked[-1]

    def credentials(self, asked: Asked) -> str:
        return base64.b64decode(asked.headers["authorization"].removeprefix("Basic ")).decode()

    def test_basic(self) -> None:
        """RFC 6749 §2.3.1: id and secret are form-encoded before they are joined."""
        self.assertEqual(self.credentials(self.asked(self.endpoint())), "client-1:secret-1")
        asked = self.asked(self.endpoint("a:b c", "ü%&+"))
        self.assertEqual(self.credentials(asked), "a%3Ab+c:%C3%BC%25%26%2B")

    def test_public_client(self) -> None:
        """A client without a secret names itself, and claims nothing."""
        for methods in ((), ("client_secret_post",), ("none",)):
            asked = self.asked(self.endpoint(secret=""), methods)
            self.assertEqual(asked.form["client_id"], "client-1")
            self.assertNotIn("client_secret", asked.form)
            self.assertNotIn("authorization", asked.headers)

    def test_form(self) -> None:
        """An endpoint that knows secrets in the form only gets them there."""
        for methods in (("client_secret_post",), ("private_key_jwt", "client_secret_post")):
            asked = self.asked(self.endpoint(), methods)
            self.assertEqual((asked.form["client_id"], asked.form["client_secret"]), ("client-1", "secret-1"))
            self.assertNotIn("authorization", asked.headers)

    def test_method(self) -> None:
        """A method that settings name is used whatever the endpoint says that it knows."""
        asked = self.asked(self.chosen("client_secret_basic"), ("client_secret_post",))
        self.assertEqual((self.credentials(asked), "client_secret" in asked.form), ("client-1:secret-1", False))
        asked = self.asked(self.chosen("client_secret_post"), ("client_secret_basic",))
        self.assertEqual((asked.form["client_secret"], "authorization" in asked.headers), ("secret-1", False))
        asked = self.asked(self.chosen("none"), ("client_secret_basic", "none"))
        self.assertEqual((asked.form["client_id"], "client_secret" in asked.form), ("client-1", False))
        self.assertNotIn("authorization", asked.headers)

    def test_assertion(self) -> None:
        """RFC 7523 §2.2: an assertion for the endpoint's URL takes the secret's place, unless a secret is chosen."""
        for method in ("", "private_key_jwt"):
            asked = self.asked(self.chosen(method, client_assertion=lambda url: f"for {url}"))
            self.assertEqual(asked.form["client_assertion"], f"for {ISSUER}/token")
            self.assertEqual(
                asked.form["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            )
            self.assertEqual(("client_secret" in asked.form, "authorization" in asked.headers), (False, False))
        asked = self.asked(self.chosen("client_secret_post", client_assertion=lambda url: "x"))
        self.assertEqual((asked.form["client_secret"], "client_assertion" in asked.form), ("secret-1", False))

    def test_resource(self) -> None:
        """RFC 8707 §2.2: what tokens are for is said where settings do."""
        self.assertEqual(self.asked(self.chosen("", resource="https://api/")).form["resource"], "https://api/")
        self.assertNotIn("resource", self.asked(self.endpoint()).form)

    def chosen(self, method: str, **more: Any) -> TokenEndpoint:
        return TokenEndpoint(
            client=self.wire.client,
            clock=self.wire.clock,
            client_id="client-1",
            client_secret="secret-1",
            method=method,
            **more,
        )

    def test_secret_that_changes(self) -> None:
        """A secret that is told by a function is asked for at each use."""
        secrets = iter(["one", "two"])
        endpoint = self.endpoint(secret=lambda: next(secrets))
        found = [self.credentials(self.asked(endpoint)) for _ in range(2)]
        self.assertEqual(found, ["client-1:one", "client-1:two"])

    def test_refusals(self) -> None:
        """A refused refresh is told as it is, a refused code as the provider's failure."""
        self.wire.provider.instead["/token"] = answering({"error": "invalid_grant"}, 400)
        refused = self.wire.outcome(self.endpoint().refresh(f"{ISSUER}/token", refresh_token="RT"))
        assert isinstance(refused, TokenRefused)
        self.assertTrue(refused.ends_the_grant)
        failed = self.wire.outcome(
            self.endpoint().redeem(f"{ISSUER}/token", code="C", redirect_uri="https://x/", code_verifier=None)
        )
        assert isinstance(failed, ProviderFailed)
        self.assertEqual(failed.reason, "code_refused")
