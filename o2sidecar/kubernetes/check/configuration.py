"""How a proxy is configured, and what the real loader of settings says to that."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from attrs import field, frozen

from o2sidecar.kubernetes.check.rule import Remark
from o2sidecar.kubernetes.check.surroundings import Surroundings
from o2sidecar.kubernetes.check.thing import items
from o2sidecar.kubernetes.check.workloads import Container, Pod
from o2sidecar.kubernetes.findings import Place
from o2sidecar.settings.cautions import cautions_of
from o2sidecar.settings.files import ReadFile
from o2sidecar.settings.flags import read_command_line
from o2sidecar.settings.given import Given
from o2sidecar.settings.kinds import shown
from o2sidecar.settings.load import SettingsRefused, UsageRefused, load
from o2sidecar.settings.problems import HelpAsked, VersionAsked
from o2sidecar.settings.provider_kind import ProviderKinds
from o2sidecar.settings.table import BY_KEY, OPTIONS, Options
from o2sidecar.settings.toml_file import read_toml
from o2sidecar.settings.variables import read_environment

_KEYS = {option.variable: option.key for option in OPTIONS} | {option.flag: option.key for option in OPTIONS}
_FLAG = re.compile(r"--\S+ \((?:\w+, )?(\w+)\)")
_OF_THE_IMAGE = {"O2SIDECAR_DEFAULTS": "o2sidecar", "OAUTH2_PROXY_HTTP_ADDRESS": "0.0.0.0:4180"}
"""What our image sets."""
_FROM_ELSEWHERE = frozenset({"client_id", "client_secret", "cookie_secret"})
"""What a configuration file leaves to the environment, as a rule."""


@frozen(kw_only=True)
class Verdict:
    """One thing that the loader says.

    Attributes:
        keys: the options that it is about; none if it is about the command line.
        sentence: what it says, with the settings as they were written.
        refused: whether the proxy would not start.
    """

    keys: frozenset[str]
    sentence: str
    refused: bool


@frozen(kw_only=True, eq=False)
class Configuration:
    """That of one proxy, or of a file on its own.

    Attributes:
        program: whose it is: `o2sidecar` or `oauth2-proxy`.
        values: of every option, by key; what cannot be read has its default.
        given: keys of options that somebody set.
        verdicts: what the loader says.
        whole: whether all that it is made of is known.
        name: the configuration file's path; empty if there is none.
        text: what it holds.
        pod, container: where the proxy is; `None` for a file on its own.
    """

    program: str
    values: Mapping[str, Any] = field(repr=False)
    given: Mapping[str, Given] = field(repr=False)
    verdicts: tuple[Verdict, ...]
    whole: bool = True
    name: str = ""
    text: str = field(default="", repr=False)
    pod: Pod | None = None
    container: Container | None = None
    surroundings: Surroundings | None = field(default=None, repr=False)

    def about(self, keys: Iterable[str]) -> list[Verdict]:
        """The verdicts on any of these options."""
        wanted = frozenset(keys)
        return [verdict for verdict in self.verdicts if verdict.keys & wanted]

    def remark(self, sentence: str, *keys: str) -> Remark:
        """A remark, at the place where the first of these options that somebody set is set."""
        for key in keys:
            if (found := self._where(key, sentence)) is not None:
                return found
        if self.container is not None and self.pod is not None:
            return Remark(sentence=sentence, thing=self.pod.thing, path=self.container.path)
        return Remark(sentence=sentence, place=Place(name=self.name))

    def _where(self, key: str, sentence: str) -> Remark | None:
        given = self.given.get(key)
        if given is None:
            return None
        if self.container is None or self.pod is None:
            return Remark(sentence=sentence, place=Place(name=self.name, line=_line_of(key, self.text)))
        return self._in_container(given.name.partition(" (")[0], sentence) or self._in_file(key, sentence)

    def _in_container(self, name: str, sentence: str) -> Remark | None:
        assert self.pod is not None and self.container is not None
        thing, path = self.pod.thing, self.container.path
        if self.surroundings is not None and name in self.surroundings.borrowed:
            lender, its_key = self.surroundings.borrowed[name]
            return Remark(sentence=sentence, thing=lender, path=lender.path_of_key(its_key))
        for index, word in enumerate(items(self.container.data.get("args"))):
            if str(word).partition("=")[0] == name:
                return Remark(sentence=sentence, thing=thing, path=(*path, "args", index))
        for index, variable in enumerate(items(self.container.data.get("env"))):
            if isinstance(variable, dict) and variable.get("name") == name:
                return Remark(sentence=sentence, thing=thing, path=(*path, "env", index))
        return None

    def _in_file(self, key: str, sentence: str) -> Remark | None:
        if self.surroundings is not None and (source := self.surroundings.source_of(self.name)) is not None:
            holder, data_key = source
            inside = holder.path_of_key(data_key)
            place = holder.at(inside)
            if place is not None and "\n" in self.text:
                # A text of several lines begins on the line below its key.
                place = Place(name=place.name, line=place.line + _line_of(key, self.text))
            return Remark(sentence=sentence, thing=holder, path=inside, place=place)
        return None


def of_container(
    pod: Pod, container: Container, kinds: ProviderKinds, find: Callable[[str, str, str], Any]
) -> Configuration:
    """That of a proxy in a pod, as far as the same set says it."""
    around = Surroundings(pod=pod, container=container, find=find)
    environment = (_OF_THE_IMAGE if container.program == "o2sidecar" else {}) | around.variables
    arguments = around.arguments()
    asked = _Asked(arguments=arguments or (), environment=environment, read_file=around.read, kinds=kinds)
    values, given, name, content = asked.values()
    whole = arguments is not None and (not name or content is not None)
    unknown = {_KEYS[variable] for variable in around.unknown if variable in _KEYS}
    verdicts = [
        verdict
        for verdict in asked.verdicts(values, given)
        if (whole or not verdict.keys)
        and verdict.keys.isdisjoint(unknown)
        and not (around.open_ended and verdict.refused and _may_be_given(verdict.keys, given))
        and not any(shown(path) in verdict.sentence for path in around.hidden)
    ]
    return Configuration(
        program=container.program,
        values=values,
        given=given,
        verdicts=tuple(verdicts),
        whole=whole,
        name=name,
        text=content or "",
        pod=pod,
        container=container,
        surroundings=around,
    )


def _may_be_given(keys: frozenset[str], given: Mapping[str, Given]) -> bool:
    """Whether these are options that nobody set, so that a variable that is not known may set them."""
    return bool(keys & BY_KEY.keys()) and keys.isdisjoint(given)


def of_file(path: str, read_file: ReadFile, kinds: ProviderKinds) -> Configuration:
    """That of a file on its own; secrets and files of the place where it is used are taken to be there."""
    unread: set[str] = set()

    def reading(name: str) -> bytes:
        try:
            return read_file(name)
        except OSError:
            unread.add(name)
            raise

    environment = {"O2SIDECAR_DEFAULTS": "o2sidecar"}
    asked = _Asked(arguments=(f"--config={path}",), environment=environment, read_file=reading, kinds=kinds)
    values, given, _, content = asked.values()
    verdicts = [
        verdict
        for verdict in asked.verdicts(values, given)
        if not (verdict.keys <= _FROM_ELSEWHERE - given.keys() and verdict.keys)
        and not any(shown(name) in verdict.sentence for name in unread - {path})
    ]
    return Configuration(
        program="o2sidecar", values=values, given=given, verdicts=tuple(verdicts), name=path, text=content or ""
    )


@frozen(kw_only=True)
class _Asked:
    """What the loader is asked with."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    read_file: ReadFile
    kinds: ProviderKinds

    def values(self) -> tuple[dict[str, Any], dict[str, Given], str, str | None]:
        """Each option's value if it can be read, what was given, and the configuration file with its text."""
        given = dict(read_environment(self.environment))
        path, content = "", None
        try:
            command = read_command_line(self.arguments)
        except UsageRefused:
            command = None
        if command is not None:
            path = command.text("--config")
            given |= command.options()
        if path:
            try:
                content = self.read_file(path).decode("utf-8", "replace")
            except OSError:
                content = None
            given = read_toml(path, self.read_file)[0] | given
        said = "defaults" in given and given["defaults"].read(BY_KEY["defaults"].kind) == "o2sidecar"
        values = {option.key: option.sidecar_default if said else option.default for option in OPTIONS}
        for key, one in given.items():
            if key in BY_KEY:
                try:
                    values[key] = one.read(BY_KEY[key].kind)
                except ValueError:
                    continue  # which the loader says
        return values, given, path, content

    def verdicts(self, values: Mapping[str, Any], given: Mapping[str, Given]) -> list[Verdict]:
        """What the loader says; when it refuses, what it would have warned of as well."""
        try:
            loaded = load(self.arguments, self.environment, read_file=self.read_file, providers=self.kinds)
        except UsageRefused as refused:
            return [Verdict(keys=frozenset(), sentence=str(refused), refused=True)]
        except (HelpAsked, VersionAsked):
            return []
        except SettingsRefused as refused:
            found = [
                Verdict(keys=frozenset(map(_key, problem.names)), sentence=str(problem), refused=True)
                for problem in refused.problems
            ]
            if values["provider"] in self.kinds:
                for caution in cautions_of(Options(**values), given, kinds=self.kinds):
                    found.append(Verdict(keys=frozenset(caution.names), sentence=str(caution), refused=False))
            return found
        return [_warned(warning) for warning in loaded.warnings]


def _warned(warning: str) -> Verdict:
    names = warning.partition(": ")[0].split(", ")
    return Verdict(keys=frozenset(map(_key, names)), sentence=warning, refused=False)


def _key(name: str) -> str:
    """The key of an option that is named as the operator wrote it."""
    if found := _FLAG.fullmatch(name):
        return found[1]
    bare = name.partition(" (")[0]
    return _KEYS.get(bare, bare)


def _line_of(key: str, text: str) -> int:
    """The line of a TOML file on which a key is set; 0 if there is none."""
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
            return number
    return 0
