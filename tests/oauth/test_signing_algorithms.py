"""Tests for `o2sidecar.oauth.signing_algorithms`: which algorithms a provider's tokens may use."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.oauth.signing_algorithms import KEY_TYPES, enabled_algorithms


class EnabledTests(SynchronousTestCase):
    """`enabled_algorithms`."""

    def test_default(self) -> None:
        """J1, J2: all asymmetric ones, and nothing that anybody could sign with a public key or without any."""
        self.assertEqual(enabled_algorithms(), frozenset(KEY_TYPES))
        self.assertFalse(any(alg == "none" or alg.startswith("HS") for alg in enabled_algorithms()))

    def test_configured(self) -> None:
        """Settings narrow the choice, and so does what the provider says it uses."""
        self.assertEqual(enabled_algorithms(["ES256", "RS256"]), {"ES256", "RS256"})
        self.assertEqual(enabled_algorithms(["ES256", "RS256"], ["RS256", "HS256", "none"]), {"RS256"})
        self.assertEqual(enabled_algorithms((), ["RS256", "none"]), {"RS256"})

    def test_nothing_in_common(self) -> None:
        """A provider that offers nothing acceptable gets nothing accepted."""
        self.assertEqual(enabled_algorithms(["ES256"], ["RS256"]), frozenset())
        self.assertEqual(enabled_algorithms((), ["HS256", "none"]), frozenset())

    def test_two_names_of_one(self) -> None:
        """Either name of EdDSA admits the other."""
        self.assertEqual(enabled_algorithms(["EdDSA"], ["Ed25519"]), {"EdDSA", "Ed25519"})

    def test_unknown(self) -> None:
        """Unknown names, `none` and the HMACs cannot be configured; the message names them."""
        for name in ("none", "HS256", "RS1", "rs256", ""):
            with self.assertRaises(ValueError) as caught:
                enabled_algorithms(["RS256", name])
            self.assertIn(f"algorithm {name}", str(caught.exception))
