"""The two people of the demo: one whom the apps admit, and one whom they do not."""

from __future__ import annotations

from typing import Any

from attrs import frozen

ADMITTED_GROUP = "team"
"""The group that the demo's sidecars admit."""


@frozen(kw_only=True)
class Person:
    """Somebody with an account at the demo's provider."""

    subject: str
    name: str
    email: str
    groups: tuple[str, ...]

    def claims(self) -> dict[str, Any]:
        """What the provider says of this person (OpenID Connect Core §5.1, and `groups`)."""
        return {
            "sub": self.subject,
            "name": self.name,
            "preferred_username": self.subject,
            "email": self.email,
            "email_verified": True,
            "groups": list(self.groups),
        }


PEOPLE = (
    Person(subject="ada", name="Ada Lovelace", email="ada@example.com", groups=(ADMITTED_GROUP, "engineers")),
    Person(subject="mallory", name="Mallory Malice", email="mallory@example.com", groups=("visitors",)),
)
