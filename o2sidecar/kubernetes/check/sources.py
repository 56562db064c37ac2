"""Manifests from files and folders, as `kubectl apply -f` and `-k` would take them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path as File
from typing import Any

from attrs import evolve, frozen

from o2sidecar.kubernetes.check.thing import Thing, items, mapping, numbered, text
from o2sidecar.kubernetes.findings import ManifestProblem, Place
from o2sidecar.kubernetes.manifest_folder import listed
from o2sidecar.kubernetes.operations import Path
from o2sidecar.kubernetes.text import Stream

_KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_ACCEPT = re.compile(r"#\s*o2sidecar:\s*accept\s+(O2S\d+(?:[,\s]+O2S\d+)*)")
_OF_NO_NAMESPACE = frozenset(
    {
        "Namespace",
        "ClusterIssuer",
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "GatewayClass",
        "IngressClass",
        "MutatingWebhookConfiguration",
        "PersistentVolume",
        "PriorityClass",
        "StorageClass",
        "ValidatingWebhookConfiguration",
    }
)


@frozen(kw_only=True)
class Reader:
    """Reads what `-f` names.

    Attributes:
        namespace: where objects go that do not say.
        standard_input: gives what `-` stands for.
    """

    namespace: str
    standard_input: Callable[[], str]

    def things(self, names: Iterable[str]) -> list[Thing]:
        """The objects of files and folders; raises `ManifestProblem` for what cannot be read.

        Of an object that is there twice the last counts, as when one is applied after the other.
        """
        found: dict[object, Thing] = {}
        for name in names:
            for thing in self._of(name):
                key = (thing.group, thing.kind, thing.namespace, thing.name) if thing.name else thing
                found.pop(key, None)
                found[key] = thing
        return list(found.values())

    def _of(self, name: str) -> Iterator[Thing]:
        if name == "-":
            yield from self.of_text(self.standard_input(), name)
        elif File(name).is_dir():
            yield from self._of_folder(File(name))
        else:
            yield from self.of_text(_read(File(name)), name)

    def _of_folder(self, folder: File) -> Iterator[Thing]:
        """With a kustomization just what that names, else every manifest in it."""
        for name in _KUSTOMIZATIONS:
            if (folder / name).is_file():
                yield from self._kustomized(folder, folder / name)
                return
        for path in listed(folder):
            if path.is_dir():
                yield from self._of_folder(path)
            else:
                yield from self.of_text(_read(path), str(path))

    def of_text(self, content: str, name: str) -> Iterator[Thing]:
        """The objects of a stream, those of Lists one by one; what is no object is left out."""
        accepted = _accepted(content)
        for document in Stream.read(content, name).documents:
            data = mapping(document.data)
            if not isinstance(data.get("kind"), str) or "apiVersion" not in data:
                continue

            def at(path: Path, document: Any = document) -> Place:
                place: Place = document.place(path)
                return place

            ids = accepted(document.start.line)
            if data["kind"].endswith("List") and isinstance(data.get("items"), list):
                for path, item in numbered(data, "items"):
                    yield self._thing(item, _below(at, path), ids)
            else:
                yield self._thing(data, at, ids)

    def _thing(self, data: Mapping[str, Any], at: Callable[[Path], Place | None], ids: frozenset[str]) -> Thing:
        return Thing(data=data, at=at, default_namespace=self.namespace, accepted=ids)

    def _kustomized(self, folder: File, file: File) -> Iterator[Thing]:
        for document in Stream.read(_read(file), str(file)).documents:
            said = mapping(document.data)
            namespace = text(said.get("namespace"))
            for thing in self._kustomized_things(folder, file, said):
                if namespace and thing.kind not in _OF_NO_NAMESPACE:
                    yield _moved(thing, namespace)
                else:
                    yield thing

    def _kustomized_things(self, folder: File, file: File, said: Mapping[str, Any]) -> Iterator[Thing]:
        for resource in [*items(said.get("resources")), *items(said.get("bases"))]:
            if isinstance(resource, str) and "://" not in resource and not resource.startswith("github.com"):
                yield from self._of(str(folder / resource))
        for key, kind in (("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")):
            for _, generator in numbered(said, key):
                data = {
                    "apiVersion": "v1",
                    "kind": kind,
                    "metadata": {"name": generator.get("name"), "namespace": generator.get("namespace")},
                    ("stringData" if kind == "Secret" else "data"): dict(_generated(folder, generator)),
                }
                yield self._thing(data, lambda path: Place(name=str(file)), frozenset())


def _moved(thing: Thing, namespace: str) -> Thing:
    metadata = {**mapping(thing.data.get("metadata")), "namespace": namespace}
    return evolve(thing, data={**thing.data, "metadata": metadata})


def _generated(folder: File, generator: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What kustomize makes a ConfigMap or Secret of: key and text."""
    for literal in items(generator.get("literals")):
        key, _, value = str(literal).partition("=")
        yield key, value
    for entry in items(generator.get("files")):
        key, equals, name = str(entry).partition("=")
        yield (key if equals else File(key).name), _read(folder / (name if equals else key))
    for entry in [*items(generator.get("envs")), *filter(None, [generator.get("env")])]:
        for line in _read(folder / str(entry)).splitlines():
            if "=" in line and not line.startswith("#"):
                key, _, value = line.partition("=")
                yield key, value


def _below(at: Callable[[Path], Place | None], prefix: Path) -> Callable[[Path], Place | None]:
    return lambda path: at((*prefix, *path))


def _read(path: File) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not text in UTF-8"
        raise ManifestProblem.at(Place(name=str(path)), f"this cannot be read: {reason}") from None


def _accepted(content: str) -> Callable[[int], frozenset[str]]:
    """Which rules the comments of a document accept, by a line of the document."""
    starts, found = [1], [set[str]()]
    for number, line in enumerate(content.splitlines(), 1):
        if line.startswith("---"):
            starts.append(number)
            found.append(set())
        for match in _ACCEPT.finditer(line):
            found[-1] |= set(re.findall(r"O2S\d+", match[1]))

    def of_line(number: int) -> frozenset[str]:
        index = max(index for index, start in enumerate(starts) if start <= max(number, 1))
        # What stands above the first `---` is about the first document.
        before = found[0] if index == 1 else set()
        return frozenset(found[index] | before)

    return of_line
