"""Tests of how the commands about manifests end: alike, whatever is in their way."""

from __future__ import annotations

import contextlib
import io

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.kubernetes.check.command import main as check
from o2sidecar.kubernetes.convert.command import main as convert
from o2sidecar.kubernetes.ending import ended
from o2sidecar.kubernetes.inject.command import main as inject
from o2sidecar.kubernetes.keys import main as keys
from o2sidecar.kubernetes.migrate.command import main as migrate
from o2sidecar.kubernetes.terminal import Terminal
from o2sidecar.kubernetes.uninject.command import main as uninject
from tests.kubernetes.running import Command, Run

READERS: dict[str, tuple[Command, list[str]]] = {
    "check": (check, []),
    "convert": (convert, []),
    "inject": (inject, []),
    "uninject": (uninject, []),
    "keys rotate": (keys, ["rotate", "-o", "-"]),
    "migrate plan": (migrate, ["plan"]),
}
"""The commands that read a manifest, and what else they need."""


class EndingTests(SynchronousTestCase):
    """One mistake is one status and one form of sentence."""

    def test_no_file(self) -> None:
        """A file that is not there is status 2, said with the command's name and the file's."""
        for name, (command, more) in READERS.items():
            run = Run.of(command, *more, "--file", "/nowhere.yaml")
            self.assertEqual((run.status, run.out), (2, ""), name)
            self.assertRegex(run.err, rf"^o2sidecar {name}: /nowhere\.yaml.* cannot be read: No such file", name)

    def test_no_text(self) -> None:
        """What is no UTF-8 is refused, and nothing is written."""
        for name, (command, more) in READERS.items():
            run = Run.of(command, *more, "--file", "-", standard_input=b"a: \xff\n")
            self.assertIn(run.status, (1, 2), name)
            self.assertTrue(run.err.startswith(f"o2sidecar {name}: "), run.err)
            self.assertEqual(run.out, "", name)

    def test_broken_yaml(self) -> None:
        """Broken YAML has its place behind the command's name; for `check` it is input that cannot be read."""
        for name, (command, more) in READERS.items():
            run = Run.of(command, *more, "--file", "-", standard_input="a: [\n")
            self.assertEqual((run.status, run.out), (2 if name == "check" else 1, ""), name)
            self.assertTrue(run.err.startswith(f"o2sidecar {name}: -:"), run.err)

    def test_what_makes_no_sense(self) -> None:
        """An image without a name is misuse of every command that takes one."""
        for command in (inject, convert):
            run = Run.of(command, "--file", "-", "--image", "", standard_input="")
            self.assertEqual(run.status, 2)
            self.assertIn("'' is no image", run.err)

    def test_help_says_the_statuses(self) -> None:
        """Every command's help says what its exit status means."""
        for name, (command, _) in READERS.items():
            out = self._help(command, name)
            self.assertRegex(out, r"(?s)[Ee]xit status:? 0 .*\b1\b.*\b2\b", name)

    def _help(self, command: Command, name: str) -> str:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):  # argparse writes it past the terminal
            self.assertEqual(Run.of(command, "--help").status, 0, name)
        return out.getvalue()

    def test_without_the_parser(self) -> None:
        """Where ruamel.yaml is not installed, it is said how to install it; another missing module is a mistake."""
        said: list[str] = []

        def missing(name: str) -> int:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

        terminal = Terminal(say=said.append)
        self.assertEqual(ended("check", terminal, lambda: missing("ruamel.yaml")), 2)
        self.assertIn("pip install 'o2sidecar[kubernetes]'", said[0])
        self.assertRaises(ImportError, ended, "check", terminal, lambda: missing("other"))
