"""Reads the preamble of the PROXY protocol, versions 1 and 2: whose connection a proxy in front passes on.

Strict, for whoever sends it is believed: what is not exactly as the protocol's specification has it
(haproxy.org/download/3.2/doc/proxy-protocol.txt, §2) is refused. Extensions (TLVs, §2.2) are passed over.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address

Source = tuple[str, int]
"""An address and a port."""

_LONGEST_LINE = 107
_HIGHEST_PORT = 65535
_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_HEADER_SIZE = 16
_LONGEST_REST = 4096
"""Addresses and extensions of version 2; the protocol would allow 64 KiB, nobody sends more than some hundred bytes."""

_LINE = re.compile(
    rb"PROXY (?:UNKNOWN(?: [ -~]*)?"
    rb"|TCP([46]) ([0-9A-Fa-f.:]+) ([0-9A-Fa-f.:]+) (0|[1-9][0-9]{0,4}) (0|[1-9][0-9]{0,4}))"
)
_LOCAL, _PROXY = 0x20, 0x21
_UNSPECIFIED, _TCP_4, _TCP_6, _UNIX_STREAM = 0x00, 0x11, 0x21, 0x31
_ADDRESSES_SIZE = {_UNSPECIFIED: 0, _TCP_4: 12, _TCP_6: 36, _UNIX_STREAM: 216}

_NEVER = 1 << 16


class PreambleRefused(Exception):
    """A connection that does not begin as it must; as text, why."""


def split_preamble(data: bytes) -> tuple[Source | None, bytes] | None:
    """Whose connection it is, and what comes behind the preamble; `None` while it is not all here.

    The source is `None` where the proxy speaks for itself, or does not know (LOCAL, UNKNOWN and UNSPEC, or the client
    is at a unix socket of its): then it is the connection's own other end. Raises `PreambleRefused`.
    """
    if data[:1] == b"P":
        return _version_1(data)
    if _SIGNATURE.startswith(data[: len(_SIGNATURE)]):
        return _version_2(data)
    raise PreambleRefused("it does not begin with the PROXY protocol")


def _version_1(data: bytes) -> tuple[Source | None, bytes] | None:
    """§2.1: one line."""
    if not b"PROXY ".startswith(data[:6]):
        raise PreambleRefused("it does not begin with the PROXY protocol")
    end = data.find(b"\r\n", 0, _LONGEST_LINE)
    if end < 0:
        if len(data) >= _LONGEST_LINE:
            raise PreambleRefused("its line of the PROXY protocol is too long")
        return None
    line = _LINE.fullmatch(data[:end])
    if line is None:
        raise PreambleRefused("its line of the PROXY protocol is malformed")
    version, *texts = line.groups()
    return (_source(version == b"4", *texts) if version else None), data[end + 2 :]


def _source(four: bool, source: bytes, destination: bytes, port: bytes, other_port: bytes) -> Source:
    kind = IPv4Address if four else IPv6Address
    try:
        address, _ = kind(source.decode()), kind(destination.decode())
    except ValueError:
        raise PreambleRefused("its line of the PROXY protocol has an address that is none") from None
    if max(int(port), int(other_port)) > _HIGHEST_PORT:
        raise PreambleRefused("its line of the PROXY protocol has a port that is none")
    return _plain(address), int(port)


def _version_2(data: bytes) -> tuple[Source | None, bytes] | None:
    """§2.2: a signature, command and family, the length of the rest, then addresses and extensions."""
    if len(data) < _HEADER_SIZE:
        return None
    command, family = data[12], data[13]
    size = int.from_bytes(data[14:16], "big")
    if command not in {_LOCAL, _PROXY}:
        raise PreambleRefused("its PROXY protocol has a version or command that is not known")
    if command == _PROXY and size < _ADDRESSES_SIZE.get(family, _NEVER):
        raise PreambleRefused("its PROXY protocol has addresses that are cut or of a kind that is not served")
    if size > _LONGEST_REST:
        raise PreambleRefused("its PROXY protocol is too long")
    if len(data) < _HEADER_SIZE + size:
        return None
    rest = data[_HEADER_SIZE + size :]
    if command == _PROXY and family == _TCP_4:
        return (_plain(IPv4Address(data[16:20])), int.from_bytes(data[24:26], "big")), rest
    if command == _PROXY and family == _TCP_6:
        return (_plain(IPv6Address(data[16:32])), int.from_bytes(data[48:50], "big")), rest
    return None, rest


def _plain(address: IPv4Address | IPv6Address) -> str:
    """As text; IPv4 in IPv6 is IPv4."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)
