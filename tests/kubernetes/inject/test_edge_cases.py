"""The edge cases of an injection, each by the number that it has in the list that the design was made from (§4.5).

Those that are about text (1, and 22 in part) are in `test_command.py`.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.kubernetes.container import SidecarSpec
from tests.kubernetes.inject.objects import (
    container,
    errors,
    injected,
    pods_of,
    port,
    service,
    uninjected,
    workload,
)


class KindTests(SynchronousTestCase):
    """What gets a sidecar, and what does not."""

    def test_02_every_kind_that_runs_for_ever(self) -> None:
        """Edge case 2: seven kinds get the very same container."""
        for version, kind in [
            ("v1", "Pod"),
            ("v1", "ReplicationController"),
            ("apps/v1", "Deployment"),
            ("apps/v1", "StatefulSet"),
            ("apps/v1", "DaemonSet"),
            ("apps/v1", "ReplicaSet"),
        ]:
            found = injected(workload(kind=kind, version=version), service())
            self.assertEqual(found.said("error"), [], kind)
            self.assertEqual(found.sidecar, SidecarSpec(app_port=8080).container)
            self.assertEqual(found.pods["spec"]["volumes"], SidecarSpec(app_port=8080).volumes)

    def test_02_kinds_of_others_are_refused(self) -> None:
        """Edge case 2: Knative Services and Argo Rollouts are refused with the reason, unless they are left out."""
        for version, kind, reason in [
            ("serving.knative.dev/v1", "Service", "Knative"),
            ("argoproj.io/v1alpha1", "Rollout", "Rollout"),
        ]:
            [sentence] = errors(workload(version=version, kind=kind))
            self.assertIn(reason, sentence)
            out = workload(version=version, kind=kind, labels={"o2sidecar/inject": "false"})
            self.assertEqual(errors(out), [])

    def test_02_unknown_kinds_are_left_alone(self) -> None:
        """Edge case 2: what has no pods that we know of is not touched, whatever it looks like."""
        other = {"apiVersion": "example.com/v1", "kind": "Thing", "spec": {"template": {"spec": {"containers": []}}}}
        odd: list[Any] = [None, "text", {"kind": "List"}, {"metadata": []}, {"kind": "Service", "apiVersion": "v1"}]
        found = injected(workload(), service(), other, *odd)
        self.assertEqual(found.said("error"), [])
        self.assertEqual(found.objects[2:], [other, *odd])

    def test_03_jobs(self) -> None:
        """Edge case 3: what is to end is refused, unless it is left out, or forced as a native sidecar."""
        for version, kind in [("batch/v1", "Job"), ("batch/v1", "CronJob")]:
            job = workload(version=version, kind=kind, restartPolicy="Never")
            [sentence] = errors(job)
            self.assertIn("--mode native --force", sentence)
            self.assertEqual(len(errors(job, mode="native")), 1)
            self.assertEqual(len(errors(job, mode="container", force=True)), 1)
            self.assertEqual(injected(job, force=True).sidecar["restartPolicy"], "Always")
            out = workload(version=version, kind=kind, labels={"o2sidecar/inject": "false"})
            self.assertEqual(injected(out).objects, [out])
        self.assertEqual(len(errors(workload(kind="Pod", version="v1", restartPolicy="OnFailure"))), 1)

    def test_03_hooks(self) -> None:
        """Edge case 3: hooks of Helm and Argo CD are left alone, with a note."""
        for key in ("helm.sh/hook", "argocd.argoproj.io/hook"):
            hook = workload(kind="Job", version="batch/v1", metadata={"annotations": {key: "PreSync"}})
            found = injected(hook, workload(name="other"), service(name="other"))
            self.assertEqual((found.said("error"), found.objects[0]), ([], hook))
            self.assertIn(key, found.said("note")[0])

    def test_04_host_network(self) -> None:
        """Edge case 4: pods in the node's network are refused."""
        self.assertIn("hostNetwork", errors(workload(hostNetwork=True), service())[0])
        self.assertEqual(errors(workload(hostNetwork=False), service()), [])

    def test_05_windows(self) -> None:
        """Edge case 5: pods that go to Windows nodes are refused, however that is said."""
        term = {"matchExpressions": [{"key": "kubernetes.io/os", "operator": "In", "values": ["windows"]}]}
        required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
        said: list[dict[str, Any]] = [
            {"nodeSelector": {"kubernetes.io/os": "windows"}},
            {"nodeSelector": {"beta.kubernetes.io/os": "windows"}},
            {"os": {"name": "windows"}},
            {"affinity": {"nodeAffinity": required}},
        ]
        for spec in said:
            self.assertIn("Windows", errors(workload(**spec), service())[0])
        self.assertEqual(errors(workload(nodeSelector={"kubernetes.io/os": "linux"}), service()), [])

    def test_nothing_to_inject(self) -> None:
        """A stream without pods is refused, since it would go on unprotected."""
        self.assertIn("nothing here", errors(service())[0])
        self.assertIn("nothing here", errors()[0])

    def test_all_or_nothing(self) -> None:
        """One workload that cannot have a sidecar keeps all others from having one."""
        found = injected(workload(), service(), workload(name="other", hostNetwork=True), service(name="other"))
        self.assertEqual(len(found.said("error")), 1)
        self.assertEqual(found.plan.operations, ((), (), (), ()))

    def test_several_workloads(self) -> None:
        """Every workload of a stream gets its own sidecar."""
        other = workload(container(ports=[port(3000)]), name="b")
        found = injected(
            workload(name="a"), service(name="a"), other, service({"port": 80, "targetPort": 3000}, name="b")
        )
        self.assertEqual(found.said("error"), [])
        upstreams = [pods_of(found.objects[one])["spec"]["containers"][1]["args"][3] for one in (0, 2)]
        self.assertEqual(upstreams, ["--upstream=http://127.0.0.1:8080", "--upstream=http://127.0.0.1:3000"])


