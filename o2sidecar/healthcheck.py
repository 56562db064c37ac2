"""`o2sidecar healthcheck`: asks a running sidecar's ping path; the image's health check, which has no curl."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException

_USAGE = """Usage: o2sidecar healthcheck [ADDRESS]

Asks http://ADDRESS/ping, ADDRESS being HOST:PORT; without one, what OAUTH2_PROXY_HTTP_ADDRESS says, and else
127.0.0.1:4180. Exit status 0 if the sidecar answers 200 within two seconds, else 1.
"""
_TIMEOUT = 2.0


def main(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """Ask; 0 if the answer is 200, 1 if it is anything else, 2 for arguments that make no sense."""
    if any(argument.startswith("-") for argument in arguments) or len(arguments) > 1:
        asked = arguments[0] in {"-h", "--help"}
        (sys.stdout if asked else sys.stderr).write(_USAGE)
        return 0 if asked else 2
    address = arguments[0] if arguments else environment.get("OAUTH2_PROXY_HTTP_ADDRESS") or "127.0.0.1:4180"
    host, _, port = address.removeprefix("http://").rpartition(":")
    path = environment.get("OAUTH2_PROXY_PING_PATH") or "/ping"
    try:
        connection = HTTPConnection(_reachable(host.strip("[]")), int(port), timeout=_TIMEOUT)
        connection.request("GET", path, headers={"User-Agent": environment.get("OAUTH2_PROXY_PING_USER_AGENT", "")})
        status = connection.getresponse().status
    except (OSError, ValueError, HTTPException) as error:
        sys.stderr.write(f"o2sidecar healthcheck: {address} does not answer: {error}\n")
        return 1
    if status != 200:
        sys.stderr.write(f"o2sidecar healthcheck: {address} answered {status}\n")
        return 1
    return 0


def _reachable(host: str) -> str:
    """The address to connect to for one that is listened on: all addresses include loopback."""
    return {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (compared, not bound)
