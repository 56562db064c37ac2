"""Every rule, and what all of them find."""

from __future__ import annotations

from collections.abc import Mapping

from o2sidecar.kubernetes.check import (
    admission,
    cookies,
    gateways,
    leftovers,
    pods,
    policies,
    references,
    routes,
    secrets,
    services,
    settings_rules,
    templates,
)
from o2sidecar.kubernetes.check.rule import Remark, Rule
from o2sidecar.kubernetes.check.scene import Scene
from o2sidecar.kubernetes.findings import Finding, Place

FAMILIES: Mapping[str, tuple[Rule, ...]] = {
    "Settings": settings_rules.RULES,
    "Secrets": secrets.RULES,
    "Who may pass": admission.RULES,
    "Cookies and hosts": cookies.RULES,
    "References": references.RULES,
    "Services": services.RULES,
    "Gateways": gateways.RULES,
    "Routes": routes.RULES,
    "Pods": pods.RULES,
    "Policies": policies.RULES,
    "Leftovers": leftovers.RULES,
    "Templates": templates.RULES,
}
"""The rules by what they are about."""

RULES: tuple[Rule, ...] = tuple(rule for family in FAMILIES.values() for rule in family)


def judge(scene: Scene) -> list[Finding]:
    """What all rules find, by place; the same thing is said once, and nothing that its author accepts."""
    found: dict[tuple[str, str, Place | None, str], Finding] = {}
    for rule in RULES:
        for remark in rule.find(scene):
            if remark.thing is None or rule.id not in remark.thing.accepted:
                finding = _finding(rule, remark)
                found.setdefault((finding.rule, finding.sentence, finding.place, finding.object), finding)
    return sorted(found.values(), key=_order)


def _finding(rule: Rule, remark: Remark) -> Finding:
    place = remark.place
    if place is None and remark.thing is not None:
        place = remark.thing.at(remark.path)
    return Finding(
        severity=rule.severity,
        sentence=f"{remark.sentence.rstrip('.')}. {rule.mend}",
        object=remark.thing.title if remark.thing is not None else "",
        place=place,
        rule=rule.id,
    )


def _order(finding: Finding) -> tuple[str, int, int, str, str]:
    place = finding.place or Place(name="")
    return place.name, place.line, place.column, finding.rule, finding.sentence
