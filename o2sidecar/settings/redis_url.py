"""URLs of Redis servers, as go-redis has them: `redis://`, `rediss://` (TLS) and `unix://`."""

from __future__ import annotations

import re
from typing import Self
from urllib.parse import parse_qsl, unquote, urlsplit

from attrs import field, frozen

_PORT = 6379
_DATABASE = re.compile(r"[0-9]{1,6}")
_TRUE, _FALSE = {"1", "true"}, {"0", "false", ""}
_OF_GO_REDIS = frozenset(
    {
        *("protocol", "client_name", "max_retries", "min_retry_backoff", "max_retry_backoff", "dial_timeout"),
        *("read_timeout", "write_timeout", "pool_fifo", "pool_size", "pool_timeout", "min_idle_conns"),
        *("max_idle_conns", "max_active_conns", "max_concurrent_dials", "pipeline_pool_size"),
        *("pipeline_read_buffer_size", "pipeline_write_buffer_size", "conn_max_idle_time", "idle_timeout"),
        *("conn_max_lifetime", "max_conn_age", "conn_max_lifetime_jitter"),
    }
)
"""Parameters that tune oauth2-proxy's client; ours has options for what there is to tune."""


@frozen(kw_only=True)
class RedisUrl:
    """Where a Redis server is, and who we are to it.

    Attributes:
        host: a name or an address; empty for a unix socket.
        port: of TCP.
        path: of a unix socket.
        tls: whether to speak TLS.
        insecure: whether the URL itself says that the certificate need not be verified.
        username: empty for the default user.
        password: empty for none.
        database: its number.
        idle: names of parameters that change nothing here.
    """

    host: str = ""
    port: int = _PORT
    path: str = ""
    tls: bool = False
    insecure: bool = False
    username: str = ""
    password: str = field(default="", repr=False)
    database: int = 0
    idle: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """From text; raises `ValueError` with a sentence that does not show it, since a password may be in it."""
        try:
            parts = urlsplit(text)
            host, port = parts.hostname or "", _PORT if parts.port is None else parts.port
            parameters = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        except ValueError:
            raise ValueError("is no URL of a Redis server") from None
        if parts.scheme not in {"redis", "rediss", "unix"} or parts.fragment or not text.isprintable():
            raise ValueError("must be a redis://, rediss:// or unix:// URL")
        if not host.isascii() or port == 0:
            raise ValueError("must have a host in ASCII (xn--...) and a port that servers can have")
        socket = parts.scheme == "unix"
        if socket and (host or not parts.path.strip("/")):
            raise ValueError("must name a socket by its whole path, like unix:///run/redis.sock")
        tls = parts.scheme == "rediss"
        return cls(
            host="" if socket else host or "localhost",
            port=port,
            path=parts.path if socket else "",
            tls=tls,
            insecure=_insecure(parameters, tls=tls),
            username=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            database=_database(parameters.pop("db", "") or ("" if socket else parts.path.strip("/"))),
            idle=_idle(parameters),
        )


def _database(text: str) -> int:
    if text and not _DATABASE.fullmatch(text):
        raise ValueError("must name a database by its number, like redis://host:6379/0")
    return int(text or "0")


def _insecure(parameters: dict[str, str], *, tls: bool) -> bool:
    """What `skip_verify` says, which is a parameter of TLS only; it is taken out of the parameters then."""
    if not tls:
        return False
    said = parameters.pop("skip_verify", "")
    if said not in _TRUE | _FALSE:
        raise ValueError("must have true or false for skip_verify")
    return said in _TRUE


def _idle(parameters: dict[str, str]) -> tuple[str, ...]:
    unknown = sorted(parameters.keys() - _OF_GO_REDIS)
    if unknown:
        raise ValueError("has a parameter that nobody knows")
    return tuple(parameters)
