"""Tests for YAML as plain data."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.settings.yaml_text import parse_yaml


class YamlTests(SynchronousTestCase):
    """A document is mappings, lists, texts and nulls."""

    def refused(self, text: str) -> str:
        """The sentence with which a document is refused."""
        return str(self.assertRaises(ValueError, parse_yaml, text))

    def test_scalars_stay_texts(self) -> None:
        """What looks like a number, a date or a truth value stays as it is written."""
        self.assertEqual(
            parse_yaml("{a: 007, b: 2026-01-01, c: yes, d: 'null'}"),
            {"a": "007", "b": "2026-01-01", "c": "yes", "d": "null"},
        )

    def test_nulls(self) -> None:
        """A null is None, written or left out; a quoted empty text is a text."""
        self.assertEqual(parse_yaml("a: null\nb: ~\nc:\nd: ''\n"), {"a": None, "b": None, "c": None, "d": ""})

    def test_empty(self) -> None:
        """An empty document is None."""
        self.assertIsNone(parse_yaml(""))
        self.assertIsNone(parse_yaml("# nothing\n"))

    def test_aliases(self) -> None:
        """Aliases repeat what they name."""
        self.assertEqual(parse_yaml("a: &x [1]\nb: *x\n"), {"a": ["1"], "b": ["1"]})

    def test_double_key(self) -> None:
        """A key that is there twice is refused with its place."""
        self.assertEqual(self.refused("a: 1\nb: 2\na: 3\n"), "the key 'a' is there twice (at line 3, column 1)")

    def test_odd_keys(self) -> None:
        """A key that is no text is refused."""
        self.assertIn("a key must be a text", self.refused("? [a]\n: b\n"))
        self.assertIn("a key must be a text", self.refused("~: b\n"))

    def test_syntax(self) -> None:
        """A syntax error is told with its place, and without the text around it."""
        message = self.refused("clientSecret: hunter2\n  b: [\n")
        self.assertRegex(message, r"\(at line \d+, column \d+\)$")
        self.assertNotIn("hunter2", message)

    def test_several_documents(self) -> None:
        """A second document is refused rather than ignored."""
        self.assertIn("at line", self.refused("a: 1\n---\nb: 2\n"))

    def test_tags_make_nothing(self) -> None:
        """A tag cannot make an object."""
        self.assertEqual(parse_yaml("a: !!python/object/apply:os.system [id]\n"), {"a": ["id"]})

    def test_traps(self) -> None:
        """Aliases that multiply or contain themselves, deep nesting and odd characters are refused."""
        laughs = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
            f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9)
        )
        self.assertIn("nodes", self.refused(laughs))
        self.refused("a: &a [*a]\n")
        self.refused("[" * 100_000)
        self.assertIn("characters that YAML forbids", self.refused("a: \x00"))

    @given(st.text(alphabet="ab:-[]{},&*!?|>'\"#%@ \n\t~0", max_size=40))
    def test_any_text(self, text: str) -> None:
        """Any text is data or a `ValueError`."""
        try:
            parse_yaml(text)
        except ValueError as error:
            self.assertNotEqual(str(error), "")
