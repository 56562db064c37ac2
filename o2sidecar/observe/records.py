"""The access log and the authentication log, one line each: in the operator's layout, or as JSON (CONTRACT §9).

HOT: `AccessLog.record` runs once per request; the layouts that come with the program are written out for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from enum import StrEnum

from attrs import field, frozen

from o2sidecar.http.exchange import Exchange
from o2sidecar.observe.lines import LineWriter
from o2sidecar.observe.moments import Moments
from o2sidecar.observe.plain import PlainTexts, masked, plain, plain_uri
from o2sidecar.settings import layouts
from o2sidecar.settings.layouts import Layout


class Outcome(StrEnum):
    """How an attempt to sign in ended."""

    SUCCESS = "AuthSuccess"
    FAILURE = "AuthFailure"
    ERROR = "AuthError"


@frozen(kw_only=True)
class LogContext:
    """What both logs need. `client`: gives the client's address as the operator wants it logged."""

    writer: LineWriter
    moments: Moments
    now: Callable[[], float]
    client: Callable[[Exchange], str]
    json: bool = False
    texts: PlainTexts = field(init=False, factory=PlainTexts)
    uris: PlainTexts = field(init=False, factory=lambda: PlainTexts(plain_uri))

    def variables(self, exchange: Exchange, name: str) -> dict[str, object]:
        """What both logs say of a request, by the names of Go's templates."""
        return {
            "Client": self.client(exchange),
            "Host": self.texts[exchange.host],
            "Protocol": "HTTP/1.0" if exchange.http_1_0 else "HTTP/1.1",
            "RequestID": exchange.request_id,
            "RequestMethod": self.texts[exchange.method],
            "Timestamp": self.moments.text(self.now()),
            "UserAgent": f'"{self.texts[exchange.header(b"user-agent") or b""]}"',
            "Username": plain(name) or "-",
        }

    def facts(self, exchange: Exchange, kind: str, level: str, name: str) -> dict[str, object]:
        """The same for a JSON line."""
        return {
            "time": self.moments.iso(self.now()),
            "level": level,
            "kind": kind,
            "request_id": exchange.request_id,
            "client": self.client(exchange),
            "user": name,
            "method": exchange.method.decode("latin-1"),
            "host": exchange.host.decode("latin-1"),
            "path": masked(exchange.target).decode("latin-1"),
        }


class AccessLog:
    """Writes a line per request that was answered. `excluded`: paths that are not logged."""

    def __init__(
        self, around: LogContext, *, layout: str = layouts.REQUEST, excluded: frozenset[bytes] = frozenset()
    ) -> None:
        """`layout`: a template of the variables of `request_logging_format`."""
        self._around = around
        self._excluded = excluded
        parsed = Layout.parse(layout, layouts.VARIABLES["request_logging_format"])
        with_reason = layout == layouts.REQUEST_WITH_REASON
        if around.json:
            self._line = self._json_line
        elif with_reason or layout == layouts.REQUEST:
            self._line = self._usual_line
        else:
            self._line = self._own_line
        self._layout = parsed
        self._with_reason = with_reason

    def record(self, exchange: Exchange, status: int, size: int, duration: float) -> None:
        """Log a request: `size` is the answer's body in bytes, `duration` in seconds."""
        if exchange.path not in self._excluded:
            self._around.writer.line(self._line(exchange, status, size, duration))

    def _usual_line(self, exchange: Exchange, status: int, size: int, duration: float) -> str:
        around = self._around
        texts = around.texts
        target = exchange.target
        identity = exchange.identity
        reason = f" {exchange.reason or '-'}" if self._with_reason else ""
        # A query may hold secrets, so it is not remembered. A request id is harmless as it is.
        return (
            f"{around.client(exchange)} - {exchange.request_id}"
            f" - {plain(identity.session.name) or '-' if identity else '-'}"
            f" [{around.moments.text(around.now())}] {texts[exchange.host]}"
            f" {texts[exchange.method]} {exchange.upstream or '-'}"
            f' "{plain_uri(target) if b"?" in target else around.uris[target]}"'
            f' HTTP/{"1.0" if exchange.http_1_0 else "1.1"} "{texts[exchange.header(b"user-agent") or b""]}"'
            f" {status} {size} {duration:.3f}{reason}"
        )

    def _own_line(self, exchange: Exchange, status: int, size: int, duration: float) -> str:
        name = exchange.identity.session.name if exchange.identity else ""
        values: Mapping[str, object] = {
            **self._around.variables(exchange, name),
            "RequestDuration": f"{duration:.3f}",
            "RequestURI": f'"{plain_uri(exchange.target)}"',
            "ResponseSize": size,
            "StatusCode": status,
            "Upstream": exchange.upstream or "-",
            "Reason": exchange.reason or "-",
        }
        return self._layout.line(values)

    def _json_line(self, exchange: Exchange, status: int, size: int, duration: float) -> str:
        name = exchange.identity.session.name if exchange.identity else ""
        return _json(
            **self._around.facts(exchange, "request", "info", name),
            protocol="HTTP/1.0" if exchange.http_1_0 else "HTTP/1.1",
            user_agent=(exchange.header(b"user-agent") or b"").decode("latin-1"),
            upstream=exchange.upstream,
            status=status,
            size=size,
            duration=round(duration, 6),
            reason=exchange.reason,
        )


class AuthLog:
    """Writes a line per attempt to sign in, sign out or pass without permission; at once."""

    def __init__(self, around: LogContext, *, layout: str = layouts.AUTH, on: bool = True) -> None:
        """`layout`: a template of the variables of `auth_logging_format`."""
        self._around = around
        self._layout = Layout.parse(layout, layouts.VARIABLES["auth_logging_format"])
        self._on = on

    def record(self, outcome: Outcome, exchange: Exchange, name: str, message: str) -> None:
        """Log what happened: `name` is the person's, as far as it is known; `message` holds no secret."""
        if not self._on:
            return
        around = self._around
        if around.json:
            level = "info" if outcome is Outcome.SUCCESS else "warn"
            facts = around.facts(exchange, "auth", level, name)
            line = _json(**facts, outcome=outcome.value, message=message, reason=exchange.reason)
        else:
            values = {**around.variables(exchange, name), "Status": outcome.value, "Message": plain(message)}
            line = self._layout.line(values)
        around.writer.line(line)
        around.writer.flush()


def _json(**facts: object) -> str:
    """One JSON object; ASCII only, so that nothing in it ends a line (security.md X3)."""
    return json.dumps(facts, separators=(",", ":"))
