"""What the demo was asked for: hosts, ports, and the reader's own app, read from the command line."""

from __future__ import annotations

import argparse
import ipaddress
import socket
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from attrs import frozen

USUAL_PORT = 4180
USUAL_PROVIDER_PORT = 9400


@frozen(kw_only=True)
class Plan:
    """Where everything of the demo is found. All of it listens on `listen`, a loopback address."""

    host: str
    """The name below which the apps have theirs, or the address that they share."""
    listen: str
    app1_port: int
    app2_port: int
    provider_port: int
    own_app: str = ""
    """The reader's own app, which stands in the place of the first one; empty: the demo's."""

    @property
    def named(self) -> bool:
        """Whether each app has a host name of its own."""
        return self.host.endswith(".localhost")

    @property
    def provider_url(self) -> str:
        """The provider's issuer; by address, since the sidecars must find it where no `*.localhost` resolves."""
        return f"http://{self.listen}:{self.provider_port}"

    @property
    def app1_url(self) -> str:
        """Where the first app is opened, without a path."""
        return f"http://{self._host('app1')}:{self.app1_port}"

    @property
    def app2_url(self) -> str:
        """Where the second app is opened, without a path."""
        return f"http://{self._host('app2')}:{self.app2_port}"

    @property
    def app_urls(self) -> tuple[str, str]:
        """Both."""
        return self.app1_url, self.app2_url

    def _host(self, name: str) -> str:
        return f"{name}.{self.host}" if self.named else self.host


def plan(arguments: Sequence[str], is_free: Callable[[str, int], bool]) -> Plan:
    """Read the command line. Ports that nobody asked for are the usual ones, or free ones where those are taken.

    Ends the process as argparse does: 0 after `--help`, 2 with a sentence for anything that makes no sense.
    """
    parser = _parser()
    given = parser.parse_args(list(arguments))
    listen = _loopback(given.host)
    if listen is None:
        parser.error(
            f"argument --host: {given.host!r} is not this machine alone. The demo has no passwords, so it listens "
            "on loopback only: give NAME.localhost, localhost or an address like 127.0.0.1"
        )
    if given.app and not _is_http_url(given.app):
        parser.error(f"argument --app: {given.app!r} is not a URL like http://127.0.0.1:8080")
    if not 0 <= given.port <= 65534:
        parser.error(f"argument --port: {given.port} is not a port")
    if given.port != USUAL_PORT and given.port:
        app1, app2 = given.port, given.port + 1
    else:
        app1 = _port(listen, given.port, (), is_free)
        app2 = _port(listen, given.port and USUAL_PORT + 1, (app1,), is_free)
    provider = _port(listen, given.port and USUAL_PROVIDER_PORT, (app1, app2), is_free)
    return Plan(
        host=given.host, listen=listen, app1_port=app1, app2_port=app2, provider_port=provider, own_app=given.app
    )


def is_free(address: str, port: int) -> bool:
    """Whether one could listen there just now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
        return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="o2sidecar demo",
        description="Runs an OpenID provider and two small apps, each behind a sidecar, on this machine alone. "
        "Ctrl-C stops everything; nothing is kept.",
        allow_abbrev=False,
    )
    parser.add_argument("--app", metavar="URL", default="", help="protect your own app instead of the first one")
    parser.add_argument(
        "--port",
        metavar="N",
        type=int,
        default=USUAL_PORT,
        help=f"port of the first app, the second has the next one; 0 takes free ones "
        f"(default {USUAL_PORT}, or a free one if it is taken)",
    )
    parser.add_argument(
        "--host",
        default="demo.localhost",
        help="name below which the apps are found, or 127.0.0.1 where *.localhost does not resolve "
        "(default demo.localhost)",
    )
    return parser


def _loopback(host: str) -> str | None:
    """The loopback address to listen on for a host; `None` where it is not loopback (RFC 6761 §6.3)."""
    if host == "localhost" or (host.endswith(".localhost") and all(host.split("."))):
        return "127.0.0.1"
    try:
        return host if ipaddress.IPv4Address(host).is_loopback else None
    except ValueError:
        return None


def _is_http_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _port(address: str, usual: int, taken: Sequence[int], is_free: Callable[[str, int], bool]) -> int:
    """The usual port if it is free, else one that the system picks."""
    if usual and usual not in taken and is_free(address, usual):
        return usual
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind((address, 0))
            port: int = probe.getsockname()[1]
        if port not in taken:
            return port
