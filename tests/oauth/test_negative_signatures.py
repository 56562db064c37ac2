"""Negative vectors for signed tokens, in the manner of Wycheproof: each differs from a good token in one point.

The vectors are generated here, with keys of this run. Each is presented with the whole key set, as a provider's; none
may be believed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from joserfc.jwk import OctKey
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.oauth.jwk_set import JwkSet
from o2sidecar.oauth.jws import SignedToken, TokenRejected
from o2sidecar.oauth.signing_algorithms import enabled_algorithms
from tests.fakes import b64url, compact, public_jwk, signing_key

RSA = signing_key()
EC = signing_key("ec", "EC", "P-256")
EC_384 = signing_key("P-384", "EC", "P-384")
ED = signing_key("ed", "OKP", "Ed25519")
ROGUE = signing_key("rogue")
SET = JwkSet.from_json(
    json.dumps(
        {"keys": [public_jwk(key, kid=kid) for kid, key in (("rsa", RSA), ("ec", EC), ("ec384", EC_384), ("ed", ED))]}
    ).encode()
)

PAYLOAD = {"sub": "user-1"}
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def signing_input(header: dict[str, object]) -> str:
    return compact(header, PAYLOAD, None)[:-1]


def with_signature(header: dict[str, object], signature: bytes) -> str:
    return f"{signing_input(header)}.{b64url(signature)}"


def good(alg: str = "RS256") -> str:
    return compact({"alg": alg}, PAYLOAD, {"RS256": RSA, "ES256": EC, "Ed25519": ED}[alg], alg)


def no_signature() -> Iterator[tuple[str, str]]:
    for alg in ("none", "None", "NONE", "nOnE", "", "null"):
        yield f"alg {alg!r} without a signature", compact({"alg": alg}, PAYLOAD, None)
        yield f"alg {alg!r} with a signature", compact({"alg": alg}, PAYLOAD, RSA)
    yield "no alg", compact({"typ": "JWT"}, PAYLOAD, RSA)
    for alg in ("RS256", "ES256", "Ed25519"):
        yield f"{alg} with its signature removed", good(alg).rpartition(".")[0] + "."
    for value in (None, 0, True, [], ["RS256"], {"RS256": 1}):
        yield f"alg is {value!r}", compact({"alg": value}, PAYLOAD, RSA)


def shared_secrets() -> Iterator[tuple[str, str]]:
    pem = RSA.as_pem(private=False)  # type: ignore[union-attr]
    secrets = {
        "PEM": pem,
        "PEM without its last newline": pem.rstrip(),
        "JWK": json.dumps(public_jwk(RSA)).encode(),
        "JWK with its id": json.dumps(public_jwk(RSA, kid="rsa")).encode(),
        "modulus": public_jwk(RSA)["n"].encode(),
        "nothing": b"",
    }
    for alg, digest in (("HS256", hashlib.sha256), ("HS384", hashlib.sha384), ("HS512", hashlib.sha512)):
        for name, secret in secrets.items():
            header: dict[str, object] = {"alg": alg, "kid": "rsa"}
            mac = hmac.new(secret, signing_input(header).encode(), digest).digest()
            yield f"{alg} keyed with the public key's {name}", with_signature(header, mac)


def confusions() -> Iterator[tuple[str, str]]:
    yield "PKCS #1 v1.5 said to be PSS", compact({"alg": "PS256"}, PAYLOAD, RSA, "RS256")
    yield "PSS said to be PKCS #1 v1.5", compact({"alg": "RS256"}, PAYLOAD, RSA, "PS256")
    yield "SHA-512 said to be SHA-256", compact({"alg": "RS256"}, PAYLOAD, RSA, "RS512")
    yield "P-256 said to be P-384", compact({"alg": "ES384"}, PAYLOAD, EC, "ES256")
    yield "P-384 said to be P-256", compact({"alg": "ES256"}, PAYLOAD, EC_384, "ES384")
    yield "ES256 said to be RS256", compact({"alg": "RS256"}, PAYLOAD, EC, "ES256")
    yield "RS256 said to be ES256", compact({"alg": "ES256"}, PAYLOAD, RSA, "RS256")
    yield "Ed25519 said to be ES256", compact({"alg": "ES256"}, PAYLOAD, ED, "Ed25519")
    yield "the id of a key of another type", compact({"alg": "RS256", "kid": "ec"}, PAYLOAD, RSA, "RS256")
    yield "an unknown id", compact({"alg": "RS256", "kid": "nobody"}, PAYLOAD, RSA, "RS256")
    for alg in ("ES256K", "RS1", "rs256", "RS256 ", "Ed448", "dir", "A128GCMKW", "PBES2-HS256+A128KW"):
        yield f"alg {alg!r}", compact({"alg": alg}, PAYLOAD, RSA)


def headers_that_name_keys() -> Iterator[tuple[str, str]]:
    for name, value in (
        ("jwk", public_jwk(ROGUE)),
        ("jku", "https://evil.example/jwks"),
        ("x5u", "https://evil.example/cert"),
        ("x5c", ["MIIB"]),
        ("jwk", OctKey.import_key("s3cret-s3cret-s3cret").as_dict(private=True)),
    ):
        yield f"a rogue key by {name}", compact({"alg": "RS256", name: value}, PAYLOAD, ROGUE)
    for kid in ("../../dev/null", "' OR 1=1 --", "rsa\x00", "x" * 5000, "https://evil.example/jwks"):
        yield f"a rogue key by kid {kid[:20]!r}", compact({"alg": "RS256", "kid": kid}, PAYLOAD, ROGUE)
    kids: tuple[object, ...] = (7, ["rsa"], {"rsa": 1}, None)
    for odd in kids:
        yield f"kid is {odd!r}", compact({"alg": "RS256", "kid": odd}, PAYLOAD, ROGUE)


def extensions() -> Iterator[tuple[str, str]]:
    for crit in (["exp"], ["b64"], [], "b64", None, ["alg"], [1]):
        yield f"crit {crit!r}", compact({"alg": "RS256", "crit": crit}, PAYLOAD, RSA)
    for b64 in (False, True):
        yield f"b64 {b64}", compact({"alg": "RS256", "b64": b64}, PAYLOAD, RSA)
    yield "b64 as RFC 7797 has it", compact({"alg": "RS256", "b64": False, "crit": ["b64"]}, PAYLOAD, RSA)


def curve_signatures() -> Iterator[tuple[str, str]]:
    header: dict[str, object] = {"alg": "ES256"}
    key = EC.private_key
    assert isinstance(key, EllipticCurvePrivateKey)
    der = key.sign(signing_input(header).encode(), ec.ECDSA(hashes.SHA256()))
    yield "a signature in DER", with_signature(header, der)
    n = P256_ORDER
    for r, s in (
        (0, 0),
        (0, 1),
        (1, 0),
        (1, 1),
        (n, 1),
        (1, n),
        (n - 1, n - 1),
        (n, n),
        (2**256 - 1, 2**256 - 1),
        (n + 1, 1),
    ):
        yield f"r {r:x} s {s:x}", with_signature(header, r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    whole = EC_SIGNATURE
    yield "one byte short", with_signature(header, whole[:-1])
    yield "one byte long", with_signature(header, whole + b"\x00")
    yield "a zero in front", with_signature(header, b"\x00" + whole)
    yield "half", with_signature(header, whole[:32])
    yield "r and s exchanged", with_signature(header, whole[32:] + whole[:32])
    yield "r and s in 33 bytes each", with_signature(header, b"\x00" + whole[:32] + b"\x00" + whole[32:])
    yield "empty", with_signature(header, b"")


EC_SIGNATURE = SignedToken.parse(compact({"alg": "ES256"}, PAYLOAD, EC, "ES256"))._signature


def rsa_signatures() -> Iterator[tuple[str, str]]:
    header: dict[str, object] = {"alg": "RS256"}
    key = RSA.private_key
    assert isinstance(key, RSAPrivateKey)
    message = signing_input(header).encode()
    whole = key.sign(message, padding.PKCS1v15(), hashes.SHA256())
    modulus = key.public_key().public_numbers().n
    yield "zeros", with_signature(header, bytes(256))
    yield "one", with_signature(header, (1).to_bytes(256, "big"))
    yield "the modulus", with_signature(header, modulus.to_bytes(256, "big"))
    yield "the modulus less one", with_signature(header, (modulus - 1).to_bytes(256, "big"))
    yield "one byte short", with_signature(header, whole[:-1])
    yield "one byte long", with_signature(header, whole + b"\x00")
    yield "a zero in front", with_signature(header, b"\x00" + whole)
    yield "over the SHA-1 digest", with_signature(header, key.sign(message, padding.PKCS1v15(), hashes.SHA1()))
    yield "over another payload", with_signature(header, key.sign(message + b"x", padding.PKCS1v15(), hashes.SHA256()))
    yield "of another key", compact(header, PAYLOAD, ROGUE)


def encodings() -> Iterator[tuple[str, str]]:
    header, payload, signature = good().split(".")
    yield "padding behind the signature", f"{header}.{payload}.{signature}="
    yield "padding behind the header", f"{header}=.{payload}.{signature}"
    yield "a blank", f"{header}.{payload}. {signature}"
    yield "a newline at the end", good() + "\n"
    yield "a newline inside", f"{header}.{payload}.{signature[:10]}\n{signature[10:]}"
    yield "the standard alphabet", f"{header}.{payload}.{'+/' + signature[2:]}"
    yield "letters that look the same", f"{header}.{payload}.{chr(0x0410) + signature[1:]}"
    last = signature[-1]
    stray = next(
        c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" if ord(c) == ord(last) + 1
    )
    yield "stray bits at the end", f"{header}.{payload}.{signature[:-1]}{stray}"
    yield "one character too many", f"{header}.{payload}.{signature}A"
    yield "two parts", f"{header}.{payload}"
    yield "four parts", f"{good()}.{signature}"
    yield "an encrypted token's five parts", f"{header}.{payload}.{signature}.{payload}.{signature}"
    yield "JSON serialization", json.dumps({"protected": header, "payload": payload, "signature": signature})
    yield "a scheme in front", f"Bearer {good()}"
    yield "nothing", ""
    yield "periods", ".."
    yield "no payload", f"{header}..{signature}"
    yield "no header", f".{payload}.{signature}"


def contents() -> Iterator[tuple[str, str]]:
    for name, header in (
        ("no JSON", "alg"),
        ("a list", '["RS256"]'),
        ("a number", "1"),
        ("alg twice", '{"alg":"none","alg":"RS256"}'),
        ("alg twice, once escaped", '{"alg":"RS256","\\u0061lg":"none"}'),
        ("deep nesting", '{"alg":"RS256","x":' + "[" * 100 + "]" * 100 + "}"),
        ("a byte order mark", '\ufeff{"alg":"RS256"}'),
        ("something behind it", '{"alg":"RS256"}{}'),
    ):
        yield f"header: {name}", compact(header, PAYLOAD, RSA)
    for name, payload in (
        ("no JSON", "sub"),
        ("a list", "[]"),
        ("a text", '"sub"'),
        ("null", "null"),
        ("a claim twice", '{"sub":"a","sub":"b"}'),
        ("deep nesting", '{"sub":' + '{"a":' * 100 + "1" + "}" * 101),
        ("NaN", '{"exp":NaN}'),
        ("infinity by overflow", '{"exp":1e999}'),
        ("a lone surrogate", '{"sub":"\\ud800"}'),
        ("nothing", ""),
    ):
        yield f"payload: {name}", compact({"alg": "RS256"}, payload, RSA)


class NegativeSignatureTests(SynchronousTestCase):
    """No vector is believed."""

    def assert_rejected(self, vectors: Iterator[tuple[str, str]]) -> None:
        count = 0
        for name, text in vectors:
            count += 1
            try:
                token = SignedToken.parse(text)
                token.verify(SET.candidates(token.kid, token.alg), enabled_algorithms())
            except TokenRejected as rejected:
                self.assertNotIn(text or "?", str(rejected))
                continue
            self.fail(f"believed: {name}")
        self.assertGreater(count, 4)

    def test_control(self) -> None:
        """The good tokens that the vectors are made from are believed: it is the one point that matters."""
        for alg in ("RS256", "ES256", "Ed25519"):
            token = SignedToken.parse(good(alg))
            self.assertEqual(token.verify(SET.candidates("", alg), enabled_algorithms()), PAYLOAD)
        token = SignedToken.parse(with_signature({"alg": "ES256"}, EC_SIGNATURE))
        self.assertEqual(token.verify(SET.keys, enabled_algorithms()), PAYLOAD)

    def test_no_signature(self) -> None:
        """J1: no algorithm, or none by that name."""
        self.assert_rejected(no_signature())

    def test_shared_secrets(self) -> None:
        """J2: a public key is not a shared secret."""
        self.assert_rejected(shared_secrets())

    def test_confusions(self) -> None:
        """J3: a signature of one algorithm or key is none of another."""
        self.assert_rejected(confusions())

    def test_headers_that_name_keys(self) -> None:
        """J4: a token does not choose the key that judges it."""
        self.assert_rejected(headers_that_name_keys())

    def test_extensions(self) -> None:
        """J4: critical extensions are not understood, so not passed over."""
        self.assert_rejected(extensions())

    def test_curve_signatures(self) -> None:
        """J11: numbers out of range and other lengths are no signatures."""
        self.assert_rejected(curve_signatures())

    def test_rsa_signatures(self) -> None:
        """J11: the same for RSA."""
        self.assert_rejected(rsa_signatures())

    def test_encodings(self) -> None:
        """J11, J12: one text stands for one token, of three parts."""
        self.assert_rejected(encodings())

    def test_contents(self) -> None:
        """J10: a header or payload that two readers could read differently is refused, well signed or not."""
        self.assert_rejected(contents())
