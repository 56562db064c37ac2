"""How many file descriptors this process may have open, and how many client connections that bears."""

from __future__ import annotations

import contextlib
import resource
import sys

_OTHERS = 256
"""For what is neither a served client nor an app: listeners, the provider, connections that come and go."""


def raise_limit() -> int:
    """Let this process have as many descriptors open as the system allows it (its hard limit); how many that is."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        # Some systems have another limit below the one that they call hard.
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


def bearable(descriptors: int) -> int:
    """How many client connections fit into so many descriptors: each may need a second one, to the app."""
    return max(1, (descriptors - min(_OTHERS, descriptors // 4)) // 2)
