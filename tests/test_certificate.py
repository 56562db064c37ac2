"""Tests of a server's certificate with its key."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.certificate import Certificate
from tests.server_certificates import pair


class CertificateTests(SynchronousTestCase):
    """What can be served with is taken, all else is refused by a sentence."""

    def refused(self, chain: bytes, key: bytes) -> str:
        """The sentence; it shows nothing of the key."""
        error = self.assertRaises(ValueError, Certificate.parse, chain, key)
        for line in pair().key.splitlines()[1:-1]:
            self.assertNotIn(line.decode(), str(error))
        return str(error)

    def test_a_pair(self) -> None:
        """Certificate and key, of either kind, and those that certify the certificate behind it."""
        for kind in ("ec", "rsa"):
            one = pair(kind=kind)
            made = Certificate.parse(one.certificate + pair(2).certificate, one.key)
            self.assertEqual([each.serial_number for each in made.chain], [1, 2])
            self.assertLess(made.since, made.until)
            self.assertNotIn("key=", repr(made))

    def test_one_file(self) -> None:
        """Both may stand in one text, in any order."""
        one = pair()
        for text in (one.certificate + one.key, one.key + one.certificate):
            Certificate.parse(text, text)

    def test_what_is_no_pair(self) -> None:
        """A certificate and another one's key, or the issuer's certificate in front, do not go together."""
        self.assertIn("do not belong together", self.refused(pair(1).certificate, pair(2).key))
        self.assertIn("comes first", self.refused(pair(2).certificate + pair(1).certificate, pair(1).key))

    def test_unusable(self) -> None:
        """An encrypted key, texts the wrong way round, cut ones and none are named."""
        one = pair()
        self.assertIn("the key is encrypted", self.refused(one.certificate, one.encrypted_key))
        self.assertIn("the certificate is none", self.refused(one.key, one.certificate))
        self.assertIn("the certificate is none", self.refused(one.certificate[:200], one.key))
        self.assertIn("the key is no private key", self.refused(one.certificate, one.key[:100]))
        self.assertIn("the certificate is none", self.refused(b"", b""))

    @given(st.booleans(), st.integers(0, 400), st.binary(min_size=1, max_size=3))
    def test_damaged(self, in_key: bool, where: int, what: bytes) -> None:
        """Whatever is damaged, there is a pair or a `ValueError`."""
        chain, key = pair().certificate, pair().key
        if in_key:
            key = key[:where] + what + key[where + len(what) :]
        else:
            chain = chain[:where] + what + chain[where + len(what) :]
        try:
            Certificate.parse(chain, key)
        except ValueError as error:
            self.assertTrue(str(error))
