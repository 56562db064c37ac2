"""Tests of giving back what only the start needed of libraries."""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.library_pages import give_back, unchanged_files

_CODE = """\
55d0f0a00000-55d0f0b00000 r-xp 00001000 fe:00 1311 /usr/lib/with spaces/libcode.so
Size:               1024 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
"""
_RELOCATED = """\
55d0f0b00000-55d0f0c00000 r--p 00101000 fe:00 1311 /usr/lib/libcode.so
Anonymous:             8 kB
"""
_DATA = """\
55d0f0c00000-55d0f0d00000 rw-p 00201000 fe:00 1311 /usr/lib/libcode.so
Anonymous:             0 kB
"""
_NO_FILE = """\
7ffd0a000000-7ffd0a100000 r--p 00000000 00:00 0 [vvar]
Anonymous:             0 kB
7ffd0a100000-7ffd0a200000 r-xp 00000000 00:00 0
Anonymous:             0 kB
"""


class UnchangedFilesTests(SynchronousTestCase):
    """Only what can be read again from a file is named."""

    def test_code(self) -> None:
        """Code that nobody changed, whatever else is mapped around it."""
        described = (_NO_FILE + _DATA + _CODE + _RELOCATED).splitlines()
        self.assertEqual(list(unchanged_files(described)), [(0x55D0F0A00000, 0x55D0F0B00000)])

    def test_what_was_changed_stays(self) -> None:
        """Relocated constants, data that may be written and memory without a file would be lost."""
        for kept in (_RELOCATED, _DATA, _NO_FILE):
            self.assertEqual(list(unchanged_files(kept.splitlines())), [])


class GiveBackTests(SynchronousTestCase):
    """The process is smaller afterwards, and works as before."""

    def test_smaller(self) -> None:
        """Less of the libraries is counted as this process's, and they go on working."""
        if sys.platform != "linux":
            give_back()
            return
        before, digest = _resident_files(), hashlib.sha256(b"x").digest()
        give_back()
        self.assertLess(_resident_files(), before)
        self.assertEqual(hashlib.sha256(b"x").digest(), digest)


def _resident_files() -> int:
    """How much of mapped files the kernel counts as this process's memory, in KiB."""
    [size] = re.findall(r"^RssFile:\s+(\d+) kB$", Path("/proc/self/status").read_text("utf-8"), re.MULTILINE)
    return int(size)
