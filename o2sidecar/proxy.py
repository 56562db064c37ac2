"""ReverseProxyResource: the request line and fields that the app gets, and those that the client gets back.

HOT: `serve`, `_head` and `answer_lines`. The order is the rule (security.md F1-F15): what concerns the connection and
what Connection names goes first, then what only we may say, then our own cookies; the identity is written last.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from attrs import evolve
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.web.server import NOT_DONE_YET, Request

from o2sidecar.http.exchange import PLAIN_TEXT, Exchange, HeaderFields
from o2sidecar.http.limits import UpstreamLimits
from o2sidecar.http.message.answer_head import AnswerHead
from o2sidecar.http.message.fields import Field
from o2sidecar.http.message.hops import FRAMING, HOP_BY_HOP, end_to_end, nominated
from o2sidecar.http.twisted_web.resources import exchange_of
from o2sidecar.http.upstream.endpoints import host_endpoint
from o2sidecar.http.upstream.event_streams import EventStreams
from o2sidecar.http.upstream.pool import Pool
from o2sidecar.http.upstream.relay import Relay
from o2sidecar.identity import RESERVED, folded
from o2sidecar.refusals import NotPermitted, Refusal, UpstreamFailed, UpstreamTooSlow

with warnings.catch_warnings():
    # The module uses a client of its own that Twisted deprecates; this resource does not.
    warnings.simplefilter("ignore", DeprecationWarning)
    from twisted.web import proxy

_DEFAULT_REACTOR: Any = proxy.reactor  # type: ignore[attr-defined]
"""The reactor that Twisted's class uses unless it is told otherwise."""

_HOPS = frozenset(
    {
        b"forwarded",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-port",
        b"x-forwarded-prefix",
        b"x-forwarded-proto",
        b"x-forwarded-server",
        b"x-real-ip",
    }
)
"""What proxies say about the way that a request came."""

_POISON = frozenset({b"proxy"})
"""CGI turns it into HTTP_PROXY (CVE-2016-5385)."""

_STREAM = b"text/event-stream"
_WITHHELD = HOP_BY_HOP | FRAMING | RESERVED
"""What of an app's answer no client gets."""


def plain_refusal(exchange: Exchange, failure: Refusal) -> None:
    """Answer in the place of the app, as text."""
    exchange.reason = failure.reason
    exchange.answer(failure.status, PLAIN_TEXT, failure.sentence.encode() + b"\n")


