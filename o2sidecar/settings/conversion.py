"""`--convert-config-to-alpha`: the structured file that says what flags, variables and the TOML file say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from o2sidecar.durations import format_duration
from o2sidecar.identity import HeaderRule, HeaderSource
from o2sidecar.settings.blocks import escaped
from o2sidecar.settings.given import Given
from o2sidecar.settings.header_blocks import AUTH_ONLY
from o2sidecar.settings.kinds import DURATION
from o2sidecar.settings.problems import Problem
from o2sidecar.settings.provider_blocks import CLIENT_KEY, PROVIDER
from o2sidecar.settings.schema import FILE_NAME
from o2sidecar.settings.server_block import METRICS_SERVER, SERVER
from o2sidecar.settings.shape import Shape
from o2sidecar.settings.structure import Structure
from o2sidecar.settings.table import BY_KEY, Options
from o2sidecar.settings.table.later import LATER_BY_KEY
from o2sidecar.settings.tls import Tls
from o2sidecar.settings.upstreams import Upstream

_HEAD = f"""\
# yaml-language-server: $schema={FILE_NAME}
# Editors check this file by that schema and show what keys mean: o2sidecar schema > {FILE_NAME}
"""
_WIDEST = 10**6
"""No line is broken: a long secret stays one that people can copy."""


def structured_text(options: Options, structure: Structure, given: Mapping[str, Given], own: Mapping[str, Any]) -> str:
    """The file, in YAML. Secrets stand in it where they were given as such, as in oauth2-proxy's.

    `options` have passed the checks, `structure` is what they stand for, `given` are those that somebody set;
    `own` is what the file holds of options that are not of the table, by key.
    """
    import yaml  # noqa: PLC0415 (only where there is a structured file)

    upstreams = [dict(_upstream(options, each, given)) for each in structure.upstreams]
    said = {
        "providers": [dict(_provider(options, given)) | ({"options": own} if own else {})],
        "upstreamConfig": {"upstreams": upstreams} if upstreams else {},
        "injectRequestHeaders": [_header(rule) for rule in structure.request_rules],
        "injectResponseHeaders": [
            _header(rule) | ({} if rule in structure.response_rules else {AUTH_ONLY: True})
            for rule in structure.auth_rules
        ],
        "server": _server(SERVER, _addresses(options, structure, given), structure.tls, options, given),
        "metricsServer": _server(
            METRICS_SERVER,
            {"bindAddress": options.metrics_address, "secureBindAddress": options.metrics_secure_address},
            structure.metrics_tls,
            options,
            given,
        ),
    }
    data = _without_substitution({key: value for key, value in said.items() if value})
    return _HEAD + yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=_WIDEST)


def remarks(structure: Structure, given: Mapping[str, Given], warnings: Iterable[Problem]) -> str:
    """What the operator has to know and to do besides; no secret is in it."""
    moved = dict.fromkeys(each.name for key, each in given.items() if _moves(key))
    stay = dict.fromkeys(each.name for key, each in given.items() if not _moves(key))
    lines = [f"warning: {warning}" for warning in warnings]
    lines.append("The structured file is on standard output, secrets included; --alpha-config=FILE reads it.")
    if moved:
        lines += ["It says what these say. Take them away, they are refused or ignored beside it:"]
        lines += [f"  {name}" for name in moved]
    if stay:
        lines += ["It cannot say these. Leave them as they are:", *(f"  {name}" for name in stay)]
    if structure.auth_rules:
        lines.append(f"oauth2-proxy does not know the key {AUTH_ONLY}; take it out before you give it this file.")
    return "\n".join(lines) + "\n"


def _moves(key: str) -> bool:
    known = BY_KEY.get(key) or LATER_BY_KEY.get(key)
    return known is None or known.structured


def _provider(options: Options, given: Mapping[str, Given]) -> Iterator[tuple[str, Any]]:
    name = options.provider_display_name or f"{options.provider}={options.client_id}"
    yield "id", options.provider_id or name
    yield "provider", options.provider
    own = _set_by(PROVIDER, options, given)
    yield from ((name, value) for name, value in own.items() if name not in {"provider", "id"})
    for key in PROVIDER.keys.values():
        if key.shape and not key.listed and (inner := _set_by(key.shape, options, given)):
            yield key.name, inner
    # oauth2-proxy sends an approval_prompt where flags say nothing of it, but none where the file says nothing.
    prompt = {"prompt": options.prompt} if options.prompt else {"approval_prompt": options.approval_prompt}
    acr_values = {"acr_values": options.acr_values} if options.acr_values else {}
    yield "loginURLParameters", [{"name": name, "default": [said]} for name, said in (acr_values | prompt).items()]


def _is_elsewhere(options: Options, shape: Shape, key: str) -> bool:
    """Whether an option that two places have is said in the other: oauth2-proxy's block is login.gov's."""
    return key in CLIENT_KEY and (shape is PROVIDER) is (options.provider == "login.gov")


def _set_by(shape: Shape, options: Options, given: Mapping[str, Given]) -> dict[str, Any]:
    """What somebody said of the options that a block's own keys set."""
    found = {}
    for key in shape.keys.values():
        if key.option not in given or BY_KEY[key.option].stands_for or _is_elsewhere(options, shape, key.option):
            continue
        value = getattr(options, key.option)
        found[key.name] = list(value) if isinstance(value, tuple) else value
    return found


