"""The structured YAML file of `--alpha-config`: provider, upstreams, injected headers and listener."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from o2sidecar.identity import TIME_LEFT, HeaderRule, folded
from o2sidecar.settings import shape
from o2sidecar.settings.blocks import Block, Reading
from o2sidecar.settings.files import ReadFile, read_text
from o2sidecar.settings.given import Given
from o2sidecar.settings.header_blocks import REQUEST_HEADER, RESPONSE_HEADER, request_rules, response_rules
from o2sidecar.settings.kinds import shown
from o2sidecar.settings.options import Settings
from o2sidecar.settings.problems import Problem
from o2sidecar.settings.provider_blocks import PROVIDER, ProviderBlock, names_in, read_providers
from o2sidecar.settings.server_block import METRICS_SERVER, PLACES, SERVER, Servers, read_servers
from o2sidecar.settings.shape import Shape
from o2sidecar.settings.structure import Structure, listeners_of, metrics_listeners_of, metrics_tls_of, tls_of
from o2sidecar.settings.table import Options
from o2sidecar.settings.upstream_blocks import UPSTREAM_CONFIG, upstreams_of
from o2sidecar.settings.upstreams import Upstream, doubles
from o2sidecar.settings.yaml_text import parse_yaml

ROOT = Shape(
    keys=(
        shape.blocks(
            "providers", "who signs people in; the first counts where nothing else decides", PROVIDER, required=True
        ),
        shape.block("upstreamConfig", "where requests go", UPSTREAM_CONFIG),
        shape.blocks("injectRequestHeaders", "headers that the app gets", REQUEST_HEADER),
        shape.blocks("injectResponseHeaders", "headers of answers", RESPONSE_HEADER),
        shape.block("server", "where requests come in", SERVER, required=True),
        shape.block("metricsServer", "where metrics are served", METRICS_SERVER),
    )
)
"""The whole file."""

_TOKENS = frozenset({"access_token", "id_token", "refresh_token"})


@frozen(kw_only=True)
class StructuredFile:
    """What the file says.

    Attributes:
        given: options that it sets, by key; of providers, the first.
        names: where it says, or could say, an option, by key.
        providers: all of them.
        servers: where to listen.
        upstreams: the good ones.
        request_rules: of `injectRequestHeaders`.
        response_rules: of `injectResponseHeaders`, with the app's answers.
        auth_rules: of the same, with the auth endpoint's.
        problems, cautions: what there is to say about it; the names are places in the file.
    """

    given: Mapping[str, Given] = field(factory=dict)
    names: Mapping[str, str] = field(factory=dict)
    providers: tuple[ProviderBlock, ...] = ()
    servers: Servers = field(factory=Servers)
    upstreams: tuple[Upstream, ...] = ()
    request_rules: tuple[HeaderRule, ...] = ()
    response_rules: tuple[HeaderRule, ...] = ()
    auth_rules: tuple[HeaderRule, ...] = ()
    problems: tuple[Problem, ...] = ()
    cautions: tuple[Problem, ...] = ()

    def rule_problems(self, options: Options) -> list[Problem]:
        """What is wrong with the rules, as options are."""
        found = self._token_problems() if options.session_cookie_minimal else []
        return found + (self._time_left_problems() if options.pass_session_expires_in else [])

    def _token_problems(self) -> list[Problem]:
        return [
            Problem(names=("session_cookie_minimal", rule.name), sentence="a session without tokens has none to pass")
            for rule in (*self.request_rules, *self.auth_rules)
            if any(source.claim in _TOKENS for source in rule.sources)
        ]

    def _time_left_problems(self) -> list[Problem]:
        return [
            Problem(names=("pass_session_expires_in", rule.name), sentence="both would set this header; choose one")
            for rule in dict.fromkeys((*self.request_rules, *self.auth_rules))
            if folded(rule.field_name) == folded(TIME_LEFT)
        ]

    def structure(self, settings: Settings) -> Structure:
        """Listeners, upstreams and header rules, where the settings are good."""
        tls = tls_of(settings, self.servers.pems)
        secure = tls is not None and "https_address" in self.servers.given
        return Structure(
            listeners=listeners_of(settings, plain="http_address" in self.servers.given, secure=secure),
            tls=tls,
            metrics_listeners=metrics_listeners_of(settings),
            metrics_tls=metrics_tls_of(settings, self.servers.pems),
            upstreams=self.upstreams,
            request_rules=self.request_rules,
            response_rules=self.response_rules,
            auth_rules=self.auth_rules,
        )


def read_structured_file(path: str, read_file: ReadFile, environment: Mapping[str, str]) -> StructuredFile:
    """Read the file; all that is wrong with it is in the result."""
    reading = Reading(file=path, environment=environment, read_file=read_file)
    try:
        text = read_text(path, read_file)
    except ValueError as error:
        return StructuredFile(problems=(Problem(names=("--alpha-config",), sentence=str(error)),))
    try:
        content = parse_yaml(text)
        if not isinstance(content, dict):
            raise ValueError("it must be a block of keys and values")
    except ValueError as error:
        sentence = f"{shown(path)} is no YAML for settings: {error}"
        return StructuredFile(problems=(Problem(names=("--alpha-config",), sentence=sentence),))
    return _read_root(Block(path="", content=content, shape=ROOT, reading=reading))


def _read_root(root: Block) -> StructuredFile:
    servers = read_servers(root)
    providers = read_providers(root)
    first = providers[0] if providers else ProviderBlock(place="", names=names_in(root.reading, 0))
    upstreams = tuple(upstreams_of(root))
    for sentence in doubles(list(upstreams)):
        root.refuse("upstreamConfig.upstreams", sentence)
    for_app = request_rules(root)
    with_answers, for_auth = response_rules(root)
    root.close()
    return StructuredFile(
        given={**servers.given, **first.given},
        names={**{option: root.reading.name(path) for option, path in PLACES.items()}, **first.names},
        providers=providers,
        servers=servers,
        upstreams=upstreams,
        request_rules=for_app,
        response_rules=with_answers,
        auth_rules=for_auth,
        problems=tuple(root.reading.problems),
        cautions=tuple(root.reading.cautions),
    )
