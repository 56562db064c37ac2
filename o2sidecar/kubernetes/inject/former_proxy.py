"""A sidecar of oauth2-proxy that stands where ours is to be: found, judged, and taken out when that is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import field, frozen

from o2sidecar.kubernetes.container import CONFIG_KEY
from o2sidecar.kubernetes.difference import plain
from o2sidecar.kubernetes.edits import Edits
from o2sidecar.kubernetes.inject.options import InjectOptions
from o2sidecar.kubernetes.oauth2_proxy import Configured, is_oauth2_proxy, source_of_file
from o2sidecar.kubernetes.objects import containers, items, mapping, native_sidecars, ports
from o2sidecar.kubernetes.operations import Data
from o2sidecar.settings.given import Given
from o2sidecar.settings.kinds import LIST, TEXT, Kind
from o2sidecar.settings.table import OPTIONS

_ADDRESSES = frozenset({"http_address", "metrics_address"})
_IDENTITY = {
    "client_id": "client-id",
    "client_secret": "client-secret",
    "client_secret_file": "client-secret",
    "cookie_secret": "cookie-secret",
    "cookie_secret_file": "cookie-secret",
}
"""Options that our own container has from the Secret's keys."""

_JUDGED = frozenset(_IDENTITY) | _ADDRESSES | {"upstreams"}
_KEYS = {name: option.key for option in OPTIONS for name in (option.flag, option.variable)}
# What a URL holds is looked for in all of them.
_SECRETS = frozenset(option.key for option in OPTIONS if option.secret and "_url" not in option.key)
_LOCAL = re.compile(r"http://(?:127\.0\.0\.1|localhost|\[::1\]):([0-9]{1,5})/?")
_CREDENTIALS = re.compile(r"://[^/\s@]+@")
_REFERENCE = re.compile(r"\$\(([^)]+)\)")


@frozen(kw_only=True)
class FormerProxy:
    """A container of oauth2-proxy.

    Attributes:
        name: of the container.
        ports: that people came in by.
        upstreams: ports of the app that it has led to.
        lost: what ours would not have: arguments and variables as they are written, and where files are.
        open_secrets: arguments and variables that hold a secret themselves.
        unread: its configuration, where that is not in the stream.
    """

    name: str
    ports: frozenset[int]
    upstreams: tuple[int, ...]
    lost: tuple[str, ...]
    open_secrets: tuple[str, ...]
    unread: tuple[str, ...]


def find(template: Data) -> tuple[list[Data], list[Data]]:
    """The containers that run oauth2-proxy, and those of them that are native sidecars."""
    native = [one for one in native_sidecars(template) if is_oauth2_proxy(one)]
    return [*(one for one in containers(template) if is_oauth2_proxy(one)), *native], native


def take_out(edits: Edits, proxy: FormerProxy) -> None:
    """Remove the container, and the volumes that nobody else has mounted."""
    container = next(one for one in containers(plain(edits.root)) if one.get("name") == proxy.name)
    mounted = {mount.get("name") for mount in items(container.get("volumeMounts"))}
    edits.take_out(("spec", "containers", {"name": proxy.name}))
    spec = mapping(plain(edits.root).get("spec"))
    others = [*items(spec.get("containers")), *items(spec.get("initContainers"))]
    still = {mount.get("name") for one in others for mount in items(one.get("volumeMounts"))}
    for volume in [one.get("name") for one in items(spec.get("volumes"))]:
        if volume in mounted - still:
            edits.take_out(("spec", "volumes", {"name": volume}))


def read(container: Data, template: Data, namespace: str, stream: Iterable[Data], flags: InjectOptions) -> FormerProxy:
    """What is to be known about such a container, whose ConfigMaps and Secrets may be in the stream."""
    configured = Configured.of(container, template, namespace, stream)
    reading = _Reading(
        container=container, template=template, flags=flags, configured=configured, given=configured.given()
    )
    upstreams = reading.upstreams()
    return FormerProxy(
        name=str(container.get("name")),
        ports=reading.ports(),
        upstreams=tuple(int(found[1]) for one in upstreams if (found := _LOCAL.fullmatch(one))),
        lost=tuple(dict.fromkeys(reading.lost(upstreams))),
        open_secrets=tuple(dict.fromkeys(_open_secrets(container))),
        unread=tuple(dict.fromkeys(one.partition(",")[0] for one in configured.unread if "," in one)),
    )


