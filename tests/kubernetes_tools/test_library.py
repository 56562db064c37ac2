"""Tests of the parts for an app's own chart: they are the container of `o2sidecar inject`, to the last field."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.kubernetes.container import SidecarSpec
from tests.kubernetes_tools.programs import LIBRARY, ProgramFailed, helm_template, objects, run, the
from tests.kubernetes_tools.schemas import VERSIONS, kubeconform
from tests.kubernetes_tools.test_charts import at, leaves

APP = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: my-app
spec:
  selector:
    matchLabels: {app: my-app}
  template:
    metadata:
      labels: {app: my-app}
      annotations:
        {{- include "o2sidecar.podAnnotations" . | nindent 8 }}
    spec:
      {{- with include "o2sidecar.initContainer" . }}
      initContainers:
      {{- . | nindent 6 }}
      {{- end }}
      containers:
      - name: app
        image: registry.example.com/my-app:1.0
      {{- include "o2sidecar.container" . | nindent 6 }}
      volumes:
      {{- include "o2sidecar.volumes" . | nindent 6 }}
---
apiVersion: v1
kind: Service
metadata:
  name: my-app
spec:
  selector: {app: my-app}
  ports:
  {{- include "o2sidecar.servicePort" . | nindent 2 }}
"""
"""What docs/deploying.md shows."""

FLIPS: dict[str, Any] = {
    "mode": "native",
    "image.repository": "mirror.example.com/o2sidecar",
    "image.tag": "0.2.0",
    "image.digest": "sha256:" + "0" * 64,
    "image.pullPolicy": "Always",
    "appPort": 3000,
    "portName": "web",
    "configMap": "other",
    "secret": "other",
    "hosts": ["my-app.example.com"],
    "allowedGroups": ["acme/platform"],
    "publicPaths": ["GET=^/healthz$"],
    "extraArgs": ["--skip-provider-button=true"],
    "resources.requests.cpu": "1",
    "resources.requests.memory": "1Gi",
    "resources.limits.cpu": "2",
    "resources.limits.memory": "1Gi",
    "servicePort.name": "http-web",
    "servicePort.port": 8080,
}


class LibraryTests(SynchronousTestCase):
    """An app's chart with the library under the alias `o2sidecar`."""

    def app_chart(self, alias: str = "o2sidecar") -> Path:
        """A chart of an app, as its authors would write it."""
        chart = Path(self.mktemp()).absolute()
        (chart / "templates").mkdir(parents=True)
        (chart / "templates" / "app.yaml").write_text(APP, "utf-8")
        library = {"name": "o2sidecar-lib", "version": "0.1.0", "repository": f"file://{LIBRARY}"}
        about = {"apiVersion": "v2", "name": "my-app", "version": "1.0.0", "dependencies": [library]}
        if alias:
            library["alias"] = alias
        (chart / "Chart.yaml").write_text(yaml.safe_dump(about), "utf-8")
        shutil.copytree(LIBRARY, chart / "charts" / "o2sidecar-lib")
        return chart

    def rendered(self, values: dict[str, Any], alias: str = "o2sidecar") -> str:
        """The app's chart with values of the sidecar."""
        options = [f"--kube-version={VERSIONS[1]}"]
        return helm_template(self.app_chart(alias), {"o2sidecar": values} if values else {}, options=options)

    def test_same_as_inject(self) -> None:
        """Container, volumes and hash are those of `o2sidecar inject`, whatever hosts, groups and paths are named."""
        cases: list[tuple[dict[str, Any], SidecarSpec]] = [
            ({}, SidecarSpec(app_port=8080)),
            (
                {"appPort": 3000, "configMap": "c", "secret": "s", "portName": "web", "hosts": ["a.example.com"]},
                SidecarSpec(app_port=3000, config_map="c", secret="s", port_name="web", hosts=["a.example.com"]),
            ),
            (
                {"allowedGroups": ["acme/platform", 'a,"b"'], "publicPaths": ["GET=^/healthz$", "^/a{1,2}$$(b)$"]},
                SidecarSpec(
                    app_port=8080,
                    groups=["acme/platform", 'a,"b"'],
                    public_paths=["GET=^/healthz$", "^/a{1,2}$$(b)$"],
                ),
            ),
            ({"extraArgs": ["--banner=$(A) <&> é"]}, SidecarSpec(app_port=8080, options=["--banner=$(A) <&> é"])),
        ]
        for values, spec in cases:
            pod = the("Deployment", objects(self.rendered(values)))["spec"]["template"]
            self.assertEqual(pod["spec"]["containers"][1], spec.container)
            self.assertEqual(list(pod["spec"]["containers"][1]), list(spec.container))
            self.assertEqual(pod["spec"]["volumes"], spec.volumes)
            if "é" not in str(values):
                self.assertEqual(pod["metadata"]["annotations"], {"o2sidecar/config-hash": spec.config_hash()})

    def test_native(self) -> None:
        """In native mode the sidecar is among the initContainers, and nowhere else."""
        spec = SidecarSpec(app_port=8080, mode="native")
        pod = the("Deployment", objects(self.rendered({"mode": "native"})))["spec"]["template"]["spec"]
        self.assertEqual(pod["initContainers"], [spec.container])
        self.assertEqual([each["name"] for each in pod["containers"]], ["app"])

    def test_service(self) -> None:
        """The Service leads to the sidecar by its port's name, and says that it is HTTP."""
        (port,) = the("Service", objects(self.rendered({"portName": "web"})))["spec"]["ports"]
        expected = {"name": "http", "port": 80, "targetPort": "web", "protocol": "TCP", "appProtocol": "http"}
        self.assertEqual(port, expected)

    def test_every_value_changes_the_output(self) -> None:
        """Whatever value is changed, other objects are rendered; each value has a line here."""
        values = yaml.safe_load((LIBRARY / "values.yaml").read_text("utf-8"))
        self.assertEqual(sorted(FLIPS), sorted(leaves(values)))
        before = self.rendered({})
        for path, value in FLIPS.items():
            self.assertNotEqual(before, self.rendered(at(path, value)), path)

    def test_refusals(self) -> None:
        """Values that there are not, or that cannot work, are refused with their name."""
        for values, name in (
            ({"allowedGroup": ["a"]}, "allowedGroup"),
            ({"appPort": 4180}, "appPort"),
            ({"image": {"tag": "latest"}}, "tag"),
            ({"publicPaths": ["/"]}, "publicPaths"),
            ({"publicPaths": ["GET=^/"]}, "publicPaths"),
            ({"extraArgs": ["skip"]}, "extraArgs"),
            ({"mode": "auto"}, "mode"),
        ):
            self.assertIn(name, str(self.assertRaises(ProgramFailed, self.rendered, values)), values)

    def test_without_alias(self) -> None:
        """Without the alias, values under `o2sidecar` would restrict nobody: that is refused with what to write."""
        error = self.assertRaises(ProgramFailed, self.rendered, {"appPort": 80, "allowedGroups": ["a"]}, "")
        self.assertIn("alias: o2sidecar", str(error))

    def test_schemas(self) -> None:
        """What comes of it is valid in both modes, and `helm lint` has nothing against it."""
        for mode in ("container", "native"):
            for version in VERSIONS:
                kubeconform(self.rendered({"mode": mode}), version)
        run("helm", "lint", str(self.app_chart()), f"--kube-version={VERSIONS[1]}")
