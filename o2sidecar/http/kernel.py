"""What the kernel knows of a connection before its transport does."""

from __future__ import annotations

import sys
from fcntl import ioctl
from socket import MSG_PEEK
from termios import TIOCOUTQ
from typing import Any

from twisted.internet.tcp import Connection


def not_taken(transport: Any) -> int:
    """How many of the bytes that the kernel has for the other side were not taken yet; 0 where it does not say."""
    try:
        answer = ioctl(transport.fileno(), TIOCOUTQ, bytes(4))
    except (AttributeError, OSError):
        return 0
    return int.from_bytes(answer, sys.byteorder)


def unread(transport: Any) -> bool:
    """Whether something came that was not read yet, if only the end; no where TLS has messages of its own."""
    if not isinstance(transport, Connection) or transport.TLS:
        return False
    try:
        transport.getHandle().recv(1, MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
