"""What runs in the containers of the box: the sidecar as the Dockerfile starts it, and an app for all others."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from attrs import field, frozen

from tests.box.manifests import Container

ROOT = Path(__file__).resolve().parents[2]
SIDECAR = "o2sidecar"


@frozen(kw_only=True)
class Started:
    """A command with its whole environment."""

    command: list[str]
    environment: dict[str, str] = field(repr=False)


def started(container: Container) -> Started:
    """How the image's process is started for a container."""
    variables, entrypoint = _dockerfile()
    if container.name == SIDECAR:
        return Started(
            command=[*entrypoint, *(container.args or ())], environment={**variables, **container.environment}
        )
    port = next(iter(container.ports.values()))
    return Started(
        command=[sys.executable, str(ROOT / "tests" / "end_to_end" / "echo.py"), str(port)],
        environment={"PATH": variables["PATH"], **container.environment},
    )


def binds(authorities: Path) -> list[str]:
    """The folders of this machine that stand for the images' file systems, as SOURCE=TARGET.

    `authorities`: the folder whose `ca-certificates.crt` has those that the images trust.
    """
    wanted = {Path("/usr"), ROOT, Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve()}
    inner = {each for each in wanted for other in wanted if each != other and each.is_relative_to(other)}
    return [*(f"{each}={each}" for each in sorted(wanted - inner)), f"{authorities}=/etc/ssl/certs"]


def _dockerfile() -> tuple[dict[str, str], list[str]]:
    """The last stage's variables, and its entrypoint; the folder of programs is this environment's."""
    text = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ").rpartition("\nFROM ")[2]
    entrypoint = re.search(r"^ENTRYPOINT (\[.*\])$", text, re.MULTILINE)
    assert entrypoint is not None, "the Dockerfile has an ENTRYPOINT"
    variables = dict(
        pair.partition("=")[::2] for line in re.findall(r"^ENV (.*)$", text, re.MULTILINE) for pair in line.split()
    )
    programs = str(Path(sys.executable).parent)
    return {name: value.replace("/opt/o2sidecar/bin", programs) for name, value in variables.items()}, json.loads(
        entrypoint[1]
    )
