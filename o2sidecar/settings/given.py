"""What somebody gave for an option, unread: by flag, by variable or in a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen

from o2sidecar.settings.kinds import Kind


@frozen(kw_only=True)
class Given:
    """One option's value as it was given.

    Attributes:
        name: the option's name as the operator wrote it, and where.
        read: makes a value of a kind from it, or raises `ValueError` with a sentence.
    """

    name: str
    read: Callable[[Kind], Any]
