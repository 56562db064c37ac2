"""Tests of the page: what is generated stands between its marks, and everything else stays."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from bench.page import BEGIN, END, rewritten

DOCS = Path(__file__).resolve().parents[2] / "docs"


class PageTests(SynchronousTestCase):
    """A run writes its part of the page."""

    def test_rewritten(self) -> None:
        """What stood between the marks is replaced, what stood around them is kept."""
        page = rewritten(f"# Title\n\n{BEGIN}\nold\n{END}\n\nAfter.\n", "new\n")
        self.assertEqual(page, f"# Title\n\n{BEGIN}\n\nnew\n\n{END}\n\nAfter.\n")
        self.assertEqual(rewritten(page, "new"), page)

    def test_marks(self) -> None:
        """A page without the marks, or with too many, is refused: nothing of it is lost."""
        for page in ("", BEGIN, END + BEGIN, f"{BEGIN}{END}{BEGIN}", f"{BEGIN}{END}{END}"):
            self.assertRaises(ValueError, rewritten, page, "new")

    def test_the_page_that_is_there(self) -> None:
        """docs/performance.md has the marks, figures between them, and the picture."""
        page = (DOCS / "performance.md").read_text("utf-8")
        rewritten(page, "new")
        self.assertIn("**CPU time per request", page.partition(BEGIN)[2].partition(END)[0])
        self.assertIn("(performance.svg)", page)
        self.assertTrue((DOCS / "performance.svg").is_file())
