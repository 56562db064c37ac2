"""Takes the sidecar out again: the exact inverse of an injection, around what people edited since."""

from __future__ import annotations

from collections.abc import Sequence

from o2sidecar.kubernetes.difference import differences
from o2sidecar.kubernetes.findings import Finding, Severity
from o2sidecar.kubernetes.inject.former import restored, taken_out
from o2sidecar.kubernetes.inject.plan import Plan
from o2sidecar.kubernetes.inject.subject import Subject


def uninject(subjects: Sequence[Subject], namespace: str = "") -> Plan:
    """What has to change; nothing but findings if an edit is in the way of one object."""
    formers, findings = restored(subjects, namespace)
    if any(one.severity is Severity.ERROR for one in findings):
        return Plan(operations=tuple(() for _ in subjects), findings=tuple(findings))
    if not any(one.was_injected for one in formers):
        first = subjects[0].place(()) if subjects else None
        findings = [Finding(severity=Severity.NOTE, sentence="inject has changed nothing here", place=first)]
    return Plan(
        operations=tuple(
            () if one.is_addition else tuple(differences(one.subject.data, one.written)) for one in formers
        ),
        removed=frozenset(index for index, one in enumerate(formers) if one.is_addition),
        findings=(*findings, *(taken_out(one.subject, namespace) for one in formers if one.is_addition)),
    )
