"""Issuers whose bearer tokens count beside the provider's, as the operator writes them: `issuer=audience`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from attrs import frozen


@frozen(kw_only=True)
class ExtraIssuer:
    """An issuer by its URL, and the audiences that its tokens may be meant for."""

    issuer: str
    audiences: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """One pair; the first `=` parts it. Raises `ValueError` with a sentence."""
        issuer, _, audience = text.partition("=")
        if not issuer or not audience:
            raise ValueError("must be issuer=audience: the issuer's URL, and whom its tokens are meant for")
        return cls(issuer=issuer, audiences=(audience,))


def extra_issuers(texts: Iterable[str]) -> tuple[ExtraIssuer, ...]:
    """The issuers of all pairs; pairs of one issuer are one of several audiences. Raises as `ExtraIssuer.parse`."""
    audiences: dict[str, tuple[str, ...]] = {}
    for pair in map(ExtraIssuer.parse, texts):
        audiences[pair.issuer] = audiences.get(pair.issuer, ()) + pair.audiences
    return tuple(ExtraIssuer(issuer=issuer, audiences=named) for issuer, named in audiences.items())
