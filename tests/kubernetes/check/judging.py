"""Sets of manifests for tests, and what the rules find in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from textwrap import dedent

from o2sidecar.kubernetes.check.rules import judge
from o2sidecar.kubernetes.check.scene import External, Scene
from o2sidecar.kubernetes.check.sources import Reader
from o2sidecar.kubernetes.check.thing import Thing
from o2sidecar.kubernetes.findings import Finding
from o2sidecar.providers.registry import KnownProviders

HERE = Path(__file__).resolve().parent
CLEAN = HERE / "clean"
READER = Reader(namespace="default", standard_input=lambda: "")


def scene_of(*texts: str, external: Iterable[str] = ()) -> Scene:
    """The scene of some manifests as text."""
    things = [thing for number, text in enumerate(texts) for thing in _read(dedent(text), f"{number}.yaml")]
    declared = tuple(map(External.parse, external))
    return Scene(things=tuple(things), kinds=KnownProviders(), external=declared)


@cache
def _read(text: str, name: str) -> tuple[Thing, ...]:
    return tuple(READER.of_text(text, name))


def found_in(*texts: str, external: Iterable[str] = ()) -> list[Finding]:
    """What the rules find in them."""
    return judge(scene_of(*texts, external=external))


def ids(findings: Sequence[Finding]) -> list[str]:
    """The rules that have found anything."""
    return sorted({finding.rule for finding in findings})


def clean(*changes: tuple[str, str]) -> list[str]:
    """The texts of the clean example, with something in the place of something else."""
    texts = [(CLEAN / name).read_text("utf-8") for name in ("app.yaml", "realm.yaml", "gateway.yaml")]
    for old, new in changes:
        assert any(old in text for text in texts), f"{old} is not in the example"
        texts = [text.replace(old, new) for text in texts]
    return texts
