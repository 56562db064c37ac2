"""The network of the box: a bridge on this machine, and each pod with an address and ports of its own on it."""

from __future__ import annotations

import ipaddress
import itertools
import os
import subprocess

_BLOCKS = ipaddress.ip_network("198.18.0.0/15")
"""For tests of networks (RFC 2544): nobody's, anywhere."""
_SIZE = 16
_NUMBERS = itertools.count(1)
"""Of pods: the kernel takes its time to forget the link of one that has ended, so none gets the name of another."""


class Node:
    """A bridge whose address is the node's; `close` takes it away."""

    def __init__(self) -> None:
        # Of all processes that run at a time, few have the same block.
        start = int(_BLOCKS.network_address) + os.getpid() % (_BLOCKS.num_addresses // _SIZE) * _SIZE
        self._network = ipaddress.ip_network((start, 28))
        self._free = itertools.islice(self._network.hosts(), 1, None)
        self._bridge = f"o2b{os.getpid()}"
        self.address = str(self._network[1])
        _ip("link", "add", self._bridge, "type", "bridge")
        _ip("address", "add", f"{self.address}/28", "dev", self._bridge)
        _ip("link", "set", self._bridge, "up")

    def attach(self, pid: int) -> str:
        """Give the process's network namespace its loopback and an address, which is given back."""
        address = str(next(self._free))
        ours = f"o2p{os.getpid()}-{next(_NUMBERS)}"
        _ip("link", "add", ours, "type", "veth", "peer", "name", "eth0", "netns", str(pid))
        _ip("link", "set", ours, "master", self._bridge, "up")
        inside = ["nsenter", f"--net=/proc/{pid}/ns/net", "ip"]
        for each in (
            ("link", "set", "lo", "up"),
            ("address", "add", f"{address}/28", "dev", "eth0"),
            ("link", "set", "eth0", "up"),
            ("route", "add", "default", "via", self.address),
        ):
            _run(*inside, *each)
        return address

    def close(self) -> None:
        """Take the bridge away; what hangs on it goes with the pods."""
        _ip("link", "delete", self._bridge)


def _ip(*arguments: str) -> None:
    _run("ip", *arguments)


def _run(*command: str) -> None:
    environment = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise AssertionError(
            f"{' '.join(command)}: {ended.stderr.strip()} (the box is made of network namespaces: it wants root)"
        )
