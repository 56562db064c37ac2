"""The machine as tests want it: time zone and authorities by variables, for as long as a test runs."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from twisted.trial.unittest import SynchronousTestCase


def surround(case: SynchronousTestCase, **variables: str) -> None:
    """Set variables until the end of a test."""
    before = {name: os.environ.get(name) for name in variables}
    case.addCleanup(_set_variables, before)
    _set_variables(variables)


def _set_variables(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    time.tzset()
