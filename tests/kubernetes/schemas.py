"""Judges objects by the API schemas of two Kubernetes versions; those that Kubernetes does not know are left out."""

from __future__ import annotations

from typing import Any

import kubernetes_validate
import yaml

VERSIONS = ("1.29", "1.37")
_ELSEWHERE = ("networking.istio.io/", "kustomize.config.k8s.io/")


def objects_in(text: str) -> list[Any]:
    """The objects of a stream."""
    return [one for one in yaml.safe_load_all(text) if one is not None]


def judge(text: str) -> None:
    """Raise if an object of a stream is not as a version's API server wants it."""
    for one in objects_in(text):
        if not one["apiVersion"].startswith(_ELSEWHERE):
            for version in VERSIONS:
                kubernetes_validate.validate(one, version, strict=True)
