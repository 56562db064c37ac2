"""Thousands of clients that do nothing or very little: what they cost, and that nobody else pays for it."""

from __future__ import annotations

import json
import select
import socket
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from o2sidecar.descriptors import bearable, raise_limit
from tests.end_to_end.origin import Conversation
from tests.end_to_end.processes import BIN, Running, eventually
from tests.end_to_end.sidecar_case import SidecarCase, private_memory, receive_all, receive_until

SOFT, HARD = 64, 400
"""File descriptors of a process that has few."""
PROJECT = str(Path(__file__).resolve().parents[2])
IDLE = 5000
SLOW = 1000
REQUESTS = 300
"""Requests of a round, so that its 99th percentile is not its slowest."""
ROUNDS = 3
PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 1026\r\n\r\n" + b"x" * 1024 + b"ok"
OPEN = b"GET /open/x HTTP/1.1\r\nHost: app\r\n\r\n"


def script(conversation: Conversation) -> bool:
    """Answers with a small page, or with what never ends."""
    if conversation.path == "/open/large":
        conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (1 << 40))
        while True:
            conversation.send(b"\0" * (1 << 18))
    conversation.send(PAGE)
    return True


class CrowdTests(SidecarCase):
    """Clients that hold thousands of connections."""

    def crowd(self, **counts: int) -> Running:
        """Clients of these kinds, all of them connected."""
        kinds = [f"{kind}={count}" for kind, count in counts.items()]
        command = [sys.executable, "-m", "tests.end_to_end.crowd", str(self.port), *kinds]
        crowd = self.run_process(command, {"PYTHONPATH": PROJECT})
        crowd.await_line("^ready$")
        return crowd

    def fate(self, crowd: Running) -> dict[str, int]:
        """End a crowd; how many of each kind ended how."""
        self.assertEqual(crowd.stop(), 0, crowd.output())
        fate: dict[str, int] = json.loads(crowd.output().splitlines()[-1])
        return fate

    def rounds(self) -> tuple[list[float], list[float]]:
        """The medians and the 99th percentiles of the latencies that another user sees, round by round."""
        rounds = [sorted(self.latencies()) for _ in range(ROUNDS)]
        return [each[REQUESTS // 2] for each in rounds], [each[REQUESTS * 99 // 100] for each in rounds]

    def latencies(self) -> list[float]:
        """Seconds that each of many requests took; every tenth is on a new connection."""
        found = []
        for number in range(REQUESTS):
            begun = time.perf_counter()
            if number % 10 == 0:
                client = self.connect()
            client.sendall(OPEN)
            receive_until(client, b"ok")
            found.append(time.perf_counter() - begun)
            time.sleep(0.002)
        return found

    def test_nobody_else_pays(self) -> None:
        """Beside 5,000 idle and 1,000 slow clients others are served as before; who dribbles a head gets 408."""
        if bearable(raise_limit()) < IDLE + SLOW + 100:
            self.fail(f"more file descriptors are needed: ulimit -Hn {3 * (IDLE + SLOW)}")
        sidecar = self.start(script, "--head-timeout=3s")
        self.latencies()
        alone = self.rounds()
        before = private_memory(sidecar)
        idle = self.crowd(idle=IDLE)
        each = (private_memory(sidecar) - before) / IDLE * 1024
        slow = self.crowd(sender=SLOW // 2, reader=SLOW // 2)
        together = self.rounds()
        # Whatever else the machine is busy with, one round of each kind is undisturbed.
        for quiet, crowded, factor in zip(alone, together, (3, 10), strict=True):
            self.assertLess(min(crowded), factor * statistics.median(quiet), f"{alone} alone, {together} in a crowd")
        self.assertLess(each, 10, "KiB for each idle connection")
        fate = Counter(self.fate(slow)) + Counter(self.fate(idle))
        self.assertEqual((fate["Idle open"], fate["Reader open"]), (IDLE, SLOW // 2), fate)
        self.assertGreaterEqual(fate["Sender 408"], SLOW // 2, fate)
        self.assertLessEqual(fate.keys(), {"Idle open", "Reader open", "Sender 408", "Sender open"})


class FewDescriptorsTests(SidecarCase):
    """A process that may have few files and connections open."""

    def run_sidecar(self, settings: Mapping[str, str], *arguments: str) -> Running:
        """Start it so."""
        limited = f'ulimit -Sn {SOFT} && ulimit -Hn {HARD} && exec "$@"'
        variables = {f"OAUTH2_PROXY_{key}": value for key, value in settings.items()}
        return self.run_process(["sh", "-c", limited, "sh", str(BIN / "o2sidecar"), "run", *arguments], variables)

    def test_as_many_as_it_bears(self) -> None:
        """It says how many clients it will serve, serves them all at once, and refuses those that are too many."""
        most = bearable(HARD)
        everybody = threading.Barrier(most, timeout=60)

        def together(conversation: Conversation) -> bool:
            everybody.wait()
            conversation.send(PAGE)
            return True

        sidecar = self.start(together, "--head-timeout=60s")
        sidecar.await_line(f"max_connections: 10000 .* At most {most} are accepted")
        # Whoever asked whether it listens must be gone.
        clients = eventually("room for all", lambda: self.accepted(most))
        for _ in range(100):
            with self.connect() as refused:
                self.assertTrue(receive_all(refused).startswith(b"HTTP/1.1 503 "))
        for client in clients:
            client.sendall(OPEN)
        for client in clients:
            self.assertTrue(receive_until(client, b"ok").startswith(b"HTTP/1.1 200 "))
        self.assertEqual(self.origin.accepted, most)

    def accepted(self, count: int) -> list[socket.socket] | None:
        """So many clients, if none of them was refused."""
        clients = [self.connect() for _ in range(count)]
        answered = select.poll()
        for client in clients:
            answered.register(client, select.POLLIN)
        if not answered.poll(200):
            return clients
        for client in clients:
            client.close()
        return None
