"""Upstreams: where requests go, as values."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from attrs import frozen

from o2sidecar.policy.rewriting import Rewriting
from o2sidecar.settings.kinds import shown, shown_url

_LABEL = r"[A-Za-z0-9_-]{1,63}"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(%{_LABEL})?")
_PATH = re.compile(r"/[!-~]*")
_STATUS = re.compile(r"[2-5][0-9]{2}")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@frozen(kw_only=True)
class Upstream:
    """One place that requests go to.

    Attributes:
        id: its name in the log.
        path: what is sent there: a path that ends in `/` means all below it, another one just itself. The path stays
            as it is; with `rewriting`, this is the text of its pattern.
        rewriting: which paths are sent there, and with what target, where that is said by a pattern.
        uri: the text that it was made from, without what says which requests go there in the case of `file`.
        scheme: `http`, `https`, `unix` (HTTP over a socket), `file` (a folder) or `static` (a fixed answer).
        host: name or address, IPv6 without brackets; of `http` and `https`.
        port: of `http` and `https`.
        socket: path of the socket; of `unix`.
        folder: path of the folder whose files are served; of `file`.
        status: HTTP status of the fixed answer; of `static`.
        timeout: seconds that it may take to begin its answer; 0: any time.
        pass_host_header: whether it gets the request's Host, or else `authority`.
        proxy_websockets: whether requests may be upgraded.
        insecure_skip_verify: whether its certificate is not verified.
        keep_alive: whether connections to it are used again.
    """

    id: str
    path: str
    uri: str
    scheme: str
    rewriting: Rewriting | None = None
    host: str = ""
    port: int = 0
    socket: str = ""
    folder: str = ""
    status: int = 200
    timeout: float = 30.0
    pass_host_header: bool = True
    proxy_websockets: bool = True
    insecure_skip_verify: bool = False
    keep_alive: bool = True

    @property
    def authority(self) -> str:
        """Host and port as a Host field has them (RFC 9110 §7.2); the default port is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host or "localhost"
        return host if self.port == _DEFAULT_PORTS.get(self.scheme, self.port) else f"{host}:{self.port}"

    @classmethod
    def parse(cls, uri: str) -> Upstream:
        """From a URL whose path says which requests go there; raises `ValueError` with a sentence."""
        try:
            parts = urlsplit(uri)
        except ValueError:
            raise ValueError(f"{shown_url(uri)} is no URL") from None
        if parts.scheme in {"http", "https"}:
            return cls._of_http(uri)
        if parts.scheme == "unix":
            if not parts.path or parts.netloc or parts.query or parts.fragment:
                raise ValueError(f"{shown_url(uri)} must be unix:// and the absolute path of a socket")
            return cls(id="/", path="/", uri=uri, scheme="unix", socket=parts.path)
        if parts.scheme == "static":
            # What is no status means 200, as it does to oauth2-proxy.
            status = int(parts.netloc) if _STATUS.fullmatch(parts.netloc) else 200
            return cls(id="/", path="/", uri=f"static://{status}", scheme="static", status=status)
        if parts.scheme == "file":
            return cls._of_file(uri)
        raise ValueError(f"the scheme {shown(parts.scheme)} is none of http, https, unix, file and static")

    @classmethod
    def _of_file(cls, uri: str) -> Upstream:
        """The fragment says which requests get the folder's files; without one, those for the folder's own path."""
        parts = urlsplit(uri)
        folder = unquote(parts.path)
        path = parts.fragment or parts.path
        if parts.netloc or not folder.startswith("/") or parts.query or "\0" in folder:
            raise ValueError(f"{shown_url(uri)} must be file:// and the absolute path of a folder")
        uri = uri.partition("#")[0]
        return cls(id=path, path=checked_path(path), uri=uri, scheme="file", folder=folder)

    @classmethod
    def _of_http(cls, uri: str) -> Upstream:
        parts = urlsplit(uri)
        if parts.username is not None or parts.password is not None:
            raise ValueError("it must not hold a user or a password")
        try:
            port = parts.port
        except ValueError:
            raise ValueError(f"the port of {shown_url(uri)} is no number below 65536") from None
        if not parts.netloc.isascii():
            raise ValueError(f"the host of {shown_url(uri)} must be written in ASCII (xn--…)")
        if not parts.hostname or not _HOST.fullmatch(parts.hostname) or port == 0 or any(c.isspace() for c in uri):
            raise ValueError(f"{shown_url(uri)} lacks a host, or has an impossible one")
        if parts.query or parts.fragment:
            raise ValueError(f"{shown_url(uri)} must end with its path")
        path = parts.path or "/"
        return cls(
            id=path,
            path=checked_path(path),
            uri=uri,
            scheme=parts.scheme,
            host=parts.hostname,
            port=port or _DEFAULT_PORTS[parts.scheme],
        )


def checked_path(path: str) -> str:
    """A path that requests can have; raises `ValueError` with a sentence for others."""
    if not _PATH.fullmatch(path):
        raise ValueError(f"the path {shown(path)} must begin with a slash and be written in ASCII, percent-encoded")
    return path


def doubles(upstreams: list[Upstream]) -> list[str]:
    """A sentence for every id and every path that more than one upstream has."""
    found = []
    for what in ("id", "path"):
        seen: set[str] = set()
        for upstream in upstreams:
            value = getattr(upstream, what)
            if value in seen:
                found.append(f"more than one upstream has the {what} {shown(value)}")
            seen.add(value)
    return found
