"""The resource tree: probes and own endpoints by their exact path, everything else through the guard.

HOT: `Sidecar.serve` stands before every request; it is one look-up.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from enum import Enum

from attrs import frozen
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from o2sidecar.http.exchange import PLAIN_TEXT, Exchange, HeaderFields, Served
from o2sidecar.http.twisted_web.resources import exchange_of


class Sidecar(Resource):
    """The root of the tree.

    `own`: what is answered here, by its whole path: with case, without a trailing slash, any method, compared as it
    came (`/%70ing` is the app's). `folders`: what answers everything below a path that ends in a slash. `guarded`:
    everything else.
    """

    isLeaf = True

    def __init__(self, *, own: Mapping[bytes, Served], folders: Mapping[bytes, Served], guarded: Served) -> None:
        super().__init__()
        self._own = dict(own)
        self._folders = tuple(folders.items())
        self._guarded = guarded

    def render(self, request: Request) -> int:
        """Serve a request of a plain `Site`."""
        self.serve(exchange_of(request))
        return NOT_DONE_YET

    def serve(self, exchange: Exchange) -> None:
        """Hand the request to whom its path belongs."""
        found = self._own.get(exchange.path)
        if found is None:
            found = self._guarded
            for folder, served in self._folders:
                if exchange.path.startswith(folder):
                    found = served
        found.serve(exchange)


class Outage(Enum):
    """Whether sessions can be looked up where they are kept; and if not, whether there is a way round that."""

    NONE = "none"
    BRIDGED = "bridged"
    TOTAL = "total"


@frozen(kw_only=True)
class Readiness:
    """Answers `/ready`: a line of text, or JSON for who asks for that with `?verbose` or by `Accept`.

    `trouble`: why nobody can sign in just now; `outage`: of where sessions are kept; `ending`: whether the process is
    about to end.
    """

    trouble: Callable[[], str]
    outage: Callable[[], Outage]
    ending: Callable[[], bool]

    def serve(self, exchange: Exchange) -> None:
        """Answer."""
        trouble, outage, ending = self.trouble(), self.outage(), self.ending()
        status, body = _readiness(trouble, outage, ending)
        query = exchange.target.partition(b"?")[2]
        if query != b"verbose" and b"application/json" not in (exchange.header(b"accept") or b""):
            exchange.answer(status, PLAIN_TEXT, body)
            return
        told = {
            "serves_sessions": not ending and outage is not Outage.TOTAL,
            "signs_in": not ending and outage is not Outage.TOTAL and not trouble,
            "sessions_stored": outage is Outage.NONE,
            "ending": ending,
            "trouble": trouble,
        }
        fields: HeaderFields = [(b"Content-Type", b"application/json"), (b"Cache-Control", b"no-store")]
        exchange.answer(status, fields, json.dumps(told).encode("ascii"))


@frozen(kw_only=True)
class Probe:
    """Answers a health check with 200.

    `agents`: with some, only these user agents get the answer; others' requests go to `otherwise`. A user agent
    grants nothing but this answer (CVE-2026-34457). `state` gives status and body, each time.
    """

    state: Callable[[], tuple[int, bytes]]
    agents: frozenset[bytes] = frozenset()
    otherwise: Served

    def serve(self, exchange: Exchange) -> None:
        """Answer, or pass on what is no health check."""
        if self.agents and exchange.header(b"user-agent") not in self.agents:
            self.otherwise.serve(exchange)
        else:
            status, body = self.state()
            exchange.answer(status, PLAIN_TEXT, body)


class Late:
    """Made when it is first asked for: what many processes never serve costs them nothing."""

    def __init__(self, make: Callable[[], Served]) -> None:
        self._make = make
        self._made: Served | None = None

    def serve(self, exchange: Exchange) -> None:
        """Have it answer."""
        if self._made is None:
            self._made = self._make()
        self._made.serve(exchange)


@frozen(kw_only=True)
class Fixed:
    """Answers every request with the same text."""

    body: bytes
    status: int = 200

    def serve(self, exchange: Exchange) -> None:
        """Answer."""
        exchange.answer(self.status, PLAIN_TEXT, self.body)


ROBOTS = Fixed(body=b"User-agent: *\nDisallow: /\n")


def probes(
    *,
    ping_path: str,
    ready_path: str,
    ping_user_agent: str,
    gcp_healthchecks: bool,
    trouble: Callable[[], str],
    outage: Callable[[], Outage],
    ending: Callable[[], bool],
    otherwise: Served,
) -> dict[bytes, Served]:
    """The health checks by path; an empty path switches its check off.

    `/ready` says in its body when nobody can sign in just now (`trouble`), but stays 200: sessions are still served,
    and a pod taken out of service would help nobody. It is 503 when the process is about to end (`ending`), and when
    nobody's session can be looked up, as oauth2-proxy's is (`outage`).
    """
    agents = {agent.encode() for agent in (ping_user_agent,) if agent}
    found: dict[bytes, Served] = {}
    if gcp_healthchecks:
        agents.add(_GOOGLE)
        for path in (b"/liveness_check", b"/readiness_check"):
            found[path] = Probe(state=_alive, agents=frozenset({_GOOGLE}), otherwise=otherwise)
    if ready_path:
        found[ready_path.encode()] = Readiness(trouble=trouble, outage=outage, ending=ending)
    if ping_path:
        found[ping_path.encode()] = Probe(state=_alive, agents=frozenset(agents), otherwise=otherwise)
    return found


_GOOGLE = b"GoogleHC/1.0"


def _alive() -> tuple[int, bytes]:
    return 200, b"OK"


def _readiness(trouble: str, outage: Outage, ending: bool) -> tuple[int, bytes]:
    if ending:
        return 503, b"The process is about to end.\n"
    if outage is Outage.TOTAL:
        return 503, b"Sessions cannot be looked up just now; the log says why.\n"
    told = [f"Nobody can sign in just now: {trouble}"] if trouble else []
    if outage is Outage.BRIDGED:
        told.append("Sessions cannot be looked up just now; new ones are kept in cookies. The log says why.")
    return 200, "\n".join(["OK", *told, ""]).encode() if told else b"OK"
