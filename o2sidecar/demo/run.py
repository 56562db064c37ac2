"""`o2sidecar demo`: composes the provider, two apps and two sidecars into one process, and runs it."""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from twisted.application.service import IService, MultiService, Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import Site

from o2sidecar.demo.announcement import announcement
from o2sidecar.demo.apps import App
from o2sidecar.demo.pages import Pages
from o2sidecar.demo.people import ADMITTED_GROUP
from o2sidecar.demo.plan import Plan, is_free, plan
from o2sidecar.demo.provider import Client, DemoProvider
from o2sidecar.demo.provider_site import ProviderSite
from o2sidecar.descriptors import raise_limit
from o2sidecar.foreground import Foreground
from o2sidecar.settings.load import Loaded, load

MakeSidecar = Callable[[Loaded, Callable[[bytes], object]], IService]
"""Builds a sidecar from settings and from what its log lines are written with."""


def main(arguments: Sequence[str]) -> int:
    """Run the demo until SIGINT or SIGTERM; 0 then. What cannot be done ends the process with a sentence."""
    wanted = plan(arguments, is_free)
    foreground = Foreground()
    from twisted.internet import reactor  # noqa: PLC0415, TID251 (after --help)

    from o2sidecar.assembly import make_sidecar  # noqa: PLC0415
    from o2sidecar.observe.standard import begin_logging, standard_log  # noqa: PLC0415

    def sidecar(loaded: Loaded, write: Callable[[bytes], object]) -> IService:
        return make_sidecar(loaded, reactor=reactor, write=write, descriptors=raise_limit())

    service = compose(wanted, reactor=reactor, random=os.urandom, make_sidecar=sidecar, write=_standard_output)
    begin_logging(standard_log(write=prefixed("demo", _standard_output), local=True))
    reactor.callWhenRunning(_standard_output, announcement(wanted).encode())
    foreground.run(service, reactor)
    return 0


def compose(
    wanted: Plan,
    *,
    reactor: Any,
    random: Callable[[int], bytes],
    make_sidecar: MakeSidecar,
    write: Callable[[bytes], object],
) -> MultiService:
    """The whole demo as one service; its servers listen when this returns, its sidecars when it is started.

    Secrets and keys come from `random`, anew each time.
    """
    pages = Pages()
    client = Client(
        client_id="demo",
        client_secret=_text(random(24)),
        redirect_uris=tuple(f"{url}/oauth2/callback" for url in wanted.app_urls),
        after_sign_out=tuple(f"{url}/" for url in wanted.app_urls),
    )
    provider = DemoProvider(issuer=wanted.provider_url, client=client, clock=reactor, random=random)
    site = ProviderSite(provider=provider, pages=pages, app="the o2sidecar demo")
    everything = MultiService()
    _serve(everything, site.resource(), wanted.listen, wanted.provider_port, reactor)
    cookie_secret = _text(random(32))
    urls = wanted.app_urls
    for index, name in enumerate(("App 1", "App 2")):
        upstream = wanted.own_app if index == 0 else ""
        if not upstream:
            app = App(name=name, other=f"App {2 - index}", other_url=f"{urls[1 - index]}/", pages=pages)
            upstream = f"http://{wanted.listen}:{_serve(everything, app, wanted.listen, 0, reactor)}"
        environment = sidecar_environment(wanted, urls[index], upstream, client, cookie_secret)
        sidecar = make_sidecar(load([], environment), prefixed(name.lower().replace(" ", ""), write))
        sidecar.setServiceParent(everything)
    return everything


def sidecar_environment(wanted: Plan, url: str, upstream: str, client: Client, cookie_secret: str) -> Mapping[str, str]:
    """The settings of the sidecar that is opened at `url`, as the variables that one would set for it."""
    variables = {
        "HTTP_ADDRESS": f"{wanted.listen}:{urlsplit(url).port}",
        "UPSTREAMS": upstream,
        "PROVIDER": "oidc",
        "PROVIDER_DISPLAY_NAME": "the demo provider",
        "OIDC_ISSUER_URL": wanted.provider_url,
        "CLIENT_ID": client.client_id,
        "CLIENT_SECRET": client.client_secret,
        "REDIRECT_URL": f"{url}/oauth2/callback",
        "EMAIL_DOMAINS": "*",
        "ALLOWED_GROUPS": ADMITTED_GROUP,
        "COOKIE_NAME": "o2sidecar_demo",
        "COOKIE_SECRET": cookie_secret,
        "COOKIE_SECURE": "false",  # plain HTTP, which never leaves this machine
        "WHITELIST_DOMAINS": ",".join(urlsplit(each).netloc for each in wanted.app_urls),
    }
    if wanted.named:
        variables["COOKIE_DOMAINS"] = wanted.host
    return {"O2SIDECAR_DEFAULTS": "o2sidecar", **{f"OAUTH2_PROXY_{key}": value for key, value in variables.items()}}


def prefixed(name: str, write: Callable[[bytes], object]) -> Callable[[bytes], object]:
    """Writes lines with a name in front, so that one can tell whose they are."""
    mark = f"{name:<4} | ".encode()

    def written(data: bytes) -> None:
        write(b"".join(mark + line for line in data.splitlines(keepends=True)))

    return written


class _QuietSite(Site):
    noisy = False
    displayTracebacks = False

    def log(self, request: Request) -> None:
        """Say nothing: the sidecars in front log every request."""


class _Listening(Service):
    """A port that listens already, closed with the service."""

    def __init__(self, port: IListeningPort) -> None:
        self._port = port

    def stopService(self) -> Deferred[Any]:
        """Close the port."""
        super().stopService()
        return maybeDeferred(self._port.stopListening)


def _serve(parent: MultiService, root: Resource, address: str, port: int, reactor: Any) -> int:
    """Serve a tree; the port, which the system picks for 0."""
    try:
        listening = reactor.listenTCP(port, _QuietSite(root), interface=address)
    except CannotListenError as error:
        raise SystemExit(f"o2sidecar demo: cannot listen on {address}:{port}: {error.socketError}") from None
    _Listening(listening).setServiceParent(parent)
    found: int = listening.getHost().port
    return found


def _text(random_bytes: bytes) -> str:
    return base64.urlsafe_b64encode(random_bytes).rstrip(b"=").decode()


def _standard_output(data: bytes) -> None:
    """Write to standard output at once; a reader that went away costs the line and nothing else."""
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except OSError:
        return
