"""Tests of what becomes of pods: who gets the sidecar, who is kept out, and who is left alone."""

from __future__ import annotations

import copy
import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.kubernetes.container import NAME, SidecarSpec
from o2sidecar.kubernetes.inject import InjectOptions, Subject, inject
from o2sidecar.kubernetes.operations import apply
from o2sidecar.kubernetes.webhook.decisions import mutate, validate
from o2sidecar.kubernetes.webhook.review import NoReview, Review
from tests.kubernetes.schemas import judge
from tests.kubernetes.webhook.reviews import body, patched, pod, review, wanting

Data = Any
FLAGS = InjectOptions()


def parsed(asked: Data) -> Review:
    return Review.parse(body(asked))


def mutated(data: Data) -> Data:
    return patched(data, mutate(parsed(review(data)), FLAGS))


def sidecar(data: Data) -> Data:
    [found] = [one for one in data["spec"]["containers"] if one["name"] == NAME]
    return found


class ReviewTests(SynchronousTestCase):
    """Only an AdmissionReview v1 is one."""

    def test_read(self) -> None:
        """What is asked, about what, and where."""
        asked = parsed(review(wanting()))
        self.assertEqual((asked.operation, asked.namespace, asked.subresource), ("CREATE", "apps", ""))
        self.assertTrue(asked.is_about_a_pod)

    def test_no_review(self) -> None:
        """Anything else is refused, however broken."""
        good = review(wanting())
        for broken in (
            b"",
            b"{",
            b"[]",
            b"null",
            b"\xff",
            b"[" * 100_000,
            body({**good, "kind": "Pod"}),
            body({**good, "apiVersion": "admission.k8s.io/v1beta1"}),
            body({**good, "request": None}),
            body({**good, "request": {**good["request"], "uid": ""}}),
            body({**good, "request": {**good["request"], "uid": 7}}),
            body({**good, "request": {**good["request"], "operation": ["CREATE"]}}),
        ):
            self.assertRaises(NoReview, Review.parse, broken)


class MutateTests(SynchronousTestCase):
    """A pod that asks for it gets the sidecar, or is not created."""

    def test_put_in(self) -> None:
        """The patch gives what `inject` gives, and the pod is a good one."""
        data = wanting()
        answer = mutate(parsed(review(data)), FLAGS)
        self.assertEqual(answer["response"]["uid"], "705ab4f5-6393-11e8-b7cc-42010a800002")
        self.assertTrue(answer["response"]["allowed"])
        self.assertEqual(answer["response"]["patchType"], "JSONPatch")
        flags = InjectOptions(namespace="apps", services_are_known=False)
        [operations] = inject([Subject(data=data)], flags).operations
        changed = patched(data, answer)
        self.assertEqual(changed, apply(data, operations))
        named = {**changed, "metadata": {**changed["metadata"], "name": "my-app-7c9f6d5b8-x2x4z"}}
        judge(json.dumps(named))

    def test_takes_the_name_over(self) -> None:
        """Services lead to the app's port by its name, which is the sidecar's from now on."""
        changed = mutated(wanting())
        self.assertEqual(sidecar(changed), SidecarSpec(app_port=8080, port_name="http").container)
        self.assertEqual(changed["spec"]["containers"][0]["ports"][0]["name"], "app-8080")

    def test_again(self) -> None:
        """Asked again about the result, as with reinvocationPolicy, nothing is left to do."""
        self.assertNotIn("patch", mutate(parsed(review(mutated(wanting()))), FLAGS)["response"])

    def test_annotations(self) -> None:
        """What the pod says by annotations is heeded."""
        data = pod(labels={"o2sidecar/inject": "true"}, annotations={"o2sidecar/host": "app.example.com"})
        self.assertIn("--allowed-host=app.example.com", sidecar(mutated(data))["args"])

    def test_left_alone(self) -> None:
        """Pods that do not ask, other objects, other operations and subresources are let in as they are."""
        other = {"kind": "Service", "apiVersion": "v1", "metadata": {"labels": {"o2sidecar/inject": "true"}}}
        for asked in (
            review(pod()),
            review(pod(labels={"o2sidecar/inject": "false"})),
            review(other),
            review(wanting(), former=wanting()),
            review(None, operation="DELETE"),
            review(wanting(), subResource="ephemeralcontainers"),
        ):
            response = mutate(parsed(asked), FLAGS)["response"]
            self.assertTrue(response["allowed"])
            self.assertNotIn("patch", response)

    def test_refused(self) -> None:
        """What cannot have a sidecar is not created, and the reason is told."""
        for data, reason in (
            (wanting(hostNetwork=True), "hostNetwork"),
            (wanting(os={"name": "windows"}), "Windows"),
            (wanting(containers=[{"name": "app", "image": "a:1"}]), "the app's port is not known"),
            (pod(labels={"o2sidecar/inject": "yes"}), "o2sidecar/inject"),
            (pod(labels={"o2sidecar/inject": "true"}, annotations={"o2sidecar/hosts": "a.example.com"}), "hosts"),
            (
                pod(labels={"o2sidecar/inject": "true"}, annotations={"o2sidecar/restrict-network": "true"}),
                "NetworkPolicy",
            ),
        ):
            response = mutate(parsed(review(data)), FLAGS)["response"]
            self.assertFalse(response["allowed"], reason)
            self.assertEqual(response["status"]["code"], 403)
            self.assertIn(reason, response["status"]["message"])
            self.assertNotIn("patch", response)

    def test_no_secret_in_annotations(self) -> None:
        """What the pod's containers say of secrets is in no annotation."""
        changed = mutated(wanting())
        self.assertNotIn("not-for-annotations", json.dumps(changed["metadata"]))


