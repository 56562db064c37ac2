"""Providers by name: a module of this folder, or what an entry point of another package leads to.

A provider named `some-name` is the module `some_name` here, unless that says otherwise by `NAME`, or what the entry
point `some-name` of the group `o2sidecar.providers` names. Either has `Options`, an attrs class whose fields are the
keys of the options it wants, and `build(options, surroundings)`, which gives a `Provider`.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Collection, Iterator, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Protocol

import attrs

import o2sidecar.providers
from o2sidecar.providers.provider import Provider
from o2sidecar.providers.surroundings import Surroundings
from o2sidecar.settings.provider_kind import ProviderKind

ENTRY_POINT_GROUP = "o2sidecar.providers"


class UnknownProvider(ValueError):
    """There is no provider of a name; the message names those that there are."""


class KnownProviders(Collection[str]):
    """The names that `build` knows; to ask about one loads no other provider."""

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (
            _kind_here(name) is not None or bool(entry_points(group=ENTRY_POINT_GROUP, name=name))
        )

    def __iter__(self) -> Iterator[str]:
        modules = (_module(found.name) for found in pkgutil.iter_modules(o2sidecar.providers.__path__))
        ours = {_name_of(module) for module in modules if module is not None}
        return iter(sorted(ours | {point.name for point in entry_points(group=ENTRY_POINT_GROUP)}))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def kind(self, name: str) -> ProviderKind:
        """What settings have to know of one; raises `UnknownProvider`."""
        return ProviderKind.of(_kind(name).Options)


def build(name: str, options: Mapping[str, object], surroundings: Surroundings) -> Provider:
    """The provider of a name.

    `options`: values by option key; those that the provider does not declare are left out.

    Raises `UnknownProvider`, or `ValueError` with a sentence for options that are missing or cannot work.
    """
    kind = _kind(name)
    declared = [one for one in attrs.fields(kind.Options) if one.init]
    missing = [one.name for one in declared if one.default is attrs.NOTHING and not options.get(one.name)]
    if missing:
        raise ValueError(f"the provider {name} needs {', '.join(missing)}")
    values = {one.name: options[one.name] for one in declared if one.name in options}
    return kind.build(kind.Options(**values), surroundings)


class _Kind(Protocol):
    """What a module or an entry point must have to be a provider."""

    Options: Any

    def build(self, options: Any, surroundings: Surroundings) -> Provider:
        """The provider."""


def _kind(name: str) -> _Kind:
    ours = _kind_here(name)
    if ours is not None:
        return ours
    for point in entry_points(group=ENTRY_POINT_GROUP, name=name):
        found: _Kind = point.load()
        return found
    raise UnknownProvider(f"unknown provider {name}; known are {', '.join(KnownProviders())}")


def _kind_here(name: str) -> _Kind | None:
    found = _module(name.replace("-", "_").replace(".", "_"))
    return found if found is not None and _name_of(found) == name else None


def _name_of(module: Any) -> str:
    name: str = getattr(module, "NAME", module.__name__.rpartition(".")[2].replace("_", "-"))
    return name


def _module(name: str) -> Any:
    """A module of this folder that is a provider; the rest of them only help."""
    if not name.isidentifier():
        return None
    try:
        found: Any = import_module(f"{o2sidecar.providers.__name__}.{name}")
    except ModuleNotFoundError:
        return None
    return found if hasattr(found, "Options") and hasattr(found, "build") else None
