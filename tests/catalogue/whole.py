"""The whole sidecar in memory, assembled as the process assembles it: clients in front, an app behind, and a judge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import ip_address
from itertools import pairwise
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IHostnameResolver
from twisted.internet.testing import MemoryReactorClock
from zope.interface import implementer

from o2sidecar.assembly import make_sidecar
from o2sidecar.assembly.log import LogOutput
from o2sidecar.session.codec import SessionCodec
from o2sidecar.session.keys import KeyRing
from o2sidecar.session.session import Session
from o2sidecar.settings.load import Loaded
from tests.catalogue.strict import Message, Reading, read_requests
from tests.settings.loading import GOOD, load_with
from tests.wire import Wire

NOW = 1_800_000_000.0
NAME = "_oauth2_proxy"
HOST = b"app.example.com"
APP_PORT = 8080
ALICE, BOB = (
    Session(created_at=NOW, user=f"{name}-1", email=f"{name}@example.com", groups=("dev",), preferred_username=name)
    for name in ("alice", "bob")
)
_CODEC = SessionCodec(
    ring=KeyRing.from_texts([GOOD["OAUTH2_PROXY_COOKIE_SECRET"]]), expire=3600, random=lambda size: b"r" * size
)


def pair(session: Session) -> bytes:
    """A session, as a pair of a Cookie field: always the same bytes."""
    return f"{NAME}={_CODEC.encode(NAME, session)}".encode()


def told(session: Session) -> dict[bytes, bytes]:
    """What the app is told about a session, by field names in lower case."""
    return {
        b"x-forwarded-user": session.user.encode(),
        b"x-forwarded-email": session.email.encode(),
        b"x-forwarded-groups": b",".join(group.encode() for group in session.groups),
        b"x-forwarded-preferred-username": session.preferred_username.encode(),
    }


Respond = Callable[[Message, int], bytes]
"""What the app answers to a request, and how many came before it."""


def settings(*arguments: str, **variables: str) -> Loaded:
    """What these tests are set up with: our defaults, and one folder that is open."""
    return load_with("--defaults=o2sidecar", *arguments, variables={"SKIP_AUTH_ROUTES": "^/public/", **variables})


SETTINGS = settings()


def numbered(request: Message, number: int) -> bytes:
    """An app's answer that says the how-manieth request it is for."""
    body = b"the app's answer %d" % number
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-Seen: %d\r\n\r\n" % (len(body), number)
    return head if request.method == b"HEAD" else head + body


class AppWire:
    """A connection to the app, which reads strictly and answers what came whole; `answered`: how many were."""

    def __init__(self, wire: Wire, whole: Whole) -> None:
        self.wire = wire
        self.data = b""
        self._whole = whole
        self.answered = 0
        self._told_to_go_on = 0
        self._reading = read_requests(b"")

    @property
    def reading(self) -> Reading:
        """What came on it so far."""
        if more := self.wire.take():
            self.data += more
            self._reading = read_requests(self.data)
        return self._reading

    def turn(self) -> bool:
        """Answer what is there to answer; whether there was something."""
        if self.wire.aborted or self.wire.lost or self._whole.respond is None:
            return False
        reading = self.reading
        there = list(reading.messages)
        if reading.partial is not None:
            if self._whole.early:
                there.append(reading.partial)
            elif b"100-continue" in reading.partial.values(b"expect") and self._told_to_go_on <= self.answered:
                self._told_to_go_on = self.answered + 1
                self.wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
                return True
        for request in there[self.answered :]:
            self.answered += 1
            number = len(self._whole.seen)
            self._whole.seen.append(request)
            self.wire.send(self._whole.respond(request, number))
            return True
        return False


def pieces(data: bytes, cuts: Sequence[int] | None = ()) -> list[bytes]:
    """Bytes in pieces that end at these places; `None`: one by one."""
    ends = range(len(data)) if cuts is None else [cut % (len(data) + 1) for cut in cuts]
    return [data[start:end] for start, end in pairwise(sorted({0, len(data), *ends}))]


