"""What becomes of a pod: `mutate` puts the sidecar in as `inject` does, `validate` keeps pods out that lack it.

Only pods that ask for it by the label `o2sidecar/inject: "true"` are concerned. Of those nothing is let in that cannot
have the sidecar: it would be an app that anybody reaches.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import evolve

from o2sidecar.kubernetes.container import CONFIG_VOLUME, NAME, SECRET_VOLUME
from o2sidecar.kubernetes.findings import Severity
from o2sidecar.kubernetes.inject import InjectOptions, Plan, Subject, inject
from o2sidecar.kubernetes.objects import items, labels, pod_spec
from o2sidecar.kubernetes.operations import Data, apply
from o2sidecar.kubernetes.webhook.review import Review

_LABEL = "o2sidecar/inject"
_AS_MADE = ("image", "args", "command")
"""What of the container has to be as it was made. The rest others may add to: a mesh to probes and environment, a
LimitRanger to resources."""


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

    A pod that is only changed is judged by whether its sidecar is; what an earlier version of this webhook has made
    may go on.
    """
    if not review.is_about_a_pod or not (_asks(review.object) or _asks(review.former)):
        return review.allowed()
    found = _sidecars(review.object)
    if len(found) != 1:
        return review.denied([f"the pod asks for a sidecar ({_LABEL}) and has {len(found) or 'none'}"])
    if review.operation == "UPDATE":
        former = _sidecars(review.former)
        same = not former or _as_made(found[0]) == _as_made(former[0])
        return review.allowed() if same else review.denied(["the sidecar of a running pod cannot be changed"])
    plan = _plan(review.object, review.namespace, flags)
    if errors := _refusals(plan):
        return review.denied(errors)
    wanted = _sidecars(apply(review.object, plan.operations[0]))
    changed = [key for key in _AS_MADE if [one.get(key) for one in wanted] != [found[0].get(key)]]
    mounted = {one.get("name") for one in items(found[0].get("volumeMounts"))}
    if not mounted >= {CONFIG_VOLUME, SECRET_VOLUME}:
        changed.append("volumeMounts")
    if changed:
        return review.denied([f"the pod's sidecar was changed: {', '.join(changed)} is not as the webhook makes it"])
    return review.allowed()


def _asks(pod: Data) -> bool:
    """Whether the pod asks for a sidecar, or says something that nobody understands, which `inject` refuses."""
    return labels(pod).get(_LABEL, "false") != "false"


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
    spec = pod_spec(pod)
    lasting = [one for one in items(spec.get("initContainers")) if one.get("restartPolicy") == "Always"]
    return [one for one in (*items(spec.get("containers")), *lasting) if one.get("name") == NAME]


def _as_made(container: Data) -> list[Data]:
    return [container.get(key) for key in _AS_MADE]
