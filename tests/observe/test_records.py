"""Tests of the access log and the authentication log: layouts, JSON, and what must never be in a line."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.identity import IdentityHeaders
from o2sidecar.observe.lines import LineWriter
from o2sidecar.observe.moments import Moments
from o2sidecar.observe.records import AccessLog, AuthLog, LogContext, Outcome
from o2sidecar.session.session import Session
from o2sidecar.settings import layouts

HEADERS = IdentityHeaders(request_rules=(), response_rules=(), auth_rules=())


class Answered:
    """A request as the logs see it."""

    def __init__(self, target: bytes = b"/app?x=1", agent: bytes = b"curl/8", user: str = "", reason: str = "") -> None:
        self.method = b"GET"
        self.target = target
        self.path = target.partition(b"?")[0]
        self.host = b"app.example.com"
        self.http_1_0 = False
        self.request_id = "rid-1"
        self.upstream = "/"
        self.reason = reason
        self.identity = HEADERS.identify(Session(created_at=0.0, email=user)) if user else None
        self._agent = agent

    def header(self, name: bytes) -> bytes | None:
        return self._agent if name == b"user-agent" else None


class RecordsTestCase(SynchronousTestCase):
    """Logs that write into a list."""

    def setUp(self) -> None:
        """A clock that stands at the epoch."""
        self.clock = Clock()
        self.written: list[bytes] = []

    def around(self, **changes: Any) -> LogContext:
        """What both logs need."""
        return LogContext(
            writer=LineWriter(write=self.written.append, clock=self.clock),
            moments=Moments(local=False),
            now=lambda: 0.0,
            client=lambda exchange: "192.0.2.1:4711",
            **changes,
        )

    def taken(self) -> str:
        """What was written."""
        self.clock.advance(1)
        text = b"".join(self.written).decode()
        self.written.clear()
        return text

    def request(self, exchange: Answered, layout: str = layouts.REQUEST, **changes: Any) -> str:
        """The line of a request."""
        AccessLog(self.around(**changes), layout=layout).record(exchange, 200, 56, 0.0012)  # type: ignore[arg-type]
        return self.taken()


class AccessLogTests(RecordsTestCase):
    """One line a request."""

    def test_usual(self) -> None:
        """The layout is oauth2-proxy's."""
        self.assertEqual(
            self.request(Answered(user="alice@example.com")),
            "192.0.2.1:4711 - rid-1 - alice@example.com [1970/01/01 00:00:00] app.example.com GET /"
            ' "/app?x=1" HTTP/1.1 "curl/8" 200 56 0.001\n',
        )

    def test_reason(self) -> None:
        """With our defaults the reason of a refusal stands at the end, and a dash where there is none."""
        for reason, end in (("no_session", "no_session"), ("", "-")):
            line = self.request(Answered(reason=reason), layouts.REQUEST_WITH_REASON)
            self.assertTrue(line.endswith(f" 200 56 0.001 {end}\n"), line)

    @given(st.binary(max_size=20), st.binary(max_size=20), st.sampled_from(["", "a", 'a"b', "x\ny"]))
    def test_both_ways_are_one(self, target: bytes, agent: bytes, user: str) -> None:
        """The layouts that are written out give what their templates say, whatever is in the request."""
        for layout in (layouts.REQUEST, layouts.REQUEST_WITH_REASON):
            exchange = Answered(b"/" + target, agent, user)
            # One character more, and the template is followed instead.
            self.assertEqual(self.request(exchange, layout + "!"), self.request(exchange, layout)[:-1] + "!\n")

    def test_codes_are_masked(self) -> None:
        """In no layout does a login's code or state stand in a line, however the query is written (§10 #26)."""
        for query in (
            b"code=SECRET&state=SECRET:/x",
            b"a=1&CODE=SECRET&State=SECRET",
            b"code=SECRET&code=SECRET&state=",
            b'code=SECRET"SECRET\\&state=SECRET',
            b"code=?code=SECRET&x=1&id_token=SECRET",
            b"session_state=1&access_token=SECRET",
        ):
            asked = Answered(b"/oauth2/callback?" + query)
            for layout in (layouts.REQUEST, layouts.REQUEST_WITH_REASON, "{{.RequestURI}}"):
                line = self.request(asked, layout)
                self.assertIn("/oauth2/callback?", line)
                self.assertIn("=***", line)
                self.assertNotIn("SECRET", line)

    def test_own_layout(self) -> None:
        """The operator's layout is followed."""
        line = self.request(Answered(b'/a"b'), "{{.RequestMethod}}={{.RequestURI}} {{.StatusCode}} {{.Username}}")
        self.assertEqual(line, 'GET="/a%22b" 200 -\n')

    def test_excluded(self) -> None:
        """Paths that are not to be logged are not."""
        log = AccessLog(self.around(), excluded=frozenset({b"/app"}))
        log.record(Answered(), 200, 0, 0.0)  # type: ignore[arg-type]
        self.assertEqual(self.taken(), "")

    def test_json(self) -> None:
        """As JSON a request is one object with the same facts, and secrets masked."""
        line = self.request(Answered(b"/cb?code=SECRET&a=1", user="alice", reason="why"), json=True)
        self.assertEqual(line.count("\n"), 1)
        self.assertEqual(
            json.loads(line),
            {
                "time": "1970-01-01T00:00:00.000000+00:00",
                "level": "info",
                "kind": "request",
                "request_id": "rid-1",
                "client": "192.0.2.1:4711",
                "user": "alice",
                "method": "GET",
                "host": "app.example.com",
                "path": "/cb?code=***&a=1",
                "protocol": "HTTP/1.1",
                "user_agent": "curl/8",
                "upstream": "/",
                "status": 200,
                "size": 56,
                "duration": 0.0012,
                "reason": "why",
            },
        )

    @given(st.binary(max_size=30), st.text(max_size=10))
    def test_json_is_one_line(self, agent: bytes, user: str) -> None:
        """Whatever is in a request, its JSON is one line of ASCII (X3)."""
        line = self.request(Answered(agent=agent, user=user), json=True)
        self.assertTrue(line.isascii())
        self.assertEqual(len(line.splitlines()), 1)
        self.assertEqual(json.loads(line)["user_agent"], agent.decode("latin-1"))


