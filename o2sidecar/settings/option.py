"""What one option is: its names, kind, defaults and help, made from one line of the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, get_type_hints

import attrs
from attrs import frozen

from o2sidecar.settings.kinds import KINDS, Kind

_PEER = "OAUTH2_PROXY_"
_OURS = "O2SIDECAR_"
_UNSET = object()


class Group:
    """Options that belong together; its subclasses are the table.

    They only describe fields: methods would be written for each and cost 2 MiB. `Settings` has them.

    Attributes:
        title: the heading in `--help` and in the documentation.
        structured: whether these options are said in the structured file once there is one, and nowhere else.
    """

    title: ClassVar[str]
    structured: ClassVar[bool] = False


@frozen(kw_only=True)
class KnownOption:
    """An option that can be given.

    Attributes:
        key: its name in the file.
        flag: its name on the command line, with the dashes.
        variable: its name in the environment.
        kind: how its values are read and written.
        default: what it is when nobody sets it.
        structured: whether the structured file takes its place.
    """

    key: str
    flag: str
    variable: str
    kind: Kind
    default: Any
    structured: bool


@frozen(kw_only=True)
class Option(KnownOption):
    """An option of this version; its key is the name of an attribute of `Settings`.

    Attributes:
        sidecar_default: what it is with `defaults=o2sidecar` when nobody sets it.
        help: what it does, in a line.
        title: the heading of its group.
        secret: whether its value must never be shown.
        successor: for a deprecated option, the key that says the same now.
        stands_for: for a deprecated option whose value simply becomes another's, the key of that one.
        prevails: whether it does so even where the other is given as well.
        restricts: whether it narrows down who may pass, so that a provider without it must not be given it.
    """

    sidecar_default: Any
    help: str
    title: str
    secret: bool
    successor: str
    stands_for: str
    prevails: bool
    restricts: bool


def option(
    default: Any,
    help: str,
    *,
    flag: str = "",
    sidecar_default: Any = _UNSET,
    ours: bool = False,
    secret: bool = False,
    successor: str = "",
    stands_for: str = "",
    prevails: bool = False,
    restricts: bool = False,
    stays: bool = False,
) -> Any:
    """A line of the table: the field of an attrs class derived from `Group`.

    The flag (unless `flag` says otherwise) and the variable follow from the field's name, the kind from its
    annotation. `ours` marks an option that oauth2-proxy does not have, `stays` one that counts beside the structured
    file too, though its group does not. The rest is as in `Option`.
    """
    return attrs.field(
        default=default,
        repr=not secret,
        metadata={
            "help": help,
            "sidecar_default": default if sidecar_default is _UNSET else sidecar_default,
            "flag": flag,
            "variable_prefix": _OURS if ours else _PEER,
            "secret": secret,
            "successor": successor or stands_for,
            "stands_for": stands_for,
            "prevails": prevails,
            "restricts": restricts,
            "stays": stays,
        },
    )


def flag_of(key: str, default: Any) -> str:
    """The flag of a key: dashes, and a list in the singular, since each occurrence gives one item."""
    singular = key.removesuffix("s") if isinstance(default, tuple) else key
    return "--" + singular.replace("_", "-")


def options_of(groups: Sequence[type[Group]]) -> Iterator[Option]:
    """The options that the fields of these attrs classes describe, in the order of the table."""
    for group in groups:
        annotations = get_type_hints(group, include_extras=True)
        for described in attrs.fields(group):  # type: ignore[arg-type]
            said = described.metadata
            yield Option(
                key=described.name,
                flag=said["flag"] or flag_of(described.name, described.default),
                variable=said["variable_prefix"] + described.name.upper(),
                kind=KINDS[annotations[described.name]],
                default=described.default,
                sidecar_default=said["sidecar_default"],
                help=said["help"],
                title=group.title,
                structured=group.structured and not said["stays"],
                secret=said["secret"],
                successor=said["successor"],
                stands_for=said["stands_for"],
                prevails=said["prevails"],
                restricts=said["restricts"],
            )
