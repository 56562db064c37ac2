"""Providers by name: a module of this folder, or what an entry point of another package leads to.

A provider named `some-name` is the module `some_name` here, unless that says otherwise by `NAME`, or what the entry
point `some-name` of the group `o2sidecar.providers` names. Either has `Options`, an attrs class whose fields are the
keys of the options it wants, and `build(options, surroundings)`, which gives a `Provider`. It may have
`problems(options)`, which yields what is wrong with them, and if it is of another package options of its own
(`o2sidecar.settings.own_options`).
"""

from __future__ import annotations

import pkgutil
from collections.abc import Collection, Iterator, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from types import SimpleNamespace
from typing import Any, Protocol

import attrs

import o2sidecar.providers
from o2sidecar.providers.provider import Provider
from o2sidecar.providers.surroundings import Surroundings
from o2sidecar.settings.problems import Problem
from o2sidecar.settings.provider_kind import ProviderKind

ENTRY_POINT_GROUP = "o2sidecar.providers"


class UnknownProvider(ValueError):
    """There is no provider of a name; the message names those that there are."""


class UnusableProvider(ValueError):
    """What another package offers as a provider is none; the message says why."""


class KnownProviders(Collection[str]):
    """The names that `build` knows; to ask about one loads no other provider."""

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (
            _kind_here(name) is not None or bool(entry_points(group=ENTRY_POINT_GROUP, name=name))
        )

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(_ours().keys() | {point.name for point in entry_points(group=ENTRY_POINT_GROUP)}))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def kind(self, name: str) -> ProviderKind:
        """What settings have to know of one; raises `UnknownProvider` or `UnusableProvider`."""
        ours = _kind_here(name)
        if ours is not None:
            # What their Options refuse, settings say better; so the values are judged though none can be made.
            rules = getattr(ours, "problems", lambda said: ())
            return ProviderKind.of(ours.Options, lambda values: rules(SimpleNamespace(**values)))
        kind = _kind(name)
        try:
            return ProviderKind.of(kind.Options, lambda values: _problems(name, kind, values))
        except ValueError as error:
            raise UnusableProvider(f"the provider {name} cannot be used: {error}") from None

    def wanting(self, key: str) -> list[str]:
        """Those of this folder that want an option; what other packages bring is not loaded for the question."""
        return sorted(name for name, kind in _ours().items() if key in {one.name for one in attrs.fields(kind.Options)})


def build(name: str, options: Mapping[str, object], surroundings: Surroundings) -> Provider:
    """The provider of a name.

    `options`: values by option key; those that the provider does not declare are left out.

    Raises `UnknownProvider`, or `ValueError` with a sentence for options that are missing or cannot work.
    """
    kind = _kind(name)
    declared = _declared(kind)
    empty = (None, "", ())
    missing = [one.name for one in declared if one.default is attrs.NOTHING and options.get(one.name) in empty]
    if missing:
        raise ValueError(f"the provider {name} needs {', '.join(missing)}")
    return kind.build(kind.Options(**_arguments(kind, options)), surroundings)


class _Kind(Protocol):
    """What a module or an entry point must have to be a provider."""

    Options: Any

    def build(self, options: Any, surroundings: Surroundings) -> Provider:
        """The provider."""


def _kind(name: str) -> _Kind:
    ours = _kind_here(name)
    if ours is not None:
        return ours
    points = {point.value: point for point in entry_points(group=ENTRY_POINT_GROUP, name=name)}
    if not points:
        raise UnknownProvider(f"unknown provider {name}; known are {', '.join(KnownProviders())}")
    if len(points) > 1:
        raise UnusableProvider(f"several packages add a provider {name}: {', '.join(sorted(points))}")
    [point] = points.values()
    try:
        found: _Kind = point.load()
    except Exception as error:  # whatever somebody else's module raises
        raise UnusableProvider(f"{point.value} cannot be loaded: {type(error).__name__}: {error}") from error
    if not attrs.has(getattr(found, "Options", object)) or not callable(getattr(found, "build", None)):
        raise UnusableProvider(f"{point.value} is no provider: it needs Options, an attrs class, and build")
    return found


def _problems(name: str, kind: _Kind, values: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with the options of another package's provider, which are checked as they are made."""
    try:
        options = kind.Options(**_arguments(kind, values))
    except (TypeError, ValueError) as error:
        yield Problem(names=("provider",), sentence=f"the options of {name} cannot be used: {error}")
        return
    yield from getattr(kind, "problems", lambda options: ())(options)


def _declared(kind: _Kind) -> list[attrs.Attribute[Any]]:
    return [one for one in attrs.fields(kind.Options) if one.init]


def _arguments(kind: _Kind, values: Mapping[str, object]) -> dict[str, object]:
    """What its `Options` are made from, among values by key."""
    return {one.alias or one.name: values[one.name] for one in _declared(kind) if one.name in values}


def _ours() -> dict[str, _Kind]:
    modules = (_module(found.name) for found in pkgutil.iter_modules(o2sidecar.providers.__path__))
    return {_name_of(module): module for module in modules if module is not None}


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
