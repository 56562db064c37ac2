"""The kinds of value that an option can have: how each is read from a flag, a variable and a file, and written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from attrs import frozen

from o2sidecar.durations import format_duration, parse_duration

Duration = Annotated[float, "duration"]
"""Seconds; written in Go's syntax, like `1h30m`."""

Size = Annotated[int, "size"]
"""Bytes; written as a number or with a unit, like `64KiB`."""

Texts = tuple[str, ...]
"""A list; in a variable with commas, in a file as an array, as a flag repeated."""

_LONGEST_SHOWN = 80
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})
_UNITS = {"": 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_SIZE = re.compile(r"([0-9]{1,18})(B|KiB|MiB|GiB|)")
_USER_INFO = re.compile(r"//[^/]*@")
_NUMBER = re.compile(r"[-+]?[0-9]{1,18}")


@frozen(kw_only=True)
class Kind:
    """How values of one kind are read and written. All readers raise `ValueError` with a sentence.

    Attributes:
        name: what `--help` calls it.
        from_text: from a variable, or a text in a file.
        from_flag: from all occurrences of a flag, in order.
        from_file: from a value of TOML or YAML that is no text.
        to_text: as it would be written in a variable.
    """

    name: str
    from_text: Callable[[str], Any]
    from_flag: Callable[[Sequence[str]], Any]
    from_file: Callable[[Any], Any]
    to_text: Callable[[Any], str]

    def read_file_value(self, value: Any) -> Any:
        """From any value of TOML or YAML; a text is read as in a variable."""
        return self.from_text(value) if isinstance(value, str) else self.from_file(value)


def shown(value: str) -> str:
    """A text as messages quote it: escaped, and cut when it is long."""
    cut = value if len(value) <= _LONGEST_SHOWN else value[:_LONGEST_SHOWN] + "…"
    return '"' + "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut) + '"'


def shown_url(url: str) -> str:
    """A URL as messages quote it: without the user and password that may be in it."""
    return shown(_USER_INFO.sub("//…@", url))


def switch_from_text(text: str) -> bool:
    """A truth value by the words of Go's `strconv.ParseBool`; `yes` and `on` are not among them."""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError(f"must be true or false, not {shown(text)}")


def number_from_text(text: str) -> int:
    """A whole number in decimal digits."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"must be a whole number, not {shown(text)}")
    return int(text)


def size_from_text(text: str) -> int:
    """Bytes, from digits with or without one of the units B, KiB, MiB and GiB."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"must be a number of bytes, like 65536, 64KiB or 1MiB, not {shown(text)}")
    return int(match[1]) * _UNITS[match[2]]


def size_to_text(size: int) -> str:
    """The shortest text for a number of bytes."""
    for unit in ("GiB", "MiB", "KiB"):
        if size and size % _UNITS[unit] == 0:
            return f"{size // _UNITS[unit]}{unit}"
    return str(size)


def duration_from_text(text: str) -> float:
    """Seconds from a duration in Go's syntax."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ValueError(f"{shown(text)} {error}") from None


def list_from_text(text: str) -> tuple[str, ...]:
    """The items between commas, without blanks around them; or exactly those of a JSON array of texts.

    The array is for items that hold a comma, such as the pattern `^/a{1,3}$`.
    """
    if text.lstrip().startswith("["):
        try:
            items = json.loads(text)
        except (ValueError, RecursionError):
            items = None  # a pattern such as [a-z]+
        if isinstance(items, list) and all(isinstance(item, str) for item in items):
            return tuple(items)
    return tuple(item for item in (piece.strip() for piece in text.split(",")) if item)


_ITEM = re.compile(r'"((?:[^"]|"")*)"|[^",\r\n]*')


def list_from_csv(text: str) -> tuple[str, ...]:
    """The items of one line of comma-separated values (RFC 4180 §2), as list flags are written.

    `'"a{1,3}",b'` are the two items `a{1,3}` and `b`; a doubled quote inside quotes stands for one.
    """
    items = []
    position = 0 if text else -1
    while 0 <= position <= len(text):
        item = _ITEM.match(text, position)
        end = item.end() if item else position
        if item is None or (end < len(text) and text[end] != ","):
            raise ValueError(f"its quotes or line breaks make no comma-separated list: {shown(text)}")
        items.append(item[0] if item[1] is None else item[1].replace('""', '"'))
        position = end + 1
    return tuple(items)


def list_to_text(items: Sequence[str]) -> str:
    """Items as a variable holds them; as a JSON array where a comma inside one needs it."""
    plain = ",".join(items)
    return plain if list_from_text(plain) == tuple(items) else json.dumps(list(items), ensure_ascii=False)


def _last(read: Callable[[str], Any]) -> Callable[[Sequence[str]], Any]:
    return lambda occurrences: read(occurrences[-1])


def _all_items(occurrences: Sequence[str]) -> tuple[str, ...]:
    return tuple(item for text in occurrences for item in list_from_csv(text))


def _text_from_file(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"must be a text in quotes, not {_described(value)}")


def _switch_from_file(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError(f"must be true or false, not {_described(value)}")


def _number_from_file(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return number_from_text(str(value))
    raise ValueError(f"must be a whole number, not {_described(value)}")


def _size_from_file(value: Any) -> int:
    return size_from_text(str(_number_from_file(value)))


def _duration_from_file(value: Any) -> float:
    # oauth2-proxy takes a bare 45 for 45 nanoseconds, which nobody means.
    if value == 0 and not isinstance(value, bool):
        return 0.0
    raise ValueError(f'must be a duration in quotes with its unit, like "90s", not {_described(value)}')


def _list_from_file(value: Any) -> tuple[str, ...]:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    if isinstance(value, list):
        raise ValueError("must be a list of texts only")
    raise ValueError(f"must be a list of texts, not {_described(value)}")


def _described(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"the truth value {str(value).lower()}"
    if isinstance(value, int | float):
        return f"the number {value}" if abs(value) < 1e18 else "a huge number"
    if isinstance(value, list):
        return "a list"
    return "a table" if isinstance(value, Mapping) else "a date or time"


TEXT = Kind(name="TEXT", from_text=str, from_flag=_last(str), from_file=_text_from_file, to_text=str)
SWITCH = Kind(
    name="true|false",
    from_text=switch_from_text,
    from_flag=_last(switch_from_text),
    from_file=_switch_from_file,
    to_text=lambda value: "true" if value else "false",
)
NUMBER = Kind(
    name="NUMBER",
    from_text=number_from_text,
    from_flag=_last(number_from_text),
    from_file=_number_from_file,
    to_text=str,
)
SIZE = Kind(
    name="SIZE",
    from_text=size_from_text,
    from_flag=_last(size_from_text),
    from_file=_size_from_file,
    to_text=size_to_text,
)
DURATION = Kind(
    name="DURATION",
    from_text=duration_from_text,
    from_flag=_last(duration_from_text),
    from_file=_duration_from_file,
    to_text=format_duration,
)
LIST = Kind(
    name="LIST",
    from_text=list_from_text,
    from_flag=_all_items,
    from_file=_list_from_file,
    to_text=list_to_text,
)

KINDS: Mapping[Any, Kind] = {
    str: TEXT,
    bool: SWITCH,
    int: NUMBER,
    Size: SIZE,
    Duration: DURATION,
    Texts: LIST,
}
"""The kind for the annotation of an option."""
