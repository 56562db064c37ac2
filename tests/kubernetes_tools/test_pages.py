"""Tests of the pages about deploying: what they show is what the charts and the commands have."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.kubernetes.container import SidecarSpec
from tests.kubernetes_tools.manifests import found_in
from tests.kubernetes_tools.programs import CHART, LIBRARY, ROOT, the

DEPLOYING = ROOT / "docs" / "deploying.md"


def documented(chart: Path) -> list[tuple[str, Any]]:
    """The values of a chart that have a comment, by their path, with their default."""
    text = (chart / "values.yaml").read_text("utf-8")
    values = yaml.safe_load(text)
    found: list[tuple[str, Any]] = []
    stack: list[str] = []
    said = False
    for line in text.splitlines():
        if key := re.match(r"( *)([A-Za-z]+):", line):
            stack = [*stack[: len(key[1]) // 2], key[2]]
            value = values
            for each in stack:
                value = value[each]
            if said:
                found.append((".".join(stack), value))
        said = line.lstrip().startswith("# -- ")
    return found


class PageTests(SynchronousTestCase):
    """docs/deploying.md and docs/charts.md."""

    def test_by_hand(self) -> None:
        """The manifest to write by hand has the container and the volumes of `o2sidecar inject`."""
        pod = the("Deployment", [found.data for found in found_in(DEPLOYING)])["spec"]["template"]["spec"]
        spec = SidecarSpec(app_port=8080)
        self.assertEqual(pod["containers"][1], spec.container)
        self.assertEqual(pod["volumes"], spec.volumes)

    def test_values(self) -> None:
        """The page lists every value of both charts in their order, with its default."""
        rows = re.findall(r"^\| `([\w.]+)` \| (.*?) \| .+ \|$", (ROOT / "docs" / "charts.md").read_text("utf-8"), re.M)
        rows = [row for row in rows if not row[0].startswith("o2sidecar.")]
        expected = [*documented(CHART), *documented(LIBRARY)]
        self.assertEqual([name for name, _ in rows], [name for name, _ in expected])
        for (name, shown), (_, value) in zip(rows, expected, strict=True):
            if shown != "see values.yaml":
                self.assertEqual(yaml.safe_load(shown.strip("`")), value, (name, json.dumps(value)))
