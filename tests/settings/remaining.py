"""What is left of flags, variables and a TOML file once a structured file says the rest, as an operator leaves it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from o2sidecar.settings.flags import read_command_line
from o2sidecar.settings.table import OPTIONS
from o2sidecar.settings.table.later import LATER

_MOVED = [option for option in (*OPTIONS, *LATER) if option.structured]
_FLAGS = frozenset(option.flag for option in _MOVED)
_VARIABLES = frozenset(option.variable for option in _MOVED)
_KEYS = frozenset(option.key for option in _MOVED)


def remaining_flags(arguments: Sequence[str]) -> Iterator[str]:
    """The flags that stay, but `--convert-config-to-alpha`."""
    for flag, texts in read_command_line(arguments).occurrences.items():
        if flag not in _FLAGS and flag != "--convert-config-to-alpha":
            yield from (f"{flag}={text}" for text in texts)


def remaining_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that stay."""
    return {name: text for name, text in environment.items() if name not in _VARIABLES}


def remaining_toml(text: str) -> str:
    """The keys of a TOML file that stay."""
    kept = {key: value for key, value in tomllib.loads(text).items() if key not in _KEYS}
    return "".join(f"{key} = {_toml(value)}\n" for key, value in kept.items())


def _toml(value: Any) -> str:
    """A value of an option as TOML has it, which for texts, numbers, truth values and lists is as JSON has it."""
    return json.dumps(value, ensure_ascii=False)
