"""Where to listen: the value of `http_address` or `https_address`."""

from __future__ import annotations

import re

from attrs import frozen

from o2sidecar.settings.kinds import shown

_HOST_AND_PORT = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%a-z]+\]|[A-Za-z0-9._-]*):(?P<port>[0-9]{1,5})")
_UNIX = re.compile(r"unix:(?://)?(?P<path>[^,]+)(?:,mode=(?P<mode>0?[0-7]{3}))?")
_DESCRIPTOR = re.compile(r"fd:(?P<number>[0-9]{1,5})")


@frozen(kw_only=True)
class Address:
    """One of: a TCP `host` (empty: all addresses) and `port`; a socket at `path`; an inherited `descriptor`.

    Attributes:
        host: a name or an address, IPv6 without brackets.
        port: 0 lets the system choose.
        path: of a unix socket; empty if it is none.
        mode: permissions of the unix socket; None: owner and group may connect.
        descriptor: a listening socket that the parent process opened; None if it is none.
        secure: whether TLS is spoken there.
    """

    host: str = ""
    port: int = 0
    path: str = ""
    mode: int | None = None
    descriptor: int | None = None
    secure: bool = False

    @classmethod
    def parse(cls, text: str, *, secure: bool = False) -> Address:
        """From `HOST:PORT`, `:PORT`, `http://HOST:PORT`, `unix://PATH[,mode=0660]` or `fd:NUMBER`.

        With `secure` it is `https://HOST:PORT`. Raises `ValueError` with a sentence for anything else.
        """
        if match := _UNIX.fullmatch(text):
            return cls(path=match["path"], mode=int(match["mode"], 8) if match["mode"] else None, secure=secure)
        if match := _DESCRIPTOR.fullmatch(text):
            return cls(descriptor=int(match["number"]), secure=secure)
        scheme = "https://" if secure else "http://"
        match = _HOST_AND_PORT.fullmatch(text.removeprefix(scheme).removesuffix("/"))
        if match is None or int(match["port"]) > 65535:
            raise ValueError(f"must be HOST:PORT, unix://PATH or fd:NUMBER, not {shown(text)}")
        return cls(host=match["host"].strip("[]"), port=int(match["port"]), secure=secure)
