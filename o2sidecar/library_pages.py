"""Gives back to the kernel the pages of libraries that only the start needed; Linux has them again when they are used.

Loading Python, OpenSSL and what else is compiled reads some 16 MiB of files into the process, most of it once: tables,
and code that sets things up. The kernel counts all of it as this process's memory until somebody says otherwise.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Iterable, Iterator

_DONTNEED = 4
"""MADV_DONTNEED of madvise(2): for a mapped file without changes, the next use reads it from the file (its cache)."""

_NEVER_WRITTEN = frozenset({"r-xp", "r--p"})
"""Code and constants. What the loader changed in them (relocations) would be lost: `unchanged_files` passes it over."""


def give_back() -> None:
    """Give back the unchanged pages of all mapped libraries; does nothing where the system has no such thing."""
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError, AttributeError), open("/proc/self/smaps", encoding="utf-8") as described:
        madvise = ctypes.CDLL(None).madvise
        madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        for start, end in unchanged_files(described):
            madvise(start, end - start, _DONTNEED)


def unchanged_files(described: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Where files are mapped that this process cannot write to, and of which it has no page of its own.

    `described`: lines as in /proc/PID/smaps (proc(5)). Yields the first address and the one after the last.
    """
    mapping: tuple[int, int] | None = None
    for line in described:
        words = line.split()
        if not words[0].endswith(":"):
            start, _, end = words[0].partition("-")
            is_file = len(words) > 5 and words[5].startswith("/")
            mapping = (int(start, 16), int(end, 16)) if is_file and words[1] in _NEVER_WRITTEN else None
        elif words[0] == "Anonymous:" and words[1] == "0" and mapping is not None:
            yield mapping
