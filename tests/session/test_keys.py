"""Tests of cookie secrets as keys."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.session.keys import CookieKey, KeyRing
from tests.session.vectors import recorded_cookies

KEYS = st.sampled_from([16, 24, 32]).flatmap(lambda size: st.binary(min_size=size, max_size=size))


class CookieKeyTests(SynchronousTestCase):
    """A secret's text gives a key, or a sentence that says why not."""

    def test_recorded_keys(self) -> None:
        """Every recorded secret gives the AES key that oauth2-proxy made of it."""
        vectors = recorded_cookies()["vectors"]
        self.assertGreater(len(vectors), 20)
        for vector in vectors:
            key = CookieKey.from_text(vector["cookie_secret"])
            self.assertEqual(key.aes.hex(), vector["aes_key_hex"], vector["label"])
            self.assertEqual(key.text.decode(), vector["cookie_secret"])

    @given(KEYS, st.booleans())
    def test_url_safe_base64(self, aes: bytes, padded: bool) -> None:
        """URL-safe base64 of a key gives that key, padded or not."""
        text = urlsafe_b64encode(aes).decode()
        self.assertEqual(CookieKey.from_text(text if padded else text.rstrip("=")).aes, aes)

    def test_standard_base64(self) -> None:
        """Standard base64 gives the key too, where oauth2-proxy would not start (CONTRACT §10 #27)."""
        aes = b"\xfb\xef\xbe" * 10 + b"\xff\xff"
        text = b64encode(aes).decode()
        self.assertIn("+", text)
        self.assertEqual(CookieKey.from_text(text).aes, aes)
        self.assertEqual(CookieKey.from_text(text.rstrip("=")).aes, aes)

    def test_text_comes_before_standard_base64(self) -> None:
        """A text of a key's length with a plus sign is that key, as oauth2-proxy reads it."""
        text = "abcdefgh+jklmnop"
        self.assertEqual(CookieKey.from_text(text).aes, text.encode())

    def test_letters_only(self) -> None:
        """32 letters are base64 of 24 bytes (golden cookie-secret-32-alnum)."""
        self.assertEqual(len(CookieKey.from_text("abcdefghijklmnopqrstuvwxyz012345").aes), 24)

    def test_refusal(self) -> None:
        """A secret that makes no key is refused with the sizes that would do and the size that it has."""
        for secret, size in (("", "0"), ("short", "5"), ("x" * 33, "33"), ("é" * 9, "18"), ("=" * 17, "17")):
            with self.assertRaises(ValueError) as caught:
                CookieKey.from_text(secret)
            message = str(caught.exception)
            for part in ("16, 24 or 32", f"{size} bytes long"):
                self.assertIn(part, message)
            if secret:
                self.assertNotIn(secret, message)

    def test_a_key_of_another_size_cannot_exist(self) -> None:
        """No key is made of a number of bytes that AES has no use for."""
        with self.assertRaises(ValueError):
            CookieKey(text=b"", aes=b"x" * 15)

    def test_secrets_stay_out_of_the_repr(self) -> None:
        """A key that is printed tells nothing."""
        self.assertNotIn("0123456789abcdef", repr(KeyRing.from_texts(["0123456789abcdef"])))


class KeyRingTests(SynchronousTestCase):
    """A ring knows which key seals."""

    def test_the_first_seals(self) -> None:
        """The first secret is the one that new cookies are sealed with."""
        ring = KeyRing.from_texts(["0123456789abcdef", "fedcba9876543210"])
        self.assertEqual(ring.sealing.text, b"0123456789abcdef")
        self.assertEqual(len(ring.keys), 2)

    def test_no_key(self) -> None:
        """A ring without a key cannot exist."""
        with self.assertRaises(ValueError):
            KeyRing.from_texts([])
