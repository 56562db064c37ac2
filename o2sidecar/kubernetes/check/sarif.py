"""Findings as SARIF 2.1.0, which code hosts show beside the lines of a change."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from o2sidecar import __version__
from o2sidecar.kubernetes.check.rule import Statement
from o2sidecar.kubernetes.findings import Finding

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def as_sarif(findings: Sequence[Finding], statements: Sequence[Statement]) -> str:
    """A log with one run; `statements` are all that the tool can say."""
    index = {statement.id: number for number, statement in enumerate(statements)}
    run = {
        "tool": {
            "driver": {
                "name": "o2sidecar check",
                "version": __version__,
                "rules": [_rule(statement) for statement in statements],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, index) for finding in findings],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _rule(statement: Statement) -> dict[str, Any]:
    return {
        "id": statement.id,
        "shortDescription": {"text": statement.title},
        "fullDescription": {"text": statement.why},
        "help": {"text": statement.mend},
        "defaultConfiguration": {"level": str(statement.severity)},
    }


def _result(finding: Finding, index: dict[str, int]) -> dict[str, Any]:
    text = f"{finding.object}: {finding.sentence}" if finding.object else finding.sentence
    result: dict[str, Any] = {"ruleId": finding.rule, "level": str(finding.severity), "message": {"text": text}}
    if finding.rule in index:
        result["ruleIndex"] = index[finding.rule]
    place = finding.place
    if place is not None:
        physical: dict[str, Any] = {"artifactLocation": {"uri": quote(place.name.replace("\\", "/"), safe="/:-._~")}}
        if place.line:
            physical["region"] = {"startLine": place.line} | ({"startColumn": place.column} if place.column else {})
        result["locations"] = [{"physicalLocation": physical}]
    return result
