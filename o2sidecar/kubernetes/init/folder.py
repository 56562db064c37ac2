"""The files of a realm's folder: what `kubectl apply -k` is given."""

from __future__ import annotations

from typing import Any

from o2sidecar.kubernetes.container import CONFIG_KEY, CONFIG_MAP, SECRET
from o2sidecar.kubernetes.init.auth_host import auth_host, way_there
from o2sidecar.kubernetes.init.configuration import Credentials, configuration_text
from o2sidecar.kubernetes.init.gateway import gateway
from o2sidecar.kubernetes.init.realm import NewGateway, Realm
from o2sidecar.kubernetes.manifest_text import manifest_text

SECRET_FILE = "secret.yaml"  # noqa: S105 - the name of a file
IGNORE_FILE = ".gitignore"
POSSIBLE_FILES = ("gateway.yaml", "auth.yaml", "auth-route.yaml")
"""Those that not every realm has."""


def files_of(realm: Realm, credentials: Credentials) -> dict[str, str]:
    """The texts of the files, by name, in the order in which people should read them."""
    config_maps = [_config_map(one, configuration_text(realm)) for one in realm.namespaces]
    secrets = [_secret(one, credentials) for one in realm.namespaces]
    files = {"config.yaml": manifest_text(config_maps), SECRET_FILE: manifest_text(secrets)}
    if isinstance(realm.gateway, NewGateway):
        files["gateway.yaml"] = manifest_text([gateway(realm, realm.gateway)])
    if realm.auth_host:
        files["auth.yaml"] = manifest_text(auth_host(realm, config_maps[0], secrets[0]))
        files["auth-route.yaml"] = manifest_text([way_there(realm)])
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": list(files),
    }
    return {"kustomization.yaml": manifest_text([kustomization]), **files, IGNORE_FILE: f"{SECRET_FILE}\n"}


def _config_map(namespace: str, configuration: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": CONFIG_MAP, "namespace": namespace},
        "data": {CONFIG_KEY: configuration},
    }


def _secret(namespace: str, credentials: Credentials) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": SECRET, "namespace": namespace},
        "type": "Opaque",
        "stringData": credentials.data(),
    }