class AuthLogTests(RecordsTestCase):
    """One line an attempt to sign in."""

    def test_usual(self) -> None:
        """The layout is oauth2-proxy's, and nothing in a message breaks the line."""
        AuthLog(self.around()).record(Outcome.FAILURE, Answered(), "a\nb", 'no "way"\r\n')  # type: ignore[arg-type]
        self.assertEqual(
            self.taken(),
            '192.0.2.1:4711 - rid-1 - a\\nb [1970/01/01 00:00:00] [AuthFailure] no \\"way\\"\\r\\n\n',
        )

    def test_own_layout(self) -> None:
        """The operator's layout is followed."""
        log = AuthLog(self.around(), layout="AUTH {{.Status}} {{.UserAgent}} {{.Message}}")
        log.record(Outcome.SUCCESS, Answered(), "alice", "signed in")  # type: ignore[arg-type]
        self.assertEqual(self.taken(), 'AUTH AuthSuccess "curl/8" signed in\n')

    def test_json(self) -> None:
        """As JSON it says what came of it."""
        AuthLog(self.around(json=True)).record(Outcome.ERROR, Answered(), "", "oh")  # type: ignore[arg-type]
        said = json.loads(self.taken())
        self.assertEqual((said["kind"], said["level"], said["outcome"]), ("auth", "warn", "AuthError"))
        self.assertEqual(said["message"], "oh")

    def test_off(self) -> None:
        """Switched off it says nothing."""
        AuthLog(self.around(), on=False).record(Outcome.ERROR, Answered(), "", "oh")  # type: ignore[arg-type]
        self.assertEqual(self.taken(), "")
