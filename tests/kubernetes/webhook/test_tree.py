"""Tests of the webhook's endpoints, in memory, and of how the command is called."""

from __future__ import annotations

import json

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.http.listener.server import HttpServer
from o2sidecar.kubernetes.inject import InjectOptions
from o2sidecar.kubernetes.webhook import command
from o2sidecar.kubernetes.webhook.review import Review
from o2sidecar.kubernetes.webhook.tree import BODY_LIMIT, Reviews, tree_of
from tests.kubernetes.running import Run
from tests.kubernetes.webhook.reviews import body, patched, review, wanting
from tests.wire import Wire


def head(line: bytes, length: int | None = None) -> bytes:
    fields = [line + b" HTTP/1.1", b"Host: o2sidecar-webhook.o2sidecar.svc", b"Content-Type: application/json"]
    return b"\r\n".join([*fields, *([b"Content-Length: %d" % length] if length is not None else []), b"", b""])


class TreeTests(SynchronousTestCase):
    """What the API server asks is answered, and nothing else is."""

    def ask(self, data: bytes) -> tuple[int, bytes]:
        """Status and body of the answer."""
        client = Wire(HttpServer(tree_of(InjectOptions()), clock=Clock()).buildProtocol(None))
        client.send(data)
        answer, _, content = client.take().partition(b"\r\n\r\n")
        self.assertNotIn(b"Traceback", content)
        return int(answer.split(b" ", 2)[1]), content

    def test_reviews(self) -> None:
        """Both questions have their own path."""
        asked = body(review(wanting()))
        status, content = self.ask(head(b"POST /mutate?timeout=5s", len(asked)) + asked)
        self.assertEqual(status, 200)
        changed = patched(wanting(), json.loads(content))
        for data, allowed in ((wanting(), False), (changed, True)):
            asked = body(review(data))
            status, content = self.ask(head(b"POST /validate?timeout=5s", len(asked)) + asked)
            self.assertEqual((status, json.loads(content)["response"]["allowed"]), (200, allowed))

    def test_no_review(self) -> None:
        """What is no review is not answered as one."""
        for data in (b"", b"{}", b"not JSON", b"\0" * 100):
            self.assertEqual(self.ask(head(b"POST /mutate", len(data)) + data)[0], 400)

    def test_too_large(self) -> None:
        """A body beyond every object is not read."""
        self.assertEqual(self.ask(head(b"POST /mutate", BODY_LIMIT + 1))[0], 413)

    def test_broken_off(self) -> None:
        """A client that leaves within its body gets nothing, and does no harm."""
        client = Wire(HttpServer(tree_of(InjectOptions()), clock=Clock()).buildProtocol(None))
        client.send(head(b"POST /mutate", 1000) + b"{")
        client.vanish()
        self.assertNotIn(b" 200 ", client.take())

    def test_health(self) -> None:
        """A probe is told that the webhook is there."""
        self.assertEqual(self.ask(head(b"GET /healthz")), (200, b"OK"))

    def test_nothing_else(self) -> None:
        """Other paths and methods are nobody's."""
        self.assertEqual(self.ask(head(b"GET /"))[0], 404)
        self.assertEqual(self.ask(head(b"POST /mutate/", 0))[0], 404)
        self.assertEqual(self.ask(head(b"GET /mutate"))[0], 405)

    def test_a_mistake_of_ours(self) -> None:
        """It is answered with 500 and no more, so that the API server refuses the pod; the log has the traceback."""

        def broken(review: Review, flags: InjectOptions) -> dict[str, object]:
            raise ZeroDivisionError("geheim")

        reviews = Reviews(decide=broken, flags=InjectOptions())
        client = Wire(HttpServer(reviews, clock=Clock()).buildProtocol(None))
        asked = body(review(wanting()))
        client.send(head(b"POST /mutate", len(asked)) + asked)
        answer = client.take()
        self.assertIn(b" 500 ", answer)
        self.assertNotIn(b"geheim", answer)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class CommandTests(SynchronousTestCase):
    """Misuse is told before anything is served."""

    def run_it(self, *arguments: str) -> int:
        return Run.of(command.main, *arguments).status

    def test_misused(self) -> None:
        """Without a certificate there is nothing to serve with; the API server speaks TLS only."""
        self.assertEqual(self.run_it(), 2)
        self.assertEqual(self.run_it("--tls-cert-file", "a"), 2)

    def test_help(self) -> None:
        """It says how it is used."""
        self.assertEqual(self.run_it("--help"), 0)

    def test_unusable(self) -> None:
        """What cannot be used ends it with the reason."""
        missing = self.mktemp()
        run = Run.of(command.main, "--tls-cert-file", missing, "--tls-key-file", missing)
        self.assertEqual(run.err, f"o2sidecar webhook: {missing} cannot be read: No such file or directory\n")
        self.assertEqual(run.status, 2)
        self.assertEqual(self.run_it("--tls-cert-file", "a", "--tls-key-file", "b", "--image", "two words"), 2)
