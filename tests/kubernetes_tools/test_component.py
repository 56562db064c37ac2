"""Tests of the kustomize component: the container of `o2sidecar inject`, and no way round it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.kubernetes.container import SidecarSpec
from tests.kubernetes_tools.programs import DEPLOY, kustomize_build, objects, the
from tests.kubernetes_tools.schemas import VERSIONS, kubeconform

COMPONENT = DEPLOY / "kustomize" / "component"
SPEC = SidecarSpec(app_port=8080)


def workload(kind: str, name: str, labels: dict[str, str] | None = None) -> dict[str, Any]:
    """An app's workload with a container and a volume of its own."""
    pod = {
        "containers": [{"name": "app", "image": "registry.example.com/app:1.0", "args": ["--serve"]}],
        "volumes": [{"name": "scratch", "emptyDir": {}}],
    }
    spec: dict[str, Any] = {
        "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}}, "spec": pod},
    }
    if kind == "StatefulSet":
        spec["serviceName"] = name
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "labels": labels or {}}, "spec": spec}


def service(name: str, labels: dict[str, str] | None = None) -> dict[str, Any]:
    """An app's Service as it was before."""
    spec = {"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "labels": labels or {}}, "spec": spec}


class ComponentTests(SynchronousTestCase):
    """A kustomization with the component."""

    def built(self, *resources: dict[str, Any], more: str = "") -> str:
        """What kustomize makes of these objects with the component."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        (folder / "app.yaml").write_text(yaml.safe_dump_all(resources), "utf-8")
        text = f"resources: [app.yaml]\ncomponents: [{os.path.relpath(COMPONENT, folder.resolve())}]\n{more}"
        (folder / "kustomization.yaml").write_text(text, "utf-8")
        return kustomize_build(folder)

    def test_same_as_inject(self) -> None:
        """Each kind of workload gets exactly the container and the volumes of `inject`, and keeps its own."""
        for kind in ("Deployment", "StatefulSet", "DaemonSet"):
            text = self.built(workload(kind, "app"))
            pod = the(kind, objects(text))["spec"]["template"]["spec"]
            containers = {each["name"]: each for each in pod["containers"]}
            self.assertEqual(set(containers), {"app", "o2sidecar"})
            self.assertEqual(containers["o2sidecar"], SPEC.container)
            self.assertEqual(containers["app"]["args"], ["--serve"])
            volumes = {each["name"]: each for each in pod["volumes"]}
            self.assertEqual([volumes[each["name"]] for each in SPEC.volumes], SPEC.volumes)
            self.assertIn("scratch", volumes)
            for version in VERSIONS:
                kubeconform(text, version)

    def test_service(self) -> None:
        """A Service keeps its port's number and name, and leads to the sidecar."""
        (port,) = the("Service", objects(self.built(workload("Deployment", "app"), service("app"))))["spec"]["ports"]
        self.assertEqual(port, {"name": "http", "port": 80, "targetPort": "o2sidecar", "appProtocol": "http"})

    def test_left_out(self) -> None:
        """What has the label that leaves it out stays as it is."""
        out = {"o2sidecar/inject": "false"}
        text = self.built(workload("Deployment", "app"), workload("Deployment", "db", out), service("db", out))
        pod = the("Deployment", objects(text), "db")["spec"]["template"]["spec"]
        self.assertEqual([each["name"] for each in pod["containers"]], ["app"])
        self.assertEqual(the("Service", objects(text))["spec"]["ports"][0]["targetPort"], 8080)

    def test_arguments(self) -> None:
        """The patch of the component's README gives an app another port and a restriction of its own."""
        readme = (COMPONENT / "README.md").read_text("utf-8")
        more = readme.split("```yaml\n")[2].split("```")[0]
        found = objects(self.built(workload("Deployment", "my-app"), more=more))
        container = the("Deployment", found)["spec"]["template"]["spec"]["containers"][0]
        arguments = SidecarSpec(app_port=3000).arguments
        self.assertEqual(container["args"], [*arguments, "--allowed-group=acme:platform"])