class Client:
    """A connection to the sidecar. What is sent waits while the sidecar does not read, as it would in a socket."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.got = b""
        self._waiting: list[bytes] = []

    @property
    def unread(self) -> bytes:
        """What the sidecar has not read."""
        return b"".join(self._waiting)

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.wire.ended or self.wire.lost

    @property
    def closed(self) -> bool:
        """Whether it ended in order: all that was sent arrives, and then its end."""
        return (self.wire.closing or self.wire.half_closed) and not self.wire.aborted

    def send(self, data: bytes, cuts: Sequence[int] | None = ()) -> None:
        """Send bytes, in pieces that end at these places; `None`: one by one."""
        self._waiting += pieces(data, cuts)

    def turn(self) -> bool:
        """Deliver one piece, and take what came; whether there was something."""
        self.got += self.wire.take()
        self.wire.settle()
        if not self._waiting or self.wire.paused or self.wire.lost:
            return False
        self.wire.send(self._waiting.pop(0))
        return True


class Whole:
    """The sidecar, set up by `loaded`, in memory.

    `respond`: what the app answers; `None`: nothing, the test does. `early`: whether it answers before it has the
    body. `seen`: the requests that it answered. `apps`: the connections to it.
    """

    def __init__(self, loaded: Loaded = SETTINGS, *, respond: Respond | None = numbered, early: bool = False) -> None:
        self.loaded = loaded
        self.respond = respond
        self.early = early
        self.seen: list[Message] = []
        self.apps: list[AppWire] = []
        self.clients: list[Client] = []
        self.log: list[bytes] = []
        self.clock = _Reactor(self.reach)
        self.clock.advance(NOW)
        log = self.log_output(loaded)
        self.service = make_sidecar(
            loaded,
            reactor=self.clock,
            write=log.write,
            descriptors=4096,
            beside=log.background,
            reread=self.reread,
        )
        self.service.privilegedStartService()
        self.server: Any = self.clock.tcpServers[0][1]

    def reread(self) -> Loaded:
        """What the settings are when they are read again."""
        return self.loaded

    def log_output(self, loaded: Loaded) -> LogOutput:
        """Where the logs of requests and sign-ins go: into `log`."""
        return LogOutput(write=self.log.append)

    def reach(self, host: str, port: int, factory: Any, timeout: float) -> bool:
        """Make a connection of the sidecar's stand; whether there is somebody."""
        if port != APP_PORT:
            return False
        self.apps.append(AppWire(Wire(factory.buildProtocol(IPv4Address("TCP", host, port))), self))
        return True

    def client(self) -> Client:
        """A new connection."""
        self.clients.append(Client(Wire(self.server.buildProtocol(IPv4Address("TCP", "192.0.2.1", 54321)))))
        return self.clients[-1]

    def pump(self) -> None:
        """Let everybody act until nobody has anything more to do."""
        while self._turn():
            pass

    def _turn(self) -> bool:
        for app in self.apps:
            app.wire.settle()
        clients = [client.turn() for client in self.clients]
        apps = [app.turn() for app in self.apps]
        return any(clients) or any(apps)

    def ask(self, data: bytes, cuts: Sequence[int] | None = ()) -> bytes:
        """What a new client gets for these bytes."""
        client = self.client()
        client.send(data, cuts)
        self.pump()
        return client.got

    def pass_time(self, seconds: float) -> None:
        """Let time pass, in steps that the sweep notices."""
        for _ in range(int(seconds * 2) + 1):
            self.clock.advance(0.5)
        self.pump()


@implementer(IHostnameResolver)
class _Names:
    """Resolves names to a public address, those below `internal` to a private one, and addresses to themselves."""

    def resolveHostName(
        self, resolutionReceiver: Any, hostName: str, portNumber: int = 0, addressTypes: Any = None, *more: Any
    ) -> Any:
        """See `IHostnameResolver`."""
        kind = IPv6Address if ":" in hostName else IPv4Address
        resolutionReceiver.resolutionBegan(None)
        resolutionReceiver.addressResolved(kind("TCP", _address_of(hostName), portNumber))
        resolutionReceiver.resolutionComplete()


def _address_of(name: str) -> str:
    if name == "localhost":
        return "127.0.0.1"
    try:
        ip_address(name)
    except ValueError:
        return "10.0.0.8" if name.endswith(".internal") else "93.184.215.14"
    return name


class _Reactor(MemoryReactorClock):
    """A reactor on which connections stand at once if `reach` makes them, and never otherwise."""

    def __init__(self, reach: Callable[[str, int, Any, float], bool]) -> None:
        super().__init__()
        self._reach = reach
        self.installNameResolver(_Names())

    def connectTCP(self, host: str, port: int, factory: Any, timeout: float = 30, bindAddress: Any = None) -> Any:
        connector = super().connectTCP(host, port, factory, timeout, bindAddress)
        self._reach(host, port, factory, timeout)
        return connector
