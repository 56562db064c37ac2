"""The environment, read against the table of options."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from o2sidecar.settings.flags import META_SWITCHES, META_TEXTS
from o2sidecar.settings.given import Given
from o2sidecar.settings.kinds import Kind, shown
from o2sidecar.settings.nearest import nearest
from o2sidecar.settings.option import KnownOption
from o2sidecar.settings.problems import Problem
from o2sidecar.settings.table import OPTIONS
from o2sidecar.settings.table.later import LATER

_OPTIONS: tuple[KnownOption, ...] = (*OPTIONS, *LATER)
_KEYS: Mapping[str, str] = {option.variable: option.key for option in _OPTIONS}
_BARE: Mapping[str, str] = {option.key.upper(): option.variable for option in _OPTIONS}
_OURS = re.compile(r"(?:OAUTH2_PROXY|O2SIDECAR)_")
_FLAGS_ONLY = frozenset(
    f"{prefix}{flag[2:].upper().replace('-', '_')}"
    for prefix in ("OAUTH2_PROXY_", "O2SIDECAR_")
    for flag in (*META_TEXTS, *META_SWITCHES)
)
# Kubernetes describes each Service of a namespace to every pod in it by such variables.
_SERVICE = re.compile(r".*_(?:SERVICE_HOST|SERVICE_PORT(?:_.+)?|PORT|PORT_[0-9]+_(?:TCP|UDP|SCTP)(?:_.+)?)")


def read_environment(environment: Mapping[str, str]) -> dict[str, Given]:
    """The options that the environment sets, by key; an empty variable sets nothing."""
    return {
        key: Given(name=variable, read=_reader(text))
        for variable, key in _KEYS.items()
        if (text := environment.get(variable))
    }


def _reader(text: str) -> Callable[[Kind], Any]:
    return lambda kind: kind.from_text(text)


def unknown_variables(environment: Mapping[str, str], further: Collection[str] = ()) -> Iterator[Problem]:
    """What to say about variables that look as if they were for us and are not; `further` are known too."""
    bare = {**_BARE, **{_OURS.sub("", variable, count=1): variable for variable in further}}
    for variable in sorted(environment):
        if variable in _KEYS or variable in further or not _OURS.match(variable) or _SERVICE.fullmatch(variable):
            continue
        name = shown(variable)[1:-1]
        if variable in _FLAGS_ONLY:
            yield Problem(names=(name,), sentence="this can only be given as a flag; the variable is ignored.")
        else:
            # Without prefixes: one of ours with oauth2-proxy's prefix, or the reverse, is a likely mistake.
            meant = nearest(_OURS.sub("", variable, count=1), bare)
            hint = f" (did you mean {bare[meant]}?)" if meant else ""
            yield Problem(names=(name,), sentence=f"no option has this variable; it is ignored{hint}.")
