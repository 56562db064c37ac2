"""Public paths: what a request's path means to every reader, and which of these paths the operator opened."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from urllib.parse import unquote_to_bytes

from attrs import field, frozen

from o2sidecar.policy.pattern import Pattern

_PLAIN = re.compile(rb"(?:/[A-Za-z0-9_~!$&'()*+,=:@-][A-Za-z0-9_~!$&'()*+,=:@.-]*)+/?|/")
"""Most paths: nothing to decode, and no segment that begins with a dot."""
_NO_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_ENCODED_SLASH = re.compile(rb"%2[Ff]")
_STILL_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
_DELIMITERS = re.compile(r"[\\?#\ufffd]")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories of what is not shown: controls, marks of format, what has no character."""


def canonical_path(path: bytes) -> str | None:
    """The decoded path, if everybody who reads it reads the same; else `None`.

    `path`: the path of a request target as it came, percent-encoded. Proxies and apps differ in how often they decode
    (RFC 3986 §2.4), and in what they do with dot segments (§5.2.4), empty segments, backslashes, parameters after
    `;` (§3.3) and characters that look like others. Where that could lead two of them to different places, no
    decision should hang on the path.
    """
    if _PLAIN.fullmatch(path):
        return path.decode("ascii")
    if not path.startswith(b"/") or _NO_ESCAPE.search(path) or _ENCODED_SLASH.search(path):
        return None
    try:
        text = unquote_to_bytes(path).decode("utf-8")
    except UnicodeDecodeError:
        return None
    if _DELIMITERS.search(text) or _STILL_ENCODED.search(text) or not all(map(_is_itself, text)):
        return None
    *segments, last = text[1:].split("/")
    if not all(map(_is_name, segments)) or (last and not _is_name(last)):
        return None
    return text


def _is_itself(character: str) -> bool:
    """Whether a character is seen, and is not another writing of an ASCII one (fullwidth letters, say)."""
    if " " <= character <= "~":
        return True
    return unicodedata.category(character) not in _UNSEEN and not any(
        variant.isascii() for variant in unicodedata.normalize("NFKC", character)
    )


def _is_name(segment: str) -> bool:
    """Whether a segment is not empty and not made of dots, even when blanks and parameters are cut off."""
    return segment.partition(";")[0].strip(" .") != ""


def readings(path: bytes) -> tuple[str, ...]:
    """The texts that a path may be read as: canonical, and without the parameters that some apps cut off; or none."""
    text = canonical_path(path)
    if text is None:
        return ()
    if ";" not in text:
        return (text,)
    return text, "/".join(segment.partition(";")[0] for segment in text.split("/"))


_MEMORABLE = 512
"""Answers for longer paths are found out each time, so that they do not fill the memory."""
_ROUTE = re.compile(r"(?:([A-Za-z-]*)(!?)=)?(.*)", re.DOTALL)


@frozen(kw_only=True)
class _Route:
    """One rule: a method (empty: any), and a pattern that must match, or must not."""

    method: bytes
    negated: bool
    pattern: Pattern

    @classmethod
    def parse(cls, text: str) -> _Route:
        """Of `METHOD=pattern`, `METHOD!=pattern` or a pattern; raises `ValueError` that names what cannot be used."""
        found = _ROUTE.fullmatch(text)
        assert found is not None, "the expression takes any text"
        if not found[3]:
            raise ValueError(f"the route {text!r} has no pattern and would open every path; if that is meant, write ^/")
        return cls(method=(found[1] or "").upper().encode("ascii"), negated=bool(found[2]), pattern=Pattern(found[3]))

    def opens(self, method: bytes, texts: Iterable[str]) -> bool:
        """Whether it opens a path to a method, in every reading of the path."""
        return self.method in (b"", method) and all(self.pattern.found_in(text) is not self.negated for text in texts)


@frozen(kw_only=True)
class PublicPaths:
    """Which requests pass without a session, by their method and path.

    `path_length_limit`: longer paths are not public. `remembered`: how many answers are kept.
    """

    _routes: tuple[_Route, ...]
    path_length_limit: int = 8192
    remembered: int = 1024
    _answers: dict[tuple[bytes, bytes], bool] = field(init=False, factory=dict, eq=False, repr=False)

    @classmethod
    def parse(cls, routes: Sequence[str], regexes: Sequence[str] = (), *, path_length_limit: int = 8192) -> PublicPaths:
        """Of the options `skip_auth_routes` (METHOD=pattern, METHOD!=pattern, pattern) and `skip_auth_regex` (pattern).

        Patterns are searched, not anchored. Raises `ValueError` that names every pattern that cannot be used.
        """
        parsed, problems = [], []
        texts = [*routes, *("=" + regex for regex in regexes)]
        for text in texts:
            try:
                parsed.append(_Route.parse(text))
            except ValueError as error:
                problems.append(str(error))
        if problems:
            raise ValueError("; ".join(problems))
        return cls(routes=tuple(parsed), path_length_limit=path_length_limit)

    def admits(self, method: bytes, path: bytes) -> bool:
        """Whether a request for this path (percent-encoded, without query) is open to everybody.

        Every way to read the path must be open. HOT: asked for every request without a session.
        """
        if not self._routes or len(path) > self.path_length_limit:
            return False
        answer = self._answers.get((method, path))
        if answer is None:
            texts = readings(path)
            answer = bool(texts) and any(route.opens(method, texts) for route in self._routes)
            if len(self._answers) >= self.remembered:
                self._answers.clear()
            if len(path) <= _MEMORABLE:
                self._answers[method, path] = answer
        return answer

    def unanchored(self) -> list[str]:
        """The patterns that open every path that holds a match anywhere, for a warning at the start."""
        return [route.pattern.text for route in self._routes if not route.negated and not route.pattern.anchored]
