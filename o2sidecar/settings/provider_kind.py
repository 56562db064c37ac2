"""What settings have to know of a kind of provider, all of it read from the class of its options."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, Self

import attrs
from attrs import frozen

from o2sidecar.settings.table import BY_KEY


@frozen(kw_only=True)
class ProviderKind:
    """A kind of provider.

    Attributes:
        keys: options of the table that it wants.
        required: those of them that have to be given.
        one_of: those of which one has to be.
        defaults: what counts for options of the table that nobody gave, where it is not the table's default.
    """

    keys: frozenset[str]
    required: Sequence[str] = ()
    one_of: Sequence[str] = ()
    defaults: Mapping[str, Any] = {}

    @classmethod
    def of(cls, options: type[Any]) -> Self:
        """The kind whose `Options` these are: an attrs class, whose fields are the keys of options."""
        fields = [field for field in attrs.fields(options) if field.init]
        return cls(
            keys=frozenset(field.name for field in fields) & BY_KEY.keys(),
            required=[field.name for field in fields if field.default is attrs.NOTHING and field.name in BY_KEY],
            one_of=getattr(options, "one_of", ()),
            defaults=getattr(options, "defaults", {}),
        )


class ProviderKinds(Protocol):
    """The kinds that there are, by name."""

    def __contains__(self, name: object) -> bool:
        """Whether there is one of a name."""

    def __iter__(self) -> Iterator[str]:
        """Their names."""

    def kind(self, name: str) -> ProviderKind:
        """One that there is."""


class AnyProvider:
    """Kinds about which nothing is known: there is one of every name, and it wants every option of the table."""

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def kind(self, name: str) -> ProviderKind:
        """See `ProviderKinds`."""
        return ProviderKind(keys=frozenset(BY_KEY))
