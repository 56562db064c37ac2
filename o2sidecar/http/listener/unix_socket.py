"""Makes room for a unix socket: a dead one is taken out of the way, a live one and what is no socket never are."""

from __future__ import annotations

import errno
import os
import socket
import stat


def make_room(path: str) -> None:
    """Remove the socket at `path` if nobody listens there any more, as a process that was killed leaves it behind.

    Raises `OSError` with a sentence if somebody does, or if something else is there.
    """
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(errno.EEXIST, "something is there that is no socket")
    if _is_dead(path):
        os.unlink(path)
    else:
        raise OSError(errno.EADDRINUSE, "another process listens there")


def _is_dead(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        # A live one whose queue is full would keep us waiting.
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return True
        except BlockingIOError:
            return False
        return False
