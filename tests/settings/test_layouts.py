"""Tests of the layouts of log lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.settings import layouts
from o2sidecar.settings.layouts import Layout

KNOWN = ("Client", "Message")


class LayoutTests(SynchronousTestCase):
    """Go templates of variables."""

    def test_variables(self) -> None:
        """Each variable is replaced, in any order and as often as it stands there."""
        layout = Layout.parse("100% {{.Message}}|{{ .Client }}%s{{.Client}}", KNOWN)
        self.assertEqual(layout.line({"Client": "c", "Message": "m%d"}), "100% m%d|c%sc")

    def test_trim_marks(self) -> None:
        """A dash inside the braces takes the blanks outside of them away."""
        self.assertEqual(Layout.parse("a {{- .Client}} b {{.Client -}} c", KNOWN).line({"Client": "c"}), "ac b cc")

    def test_refused(self) -> None:
        """What is no variable, or none that there is, is named in a sentence."""
        for text, part in (
            ("{{.Nope}}", "{{.Nope}}"),
            ("{{if .Client}}x{{end}}", "{{if .Client}}"),
            ("{{.Client | printf}}", "more than a variable"),
            ("{{.Client", "braces"),
            ("x}}", "braces"),
            ("a\nb", "one line"),
        ):
            with self.assertRaises(ValueError, msg=text) as refused:
                Layout.parse(text, KNOWN)
            self.assertIn(part, str(refused.exception))

    @given(st.text(alphabet=st.characters(exclude_characters="{}\r\n")))
    def test_other_text(self, text: str) -> None:
        """All other text stays as it is."""
        self.assertEqual(Layout.parse(text + "{{.Client}}", KNOWN).line({"Client": "c"}), text + "c")

    def test_ours(self) -> None:
        """The layouts that come with the program use variables that there are."""
        for key, text in (
            ("standard_logging_format", layouts.STANDARD),
            ("auth_logging_format", layouts.AUTH),
            ("request_logging_format", layouts.REQUEST_WITH_REASON),
        ):
            names = Layout.parse(text, layouts.VARIABLES[key]).names
            self.assertEqual(len(set(names)), len(names))
