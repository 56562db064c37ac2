"""What is known of a session in a store, and how long that counts."""

from __future__ import annotations

from math import inf

from attrs import define, frozen

from o2sidecar.guard.opened import Opened
from o2sidecar.session.ticket_cookie import Presented
from o2sidecar.stores.tickets import Stored


@define(kw_only=True)
class Held(Opened):
    """A session that a ticket opened. `due_at`: until when it is believed. `renew_at`: when it is to be renewed."""

    presented: Presented
    stored: Stored
    renew_at: float


@frozen(kw_only=True)
class Trust:
    """How long what is known of a stored session counts, in seconds.

    Attributes:
        lifetime: of a ticket, from the signature of its cookie.
        believed: until the store is asked again whether the session is still there.
        refresh_period: age at which it is renewed with the provider.
        absolute: of a session, from the login.
        retry_period: until the provider is asked again when it told nothing new.
    """

    lifetime: float
    believed: float
    refresh_period: float = inf
    absolute: float = inf
    retry_period: float = 60
