"""Provider URLs, before anything is sent to them: well-formed, and not somewhere that a provider cannot be."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit

_LONGEST = 2048


def configured_url(text: str, option: str) -> str:
    """A URL that the operator chose: http or https, whatever the host. Raises `ValueError` naming the option."""
    try:
        _split(text)
    except ValueError as error:
        raise ValueError(f"{option}: {error}") from None
    return text


def discovered_url(text: object, *, issuer: str, member: str) -> str:
    """A URL that a document of the provider names; raises `ValueError` naming the member.

    It cannot be less safe than the issuer's: no http where that is https, and no address inside (loopback, private,
    link-local such as a cloud's metadata service) unless the issuer has one, too.
    """
    if not isinstance(text, str):
        raise ValueError(f"{member} is missing or not a text")
    try:
        found, trusted = _split(text), _split(issuer)
        if trusted.scheme == "https" and found.scheme != "https":
            raise ValueError("it must be https, as the issuer is")
        if _is_inside(found.hostname or "") and not _is_inside(trusted.hostname or ""):
            raise ValueError("it points to an internal address")
    except ValueError as error:
        raise ValueError(f"{member}: {error}") from None
    return text


def _split(text: str) -> SplitResult:
    if not 0 < len(text) <= _LONGEST or not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        raise ValueError("not a URL")
    split = urlsplit(text)
    if split.scheme not in {"http", "https"} or not split.hostname:
        raise ValueError("not an http or https URL with a host")
    if "@" in split.netloc or split.fragment:
        raise ValueError("a URL with a user or a fragment cannot be used")
    if split.port == 0:
        raise ValueError("port 0 cannot be connected to")
    return split


def _is_inside(host: str) -> bool:
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        # A name, or a number in a shape that only some resolvers read (octal, hexadecimal, fewer than four parts).
        return name.rpartition(".")[2].startswith(tuple("0123456789"))
    return not address.is_global
