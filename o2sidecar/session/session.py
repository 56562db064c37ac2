"""The session: who is signed in, since when, and with which tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen


def _frozen_mapping(value: Mapping[str, Any]) -> dict[str, Any]:
    return dict(value)


@frozen(kw_only=True, slots=True)
class Session:
    """One person's session, as the cookie carries it.

    Times are seconds since the epoch, with a fraction; `None` where the provider told none. Empty text means that
    the provider gave no such claim or token; `provider` is the id of the one that signed the person in, empty if
    nothing tells. `began_at`: when the person signed in, where that is kept; `created_at` moves with each renewal.
    `seen_at`: when the session was in use last, roughly, where that is kept. `authenticated_at`, `acr`: when the
    provider authenticated the person and in which class, where some routes ask for that.
    """

    created_at: float | None = None
    began_at: float | None = None
    seen_at: float | None = None
    authenticated_at: float | None = None
    expires_on: float | None = None
    access_token: str = field(default="", repr=False)
    id_token: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    nonce: bytes = field(default=b"", repr=False)
    email: str = ""
    user: str = ""
    groups: tuple[str, ...] = ()
    preferred_username: str = ""
    provider: str = ""
    acr: str = ""
    additional_claims: Mapping[str, Any] = field(factory=dict, converter=_frozen_mapping)

    @property
    def names_somebody(self) -> bool:
        """Whether this is anybody's session: it has a user or an email (oauth2-proxy lets an empty one pass)."""
        return bool(self.user or self.email)

    @property
    def has_tokens(self) -> bool:
        """Whether a provider gave tokens for it; a local user's session has none."""
        return bool(self.access_token or self.id_token or self.refresh_token)

    @property
    def name(self) -> str:
        """What the person is called in logs and pages: the email, else the user."""
        return self.email or self.user
