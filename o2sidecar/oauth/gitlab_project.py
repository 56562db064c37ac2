"""A project of GitLab that somebody must work on, as an option states it: `group/project=level`."""

from __future__ import annotations

from typing import Self

from attrs import frozen

REPORTER = 20
ACCESS_LEVELS = (10, 20, 30, 40, 50)
"""Guest, reporter, developer, maintainer, owner."""


@frozen(kw_only=True)
class GitLabProject:
    """A project by its full path or its number, and the least access level that counts."""

    name: str
    access_level: int = REPORTER

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `group/project` or `group/project=level`; raises `ValueError` with a sentence."""
        name, equals, level = text.partition("=")
        if not all(name.split("/")) or not name.isprintable() or " " in name:
            raise ValueError(f"{name!r} is not of the form group/project or group/project=level")
        if not equals:
            return cls(name=name)
        levels = {str(known): known for known in ACCESS_LEVELS}
        if level not in levels:
            raise ValueError(f"the access level of {name} must be one of {', '.join(levels)}")
        return cls(name=name, access_level=levels[level])

    @property
    def group(self) -> str:
        """The group that stands for the project in sessions and rules."""
        return f"project:{self.name}"
