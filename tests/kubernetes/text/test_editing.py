"""Tests of edited text, style by style."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.kubernetes.findings import ManifestProblem
from o2sidecar.kubernetes.operations import Operation, Verbatim
from o2sidecar.kubernetes.text import Stream
from tests.kubernetes.text.undoing import undoing


def add(*path: str | int, value: Any = 1, before: str | None = None) -> Operation:
    return Operation(op="add", path=path, value=value, before=before)


def replace(*path: str | int, value: Any = 1) -> Operation:
    return Operation(op="replace", path=path, value=value)


def remove(*path: str | int) -> Operation:
    return Operation(op="remove", path=path)


class EditingTests(SynchronousTestCase):
    """Only what an operation touches is another text, and that is in its neighbours' manner."""

    def edited(self, text: str, *operations: Operation) -> str:
        return Stream.read(text, "f").documents[0].edited(operations)

    def there_and_back(self, text: str, edited: str, *operations: Operation) -> None:
        document = Stream.read(text, "f").documents[0]
        self.assertEqual(document.edited(operations), edited)
        if not any(operation.op == "remove" for operation in operations):
            self.assertEqual(self.edited(edited, *undoing(document, operations)), text)

    def test_mappings(self) -> None:
        """A pair is added behind the last one and its comments, or before another."""
        self.there_and_back(
            "a:\n  b: 1 # b\n    # deep\n# c\n", "a:\n  b: 1 # b\n    # deep\n  x: 1\n# c\n", add("a", "x")
        )
        self.there_and_back("a:\n  # b\n  b: 1\n", "a:\n  x: 1\n  # b\n  b: 1\n", add("a", "x", before="b"))
        self.there_and_back("# a\na: 1", "# a\na: 1\nx: 1", add("x"))
        self.there_and_back("# a\na: 1", "# a\nx: 1\na: 1", add("x", before="a"))
        self.there_and_back("- a: 1\n", "- x: 1\n  a: 1\n", add(0, "x", before="a"))

    def test_lists(self) -> None:
        """An item is added at its place, dashes in their column."""
        value = {"p": "x", "l": [1]}
        self.there_and_back("a:\n- 1\n# c\nb:\n", "a:\n- 1\n- p: x\n  l:\n  - 1\n# c\nb:\n", add("a", "-", value=value))
        self.there_and_back("a:\n  - 1\n", "a:\n  - p: x\n    l:\n      - 1\n  - 1\n", add("a", 0, value=value))
        self.there_and_back("a:\n-   p: 1\n", "a:\n-   p: 1\n-   p: x\n    l:\n    -   1\n", add("a", 1, value=value))
        self.there_and_back("- - 1\n  - 2\n", "- - 1\n  - x\n  - 2\n", add(0, 1, value="x"))

    def test_first_child(self) -> None:
        """What was empty becomes block style, and empty again."""
        self.there_and_back("a: {}   # none\nb: 1\n", "a:   # none\n  x: 1\nb: 1\n", add("a", "x"))
        self.there_and_back("a: []\n", "a:\n- x\n", add("a", 0, value="x"))
        self.there_and_back("- {}\n", "- x: 1\n", add(0, "x"))
        self.there_and_back("a:\nb:\n", "a:\n  x: 1\nb:\n", replace("a", value={"x": 1}))
        self.there_and_back("a: ~ # c\n", "a: # c\n- x: 1\n", replace("a", value=[{"x": 1}]))

    def test_line_breaks(self) -> None:
        """Lines that are added end as the others do."""
        text = "\ufeffa:\r\n  b: 1\r\nc: 2"
        self.there_and_back(text, "\ufeffa:\r\n  b: 1\r\n  x:\r\n    z: |\r\n      p\r\n      q\r\nc: 2\r\nz: 1",
                            add("a", "x", value={"z": "p\nq\n"}), add("z"))  # fmt: skip

    def test_flow(self) -> None:
        """Brackets and braces stay, with their blanks and quotes."""
        self.there_and_back("a: {b: 1, c: x} # c\n", 'a: {b: 1, c: x, d: "on"} # c\n', add("a", "d", value="on"))
        self.there_and_back(
            'a: ["b"]\n', 'a: ["x", "b", {"y": [1]}]\n', add("a", 0, value="x"), add("a", 2, value={"y": [1]})
        )
        self.there_and_back(
            "a: [\n  b, # b\n  c # c\n]\n", "a: [\n  b, # b\n  c, # c\n  d\n]\n", add("a", 2, value="d")
        )
        self.there_and_back(
            "a: [\n  b, # b\n  c # c\n]\n", "a: [\n  b, # b\n  d,\n  c # c\n]\n", add("a", 1, value="d")
        )

    def test_json(self) -> None:
        """JSON stays JSON, on one line or on many."""
        value = {"l": [], "y": "on"}
        self.there_and_back('{"a":1}', '{"a":1,"x":{"l":[],"y":"on"}}', add("x", value=value))
        self.there_and_back('{"a": {}}', '{"a": {"x": {"l": [], "y": "on"}}}', add("a", "x", value=value))
        self.there_and_back(
            '{\n\t"a": {},\n\t"b": [1, 2]\n}\n',
            '{\n\t"a": {\n\t\t"x": {\n\t\t\t"l": [],\n\t\t\t"y": "on"\n\t\t}\n\t},\n\t"b": [1, 2, 3]\n}\n',
            add("a", "x", value=value),
            add("b", "-", value=3),
        )

    def test_scalars(self) -> None:
        """A replaced scalar keeps its comment, and comes back with its quotes."""
        self.there_and_back('a: "http" # c\n', "a: o2sidecar # c\n", replace("a", value="o2sidecar"))
        self.there_and_back("- 'a'\n", "- 8080\n", replace(0, value=8080))
        self.there_and_back("- a\n    # deep\n", "- - 1\n  - 2\n    # deep\n", replace(0, value=[1, 2]))
        self.there_and_back("a: |\n  b\n\n  c\nd: 1\n", 'a: "on"\nd: 1\n', replace("a", value="on"))
        self.there_and_back("a: b\n  c\n", "a: |-\n  x\n  y\n", replace("a", value="x\ny"))
        self.assertEqual(self.edited("a: 1 # c\n", replace("a", value=Verbatim(text="'x'", data="x"))), "a: 'x' # c\n")
        self.assertEqual(self.edited("a: x\n", replace("a", value=Verbatim(text="", data=None))), "a:\n")

    def test_quotes(self) -> None:
        """What YAML 1.1 or YAML 1.2 would read as something else is in double quotes."""
        for text in ("on", "yes", "y", "0o7", "1e3", "2026-01-01", "12:30", "a: b", "a #b", "~", "", "1_0", "10.0.0.1",
                     "- a", "{{ x }}", "@a", "a:", " a", "0x1", ".5", "<<", "=", "null", "True"):  # fmt: skip
            self.assertEqual(self.edited("a: 1\n", replace("a", value=text)), f'a: "{text}"\n')
        for text in ("nginx:1.2", "--config=/etc/x", "100m", "GET=^/healthz$", "it's", "a b", "é", "a/b", "http://x/"):
            self.assertEqual(self.edited("a: 1\n", replace("a", value=text)), f"a: {text}\n")

    def test_removed(self) -> None:
        """What is removed takes the comments right above it along, and they come back."""
        text = "l:\n# a\n- a: 1 # a1\n# b\n- b: 1\n  c: 2 # c\n  # d\n- d\n"
        self.there_and_back(text, "l:\n# a\n- a: 1 # a1\n- d\n", remove("l", 1))
        self.there_and_back(text, text.replace("  c: 2 # c\n", ""), remove("l", 1, "c"))
        self.assertEqual(self.edited("- a: 1\n  b: 2\n", remove(0, "a")), "- b: 2\n")
        self.assertEqual(self.edited("a: {b: 1, c: 2}\n", remove("a", "b")), "a: {c: 2}\n")

    def test_documents(self) -> None:
        """A change of one document leaves the others as they are, also in a stream with ends and directives."""
        text = "%YAML 1.2\n---\n# a\na: 1\n...\n---\n--- # c\n{'b': 2}\n--- c\n"
        stream = Stream.read(text, "f")
        edited = stream.edited({0: [add("x")], 2: [add("x", value="y")]})
        self.assertEqual(edited, text.replace("a: 1\n", "a: 1\nx: 1\n").replace("{'b': 2}", "{'b': 2, x: \"y\"}"))
        self.assertEqual(stream.edited({}), text)
        self.assertEqual(stream.edited({1: [replace(value={"a": [1]})]}).count("a:\n- 1\n"), 1)

    def test_aliases(self) -> None:
        """What an alias or a merge key shares is refused, what stands beside it is changed."""
        text = "a: &a {x: 1}\nb: *a\nc:\n  <<: *a\n  y: 1\n"
        for operation in (
            add("a", "z"), add("b", "z"), replace("b", "x"), remove("c", "x"), remove("a"), replace("a", "x", value=2),
        ):  # fmt: skip
            with self.assertRaises(ManifestProblem) as raised:
                self.edited(text, operation)
            self.assertRegex(str(raised.exception), "^f:[1234]:[0-9]+: error: .*(alias|merge key)")
        self.assertEqual(self.edited(text, replace("b", value=2)), text.replace("b: *a", "b: 2"))
        self.assertEqual(self.edited(text, replace("c", "x", value=2)), text + "  x: 2\n")
        self.assertEqual(self.edited(text, add("c", "z")), text + "  z: 1\n")

    def test_anchors(self) -> None:
        """An anchor that no alias needs stays where it is."""
        self.there_and_back("a: &a {} # c\n", "a: &a # c\n  x: 1\n", add("a", "x"))

    def test_tags(self) -> None:
        """A scalar's tag goes with it, as it says what that is, and comes back with it; a collection's stays."""
        for written in ("!!int '8080'", "!!str &b 1", "&b !!str 1", "!!str\n  x", "!!int 8080 # c"):
            comment = " # c" if "#" in written else ""
            self.there_and_back(f"a: {written}\nb: 1\n", f"a: x{comment}\nb: 1\n", replace("a", value="x"))
        self.there_and_back("{a: !!int '1', b: 2}", "{a: x, b: 2}", replace("a", value="x"))
        self.there_and_back("a: !!map {b: 1}\n", "a: !!map {b: 1, x: 1}\n", add("a", "x"))
        for written in ("!!map {b: 1}", "!!seq [1]"):
            self.assertRaises(ManifestProblem, self.edited, f"a: {written}\n", replace("a", value="x"))

    def test_refused(self) -> None:
        """What does not fit is a problem with the document's place."""
        for operation in (add("b", "c"), remove("z"), replace("z"), add("a", value=float("nan"))):
            with self.assertRaises(ManifestProblem) as raised:
                self.edited("# c\na: 1\n", operation)
            self.assertTrue(str(raised.exception).startswith("f:2:1: error: "))
