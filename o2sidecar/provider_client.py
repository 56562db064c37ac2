"""HTTP to identity providers: bounded in time and size, and never led elsewhere.

No redirect is followed, since it would carry secrets to whom nobody chose (RFC 9700 §4.12); no cookie is kept; no
compressed answer is taken, since its size would be anybody's guess. What was sent and what came back never shows in
a message: those name the host, the status and the kind of failure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlencode, urlsplit

from attrs import field, frozen
from hyperlink import EncodedURL
from OpenSSL import SSL
from treq.client import HTTPClient
from treq.cookies import IndexableCookieJar
from twisted.internet import defer
from twisted.internet import error as network
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore, succeed
from twisted.internet.interfaces import IConsumer, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web._newclient import RequestNotSent
from twisted.web.client import (
    RequestGenerationFailed,
    RequestTransmissionFailed,
    ResponseDone,
    ResponseFailed,
)
from twisted.web.error import Error as WebError
from twisted.web.error import SchemeNotSupported
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from o2sidecar import __version__
from o2sidecar.oauth import strict_json
from o2sidecar.observe.counts import ProviderCounts
from o2sidecar.policy.reachable import AddressRefused
from o2sidecar.refusals import ProviderFailed, ProviderUnavailable

TIMEOUT = 10.0
MAX_BODY = 1 << 20
MOST_AT_ONCE = 64

_RECENT = 300.0

_WIRE = (
    CancelledError,
    OSError,
    RequestGenerationFailed,
    RequestNotSent,
    RequestTransmissionFailed,
    ResponseFailed,
    SSL.Error,
    SchemeNotSupported,
    UnicodeError,
    WebError,
    network.ConnectError,
    network.ConnectingCancelledError,
    network.ConnectionClosed,
    network.SSLError,
    network.TimeoutError,
)
"""What goes wrong between here and a provider; anything else is a mistake of ours, and shows as one."""


@frozen(kw_only=True)
class Answer:
    """A provider's answer, whole.

    Attributes:
        status: the HTTP status; 3xx are not followed.
        content_type: the media type in lower case, without parameters.
        body: at most the client's `max_body` bytes.
        overloaded: whether the provider may answer otherwise later: 5xx, 429, or 403 for too many requests.
        source: scheme, host and path of the request, for messages.
    """

    status: int
    content_type: str
    body: bytes = field(repr=False)
    overloaded: bool = False
    source: str

    def json(self) -> Any:
        """The JSON value of a 200 answer; raises `ProviderFailed` for any other status and for what is not JSON."""
        self.require(200)
        try:
            return strict_json.parse(self.body)
        except strict_json.MalformedJson as malformed:
            raise ProviderFailed(reason="provider_answer", detail=f"{self.source}: {malformed}") from None

    def json_object(self) -> dict[str, Any]:
        """As `json`, for answers that must be an object."""
        value = self.json()
        if not isinstance(value, dict):
            raise ProviderFailed(reason="provider_answer", detail=f"{self.source}: the answer is not a JSON object")
        return value

    def require(self, status: int) -> None:
        """Raise unless the status is this one: `ProviderUnavailable` if waiting may help, else `ProviderFailed`."""
        if self.status != status:
            kind = ProviderUnavailable if self.overloaded else ProviderFailed
            raise kind(reason="provider_status", detail=f"{self.source} answered {self.status}")


class ProviderClient:
    """Asks providers.

    `agent` connects; `clock` times out; `timeout` in seconds is for the whole exchange, from connecting to the last
    byte, a wait for one of `most_at_once` places included; `max_body` in bytes.
    """

    def __init__(
        self,
        *,
        agent: IAgent,
        clock: IReactorTime,
        timeout: float = TIMEOUT,
        max_body: int = MAX_BODY,
        most_at_once: int = MOST_AT_ONCE,
        counts: ProviderCounts | None = None,
    ) -> None:
        no_cookies = IndexableCookieJar(DefaultCookiePolicy(allowed_domains=[]))
        self._http = HTTPClient(_Uncompressed(agent), no_cookies, _Body)
        self.clock = clock
        # treq looks for a reactor of its own unless it is given one, though only its time-outs, unused here, need it.
        self._treq_reactor: Any = clock
        self.timeout = timeout
        self._max_body = max_body
        self._places = DeferredSemaphore(most_at_once)
        self._failed_at = -_RECENT
        self._failure = ""
        self._counts = counts or ProviderCounts()

    def trouble(self) -> str:
        """Why the last question had no answer, if that was not long ago; empty if it had one."""
        return self._failure if self.clock.seconds() - self._failed_at < _RECENT else ""

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """GET; raises `ProviderUnavailable` if no answer comes whole in time, `ProviderFailed` for one too big."""
        return await self._ask("GET", url, headers or {}, None)

    async def get_json(self, url: str, headers: Mapping[str, str] | None = None) -> Any:
        """The JSON value at a URL; raises as `get` and `Answer.json`."""
        return (await self.get(url, {"Accept": "application/json", **(headers or {})})).json()

    async def post_form(
        self, url: str, fields: Iterable[tuple[str, str]], headers: Mapping[str, str] | None = None
    ) -> Answer:
        """POST a form; raises as `get`. The answer's status is the caller's to judge."""
        form_type = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
        return await self._ask("POST", url, {**form_type, **(headers or {})}, urlencode(list(fields)).encode("ascii"))

    async def post_json(self, url: str, value: Any, headers: Mapping[str, str] | None = None) -> Answer:
        """POST a JSON value; as `post_form`."""
        json_type = {"Accept": "application/json", "Content-Type": "application/json"}
        return await self._ask("POST", url, {**json_type, **(headers or {})}, json.dumps(value).encode("ascii"))

    async def _ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        source = shown(url)
        began = self.clock.seconds()
        exchange: Deferred[Answer] = self._places.run(
            lambda: Deferred.fromCoroutine(self._exchange(method, url, headers, body, source))
        )
        exchange.addTimeout(self.timeout, self.clock)
        outcome = "unanswered"
        try:
            answer = await exchange
            outcome = "overloaded" if answer.overloaded else "answered"
            self._failure = ""
            return answer
        except (defer.TimeoutError, *_WIRE) as error:
            # An error's text may hold addresses and bytes of the answer, so only its kind is told.
            too_late = self.clock.seconds() - began >= self.timeout
            trouble = f"no answer within {self.timeout:g} seconds" if too_late else _kind(error)
            if not isinstance(error, CancelledError):
                self._failure, self._failed_at = f"{source} could not be asked: {trouble}", self.clock.seconds()
            raise ProviderUnavailable(detail=f"{source} could not be asked: {trouble}") from None
        finally:
            self._counts.asked[outcome] += 1
            self._counts.durations.add(self.clock.seconds() - began)

    async def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, source: str
    ) -> Answer:
        fields = Headers({"User-Agent": [f"o2sidecar/{__version__}"]})
        for name, value in headers.items():
            fields.setRawHeaders(name, [value])
        response = await self._http.request(
            method,
            _Url.from_text(url),
            headers=fields,
            data=body,
            allow_redirects=False,
            unbuffered=True,
            reactor=self._treq_reactor,
        )
        content_type = response.headers.getRawHeaders(b"content-type", [b""])[-1]
        return Answer(
            status=response.code,
            content_type=content_type.split(b";")[0].strip().lower().decode("latin-1"),
            body=await _bounded_body(response, self._max_body, source),
            overloaded=_is_overloaded(response),
            source=source,
        )


def _is_overloaded(response: IResponse) -> bool:
    """RFC 6585 §4 has 429 for too many requests; GitHub and others say 403, with a field that tells."""
    code: int = response.code
    none_left = response.headers.getRawHeaders(b"x-ratelimit-remaining") == [b"0"]
    limited = none_left or response.headers.hasHeader(b"retry-after")
    return code >= 500 or code == 429 or (code == 403 and limited)


def shown(url: str) -> str:
    """A URL for messages: without user, query and fragment, which may hold secrets."""
    split = urlsplit(url)
    return f"{split.scheme}://{split.netloc.rpartition('@')[2]}{split.path}"


def _kind(error: BaseException) -> str:
    reasons = getattr(error, "reasons", None)
    if reasons:
        return _kind(reasons[-1].value)
    if isinstance(error, AddressRefused):
        return str(error)
    return "the connection was given up" if isinstance(error, CancelledError) else type(error).__name__


class _Url(EncodedURL):
    """A URL whose host may be an IPv6 address (RFC 3986 §3.2.2); hyperlink would encode one as a name."""

    def to_uri(self) -> EncodedURL:
        """See `hyperlink.URL`."""
        if ":" not in self.host:
            return super().to_uri()
        return self.replace(host="address").to_uri().replace(host=self.host)


@implementer(IAgent)
class _Uncompressed:
    """Asks for answers as they are, and leaves the field that says otherwise to be seen.

    treq asks for gzip, and inflates it before anybody can count.
    """

    def __init__(self, agent: IAgent) -> None:
        self._agent = agent

    def request(
        self, method: bytes, uri: bytes, headers: Headers | None = None, bodyProducer: IBodyProducer | None = None
    ) -> Deferred[IResponse]:
        plain = Headers() if headers is None else headers.copy()
        plain.setRawHeaders(b"Accept-Encoding", [b"identity"])
        asked: Deferred[IResponse] = self._agent.request(method, uri, plain, bodyProducer)
        return asked.addCallback(_refuse_encoding)


def _refuse_encoding(response: IResponse) -> IResponse:
    encodings = response.headers.getRawHeaders(b"content-encoding", [])
    if any(encoding.strip().lower() not in {b"", b"identity"} for encoding in encodings):
        response.deliverBody(_Unread())
        raise ProviderFailed(reason="provider_answer", detail="the provider answered in an encoding not asked for")
    response.headers.removeHeader(b"content-encoding")
    return response


class _Unread(Protocol):
    """Ends the connection of an answer that nobody will read."""

    def connectionMade(self) -> None:
        _abort(self)


class _BoundedBody(Protocol):
    """Collects a body, and ends the connection when there is too much."""

    def __init__(self, most: int, source: str) -> None:
        self._pieces: list[bytes] = []
        self._left = most
        self._source = source
        self.whole: Deferred[bytes] = Deferred(lambda _: _abort(self))

    def dataReceived(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left >= 0:
            self._pieces.append(data)
        elif not self.whole.called:
            self.whole.errback(
                ProviderFailed(reason="provider_answer", detail=f"{self._source} answered with too many bytes")
            )
            _abort(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.whole.called:
            return
        if reason.check(ResponseDone, PotentialDataLoss):
            self.whole.callback(b"".join(self._pieces))
        else:
            self.whole.errback(reason)


def _bounded_body(response: IResponse, most: int, source: str) -> Deferred[bytes]:
    collector = _BoundedBody(most, source)
    response.deliverBody(collector)
    return collector.whole


def _abort(protocol: Protocol) -> None:
    abort = getattr(protocol.transport, "abortConnection", None)
    if abort is not None:
        abort()


@implementer(IBodyProducer)
class _Body:
    """A small request body, written at once."""

    def __init__(self, body: bytes) -> None:
        self._bytes = body
        self.length = len(body)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        consumer.write(self._bytes)
        return succeed(None)

    def pauseProducing(self) -> None:
        """Nothing to pause: all was written."""

    def resumeProducing(self) -> None:
        """Nothing to resume."""

    def stopProducing(self) -> None:
        """Nothing to stop."""
