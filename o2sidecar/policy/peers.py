"""Whose word about the client is believed: forwarding fields of trusted proxies, and addresses that need no session."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Protocol

from attrs import field, frozen

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

UNIX = "unix"
"""What the peer of a unix socket is called."""

REAL_CLIENT_IP_HEADERS = (
    "X-Real-IP",
    "X-Forwarded-For",
    "X-ProxyUser-IP",
    "X-Envoy-External-Address",
    "CF-Connecting-IP",
)
"""The fields that may tell the client's address."""

_WITH_PORT = re.compile(r"\[(?P<six>[0-9A-Fa-f:.]+(?:%[^\]\s]+)?)\](?::[0-9]{1,5})?|(?P<four>[0-9.]+):[0-9]{1,5}")
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_MOST_HOPS = 64
_LONGEST_ADDRESS = 80
_MOST_KNOWN = 1024


class RequestFacts(Protocol):
    """What must be known of a request."""

    @property
    def peer(self) -> str:
        """The address at the other end of the connection; `unix` for a unix socket."""

    @property
    def secure(self) -> bool:
        """Whether the connection itself is TLS."""

    @property
    def target(self) -> bytes:
        """Path and query, as they came."""

    @property
    def host(self) -> bytes:
        """The Host field's value."""

    def values(self, name: bytes) -> list[bytes]:
        """All values of a field, `name` in lower case, in order."""


def parse_address(text: str) -> Address | None:
    """An IP address, with or without a port and a zone; `None` if it is none. IPv4 in IPv6 becomes IPv4 (A7)."""
    return _parsed(text.strip(" \t")) if len(text) <= _LONGEST_ADDRESS else None


@lru_cache(maxsize=1024)
def _parsed(text: str) -> Address | None:
    found = _WITH_PORT.fullmatch(text)
    if found is not None:
        text = found["six"] or found["four"]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _network(text: str) -> Network:
    try:
        network = ip_network(text.strip(), strict=False)
    except ValueError:
        raise ValueError(f"{text!r} is no IP address and no network such as 10.0.0.0/8") from None
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    if mapped is None or network.prefixlen < 96:
        return network
    return ip_network(f"{mapped}/{network.prefixlen - 96}", strict=False)


@frozen
class TrustedAddresses:
    """A set of addresses and networks. What it said of an address is remembered, bounded."""

    networks: tuple[Network, ...] = ()
    _known: dict[str, bool] = field(init=False, factory=dict, eq=False, repr=False)

    @classmethod
    def parse(cls, texts: Iterable[str]) -> TrustedAddresses:
        """Of addresses and networks (`10.0.0.0/8`); raises `ValueError` that names every text that is neither."""
        networks, problems = [], []
        for text in texts:
            try:
                networks.append(_network(text))
            except ValueError as error:
                problems.append(str(error))
        if problems:
            raise ValueError("; ".join(problems))
        return cls(tuple(networks))

    def admits(self, address: str | None) -> bool:
        """Whether an address is in the set; what is no address is not."""
        if not self.networks or not address:
            return False
        known = self._known.get(address)
        if known is None:
            parsed = parse_address(address)
            known = parsed is not None and any(parsed in network for network in self.networks)
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            if len(address) <= _LONGEST_ADDRESS:
                self._known[address] = known
        return known


_LOOPBACK = TrustedAddresses.parse(["127.0.0.0/8", "::1"])


def _or_loopback(trusted: TrustedAddresses) -> TrustedAddresses:
    return trusted if trusted.networks else _LOOPBACK


@frozen(kw_only=True)
class Forwarding:
    """Reads what proxies in front say about a request, if they may be believed (RFC 9700 §4.13).

    `reverse_proxy`: whether there are any. `trusted_proxies`: whose word counts; with none it is loopback's only
    (security.md U10), and that of a unix socket's peer. `real_client_ip_header`: the field that tells the client's
    address.
    """

    reverse_proxy: bool = False
    trusted_proxies: TrustedAddresses = field(default=_LOOPBACK, converter=_or_loopback)
    real_client_ip_header: str = field(default="X-Real-IP")
    _field: bytes = field(init=False, repr=False)

    @real_client_ip_header.validator
    def _is_known(self, attribute: object, value: str) -> None:
        if value.lower() not in map(str.lower, REAL_CLIENT_IP_HEADERS):
            raise ValueError(f"{value!r} tells no client's address; there are {', '.join(REAL_CLIENT_IP_HEADERS)}")

    @_field.default
    def _lower_field(self) -> bytes:
        return self.real_client_ip_header.lower().encode("ascii", "replace")

    def trusts(self, facts: RequestFacts) -> bool:
        """Whether the peer is a proxy whose forwarding fields count."""
        return self.reverse_proxy and self.is_proxy(facts.peer)

    def is_proxy(self, peer: str) -> bool:
        """Whether a trusted proxy is at the other end of a connection, by its address."""
        return peer == UNIX or self.trusted_proxies.admits(peer)

    def client_address(self, facts: RequestFacts) -> str:
        """The client's address without port; empty if a trusted proxy does not tell it in a way that is one address.

        Of `X-Forwarded-For`, the last entry that is not a trusted proxy's counts: only what trusted proxies appended
        is known to be true.
        """
        if not self.trusts(facts):
            return facts.peer
        if self._field == b"x-forwarded-for":
            return self._last_untrusted(b",".join(facts.values(self._field)).decode("latin-1").split(","))
        told = {parse_address(value.decode("latin-1")) for value in facts.values(self._field)}
        address = told.pop() if len(told) == 1 else None
        return "" if address is None else str(address)

    def _last_untrusted(self, hops: Sequence[str]) -> str:
        address = ""
        for hop in hops[: -_MOST_HOPS - 1 : -1]:
            parsed = parse_address(hop)
            if parsed is None:
                return ""
            address = str(parsed)
            if not self.trusted_proxies.admits(address):
                return address
        return address

    def scheme(self, facts: RequestFacts, default: str = "http") -> str:
        """`http` or `https`: what the trusted proxy says, else what the connection is; `default` if that is not TLS."""
        told = self._told(facts, b"x-forwarded-proto").lower()
        if told in ("http", "https"):
            return told
        return "https" if facts.secure else default

    def host(self, facts: RequestFacts) -> str:
        """The host that the client asked for, with its port if it named one."""
        told = self._told(facts, b"x-forwarded-host")
        return told if _HOST.fullmatch(told) else facts.host.decode("latin-1")

    def uri(self, facts: RequestFacts) -> str:
        """The path and query that the client asked for; empty if a trusted proxy tells several."""
        told = set(facts.values(b"x-forwarded-uri")) - {b""} if self.trusts(facts) else set()
        if len(told) > 1:
            return ""
        return (told.pop() if told else facts.target).decode("utf-8", "replace")

    def _told(self, facts: RequestFacts, name: bytes) -> str:
        """The first entry of a trusted proxy's field; empty if there is none, or several fields that differ."""
        told = set(facts.values(name)) if self.trusts(facts) else set()
        value = told.pop() if len(told) == 1 else b""
        return value.partition(b",")[0].strip(b" \t").decode("latin-1")
