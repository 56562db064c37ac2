"""Tests for `o2sidecar.oauth.client_key`: assertions that a provider can verify, and keys that are none."""

from __future__ import annotations

import json

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.oauth.client_key import ClientKey
from tests.fakes import NOW
from tests.provider_apis import client_pem, service_account_pem

AUDIENCE = "https://idp.example/token"


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


class ClientKeyTests(SynchronousTestCase):
    """`ClientKey`."""

    def test_assertion(self) -> None:
        """RFC 7523 §3: the assertion says who, to whom, for five minutes, and is one of a kind."""
        key = ClientKey.parse(client_pem(), key_id="k-1")
        text = key.assertion(client_id="client-1", audience=AUDIENCE, now=NOW + 0.9, unique="u-1")
        token = jwt.decode(text, RSAKey.import_key(client_pem()), algorithms=["RS256"])
        self.assertEqual(token.header, {"alg": "RS256", "typ": "JWT", "kid": "k-1"})
        self.assertEqual(
            token.claims,
            {
                "iss": "client-1",
                "sub": "client-1",
                "aud": AUDIENCE,
                "iat": int(NOW),
                "exp": int(NOW) + 300,
                "jti": "u-1",
            },
        )

    def test_kinds(self) -> None:
        """The key decides the algorithm; a key without a name is not named."""
        for pem, algorithm, kind in (
            (service_account_pem().decode(), "RS256", RSAKey),
            (_pem(ec.generate_private_key(ec.SECP256R1())), "ES256", ECKey),
            (_pem(ec.generate_private_key(ec.SECP384R1())), "ES384", ECKey),
            (_pem(ec.generate_private_key(ec.SECP521R1())), "ES512", ECKey),
            (_pem(ed25519.Ed25519PrivateKey.generate()), "EdDSA", OKPKey),
        ):
            text = ClientKey.parse(pem).assertion(client_id="c", audience="a", now=NOW, unique="u")
            token = jwt.decode(text, kind.import_key(pem), algorithms=[algorithm])
            self.assertEqual(token.header, {"alg": algorithm, "typ": "JWT"})

    def test_line_breaks(self) -> None:
        """A key in a variable may have its line breaks written out."""
        escaped = json.dumps(client_pem())[1:-1]
        self.assertEqual(ClientKey.parse(escaped).algorithm, "RS256")

    def test_unusable(self) -> None:
        """What is no key, a weak one, one of another kind or a locked one is refused, and nothing of it is shown."""
        locked = rsa.generate_private_key(65537, 2048).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"s3cret")
        )
        for pem in (
            "",
            "s3cret",
            client_pem()[:200],
            _pem(rsa.generate_private_key(65537, 1024)),
            _pem(ec.generate_private_key(ec.SECP256K1())),
            locked.decode(),
        ):
            with self.assertRaises(ValueError) as caught:
                ClientKey.parse(pem)
            self.assertIn("no private key in PEM", str(caught.exception))
            self.assertNotIn("s3cret", str(caught.exception))

    def test_the_key_does_not_show(self) -> None:
        """X4: the representation holds nothing of the key."""
        self.assertEqual(repr(ClientKey.parse(client_pem(), key_id="k")), "ClientKey(algorithm='RS256', key_id='k')")
