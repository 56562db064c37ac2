"""Tests of the demo's provider: what it hands out, and to whom not."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from joserfc import jwt
from joserfc.jwk import KeySet
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.demo.people import PEOPLE
from o2sidecar.demo.provider import Client, DemoProvider, Expiring, RequestRefused, TokenRefused

CALLBACK = "http://app1.demo.localhost:4180/oauth2/callback"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


class Counter:
    """Randomness for tests: never the same twice."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, length: int) -> bytes:
        """The next bytes."""
        self.count += 1
        return self.count.to_bytes(length, "big")


def client() -> Client:
    """The one client of the tests."""
    return Client(
        client_id="demo",
        client_secret="s3cret",
        redirect_uris=(CALLBACK, "http://app2.demo.localhost:4181/oauth2/callback"),
        after_sign_out=("http://app1.demo.localhost:4180/",),
    )


def provider(clock: Clock) -> DemoProvider:
    """A provider at http://127.0.0.1:9400."""
    return DemoProvider(issuer="http://127.0.0.1:9400", client=client(), clock=clock, random=Counter())


def request(**changes: str | None) -> dict[str, list[str]]:
    """A good authorization request's parameters, some of them changed or (`None`) left out."""
    good: dict[str, str | None] = {
        "client_id": "demo",
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid email profile",
        "state": "the-state",
        "nonce": "the-nonce",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return {name: [value] for name, value in {**good, **changes}.items() if value is not None}


class ProviderTests(SynchronousTestCase):
    """Codes and tokens go to whom they were meant for."""

    def setUp(self) -> None:
        """A provider, at some time."""
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.provider = provider(self.clock)
        self.ada, self.mallory = PEOPLE

    def code(self, **changes: str | None) -> str:
        """A code for Ada."""
        return self.provider.issue_code(self.provider.authorization_request(request(**changes)), self.ada)

    def swap(
        self, code: str, basic: tuple[str, str] | None = ("demo", "s3cret"), **changes: str | None
    ) -> dict[str, Any]:
        """Ask for tokens."""
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
            **changes,
        }
        return self.provider.token_response({k: [v] for k, v in form.items() if v is not None}, basic)

    def refused(self, *args: Any, **changes: Any) -> str:
        """The word for why tokens are refused."""
        with self.assertRaises(TokenRefused) as refused:
            self.swap(*args, **changes)
        error: str = refused.exception.error
        return error

    def test_id_token(self) -> None:
        """The ID token verifies against the published key and says who, for whom, when and which request."""
        answer = self.swap(self.code())
        keys = KeySet.import_key_set(self.provider.jwks())  # type: ignore[arg-type]
        token = jwt.decode(answer["id_token"], keys, algorithms=["ES256"])
        self.assertEqual(token.header["kid"], self.provider.jwks()["keys"][0]["kid"])
        self.assertEqual(
            token.claims,
            {
                **self.ada.claims(),
                "iss": "http://127.0.0.1:9400",
                "aud": "demo",
                "iat": 1_700_000_000,
                "exp": 1_700_003_600,
                "nonce": "the-nonce",
            },
        )

    def test_no_nonce(self) -> None:
        """A request without a nonce gets an ID token without one."""
        answer = self.swap(self.code(nonce=None))
        token = jwt.decode(answer["id_token"], KeySet.import_key_set(self.provider.jwks()), algorithms=["ES256"])  # type: ignore[arg-type]
        self.assertNotIn("nonce", token.claims)

    def test_keys_are_public(self) -> None:
        """The published key has no private part, and another provider has another key."""
        (key,) = self.provider.jwks()["keys"]
        self.assertEqual(set(key), {"kty", "crv", "x", "y", "use", "alg", "kid"})
        self.assertNotEqual(key["x"], provider(self.clock).jwks()["keys"][0]["x"])

    def test_userinfo(self) -> None:
        """The access token opens the claims of its person until it expires."""
        token = self.swap(self.code())["access_token"]
        self.assertEqual(self.provider.userinfo(token), self.ada.claims())
        self.clock.advance(3600)
        self.assertEqual(self.assertRaises(TokenRefused, self.provider.userinfo, token).status, 401)

    def test_client_by_form(self) -> None:
        """A client may authenticate in the form."""
        self.assertIn("id_token", self.swap(self.code(), None, client_id="demo", client_secret="s3cret"))

    def test_wrong_client(self) -> None:
        """Without the client's own id and secret nothing is swapped, and the code is still there for the client."""
        code = self.code()
        for basic in (("demo", "wrong"), ("other", "s3cret"), ("", ""), ("demo", ""), ("demo", "s3crét")):
            self.assertEqual(self.refused(code, basic), "invalid_client")
        self.assertEqual(self.refused(code, None), "invalid_client")
        self.assertIn("id_token", self.swap(code))

    def test_code_once(self) -> None:
        """A code that is used twice is refused, and takes its access token with it."""
        code = self.code()
        token = self.swap(code)["access_token"]
        self.assertEqual(self.refused(code), "invalid_grant")
        self.assertRaises(TokenRefused, self.provider.userinfo, token)
        self.assertEqual(self.refused(code), "invalid_grant")

    def test_code_expires(self) -> None:
        """A code is good for a minute."""
        young, old = self.code(), self.code()
        self.clock.advance(59.9)
        self.assertIn("id_token", self.swap(young))
        self.clock.advance(0.1)
        self.assertEqual(self.refused(old), "invalid_grant")

    def test_bound_to_the_request(self) -> None:
        """A code is of no use with another verifier, without one, or with another redirect URI."""
        code = self.code()
        self.assertEqual(self.refused(code, code_verifier="w" * 43), "invalid_grant")
        self.assertEqual(self.refused(code, code_verifier=None), "invalid_grant")
        self.assertEqual(self.refused(code, redirect_uri=client().redirect_uris[1]), "invalid_grant")
        self.assertEqual(self.refused(code, redirect_uri=None), "invalid_grant")

    def test_unknown_code(self) -> None:
        """What is no code is refused, an empty one too."""
        for code in ("", "nonsense", "\x00"):
            self.assertEqual(self.refused(code), "invalid_grant")

    def test_other_grants(self) -> None:
        """Only codes can be swapped."""
        self.assertEqual(self.refused("x", grant_type="password"), "unsupported_grant_type")
        self.assertEqual(self.refused("x", grant_type=None), "unsupported_grant_type")

    def test_nobody_is_sent_elsewhere(self) -> None:
        """An unknown client or redirect URI gets no redirect; the URI is compared whole."""
        for changes in (
            {"client_id": "other"},
            {"client_id": None},
            {"redirect_uri": None},
            {"redirect_uri": CALLBACK + "/"},
            {"redirect_uri": CALLBACK + "?x"},
            {"redirect_uri": CALLBACK.upper()},
            {"redirect_uri": "http://evil.example/"},
        ):
            self.assertRaises(RequestRefused, self.provider.authorization_request, request(**changes))
        twice = {**request(), "redirect_uri": [CALLBACK, "http://evil.example/"]}
        self.assertRaises(RequestRefused, self.provider.authorization_request, twice)

    def test_errors_for_the_client(self) -> None:
        """What else is wrong is told to the client: no PKCE, plain PKCE, another response type, no openid scope."""
        for error, changes in (
            ("invalid_request", {"code_challenge": None}),
            ("invalid_request", {"code_challenge_method": "plain"}),
            ("invalid_request", {"code_challenge_method": None}),
            ("unsupported_response_type", {"response_type": "token"}),
            ("invalid_scope", {"scope": "email"}),
            ("invalid_scope", {"scope": "notopenid"}),
            ("", {"state": None}),
        ):
            self.assertEqual(self.provider.authorization_request(request(**changes)).error, error)

    def test_metadata(self) -> None:
        """Discovery names the issuer, and endpoints below it only."""
        found = self.provider.metadata()
        self.assertEqual(found["issuer"], self.provider.issuer)
        for name in ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"):
            self.assertTrue(found[name].startswith(f"{self.provider.issuer}/"), name)

    def test_after_sign_out(self) -> None:
        """After a sign-out one goes to a registered place or nowhere."""
        home = "http://app1.demo.localhost:4180/"
        self.assertEqual(self.provider.after_sign_out({"post_logout_redirect_uri": [home]}), home)
        for other in ([home + "x"], ["http://evil.example/"], [], [home, home]):
            self.assertEqual(self.provider.after_sign_out({"post_logout_redirect_uri": other}), "")

    def test_secrets_are_not_shown(self) -> None:
        """The client's secret is not in its repr."""
        self.assertNotIn("s3cret", repr(client()))


class ExpiringTests(SynchronousTestCase):
    """Values that go away by themselves."""

    def test_the_oldest_makes_room(self) -> None:
        """There are never more than `most`; the oldest goes first."""
        kept: Expiring[int] = Expiring(Clock(), Counter(), 10.0, most=2)
        names = [kept.put(number) for number in range(3)]
        self.assertEqual([kept.get(name) for name in names], [None, 1, 2])

    def test_drop(self) -> None:
        """A dropped value is gone, and dropping it again is harmless."""
        kept: Expiring[int] = Expiring(Clock(), Counter(), 10.0)
        name = kept.put(1)
        kept.drop(name)
        kept.drop(name)
        self.assertIsNone(kept.get(name))
