"""Tests of field sections: folding, look-up, and how llhttp's answers are taken."""

from __future__ import annotations

from httptools import HttpParserError, HttpRequestParser
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.http.message.fields import (
    DISGUISED,
    FoldedNames,
    connection_options,
    index_fields,
    lower_case,
    read_fields,
    values_of,
)


class FoldedNamesTests(SynchronousTestCase):
    """Names are folded once."""

    def test_lower_case(self) -> None:
        """A name becomes lower case, with its underscores."""
        self.assertEqual(lower_case(b"X-Custom_Name"), b"x-custom_name")

    def test_framing_in_disguise(self) -> None:
        """Names that CGI reads as framing fields are marked (P6)."""
        for name in (b"Transfer_Encoding", b"content_length", b"CONTENT_LENGTH"):
            self.assertEqual(lower_case(name), DISGUISED, name)

    def test_bounded(self) -> None:
        """However many names are seen, few are remembered; long ones never are (D2)."""
        names = FoldedNames(size=8)
        for number in range(100):
            names[b"X-%d" % number]
        self.assertLessEqual(len(names), 8)
        self.assertEqual(names[b"A" * 65], b"a" * 65)
        self.assertNotIn(b"A" * 65, names)


class ReadFieldsTests(SynchronousTestCase):
    """A head is taken apart as llhttp sees it."""

    def test_order_case_duplicates(self) -> None:
        """Names and values come in order, with their case and duplicates; white space around values is gone."""
        names, values = read_fields(HttpRequestParser, b"GET / HTTP/1.1\r\nB: 1 \t\r\na:\t2\r\nB:\r\n\r\n")
        self.assertEqual(names, [b"B", b"a", b"B"])
        self.assertEqual(values, [b"1", b"2", b""])

    def test_refused(self) -> None:
        """What llhttp refuses is refused (P11, P12, P14)."""
        for field in (
            b"X: a\r\n b",
            b"X : a",
            b": a",
            b"X(: a",
            b"X: a\x00b",
            b"X: a\x01",
            b"X: a\rb",
            b"X: a\nb",
            b"X",
        ):
            with self.assertRaises(HttpParserError, msg=repr(field)):
                read_fields(HttpRequestParser, b"GET / HTTP/1.1\r\n" + field + b"\r\n\r\n")

    def test_upgrade(self) -> None:
        """A request to upgrade is a head like others."""
        names, _ = read_fields(HttpRequestParser, b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
        self.assertEqual(names, [b"Connection", b"Upgrade"])

    def test_incomplete(self) -> None:
        """A head that llhttp does not find complete is refused, whatever we found."""
        with self.assertRaises(ValueError):
            read_fields(HttpRequestParser, b"GET / HTTP/1.1\r\nA: b\r\n")


class LookUpTests(SynchronousTestCase):
    """Fields are looked up by lower-case names."""

    def test_first_value(self) -> None:
        """The index holds the first of several values."""
        self.assertEqual(index_fields([b"A", b"b", b"a"], [b"1", b"2", b"3"]), {b"a": b"1", b"b": b"2"})

    def test_all_values(self) -> None:
        """All values of a name come in order."""
        self.assertEqual(values_of(b"a", [b"A", b"b", b"a"], [b"1", b"2", b"3"]), [b"1", b"3"])

    def test_connection(self) -> None:
        """All Connection fields count, empty members do not (RFC 9110 §5.6.1)."""
        for values, expected in (
            ([], []),
            ([b"Keep-Alive"], [b"keep-alive"]),
            ([b""], []),
            ([b"", b"X-Hop"], [b"x-hop"]),
            ([b"close , ,\tX-A", b"B"], [b"close", b"x-a", b"b"]),
        ):
            names = [b"Connection"] * len(values)
            self.assertEqual(connection_options(index_fields(names, values), names, values), expected)
