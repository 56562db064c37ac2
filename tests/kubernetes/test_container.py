"""Tests of the sidecar as a part of a pod."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.kubernetes.container import SidecarSpec
from o2sidecar.kubernetes.inject.options import InjectOptions
from o2sidecar.kubernetes.inject.wishes import wishes_of
from o2sidecar.policy.paths import PublicPaths
from o2sidecar.settings.kinds import list_from_csv
from o2sidecar.settings.load import load

_FILES = {
    "/etc/oauth2-proxy/oauth2_proxy.cfg": b'provider = "github"\nemail_domains = ["example.com"]\n',
    "/etc/o2sidecar/secret/client-secret": b"a-secret-of-the-client",
    "/etc/o2sidecar/secret/cookie-secret": b"0123456789abcdef0123456789abcdef",
}


def kubelet_expands(text: str, variables: Mapping[str, str]) -> str:
    """What kubelet makes of an argument: `$(NAME)` of known names is replaced, `$$` is `$`."""
    read, position = "", 0
    while position < len(text):
        following = text[position + 1 : position + 2]
        end = text.find(")", position)
        if text[position] != "$":
            read += text[position]
        elif following == "$":
            read += "$"
            position += 1
        elif following == "(" and end > 0:
            read += variables.get(text[position + 2 : end], text[position : end + 1])
            position = end
        else:
            read += "$"
        position += 1
    return read


class ContainerTests(SynchronousTestCase):
    """The container is the one that is documented, whatever is asked for."""

    def test_the_whole_container(self) -> None:
        """Nothing but the app's port has to be said."""
        expected: dict[str, Any] = {
            "name": "o2sidecar",
            "image": "o2sidecar/o2sidecar:0.1.0",
            "imagePullPolicy": "IfNotPresent",
            "args": [
                "--config=/etc/oauth2-proxy/oauth2_proxy.cfg",
                "--http-address=0.0.0.0:4180",
                "--metrics-address=0.0.0.0:44180",
                "--upstream=http://127.0.0.1:8080",
                "--client-secret-file=/etc/o2sidecar/secret/client-secret",
                "--cookie-secret-file=/etc/o2sidecar/secret/cookie-secret",
                "--drain-delay=5s",
            ],
            "env": [
                {
                    "name": "OAUTH2_PROXY_CLIENT_ID",
                    "valueFrom": {"secretKeyRef": {"name": "oauth2-proxy-secret", "key": "client-id"}},
                }
            ],
            "ports": [
                {"name": "o2sidecar", "containerPort": 4180, "protocol": "TCP"},
                {"name": "o2s-metrics", "containerPort": 44180, "protocol": "TCP"},
            ],
            "startupProbe": {
                "httpGet": {"path": "/ping", "port": "o2s-metrics"},
                "periodSeconds": 1,
                "failureThreshold": 60,
            },
            "readinessProbe": {
                "httpGet": {"path": "/ready", "port": "o2s-metrics"},
                "periodSeconds": 5,
                "timeoutSeconds": 3,
                "failureThreshold": 2,
            },
            "livenessProbe": {
                "httpGet": {"path": "/ping", "port": "o2s-metrics"},
                "periodSeconds": 10,
                "timeoutSeconds": 5,
                "failureThreshold": 3,
            },
            "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "192Mi"}},
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 2000,
                "runAsGroup": 2000,
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "volumeMounts": [
                {"name": "o2sidecar-config", "mountPath": "/etc/oauth2-proxy", "readOnly": True},
                {"name": "o2sidecar-secret", "mountPath": "/etc/o2sidecar/secret", "readOnly": True},
            ],
        }
        self.assertEqual(SidecarSpec(app_port=8080).container, expected)
        native = SidecarSpec(app_port=8080, mode="native").container
        self.assertEqual(native, expected | {"restartPolicy": "Always"})

    def test_the_volumes(self) -> None:
        """ConfigMap and Secret are mounted by the names that were given."""
        self.assertEqual(
            SidecarSpec(app_port=8080, config_map="c", secret="s").volumes,
            [
                {"name": "o2sidecar-config", "configMap": {"name": "c"}},
                {"name": "o2sidecar-secret", "secret": {"secretName": "s", "defaultMode": 292}},
            ],
        )

    def test_what_is_asked_for_becomes_arguments(self) -> None:
        """Hosts, groups, public paths and relays come as they were given, in their order."""
        spec = SidecarSpec(
            app_port=3000,
            port_name="http",
            hosts=["b.example.com", "a.example.com"],
            groups=["acme/platform"],
            public_paths=["GET=^/healthz$"],
            options=["--email-domain=example.com"],
            relays=["app/liveness=http://127.0.0.1:3000/live"],
        )
        self.assertEqual(
            spec.arguments[6:],
            [
                "--allowed-host=b.example.com",
                "--allowed-host=a.example.com",
                "--allowed-group=acme/platform",
                "--skip-auth-route=GET=^/healthz$",
                "--drain-delay=5s",
                "--email-domain=example.com",
                "--probe-relay=app/liveness=http://127.0.0.1:3000/live",
            ],
        )
        self.assertIn("--upstream=http://127.0.0.1:3000", spec.arguments)
        self.assertEqual(spec.container["ports"][0]["name"], "http")

    @given(st.text(alphabet='$()",ab{}^ ', min_size=1).filter(str.strip))
    def test_arguments_arrive_as_they_were_meant(self, pattern: str) -> None:
        """Neither kubelet's variables nor commas and quotes change a path's pattern on its way."""
        try:
            PublicPaths.parse([pattern])
        except ValueError:
            self.assertRaises(ValueError, SidecarSpec, app_port=1, public_paths=[pattern])
            return
        argument = SidecarSpec(app_port=1, public_paths=[pattern]).arguments[6]
        name, _, value = kubelet_expands(argument, {"a": "HIT", "": "HIT"}).partition("=")
        self.assertEqual((name, list_from_csv(value)), ("--skip-auth-route", (pattern,)))

    @settings(max_examples=40, deadline=None)
    @given(
        st.lists(st.text(min_size=1), max_size=2),
        st.lists(st.text(alphabet="$()\",ab{1}^[]\\\\ =!#'\u00e9", min_size=1), max_size=2),
        st.text(alphabet="abc,", min_size=1),
    )
    def test_the_sidecar_reads_what_was_meant(self, groups: list[str], patterns: list[str], domain: str) -> None:
        """Whatever is asked for, the sidecar's own settings have just that, or it is refused before."""
        template = {"metadata": {"annotations": {"o2sidecar/api-paths": domain, "o2sidecar/allow-groups": domain}}}
        wishes, problems = wishes_of(template, InjectOptions())
        try:
            spec = SidecarSpec(
                app_port=8080,
                hosts=["a.example.com", "b.example.com"],
                groups=[*groups, *wishes.flags.groups],
                public_paths=patterns,
                options=wishes.arguments,
            )
        except ValueError:
            return
        arguments = [kubelet_expands(one, {"a": "HIT", "": "HIT"}) for one in spec.arguments]
        read = load(arguments, {"OAUTH2_PROXY_CLIENT_ID": "id"}, read_file=_FILES.__getitem__).settings
        self.assertEqual(read.allowed_hosts, spec.hosts)
        self.assertEqual(read.allowed_groups, spec.groups)
        self.assertEqual(read.skip_auth_routes, spec.public_paths)
        if not problems:
            self.assertEqual(read.api_routes, (domain,))
            self.assertEqual(wishes.flags.groups, tuple(dict.fromkeys(filter(None, domain.split(",")))))

    def test_nonsense_is_refused(self) -> None:
        """What could not run, or would say something else than was meant, is no sidecar."""
        wrong: list[dict[str, Any]] = [
            {"app_port": 0},
            {"app_port": 65536},
            {"app_port": 4180},
            {"app_port": 44180},
            {"image": ""},
            {"image": "a b"},
            {"image": "o2sidecar:$(TAG)"},
            {"port_name": "a-name-too-long-x"},
            {"port_name": "80"},
            {"config_map": "Not_A_Name"},
            {"secret": ""},
            {"hosts": ["https://a.example.com"]},
            {"hosts": ["*.example.com"]},
            {"hosts": ["a.example.com\n--upstream=x"]},
            {"groups": [" "]},
            {"public_paths": ["^/a$\n"]},
            {"public_paths": ["GET=("]},
            {"public_paths": ["GET="]},
        ]
        for given_ in wrong:
            with self.assertRaises(ValueError, msg=str(given_)):
                SidecarSpec(**({"app_port": 8080} | given_))

    def test_the_hash_follows_what_the_sidecar_reads_once(self) -> None:
        """Another argument, ConfigMap or client ID is another hash; labels and keys that are followed are not."""
        spec = SidecarSpec(app_port=8080)
        objects = {"metadata": {"name": "c", "labels": {"a": "b"}}, "data": {"oauth2_proxy.cfg": "x"}}
        first = spec.config_hash(objects)
        self.assertEqual(spec.config_hash(objects | {"metadata": {"name": "c"}}), first)
        others = [
            spec.config_hash(),
            spec.config_hash(objects | {"data": {"oauth2_proxy.cfg": "y"}}),
            spec.config_hash(objects, {"stringData": {"client-id": "s"}}),
            SidecarSpec(app_port=8081).config_hash(objects),
            SidecarSpec(app_port=8080, secret="s").config_hash(objects),
        ]
        self.assertEqual(len({first, *others}), 6)
        rotated = {"cookie-secret": "cw==", "client-secret": "cw=="}
        self.assertEqual(spec.config_hash(objects, {"data": rotated}), first)
        encoded = spec.config_hash(objects, {"data": {"client-id": "cw==", **rotated}})
        self.assertEqual(encoded, spec.config_hash(objects, {"stringData": {"client-id": "s"}}))
        halves: list[Any] = [{"client-id": "?"}, {"client-id": 5}, [], "x"]
        for odd in halves:
            self.assertEqual(len(spec.config_hash(objects, {"data": odd})), 32)
