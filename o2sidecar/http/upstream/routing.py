"""Which app a path belongs to, and what stands in the place of one: `static://` answers (CONTRACT §8).

Decisions are made on the path as it came: what an app is chosen by is what it gets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from attrs import frozen

from o2sidecar.http.exchange import PLAIN_TEXT, Exchange, Served
from o2sidecar.policy.rewriting import Rewriting


class App(Served, Protocol):
    """Where a route leads."""

    def pass_on(self, exchange: Exchange, target: bytes) -> None:
        """Answer a request as if it had this target."""


class Router:
    """Serves each request by the first pattern, or else the longest path, that holds.

    `routes`: a path that ends in `/` holds for everything below it, another one only for itself. `patterns`: these are
    tried before, the longest first. `nothing`: answers when no route holds. A path that would hold with a slash behind
    it is redirected there.
    """

    def __init__(
        self,
        *,
        routes: Mapping[bytes, App],
        patterns: Sequence[tuple[Rewriting, App]] = (),
        nothing: Callable[[Exchange], None],
    ) -> None:
        self._patterns = sorted(patterns, key=lambda route: len(route[0].pattern.text), reverse=True)
        self._exact = {path: served for path, served in routes.items() if not path.endswith(b"/")}
        folders = [(path, served) for path, served in routes.items() if path.endswith(b"/")]
        self._folders = sorted(folders, key=lambda route: len(route[0]), reverse=True)
        self._nothing = nothing

    def serve(self, exchange: Exchange) -> None:
        """Hand the request to whom its path belongs."""
        for rewriting, app in self._patterns:
            target = rewriting.of(exchange.target)
            if target is not None:
                app.pass_on(exchange, target)
                return
        served = self._exact.get(exchange.path) or self._folder(exchange.path)
        if served is not None:
            served.serve(exchange)
        elif self._folder(exchange.path + b"/") is not None:
            _, mark, query = exchange.target.partition(b"?")
            exchange.answer(301, [(b"Location", exchange.path + b"/" + mark + query)])
        else:
            self._nothing(exchange)

    def _folder(self, path: bytes) -> App | None:
        for folder, served in self._folders:
            if path.startswith(folder):
                return served
        return None


@frozen(kw_only=True)
class StaticAnswer:
    """Answers with a status and a fixed word, in the place of an app."""

    name: str
    status: int = 200

    def serve(self, exchange: Exchange) -> None:
        """Answer."""
        exchange.upstream = self.name
        if exchange.identity is not None:
            exchange.also.extend(exchange.identity.response_fields)
        exchange.answer(self.status, PLAIN_TEXT, b"Authenticated")

    def pass_on(self, exchange: Exchange, target: bytes) -> None:
        """Answer: the same, whatever the target."""
        self.serve(exchange)


@frozen(kw_only=True)
class OneTarget:
    """Passes GET and HEAD on to an app with one target, whatever was asked for; nothing else of the app is reached."""

    app: App
    target: bytes

    def serve(self, exchange: Exchange) -> None:
        """Pass it on, or answer 405."""
        if exchange.method in {b"GET", b"HEAD"}:
            self.app.pass_on(exchange, self.target)
        else:
            exchange.answer(405, [*PLAIN_TEXT, (b"Allow", b"GET, HEAD")], b"Method Not Allowed\n")
