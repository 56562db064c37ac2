"""Tests of choosing an app by path."""

from __future__ import annotations

import re

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.http.exchange import Exchange
from o2sidecar.http.upstream.routing import Router, StaticAnswer
from o2sidecar.policy.pattern import Pattern
from o2sidecar.policy.rewriting import Rewriting
from tests.wire import Listening


class Says:
    """Answers with its name and the target it was asked with."""

    def __init__(self, name: bytes) -> None:
        self.name = name

    def serve(self, exchange: Exchange) -> None:
        self.pass_on(exchange, exchange.target)

    def pass_on(self, exchange: Exchange, target: bytes) -> None:
        exchange.answer(200, [], self.name + b" " + target)


class RouterTests(SynchronousTestCase):
    """The longest path wins."""

    def ask(self, target: bytes, routes: tuple[bytes, ...] = (), patterns: tuple[tuple[str, str], ...] = ()) -> bytes:
        """Status and body for a target, or where it is redirected."""
        router = Router(
            routes={path: Says(path) for path in routes},
            patterns=[(Rewriting.parse(Pattern(text), new), Says(text.encode())) for text, new in patterns],
            nothing=lambda exchange: exchange.answer(404, [], b"nothing"),
        )
        answer = Listening(served=router).ask(b"GET " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        location = re.search(rb"Location: (.*)\r\n", answer)
        return location.group(1) if location else answer.partition(b"\r\n\r\n")[2]

    def test_longest(self) -> None:
        """A folder holds for all below it, another path for itself alone (up-multiple)."""
        routes = (b"/", b"/api/", b"/api/v2/", b"/exact")
        for target, route in (
            (b"/x", b"/"),
            (b"/api/v1?q=/api/v2/", b"/api/"),
            (b"/api/v2/x", b"/api/v2/"),
            (b"/api", b"/"),
            (b"/apix", b"/"),
            (b"/exact?a", b"/exact"),
            (b"/exact/sub", b"/"),
            (b"/EXACT", b"/"),
            (b"/%61pi/", b"/"),
        ):
            self.assertEqual(self.ask(target, routes), route + b" " + target)

    def test_nothing(self) -> None:
        """Where no route holds there is nothing (up-none)."""
        self.assertEqual(self.ask(b"/x"), b"nothing")
        self.assertEqual(self.ask(b"/x", (b"/base/",)), b"nothing")

    def test_slash(self) -> None:
        """A folder's name without its slash is redirected, the slash before the query (CONTRACT §10 #29)."""
        self.assertEqual(self.ask(b"/files?a=b", (b"/files/",)), b"/files/?a=b")

    def test_patterns(self) -> None:
        """A pattern wins over every path, the longest pattern over the others, and its app gets the new target."""
        patterns = (("^/a/", "/b/"), ("^/a/(x)", "/$1/c"), ("^/none", "/none"))
        for target, answer in (
            (b"/a/1?q", b"^/a/ /b/1?q"),
            (b"/a/x?q", b"^/a/(x) /x/c?q"),
            (b"/b/?q", b"/ /b/?q"),
        ):
            self.assertEqual(self.ask(target, (b"/", b"/a/", b"/a/x"), patterns), answer)

    def test_static(self) -> None:
        """A fixed answer has its status, its word, and a name for the log."""
        static = StaticAnswer(name="static", status=202)
        listening = Listening(served=static)
        self.assertTrue(listening.ask(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").endswith(b"\r\n\r\nAuthenticated"))
        self.assertEqual(listening.log[0][1], 202)
        rewritten = Listening(lambda exchange: static.pass_on(exchange, b"/new"))
        self.assertTrue(rewritten.ask(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").endswith(b"Authenticated"))
