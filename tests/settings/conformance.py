"""The configurations of the conformance cases, with their files in memory."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from o2sidecar.settings.files import ReadFile
from tests.server_certificates import pair
from tests.session.vectors import shared
from tests.settings.loading import file_reader

_FOLDER = tempfile.gettempdir()
"""One that is really there, for settings say where to write too; nothing is written, and files in it are in memory."""

_PLACES = {
    "PROXY": "127.0.0.1:4180",
    "METRICS": "127.0.0.1:44180",
    "IDP": "http://127.0.0.1:1",
    "UP": "127.0.0.1:2",
    "UP2": "127.0.0.1:3",
    "DEAD": "127.0.0.1:4",
    "UNIX": f"{_FOLDER}/up.sock",
    "DIR": _FOLDER,
}
_PLACE = re.compile(r"\$\{([A-Z0-9_]+)(?::([^${}]*))?\}")


@frozen(kw_only=True)
class Configuration:
    """What a case is started with.

    Attributes:
        name: topic and id.
        arguments: flags; `toml`, if there is any, is in the file `given.cfg` that they name.
        variables: the environment.
        files: the files there are, by path.
        refused: whether the process may not start: it must not, only says something, or differs on purpose.
    """

    name: str
    arguments: tuple[str, ...]
    variables: Mapping[str, str]
    files: Mapping[str, bytes | str]
    refused: bool

    @property
    def toml(self) -> str:
        """The TOML file; empty if there is none."""
        return str(self.files.get("given.cfg", ""))

    def reader(self, more: Mapping[str, bytes | str] | None = None) -> ReadFile:
        """Reads the case's files, and more."""
        files = {**self.files, **(more or {})}
        folders = {f"{path.rpartition('/')[0]}/": "" for path in files if path.startswith("/")}
        return file_reader({**folders, **files})


def configurations() -> Iterator[Configuration]:
    """Those of all cases that have no structured file, each once."""
    seen = set()
    for path in sorted((shared() / "conformance" / "cases").glob("*.json")):
        for case in json.loads(path.read_text("utf-8"))["cases"]:
            if "alpha" in case:
                continue
            made = _of_case(case)
            key = (made.arguments, tuple(made.variables.items()), tuple(made.files.items()))
            if key not in seen:
                seen.add(key)
                yield made


def _of_case(case: dict[str, Any]) -> Configuration:
    flags, variables = case["config"]["flags"], case["config"]["env"]
    files = {f"{_FOLDER}/{name}": text for name, text in case.get("files", {}).items()}
    arguments = [*(flags if case.get("config_via") == "flags" else ()), *case.get("args", ())]
    if "config_file" in case:
        files["given.cfg"] = case["config_file"]
        arguments.append("--config=given.cfg")
    return Configuration(
        name=f"{case['topic']}/{case['id']}",
        arguments=tuple(map(_filled, arguments)),
        variables={
            name: _filled(str(text)) for name, text in ({} if case.get("config_via") == "flags" else variables).items()
        }
        | case.get("extra_env", {}),
        files={name: _filled(text) if isinstance(text, str) else b"x" for name, text in files.items()},
        refused="startup" in case or "known_bad" in case,
    )


def _filled(text: str) -> str:
    def place(match: re.Match[str]) -> str:
        if match[1] == "TLS":
            return (pair().certificate if match[2] == "cert" else pair().key).decode()
        return _PLACES.get(match[1], f"{match[1]}-{match[2]}")

    return _PLACE.sub(place, text)
