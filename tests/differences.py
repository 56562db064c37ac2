"""The recorded cases that we answer otherwise on purpose, and what a run of them says against that list.

`differences.tsv` has a line for each: the case (TOPIC/ID); the row of the table in `docs/migrating.md` that says why,
by its number or, where it has none, by how it begins; and the test of ours that proves the better behaviour.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

TABLE = Path(__file__).with_suffix(".tsv")
_DIFFERS = re.compile(r"^DIFFERS \([^)\n]*\) (\S+): (.*)$", re.MULTILINE)


class Difference(NamedTuple):
    """One line of the table."""

    case: str
    row: str
    test: str


def differences() -> list[Difference]:
    """The table, in order."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return [Difference(**line) for line in csv.DictReader(file, delimiter="\t", strict=True)]


def complaints_about_cases(output: str, listed: Iterable[str] | None = None) -> Sequence[str]:
    """What is wrong with how all of the recorded cases differ, one sentence each.

    `output`: what the runner printed; it lets every case differ that is known to be bad. `listed`: the cases that may.
    """
    may = {difference.case for difference in differences()} if listed is None else set(listed)
    found = dict(_DIFFERS.findall(output))
    return [
        *(f"{case} differs, and {TABLE.name} does not say why" for case in sorted(found.keys() - may)),
        *(f"{case} differs no more; take it out of {TABLE.name}" for case in sorted(may - found.keys())),
        *(f"{case} was not tried: {why}" for case, why in sorted(found.items()) if why.startswith("runner: ")),
    ]
