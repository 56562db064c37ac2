"""The edge cases of an injection that are about pods themselves, each by its number (§4.5)."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.kubernetes.container import SidecarSpec
from o2sidecar.kubernetes.inject import InjectOptions, Subject, inject
from o2sidecar.kubernetes.operations import apply, to_json_patch
from tests.kubernetes.inject.objects import container, errors, injected, port, service, uninjected, workload


class ProbeTests(SynchronousTestCase):
    """Kubelet goes on asking the app."""

    def relayed(self, app: Any, **flags: Any) -> tuple[Any, list[str], list[str]]:
        """The app's container, the sidecar's relays, and warnings."""
        found = injected(workload(app), service(), restrict_network=True, app_port="8080", **flags)
        self.assertEqual(found.said("error"), [])
        relays = [
            one.removeprefix("--probe-relay=") for one in found.sidecar["args"] if one.startswith("--probe-relay")
        ]
        self.assertEqual(uninjected(*found.objects).objects, [workload(app), service()])
        return found.pods["spec"]["containers"][0], relays, found.said("warning")

    def test_12_probes_stay_with_the_app(self) -> None:
        """Edge case 12: as long as the app's port is open, nothing about its probes changes."""
        app = container(ports=[port(8080, "http")], readinessProbe={"httpGet": {"path": "/x", "port": 8080}})
        self.assertEqual(injected(workload(app), service()).pods["spec"]["containers"][0], app)

    def test_12_probes_are_relayed_where_the_port_is_closed(self) -> None:
        """Edge case 12: they come by the metrics port, each by a path of its own; headers and times stay."""
        headers = [{"name": "X", "value": "y"}]
        app = container(
            ports=[port(8080, "http")],
            startupProbe={"httpGet": {"port": "http"}, "failureThreshold": 30},
            readinessProbe={"httpGet": {"path": "/ready?full=1", "port": "http", "httpHeaders": headers}},
            livenessProbe={"httpGet": {"path": "live", "port": 8080, "scheme": "HTTP"}},
            lifecycle={"preStop": {"httpGet": {"path": "/bye", "port": 8080}}},
        )
        changed, relays, warnings = self.relayed(app)
        self.assertEqual(
            relays,
            [
                "app/liveness=http://127.0.0.1:8080/live",
                "app/readiness=http://127.0.0.1:8080/ready?full=1",
                "app/startup=http://127.0.0.1:8080/",
                "app/preStop=http://127.0.0.1:8080/bye",
            ],
        )
        self.assertEqual(
            changed["startupProbe"], {"httpGet": {"port": 44180, "path": "/probe/app/startup"}, "failureThreshold": 30}
        )
        self.assertEqual(
            changed["readinessProbe"]["httpGet"],
            {"path": "/probe/app/readiness", "port": 44180, "httpHeaders": headers},
        )
        self.assertEqual(changed["livenessProbe"]["httpGet"]["scheme"], "HTTP")
        self.assertEqual(changed["ports"], app["ports"])
        self.assertEqual(warnings, [])

    def test_12_relayed_for_an_app_on_loopback(self) -> None:
        """Edge case 12: an app that listens on loopback only says so by o2sidecar/probe-rewrite."""
        app = container(ports=[port(8080, "http")], readinessProbe={"httpGet": {"port": 8080}})
        found = injected(workload(app, annotations={"o2sidecar/probe-rewrite": "true"}), service())
        self.assertEqual(found.pods["spec"]["containers"][0]["readinessProbe"]["httpGet"]["port"], 44180)
        self.assertEqual(len(found.objects), 2)

    def test_12_what_cannot_be_relayed(self) -> None:
        """Edge case 12: exec stays as it is; TCP, gRPC, TLS and other hosts stay, and are named."""
        app = container(
            ports=[port(8080, "http")],
            startupProbe={"exec": {"command": ["true"]}},
            readinessProbe={"tcpSocket": {"port": 8080}},
            livenessProbe={"httpGet": {"port": 8080, "scheme": "HTTPS"}},
            lifecycle={
                "preStop": {"httpGet": {"port": 80, "host": "x.example.com"}},
                "postStart": {"httpGet": {"port": 8080}},
            },
        )
        changed, relays, warnings = self.relayed(app)
        self.assertEqual((changed, relays), (app, []))
        self.assertEqual(len(warnings), 4)
        self.assertTrue(any("readinessProbe.tcpSocket stays as it is" in one for one in warnings), warnings)
        app = container(ports=[port(8080, "http")], lifecycle={"postStart": {"httpGet": {"port": 8080}}})
        self.assertEqual(self.relayed(app, mode="native")[1], ["app/postStart=http://127.0.0.1:8080/"])

    def test_13_the_sidecars_own_probes(self) -> None:
        """Edge case 13: they ask the metrics port, so that no path of the app's is hidden by them."""
        sidecar = injected(workload(), service()).sidecar
        for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
            self.assertEqual(sidecar[kind]["httpGet"]["port"], "o2s-metrics")


