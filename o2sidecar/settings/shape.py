"""What a block of the structured file may hold: its keys, said once for who reads, checks and writes such files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import field, frozen

from o2sidecar.settings.kinds import LIST, SWITCH, TEXT, Kind
from o2sidecar.settings.table import BY_KEY


@frozen(kw_only=True)
class Key:
    """A key of a block, and what it holds: a value, a block, or a list of blocks.

    Attributes:
        name: as it is written.
        help: what it says, in a line.
        kind: of its value; None if it holds blocks.
        default: what counts where it is absent.
        option: the key of the option that it sets; empty if it sets none, or none by itself.
        shape: of the block, or of each block in the list.
        listed: whether it holds a list of blocks.
        free: whether it holds a block of any keys.
        required: whether it must be there.
        built: whether this version knows what it means.
    """

    name: str
    help: str
    kind: Kind | None = None
    default: Any = None
    option: str = ""
    shape: Shape | None = None
    listed: bool = False
    free: bool = False
    required: bool = False
    built: bool = True


def _by_name(keys: Iterable[Key]) -> Mapping[str, Key]:
    return {key.name: key for key in keys}


@frozen(kw_only=True)
class Shape:
    """The keys that a block may have; `one_of`: of these it has exactly one."""

    keys: Mapping[str, Key] = field(converter=_by_name)
    one_of: tuple[str, ...] = ()


def text(name: str, help: str, *, required: bool = False) -> Key:
    """A key that holds a text."""
    return Key(name=name, help=help, kind=TEXT, default="", required=required)


def texts(name: str, help: str) -> Key:
    """A key that holds a list of texts."""
    return Key(name=name, help=help, kind=LIST, default=())


def switch(name: str, help: str, *, default: bool = False) -> Key:
    """A key that holds a truth value."""
    return Key(name=name, help=help, kind=SWITCH, default=default)


def block(name: str, help: str, shape: Shape, *, required: bool = False) -> Key:
    """A key that holds a block."""
    return Key(name=name, help=help, shape=shape, required=required)


def blocks(name: str, help: str, shape: Shape, *, required: bool = False) -> Key:
    """A key that holds a list of blocks."""
    return Key(name=name, help=help, shape=shape, listed=True, required=required)


def free(name: str, help: str) -> Key:
    """A key that holds a block whose keys are known elsewhere."""
    return Key(name=name, help=help, free=True)


def sets(name: str, option: str) -> Key:
    """A key that sets an option: it has the option's kind and meaning."""
    known = BY_KEY[option]
    help = f"{known.help}; deprecated, use {known.successor}" if known.successor else known.help
    return Key(name=name, help=help, kind=known.kind, option=option)


def not_built(name: str) -> Key:
    """A key of oauth2-proxy's whose meaning this version lacks."""
    return Key(name=name, help="not supported by this version", built=False)
