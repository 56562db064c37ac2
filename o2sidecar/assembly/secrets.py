"""Assembles the secrets that files hold, which follow their files: cookie keys, and what we prove ourselves with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from attrs import define, field

from o2sidecar.guard.key_rotation import KeyRotation
from o2sidecar.secret_file import Secret, SecretFile
from o2sidecar.session.keys import CookieKey, KeyRing
from o2sidecar.settings.files import lines_of
from o2sidecar.settings.options import Settings

if TYPE_CHECKING:
    from o2sidecar.service import Background


def secret_of(text: str, path: str, *, setting: str, reactor: Any) -> Secret:
    """A secret, or what tells it at any time when a file holds it."""
    return SecretFile(path, setting=setting, text=text, clock=reactor) if path else text


@define(kw_only=True)
class Keys:
    """The keys of cookies, which follow their files and the settings; `files` must run for that.

    `accepted`: the secrets that settings name; `listed`: those that a file lists.
    """

    ring: KeyRing
    rotation: KeyRotation
    accepted: tuple[str, ...] = field(repr=False)
    listed: tuple[str, ...] = field(default=(), repr=False)
    files: tuple[Background, ...] = ()

    @classmethod
    def of(cls, settings: Settings, reactor: Any) -> Keys:
        """From settings."""
        ring = KeyRing.from_texts([settings.cookie_secret, *settings.accepted_cookie_secrets])
        rotation = KeyRotation(ring, clock=reactor, settle=settings.cookie_secret_settle_time)
        keys = cls(ring=ring, rotation=rotation, accepted=settings.accepted_cookie_secrets)
        keys.files = tuple(_key_files(settings, keys, reactor))
        return keys

    def turn_to(self, settings: Settings) -> None:
        """Rotate to other secrets; a secret of a file is that file's matter."""
        if not settings.cookie_secret_file and self.rotation.latest != CookieKey.from_text(settings.cookie_secret):
            self.rotation.turn_to(settings.cookie_secret)
        if settings.accepted_cookie_secrets != self.accepted:
            self.accepted = settings.accepted_cookie_secrets
            self.rotation.accept([*self.accepted, *self.listed])

    def accept_listed(self, text: str) -> None:
        """Accept the secrets that a file lists; raises `ValueError` if one makes no key."""
        listed = tuple(lines_of(text))
        self.rotation.accept([*self.accepted, *listed])
        self.listed = listed


def _key_files(settings: Settings, keys: Keys, reactor: Any) -> Iterator[SecretFile]:
    if settings.cookie_secret_file:
        yield SecretFile(
            settings.cookie_secret_file,
            setting="cookie_secret_file",
            text=settings.cookie_secret,
            take=keys.rotation.turn_to,
            clock=reactor,
        )
    if settings.accepted_cookie_secrets_file:
        accepted = SecretFile(
            settings.accepted_cookie_secrets_file,
            setting="accepted_cookie_secrets_file",
            text="",
            take=keys.accept_listed,
            may_be_empty=True,
            clock=reactor,
        )
        accepted.look()
        yield accepted
