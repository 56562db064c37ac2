"""What settings have to know of a kind of provider, all of it read from the class of its options."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, Self

import attrs
from attrs import field, frozen

from o2sidecar.settings.given import Given
from o2sidecar.settings.kinds import TEXT
from o2sidecar.settings.own_options import OwnOptions, own_options_of
from o2sidecar.settings.problems import Problem
from o2sidecar.settings.table import BY_KEY

Judge = Callable[[Mapping[str, Any]], Iterable[Problem]]
"""Finds what is wrong with the values, by key, of the options that a provider wants; names in it are keys."""


def _no_problems(values: Mapping[str, Any]) -> Iterable[Problem]:
    return ()


@frozen(kw_only=True)
class ProviderKind:
    """A kind of provider.

    Attributes:
        keys: options of the table that it wants.
        required: those of them that have to be given.
        one_of: those of which one has to be.
        defaults: what counts for options of the table that nobody gave, where it is not the table's default.
        own: options that it wants and that are not of the table.
        problems: its own rules, for values none of which is missing.
    """

    keys: frozenset[str]
    required: Sequence[str] = ()
    one_of: Sequence[str] = ()
    defaults: Mapping[str, Any] = {}
    own: OwnOptions = field(factory=dict)
    problems: Judge = _no_problems

    @classmethod
    def of(cls, options: type[Any], problems: Judge = _no_problems) -> Self:
        """The kind whose `Options` these are: an attrs class, whose fields are the keys of options.

        Raises `ValueError` as `own_options_of`.
        """
        fields = [one for one in attrs.fields(options) if one.init]
        return cls(
            keys=frozenset(one.name for one in fields) & BY_KEY.keys(),
            required=[one.name for one in fields if one.default is attrs.NOTHING and one.name in BY_KEY],
            one_of=getattr(options, "one_of", ()),
            defaults=getattr(options, "defaults", {}),
            own=own_options_of(options),
            problems=problems,
        )


class ProviderKinds(Protocol):
    """The kinds that there are, by name."""

    def __contains__(self, name: object) -> bool:
        """Whether there is one of a name."""

    def __iter__(self) -> Iterator[str]:
        """Their names."""

    def kind(self, name: str) -> ProviderKind:
        """One that there is; raises `ValueError` with a sentence if it cannot be used."""

    def wanting(self, key: str) -> Iterable[str]:
        """The names of those of this program, not of other packages, that want an option of the table."""


def kind_named(given: Mapping[str, Given], kinds: ProviderKinds) -> ProviderKind | None:
    """The kind that `provider` names among what was given, or by default; None if it cannot be used."""
    try:
        name = given["provider"].read(TEXT) if "provider" in given else BY_KEY["provider"].default
        return kinds.kind(name) if name in kinds else None
    except ValueError:
        return None


class AnyProvider:
    """Kinds about which nothing is known: there is one of every name, and it wants every option of the table."""

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def kind(self, name: str) -> ProviderKind:
        """See `ProviderKinds`."""
        return ProviderKind(keys=frozenset(BY_KEY))

    def wanting(self, key: str) -> Iterable[str]:
        """See `ProviderKinds`."""
        return ()
