"""Rotating the cookie secret of two replicas behind a load balancer, while people work."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from o2sidecar.session.codec import SessionCodec
from o2sidecar.session.keys import KeyRing
from tests.end_to_end.processes import Running, eventually, free_port
from tests.end_to_end.sidecar_case import COOKIE_SECRET, SidecarCase, alice
from tests.end_to_end.test_draining import HAPROXY, at_once

NAME = "_oauth2_proxy"
SECRETS = ("the-second-secret-of-32-bytes-!!", "the-third-secret--of-32-bytes-!!")


class KeyRotationTests(SidecarCase):
    """A new secret in the file of each replica, one after the other."""

    def test_nobody_is_signed_out(self) -> None:
        """Every request of every person is served through two rotations, and all cookies are sealed anew."""
        program = shutil.which("haproxy") or "/usr/sbin/haproxy"
        if not Path(program).exists():
            self.fail("haproxy is missing: install Debian's haproxy")
        self.origin = self.an_origin(at_once)
        files = [Path(self.mktemp()).resolve() for _ in range(2)]
        for file in files:
            file.write_text(COOKIE_SECRET)
        ports = (free_port(), free_port())
        self.replicas = [
            self.sidecar_on(
                port,
                "--cookie-secret-settle-time=4s",
                COOKIE_SECRET="",
                COOKIE_SECRET_FILE=str(file),
                EMAIL_DOMAINS="*",
            )
            for port, file in zip(ports, files, strict=True)
        ]
        self.port = free_port()
        configuration = Path(self.mktemp()).resolve()
        configuration.write_text(HAPROXY.format(port=self.port, one=ports[0], two=ports[1]).replace("/ready", "/ping"))
        self.run_process([program, "-db", "-f", str(configuration)]).await_listening(self.port)
        people = [Person(self.port) for _ in range(6)]
        try:
            for secret in SECRETS:
                self.rotate(files, secret, people)
        finally:
            for person in people:
                person.leave()
        wrong = [each for person in people for each in person.wrong]
        answered = sum(person.answered for person in people)
        print(f"\ntwo rotations: {answered} requests, {len(wrong)} not served, {len(wrong)} sign-ins")
        self.assertEqual(wrong, [])
        self.assertGreater(answered, 200)

    def rotate(self, files: list[Path], secret: str, people: list[Person]) -> None:
        """Change the files, some time apart, and wait until all cookies are sealed with the new secret."""
        for file, replica in zip(files, self.replicas, strict=True):
            new = file.with_suffix(".new")
            new.write_text(secret)
            os.replace(new, file)
            eventually("the new secret, read", partial(has_read, replica, SECRETS.index(secret) + 1))
        codec = SessionCodec(ring=KeyRing.from_texts([secret]), expire=3600)

        def sealed_anew() -> bool:
            with contextlib.suppress(ValueError):
                for person in people:
                    codec.decode(NAME, person.cookie.partition("=")[2], time.time())
                return True
            return any(person.wrong for person in people)

        eventually("cookies sealed with the new secret", sealed_anew)


def has_read(replica: Running, times: int) -> bool:
    """Whether a replica has said so often that it read a new secret."""
    return replica.output().count("holds another secret") >= times


class Person:
    """Asks again and again with the newest cookie; what is not served is `wrong`."""

    def __init__(self, port: int) -> None:
        self.cookie = alice()
        self.answered = 0
        self.wrong: list[str] = []
        self._port = port
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def leave(self) -> None:
        """Ask no more."""
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=30)
        while not self._over.wait(0.02):
            try:
                connection.request("GET", "/x", headers={"Cookie": self.cookie})
                response = connection.getresponse()
                response.read()
            except (OSError, HTTPException) as error:
                self.wrong.append(repr(error))
                connection.close()
                continue
            if response.status != 200:
                self.wrong.append(str(response.status))
            for value in response.headers.get_all("Set-Cookie") or []:
                if value.startswith(f"{NAME}=") and "Max-Age=0" not in value:
                    self.cookie = value.partition(";")[0]
            self.answered += 1
        connection.close()
