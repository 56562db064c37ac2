"""Real Redis servers for tests, on loopback, and what is asked of them directly."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import evolve

from o2sidecar.session.cookies import CookieAttributes
from o2sidecar.session.keys import KeyRing
from o2sidecar.session.session import Session
from o2sidecar.session.ticket import Ticket
from o2sidecar.session.ticket_cookie import TicketCookie
from o2sidecar.stores.resp import Replies, command
from tests.end_to_end.origin import Conversation
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


def stored_for(where: int | str, session: Session = ALICE, *, age: float = 0) -> tuple[Ticket, str]:
    """A ticket whose session is stored in a server, `age` seconds old, and its pair of a Cookie field."""
    session = evolve(session, created_at=time.time() - age)
    ticket = Ticket.issue("_oauth2_proxy")
    ask_redis(where, b"SET", ticket.id, ticket.seal(session))
    return ticket, pair_of(ticket, session)


def pair_of(ticket: Ticket, session: Session) -> str:
    """The pair of a Cookie field that holds a ticket."""
    assert session.created_at is not None
    [line] = TICKETS.write(ticket, session.created_at, "127.0.0.1", [])
    return line.decode().partition(";")[0]


class RedisCase(SidecarCase):
    """`redis` starts a server, `guarded` a sidecar that keeps its sessions there; alice's password is in a file."""

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
        return self.start(answers_ok, *self.with_redis(), *arguments, COOKIE_SECRET=cookie_secret)

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
