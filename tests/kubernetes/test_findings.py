"""Tests of findings as text."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.kubernetes.findings import Finding, ManifestProblem, Place, Severity


class FindingTests(SynchronousTestCase):
    """What people read."""

    def test_whole(self) -> None:
        """A finding names place, severity, rule and object before it says what is wrong."""
        finding = Finding(
            severity=Severity.ERROR,
            rule="O2S001",
            object="Deployment apps/my-app",
            place=Place(name="app.yaml", line=3, column=5),
            sentence="it has no image",
        )
        self.assertEqual(str(finding), "app.yaml:3:5: error O2S001: Deployment apps/my-app: it has no image")

    def test_parts(self) -> None:
        """What is not known is left out."""
        self.assertEqual(str(Finding(severity=Severity.NOTE, sentence="left alone")), "note: left alone")
        self.assertEqual(str(Place(name="-", line=2)), "-:2")
        self.assertEqual(str(Place(name="app.yaml")), "app.yaml")

    def test_problem(self) -> None:
        """A problem says each of its findings on a line."""
        one = ManifestProblem.at(Place(name="a.yaml", line=1), "the key 'a' is there twice")
        two = ManifestProblem([*one.findings, *one.findings])
        self.assertEqual(str(one), "a.yaml:1: error: the key 'a' is there twice")
        self.assertEqual(str(two), f"{one}\n{one}")