class AppPortTests(SynchronousTestCase):
    """Edge case 6: which port is the app's."""

    def upstream(self, *objects: Any, **flags: Any) -> str:
        found = injected(*objects, **flags)
        self.assertEqual(found.said("error"), [])
        return str(found.sidecar["args"][3]).rpartition(":")[2]

    def test_06_the_annotation_wins(self) -> None:
        """Edge case 6: what the workload says wins over the flag, and both over what Services and containers say."""
        ports = [port(8080, "http"), port(9000, "web")]
        said = workload(container(ports=ports), annotations={"o2sidecar/app-port": "web"})
        self.assertEqual(self.upstream(said, service(), app_port="8080"), "9000")
        self.assertEqual(self.upstream(workload(container(ports=ports)), service(), app_port="9000"), "9000")
        self.assertEqual(self.upstream(workload(container()), app_port="7000"), "7000")

    def test_06_then_the_service(self) -> None:
        """Edge case 6: a Service's targetPort says it, by name, by number, or as the port itself."""
        pods = workload(container(ports=[port(8080, "http"), port(9000)]))
        self.assertEqual(self.upstream(pods, service({"port": 80, "targetPort": "http"})), "8080")
        self.assertEqual(self.upstream(pods, service({"port": 80, "targetPort": 9000})), "9000")
        self.assertEqual(self.upstream(pods, service({"port": 8080})), "8080")
        self.assertEqual(self.upstream(workload(container()), service({"port": 80, "targetPort": 5000})), "5000")

    def test_06_then_the_container_and_its_probes(self) -> None:
        """Edge case 6: without a Service the only declared port is it, and without one the port that probes ask."""
        self.assertEqual(self.upstream(workload(container(ports=[port(5000)]))), "5000")
        dns = port(53, "dns", protocol="UDP")
        self.assertEqual(self.upstream(workload(container(ports=[port(5000), dns]))), "5000")
        probe = {"httpGet": {"path": "/", "port": 6000}}
        self.assertEqual(self.upstream(workload(container(livenessProbe=probe, readinessProbe=probe))), "6000")

    def test_06_what_is_not_clear_is_refused(self) -> None:
        """Edge case 6: two ports that it could be are listed; none at all is said, too."""
        two = workload(container(ports=[port(8080, "http"), port(9090, "metrics")]))
        [sentence] = errors(two)
        self.assertIn("container app has 8080 (http), container app has 9090 (metrics)", sentence)
        both = service({"name": "a", "port": 80, "targetPort": 8080}, {"name": "b", "port": 81, "targetPort": 9090})
        self.assertIn("leads 80 (a) to 8080, Service my-app leads 81 (b) to 9090", errors(two, both)[0])
        self.assertIn("not known", errors(workload(container()))[0])
        probes: dict[str, Any] = {
            "livenessProbe": {"httpGet": {"port": 1}},
            "readinessProbe": {"httpGet": {"port": 2}},
        }
        self.assertIn("readinessProbe asks 2", errors(workload(container(**probes)))[0])

    def test_06_a_service_for_something_else(self) -> None:
        """Edge case 6: a Service for metrics alone is not the way that people come in by."""
        pods = workload(container(ports=[port(8080, "http"), port(9090, "metrics")]))
        scraped = service({"name": "http-metrics", "port": 9090, "targetPort": "metrics"})
        self.assertIn("leads 9090 (http-metrics) to 9090, container app has 8080", errors(pods, scraped)[0])
        by_number = workload(container(ports=[port(8080), port(9090)]))
        self.assertIn("8080", errors(by_number, service({"name": "metrics", "port": 1, "targetPort": 9090}))[0])
        self.assertIn("8080", errors(workload(), service({"port": 80, "targetPort": 5000}))[0])
        probe = {"httpGet": {"path": "/", "port": 6000}}
        self.assertIn("6000", errors(workload(container(livenessProbe=probe)), service({"port": 5000}))[0])
        self.assertEqual(self.upstream(pods, service(), scraped | {"metadata": {"name": "m"}}, app_port="http"), "8080")
        self.assertEqual(self.upstream(pods, service()), "8080")

    def test_06_what_is_said_wrongly_is_refused(self) -> None:
        """Edge case 6: a name that no port has, no port at all, and the sidecar's own are refused."""
        for said, reason in [("web", "names are: http"), ("0", "between"), ("70000", "between"), ("4180", "own")]:
            self.assertIn(reason, errors(workload(), service(), app_port=said)[0])
        gone = workload(annotations={"o2sidecar/container": "other"})
        self.assertIn("there are: app", errors(gone, service())[0])

    def test_06_the_container_that_counts(self) -> None:
        """Edge case 6: where several containers have ports, one can be named; the mesh's never count."""
        containers = [container(ports=[port(8080)]), container("side", ports=[port(9000)])]
        self.assertEqual(len(errors(workload(*containers))), 1)
        self.assertEqual(self.upstream(workload(*containers, annotations={"o2sidecar/container": "app"})), "8080")
        mesh = container("istio-proxy", ports=[port(15090, "http-envoy-prom")])
        self.assertEqual(self.upstream(workload(containers[0], mesh)), "8080")

    def test_10_what_is_no_http_is_no_candidate(self) -> None:
        """Edge case 10: ports that say that they carry something else cannot be the app's."""
        led = service(
            {"name": "http", "port": 80, "targetPort": 8080},
            {"name": "grpc-api", "port": 81, "targetPort": 9000},
            {"name": "x", "port": 82, "targetPort": 9001, "appProtocol": "kubernetes.io/h2c"},
            {"name": "dns", "port": 53, "protocol": "UDP"},
        )
        self.assertEqual(self.upstream(workload(), led), "8080")
        encrypted = {"httpGet": {"path": "/", "port": "web", "scheme": "HTTPS"}}
        self.assertIn("not known", errors(workload(container(ports=[port(8443, "https")])))[0])
        self.assertIn("not known", errors(workload(container(ports=[port(8443, "web")], livenessProbe=encrypted)))[0])
        both = container(ports=[port(8443, "web"), port(8080)], livenessProbe=encrypted)
        self.assertEqual(self.upstream(workload(both), service({"name": "x", "port": 1, "targetPort": 8080})), "8080")
        self.assertIn(
            "carries https", errors(workload(), service({"name": "https", "port": 443, "targetPort": 8080}))[0]
        )
        database = workload(container(ports=[port(6379, "redis")]))
        self.assertIn("not known", errors(database)[0])


