"""Tests that people sign in with the provider of `examples/acme-id`, a package that nothing here knows."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path
from urllib.parse import quote, urlsplit

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.providers.registry import KnownProviders
from o2sidecar.settings.load import load
from tests.fakes import CLIENT_ID, CLIENT_SECRET
from tests.options.world import ADDRESS, OTHER_ISSUER, World, parameters_of
from tests.other_package import install_project
from tests.provider_apis import Profiles
from tests.settings.loading import file_reader

EXAMPLE = Path(__file__).parents[2] / "examples" / "acme-id"
VARIABLES = {
    "OAUTH2_PROXY_PROVIDER": "acme-id",
    "OAUTH2_PROXY_CLIENT_ID": CLIENT_ID,
    "OAUTH2_PROXY_CLIENT_SECRET": CLIENT_SECRET,
    "OAUTH2_PROXY_LOGIN_URL": f"{ADDRESS}/authorize",
    "OAUTH2_PROXY_REDEEM_URL": f"{ADDRESS}/token",
    "OAUTH2_PROXY_PROFILE_URL": f"{ADDRESS}/api/me",
    "OAUTH2_PROXY_COOKIE_SECRET": "0123456789abcdef",
    "OAUTH2_PROXY_COOKIE_REFRESH": "1s",
    "OAUTH2_PROXY_EMAIL_DOMAINS": "acme.example",
    "OAUTH2_PROXY_UPSTREAMS": "http://127.0.0.1:8080/",
}
FILE = f"""
server: {{bindAddress: "127.0.0.1:4180"}}
upstreamConfig: {{upstreams: [{{id: main, path: /, uri: "http://127.0.0.1:8080"}}]}}
providers:
- {{id: one, provider: oidc, clientID: other-app, clientSecret: hush, code_challenge_method: S256,
   oidcConfig: {{issuerURL: "http://127.0.0.1:{OTHER_ISSUER}", audienceClaims: [aud], emailClaim: email}}}}
- {{id: acme, provider: acme-id, clientID: {CLIENT_ID}, clientSecret: {CLIENT_SECRET}, code_challenge_method: S256,
   loginURL: "{ADDRESS}/authorize", redeemURL: "{ADDRESS}/token", profileURL: "{ADDRESS}/api/me",
   options: {{acme_departments: ["${{DEPARTMENT}}"]}}}}
"""


class AcmeIdTests(SynchronousTestCase):
    """A whole sidecar with the example's provider; Alice is of Engineering."""

    def setUp(self) -> None:
        install_project(self, EXAMPLE)
        self.me = {
            "id": "E-17",
            "login": "alice",
            "email": "alice@acme.example",
            "email_confirmed": True,
            "department": "Engineering",
        }

    def world(self, *arguments: str, **variables: str) -> World:
        beside = {
            name: text for name, text in VARIABLES.items() if not arguments or "COOKIE" in name or "EMAIL" in name
        }
        world = World(
            load(
                arguments, {**beside, **variables}, read_file=file_reader({"a.yaml": FILE}), providers=KnownProviders()
            )
        )
        self.addCleanup(world.end)
        world.provider.tokens = {"id_token": None}
        world.provider.apis = {"/api/me": Profiles({"/api/me": self.me})}
        return world

    def test_allow(self) -> None:
        """Who works in one of the departments signs in and stays at each refresh; the app is told who it is."""
        world = self.world(O2SIDECAR_ACME_DEPARTMENTS="Research, Engineering")
        self.assertEqual(world.sign_in().status, 302)
        world.pass_time(2)
        self.assertEqual(world.get("/").status, 200)
        request = world.seen[-1]
        self.assertEqual(
            (request.values(b"x-forwarded-user"), request.values(b"x-forwarded-email")),
            ([b"E-17"], [b"alice@acme.example"]),
        )

    def test_deny(self) -> None:
        """A1: who works elsewhere is refused at sign-in with a reason, and has no session."""
        world = self.world(O2SIDECAR_ACME_DEPARTMENTS="Research")
        answer = world.sign_in()
        self.assertEqual(answer.status, 403)
        self.assertIn(b"Your department may not use this application.", answer.body)
        self.assertNotEqual(world.get("/").status, 200)

    def test_deny_at_refresh(self) -> None:
        """A1: who has left the department since is out at the next refresh."""
        world = self.world(O2SIDECAR_ACME_DEPARTMENTS="Engineering")
        self.assertEqual(world.sign_in().status, 302)
        self.me["department"] = "Sales"
        world.pass_time(2)
        self.assertNotEqual(world.get("/").status, 200)

    def test_unconfirmed(self) -> None:
        """An address that the profile does not vouch for signs nobody in."""
        self.me["email_confirmed"] = "yes"
        self.assertEqual(self.world().sign_in().status, 403)

    def test_its_own_tests(self) -> None:
        """The tests that the package has of its own pass."""
        self.patch(sys, "path", [str(EXAMPLE), *sys.path])
        self.addCleanup(sys.modules.pop, "test_o2sidecar_acme_id", None)
        result = unittest.TestResult()
        unittest.defaultTestLoader.loadTestsFromName("test_o2sidecar_acme_id").run(result)
        self.assertEqual((result.errors, result.failures), ([], []))
        self.assertEqual(result.testsRun, 2)

    def test_one_of_several(self) -> None:
        """In the structured file it is one provider beside others, restricted by the options in its entry."""
        for department, status in (("Engineering", 302), ("Research", 403)):
            world = self.world("--alpha-config=a.yaml", DEPARTMENT=department, OAUTH2_PROXY_COOKIE_SECURE="false")
            begun = world.get("/oauth2/start?provider=acme")
            world.keep(begun)
            [location] = begun.values(b"location")
            self.assertTrue(location.startswith(f"{ADDRESS}/authorize?".encode()), location)
            asked = parameters_of(begun)
            done = world.get(f"{urlsplit(asked['redirect_uri']).path}?code=c&state={quote(asked['state'])}")
            self.assertEqual(done.status, status, department)
