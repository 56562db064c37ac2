"""The TOML file of `--config`, read against the table of options."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from o2sidecar.settings.files import ReadFile, read_text
from o2sidecar.settings.given import Given
from o2sidecar.settings.kinds import shown
from o2sidecar.settings.nearest import suggestion
from o2sidecar.settings.problems import Problem
from o2sidecar.settings.table import BY_KEY
from o2sidecar.settings.table.later import LATER_BY_KEY

Further = Callable[[Mapping[str, Given]], Iterable[str]]
"""Keys of options that are not of the table, by what the file says of the table's."""


def read_toml(
    path: str, read_file: ReadFile, further: Further = lambda said: ()
) -> tuple[dict[str, Given], list[Problem]]:
    """The options that the file sets, by key, and what is wrong with it."""
    try:
        table = _parsed(read_text(path, read_file), path)
    except ValueError as error:
        return {}, [Problem(names=("--config",), sentence=str(error))]
    problems = []
    file = shown(path)[1:-1]
    written = {key: _given(f"{key} ({file})", value) for key, value in table.items()}
    given = {key: one for key, one in written.items() if key in BY_KEY or key in LATER_BY_KEY}
    others = tuple(further(given))
    for key, one in written.items():
        if key in others:
            given[key] = one
        elif key not in given:
            hint = suggestion(key.replace("-", "_"), [*BY_KEY, *LATER_BY_KEY, *others])
            problems.append(Problem(names=(f"{shown(key)[1:-1]} ({file})",), sentence=f"no option has this key{hint}"))
    return given, problems


def _parsed(text: str, path: str) -> Mapping[str, Any]:
    import tomllib  # noqa: PLC0415 (only who has such a file pays for it)

    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        reason = "a value is too large or nested too deep"
        if isinstance(error, tomllib.TOMLDecodeError):
            *lines, last = text.split("\n")
            end = f"at the document's end, line {len(lines) + 1}, column {len(last) + 1}"
            reason = str(error).replace("at end of document", end)
        raise ValueError(f"{shown(path)} is no TOML: {reason}") from None


def _given(name: str, value: Any) -> Given:
    return Given(name=name, read=lambda kind: kind.read_file_value(value))
