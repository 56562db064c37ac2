"""Tests that setting an option, any option, changes something that can be seen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.settings.table import BY_KEY
from tests.options import (
    answer_limit_rows,
    client_limit_rows,
    identity_rows,
    logout_rows,
    people_rows,
    provider_rows,
    redis_rows,
    session_rows,
    surroundings_rows,
)
from tests.options.papers import write_files
from tests.options.row import Row
from tests.options.surround import surround

ROOMS = (
    identity_rows,
    logout_rows,
    provider_rows,
    people_rows,
    redis_rows,
    session_rows,
    surroundings_rows,
    client_limit_rows,
    answer_limit_rows,
)
ROWS: Mapping[str, Row] = {key: row for room in ROOMS for key, row in room.ROWS.items()}


class OptionTests(SynchronousTestCase):
    """Every option of the table does something."""

    def test_every_option_has_a_row(self) -> None:
        """There is a row for each option, one only, and none for what is no option."""
        self.assertEqual(BY_KEY.keys() - ROWS.keys(), set(), "options without a row")
        self.assertEqual(ROWS.keys() - BY_KEY.keys(), set(), "rows of no option")
        self.assertEqual(sum(len(room.ROWS) for room in ROOMS), len(ROWS), "an option has two rows")

    def test_every_row_sees_a_difference(self) -> None:
        """A row states two different things to be seen."""
        self.assertEqual([key for key, row in ROWS.items() if row.without == row.seen], [])

    def test_every_option(self) -> None:
        """With an option the sidecar does what its row says, and without it what else the row says."""
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        write_files(folder)
        surround(self, TZ="Asia/Kolkata", SSL_CERT_FILE=str(folder / "system-ca.pem"))
        wrong = []
        for key, row in ROWS.items():
            seen = row.observations(key, folder)
            if seen != (row.without, row.seen):
                wrong.append(f"{key}: seen without and with it was {seen}, not {(row.without, row.seen)}")
        if wrong:
            self.fail("\n".join(wrong))
