"""Load: drives one case against one proxy from the second CPU, and says how it went."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import frozen

from bench.browser import HEADERS
from bench.cases import Case
from bench.process import ServerFailed

_SCRIPT = Path(__file__).with_name("load.lua")


@frozen(kw_only=True)
class Load:
    """What came of it: answers, latencies in milliseconds, and how many requests failed, by the way they did."""

    requests: int
    p50_ms: float
    p99_ms: float
    wrong: Mapping[str, int]


@frozen(kw_only=True)
class Loader:
    """Sends requests from `cpu`; keeps what it has to hand to the load programs in `folder`."""

    cpu: int
    folder: Path

    def run(self, case: Case, *, name: str, port: int, cookies: Sequence[str], seconds: float) -> Load:
        """Keep the case up for that long. `cookies`: Cookie field values of people who are signed in, to take turns.

        Raises `ServerFailed` if the first answer, looked at closely, is not the one that the case expects.
        """
        first = cookies[0] if cookies else ""
        if case.echo:
            return self._said(
                *("-m", "bench.websocket_load", f"--port={port}", f"--path={case.path_for(name)}"),
                *(f"--cookie={first}", f"--connections={case.connections}", f"--size={case.size}"),
                f"--seconds={seconds}",
                program=sys.executable,
            )
        _check(case, name, port, first)
        fields = {**HEADERS, **({"Connection": "close"} if case.close else {}), **({"Cookie": first} if first else {})}
        return self._said(
            *("--threads", "1", "--connections", str(case.connections), "--duration", f"{seconds:.0f}s"),
            *("--timeout", "10s", "--latency", "--script", str(_SCRIPT)),
            *(part for each in fields.items() for part in ("--header", ": ".join(each))),
            *(f"http://127.0.0.1:{port}{case.path_for(name)}", "--", str(case.upload), self._file(cookies)),
            program="wrk",
        )

    def _file(self, cookies: Sequence[str]) -> str:
        """Where the load program finds cookies that take turns; empty for a single one."""
        if len(cookies) < 2:
            return ""
        path = self.folder / "cookies"
        path.write_text("".join(f"{cookie}\n" for cookie in cookies))
        return str(path)

    def _said(self, *arguments: str, program: str) -> Load:
        """Run a load program, whose last line is a `Load` in JSON."""
        command: Sequence[str] = ("taskset", "--cpu-list", str(self.cpu), program, *arguments)
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        try:
            return Load(**json.loads(ended.stdout.splitlines()[-1]))
        except (IndexError, ValueError, TypeError):
            raise ServerFailed(f"{program} said: {ended.stdout[-2000:]}{ended.stderr[-2000:]}") from None


def _check(case: Case, name: str, port: int, cookie: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    fields = {**HEADERS, **({"Cookie": cookie} if cookie else {})}
    try:
        method, body = ("POST", b"x" * case.upload) if case.upload else ("GET", None)
        connection.request(method, case.path_for(name), body, fields)
        answer = connection.getresponse()
        size = len(answer.read())
    except (OSError, http.client.HTTPException) as error:
        raise ServerFailed(f"{name} does not answer: {error!r}") from error
    finally:
        connection.close()
    expected = (case.status, case.size) if case.path_for(name) == case.path else (200, 1024)
    if (answer.status, size) != expected:
        raise ServerFailed(f"{name} answers {answer.status} with {size} bytes to {case.name}, not {expected}")
