"""Tests for the kinds of values, from text, flag and file."""

from __future__ import annotations

import csv
import datetime
import io
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.settings.kinds import (
    DURATION,
    LIST,
    NUMBER,
    SIZE,
    SWITCH,
    TEXT,
    Kind,
    list_from_csv,
    list_from_text,
    list_to_text,
    shown,
    shown_url,
)


class KindTests(SynchronousTestCase):
    """Every kind reads what is written for it and refuses the rest with a sentence."""

    def refused(self, kind: Kind, value: Any) -> str:
        """The sentence with which a kind refuses a value of a file."""
        return str(self.assertRaises(ValueError, kind.read_file_value, value))

    def test_switch_words(self) -> None:
        """Truth values are the words of Go's ParseBool and no others."""
        for text in ("1", "t", "T", "TRUE", "true", "True"):
            self.assertIs(SWITCH.from_text(text), True)
        for text in ("0", "f", "F", "FALSE", "false", "False"):
            self.assertIs(SWITCH.from_text(text), False)
        for text in ("yes", "no", "on", "off", "true1", "tRUE", "", " true", "2"):
            self.assertIn("true or false", self.refused(SWITCH, text))

    def test_last_flag_counts(self) -> None:
        """Of a repeated flag with one value, the last counts."""
        self.assertEqual(TEXT.from_flag(["a", "b"]), "b")
        self.assertIs(SWITCH.from_flag(["true", "0"]), False)

    def test_repeated_list_flag_adds(self) -> None:
        """A repeated list flag adds its items, each with commas in it."""
        self.assertEqual(LIST.from_flag(["a,b", "c"]), ("a", "b", "c"))
        self.assertEqual(LIST.from_flag([""]), ())

    def test_numbers(self) -> None:
        """Numbers are decimal digits, within bounds."""
        self.assertEqual(NUMBER.from_text("-12"), -12)
        self.assertEqual(NUMBER.read_file_value(7), 7)
        for value in ("", "1.5", "1_000", "0x10", "٣", "9" * 5000, 10**30, 1.0, True):
            self.assertIn("whole number", self.refused(NUMBER, value))

    def test_sizes(self) -> None:
        """Sizes take the units of IEC 80000-13 or none."""
        for text, size in {"65536": 65536, "64KiB": 65536, "1MiB": 2**20, "2GiB": 2**31, "12B": 12, "0": 0}.items():
            self.assertEqual(SIZE.from_text(text), size)
        self.assertEqual(SIZE.read_file_value(4096), 4096)
        for value in ("64kb", "64 KiB", "-1", -1, "1.5MiB", "", "KiB", "9" * 100):
            self.assertIn("number of bytes", self.refused(SIZE, value))

    def test_sizes_are_written_short(self) -> None:
        """A size is written with the largest unit that fits."""
        self.assertEqual(
            [SIZE.to_text(size) for size in (0, 100, 65536, 2**20, 2**30)], ["0", "100", "64KiB", "1MiB", "1GiB"]
        )

    def test_bare_duration_in_file(self) -> None:
        """A number is no duration in a file, but 0 is; oauth2-proxy would take 45 for nanoseconds."""
        self.assertEqual(DURATION.read_file_value(0), 0.0)
        self.assertEqual(DURATION.read_file_value("45s"), 45.0)
        for value in (45, 45.0, True, False, None):
            self.assertIn("its unit", self.refused(DURATION, value))

    def test_duration_refusal_shows_the_text(self) -> None:
        """A duration that is none is quoted."""
        self.assertIn('"abc"', str(self.assertRaises(ValueError, DURATION.from_text, "abc")))

    def test_texts_in_files(self) -> None:
        """A whole number in a file is taken as a text; other things are not."""
        self.assertEqual(TEXT.read_file_value(42), "42")
        for value, word in {
            True: "truth value",
            1.5: "number 1.5",
            datetime.date(2026, 1, 1): "date",
        }.items():
            self.assertIn(word, self.refused(TEXT, value))
        self.assertIn("a list", self.refused(TEXT, ["a"]))
        self.assertIn("a table", self.refused(TEXT, {"a": "b"}))
        self.assertIn("a huge number", self.refused(TEXT, 1e300))
        self.assertIn("nothing", self.refused(TEXT, None))

    def test_switches_in_files(self) -> None:
        """A truth value in a file may be a text, but no number."""
        self.assertIs(SWITCH.read_file_value(True), True)
        self.assertIs(SWITCH.read_file_value("false"), False)
        self.assertIn("true or false", self.refused(SWITCH, 1))

    def test_lists_in_files(self) -> None:
        """A list in a file is an array of texts, or a text with commas."""
        self.assertEqual(LIST.read_file_value(["a,b", " c "]), ("a,b", " c "))
        self.assertEqual(LIST.read_file_value("a, b"), ("a", "b"))
        self.assertIn("texts only", self.refused(LIST, ["a", 1]))
        self.assertIn("the number 3", self.refused(LIST, 3))


