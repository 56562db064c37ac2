"""Real Redis servers for tests, on loopback, and what is asked of them directly."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from attrs import evolve

from o2sidecar.session.cookies import CookieAttributes
from o2sidecar.session.keys import KeyRing
from o2sidecar.session.session import Session
from o2sidecar.session.ticket import Ticket
from o2sidecar.session.ticket_cookie import TicketCookie
from o2sidecar.stores.resp import Replies, command
from tests.end_to_end.origin import Conversation, Script
from tests.end_to_end.processes import Running, eventually, free_port
from tests.end_to_end.sidecar_case import COOKIE_SECRET, SidecarCase
from tests.end_to_end.visitor import Answer, Visitor

LIFETIME = 168 * 3600
ALICE = Session(user="alice", email="alice@example.com", access_token="AT", refresh_token="RT-1")
TICKETS = TicketCookie(
    attributes=CookieAttributes(name="_oauth2_proxy", expire=LIFETIME), ring=KeyRing.from_texts([COOKIE_SECRET])
)


def answers_ok(conversation: Conversation) -> None:
    """A script for the app: says whom it got."""
    for line in conversation.head.split(b"\r\n"):
        if line.lower().startswith(b"x-forwarded-user:"):
            who = line.partition(b":")[2].strip()
            break
    else:
        who = b"nobody"
    conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(who), who))


def ask_redis(where: int | str, *words: bytes | str, login: Sequence[str] = ()) -> Any:
    """A server's answer to a command; `where`: its port, or its socket."""
    family, address = (socket.AF_UNIX, where) if isinstance(where, str) else (socket.AF_INET, ("127.0.0.1", where))
    with socket.socket(family) as connection:
        connection.settimeout(10)
        connection.connect(address)
        asked = [["AUTH", *login], words] if login else [words]
        for each in asked:
            connection.sendall(command(*(word.encode() if isinstance(word, str) else word for word in each)))
        replies = Replies(1 << 20)
        found: list[Any] = []
        while len(found) < len(asked):
            data = connection.recv(65536)
            if not data:
                raise ConnectionError("the server ended the connection")
            found += replies.feed(data)
    return found[-1]


def stored_for(
    where: int | str, session: Session = ALICE, *, age: float = 0, login: Sequence[str] = ()
) -> tuple[Ticket, str]:
    """A ticket whose session is stored in a server, `age` seconds old, and its pair of a Cookie field."""
    session = evolve(session, created_at=time.time() - age)
    ticket = Ticket.issue("_oauth2_proxy")
    ask_redis(where, b"SET", ticket.id, ticket.seal(session), login=login)
    return ticket, pair_of(ticket, session)


def pair_of(ticket: Ticket, session: Session) -> str:
    """The pair of a Cookie field that holds a ticket."""
    assert session.created_at is not None
    [line] = TICKETS.write(ticket, session.created_at, "127.0.0.1", [])
    return line.decode().partition(";")[0]


