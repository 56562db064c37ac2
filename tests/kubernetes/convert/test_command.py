"""Tests for `o2sidecar convert`: containers of oauth2-proxy and files of settings as ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.kubernetes.convert.command import main
from o2sidecar.kubernetes.oauth2_proxy import is_oauth2_proxy
from o2sidecar.settings.load import load
from tests.kubernetes.running import Run
from tests.kubernetes.schemas import judge, objects_in

POD = """\
# my app
apiVersion: apps/v1
kind: Deployment
metadata:
  name: my-app
  namespace: apps
spec:
  selector: {matchLabels: {app: my-app}}
  template:
    metadata:
      labels: {app: my-app}
    spec:
      containers:
      - name: app          # stays
        image: app:1
      - name: oauth2-proxy
        image: quay.io/oauth2-proxy/oauth2-proxy:v7.6.0
        command: [/bin/oauth2-proxy, --provider=github]
        args:
        - --config=/etc/oauth2-proxy/oauth2_proxy.cfg
        - --upstream=http://127.0.0.1:$(APP_PORT)
        env:
        - {name: APP_PORT, value: "8080"}
        - name: OAUTH2_PROXY_CLIENT_ID
          valueFrom: {secretKeyRef: {name: proxy, key: client-id}}
        - name: OAUTH2_PROXY_CLIENT_SECRET
          valueFrom: {secretKeyRef: {name: proxy, key: client-secret}}
        - name: OAUTH2_PROXY_COOKIE_SECRET
          valueFrom: {secretKeyRef: {name: proxy, key: cookie-secret}}
        ports:
        - {name: proxy, containerPort: 4180}
        livenessProbe: {httpGet: {path: /ping, port: 4180}}
        volumeMounts:
        - {name: config, mountPath: /etc/oauth2-proxy}
      volumes:
      - name: config
        configMap: {name: proxy-config}
"""
CONFIG = """\
---
apiVersion: v1
kind: ConfigMap
metadata: {name: proxy-config, namespace: apps}
data:
  oauth2_proxy.cfg: |
    http_address = "0.0.0.0:4180"
    email_domains = ["example.com"]
    set_xauthrequest = true
