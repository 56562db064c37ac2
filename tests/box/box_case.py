"""Tests with a box: manifests made by the commands people run, their pods, and a gateway in front."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.box.gateway import Gateway
from tests.box.kubelet import RunningPod
from tests.box.manifests import Manifests
from tests.box.node import Node
from tests.end_to_end.processes import BIN, ProcessCase, Running, clean_environment, eventually
from tests.private_authority import Authority

DOMAIN = "apps.test"
NAMESPACE = "apps"
CLIENT = ("sidecar", "end-to-end-client-secret")


def app_text(name: str, *, annotations: str = "", sleep: int = 0, replicas: int = 1) -> str:
    """An app as its developers have it before the sidecar: Deployment and Service."""
    hook = f"\n        lifecycle: {{preStop: {{sleep: {{seconds: {sleep}}}}}}}" if sleep else ""
    return f"""\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: {NAMESPACE}}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata:
      labels: {{app: {name}}}{annotations and chr(10)}{annotations}
    spec:
      containers:
      - name: app
        image: registry.example.com/{name}:1.0
        ports:
        - name: http
          containerPort: 8080{hook}
        readinessProbe: {{httpGet: {{path: /healthz, port: http}}, periodSeconds: 1}}
        livenessProbe: {{httpGet: {{path: /alive, port: http}}, timeoutSeconds: 5}}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {NAMESPACE}}}
spec:
  selector: {{app: {name}}}
  ports:
  - {{name: http, port: 80, targetPort: http}}
"""


class BoxCase(ProcessCase):
    """A node; `init` and `inject` make manifests, `start_pod` and `start_gateway` run them."""

    def setUp(self) -> None:
        """A node of the test's own."""
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir(parents=True)
        self.node = Node()
        self.addCleanup(self.node.close)
        self.pods: list[RunningPod] = []
        # The company's own, which its images trust.
        self.authority = Authority()
        self.authorities = self.folder / "authorities"
        self.authorities.mkdir()
        (self.authorities / "ca-certificates.crt").write_bytes(self.authority.pem)

    def command(self, *arguments: str, given: str = "") -> str:
        """What one of our commands prints."""
        ended = subprocess.run(
            [str(BIN / "o2sidecar"), *arguments],
            input=given,
            env=clean_environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        self.assertEqual(ended.returncode, 0, ended.stderr)
        return ended.stdout

    def init(self, issuer: str, *arguments: str) -> str:
        """Write the realm's folder, `realm`; what was said."""
        self.realm = self.folder / "realm"
        secret = self.folder / "client-secret.txt"
        secret.write_text(CLIENT[1])
        return self.command(
            *("init", f"--domain={DOMAIN}", "--provider=oidc", f"--issuer={issuer}", f"--client-id={CLIENT[0]}"),
            *(f"--client-secret-file={secret}", f"--trusted-proxy={self.node.address}", "-n", NAMESPACE),
            *("-o", str(self.realm), *arguments),
        )

    def realm_texts(self) -> list[str]:
        """The realm's manifests as they are now."""
        found = [each for each in sorted(self.realm.glob("*.yaml")) if each.name != "kustomization.yaml"]
        return [each.read_text("utf-8") for each in found]

    def inject(self, text: str, *arguments: str) -> str:
        """An app with its sidecar."""
        return self.command("inject", "-f", "-", *arguments, given=text)

    def start_pod(self, manifests: Manifests, workload: str, number: int = 0) -> RunningPod:
        """A pod whose containers have started; it ends with the test, in whatever state."""
        pod = manifests.pod(workload, number)
        folder = self.folder / pod.name
        folder.mkdir()
        running = RunningPod(pod, self.node, self.run_process, folder, self.authorities)
        self.addCleanup(lambda: self.assertEqual(running.not_alive, [], running.output()))
        self.addCleanup(running.stop_probing)
        running.start()
        self.pods.append(running)
        return running

    def start_gateway(self, manifests: Manifests) -> None:
        """The gateway, with a certificate for the domain, before the pods that run."""
        self.gateway_folder = self.folder / "gateway"
        self.gateway_folder.mkdir()
        self.certify(self.gateway_folder / "wildcard-tls", f"*.{DOMAIN}", DOMAIN)
        self._gateway = Gateway(manifests, self.node.address, self.gateway_folder)
        self.write_routes(self.pods)
        command = ["nginx", "-p", str(self.gateway_folder), "-c", str(self.gateway_folder / "nginx.conf")]
        self.nginx: Running = self.run_process(
            ["env", "PATH=/usr/sbin:/usr/bin:/bin", *command],
        )
        self.nginx.await_listening(443, self.node.address)

    def certify(self, path: Path, *names: str) -> Path:
        """Write a certificate for names or addresses, `.crt`, and its key, `.key`; the path."""
        certified = self.authority.certify(*names)
        path.with_name(f"{path.name}.crt").write_bytes(certified.chain)
        path.with_name(f"{path.name}.key").write_bytes(certified.key)
        return path

    def write_routes(self, pods: Sequence[RunningPod]) -> None:
        """Have the gateway route to these pods, once it reads its configuration."""
        (self.gateway_folder / "nginx.conf").write_text(self._gateway.configuration(pods))

    def reload_gateway(self) -> None:
        """Have it read its configuration, and wait until no worker has the former one."""
        workers = Path(f"/proc/{self.nginx.pid}/task/{self.nginx.pid}/children")
        former = set(workers.read_text().split())
        self.nginx.signal(signal.SIGHUP)
        eventually("workers with the new configuration", lambda: set(workers.read_text().split()) - former)
