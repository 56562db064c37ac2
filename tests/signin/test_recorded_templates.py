"""Golden test: templates that use the language's features are rendered as Go's html/template renders them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.signin.custom_templates import CustomTemplates
from o2sidecar.signin.template_files import TemplatesRefused

FOLDER = Path(__file__).parent / "recorded"
RECORDED: dict[str, dict[str, dict[str, str]]] = json.loads((FOLDER / "recorded.json").read_text("utf-8"))
VALUES: dict[str, dict[str, dict[str, Any]]] = json.loads((FOLDER / "values.json").read_text("utf-8"))
REFUSED = ("refused_", "narrower_")


class RecordedTemplatesTests(SynchronousTestCase):
    """Users' templates show what they showed."""

    def load(self, name: str) -> CustomTemplates:
        """A folder with this template alone, as the page that its name says."""
        folder = Path(self.mktemp())
        folder.mkdir()
        page = "error.html" if name.startswith("error_") else "sign_in.html"
        (folder / page).write_bytes((FOLDER / "templates" / name).read_bytes())
        return CustomTemplates.load(folder)

    def test_every_template_is_recorded(self) -> None:
        """The data is whole: at least forty templates are rendered, each with all values."""
        self.assertEqual(set(RECORDED), {path.name for path in (FOLDER / "templates").iterdir()})
        self.assertGreaterEqual(sum(not name.startswith(REFUSED) for name in RECORDED), 40)
        for name, outcomes in RECORDED.items():
            self.assertEqual(outcomes.keys(), VALUES.keys(), name)

    def test_pages_are_what_go_makes_of_them(self) -> None:
        """Byte for byte, whatever the values are."""
        for name, outcomes in RECORDED.items():
            if name.startswith(REFUSED):
                continue
            templates = self.load(name)
            for values, outcome in outcomes.items():
                if name.startswith("error_"):
                    page = templates.error(**VALUES[values]["error.html"])
                else:
                    page = templates.sign_in(**VALUES[values]["sign_in.html"])
                self.assertEqual(page, outcome["output"], f"{name} with {values}")

    def test_what_go_refuses_is_refused_at_the_start(self) -> None:
        """Each problem names the file and the line, where Go shows it to the first who asks for the page."""
        for name, outcomes in RECORDED.items():
            if name.startswith("refused_"):
                self.assertTrue(all(outcome.get("error") for outcome in outcomes.values()), name)
                refused = self.assertRaises(TemplatesRefused, self.load, name)
                self.assertRegex(str(refused), r"sign_in\.html, line [23]: ", name)

    def test_what_could_not_be_told_is_refused_at_the_start(self) -> None:
        """The features that we do not have are refused, with the line, rather than shown otherwise than Go does."""
        for name, outcomes in RECORDED.items():
            if name.startswith("narrower_"):
                self.assertTrue(all("error" not in outcome for outcome in outcomes.values()), name)
                refused = self.assertRaises(TemplatesRefused, self.load, name)
                self.assertRegex(str(refused), r"sign_in\.html, line 2: ", name)

    def test_no_value_writes_a_tag(self) -> None:
        """The recorded pages themselves hold what the product promises: no script but the templates' own (X1)."""
        for name, outcomes in RECORDED.items():
            source = (FOLDER / "templates" / name).read_text("utf-8").lower()
            page = outcomes["markup"]["output"].lower()
            self.assertLessEqual(page.count("<script>alert"), source.count("<script>alert"), name)
            self.assertLessEqual(page.count("<img src=x"), 0, name)