"""


def convert(text: str, *further: str) -> Run:
    """From standard input."""
    return Run.of(main, "-f", "-", *further, standard_input=text)


def proxy(text: str) -> Any:
    """The second container of the first object."""
    return objects_in(text)[0]["spec"]["template"]["spec"]["containers"][1]


class ManifestTests(SynchronousTestCase):
    """Containers become ours, and nothing else changes."""

    def test_namespaces(self) -> None:
        """A pod that says no namespace is in that of -n, as are the ConfigMaps that are looked for."""
        text = POD.replace("  namespace: apps\n", "") + CONFIG
        self.assertNotIn("not in this stream", convert(text, "-n", "apps").err)
        self.assertIn("ConfigMap default/proxy-config, which", convert(text).err)

    def test_the_container_is_ours(self) -> None:
        """Image, probes, security and metrics are ours; arguments, variables, mounts and ports stay theirs."""
        run = convert(POD + CONFIG)
        self.assertEqual(run.status, 0, run.err)
        judge(run.out)
        container = proxy(run.out)
        self.assertEqual(container["name"], "o2sidecar")
        self.assertTrue(container["image"].startswith("o2sidecar/o2sidecar:"))
        self.assertNotIn("command", container)
        self.assertEqual(
            container["args"],
            [
                "--provider=github",
                "--config=/etc/oauth2-proxy/oauth2_proxy.cfg",
                "--upstream=http://127.0.0.1:$(APP_PORT)",
                "--http-address=0.0.0.0:4180",
                "--metrics-address=0.0.0.0:44180",
                "--drain-delay=5s",
            ],
        )
        self.assertEqual([port["name"] for port in container["ports"]], ["proxy", "o2s-metrics"])
        self.assertEqual(container["readinessProbe"]["httpGet"], {"path": "/ready", "port": "o2s-metrics"})
        self.assertEqual(container["securityContext"]["runAsUser"], 2000)
        self.assertEqual(len(container["env"]), 4)

    def test_the_rest_stays(self) -> None:
        """Comments, order and other objects stay as they are written."""
        out = convert(POD + CONFIG).out
        self.assertTrue(out.startswith(POD[: POD.index("      - name: oauth2-proxy")]))
        self.assertTrue(out.endswith(CONFIG))

    def test_differences_are_told(self) -> None:
        """What is different on purpose stands on standard error, with the object and the place."""
        err = convert(POD + CONFIG).err
        self.assertIn("-:16:", err)
        self.assertIn("Deployment apps/my-app: set_xauthrequest: the app gets X-Auth-Request-*", err)
        self.assertIn("code_challenge_method is S256, not ", err)

    def test_the_result_is_not_converted_again(self) -> None:
        """What was converted has no container of oauth2-proxy any more."""
        again = convert(convert(POD + CONFIG).out)
        self.assertEqual((again.status, again.out), (1, ""))

    def test_an_address_in_a_file(self) -> None:
        """An address that a file says is given as a flag, since the image's own variable would win over the file."""
        out = convert(POD + CONFIG.replace("0.0.0.0:4180", "0.0.0.0:8443")).out
        self.assertIn("--http-address=0.0.0.0:8443", proxy(out)["args"])

    def test_metrics_that_are_there(self) -> None:
        """Probes go to the metrics listener that is configured already."""
        out = convert(
            POD.replace("- --upstream", "- --metrics-address=0.0.0.0:9090\n        - --upstream") + CONFIG
        ).out
        self.assertEqual(proxy(out)["livenessProbe"]["httpGet"]["port"], 9090)
        self.assertEqual(len(proxy(out)["ports"]), 1)

    def test_a_config_map_elsewhere(self) -> None:
        """Settings that are not in the stream are not judged, which is told; flags are all the same."""
        run = convert(POD)
        self.assertEqual(run.status, 0)
        self.assertIn("ConfigMap apps/proxy-config", run.err)
        self.assertEqual(convert(POD.replace("--provider=github", "--unheard-of")).status, 1)

    def test_json(self) -> None:
        """JSON stays JSON."""
        run = convert(yaml_as_json(POD))
        self.assertEqual(run.status, 0, run.err)
        self.assertTrue(run.out.startswith("{"))
        self.assertEqual(proxy(run.out)["name"], "o2sidecar")

    def test_whose_containers(self) -> None:
        """Images of oauth2-proxy count under any registry, digest and name, and ours never."""
        for image in ("oauth2-proxy", "quay.io/oauth2-proxy/oauth2-proxy@sha256:0", "r:5000/x/oauth2-proxy:v7"):
            self.assertTrue(is_oauth2_proxy({"name": "x", "image": image}))
        self.assertTrue(is_oauth2_proxy({"name": "oauth2-proxy", "image": "mirror/auth:1"}))
        for image in ("o2sidecar/o2sidecar:0.1.0", "r:5000/o2sidecar"):
            self.assertFalse(is_oauth2_proxy({"name": "oauth2-proxy", "image": image}))
        self.assertFalse(is_oauth2_proxy("oauth2-proxy"))


