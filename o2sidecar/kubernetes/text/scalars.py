"""Which value a scalar is: as `sigs.k8s.io/yaml` reads it, which is YAML 1.1 with some numbers of YAML 1.2.

Dates stay texts, `on` and `yes` are booleans, `0o7` and `07` are 7.
"""

from __future__ import annotations

import math
import re

from o2sidecar.kubernetes.operations import Data
from o2sidecar.kubernetes.text.limits import MOST_DIGITS

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"], True),
    **dict.fromkeys(["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"], False),
    **dict.fromkeys(["", "~", "null", "Null", "NULL"], None),
}
_ENDLESS = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ][0-9:.]+([Zz]|[-+][0-9:]+)?)?")
_INTEGER = re.compile(r"([-+]?)(?:(0[xX])([0-9a-fA-F]+)|(0[bB])([01]+)|(0[oO]?)([0-7]+)|([1-9][0-9]*|0))")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_BASES = {"0x": 16, "0b": 2, "0o": 8, "0": 8}
_PREFIX = "tag:yaml.org,2002:"
_RESOLVED = {"null": (type(None),), "bool": (bool,), "int": (int,), "float": (float, int)}
_COLLECTIONS = {"map": "mapping", "seq": "list"}


def scalar(text: str, *, plain: bool, tag: str | None) -> Data:
    """The value of a scalar. Raises `ValueError` with a sentence for numbers that JSON does not have."""
    if tag is None:
        return resolve(text) if plain else text
    kind = tag.removeprefix(_PREFIX)
    if kind in _COLLECTIONS:
        raise ValueError(f"{text[:40]!r} is tagged as a {_COLLECTIONS[kind]}, but is none; take the tag out")
    if kind not in _RESOLVED:
        return text
    value = resolve(text)
    if type(value) not in _RESOLVED[kind]:
        raise ValueError(f"{text[:40]!r} is tagged as !!{kind}, but is none; take the tag out")
    return value


def resolve(text: str) -> Data:
    """The value of a scalar without quotes. Raises `ValueError` with a sentence for numbers that JSON does not have."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "0123456789+-.":
        return text
    if _ENDLESS.fullmatch(text):
        raise ValueError(f"{text} is no number that Kubernetes knows; put it in quotes if it is meant as text")
    if _DATE.fullmatch(text):
        return text
    digits = text.replace("_", "") if text[0] != "." else text
    integer = _INTEGER.fullmatch(digits)
    if integer is None and _FLOAT.fullmatch(digits) is None:
        return text
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a number of more than {MOST_DIGITS} characters; put it in quotes if it is meant as text")
    if integer is not None:
        found = _integer(integer)
        if -(2**63) <= found < 2**64:
            return found
    number = float(found if integer is not None else digits)
    if math.isinf(number):
        raise ValueError(f"{text[:40]} is too large a number; put it in quotes if it is meant as text")
    return number


def _integer(found: re.Match[str]) -> int:
    sign, *rest = found.groups()
    pairs = [(rest[0], rest[1]), (rest[2], rest[3]), (rest[4], rest[5])]
    for prefix, digits in pairs:
        if digits is not None:
            return int(sign + digits, _BASES[prefix.lower()])
    return int(sign + rest[6])
