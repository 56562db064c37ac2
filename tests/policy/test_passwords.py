"""Tests for `o2sidecar.policy.passwords`: htpasswd entries, and whose password fits."""

from __future__ import annotations

import bcrypt
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.policy.passwords import Passwords, fits

BOB = "$2b$04$ymkTAWcSGeMiFbjKmQRY.Ocrj090liDkZsqcJr6frQa0KOJAGpW6G"
CAROL = "{SHA}stOsjhQ+/Zr2RzmhAD8uggClG7Y="


def hashed(password: bytes, prefix: bytes = b"2b") -> str:
    return bcrypt.hashpw(password, bcrypt.gensalt(4)).replace(b"$2b$", b"$" + prefix + b"$").decode()


class ParseTests(SynchronousTestCase):
    """`Passwords.parse`."""

    def test_entries(self) -> None:
        """Comments, empty lines and blanks around an entry do not count; CRLF does no harm; the last of two wins."""
        found = Passwords.parse(f"# users\r\n\r\n  bob:{BOB}  \r\ncarol:{BOB}\ncarol:{CAROL}\n".encode())
        self.assertEqual(found.hashes, {"bob": BOB, "carol": CAROL})
        self.assertEqual(found.complaint, "")
        self.assertTrue(found.need_bcrypt)
        self.assertEqual(found.slowest, BOB)

    def test_nothing(self) -> None:
        """A file may be empty: then there is nobody."""
        found = Passwords.parse(b"")
        self.assertEqual((found.hashes, found.slowest, found.need_bcrypt), ({}, "", False))

    def test_unusable_ones_are_all_told(self) -> None:
        """CONTRACT §10 #31: every entry that cannot be used is told by its user, and no hash is shown."""
        lines = [
            "eve:$apr1$xyz$abc", f"bob:{BOB}", "fay:plain-secret", "gus:", "no colon", ":x", f"hal:{BOB[:-1]}",
            f"ian:{BOB.replace('$04$', '$31$')}", f"jan:{BOB.replace('$04$', '$03$')}", "kim:{SHA}abc", "lou:{SHA}YWJj",
            f"max:{BOB.replace('$2b$', '$1$')}",
        ]  # fmt: skip
        found = Passwords.parse("\n".join(lines).encode())
        self.assertEqual(
            found.unusable, ("eve", "fay", "gus", "line 5", "line 6", "hal", "ian", "jan", "kim", "lou", "max")
        )
        self.assertEqual(list(found.hashes), ["bob"])
        self.assertNotIn("plain-secret", found.complaint + repr(found))
        self.assertNotIn(BOB, repr(found))

    def test_not_text(self) -> None:
        """What is not UTF-8 is refused."""
        self.assertRaises(UnicodeDecodeError, Passwords.parse, b"b\xffb:x")

    @given(st.binary(max_size=300))
    def test_any_bytes(self, content: bytes) -> None:
        """Any file is read or refused as text, nothing else."""
        try:
            Passwords.parse(content)
        except UnicodeDecodeError:
            return


class FitsTests(SynchronousTestCase):
    """`fits`."""

    def test_kinds(self) -> None:
        """Bcrypt under its three names, and SHA."""
        self.assertTrue(fits("bobpw", BOB))
        self.assertTrue(fits("carolpw", CAROL))
        for prefix in (b"2a", b"2b", b"2y"):
            self.assertTrue(fits("pw", hashed(b"pw", prefix)), prefix)

    def test_wrong(self) -> None:
        """Anything else does not fit, the empty password and one with NUL among it."""
        for password in ("", "nope", "bobpw\0", "bobpw ", "\0", "x" * 60_000):
            self.assertFalse(fits(password, BOB), password[:10])
            self.assertFalse(fits(password, CAROL), password[:10])
        self.assertFalse(fits("", ""))
        self.assertFalse(fits("pw", "$2b$04$" + "." * 53))

    def test_long_ones(self) -> None:
        """Bcrypt looks at 72 bytes; a longer password fits as it does elsewhere, and nothing breaks."""
        self.assertTrue(fits("a" * 100, hashed(b"a" * 72)))
        self.assertFalse(fits("a" * 71, hashed(b"a" * 72)))
        self.assertTrue(fits("ä" * 50, hashed(("ä" * 36).encode())))
