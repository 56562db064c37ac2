"""The sidecar as a part of a pod: its container and volumes as plain data; charts and webhook give the very same."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Literal

from attrs import Attribute, Factory, field, frozen

from o2sidecar import __version__
from o2sidecar.policy.paths import PublicPaths

NAME = "o2sidecar"
"""The container, and the port that people come in by."""

PORT = 4180
METRICS_PORT = 44180
METRICS_PORT_NAME = "o2s-metrics"
CONFIG_VOLUME = "o2sidecar-config"
SECRET_VOLUME = "o2sidecar-secret"  # noqa: S105 - a volume's name
CONFIG_MAP = "oauth2-proxy-sidecar-config"
SECRET = "oauth2-proxy-secret"  # noqa: S105 - an object's name
CONFIG_KEY = "oauth2_proxy.cfg"
IMAGE = f"o2sidecar/o2sidecar:{__version__}"

_LABEL = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"\.?{_LABEL}(?:\.{_LABEL})*(?::[0-9]{{1,5}})?")
_UNSAYABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
OBJECT_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?")
_PORT_NAME = re.compile(r"(?=.{1,15}\Z)(?=.*[a-z])(?!.*--)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?")
_DEFAULT_RESOURCES: Mapping[str, Mapping[str, str]] = {
    "requests": {"cpu": "20m", "memory": "64Mi"},
    "limits": {"cpu": "1", "memory": "192Mi"},
}


def _whole(pattern: re.Pattern[str], what: str) -> Any:
    def check(_: Any, attribute: Attribute[Any], value: Any) -> None:
        for one in (value,) if isinstance(value, str) else value:
            if not isinstance(one, str) or pattern.fullmatch(one) is None:
                raise ValueError(f"{one!r} is no {what}")

    return check


def _is_port(_: Any, attribute: Attribute[Any], value: int) -> None:
    if not 0 < value < 65536:
        raise ValueError(f"{value} is no port; it has to be between 1 and 65535")
    if value in (PORT, METRICS_PORT):
        raise ValueError(f"port {value} is the sidecar's own; have the app listen on another one")


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value))


def _filled(_: Any, attribute: Attribute[Any], value: tuple[str, ...]) -> None:
    for one in value:
        if not one.strip() or _UNSAYABLE.search(one):
            raise ValueError(f"{one!r} is empty, or has line breaks or other control characters")


def _paths(spec: Any, attribute: Attribute[Any], value: tuple[str, ...]) -> None:
    _filled(spec, attribute, value)
    PublicPaths.parse(value)


@frozen(kw_only=True)
class SidecarSpec:
    """Everything that makes one sidecar differ from another. Raises `ValueError` with a sentence.

    Attributes:
        app_port: where the app listens, on loopback as seen from the sidecar.
        image: the sidecar's.
        mode: `container` beside the app's, or `native`: an init container that goes on running.
        port_name: the name of port 4180, which Services lead to.
        config_map, secret: the objects' names; keys are those of `init`.
        hosts: that are served; all others are answered 421. Empty: any.
        groups: whose members may pass.
        public_paths: `PATTERN` or `METHOD=PATTERN`, open to everybody.
        options: further arguments, as `--name=value`.
        relays: what `--probe-relay` takes, one for every probe of the app that comes by the metrics port.
        resources: the container's.
    """

    app_port: int = field(validator=_is_port)
    image: str = field(default=IMAGE, validator=_whole(re.compile(r"[^\s$]+"), "image"))
    mode: Literal["container", "native"] = "container"
    port_name: str = field(default=NAME, validator=_whole(_PORT_NAME, "name of a port"))
    config_map: str = field(default=CONFIG_MAP, validator=_whole(OBJECT_NAME, "name of a ConfigMap"))
    secret: str = field(default=SECRET, validator=_whole(OBJECT_NAME, "name of a Secret"))
    hosts: tuple[str, ...] = field(default=(), converter=_texts, validator=_whole(_HOST, "host name"))
    groups: tuple[str, ...] = field(default=(), converter=_texts, validator=_filled)
    public_paths: tuple[str, ...] = field(default=(), converter=_texts, validator=_paths)
    options: tuple[str, ...] = field(default=(), converter=_texts)
    relays: tuple[str, ...] = field(default=(), converter=_texts)
    resources: Mapping[str, Mapping[str, str]] = Factory(lambda: _DEFAULT_RESOURCES)

    @property
    def container(self) -> dict[str, Any]:
        """The container, in the order in which people write one."""
        return {
            "name": NAME,
            "image": self.image,
            "imagePullPolicy": "IfNotPresent",
            **({"restartPolicy": "Always"} if self.mode == "native" else {}),
            "args": self.arguments,
            "env": [
                {
                    "name": "OAUTH2_PROXY_CLIENT_ID",
                    "valueFrom": {"secretKeyRef": {"name": self.secret, "key": "client-id"}},
                }
            ],
            "ports": [
                {"name": self.port_name, "containerPort": PORT, "protocol": "TCP"},
                {"name": METRICS_PORT_NAME, "containerPort": METRICS_PORT, "protocol": "TCP"},
            ],
            "startupProbe": _probe("/ping", periodSeconds=1, failureThreshold=60),
            "readinessProbe": _probe("/ready", periodSeconds=5, timeoutSeconds=3, failureThreshold=2),
            "livenessProbe": _probe("/ping", periodSeconds=10, timeoutSeconds=5, failureThreshold=3),
            "resources": {kind: dict(amounts) for kind, amounts in self.resources.items()},
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 2000,
                "runAsGroup": 2000,
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "volumeMounts": [
                {"name": CONFIG_VOLUME, "mountPath": "/etc/oauth2-proxy", "readOnly": True},
                {"name": SECRET_VOLUME, "mountPath": "/etc/o2sidecar/secret", "readOnly": True},
            ],
        }

    @property
    def volumes(self) -> list[dict[str, Any]]:
        """The pod's volumes that the container mounts, and nobody else."""
        return [
            {"name": CONFIG_VOLUME, "configMap": {"name": self.config_map}},
            {"name": SECRET_VOLUME, "secret": {"secretName": self.secret, "defaultMode": 0o444}},
        ]

    @property
    def arguments(self) -> list[str]:
        """The container's `args`; what people gave is written so that neither kubelet nor CSV reads it otherwise."""
        given = [
            f"--config=/etc/oauth2-proxy/{CONFIG_KEY}",
            f"--http-address=0.0.0.0:{PORT}",
            f"--metrics-address=0.0.0.0:{METRICS_PORT}",
            f"--upstream=http://127.0.0.1:{self.app_port}",
            "--client-secret-file=/etc/o2sidecar/secret/client-secret",
            "--cookie-secret-file=/etc/o2sidecar/secret/cookie-secret",
            *(f"--allowed-host={list_item(host)}" for host in self.hosts),
            *(f"--allowed-group={list_item(group)}" for group in self.groups),
            *(f"--skip-auth-route={list_item(path)}" for path in self.public_paths),
            "--drain-delay=5s",
            *self.options,
            *(f"--probe-relay={list_item(relay)}" for relay in self.relays),
        ]
        return [_unexpanded(argument) for argument in given]

    def config_hash(self, config_map: Any = None, secret: Any = None) -> str:
        """A digest of the sidecar and of what it reads once: other pods are wanted when it changes.

        Of the ConfigMap all its contents count. Of the Secret the client ID alone does, which is a variable: its
        other values are files that are read again when they change, so that keys rotate without a restart.
        """
        contents = (
            [{key: config_map[key] for key in ("data", "binaryData") if config_map.get(key)}] if config_map else []
        )
        if client_id := _client_id(secret or {}):
            contents.append({"client-id": client_id})
        text = json.dumps([self.container, self.volumes, contents], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def _client_id(secret: Mapping[str, Any]) -> str:
    """The same whichever half of the Secret has it."""
    halves = [secret.get(half) for half in ("stringData", "data")]
    plain, encoded = (half.get("client-id") if isinstance(half, dict) else None for half in halves)
    if plain or not encoded:
        return str(plain or "")
    with contextlib.suppress(ValueError):
        return base64.b64decode(str(encoded), validate=True).decode()
    return str(encoded)


def _probe(path: str, **numbers: int) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": METRICS_PORT_NAME}, **numbers}


def list_item(text: str) -> str:
    """One item of a list flag, which is read as comma-separated values (RFC 4180)."""
    return '"' + text.replace('"', '""') + '"' if set(text) & {",", '"'} else text


def _unexpanded(argument: str) -> str:
    """Written so that kubelet, which replaces `$(NAME)` and reads `$$` as `$`, passes on just this text."""
    return re.sub(r"\$(?=[$(])", "$$", argument)
