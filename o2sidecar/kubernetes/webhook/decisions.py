"""What becomes of a pod: `mutate` puts the sidecar in as `inject` does, `validate` keeps pods out that lack it.

Only pods that ask for it by the label `o2sidecar/inject: "true"` are concerned. Of those nothing is let in that cannot
have the sidecar: it would be an app that anybody reaches.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import evolve

from o2sidecar.kubernetes.container import NAME
from o2sidecar.kubernetes.findings import Severity
from o2sidecar.kubernetes.inject import InjectOptions, Plan, Subject, inject
from o2sidecar.kubernetes.inject.wishes import INJECT
from o2sidecar.kubernetes.objects import containers, labels, native_sidecars
from o2sidecar.kubernetes.operations import Data, apply
from o2sidecar.kubernetes.webhook.as_made import changes
from o2sidecar.kubernetes.webhook.review import Review


def mutate(review: Review, flags: InjectOptions) -> dict[str, Any]:
    """The answer to a pod that is about to be created: with the sidecar, or not at all."""
    if not review.is_about_a_pod or review.operation != "CREATE" or not _asks(review.object):
        return review.allowed()
    plan = _plan(review.object, review.namespace, flags)
    if errors := _refusals(plan):
        return review.denied(errors)
    warnings = [one.sentence for one in plan.findings if one.severity is Severity.WARNING]
    return review.allowed(plan.operations[0], warnings)


def validate(review: Review, flags: InjectOptions) -> dict[str, Any]:
    """The answer after all webhooks have changed the pod: whether the sidecar is in it and as it was made.

    A running pod is judged by whether its sidecar is changed; what an earlier version of this webhook has made may go
    on.
    """
    if not review.is_about_a_pod or not (_asks(review.object) or _asks(review.former)):
        return review.allowed()
    found = _sidecars(review.object)
    if review.operation == "UPDATE":
        return _updated(review, found)
    if len(found) != 1:
        return review.denied([f"the pod asks for a sidecar ({INJECT}) and has {len(found) or 'none'}"])
    plan = _plan(review.object, review.namespace, flags)
    if errors := _refusals(plan):
        return review.denied(errors)
    wanted_pod = apply(review.object, plan.operations[0])
    [wanted] = _sidecars(wanted_pod)
    if changed := changes(review.object, found[0], wanted_pod, wanted):
        return review.denied([f"the pod's sidecar was changed: {', '.join(changed)} is not as the webhook makes it"])
    return review.allowed()


def _updated(review: Review, found: Sequence[Data]) -> dict[str, Any]:
    """The answer to a change of a running pod.

    One that had no sidecar is not taken for a protected one by a label; but if it has had that label since before
    there was a webhook, it can still be changed, or it would never lose its finalizers.
    """
    former = _sidecars(review.former)
    if not former:
        if found or _asks(review.former):
            return review.allowed()
        return review.denied([f"the pod asks for a sidecar ({INJECT}) and has none; a running pod gets none any more"])
    if len(found) != len(former) or any(
        changes(review.object, new, review.former, old) for new, old in zip(found, former, strict=True)
    ):
        return review.denied(["the sidecar of a running pod cannot be changed"])
    return review.allowed()


def _asks(pod: Data) -> bool:
    """Whether the pod asks for a sidecar, or says something that nobody understands, which `inject` refuses."""
    return labels(pod).get(INJECT, "false") != "false"


def _plan(pod: Data, namespace: str, flags: InjectOptions) -> Plan:
    return inject([Subject(data=pod)], evolve(flags, namespace=namespace, services_are_known=False))


def _refusals(plan: Plan) -> Sequence[str]:
    refused = [one.sentence for one in plan.findings if one.severity is Severity.ERROR]
    if not refused and plan.created:
        kinds = ", ".join(sorted({str(one.get("kind")) for one in plan.created}))
        refused.append(f"a webhook adds nothing beside the pod, and {kinds} is wanted; use `o2sidecar inject` for that")
    return refused


def _sidecars(pod: Data) -> list[Data]:
    """The containers that are the sidecar: beside the app, or an init container that goes on running."""
    return [one for one in (*containers(pod), *native_sidecars(pod)) if one.get("name") == NAME]