def _upstream(options: Options, upstream: Upstream, given: Mapping[str, Given]) -> Iterator[tuple[str, Any]]:
    yield "id", upstream.id
    yield "path", upstream.path
    if upstream.scheme == "static":
        yield "static", True
        yield "staticCode", upstream.status
    else:
        yield "uri", upstream.uri
    yield "timeout", format_duration(upstream.timeout)
    yield "passHostHeader", upstream.pass_host_header
    yield "proxyWebSockets", upstream.proxy_websockets
    if upstream.insecure_skip_verify:
        yield "insecureSkipTLSVerify", True
    if not upstream.keep_alive:
        yield "disableKeepAlives", True
    if "flush_interval" in given:
        yield "flushInterval", DURATION.to_text(options.flush_interval)


def _header(rule: HeaderRule) -> dict[str, Any]:
    said: dict[str, Any] = {"name": rule.name}
    if rule.preserve:
        said["preserveRequestValue"] = True
    return said | {"values": [_value(source) for source in rule.sources]}


def _value(source: HeaderSource) -> dict[str, Any]:
    said: dict[str, Any] = {"claim": source.claim}
    if source.prefix:
        said["prefix"] = source.prefix
    if source.basic_auth_password:
        said["basicAuthPassword"] = {"value": source.basic_auth_password}
    return {"claimSource": said}


def _addresses(options: Options, structure: Structure, given: Mapping[str, Given]) -> dict[str, str]:
    """Where requests come in, and where people are sent by `force_https` though somebody else listens there."""
    found = {}
    if any(not listener.secure for listener in structure.listeners):
        found["bindAddress"] = options.http_address
    if structure.tls is not None or (options.force_https and "https_address" in given):
        found["secureBindAddress"] = options.https_address
    return found


def _server(
    shape: Shape, addresses: Mapping[str, str], tls: Tls | None, options: Options, given: Mapping[str, Given]
) -> dict[str, Any]:
    said: dict[str, Any] = {name: address for name, address in addresses.items() if address}
    versions = shape.keys["tls"].shape
    if tls is not None and versions is not None:
        pair = {"cert": {"fromFile": tls.certificate.path}, "key": {"fromFile": tls.key.path}}
        said["tls"] = pair | _set_by(versions, options, given)
    return said


def _without_substitution(data: Any) -> Any:
    """The same with every text written so that nothing in it is replaced from the environment."""
    if isinstance(data, dict):
        return {key: _without_substitution(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_without_substitution(value) for value in data]
    return escaped(data) if isinstance(data, str) else data
