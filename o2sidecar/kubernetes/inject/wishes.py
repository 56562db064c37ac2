"""What a workload's own label and annotations ask for: `o2sidecar/...`, spelt exactly, in their place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Literal

from attrs import evolve, frozen

from o2sidecar.kubernetes.container import list_item
from o2sidecar.kubernetes.inject.options import InjectOptions
from o2sidecar.kubernetes.objects import is_a, mapping, metadata, template_path
from o2sidecar.kubernetes.operations import Data
from o2sidecar.kubernetes.original import ORIGINAL, PREFIX, WRITTEN
from o2sidecar.kubernetes.ways import Way

INJECT = PREFIX + "inject"


@frozen(kw_only=True)
class Wishes:
    """The flags, and what annotations say in their place.

    Attributes:
        flags: with the annotations' values in the place of those that have flags.
        container: the app's, where only its ports are to be looked at.
        arguments: of the sidecar, for annotations that have no flag.
        resources: of the sidecar, or `None` for ours.
        relay_probes: whether the app's probes come by the metrics port although its own stays open.
    """

    flags: InjectOptions
    container: str = ""
    arguments: tuple[str, ...] = ()
    resources: dict[str, dict[str, str]] | None = None
    relay_probes: bool = False


@frozen(kw_only=True)
class Misuse:
    """Something said with `o2sidecar/...` that is not understood; `way` is within the object."""

    way: Way
    sentence: str


def _list(text: str) -> tuple[str, ...]:
    return tuple(one for one in (piece.strip() for piece in re.split(r"[,\n]", text)) if one)


def _lines(text: str) -> tuple[str, ...]:
    """One a line: patterns have commas."""
    return tuple(one for one in (piece.strip() for piece in text.splitlines()) if one)


def _flag(name: str, read: Callable[[str], Any] = str) -> Callable[[Wishes, str], Wishes]:
    return lambda wishes, text: evolve(wishes, flags=evolve(wishes.flags, **{name: _some(read(text))}))


def _some(value: Any) -> Any:
    if value in ("", ()):
        raise ValueError("it is empty; leave the annotation out")
    return value


def _argument(name: str, read: Callable[[str], tuple[str, ...]]) -> Callable[[Wishes, str], Wishes]:
    def add(wishes: Wishes, text: str) -> Wishes:
        return evolve(
            wishes, arguments=(*wishes.arguments, *(f"--{name}={list_item(one)}" for one in _some(read(text))))
        )

    return add


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(f'it is {text!r}; say "true" or "false"')
    return text == "true"


def _one_of(*choices: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
            raise ValueError(f"it is {text!r}; say {' or '.join(choices)}")
        return text

    return read


_DOMAIN = re.compile(r"\.?[A-Za-z0-9](?:[-A-Za-z0-9.]*[A-Za-z0-9])?")
_AMOUNT = re.compile(r"(cpu|memory)=([0-9]+(?:\.[0-9]+)?[A-Za-z]{0,2})(?:/([0-9]+(?:\.[0-9]+)?[A-Za-z]{0,2}))?")


def _domains(text: str) -> tuple[str, ...]:
    domains = _list(text)
    for one in domains:
        if _DOMAIN.fullmatch(one) is None:
            raise ValueError(f"{one!r} is no domain")
    return domains


def _resources(wishes: Wishes, text: str) -> Wishes:
    """`cpu=20m/1,memory=64Mi/192Mi`: request and limit, one amount is both."""
    found: dict[str, dict[str, str]] = {"requests": {}, "limits": {}}
    for one in _list(text):
        amount = _AMOUNT.fullmatch(one)
        if amount is None or amount[1] in found["requests"]:
            raise ValueError(f"{one!r} is not understood; write cpu=20m/1,memory=64Mi/192Mi (request/limit)")
        found["requests"][amount[1]] = amount[2]
        found["limits"][amount[1]] = amount[3] or amount[2]
    if found["requests"].keys() != {"cpu", "memory"}:
        raise ValueError("both cpu and memory have to be said: cpu=20m/1,memory=64Mi/192Mi (request/limit)")
    return evolve(wishes, resources=found)


def _sign_in(wishes: Wishes, text: str) -> Wishes:
    at_once = _one_of("page", "redirect")(text) == "redirect"
    return evolve(wishes, arguments=(*wishes.arguments, f"--skip-provider-button={str(at_once).lower()}"))


def _callback(wishes: Wishes, text: str) -> Wishes:
    """`shared` is the redirect_url of the ConfigMap; `app` sets it aside."""
    if _one_of("app", "shared")(text) == "shared":
        return wishes
    return evolve(wishes, arguments=(*wishes.arguments, "--redirect-url=/oauth2/callback"))


def _elsewhere(sentence: str) -> Callable[[Wishes, str], Wishes]:
    def refuse(wishes: Wishes, text: str) -> Wishes:
        raise ValueError(sentence)

    return refuse


_KEYS: dict[str, Callable[[Wishes, str], Wishes]] = {
    "host": _flag("hosts", _list),
    "app-port": _flag("app_port", str.strip),
    "container": lambda wishes, text: evolve(wishes, container=_some(text.strip())),
    "mode": _flag("mode", _one_of("auto", "container", "native")),
    "public-paths": _flag("public_paths", _lines),
    "allow-groups": _flag("groups", _list),
    "allow-domains": _argument("email-domain", _domains),
    "allow-emails": _elsewhere(
        "a list of addresses is a file of the sidecar's: name it as authenticated_emails_file in the ConfigMap"
    ),
    "api-paths": _argument("api-route", _lines),
    "sign-in": _sign_in,
    "callback": _callback,
    "pass-access-token": lambda wishes, text: evolve(
        wishes, arguments=(*wishes.arguments, f"--pass-access-token={str(_truth(text)).lower()}")
    ),
    "resources": _resources,
    "image": _flag("image", str.strip),
    "probe-rewrite": lambda wishes, text: evolve(wishes, relay_probes=_truth(text)),
    "restrict-network": _flag("restrict_network", _truth),
    "config-map": _flag("config_map", str.strip),
    "secret": _flag("secret", str.strip),
    "realm": _elsewhere(f"a realm is its ConfigMap and its Secret: name them by {PREFIX}config-map and {PREFIX}secret"),
    "provider-config": _elsewhere(f"the provider is set in the ConfigMap: name that by {PREFIX}config-map"),
}
"""Key without the prefix to what it does with its value; raises `ValueError` with a sentence."""


def wishes_of(template: Data, flags: InjectOptions) -> tuple[Wishes, list[Misuse]]:
    """What is wished for these pods, and what is not understood."""
    wishes, problems = Wishes(flags=flags), []
    notes = mapping(metadata(template).get("annotations"))
    for key, read in _KEYS.items():
        value = notes.get(PREFIX + key)
        if not isinstance(value, str):
            continue
        try:
            wishes = read(wishes, value)
        except ValueError as error:
            problems.append(Misuse(way=("metadata", "annotations", PREFIX + key), sentence=f"{PREFIX}{key}: {error}"))
    return wishes, problems


def choice(template: Data) -> Literal["in", "out", ""]:
    """What the label `o2sidecar/inject` says; empty without one."""
    said = mapping(metadata(template).get("labels")).get(INJECT)
    return "" if said is None else "out" if said == "false" else "in"


def misuses(data: Data, template: Data) -> Iterator[Misuse]:
    """Keys with our prefix that are unknown, no text, or in the wrong place; of a Service: `template` is `None`."""
    own_template = template is not None and template_path(data) == ()
    if not own_template:
        for kind, key in _ours(data):
            if is_a(data, "", "Service") and kind == "annotations" and key == ORIGINAL:
                continue
            yield Misuse(way=("metadata", kind, key), sentence=f"{key} {_belongs(key, data, template)}")
    for kind, key in _ours(template) if template is not None else ():
        way: Way = ("metadata", kind, key)
        value = mapping(metadata(template).get(kind)).get(key)
        if not isinstance(value, str):
            yield Misuse(way=way, sentence=f"{key} has to be text: write its value in quotes")
        elif key == INJECT:
            if kind == "annotations":
                yield Misuse(way=way, sentence=f"{key} is a label of the pod template, not an annotation")
            elif value not in ("true", "false"):
                yield Misuse(way=way, sentence=f'{key} is {value!r}; say "true" or "false"')
        elif key.removeprefix(PREFIX) not in _KEYS and key not in WRITTEN:
            yield Misuse(way=way, sentence=f"{key} is not known; known are {', '.join(sorted([*_KEYS, 'inject']))}")
        elif kind == "labels":
            yield Misuse(way=way, sentence=f"{key} is an annotation of the pod template, not a label")


def _ours(data: Data) -> Iterator[tuple[str, str]]:
    for kind in ("labels", "annotations"):
        for key in mapping(metadata(data).get(kind)):
            if isinstance(key, str) and key.startswith(PREFIX):
                yield kind, key


def _belongs(key: str, data: Data, template: Data) -> str:
    kind = "labels" if key == INJECT else "annotations"
    where = "the pod template" if template is not None else "the workload's pod template"
    path = ".".join(map(str, (*(template_path(data) or ("spec", "template")), "metadata", kind)))
    return f"stands in the wrong place: it belongs to the {kind} of {where} ({path})"
