"""The cases: what is asked of every proxy, one line each."""

from __future__ import annotations

from attrs import frozen


@frozen(kw_only=True)
class Case:
    """One kind of load, kept up by as many connections as it says, each with one request at a time.

    Attributes:
        name: as the command line has it.
        title: as the tables have it.
        path: what is asked for, and `ruler_path` what bare nginx is asked for, where that differs.
        status, size: what a good answer has, `size` in bytes.
        upload: bytes that are posted with each request; 0: nothing is.
        close: whether each request has a connection of its own.
        echo: whether messages of `size` go through a WebSocket to the app and back, instead of requests.
        sessions: how many people's sessions take turns.
        only: who can do it at all; empty: everybody.
    """

    name: str
    title: str
    connections: int = 32
    path: str = "/"
    ruler_path: str = ""
    status: int = 200
    size: int = 1024
    upload: int = 0
    close: bool = False
    echo: bool = False
    sessions: int = 1
    only: tuple[str, ...] = ()

    def path_for(self, contender: str) -> str:
        """What that proxy is asked for."""
        return self.ruler_path if self.ruler_path and contender == RULER else self.path

    def is_for(self, contender: str) -> bool:
        """Whether that proxy can do it."""
        return not self.only or contender in self.only


RULER = "nginx"
"""The proxy that all others are measured by."""

MIB = 1024 * 1024
_OURS = (RULER, "o2sidecar")
_MANY = 10_000
"""Sessions that take turns so that none of them is remembered: more than twice `session_cache_size`."""

CASES: tuple[Case, ...] = (
    Case(name="small", title="1 KiB answer, 32 connections"),
    Case(name="one", title="1 KiB answer, 1 connection", connections=1),
    Case(name="thousand", title="1 KiB answer, 1,000 connections", connections=1000),
    Case(name="medium", title="64 KiB answer", path="/files/65536", size=65536),
    Case(name="large", title="1 MiB answer", path=f"/files/{MIB}", size=MIB),
    Case(name="upload", title="1 MiB upload", path="/upload", upload=MIB),
    Case(
        name="websocket",
        title="WebSocket, 1 KiB there and back",
        path="/echo",
        echo=True,
        only=(RULER, "apache", "o2sidecar"),
    ),
    Case(name="connect", title="a connection for each request", close=True),
    Case(
        name="auth",
        title="`/oauth2/auth` (nginx proxies 1 KiB)",
        path="/oauth2/auth",
        ruler_path="/",
        status=202,
        size=0,
        only=_OURS,
    ),
    Case(name="fresh", title="1 KiB answer, a session's first request", sessions=_MANY, only=("o2sidecar",)),
)
