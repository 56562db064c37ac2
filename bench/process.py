"""A server's process: started on one CPU, waited for, asked what it has cost, ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import field, frozen

_PATIENCE = 30.0
"""Seconds that a server may take to listen or to end."""
_TICKS = os.sysconf("SC_CLK_TCK")


class ServerFailed(Exception):
    """A server that does not start, does not answer, or answers what it should not."""


@frozen(kw_only=True)
class Memory:
    """Memory of some processes, in MiB.

    Attributes:
        proportional_mib: their proportional set sizes. A page that others map too (of libc, of libpython) counts by
            its share.
        alone_mib: as if nothing else ran on the machine. What they share with anybody counts once, and in full.
    """

    proportional_mib: float
    alone_mib: float


@frozen(kw_only=True)
class ServerProcess:
    """A server that listens, with all its descendants; its output is in a file. `start_ms`: until it listened."""

    name: str
    start_ms: float
    _process: subprocess.Popen[bytes] = field(repr=False)

    @classmethod
    def start(
        cls,
        command: Sequence[str],
        *,
        name: str,
        port: int,
        cpu: int,
        output: Path,
        environment: Mapping[str, str] | None = None,
    ) -> ServerProcess:
        """Start it on that CPU and wait until it listens on 127.0.0.1; raises `ServerFailed` if it does not."""
        with output.open("ab") as file:
            begun = time.monotonic()
            process = subprocess.Popen(
                ["taskset", "--cpu-list", str(cpu), *command],
                env={**_environment(), **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        while not _listens(port):
            ended = process.poll() is not None
            if ended or time.monotonic() - begun > _PATIENCE:
                process.kill()
                why = f"it ended with {process.wait()}" if ended else f"not within {_PATIENCE:.0f} s"
                raise ServerFailed(f"{name} does not listen on {port}: {why}; it said:\n{output.read_text()[-2000:]}")
            time.sleep(0.002)
        return cls(name=name, start_ms=(time.monotonic() - begun) * 1e3, process=process)

    def cpu_seconds(self) -> float:
        """What all of it has spent on a CPU, in user code and in the kernel, descendants that ended included."""
        return sum(_cpu_seconds(pid) for pid in self._tree())

    def memory(self) -> Memory:
        """What all of it has now."""
        maps = [_maps(pid) for pid in self._tree()]
        proportional = sum(each.get("Pss", 0) for each in maps)
        private = sum(each.get("Private_Clean", 0) + each.get("Private_Dirty", 0) for each in maps)
        shared = max(each.get("Shared_Clean", 0) + each.get("Shared_Dirty", 0) for each in maps)
        return Memory(proportional_mib=proportional / 1024, alone_mib=(private + shared) / 1024)

    def stop(self) -> None:
        """End it, gently at first."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _tree(self) -> list[int]:
        tree = [self._process.pid]
        for pid in tree:
            tree += _children(pid)
        return tree


def free_ports(count: int) -> list[int]:
    """As many ports of 127.0.0.1 that nobody listens on just now."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def _environment() -> dict[str, str]:
    """That of this process, without any setting of the sidecar."""
    ours = ("OAUTH2_PROXY_", "O2SIDECAR_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += map(int, path.read_text().split())
        except OSError:  # the thread is gone
            continue
    return found


def _cpu_seconds(pid: int) -> float:
    """CPU time of a process, to the nanosecond, and of its children that ended, to the tick."""
    try:
        # clock_getcpuclockid(3): the clock that counts what the scheduler gave to all threads of a process.
        own = time.clock_gettime((~pid << 3) | 2)
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it is gone, and counted among its parent's
        return 0.0
    return own + (int(fields[13]) + int(fields[14])) / _TICKS


def _maps(pid: int) -> dict[str, int]:
    """proc_pid_smaps(5), rolled up: sizes in KiB; none if the process is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return {}
    return {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
