"""What is said about manifests: findings, their places, and the problem that ends a command."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from attrs import frozen


class Severity(StrEnum):
    """How much a finding weighs."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@frozen(kw_only=True, order=True)
class Place:
    """Where in the input something stands.

    Attributes:
        name: the file, as it was given; `-` is the standard input.
        line: counted from 1; 0 is the file as a whole.
        column: counted from 1 in characters; 0 is the line as a whole.
    """

    name: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return ":".join([self.name, *(str(number) for number in (self.line, self.column) if number)])


@frozen(kw_only=True)
class Finding:
    """One thing to say, to people and to programs.

    Attributes:
        severity: what it does to the exit status.
        sentence: what is wrong and how to mend it; holds no secret.
        object: `Deployment apps/my-app`; empty where it is about no object.
        place: where it stands; `None` where it is about no input.
        rule: `O2S001`; empty where no rule of `check` found it.
    """

    severity: Severity
    sentence: str
    object: str = ""
    place: Place | None = None
    rule: str = ""

    def __str__(self) -> str:
        parts = [str(self.place) if self.place else "", f"{self.severity} {self.rule}".strip(), self.object]
        return ": ".join([*filter(None, parts), self.sentence])


class ManifestProblem(Exception):
    """A manifest cannot be read or changed; as text, one line for every finding. Exit status 1 (`check`: 2)."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__(self.findings)

    @classmethod
    def at(cls, place: Place | None, sentence: str, *, object: str = "") -> ManifestProblem:
        """The problem that is one error at one place."""
        return cls([Finding(severity=Severity.ERROR, sentence=sentence, object=object, place=place)])

    def __str__(self) -> str:
        return "\n".join(map(str, self.findings))
