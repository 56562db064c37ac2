"""The webhook's endpoints: `POST /mutate`, `POST /validate`, `GET /healthz`."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.logger import Logger
from twisted.python.failure import Failure

from o2sidecar.http.exchange import PLAIN_TEXT, Exchange, HeaderFields, Served
from o2sidecar.kubernetes.inject import InjectOptions
from o2sidecar.kubernetes.objects import name
from o2sidecar.kubernetes.webhook.decisions import mutate, validate
from o2sidecar.kubernetes.webhook.review import NoReview, Review
from o2sidecar.refusals import Refusal
from o2sidecar.site import Fixed, Sidecar

BODY_LIMIT = 8 << 20
"""Bytes of a review: an object of etcd's 1.5 MiB, twice, and what JSON adds to it."""

_JSON: HeaderFields = [(b"Content-Type", b"application/json")]

Decide = Callable[[Review, InjectOptions], dict[str, Any]]


def tree_of(flags: InjectOptions) -> Sidecar:
    """What the webhook serves."""
    own: dict[bytes, Served] = {
        b"/mutate": Reviews(decide=mutate, flags=flags),
        b"/validate": Reviews(decide=validate, flags=flags),
        b"/healthz": Fixed(body=b"OK"),
    }
    return Sidecar(own=own, folders={}, guarded=Fixed(body=b"Not Found\n", status=404))


class Reviews:
    """Answers AdmissionReviews. What is none gets 400; a mistake of ours 500, by which the API server fails closed."""

    _log = Logger()

    def __init__(self, *, decide: Decide, flags: InjectOptions) -> None:
        self._decide = decide
        self._flags = flags

    def serve(self, exchange: Exchange) -> None:
        """Answer."""
        if exchange.method != b"POST":
            exchange.answer(405, [*PLAIN_TEXT, (b"Allow", b"POST")], b"Method Not Allowed\n")
            return
        if not exchange.has_body:
            self._refuse(exchange, Failure(NoReview("there is no body")))
            return
        read = exchange.read_body(BODY_LIMIT)
        read.addCallback(partial(self._answer, exchange))
        read.addErrback(partial(self._refuse, exchange))

    def _answer(self, exchange: Exchange, body: bytes) -> None:
        review = Review.parse(body)
        answer = self._decide(review, self._flags)
        response = answer["response"]
        self._log.info(
            "{decision} {operation} Pod {namespace}/{pod}: {outcome} {why}",
            decision=self._decide.__name__,
            operation=review.operation,
            namespace=review.namespace,
            pod=name(review.object),
            outcome="allowed" if response["allowed"] else "denied",
            why=response.get("status", {}).get("message", "with the sidecar put in" if "patch" in response else ""),
        )
        exchange.answer(200, _JSON, json.dumps(answer).encode())

    def _refuse(self, exchange: Exchange, failure: Failure) -> None:
        if exchange.done:
            return
        refusal = failure.value
        if isinstance(refusal, NoReview):
            exchange.answer(400, PLAIN_TEXT, f"{refusal}\n".encode())
        elif isinstance(refusal, Refusal):
            exchange.answer(refusal.status, PLAIN_TEXT, refusal.sentence.encode() + b"\n")
        else:
            self._log.failure("a review could not be answered", failure=failure)
            exchange.answer(500, PLAIN_TEXT, b"Internal Server Error\n")
