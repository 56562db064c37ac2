"""Finds the English sentences that people may be told, in the code and in the templates."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import o2sidecar

PACKAGE = Path(o2sidecar.__file__).parent
ROOMS = ("guard", "http", "oauth", "policy", "providers", "session", "signin", "proxy.py", "refusals.py")
"""Where refusals come from."""

_SAID = re.compile(r'\b(?:say|compose)\("([^"]+)"')
_PLACE = re.compile(r"\{[^{}]*\}")
_LABELS = frozenset({"label", "heading"})
_NOT_OF_PAGES = frozenset(
    {
        "Discovery of {} works again.",  # for the log
        "What is known of {} is what was kept, until it is fetched.",  # for the log
        "Nothing has passed for too long.",  # a WebSocket's closing words
        "You may not pass.",  # a value that templates are tried with
    }
)


def blank(sentence: str) -> str:
    """A sentence with its places emptied, so that what they are called makes no difference."""
    return _PLACE.sub("{}", sentence).strip()


def of_templates() -> set[str]:
    """What our templates say."""
    files = sorted((PACKAGE / "signin" / "templates").glob("*.html"))
    return {blank(sentence) for file in files for sentence in _SAID.findall(file.read_text("utf-8"))}


def of_code() -> set[str]:
    """What refusals say, and the words that our pages have by name: whole sentences, labels and headings."""
    found: set[str] = set()
    for room in ROOMS:
        path = PACKAGE / room
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            tree = ast.parse(file.read_text("utf-8"), str(file))
            found |= {blank(text) for text in _texts(tree) if _is_sentence(text)}
            found |= set(_words(tree))
    return found - _NOT_OF_PAGES


def _texts(tree: ast.Module) -> Iterator[str]:
    aside = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    aside |= {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)  # type: ignore[misc]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in aside:
            yield node.value


def _is_sentence(text: str) -> bool:
    stripped = text.strip()
    ends = stripped.endswith((".", "?", "!")) or "It says: " in stripped
    return ends and " " in stripped and (stripped[0].isupper() or stripped.startswith("{} "))


def _words(tree: ast.Module) -> Iterator[str]:
    """The labels of ways, the headings of explanations, and templates by that name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id == "Explanation":
                yield blank(str(ast.literal_eval(node.args[0])))
            for keyword in node.keywords:
                if keyword.arg in _LABELS and isinstance(keyword.value, ast.Constant):
                    yield blank(str(keyword.value.value))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "{domains}" in node.value:
            yield blank(node.value)
