"""Tests of how objects are read."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.kubernetes import objects


def pods(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"labels": {"app": "a", "tier": "web"}}, "spec": spec}


class ReadingTests(SynchronousTestCase):
    """Objects are read the way the API server reads them."""

    def test_where_pods_are_described(self) -> None:
        """Every kind that makes pods has its place; a Pod is its own, others have none."""
        for version, kind, path in [
            ("v1", "Pod", ()),
            ("v1", "ReplicationController", ("spec", "template")),
            ("apps/v1", "Deployment", ("spec", "template")),
            ("apps/v1", "StatefulSet", ("spec", "template")),
            ("apps/v1", "DaemonSet", ("spec", "template")),
            ("apps/v1", "ReplicaSet", ("spec", "template")),
            ("batch/v1", "Job", ("spec", "template")),
            ("batch/v1", "CronJob", ("spec", "jobTemplate", "spec", "template")),
            ("example.com/v1", "Deployment", None),
            ("v1", "Deployment", None),
            ("v1", "Service", None),
        ]:
            self.assertEqual(objects.template_path({"apiVersion": version, "kind": kind}), path, kind)

    def test_what_lies_in_lists(self) -> None:
        """Lists are opened, Lists in Lists too, and what is no object is passed over."""
        inner = {"kind": "PodList", "apiVersion": "v1", "items": [{"kind": "Pod"}]}
        document = {"kind": "List", "apiVersion": "v1", "items": [{"kind": "Service"}, inner, "text", None]}
        self.assertEqual(
            [(path, one["kind"]) for path, one in objects.each(document)],
            [(("items", 0), "Service"), (("items", 1, "items", 0), "Pod")],
        )
        self.assertEqual([list(objects.each(one)) for one in (None, "text", [1])], [[], [], []])

    def test_which_pods_a_service_leads_to(self) -> None:
        """All labels of the selector have to fit; without a selector, and as an ExternalName, it leads nowhere."""
        for spec, fits in [
            ({"selector": {"app": "a"}}, True),
            ({"selector": {"app": "a", "tier": "web"}}, True),
            ({"selector": {"app": "b"}}, False),
            ({"selector": {"app": "a", "x": "y"}}, False),
            ({"selector": {}}, False),
            ({}, False),
            ({"selector": {"app": "a"}, "type": "ExternalName"}, False),
        ]:
            service = {"apiVersion": "v1", "kind": "Service", "spec": spec}
            self.assertEqual(objects.selects(service, pods()), fits, str(spec))
        other = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "spec": {"selector": {"app": "a"}}}
        self.assertFalse(objects.selects(other, pods()))

    def test_where_a_port_leads(self) -> None:
        """A number is itself; a name is the first port of that name and protocol, native sidecars included."""
        template = pods(
            containers=[
                {"name": "a", "ports": [{"name": "dns", "containerPort": 53, "protocol": "UDP"}]},
                {"name": "b", "ports": [{"name": "dns", "containerPort": 5353}, {"name": "http", "containerPort": 80}]},
                {"name": "c", "ports": [{"name": "http", "containerPort": 81}]},
            ],
            initContainers=[
                {"name": "i", "ports": [{"name": "once", "containerPort": 1}]},
                {"name": "s", "restartPolicy": "Always", "ports": [{"name": "on", "containerPort": 2}]},
            ],
        )
        for wanted, number in [(8080, 8080), ("http", 80), ("dns", 5353), ("on", 2), ("once", None), (True, None)]:
            self.assertEqual(objects.port_number(template, wanted), number, str(wanted))

    def test_nonsense_is_nothing(self) -> None:
        """Data of the wrong shape reads as absent; nothing is raised."""
        shapes: list[Any] = [None, 1, "x", [], {"metadata": 1, "spec": [], "kind": 3, "apiVersion": None}]
        for data in shapes:
            self.assertEqual((objects.name(data), objects.labels(data), objects.containers(data)), ("", {}, []))
            self.assertIsNone(objects.template(data))
            self.assertEqual(objects.title(data), "object (without a name)")
