"""Starts the sidecar as `o2sidecar run` does, but by way of the structured file that the settings are converted to.

    python3 ../shared/conformance/run.py --proxy-cmd "$PWD/.venv/bin/python $PWD/tests/end_to_end/converted.py"

What says the same as the structured file is taken away, as an operator has to; the files are written to the current
folder. Settings that cannot be converted end it as they end the conversion.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from o2sidecar.settings.flags import read_command_line
from o2sidecar.settings.problems import UsageRefused
from tests.settings.remaining import remaining_flags, remaining_toml, remaining_variables

SIDECAR = str(Path(sys.executable).parent / "o2sidecar")


def main(arguments: Sequence[str]) -> int:
    """Convert and become the sidecar; or the conversion's exit status."""
    if not convertible(arguments):
        return os.execv(SIDECAR, [SIDECAR, "run", *arguments])
    asked = subprocess.run(
        [SIDECAR, "run", *arguments, "--convert-config-to-alpha"], stdout=subprocess.PIPE, check=False
    )
    structured, toml = Path("converted.yaml").resolve(), Path("converted.cfg").resolve()
    if asked.returncode:
        sys.stdout.write(asked.stdout.decode())
        return asked.returncode
    structured.write_bytes(asked.stdout)
    rest = [*remaining_flags(arguments), f"--alpha-config={structured}"]
    if path := read_command_line(arguments).text("--config"):
        toml.write_text(remaining_toml(Path(path).read_text("utf-8")), "utf-8")
        rest = [*(flag for flag in rest if not flag.startswith("--config=")), f"--config={toml}"]
    return os.execve(SIDECAR, [SIDECAR, "run", *rest], remaining_variables(os.environ))


def convertible(arguments: Sequence[str]) -> bool:
    """Whether there is something to convert: no structured file is given yet, and the flags can be read."""
    try:
        return not read_command_line(arguments).text("--alpha-config")
    except UsageRefused:
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
