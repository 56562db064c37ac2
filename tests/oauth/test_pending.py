"""Tests of logins that are under way."""

from __future__ import annotations

import os

import msgpack  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.oauth.pending import PendingLogin


class PendingLoginTests(SynchronousTestCase):
    """A login remembers its secrets and tells their hashes."""

    def test_hashes(self) -> None:
        """Hashes are unpadded URL-safe base64 of SHA-256."""
        pending = PendingLogin(state=b"abc", nonce=b"")
        self.assertEqual(pending.state_hash, "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0")
        self.assertEqual(pending.nonce_hash, "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU")

    def test_answers(self) -> None:
        """A login knows its own state, and takes no other text for it."""
        pending = PendingLogin(state=os.urandom(32), nonce=os.urandom(32))
        self.assertTrue(pending.answers(pending.state_hash))
        for other in ("", pending.state_hash[:-1], pending.state_hash + "=", pending.nonce_hash, "é", "\ud800"):
            self.assertFalse(pending.answers(other))

    @settings(deadline=None)
    @given(st.binary(min_size=1, max_size=64), st.binary(max_size=64), st.text(max_size=130))
    def test_round_trip(self, state: bytes, nonce: bytes, verifier: str) -> None:
        """What is packed comes out as it went in."""
        pending = PendingLogin(state=state, nonce=nonce, code_verifier=verifier)
        self.assertEqual(PendingLogin.unpack(pending.packed()), pending)

    def test_wire_form(self) -> None:
        """The map has oauth2-proxy's names, and no verifier if there is none."""
        self.assertEqual(msgpack.unpackb(PendingLogin(state=b"s", nonce=b"n").packed()), {"s": b"s", "n": b"n"})
        packed = PendingLogin(state=b"s", nonce=b"n", code_verifier="v").packed()
        self.assertEqual(msgpack.unpackb(packed), {"s": b"s", "n": b"n", "cv": "v"})

    @settings(deadline=None)
    @given(st.binary(max_size=40))
    def test_any_bytes(self, packed: bytes) -> None:
        """Whatever is unpacked is a login or refused by the one exception."""
        try:
            PendingLogin.unpack(packed)
        except ValueError as error:
            self.assertEqual(str(error), "the cookie holds no login")

    def test_no_login(self) -> None:
        """Maps without the secrets, or with other things in their place, are refused."""
        cases: tuple[object, ...] = (
            {}, {"s": b"s"}, {"n": b"n"}, {"s": "s", "n": b"n"}, {"s": b"", "n": b"n"}, {"s": b"s", "n": None},
            {"s": b"s", "n": b"n", "cv": 1}, {"s": b"s" * 2000, "n": b"n"}, [], None, "s",
        )  # fmt: skip
        for fields in cases:
            with self.assertRaises(ValueError):
                PendingLogin.unpack(msgpack.packb(fields))

    def test_secrets_stay_out_of_the_repr(self) -> None:
        """A login that is printed tells nothing."""
        self.assertEqual(repr(PendingLogin(state=b"abc", nonce=b"n", code_verifier="v")), "PendingLogin(provider='')")
