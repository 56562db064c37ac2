"""The command: `python -m bench` measures, prints the report, and writes it into docs/performance.md if asked to."""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import machine
from bench.cases import CASES, RULER
from bench.contenders import CONTENDERS, contenders
from bench.load import Loader
from bench.measure import Measurement
from bench.page import rewritten
from bench.plot import plot
from bench.process import ServerFailed
from bench.report import Report
from bench.scene import Scene

_DOCS = Path(__file__).resolve().parent.parent / "docs"
_OURS = "o2sidecar"
_FOOTPRINT, _ENDURANCE = "footprint", "endurance"
PARTS = (*(case.name for case in CASES), _FOOTPRINT, _ENDURANCE)
_SIGN_INS, _REQUESTS = 100, 100_000
_MOST_FILES = 16384


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 0, or 1 with a sentence where the machine lacks something or a server fails."""
    given = asked_for(arguments)
    os.environ["PATH"] += os.pathsep + "/usr/sbin"  # where Debian has servers, and a user's PATH has not
    cpus = sorted(os.sched_getaffinity(0))
    if lacking := machine.missing(cpus):
        sys.stderr.write(f"{lacking}\n")
        return 1
    _allow_connections()
    with tempfile.TemporaryDirectory() as folder:
        try:
            report = _measured(Scene.laid(Path(folder), cpus, given.servers), given)
        except ServerFailed as failed:
            sys.stderr.write(f"{failed}\n")
            return 1
    text = report.markdown()
    sys.stdout.write(text)
    if given.write:
        page = _DOCS / "performance.md"
        page.write_text(rewritten(page.read_text("utf-8"), text), "utf-8")
        (_DOCS / "performance.svg").write_text(plot(report), "utf-8")
    return 0


def _measured(scene: Scene, given: argparse.Namespace) -> Report:
    measurement = Measurement(
        loader=Loader(cpu=scene.other_cpu, folder=scene.folder), seconds=given.seconds, say=_progress
    )
    proxies = contenders(scene)
    with scene.set_up():
        results = measurement.rounds(proxies, [case for case in CASES if case.name in given.only], given.rounds)
        footprints = {
            proxy.name: [measurement.footprint(proxy) for _ in range(given.rounds)]
            for proxy in proxies
            if _FOOTPRINT in given.only
        }
        ours = [proxy for proxy in proxies if proxy.name == _OURS and _ENDURANCE in given.only]
        endured = [measurement.endurance(proxy, sign_ins=_SIGN_INS, requests=_REQUESTS) for proxy in ours]
    return Report(
        contenders=given.servers,
        results=results,
        footprints=footprints,
        endurance=endured[0] if endured else None,
        machine=machine.described(),
        rounds=given.rounds,
        seconds=given.seconds,
    )


def asked_for(arguments: Sequence[str] | None) -> argparse.Namespace:
    """What was asked for; ends the process as argparse does where it makes no sense."""
    parser = argparse.ArgumentParser(
        prog="bench",
        description="Compares what proxies cost: each has a CPU for itself, the app and the load share another.",
        allow_abbrev=False,
    )
    parser.add_argument("--rounds", type=_positive, default=3, help="how often everything is measured (default 3)")
    parser.add_argument("--seconds", type=_positive, default=3, help="how long each time (default 3)")
    parser.add_argument(
        "--only", type=_some_of(PARTS), default=PARTS, metavar="PART,…", help=f"of {', '.join(PARTS)}; default: all"
    )
    parser.add_argument(
        "--servers",
        type=_some_of(tuple(CONTENDERS)),
        default=tuple(CONTENDERS),
        metavar="NAME,…",
        help=f"of {', '.join(CONTENDERS)}; {RULER} is always among them; default: all",
    )
    parser.add_argument("--write", action="store_true", help="put what comes out into docs/performance.md")
    given = parser.parse_args(arguments)
    if "fresh" in given.only and "small" not in given.only:
        given.only = ("small", *given.only)  # it is told as what it takes more
    if RULER not in given.servers:
        given.servers = (RULER, *given.servers)
    if given.write and (given.only != PARTS or given.servers != tuple(CONTENDERS)):
        parser.error("--write is for a whole run, without --only and --servers")
    return given


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not 1 or more")
    return number


def _some_of(known: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """Reads names with commas between them, into the order of `known`."""

    def read(text: str) -> tuple[str, ...]:
        names = text.split(",")
        if unknown := sorted(set(names) - set(known)):
            raise argparse.ArgumentTypeError(f"no such thing: {', '.join(unknown)}; there are {', '.join(known)}")
        return tuple(name for name in known if name in names)

    return read


def _allow_connections() -> None:
    """A thousand connections, twice, need more open files than a shell may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _progress(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
