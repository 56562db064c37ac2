"""Tests of the outer layers of a sealed cookie."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode

from hypothesis import assume, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.session.keys import CookieKey, KeyRing
from o2sidecar.session.sealing import CookieRefused, seal, unseal

OLD = CookieKey.from_text("fedcba9876543210")
NEW = CookieKey.from_text("0123456789abcdef0123456789abcdef")
RING = KeyRing(keys=(NEW, OLD))
NOW = 1_800_000_000


def signed(key: CookieKey, name: str, payload: str, seconds: str) -> str:
    """A value whose signature is right, whatever it signs."""
    mac = hmac.digest(key.text, f"{name}{payload}{seconds}".encode(), "sha256")
    return f"{payload}|{seconds}|{urlsafe_b64encode(mac).decode()}"


class SealTests(SynchronousTestCase):
    """What was sealed comes out again, and nothing else does."""

    def refused(self, value: str, *, name: str = "c", expire: float = 60, now: float = NOW) -> str:
        with self.assertRaises(CookieRefused) as caught:
            unseal(RING, name, value, expire, now)
        return str(caught.exception.reason)

    @given(st.binary(max_size=200), st.sampled_from([OLD, NEW]), st.integers(0, 2**40))
    def test_round_trip(self, plain: bytes, key: CookieKey, when: int) -> None:
        """Every key of the ring opens what it sealed, and the time of the seal is told."""
        self.assertEqual(unseal(RING, "c", seal(key, "c", plain, when), 60, when), (plain, when))

    @given(st.lists(st.tuples(st.binary(max_size=70), st.sampled_from([OLD, NEW])), min_size=2, max_size=6))
    def test_one_after_another(self, sealed: list[tuple[bytes, CookieKey]]) -> None:
        """Whatever a key opened before, and of whatever length, the next cookie opens to what it holds."""
        values = [(plain, seal(key, "c", plain, NOW)) for plain, key in sealed]
        for plain, value in values:
            self.assertEqual(unseal(RING, "c", value, 60, NOW), (plain, NOW))

    def test_randomness_is_used(self) -> None:
        """Two seals of the same differ, and the given source of randomness decides how."""
        self.assertNotEqual(seal(NEW, "c", b"x", NOW), seal(NEW, "c", b"x", NOW))
        fixed = [seal(NEW, "c", b"x", NOW, random=lambda size: b"r" * size) for _ in range(2)]
        self.assertEqual(fixed[0], fixed[1])

    @given(st.data())
    def test_any_change_is_refused(self, data: st.DataObject) -> None:
        """No character can be changed, taken away or added (security.md S3)."""
        value = seal(NEW, "c", b"somebody", NOW)
        place = data.draw(st.integers(0, len(value) - 1))
        character = data.draw(st.sampled_from("ABab01-_=|+/ é\x00"))
        changed = data.draw(
            st.sampled_from(
                [
                    value[:place] + character + value[place + 1 :],
                    value[:place] + value[place + 1 :],
                    value[:place] + character + value[place:],
                ]
            )
        )
        assume(changed != value)
        self.refused(changed)

    def test_another_name(self) -> None:
        """A value is bound to the name of its cookie (security.md S3)."""
        self.assertEqual(self.refused(seal(NEW, "c_csrf", b"x", NOW)), "signature")

    def test_another_key(self) -> None:
        """A value of a key that is not on the ring is refused."""
        stranger = CookieKey.from_text("another secret!!")
        self.assertEqual(self.refused(seal(stranger, "c", b"x", NOW)), "signature")

    def test_borders_cannot_be_moved(self) -> None:
        """Digits of the time that move into the payload, which the signature does not notice, open nothing (S4)."""
        value = seal(NEW, "c", b"12345678", NOW, random=lambda size: b"r" * size)
        payload, seconds, mac = value.split("|")
        self.assertRegex(payload, "[A-Za-z_-]$")
        moved = f"{payload}{seconds[:4]}|{seconds[4:]}|{mac}"
        self.assertEqual(self.refused(moved), "expired")
        self.assertEqual(self.refused(f"{payload[:-1]}|{payload[-1]}{seconds}|{mac}"), "malformed")
        digits = signed(NEW, "c", "AAAA9999", str(NOW))
        text = digits.replace("9999|", "|9999")
        self.assertEqual(self.refused(text), "future")

    def test_age(self) -> None:
        """A cookie is good until it is `expire` seconds old, and up to five minutes ahead of our clock (S10)."""
        value = seal(NEW, "c", b"x", NOW)
        unseal(RING, "c", value, 60, NOW + 59)
        self.assertEqual(self.refused(value, now=NOW + 60), "expired")
        unseal(RING, "c", value, 60, NOW - 299)
        self.assertEqual(self.refused(value, now=NOW - 300), "future")

    def test_no_expiry(self) -> None:
        """With `expire` 0 any age will do, but not the future."""
        value = seal(NEW, "c", b"x", 1)
        self.assertEqual(unseal(RING, "c", value, 0, NOW), (b"x", 1))
        self.assertEqual(self.refused(seal(NEW, "c", b"x", NOW + 300), expire=0), "future")

    def test_times_that_are_none(self) -> None:
        """A signed time must be a number of seconds."""
        for seconds in ("", "x", "-1", "1.5", "1_0", "0x10", "٣", "9" * 19, "+", " 1", "1 "):
            self.assertEqual(self.refused(signed(NEW, "c", "A" * 24, seconds), expire=0), "malformed", seconds)

    def test_payloads_that_are_none(self) -> None:
        """A signed payload must be URL-safe base64 with padding that holds at least an IV."""
        for payload in ("", "A", "AAAA", "+" * 24, "/" * 24, "A" * 23, "A" * 21 + "=", "A" * 22 + "==AAAA", "!" * 24):
            self.assertEqual(self.refused(signed(NEW, "c", payload, str(NOW))), "malformed", payload)

    def test_only_an_iv(self) -> None:
        """What was sealed may be empty; whoever opens it has to cope."""
        self.assertEqual(unseal(RING, "c", seal(NEW, "c", b"", NOW), 60, NOW), (b"", NOW))

    @given(st.text(max_size=80))
    def test_any_text(self, value: str) -> None:
        """Whatever a browser sends is refused by the one exception."""
        self.refused(value)

    @given(st.text(alphabet="AZaz09-_+/=!é", max_size=40), st.text(alphabet="0123456789+-. ", max_size=22))
    def test_any_signed_text(self, payload: str, seconds: str) -> None:
        """Even what was signed opens or is refused by the one exception."""
        try:
            unseal(RING, "c", signed(NEW, "c", payload, seconds), 0, NOW)
        except CookieRefused as refused:
            self.assertIn(refused.reason, ("malformed", "future"))

    def test_the_exception_tells_no_secret(self) -> None:
        """The message has the reason and nothing of the cookie."""
        try:
            unseal(RING, "c", "s3cret|1|x", 60, NOW)
        except CookieRefused as refused:
            self.assertEqual(str(refused), "the cookie is refused: signature")
