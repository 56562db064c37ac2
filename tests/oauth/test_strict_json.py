"""Tests for `o2sidecar.oauth.strict_json`: one text has one meaning, or none."""

from __future__ import annotations

import json
import time

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.oauth.strict_json import MAX_BYTES, MAX_DEPTH, MalformedJson, parse, parse_object

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=4),
    max_leaves=12,
)


class ParseTests(SynchronousTestCase):
    """`parse` and `parse_object`."""

    def assert_malformed(self, text: bytes) -> None:
        with self.assertRaises(MalformedJson) as caught:
            parse(text)
        self.assertNotIn("s3cret", str(caught.exception))

    @settings(deadline=None)
    @given(VALUES)
    def test_round_trip(self, value: object) -> None:
        """What is valid is read as `json` reads it."""
        self.assertEqual(parse(json.dumps(value).encode()), value)

    @settings(deadline=None)
    @given(st.binary(max_size=64) | st.text('{}[]",:\\0123456789eE.-+ntfu ', max_size=64).map(str.encode))
    def test_junk(self, text: bytes) -> None:
        """Whatever comes is read or refused; nothing else happens."""
        try:
            value = parse(text)
        except MalformedJson:
            return
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()

    def test_duplicates(self) -> None:
        """J10: a member given twice is refused, at any depth and however it is written."""
        for text in (b'{"a":1,"a":2}', b'{"x":[{"a":1,"b":2,"a":1}]}', rb'{"aud":1,"\u0061ud":2}'):
            self.assert_malformed(text)
        self.assertEqual(parse(b'{"a":1,"A":2}'), {"a": 1, "A": 2})

    def test_depth(self) -> None:
        """J10: nesting to the limit is read, deeper is refused; brackets in texts do not count."""
        self.assertIsInstance(parse(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH), list)
        self.assert_malformed(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1))
        self.assert_malformed(b'{"a":' * 100_000)
        self.assertEqual(parse(b'"' + b"[" * 1000 + b'\\"{"'), "[" * 1000 + '"{')

    def test_size(self) -> None:
        """A text of the limit is read, one byte more is refused."""
        text = b'"' + b"a" * (MAX_BYTES - 2) + b'"'
        self.assertEqual(len(parse(text)), MAX_BYTES - 2)
        self.assert_malformed(text + b" ")

    def test_numbers(self) -> None:
        """J9: numbers that are none, and those that would overflow or take for ever to read, are refused."""
        for text in (
            b"NaN",
            b"Infinity",
            b"-Infinity",
            b"1e999",
            b"-1e999",
            b"9" * 5000,
            b"01",
            b"1_000",
            b"+1",
            b"0x1",
        ):
            self.assert_malformed(text)
        self.assertEqual(parse(b"1e300"), 1e300)

    def test_encodings(self) -> None:
        """Only UTF-8 is read: no byte order mark, no other encoding, no surrogate that UTF-8 cannot carry."""
        for text in (b'\xef\xbb\xbf{"a":1}', '{"a":1}'.encode("utf-16"), b'"\xff"', rb'"\ud800"', rb'{"\uDC00":1}'):
            self.assert_malformed(text)
        self.assertEqual(parse(rb'"\ud83d\ude00"'), "\U0001f600")

    def test_messages_quote_nothing(self) -> None:
        """X4: no message holds a piece of the text."""
        for text in (b"s3cret", b'{"s3cret":1,"s3cret":1}', b'{"s3cret":NaN}', b'"s3cret', rb'"s3cret\ud800"'):
            self.assert_malformed(text)

    def test_objects_only(self) -> None:
        """`parse_object` refuses what is no object."""
        self.assertEqual(parse_object(b' {"a": null} '), {"a": None})
        for text in (b"[]", b"null", b"1", b'"{}"'):
            with self.assertRaises(MalformedJson):
                parse_object(text)

    def test_time_is_linear(self) -> None:
        """D12: no text of the greatest size takes long to judge."""
        half = MAX_BYTES // 2
        for text in (b'"' + b'\\"' * (half - 1), b'\\"' * half, b'"' * MAX_BYTES, b'"\\' * half, b"[" * MAX_BYTES):
            before = time.process_time()
            self.assert_malformed(text[:MAX_BYTES])
            self.assertLess(time.process_time() - before, 2.0)
