"""The command line, read by the rules of pflag, which are those of oauth2-proxy's flags."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import field, frozen

from o2sidecar.settings.given import Given
from o2sidecar.settings.kinds import LIST, SWITCH, Kind, shown, switch_from_text
from o2sidecar.settings.nearest import suggestion
from o2sidecar.settings.option import KnownOption
from o2sidecar.settings.problems import UsageRefused
from o2sidecar.settings.table import OPTIONS
from o2sidecar.settings.table.later import LATER

META_TEXTS: Mapping[str, str] = {
    "--config": "TOML file with settings",
    "--alpha-config": "YAML file with providers, upstreams and injected headers",
}
"""Flags with a text that are no options: they have no variable and no key in the file."""

META_SWITCHES: Mapping[str, str] = {
    "--config-test": "check the settings, start nothing",
    "--convert-config-to-alpha": "print the structured file that says what these settings say, start nothing",
    "--version": "print the version",
    "--help": "print this",
}
"""The same for switches."""

_OPTIONS: tuple[KnownOption, ...] = (*OPTIONS, *LATER)
_KEYS: Mapping[str, str] = {option.flag: option.key for option in _OPTIONS}
_SWITCHES = frozenset(META_SWITCHES) | {option.flag for option in _OPTIONS if option.kind is SWITCH}
_LISTS = frozenset(option.flag for option in _OPTIONS if option.kind is LIST)
_KNOWN = frozenset(_KEYS) | frozenset(META_TEXTS) | _SWITCHES


@frozen(kw_only=True)
class CommandLine:
    """A command line: every flag with all that it was given, in order."""

    occurrences: Mapping[str, Sequence[str]] = field(repr=False)

    def text(self, flag: str) -> str:
        """The last text of a flag of `META_TEXTS`; empty if it is absent."""
        return self.occurrences.get(flag, ("",))[-1]

    def switch(self, flag: str) -> bool:
        """Whether a flag of `META_SWITCHES` is on; raises `UsageRefused` if its value is no truth value."""
        try:
            return switch_from_text(self.occurrences.get(flag, ("false",))[-1])
        except ValueError as error:
            raise UsageRefused(f"{flag}: {error}") from None

    def options(self) -> dict[str, Given]:
        """The options given, by key."""
        return {
            _KEYS[flag]: Given(name=f"{flag} ({_KEYS[flag]})", read=_reader(texts))
            for flag, texts in self.occurrences.items()
            if flag in _KEYS
        }

    def overridden(self) -> list[str]:
        """Flags given more than once of which only the last counts."""
        return [flag for flag, texts in self.occurrences.items() if len(texts) > 1 and flag not in _LISTS]


def _reader(texts: Sequence[str]) -> Callable[[Kind], Any]:
    return lambda kind: kind.from_flag(texts)


def read_command_line(arguments: Sequence[str]) -> CommandLine:
    """The flags on a command line; raises `UsageRefused` for what is no known flag.

    `--a-b=c`; `--a-b c` unless the flag is a switch; a bare switch is on; `--a-b=false`; `-h` is `--help`.
    """
    occurrences: dict[str, list[str]] = {}
    flag = ""
    rest = iter(arguments)
    for argument in rest:
        if not argument.startswith("-"):
            raise UsageRefused(_unexpected(argument, flag))
        flag, equals, text = ("--help" if argument == "-h" else argument).partition("=")
        if flag not in _KNOWN:
            raise UsageRefused(_unknown(flag))
        if not equals and flag in _SWITCHES:
            text = "true"
        elif not equals:
            following = next(rest, None)
            if following is None:
                raise UsageRefused(f"{flag} needs a value: {flag}=…")
            text = following
        occurrences.setdefault(flag, []).append(text)
        if flag == "--help":
            break
    return CommandLine(occurrences=occurrences)


def _unknown(flag: str) -> str:
    meant = "--" + flag.lstrip("-").replace("_", "-")
    return f"unknown flag: {shown(flag)[1:-1]}{suggestion(meant, sorted(_KNOWN))}"


def _unexpected(argument: str, before: str) -> str:
    # The argument itself is not shown: it may be a secret that got away from its flag.
    where = f"after {before}" if before else "at the beginning"
    hint = f"; write {before}={argument}" if before in _SWITCHES and argument.lower() in {"true", "false"} else ""
    return f"unexpected argument {where}{hint}"
