"""Passwords of local users: the entries of an htpasswd file, and whether a password fits one.

Two kinds of hash are known: bcrypt, which is slow on purpose, and `{SHA}`, which is not and only kept for files that
exist. Nothing here shows a hash or a password.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from hashlib import sha1
from hmac import compare_digest
from typing import Self

from attrs import field, frozen

_BCRYPT = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}")
_LEAST_COST, _MOST_COST = 4, 17
"""A bcrypt hash of cost 17 takes some ten seconds; one of cost 31 would take days."""
_SHA = "{SHA}"
_SHA_SIZE = 20
_LONGEST_PASSWORD = 72
"""Bytes that bcrypt looks at; what follows never counted."""


@frozen(kw_only=True)
class Passwords:
    """The users of a file, their hashes, and the users (or lines) whose entries cannot be used, in their order."""

    hashes: Mapping[str, str] = field(factory=dict, repr=False)
    unusable: tuple[str, ...] = ()

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Read `user:hash` lines; empty ones and those that begin with `#` do not count, of two for a user the last.

        Raises `ValueError` for what is not UTF-8.
        """
        hashes: dict[str, str] = {}
        unusable = []
        for number, line in enumerate(content.decode("utf-8").splitlines(), 1):
            entry = line.strip()
            if not entry or entry.startswith("#"):
                continue
            user, colon, hashed = entry.partition(":")
            if not user or not colon:
                unusable.append(f"line {number}")
            elif not _is_known(hashed):
                unusable.append(user)
            else:
                hashes[user] = hashed
        return cls(hashes=hashes, unusable=tuple(unusable))

    @property
    def complaint(self) -> str:
        """What is wrong with the entries that cannot be used, in a sentence; empty if there are none."""
        if not self.unusable:
            return ""
        return f"entries that are neither bcrypt nor {_SHA}: {', '.join(self.unusable)}"

    @property
    def need_bcrypt(self) -> bool:
        """Whether a hash is bcrypt's."""
        return any(not hashed.startswith(_SHA) for hashed in self.hashes.values())

    @property
    def slowest(self) -> str:
        """The hash that takes longest to compare with; empty if there is none."""
        return max(self.hashes.values(), key=_cost, default="")


def fits(password: str, hashed: str) -> bool:
    """Whether a password is that of a hash. Slow for bcrypt: not for the reactor's thread."""
    given = password.encode("utf-8")
    if hashed.startswith(_SHA):
        return compare_digest(sha1(given, usedforsecurity=False).digest(), _sha_of(hashed))
    if not hashed or b"\0" in given:
        return False
    from bcrypt import checkpw  # noqa: PLC0415 - an extra, for those who have such files

    try:
        return checkpw(given[:_LONGEST_PASSWORD], hashed.encode("ascii"))
    except ValueError:
        # A salt that looks like one and is none.
        return False


def _is_known(hashed: str) -> bool:
    if hashed.startswith(_SHA):
        return len(_sha_of(hashed)) == _SHA_SIZE
    found = _BCRYPT.fullmatch(hashed)
    return found is not None and _LEAST_COST <= int(found[1]) <= _MOST_COST


def _sha_of(hashed: str) -> bytes:
    try:
        return base64.b64decode(hashed.removeprefix(_SHA), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _cost(hashed: str) -> int:
    return 0 if hashed.startswith(_SHA) else int(hashed[4:6])