class RefusalTests(SynchronousTestCase):
    """Nothing is written where anything is in the way."""

    def refusal(self, text: str) -> str:
        """Why it is not converted."""
        run = convert(text)
        self.assertEqual((run.status, run.out), (1, ""))
        return run.err

    def test_unknown_flags_and_keys(self) -> None:
        """Every flag and key that there is not is named, all at once."""
        text = POD.replace("--provider=github", "--providr=github, --unheard-of") + CONFIG
        said = self.refusal(text)
        self.assertIn("unknown flag: --providr", said)
        self.assertIn("unknown flag: --unheard-of", said)
        self.assertIn("cookie_nam ", self.refusal(POD + CONFIG.replace("set_xauthrequest = true", "cookie_nam = 'x'")))

    def test_what_it_could_not_start_with(self) -> None:
        """Values that settings refuse are told with the object and its place."""
        said = self.refusal(POD + CONFIG.replace('"example.com"', "3"))
        self.assertIn("Deployment apps/my-app: email_domains", said)

    def test_another_program(self) -> None:
        """A shell in front of the proxy is in the way."""
        self.assertIn("no shell", self.refusal(POD.replace("[/bin/oauth2-proxy,", "[/bin/sh, -c,") + CONFIG))

    def test_odd_forms(self) -> None:
        """Forms that no API server takes are refused, and never a traceback."""
        for old, new in (
            (
                "args:\n        - --config=/etc/oauth2-proxy/oauth2_proxy.cfg\n        - --up",
                "args: [3]\n        x:\n        - --up",
            ),
            ("containerPort: 4180", "containerPort: 44180"),
            ("    spec:\n      containers:", "    spec:\n      containers: 5\n      others:"),
            ("apiVersion: apps/v1", "apiVersion: [\n"),
            ("my-app\n  namespace", "{{ .Values.name }}\n  namespace"),
        ):
            self.assertNotIn("Traceback", self.refusal(POD.replace(old, new, 1) + CONFIG))

    def test_no_secret_is_shown(self) -> None:
        """A Secret of the stream is read and never shown."""
        metadata = "metadata: {name: proxy, namespace: apps}\n"
        secret = f"---\napiVersion: v1\nkind: Secret\n{metadata}stringData: {{cookie-secret: short-secret}}\n"
        self.assertNotIn("short-secret", self.refusal(POD + CONFIG + secret))


class SettingsTests(SynchronousTestCase):
    """A file of settings becomes the structured file."""

    def structured(self, text: str) -> Run:
        """Of a file."""
        path = Path(self.mktemp())
        path.write_text(text)
        return Run.of(main, "--config", str(path))

    def test_a_file_without_credentials(self) -> None:
        """What the environment has to say is taken from there, and the result can be loaded."""
        run = self.structured('provider = "github"\ngithub_org = "acme"\nemail_domains = ["*"]\n')
        self.assertEqual(run.status, 0, run.err)
        [provider] = yaml.safe_load(run.out)["providers"]
        self.assertEqual(provider["clientID"], "${OAUTH2_PROXY_CLIENT_ID}")
        self.assertEqual(provider["githubConfig"]["org"], "acme")
        self.assertIn("It cannot say these", run.err)
        path = Path(self.mktemp())
        path.write_text(run.out)
        environment = {"OAUTH2_PROXY_CLIENT_ID": "id-1", "OAUTH2_PROXY_CLIENT_SECRET": "s"}
        flags = [f"--alpha-config={path}", "--email-domain=*", f"--cookie-secret={'0' * 32}"]
        self.assertEqual(load(flags, environment).settings.client_id, "id-1")

    def test_what_is_refused(self) -> None:
        """An unknown key, and text that is no TOML, are named."""
        for text, said in (("nonsense = 1\n", "nonsense"), ("a = [", "is no TOML"), ("provider = 'x'\n", "provider")):
            run = self.structured(text)
            self.assertEqual((run.status, run.out), (1, ""))
            self.assertIn(said, run.err)

    def test_what_makes_no_sense(self) -> None:
        """A manifest and a file of settings at once, or neither, are misuse."""
        self.assertEqual(Run.of(main).status, 2)
        self.assertEqual(Run.of(main, "-f", "x", "--config", "y").status, 2)
        self.assertEqual(Run.of(main, "-f", "/nowhere").status, 2)
        self.assertEqual(Run.of(main, "-f", "-", "--image", "", standard_input=POD).status, 2)


def yaml_as_json(text: str) -> str:
    """The first document of a stream as JSON."""
    return json.dumps(objects_in(text)[0], indent=2) + "\n"
