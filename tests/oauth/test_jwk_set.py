"""Tests for `o2sidecar.oauth.jwk_set`: which of a provider's keys are used, and for what."""

from __future__ import annotations

import base64
import datetime
import json
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey, Key, OctKey
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.oauth.jwk_set import MAX_KEYS, JwkSet
from tests.fakes import b64url, public_jwk, signing_key

RSA = public_jwk(signing_key(), kid="main")
P256 = public_jwk(signing_key("ec", "EC", "P-256"), kid="ec")
ED25519 = public_jwk(signing_key("ed", "OKP", "Ed25519"), kid="ed")


def pem_of(key: Key, *, private: bool = False) -> bytes:
    assert not isinstance(key, OctKey)
    return key.as_pem(private=private)


def key_set(*jwks: Any) -> JwkSet:
    return JwkSet.from_json(json.dumps({"keys": jwks}).encode())


class FromJsonTests(SynchronousTestCase):
    """`JwkSet.from_json`."""

    def test_usable_keys(self) -> None:
        """RSA, the three NIST curves and Ed25519 are read, in order."""
        curves = [public_jwk(signing_key(crv, "EC", crv), kid=crv) for crv in ("P-384", "P-521")]
        found = key_set(RSA, P256, *curves, ED25519)
        self.assertEqual([key.kid for key in found.keys], ["main", "ec", "P-384", "P-521", "ed"])

    def assert_ignored(self, *jwks: Any) -> None:
        for jwk in jwks:
            self.assertEqual([key.kid for key in key_set(jwk, ED25519).keys], ["ed"], jwk)

    def test_odd_keys_are_ignored(self) -> None:
        """A key that is not for us, whatever it is, does not spoil the others."""
        secp256k1 = ECKey.generate_key("secp256k1").as_dict(private=False)
        self.assert_ignored(
            None, 7, "x", [], {}, {"kty": "XX"}, {"kty": 1}, {"kty": "RSA"}, {"kty": "EC", "crv": "P-256"},
            secp256k1, {"kty": "OKP", "crv": "X25519", "x": b64url(b"a" * 32)}, {"kty": "EC", "crv": ["P-256"]},
            {**RSA, "kid": 7}, {**RSA, "alg": ["RS256"]}, {**RSA, "n": "!!"}, {**RSA, "e": ""}, {**RSA, "n": None},
        )  # fmt: skip

    def test_private_and_symmetric_keys_are_ignored(self) -> None:
        """J2, J8: a key that somebody published by mistake vouches for nothing, nor does a shared secret."""
        self.assert_ignored(
            signing_key().as_dict(private=True),
            {**RSA, "d": "AQAB"},
            {"kty": "oct", "k": b64url(b"secret" * 8), "alg": "HS256"},
            {**P256, "k": "AQAB"},
        )

    def test_keys_for_other_uses_are_ignored(self) -> None:
        """A key for encryption, or not for verifying, is not used to verify."""
        self.assert_ignored({**RSA, "use": "enc"}, {**RSA, "key_ops": ["encrypt"]}, {**RSA, "key_ops": "verify"})
        self.assertEqual(
            len(key_set({**RSA, "use": "sig", "key_ops": ["verify"]}, {**RSA, "key_ops": ["verify"]}).keys), 2
        )

    def test_weak_keys_are_ignored(self) -> None:
        """J3: RSA under 2048 bits, or absurdly large, and points that are not on their curve."""
        small = signing_key("small", "RSA", 1024)
        modulus = base64.urlsafe_b64decode(public_jwk(small)["n"] + "=")
        padded = {**public_jwk(small), "n": b64url(modulus.rjust(256, b"\x00"))}
        huge = {"kty": "RSA", "e": "AQAB", "n": b64url(b"\xff" * 4096)}
        off_curve = {**P256, "y": b64url(b"\x01" * 32)}
        self.assert_ignored(public_jwk(small), padded, huge, off_curve)

    def test_duplicate_ids(self) -> None:
        """J8: two keys of one id are both tried."""
        other = public_jwk(signing_key("other"), kid="main")
        self.assertEqual(len(key_set(RSA, other).candidates("main", "RS256")), 2)

    def test_limits(self) -> None:
        """J8: ten thousand keys, or ten mebibytes, are refused without a look at them."""
        self.assertEqual(len(key_set(*[ED25519] * MAX_KEYS).keys), MAX_KEYS)
        for text in (json.dumps({"keys": [{}] * 10_000}).encode(), b'{"keys":["' + b"a" * (10 << 20) + b'"]}'):
            with self.assertRaises(ValueError):
                JwkSet.from_json(text)

    def test_not_a_key_set(self) -> None:
        """What has no list of keys is refused; an empty list is a set without keys."""
        for text in (b"", b"[]", b"{}", b'{"keys":{}}', b'{"keys":null}', b'{"keys":[],"keys":[]}'):
            with self.assertRaises(ValueError):
                JwkSet.from_json(text)
        self.assertEqual(key_set().keys, ())

    @settings(deadline=None, max_examples=50)
    @given(
        st.fixed_dictionaries(
            {"kty": st.sampled_from(["RSA", "EC", "OKP", "oct"])},
            optional={
                name: st.text(max_size=8) | st.none() | st.integers() | st.sampled_from(["AQAB", "P-256", "Ed25519"])
                for name in ("crv", "n", "e", "x", "y", "kid", "use", "alg", "key_ops")
            },
        )
    )
    def test_junk(self, jwk: dict[str, Any]) -> None:
        """Whatever a key's members hold, the set is read."""
        self.assertLessEqual(len(key_set(jwk).keys), 1)


