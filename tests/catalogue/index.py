"""The catalogue's rules and the tests that hold them, as the page `docs/security.md`.

`python -m tests.catalogue.index > docs/security.md` writes it. A test says in its docstring which rules it holds:
`P1: …`, `J1, J6: …`, or `(security.md X5)` at the end.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "security.md"
GROUPS: Mapping[str, str] = {
    "P": "Reading HTTP",
    "F": "What the app is told",
    "U": "Paths",
    "D": "Denial of service",
    "R": "Where people are sent",
    "S": "Sessions and cookies",
    "O": "Signing in",
    "J": "Tokens and keys",
    "L": "Signing out",
    "A": "Who may pass",
    "X": "Pages, logs, and what is in sight",
}
_ID = re.compile(r"\b[PFUDRSOJLAX][0-9]{1,2}\b")
_INTRODUCTION = """# Security rules and their tests

Each rule has a number, by which tests name it. This page is made of the rules (`tests/catalogue/rules.tsv`) and of the
tests' docstrings: `python -m tests.catalogue.index > docs/security.md`. A rule without a test fails the tests.

To report a hole, see [CONTRIBUTING](../CONTRIBUTING.md).
"""


def rules() -> dict[str, str]:
    """What each rule says, by its number, in the catalogue's order."""
    _, *lines = Path(__file__).with_name("rules.tsv").read_text("utf-8").splitlines()
    return dict(line.split("\t") for line in lines)


def tests_of_rules() -> dict[str, list[str]]:
    """The tests that name each rule, by number; a class that names one stands for all of its tests."""
    found: dict[str, list[str]] = {number: [] for number in rules()}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for name, docstring in _documented(ast.parse(path.read_text("utf-8"))):
            for number in dict.fromkeys(_ID.findall(docstring)):
                found.setdefault(number, []).append(f"{module}.{name}")
    return found


def page() -> str:
    """The text of `docs/security.md`."""
    tests, parts = tests_of_rules(), [_INTRODUCTION]
    for letter, title in GROUPS.items():
        parts += [f"\n## {letter}: {title}\n", "| rule | what it says | tests |", "|---|---|---|"]
        for number, says in rules().items():
            if number[0] == letter:
                names = "<br>".join(f"`{name.removeprefix('tests.')}`" for name in tests[number])
                parts.append(f"| {number} | {says} | {names} |")
    return "\n".join(parts) + "\n"


def _documented(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Test classes and test methods, by name, with their docstrings."""
    for top in tree.body:
        if isinstance(top, ast.ClassDef) and top.name.endswith("Tests"):
            yield top.name, ast.get_docstring(top) or ""
            for inner in top.body:
                if isinstance(inner, ast.FunctionDef) and inner.name.startswith("test_"):
                    yield f"{top.name}.{inner.name}", ast.get_docstring(inner) or ""


if __name__ == "__main__":
    sys.stdout.write(page())
