"""Tests of the report: its tables, and what it says of parts that were not run."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bench.cases import CASES
from bench.contenders import CONTENDERS
from bench.figures import Endurance, Results
from bench.report import table
from tests.bench.measured import footprint, memory, report, results

SMALL = {
    ("small", "nginx"): [20.0, 22.0, 21.0],
    ("small", "apache"): [200.0, 198.0, 210.0],
    ("small", "o2sidecar"): [60.0, 66.0, 64.05],
}


def row(text: str, begin: str) -> list[str]:
    """The cells of the first line of a table that begins so."""
    line = next(line for line in text.splitlines() if line.startswith(f"| {begin}"))
    return [cell.strip() for cell in line.strip("|").split("|")]


class ReportTests(SynchronousTestCase):
    """What was measured can be read."""

    def test_cpu(self) -> None:
        """Each case has nginx's own figure, and the others' as a multiple, with the lowest and the highest round."""
        text = report(results(SMALL)).markdown()
        self.assertEqual(
            row(text, "1 KiB answer, 32"),
            [
                "1 KiB answer, 32 connections",
                "1 = 21.0 µs (20.0–22.0)",
                "10.0 (9.00–10.0)",
                "**3.00** (3.00–3.05)",
            ],
        )

    def test_noise(self) -> None:
        """How noisy the machine was is said by how far nginx's own rounds were apart."""
        self.assertIn("10% apart in the median case, 10% in the worst", report(results(SMALL)).markdown())

    def test_one_round(self) -> None:
        """One round has no spread, and nothing is said of one."""
        text = report(results({key: rounds[:1] for key, rounds in SMALL.items()}), rounds=1).markdown()
        self.assertEqual(row(text, "1 KiB answer, 32")[1:], ["1 = 20.0 µs", "10.0", "**3.00**"])
        self.assertNotIn("noisy", text)

    def test_latency(self) -> None:
        """Latencies are medians of the rounds."""
        text = report(results(SMALL)).markdown().partition("**Latency")[2]
        self.assertEqual(row(text, "1 KiB answer, 32")[1:], ["2.10 / 4.20", "20.0 / 40.0", "6.40 / 12.8"])

    def test_cannot(self) -> None:
        """A proxy that cannot do a case has a dash there."""
        found = results({("websocket", "nginx"): [20.0], ("websocket", "o2sidecar"): [30.0]})
        self.assertEqual(row(report(found, rounds=1).markdown(), "WebSocket")[1:], ["1 = 20.0 µs", "–", "**1.50**"])

    def test_failures(self) -> None:
        """Requests that failed are told, with the proxy, the case and the way."""
        said = "o2sidecar, 1 KiB answer, 32 connections: up to 2,517 requests failed in a round (read)."
        self.assertIn(said, report(results(SMALL, {"read": 2517})).markdown())

    def test_footprint(self) -> None:
        """Start-up time and memory are medians of the rounds."""
        needs = {"o2sidecar": [footprint(400, 41.0), footprint(900, 40.0), footprint(410, 42.0)]}
        text = report(results({}), footprints=needs).markdown()
        self.assertEqual(row(text, "o2sidecar"), ["o2sidecar", "410", "41.0", "42.0", "51.0", "61.5"])

    def test_first_request(self) -> None:
        """What a session's first request takes more is said in a sentence, and the case has no row of its own."""
        found = results({**SMALL, ("fresh", "o2sidecar"): [110.0, 117.0, 115.0]})
        text = report(found).markdown()
        self.assertIn("takes o2sidecar 51.0 µs of CPU time more than those that follow (50.0–51.0).", text)
        self.assertNotIn("| 1 KiB answer, a session's first", text)

    def test_endurance(self) -> None:
        """What many sign-ins and requests leave in memory is said in a sentence."""
        done = Endurance(sign_ins=100, requests=100_123, before=memory(40.0), after=memory(43.25))
        self.assertIn(
            "After 100 sign-ins and 100,123 requests o2sidecar has 43.2 MiB; it had 40.0 at the start.",
            report(results({}), endurance=done).markdown(),
        )

    def test_nothing_but_the_machine(self) -> None:
        """Of parts that were not run there is no word."""
        self.assertEqual(report(Results()).markdown(), "* Some CPU\n* Some Linux\n")


class TableTests(SynchronousTestCase):
    """Tables are Markdown, and columns in a terminal."""

    def test_columns(self) -> None:
        """All lines are equally long; figures stand to the right."""
        self.assertEqual(
            table(["what", "n"], [["a", "1"], ["bcdefg", "1,000"]]),
            "| what   |     n |\n| ------ | ----: |\n| a      |     1 |\n| bcdefg | 1,000 |",
        )


class CasesTests(SynchronousTestCase):
    """The tables of cases and proxies fit each other."""

    def test_names(self) -> None:
        """A case has a name of its own, and is for proxies that there are."""
        names = [case.name for case in CASES]
        self.assertEqual(len(names), len(set(names)))
        for case in CASES:
            self.assertEqual(set(case.only) - CONTENDERS.keys(), set(), case.name)
