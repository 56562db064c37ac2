"""Changing the configuration file of a running process, while people work."""

from __future__ import annotations

import os
import signal
import threading
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from tests.end_to_end.processes import eventually, free_port
from tests.end_to_end.sidecar_case import COOKIE_SECRET, SidecarCase, alice
from tests.end_to_end.test_draining import at_once

FILE = """
provider = "oidc"
oidc_issuer_url = "http://127.0.0.1:9"
client_id = "sidecar"
client_secret = "a-client-secret-nobody-may-see"
cookie_secret = "{secret}"
cookie_secure = false
http_address = "{address}"
upstreams = ["{app}"]
skip_auth_routes = ["^/open/"]
email_domains = ["{domain}"]
"""


class Client:
    """Asks for the same again and again on a connection that is kept; `seen`: statuses, or what went wrong."""

    def __init__(self, port: int, path: str) -> None:
        self.seen: list[object] = []
        self._connection = HTTPConnection("127.0.0.1", port, timeout=20)
        self._path = path
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def leave(self) -> None:
        """Ask no more."""
        self._leaving.set()
        self._thread.join(30)
        self._connection.close()

    def _work(self) -> None:
        self._connection.connect()
        # A connection that is dropped is not made again: that would be seen.
        self._connection.auto_open = 0
        headers = {"Cookie": alice(), "Accept": "application/json"}
        while not self._leaving.wait(0.005):
            try:
                self._connection.request("GET", self._path, headers=headers)
                answer = self._connection.getresponse()
                answer.read()
                self.seen.append(answer.status)
            except (OSError, HTTPException) as error:
                self.seen.append(repr(error))
                return


class ReloadingTests(SidecarCase):
    """Who may pass changes, and nothing else does."""

    def setUp(self) -> None:
        """A process with all its settings in a file, and an app behind it."""
        self.origin = self.an_origin(at_once)
        self.port = free_port()
        self.file = Path(self.mktemp()).resolve()
        self.write("example.com")
        self.sidecar = self.run_sidecar({}, f"--config={self.file}", "--defaults=o2sidecar")
        self.sidecar.await_listening(self.port)

    def write(self, domain: str, *more: str) -> None:
        """Put another file in its place."""
        address = f"127.0.0.1:{self.port}"
        text = FILE.format(secret=COOKIE_SECRET, address=address, app=self.origin.url, domain=domain)
        new = self.file.with_suffix(".new")
        new.write_text("\n".join([text, *more, ""]))
        os.replace(new, self.file)

    def told(self, words: str, times: int) -> bool:
        return self.sidecar.output().count(words) >= times

    def test_under_load(self) -> None:
        """With each change the new rule counts; no request fails, no connection ends; a bad file changes nothing."""
        open_to_all = [Client(self.port, "/open/") for _ in range(3)]
        alices = [Client(self.port, "/") for _ in range(3)]
        clients = [*open_to_all, *alices]

        def all_get(status: int) -> bool:
            seen = [client.seen[-5:] for client in alices]
            return all(each == [status] * 5 for each in seen) or any(
                isinstance(last, str) for each in seen for last in each
            )

        try:
            for time, (domain, status) in enumerate((("example.org", 403), ("example.com", 200)) * 2, 1):
                self.write(domain)
                eventually("the new rule", partial(all_get, status))
                eventually("the line", partial(self.told, "in force is what is new of: email_domains", time))
            self.write("example.org", 'cookie_samesite = "perhaps"', "no_such_option = 1")
            eventually("the refusal", partial(self.told, "is refused; what was in force stays", 1))
            eventually("more requests", partial(all_get, 200))
            self.assertTrue(self.told("not in force: cookie_samesite", 1))
            self.assertTrue(self.told("not in force: no_such_option", 1))
            self.write("example.org")
            eventually("the good file", partial(all_get, 403))
        finally:
            for client in clients:
                client.leave()
        answered = sum(len(client.seen) for client in clients)
        wrong = [each for client in open_to_all for each in client.seen if each != 200]
        wrong += [each for client in alices for each in client.seen if each not in {200, 403}]
        print(f"\nfive changes and a bad file: {answered} requests, {len(wrong)} failed")
        self.assertEqual(wrong, [])
        self.assertGreater(answered, 200)
        self.assertNotIn(COOKIE_SECRET, self.sidecar.output())

    def test_hangup(self) -> None:
        """SIGHUP has the file read at once, and what waits for a restart is told."""
        self.write("example.com", 'banner = "Hello"', "proxy_protocol = true")
        self.sidecar.signal(signal.SIGHUP)
        eventually("the line", partial(self.told, "in force is what is new of: banner", 1))
        self.assertTrue(self.told("wait for a restart, what was in force stays: proxy_protocol", 1))
        self.assertEqual(self.sidecar.stop(), 0)
