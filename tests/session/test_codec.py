"""Tests of sessions as cookie values, and of the recorded vectors and verdicts of oauth2-proxy."""

from __future__ import annotations

from typing import Any

import lz4.frame
import msgpack  # type: ignore[import-untyped]
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.session.codec import SessionCodec
from o2sidecar.session.cookies import CookieAttributes, SessionCookie, parse_cookies
from o2sidecar.session.keys import KeyRing
from o2sidecar.session.sealing import CookieRefused, seal, unseal
from o2sidecar.session.session import Session
from tests.session.vectors import other_codec, recorded_cookies

SECRET = "0123456789abcdef"
RING = KeyRing.from_texts([SECRET])
CODEC = SessionCodec(ring=RING, expire=0)
NOW = 1_800_000_000.0
WEEK = 168 * 3600
ORACLE = other_codec()

TEXTS = st.text(max_size=30)
CLAIMS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
SESSIONS = st.builds(
    Session,
    created_at=st.integers(0, 2**33).map(float),
    expires_on=st.none() | st.integers(0, 2**34).map(float),
    access_token=TEXTS,
    id_token=TEXTS,
    refresh_token=TEXTS,
    nonce=st.binary(max_size=40),
    email=TEXTS,
    user=TEXTS,
    groups=st.lists(TEXTS, max_size=4).map(tuple),
    preferred_username=TEXTS,
    additional_claims=st.dictionaries(TEXTS, CLAIMS, max_size=3),
)


def cookie_of(case: dict[str, Any], expire: float) -> SessionCookie:
    """The reader that a recorded case was shown to."""
    ring = KeyRing.from_texts([case["cookie_secret"]])
    return SessionCookie(
        attributes=CookieAttributes(name=case["cookie_name"]), codec=SessionCodec(ring=ring, expire=expire)
    )


def field_of(case: dict[str, Any]) -> bytes:
    return "; ".join(f"{name}={value}" for name, value in case["cookies"].items()).encode()


class RecordedTests(SynchronousTestCase):
    """What oauth2-proxy wrote is read, and its verdicts are ours."""

    def test_vectors(self) -> None:
        """Every recorded cookie opens, over the wire, to the session that oauth2-proxy put into it."""
        vectors = recorded_cookies()["vectors"]
        self.assertGreater(len(vectors), 20)
        for vector in vectors:
            session = cookie_of(vector, 0).read(parse_cookies([field_of(vector)]), vector["timestamp"])
            assert session is not None
            for name, wanted in vector["session"].items():
                found = getattr(session, name)
                if name in ("created_at", "expires_on"):
                    self.assertAlmostEqual(found, wanted["sec"] + wanted["nsec"] / 1e9, places=5)
                elif name == "nonce":
                    self.assertEqual(found.hex(), wanted["hex"])
                else:
                    self.assertEqual(list(found) if name == "groups" else found, wanted, vector["label"])
            absent = {field.name for field in Session.__attrs_attrs__} - vector["session"].keys()
            self.assertEqual([name for name in absent if getattr(session, name)], [], vector["label"])

    def test_verdicts(self) -> None:
        """Every recorded cookie is accepted or refused as oauth2-proxy did."""
        verdicts = recorded_cookies()["verdicts"]
        self.assertGreaterEqual(len(verdicts), 50)
        for verdict in verdicts:
            try:
                session = cookie_of(verdict, WEEK).read(parse_cookies([field_of(verdict)]), verdict["minted_at"])
            except CookieRefused:
                session = None
            self.assertEqual("refused" if session is None else "accepted", verdict["oauth2_proxy"], verdict["label"])

    def test_an_empty_map_names_nobody(self) -> None:
        """The empty session that oauth2-proxy lets pass opens here too, and says that it is nobody's (§10 #32)."""
        [verdict] = [one for one in recorded_cookies()["verdicts"] if one["label"] == "empty map"]
        session = cookie_of(verdict, WEEK).read(parse_cookies([field_of(verdict)]), verdict["minted_at"])
        assert session is not None
        self.assertFalse(session.names_somebody)

    @given(SESSIONS)
    def test_the_other_reader(self, session: Session) -> None:
        """An independent reader of the format finds in our cookies what we put in."""
        fields = ORACLE.decode_session(SECRET, "c", CODEC.encode("c", session), expire=0, now=2**35)
        self.assertEqual(fields.get("email", ""), session.email)
        self.assertEqual(fields.get("groups", []), list(session.groups))
        self.assertEqual(fields.get("nonce", b""), session.nonce)
        self.assertEqual(fields["created_at"].sec, session.created_at)
        self.assertEqual(fields.get("additional_claims", {}), session.additional_claims)

    @given(SESSIONS)
    def test_the_other_writer(self, session: Session) -> None:
        """What an independent writer of the format made opens to the session that it was given."""
        fields = {
            field.name: list(value) if field.name == "groups" else value
            for field in Session.__attrs_attrs__
            if (value := getattr(session, field.name)) is not None
        }
        value = ORACLE.encode_session(SECRET, "c", fields, when=int(session.created_at or 0))
        self.assertEqual(evolve(CODEC.decode("c", value, 2**35), created_at=session.created_at), session)


