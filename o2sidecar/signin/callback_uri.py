"""The redirect_uri of authorization and token requests (RFC 6749 §3.1.2, §4.1.3)."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from attrs import frozen

from o2sidecar.http.exchange import Exchange
from o2sidecar.policy.peers import Forwarding


@frozen(kw_only=True)
class CallbackUri:
    """Where the provider sends the browser back to.

    `configured`: the operator's URL, absolute (then it is used as it is) or only a path, or empty. `path`: the
    callback endpoint's. `relative`: send the path alone, and leave it to the provider to know the host. `secure`:
    always https, whatever the connection looks like from here.

    Without an absolute URL the host is the request's: then the provider's list of registered URIs is what keeps a
    code from going to a foreign host (security.md O19).
    """

    configured: str
    path: str
    relative: bool
    secure: bool
    forwarding: Forwarding

    def of(self, exchange: Exchange, below: str = "") -> str:
        """The URI for a request; the same for a login's start and its callback on the same host.

        `below`: the segment below the callback's path, for a provider that has one of its own.
        """
        given = urlsplit(self.configured)
        path = given.path if given.path.strip("/") else self.path
        if below:
            path = f"{path.rstrip('/')}/{below}"
        if self.relative:
            return urlunsplit(("", "", path, given.query, ""))
        if given.netloc:
            return urlunsplit((given.scheme, given.netloc, path, given.query, ""))
        return urlunsplit((*self._origin(exchange), path, given.query, ""))

    def way_back(self, exchange: Exchange, redirect: str) -> str:
        """How the callback has to write a target of this request so that it leads there.

        Where the callback is on another host (one for all apps under a domain), a local target is one of this host.
        """
        host = urlsplit(self.configured).netloc
        if not host or self.relative or host == self.forwarding.host(exchange) or not redirect.startswith("/"):
            return redirect
        return urlunsplit((*self._origin(exchange), "", "", "")) + redirect

    def _origin(self, exchange: Exchange) -> tuple[str, str]:
        """The scheme and the host of a request, as its browser sees them."""
        scheme = "https" if self.secure else self.forwarding.scheme(exchange, "http")
        return scheme, self.forwarding.host(exchange)
