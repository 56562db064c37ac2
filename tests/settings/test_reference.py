"""Tests for the options in words."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import o2sidecar
from o2sidecar.settings.reference import help_text, page
from o2sidecar.settings.table import OPTIONS
from o2sidecar.settings.table.later import LATER


class ReferenceTests(SynchronousTestCase):
    """`--help` and the page are made from the table."""

    def test_page_is_up_to_date(self) -> None:
        """The committed page is what the table gives (its first lines say how to write it anew)."""
        committed = Path(o2sidecar.__file__).parent.parent / "docs" / "configuration.md"
        self.assertEqual(committed.read_text(encoding="utf-8"), page())

    def test_page_names_everything(self) -> None:
        """Every option is on the page by all its names, one that is not built by its key."""
        text = page()
        for option in OPTIONS:
            for name in (option.key, option.flag, option.variable):
                self.assertIn(f"`{name}`", text)
        for later in LATER:
            self.assertIn(f"`{later.key}`", text)

    def test_help(self) -> None:
        """Help shows flag, kind of value, variable and default."""
        text = help_text()
        self.assertIn("  --cookie-expire DURATION  [OAUTH2_PROXY_COOKIE_EXPIRE]\n", text)
        self.assertIn("how long a session lives; 0: until the browser is closed (default: 168h)", text)
        self.assertIn("  --cookie-secure  [OAUTH2_PROXY_COOKIE_SECURE]\n", text)
        self.assertIn("(default: none; o2sidecar: lax)", text)
        self.assertIn("deprecated, use skip_auth_routes", text)

    def test_tables_are_whole(self) -> None:
        """Each row of a table has as many cells as its head."""
        for line in page().splitlines():
            if line.startswith("| `"):
                self.assertEqual(line.replace("\\|", "").count("|"), 4, line)
