"""Settings from flags, environment and files: valid ones, or all that is wrong with them at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import define, evolve, field

from o2sidecar.settings.cautions import cautions_of
from o2sidecar.settings.checks import flat_metrics_problems, nobody_may_pass, problems_of
from o2sidecar.settings.files import SECRETS, ReadFile, read_secrets, unreadable
from o2sidecar.settings.flags import CommandLine, read_command_line
from o2sidecar.settings.given import Given
from o2sidecar.settings.kinds import shown
from o2sidecar.settings.loaded import Loaded, ProviderEntry
from o2sidecar.settings.option import KnownOption
from o2sidecar.settings.options import Settings
from o2sidecar.settings.own_options import OwnOptions, as_in_file, own_in_environment, read_own, variable_of
from o2sidecar.settings.problems import (
    ConversionAsked,
    HelpAsked,
    Problem,
    SettingsRefused,
    UsageRefused,
    VersionAsked,
)
from o2sidecar.settings.provider_blocks import EMAIL_DOMAINS, ProviderBlock
from o2sidecar.settings.provider_checks import kind_problems
from o2sidecar.settings.provider_kind import AnyProvider, ProviderKinds, kind_named
from o2sidecar.settings.structure import (
    Structure,
    flat_pems,
    metrics_tls_of,
    structure_of,
    tls_of,
)
from o2sidecar.settings.structured_file import StructuredFile, read_structured_file
from o2sidecar.settings.table import BY_KEY, OPTIONS, Options
from o2sidecar.settings.table.later import LATER_BY_KEY, LaterOption
from o2sidecar.settings.tls import Pem
from o2sidecar.settings.toml_file import read_toml
from o2sidecar.settings.variables import read_environment, unknown_variables

__all__ = [
    "ConversionAsked",
    "HelpAsked",
    "Loaded",
    "Problem",
    "SettingsRefused",
    "UsageRefused",
    "VersionAsked",
    "load",
]

_NO_FILE = StructuredFile()
_ANY_PROVIDER = AnyProvider()


def _from_disk(path: str) -> bytes:
    return Path(path).read_bytes()


def load(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    *,
    read_file: ReadFile = _from_disk,
    providers: ProviderKinds = _ANY_PROVIDER,
) -> Loaded:
    """The settings that a command line (without the program's name), an environment and the files they name give.

    A flag wins over a variable, a variable over the file of `--config`, that over the default; lists are replaced,
    not joined. `providers` are the kinds that there are. Raises `UsageRefused` when the command line cannot be read,
    `SettingsRefused` with all problems, `HelpAsked`, `VersionAsked` and `ConversionAsked` when that is what was wanted.
    """
    command = read_command_line(arguments)
    if command.switch("--help"):
        from o2sidecar.settings.reference import help_text  # noqa: PLC0415 (only when asked for)

        raise HelpAsked(help_text())
    if command.switch("--version"):
        raise VersionAsked
    loading = _Loading(command=command, environment=environment, read_file=read_file, providers=providers)
    if command.switch("--convert-config-to-alpha"):
        raise loading.converted()
    return loading.loaded()


@define(kw_only=True)
class _Loading:
    """One loading under way: what was given so far, and what there is to say about it.

    Attributes:
        derived: keys of options whose value follows from another's; nobody said it.
        own_given, own_values: of options that the provider declares beside the table.
        unreadable: problems with files that settings name, and with nothing else.
    """

    command: CommandLine
    environment: Mapping[str, str]
    read_file: ReadFile
    providers: ProviderKinds
    given: dict[str, Given] = field(factory=dict)
    values: dict[str, Any] = field(factory=dict)
    problems: list[Problem] = field(factory=list)
    derived: set[str] = field(factory=set)
    unreadable: list[Problem] = field(factory=list)
    cautions: list[Problem] = field(factory=list)
    broken: set[str] = field(factory=set)
    own_given: dict[str, Given] = field(factory=dict)
    own_values: dict[str, Any] = field(factory=dict, repr=False)
    structured: StructuredFile = _NO_FILE

    def loaded(self) -> Loaded:
        """The settings."""
        config_test = self.command.switch("--config-test")
        options = self._judged()
        others = [self._with_provider(block) for block in self.structured.providers[1:]]
        if self.problems or self.unreadable:
            raise SettingsRefused([*self.problems, *self.unreadable])
        settings = self._settings()
        tls = tls_of(options, self._pems(options))
        for each in (self, *others):
            cautions = cautions_of(each._options(), each.given, kinds=self.providers, tls=tls is not None)
            self._add(self.cautions, [*each.cautions, *map(each._named, cautions)])
        return Loaded(
            settings=settings,
            providers=tuple(self._entries(settings, others)),
            structure=self._structure(settings),
            warnings=tuple(map(str, self.cautions)),
            sources={key: given.name for key, given in self.given.items()},
            files=tuple(filter(None, map(self.command.text, ("--config", "--alpha-config")))),
            config_test=config_test,
        )

    def converted(self) -> ConversionAsked:
        """The structured file that says the same. The files that settings name may be elsewhere than here."""
        from o2sidecar.settings.conversion import remarks, structured_text  # noqa: PLC0415 (only when asked for)

        if self.command.text("--alpha-config"):
            names = ("--convert-config-to-alpha", "--alpha-config")
            raise SettingsRefused([Problem(names=names, sentence="with a structured file there is nothing to convert")])
        options = self._judged()
        if self.problems:
            raise SettingsRefused(self.problems)
        structure = structure_of(options)
        said = {key: given for key, given in self.given.items() if key not in self.derived}
        return ConversionAsked(
            structured_text(options, structure, said, as_in_file(self._own(self.given), self.own_values)),
            remarks(structure, said | self.own_given, [*self.cautions, *self.unreadable]),
        )

    def _judged(self) -> Options:
        """What all sources say together; what is wrong with it is noted."""
        self._gather()
        self._read_values()
        self._fill_in()
        options = self._options()
        self._judge(options)
        return options

    def _with_provider(self, block: ProviderBlock) -> _Loading:
        """The same with another of several providers, judged as if it were the only one.

        What is wrong with it is noted here, once for all providers.
        """
        servers = self.structured.servers.given
        shared = {key: given for key, given in self.given.items() if key in servers or not _known(key).structured}
        other = _Loading(
            command=self.command,
            environment=self.environment,
            read_file=self.read_file,
            providers=self.providers,
            given=shared | dict(block.given),
            own_given=dict(block.own),
            structured=evolve(self.structured, names={**self.structured.names, **block.names}, providers=(block,)),
        )
        other._read_values()
        other._fill_in()
        other._judge(other._options())
        self._add(self.problems, other.problems)
        self._add(self.unreadable, other.unreadable)
        return other

    def _add(self, known: list[Problem], found: Iterable[Problem]) -> None:
        known += [each for each in found if each not in known]

    def _gather(self) -> None:
        """What was given, by key; a later source replaces an earlier one."""
        said = read_environment(self.environment) | self.command.options()
        if path := self.command.text("--config"):
            in_file, problems = read_toml(path, self.read_file, lambda table: self._own({**table, **said}))
            self.problems += problems
            self.given |= in_file
        self.given |= said
        own = self._own(self.given)
        self.own_given = {key: self.given.pop(key) for key in own if key in self.given}
        self.own_given |= own_in_environment(self.environment, own)
        self.cautions += unknown_variables(self.environment, [one.variable for one in own.values()])
        for flag in self.command.overridden():
            self.cautions.append(
                Problem(names=(flag,), sentence="this was given more than once; only the last counts.")
            )
        if path := self.command.text("--alpha-config"):
            self._gather_structured(path)

    def _gather_structured(self, path: str) -> None:
        """The structured file takes the place of the options that it can say; they are refused beside it."""
        said = [self.given.pop(key) for key in list(self.given) if _known(key).structured]
        for given in (*said, *self.own_given.values()):
            if given.name in self.environment:
                sentence = f"this is ignored, since {shown(path)} says it."
                self.cautions.append(Problem(names=(given.name,), sentence=sentence))
            else:
                sentence = f"this belongs into the structured file {shown(path)} when there is one"
                self.problems.append(Problem(names=(given.name,), sentence=sentence))
        self.structured = read_structured_file(path, self.read_file, self.environment)
        self.problems += self.structured.problems
        self.cautions += self.structured.cautions
        self.given |= self.structured.given
        self.own_given = dict(self.structured.providers[0].own) if self.structured.providers else {}

    def _own(self, given: Mapping[str, Given]) -> OwnOptions:
        """The options that the named provider declares beside the table."""
        kind = kind_named(given, self.providers)
        return kind.own if kind is not None else {}

    def _read_values(self) -> None:
        for key, given in self.given.items():
            option = _known(key)
            try:
                value = given.read(option.kind)
            except ValueError as error:
                self._refuse(key, str(error))
                continue
            if not isinstance(option, LaterOption):
                self.values[key] = value
            elif value != option.default:
                self._warn(key, f"this has no effect: {option.missing}.")
        if (kind := kind_named(self.given, self.providers)) is not None:
            self.own_values, problems = read_own(kind.own, self.own_given, self._name)
            self.problems += problems
            self.broken |= kind.own.keys() if problems else set()

    def _fill_in(self) -> None:
        """Values that follow from others: of old names, of whose defaults count, of secrets in files."""
        for option in OPTIONS:
            value = self.values.get(option.key)
            if not option.stands_for or not value or value == option.default:
                continue
            if option.prevails or option.stands_for not in self.values:
                self.values[option.stands_for] = value
                self.given[option.stands_for] = self.given[option.key]
        if self.values.get("defaults") == "o2sidecar":
            self.values = {option.key: option.sidecar_default for option in OPTIONS} | self.values
        self._fill_in_for_provider()
        self._fill_in_federated_token()
        self._fill_in_secrets()

    def _fill_in_for_provider(self) -> None:
        """What a kind of provider cannot do without, where nobody said otherwise."""
        if (kind := kind_named(self.given, self.providers)) is not None:
            self.values |= {key: value for key, value in kind.defaults.items() if key not in self.given}

    def _fill_in_federated_token(self) -> None:
        """Azure's workload identity tells every pod by a variable of its own where the pod's token is."""
        file = self.environment.get("AZURE_FEDERATED_TOKEN_FILE")
        if file and self.values.get("entra_id_federated_token_auth"):
            key = "entra_id_federated_token_file"
            if not self.values.get(key):
                self.values[key] = file
                self.derived.add(key)
                self.given[key] = Given(name="AZURE_FEDERATED_TOKEN_FILE", read=lambda kind: kind.from_text(file))

    def _fill_in_secrets(self) -> None:
        secrets, problems = read_secrets(self.values, self.read_file)
        self.values |= secrets
        for file_key, key in SECRETS.items():
            if key in secrets:
                self.derived.add(key)
                self.given[key] = self.given[file_key]
        for problem in problems:
            file_key = problem.names[0]
            self.unreadable.append(self._named(problem))
            self.broken |= {file_key, SECRETS[file_key]}

    def _options(self) -> Options:
        """The values, with the addresses of this provider's own people in the place of those that hold for all."""
        own = self._own_domains()
        return Options(**{**self.values, "email_domains": own} if own else self.values)

    def _own_domains(self) -> tuple[str, ...]:
        return self.structured.providers[0].email_domains if self.structured.providers else ()

    def _judge(self, options: Options) -> None:
        found = [*kind_problems(options, self.providers), *problems_of(options)]
        found += nobody_may_pass(options, *(self.structured.names.keys() & {EMAIL_DOMAINS}))
        if (kind := kind_named(self.given, self.providers)) is not None and self.broken.isdisjoint(kind.own):
            found += kind.problems({key: getattr(options, key) for key in kind.keys} | self.own_values)
        if self.structured is _NO_FILE:
            found += flat_metrics_problems(options)
        # There may be https elsewhere, in front of us, and people are sent there.
        for key in self.structured.servers.bare - ({"https_address"} if options.force_https else set()):
            found.append(Problem(names=(key,), sentence="needs tls with a key and a cert"))
        self.problems += self.structured.rule_problems(options)
        unread = list(unreadable(options, self.read_file))
        pems = self._pems(options)
        for tls in (tls_of(options, pems), metrics_tls_of(options, pems)):
            unread += tls.problems(self.read_file) if tls is not None else ()
        self.problems += [self._named(problem) for problem in found if self.broken.isdisjoint(problem.names)]
        self.unreadable += [self._named(problem) for problem in unread if self.broken.isdisjoint(problem.names)]

    def _settings(self) -> Settings:
        """The values. A secret that is given directly wins over its file, which nobody is to read later either."""
        unread = {file_key: "" for file_key, key in SECRETS.items() if self.values.get(key) and key not in self.derived}
        return Settings(**{**self.values, **unread})

    def _entries(self, settings: Settings, others: Sequence[_Loading]) -> Iterator[ProviderEntry]:
        if self.structured is _NO_FILE:
            yield ProviderEntry(settings=settings, own=self.own_values)
            return
        of_each = ((settings, self.own_values), *((each._settings(), each.own_values) for each in others))
        for (each, own), block in zip(of_each, self.structured.providers, strict=True):
            domains = block.email_domains
            its = evolve(each, email_domains=domains) if domains else each
            yield ProviderEntry(settings=its, own=own, email_domains=domains, hosts=block.hosts, paths=block.paths)

    def _structure(self, settings: Settings) -> Structure:
        return structure_of(settings) if self.structured is _NO_FILE else self.structured.structure(settings)

    def _pems(self, options: Options) -> Mapping[str, Pem]:
        return flat_pems(options) if self.structured is _NO_FILE else self.structured.servers.pems

    def _refuse(self, key: str, sentence: str) -> None:
        self.broken.add(key)
        self.problems.append(self._named(Problem(names=(key,), sentence=sentence)))

    def _warn(self, key: str, sentence: str) -> None:
        self.cautions.append(self._named(Problem(names=(key,), sentence=sentence)))

    def _named(self, problem: Problem) -> Problem:
        return Problem(names=tuple(map(self._name, problem.names)), sentence=problem.sentence)

    def _name(self, key: str) -> str:
        """An option as the operator wrote it, or as it could be written."""
        if key == "email_domains" and self._own_domains():
            return self.structured.names[EMAIL_DOMAINS]
        if given := self.given.get(key) or self.own_given.get(key):
            return given.name
        if key in self.structured.names:
            return self.structured.names[key]
        if key not in BY_KEY:
            where = self.structured.names.get("options")
            return f"{key} in {where}" if where else f"{variable_of(key)} ({key})"
        option = BY_KEY[key]
        return f"{option.flag} ({option.variable}, {key})"


def _known(key: str) -> KnownOption:
    return BY_KEY[key] if key in BY_KEY else LATER_BY_KEY[key]
