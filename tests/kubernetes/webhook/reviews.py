"""AdmissionReviews as an API server of Kubernetes 1.33 sends them, and what is done with the answers."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any

import jsonpatch

Data = Any

_TOKEN = "kube-api-access-x7k2p"


def pod(*, labels: dict[str, str] | None = None, annotations: dict[str, str] | None = None, **spec: Data) -> Data:
    """A pod that a ReplicaSet creates: without a name yet, with what the API server and others have put in."""
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {
            "generateName": "my-app-7c9f6d5b8-",
            "creationTimestamp": None,
            "labels": {"app": "my-app", "pod-template-hash": "7c9f6d5b8", **(labels or {})},
            **({"annotations": annotations} if annotations else {}),
            "ownerReferences": [
                {
                    "apiVersion": "apps/v1",
                    "kind": "ReplicaSet",
                    "name": "my-app-7c9f6d5b8",
                    "uid": "0f6a6c2e-93d5-4d3b-8f43-4f3f3c1f1f10",
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {
            "volumes": [
                {
                    "name": _TOKEN,
                    "projected": {
                        "sources": [{"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}}],
                        "defaultMode": 420,
                    },
                }
            ],
            "containers": [
                {
                    "name": "app",
                    "image": "registry.example.com/app:1.0",
                    "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
                    "env": [{"name": "PASSWORD", "value": "not-for-annotations"}],
                    "resources": {},
                    "volumeMounts": [
                        {
                            "name": _TOKEN,
                            "readOnly": True,
                            "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
                        }
                    ],
                    "terminationMessagePath": "/dev/termination-log",
                    "terminationMessagePolicy": "File",
                    "imagePullPolicy": "IfNotPresent",
                }
            ],
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "dnsPolicy": "ClusterFirst",
            "serviceAccountName": "default",
            "serviceAccount": "default",
            "securityContext": {},
            "schedulerName": "default-scheduler",
            "enableServiceLinks": True,
            **spec,
        },
        "status": {},
    }


def wanting(**spec: Data) -> Data:
    """A pod that asks for the sidecar."""
    return pod(labels={"o2sidecar/inject": "true"}, **spec)


def review(data: Data, *, former: Data = None, operation: str = "", **request: Data) -> Data:
    """The question about it."""
    return {
        "kind": "AdmissionReview",
        "apiVersion": "admission.k8s.io/v1",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "requestKind": {"group": "", "version": "v1", "kind": "Pod"},
            "requestResource": {"group": "", "version": "v1", "resource": "pods"},
            "namespace": "apps",
            "operation": operation or ("UPDATE" if former else "CREATE"),
            "userInfo": {"username": "system:serviceaccount:kube-system:replicaset-controller", "groups": []},
            "object": data,
            "oldObject": former,
            "dryRun": False,
            "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
            **request,
        },
    }


def body(asked: Data) -> bytes:
    return json.dumps(asked).encode()


def patched(data: Data, answer: Data) -> Data:
    """What the API server makes of an object by an answer."""
    patch = answer["response"].get("patch")
    if patch is None:
        return data
    return jsonpatch.apply_patch(copy.deepcopy(data), json.loads(base64.b64decode(patch)))
