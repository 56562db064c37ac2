"""Which file a path means, and its opening without ever leaving the folder.

What a name may be is decided on its decoded bytes, once: no other reading of them is possible from there on, since
the file system takes bytes as they are.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Sequence
from typing import Self
from urllib.parse import unquote_to_bytes

from attrs import frozen

INDEX = b"index.html"
"""What is served for a folder."""

_NO_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_NEVER_IN_A_NAME = re.compile(rb"[\x00-\x1f\x7f/\\]")
_FOR_EVERYBODY = b".well-known"
_PATH_ONLY: int = getattr(os, "O_PATH", os.O_RDONLY)
_FOLDER = os.O_DIRECTORY | os.O_NOFOLLOW | _PATH_ONLY
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY


def name_of(path: bytes) -> bytes | None:
    """The name of what a path below a folder means, itself relative to the folder; `None` where it can be nothing.

    `path`: percent-encoded, without the slash in front; empty for the folder itself. A name that ends in a slash means
    a folder. Nothing that begins with a dot is served but `.well-known` (RFC 8615), so `..` has no meaning either.
    """
    if _NO_ESCAPE.search(path):
        return None
    segments = [unquote_to_bytes(segment) for segment in path.split(b"/")]
    named = segments if segments[-1] else segments[:-1]
    if named and named[0] == _FOR_EVERYBODY:
        named = named[1:]
    if any(not segment or segment.startswith(b".") or _NEVER_IN_A_NAME.search(segment) for segment in named):
        return None
    return b"/".join(segments)


@frozen(kw_only=True)
class OpenFile:
    """A regular file, open for reading.

    Attributes:
        descriptor: of the open file.
        size: in bytes.
        modified: when, in nanoseconds since the epoch.
    """

    descriptor: int
    size: int
    modified: int

    @classmethod
    def below(cls, folder: bytes, name: bytes) -> Self:
        """Open what a name means in a folder.

        Raises `OSError`: `FileNotFoundError` also where links lead out of the folder and for what is no regular file,
        `IsADirectoryError` for a folder.
        """
        descriptor = open_without_links(*_real(folder, name))
        try:
            status = os.fstat(descriptor)
            if stat.S_ISDIR(status.st_mode):
                raise IsADirectoryError(errno.EISDIR, "a folder")
            if not stat.S_ISREG(status.st_mode):
                raise FileNotFoundError(errno.ENOENT, "no regular file")
        except OSError:
            os.close(descriptor)
            raise
        return cls(descriptor=descriptor, size=status.st_size, modified=status.st_mtime_ns)

    def read(self, offset: int, length: int) -> bytes:
        """At most `length` bytes from an offset; none behind the end. Raises `OSError`."""
        return os.pread(self.descriptor, length, offset)

    def close(self) -> None:
        """Close it; once."""
        os.close(self.descriptor)


def _real(folder: bytes, name: bytes) -> tuple[bytes, list[bytes]]:
    """The folder and the segments below it that are left when all links are followed."""
    root = os.path.realpath(folder)
    real = os.path.realpath(os.path.join(root, name))
    if real != root and not real.startswith(root.rstrip(b"/") + b"/"):
        raise FileNotFoundError(errno.ENOENT, "a link out of the folder")
    return root, [segment for segment in real[len(root) :].split(b"/") if segment]


def open_without_links(root: bytes, segments: Sequence[bytes]) -> int:
    """Walk down from a folder and open what is there, for reading; a descriptor. Raises `OSError`.

    A link that somebody puts in the way meanwhile ends the walk; it does not lead astray.
    """
    parent = os.open(root, _FOLDER)
    try:
        segment, *others = segments or [b"."]
        for below in others:
            folder = os.open(segment, _FOLDER, dir_fd=parent)
            os.close(parent)
            parent, segment = folder, below
        return os.open(segment, _FILE, dir_fd=parent)
    finally:
        os.close(parent)
