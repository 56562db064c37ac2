"""Tests of o2sidecar.signin.fields."""

from __future__ import annotations

from urllib.parse import urlencode

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.refusals import BadRequest
from o2sidecar.signin.fields import Fields, carries_form, query_fields, submitted_fields
from tests.signin.house import Asked

FORM = (b"Content-Type", b"application/x-www-form-urlencoded")


class ParseTests(SynchronousTestCase):
    """Fields.parse decodes strictly."""

    @settings(deadline=None)
    @given(st.lists(st.tuples(st.text(min_size=1), st.text()), max_size=20))
    def test_what_a_browser_encodes_comes_back(self, pairs: list[tuple[str, str]]) -> None:
        """Every list of names and values survives the encoding that browsers use."""
        pairs = [(name, value) for name, value in pairs if (name + value).isprintable()]
        self.assertEqual(Fields.parse(urlencode(pairs).encode()).pairs, tuple(pairs))

    @settings(deadline=None)
    @given(st.binary(max_size=200))
    def test_any_bytes_are_decoded_or_refused(self, encoded: bytes) -> None:
        """No bytes lead to another exception than a BadRequest."""
        try:
            Fields.parse(encoded)
        except BadRequest as refused:
            self.assertEqual((refused.status, refused.reason), (400, "malformed_fields"))

    def test_broken_escapes_are_refused(self) -> None:
        """A percent sign that encodes nothing is an error, not a guess."""
        for encoded in (b"a=%", b"a=%z1", b"a=%1", b"%=x", b"ok=1&a=%%41"):
            self.assertEqual(self.assertRaises(BadRequest, Fields.parse, encoded).reason, "malformed_fields")

    def test_text_that_is_not_utf8_is_refused(self) -> None:
        """Bytes that are no UTF-8, raw or encoded, are an error."""
        for encoded in (b"a=%ff", b"a=\xff", b"a=%c0%ae", b"a=%ed%a0%80"):
            self.assertEqual(self.assertRaises(BadRequest, Fields.parse, encoded).reason, "malformed_fields")

    def test_too_many_fields_are_refused(self) -> None:
        """The number of fields is bounded."""
        self.assertEqual(len(Fields.parse(b"a=1&" * 200).pairs), 200)
        self.assertRaises(BadRequest, Fields.parse, b"a=1&" * 201)

    def test_plus_means_blank(self) -> None:
        """As in every URL-encoded form, + is a blank and %2B a plus."""
        self.assertEqual(Fields.parse(b"a=x+y%2Bz").first("a"), "x y+z")


class OneTests(SynchronousTestCase):
    """Fields.one and Fields.first read single values."""

    def test_repeated_parameters_are_refused(self) -> None:
        """A parameter that comes twice is an error even if both say the same (security.md O9)."""
        fields = Fields.parse(b"state=a&code=1&state=a")
        self.assertEqual(self.assertRaises(BadRequest, fields.one, "state").reason, "repeated_parameter")
        self.assertEqual(fields.one("code"), "1")

    def test_absent_fields_are_empty(self) -> None:
        """What was not submitted reads as empty."""
        self.assertEqual((Fields().one("x"), Fields().first("x")), ("", ""))

    def test_the_first_one_counts(self) -> None:
        """`first` takes the first of several."""
        self.assertEqual(Fields.parse(b"rd=/a&rd=/b").first("rd"), "/a")


class SubmittedTests(SynchronousTestCase):
    """submitted_fields reads form and query."""

    def test_the_form_comes_before_the_query(self) -> None:
        """A field of the form wins over one of the query."""
        asked = Asked("/x?rd=/query&more=1", method="POST", fields=[FORM], body=b"rd=/form")
        fields = submitted_fields(asked, b"rd=/form")  # type: ignore[arg-type]
        self.assertEqual((fields.first("rd"), fields.first("more")), ("/form", "1"))

    def test_a_parameter_in_form_and_query_is_repeated(self) -> None:
        """A state that comes by both ways came twice (security.md O9)."""
        asked = Asked("/x?state=1", method="POST", fields=[FORM], body=b"state=1")
        fields = submitted_fields(asked, b"state=1")  # type: ignore[arg-type]
        self.assertRaises(BadRequest, fields.one, "state")

    def test_only_urlencoded_posts_carry_forms(self) -> None:
        """Bodies of other methods and types are not read (security.md O14)."""
        for method, kind, expected in (
            ("POST", b"application/x-www-form-urlencoded; charset=utf-8", True),
            ("POST", b"Application/X-WWW-Form-Urlencoded", True),
            ("POST", b"application/json", False),
            ("POST", b"multipart/form-data; boundary=x", False),
            ("PUT", b"application/x-www-form-urlencoded", False),
        ):
            asked = Asked("/x", method=method, fields=[(b"Content-Type", kind)], body=b"a=1")
            self.assertEqual(carries_form(asked), expected, (method, kind))  # type: ignore[arg-type]

    def test_semicolons(self) -> None:
        """Where they are to, semicolons separate the fields of a query; never those of a form, nor encoded ones."""
        asked = Asked("/x?a=1;b=%3B2", method="POST", fields=[FORM], body=b"c=3;d=4")
        fields = submitted_fields(asked, b"c=3;d=4", semicolons=True)  # type: ignore[arg-type]
        self.assertEqual(fields.pairs, (("c", "3;d=4"), ("a", "1"), ("b", ";2")))
        self.assertEqual(query_fields(asked).pairs, (("a", "1;b=;2"),))  # type: ignore[arg-type]

    def test_a_query_may_hold_question_marks(self) -> None:
        """Only the first question mark ends the path."""
        self.assertEqual(query_fields(Asked("/x?a=b?c")).first("a"), "b?c")  # type: ignore[arg-type]
