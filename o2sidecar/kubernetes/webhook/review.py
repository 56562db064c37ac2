"""AdmissionReview v1: what the API server asks about an object, and how it is answered, as values."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from typing import Any

from attrs import frozen

from o2sidecar.kubernetes.objects import is_a, mapping
from o2sidecar.kubernetes.operations import Data, Operation, to_json_patch

_VERSION = "admission.k8s.io/v1"
_LONGEST_WARNING = 256
"""Characters of a warning; the API server cuts longer ones."""


class NoReview(ValueError):
    """A body is no AdmissionReview; the message says why."""


@frozen(kw_only=True)
class Review:
    """One question of the API server.

    Attributes:
        uid: the question's name, which the answer carries.
        operation: CREATE, UPDATE, DELETE or CONNECT.
        subresource: such as `ephemeralcontainers`; empty: the object itself.
        namespace: where the object is or will be, which it need not say itself.
        object: as it will be, as plain data; empty with DELETE.
        former: as it is; empty with CREATE.
    """

    uid: str
    operation: str
    subresource: str
    namespace: str
    object: dict[str, Data]
    former: dict[str, Data]

    @classmethod
    def parse(cls, body: bytes) -> Review:
        """From a request's body; raises `NoReview`."""
        try:
            said = json.loads(body)
        except (ValueError, RecursionError):
            raise NoReview("the body is not JSON") from None
        if not isinstance(said, dict) or said.get("kind") != "AdmissionReview" or said.get("apiVersion") != _VERSION:
            raise NoReview(f"the body is no AdmissionReview of {_VERSION}")
        request = mapping(said.get("request"))
        texts = [request.get(key) or "" for key in ("uid", "operation", "subResource", "namespace")]
        if not all(isinstance(text, str) for text in texts) or not texts[0] or not texts[1]:
            raise NoReview("the AdmissionReview has no request with a uid and an operation")
        uid, operation, subresource, namespace = texts
        return cls(
            uid=uid,
            operation=operation,
            subresource=subresource,
            namespace=namespace,
            object=mapping(request.get("object")),
            former=mapping(request.get("oldObject")),
        )

    @property
    def is_about_a_pod(self) -> bool:
        """Whether a pod itself is created or changed."""
        return self.operation in {"CREATE", "UPDATE"} and not self.subresource and is_a(self.object, "", "Pod")

    def allowed(self, operations: Sequence[Operation] = (), warnings: Iterable[str] = ()) -> dict[str, Any]:
        """The answer that lets the object in, changed by these operations."""
        patch = json.dumps(to_json_patch(operations), separators=(",", ":")).encode()
        changed = {"patchType": "JSONPatch", "patch": base64.b64encode(patch).decode("ascii")} if operations else {}
        told = [warning[:_LONGEST_WARNING] for warning in warnings]
        return self._answer({"allowed": True, **changed, **({"warnings": told} if told else {})})

    def denied(self, sentences: Iterable[str]) -> dict[str, Any]:
        """The answer that keeps the object out, with the reasons that whoever applied it reads."""
        status = {"code": 403, "reason": "Forbidden", "message": "o2sidecar: " + "; ".join(sentences)}
        return self._answer({"allowed": False, "status": status})

    def _answer(self, response: dict[str, Any]) -> dict[str, Any]:
        return {"apiVersion": _VERSION, "kind": "AdmissionReview", "response": {"uid": self.uid, **response}}
