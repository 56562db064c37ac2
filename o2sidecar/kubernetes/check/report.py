"""Findings as text for people and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from o2sidecar.kubernetes.findings import Finding, Severity


def count(findings: Iterable[Finding], severity: Severity) -> int:
    """How many findings have a severity."""
    return sum(finding.severity is severity for finding in findings)


def as_text(findings: Sequence[Finding]) -> str:
    """A line each, and the counts."""
    errors, warnings = count(findings, Severity.ERROR), count(findings, Severity.WARNING)
    total = f"{_several(errors, 'error')}, {_several(warnings, 'warning')}"
    return "".join(f"{line}\n" for line in (*map(str, findings), total))


def _several(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def as_json(findings: Sequence[Finding]) -> str:
    """One object: `findings`, `errors`, `warnings`."""
    whole = {
        "errors": count(findings, Severity.ERROR),
        "warnings": count(findings, Severity.WARNING),
        "findings": [_plain(finding) for finding in findings],
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _plain(finding: Finding) -> dict[str, Any]:
    place = finding.place
    return {
        "rule": finding.rule,
        "severity": str(finding.severity),
        "object": finding.object,
        "file": place.name if place else "",
        "line": place.line if place else 0,
        "column": place.column if place else 0,
        "message": finding.sentence,
    }
