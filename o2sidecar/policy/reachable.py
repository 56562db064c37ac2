"""Which addresses we connect to when we ask a provider, whoever named the host (security.md X9).

What a discovery document or a token names is somebody else's choice, and may be the way to what only we can reach.
So it is the address that is judged, when it is connected to, and not the name, which may mean another one by then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_network

from attrs import field, frozen

from o2sidecar.policy.peers import TrustedAddresses, parse_address

_NEVER = tuple(
    ip_network(text)
    for text in ("169.254.0.0/16", "fe80::/10", "100.100.100.200/32", "fd00:ec2::254/128", "fd20:ce::254/128")
)
"""Link-local addresses and those where clouds hand out credentials to whoever asks (Alibaba, AWS, Google)."""

_NAT64 = ip_network("64:ff9b::/96")


class AddressRefused(OSError):
    """An address is not to be connected to; the text says why, for the log."""


def _names(hosts: Iterable[str]) -> frozenset[str]:
    return frozenset(_name(host) for host in hosts if host)


def _name(host: str) -> str:
    return host.strip("[]").rstrip(".").lower()


@frozen(kw_only=True)
class Reachable:
    """The rule.

    `named_hosts`: those that the operator's settings name; they may be anywhere but where no provider can be. Others,
    which a provider names, must have public addresses or be in one of the `private` networks.
    """

    named_hosts: frozenset[str] = field(default=frozenset(), converter=_names)
    private: TrustedAddresses = field(factory=TrustedAddresses)

    def require(self, host: str, address: str) -> None:
        """Raise `AddressRefused` unless a connection to the host may go to this address of its."""
        readings = tuple(_readings(address))
        if not readings or any(reading in network for reading in readings for network in _NEVER):
            raise AddressRefused(f"{address} is the address of a metadata service, or of no host at all")
        inside = [reading for reading in readings if not reading.is_global]
        if _name(host) in self.named_hosts or all(self.private.admits(str(reading)) for reading in inside):
            return
        raise AddressRefused(
            f"{address} is a private address, and neither do settings name the host nor provider_private_addresses"
            " the address"
        )


def _readings(address: str) -> Iterator[IPv4Address | IPv6Address]:
    """An address, and the IPv4 address within it that some network may turn it into."""
    read = parse_address(address)
    if read is None:
        return
    yield read
    if not isinstance(read, IPv6Address):
        return
    low = IPv4Address(int(read) & 0xFFFFFFFF)
    # RFC 6052 §2.1, RFC 4291 §2.5.5.1 (but for :: and ::1), RFC 3056 §2, RFC 4380 §4.
    if read in _NAT64 or 1 < int(read) <= 0xFFFFFFFF:
        yield low
    if read.sixtofour is not None:
        yield read.sixtofour
    if read.teredo is not None:
        yield read.teredo[1]