class ValidateTests(SynchronousTestCase):
    """No pod that asks for the sidecar starts without."""

    def verdict(self, asked: Data) -> str:
        """Why it is kept out; empty if it is let in."""
        response = validate(parsed(asked), FLAGS)["response"]
        self.assertEqual(set(response) - {"status"}, {"uid", "allowed"})
        return "" if response["allowed"] else str(response["status"]["message"])

    def test_as_made(self) -> None:
        """What the other half made is let in."""
        self.assertEqual(self.verdict(review(mutated(wanting()))), "")

    def test_who_does_not_ask(self) -> None:
        """Others are let in."""
        self.assertEqual(self.verdict(review(pod())), "")
        self.assertEqual(self.verdict(review(None, operation="DELETE")), "")

    def test_without(self) -> None:
        """A pod into which nothing was put is kept out: the other half was not asked, or its work undone."""
        self.assertIn("has none", self.verdict(review(wanting())))

    def test_what_others_may_add(self) -> None:
        """A mesh's probes and environment and a LimitRanger's resources are no reason."""
        changed = mutated(wanting())
        one = sidecar(changed)
        one["env"].append({"name": "ISTIO", "value": "1"})
        one["resources"]["limits"]["memory"] = "1Gi"
        one["livenessProbe"]["httpGet"] = {"path": "/app-health/o2sidecar/livez", "port": 15020}
        one["volumeMounts"].append({"name": "kube-api-access-x7k2p", "mountPath": "/var/run/x", "readOnly": True})
        one["terminationMessagePath"] = "/dev/termination-log"
        one["securityContext"].update(privileged=False, procMount="Default", seLinuxOptions={"level": "s0:c1"})
        next(each for each in changed["spec"]["volumes"] if "configMap" in each)["configMap"]["defaultMode"] = 420
        changed["spec"]["containers"].append({"name": "istio-proxy", "image": "proxyv2:1.27"})
        self.assertEqual(self.verdict(review(changed)), "")

    def test_changed(self) -> None:
        """Another image, other arguments, a command, other ports, rights or volumes are one."""
        for key, value in (
            ("image", "registry.example.com/lets-everybody-in:1"),
            ("args", ["--skip-auth-route=^/"]),
            ("command", ["/bin/true"]),
            ("volumeMounts", []),
            ("envFrom", [{"configMapRef": {"name": "other"}}]),
            ("ports", [{"name": "other", "containerPort": 4180, "protocol": "TCP"}]),
            ("securityContext", {"privileged": True}),
        ):
            changed = mutated(wanting())
            sidecar(changed)[key] = value
            self.assertIn(key, self.verdict(review(changed)))

    def test_led_elsewhere(self) -> None:
        """Settings by other variables, another ConfigMap behind its volume, or files laid over its own are one, too."""

        def variable(data: Data) -> None:
            sidecar(data)["env"].append({"name": "OAUTH2_PROXY_SKIP_AUTH_ROUTES", "value": ".*"})

        def own_variable(data: Data) -> None:
            sidecar(data)["env"].append({"name": "O2SIDECAR_API_ROUTES", "value": ".*"})

        def client(data: Data) -> None:
            sidecar(data)["env"][0] = {"name": "OAUTH2_PROXY_CLIENT_ID", "value": "theirs"}

        def rights(data: Data) -> None:
            sidecar(data)["securityContext"]["privileged"] = True

        def capability(data: Data) -> None:
            sidecar(data)["securityContext"]["capabilities"]["add"] = ["NET_ADMIN"]

        def config_map(data: Data) -> None:
            next(one for one in data["spec"]["volumes"] if "configMap" in one)["configMap"]["name"] = "theirs"

        def no_config_map(data: Data) -> None:
            volumes = data["spec"]["volumes"]
            volumes[:] = [{"name": one["name"], "emptyDir": {}} if "configMap" in one else one for one in volumes]

        def moved(data: Data) -> None:
            sidecar(data)["volumeMounts"][0]["mountPath"] = "/elsewhere"

        def laid_over(data: Data) -> None:
            path = "/etc/oauth2-proxy/oauth2_proxy.cfg"
            sidecar(data)["volumeMounts"].append({"name": "theirs", "mountPath": path, "subPath": "x"})

        def laid_over_all(data: Data) -> None:
            sidecar(data)["volumeMounts"].append({"name": "theirs", "mountPath": "//etc/"})

        for change, part in (
            (variable, "env"),
            (own_variable, "env"),
            (client, "env"),
            (rights, "securityContext"),
            (capability, "securityContext"),
            (config_map, "volumes"),
            (no_config_map, "volumes"),
            (moved, "volumeMounts"),
            (laid_over, "volumeMounts"),
            (laid_over_all, "volumeMounts"),
        ):
            changed = mutated(wanting())
            change(changed)
            self.assertIn(part, self.verdict(review(changed)), change.__name__)

    def test_only_an_init_container(self) -> None:
        """A container of that name that ends before the app begins protects nobody."""
        changed = mutated(wanting())
        one = sidecar(changed)
        changed["spec"]["containers"].remove(one)
        changed["spec"]["initContainers"] = [one]
        self.assertIn("has none", self.verdict(review(changed)))

    def test_running_pods(self) -> None:
        """Labels of a running pod may change, also of one that an earlier version made; its sidecar may not."""
        old = mutated(wanting())
        sidecar(old)["image"] = "o2sidecar/o2sidecar:0.0.9"
        new = copy.deepcopy(old)
        new["metadata"]["labels"]["tier"] = "web"
        self.assertEqual(self.verdict(review(new, former=old)), "")
        for labels in (dict(new["metadata"]["labels"]), {"app": "my-app"}):
            taken_over = copy.deepcopy(new)
            taken_over["metadata"]["labels"] = labels
            sidecar(taken_over)["image"] = "registry.example.com/lets-everybody-in:1"
            self.assertIn("cannot be changed", self.verdict(review(taken_over, former=old)))

    def test_from_before_the_webhook(self) -> None:
        """A running pod with the label and no sidecar may lose its finalizers; one with a sidecar keeps that."""
        old = wanting()
        old["metadata"]["finalizers"] = ["example.com/x"]
        self.assertEqual(self.verdict(review(wanting(), former=old)), "")
        self.assertIn("cannot be changed", self.verdict(review(wanting(), former=mutated(wanting()))))

    def test_never_had_one(self) -> None:
        """A running pod without a sidecar is not taken for a protected one by its label."""
        self.assertIn("has none", self.verdict(review(wanting(), former=pod())))
