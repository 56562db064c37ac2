"""What the other end of a connection is called, for policy and the log."""

from __future__ import annotations

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress


def other_end(address: IAddress | None) -> tuple[str, int]:
    """Its host and port; `unix` and 0 for a unix socket; `unknown` and 0, which nobody trusts, for anything else."""
    if isinstance(address, (IPv4Address, IPv6Address)):
        return address.host, address.port
    return ("unix" if isinstance(address, UNIXAddress) else "unknown"), 0
