"""Which app a path belongs to, and what stands in the place of one: `static://` answers (CONTRACT §8).

Decisions are made on the path as it came: what an app is chosen by is what it gets.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol
from urllib.parse import parse_qsl, urlencode

from attrs import frozen

from o2sidecar.http.exchange import Exchange, Served


class Router:
    """Serves each request by the route with the longest path that holds.

    `routes`: a path that ends in `/` holds for everything below it, another one only for itself. `rewrites`: come
    before the routes, the longest pattern first. `nothing`: answers when no route holds. A path that would hold with a
    slash behind it is redirected there.
    """

    def __init__(
        self, *, routes: Mapping[bytes, Served], rewrites: Iterable[Rewrite] = (), nothing: Callable[[Exchange], None]
    ) -> None:
        self._exact = {path: served for path, served in routes.items() if not path.endswith(b"/")}
        folders = [(path, served) for path, served in routes.items() if path.endswith(b"/")]
        self._folders = sorted(folders, key=lambda route: len(route[0]), reverse=True)
        self._rewrites = sorted(rewrites, key=lambda rewrite: len(rewrite.pattern.pattern), reverse=True)
        self._nothing = nothing

    def serve(self, exchange: Exchange) -> None:
        """Hand the request to whom its path belongs."""
        for rewrite in self._rewrites:
            target = rewrite.target_for(exchange)
            if target is not None:
                rewrite.app.pass_on(exchange, target)
                return
        served = self._exact.get(exchange.path) or self._folder(exchange.path)
        if served is not None:
            served.serve(exchange)
        elif self._folder(exchange.path + b"/") is not None:
            _, mark, query = exchange.target.partition(b"?")
            exchange.answer(301, [(b"Location", exchange.path + b"/" + mark + query)])
        else:
            self._nothing(exchange)

    def _folder(self, path: bytes) -> Served | None:
        for folder, served in self._folders:
            if path.startswith(folder):
                return served
        return None


class PassesOn(Protocol):
    """An app that may be asked with another target than the client's."""

    def pass_on(self, exchange: Exchange, target: bytes) -> None:
        """Pass a request on with this target."""


@frozen(kw_only=True)
class Rewrite:
    """An app whose requests' targets are made from a pattern's groups.

    `template`: with `$1`, `${1}` or `${name}` for groups and `$$` for `$`; may hold a query, which the client's is
    added to.
    """

    pattern: re.Pattern[bytes]
    template: bytes
    app: PassesOn

    def target_for(self, exchange: Exchange) -> bytes | None:
        """The target that the app is asked with; `None` where the pattern does not hold."""
        if self.pattern.search(exchange.path) is None:
            return None
        path, _, query = self.pattern.sub(self._expand, exchange.path).partition(b"?")
        given = exchange.target.partition(b"?")[2]
        merged = _sorted_query(query, given)
        path = path if path.startswith(b"/") else b"/" + path
        return path + b"?" + merged if merged else path

    def _expand(self, found: re.Match[bytes]) -> bytes:
        return _REFERENCE.sub(lambda reference: _group(found, reference), self.template)


_REFERENCE = re.compile(rb"\$(?:(\$)|\{(\w+)\}|(\w+))")


def _group(found: re.Match[bytes], reference: re.Match[bytes]) -> bytes:
    if reference.group(1):
        return b"$"
    name = (reference.group(2) or reference.group(3)).decode()
    try:
        return found.group(int(name) if name.isdigit() else name) or b""
    except IndexError:
        return b""


def _sorted_query(*queries: bytes) -> bytes:
    pairs = [
        pair
        for query in queries
        for pair in parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="surrogateescape")
    ]
    return urlencode(sorted(pairs, key=lambda pair: pair[0]), errors="surrogateescape").encode()


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
        exchange.answer(self.status, [(b"Content-Type", b"text/plain; charset=utf-8")], b"Authenticated")
