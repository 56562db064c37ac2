"""Mutations of good answers: the client gets what a strict reader reads, or 502, or an end that it can see."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.catalogue.mutations import EXAMPLES, Mutation, cuts, mutated, mutations
from tests.catalogue.strict import Message, Reading, read_answers
from tests.catalogue.whole import HOST, Client, Whole, numbered, pieces
from tests.wire import Wire

GOOD = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: a=b\r\nset-cookie: c=d\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b'HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5;a="b"\r\nhello\r\n'
    b"00a\r\n0123456789\r\n0\r\nT: u\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end",
    b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
    b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: "x"\r\n\r\n',
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\nConnection: X-Hop\r\nX-Hop: y\r\n\r\n",
    b"HTTP/1.1 200\r\nContent-Length: 46\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil....",
)
METHODS = (b"GET", b"HEAD", b"POST")
ENDS: tuple[Callable[[Wire], None] | None, ...] = (None, Wire.close, Wire.reset)
"""What the app does behind its bytes: wait, close the connection, reset it."""
DROPPED = {
    b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"content-length", b"x-hop"
}  # fmt: skip


class FuzzedAnswerTests(SynchronousTestCase):
    """Whatever apps answer, a client cannot be misled about where an answer ends or whose it is."""

    @settings(max_examples=EXAMPLES, report_multiple_bugs=False)
    @given(
        st.lists(st.sampled_from(GOOD), min_size=1, max_size=2),
        mutations,
        cuts,
        st.sampled_from(METHODS),
        st.sampled_from((b"1.1", b"1.0")),
        st.sampled_from(ENDS),
    )
    def test_mutations(
        self,
        messages: list[bytes],
        changes: list[Mutation],
        places: list[int] | None,
        method: bytes,
        version: bytes,
        end: Callable[[Wire], None] | None,
    ) -> None:
        """Each ends in one answer that says what the app said, in 502, or in a visible end."""
        data = mutated(b"".join(messages), changes)
        whole = Whole(respond=None)
        client = whole.client()
        body = b"Content-Length: 0\r\n" if method == b"POST" else b""
        client.send(b"%s /public/1 HTTP/%s\r\nHost: %s\r\n%s\r\n" % (method, version, HOST, body))
        whole.pump()
        app = whole.apps[0].wire
        self.deliver(whole, app, data, places, end)
        # Only the first answer was asked for.
        said = read_answers(data, [method], ended=end is Wire.close)
        self.check(whole, client, app, method, said)
        if end is None:
            self.check_the_next(whole, client, method, said)
        self.assertEqual(self.flushLoggedErrors(), [], data)

    def deliver(
        self, whole: Whole, app: Wire, data: bytes, places: list[int] | None, end: Callable[[Wire], None] | None
    ) -> None:
        """Have the app send this, in pieces that end at these places, as far as the sidecar lets it."""
        for piece in pieces(data, places):
            app.send(piece)
            whole.pump()
        if end is not None and not app.aborted:
            end(app)
            whole.pump()

    def check(self, whole: Whole, client: Client, app: Wire, method: bytes, said: Reading) -> None:
        """What the client has now."""
        got = self.got(client, method)
        self.assertEqual(got.complaint, "")
        self.assertLessEqual(len(got.messages), 1, "one answer to one request")
        final = next((message for message in said.messages if message.status >= 200), None)
        if got.messages and got.messages[0].status != 502:
            answer = got.messages[0]
            self.assertIsNotNone(final, (answer, said))
            assert final is not None
            self.check_same(answer, final)
        elif got.messages:
            self.assertIsNone(final, said)
            self.assertTrue(app.aborted)
        elif client.ended:
            self.assertIsNone(final, said)
            self.assertTrue(app.aborted)
            self.assertIsNotNone(got.partial, "without an answer there is 502")
        else:
            self.assertIsNone(final, "an answer that is complete is passed on")
            self.assertEqual(said.complaint, "", "one that cannot be read is not waited for")

    @staticmethod
    def got(client: Client, method: bytes) -> Reading:
        """What the client got, as it reads it."""
        return read_answers(client.got, [method], ended=client.closed)

    def check_same(self, got: Message, said: Message) -> None:
        """The client was told what the app said."""
        self.assertEqual((got.start, got.body), (said.start, said.body))
        for name, value in got.fields:
            if name.lower() not in DROPPED | {b"date"}:
                self.assertIn((name, value), said.fields)

    def check_the_next(self, whole: Whole, client: Client, method: bytes, said: Reading) -> None:
        """Whoever asks next gets an answer of their own, on a connection on which nothing odd happened."""
        other = whole.client() if client.ended or not self.got(client, method).messages else client
        before = len(other.got)
        whole.respond = numbered
        whole.apps[0].answered = 1
        other.send(b"GET /public/2 HTTP/1.1\r\nHost: %s\r\n\r\n" % HOST)
        whole.pump()
        got = read_answers(other.got[before:], [b"GET"])
        self.assertEqual(([answer.body for answer in got.messages], got.rest), ([b"the app's answer 0"], b""))
        self.assertEqual(len(whole.apps) == 1, self.is_clean(said))

    @staticmethod
    def is_clean(said: Reading) -> bool:
        """Whether an app's connection may be used again: one answer, complete, framed, and nothing behind it."""
        finals = [message for message in said.messages if message.status >= 200]
        if len(finals) != 1 or said.rest:
            return False
        [final] = finals
        # Where a body was announced that there cannot be, it may still come.
        announced = {*final.values(b"content-length"), *final.values(b"transfer-encoding")}
        late = final.framing == "none" and any(value.strip(b"0") for value in announced)
        return final.persists and final.minor == 1 and not late
