"""Runs Autobahn's WebSocket suite against an echo server, directly and through the sidecar, and compares case by case.

    python tests/end_to_end/autobahn_suite.py              # all cases but the long ones (9, 12, 13): half a minute
    python tests/end_to_end/autobahn_suite.py --all        # all of them: a quarter of an hour

The suite is PyPI's autobahntestsuite, which wants Python 2.7: `python2.7` in the path, one of pyenv's, or what
`O2SIDECAR_PYTHON2` names. What it needs is installed into `.cache/autobahn`, where its reports go, too. A case passes
when it gives through the sidecar what it gives without it; the last line has the counts.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from o2sidecar.session.codec import SessionCodec
from o2sidecar.session.keys import KeyRing
from o2sidecar.session.session import Session
from tests.end_to_end.processes import BIN, Running, free_port

REQUIREMENTS = Path(__file__).with_suffix(".txt").resolve()
CACHE = REQUIREMENTS.parents[2] / ".cache" / "autobahn"
LONG = ("9.*", "12.*", "13.*")
SECRET = "0123456789abcdef"
WSTEST = """
import site, sys
site.addsitedir(sys.argv.pop(1))
cookie = sys.argv.pop(1)
from autobahntestsuite import fuzzing, wstest
factory = fuzzing.FuzzingClientFactory
theirs = factory.setSessionParameters
def with_cookie(self, *given, **named):
    theirs(self, *given, **named)
    self.headers = {"Cookie": cookie}
factory.setSessionParameters = with_cookie
wstest.run()
"""
"""Python 2: the suite's own command, whose client also sends a cookie."""


def python2() -> str:
    """A Python 2.7 that starts; empty if there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates = [os.environ.get("O2SIDECAR_PYTHON2"), shutil.which("python2.7")]
    for candidate in (*candidates, *map(str, sorted(pyenv.glob("versions/2.7.*/bin/python2.7")))):
        if not candidate:
            continue
        said = subprocess.run([candidate, "-m", "pip", "--version"], capture_output=True, text=True, check=False)
        if said.returncode == 0 and "2.7" in said.stdout:
            return candidate
    return ""


def missing() -> str:
    """What is to be installed first; empty if nothing is."""
    if python2():
        return ""
    return "Python 2.7 with pip is missing: install it, or name it in O2SIDECAR_PYTHON2."


def installed(python: str) -> Path:
    """The folder with the suite, installed there if it is not yet."""
    folder = CACHE / hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    if not folder.is_dir():
        made = folder.with_suffix(".new")
        shutil.rmtree(made, ignore_errors=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "--target", str(made), "-r", str(REQUIREMENTS)], check=True)
        made.rename(folder)
    return folder


class Suite:
    """The suite's command in its folder."""

    def __init__(self, python: str) -> None:
        self._command = [python, "-W", "ignore", "-c", WSTEST, str(installed(python))]

    def echo(self, port: int) -> Running:
        """An echo server that compresses where it is asked to."""
        arguments = ["--mode=testeeserver", f"--wsuri=ws://127.0.0.1:{port}"]
        running = Running([*self._command, "", *arguments], output=CACHE / "echo.log")
        running.await_listening(port)
        return running

    def run(self, agent: str, port: int, without: Sequence[str], cookie: str = "") -> dict[str, object]:
        """What each case gives at a port."""
        reports = CACHE / agent
        shutil.rmtree(reports, ignore_errors=True)
        spec = CACHE / f"{agent}.json"
        servers = [{"agent": agent, "url": f"ws://127.0.0.1:{port}"}]
        wanted = {"cases": ["*"], "exclude-cases": list(without), "exclude-agent-cases": {}}
        spec.write_text(json.dumps({"outdir": str(reports), "servers": servers, **wanted}))
        with (CACHE / f"{agent}.log").open("wb") as log:
            command = [*self._command, cookie, "--mode=fuzzingclient", f"--spec={spec}"]
            subprocess.run(command, stdout=log, stderr=log, check=True)
        found = json.loads((reports / "index.json").read_text())[agent]
        kept = ("behavior", "behaviorClose", "remoteCloseCode")
        return {case: {name: result[name] for name in kept} for case, result in found.items()}


def start_sidecar(port: int, upstream: int) -> Running:
    """A sidecar before the echo server, which wants its own port in Host."""
    settings = {
        "OIDC_ISSUER_URL": f"http://127.0.0.1:{free_port()}",
        "PROVIDER": "oidc",
        "CLIENT_ID": "sidecar",
        "CLIENT_SECRET": "secret",
        "COOKIE_SECRET": SECRET,
        "EMAIL_DOMAINS": "*",
        "HTTP_ADDRESS": f"127.0.0.1:{port}",
        "UPSTREAMS": f"http://127.0.0.1:{upstream}",
        "PASS_HOST_HEADER": "false",
    }
    variables = {f"OAUTH2_PROXY_{key}": value for key, value in settings.items()}
    running = Running(
        [str(BIN / "o2sidecar"), "run", "--provider-required-at-start=false"],
        output=CACHE / "sidecar.log",
        settings=variables,
    )
    running.await_listening(port)
    return running


def alice() -> str:
    """The cookie of somebody who is signed in."""
    codec = SessionCodec(ring=KeyRing.from_texts([SECRET]), expire=168 * 3600)
    session = Session(created_at=time.time(), user="alice", email="alice@example.com")
    return "_oauth2_proxy=" + codec.encode("_oauth2_proxy", session)


def compare(direct: dict[str, object], through: dict[str, object]) -> int:
    """Print what differs and the counts; how many cases differ."""
    differing = [case for case in direct.keys() | through.keys() if direct.get(case) != through.get(case)]
    for case in sorted(differing, key=lambda case: [int(part) for part in case.split(".")]):
        print(f"FAIL {case}: {direct.get(case)} without the sidecar, {through.get(case)} through it")
    print(f"{len(direct) - len(differing)} passed, {len(differing)} failed")
    return len(differing)


def main(arguments: Sequence[str]) -> int:
    """Run both, one after the other; 0 if they agree."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--all", action="store_true", help="the long cases too")
    given = parser.parse_args(arguments)
    if sentence := missing():
        print(f"{sentence}\n0 passed, 1 failed")
        return 1
    CACHE.mkdir(parents=True, exist_ok=True)
    suite = Suite(python2())
    port, upstream = free_port(), free_port()
    without = () if given.all else LONG
    running = [suite.echo(upstream)]
    try:
        running.append(start_sidecar(port, upstream))
        direct = suite.run("direct", upstream, without)
        through = suite.run("through", port, without, alice())
        if "Traceback" in running[1].output():
            print(running[1].output())
            return 1
    finally:
        for each in running:
            each.kill()
    return 1 if compare(direct, through) or not direct else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
