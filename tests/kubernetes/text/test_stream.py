"""Tests of reading streams: data, places, problems."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.kubernetes.findings import ManifestProblem
from o2sidecar.kubernetes.operations import Data
from o2sidecar.kubernetes.text import Stream
from o2sidecar.kubernetes.text.lines import Text
from o2sidecar.kubernetes.text.reading import read_slowly

MANIFEST = """\
# an app
apiVersion: apps/v1
metadata: &m
  labels: {a: 1, b: [x, "y"]}
list:
- a: 1   # one
  b: |
    on

- - x
-
empty:
---
{
\t"kind": "List", "items": [{"a": "\\ud83d\\ude00"}]
}
"""


def data(text: str) -> list[Data]:
    return [document.data for document in Stream.read(text, "f").documents]


class ReadingTests(SynchronousTestCase):
    """What a stream says, and where."""

    def test_data(self) -> None:
        """Documents are read as plain data, JSON among them."""
        first, second = data(MANIFEST)
        self.assertEqual(
            first,
            {
                "apiVersion": "apps/v1",
                "metadata": {"labels": {"a": 1, "b": ["x", "y"]}},
                "list": [{"a": 1, "b": "on\n"}, ["x"], None],
                "empty": None,
            },
        )
        self.assertEqual(second, {"kind": "List", "items": [{"a": "\U0001f600"}]})

    def test_scalars(self) -> None:
        """Scalars are what Kubernetes reads: words and numbers of YAML 1.1, octal numbers of both, dates as texts."""
        values: dict[str, Data] = {
            "on": True,
            "No": False,
            "y": True,
            "~": None,
            "": None,
            "null": None,
            "1": 1,
            "-1": -1,
            "+7": 7,
            "0x1F": 31,
            "0o17": 15,
            "017": 15,
            "0b11": 3,
            "1_000": 1000,
            "08": 8.0,
            "1e3": 1000.0,
            ".5": 0.5,
            "1.": 1.0,
            "1.2.3": "1.2.3",
            "2026-01-01": "2026-01-01",
            "12:30": "12:30",
            "100m": "100m",
            "'1'": "1",
            '"on"': "on",
            "!!str 1": "1",
            "!!int '3'": 3,
            "-": [None],
            "=": "=",
            "0": 0,
            "-0": 0,
            "18446744073709551615": 2**64 - 1,
            "18446744073709551616": 2.0**64,
        }
        for text, value in values.items():
            self.assertEqual(data(f"a:\n {text}\n"), [{"a": value}], text)

    def test_keys(self) -> None:
        """Keys that are no texts become texts as in JSON."""
        self.assertEqual(data("on: 1\n2: 2\n<<: {c: 3, on: 4}\n"), [{"true": 1, "2": 2, "c": 3}])

    def test_aliases(self) -> None:
        """Aliases and merge keys give what they stand for."""
        text = "a: &a {x: 1}\nb: *a\nc:\n  <<: [*a, {w: 2, x: 3}]\n  z: 4\n"
        self.assertEqual(data(text), [{"a": {"x": 1}, "b": {"x": 1}, "c": {"x": 1, "w": 2, "z": 4}}])

    def test_documents(self) -> None:
        """Empty documents count, a stream of nothing but comments has none."""
        self.assertEqual(data("---\n# nothing\n---\na: 1\n...\n"), [None, {"a": 1}])
        self.assertEqual(data("%YAML 1.2\n--- {a: 1}\n"), [{"a": 1}])
        for text in ("", "# nothing\n", "\ufeff", "\n\n"):
            self.assertEqual(data(text), [])
        self.assertEqual(data("\ufeffa: 1\r\nb: 2"), [{"a": 1, "b": 2}])

    def test_places(self) -> None:
        """A pair stands where its key is, an item where it begins itself, and what is missing where it should be."""
        document = Stream.read(MANIFEST, "app.yaml").documents[0]
        places = {
            (): "2:1",
            ("metadata",): "3:1",
            ("metadata", "labels", "b"): "4:18",
            ("metadata", "labels", "b", 1): "4:25",
            ("list", 0, "b"): "7:3",
            ("list", 1, 0): "10:5",
            ("list", 9, "x"): "5:1",
            ("metadata", "x"): "3:1",
        }
        for path, place in places.items():
            self.assertEqual(str(document.place(path)), f"app.yaml:{place}", path)
        self.assertEqual(str(Stream.read("\ufeffa: 1", "f").documents[0].place(("a",))), "f:1:1")

    def test_sources(self) -> None:
        """The text of a value can be remembered."""
        document = Stream.read(MANIFEST, "f").documents[0]
        for path, source in {
            ("metadata", "labels", "b", 1): '"y"',
            ("list", 0, "a"): "1",
            ("empty",): "",
            ("list", 0, "b"): "|\n    on",
            ("list", 0): "a: 1   # one\n  b: |\n    on",
        }.items():
            self.assertEqual(document.source(path), source)
        with self.assertRaises(ValueError):
            document.source(("list", 7))


class ProblemTests(SynchronousTestCase):
    """What cannot be read is refused with its place."""

    def test_two_parsers(self) -> None:
        """What both parsers read they read alike; else the second refuses it."""
        odd = ["a: &é b\nc: *é\n", "%YAML 1.1\n---\na: yes\n", "a: {b:1}\n", 'a: {"b":1}\n', "? a\n: b\n", "- - a\n-\n"]
        odd += [
            "a: |2\n   x\n",
            "a: |+\n  x\n\n\nb: c\n",
            "a: x\ty\n",
            "a:\tb\n",
            "a: 1\rb: 2\r",
            "a: [\n]\n",
            "a: !!str 1\n",
        ]
        for mark in ("\u0085", "\u2028", "\u2029"):
            odd += [
                f"- a{mark}- b\n",
                f"a: x{mark}y\n",
                f'a: "x{mark}y"\n',
                f"a: |\n  x{mark}  y\n",
                f"# c{mark}a: b\n",
            ]
            odd += [f"a: b{mark}c: d\n", f"a: b # c{mark}d: e\n", f"{{a: b{mark}, c: d}}\n", f"a: b\n---{mark}c: d\n"]
        read = [(self._read_or_refused(text), self._slowly_or_refused(text)) for text in odd]
        for text, (first, second) in zip(odd, read, strict=True):
            self.assertIn(second, (first, None), text)
        self.assertGreater(sum(second is not None for _, second in read), 10)

    def _read_or_refused(self, text: str) -> object:
        try:
            return [repr(one.data) for one in Stream.read(text, "f").documents]
        except ManifestProblem:
            return None

    def _slowly_or_refused(self, text: str) -> object:
        try:
            return [repr(root.data) for root in read_slowly(Text(text, "f"))]
        except ManifestProblem:
            return None

    def problem(self, text: str | bytes) -> str:
        with self.assertRaises(ManifestProblem) as raised:
            Stream.read(text, "f")
        return str(raised.exception)

    def test_broken(self) -> None:
        """Broken YAML is refused with line and column."""
        for text, place in {
            "a: [\n": "f:2:1",
            "a:\n\t- b": "f:2:1",
            "a: b: c": "f:1:5",
            "a: \x01": "f:1:4",
            '"\\UFFFFFFFF"': "f:1:1",
            "a: 'x": "f:1:6",
            "[1]: 2": "f:1:1",
            "~: 1": "f:1:1",
            "a: *b": "f:1:4",
            "&a [*a]": "f:1:5",
            "a: .nan": "f:1:4",
            "a: 1e999": "f:1:4",
            "a: !!int x": "f:1:4",
            "a: !!bool 1": "f:1:4",
            "a: !!null x": "f:1:4",
            "a: !!float x": "f:1:4",
            "a: !!map x": "f:1:4",
            "a: !!seq {}": "f:1:4",
            "\ufeffa: 1\n b: 2": "f:2:3",
            "<<: 1": "f:1:1",
            "[" * 201: "f:1:201",
            "- " * 300: "f:1:401",
            "a: " + "9" * 5000: "f:1:4",
        }.items():
            self.assertTrue(self.problem(text).startswith(f"{place}: error: "), (text, self.problem(text)))
        self.assertTrue(self.problem(b"a\n\xff").startswith("f:2: error: "))

    def test_duplicate_keys(self) -> None:
        """Every key that is there twice is named."""
        found = self.problem("a: 1\na: 2\nb: {c: 1, 'c': 2}\n")
        self.assertIn("f:2:1: error: the key 'a' is there twice", found)
        self.assertIn("f:3:11: error: the key 'c' is there twice", found)

    def test_templates(self) -> None:
        """Braces of a template are refused where they stand outside of strings and comments."""
        for text, place in {
            "a: {{ .Values.x }}\n": "1:4",
            "{{- if .x }}\na: b\n{{- end }}\n": "1:1",
            "a: b{{ x }}\n": "1:5",
            "a:\n  {{- toYaml .x | nindent 2 }}\nb: 1\n": "2:3",
            "a: '{{'\n# {{\nb:\n- {{ x }}:1\n": "4:3",
            "a: |\n  {{ x }}\n  {{- y }}\n {{- z }}\n": "4:2",
        }.items():
            found = self.problem(text)
            self.assertTrue(found.startswith(f"f:{place}: error: this is a template"), (text, found))

    def test_template_as_text(self) -> None:
        """Within quotes, block scalars and comments they are text."""
        self.assertEqual(
            data("a: '{{ x }}'\nb: \"{{y}}\" # {{\nc: |\n  {{ z }}\n"),
            [{"a": "{{ x }}", "b": "{{y}}", "c": "{{ z }}\n"}],
        )

    def test_alias_bombs(self) -> None:
        """A few lines that stand for billions of values are refused."""
        text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        for level in range(1, 12):
            text += f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n"
        self.assertIn("has more than 1000000 values", self.problem(text))

    @given(st.text() | st.text(alphabet="{}[]&*!|>'\"%@`-:?,# \n\tabx01<~\r\ufeff"))
    def test_anything(self, text: str) -> None:
        """Whatever the text, it is a stream or a problem with a place."""
        try:
            data(text)
        except ManifestProblem as problem:
            self.assertTrue(str(problem).startswith("f:"))
