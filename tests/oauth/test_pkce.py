"""Tests of PKCE."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.oauth.pkce import METHODS, challenge, new_verifier


class PkceTests(SynchronousTestCase):
    """Verifiers and their challenges."""

    def test_appendix_b(self) -> None:
        """The example of RFC 7636, appendix B."""
        verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        self.assertEqual(challenge(verifier, "S256"), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")

    def test_plain(self) -> None:
        """A plain challenge is the verifier."""
        self.assertEqual(challenge("v" * 43, "plain"), "v" * 43)

    def test_other_methods(self) -> None:
        """A method that there is not is refused, S256 in lower case too."""
        for method in ("", "s256", "S512", "none"):
            with self.assertRaises(ValueError):
                challenge("v" * 43, method)
        self.assertEqual(METHODS, ("S256", "plain"))

    def test_verifiers(self) -> None:
        """A verifier has 128 unreserved characters (RFC 7636 §4.1), and another one each time."""
        verifiers = {new_verifier(os.urandom) for _ in range(20)}
        self.assertEqual(len(verifiers), 20)
        for verifier in verifiers:
            self.assertRegex(verifier, r"\A[A-Za-z0-9._~-]{128}\Z")

    def test_randomness_is_used(self) -> None:
        """A verifier is made of the bytes that it is given, all of them random."""
        self.assertEqual(new_verifier(lambda size: b"\xff" * size), "_" * 128)
