"""Text to nodes: the parser's events become values that know where they stand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from attrs import Factory, define

from o2sidecar.kubernetes.findings import Finding, ManifestProblem, Severity
from o2sidecar.kubernetes.text.events import UnreadableText, quick_events, slow_events
from o2sidecar.kubernetes.text.limits import DEEPEST, LARGEST_STREAM, LONGEST_READ_SLOWLY, MOST_NODES
from o2sidecar.kubernetes.text.lines import BOM, Text
from o2sidecar.kubernetes.text.nodes import Entry, Node
from o2sidecar.kubernetes.text.scalars import scalar

_TEMPLATE = "this is a template that is not rendered yet; render it first, for instance with `helm template`"
_OTHER_COLLECTION = {"mapping": "tag:yaml.org,2002:seq", "sequence": "tag:yaml.org,2002:map"}
_LEADING_TABS = re.compile(r"(?m)^[ \t]*\t[ \t]*")


def read_documents(text: Text) -> list[Node]:
    """The root of each document. Raises `ManifestProblem`."""
    if len(text.characters) > LARGEST_STREAM:
        raise ManifestProblem.at(text.place(0), f"it has more than {LARGEST_STREAM} characters")
    reading = _Reading(text=text, shift=text.characters.startswith(BOM))
    try:
        return _read(text, reading, quick_events)
    except UnreadableText as unreadable:
        if len(text.characters) > LONGEST_READ_SLOWLY:
            raise reading.problem(unreadable.error) from None
    return read_slowly(text)


def read_slowly(text: Text) -> list[Node]:
    """The same by the other parser, which reads some JSON more, and says better what is wrong."""
    reading = _Reading(text=text)
    try:
        return _read(text, reading, slow_events)
    except UnreadableText as unreadable:
        raise reading.problem(unreadable.error) from None


def _read(text: Text, reading: _Reading, parse: Callable[[str], Iterator[Any]]) -> list[Node]:
    characters = text.characters
    if characters.lstrip("\ufeff \t\r\n")[:1] in ("{", "["):
        # JSON may be indented by tabs, YAML may not; a string of JSON goes over no line.
        characters = _LEADING_TABS.sub(lambda found: " " * len(found.group()), characters)
    return [reading.finish() for event in parse(characters) if reading.take(event)]


@define
class _Open:
    """A collection whose end has not come."""

    node: Node
    anchor: str | None
    key: Node | None = None
    after: int = 0


@define(kw_only=True)
class _Reading:
    """A document being read; `shift`: characters of a byte order mark that the parser does not count."""

    text: Text
    shift: int = 0
    open: list[_Open] = Factory(list)
    anchors: dict[str, Node | None] = Factory(dict)
    strings: list[tuple[int, int]] = Factory(list)
    findings: list[Finding] = Factory(list)
    start: int = 0
    root: Node | None = None
    weight: int = 0

    def take(self, event: Any) -> bool:
        """An event; whether it ends the document."""
        kind = type(event).__name__
        begin, end = event.start_mark.index + self.shift, event.end_mark.index + self.shift
        if kind == "DocumentStartEvent":
            self.start, self.root, self.weight = end, None, 0
            self.anchors.clear()
            self.strings.clear()
            self.findings.clear()
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            self._begin(event, "mapping" if kind == "MappingStartEvent" else "sequence", begin, end)
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            self._close(begin, end)
        elif kind == "AliasEvent":
            self._alias(event.anchor, begin, end)
        elif kind == "ScalarEvent":
            self._scalar(event, begin, end)
        return kind == "DocumentEndEvent"

    def finish(self) -> Node:
        """The document's root, once it has ended."""
        if self.findings:
            raise ManifestProblem(self.findings)
        assert self.root
        if not self.root.written:
            self.root.start = self.root.content = self.root.end = self.start
        return self.root

    def problem(self, error: Exception) -> ManifestProblem:
        """What a parser's error means to people."""
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        offset = mark.index if mark else getattr(error, "position", 0) or 0
        offset = min(offset + self.shift, len(self.text.characters))
        template = self._template(self.text.line_end(offset))
        if template is not None:
            return ManifestProblem.at(self.text.place(template), _TEMPLATE)
        return ManifestProblem.at(self.text.place(offset), _sentence(error))

    def _template(self, limit: int) -> int | None:
        """The first `{{` outside of strings and comments since the document began."""
        for found in re.finditer(r"\{\{", self.text.characters[:limit]):
            offset = found.start()
            before = self.text.characters[self.text.line_start(offset) : offset]
            inside = any(start <= offset < end for start, end in self.strings)
            if offset >= self.start and not inside and not re.search(r"(?:^|\s)#", before):
                return offset
        return None

    def _begin(self, event: Any, kind: str, begin: int, end: int) -> None:
        content = self.text.behind_properties(begin)
        if event.flow_style and self.text.characters.startswith("{{", content):
            raise ManifestProblem.at(self.text.place(content), _TEMPLATE)
        if len(self.open) >= DEEPEST:
            raise ManifestProblem.at(self.text.place(begin), f"it is nested deeper than {DEEPEST} levels")
        if _tag(event.tag) == _OTHER_COLLECTION[kind]:
            raise ManifestProblem.at(
                self.text.place(begin), f"it is tagged as another thing than the {kind} that it is"
            )
        flow = bool(event.flow_style)
        data: Any = {} if kind == "mapping" else []
        node = Node(kind=kind, start=begin, content=content, end=end, flow=flow, data=data, entries=[])
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        bracket = flow and self.text.characters[content : content + 1] in ("{", "[")
        self.open.append(_Open(node, event.anchor, after=content + 1 if bracket else content))

    def _close(self, begin: int, end: int) -> None:
        closed = self.open.pop()
        node = closed.node
        # A block collection ends where its last entry does; the parser only knows where the next thing begins.
        node.end = end if node.flow and end > begin else max(closed.after, node.content)
        if node.merged:
            self._merge(node)
        if closed.anchor is not None:
            self.anchors[closed.anchor] = node
        self._put(node)

    def _alias(self, anchor: str, begin: int, end: int) -> None:
        target = self.anchors.get(anchor)
        if target is None:
            what = "stands within what it stands for" if anchor in self.anchors else "stands for nothing"
            raise ManifestProblem.at(self.text.place(begin), f"the alias *{anchor[:80]} {what}")
        if target.used is None:
            target.used = begin
        self._put(Node(kind="alias", start=begin, content=begin, end=end, data=target.data, weight=target.weight))

    def _scalar(self, event: Any, begin: int, end: int) -> None:
        behind = self.text.behind_properties(begin) if event.anchor is not None or event.tag is not None else begin
        # A tag says what its scalar is, so that it goes with it, and comes back with it.
        content = behind if event.tag is None else begin
        style = event.style or ""
        if style:
            self.strings.append((begin, end))
        elif "{{" in event.value:
            offset = self.text.characters.find("{{", begin, end)
            raise ManifestProblem.at(self.text.place(max(offset, begin)), _TEMPLATE)
        if style in ("|", ">"):
            end = self._block_end(behind, end)
        node = Node(kind="scalar", start=begin, content=min(content, end), end=end, style=style)
        try:
            node.data = scalar(_characters(event.value), plain=not style, tag=_tag(event.tag))
        except ValueError as error:
            raise ManifestProblem.at(self.text.place(begin), str(error)) from None
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        self._put(node)

    def _block_end(self, begin: int, end: int) -> int:
        characters = self.text.characters
        header = characters[begin : self.text.line_end(begin)].split("#")[0]
        return _before_break(characters, begin, end) if "+" in header else begin + len(characters[begin:end].rstrip())

    def _put(self, node: Node) -> None:
        self.weight += node.weight if node.kind == "alias" else 1
        if self.weight > MOST_NODES:
            raise ManifestProblem.at(self.text.place(node.start), f"the document has more than {MOST_NODES} values")
        if not self.open:
            self.root = node
            return
        parent = self.open[-1]
        parent.node.weight += node.weight
        if parent.node.kind == "sequence":
            self._item(parent, node)
        elif parent.key is None:
            parent.key = node
        else:
            self._pair(parent, parent.key, node)
            parent.key = None

    def _item(self, parent: _Open, node: Node) -> None:
        if parent.node.flow:
            start = header = node.start
        else:
            start = self.text.next(parent.after)
            header = start + 1
        entry = _entry(start, header, node)
        parent.node.entries.append(entry)
        parent.node.data.append(node.data)
        parent.after = entry.end

    def _pair(self, parent: _Open, key_node: Node, node: Node) -> None:
        start = self.text.next_item(parent.after) if parent.node.flow else self.text.next(parent.after)
        colon = self.text.next(key_node.end)
        written = self.text.characters.startswith(":", colon)
        header = colon + 1 if written else key_node.end
        entry = _entry(start, header, node)
        entry.quoted = key_node.style == '"'
        parent.node.entries.append(entry)
        parent.after = entry.end
        if key_node.data == "<<" and not key_node.style and key_node.kind == "scalar":
            parent.node.merged = True
            return
        entry.key = self._key(key_node)
        if entry.key in parent.node.data:
            self._find(key_node.start, f"the key {entry.key[:80]!r} is there twice; take one of them out")
        parent.node.data[entry.key] = node.data

    def _key(self, node: Node) -> str:
        if node.data is None or node.kind in ("mapping", "sequence") or isinstance(node.data, dict | list):
            raise ManifestProblem.at(self.text.place(node.start), "a key must be a text")
        if isinstance(node.data, bool):
            return "true" if node.data else "false"
        return str(node.data)

    def _merge(self, node: Node) -> None:
        """The keys that merge keys give: those of the mapping itself win, then those of the first that has them."""
        for entry in node.entries:
            if entry.key is not None:
                continue
            given = entry.value.data if isinstance(entry.value.data, list) else [entry.value.data]
            for mapping in given:
                if not isinstance(mapping, dict):
                    self._find(entry.start, "a merge key takes mappings only")
                    return
                for key, value in mapping.items():
                    node.data.setdefault(key, value)

    def _find(self, offset: int, sentence: str) -> None:
        self.findings.append(Finding(severity=Severity.ERROR, sentence=sentence, place=self.text.place(offset)))


def _entry(start: int, header: int, node: Node) -> Entry:
    if not node.written:
        # The parser may have gone on to the next line before it knew that there is nothing.
        node.start = node.content = node.end = header
    return Entry(start=start, header=header, key=None, value=node)


def _before_break(characters: str, begin: int, end: int) -> int:
    for line_break in ("\r\n", "\n", "\r"):
        if characters.endswith(line_break, begin, end):
            return end - len(line_break)
    return end


def _tag(tag: Any) -> str | None:
    return None if tag is None else str(tag)


def _characters(text: str) -> str:
    """JSON writes what is beyond 16 bits as two escapes; they are one character."""
    if not any("\ud800" <= character <= "\udfff" for character in text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _sentence(error: Exception) -> str:
    said = [str(part) for part in (getattr(error, "context", None), getattr(error, "problem", None)) if part]
    return "this is no YAML: " + (", ".join(said) or getattr(error, "reason", None) or "it cannot be read")