class ServiceTests(SynchronousTestCase):
    """Services lead to the sidecar where they have led to the app."""

    def ports(self, *objects: Any, **flags: Any) -> Any:
        found = injected(*objects, **flags)
        self.assertEqual(found.said("error"), [])
        return found.objects[1]["spec"]["ports"]

    def test_07_only_the_protected_port(self) -> None:
        """Edge case 7: port, name and nodePort stay, so that routes need no change."""
        given = {"name": "web", "port": 80, "targetPort": 8080, "nodePort": 30080, "protocol": "TCP"}
        led = service(given, type="NodePort")
        expected = [given | {"targetPort": "o2sidecar", "appProtocol": "http"}]
        self.assertEqual(self.ports(workload(), led), expected)
        self.assertEqual(self.ports(workload(), service({"port": 8080})), [
            {"port": 8080, "targetPort": "o2sidecar", "appProtocol": "http"}
        ])  # fmt: skip

    def test_07_a_protocol_that_is_there_stays(self) -> None:
        """Edge case 7: appProtocol is added only where there is none; one that is no HTTP is refused."""
        ws = {"port": 80, "targetPort": "http", "appProtocol": "kubernetes.io/ws"}
        self.assertEqual(self.ports(workload(), service(ws)), [ws | {"targetPort": "o2sidecar"}])
        for said in ("https", "grpc", "kubernetes.io/h2c"):
            led = service({"port": 80, "targetPort": "http", "appProtocol": said})
            self.assertIn(said, errors(workload(), led, app_port="8080")[0])

    def test_07_namespaces(self) -> None:
        """Edges 7 and 23: a Service of another namespace is another app's; -n is where no namespace is said."""
        there = service(metadata={"namespace": "there"})
        found = injected(workload(metadata={"namespace": "here"}), there)
        self.assertEqual(found.objects[1], there)
        self.assertEqual(found.sidecar["ports"][0]["name"], "http")
        found = injected(workload(), there, namespace="there")
        self.assertEqual(found.objects[1]["spec"]["ports"][0]["targetPort"], "o2sidecar")

    def test_08_names_are_taken_over_without_a_service(self) -> None:
        """Edge case 8: the sidecar has the app port's name, the app's port another, and probes ask the number."""
        probe = {"httpGet": {"path": "/", "port": "http"}}
        hook = {"preStop": {"httpGet": {"path": "/bye", "port": "http"}}}
        pods = workload(container(ports=[port(8080, "http")], livenessProbe=probe, lifecycle=hook))
        found = injected(pods)
        app = found.pods["spec"]["containers"][0]
        self.assertEqual(app["ports"], [port(8080, "app-8080")])
        self.assertEqual(app["livenessProbe"]["httpGet"], {"path": "/", "port": 8080})
        self.assertEqual(app["lifecycle"]["preStop"]["httpGet"], {"path": "/bye", "port": 8080})
        self.assertEqual(found.sidecar["ports"][0], {"name": "http", "containerPort": 4180, "protocol": "TCP"})
        self.assertIn("no Service here", found.said("warning")[0])
        self.assertEqual(uninjected(*found.objects).objects, [pods])

    def test_08_a_name_that_another_container_has_too(self) -> None:
        """Edge case 8: a name that still leads past the sidecar, to another container, is not taken over."""
        app, other = container(ports=[port(8080, "http")]), container("admin", ports=[port(9090, "http")])
        self.assertIn("container admin has a port named http too", errors(workload(app, other), app_port="8080")[0])
        native = other | {"restartPolicy": "Always"}
        self.assertIn("container admin", errors(workload(app, initContainers=[native]), app_port="8080")[0])

    def test_08_names_are_taken_over_beside_a_service_for_something_else(self) -> None:
        """Edge case 8: a Service for metrics does not keep the sidecar from taking the name of the app's port over."""
        pods = workload(container(ports=[port(8080, "http"), port(9090, "metrics")]))
        scraped = service({"name": "http-metrics", "port": 9090, "targetPort": "metrics"})
        found = injected(pods, scraped, app_port="http")
        self.assertEqual(found.sidecar["ports"][0]["name"], "http")
        self.assertTrue(any("no Service here leads to it" in one for one in found.said("warning")))
        self.assertEqual(uninjected(*found.objects).objects, [pods, scraped])

    def test_08_with_a_service_the_name_stays(self) -> None:
        """Edge case 8: the app's port keeps its name where its Service is here, and probes stay as they are."""
        probe = {"httpGet": {"path": "/", "port": "http"}}
        app = container(ports=[port(8080, "http")], livenessProbe=probe)
        self.assertEqual(injected(workload(app), service()).pods["spec"]["containers"][0], app)

    def test_08_several_pods_behind_a_service(self) -> None:
        """Edge case 8: all pods of a Service get a sidecar; one that is left out is named."""
        led = service(selector={"tier": "web"})
        stable, canary = (workload(name=name, labels={"tier": "web"}) for name in ("stable", "canary"))
        found = injected(stable, led, canary)
        self.assertEqual((found.said("error"), found.said("warning")), ([], []))
        out = workload(name="canary", labels={"tier": "web", "o2sidecar/inject": "false"})
        self.assertIn("Service my-app too", injected(stable, led, out).said("warning")[0])

    def test_08_pods_that_disagree(self) -> None:
        """Edge case 8: a port that is the app's in some pods only cannot be protected."""
        led = service({"port": 80, "targetPort": 8080}, selector={"tier": "web"})
        one = workload(name="one", labels={"tier": "web"})
        two = workload(
            container(ports=[port(9090)]),
            name="two",
            labels={"tier": "web"},
            annotations={"o2sidecar/app-port": "9090"},
        )
        self.assertIn("but not to that of Deployment two", errors(one, led, two)[0])

    def test_09_headless(self) -> None:
        """Edge case 9: who asks DNS for pods goes past a targetPort, which is said, until the network is closed."""
        led = service(clusterIP="None")
        pods = workload(kind="StatefulSet")
        self.assertIn("headless", injected(pods, led).said("warning")[0])
        self.assertEqual(len(errors(pods, led, strict=True)), 1)
        self.assertEqual(injected(pods, led, restrict_network=True, strict=True).said("warning"), [])

    def test_10_other_ports(self) -> None:
        """Edge case 10: every other port that reaches the pods is named; with --strict it is an error."""
        led = service(
            {"name": "http", "port": 80, "targetPort": "http"}, {"name": "admin", "port": 81, "targetPort": 9000}
        )
        found = injected(workload(), led, app_port="http")
        self.assertEqual(found.said("error"), [])
        self.assertIn("port 81 (admin) leads to 9000 of Deployment my-app, past the sidecar", found.said("warning")[0])
        self.assertEqual(found.objects[1]["spec"]["ports"][1], led["spec"]["ports"][1])
        self.assertEqual(len(errors(workload(), led, app_port="http", strict=True)), 1)
        node = workload(container(ports=[port(8080, "http", hostPort=80)]))
        self.assertIn("port 80 of the node", injected(node, service()).said("warning")[0])
        self.assertEqual(len(errors(node, service(), strict=True)), 1)

    def test_10_a_second_service(self) -> None:
        """Edge case 10: every Service that leads to the app's port is led to the sidecar, not only the first."""
        second = service({"port": 9000, "targetPort": 8080}, name="second", selector={"app": "my-app"})
        found = injected(workload(), service(), second)
        self.assertEqual([one["spec"]["ports"][0]["targetPort"] for one in found.objects[1:]], ["o2sidecar"] * 2)

    def test_11_what_leads_to_no_pods_stays(self) -> None:
        """Edge case 11: ExternalName and Services without a selector are not touched, nor are affinity and policy."""
        outside = service(name="outside", type="ExternalName", externalName="x.example.com")
        bare = service(name="bare", selector={})
        led = service(externalTrafficPolicy="Local", sessionAffinity="ClientIP", type="LoadBalancer")
        found = injected(workload(), led, outside, bare)
        self.assertEqual(found.objects[2:], [outside, bare])
        spec = found.objects[1]["spec"]
        self.assertEqual({**spec, "ports": []}, {**led["spec"], "ports": []})

    def test_14_a_service_that_leads_to_the_sidecar_already(self) -> None:
        """Edge case 14: targetPort 4180 or o2sidecar is no app port and no way past."""
        for said in (4180, "o2sidecar"):
            led = service({"port": 80, "targetPort": said})
            found = injected(workload(), led)
            self.assertEqual((found.said("error"), found.objects[1]), ([], led))
