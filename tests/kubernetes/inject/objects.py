"""Objects to inject, and what an injection makes of them: the changed data, or what is said against it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import frozen

from o2sidecar.kubernetes.difference import plain
from o2sidecar.kubernetes.findings import Severity
from o2sidecar.kubernetes.inject import InjectOptions, Plan, Subject, inject
from o2sidecar.kubernetes.operations import apply
from o2sidecar.kubernetes.uninject import uninject

Data = Any


def container(name: str = "app", **more: Any) -> dict[str, Data]:
    return {"name": name, "image": "registry.example.com/app:1.0", **more}


def port(number: int, name: str = "", **more: Any) -> dict[str, Data]:
    return ({"name": name} if name else {}) | {"containerPort": number, **more}


def workload(
    *containers: Data,
    kind: str = "Deployment",
    version: str = "apps/v1",
    name: str = "my-app",
    labels: dict[str, Data] | None = None,
    annotations: dict[str, Data] | None = None,
    metadata: dict[str, Data] | None = None,
    **spec: Any,
) -> dict[str, Data]:
    """A workload; its pods have the label `app`."""
    template = {
        "metadata": {"labels": {"app": name} | (labels or {})} | ({"annotations": annotations} if annotations else {}),
        "spec": {"containers": list(containers) or [container(ports=[port(8080, "http")])], **spec},
    }
    whole = {"apiVersion": version, "kind": kind, "metadata": {"name": name} | (metadata or {})}
    if kind == "Pod":
        return whole | {"metadata": whole["metadata"] | template["metadata"], "spec": template["spec"]}  # type: ignore[operator]
    if kind == "CronJob":
        return whole | {"spec": {"schedule": "0 0 * * *", "jobTemplate": {"spec": {"template": template}}}}
    selector: Data = {"app": name} if kind == "ReplicationController" else {"matchLabels": {"app": name}}
    return whole | {"spec": ({} if kind == "Job" else {"selector": selector}) | {"template": template}}


def service(
    *ports: Data, name: str = "my-app", metadata: dict[str, Data] | None = None, **spec: Any
) -> dict[str, Data]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name} | (metadata or {}),
        "spec": {"selector": {"app": name}, "ports": list(ports) or [{"port": 80, "targetPort": "http"}], **spec},
    }


@frozen
class Result:
    """What came of it: `objects` are all of the stream, changed and new."""

    plan: Plan
    objects: list[Data]

    def said(self, severity: str) -> list[str]:
        return [f"{one.object}: {one.sentence}" for one in self.plan.findings if one.severity == severity]

    @property
    def pods(self) -> Data:
        """The first workload's pod template."""
        return pods_of(self.objects[0])

    @property
    def sidecar(self) -> Data:
        """The first workload's sidecar, wherever it is."""
        spec = self.pods["spec"]
        return next(
            one for key in ("containers", "initContainers") for one in spec.get(key, ()) if one["name"] == "o2sidecar"
        )


def pods_of(data: Data) -> Data:
    if data["kind"] == "Pod":
        return data
    if data["kind"] == "CronJob":
        return data["spec"]["jobTemplate"]["spec"]["template"]
    return data["spec"]["template"]


def result(objects: Sequence[Data], plan: Plan) -> Result:
    changed = [
        plain(apply(data, operations))
        for index, (data, operations) in enumerate(zip(objects, plan.operations, strict=True))
        if index not in plan.removed
    ]
    return Result(plan, [*changed, *plan.created])


def injected(*objects: Data, **flags: Any) -> Result:
    return result(objects, inject([Subject(data=one) for one in objects], InjectOptions(**flags)))


def uninjected(*objects: Data) -> Result:
    return result(objects, uninject([Subject(data=one) for one in objects]))


def errors(*objects: Data, **flags: Any) -> list[str]:
    """What is said against it; then nothing was changed."""
    found = injected(*objects, **flags)
    assert (found.objects == list(objects)) or not found.plan.refused
    return found.said(Severity.ERROR)
