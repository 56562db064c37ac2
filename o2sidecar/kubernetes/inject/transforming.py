"""A whole text through an injection or its inverse: read, decided about, and written again around what stays."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from attrs import frozen

from o2sidecar.kubernetes.findings import Finding, ManifestProblem, Place
from o2sidecar.kubernetes.inject.additions import noted
from o2sidecar.kubernetes.inject.plan import Plan
from o2sidecar.kubernetes.inject.subject import Subject
from o2sidecar.kubernetes.manifest_text import manifest_text
from o2sidecar.kubernetes.objects import annotation_texts, each, is_list, title
from o2sidecar.kubernetes.operations import END, Data, Operation, Path
from o2sidecar.kubernetes.original import ORIGINAL, Original
from o2sidecar.kubernetes.text import Document, Stream

Decide = Callable[[Sequence[Subject]], Plan]


@frozen(kw_only=True)
class Transformed:
    """The text that came of it, or `None` if it is refused; `findings` in both cases."""

    text: str | None
    findings: tuple[Finding, ...]


@frozen(kw_only=True)
class _Spot:
    """Where a subject is: in which document, and where in that."""

    document: int
    path: Path


def transform(content: bytes, name: str, decide: Decide) -> Transformed:
    """`content`: YAML or JSON, of the file `name`. Raises `ManifestProblem` for what cannot be read or changed."""
    stream = Stream.read(content, name)
    subjects: list[Subject] = []
    spots: list[_Spot] = []
    for index, document in enumerate(stream.documents):
        for path, data in each(document.data):
            subjects.append(_subject(document, path, data))
            spots.append(_Spot(document=index, path=path))
    plan = decide(subjects)
    if plan.refused:
        return Transformed(text=None, findings=plan.findings)
    operations: dict[int, list[Operation]] = {}
    for spot, changes in zip(spots, plan.operations, strict=True):
        into = operations.setdefault(spot.document, [])
        into += [_below(spot.path, one) for one in changes]
    gone = [spots[index] for index in sorted(plan.removed, reverse=True)]
    for spot in gone:
        if spot.path:
            operations[spot.document].append(Operation(op="remove", path=spot.path))
    created = list(plan.created)
    whole = _list_of_all(stream)
    if whole is not None:
        into = operations.setdefault(whole, [])
        into += [Operation(op="add", path=("items", END), value=one) for one in created]
        created = []
    elif created and any(_is_json(document) for document in stream.documents):
        raise ManifestProblem.at(
            stream.documents[0].start,
            f"a JSON file of one object has no place for {title(created[0])}; make it a List, or YAML",
        )
    text = stream.edited(operations)
    for spot in gone:
        if not spot.path:
            text = _without(text, name, spot.document)
    return Transformed(text=_with_documents(text, created), findings=plan.findings)


def _subject(document: Document, path: Path, data: Data) -> Subject:
    def place(within: Path) -> Place | None:
        return document.place((*path, *within))

    def source(within: Path) -> str | None:
        try:
            return document.source((*path, *within))
        except ValueError:
            return None  # it stands behind an alias

    return Subject(data=data, place=place, source=source)


def _below(path: Path, operation: Operation) -> Operation:
    return Operation(op=operation.op, path=(*path, *operation.path), value=operation.value, before=operation.before)


def _list_of_all(stream: Stream) -> int | None:
    """The document that is a List of everything, to which new objects belong."""
    filled = [index for index, document in enumerate(stream.documents) if document.data is not None]
    return filled[0] if len(filled) == 1 and is_list(stream.documents[filled[0]].data) else None


def _is_json(document: Document) -> bool:
    return document.root.kind == "mapping" and document.root.flow


# documents that are ours as a whole


def _with_documents(text: str, created: Sequence[Data]) -> str:
    """The new objects as documents at the end; each remembers what was written before it."""
    line_break = "\r\n" if "\r\n" in text else "\n"
    for data in created:
        separator = ("" if text.endswith("\n") or not text else line_break) + "---" + line_break
        written = manifest_text([noted(data, separator)])
        text += separator + written.replace("\n", line_break)
    return text


def _without(text: str, name: str, index: int) -> str:
    """The text without a document that `_with_documents` has written, and what it has written before it."""
    document = Stream.read(text, name).documents[index]
    lines = re.findall(r"[^\n]*\n|[^\n]+\Z", text)  # not by splitlines, which knows breaks that YAML does not
    first = document.start.line - 1
    last = first
    while last < len(lines) and not lines[last].startswith(("---", "...")):
        last += 1
    separator = Original.from_text(annotation_texts(document.data)[ORIGINAL]).separator or "---\n"
    before = "".join(lines[:first])
    return before.removesuffix(separator) + "".join(lines[last:])
