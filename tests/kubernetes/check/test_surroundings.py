"""Tests of what a container finds when it starts: variables, arguments and files of the same set."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.kubernetes.check.surroundings import Surroundings
from tests.kubernetes.check.judging import scene_of

POD = """\
    apiVersion: v1
    kind: Pod
    metadata: {name: my-app}
    spec:
      containers:
      - name: o2sidecar
        command: [o2sidecar, run, --one=1]
        args: ["--two=$(A)-$(B)-$$(A)-$(ABSENT)-$(SECRET)"]
        envFrom:
        - {prefix: PRE_, configMapRef: {name: settings}}
        env:
        - {name: A, value: a}
        - {name: B, value: "$(A)b$(LATE)"}
        - {name: LATE, value: late}
        - {name: KEY, valueFrom: {configMapKeyRef: {name: settings, key: key}}}
        - {name: SECRET, valueFrom: {secretKeyRef: {name: elsewhere, key: key}}}
        volumeMounts:
        - {name: whole, mountPath: /whole}
        - {name: chosen, mountPath: /chosen}
        - {name: all, mountPath: /all}
        - {name: whole, mountPath: /one/file, subPath: key}
        - {name: csi, mountPath: /csi}
      volumes:
      - {name: whole, configMap: {name: settings}}
      - {name: chosen, configMap: {name: settings, items: [{key: key, path: deep/renamed}]}}
      - name: all
        projected: {sources: [{configMap: {name: settings}}, {secret: {name: secrets}}]}
      - {name: csi, csi: {driver: x}}
    ---
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: settings}
    data: {key: value}
    ---
    apiVersion: v1
    kind: Secret
    metadata: {name: secrets}
    data: {coded: dmFsdWU=}
    """


class SurroundingsTests(SynchronousTestCase):
    """The container's own view, as the kubelet makes it."""

    def setUp(self) -> None:
        """Look at the one proxy."""
        scene = scene_of(POD)
        (pod,) = scene.guarded
        self.around = Surroundings(pod=pod, container=pod.sidecars()[0], find=scene.find)

    def test_variables(self) -> None:
        """Plain ones, those that refer to earlier ones, those of a ConfigMap, with a prefix too."""
        wanted = {"A": "a", "B": "ab$(LATE)", "LATE": "late", "KEY": "value", "PRE_key": "value"}
        self.assertEqual(self.around.variables, wanted)
        self.assertEqual(self.around.unknown, {"SECRET"})
        self.assertFalse(self.around.open_ended)

    def test_arguments(self) -> None:
        """Flags of the command and the arguments, with references resolved that there are."""
        self.assertEqual(self.around.arguments(), ("--one=1", "--two=a-ab$(LATE)-$(A)-$(ABSENT)-unknown"))
        self.assertEqual(self.around.dangling("$(A)$(ABSENT)$$(ABSENT)$(SECRET)"), ["$(ABSENT)"])

    def test_files(self) -> None:
        """Files of ConfigMaps and Secrets, whole, chosen, projected and alone."""
        for path in ("/whole/key", "/chosen/deep/renamed", "/all/key", "/all/coded", "/one/file"):
            self.assertEqual(self.around.read(path), b"value", path)
        self.assertEqual(self.around.hidden, set())

    def test_absent_files(self) -> None:
        """A key that is not there is absent; what only the cluster or the image has is hidden."""
        for path in ("/whole/other", "/csi/file", "/image/file"):
            with self.assertRaises(OSError):
                self.around.read(path)
        self.assertEqual(self.around.hidden, {"/csi/file", "/image/file"})

    def test_a_shell(self) -> None:
        """What a shell makes of its text cannot be known, so nothing is said about it."""
        scene = scene_of(POD.replace("[o2sidecar, run, --one=1]", "[/bin/sh, -c]"))
        (configuration,) = scene.proxies
        self.assertFalse(configuration.whole)
        self.assertEqual(configuration.verdicts, ())
