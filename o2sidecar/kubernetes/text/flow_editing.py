"""Changes to splices within brackets and braces: YAML's flow style, and JSON."""

from __future__ import annotations

import re
from collections.abc import Callable

from attrs import define, evolve

from o2sidecar.kubernetes.findings import ManifestProblem
from o2sidecar.kubernetes.text.changes import Branch, Slot
from o2sidecar.kubernetes.text.lines import Text
from o2sidecar.kubernetes.text.nodes import Entry, Node
from o2sidecar.kubernetes.text.splices import Splices
from o2sidecar.kubernetes.text.values import FlowStyle, flow, flow_entry

_COMMENT_BEHIND = re.compile(r"[ \t]*(,?)[ \t]+#[^\r\n]*")
_COMMA_BEHIND = re.compile(r"[ \t\r\n]*,")


def flow_style(text: Text, node: Node, around: FlowStyle) -> FlowStyle:
    """The manner of a collection in flow style; what it does not show is as around it."""
    if not node.flow or not node.entries:
        return around
    first = node.entries[0]
    style = around
    if node.kind == "mapping":
        style = evolve(style, json=all(entry.quoted for entry in node.entries))
        colon = text.characters[first.header : first.value.start]
        if colon.strip(" ") == "" and first.value.written:
            style = evolve(style, colon=":" + colon[:1])
    else:
        texts = [entry.value for entry in node.entries if isinstance(entry.value.data, str)]
        if texts:
            style = evolve(style, json=all(value.style == '"' for value in texts))
    opening = text.characters[node.content + 1 : first.start]
    if "\n" in opening or "\r" in opening:
        deeper = len(text.indentation(first.start)) - len(text.indentation(node.content))
        indentation = text.indentation(first.start)
        return evolve(style, step=indentation[-deeper:] if deeper > 0 else "")
    style = evolve(style, step=None)
    if len(node.entries) > 1:
        gap = text.characters[first.end : node.entries[1].start]
        if gap in (",", ", "):
            style = evolve(style, comma=gap)
    elif style.colon == ":":
        style = evolve(style, comma=",")
    return style


@define(kw_only=True)
class FlowEditing:
    """Splices of one collection in flow style; `within` makes those of what stays and changes."""

    text: Text
    splices: Splices
    within: Callable[[Slot, FlowStyle], None]

    def branch(self, branch: Branch, style: FlowStyle) -> None:
        """All changes in it."""
        node = branch.node
        bracket = self.text.characters[node.content : node.content + 1]
        if branch.changed and bracket not in ("{", "["):
            raise ManifestProblem.at(
                self.text.place(node.content),
                "a pair without braces in brackets cannot be changed; write the braces first",
            )
        if branch.changed and not any(slot.entry for slot in branch.slots):
            written = flow(branch.whole, style, self.text.indentation(node.content))
            self.splices.replace(node.content, node.end, written)
            return
        for slot in branch.slots:
            if slot.entry is not None:
                self.within(slot, style)
        if branch.changed:
            self._gone(branch)
            self._new(branch, style)

    def _gone(self, branch: Branch) -> None:
        originals = branch.node.entries
        kept = [any(slot.entry is original for slot in branch.slots) for original in originals]
        for at, original in enumerate(originals):
            if kept[at]:
                continue
            if not any(kept[:at]):
                self.splices.cut(original.start, originals[at + 1].start)
                continue
            before = originals[at - 1].end
            comment = _COMMENT_BEHIND.match(self.text.characters, before)
            if comment is None:
                self.splices.cut(before, original.end)
                continue
            # The comment behind what stays stays too.
            comma = _COMMA_BEHIND.match(self.text.characters, original.end)
            if comma is None and comment.group(1):
                self.splices.cut(comment.start(1), comment.end(1))
            self.splices.cut(comment.end(), comma.end() if comma else original.end)

    def _new(self, branch: Branch, style: FlowStyle) -> None:
        text, first = self.text, branch.node.entries[0]
        pretty = style.step is not None
        indentation = text.indentation(first.start)
        gap = "," + style.newline + indentation if pretty else style.comma
        before: Entry | None = None
        ahead: list[str] = []
        for slot in branch.slots:
            if slot.entry is not None:
                if ahead:
                    self.splices.replace(first.start, first.start, "".join(item + gap for item in ahead))
                    ahead = []
                before = slot.entry
                continue
            value_style = style if style.json else style.one_line
            item = flow_entry(slot.key, slot.value, value_style, indentation if pretty else "")
            if before is None:
                ahead.append(item)
            else:
                self._behind(before, item, gap)

    def _behind(self, before: Entry, item: str, gap: str) -> None:
        comment = _COMMENT_BEHIND.match(self.text.characters, before.end)
        if comment is None:
            self.splices.replace(before.end, before.end, gap + item)
            return
        line = gap[1:] if self.text.newline in gap else self.text.newline + " "
        if comment.group(1):
            self.splices.replace(comment.end(), comment.end(), line + item + ",")
        else:
            self.splices.replace(before.end, before.end, ",")
            self.splices.replace(comment.end(), comment.end(), line + item)
