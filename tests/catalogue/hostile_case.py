"""Sends the catalogue's cases to the whole sidecar in every way in which they can arrive."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.settings.load import Loaded
from tests.catalogue.strict import Message, read_answers
from tests.catalogue.whole import HOST, SETTINGS, Client, Whole, numbered, pieces

BEFORE = b"GET /public/before HTTP/1.1\r\nHost: " + HOST + b"\r\n\r\n"
BEHIND = BEFORE.replace(b"before", b"behind")


def get(*fields: bytes, target: bytes = b"/public/x", line: bytes = b"") -> bytes:
    """A request without a body, with these fields behind Host."""
    return b"\r\n".join([line or b"GET %s HTTP/1.1" % target, b"Host: " + HOST, *fields, b"", b""])


def post(*fields: bytes, body: bytes = b"", line: bytes = b"POST /public/x HTTP/1.1") -> bytes:
    """A request with these fields behind Host, and this body."""
    return get(*fields, line=line) + body


class HostileCase(SynchronousTestCase):
    """What becomes of requests at once, byte by byte, and pipelined between good ones."""

    def refused(self, data: bytes, *statuses: int, loaded: Loaded = SETTINGS) -> None:
        """It is refused with one of these statuses, and nothing of it or behind it is served."""
        for cuts in ((), None):
            for before in (b"", BEFORE):
                whole = Whole(loaded)
                client = whole.client()
                client.send(before + data + BEHIND, cuts)
                whole.pump()
                served = [b"/public/before"] if before else []
                self.refused_here(whole, client, data, statuses, served)
        self.assertEqual(self.flushLoggedErrors(), [], data)

    def refused_here(
        self, whole: Whole, client: Client, data: bytes, statuses: tuple[int, ...], served: list[bytes]
    ) -> None:
        """One of those ways, with what is served in front of it."""
        answers = read_answers(client.got, [b"GET"], ended=client.closed)
        self.assertEqual((answers.rest, answers.complaint), (b"", ""), data)
        self.assertEqual([answer.status for answer in answers.messages[:-1]], [200] * len(served), data)
        self.assertIn(answers.messages[-1].status, statuses, (data, answers.messages[-1].body))
        self.assertTrue(client.ended, data)
        self.assertFalse(answers.messages[-1].persists, data)
        self.assertEqual([request.target for request in whole.seen], served, data)
        for app in whole.apps:
            self.assertEqual([request.target for request in app.reading.messages], served, data)
            self.assertTrue(app.wire.lost or not app.reading.rest, "what never becomes complete breaks off")

    def served(self, data: bytes, loaded: Loaded = SETTINGS) -> Message:
        """It is served, and so is what is behind it; gives the request that the app got."""
        seen = []
        for cuts in ((), None):
            for before in (b"", BEFORE):
                whole = Whole(loaded)
                client = whole.client()
                client.send(before + data + BEHIND, cuts)
                whole.pump()
                answers = read_answers(client.got, [b"GET"]).messages
                self.assertEqual([answer.status for answer in answers], [200] * (3 if before else 2), data)
                self.assertEqual(whole.seen[-1].target, b"/public/behind", data)
                seen.append(whole.seen[-2])
        self.assertEqual([(each.fields, each.body) for each in seen], [(seen[0].fields, seen[0].body)] * 4)
        self.assertEqual(self.flushLoggedErrors(), [], data)
        return seen[0]

    def denied(self, data: bytes, *statuses: int, loaded: Loaded = SETTINGS) -> None:
        """It is answered, with one of these statuses if some are given, and of the app nothing is even asked."""
        for cuts in ((), None):
            whole = Whole(loaded)
            answers = read_answers(whole.ask(data, cuts), [data.partition(b" ")[0]])
            self.assertIn(answers.messages[0].status, statuses or (302, 400, 401, 403), data)
            self.assertEqual(whole.apps, [], data)
        self.assertEqual(self.flushLoggedErrors(), [], data)

    def answered(
        self, data: bytes, *, request: bytes = BEFORE, cuts: tuple[int, ...] | None = ()
    ) -> tuple[Whole, Client]:
        """The app answers a request with this, in pieces that end there, whatever it is."""
        whole = Whole(respond=None)
        client = whole.client()
        client.send(request)
        whole.pump()
        whole.apps[0].answered = 1
        for piece in pieces(data, cuts):
            whole.apps[0].wire.send(piece)
            whole.pump()
        return whole, client

    def next_answer(self, whole: Whole) -> bytes:
        """What somebody gets who asks next, on a connection of their own."""
        whole.respond = numbered
        return whole.ask(BEHIND)