class ConflictTests(SynchronousTestCase):
    """Edge case 14: what is in the way is named, and nothing is half injected."""

    def test_14_names_and_ports_that_are_used(self) -> None:
        """Edge case 14: containers, volumes, ports and port names of ours that somebody else has."""
        taken: list[tuple[Any, str]] = [
            (workload(container(), container("o2sidecar")), "container o2sidecar already"),
            (workload(initContainers=[container("o2sidecar")]), "container o2sidecar already"),
            (workload(volumes=[{"name": "o2sidecar-config", "emptyDir": {}}]), "volume o2sidecar-config already"),
            (workload(container(ports=[port(4180)])), "uses port 4180"),
            (workload(container(ports=[port(8080), port(44180, "x")])), "uses port 44180"),
            (workload(container(ports=[port(8080, "o2sidecar")])), "port named o2sidecar"),
            (workload(container(ports=[port(8080, "o2s-metrics")])), "port named o2s-metrics"),
        ]
        for pods, reason in taken:
            found = errors(pods, service({"port": 80, "targetPort": 8080}), app_port="8080")
            self.assertTrue(any(reason in one for one in found), found)

    def test_14_no_room_for_the_new_name(self) -> None:
        """Edge case 8: the new name of the app's port may not be another port's."""
        pods = workload(container(ports=[port(8080, "http"), port(9090, "app-8080")]))
        self.assertIn("app-8080", errors(pods, app_port="http")[0])

    def old(self, *args: str, volume: Any = None, **more: Any) -> Any:
        mount = {"name": "old", "mountPath": "/etc/oauth2-proxy"}
        proxy = container("oauth2-proxy", args=list(args), ports=[port(4180, "proxy")], volumeMounts=[mount], **more)
        return workload(
            container(ports=[port(8080)]),
            proxy,
            volumes=[{"name": "old", **(volume or {"emptyDir": {}})}, {"name": "own", "emptyDir": {}}],
        )

    def test_14_a_former_proxy_is_refused(self) -> None:
        """Edge case 14: a sidecar of oauth2-proxy is found by its name or image, and replacing it is offered."""
        self.assertIn("--replace-oauth2-proxy", errors(self.old(), service({"port": 4180, "targetPort": "proxy"}))[0])
        other = container("auth") | {"image": "quay.io/oauth2-proxy/oauth2-proxy:v7.6.0"}
        self.assertIn("container auth is", errors(workload(container(), other))[0])
        self.assertIn("of its own", errors(workload(other), replace_oauth2_proxy=True)[0])

    def test_14_a_former_proxy_is_replaced(self) -> None:
        """Edge case 14: its Service leads to the sidecar, its upstream is the app's port; uninject brings it back."""
        reference = {"name": "oauth2-proxy-secret", "key": "cookie-secret"}
        env = [
            {"name": "OAUTH2_PROXY_UPSTREAMS", "value": "http://127.0.0.1:8080"},
            {"name": "OAUTH2_PROXY_COOKIE_SECRET", "valueFrom": {"secretKeyRef": reference}},
        ]
        flags = ("--config=/etc/oauth2-proxy/oauth2_proxy.cfg", "--http-address", "0.0.0.0:4180")
        pods = self.old(*flags, env=env, volume={"configMap": {"name": "oauth2-proxy-sidecar-config"}})
        led = service(
            {"name": "proxy", "port": 4180, "targetPort": "proxy"}, {"name": "x", "port": 1, "targetPort": 4180}
        )
        found = injected(pods, led, replace_oauth2_proxy=True)
        self.assertEqual(found.said("error"), [])
        self.assertEqual([one["name"] for one in found.pods["spec"]["containers"]], ["app", "o2sidecar"])
        self.assertEqual(
            [one["name"] for one in found.pods["spec"]["volumes"]], ["own", "o2sidecar-config", "o2sidecar-secret"]
        )
        self.assertEqual(found.objects[1]["spec"]["ports"][0]["targetPort"], "o2sidecar")
        self.assertEqual(found.sidecar["args"][3], "--upstream=http://127.0.0.1:8080")
        self.assertEqual(uninjected(*found.objects).objects, [pods, led])
        self.assertEqual(injected(*found.objects, replace_oauth2_proxy=True).objects, found.objects)

    def test_14_what_a_former_proxy_says_is_not_lost_in_silence(self) -> None:
        """Edge case 14: a restriction in its arguments or variables has to be moved first, or given up by --force."""
        env = [{"name": "OAUTH2_PROXY_GITHUB_ORG", "value": "acme"}]
        pods, led = self.old("--email-domain=example.com", env=env), service({"port": 80, "targetPort": "proxy"})
        [sentence] = errors(pods, led, replace_oauth2_proxy=True)
        self.assertIn("--email-domain; OAUTH2_PROXY_GITHUB_ORG would be lost", sentence)
        self.assertEqual(errors(pods, led, replace_oauth2_proxy=True, force=True), [])

    def lost(self, pods: Any, *others: Any, **flags: Any) -> str:
        """What is said to be lost, without --force and not with it."""
        led = service({"port": 80, "targetPort": "proxy"})
        [sentence] = errors(pods, led, *others, replace_oauth2_proxy=True, **flags)
        self.assertEqual(errors(pods, led, *others, replace_oauth2_proxy=True, force=True, **flags), [])
        return sentence.partition(" says by ")[2].partition(" would be lost")[0]

    def test_14_another_configuration_of_a_former_proxy_is_not_lost_in_silence(self) -> None:
        """Edge case 14: its file has to be the one that the sidecar mounts: the ConfigMap and the key."""
        flag = "--config=/etc/oauth2-proxy/team.cfg"
        team = {"configMap": {"name": "team"}}
        self.assertEqual(self.lost(self.old(flag, volume=team)), f"{flag} (team.cfg of the ConfigMap team)")
        self.assertEqual(self.lost(self.old(flag)), flag)
        self.assertIn("team.cfg of", self.lost(self.old(flag, volume=team), config_map="team"))
        renamed = {"configMap": {"name": "team", "items": [{"key": "oauth2_proxy.cfg", "path": "team.cfg"}]}}
        led = service({"port": 80, "targetPort": "proxy"})
        found = injected(self.old(flag, volume=renamed), led, replace_oauth2_proxy=True, config_map="team")
        self.assertEqual(found.said("error"), [])
        self.assertIn("ConfigMap team, by which oauth2-proxy is configured, is not here", found.said("warning")[0])

    def test_14_other_upstreams_of_a_former_proxy_are_not_lost_in_silence(self) -> None:
        """Edge case 14: the sidecar leads to the app only, wherever the former proxy was told where to lead."""
        app, other = "--upstream=http://127.0.0.1:8080/", "--upstream=http://legacy.apps:80/old/"
        self.assertIn("--upstream, which leads to more", self.lost(self.old(app, other)))
        self.assertIn("--upstream, which leads to more", self.lost(self.old("--upstream", "http://other:80")))
        env = [{"name": "OAUTH2_PROXY_UPSTREAMS", "value": "http://127.0.0.1:8080,file:///srv"}]
        self.assertIn("OAUTH2_PROXY_UPSTREAMS, which", self.lost(self.old(env=env)))
        self.assertIn("upstream, which", self.lost(self.old('--upstream="http://127.0.0.1:8080')))
        configuration = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "oauth2-proxy-sidecar-config"},
            "data": {"oauth2_proxy.cfg": 'upstreams = ["http://127.0.0.1:8080/", "http://legacy/old/"]'},
        }
        pods = self.old(
            "--config=/etc/oauth2-proxy/oauth2_proxy.cfg",
            volume={"configMap": {"name": "oauth2-proxy-sidecar-config"}},
        )
        self.assertIn("upstreams, which leads to more", self.lost(pods, configuration))

    def test_14_another_client_of_a_former_proxy_is_not_lost_in_silence(self) -> None:
        """Edge case 14: client and cookie secret have to be those of the Secret that the sidecar mounts."""
        for name, key in [("s", "client-id"), ("oauth2-proxy-secret", "id")]:
            reference = {"secretKeyRef": {"name": name, "key": key}}
            env = [{"name": "OAUTH2_PROXY_CLIENT_ID", "valueFrom": reference}]
            self.assertIn("OAUTH2_PROXY_CLIENT_ID, which is not client-id of", self.lost(self.old(env=env)))
            env = [{"name": "ID", "valueFrom": reference}]
            self.assertIn("--client-id, which is not", self.lost(self.old("--client-id=$(ID)", env=env)))
        self.assertIn("--client-id, which is not", self.lost(self.old("--client-id=abc")))
        secret = {"secret": {"secretName": "oauth2-proxy-secret"}}
        led = service({"port": 80, "targetPort": "proxy"})
        pods = self.old("--cookie-secret-file=/etc/oauth2-proxy/cookie-secret", volume=secret)
        self.assertEqual(errors(pods, led, replace_oauth2_proxy=True), [])
        self.assertIn("--cookie-secret-file, which", self.lost(pods, secret="other"))

    def test_14_what_runs_in_a_shell_is_not_lost_in_silence(self) -> None:
        """Edge case 14: what a script tells the former proxy is known to nobody; nor are variables from elsewhere."""
        self.assertIn("its command", self.lost(self.old(command=["/bin/sh", "/start.sh"])))
        for odd in ([True], ["true", True]):
            self.assertIn("its command", errors(self.old(command=odd), replace_oauth2_proxy=True)[0])
        self.assertIn("envFrom of ConfigMap more", self.lost(self.old(envFrom=[{"configMapRef": {"name": "more"}}])))
        env = [{"name": "OAUTH2_PROXY_EMAIL_DOMAINS", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]
        self.assertEqual(self.lost(self.old(env=env)), "OAUTH2_PROXY_EMAIL_DOMAINS")

    def test_14_what_only_sounds_like_a_proxy_stays(self) -> None:
        """Edge case 14: an app whose image has oauth2-proxy in its name is an app."""
        app = container(ports=[port(8080)]) | {"image": "ghcr.io/acme/oauth2-proxy-dashboard:1"}
        pods = workload(app, container("other"))
        found = injected(pods, service({"port": 80, "targetPort": 8080}), replace_oauth2_proxy=True)
        names = [one["name"] for one in found.pods["spec"]["containers"]]
        self.assertEqual((found.said("error"), names), ([], ["app", "other", "o2sidecar"]))

    def test_14_several_former_proxies(self) -> None:
        """Edge case 14: of two of them, or one that is a native sidecar, nobody knows what is to become."""
        second = container("second") | {"image": "quay.io/oauth2-proxy/oauth2-proxy:v7.6.0"}
        pods = self.old()
        pods["spec"]["template"]["spec"]["containers"].append(second)
        self.assertIn("2 containers run oauth2-proxy", errors(pods, replace_oauth2_proxy=True, force=True)[0])
        native = workload(initContainers=[second | {"restartPolicy": "Always"}])
        self.assertIn("an init container", errors(native, replace_oauth2_proxy=True, force=True)[0])

    def test_14_no_secret_comes_into_an_annotation(self) -> None:
        """Edge case 14: a container that holds a secret itself is not remembered, so it is not replaced."""
        for pods in (
            self.old("--client-secret=very-secret"),
            self.old("--cookie-secret", "very-secret"),
            self.old("--redis-password=very-secret"),
            self.old("--redis-connection-url=redis://:very-secret@redis:6379"),
            self.old("--redis-password=$(IT)", env=[{"name": "IT", "value": "very-secret"}]),
            self.old(env=[{"name": "OAUTH2_PROXY_CLIENT_SECRET", "value": "very-secret"}]),
            self.old(env=[{"name": "OAUTH2_PROXY_BASIC_AUTH_PASSWORD", "value": "very-secret"}]),
            self.old(env=[{"name": "HTTPS_PROXY", "value": "http://me:very-secret@proxy:3128"}]),
        ):
            found = injected(pods, service({"port": 80, "targetPort": "proxy"}), replace_oauth2_proxy=True, force=True)
            self.assertIn("in plain sight", found.said("error")[0])
            self.assertNotIn("very-secret", repr(found.plan))
        address = self.old("--redis-connection-url=redis://redis:6379")
        self.assertEqual(self.lost(address), "--redis-connection-url")


class AgainTests(SynchronousTestCase):
    """Edge case 15: an injection is done once, however often it is asked for."""

    def test_15_again_changes_nothing(self) -> None:
        """Edge case 15: injected objects are left as they are, with all flags."""
        wishes: list[dict[str, Any]] = [
            {},
            {"mode": "native"},
            {"restrict_network": True, "hosts": ["a.example.com"], "route": "ingress"},
            {"groups": ["g"], "public_paths": ["GET=^/healthz$"], "image": "x:1", "config_map": "c", "secret": "s"},
        ]
        for flags in wishes:
            once = injected(workload(), service(), **flags)
            again = injected(*once.objects, **flags)
            self.assertEqual(again.objects, once.objects)
            self.assertFalse(any(again.plan.operations) or again.plan.created or again.plan.removed)

    def test_15_changed_flags_update_in_place(self) -> None:
        """Edge case 15: another injection gives what it would have given at once, and keeps what people added."""
        once = injected(
            workload(), service(), hosts=["a.example.com"], route="istio", gateway="i/g", restrict_network=True
        )
        other = injected(*once.objects, image="x:2", mode="native", groups=["g"])
        self.assertEqual(
            other.objects, injected(workload(), service(), image="x:2", mode="native", groups=["g"]).objects
        )
        edited = injected(workload(), service()).objects
        edited[0]["spec"]["template"]["spec"]["containers"].append(container("later"))
        names = [one["name"] for one in injected(*edited, image="x:3").pods["spec"]["containers"]]
        self.assertEqual(names, ["app", "o2sidecar", "later"])

    def test_15_only_what_differs_is_changed(self) -> None:
        """Edge case 15: another image is one argument of one container, and the hashes."""
        once = injected(workload(), service())
        again = injected(*once.objects, image="x:2")
        self.assertEqual(
            sorted(one.path[-1] for one in again.plan.operations[0]),
            ["image", "o2sidecar/config-hash", "o2sidecar/status"],
        )


class SurroundingsTests(SynchronousTestCase):
    """What else is in a pod, and around it."""

    def test_16_native_comes_behind_the_mesh(self) -> None:
        """Edge case 16: behind a native istio-proxy, which it needs for the network, and behind what blocks."""
        istio = container("istio-proxy", restartPolicy="Always")
        first, last = container("first"), container("last")
        pods = workload(initContainers=[first, istio, last])
        found = injected(pods, service(), mode="native")
        names = [one["name"] for one in found.pods["spec"]["initContainers"]]
        self.assertEqual(names, ["first", "istio-proxy", "last", "o2sidecar"])
        self.assertEqual(found.sidecar, SidecarSpec(app_port=8080, mode="native").container)
        self.assertEqual(len(found.pods["spec"]["containers"]), 1)
        self.assertEqual(uninjected(*found.objects).objects, [pods, service()])
        # the mesh's webhook was there after ours
        later = found.objects[0]
        later["spec"]["template"]["spec"]["initContainers"] = [found.sidecar, istio]
        again = injected(later, found.objects[1], mode="native").pods["spec"]["initContainers"]
        self.assertEqual([one["name"] for one in again], ["istio-proxy", "o2sidecar"])

    def test_16_auto_is_a_container(self) -> None:
        """Edge case 16: without a word, workloads that run for ever have it beside the app."""
        self.assertNotIn("initContainers", injected(workload(), service()).pods["spec"])

    def test_17_the_security_context_is_its_own(self) -> None:
        """Edge case 17: what the pod says stays, no fsGroup is added, and the sidecar itself fits `restricted`."""
        context = {"runAsUser": 0, "fsGroup": 5}
        found = injected(workload(securityContext=context), service())
        self.assertEqual(found.pods["spec"]["securityContext"], context)
        self.assertNotIn("securityContext", injected(workload(), service()).pods["spec"])
        own = found.sidecar["securityContext"]
        self.assertEqual((own["runAsUser"], own["runAsGroup"], own["runAsNonRoot"]), (2000, 2000, True))
        self.assertEqual(found.pods["spec"]["volumes"][1]["secret"]["defaultMode"], 0o444)

    def test_18_no_more_is_mounted(self) -> None:
        """Edge case 18: the secret is mounted in the sidecar only, and nothing about the API's token is said."""
        found = injected(workload(), service())
        app, sidecar = found.pods["spec"]["containers"]
        self.assertEqual(app, container(ports=[port(8080, "http")]))
        self.assertEqual(len(sidecar["volumeMounts"]), 2)
        self.assertEqual(found.pods["spec"].keys(), {"containers", "volumes"})

    def test_19_shutdown_and_20_quotas(self) -> None:
        """Edge cases 19 and 20: it goes on serving while endpoints drain, and has requests and limits for quotas."""
        sidecar = injected(workload(), service()).sidecar
        self.assertIn("--drain-delay=5s", sidecar["args"])
        self.assertEqual({key: set(one) for key, one in sidecar["resources"].items()}, {
            "requests": {"cpu", "memory"}, "limits": {"cpu", "memory"}
        })  # fmt: skip

    def hash_of(self, *others: Any, app: Any = None, **flags: Any) -> str:
        found = injected(workload(app or container(ports=[port(8080, "http")])), service(), *others, **flags)
        return str(found.pods["metadata"]["annotations"]["o2sidecar/config-hash"])

    def test_21_another_configuration_is_another_rollout(self) -> None:
        """Edge case 21: the hash follows what the sidecar reads once: no rotated key, and not the image of the app."""
        config = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "oauth2-proxy-sidecar-config"},
            "data": {"oauth2_proxy.cfg": "a"},
        }
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "oauth2-proxy-secret"},
            "data": {"client-id": "YQ==", "cookie-secret": "YQ=="},
        }
        different = {
            self.hash_of(),
            self.hash_of(config),
            self.hash_of(config | {"data": {"oauth2_proxy.cfg": "b"}}),
            self.hash_of(secret),
            self.hash_of(config, secret),
            self.hash_of(image="x:2"),
            self.hash_of(groups=["g"]),
        }
        self.assertEqual(len(different), 7)
        rotated = secret | {"data": {"client-id": "YQ==", "cookie-secret": "Yg==", "accepted-cookie-secrets": "YQ=="}}
        self.assertEqual(self.hash_of(rotated), self.hash_of(secret))
        image = container(ports=[port(8080, "http")]) | {"image": "registry.example.com/app:2.0"}
        self.assertEqual(self.hash_of(app=image), self.hash_of())
        elsewhere = config | {"metadata": {"name": "oauth2-proxy-sidecar-config", "namespace": "other"}}
        self.assertEqual(self.hash_of(elsewhere), self.hash_of())

    def test_22_the_same_for_the_same(self) -> None:
        """Edge case 22: nothing of the time or of chance is in it."""
        flags: dict[str, Any] = {
            "restrict_network": True,
            "route": "istio",
            "gateway": "i/g",
            "hosts": ["a.example.com"],
        }
        one, other = (injected(workload(), service(), **flags) for _ in range(2))
        self.assertEqual(json.dumps(one.objects), json.dumps(other.objects))
        self.assertEqual(one.plan.findings, other.plan.findings)

    def test_23_namespaces_of_what_is_new(self) -> None:
        """Edge case 23: new objects are in the workload's namespace, or in that of -n; none is written into others."""
        flags: dict[str, Any] = {"restrict_network": True, "route": "ingress", "hosts": ["a.example.com"]}
        found = injected(workload(), service(), namespace="apps", **flags)
        self.assertEqual([one["metadata"].get("namespace") for one in found.objects], [None, None, "apps", "apps"])
        here = {"namespace": "here"}
        found = injected(workload(metadata=here), service(metadata=here), namespace="apps", **flags)
        self.assertEqual([one["metadata"]["namespace"] for one in found.objects[2:]], ["here", "here"])
        found = injected(workload(), service(), **flags)
        self.assertEqual([one["metadata"].get("namespace") for one in found.objects[2:]], [None, None])

    def test_24_as_a_patch(self) -> None:
        """Edge case 24: for a pod without name and Service it is a JSON Patch, and takes the port's name over."""
        pod = workload(kind="Pod", version="v1")
        pod["metadata"] = {"generateName": "my-app-", "labels": {"app": "my-app", "o2sidecar/inject": "true"}}
        plan = inject([Subject(data=pod)], InjectOptions(namespace="apps", services_are_known=False))
        self.assertEqual(plan.findings, ())
        patch = to_json_patch(plan.operations[0])
        self.assertTrue(all(one["path"].startswith(("/spec/", "/metadata/annotations")) for one in patch))
        patched = apply(pod, plan.operations[0])
        self.assertEqual(patched["spec"]["containers"][1]["ports"][0]["name"], "http")
        again = inject([Subject(data=patched)], InjectOptions(namespace="apps", services_are_known=False))
        self.assertEqual(again.operations, ((),))
