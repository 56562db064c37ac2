"""The seed's traps, T1 to T47: a small file reproduces each that a manifest can show, and its rules find it."""

from __future__ import annotations

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.kubernetes.check.rules import RULES, judge
from o2sidecar.kubernetes.check.scene import External, Scene
from o2sidecar.kubernetes.findings import Severity
from o2sidecar.providers.registry import KnownProviders
from tests.kubernetes.check.judging import HERE, READER, found_in, ids

TRAPS = HERE / "traps"
EXPECTED = {
    "T01": {"O2S026"},
    "T02": {"O2S020"},
    "T03": {"O2S035", "O2S040"},
    "T04": {"O2S010"},
    "T04b": {"O2S010", "O2S011"},
    "T05": {"O2S050"},
    "T06": {"O2S052", "O2S066"},
    "T07": {"O2S001", "O2S060"},
    "T09": {"O2S041"},
    "T11": {"O2S012"},
    "T12": {"O2S061"},
    "T13": {"O2S036", "O2S040"},
    "T14": {"O2S001", "O2S022"},
    "T15": {"O2S040", "O2S070"},
    "T17": {"O2S083"},
    "T18": {"O2S080", "O2S082"},
    "T19": {"O2S079"},
    "T21": {"O2S041"},
    "T22": {"O2S064"},
    "T23": {"O2S053"},
    "T24": {"O2S025"},
    "T25": {"O2S063"},
    "T27": {"O2S050"},
    "T28": {"O2S040"},
    "T29": {"O2S090"},
    "T31": {"O2S091"},
    "T32": {"O2S028"},
    "T35": {"O2S071"},
    "T36": {"O2S095", "O2S096"},
    "T38": {"O2S072"},
    "T39": {"O2S030"},
    "T42": {"O2S027"},
    "T43": {"O2S002", "O2S020"},
    "T44": {"O2S001"},
    "T46": {"O2S044"},
    "T47": {"O2S001", "O2S011"},
}
"""Trap to the rules that find it; they find nothing else in its file."""

NOT_IN_MANIFESTS = {
    "T08": "a shell script that counts warnings ends at the first one",
    "T10": "an install script does not use the answers that it asked for",
    "T16": "documents say another thing than the settings",
    "T20": "how sign-out works in a running proxy; the site is asked by --live",
    "T26": "an install script looks into the wrong namespaces of a live cluster",
    "T30": "links and commands of documents",
    "T33": "one cookie secret for all is what single sign-on by a shared cookie is; documents must say so",
    "T34": "paths of a running proxy's own",
    "T37": "how an example app writes JSON",
    "T40": "how large a session becomes, which depends on people and provider",
    "T41": "a parameter that oauth2-proxy sends by itself",
    "T45": "what browsers do with a form after the session's end",
}
"""The others, with why no manifest shows them."""


class TrapTests(SynchronousTestCase):
    """`check` finds each trap, and nothing else where it is."""

    def test_every_trap_is_accounted_for(self) -> None:
        """T1 to T47 are all there: with a file, or with a reason why there can be none."""
        numbers = {trap.rstrip("b") for trap in EXPECTED.keys() | NOT_IN_MANIFESTS}
        self.assertEqual(numbers, {f"T{number:02}" for number in range(1, 48)})
        self.assertEqual({path.stem for path in TRAPS.iterdir()}, set(EXPECTED))

    def test_each_trap_is_found(self) -> None:
        """Each file gives just the findings that its trap is, each with a file and a line."""
        severities = {rule.id: rule.severity for rule in RULES}
        for trap, expected in EXPECTED.items():
            path = TRAPS / trap if (TRAPS / trap).is_dir() else TRAPS / f"{trap}.yaml"
            things = tuple(READER.things([str(path)]))
            external = tuple(map(External.parse, _external(path)))
            findings = judge(Scene(things=things, kinds=KnownProviders(), external=external))
            self.assertEqual(set(ids(findings)), expected, trap)
            for finding in findings:
                assert finding.place is not None
                self.assertTrue(Path(finding.place.name).is_file(), trap)
                self.assertGreater(finding.place.line, 0, f"{trap}: {finding}")
                self.assertIs(finding.severity, severities[finding.rule])

    def test_secrets_stay_secret(self) -> None:
        """No finding shows a secret's value."""
        for trap in ("T04", "T11", "T21"):
            text = (TRAPS / f"{trap}.yaml").read_text("utf-8")
            values = re.findall(r"(?:-secret: |--client-secret=)(\S{8,}?)'?$", text, re.MULTILINE)
            self.assertTrue(values, trap)
            shown = "\n".join(map(str, found_in(text)))
            self.assertEqual([value for value in values if value in shown], [], trap)

    def test_what_breaks_is_an_error(self) -> None:
        """What opens a bypass, breaks sign-in or cannot be applied is an error; what is merely doubtful a warning."""
        doubtful = {rule.id for rule in RULES if rule.severity is Severity.WARNING}
        for rule in ("O2S025", "O2S044", "O2S053", "O2S070", "O2S072", "O2S074", "O2S075", "O2S090", "O2S095"):
            self.assertIn(rule, doubtful)
        for rule in ("O2S001", "O2S010", "O2S020", "O2S026", "O2S040", "O2S050", "O2S061", "O2S064", "O2S083"):
            self.assertNotIn(rule, doubtful)


def _external(path: Path) -> list[str]:
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return [
        name for file in files for name in re.findall(r"^# external: (\S+)$", file.read_text("utf-8"), re.MULTILINE)
    ]
