"""Durations as Go writes them (`1h30m`), in and out; seconds inside."""

from __future__ import annotations

import re

_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # U+00B5, the micro sign
    "μs": 1_000,  # U+03BC, the Greek letter
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_PART = re.compile(r"(?P<whole>[0-9]{0,20})(?:\.(?P<fraction>[0-9]{0,20}))?(?P<unit>ns|us|µs|μs|ms|s|m|h)")
_BARE_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?")
_LONGEST = 2**63 - 1


def parse_duration(text: str) -> float:
    """Seconds from a text like `1h30m`, `1.5s`, `-3ms` or `0`.

    Raises `ValueError` with a sentence for everything that Go's `time.ParseDuration` refuses: a number without a
    unit, blanks, an unknown unit, more than 292 years.
    """
    unsigned = text.removeprefix("-") if text.startswith("-") else text.removeprefix("+")
    nanoseconds = 0 if unsigned == "0" else _nanoseconds(text, unsigned)
    if nanoseconds > _LONGEST:
        raise ValueError("must be shorter than 292 years")
    return (-nanoseconds if text.startswith("-") else nanoseconds) / 1e9


def _nanoseconds(text: str, unsigned: str) -> int:
    total = position = 0
    while position < len(unsigned):
        part = _PART.match(unsigned, position)
        if part is None or not (part["whole"] or part["fraction"]):
            break
        fraction = part["fraction"] or ""
        unit = _NANOSECONDS[part["unit"]]
        total += int(part["whole"] or "0") * unit + int(fraction or "0") * unit // 10 ** len(fraction)
        position = part.end()
    if position < len(unsigned) or not unsigned:
        if _BARE_NUMBER.fullmatch(text):
            raise ValueError("lacks a unit; write a duration like 90s, 15m or 1h30m")
        raise ValueError("is no duration; write one like 90s, 15m or 1h30m")
    return total


def format_duration(seconds: float) -> str:
    """The shortest text that `parse_duration` reads as these seconds, to the nanosecond."""
    number, divisor = abs(seconds).as_integer_ratio()
    nanoseconds = (2_000_000_000 * number + divisor) // (2 * divisor)
    sign = "-" if seconds < 0 and nanoseconds else ""
    parts = []
    for unit in ("h", "m"):
        count, nanoseconds = divmod(nanoseconds, _NANOSECONDS[unit])
        if count:
            parts.append(f"{count}{unit}")
    if nanoseconds or not parts:
        parts.append(_below_a_minute(nanoseconds, alone=not parts))
    return sign + "".join(parts)


def _below_a_minute(nanoseconds: int, *, alone: bool) -> str:
    if alone and 0 < nanoseconds < _NANOSECONDS["s"]:
        unit = next(unit for unit in ("ms", "us", "ns") if nanoseconds % _NANOSECONDS[unit] == 0)
        return f"{nanoseconds // _NANOSECONDS[unit]}{unit}"
    whole, rest = divmod(nanoseconds, _NANOSECONDS["s"])
    return f"{whole}.{rest:09d}".rstrip("0").rstrip(".") + "s"
