"""Assembles the secrets that files hold, which follow their files: cookie keys, and what we prove ourselves with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from o2sidecar.guard.key_rotation import KeyRotation
from o2sidecar.secret_file import Secret, SecretFile
from o2sidecar.session.keys import KeyRing
from o2sidecar.settings.files import lines_of
from o2sidecar.settings.options import Settings

if TYPE_CHECKING:
    from o2sidecar.service import Background


def secret_of(text: str, path: str, *, setting: str, reactor: Any) -> Secret:
    """A secret, or what tells it at any time when a file holds it."""
    return SecretFile(path, setting=setting, text=text, clock=reactor) if path else text


def key_ring_of(settings: Settings, reactor: Any) -> tuple[KeyRing, tuple[Background, ...]]:
    """The keys of cookies, and what must run so that they follow their files."""
    ring = KeyRing.from_texts([settings.cookie_secret, *settings.accepted_cookie_secrets])
    if not settings.cookie_secret_file and not settings.accepted_cookie_secrets_file:
        return ring, ()
    rotation = KeyRotation(ring, clock=reactor, settle=settings.cookie_secret_settle_time)
    files = []
    if settings.cookie_secret_file:
        files.append(
            SecretFile(
                settings.cookie_secret_file,
                setting="cookie_secret_file",
                text=settings.cookie_secret,
                take=rotation.turn_to,
                clock=reactor,
            )
        )
    if settings.accepted_cookie_secrets_file:
        accepted = SecretFile(
            settings.accepted_cookie_secrets_file,
            setting="accepted_cookie_secrets_file",
            text="",
            take=lambda text: rotation.accept([*settings.accepted_cookie_secrets, *lines_of(text)]),
            may_be_empty=True,
            clock=reactor,
        )
        accepted.look()
        files.append(accepted)
    return ring, tuple(files)