@frozen(kw_only=True)
class _Reading:
    """A container with what it is told."""

    container: Data
    template: Data
    flags: InjectOptions
    configured: Configured
    given: Mapping[str, Given] = field(repr=False)

    def ports(self) -> frozenset[int]:
        declared = {port.get("containerPort") for port in ports(self.container)}
        listens = str(self._value("http_address", TEXT)).rpartition(":")[2]
        known = {one for one in declared if isinstance(one, int)} | ({int(listens)} if listens.isdecimal() else set())
        return frozenset(known or {4180})

    def upstreams(self) -> list[str]:
        """As they are written; one that leads nowhere for a value that is none."""
        return [
            str(one).strip() for one in self._value("upstreams", LIST) or ([""] if "upstreams" in self.given else [])
        ]

    def _value(self, key: str, kind: Kind) -> Any:
        """What an option was given; empty if nothing, or what is no value for it."""
        try:
            return self.given[key].read(kind) if key in self.given else ""
        except ValueError:
            return ""

    def lost(self, upstreams: list[str]) -> Iterator[str]:
        command = self.container.get("command") or ["oauth2-proxy"]
        if not isinstance(command, list) or str(command[0]).rpartition("/")[2] != "oauth2-proxy":
            yield "its command"
        for written in self._said():
            if written == "--config":
                yield from self._lost_configuration()
            elif _KEYS.get(written) not in _JUDGED:
                yield written
        yield from (f"envFrom of {one}" for one in self.configured.unread if "," not in one)
        if len(upstreams) > 1 or not all(map(_LOCAL.fullmatch, upstreams)):
            yield f"{_name(self.given['upstreams'])}, which leads to more than the app in its pod"
        for key, wanted in _IDENTITY.items():
            if key in self.given and not self._is_of_secret(key, wanted):
                yield f"{_name(self.given[key])}, which is not {wanted} of the Secret {self.flags.secret}"

    def _said(self) -> Iterator[str]:
        """Flags and variables as they are written."""
        for one in self.configured.arguments:
            if one.startswith("-"):
                yield "--" + one.partition("=")[0].lstrip("-") if one.startswith("--") else one
        variables = [str(one.get("name") or "") for one in items(self.container.get("env"))]
        for one in dict.fromkeys([*variables, *self.configured.environment]):
            if one.startswith("OAUTH2_PROXY_"):
                yield one

    def _lost_configuration(self) -> Iterator[str]:
        path = self.configured.command_text("--config")
        found = source_of_file(self.container, self.template, path)
        if found != ("ConfigMap", self.flags.config_map, CONFIG_KEY):
            kind, name, key = found
            yield f"--config={path}" + (f" ({key} of the {kind} {name})" if kind else "")

    def _is_of_secret(self, key: str, wanted: str) -> bool:
        """Whether an option has its value from the key of the Secret that the sidecar has it from."""
        given, ours = self.given[key], ("Secret", self.flags.secret, wanted)
        if key.endswith("_file"):
            return source_of_file(self.container, self.template, str(self._value(key, TEXT))) == ours
        said = [one for one in items(self.container.get("env")) if one.get("name") == given.name]
        said += [
            one
            for text in _texts(self.container.get("args"))
            for one in items(self.container.get("env"))
            if text.endswith(f"=$({one.get('name')})") and _KEYS.get(text.partition("=")[0]) == key
        ]
        references = [mapping(mapping(one.get("valueFrom")).get("secretKeyRef")) for one in said]
        # A ConfigMap that is kept goes on saying it.
        in_file = not said and given.name.startswith(f"{key} (")
        return in_file or any(("Secret", one.get("name"), one.get("key")) == ours for one in references)


def _name(given: Given) -> str:
    """An option as it is written."""
    return given.name.partition(" ")[0]


def _texts(value: Data) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _open_secrets(container: Data) -> Iterator[str]:
    """Flags and variables whose secret stands in the manifest: an annotation would show it to still more people."""
    literal = {
        str(one.get("name")): one["value"] for one in items(container.get("env")) if isinstance(one.get("value"), str)
    }
    flags = [*_texts(container.get("command")), *_texts(container.get("args"))]
    pairs = [
        (one.partition("=")[0], one.partition("=")[2] or following)
        for one, following in zip(flags, [*flags[1:], ""], strict=False)
    ]
    for name, value in [*pairs, *literal.items()]:
        shown = _REFERENCE.sub(lambda match: literal.get(match[1], ""), value)
        is_secret = _KEYS.get("--" + name.lstrip("-") if name.startswith("-") else name) in _SECRETS
        if (is_secret and shown) or _CREDENTIALS.search(shown):
            yield name
