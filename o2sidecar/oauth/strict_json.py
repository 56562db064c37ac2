"""JSON from strangers, read strictly: bounded, no duplicate members, no numbers that are none.

Lenient readers differ about duplicate members and odd numbers, and where two readers differ one of them can be fooled
(RFC 8259 §4, RFC 8725 §2.7).
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

MAX_BYTES = 1 << 20
MAX_DEPTH = 32

# Possessive, and content to end without the closing quote: linear in the text, whatever it holds.
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
_SURROGATE = re.compile(r"\\u[dD]")


class MalformedJson(ValueError):
    """A text is not JSON that every reader understands alike; the message says why and quotes nothing of it."""


def parse(text: bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> Any:
    """The value of a JSON text in UTF-8.

    Raises `MalformedJson` for texts of over `max_bytes`, nesting of over `max_depth`, duplicate members, `NaN` and the
    infinities (spelt out or by overflow), and lone surrogates, which cannot be written as UTF-8 again.
    """
    if len(text) > max_bytes:
        raise MalformedJson(f"the JSON text is longer than {max_bytes} bytes")
    try:
        decoded = text.decode("utf-8")
        _check_depth(decoded, max_depth)
        value = json.loads(
            decoded, object_pairs_hook=_without_duplicates, parse_constant=_no_constant, parse_float=_finite
        )
        if _SURROGATE.search(decoded):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except MalformedJson:
        raise
    except ValueError:
        # From the decoder, or from `int` for thousands of digits: both quote what they read, so neither is passed on.
        raise MalformedJson("the text is not valid JSON") from None
    return value


def parse_object(text: bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> dict[str, Any]:
    """As `parse`, for texts that must hold an object."""
    value = parse(text, max_bytes=max_bytes, max_depth=max_depth)
    if not isinstance(value, dict):
        raise MalformedJson("the JSON text is not an object")
    return value


def _check_depth(text: str, most: int) -> None:
    depth = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        mark = found.group()
        if mark in {"[", "{"}:
            depth += 1
            if depth > most:
                raise MalformedJson(f"the JSON text is nested more than {most} levels deep")
        elif mark in {"]", "}"}:
            depth -= 1


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedJson("the JSON text has duplicate members")
    return members


def _no_constant(_: str) -> NoReturn:
    raise MalformedJson("the JSON text holds a number that is none")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise MalformedJson("the JSON text holds a number that is too large")
    return number
