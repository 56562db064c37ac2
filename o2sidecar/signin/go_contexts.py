"""Mends how gotpl 0.1.0 follows HTML, where values would be escaped for a place that they are not in.

gotpl reads a template's text as Go's html/template does, to know for each action what it stands in. Where it leaves a
place with something of it still in mind, the next value would be escaped for the wrong one. The class here forgets in
time, refuses what cannot be told, and remembers where it was for the problem's line; `mend` puts it in the place of
gotpl's. The recorded templates of `tests/signin/recorded` hold all of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from gotpl import TemplateSyntaxError
from gotpl.html import analyzer
from gotpl.html.context import AttributeKind, Context, ContextKind, EscapeKind, JSContext, URLPart

_IN_TAG = frozenset({ContextKind.TAG, ContextKind.AFTER_NAME, ContextKind.BEFORE_VALUE})
_INNER_LANGUAGES = frozenset({AttributeKind.JS, AttributeKind.CSS, AttributeKind.SRCSET})
_HTML_SPACE = " \t\n\r\f"
"""HTML §13.2.5.32: what separates attributes. Python's `isspace` knows more, which HTML takes for parts of a value."""

_DECIDING_REFERENCE = re.compile(r"&(?:Tab|NewLine|quest|num);")
"""Character references that decide what the rest of an address is; gotpl does not resolve them in addresses."""


_META_ADDRESS = re.compile(r"url[ \t\n\f\r]*=[^;]*\Z", re.IGNORECASE)
"""The text before an address that a page is sent on to (HTML §4.2.5.3, http-equiv=refresh)."""


@dataclass(slots=True)
class _Mended(Context):
    def consume(self, text: str) -> str:
        try:
            rendered: str = Context.consume(self, text)
        except TemplateSyntaxError as error:
            # Its position counts from the start of this text, which `line_of` looks for in the file.
            error.within = text  # type: ignore[attr-defined]
            raise
        return rendered

    def escape_kinds(self, position: int = 0) -> tuple[EscapeKind, ...]:
        kinds: tuple[EscapeKind, ...] = Context.escape_kinds(self, position)
        if self.attribute is AttributeKind.META_CONTENT and _META_ADDRESS.search(self.attribute_value):
            return (EscapeKind.URL_FILTER, kinds[-1])
        return kinds

    def _consume_tag_start(self, text: str, index: int, output: list[str]) -> int:
        advanced: int = Context._consume_tag_start(self, text, index, output)
        self.meta_refresh = self.element == "meta"  # http-equiv may follow after content
        return advanced

    def _advance_tag_context(self, text: str, index: int) -> int:
        if self.kind in _IN_TAG or (self.kind is ContextKind.ATTR and not self.delimiter):
            _refuse_odd_blank(text[index], index)
        if self.attribute is AttributeKind.URL and self.kind is ContextKind.ATTR:
            reference = _DECIDING_REFERENCE.match(text, index)
            if reference:
                raise TemplateSyntaxError(f"{reference[0]} in an address: write the character itself", position=index)
        advanced: int = Context._advance_tag_context(self, text, index)
        if self.attribute is AttributeKind.META_CONTENT and _META_ADDRESS.search(self.attribute_value):
            self.attribute_value = "url="  # branches may write what they like behind it
        return advanced

    def _reject_invalid_unquoted_attribute_character(self, character: str, position: int) -> None:
        Context._reject_invalid_unquoted_attribute_character(self, character, position)
        if self.attribute in _INNER_LANGUAGES and not self.delimiter:
            _refuse_odd_blank(character, position)

    def _finish_attribute(self, *, tag_end: bool = False) -> None:
        self._forget_script()
        Context._finish_attribute(self, tag_end=tag_end)
        self.meta_refresh = self.element == "meta"

    def _element_content_kind(self) -> ContextKind:
        self._forget_script()
        if self.element == "meta":
            self.element, self.meta_refresh = "", False  # it has no end tag to end with
        return Context._element_content_kind(self)

    def _forget_script(self) -> None:
        """Begin each handler and each script as a script begins: a slash there is a regular expression's."""
        self.js_context = JSContext.REGEXP
        self.js_brace_depth = ()
        self.js_regexp_charset = False

    def _advance_css_context(self, text: str, index: int) -> tuple[int, str]:
        advanced: tuple[int, str] = Context._advance_css_context(self, text, index)
        if self.kind is ContextKind.CSS:
            self.url_part = URLPart.NONE  # what follows in a style is another string or address
        return advanced


def _refuse_odd_blank(character: str, position: int) -> None:
    if character.isspace() and character not in _HTML_SPACE:
        raise TemplateSyntaxError("a blank in a tag that is none in HTML", position=position)


def mend() -> None:
    """Have gotpl analyze templates with the class here."""
    analyzer.Context = _Mended  # type: ignore[attr-defined] # it is not exported


def line_of(error: Any, source: str) -> int:
    """The line (from 1) of the file `source` that an error is about."""
    within = getattr(error, "within", None)
    if within is not None and within in source:
        position = source.index(within) + min(error.position, len(within))
        return source.count("\n", 0, position) + 1
    if isinstance(error, TemplateSyntaxError) and error.line == 1:
        # The analysis of contexts knows positions in bytes, and takes every line for the first.
        return source.encode()[: error.position].count(b"\n") + 1
    return int(error.line or 1)
