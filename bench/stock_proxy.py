"""A program: what one builds from twisted.web alone. `python -m bench.stock_proxy PORT APP_PORT ACCESS_LOG`.

`twisted.web.proxy.ReverseProxyResource` in a `Site`, behind a resource that checks a signed cookie and says to the app
who is there. The check is the least that can be done, one HMAC, so that it flatters what it is compared with.
"""

from __future__ import annotations

import hashlib
import hmac
import sys
from typing import Any

from twisted.internet import reactor  # noqa: TID251 (a program meets it)
from twisted.web.pages import forbidden
from twisted.web.proxy import ReverseProxyResource
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request, Site

COOKIE = "session"
_KEY = b"nothing-but-the-bench-knows-this"


def signed(session: str) -> str:
    """A cookie value that `Checked` believes; the session is a user, a colon, and what else there is of it."""
    return f"{session}|{hmac.new(_KEY, session.encode(), hashlib.sha256).hexdigest()}"


class Checked(Resource):
    """Passes on to `inner` what has a good cookie."""

    def __init__(self, inner: ReverseProxyResource) -> None:
        super().__init__()
        self._inner = inner

    def getChild(self, path: bytes, request: Request) -> IResource:
        """The proxy, or a refusal."""
        value = (request.getCookie(COOKIE.encode()) or b"").decode("latin-1")
        session = value.partition("|")[0]
        if not hmac.compare_digest(value.encode(), signed(session).encode()):
            return forbidden()
        request.requestHeaders.setRawHeaders(b"x-forwarded-user", [session.partition(":")[0].encode()])
        child: IResource = self._inner.getChild(path, request)
        return child


def main(port: int, app_port: int, access_log: str, reactor: Any) -> None:
    """Serve until the process is ended."""
    site = Site(Checked(ReverseProxyResource("127.0.0.1", app_port, b"")), logPath=access_log.encode())
    reactor.listenTCP(port, site, backlog=1024, interface="127.0.0.1")
    reactor.run()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], reactor)
