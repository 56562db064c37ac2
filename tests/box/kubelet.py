"""Runs a pod as kubelet does: one network for its containers, each in namespaces of its own; probes; an orderly end."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.box.image import binds, started
from tests.box.manifests import Container, Manifests, Pod
from tests.box.node import Node
from tests.box.probes import Prober, await_started
from tests.box.volumes import Volume
from tests.end_to_end.processes import Running, eventually

_SCRIPT = Path(__file__).with_name("container.sh")
Run = Callable[[Sequence[str]], Running]


class Process:
    """A container's process, PID 1 of its namespace."""

    def __init__(self, running: Running) -> None:
        self._running = running
        # What we started waits for it.
        children = Path(f"/proc/{running.pid}/task/{running.pid}/children")
        self.pid = int(eventually("the container's process", lambda: children.read_text().split()[:1])[0])

    def output(self) -> str:
        """All that it has printed."""
        return self._running.output()

    def terminate(self) -> None:
        """SIGTERM."""
        os.kill(self.pid, signal.SIGTERM)

    def status(self) -> int:
        """Wait for the end; the exit status."""
        return self._running.status()


class RunningPod:
    """A pod on the node. `run` starts a process that ends with the test; `folder`: where volumes are written.

    `authorities`: a folder, see `binds`.
    """

    def __init__(self, pod: Pod, node: Node, run: Run, folder: Path, authorities: Path) -> None:
        self.pod = pod
        self.processes: dict[str, Process] = {}
        self.not_alive: list[str] = []
        self._run = run
        self._folder = folder
        self._binds = binds(authorities)
        self._probers: dict[tuple[str, str], Prober] = {}
        self._volumes = {name: Volume(folder / "volumes" / name) for name in pod.volumes}
        self.write_volumes(pod)
        # The sandbox's process, which holds the network: `pause`, where it is real.
        self._pause = run(["unshare", "--net", "sleep", "infinity"])
        own, its = Path("/proc/self/ns/net"), Path(f"/proc/{self._pause.pid}/ns/net")
        eventually("the pod's network", lambda: os.readlink(its) != os.readlink(own))
        self.address = node.attach(self._pause.pid)

    def start(self) -> None:
        """Start the containers, those that go on running first; when startup probes are good, ask the others."""
        try:
            for container in self.pod.containers:
                self.processes[container.name] = self._started(container)
                if container.native:
                    self._await_started(container)
            for container in self.pod.containers:
                if not container.native:
                    self._await_started(container)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.output()}") from None

    def ready(self) -> bool:
        """Whether every container that has a readiness probe is ready."""
        return all(prober.good for (_, kind), prober in self._probers.items() if kind == "readiness")

    def await_ready(self) -> None:
        """Wait until the endpoint would be routed."""
        try:
            eventually(f"{self.pod.name} that is ready", self.ready, 120)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.output()}") from None

    def write_volumes(self, pod: Pod) -> None:
        """Have the volumes hold what the manifests hold now."""
        for name, volume in self._volumes.items():
            volume.write(pod.volumes[name])

    def follow(self, manifests: Manifests, workload: str) -> None:
        """As kubelet's sync: what is mounted follows its objects, and nothing else of a running pod does."""
        self.write_volumes(manifests.pod(workload))

    def terminate(self) -> dict[str, int]:
        """End the pod: all containers at once, then those that went on running; their exit statuses.

        Raises `AssertionError` when one of them is there still after the grace period.
        """
        for (_, kind), prober in self._probers.items():
            if kind == "liveness":
                prober.stop()
        statuses: dict[str, int] = {}
        mains = [each for each in self.pod.containers if not each.native]
        enders = [threading.Thread(target=self._end, args=(each, statuses)) for each in mains]
        for ender in enders:
            ender.start()
        for ender in enders:
            ender.join(self.pod.grace)
        for container in reversed(self.pod.containers):
            if container.native:
                self._end(container, statuses)
        missing = self.processes.keys() - statuses.keys()
        assert not missing, f"{missing} of {self.pod.name} would be killed\n{self.output()}"
        self.stop_probing()
        return statuses

    def stop_probing(self) -> None:
        """Ask nothing any more."""
        for prober in self._probers.values():
            prober.stop()

    def output(self) -> str:
        """What all containers have printed."""
        return "\n".join(f"{name}: {process.output()}" for name, process in self.processes.items())

    def _end(self, container: Container, statuses: dict[str, int]) -> None:
        threading.Event().wait(container.sleep)
        process = self.processes[container.name]
        process.terminate()
        statuses[container.name] = process.status()

    def _await_started(self, container: Container) -> None:
        await_started(self.pod, self.address, container)
        for kind in ("liveness", "readiness"):
            if kind in container.probes:
                prober = Prober(self.pod, self.address, container, kind, self._changed(container, kind))
                self._probers[container.name, kind] = prober

    def _changed(self, container: Container, kind: str) -> Callable[[bool], None]:
        def changed(good: bool) -> None:
            if kind == "liveness" and not good:
                self.not_alive.append(container.name)

        return changed

    def _started(self, container: Container) -> Process:
        root = self._folder / container.name
        root.mkdir()
        image = started(container)
        flags = [
            *(["--no-new-privs"] if container.no_new_privileges else []),
            *(["--bounding-set=-all", "--inh-caps=-all"] if container.no_capabilities else []),
        ]
        mounts = [f"{self._volumes[name].folder}={path}" for path, name in container.mounts.items()]
        return Process(
            self._run(
                [
                    *("nsenter", f"--net=/proc/{self._pause.pid}/ns/net"),
                    *("unshare", "--mount", "--pid", "--fork"),
                    *("sh", str(_SCRIPT), str(root), str(container.uid), str(container.gid), " ".join(flags)),
                    *("ro" if container.read_only_root else "rw", *self._binds, *mounts, "--"),
                    # Its environment and no more than that.
                    *("/usr/bin/env", "-i", *(f"{name}={value}" for name, value in image.environment.items())),
                    *image.command,
                ]
            )
        )
