"""Tells apps how many seconds a session still has, where an operator wants that."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from o2sidecar.guard.opened import Opened
from o2sidecar.identity import TIME_LEFT, Identity


class TimeLeft:
    """Adds the seconds to an identity, whose lines are ready made but for them."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now

    def told(self, opened: Opened) -> Identity:
        """The session's identity with its seconds as of now; as it is where the session has no end."""
        identity = opened.identity
        if opened.expires_at == inf:
            return identity
        field = TIME_LEFT, b"%d" % max(0, int(opened.expires_at - self._now()))
        return Identity(
            session=identity.session,
            request_fields=(*identity.request_fields, field),
            request_lines=identity.request_lines + b"%s: %s\r\n" % field,
            response_fields=identity.response_fields,
            auth_fields=(*identity.auth_fields, field),
        )
