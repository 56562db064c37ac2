"""The access log and the authentication log, one line each, in oauth2-proxy's default layout (CONTRACT §9).

HOT: `AccessLog.record` runs once per request.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from o2sidecar.http.exchange import Exchange
from o2sidecar.observe.lines import LineWriter
from o2sidecar.observe.moments import Moments
from o2sidecar.observe.plain import PlainTexts, masked, plain


class Outcome(StrEnum):
    """How an attempt to sign in ended."""

    SUCCESS = "AuthSuccess"
    FAILURE = "AuthFailure"
    ERROR = "AuthError"


class AccessLog:
    """Writes a line per request that was answered.

    `excluded`: paths that are not logged. `client`: gives the client's address as the operator wants it logged.
    """

    def __init__(
        self,
        *,
        writer: LineWriter,
        moments: Moments,
        now: Callable[[], float],
        client: Callable[[Exchange], str],
        excluded: frozenset[bytes] = frozenset(),
    ) -> None:
        self._writer = writer
        self._moments = moments
        self._now = now
        self._client = client
        self._excluded = excluded
        self._texts = PlainTexts()

    def record(self, exchange: Exchange, status: int, size: int, duration: float) -> None:
        """Log a request: `size` is the answer's body in bytes, `duration` in seconds."""
        if exchange.path in self._excluded:
            return
        texts = self._texts
        target = exchange.target
        identity = exchange.identity
        # A query may hold secrets, so it is not remembered. A request id is harmless as it is.
        self._writer.line(
            f"{self._client(exchange)} - {exchange.request_id} - {_name(identity.session.name) if identity else '-'}"
            f" [{self._moments.text(self._now())}] {texts[exchange.host]}"
            f" {texts[exchange.method]} {exchange.upstream or '-'}"
            f' "{plain(masked(target).decode("latin-1")) if b"?" in target else texts[target]}"'
            f' HTTP/{"1.0" if exchange.http_1_0 else "1.1"} "{texts[exchange.header(b"user-agent") or b""]}"'
            f" {status} {size} {duration:.3f}{f' {exchange.reason}' if exchange.reason else ''}"
        )


class AuthLog:
    """Writes a line per attempt to sign in, sign out or pass without permission; at once."""

    def __init__(
        self,
        *,
        writer: LineWriter,
        moments: Moments,
        now: Callable[[], float],
        client: Callable[[Exchange], str],
        on: bool = True,
    ) -> None:
        self._writer = writer
        self._moments = moments
        self._now = now
        self._client = client
        self._on = on

    def record(self, outcome: Outcome, exchange: Exchange, name: str, message: str) -> None:
        """Log what happened: `name` is the person's, as far as it is known; `message` holds no secret."""
        if not self._on:
            return
        self._writer.line(
            f"{self._client(exchange)} - {plain(exchange.request_id)} - {_name(name)}"
            f" [{self._moments.text(self._now())}] [{outcome}] {plain(message)}"
        )
        self._writer.flush()


def _name(name: str) -> str:
    return plain(name) if name else "-"
