"""The machine: what a run needs of it, and what a reader must know of it."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from bench.contenders import APACHE_MODULES

_APACHE_MODULE = "libapache2-mod-auth-openidc"
_NEEDED: Mapping[str, str] = {
    "nginx": "nginx-light",
    "wrk": "wrk",
    "apache2": "apache2",
    str(APACHE_MODULES / "mod_auth_openidc.so"): _APACHE_MODULE,
    "taskset": "util-linux",
}
"""Program or file to Debian's package."""


def is_here(needed: str) -> bool:
    """Whether there is such a program or file."""
    return shutil.which(needed) is not None or os.path.isfile(needed)


def missing(cpus: Sequence[int], here: Callable[[str], bool] = is_here) -> str:
    """What the machine lacks, as a sentence; empty if it lacks nothing. `cpus`: those that may be used."""
    packages = [package for needed, package in _NEEDED.items() if not here(needed)]
    if packages:
        return f"The bench needs what these packages of Debian have: {' '.join(packages)}. Install them."
    if len(cpus) < 2:
        return "The bench needs two CPUs: one for the proxy, one for everything else."
    return ""


def described() -> list[str]:
    """The machine and the versions of everything that was measured or measured with, a fact each."""
    memory = int(_found(r"MemTotal: +(\d+)", "/proc/meminfo") or 0) / 1024 / 1024
    return [
        f"{_found(r'model name.*: (.+)', '/proc/cpuinfo')}, {os.cpu_count()} CPUs, {memory:.1f} GiB of memory",
        f"{_found('PRETTY_NAME=.(.+).', '/etc/os-release')}, Linux {platform.release()}",
        f"nginx {_package('nginx')}, Apache {_package('apache2')}, mod_auth_openidc {_package(_APACHE_MODULE)}, "
        f"wrk {_package('wrk')}",
        f"Python {platform.python_version()}, Twisted {version('twisted')}, o2sidecar {version('o2sidecar')}",
    ]


def _found(pattern: str, path: str) -> str:
    found = re.search(pattern, Path(path).read_text())
    return found[1] if found else "unknown"


def _package(name: str) -> str:
    """The version of one of Debian's packages, without Debian's own part."""
    if shutil.which("dpkg-query") is None:
        return "unknown"
    command = ["dpkg-query", "--show", "--showformat=${Version}", name]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return said.rpartition(":")[2].partition("-")[0].partition("+")[0] or "unknown"
