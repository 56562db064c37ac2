"""One pod: its identity, its files, its probes, and how it is with what is missing."""

from __future__ import annotations

import stat
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.box.box_case import NAMESPACE, BoxCase, app_text
from tests.box.kubelet import RunningPod
from tests.box.manifests import Manifests, Unresolved
from tests.box.probes import is_good
from tests.end_to_end.processes import eventually

ISSUER = "https://idp.example.com"


class OnePodTests(BoxCase):
    """What init and inject write runs as it is written."""

    def status(self, address: str, port: int, path: str = "/") -> int:
        """The status of an answer."""
        connection = HTTPConnection(address, port, timeout=30)
        try:
            connection.request("GET", path, headers={"Host": "app1.apps.test"})
            return connection.getresponse().status
        finally:
            connection.close()

    def fails(self, pod: RunningPod, probe: dict[str, Any]) -> bool:
        """Whether a probe is not good."""
        return not is_good(pod.pod, pod.address, probe)

    def test_as_written(self) -> None:
        """It is ready as uid 2000, without capabilities and anything to write to, within its memory limit."""
        self.init(ISSUER, "--allow-any-user")
        manifests = Manifests.read(*self.realm_texts(), self.inject(app_text("app1")))
        pod = self.start_pod(manifests, "app1")
        pod.await_ready()
        process = pod.processes["o2sidecar"]
        status = dict(
            line.partition(":\t")[::2] for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
        )
        self.assertEqual(status["Uid"].split(), ["2000"] * 4)
        self.assertEqual(status["Gid"].split(), ["2000"] * 4)
        self.assertEqual(status["Groups"].split(), [])
        self.assertEqual({status[f"Cap{each}"] for each in ("Inh", "Prm", "Eff", "Bnd")}, {"0" * 16})
        self.assertEqual((status["NoNewPrivs"], status["NSpid"].split()[-1]), ("1", "1"))
        (deployment,) = manifests.all("Deployment")
        limits = deployment["spec"]["template"]["spec"]["containers"][1]["resources"]["limits"]
        self.assertLess(int(status["VmRSS"].split()[0]), int(limits["memory"].removesuffix("Mi")) << 10)
        for line in Path(f"/proc/{process.pid}/mountinfo").read_text().splitlines():
            target, options = line.split()[4:6]
            if not target.startswith(("/proc", "/dev")):
                self.assertIn("ro", options.split(","), line)
        command = Path(f"/proc/{process.pid}/cmdline").read_text().split("\0")
        container = next(each for each in manifests.pod("app1").containers if each.name == "o2sidecar")
        self.assertEqual(command[-len(container.args or ()) - 1 : -1], container.args)
        self.assertEqual(self.status(pod.address, 4180), 403)
        self.assertEqual(self.status(pod.address, 44180, "/metrics"), 200)
        # As the process itself sees it (proc(5)).
        secret = Path("/proc", str(process.pid), "root", "etc", "o2sidecar", "secret", "client-secret")
        self.assertEqual(stat.S_IMODE(secret.stat().st_mode), 0o444)
        self.assertEqual(secret.readlink(), Path("..data/client-secret"))

    def test_the_app_s_probes(self) -> None:
        """Where only the sidecar can reach the app, kubelet's probes come by the sidecar, and tell of the app."""
        self.init(ISSUER, "--allow-any-user")
        manifests = Manifests.read(*self.realm_texts(), self.inject(app_text("app1"), "--restrict-network"))
        pod = self.start_pod(manifests, "app1")
        pod.await_ready()
        probes = next(each for each in pod.pod.containers if each.name == "app").probes
        self.assertEqual(
            {kind: probe["httpGet"]["path"] for kind, probe in probes.items()},
            {"readiness": "/probe/app/readiness", "liveness": "/probe/app/liveness"},
        )
        for probe in probes.values():
            self.assertEqual(pod.pod.port(probe["httpGet"]["port"]), 44180)
            self.assertTrue(is_good(pod.pod, pod.address, probe))
        pod.stop_probing()
        pod.processes["app"].terminate()
        for probe in probes.values():
            eventually("a probe that fails", partial(self.fails, pod, probe))

    def test_native(self) -> None:
        """As a native sidecar it starts before the app, and ends behind it."""
        self.init(ISSUER, "--allow-any-user")
        manifests = Manifests.read(*self.realm_texts(), self.inject(app_text("app1"), "--mode=native"))
        self.assertEqual([each.name for each in manifests.pod("app1").containers], ["o2sidecar", "app"])
        pod = self.start_pod(manifests, "app1")
        pod.await_ready()
        self.assertEqual(list(pod.terminate().items()), [("app", 0), ("o2sidecar", 0)])

    def test_what_is_missing(self) -> None:
        """A pod without its Secret, or without a key of it, is refused with their names."""
        self.init(ISSUER, "--allow-any-user")
        app = self.inject(app_text("app1"))
        realm = [text for text in self.realm_texts() if "kind: Secret" not in text]
        with self.assertRaisesRegex(Unresolved, f"there is no Secret {NAMESPACE}/oauth2-proxy-secret"):
            Manifests.read(*realm, app).pod("app1")
        manifests = Manifests.read(*self.realm_texts(), app)
        secret = manifests.the("Secret", "oauth2-proxy-secret", NAMESPACE, "the test")
        for key in ("data", "stringData"):
            secret.get(key, {}).pop("client-id", None)
        with self.assertRaisesRegex(Unresolved, "env OAUTH2_PROXY_CLIENT_ID: Secret .* has no client-id"):
            manifests.pod("app1")
