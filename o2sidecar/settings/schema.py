"""The JSON Schema of the structured file, for editors and other checkers, made from the shapes by which it is read.

`python -m o2sidecar.settings.schema > o2sidecar/settings/structured_file.schema.json` writes the file that is shipped.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from o2sidecar.settings.checks import CHOICES
from o2sidecar.settings.kinds import DURATION, LIST, NUMBER, SWITCH, TEXT, Kind
from o2sidecar.settings.shape import Key, Shape
from o2sidecar.settings.structured_file import ROOT
from o2sidecar.settings.table import BY_KEY

FILE_NAME = "o2sidecar.schema.json"
"""What the documentation calls a copy of it."""

Schema = dict[str, Any]

_SUBSTITUTED = r"\$\{"
"""A text that is known only where the file is read."""

_DIALECT = "http://json-schema.org/draft-07/schema#"
"""The one that editors know best."""

_KINDS: Mapping[Kind, Schema] = {
    TEXT: {"type": ["string", "number", "boolean"]},
    SWITCH: {
        "type": ["boolean", "string"],
        "pattern": rf"^([tT]|true|True|TRUE|[fF]|false|False|FALSE)$|{_SUBSTITUTED}",
    },
    NUMBER: {"type": ["integer", "string"], "pattern": rf"^[-+]?[0-9]+$|{_SUBSTITUTED}"},
    DURATION: {
        "type": ["string", "integer"],
        "pattern": rf"^[-+]?([0-9]*\.?[0-9]*(ns|us|µs|μs|ms|s|m|h))+$|^[-+]?0$|{_SUBSTITUTED}",
        "minimum": 0,
        "maximum": 0,
    },
    LIST: {"type": ["array", "string"], "items": {"type": ["string", "number", "boolean"]}},
}
"""What the file may hold for a kind of value; a text stands for any by the rules of variables."""

_NOTHING: Sequence[Any] = (None, "", False, 0, [], {})
"""What asks for nothing."""


def schema() -> Schema:
    """The schema, as plain data."""
    return {
        "$schema": _DIALECT,
        "title": "The structured file of o2sidecar",
        "description": "What --alpha-config names. ${NAME} and ${NAME:-otherwise} stand for variables.",
        **_of_shape(ROOT),
    }


def schema_text() -> str:
    """The schema as a file."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _of_shape(shape: Shape) -> Schema:
    found: Schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: _of_key(key) for name, key in shape.keys.items()},
    }
    if required := [name for name, key in shape.keys.items() if key.required]:
        found["required"] = required
    if shape.one_of:
        found["oneOf"] = [{"required": [name]} for name in shape.one_of]
    return found


def _of_key(key: Key) -> Schema:
    found: Schema = {"description": key.help}
    if not key.built:
        return found | {"enum": list(_NOTHING)}
    if key.free:
        return found | {"type": "object"}
    if key.shape is not None:
        inner = _of_shape(key.shape)
        return found | ({"type": "array", "items": inner} if key.listed else inner)
    assert key.kind is not None
    default = BY_KEY[key.option].default if key.option else key.default
    if default:
        found["default"] = key.kind.to_text(default) if key.kind is DURATION else default
    if key.option in CHOICES:
        return found | {"anyOf": [{"enum": list(CHOICES[key.option])}, {"type": "string", "pattern": _SUBSTITUTED}]}
    return found | _KINDS[key.kind]


_USAGE = f"""Usage: o2sidecar schema

Prints the JSON Schema of the structured file, which --alpha-config names. Editors that know YAML (their language server
is yaml-language-server) check a file by it and show what its keys mean, if its first line is

# yaml-language-server: $schema={FILE_NAME}

with the path, relative to the file, of what this prints.
"""


def main(arguments: Sequence[str]) -> int:
    """`o2sidecar schema`: 0, or 2 for arguments, since it has none."""
    if not arguments:
        sys.stdout.write(schema_text())
        return 0
    asked = arguments[0] in {"-h", "--help"}
    (sys.stdout if asked else sys.stderr).write(_USAGE)
    return 0 if asked else 2


if __name__ == "__main__":
    sys.stdout.write(schema_text())
