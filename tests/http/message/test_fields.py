"""Tests of field sections: how llhttp judges them, how lines are taken apart, and look-up."""

from __future__ import annotations

from httptools import HttpParserError, HttpRequestParser
from hypothesis import assume, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.http.message.fields import (
    DISGUISED,
    Field,
    FieldLines,
    connection_options,
    index_fields,
    read_fields,
    values_of,
)


def read(*lines: bytes) -> list[Field]:
    """The fields of a request with these lines."""
    return read_fields(HttpRequestParser, b"\r\n".join([b"GET / HTTP/1.1", *lines, b"", b""]))


class FieldLinesTests(SynchronousTestCase):
    """Lines are taken apart once."""

    def test_parts(self) -> None:
        """A field has its name in all its forms, its value without white space around it, and a line of its own."""
        field = FieldLines()[b"X-Custom_Name: \t a b "]
        self.assertEqual(
            (field.name, field.lower, field.folded), (b"X-Custom_Name", b"x-custom_name", b"x-custom-name")
        )
        self.assertEqual((field.value, field.line), (b"a b", b"X-Custom_Name: a b"))

    def test_framing_in_disguise(self) -> None:
        """Names that CGI reads as framing fields are marked (P6)."""
        for name in (b"Transfer_Encoding", b"content_length", b"CONTENT_LENGTH"):
            self.assertEqual(FieldLines()[name + b": 1"].lower, DISGUISED, name)

    def test_remembered(self) -> None:
        """A line that comes again is the same field."""
        lines = FieldLines()
        self.assertIs(lines[b"Accept: text/html"], lines[b"Accept: text/html"])

    def test_bounded(self) -> None:
        """However many lines are seen, few are remembered; long ones never are (D2)."""
        lines = FieldLines(size=8, longest=20)
        for number in range(100):
            lines[b"X-%d: a" % number]
        self.assertLessEqual(len(lines), 8)
        self.assertEqual(lines[b"X-Long: " + b"a" * 13].value, b"a" * 13)
        self.assertNotIn(b"X-Long: " + b"a" * 13, lines)

    def test_secrets(self) -> None:
        """Fields that carry credentials are not kept (X4)."""
        lines = FieldLines()
        for line in (b"Cookie: a=b", b"Authorization: Basic eA==", b"PROXY-AUTHORIZATION: x", b"Set-Cookie: a=b"):
            lines[line]
        self.assertEqual(len(lines), 0)


class ReadFieldsTests(SynchronousTestCase):
    """A head is taken apart as llhttp sees it."""

    def test_order_case_duplicates(self) -> None:
        """Names and values come in order, with their case and duplicates; white space around values is gone."""
        fields = read(b"B: 1 \t", b"a:\t2", b"B:")
        self.assertEqual([(each.name, each.value) for each in fields], [(b"B", b"1"), (b"a", b"2"), (b"B", b"")])

    def test_refused(self) -> None:
        """What llhttp refuses is refused (P11, P12, P14)."""
        for line in (
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
            with self.assertRaises(HttpParserError, msg=repr(line)):
                read(line)

    @given(st.lists(st.binary(max_size=24), max_size=4))
    def test_as_llhttp_reads(self, lines: list[bytes]) -> None:
        """Whatever llhttp lets pass, we take apart as llhttp itself does."""
        head = b"\r\n".join([b"GET / HTTP/1.1", *lines, b"", b""])
        assume(head.index(b"\r\n\r\n") == len(head) - 4)
        try:
            fields = read_fields(HttpRequestParser, head)
        except (HttpParserError, ValueError):
            return
        seen = Seen()
        HttpRequestParser(seen).feed_data(head)
        self.assertEqual([(each.name, each.value) for each in fields], seen.fields)

    def test_upgrade(self) -> None:
        """A request to upgrade is a head like others."""
        fields = read(b"Connection: upgrade", b"Upgrade: x")
        self.assertEqual([each.name for each in fields], [b"Connection", b"Upgrade"])

    def test_incomplete(self) -> None:
        """A head that llhttp does not find complete is refused, whatever we found."""
        with self.assertRaises(ValueError):
            read_fields(HttpRequestParser, b"GET / HTTP/1.1\r\nA: b\r\n")


class Seen:
    """What llhttp itself makes of a head."""

    def __init__(self) -> None:
        self.fields: list[tuple[bytes, bytes]] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value.strip(b" \t")))


class LookUpTests(SynchronousTestCase):
    """Fields are looked up by lower-case names."""

    def test_first_value(self) -> None:
        """The index holds the first of several values."""
        self.assertEqual(index_fields(read(b"A: 1", b"b: 2", b"a: 3")), {b"a": b"1", b"b": b"2"})

    def test_all_values(self) -> None:
        """All values of a name come in order."""
        self.assertEqual(values_of(b"a", read(b"A: 1", b"b: 2", b"a: 3")), [b"1", b"3"])

    def test_connection(self) -> None:
        """All Connection fields count, empty members do not (RFC 9110 §5.6.1)."""
        for values, expected in (
            ([], []),
            ([b"Keep-Alive"], [b"keep-alive"]),
            ([b""], []),
            ([b"", b"X-Hop"], [b"x-hop"]),
            ([b"close , ,\tX-A", b"B"], [b"close", b"x-a", b"b"]),
        ):
            fields = read(*[b"Connection: " + value for value in values])
            self.assertEqual(connection_options(index_fields(fields), fields), expected)
