"""Tests for `o2sidecar.guard.credentials`: what an Authorization field holds."""

from __future__ import annotations

import base64

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.guard.credentials import Credentials

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln"


def basic(pair: str | bytes, scheme: str = "Basic") -> bytes:
    raw = pair if isinstance(pair, bytes) else pair.encode()
    return scheme.encode() + b" " + base64.b64encode(raw)


class CredentialsTests(SynchronousTestCase):
    """`Credentials.read`."""

    def test_bearer(self) -> None:
        """A bearer token is found whatever the case of its scheme (RFC 9110 §11.1), and with blanks around it."""
        for field in (f"Bearer {TOKEN}", f"bearer {TOKEN}", f"BEARER   {TOKEN} "):
            self.assertEqual(Credentials.read(field.encode()), Credentials(token=TOKEN), field)

    def test_token_as_basic(self) -> None:
        """A token may come as the user without a password or with GitHub's word for none, or as the password."""
        for pair in (f"{TOKEN}:", f"{TOKEN}:x-oauth-basic", f"anybody:{TOKEN}", f":{TOKEN}"):
            self.assertEqual(Credentials.read(basic(pair)), Credentials(token=TOKEN), pair)

    def test_user_and_password(self) -> None:
        """RFC 7617 §2: the first colon parts user and password; both may hold what else they like, in UTF-8."""
        for user, password in (("bob", "pw"), ("bob", "a:b:c"), ("bob", ""), ("", "pw"), ("bøb", "päss wörd")):
            self.assertEqual(Credentials.read(basic(f"{user}:{password}")), Credentials(user=user, password=password))
        self.assertEqual(Credentials.read(basic(f"{TOKEN}:pw")), Credentials(user=TOKEN, password="pw"))

    def test_nothing(self) -> None:
        """Whatever is neither gives nothing, without an exception."""
        for field in (
            b"", b" ", b"Bearer", b"Bearer ", b"Bearer opaque", b"Bearer a.b.c", b"Bearer eyJ.a", b"Digest x", b"junk",
            b"Basic", b"Basic ", b"Basic ???", b"Basic Ym9iOnB3*", b"Basic Ym9i OnB3", basic("bob"),
            basic(b"\xff\xfe:pw"), basic("bob\0:pw"), basic("bob:p\nw"), basic("bob:p\x85w"),
            f"Bearer {TOKEN}\x01".encode(), f"Bearer{TOKEN}".encode(), b"Bearer " + b"\xff" * 60_000,
        ):  # fmt: skip
            self.assertEqual(Credentials.read(field), Credentials(), field[:40])

    def test_the_case_of_basic_counts(self) -> None:
        """`basic` opens nothing, as with oauth2-proxy: half a fleet must not open what the other half does not."""
        self.assertEqual(Credentials.read(basic("bob:pw", "basic")), Credentials())

    def test_nothing_shows(self) -> None:
        """Neither token nor password is in a `repr`."""
        for field in (f"Bearer {TOKEN}".encode(), basic("bob:hunter2")):
            shown = repr(Credentials.read(field))
            self.assertNotIn(TOKEN, shown)
            self.assertNotIn("hunter2", shown)

    @given(st.binary(max_size=200))
    def test_any_bytes(self, noise: bytes) -> None:
        """Any bytes are judged without an exception, behind any scheme."""
        for field in (noise, b"Bearer " + noise, b"Basic " + noise, basic(noise)):
            Credentials.read(field)
