"""Undoes changes of a document as uninject does: what was added goes, a value comes back as it was written."""

from __future__ import annotations

from collections.abc import Sequence

from o2sidecar.kubernetes.operations import END, Operation, Verbatim, look_up
from o2sidecar.kubernetes.text import Document, Stream


def undoing(document: Document, operations: Sequence[Operation]) -> list[Operation]:
    """Operations that undo these on the edited document; nothing that is removed is among them."""
    undone: list[Operation] = []
    for operation in operations:
        undone.append(_undo(document, operation))
        document = Stream.read(document.edited([operation]), "f").documents[document.index]
    return undone[::-1]


def _undo(document: Document, operation: Operation) -> Operation:
    path = operation.path
    parent = look_up(document.data, path[:-1])
    if operation.op == "add" and isinstance(parent, list):
        return Operation(op="remove", path=(*path[:-1], len(parent) if path[-1] == END else path[-1]))
    if operation.op == "add" and path[-1] not in parent:
        return Operation(op="remove", path=path)
    former = look_up(document.data, path)
    try:
        return Operation(op="replace", path=path, value=Verbatim(text=document.source(path), data=former))
    except ValueError:
        return Operation(op="replace", path=path, value=former)  # it stands behind an alias
