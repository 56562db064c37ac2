"""Why settings are refused, and the other ways in which loading them can end."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

HEADING = "The settings are refused:"


@frozen(kw_only=True)
class Problem:
    """What is wrong, or doubtful, with one or several settings.

    Attributes:
        names: the settings, by key, or as the operator wrote them.
        sentence: what is wrong; it follows the names and a colon, and holds no secret.
    """

    names: tuple[str, ...]
    sentence: str

    def __str__(self) -> str:
        return f"{', '.join(self.names)}: {self.sentence}"


class SettingsRefused(Exception):
    """The settings cannot be used; as text, one heading and a line for every problem. Exit status 1."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join([HEADING, *(f"  {problem}" for problem in self.problems)])


class UsageRefused(Exception):
    """The command line cannot be read; as text, why. Exit status 2."""


class HelpAsked(Exception):
    """`--help` was given; `text` is what to print."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(text)


class ConversionAsked(Exception):
    """`--convert-config-to-alpha` was given; `text` is the structured file, with its secrets, `remarks` are for people.

    As text it is neither, since what raises it may be logged.
    """

    def __init__(self, text: str, remarks: str) -> None:
        self.text = text
        self.remarks = remarks
        super().__init__("the structured file was asked for")


class VersionAsked(Exception):
    """`--version` was given."""
