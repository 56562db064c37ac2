"""A Twisted application that guards its own resources: a plain Site, and no proxy behind it.

    python examples/embedded.py --http-address=127.0.0.1:4180 --provider=oidc --oidc-issuer-url=… \
        --client-id=… --client-secret=… --cookie-secret=… --cookie-secure=false --email-domain=example.com

Everything that `o2sidecar run` understands is understood here; `--upstream` has no use.
"""

from __future__ import annotations

import os
import sys
from html import escape

from twisted.internet import reactor  # noqa: TID251 (an application meets it)
from twisted.internet.defer import ensureDeferred
from twisted.logger import globalLogBeginner, textFileLogObserver
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from o2sidecar.assembly import guard_resource
from o2sidecar.providers.registry import KnownProviders
from o2sidecar.settings.load import SettingsRefused, UsageRefused, load


class Hello(Resource):
    """Greets whoever is signed in: nobody else gets here."""

    isLeaf = True

    def render_GET(self, request: Request) -> bytes:
        """Who asks is in the request's headers, which no client can forge."""
        email = request.getHeader("x-forwarded-email") or "somebody"
        request.setHeader(b"content-type", b"text/html; charset=utf-8")
        return f"<!doctype html><title>Hello</title><p>Hello, {escape(email)}.".encode()


def application() -> Resource:
    """The application's own tree."""
    root = Resource()
    root.putChild(b"", Hello())
    root.putChild(b"hello", Hello())
    return root


def main() -> None:
    """Guard the tree and serve it."""
    try:
        loaded = load(sys.argv[1:], os.environ, providers=KnownProviders())
    except (SettingsRefused, UsageRefused) as refused:
        raise SystemExit(str(refused)) from None
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stdout)], redirectStandardIO=False)
    guarded = guard_resource(application(), loaded, reactor=reactor, write=sys.stdout.buffer.write)
    for warning in guarded.warnings:
        sys.stderr.write(f"warning: {warning}\n")
    for each in guarded.background:
        ensureDeferred(each.start())
        reactor.addSystemEventTrigger("before", "shutdown", each.stop)
    listener = loaded.structure.listeners[0]
    reactor.listenTCP(listener.port, Site(guarded.root), interface=listener.host)
    reactor.run()


if __name__ == "__main__":
    main()
