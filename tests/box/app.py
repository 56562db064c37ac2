"""The app in a pod of the box: gives back what it received, at its port on all addresses; `/healthz` is its health.

It goes on for as long as it is let: after SIGTERM it answers what it was asked, and ends.
"""

from __future__ import annotations

import signal
import sys

from tests.end_to_end.echo import Echo


def main(port: int) -> None:
    """Answer until SIGTERM."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    echo = Echo(port, host="0.0.0.0")
    signal.sigwait({signal.SIGTERM})
    echo.close()


if __name__ == "__main__":
    main(int(sys.argv[1]))
