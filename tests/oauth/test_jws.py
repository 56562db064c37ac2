"""Tests for `o2sidecar.oauth.jws`: what is a signed token, and whose signature counts."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.oauth.jwk_set import JwkSet
from o2sidecar.oauth.jws import MAX_TOKEN, SignedToken, TokenRejected
from o2sidecar.oauth.signing_algorithms import enabled_algorithms
from tests.fakes import b64url, compact, public_jwk, signing_key

KEYS = {
    "RS256": signing_key(), "RS384": signing_key(), "RS512": signing_key(),
    "PS256": signing_key(), "PS384": signing_key(), "PS512": signing_key(),
    "ES256": signing_key("ec", "EC", "P-256"), "ES384": signing_key("P-384", "EC", "P-384"),
    "ES512": signing_key("P-521", "EC", "P-521"),
    "Ed25519": signing_key("ed", "OKP", "Ed25519"),
}  # fmt: skip
SET = JwkSet.from_json(
    json.dumps({"keys": [public_jwk(key) for key in {id(key): key for key in KEYS.values()}.values()]}).encode()
)


class ParseTests(SynchronousTestCase):
    """`SignedToken.parse`."""

    def test_header(self) -> None:
        """Algorithm, key id and type are told; the type without its long form and in lower case."""
        token = SignedToken.parse(
            compact({"alg": "RS256", "kid": "k", "typ": "application/JWT"}, {"a": 1}, signing_key())
        )
        self.assertEqual(
            (token.alg, token.kid, token.typ, dict(token.unverified_claims)), ("RS256", "k", "jwt", {"a": 1})
        )

    def test_header_without_id_and_type(self) -> None:
        """Both may be missing."""
        token = SignedToken.parse(compact({"alg": "RS256"}, {}, signing_key()))
        self.assertEqual((token.kid, token.typ), ("", ""))

    def test_size(self) -> None:
        """J10: a token over the limit is refused unread."""
        text = compact({"alg": "RS256"}, {"pad": "a" * 1000}, signing_key())
        self.assertTrue(SignedToken.parse(text, max_length=len(text)))
        for most, longer in ((len(text) - 1, text), (MAX_TOKEN, "a." * MAX_TOKEN)):
            with self.assertRaises(TokenRejected):
                SignedToken.parse(longer, max_length=most)

    @settings(deadline=None)
    @given(st.text(max_size=60) | st.text("abcdefghABCDEFGH-_=.", max_size=60))
    def test_junk(self, text: str) -> None:
        """Whatever text comes, it is a token or rejected; nothing else happens."""
        try:
            SignedToken.parse(text)
        except TokenRejected as rejected:
            self.assertTrue(rejected.reason)

    @settings(deadline=None)
    @given(st.binary(max_size=40), st.binary(max_size=40))
    def test_junk_inside(self, header: bytes, payload: bytes) -> None:
        """The same for what is in the parts."""
        try:
            SignedToken.parse(f"{b64url(header)}.{b64url(payload)}.AAAA")
        except TokenRejected as rejected:
            self.assertTrue(str(rejected))

    def test_repr_hides_content(self) -> None:
        """X4: the representation holds neither claims nor signature."""
        text = compact({"alg": "RS256"}, {"email": "s3cret@x.org"}, signing_key())
        shown = repr(SignedToken.parse(text))
        self.assertNotIn("s3cret", shown)
        self.assertNotIn("signature", shown)


class VerifyTests(SynchronousTestCase):
    """`SignedToken.verify`."""

    def test_every_algorithm(self) -> None:
        """A signature of each algorithm is verified among all the keys."""
        for alg, key in KEYS.items():
            token = SignedToken.parse(compact({"alg": alg}, {"sub": alg}, key, alg))
            self.assertEqual(token.verify(SET.keys, enabled_algorithms()), {"sub": alg})

    def test_older_name_of_ed25519(self) -> None:
        """`EdDSA` is Ed25519 by its older name."""
        token = SignedToken.parse(compact({"alg": "EdDSA"}, {}, KEYS["Ed25519"], "Ed25519"))
        self.assertEqual(token.verify(SET.keys, enabled_algorithms()), {})

    def test_algorithm_not_enabled(self) -> None:
        """J3: a good signature of an algorithm that is not on the list is refused."""
        for alg, key in KEYS.items():
            token = SignedToken.parse(compact({"alg": alg}, {}, key, alg))
            with self.assertRaises(TokenRejected) as caught:
                token.verify(SET.keys, enabled_algorithms() - {alg})
            self.assertEqual(caught.exception.reason, "token_algorithm")

    def test_tampered(self) -> None:
        """A token with one character changed anywhere is refused."""
        text = compact({"alg": "ES256"}, {"sub": "user-1"}, KEYS["ES256"], "ES256")
        for index in range(len(text)):
            changed = text[:index] + ("A" if text[index] != "A" else "B") + text[index + 1 :]
            with self.assertRaises(TokenRejected):
                SignedToken.parse(changed).verify(SET.keys, enabled_algorithms())

    def test_no_keys(self) -> None:
        """Without keys nothing is verified."""
        token = SignedToken.parse(compact({"alg": "RS256"}, {}, signing_key()))
        with self.assertRaises(TokenRejected) as caught:
            token.verify((), enabled_algorithms())
        self.assertEqual(caught.exception.reason, "token_signature")
        self.assertIn("verify", str(caught.exception))
