"""The end of a process that serves: who is still served, who is told, and when it is over."""

from __future__ import annotations

import contextlib
import shutil
import signal
import threading
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from tests.end_to_end.origin import Conversation
from tests.end_to_end.processes import Running, eventually, free_port, is_listening
from tests.end_to_end.sidecar_case import SidecarCase, receive_all, receive_until

READY = b"GET /ready HTTP/1.1\r\nHost: app\r\n\r\n"
OPEN = b"GET /open/x HTTP/1.1\r\nHost: app\r\n\r\n"


def at_once(conversation: Conversation) -> bool:
    """Answers whatever is asked."""
    conversation.take_body()
    conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    return True


class DrainingTests(SidecarCase):
    """SIGTERM."""

    def ask(self, request: bytes) -> bytes:
        """The head of the answer to a request on a connection of its own."""
        with self.connect() as client:
            client.sendall(request)
            return receive_until(client, b"\r\n\r\n")

    def test_the_delay(self) -> None:
        """For `drain_delay` it says that it is not ready, serves on, and asks each client to go elsewhere."""
        sidecar = self.start(at_once, "--drain-delay=60s")
        self.assertTrue(self.ask(READY).startswith(b"HTTP/1.1 200 "))
        kept = self.connect()
        kept.sendall(OPEN)
        self.assertNotIn(b"connection: close", receive_until(kept, b"ok").lower())
        sidecar.signal(signal.SIGTERM)
        eventually("/ready that says no", lambda: self.ask(READY).startswith(b"HTTP/1.1 503 "))
        for client in (kept, self.connect()):
            client.sendall(OPEN)
            answer = receive_all(client)
            self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK\r\n"), answer)
            self.assertIn(b"connection: close\r\n", answer.lower())

    def test_after_the_delay(self) -> None:
        """When the delay is over and nobody is served any more, the process ends with 0."""
        sidecar = self.start(at_once, "--drain-delay=200ms")
        idle = self.connect()
        idle.sendall(OPEN)
        receive_until(idle, b"ok")
        sidecar.signal(signal.SIGTERM)
        self.assertEqual(sidecar.status(), 0, sidecar.output())
        self.assertEqual(receive_all(idle), b"")

    def test_what_runs_is_finished(self) -> None:
        """A download and a request that waits for the app get all of their answers; then the process ends with 0."""
        go_on = threading.Event()

        def script(conversation: Conversation) -> None:
            if conversation.path == "/open/down":
                conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
                go_on.wait(60)
                conversation.send(b"67890")
            else:
                go_on.wait(60)
                conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate")

        sidecar = self.start(script, "--shutdown-timeout=1h")
        download, waiting = self.connect(), self.connect()
        download.sendall(b"GET /open/down HTTP/1.1\r\nHost: app\r\n\r\n")
        waiting.sendall(OPEN)
        received = receive_until(download, b"12345")
        eventually("both at the app", lambda: self.origin.accepted == 2)
        sidecar.signal(signal.SIGTERM)
        eventually("the closed listener", lambda: not is_listening(self.port))
        go_on.set()
        self.assertTrue((received + receive_all(download)).endswith(b"\r\n\r\n1234567890"))
        self.assertTrue(receive_all(waiting).endswith(b"\r\n\r\nlate"))
        self.assertEqual(sidecar.status(), 0, sidecar.output())

    def test_what_never_ends_is_cut(self) -> None:
        """An event stream is cut when `shutdown_timeout` is over; the process ends with 0."""

        def script(conversation: Conversation) -> None:
            conversation.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nevent\n\n\r\n")
            self.assertTrue(conversation.ended())

        sidecar = self.start(script, "--shutdown-timeout=300ms")
        client = self.connect()
        client.sendall(OPEN)
        received = receive_until(client, b"event\n\n\r\n")
        sidecar.signal(signal.SIGTERM)
        self.assertEqual(sidecar.status(), 0, sidecar.output())
        self.assertFalse((received + receive_all(client)).endswith(b"0\r\n\r\n"))

    def test_whatever_it_is_busy_with(self) -> None:
        """So are a request that the app does not answer, an upload that stalls, and a download that nobody takes."""
        ended = threading.Semaphore(0)

        def script(conversation: Conversation) -> None:
            with contextlib.suppress(ConnectionError):
                if conversation.path == "/open/down":
                    conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (1 << 30))
                    while True:
                        conversation.send(bytes(1 << 18))
                while conversation.receive():
                    pass
            ended.release()

        sidecar = self.start(script, "--shutdown-timeout=300ms")
        clients = [self.connect(receive_buffer=1 << 16) for _ in range(3)]
        clients[0].sendall(OPEN)
        clients[1].sendall(b"POST /open/up HTTP/1.1\r\nHost: app\r\nContent-Length: 10\r\n\r\n12345")
        clients[2].sendall(b"GET /open/down HTTP/1.1\r\nHost: app\r\n\r\n")
        receive_until(clients[2], b"\r\n\r\n")
        eventually("all at the app", lambda: self.origin.accepted == 3)
        sidecar.signal(signal.SIGTERM)
        self.assertEqual(sidecar.status(), 0, sidecar.output())
        for client in clients:
            self.assertTrue(ended.acquire(timeout=30), "the app was told")
            receive_all(client)