class CodecTests(SynchronousTestCase):
    """Sessions go into values and come out again."""

    def refused(self, plain: bytes) -> str:
        with self.assertRaises(CookieRefused) as caught:
            CODEC.decode("c", seal(RING.sealing, "c", plain, int(NOW)), NOW)
        return str(caught.exception.reason)

    @given(SESSIONS)
    def test_round_trip(self, session: Session) -> None:
        """A session comes out as it went in."""
        self.assertEqual(CODEC.decode("c", CODEC.encode("c", session), 2**35), session)

    @given(st.floats(0, 2**33))
    def test_fractions_of_seconds(self, moment: float) -> None:
        """Times keep their fraction to the microsecond, and the seal has the whole second."""
        value = CODEC.encode("c", Session(created_at=moment, expires_on=moment))
        session = CODEC.decode("c", value, 2**35)
        self.assertAlmostEqual(session.created_at or 0, moment, places=5)
        self.assertEqual(int(value.split("|")[1]), int(moment))

    def test_no_beginning(self) -> None:
        """A session that does not say when it began cannot be sealed."""
        with self.assertRaises(ValueError):
            CODEC.encode("c", Session(user="u"))

    def test_key_rotation(self) -> None:
        """A second secret opens what it wrote when it was the first; new cookies are the first's."""
        after = SessionCodec(ring=KeyRing.from_texts(["new secret no. 1", SECRET]), expire=0)
        session = Session(user="u", created_at=NOW)
        self.assertEqual(after.decode("c", CODEC.encode("c", session), NOW), session)
        with self.assertRaises(CookieRefused):
            CODEC.decode("c", after.encode("c", session), NOW)

    def test_a_bomb(self) -> None:
        """A small cookie that inflates to many megabytes is refused after the first (security.md D5)."""
        frame = lz4.frame.compress(msgpack.packb({"e": "a" * (64 << 20)}))
        self.assertEqual(self.refused(frame), "content")

    def test_the_limit_is_exact(self) -> None:
        """A session of just the limit opens, one byte more does not."""
        plain = msgpack.packb({"u": "a" * 1000})
        value = seal(RING.sealing, "c", lz4.frame.compress(plain), int(NOW))
        exact = SessionCodec(ring=RING, expire=0, inflated_limit=len(plain))
        self.assertEqual(exact.decode("c", value, NOW).user, "a" * 1000)
        with self.assertRaises(CookieRefused):
            SessionCodec(ring=RING, expire=0, inflated_limit=len(plain) - 1).decode("c", value, NOW)

    def test_what_follows_the_frame(self) -> None:
        """Bytes after the frame are refused: they may be digits of the time that were moved (security.md S4)."""
        frame = lz4.frame.compress(msgpack.packb({"u": "u"}))
        self.assertEqual(self.refused(frame + b"\xd7\xde\x7e"), "content")

    def test_frames_cut_short(self) -> None:
        """A frame that ends early is refused wherever it ends."""
        frame = lz4.frame.compress(msgpack.packb({"u": "somebody"}), content_checksum=True)
        for end in range(len(frame)):
            self.assertEqual(self.refused(frame[:end]), "content", str(end))

    def test_types_that_do_not_fit(self) -> None:
        """Fields of a type that oauth2-proxy refuses are refused."""
        cases: tuple[Any, ...] = (
            {"u": 1}, {"e": ["a"]}, {"g": "dev"}, {"g": [1]}, {"g": {}}, {"ca": 1}, {"eo": 1.5}, {"ca": "now"},
            {"n": 7}, {"ac": []}, {"at": True}, [], "text", 5, None, {1: 2},
        )  # fmt: skip
        for fields in cases:
            self.assertEqual(self.refused(lz4.frame.compress(msgpack.packb(fields))), "content", repr(fields))

    def test_nil_is_as_good_as_absent(self) -> None:
        """A field that is nil is empty."""
        names = ("ca", "eo", "at", "it", "rt", "n", "e", "u", "g", "pu", "ac")
        frame = lz4.frame.compress(msgpack.packb(dict.fromkeys(names)))
        self.assertEqual(CODEC.decode("c", seal(RING.sealing, "c", frame, int(NOW)), NOW), Session())

    @given(st.binary(max_size=60))
    def test_any_map(self, packed: bytes) -> None:
        """Whatever was compressed and sealed opens or is refused by the one exception."""
        value = seal(RING.sealing, "c", lz4.frame.compress(packed), int(NOW))
        try:
            CODEC.decode("c", value, NOW)
        except CookieRefused as refused:
            self.assertEqual(refused.reason, "content")

    @given(st.binary(max_size=60))
    def test_any_frame(self, frame: bytes) -> None:
        """Whatever was sealed is refused by the one exception if it is no frame."""
        for plain in (frame, b"\x04\x22\x4d\x18" + frame):
            self.refused(plain)

    def test_deep_nesting(self) -> None:
        """A map that nests deeper than anybody's claims is refused, not a crash."""
        self.assertEqual(self.refused(lz4.frame.compress(b"\x81\xa2ac" + b"\x91" * 500_000 + b"\xc0")), "content")

    def test_what_is_sealed_is_compressed(self) -> None:
        """The plain text under the seal is an LZ4 frame with a content checksum and blocks of 64 KiB."""
        plain, _ = unseal(RING, "c", CODEC.encode("c", Session(user="u", created_at=NOW)), 0, NOW)
        self.assertEqual(plain[:6].hex(), "04224d186440")
