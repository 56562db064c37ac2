"""What people get while Redis ends, stands still or is replaced under load: their own, or the stated refusal."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException

from o2sidecar.session.session import Session
from tests.end_to_end.origin import Conversation, Script
from tests.end_to_end.processes import eventually, free_port
from tests.end_to_end.redis_servers import RedisCase, SentinelCase, ask_redis, stored_for
from tests.end_to_end.visitor import Visitor

PEOPLE = ("bob", "carol", "dave", "erin")
CLIENTS = 2
"""Of each of them."""
BOUND = 2.0
"""Seconds that a question may take: one for connecting, one for the answer (`RedisCase.with_redis`)."""
LEEWAY = 2.0
"""For a machine that is busy, and for a second question: a primary that is gone is asked for anew."""
EACH_TIME = "--redis-trust-time=0s"
REFUSALS = {"reject": 503, "cookie-fallback": 401}
"""What a ticket is answered while Redis is away, by rule."""


def who_and_what(conversation: Conversation) -> bool:
    """A script for the app: says whom it got, and what was asked for."""
    who = "nobody"
    for line in conversation.head.decode().split("\r\n"):
        name, _, value = line.partition(":")
        if name.lower() == "x-forwarded-user":
            who = value.strip()
    said = f"{who} {conversation.path}".encode()
    conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(said), said))
    return True


class Client:
    """Asks again and again until it leaves.

    `right` and `refused` count answers; `slowest`: seconds that one took; `wrong`: the others.
    """

    def __init__(self, port: int, refusal: int) -> None:
        self.port = port
        self.refusal = refusal
        self.right = self.refused = 0
        self.slowest = 0.0
        self.wrong: list[str] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def leave(self) -> None:
        """Ask no more."""
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        number = 0
        while not self._over.wait(0.02):
            number += 1
            try:
                self.ask(number)
            except (OSError, HTTPException) as error:
                self.wrong.append(repr(error))

    def ask(self, number: int) -> None:
        """Do what it does each time."""
        raise NotImplementedError

    def judge(self, status: int, text: str, expected: str) -> None:
        """Count an answer."""
        if (status, text) == (200, expected):
            self.right += 1
        elif status == self.refusal and (status == 401 or json.loads(text)["reason"] == "session_store_unavailable"):
            self.refused += 1
        else:
            self.wrong.append(f"{status} {text!r} in the place of {expected!r}")

    def timed(self, begun: float) -> None:
        """Note that something took from then until now."""
        self.slowest = max(self.slowest, time.monotonic() - begun)


class Person(Client):
    """Has a session, and a connection that stays."""

    def __init__(self, port: int, refusal: int, name: str, pair: str) -> None:
        self.name = name
        self._fields = {"Cookie": pair, "Accept": "application/json"}
        self._connection = HTTPConnection("127.0.0.1", port, timeout=30)
        super().__init__(port, refusal)

    def ask(self, number: int) -> None:
        begun = time.monotonic()
        self._connection.request("GET", f"/{self.name}/{number}", headers=self._fields)
        answer = self._connection.getresponse()
        text = answer.read().decode()
        self.timed(begun)
        self.judge(answer.status, text, f"{self.name} /{self.name}/{number}")


class Newcomer(Client):
    """Signs in each time anew, as alice."""

    def ask(self, number: int) -> None:
        visitor, address = Visitor(), f"http://127.0.0.1:{self.port}"
        begun = time.monotonic()
        signed_in = visitor.post(f"{address}/oauth2/sign_in", {"username": "alice", "password": "secret"})
        self.timed(begun)
        if signed_in.status == 503 == self.refusal:
            self.refused += 1
            return
        if signed_in.status != 302:
            self.wrong.append(f"{signed_in.status} for who signs in")
            return
        begun = time.monotonic()
        answer = visitor.get(f"{address}/alice/{number}", {"Accept": "application/json"})
        self.timed(begun)
        self.judge(answer.status, answer.text, f"alice /alice/{number}")


class LoadCase(RedisCase):
    """People who work, each with clients of their own, and others who sign in."""

    def script(self) -> Script:
        return who_and_what

    def begin(self, rule: str, pairs: dict[str, str]) -> None:
        """Let them begin, and see that all are served."""
        refusal = REFUSALS[rule]
        self.people: list[Client] = [
            Person(self.port, refusal, name, pair) for name, pair in pairs.items() for _ in range(CLIENTS)
        ]
        self.newcomer = Newcomer(self.port, refusal)
        self.everybody = [*self.people, self.newcomer]
        for client in self.everybody:
            self.addCleanup(client.leave)
        self.await_served()

    def await_served(self) -> None:
        """Wait until everybody was served a few times more."""
        self._await("service", self.everybody, lambda client: client.right, 5)

    def await_refused(self) -> None:
        """Wait until everybody who has a ticket was refused."""
        self._await("refusal", self.people, lambda client: client.refused, 1)

    def await_signed_in(self) -> None:
        """Wait until somebody more has signed in and was served."""
        self._await("signing in", [self.newcomer], lambda client: client.right, 2)

    def _await(self, what: str, clients: list[Client], count: Callable[[Client], int], more: int) -> None:
        before = {id(client): count(client) for client in clients}
        eventually(
            what,
            lambda: (
                any(client.wrong for client in self.everybody)
                or all(count(client) >= before[id(client)] + more for client in clients)
            ),
            20,
        )

    def end(self, what: str) -> None:
        """Let them leave, and judge what they got."""
        for client in self.everybody:
            client.leave()
        right, refused = (sum(getattr(client, name) for client in self.everybody) for name in ("right", "refused"))
        slowest = max(client.slowest for client in self.everybody)
        print(f"\n{what}: {right} right, {refused} refused, the slowest after {slowest:.2f} s")
        self.assertEqual([each for client in self.everybody for each in client.wrong], [])
        self.assertLess(slowest, BOUND + LEEWAY)


class OneServerTests(LoadCase):
    """A server that keeps what it stores in a file."""

    def trouble(self, rule: str) -> None:
        """It is killed and comes back, then it stands still for a while."""
        port, folder = free_port(), self.folder()
        keeping = ("--appendonly", "yes", "--appendfsync", "always")
        server, _ = self.redis(*keeping, port=port, folder=folder)
        self.guarded(f"--redis-connection-url=redis://127.0.0.1:{port}", f"--redis-outage={rule}", EACH_TIME)
        self.begin(rule, {name: stored_for(port, person(name))[1] for name in PEOPLE})
        server.kill()
        self.await_refused()
        self.while_away(rule)
        server, _ = self.redis(*keeping, port=port, folder=folder)
        self.await_served()
        with server.standing_still():
            self.await_refused()
            self.while_away(rule)
        self.await_served()
        self.end(f"killed and paused, {rule}")

    def while_away(self, rule: str) -> None:
        """Who signs in meanwhile is let in by the fallback only."""
        if rule == "cookie-fallback":
            self.await_signed_in()
        else:
            self._await("refusal", [self.newcomer], lambda client: client.refused, 1)

    def test_reject(self) -> None:
        """Killed or paused under load with `reject`: everybody gets their own or 503 in time, and is served again."""
        self.trouble("reject")

    def test_cookie_fallback(self) -> None:
        """With `cookie-fallback`, everybody gets their own or 401, and who signs in has a session all the time."""
        self.trouble("cookie-fallback")


class FailOverTests(LoadCase, SentinelCase):
    """A primary that the Sentinels replace."""

    def started(self, rule: str) -> None:
        """The load, with everybody's session copied to the replica."""
        self.watched(f"--redis-outage={rule}", EACH_TIME)
        pairs = {name: stored_for(self.primary_port, person(name), login=self.login)[1] for name in PEOPLE}
        eventually("the copies", lambda: ask_redis(self.replica_port, "DBSIZE", login=self.login) == len(PEOPLE))
        self.begin(rule, pairs)

    def killed(self, rule: str) -> None:
        """The primary is gone for good."""
        self.started(rule)
        self.primary.kill()
        self.await_served()
        self.assertEqual(ask_redis(self.replica_port, "ROLE", login=self.login)[0], b"master")
        self.end(f"failed over, {rule}")

    def paused(self, rule: str) -> None:
        """The primary stands still until another one has its place, and then goes on."""
        self.started(rule)
        with self.primary.standing_still():
            self.await_refused()
            self.await_served()
        self.await_served()
        self.assertEqual(ask_redis(self.replica_port, "ROLE", login=self.login)[0], b"master")
        self.end(f"failed over and back as a replica, {rule}")

    def test_killed_reject(self) -> None:
        """A primary that is lost under load is replaced; nobody gets another one's or waits long, with `reject`."""
        self.killed("reject")

    def test_killed_cookie_fallback(self) -> None:
        """The same with `cookie-fallback`."""
        self.killed("cookie-fallback")

    def test_paused_reject(self) -> None:
        """One that stands still is replaced, too, and when it goes on nobody is given what it has, with `reject`."""
        self.paused("reject")

    def test_paused_cookie_fallback(self) -> None:
        """The same with `cookie-fallback`."""
        self.paused("cookie-fallback")


def person(name: str) -> Session:
    """The session of somebody of this name."""
    return Session(user=name, email=f"{name}@example.com", access_token=f"AT of {name}")
