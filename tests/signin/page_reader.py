"""Reads pages as a browser would: texts, forms, and every place from which something could be fetched or run."""

from __future__ import annotations

from html.parser import HTMLParser

from attrs import define, field

_FETCHING = frozenset({"src", "href", "srcset", "data", "poster", "background", "action", "formaction"})


@define
class Form:
    """A form: its method, its action, its inputs as name and value, its buttons' labels."""

    method: str
    action: str
    inputs: list[tuple[str, str]] = field(factory=list)
    labels: list[str] = field(factory=list)


class PageReader(HTMLParser):
    """The facts of a page."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.forms: list[Form] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.links: list[tuple[str, str]] = []
        self.style = ""
        self._texts: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()

    @property
    def text(self) -> str:
        """What is visible, with single blanks."""
        return " ".join("".join(self._texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self._open.append(tag)
        self.attributes.extend((tag, name, value) for name, value in given.items())
        self.links.extend((tag, value) for name, value in given.items() if name in _FETCHING)
        if tag == "form":
            self.forms.append(Form(given.get("method", ""), given.get("action", "")))
        elif tag == "input":
            self.forms[-1].inputs.append((given["name"], given.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            self.style += data
            return
        self._texts.append(data)
        if "button" in self._open:
            self.forms[-1].labels.append(data)
