"""Where a person goes after signing in or out: the first safe one of what the request names (CONTRACT §5)."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from o2sidecar.http.exchange import Exchange
from o2sidecar.policy.peers import Forwarding
from o2sidecar.policy.redirects import Redirects
from o2sidecar.refusals import BadRequest
from o2sidecar.signin.fields import Fields, query_fields


@frozen(kw_only=True)
class Destinations:
    """Finds the destination of a request.

    `prefix`: the path of the own endpoints, without a slash at its end. `semicolons`: whether they separate the fields
    of a query.
    """

    redirects: Redirects
    forwarding: Forwarding
    prefix: str
    semicolons: bool = False

    def of(self, exchange: Exchange, fields: Fields, *, own_endpoints: bool = False) -> str:
        """A local path or an URL on an allowed host; `fields` is what the request submitted. `/` if it names none.

        `own_endpoints`: whether it may be one of ours, as after signing out; after signing in that would be a circle.
        """
        return self.redirects.first(self._candidates(exchange, fields), own_endpoints=own_endpoints)

    def of_page(self, exchange: Exchange) -> str:
        """The destination of a request for any path, whose query may be anything."""
        try:
            fields = query_fields(exchange, self.semicolons)
        except BadRequest:
            fields = Fields()
        return self.of(exchange, fields)

    def page_itself(self, exchange: Exchange) -> str:
        """The page that the request is for, whatever else it names."""
        return self.redirects.first([self.forwarding.uri(exchange)])

    def renewed(self, exchange: Exchange) -> str:
        """The page of a login in a window of its own once more, for whom that ended without a session."""
        page, query = f"{self.prefix}/renewed", exchange.target.partition(b"?")[2].decode("latin-1")
        return self.redirects.first([f"{page}?{query}", page] if query else [page])

    def _candidates(self, exchange: Exchange, fields: Fields) -> Iterator[str]:
        # 1. What the request asks for in so many words.
        if named := fields.first("rd"):
            yield named
        # 2. What a proxy in front asks for.
        if header := exchange.header(b"x-auth-request-redirect"):
            yield header.decode("latin-1")
        uri = self._outside(self.forwarding.uri(exchange))
        # 3. The page that a trusted proxy was asked for, on the host that it was asked for.
        if exchange.header(b"x-forwarded-host") and self.forwarding.trusts(exchange):
            yield f"{self.forwarding.scheme(exchange, 'http')}://{self.forwarding.host(exchange)}{uri}"
        # 4. The page itself.
        yield uri

    def _outside(self, uri: str) -> str:
        """Nobody wants to come back to one of our own endpoints."""
        return "/" if uri.startswith(self.prefix + "/") else uri
