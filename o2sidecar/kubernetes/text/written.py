"""Scalars as text: plain where YAML 1.1 and YAML 1.2 both read the same text from it, else in quotes."""

from __future__ import annotations

import json
import math
import re

from o2sidecar.kubernetes.operations import Data
from o2sidecar.kubernetes.text.scalars import resolve

_PLAIN = re.compile(
    r"[^\s\-?:,\[\]{}#&*!|>'\"%@`=<~][^\x00-\x1f\x7f]*|-[^\s\-\x00-\x1f\x7f][^\x00-\x1f\x7f]*|--[^\s\-][^\x00-\x1f\x7f]*"
)
_NOT_PLAIN = re.compile(r": |:$| #|\s$|\s\s|\{\{")
_NOT_PLAIN_IN_FLOW = re.compile(r"[,\[\]{}]|:[^\w/.]")
_LIKE_A_NUMBER = re.compile(r"[-+.]?[0-9.][0-9a-fA-FxXoO_:.+-]*([TtZz ][0-9:.+-]*[Zz]?)?")
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
_LITERAL = re.compile("[^\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]*")


def scalar_text(value: Data, *, flow: bool, quoted: bool) -> str:
    """A scalar on one line. `quoted`: texts are in double quotes always, as JSON has them."""
    if isinstance(value, str):
        if quoted or not value.isprintable():
            return _in_double_quotes(value)
        if is_plain(value, flow=flow):
            return value
        # What holds JSON, such as an annotation, is readable in single quotes only.
        return f"'{value}'" if '"' in value and "'" not in value else _in_double_quotes(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a manifest has no place for numbers that are not finite")
    return json.dumps(value)


def literal_lines(text: str) -> tuple[str, list[str]] | None:
    """A text of several lines as a block scalar: its header and its lines; `None` where that cannot hold it."""
    lines = text.split("\n")
    if len(lines) < 2 or not _LITERAL.fullmatch(text) or not lines[0].strip() or lines[0][0] in " \t":
        return None
    if not text.endswith("\n"):
        return ("|-", lines) if lines[-1].strip() else None
    # Several line breaks at the end would grow by empty lines that happen to follow.
    return ("|", lines[:-1]) if lines[-2].strip() else None


def is_plain(text: str, *, flow: bool) -> bool:
    """Whether a text needs no quotes."""
    if (
        not _PLAIN.fullmatch(text)
        or _NOT_PLAIN.search(text)
        or _LIKE_A_NUMBER.fullmatch(text)
        or not text.isprintable()
    ):
        return False
    if flow and _NOT_PLAIN_IN_FLOW.search(text):
        return False
    try:
        return isinstance(resolve(text), str)
    except ValueError:
        return False


def _in_double_quotes(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    return _ESCAPED.sub(lambda found: f"\\u{ord(found.group()):04x}", quoted)
