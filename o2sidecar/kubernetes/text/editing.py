"""Changes to splices: where in the text each change is made, in block style; `flow_editing` has the other."""

from __future__ import annotations

import re

from attrs import Factory, define, evolve

from o2sidecar.kubernetes.operations import Data, Verbatim
from o2sidecar.kubernetes.text.changes import KEPT, Branch, Changes, Slot
from o2sidecar.kubernetes.text.flow_editing import FlowEditing, flow_style
from o2sidecar.kubernetes.text.lines import Text
from o2sidecar.kubernetes.text.nodes import Entry, Node
from o2sidecar.kubernetes.text.splices import Splices
from o2sidecar.kubernetes.text.values import BlockStyle, FlowStyle, block, document_lines, entry_lines, flow
from o2sidecar.kubernetes.text.written import scalar_text

_BLANK = re.compile(r"[ \t\r\n]*")


def splices_of(changes: Changes) -> Splices:
    """What to do to the text for the changes of a document."""
    editing = _Editing(text=changes.text, root=changes.root.entry.value if changes.root.entry else None)
    editing.document(changes.root)
    return editing.splices


@define(kw_only=True)
class _Editing:
    """Splices of a document being made."""

    text: Text
    root: Node | None
    splices: Splices = Factory(lambda self: Splices(text=self.text), takes_self=True)
    _style: BlockStyle | None = None

    def document(self, slot: Slot) -> None:
        """The whole of it: its root is in no collection."""
        assert slot.entry
        node = slot.entry.value
        style = flow_style(self.text, node, FlowStyle(json=True, newline=self.text.newline))
        if slot.branch is not None:
            self._branch(slot.branch, slot.entry, None if not node.flow else style, root=True)
        elif slot.value is not KEPT and node.flow:
            self.splices.replace(node.content, node.end, flow(slot.value, style, ""))
        elif slot.value is not KEPT:
            self._replace_root(node, slot.value)

    def _replace_root(self, node: Node, value: Data) -> None:
        lines = document_lines(value, self._block_style(node))
        text = self.text.newline.join(lines)
        if node.written:
            self.splices.replace(node.content, node.end, text)
        else:
            at = self.text.line_end(node.start)
            self.splices.replace(at, at, self.text.newline + text)

    def _branch(self, branch: Branch, entry: Entry, style: FlowStyle | None, *, root: bool = False) -> None:
        """A collection in which something changes; `style` is that of the flow style around it, if there is one."""
        node = branch.node
        if branch.changed and style is None and not any(slot.entry for slot in branch.slots):
            self._value(entry, branch.whole, root=root)
            return
        if node.flow:
            inner = flow_style(self.text, node, style or FlowStyle(newline=self.text.newline))
            FlowEditing(text=self.text, splices=self.splices, within=self._slot_in_flow).branch(branch, inner)
            return
        for slot in branch.slots:
            if slot.entry is None:
                continue
            if slot.branch is not None:
                self._branch(slot.branch, slot.entry, None)
            elif slot.value is not KEPT:
                self._value(slot.entry, slot.value)
        if branch.changed:
            self._entries(branch, entry, root=root)

    def _slot_in_flow(self, slot: Slot, style: FlowStyle) -> None:
        """A pair or an item within brackets or braces."""
        assert slot.entry
        node = slot.entry.value
        if slot.branch is not None:
            self._branch(slot.branch, slot.entry, style)
        elif slot.value is not KEPT:
            written = flow(slot.value, style, self.text.indentation(node.content))
            if self._ends_at_colon(slot):
                self.splices.cut(slot.entry.header, node.end)
            elif node.written:
                self.splices.replace(node.content, node.end, written)
            else:
                colon = self.text.characters[slot.entry.header - 1 : slot.entry.header] == ":"
                at = slot.entry.header
                self.splices.replace(at, at, written and (" " if colon else style.colon) + written)

    def _ends_at_colon(self, slot: Slot) -> bool:
        """Whether nothing is to stand behind `key:` within braces, as it was once."""
        entry = slot.entry
        assert entry
        return (
            isinstance(slot.value, Verbatim)
            and not slot.value.text
            and self.text.characters[entry.header - 1 : entry.value.start] == ": "
        )

    def _value(self, entry: Entry, value: Data, *, root: bool = False) -> None:
        """Another value behind `key:` or `-`, in block style."""
        node, text = entry.value, self.text
        if root:
            self._replace_root(node, value)
            return
        column, dash = text.column(entry.start), entry.key is None
        head, body = block(value, self._block_style(node), dash=dash)
        scalar = not isinstance(value.data if isinstance(value, Verbatim) else value, dict | list)
        collection = node.kind in ("mapping", "sequence") and not node.flow
        header = self._header(entry)
        if scalar and body and not isinstance(value, Verbatim):
            # Comments below would become lines of a block scalar.
            last = max(header, node.end)
            if text.behind_comments(last, column) != text.line_end(last):
                head, body = scalar_text(value, flow=False, quoted=True), []
        below = node.written and text.line_start(node.content) != text.line_start(header)
        if below and (collection or not head):
            start = text.line_start(node.content)
            end = text.line_end(node.end)
            before = text.line_break_before(node.content) or 0
            self._head(header, head)
            self.splices.lines_after(text.line_end(header) if scalar else before, body, column)
            self.splices.cut(text.line_end(header) if scalar and body else before if before <= start else start, end)
            return
        at = self._inline(node, header, head, collection=collection)
        if body and (scalar or head):
            self.splices.lines_after(text.line_end(at), body, column)
        elif body:
            first = body[0]
            inner = len(first) - len(first.lstrip(" "))
            self.splices.lines_after(text.behind_comments(at, column + inner), body, column)

    def _inline(self, node: Node, header: int, head: str, *, collection: bool) -> int:
        """What stands on the line of `key:` or `-`; returns where lines may follow."""
        text = self.text
        if not node.written or node.end == node.content:
            self._head(header, head)
            return header
        end = node.end
        if collection and text.line_end(node.content) < end:
            end = self._first_line_end(node)
            self.splices.cut(text.line_end(node.content), text.line_end(node.end))
        blank = text.characters[node.content - 1 : node.content] in (" ", "\t") and node.content > header
        start = node.content - 1 if blank and not head else node.content
        self.splices.replace(start, end, head)
        return end if collection else node.end

    def _head(self, header: int, head: str) -> None:
        """Something where nothing stands behind `key:` or `-`; behind blanks that were before what stood there once."""
        rest = self.text.characters[header : self.text.line_end(header)]
        at = header if rest.strip(" \t") else header + len(rest)
        self.splices.replace(at, at, head and " " + head)

    def _first_line_end(self, node: Node) -> int:
        """Where the first line of a block collection ends, its comment left out."""
        if not node.entries:
            return min(node.end, self.text.line_end(node.content))
        entry = node.entries[0]
        line_end = self.text.line_end(entry.start)
        if not entry.value.written or entry.value.content > line_end:
            return min(self._header(entry), line_end)
        return min(self._first_line_end(entry.value), line_end)

    def _header(self, entry: Entry) -> int:
        """Behind `key:` or `-`, and behind anchor and tag."""
        node = entry.value
        if node.content == node.start:
            return entry.header
        return node.start + len(self.text.characters[node.start : node.content].split("#")[0].split("\n")[0].rstrip())

    def _entries(self, branch: Branch, entry: Entry, *, root: bool) -> None:
        """Pairs or items that come and go, some others staying."""
        text, originals = self.text, branch.node.entries
        column = text.column(originals[0].start)
        inline = not text.leads(originals[0].start)
        kept = {id(slot.entry) for slot in branch.slots}
        gone = [original for original in originals if id(original) not in kept]
        leading = 0
        while inline and leading < len(originals) and id(originals[leading]) not in kept:
            leading += 1
        if leading:
            end = text.behind_comments(originals[leading - 1].end, column)
            blank = _BLANK.match(text.characters, end)
            self.splices.cut(originals[0].start, blank.end() if blank else end)
        for original in gone:
            if original not in originals[:leading]:
                first = original is originals[0] and root
                start = original.start if first else text.before_comments(original.start)
                self.splices.cut_lines(start, text.behind_comments(original.end, column))
        style = self._block_style(branch.node)
        at: int | None = None
        for slot in branch.slots:
            if slot.entry is not None:
                at = text.behind_comments(slot.entry.end, column)
                continue
            lines = entry_lines(slot.key, slot.value, style)
            if at is not None:
                self.splices.lines_after(at, lines, column)
            elif inline or root:
                self.splices.lines_before(originals[0].start, lines, column)
            else:
                self.splices.lines_after(text.behind_comments(self._header(entry), column), lines, column)

    def _block_style(self, node: Node) -> BlockStyle:
        """The manner of a collection's neighbours, or else that of the document."""
        if self._style is None:
            self._style = _style_within(self.text, self.root, BlockStyle()) if self.root else BlockStyle()
        style = self._style
        for entry in reversed(node.entries):
            value = entry.value
            if value.flow or not value.entries:
                continue
            first = value.entries[0].start
            if node.kind == "mapping" and value.kind == "sequence" and self.text.leads(entry.start):
                return evolve(style, dashes=self.text.column(first) - self.text.column(entry.start))
            if node.kind == "sequence" and value.kind == "mapping" and not self.text.leads(first):
                return evolve(style, width=first - entry.start)
        return style


def _style_within(text: Text, root: Node, style: BlockStyle) -> BlockStyle:
    """The indentation of the first mapping and of the first list below a key."""
    step = dashes = None
    waiting = [root]
    while waiting and (step is None or dashes is None):
        node = waiting.pop()
        if node.flow:
            continue
        for entry in node.entries:
            value = entry.value
            if entry.key is not None and value.entries and not value.flow and value.kind != "alias":
                columns = text.column(value.entries[0].start) - text.column(entry.start)
                if value.kind == "mapping" and step is None:
                    step = columns
                if value.kind == "sequence" and dashes is None:
                    dashes = columns
        waiting.extend(entry.value for entry in reversed(node.entries))
    return evolve(style, step=step or style.step, dashes=style.dashes if dashes is None else dashes)
