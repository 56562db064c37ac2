"""Tests of how the box reads manifests: as kubelet does, and refusing what it would leave out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.box.manifests import File, Manifests, Unresolved, expanded
from tests.box.volumes import Volume

TEMPLATE = """\
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: apps}, data: {file: text}}
- {apiVersion: v1, kind: Secret, metadata: {name: s, namespace: apps}, data: {key: dmFsdWU=}}
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: app, namespace: apps}
  spec:
    template:
      metadata: {labels: {app: app}}
      spec:
        securityContext: {runAsUser: 7}
        volumes: [{name: v, configMap: {name: c, defaultMode: 288}}]
        containers:
        - name: one
          args: ["--a=$(KEY)", "--b=$$(KEY)", "--c=$(OTHER)"]
          env:
          - {name: KEY, valueFrom: {secretKeyRef: {name: s, key: key}}}
          ports: [{name: http, containerPort: 8080}]
          volumeMounts: [{name: v, mountPath: /etc/v, readOnly: true}]
"""


class ManifestsTests(SynchronousTestCase):
    """A Deployment becomes a pod."""

    def test_pod(self) -> None:
        """Arguments are expanded, references are followed, the pod's identity is that of containers without one."""
        pod = Manifests.read(TEMPLATE).pod("app", 3)
        (container,) = pod.containers
        self.assertEqual(pod.name, "app-3")
        self.assertEqual(container.args, ["--a=value", "--b=$(KEY)", "--c=$(OTHER)"])
        self.assertEqual((container.environment, container.uid), ({"KEY": "value"}, 7))
        self.assertEqual(container.mounts, {"/etc/v": "v"})
        self.assertEqual(pod.volumes, {"v": {"file": File(content=b"text", mode=0o440)}})
        self.assertEqual((pod.port("http"), pod.port(4180)), (8080, 4180))

    def test_expansion(self) -> None:
        """What is no variable stays as it is, and two dollars are one."""
        for text, read in (
            ("$(A)$(A)", "11"),
            ("$$(A)", "$(A)"),
            ("$$$(A)", "$1"),
            ("$A ${A} $(B) $(", "$A ${A} $(B) $("),
            ("^/x$", "^/x$"),
        ):
            self.assertEqual(expanded(text, {"A": "1"}), read, text)

    def test_refused(self) -> None:
        """What is missing, and what the box does not know, is refused by name."""
        changes: list[tuple[str, str, str]] = [
            ("configMap: {name: c,", "configMap: {name: d,", "volume v: there is no ConfigMap apps/d"),
            ("name: s, key: key", "name: s, key: yek", "Secret apps/s has no yek"),
            ("configMap: {name: c, defaultMode: 288}", "hostPath: {path: /}", "volume v: the box knows configMap"),
            ("name: v, mountPath", "name: w, mountPath", "container one: there is no volume w"),
            ("readOnly: true", "readOnly: false", "to be read: /etc/v"),
            ("readOnly: true", "readOnly: true, subPath: file", "whole volumes"),
            ("runAsUser: 7", "runAsNonRoot: true", "runAsNonRoot, but its uid would be 0"),
            ("- name: one", "- name: one\n          command: [sh]", "the image's own command only"),
            ("- name: one", "- name: one\n          envFrom: [{secretRef: {name: s}}]", "does not know envFrom"),
            ("containers:", "initContainers: [{name: first}]\n        containers:", "runs no init containers"),
        ]
        for before, after, sentence in changes:
            self.assertIn(before, TEMPLATE)
            with self.assertRaisesRegex(Unresolved, sentence):
                Manifests.read(TEMPLATE.replace(before, after)).pod("app")
        with self.assertRaisesRegex(Unresolved, "no workload other"):
            Manifests.read(TEMPLATE).pod("other")
        with self.assertRaisesRegex(Unresolved, "no container has a port https"):
            Manifests.read(TEMPLATE).pod("app").port("https")


class VolumeTests(SynchronousTestCase):
    """Files in kubelet's layout."""

    def test_exchange(self) -> None:
        """All files are exchanged at once, by one link; what is not there any more goes."""
        volume = Volume(Path(self.mktemp()).absolute())
        volume.write({"a": File(content=b"1", mode=0o444), "b": File(content=b"1", mode=0o400)})
        first = (volume.folder / "..data").readlink()
        self.assertEqual((volume.folder / "a").readlink(), Path("..data/a"))
        self.assertEqual(self.found(volume), {"a": (b"1", 0o444), "b": (b"1", 0o400)})
        volume.write({"a": File(content=b"2", mode=0o444), "c": File(content=b"2", mode=0o444)})
        self.assertNotEqual((volume.folder / "..data").readlink(), first)
        self.assertEqual(self.found(volume), {"a": (b"2", 0o444), "c": (b"2", 0o444)})
        self.assertFalse((volume.folder / first).exists())

    def found(self, volume: Volume) -> dict[str, Any]:
        """The files that an app finds."""
        paths = [path for path in volume.folder.iterdir() if not path.name.startswith("..")]
        return {path.name: (path.read_bytes(), path.stat().st_mode & 0o777) for path in paths}
