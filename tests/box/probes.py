"""Kubelet's probes: asked as often and as patiently as the container says, and good from 200 to 399."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from typing import Any

from tests.box.manifests import Container, Pod, Unresolved


def is_good(pod: Pod, address: str, probe: dict[str, Any]) -> bool:
    """Whether one question is answered well and in time."""
    asked = probe.get("httpGet")
    if asked is None or asked.get("scheme", "HTTP") != "HTTP" or "host" in asked:
        raise Unresolved(f"Pod {pod.namespace}/{pod.name}: of probes the box knows httpGet of the pod only: {probe}")
    port = pod.port(asked["port"])
    connection = HTTPConnection(address, port, timeout=probe.get("timeoutSeconds", 1))
    try:
        fields = {"User-Agent": "kube-probe/1.37", "Accept": "*/*", "Connection": "close"}
        fields |= {each["name"]: each["value"] for each in asked.get("httpHeaders", ())}
        connection.request("GET", asked.get("path", "/"), headers=fields)
        return 200 <= connection.getresponse().status < 400
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


class Prober:
    """Asks one probe of a container in a thread until it is stopped, and tells `changed` of every change of its mind.

    It begins with `good` as kubelet does: a container is alive, and not ready, until the probe says otherwise.
    """

    def __init__(
        self, pod: Pod, address: str, container: Container, kind: str, changed: Callable[[bool], None]
    ) -> None:
        self._pod, self._address = pod, address
        self._probe = container.probes[kind]
        self._changed = changed
        self._over = threading.Event()
        self.good = kind == "liveness"
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def stop(self) -> None:
        """Ask no more; more than once is harmless."""
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        same = 0
        self._over.wait(self._probe.get("initialDelaySeconds", 0))
        while not self._over.is_set():
            found = is_good(self._pod, self._address, self._probe)
            same = same + 1 if found != self.good else 0
            wanted = self._probe.get("successThreshold", 1) if found else self._probe.get("failureThreshold", 3)
            if same >= wanted:
                self.good, same = found, 0
                self._changed(found)
            self._over.wait(self._probe.get("periodSeconds", 10))


def await_started(pod: Pod, address: str, container: Container) -> None:
    """Ask the startup probe until it is good. Raises `AssertionError` where kubelet would start the container anew."""
    probe = container.probes.get("startup")
    if probe is None:
        return
    pause = threading.Event()
    for _ in range(probe.get("failureThreshold", 3)):
        if is_good(pod, address, probe):
            return
        pause.wait(probe.get("periodSeconds", 10))
    raise AssertionError(f"{pod.name}: container {container.name} did not start within its startup probe")
