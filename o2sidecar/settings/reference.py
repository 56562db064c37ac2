"""The options in words: the text of `--help`, and the page `docs/configuration.md`, both made from the table.

`python -m o2sidecar.settings.reference > docs/configuration.md` writes the page.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from o2sidecar.settings.flags import META_SWITCHES, META_TEXTS
from o2sidecar.settings.kinds import SWITCH
from o2sidecar.settings.option import Option
from o2sidecar.settings.table import OPTIONS
from o2sidecar.settings.table.later import LATER

_INTRODUCTION = """\
# Configuration

This page is made from the table of options in `o2sidecar/settings/table/`, by
`python -m o2sidecar.settings.reference > docs/configuration.md`.

An option is given as a flag, as a variable or in the TOML file that `--config` names. A flag wins over a variable, a
variable over the file, the file over the default. A list is replaced as a whole, never added to.

| | flag | variable | file |
|---|---|---|---|
| text | `--cookie-name=NAME` or `--cookie-name NAME` | as it is; empty: not set | `"…"` |
| true or false | `--cookie-secure`, `--cookie-secure=false` | `true`, `false`, `1`, `0`, `t`, `f` | `true`, `false` |
| duration | `--cookie-expire=1h30m` | `1h30m` | `"1h30m"` |
| size | `--head-size-limit=64KiB` | `64KiB`, `65536` | `"64KiB"`, `65536` |
| list | `--upstream=a --upstream=b`, `--upstream=a,b` | `a,b` | `["a", "b"]` |

An item that holds a comma: `--api-route='"^/a{1,3}",^/b'`, or in a variable a JSON array: `["^/a{1,3}", "^/b"]`.

All problems are reported at once, and the process ends with status 1; a flag that nobody knows ends it with status 2.
Unknown keys in the file are refused, unknown variables that begin like ours are warned about.

What is not set has oauth2-proxy's default; with `defaults = "o2sidecar"`, the safer one where the table names two.

The flags {meta} are no options: they have no variable and no key.

Options marked † are replaced by the structured YAML file where `--alpha-config` names one.
"""

_LATER = """\
## Known, not built yet

These options of oauth2-proxy change nothing, and a warning says so:

{warned}
"""


def help_text() -> str:
    """What `--help` prints: every flag with its variable, default and help, by group."""
    lines = ["Usage: o2sidecar run [OPTION ...]", "", "An authentication sidecar in front of one web app.", ""]
    lines.append("Command line only:")
    for flag, help in (*META_TEXTS.items(), *META_SWITCHES.items()):
        lines.append(f"  {flag}\n        {help}")
    for title, options in _grouped():
        lines += ["", f"{title}:"]
        for option in options:
            value = "" if option.kind is SWITCH else f" {option.kind.name}"
            lines.append(f"  {option.flag}{value}  [{option.variable}]")
            lines.append(f"        {_sentence(option)} (default: {_defaults(option)})")
    lines += ["", "docs/configuration.md says more.", ""]
    return "\n".join(lines)


def page() -> str:
    """The text of `docs/configuration.md`."""
    meta = ", ".join(f"`{flag}`" for flag in (*META_TEXTS, *META_SWITCHES))
    parts = [_INTRODUCTION.replace("{meta}", meta)]
    for title, options in _grouped():
        rows = ["| key, flag, variable | default | what it does |", "|---|---|---|", *map(_row, options)]
        parts.append(f"## {title}\n\n" + "\n".join(rows) + "\n")
    warned = "\n".join(f"* `{option.key}`: {option.missing}" for option in LATER)
    parts.append(_LATER.format(warned=warned))
    return "\n".join(parts)


def _grouped() -> Iterator[tuple[str, list[Option]]]:
    for title, options in groupby(OPTIONS, key=lambda option: option.title):
        yield title, list(options)


def _row(option: Option) -> str:
    mark = " †" if option.structured else ""
    help = _sentence(option).replace("|", "\\|")
    return f"| `{option.key}`{mark}<br>`{option.flag}`<br>`{option.variable}` | {_defaults(option, '`')} | {help} |"


def _sentence(option: Option) -> str:
    return f"{option.help}; deprecated, use {option.successor}" if option.successor else option.help


def _defaults(option: Option, quote: str = "") -> str:
    default = _written(option, option.default, quote)
    if option.sidecar_default == option.default:
        return default
    return f"{default}; o2sidecar: {_written(option, option.sidecar_default, quote)}"


def _written(option: Option, value: Any, quote: str) -> str:
    text = option.kind.to_text(value)
    return f"{quote}{text}{quote}" if text else "none"


if __name__ == "__main__":
    sys.stdout.write(page())
