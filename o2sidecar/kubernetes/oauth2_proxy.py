"""What an oauth2-proxy container of a stream is told: its arguments, variables and files, as far as they are there."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import define, field

from o2sidecar.kubernetes import objects
from o2sidecar.settings.flags import read_command_line
from o2sidecar.settings.given import Given
from o2sidecar.settings.problems import UsageRefused
from o2sidecar.settings.toml_file import read_toml
from o2sidecar.settings.variables import read_environment

Data = Any

_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_.][-A-Za-z0-9_.]*)\)")
_STAND_IN = "0" * 32
"""In the place of a value that is elsewhere: fit to be a cookie secret, too."""


def is_oauth2_proxy(container: Data) -> bool:
    """Whether a container runs oauth2-proxy, by its image, or by its name with an image that is not ours."""
    container = objects.mapping(container)
    image = str(container.get("image") or "").partition("@")[0]
    repository = image.rpartition("/")[2].partition(":")[0]
    return repository == "oauth2-proxy" or (container.get("name") == "oauth2-proxy" and repository != "o2sidecar")


@define(kw_only=True)
class Configured:
    """What a container is told.

    Attributes:
        arguments: its flags, references replaced as kubelet does.
        environment: its variables.
        files: what is mounted, by path.
        stand_ins: names of variables and paths of files whose values are elsewhere, and where.
        unread: what may hold further settings and is not in the stream, as it is called.
    """

    arguments: list[str] = field(factory=list)
    environment: dict[str, str] = field(factory=dict, repr=False)
    files: dict[str, bytes] = field(factory=dict, repr=False)
    stand_ins: dict[str, str] = field(factory=dict)
    unread: list[str] = field(factory=list)
    _elsewhere: dict[str, str] = field(factory=dict, init=False)

    @classmethod
    def of(cls, container: Data, pod: Data, namespace: str, stream: Iterable[Data]) -> Configured:
        """Of a container of a pod (its template), with the ConfigMaps and Secrets of the stream."""
        configured = cls()
        there = {
            (objects.kind(one), objects.namespace(one), objects.name(one)): one
            for one in stream
            if objects.kind(one) in {"ConfigMap", "Secret"}
        }
        lookup = _Lookup(there=there, namespace=namespace)
        configured._read_environment(container, lookup)
        configured._read_files(container, pod, lookup)
        flags = [*_texts(container.get("command"))[1:], *_texts(container.get("args"))]
        configured.arguments = [_expanded(flag, configured.environment) for flag in flags]
        return configured

    def read_file(self, path: str) -> bytes:
        """A mounted file; one that is elsewhere has a stand-in. Raises `FileNotFoundError`."""
        if path in self.files:
            return self.files[path]
        for folder, title in self._elsewhere.items():
            if path == folder or path.startswith(f"{folder.rstrip('/')}/"):
                self.stand_ins[path] = title
                return _STAND_IN.encode()
        raise FileNotFoundError(2, "there is no such file in the container", path)

    def given(self) -> dict[str, Given]:
        """The options that are said anywhere, by key; what cannot be read is passed over."""
        known = [flag for flag in self.arguments if not self._unknown(flag)]
        try:
            command = read_command_line(known)
        except UsageRefused:
            return read_environment(self.environment)
        in_file: dict[str, Given] = {}
        if path := command.text("--config"):
            in_file, _ = read_toml(path, self.read_file)
            if path in self.stand_ins:
                self.unread.append(f"{self.stand_ins[path]}, which has {path},")
        return in_file | read_environment(self.environment) | command.options()

    def command_text(self, flag: str) -> str:
        """The last text of a flag that is no option, such as `--config`; empty without one."""
        try:
            return read_command_line([one for one in self.arguments if not self._unknown(one)]).text(flag)
        except UsageRefused:
            return ""

    def unknown_flags(self) -> Iterator[str]:
        """The sentence about each flag that there is not."""
        for flag in self.arguments:
            if sentence := self._unknown(flag):
                yield sentence

    def _unknown(self, flag: str) -> str:
        if not flag.startswith("--"):
            return ""
        try:
            read_command_line([flag])
        except UsageRefused as refused:
            return str(refused) if str(refused).startswith("unknown flag") else ""
        return ""

    def _read_environment(self, container: Data, lookup: _Lookup) -> None:
        for source in objects.items(container.get("envFrom")):
            for kind, key in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
                if not (reference := objects.mapping(source.get(key))):
                    continue
                name, prefix = str(reference.get("name")), str(source.get("prefix") or "")
                values = lookup.values(kind, name)
                if values is None:
                    self.unread.append(lookup.title(kind, name))
                for variable, value in (values or {}).items():
                    self.environment[prefix + variable] = value.decode("utf-8", "replace")
        for variable in objects.items(container.get("env")):
            name = str(variable.get("name"))
            if isinstance(variable.get("value"), str):
                self.environment[name] = _expanded(variable["value"], self.environment)
                continue
            source = objects.mapping(variable.get("valueFrom"))
            for kind, key in (("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")):
                if reference := objects.mapping(source.get(key)):
                    self._refer(name, kind, reference, lookup)

    def _refer(self, variable: str, kind: str, reference: Data, lookup: _Lookup) -> None:
        values = lookup.values(kind, str(reference.get("name")))
        value = (values or {}).get(str(reference.get("key")))
        if value is None:
            self.stand_ins[variable] = lookup.title(kind, str(reference.get("name")))
        self.environment[variable] = _STAND_IN if value is None else value.decode("utf-8", "replace")

    def _read_files(self, container: Data, pod: Data, lookup: _Lookup) -> None:
        volumes = {str(one.get("name")): one for one in objects.items(objects.pod_spec(pod).get("volumes"))}
        for mount in objects.items(container.get("volumeMounts")):
            place, inner = str(mount.get("mountPath")), str(mount.get("subPath") or "")
            for kind, name, paths in _sources(volumes.get(str(mount.get("name")), {})):
                values = lookup.values(kind, name) if kind else None
                if values is None:
                    self._elsewhere[place] = lookup.title(kind, name) if kind else f"the volume {mount.get('name')}"
                    continue
                for key, value in values.items():
                    path = paths.get(key, "" if paths else key)
                    if path and (not inner or path == inner):
                        self.files[place if inner else f"{place.rstrip('/')}/{path}"] = value


@define(kw_only=True)
class _Lookup:
    """The ConfigMaps and Secrets of a namespace in a stream."""

    there: Mapping[tuple[str, str, str], Data]
    namespace: str

    def title(self, kind: str, name: str) -> str:
        return f"{kind} {self.namespace + '/' if self.namespace else ''}{name}"

    def values(self, kind: str, name: str) -> dict[str, bytes] | None:
        """What one holds, by key; `None` if it is not there. What is no base64 counts as empty."""
        found = self.there.get((kind, self.namespace, name)) or self.there.get((kind, "", name))
        if found is None:
            return None
        plain, encoded = ("stringData", "data") if kind == "Secret" else ("data", "binaryData")
        values = {key: _decoded(text) for key, text in objects.texts(found.get(encoded)).items()}
        return values | {key: text.encode() for key, text in objects.texts(found.get(plain)).items()}


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return b""


def _sources(volume: Data) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Kind and name of each object that a volume shows, and its paths by key; no kind: it shows something else."""
    projected = objects.items(objects.mapping(volume.get("projected")).get("sources"))
    found = False
    for source in projected or [volume]:
        for kind, field_name, name_field in (("ConfigMap", "configMap", "name"), ("Secret", "secret", "secretName")):
            if part := objects.mapping(source.get(field_name)):
                found = True
                paths = {str(one.get("key")): str(one.get("path")) for one in objects.items(part.get("items"))}
                yield kind, str(part.get(name_field) or part.get("name")), paths
    if not found:
        yield "", "", {}


def source_of_file(container: Data, pod: Data, path: str) -> tuple[str, str, str]:
    """Kind and name of the object that shows a file in a container, and the key there; empty texts if it is unclear."""
    volumes = {one.get("name"): one for one in objects.items(objects.pod_spec(pod).get("volumes"))}
    mounts = [(str(one.get("mountPath")).rstrip("/"), one) for one in objects.items(container.get("volumeMounts"))]
    for place, mount in sorted(mounts, key=lambda one: -len(one[0])):
        if path != place and not path.startswith(f"{place}/"):
            continue
        within = "/".join(filter(None, [str(mount.get("subPath") or ""), path[len(place) + 1 :]]))
        found = [
            (kind, name, key)
            for kind, name, paths in _sources(volumes.get(mount.get("name"), {}))
            for key, shown in (paths or {within: within}).items()
            if kind and shown == within
        ]
        return found[0] if len(found) == 1 else ("", "", "")
    return ("", "", "")


def _texts(value: Data) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _expanded(text: str, variables: Mapping[str, str]) -> str:
    """As kubelet has it: `$(NAME)` of a known variable is its value, `$$` is `$`."""
    return _REFERENCE.sub(lambda match: variables.get(match[1], match[0]) if match[1] else "$", text)
