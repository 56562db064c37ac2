"""Whether the sidecar of a pod is as it was made: what others may add to it, and what they may not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from o2sidecar.kubernetes.container import CONFIG_VOLUME, SECRET_VOLUME
from o2sidecar.kubernetes.objects import items, mapping, pod_spec
from o2sidecar.kubernetes.operations import Data

EXACTLY = ("image", "args", "command", "envFrom", "ports", "workingDir", "lifecycle")
"""What of the container has to be just as it was made. The rest others may add to: a mesh to probes and variables, a
LimitRanger to resources, the API server to the volumes."""
_SETTINGS = ("OAUTH2_PROXY_", "O2SIDECAR_")
_VOLUMES = (CONFIG_VOLUME, SECRET_VOLUME)
_HARMLESS: dict[str, Any] = {"privileged": False, "procMount": "Default"}
"""Of a security context: what the API server or a policy may write out, as it would be without."""
_STRICTER = ("appArmorProfile", "seLinuxOptions")


def changes(pod: Data, found: Data, wanted_pod: Data, wanted: Data) -> list[str]:
    """The parts of a sidecar `found` in a pod that are not as those of the wanted one, by their names."""
    parts = {
        **{key: (found.get(key), wanted.get(key)) for key in EXACTLY},
        "env": (_settings(found), _settings(wanted)),
        "securityContext": (_rights(found), _rights(wanted)),
        "volumeMounts": (_mounts(found, wanted), _mounts(wanted, wanted)),
        "volumes": (_volumes(pod), _volumes(wanted_pod)),
        "restartPolicy": (found.get("restartPolicy"), wanted.get("restartPolicy")),
    }
    return [key for key, (there, made) in parts.items() if (there or None) != (made or None)]


def _settings(container: Data) -> list[Data]:
    """The variables that the sidecar reads settings from."""
    return [one for one in items(container.get("env")) if str(one.get("name")).startswith(_SETTINGS)]


def _rights(container: Data) -> dict[str, Data]:
    context = mapping(container.get("securityContext"))
    return {
        key: value
        for key, value in context.items()
        if value is not None and key not in _STRICTER and (key not in _HARMLESS or _HARMLESS[key] != value)
    }


def _mounts(container: Data, wanted: Data) -> list[Data]:
    """Its mounts at, below or above the places of the wanted ones."""
    places = [_folder(one) for one in items(wanted.get("volumeMounts"))]
    return [one for one in items(container.get("volumeMounts")) if any(_meet(_folder(one), place) for place in places)]


def _folder(mount: Data) -> list[str]:
    return [part for part in str(mount.get("mountPath")).split("/") if part not in ("", ".")]


def _meet(one: list[str], other: list[str]) -> bool:
    shorter = min(len(one), len(other))
    return ".." in one or one[:shorter] == other[:shorter]


def _volumes(pod: Data) -> list[Data]:
    """Those of the sidecar, sorted; without the mode of the ConfigMap's files, which the API server writes out."""
    return sorted(_named(pod), key=lambda one: str(one["name"]))


def _named(pod: Data) -> Iterator[Data]:
    for one in items(pod_spec(pod).get("volumes")):
        if one.get("name") in _VOLUMES:
            source = mapping(one.get("configMap"))
            bare = {key: value for key, value in source.items() if (key, value) != ("defaultMode", 0o644)}
            yield {**one, "configMap": bare} if source else one
