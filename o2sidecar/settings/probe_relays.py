"""Health checks of the app that are passed on at the metrics listener, once the app itself cannot be reached."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from attrs import frozen

from o2sidecar.settings.kinds import shown, shown_url

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?/(liveness|readiness|startup|postStart|preStop)")
_TARGET = re.compile(r"/[!-~]*")


@frozen(kw_only=True)
class ProbeRelay:
    """One health check.

    Attributes:
        path: where it is asked for, at the metrics listener.
        origin: scheme, host and port of the app, as a URL.
        target: what the app is asked for, path and query.
    """

    path: str
    origin: str
    target: str

    @classmethod
    def parse(cls, text: str) -> ProbeRelay:
        """From `CONTAINER/KIND=URL`; raises `ValueError` with a sentence."""
        name, _, url = text.partition("=")
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"{shown(text)} must begin with CONTAINER/KIND=, KIND being one of liveness, readiness, startup, "
                "postStart and preStop"
            )
        try:
            parts = urlsplit(url)
            good = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0 and "@" not in parts.netloc
        except ValueError:
            good = False
        target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}" if good else ""
        if not good or parts.fragment or not _TARGET.fullmatch(target) or not parts.netloc.isascii():
            raise ValueError(f"{shown_url(url)} is no URL of an app's health check")
        return cls(path=f"/probe/{name}", origin=f"{parts.scheme}://{parts.netloc}", target=target)