HAPROXY = """
global
    maxconn 1000
defaults
    mode http
    timeout connect 2s
    timeout client 20s
    timeout server 20s
    retries 0
    http-reuse safe
frontend front
    bind 127.0.0.1:{port}
    default_backend replicas
backend replicas
    balance roundrobin
    option httpchk GET /ready
    default-server check inter 100ms fall 1 rise 2
    server one 127.0.0.1:{one}
    server two 127.0.0.1:{two}
"""


class RollingRestartTests(SidecarCase):
    """Two replicas behind a load balancer, restarted one after the other while people work."""

    def test_no_request_is_lost(self) -> None:
        """Every request of every client is answered with 200, through restart after restart."""
        program = shutil.which("haproxy") or "/usr/sbin/haproxy"
        if not Path(program).exists():
            self.fail("haproxy is missing: install Debian's haproxy")
        self.origin = self.an_origin(at_once)
        ports = (free_port(), free_port())
        replicas = [self.replica(port) for port in ports]
        self.port = free_port()
        configuration = Path(self.mktemp()).resolve()
        configuration.write_text(HAPROXY.format(port=self.port, one=ports[0], two=ports[1]))
        self.run_process([program, "-db", "-f", str(configuration)])
        eventually("a ready replica", self.answered)
        with Clients(self.port, 8) as clients:
            for turn in range(4):
                clients.await_more(200)
                replicas[turn % 2].signal(signal.SIGTERM)
                self.assertEqual(replicas[turn % 2].status(), 0, replicas[turn % 2].output())
                clients.await_more(200)
                replicas[turn % 2] = self.replica(ports[turn % 2])
                # The load balancer must have found it ready before the other one goes.
                replicas[turn % 2].await_line('"/open/x"')
            clients.await_more(200)
        self.assertEqual(clients.wrong, [])
        self.assertGreater(clients.answered, 1000)

    def replica(self, port: int) -> Running:
        """One of the two."""
        return self.sidecar_on(port, "--drain-delay=1s")

    def answered(self) -> bool:
        """Whether the load balancer has a replica to send requests to."""
        with contextlib.suppress(OSError), self.connect() as client:
            client.sendall(OPEN)
            return client.recv(12) == b"HTTP/1.1 200"
        return False


class Clients:
    """Ask again and again, on kept connections, until the end; what is not answered with 200 is `wrong`."""

    def __init__(self, port: int, count: int) -> None:
        self._port = port
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._work) for _ in range(count)]
        self.answered = 0
        self.wrong: list[str] = []

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def await_more(self, count: int) -> None:
        """Wait until so many more requests are answered."""
        wanted = self.answered + count
        eventually(f"{count} more answers", lambda: self.wrong or self.answered >= wanted)

    def _work(self) -> None:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=30)
        while not self._over.is_set():
            try:
                connection.request("POST", "/open/x", b"x" * 100)
                response = connection.getresponse()
                response.read()
                if response.status != 200:
                    self.wrong.append(f"{time.time():.3f} {response.status}")
                if response.will_close:
                    connection.close()
            except (OSError, HTTPException) as error:
                self.wrong.append(f"{time.time():.3f} {error!r}")
                connection.close()
            self.answered += 1
        connection.close()
