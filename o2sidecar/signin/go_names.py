"""Checks what Go templates name, by reading them: in every branch, whether or not it is taken at the start.

Values of a page have no fields of their own, and what functions return has none either. So it is enough to know where
the dot, and which variables, are the page with its fields.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

from attrs import Factory, define, frozen
from gotpl.parse.nodes import (
    ActionNode,
    BlockNode,
    DotNode,
    FieldNode,
    IdentifierNode,
    IfNode,
    ListNode,
    ParenthesizedNode,
    RangeNode,
    StringNode,
    TemplateCallNode,
    VariableNode,
    WithNode,
)

from o2sidecar.signin.template_files import TemplateFile

_WIDE = re.compile(r"%[-+# 0-9.]*(?:\d{5}|\*)")
"""A format that pads to tens of thousands, or to as much as a number says: it would keep the process busy."""


class _Kind(Enum):
    PAGE = 1
    VALUE = 2


@frozen(kw_only=True)
class Definition:
    """What a name of a template stands for, and the file that says so."""

    file: TemplateFile
    body: ListNode


@define
class Names:
    """Reads what one page uses. `fields`: those of the page; `definitions`: the templates of all files by name."""

    fields: frozenset[str]
    definitions: Mapping[str, Definition]
    problems: list[str] = Factory(list)
    _read: set[tuple[str, _Kind]] = Factory(set)
    _file: TemplateFile | None = None

    def check(self, name: str) -> None:
        """Read a template that gets the page, and all that it uses."""
        self._template(name, _Kind.PAGE)

    def _template(self, name: str, dot: _Kind) -> None:
        if (name, dot) in self._read:
            return
        self._read.add((name, dot))
        caller, self._file = self._file, self.definitions[name].file
        self._list(self.definitions[name].body, dot, {"$": dot})
        self._file = caller

    def _list(self, body: ListNode | None, dot: _Kind, scope: dict[str, _Kind]) -> None:
        for node in body.nodes if body else ():
            self._node(node, dot, scope)

    def _node(self, node: Any, dot: _Kind, scope: dict[str, _Kind]) -> None:
        if isinstance(node, ActionNode):
            if self._pipeline(node.pipeline, dot, scope) is _Kind.PAGE and not node.pipeline.declarations:
                self._problem(node, "the values of the page cannot be shown all at once")
        elif isinstance(node, (IfNode, WithNode, RangeNode)):
            inner = dict(scope)
            kind = self._pipeline(node.pipeline, dot, inner)
            if isinstance(node, RangeNode):
                if kind is _Kind.PAGE:
                    self._problem(node, "range cannot iterate over the values of the page")
                kind = _Kind.VALUE
                inner.update({variable.name: kind for variable in node.pipeline.declarations})
            self._list(node.body, dot if isinstance(node, IfNode) else kind, dict(inner))
            self._list(node.else_body, dot, dict(inner))
        elif isinstance(node, (TemplateCallNode, BlockNode)):
            given = self._pipeline(node.pipeline, dot, scope) if node.pipeline else _Kind.VALUE
            if node.name in self.definitions:
                self._template(node.name, given)
            else:
                self._problem(node, f'there is no template "{node.name}"')

    def _pipeline(self, pipeline: Any, dot: _Kind, scope: dict[str, _Kind]) -> _Kind:
        kind = _Kind.VALUE
        for stage, command in enumerate(pipeline.commands):
            kind = self._command(command.arguments, dot, scope, piped=stage > 0)
        scope.update({variable.name: kind for variable in pipeline.declarations})
        return kind

    def _command(self, terms: Any, dot: _Kind, scope: dict[str, _Kind], *, piped: bool) -> _Kind:
        first, *rest = terms
        kind = self._term(first, dot, scope)
        if isinstance(first, IdentifierNode):
            for term in rest:
                if self._term(term, dot, scope) is _Kind.PAGE:
                    self._problem(term, f"{first.name} takes a value of the page, not the page")
            return _Kind.VALUE
        if rest or piped:
            self._problem(first, "what is no function takes no arguments")
            for term in rest:
                self._term(term, dot, scope)
        return kind

    def _term(self, term: Any, dot: _Kind, scope: dict[str, _Kind]) -> _Kind:
        if isinstance(term, DotNode):
            return dot
        if isinstance(term, FieldNode):
            return self._field(term, dot)
        if isinstance(term, VariableNode):
            return self._field(term, scope.get(term.name, _Kind.VALUE))
        if isinstance(term, ParenthesizedNode):
            return self._field(term, self._pipeline(term.pipeline, dot, dict(scope)))
        if isinstance(term, StringNode) and _WIDE.search(term.value):
            self._problem(term, f"the format {term.quoted} is too wide")
        return _Kind.VALUE

    def _field(self, term: Any, kind: _Kind) -> _Kind:
        if not term.fields:
            return kind
        first, *rest = term.fields
        if kind is _Kind.VALUE:
            self._problem(term, f"unknown field .{first}: this is a value, the page's field would be $.{first}")
        elif first not in self.fields:
            known = ", ".join(f".{name}" for name in sorted(self.fields))
            self._problem(term, f"unknown field .{first}; this page has {known}")
        elif rest:
            self._problem(term, f"unknown field .{rest[0]}: .{first} is a value")
        return _Kind.VALUE

    def _problem(self, node: Any, reason: str) -> None:
        assert self._file is not None
        line = self._file.source.encode().count(b"\n", 0, node.start) + 1
        self.problems.append(self._file.problem(line, reason))
