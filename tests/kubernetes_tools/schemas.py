"""Judges objects by the schemas of their API: Kubernetes' own of two versions, Istio's and Gateway API's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError

from tests.kubernetes_tools.programs import TOOLS, run

VERSIONS = ("1.29.0", "1.37.0")
"""The oldest and the newest Kubernetes that the manifests are for."""

WITHOUT_SCHEMA = {
    "kustomize.config.k8s.io": "kustomize build judges it",
    "monitoring.coreos.com": "its definitions are in no package",
}
"""API groups that are not judged here, and why."""

_LOCAL, _IN_THE_PACKAGE = "#/$defs/", "/api/_definitions.json#/$defs/"


class NoSchema(Exception):
    """There is no such kind in that version of the API."""


def group(data: dict[str, Any]) -> str:
    """The API group of an object; empty for the core."""
    return str(data["apiVersion"]).rpartition("/")[0]


def complaints(data: dict[str, Any], version: str) -> Iterator[ValidationError]:
    """What is wrong with an object, the most telling first. Raises `NoSchema`."""
    schema = schema_of(data["apiVersion"], data["kind"], version)
    errors = _validator(schema.read_text("utf-8")).iter_errors(data)
    yield from sorted(errors, key=lambda error: (len(error.absolute_path), str(error.message)))


def kubeconform(text: str, version: str) -> None:
    """Have kubeconform judge a stream by the same schemas; raises `ProgramFailed`."""
    for data in yaml.safe_load_all(text):
        if data is not None and group(data) not in WITHOUT_SCHEMA:
            schema_of(data["apiVersion"], data["kind"], version)
    location = f"{_folder(version)}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    left_out = ",".join(f"monitoring.coreos.com/v1/{kind}" for kind in _MONITORING)
    options = ["-strict", f"-kubernetes-version={version}", f"-schema-location={location}", f"-skip={left_out}"]
    run("kubeconform", *options, "-", given=text)


_MONITORING = ("PodMonitor", "ServiceMonitor", "PrometheusRule")


def schema_of(api_version: str, kind: str, version: str) -> Path:
    """The file with the schema of a kind, complete in itself; it is made when it is first asked for."""
    name, _, its_version = api_version.rpartition("/")
    short = "-".join(part for part in (kind.lower(), name.split(".")[0], its_version) if part)
    path = _folder(version) / f"{short}.json"
    if not path.exists():
        found = _definitions_of_others().get((name, its_version, kind)) or _of_kubernetes(short, version)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found), "utf-8")
    return path


def _folder(version: str) -> Path:
    return TOOLS / "schemas" / version


@cache
def _validator(text: str) -> Draft7Validator:
    return Draft7Validator(json.loads(text))


def _of_kubernetes(short: str, version: str) -> dict[str, Any]:
    folder = files("kubernetes_validate") / "kubernetes-json-schema" / f"v{version}-local-strict"
    path = folder / f"{short}.json"
    if not path.is_file():
        raise NoSchema(f"Kubernetes {version} has no {short}")
    schema: dict[str, Any] = json.loads(path.read_text("utf-8").replace(_IN_THE_PACKAGE, _LOCAL))
    # A schema that refers to another file is refused by kubeconform: what is referred to comes along.
    known, needed, wanted = _definitions_of_kubernetes(version), {}, _referred(schema)
    while wanted:
        name = wanted.pop()
        needed[name] = known[name]
        wanted |= _referred(known[name]) - needed.keys()
    return {**schema, "$defs": needed}


@cache
def _definitions_of_kubernetes(version: str) -> dict[str, Any]:
    folder = files("kubernetes_validate") / "kubernetes-json-schema" / f"v{version}-local-strict"
    text = (folder / "_definitions.json").read_text("utf-8").replace(_IN_THE_PACKAGE, _LOCAL)
    definitions: dict[str, Any] = json.loads(text)["$defs"]
    return definitions


def _referred(schema: Any) -> set[str]:
    """The names of the definitions that a schema refers to."""
    if isinstance(schema, list):
        return set().union(*map(_referred, schema))
    if not isinstance(schema, dict):
        return set()
    reference = schema.get("$ref")
    own = {reference.removeprefix(_LOCAL)} if isinstance(reference, str) else set()
    return own.union(*map(_referred, schema.values()))


@cache
def _definitions_of_others() -> dict[tuple[str, str, str], dict[str, Any]]:
    """The schemas of custom resources by group, version and kind, as strict as an API server with strict validation."""
    found = {}
    for path in sorted((TOOLS / "crds").glob("*/*.yaml")):
        for data in yaml.load_all(path.read_text("utf-8"), yaml.CSafeLoader):
            if not data or data["kind"] != "CustomResourceDefinition":
                continue
            for version in data["spec"]["versions"]:
                schema = version["schema"]["openAPIV3Schema"]
                for field in ("apiVersion", "kind", "metadata"):
                    schema.setdefault("properties", {}).setdefault(field, {})
                found[data["spec"]["group"], version["name"], data["spec"]["names"]["kind"]] = _strict(schema)
    if not found:
        raise FileNotFoundError(f"{TOOLS}/crds is empty: run `make kubernetes-tools`")
    return found


def _strict(schema: Any) -> Any:
    """A structural schema that refuses what it does not name."""
    if isinstance(schema, list):
        return [_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _strict(value) for key, value in schema.items() if key not in ("default", "example")}
    # Only where the structure is: below anyOf and the like stand bare conditions.
    closed = isinstance(schema.get("properties"), dict) and schema.get("type") == "object"
    if closed and "additionalProperties" not in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        made["additionalProperties"] = False
    if made.pop("x-kubernetes-int-or-string", False):
        made.pop("type", None)
        made["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    if made.pop("nullable", False) and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    return made
