"""One object of a set of manifests: what it says, what it is called, and where it stands."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import field, frozen

from o2sidecar.kubernetes import objects
from o2sidecar.kubernetes.findings import Place
from o2sidecar.kubernetes.operations import Path


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is a mapping, else an empty one: manifests may hold anything anywhere."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def text(value: Any) -> str:
    """The value if it is a text, else an empty one."""
    return value if isinstance(value, str) else ""


def dig(data: Any, *path: str) -> Any:
    """The value below keys of mappings; `None` if there is none."""
    for key in path:
        data = mapping(data).get(key)
    return data


def numbered(data: Any, *path: str) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """The mappings of the list below keys of mappings, each with its path."""
    for index, item in enumerate(items(dig(data, *path))):
        if isinstance(item, dict):
            yield (*path, index), item


@frozen(kw_only=True, eq=False)
class Thing:
    """An object.

    Attributes:
        data: what it says.
        at: where the value at a path stands.
        default_namespace: where it goes if it does not say.
        accepted: ids of rules that its author accepts.
    """

    data: Mapping[str, Any] = field(repr=False)
    at: Callable[[Path], Place | None] = field(repr=False)
    default_namespace: str = "default"
    accepted: frozenset[str] = frozenset()

    @property
    def kind(self) -> str:
        """`Deployment`."""
        return objects.kind(self.data)

    @property
    def group(self) -> str:
        """`apps`; empty for the core's objects."""
        return objects.group(self.data)

    @property
    def name(self) -> str:
        """Its name; empty where one is generated."""
        return text(dig(self.data, "metadata", "name"))

    @property
    def namespace(self) -> str:
        """The namespace that it says, or goes to."""
        return text(dig(self.data, "metadata", "namespace")) or self.default_namespace

    @property
    def title(self) -> str:
        """`Deployment apps/my-app`."""
        return f"{self.kind or 'object'} {self.namespace}/{self.name}"

    def contents(self) -> dict[str, bytes]:
        """What a ConfigMap or Secret holds, by key."""
        found = {}
        plain = "stringData" if self.kind == "Secret" else "data"
        coded = "data" if self.kind == "Secret" else "binaryData"
        for key, value in mapping(self.data.get(coded)).items():
            try:
                found[key] = base64.b64decode(str(value or ""), validate=False)
            except (binascii.Error, ValueError):
                found[key] = b""
        for key, value in mapping(self.data.get(plain)).items():
            found[key] = str("" if value is None else value).encode("utf-8", "surrogatepass")
        return found

    def path_of_key(self, key: str) -> Path:
        """Where a ConfigMap or Secret says what a key holds."""
        for part in ("stringData", "data", "binaryData"):
            if key in mapping(self.data.get(part)):
                return (part, key)
        return ("data",)
