"""Suggests the known name that an unknown one was probably meant to be."""

from __future__ import annotations

from collections.abc import Iterable


def suggestion(unknown: str, known: Iterable[str]) -> str:
    """` (did you mean X?)`, or nothing if no known name is near."""
    meant = nearest(unknown, known)
    return f" (did you mean {meant}?)" if meant else ""


def nearest(unknown: str, known: Iterable[str]) -> str:
    """The known name that is nearest; empty if none is near."""
    from difflib import get_close_matches  # noqa: PLC0415 (only who errs pays for it)

    matches = get_close_matches(unknown[:200], known, n=1, cutoff=0.7)
    return matches[0] if matches else ""
