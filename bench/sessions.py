"""Session cookies of o2sidecar, made with its own codec: as large as those that a sign-in at the provider leaves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from secrets import token_urlsafe

from o2sidecar.session.codec import SessionCodec
from o2sidecar.session.keys import KeyRing
from o2sidecar.session.session import Session

COOKIE_NAME = "_oauth2_proxy"
COOKIE_SECRET = "nothing-but-the-bench-knows-this"
_LIFETIME = 7 * 24 * 3600.0


def session_cookies() -> Iterator[str]:
    """Cookie field values, each with the session of another person, good from now on."""
    codec = SessionCodec(ring=KeyRing.from_texts([COOKIE_SECRET]), expire=_LIFETIME)
    number = 0
    while True:
        number += 1
        now = time.time()
        person = f"person{number}"
        session = Session(
            created_at=now,
            expires_on=now + _LIFETIME,
            access_token=token_urlsafe(32),
            id_token=token_urlsafe(390),
            email=f"{person}@example.com",
            user=person,
            groups=("team", "engineers"),
            preferred_username=person,
        )
        yield f"{COOKIE_NAME}={codec.encode(COOKIE_NAME, session)}"