class CandidatesTests(SynchronousTestCase):
    """`JwkSet.candidates`."""

    def kids(self, kid: str, alg: str, *jwks: Any) -> list[str]:
        return [key.kid for key in key_set(*jwks).candidates(kid, alg)]

    def test_by_id(self) -> None:
        """An id names its key, if that suits the algorithm."""
        self.assertEqual(self.kids("ec", "ES256", RSA, P256, ED25519), ["ec"])
        self.assertEqual(self.kids("ec", "RS256", RSA, P256), [])
        self.assertEqual(self.kids("unknown", "RS256", RSA, P256), [])

    def test_without_id(self) -> None:
        """Without an id in the token, every key that suits the algorithm is tried."""
        other = public_jwk(signing_key("other"), kid="other")
        self.assertEqual(self.kids("", "RS256", RSA, P256, other), ["main", "other"])

    def test_key_without_id(self) -> None:
        """A key without an id may be anybody's."""
        self.assertEqual(self.kids("x", "RS256", {**RSA, "kid": ""}, P256), [""])

    def test_algorithms_are_bound_to_key_types(self) -> None:
        """J3: each algorithm has its type of key, each curve its own."""
        suits = {
            alg: self.kids("", alg, RSA, P256, ED25519)
            for alg in ("RS256", "PS512", "ES256", "ES384", "EdDSA", "Ed25519", "HS256", "none", "", "ES256K")
        }
        self.assertEqual(
            suits,
            {
                "RS256": ["main"], "PS512": ["main"], "ES256": ["ec"], "ES384": [], "EdDSA": ["ed"], "Ed25519": ["ed"],
                "HS256": [], "none": [], "": [], "ES256K": [],
            },
        )  # fmt: skip

    def test_key_for_one_algorithm(self) -> None:
        """J3: a key that says its algorithm is for no other, save the two names of EdDSA."""
        self.assertEqual(self.kids("", "RS256", {**RSA, "alg": "PS256"}), [])
        self.assertEqual(self.kids("", "PS256", {**RSA, "alg": "PS256"}), ["main"])
        self.assertEqual(self.kids("", "Ed25519", {**ED25519, "alg": "EdDSA"}), ["ed"])
        self.assertEqual(self.kids("", "EdDSA", {**ED25519, "alg": "Ed25519"}), ["ed"])


class FromPemsTests(SynchronousTestCase):
    """`JwkSet.from_pems`."""

    def test_public_keys(self) -> None:
        """Public keys of each usable type are read, and tried whatever a token's key id is."""
        keys = [signing_key(), signing_key("ec", "EC", "P-256"), signing_key("ed", "OKP", "Ed25519")]
        found = JwkSet.from_pems(pem_of(key) for key in keys)
        self.assertEqual(
            [len(found.candidates("any", alg)) for alg in ("RS256", "ES256", "Ed25519", "ES384")], [1, 1, 1, 0]
        )

    def test_certificate(self) -> None:
        """A certificate stands for its key."""
        key = signing_key().private_key
        assert isinstance(key, RSAPrivateKey)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "idp")])
        start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(start)
            .not_valid_after(start + datetime.timedelta(days=1))
            .sign(key, SHA256())
        )
        found = JwkSet.from_pems([certificate.public_bytes(Encoding.PEM)])
        self.assertEqual(len(found.candidates("", "RS256")), 1)

    def test_unusable(self) -> None:
        """Private keys, small keys, other curves and junk are refused, and never quoted."""
        pems = [
            pem_of(signing_key(), private=True),
            pem_of(signing_key("small", "RSA", 1024)),
            pem_of(ECKey.generate_key("secp256k1")),
            b"",
            b"junk",
            b"-----BEGIN CERTIFICATE-----\n" + base64.b64encode(b"junk") + b"\n-----END CERTIFICATE-----\n",
        ]
        for pem in pems:
            with self.assertRaises(ValueError) as caught:
                JwkSet.from_pems([pem])
            self.assertNotIn("BEGIN", str(caught.exception))
