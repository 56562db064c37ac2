"""Runs every suite of the project and adds up what passed and what failed.

    python tests/run_all.py                 # everything
    python tests/run_all.py lint unit       # some suites

The Python that runs this file must have the package installed with its `test` and `lint` extras; `make test` sees to
that, and to Chromium and the certified provider. What is missing is a failure that says what to do, never a skip, and
a test that skips itself counts as failed. With `O2SIDECAR_COUNTS`, the counts are added to that file as well.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.differences import complaints_about_cases

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
BIN = Path(sys.executable).parent
SHARED = Path(os.environ.get("O2SIDECAR_SHARED") or ROOT.parent / "shared")
NPM = Path(os.environ.get("O2SIDECAR_NPM") or CACHE / "npm")
KUBERNETES_TOOLS = Path(os.environ.get("O2SIDECAR_KUBERNETES_TOOLS") or CACHE / "kubernetes")
SIDECAR = f"{BIN / 'twistd'} -n --pidfile= o2sidecar"
SETTINGS_BY = ("env", "flags", "toml")
"""The ways in which the recorded cases are configured."""
NEEDS_PROCESSES = ("tests.end_to_end", "tests.test_packaging", "tests.test_dockerfile")
"""What the unit suite leaves to the end-to-end suite."""
NEEDS_KUBERNETES_TOOLS = ("tests.kubernetes_tools",)
"""What it leaves to the suite that judges manifests."""
NEEDS_NAMESPACES = ("tests.box",)
"""What it leaves to the suite that runs them: as root, in namespaces of the kernel's."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of a suite: its counts, and what it printed."""

    passed: int
    failed: int
    skipped: int = 0
    output: str = ""


@dataclass(frozen=True, kw_only=True)
class Suite:
    """One thing to run: what must be there first (an empty sentence if it is), the command, and how it counts.

    `complaints`: what is wrong with its output all the same, one sentence each; each counts as a failure.
    """

    name: str
    missing: Callable[[], str]
    command: Callable[[], Sequence[str]]
    count: Callable[[int, str], tuple[int, int, int]]
    complaints: Callable[[str], Sequence[str]] = lambda output: ()


def by_status(status: int, output: str) -> tuple[int, int, int]:
    """A check that passes or fails as a whole."""
    return (1, 0, 0) if status == 0 else (0, 1, 0)


def by_trial(status: int, output: str) -> tuple[int, int, int]:
    """Trial's last line: `PASSED (successes=3)` or `FAILED (failures=1, skips=1, successes=2)`."""
    found = re.findall(r"^(?:PASSED|FAILED)(?: \((.*)\))?$", output, re.MULTILINE)
    counts = dict(re.findall(r"(\w+)=(\d+)", found[-1])) if found else {}
    passed = int(counts.pop("successes", 0)) + int(counts.pop("expectedFailures", 0))
    return _at_least_one(status, passed, sum(map(int, counts.values())), 0)


