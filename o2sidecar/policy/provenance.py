"""Whose sessions may pass, by who signed the person in: each provider's people are subject to its own rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from attrs import frozen

from o2sidecar.refusals import NotPermitted, OtherProvider
from o2sidecar.session.session import Session


class Admitting(Protocol):
    """Rules about who may pass."""

    def refusal(self, session: Session, *, signing_in: bool = False) -> NotPermitted | None:
        """Why this session may not pass; `None` if it may. `signing_in`: whether it begins just now."""


@frozen(kw_only=True)
class ByProvider:
    """The rules for sessions of several providers.

    What one provider says of a person counts by its own rules alone: that somebody has an address or a group at
    another one opens nothing (security.md O17).

    `rules`: by the provider's id, of those that are accepted. `untagged`: for sessions that do not say who signed the
    person in, as those of oauth2-proxy; `None`: they are refused.
    """

    rules: Mapping[str, Admitting]
    untagged: Admitting | None = None

    def refusal(self, session: Session, *, signing_in: bool = False) -> NotPermitted | None:
        """See `Admitting`. HOT: asked for every signed-in request."""
        rules = self.rules.get(session.provider) if session.provider else self.untagged
        if rules is None:
            return OtherProvider(detail=f"the session of {session.name!r} is one of {session.provider or 'nobody'!r}")
        return rules.refusal(session, signing_in=signing_in)
