"""What a rule is, and what it says of one place."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from attrs import frozen

from o2sidecar.kubernetes.findings import Severity
from o2sidecar.kubernetes.operations import Path

if TYPE_CHECKING:
    from o2sidecar.kubernetes.check.scene import Scene
    from o2sidecar.kubernetes.check.thing import Thing
    from o2sidecar.kubernetes.findings import Place


@frozen(kw_only=True)
class Remark:
    """One thing that a rule has found.

    Attributes:
        sentence: what is wrong here; holds no secret.
        thing: the object that it is about; `None` for a configuration file without one.
        path: where in the object.
        place: where it stands, if that is known better than by the path.
    """

    sentence: str
    thing: Thing | None = None
    path: Path = ()
    place: Place | None = None


@frozen(kw_only=True)
class Statement:
    """What can be wrong.

    Attributes:
        id: `O2S001`; never given to another one.
        severity: an error opens a bypass, breaks sign-in or cannot be applied; all else is a warning.
        title: what is wrong, in a line.
        why: why it matters.
        mend: how to mend it, in the imperative.
    """

    id: str
    severity: Severity
    title: str
    why: str
    mend: str


@frozen(kw_only=True)
class Rule(Statement):
    """What can be wrong with manifests and settings.

    Attributes:
        find: every case of it in a scene.
    """

    find: Callable[[Scene], Iterable[Remark]]


def error(id: str, title: str, why: str, mend: str, find: Callable[[Scene], Iterable[Remark]]) -> Rule:
    """A rule whose findings are errors."""
    return Rule(id=id, severity=Severity.ERROR, title=title, why=why, mend=mend, find=find)


def warning(id: str, title: str, why: str, mend: str, find: Callable[[Scene], Iterable[Remark]]) -> Rule:
    """A rule whose findings are warnings."""
    return Rule(id=id, severity=Severity.WARNING, title=title, why=why, mend=mend, find=find)
