"""The same bytes through the sidecar to every kind of server: they understand the same requests (security.md P26)."""

from __future__ import annotations

import contextlib
import json
import random
import re
import socket
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tests.catalogue.mutations import EXAMPLES, KINDS, SNIPPETS, mutated
from tests.catalogue.strict import Message, Reading, read_answers, read_requests
from tests.end_to_end.app_servers import SERVERS, AppServer, Request, start
from tests.end_to_end.processes import PATIENCE, eventually, free_port
from tests.end_to_end.sidecar_case import SidecarCase, alice
from tests.run_all import SHARED

HOST = "app.example.com"
H = f"Host: {HOST}\r\n".encode()
INNER = b"GET /open/smuggled HTTP/1.1\r\nHost: evil\r\n\r\n"
"""A request of 43 bytes that is none, but the body of another one."""
GOOD = (
    b"GET /open/%d?a=b HTTP/1.1\r\n" + H + b"\r\n",
    b"HEAD /open/%d HTTP/1.1\r\n" + H + b"\r\n",
    b"GET /open/%d HTTP/1.0\r\nConnection: keep-alive\r\n" + H + b"\r\n",
    b"GET http://app.example.com/open/%d HTTP/1.1\r\n" + H + b"\r\n",
    b"POST /open/%d HTTP/1.1\r\n" + H + b"Content-Length: 5\r\n\r\nhello",
    b"POST /open/%d HTTP/1.1\r\n" + H + b"Content-Length: 0\r\n\r\n",
    b"POST /open/%d HTTP/1.1\r\n" + H + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"PUT /open/%d HTTP/1.1\r\n" + H + b"Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n"
    b"00A\r\n0123456789\r\n0\r\nContent-Length: 3\r\n\r\n",
    b"POST /open/%d HTTP/1.1\r\n" + H + b"Content-Length: 43\r\n\r\n" + INNER,
    b"POST /open/%d HTTP/1.1\r\n" + H + b"Content-Length: 42\r\n\r\n" + INNER,
    b"POST /open/%d HTTP/1.1\r\n" + H + b"Transfer-Encoding: chunked\r\n\r\n30\r\n0\r\n\r\n" + INNER + b"\r\n0\r\n\r\n",
)


def recorded(cookie: str) -> Iterator[bytes]:
    """What the shared suite of hostile HTTP sends in one go."""
    values = {
        "H": HOST,
        "C": cookie,
        "B": cookie,
        "CN": "_oauth2_proxy",
        "CV": cookie.partition("=")[2],
        "P": "/oauth2",
    }
    for case in json.loads((SHARED / "conformance" / "http" / "cases.json").read_text()):
        if isinstance(case.get("send"), str):
            text = re.sub(r"\{REP:(.*?):(\d+)\}", lambda found: found[1] * int(found[2]), case["send"], flags=re.DOTALL)
            text = re.sub(r"\{SEQ:(.*?):(\d+)\}", _numbered, text, flags=re.DOTALL)
            for name, value in {**values, "ID": case["id"]}.items():
                text = text.replace("{" + name + "}", value)
            yield text.replace("/public/", "/open/").encode("latin-1")


def _numbered(found: re.Match[str]) -> str:
    return "".join(found[1].replace("#", str(number)) for number in range(int(found[2])))


def mutations() -> Iterator[bytes]:
    """Good messages, several in a row, and then the same ones changed: the same ones in every run."""
    chance = random.Random(4)
    for number in range(EXAMPLES):
        data = b"".join(chance.choice(GOOD) % number for _ in range(chance.randint(1, 3)))
        if number >= len(GOOD):
            changes = [
                (chance.choice(KINDS), chance.randrange(4000), chance.randrange(4000), chance.choice(SNIPPETS))
                for _ in range(chance.randint(1, 3))
            ]
            data = mutated(data, changes)
        yield data


class DifferentialTests(SidecarCase):
    """P26: nginx, Node.js, gunicorn and uvicorn, each behind a sidecar of its own."""

    def setUp(self) -> None:
        """The servers, and a sidecar before each."""
        self.servers: dict[int, AppServer] = {}
        self.sidecars = []
        for name in SERVERS:
            server = start(name, Path(self.temporary()), self.run_process)
            port = free_port()
            self.sidecars.append(self.sidecar_on(port, UPSTREAMS=f"http://127.0.0.1:{server.port}"))
            self.servers[port] = server

    def temporary(self) -> str:
        """A folder whose path is short enough for a socket in it."""
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        return made.name

    def test_recorded(self) -> None:
        """What the shared suite sends is understood alike."""
        # A session that has signed out is over, and what is sent with it reaches no app.
        self.check_all(data for data in recorded(alice()) if b"/sign_out" not in data)

    def test_mutations(self) -> None:
        """So are mutations of good requests."""
        self.check_all(mutations())

    def check_all(self, corpus: Iterable[bytes]) -> None:
        """Send each to every server, and compare."""
        for data in corpus:
            sent = read_requests(data)
            outcomes = {server.name: self.outcome(port, server, data, sent) for port, server in self.servers.items()}
            self.check(data, sent, outcomes)
        for server in self.servers.values():
            self.assertGreater(len(server.understood()), 50, server.name)
        for sidecar in self.sidecars:
            self.assertNotIn("Traceback", sidecar.output())

    def outcome(self, port: int, server: AppServer, data: bytes, sent: Reading) -> tuple[list[Request], int]:
        """What a server understood of these bytes, and how many refusals there were."""
        before = len(server.understood())
        answers = exchanged(port, data, sent)
        by_the_app = sum(1 for answer in answers if answer.values(b"x-origin"))
        eventually("the app's notes", lambda: len(server.understood()) >= before + by_the_app)
        understood = server.understood()[before:]
        self.assertEqual(
            len(understood), by_the_app, (server.name, data[:2000], "each was answered, and to its client")
        )
        return understood, sum(1 for answer in answers if answer.status >= 400)

    def check(self, data: bytes, sent: Reading, outcomes: dict[str, tuple[list[Request], int]]) -> None:
        """Every server understood requests that were sent, in order and the same ones; some refuse more than others."""
        expected = [(each.method.decode(), each.target.decode(), len(each.body)) for each in sent.messages]
        most, refusals = max(outcomes.values(), key=lambda outcome: len(outcome[0]))
        for name, (understood, refused) in outcomes.items():
            missing = len(most) - len(understood)
            self.assertTrue(is_within(understood, expected), (name, data[:2000], understood))
            self.assertTrue(is_within(understood, most), (name, data[:2000], outcomes))
            self.assertLessEqual(min(missing, 1), refused - refusals if missing else 0, (name, data[:2000], outcomes))


def is_within(some: Sequence[Request], more: Sequence[Request]) -> bool:
    """Whether `some` are among `more`, in their order."""
    rest = iter(more)
    return all(each in rest for each in some)


def exchanged(port: int, data: bytes, sent: Reading) -> list[Message]:
    """The final answers to these bytes."""
    methods = [request.method for request in sent.messages] + [sent.partial.method if sent.partial else b"GET"]
    # What is not complete is not answered, and need not be waited for.
    waits = bool(sent.rest) and not sent.complaint
    got, finals = b"", list[Message]()
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client, contextlib.suppress(ConnectionError):
        client.settimeout(PATIENCE)
        client.sendall(data)
        while len(finals) < len(sent.messages) or not (waits or not sent.rest):
            piece = client.recv(1 << 16)
            if not piece:
                break
            got += piece
            finals = [answer for answer in read_answers(got, methods, ended=True).messages if answer.status >= 200]
    return finals