class RedisCase(SidecarCase):
    """`redis` starts a server, `guarded` a sidecar that keeps its sessions there; alice's password is in a file."""

    def script(self) -> Script:
        """What the app does."""
        return answers_ok

    def folder(self) -> Path:
        """A new folder of the test's."""
        folder = Path(self.mktemp()).resolve()
        folder.mkdir(parents=True)
        return folder

    def redis(self, *arguments: str, port: int | None = None, folder: Path | None = None) -> tuple[Running, int]:
        """A server that listens on a port, without a file of what it keeps."""
        port = free_port() if port is None else port
        tls = int(arguments[arguments.index("--tls-port") + 1]) if "--tls-port" in arguments else 0
        where = ["--port", "0" if tls else str(port)]
        quiet = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder or self.folder())]
        server = self.run_process(["redis-server", *where, *quiet, *arguments])
        if tls or port:
            server.await_listening(tls or port)
        return server, port

    def guarded(self, *arguments: str, cookie_secret: str = COOKIE_SECRET) -> Running:
        """A sidecar before an app, with sessions in Redis."""
        return self.start(self.script(), *self.with_redis(), *arguments, COOKIE_SECRET=cookie_secret)

    def with_redis(self) -> list[str]:
        """The arguments of every sidecar here."""
        passwords = self.folder() / "htpasswd"
        # {SHA} of "secret".
        passwords.write_text("alice:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n")
        return [
            "--session-store-type=redis",
            f"--htpasswd-file={passwords}",
            "--redis-connect-timeout=1s",
            "--redis-command-timeout=1s",
        ]

    def url(self, path: str = "/", port: int | None = None) -> str:
        """Of the sidecar."""
        return f"http://127.0.0.1:{port or self.port}{path}"

    def sign_in(self, *, port: int | None = None) -> Visitor:
        """Somebody who has signed in as alice with her password."""
        visitor = Visitor()
        answer = visitor.post(self.url("/oauth2/sign_in", port), {"username": "alice", "password": "secret"})
        self.assertEqual(answer.status, 302, answer.text)
        return visitor

    def who(self, pair: str, port: int | None = None) -> tuple[int, str]:
        """Status, and whom the app got, of a script's request with this cookie."""
        answer = self.fetch("/", pair, port)
        return answer.status, answer.text if answer.status == 200 else ""

    def fetch(self, path: str, pair: str, port: int | None = None, *, accept: str = "application/json") -> Answer:
        """A request with this cookie."""
        return Visitor().get(self.url(path, port), {"Accept": accept, "Cookie": pair})

    def works(self, *ports: int) -> str:
        """Sign in, be seen by the app through every sidecar, sign out, be seen by none; the pair that was used."""
        visitor = self.sign_in()
        [(name, value)] = visitor.jar(self.url()).items()
        pair = f"{name}={value}"
        for port in (self.port, *ports):
            self.assertEqual(self.who(pair, port), (200, "alice"))
        self.assertEqual(visitor.get(self.url("/oauth2/sign_out")).status, 302)
        everywhere = (self.port, *ports)
        eventually("its end", lambda: all(self.who(pair, port)[0] == 401 for port in everywhere), 3)
        return pair


class SentinelCase(RedisCase):
    """A primary, a replica and three Sentinels; `watched` starts a sidecar that asks those.

    `login`: how the servers are spoken to.
    """

    login = ("default", "of-data")

    def setUp(self) -> None:
        super().setUp()
        self.primary, self.primary_port = self.redis("--requirepass", "of-data", "--masterauth", "of-data")
        self.replica, self.replica_port = self.redis(
            *("--requirepass", "of-data", "--masterauth", "of-data", "--replicaof", f"127.0.0.1 {self.primary_port}"),
            *("--repl-diskless-sync-delay", "0"),
        )
        self.sentinels = [self.sentinel() for _ in range(3)]
        info = partial(ask_redis, self.primary_port, "INFO", "replication", login=self.login)
        eventually("replication", lambda: b"state=online" in info())
        for port in self.sentinels:
            self.await_quorum(port)

    def await_quorum(self, port: int) -> None:
        """Wait until a Sentinel knows the others, and the replica."""
        login = ("default", "of-sentinels")

        def quorum() -> bool:
            found = ask_redis(port, "SENTINEL", "CKQUORUM", "sessions", login=login)
            return isinstance(found, bytes) and bool(ask_redis(port, "SENTINEL", "REPLICAS", "sessions", login=login))

        eventually("a quorum", quorum)

    def sentinel(self) -> int:
        """The port of a new Sentinel."""
        port, folder = free_port(), self.folder()
        lines = [
            f"port {port}",
            "bind 127.0.0.1",
            f"dir {folder}",
            "requirepass of-sentinels",
            "sentinel sentinel-pass of-sentinels",
            f"sentinel monitor sessions 127.0.0.1 {self.primary_port} 2",
            "sentinel auth-pass sessions of-data",
            "sentinel down-after-milliseconds sessions 1000",
            "sentinel failover-timeout sessions 4000",
        ]
        (folder / "sentinel.conf").write_text("\n".join(lines) + "\n")
        self.run_process(["redis-sentinel", str(folder / "sentinel.conf")]).await_listening(port)
        return port

    def watched(self, *arguments: str) -> Running:
        """A sidecar with sessions in whichever server the Sentinels name."""
        urls = ",".join(f"redis://127.0.0.1:{port}" for port in self.sentinels)
        return self.guarded(
            *("--redis-use-sentinel", f"--redis-sentinel-connection-urls={urls}"),
            *("--redis-sentinel-master-name=sessions", "--redis-sentinel-password=of-sentinels"),
            "--redis-password=of-data",
            *arguments,
        )
