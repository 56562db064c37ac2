"""One object that an injection looks at, and how what is said about it gets its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import frozen

from o2sidecar.kubernetes.findings import Finding, Place, Severity
from o2sidecar.kubernetes.objects import title
from o2sidecar.kubernetes.operations import Data, Path
from o2sidecar.kubernetes.ways import Step, resolve


def _nowhere(_: Path) -> Place | None:
    return None


def _no_text(_: Path) -> str | None:
    return None


@frozen(kw_only=True, eq=False)
class Subject:
    """An object of the stream.

    Attributes:
        data: as plain data.
        place: where a path within the object is in the input.
        source: how what lies at a path within the object is written there.
    """

    data: Data
    place: Callable[[Path], Place | None] = _nowhere
    source: Callable[[Path], str | None] = _no_text

    def finding(
        self, severity: Severity, sentence: str, way: Sequence[Step] = (), *, namespace: str = "", base: Path = ()
    ) -> Finding:
        """What is said about the object, at a way below `base`, or as near to it as there is something."""
        path: Path | None = None
        for length in range(len(way), -1, -1):
            path = resolve(self.data, (*(step for step in base if isinstance(step, str)), *way[:length]))
            if path is not None:
                break
        return Finding(
            severity=severity, sentence=sentence, object=title(self.data, namespace), place=self.place(path or base)
        )
