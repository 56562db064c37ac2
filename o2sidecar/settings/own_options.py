"""Options that a provider of another package declares beside the table: what they are, and how they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, get_type_hints

import attrs
from attrs import frozen

from o2sidecar.settings.given import Given
from o2sidecar.settings.kinds import DURATION, KINDS, LIST, Kind, shown
from o2sidecar.settings.nearest import suggestion
from o2sidecar.settings.problems import Problem
from o2sidecar.settings.table import BY_KEY

_KINDS: Mapping[Any, Kind] = {**KINDS, Sequence[str]: LIST}
_HELP, _SECRET = "o2sidecar_help", "o2sidecar_secret"


@frozen(kw_only=True)
class OwnOption:
    """An option of a provider's own.

    Attributes:
        key: its name in the TOML file, and in the block `options` of the structured file.
        kind: how its values are read.
        required: whether it has to be given, and not empty.
        secret: whether its value must never be shown.
        help: what it does, in a line.
    """

    key: str
    kind: Kind
    required: bool
    secret: bool
    help: str

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return variable_of(self.key)

    def read(self, given: Given) -> Any:
        """What was given, as a value of its kind; raises `ValueError` with a sentence, which shows no secret."""
        try:
            return given.read(self.kind)
        except ValueError:
            if not self.secret:
                raise
        raise ValueError(f"must be of the kind {self.kind.name}")


def variable_of(key: str) -> str:
    """The variable of a key of an option that is not of the table."""
    return f"O2SIDECAR_{key.upper()}"


OwnOptions = Mapping[str, OwnOption]
"""By their keys."""


def own_option(help: str, *, default: Any = attrs.NOTHING, secret: bool = False) -> Any:
    """A field of a provider's `Options` that is an option of its own; without a default it has to be given.

    Its kind follows from the annotation: `str`, `bool`, `int`, or `Duration`, `Size` and `Texts` of
    `o2sidecar.settings.kinds`. A `secret` is left out of `repr` and of messages.
    """
    return attrs.field(default=default, repr=not secret, metadata={_HELP: help, _SECRET: secret})


def own_options_of(options: type[Any]) -> OwnOptions:
    """The own options of a provider whose `Options` these are: the fields that are no keys of the table.

    Raises `ValueError` with a sentence for one whose annotation is no kind of option.
    """
    fields = [field for field in attrs.fields(options) if field.init and field.name not in BY_KEY]
    if not fields:
        return {}
    try:
        annotations = get_type_hints(options, include_extras=True)
    except NameError as error:
        raise ValueError(f"it declares its options by annotations that cannot be read: {error}") from None
    return {field.name: _own_option(field, annotations.get(field.name)) for field in fields}


def _own_option(field: attrs.Attribute[Any], annotation: Any) -> OwnOption:
    kind = _KINDS.get(annotation)
    if kind is None:
        raise ValueError(f"it declares {field.name} as {annotation}, which is no kind of option")
    return OwnOption(
        key=field.name,
        kind=kind,
        required=field.default is attrs.NOTHING,
        secret=field.metadata.get(_SECRET, False),
        help=field.metadata.get(_HELP, ""),
    )


def own_in_environment(environment: Mapping[str, str], own: OwnOptions) -> dict[str, Given]:
    """The own options that the environment sets, by key; an empty variable sets nothing."""
    return {
        key: _of_variable(one.variable, text) for key, one in own.items() if (text := environment.get(one.variable))
    }


def _of_variable(variable: str, text: str) -> Given:
    return Given(name=variable, read=lambda kind: kind.from_text(text))


def read_own(
    own: OwnOptions, given: Mapping[str, Given], name: Callable[[str], str]
) -> tuple[dict[str, Any], list[Problem]]:
    """The values of those that were given, and what is wrong with them; `name` is of a key that was not."""
    values, problems = {}, list(_unknown(given, own))
    for key, one in own.items():
        try:
            value = one.read(given[key]) if key in given else None
        except ValueError as error:
            problems.append(Problem(names=(given[key].name,), sentence=str(error)))
            continue
        if one.required and value in (None, "", ()):
            place = given[key].name if key in given else name(key)
            help = f": {one.help}" if one.help else "; the provider needs it"
            problems.append(Problem(names=(place,), sentence=f"is missing{help}"))
        elif value is not None:
            values[key] = value
    return values, problems


def as_in_file(own: OwnOptions, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as the structured file holds them."""
    return {key: _in_file(own[key].kind, value) for key, value in values.items()}


def _in_file(kind: Kind, value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return kind.to_text(value) if kind is DURATION else value


def _unknown(given: Mapping[str, Given], own: Iterable[str]) -> Iterator[Problem]:
    known = sorted(own)
    for key, one in given.items():
        if key not in known:
            meant = suggestion(key, known) or (f" (there are {', '.join(known)})" if known else "")
            yield Problem(names=(one.name,), sentence=f"the provider has no option {shown(key)}{meant}")
