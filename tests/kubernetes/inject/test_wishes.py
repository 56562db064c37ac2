"""Tests of the label and the annotations by which a workload says what it wants."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.kubernetes.inject.objects import container, errors, injected, port, service, workload


class AnnotationTests(SynchronousTestCase):
    """Every annotation changes something, or is refused."""

    def test_each_does_what_it_says(self) -> None:
        """What an annotation says is in the sidecar, and wins over the flag of the same name."""
        for key, value, expected in [
            ("host", "a.example.com, b.example.com", ["--allowed-host=a.example.com", "--allowed-host=b.example.com"]),
            ("allow-groups", "acme/a,acme/b", ["--allowed-group=acme/a", "--allowed-group=acme/b"]),
            ("allow-domains", "example.com", ["--email-domain=example.com"]),
            ("public-paths", "GET=^/a{1,2}$\n^/b$", ['--skip-auth-route="GET=^/a{1,2}$"', "--skip-auth-route=^/b$"]),
            ("api-paths", "^/api/", ["--api-route=^/api/"]),
            ("sign-in", "redirect", ["--skip-provider-button=true"]),
            ("sign-in", "page", ["--skip-provider-button=false"]),
            ("callback", "app", ["--redirect-url=/oauth2/callback"]),
            ("callback", "shared", []),
            ("pass-access-token", "true", ["--pass-access-token=true"]),
            ("app-port", "9000", ["--upstream=http://127.0.0.1:9000"]),
        ]:
            found = injected(workload(annotations={f"o2sidecar/{key}": value}), service(), hosts=["flag.example.com"])
            self.assertEqual(found.said("error"), [], key)
            for argument in expected:
                self.assertIn(argument, found.sidecar["args"])
            self.assertEqual("--allowed-host=flag.example.com" in found.sidecar["args"], key != "host")

    def test_those_about_the_pod(self) -> None:
        """Mode, image, objects, resources and the network are set for one workload."""
        notes = {
            "o2sidecar/mode": "native",
            "o2sidecar/image": "x:1",
            "o2sidecar/config-map": "c",
            "o2sidecar/secret": "s",
            "o2sidecar/resources": "cpu=50m/2,memory=128Mi",
            "o2sidecar/restrict-network": "true",
        }
        found = injected(workload(annotations=notes), service(), image="flag:1")
        sidecar = found.sidecar
        self.assertEqual((sidecar["restartPolicy"], sidecar["image"]), ("Always", "x:1"))
        self.assertEqual(sidecar["resources"], {
            "requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"cpu": "2", "memory": "128Mi"}
        })  # fmt: skip
        self.assertEqual(sidecar["env"][0]["valueFrom"]["secretKeyRef"]["name"], "s")
        self.assertEqual(found.pods["spec"]["volumes"][0]["configMap"]["name"], "c")
        self.assertEqual(found.objects[2]["kind"], "NetworkPolicy")
        off = workload(annotations={"o2sidecar/restrict-network": "false"})
        self.assertEqual(len(injected(off, service(), restrict_network=True).objects), 2)

    def test_nonsense_is_refused(self) -> None:
        """A value that is not understood, and keys that say what is said elsewhere, are refused by their names."""
        for key, value in [
            ("host", "https://x"),
            ("host", " , "),
            ("app-port", ""),
            ("container", ""),
            ("mode", "sideways"),
            ("public-paths", "("),
            ("allow-groups", ""),
            ("allow-domains", "a b"),
            ("allow-emails", "a@example.com"),
            ("api-paths", "\n"),
            ("sign-in", "maybe"),
            ("callback", "broker"),
            ("pass-access-token", "yes"),
            ("resources", "cpu=1"),
            ("resources", "cpu=1,cpu=2,memory=1Mi"),
            ("resources", "gpu=1"),
            ("image", "a b"),
            ("probe-rewrite", "True"),
            ("restrict-network", "on"),
            ("config-map", "Not_One"),
            ("secret", ""),
            ("realm", "x"),
            ("provider-config", "x"),
        ]:
            found = errors(workload(annotations={f"o2sidecar/{key}": value}), service())
            self.assertEqual(len(found), 1, (key, found))
            self.assertIn(f"o2sidecar/{key}: ", found[0])

    def test_unknown_keys(self) -> None:
        """A slip of the pen in a restriction is an error, never silence."""
        for key in ("o2sidecar/allow-group", "o2sidecar/", "o2sidecar/Host"):
            self.assertIn("is not known", errors(workload(annotations={key: "x"}), service())[0])

    def test_places(self) -> None:
        """A key in the wrong place is an error that says where it belongs."""
        for pods, where in [
            (workload(metadata={"annotations": {"o2sidecar/host": "x"}}), "annotations of the pod template"),
            (workload(metadata={"labels": {"o2sidecar/inject": "false"}}), "labels of the pod template"),
            (workload(annotations={"o2sidecar/inject": "false"}), "is a label of the pod template"),
            (workload(labels={"o2sidecar/host": "x"}), "is an annotation of the pod template"),
            (workload(labels={"o2sidecar/inject": False}), "has to be text"),
            (workload(labels={"o2sidecar/inject": "no"}), 'say "true" or "false"'),
            (workload(annotations={"o2sidecar/app-port": 80}), "has to be text"),
        ]:
            found = errors(pods, service())
            self.assertTrue(any(where in one for one in found), found)
        led = service(metadata={"annotations": {"o2sidecar/host": "x"}})
        self.assertIn("the workload's pod template", errors(workload(), led)[0])

    def test_places_of_a_cron_job(self) -> None:
        """The place that is named is one that the object has."""
        pods = workload(kind="CronJob", version="batch/v1", metadata={"labels": {"o2sidecar/inject": "false"}})
        self.assertIn("(spec.jobTemplate.spec.template.metadata.labels)", errors(pods)[0])

    def test_left_out(self) -> None:
        """The label leaves a workload out, and its Service as it is."""
        pods = workload(labels={"o2sidecar/inject": "false"})
        found = injected(pods, service())
        self.assertEqual((found.said("error"), found.objects), ([], [pods, service()]))
        self.assertEqual(errors(workload(labels={"o2sidecar/inject": "true"}), service()), [])

    def test_left_out_later(self) -> None:
        """A workload that is labelled out after an injection is as it was."""
        there = injected(workload(), service()).objects
        there[0]["spec"]["template"]["metadata"]["labels"]["o2sidecar/inject"] = "false"
        back = injected(*there)
        self.assertEqual(back.objects, [workload(labels={"o2sidecar/inject": "false"}), service()])


class AdditionTests(SynchronousTestCase):
    """Routes and NetworkPolicies that come with it."""

    def added(self, *objects: Any, **flags: Any) -> list[Any]:
        found = injected(*objects, **flags)
        self.assertEqual(found.said("error"), [])
        return [one for one in found.objects if one not in objects and one["kind"] not in ("Deployment", "Service")]

    def test_virtual_service(self) -> None:
        """Istio's route never tries a callback twice, and gives it more time than the provider has."""
        flags: dict[str, Any] = {"hosts": ["a.example.com"], "route": "istio", "gateway": "istio-system/main"}
        [route] = self.added(workload(), service(), namespace="apps", **flags)
        self.assertEqual((route["apiVersion"], route["kind"]), ("networking.istio.io/v1", "VirtualService"))
        leads = [{"destination": {"host": "my-app.apps.svc.cluster.local", "port": {"number": 80}}}]
        self.assertEqual(route["spec"]["hosts"], ["a.example.com"])
        self.assertEqual(route["spec"]["gateways"], ["istio-system/main"])
        self.assertEqual(
            route["spec"]["http"],
            [
                {
                    "match": [{"uri": {"prefix": "/oauth2/"}}],
                    "route": leads,
                    "timeout": "60s",
                    "retries": {"attempts": 0},
                },
                {"route": leads, "retries": {"attempts": 0}},
            ],
        )

    def test_http_route(self) -> None:
        """The Gateway API's route belongs to the Gateway that was named."""
        flags: dict[str, Any] = {"hosts": ["a.example.com"], "route": "gateway-api"}
        [route] = self.added(workload(), service(), gateway="infra/main", **flags)
        self.assertEqual(route["apiVersion"], "gateway.networking.k8s.io/v1")
        self.assertEqual(route["spec"]["parentRefs"], [{"name": "main", "namespace": "infra"}])
        self.assertEqual(route["spec"]["rules"][1]["backendRefs"], [{"name": "my-app", "port": 80}])
        [route] = self.added(workload(), service(), gateway="main", **flags)
        self.assertEqual(route["spec"]["parentRefs"], [{"name": "main"}])

    def test_ingress(self) -> None:
        """An Ingress has a rule for each host, and its class and certificate where they were named."""
        [route] = self.added(
            workload(), service(), hosts=["a.example.com"], route="ingress", ingress_class="nginx", tls_secret="t"
        )
        self.assertEqual(route["spec"]["ingressClassName"], "nginx")
        self.assertEqual(route["spec"]["tls"], [{"hosts": ["a.example.com"], "secretName": "t"}])
        backend = route["spec"]["rules"][0]["http"]["paths"][0]["backend"]
        self.assertEqual(backend, {"service": {"name": "my-app", "port": {"number": 80}}})
        self.assertEqual(route["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-next-upstream"], "off")

    def test_routes_that_cannot_be(self) -> None:
        """Without a host or a Service, for one host twice, or in the place of another object, there is no route."""
        flags: dict[str, Any] = {"route": "ingress"}
        self.assertIn("--host", errors(workload(), service(), **flags)[0])
        self.assertIn("its Service", errors(workload(), hosts=["a.example.com"], **flags)[0])
        two = (workload(name="a"), service(name="a"), workload(name="b"), service(name="b"))
        self.assertIn("a.example.com would lead to", errors(*two, hosts=["a.example.com"], **flags)[0])
        theirs = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "my-app"}}
        self.assertIn("is here already", errors(workload(), service(), theirs, hosts=["a.example.com"], **flags)[0])
        dotted = workload(annotations={"o2sidecar/host": ".example.com"})
        self.assertIn("one host name", errors(dotted, service(), **flags)[0])

    def test_network_policy(self) -> None:
        """The network is closed for just these pods: but 4180, and the metrics port for monitoring."""
        [policy] = self.added(workload(), service(), restrict_network=True, monitoring_namespace="prometheus")
        self.assertEqual(
            policy["spec"],
            {
                "podSelector": {"matchLabels": {"app": "my-app"}},
                "policyTypes": ["Ingress"],
                "ingress": [
                    {"ports": [{"port": 4180, "protocol": "TCP"}]},
                    {
                        "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "prometheus"}}}],
                        "ports": [{"port": 44180, "protocol": "TCP"}],
                    },
                ],
            },
        )

    def test_a_network_policy_that_would_reach_others(self) -> None:
        """Pods without a sidecar that have the same labels would be cut off, which is refused."""
        pods = workload(container(ports=[port(8080, "http")]))
        other = workload(name="other", labels={"app": "my-app", "o2sidecar/inject": "false"})
        self.assertIn("Deployment other too", errors(pods, service(), other, restrict_network=True)[0])
        bare = workload()
        bare["spec"]["template"]["metadata"] = {}
        self.assertIn("no labels", errors(bare, restrict_network=True)[0])
