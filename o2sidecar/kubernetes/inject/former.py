"""The objects as they were before an earlier injection, with what people edited since."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from attrs import frozen

from o2sidecar.kubernetes.container import NAME
from o2sidecar.kubernetes.difference import plain
from o2sidecar.kubernetes.findings import Finding, Severity
from o2sidecar.kubernetes.inject.subject import Subject
from o2sidecar.kubernetes.objects import (
    annotation_texts,
    at,
    containers,
    is_a,
    items,
    kind,
    pod_spec,
    template,
    template_path,
)
from o2sidecar.kubernetes.operations import Data, Path
from o2sidecar.kubernetes.original import ADDED_KINDS, NOT_OURS, ORIGINAL, STATUS, Original
from o2sidecar.kubernetes.undoing import NotUndone, undo


@frozen(kw_only=True, eq=False, slots=False)
class Former:
    """One object without its injection.

    Attributes:
        written: the object, with the texts that values had; `None` for one that an injection added as a whole.
        base: the path to its pod template; of a Service the empty path; `None` where nothing is changed.
        was_injected: whether anything had to be undone.
    """

    subject: Subject
    written: Data
    base: Path | None
    was_injected: bool = False

    @cached_property
    def data(self) -> Data:
        """The object as plain data."""
        return plain(self.written)

    @property
    def is_addition(self) -> bool:
        """Whether an injection added the object as a whole."""
        return self.written is None and self.subject.data is not None


def restored(subjects: Sequence[Subject], namespace: str) -> tuple[list[Former], list[Finding]]:
    """All objects as they were, and what stands in the way."""
    problems: list[Finding] = []
    found: list[Former] = []
    for subject in subjects:
        base = _base(subject.data)
        try:
            found.append(_restore(subject, base))
        except NotUndone as error:
            problems.append(
                subject.finding(Severity.ERROR, str(error), error.way, namespace=namespace, base=base or ())
            )
            found.append(Former(subject=subject, written=subject.data, base=base))
        except ValueError as error:
            problems.append(subject.finding(Severity.ERROR, str(error), namespace=namespace, base=base or ()))
            found.append(Former(subject=subject, written=subject.data, base=base))
    return found, problems


def taken_out(subject: Subject, namespace: str) -> Finding:
    """What is said about an object that goes as a whole."""
    sentence = "it is taken out of the text, to which inject had added it; in a cluster, delete it"
    return subject.finding(Severity.NOTE, sentence, namespace=namespace)


def with_template(data: Data, base: Path, changed: Data) -> Data:
    """The object with another pod template (or, of a Service, the other object)."""
    if not base:
        return changed
    step = base[0]
    return {**data, step: with_template(data[step], base[1:], changed)}


def _base(data: Data) -> Path | None:
    if is_a(data, "", "Service"):
        return ()
    return template_path(data) if template(data) is not None else None


def _restore(subject: Subject, base: Path | None) -> Former:
    data = subject.data
    text = annotation_texts(at(data, base or ())).get(ORIGINAL)
    if text is None:
        if base is not None and _was_injected(at(data, base)):
            raise ValueError(f"its annotation {ORIGINAL}, which says how it was, is gone; take it from your history")
        return Former(subject=subject, written=data, base=base)
    original = Original.from_text(text)
    if original.is_of_new_object:
        if kind(data) not in ADDED_KINDS:
            raise ValueError(f"its annotation {ORIGINAL} {NOT_OURS}: inject adds no {kind(data)}")
        if not original.is_as_made(data):
            raise ValueError(
                "somebody edited it since inject added it; to keep it, take its annotation o2sidecar/original out, so "
                "that it is yours, else delete it"
            )
        return Former(subject=subject, written=None, base=None, was_injected=True)
    if base is None:
        return Former(subject=subject, written=data, base=None)
    changed = undo(at(data, base), original)
    return Former(subject=subject, written=with_template(data, base, changed), base=base, was_injected=True)


def _was_injected(pod_template: Data) -> bool:
    return STATUS in annotation_texts(pod_template) and any(map(_is_ours, _all_containers(pod_template)))


def _all_containers(pod_template: Data) -> Iterator[Data]:
    yield from containers(pod_template)
    yield from items(pod_spec(pod_template).get("initContainers"))


def _is_ours(container: Data) -> bool:
    return bool(container.get("name") == NAME)
