"""`o2sidecar healthcheck`: asks a running sidecar's ping path; the image's health check, which has no curl."""

from __future__ import annotations

import os
import socket
import ssl
import sys
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException

from attrs import frozen

from o2sidecar.settings.kinds import switch_from_text
from o2sidecar.settings.listeners import Address

_USAGE = """Usage: o2sidecar healthcheck [ADDRESS]

Asks ADDRESS for /ping: HOST:PORT, https://HOST:PORT or unix://PATH. Without one it is found as the sidecar finds its
own, as far as variables say it, and else 127.0.0.1:4180. A certificate is not verified. Exit status 0 if the sidecar
answers 200 within two seconds, else 1.
"""
_TIMEOUT = 2.0


@frozen(kw_only=True)
class Question:
    """Where a sidecar is asked, and how; by TLS if the listener is secure.

    `introduced`: whether it wants the PROXY protocol first.
    """

    listener: Address
    introduced: bool
    path: str
    agent: str

    @classmethod
    def of(cls, arguments: Sequence[str], environment: Mapping[str, str]) -> Question:
        """From the command line and the sidecar's own variables; raises `ValueError` with a sentence."""

        def said(key: str) -> str:
            return environment.get(f"OAUTH2_PROXY_{key}", "")

        if arguments:
            listener = Address.parse(arguments[0], secure=arguments[0].startswith("https://"))
        elif said("TLS_CERT_FILE") and not switch_from_text(said("FORCE_HTTPS") or "false"):
            listener = Address.parse(said("HTTPS_ADDRESS") or ":443", secure=True)
        else:
            listener = Address.parse(said("HTTP_ADDRESS") or "127.0.0.1:4180")
        introduced = switch_from_text(environment.get("O2SIDECAR_PROXY_PROTOCOL") or "false")
        return cls(
            listener=listener, introduced=introduced, path=said("PING_PATH") or "/ping", agent=said("PING_USER_AGENT")
        )

    def status(self) -> int:
        """Of the answer; raises `OSError` or `HTTPException`."""
        with self._connected() as connected:
            connection = HTTPConnection("localhost")
            connection.sock = connected
            connection.request("GET", self.path, headers={"User-Agent": self.agent})
            return connection.getresponse().status

    def _connected(self) -> socket.socket:
        if self.listener.path:
            made = socket.socket(socket.AF_UNIX)
            made.settimeout(_TIMEOUT)
            made.connect(self.listener.path)
        else:
            made = socket.create_connection((_reachable(self.listener.host), self.listener.port), _TIMEOUT)
        if self.introduced:
            made.sendall(b"PROXY UNKNOWN\r\n")
        if not self.listener.secure:
            return made
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # This machine's own sidecar, whose certificate is for another name.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context.wrap_socket(made)


def main(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """Ask; 0 if the answer is 200, 1 if it is anything else, 2 for arguments that make no sense."""
    if any(argument.startswith("-") for argument in arguments) or len(arguments) > 1:
        asked = arguments[0] in {"-h", "--help"}
        (sys.stdout if asked else sys.stderr).write(_USAGE)
        return 0 if asked else 2
    try:
        status = Question.of(arguments, environment).status()
    except (OSError, ValueError, HTTPException) as error:
        sys.stderr.write(f"o2sidecar healthcheck: the sidecar does not answer: {error}\n")
        return 1
    if status != 200:
        sys.stderr.write(f"o2sidecar healthcheck: the sidecar answered {status}\n")
        return 1
    return 0


def _reachable(host: str) -> str:
    """The address to connect to for one that is listened on: all addresses include loopback."""
    return {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (compared, not bound)
