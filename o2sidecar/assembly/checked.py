"""Turns what a setting cannot be made into, found out late, into a problem of that setting."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from o2sidecar.settings.problems import Problem, SettingsRefused

Made = TypeVar("Made")


def checked(key: str, build: Callable[[], Made]) -> Made:
    """What `build` makes of a setting; raises `SettingsRefused` where that raises `ValueError`."""
    try:
        return build()
    except ValueError as error:
        raise SettingsRefused((Problem(names=(key,), sentence=str(error)),)) from None
