"""How the commands about manifests end: what is in their way becomes sentences and an exit status, one for all."""

from __future__ import annotations

from collections.abc import Callable

from o2sidecar.kubernetes.findings import ManifestProblem
from o2sidecar.kubernetes.terminal import Misused, Terminal


def ended(command: str, terminal: Terminal, do: Callable[[], int], *, broken: int = 1) -> int:
    """Do it; the exit status.

    2 is for what was asked in a way that makes no sense, files that cannot be read among it, 1 for what cannot be
    done, and `broken` for manifests that cannot be read.
    """
    try:
        return do()
    except ManifestProblem as problem:
        return terminal.refuse(command, problem.findings, broken)
    except Misused as misused:
        return terminal.refuse(command, [misused], 2)
    except ValueError as error:
        return terminal.refuse(command, [error])
    except OSError as error:
        return terminal.refuse(
            command, [f"{error.filename} cannot be written: {error.strerror}" if error.filename else error]
        )
    except ImportError as error:
        if not (error.name or "").startswith("ruamel"):
            raise
        sentence = "manifests are read by ruamel.yaml, which is not here: pip install 'o2sidecar[kubernetes]'"
        return terminal.refuse(command, [sentence], 2)
