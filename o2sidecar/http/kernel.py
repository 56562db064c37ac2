"""What the kernel knows of a connection before its transport does."""

from __future__ import annotations

import sys
from fcntl import ioctl
from termios import TIOCOUTQ
from typing import Any


def not_taken(transport: Any) -> int:
    """How many of the bytes that the kernel has for the other side were not taken yet; 0 where it does not say."""
    try:
        answer = ioctl(transport.fileno(), TIOCOUTQ, bytes(4))
    except (AttributeError, OSError):
        return 0
    return int.from_bytes(answer, sys.byteorder)