class ListTests(SynchronousTestCase):
    """Lists in variables and flags."""

    def test_blanks_are_trimmed(self) -> None:
        """Blanks around items of a variable do not count, and empty items are none."""
        self.assertEqual(list_from_text(" a , b,,"), ("a", "b"))
        self.assertEqual(list_from_text(" , "), ())

    def test_json_array(self) -> None:
        """A JSON array of texts in a variable keeps commas within items."""
        self.assertEqual(list_from_text('["^/a{1,3}", "b"]'), ("^/a{1,3}", "b"))

    def test_bracket_that_is_no_array(self) -> None:
        """What begins like an array and is none is split at commas."""
        self.assertEqual(list_from_text("[a-z]+,b"), ("[a-z]+", "b"))
        self.assertEqual(list_from_text("[1,2]"), ("[1", "2]"))
        self.assertEqual(list_from_text("[" * 100_000), ("[" * 100_000,))

    def test_csv_quotes(self) -> None:
        """Quotes in a flag keep commas, and a doubled quote is one."""
        self.assertEqual(list_from_csv('"a{1,3}",b'), ("a{1,3}", "b"))
        self.assertEqual(list_from_csv('"say ""hi"""'), ('say "hi"',))
        self.assertEqual(list_from_csv("a,,b,"), ("a", "", "b", ""))
        self.assertEqual(list_from_csv('"a\nb"'), ("a\nb",))

    def test_csv_that_does_not_fit(self) -> None:
        """Quotes within an item, after it or without an end, and bare line breaks, are refused."""
        for text in ('a"b', '"a"b', '"a', '"', "a\nb", "a\r"):
            self.assertRaises(ValueError, list_from_csv, text)

    @given(st.lists(st.text(), min_size=1))
    def test_csv_round_trip(self, items: list[str]) -> None:
        """What Python's csv module writes in quotes is read as the same items."""
        line = io.StringIO()
        csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator="").writerow(items)
        self.assertEqual(list_from_csv(line.getvalue()), tuple(items))

    @given(st.text(alphabet='ab,"\n'))
    def test_any_csv(self, text: str) -> None:
        """Any text is a list of items or a `ValueError`, and no comma outside quotes is lost."""
        try:
            items = list_from_csv(text)
        except ValueError:
            return
        if '"' not in text:
            self.assertEqual(items, tuple(text.split(",")) if text else ())

    @given(st.lists(st.text()).map(tuple))
    def test_variable_round_trip(self, items: tuple[str, ...]) -> None:
        """What is written for a variable is read as the same items."""
        self.assertEqual(list_from_text(list_to_text(items)), items)


class ShownTests(SynchronousTestCase):
    """How values are quoted in messages."""

    def test_cut(self) -> None:
        """A long value is cut."""
        self.assertEqual(len(shown("x" * 10_000)), 83)

    def test_escaped(self) -> None:
        """Control characters and lone surrogates are escaped, letters are not."""
        self.assertEqual(shown("é\n\x1b\udcff"), '"é\\n\\x1b\\udcff"')

    def test_password_in_url(self) -> None:
        """User and password of a URL are not shown."""
        self.assertEqual(shown_url("http://u:p@ss@h/x@y"), '"http://…@h/x@y"')
