"""Puts a text into a file at once: whoever reads it meanwhile, or after a crash, has the old or the new text whole."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

OWNER_ONLY = 0o600
_AS_THE_UMASK_HAS_IT = 0o666


def put(name: str, text: str, mode: int = _AS_THE_UMASK_HAS_IT) -> None:
    """Write it; a link stays one, and a file that is there keeps its mode: `mode` is for a new one.

    What is no file, such as a pipe or /dev/null, is written to as it is. Raises `OSError` with the name.
    """
    try:
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISREG(os.stat(name).st_mode):
                with open(name, "wb") as other:
                    other.write(text.encode())
                return
        path = Path(os.path.realpath(name))
        beside = path.with_name(f".{path.name[:200]}.{os.getpid()}.new")
        former = stat.S_IMODE(path.stat().st_mode) if path.exists() else None
        first = mode if former is None else OWNER_ONLY
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, first)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
            if former is not None:
                beside.chmod(former)
            beside.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, name) from None
