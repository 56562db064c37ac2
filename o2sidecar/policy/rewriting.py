"""Rewriting: a request target made anew from what a pattern finds in its path (CONTRACT §8).

A pattern looks at the path as it came. Were it decoded first, a `%2F` or `%3F` in it could become a delimiter, and
the app would get a request that the client could not have sent to that path.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Self
from urllib.parse import unquote_to_bytes

from attrs import frozen

from o2sidecar.policy.pattern import Pattern

_TARGET = re.compile(r"[/$][!-~]*")
_REFERENCE = re.compile(r"\$(?:([0-9]+)|([A-Za-z_][A-Za-z0-9_]*)|\$)")
_DELIMITERS = re.compile(rb"[&=+;?]")

_Template = tuple[str | int | bytes, ...]
"""Bytes that stay, and groups by number or name."""


@frozen(kw_only=True)
class Rewriting:
    """Paths that fit a pattern, and the targets that take the place of theirs.

    Attributes:
        pattern: searched in the path, percent-encodings untouched.
        target: what takes the match's place, perhaps with a query; `$1` and `$name` stand for groups, `$$` for a
            dollar sign. Empty: the target stays as it is.
    """

    pattern: Pattern
    target: str
    _path: _Template
    _query: _Template

    @classmethod
    def parse(cls, pattern: Pattern, target: str = "") -> Self:
        """With a new target as settings write it; raises `ValueError` with a sentence."""
        if target and (not _TARGET.fullmatch(target) or "#" in target):
            raise ValueError("must be a path, perhaps with a query, that begins with / or $, in ASCII without blanks")
        path, _, query = target.partition("?")
        return cls(pattern=pattern, target=target, path=_template(path, pattern), query=_template(query, pattern))

    def of(self, target: bytes) -> bytes | None:
        """The new target for one in origin-form; `None` if its path does not fit.

        What stands before and behind the match stays. A group's text is data wherever it goes: in the query its
        delimiters are encoded. The client's parameters are joined to those of the new target, in the order of their
        names; one that the new target sets is its own alone, so that nobody can say it twice.
        """
        path, _, query = target.partition(b"?")
        found = self.pattern.find(path.decode("latin-1"))
        if found is None:
            return None
        if not self.target:
            return target
        before, behind = path[: found.start()], path[found.end() :]
        own = _filled(self._query, found, _as_value)
        if self._query:
            own += _as_value(behind)
            behind = b""
        new = before + _filled(self._path, found, bytes) + behind
        if not new.startswith(b"/"):
            new = b"/" + new
        merged = _merged(own, query)
        return new + b"?" + merged if merged else new


def _template(text: str, pattern: Pattern) -> _Template:
    parts: list[str | int | bytes] = []
    position = 0
    for found in _REFERENCE.finditer(text):
        parts.append(text[position : found.start()].encode("ascii"))
        parts.append(_group(found, pattern))
        position = found.end()
    parts.append(text[position:].encode("ascii"))
    return tuple(part for part in parts if part != b"")


def _group(found: re.Match[str], pattern: Pattern) -> str | int | bytes:
    number, name = found[1], found[2]
    if number is None and name is None:
        return b"$"
    if (int(number) > pattern.groups) if number else (name not in pattern.group_names):
        raise ValueError(f"{found[0]} stands for a group that the path does not have")
    return int(number) if number else name


def _filled(template: _Template, found: re.Match[str], encode: Callable[[bytes], bytes]) -> bytes:
    return b"".join(
        part if isinstance(part, bytes) else encode((found[part] or "").encode("latin-1")) for part in template
    )


def _as_value(text: bytes) -> bytes:
    """A piece of a path as a piece of a query; what is percent-encoded stays so."""
    return _DELIMITERS.sub(lambda found: b"%%%02X" % ord(found[0]), text)


def _merged(own: bytes, given: bytes) -> bytes:
    ours = [pair for pair in own.split(b"&") if pair]
    names = {_name(pair).lower() for pair in ours}
    # Some apps take `;` for a separator, and `id` and `ID` for one name.
    theirs = [
        pair
        for pair in given.split(b"&")
        if pair and names.isdisjoint(_name(piece).lower() for piece in pair.split(b";"))
    ]
    pairs = sorted(ours + theirs, key=_name)
    return b"&".join(pairs)


def _name(pair: bytes) -> bytes:
    """A parameter's name, decoded."""
    return unquote_to_bytes(pair.partition(b"=")[0].replace(b"+", b" "))