class ReverseProxyResource(proxy.ReverseProxyResource):
    """Passes requests on to an app, and its answers back, streamed.

    The first four arguments are those of Twisted's class: the app's host and port, a path that is put in front of each
    request's (without a trailing slash), and the reactor. In a plain `Site` it is rendered, behind our own channel it
    is served.

    Args:
        endpoint: where the app listens, when that is more than a host and port (TLS, a unix socket).
        host_field: the Host that the app knows itself by, for `pass_host_header=False`; else made of host and port.
        name: what the log calls the app.
        pass_host_header: whether the app gets the client's Host.
        proxy_websockets: whether upgrades to WebSocket are passed on; if not they are refused with 501.
        allows_origin: whether the page that a WebSocket comes from may open one; others are refused with 403.
        reserved: folded names (`o2sidecar.identity.folded`) that no client may send.
        preserved: folded names whose client value stays, in front of ours and a comma.
        strip_cookies: takes our own cookies out of a Cookie field's value.
        own_cookie: whether a Set-Cookie field's value sets one of our own cookies, which no app may.
        believes: whether what a request says about its way here is passed on, the peer's address added to it;
            if not, it is dropped, and ours say address, scheme and host (F8). Without: everybody is believed.
        limits: what the app may cost us.
        refuse: answers in the place of an app that failed.
        timeout_status: the status when the app is too slow: 502 as oauth2-proxy has it, or 504 (RFC 9110 §15.6.5).
    """

    isLeaf = True

    def __init__(
        self,
        host: str,
        port: int,
        path: bytes,
        reactor: Any = _DEFAULT_REACTOR,
        *,
        endpoint: IStreamClientEndpoint | None = None,
        host_field: bytes = b"",
        name: str = "",
        pass_host_header: bool = True,
        proxy_websockets: bool = True,
        allows_origin: Callable[[Exchange], bool] | None = None,
        reserved: frozenset[bytes] = RESERVED,
        preserved: frozenset[bytes] = frozenset(),
        strip_cookies: Callable[[bytes], bytes] | None = None,
        own_cookie: Callable[[bytes], bool] | None = None,
        believes: Callable[[Exchange], bool] | None = None,
        limits: UpstreamLimits | None = None,
        refuse: Callable[[Exchange, Refusal], None] = plain_refusal,
        timeout_status: int = 502,
    ) -> None:
        super().__init__(host, port, path, reactor)
        limits = limits or UpstreamLimits()
        if endpoint is None:
            endpoint = host_endpoint(reactor, host, port, connect_time=limits.connect_time)
        self.pool = Pool(endpoint=endpoint, limits=limits, clock=reactor)
        self._streams = EventStreams(reactor)
        self._name = name or f"{host}:{port}"
        self._own_host = host_field or (host.encode() if port == 80 else f"{host}:{port}".encode())
        self._pass_host = pass_host_header
        self._websockets = proxy_websockets
        self._allows_origin = allows_origin
        self._preserved = preserved
        self._strip_cookies = strip_cookies
        self._own_cookie = own_cookie
        self._believes = believes
        self._refuse = refuse
        self._timeout_status = timeout_status
        # What these become is written below, after the others.
        written = {b"host", b"expect", b"x-forwarded-for"} | ({b"cookie"} if strip_cookies else set())
        self._dropped = HOP_BY_HOP | FRAMING | reserved | preserved | written | _POISON
        self._dropped_of_strangers = self._dropped | _HOPS

    def getChild(self, path: bytes, request: Request) -> ReverseProxyResource:
        """Itself: what follows is the app's."""
        return self

    def render(self, request: Request) -> int:
        """Pass on a request of a plain `Site`: the part of its path below this resource."""
        exchange = exchange_of(request)
        path, mark, query = exchange.target.partition(b"?")
        for _ in request.prepath or ():
            path = b"/" + path[1:].partition(b"/")[2]
        self.pass_on(exchange, path + mark + query)
        return NOT_DONE_YET

    def serve(self, exchange: Exchange) -> None:
        """Pass a request on."""
        self.pass_on(exchange, exchange.target)

    def pass_on(self, exchange: Exchange, target: bytes) -> None:
        """Pass a request on with another target."""
        exchange.upstream = self._name
        # RFC 6455 §4.1: WebSockets are asked for with GET.
        upgrades = exchange.wants_upgrade == b"websocket" and exchange.method == b"GET"
        refusal = self._upgrade_refusal(exchange) if upgrades else None
        if refusal is not None:
            self.refuse(exchange, refusal)
            return
        Relay(exchange, self.pool, self, self._head(exchange, target, upgrades), upgrades).start()

    def _upgrade_refusal(self, exchange: Exchange) -> Refusal | None:
        if not self._websockets:
            return UpstreamFailed(
                reason="websockets_off", sentence="This application takes no WebSocket connections.", status=501
            )
        if self._allows_origin is not None and not self._allows_origin(exchange):
            return NotPermitted(reason="origin_not_allowed", sentence="Pages of another site may not connect here.")
        return None

    # To the app.

    def _head(self, exchange: Exchange, target: bytes, upgrades: bool) -> bytes:
        """The head of the request that the app gets."""
        host = exchange.host if self._pass_host and exchange.host else self._own_host
        lines = [b"%s %s%s HTTP/1.1\r\nHost: %s" % (exchange.method, self.path, target, host)]
        # 1. What is end-to-end, in order: without what the connection needs, Connection names, or only we may say.
        dropped = nominated(exchange.options)
        believed = self._believes is None or self._believes(exchange)
        kept_back = self._dropped if believed else self._dropped_of_strangers
        lines += end_to_end(exchange.fields, kept_back | dropped if dropped else kept_back)
        # 2. The client's cookies without ours.
        strip = self._strip_cookies
        if strip is not None and b"cookie" not in dropped:
            lines += [b"Cookie: " + kept for value in exchange.values(b"cookie") if (kept := strip(value))]
        # 3. Where the request came from.
        lines += self._way_lines(exchange, dropped) if believed else _own_way_lines(exchange)
        # 4. Framing and connection, from what was parsed.
        if exchange.content_length is None:
            lines.append(b"Transfer-Encoding: chunked")
        elif exchange.content_length or exchange.header(b"content-length") is not None:
            lines.append(b"Content-Length: %d" % exchange.content_length)
        if exchange.expects_continue:
            lines.append(b"Expect: 100-continue")
        if upgrades:
            lines.append(b"Connection: Upgrade\r\nUpgrade: websocket")
        # 5. The identity, last (CVE-2024-45410): nothing that a client sends can remove it.
        identity = exchange.identity
        if self._preserved and not self._preserved.isdisjoint(field.folded for field in exchange.fields):
            lines += self._joined_lines(exchange, dropped)
        elif identity is not None and identity.request_lines:
            lines.append(identity.request_lines[:-2])
        lines.append(b"\r\n")
        return b"\r\n".join(lines)

    def _way_lines(self, exchange: Exchange, dropped: frozenset[bytes]) -> list[bytes]:
        """What the request says of its way, with the peer behind it."""
        before = [] if b"x-forwarded-for" in dropped else exchange.values(b"x-forwarded-for")
        addresses = [value for value in before if value] + _address_of(exchange)
        return [b"X-Forwarded-For: " + b", ".join(addresses)] if addresses else []

    def _joined_lines(self, exchange: Exchange, dropped: frozenset[bytes]) -> list[bytes]:
        """The identity with the client's values in front, where rules preserve those."""
        given: dict[bytes, list[bytes]] = {}
        for field in exchange.fields:
            if field.folded in self._preserved and field.folded not in dropped and field.value:
                given.setdefault(field.folded, [field.name]).append(field.value)
        lines = []
        for name, value in exchange.identity.request_fields if exchange.identity is not None else ():
            values = given.pop(folded(name), [name])[1:]
            lines.append(name + b": " + b",".join([*values, value]))
        return lines + [name + b": " + b",".join(values) for name, *values in given.values()]

    # Back to the client.

    def answer_lines(self, exchange: Exchange, head: AnswerHead) -> bytes:
        """The app's fields that the client gets, and what we tell it about who it is."""
        fields = head.fields
        if self._own_cookie is not None and b"set-cookie" in head.index:
            fields = self._without_own_cookies(fields)
        dropped = nominated(head.options)
        lines = end_to_end(fields, _WITHHELD | dropped if dropped else _WITHHELD)
        if exchange.identity is not None:
            lines += [b"%s: %s" % field for field in exchange.identity.response_fields]
        if head.length is None and head.index.get(b"content-type", b"").lower().startswith(_STREAM):
            self._streams.follow(exchange)
        if not lines:
            return b""
        lines.append(b"")
        return b"\r\n".join(lines)

    def _without_own_cookies(self, fields: list[Field]) -> list[Field]:
        own = self._own_cookie
        assert own is not None
        return [field for field in fields if field.lower != b"set-cookie" or not own(field.value)]

    def switched_fields(self, exchange: Exchange, head: AnswerHead) -> HeaderFields:
        """The fields of a 101."""
        lines = self.answer_lines(exchange, head).split(b"\r\n")[:-1]
        fields = [(name, value) for name, _, value in (line.partition(b": ") for line in lines)]
        return [(b"Connection", b"Upgrade"), (b"Upgrade", exchange.wants_upgrade), *fields]

    def refuse(self, exchange: Exchange, failure: Refusal) -> None:
        """Answer in the place of the app."""
        if isinstance(failure, UpstreamTooSlow):
            failure = evolve(failure, status=self._timeout_status)
        if exchange.identity is not None:
            exchange.also.extend(exchange.identity.response_fields)
        self._refuse(exchange, failure)


def _own_way_lines(exchange: Exchange) -> list[bytes]:
    """What we know ourselves of a request's way, in the place of what it says."""
    scheme = b"https" if exchange.secure else b"http"
    return [
        *(b"X-Forwarded-For: " + address for address in _address_of(exchange)),
        b"X-Forwarded-Proto: " + scheme,
        *([b"X-Forwarded-Host: " + exchange.host] if exchange.host else []),
    ]


def _address_of(exchange: Exchange) -> list[bytes]:
    """Who is at the other end of the connection, if that has an address."""
    return [] if exchange.peer == "unix" else [exchange.peer.encode()]
