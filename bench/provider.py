"""A program: the demo's OpenID provider, for one client. `python -m bench.provider PORT CALLBACK…`."""

from __future__ import annotations

import os
import sys
from typing import Any

from twisted.internet import reactor  # noqa: TID251 (a program meets it)
from twisted.web.server import Site

from o2sidecar.demo.pages import Pages
from o2sidecar.demo.provider import Client, DemoProvider
from o2sidecar.demo.provider_site import ProviderSite

CLIENT_ID = "bench"
CLIENT_SECRET = "nothing-but-the-bench-knows-this"
PERSON = "ada"
"""Whom sign-ins are for, of the demo's people."""


def main(port: int, callbacks: tuple[str, ...], reactor: Any) -> None:
    """Serve until the process is ended."""
    client = Client(client_id=CLIENT_ID, client_secret=CLIENT_SECRET, redirect_uris=callbacks)
    provider = DemoProvider(issuer=f"http://127.0.0.1:{port}", client=client, clock=reactor, random=os.urandom)
    site = ProviderSite(provider=provider, pages=Pages(), app="the bench")
    reactor.listenTCP(port, Site(site.resource()), interface="127.0.0.1")
    reactor.run()


if __name__ == "__main__":
    main(int(sys.argv[1]), tuple(sys.argv[2:]), reactor)