def by_last_line(status: int, output: str) -> tuple[int, int, int]:
    """A last line like `3 passed, 0 failed, 1 skipped`."""
    found = re.findall(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", output, re.MULTILINE)
    passed, failed, skipped = (int(number or 0) for number in (found[-1] if found else ("0", "0", "0")))
    return _at_least_one(status, passed, failed, skipped)


def _at_least_one(status: int, passed: int, failed: int, skipped: int) -> tuple[int, int, int]:
    """A suite that ends badly, or ran nothing, failed, whatever it counted."""
    return passed, max(failed, int(status != 0 or passed == 0)), skipped


def nothing_missing() -> str:
    """For what needs nothing but the Python packages."""
    return ""


def shared_missing() -> str:
    """The recorded contract is needed."""
    if (SHARED / "conformance" / "run.py").is_file():
        return ""
    return (
        f"the recorded contract is missing: no conformance/run.py in {SHARED}. Put the shared folder beside this "
        "checkout as ../shared, or say with O2SIDECAR_SHARED where it is."
    )


def provider_missing() -> str:
    """Node and the certified provider are needed."""
    if not shutil.which("node"):
        return "node is missing: install Node.js 20 or newer."
    if not (NPM / "node_modules" / "oidc-provider").is_dir():
        return f"npm's oidc-provider is missing in {NPM}: run `make provider`."
    return ""


PROGRAMS = {
    "chromium": "chromium",
    "chromedriver": "chromium-driver",
    "haproxy": "haproxy",
    "redis-server": "redis-server",
    "redis-sentinel": "redis-sentinel",
    "nginx": "nginx-light",
    "wrk": "wrk",
    "apache2": "apache2",
    "ip": "iproute2",
}
"""Programs of the end-to-end tests, with their Debian packages; the Makefile installs them."""


def programs_missing() -> str:
    """Programs are needed."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin"
    absent = [package for program, package in PROGRAMS.items() if not shutil.which(program, path=path)]
    return f"programs are missing: install Debian's {', '.join(absent)}." if absent else ""


def root_missing() -> str:
    """Namespaces of networks and mounts are needed, which only root may make for another user."""
    if os.geteuid() == 0 and shutil.which("unshare"):
        return ""
    return "pods are run in namespaces, in the place of a cluster: run this suite as root, with util-linux installed."


def go_missing() -> str:
    """The programs that judge manifests are needed, or Go to build them."""
    path = f"{os.environ.get('PATH', '')}:/usr/local/go/bin:/usr/lib/go/bin"
    if (KUBERNETES_TOOLS / ".built").is_file() or shutil.which("go", path=path):
        return ""
    return "helm, kustomize and kubeconform are built with Go, and it is missing: install Go 1.26 or newer."


def trial(name: str, modules: Sequence[str]) -> Sequence[str]:
    """The command that runs test modules in a folder of their own."""
    # tox runs this side by side, each on a Python of its own, and trial wants a folder for itself.
    folder = CACHE / f"trial-{name}-{sys.version_info.major}.{sys.version_info.minor}"
    return [str(BIN / "trial"), f"--temp-directory={folder}", *modules]


def unit_modules() -> list[str]:
    """Every test package and module but those that need processes."""
    found = [path.parent.name for path in ROOT.glob("tests/*/__init__.py")]
    found += [path.stem for path in ROOT.glob("tests/test_*.py")]
    left_out = {*NEEDS_PROCESSES, *NEEDS_KUBERNETES_TOOLS, *NEEDS_NAMESPACES}
    return [name for name in sorted(f"tests.{name}" for name in found) if name not in left_out]


def conformance(way: str) -> list[str]:
    """The shared runner, on all its cases, configured in one of the ways."""
    runner = str(SHARED / "conformance" / "run.py")
    return [sys.executable, runner, "--proxy-cmd", SIDECAR, "--config-via", way, "--reuse", "--jobs", "2"]


def converted() -> list[str]:
    """The same, each configuration by way of the structured file that it is converted to."""
    command = conformance("env")
    script = ROOT / "tests" / "end_to_end" / "converted.py"
    command[command.index(SIDECAR)] = f"{sys.executable} {script}"
    return command


def autobahn() -> list[str]:
    """Autobahn's WebSocket suite, with and without the sidecar."""
    return [sys.executable, str(ROOT / "tests" / "end_to_end" / "autobahn_suite.py")]


def certified() -> list[str]:
    """The shared sign-ins through the certified provider."""
    script = str(SHARED / "conformance" / "oidc-provider" / "e2e.py")
    return [sys.executable, script, "--idp-dir", str(NPM), "--proxy-cmd", SIDECAR]


def hostile() -> list[str]:
    """The shared suite of hostile HTTP, the cases that wait for time-outs included."""
    return [sys.executable, str(ROOT / "tests" / "end_to_end" / "hostile.py")]


def kubernetes() -> list[str]:
    """The tests of manifests and charts, once their programs are built: in this suite, so that the others go on."""
    build = f'make --no-print-directory {KUBERNETES_TOOLS}/.built KUBERNETES_TOOLS={KUBERNETES_TOOLS} && exec "$@"'
    return ["bash", "-c", build, "kubernetes", *trial("kubernetes", NEEDS_KUBERNETES_TOOLS)]


SUITES: dict[str, list[Suite]] = {
    "hostile": [
        Suite(name="hostile", missing=shared_missing, command=hostile, count=by_last_line),
    ],
    "kubernetes": [
        Suite(name="kubernetes", missing=go_missing, command=kubernetes, count=by_trial),
        Suite(
            name="pod_in_a_box",
            missing=lambda: root_missing() or provider_missing() or programs_missing(),
            command=lambda: trial("box", NEEDS_NAMESPACES),
            count=by_trial,
        ),
    ],
    "conformance": [
        Suite(
            name=f"conformance_{way}",
            missing=shared_missing,
            command=partial(conformance, way),
            count=by_last_line,
            complaints=complaints_about_cases,
        )
        for way in SETTINGS_BY
    ],
    "converted": [
        Suite(name="converted", missing=shared_missing, command=converted, count=by_last_line),
    ],
    "e2e": [
        Suite(
            name="end_to_end",
            missing=lambda: provider_missing() or programs_missing(),
            command=lambda: trial("end_to_end", NEEDS_PROCESSES),
            count=by_trial,
        ),
        Suite(
            name="certified",
            missing=lambda: shared_missing() or provider_missing(),
            command=certified,
            count=by_last_line,
        ),
    ],
    "autobahn": [
        Suite(name="autobahn", missing=nothing_missing, command=autobahn, count=by_last_line),
    ],
    "unit": [
        Suite(name="unit", missing=nothing_missing, command=lambda: trial("unit", unit_modules()), count=by_trial),
    ],
    "lint": [
        Suite(name=command, missing=nothing_missing, command=command.split, count=by_status)
        for command in ("mypy --strict", "ruff check .", "ruff format --check .")
    ],
}
"""Group as it is named on the command line to its suites; the slowest first."""
ON_DEMAND = {"autobahn", "converted"}
"""Groups that run only where they are named: Python 2.7 is not everywhere, and conversion doubles every start."""


def run(suite: Suite) -> Result:
    """Run a suite and count."""
    if sentence := suite.missing():
        return Result(passed=0, failed=1, output=f"FAIL {suite.name}: {sentence}\n")
    command = list(suite.command())
    program = BIN / command[0]
    if program.exists():
        command[0] = str(program)
    # Byte code is worth its writing here: processes are started by the hundred.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {
        "O2SIDECAR_NPM": str(NPM),
        "O2SIDECAR_SHARED": str(SHARED),
        "O2SIDECAR_KUBERNETES_TOOLS": str(KUBERNETES_TOOLS),
    }
    with tempfile.TemporaryFile() as output:
        try:
            ended = subprocess.run(
                command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
        except OSError as error:
            return Result(passed=0, failed=1, output=f"FAIL {suite.name}: {command[0]}: {error}\n")
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    passed, failed, skipped = suite.count(ended.returncode, text)
    # Of what ran nothing it is known already that it failed.
    complaints = suite.complaints(text) if passed else ()
    text += "".join(f"FAIL {suite.name}: {complaint}\n" for complaint in complaints)
    return Result(passed=passed, failed=failed + len(complaints), skipped=skipped, output=text)


def main() -> int:
    """Run what was asked for, two suites at a time; 0 if everything passed."""
    parser = argparse.ArgumentParser(description="Run the project's suites.")
    named = f"of {', '.join(SUITES)}; default: all but {', '.join(ON_DEMAND)}"
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=named)
    parser.add_argument("--jobs", type=int, default=2, help="suites at a time (default 2)")
    given = parser.parse_args()
    if unknown := set(given.suites) - SUITES.keys():
        parser.error(f"no such suite: {', '.join(sorted(unknown))}")
    CACHE.mkdir(exist_ok=True)
    printing = threading.Lock()

    def run_and_report(suite: Suite) -> Result:
        begun = time.monotonic()
        result = run(suite)
        with printing:
            _report(suite, result, time.monotonic() - begun)
        return result

    with ThreadPoolExecutor(max(1, given.jobs)) as pool:
        groups = given.suites or SUITES.keys() - ON_DEMAND
        chosen = [suite for group, suites in SUITES.items() for suite in suites if group in groups]
        results = list(pool.map(run_and_report, chosen))
    return _sum_up(chosen, results)


def _report(suite: Suite, result: Result, seconds: float) -> None:
    """Say how a suite went: all it printed but what passed if it failed, else its summary."""
    sys.stdout.write(f"=== {suite.name} ({seconds:.0f} s)\n")
    lines = [line for line in result.output.rstrip().splitlines() if not line.endswith("[OK]")]
    sys.stdout.write("\n".join(lines if result.failed else lines[-3:]) + "\n\n")
    sys.stdout.flush()


def _sum_up(suites: Sequence[Suite], results: Sequence[Result]) -> int:
    for suite, result in zip(suites, results, strict=True):
        allowed = f", {result.skipped} differ as they may" if result.skipped else ""
        sys.stdout.write(f"{suite.name:<24} {result.passed} passed, {result.failed} failed{allowed}\n")
    passed, failed = sum(result.passed for result in results), sum(result.failed for result in results)
    if counts := os.environ.get("O2SIDECAR_COUNTS"):
        with open(counts, "a", encoding="ascii") as file:
            file.write(f"{passed} {failed}\n")
    sys.stdout.write(f"\n{passed} passed, {failed} failed\n")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
