"""Tests of conditional requests: the table of RFC 9110 §13.2.2."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.http.upstream.files.conditions import Validators

WHEN = 784111777
"""Sun, 06 Nov 1994 08:49:37 GMT."""
NOW = WHEN + 3600.0
STATE = Validators.of(10, WHEN * 10**9 + 5, NOW)
TAG = STATE.etag
DATE = b"Sun, 06 Nov 1994 08:49:37 GMT"
BEFORE = b"Sun, 06 Nov 1994 08:49:36 GMT"
AFTER = b"Sun, 06 Nov 1994 08:49:38 GMT"


class Asked:
    """A request with these fields."""

    def __init__(self, *fields: tuple[bytes, bytes], method: bytes = b"GET") -> None:
        self.method = method
        self.fields = fields

    def values(self, name: bytes) -> list[bytes]:
        return [value for given, value in self.fields if given == name]

    def header(self, name: bytes) -> bytes | None:
        return next(iter(self.values(name)), None)


def status(*fields: tuple[bytes, bytes], method: bytes = b"GET") -> int:
    """What becomes of a request with these conditions."""
    asked: Any = Asked(*fields, method=method)
    return STATE.status(asked)


class ValidatorTests(SynchronousTestCase):
    """What tells one state from another."""

    def test_changes(self) -> None:
        """Another size or time is another tag; the date has the second."""
        self.assertNotEqual(Validators.of(11, WHEN * 10**9 + 5, NOW).etag, TAG)
        self.assertNotEqual(Validators.of(10, WHEN * 10**9 + 6, NOW).etag, TAG)
        self.assertEqual(dict(STATE.fields), {b"ETag": TAG, b"Last-Modified": DATE})
        self.assertTrue(TAG.startswith(b'"') and TAG.endswith(b'"'))

    def test_future(self) -> None:
        """A date is never later than now (§8.8.2.1)."""
        self.assertEqual(Validators.of(10, (WHEN + 9) * 10**9, WHEN + 0.5).modified, WHEN)


class ConditionTests(SynchronousTestCase):
    """Each step, and their order."""

    def test_table(self) -> None:
        """The four conditions by themselves, with GET."""
        for name, value, expected in (
            (b"if-match", TAG, 200),
            (b"if-match", b"*", 200),
            (b"if-match", b'"x", ' + TAG, 200),
            (b"if-match", b'"x"', 412),
            (b"if-match", b"W/" + TAG, 412),
            (b"if-match", b"", 412),
            (b"if-unmodified-since", DATE, 200),
            (b"if-unmodified-since", AFTER, 200),
            (b"if-unmodified-since", BEFORE, 412),
            (b"if-unmodified-since", b"soon", 200),
            (b"if-none-match", TAG, 304),
            (b"if-none-match", b"W/" + TAG, 304),
            (b"if-none-match", b'"x",W/"y", ' + TAG, 304),
            (b"if-none-match", b"*", 304),
            (b"if-none-match", b'"x"', 200),
            (b"if-none-match", TAG.strip(b'"'), 200),
            (b"if-none-match", b"", 200),
            (b"if-modified-since", DATE, 304),
            (b"if-modified-since", AFTER, 304),
            (b"if-modified-since", BEFORE, 200),
            (b"if-modified-since", b"", 200),
            (b"if-modified-since", b"Sunday, 06-Nov-94 08:49:37 GMT", 304),
            (b"if-modified-since", b"Sun Nov  6 08:49:37 1994", 304),
        ):
            self.assertEqual(status((name, value)), expected, (name, value))
            self.assertEqual(status((name, value), method=b"HEAD"), expected, (name, value))

    def test_order(self) -> None:
        """Tags win over dates, and what must hold is asked before what need not be sent again."""
        for fields, expected in (
            (((b"if-match", TAG), (b"if-unmodified-since", BEFORE)), 200),
            (((b"if-none-match", b'"x"'), (b"if-modified-since", AFTER)), 200),
            (((b"if-none-match", TAG), (b"if-modified-since", BEFORE)), 304),
            (((b"if-match", b'"x"'), (b"if-none-match", TAG)), 412),
            (((b"if-match", TAG), (b"if-none-match", TAG)), 304),
            (((b"if-unmodified-since", DATE), (b"if-modified-since", DATE)), 304),
            (((b"if-none-match", b'"x"'), (b"if-none-match", TAG)), 304),
        ):
            self.assertEqual(status(*fields), expected, fields)

    def test_range(self) -> None:
        """A range counts without If-Range, or with the tag; never with a weak tag or a date."""
        for value, counts in ((None, True), (TAG, True), (b"W/" + TAG, False), (b'"x"', False), (DATE, False)):
            asked: Any = Asked(*([(b"if-range", value)] if value else []))
            self.assertEqual(STATE.allow_range(asked), counts, value)

    @given(
        st.sampled_from([b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since"]),
        st.binary(max_size=40)
        | st.text(alphabet='W/", *x', max_size=30).map(str.encode)
        | st.from_regex(r"[A-Z][a-z]{2}, [0-9]{1,3} [A-Z][a-z]{2} [0-9]{1,30} [0-9:]{1,9} GMT", fullmatch=True).map(
            str.encode
        ),
    )
    def test_any_condition(self, name: bytes, value: bytes) -> None:
        """Any value of any condition leads to one of the three answers."""
        self.assertIn(status((name, value)), (200, 304, 412))
