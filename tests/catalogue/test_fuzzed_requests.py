"""Mutations of good requests: each is served as a strict reader reads it, or refused; and nothing else happens."""

from __future__ import annotations

from posixpath import normpath
from urllib.parse import unquote_to_bytes

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.identity import RESERVED, folded
from tests.catalogue.mutations import EXAMPLES, Mutation, cuts, mutated, mutations
from tests.catalogue.strict import Message, Reading, read_answers, read_requests
from tests.catalogue.whole import ALICE, BOB, HOST, Client, Whole, pair, told

H = b"Host: " + HOST + b"\r\n"
PEOPLE = {pair(session): told(session) for session in (ALICE, BOB)}
"""What the app is told, by the cookie that it is told for."""
A, B = (b"Cookie: a=b; " + cookie + b"; c=d\r\n" for cookie in PEOPLE)
GOOD = (
    b"GET /public/1?a=b HTTP/1.1\r\n" + H + b"\r\n",
    b"GET /admin HTTP/1.1\r\n" + H + A + b"Accept: text/html\r\nUser-Agent: x\r\n\r\n",
    b"GET /admin HTTP/1.1\r\n" + H + B + b"\r\n",
    b"GET /admin HTTP/1.1\r\n" + H + b"Accept: */*\r\n\r\n",
    b"HEAD /public/2 HTTP/1.1\r\n" + H + b"\r\n",
    b"OPTIONS /public/3 HTTP/1.1\r\n" + H + b"Origin: https://evil.example\r\n\r\n",
    b"GET http://app.example.com/public/4 HTTP/1.1\r\n" + H + b"\r\n",
    b"GET /public/5 HTTP/1.0\r\n" + H + b"\r\n",
    b"GET /public/6 HTTP/1.0\r\n" + H + b"Connection: keep-alive\r\n\r\n",
    b"GET /public/7 HTTP/1.1\r\nConnection: close\r\n" + H + b"\r\n",
    b"POST /public/8 HTTP/1.1\r\n" + H + b"Content-Length: 5\r\n\r\nhello",
    b"POST /public/9 HTTP/1.1\r\n" + H + b"Content-Length: 0\r\n\r\n",
    b"POST /x HTTP/1.1\r\n" + H + A + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"POST /public/10 HTTP/1.1\r\n" + H + b"Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n"
    b'00a;q="x y"\r\n0123456789\r\n0\r\nT: u\r\n\r\n',
    b"PUT /public/11 HTTP/1.1\r\n" + H + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /admin HTTP/1.1\r\n" + H + b"Content-Length: 29\r\n\r\nGET /public/smuggled HTTP/1.1",
    b"POST /admin HTTP/1.1\r\n" + H + b"Accept: text/html\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 5\r\n\r\nrd=/x",
    b"GET /public/ws HTTP/1.1\r\n" + H + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"GET /public/13 HTTP/1.1\r\n" + H + b"X-Forwarded-User: evil\r\nX_Forwarded_Email: evil\r\nCookie: x=y\r\n\r\n",
    b"GET /oauth2/sign_in?rd=/x HTTP/1.1\r\n" + H + A + b"Accept: text/html\r\n\r\n",
    b"POST /oauth2/sign_out HTTP/1.1\r\n" + H + b"Content-Type: application/x-www-form-urlencoded\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n5\r\nrd=/x\r\n0\r\n\r\n",
    b"POST /oauth2/sign_in HTTP/1.1\r\n"
    + H
    + b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 61\r\n\r\n"
    b'--x\r\nContent-Disposition: form-data; name="rd"\r\n\r\n/x\r\n--x--\r\n',
    b"GET /oauth2/callback?code=1&state=2 HTTP/1.1\r\n" + H + b"Cookie: _oauth2_proxy_csrf=x\r\n\r\n",
    b"GET /oauth2/userinfo HTTP/1.1\r\n" + H + A + b"Authorization: Bearer x\r\n\r\n",
    b"GET /oauth2/auth HTTP/1.1\r\n" + H + A + b"\r\n",
    b"GET /ping HTTP/1.1\r\n" + H + b"\r\n",
)
PLAIN_METHODS = {b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH"}
REFUSED = {400, 408, 413, 414, 417, 431, 501, 505}
WRITTEN = {
    b"host", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"content-length", b"transfer-encoding",
    b"connection", b"upgrade", b"expect", b"cookie",
}  # fmt: skip
"""What is written anew."""


def may_be_refused(request: Message) -> bool:
    """Whether a request that is well formed may still not be served."""
    method, target = request.start
    nominated = b",".join(request.values(b"connection")).lower()
    return (
        method not in PLAIN_METHODS
        or target[:1] != b"/"
        or target.startswith(b"/oauth2/")
        or any(value.lower() != b"100-continue" for value in request.values(b"expect"))
        or b"content-length" in nominated
        or b"transfer-encoding" in nominated
        or b"websocket" in b",".join(request.values(b"upgrade")).lower()
    )


class FuzzedRequestTests(SynchronousTestCase):
    """Whatever clients send, the app gets what was judged, and every client an answer or the end."""

    @settings(max_examples=EXAMPLES, report_multiple_bugs=False)
    @given(st.lists(st.sampled_from(GOOD), min_size=1, max_size=3), mutations, cuts, st.booleans())
    def test_mutations(
        self, messages: list[bytes], changes: list[Mutation], places: list[int] | None, early: bool
    ) -> None:
        """Each ends in requests at the app that were sent so, or in a refusal and the connection's end."""
        self.check(mutated(b"".join(messages), changes), places, early)

    def check(self, data: bytes, places: list[int] | None, early: bool) -> None:
        """What becomes of these bytes, in pieces that end at these places."""
        whole = Whole(early=early)
        client = whole.client()
        client.send(data, places)
        whole.pump()
        sent = read_requests(data)
        answers = self.answers(client, sent)
        self.check_the_end(whole, client, sent, answers)
        self.check_the_app(whole, sent, answers)
        self.check_patience(whole, client)
        self.assertEqual(self.flushLoggedErrors(), [], data)

    def answers(self, client: Client, sent: Reading) -> list[Message]:
        """The final answers that the client got, all of them well formed and in order."""
        methods = [request.method for request in sent.messages]
        if sent.partial is not None:
            methods.append(sent.partial.method)
        # Of what could not be read it is not known whether it was HEAD.
        readings = [read_answers(client.got, [*methods, last], ended=client.closed) for last in (b"GET", b"HEAD")]
        got = min(readings, key=lambda reading: len(reading.rest))
        self.assertEqual(got.complaint, "")
        if got.rest:
            self.assertTrue(client.ended, "an answer that is not complete ends with its connection")
            self.assertTrue(got.messages == [] or got.messages[-1].persists)
        return [answer for answer in got.messages if answer.status >= 200]

    def check_the_end(self, whole: Whole, client: Client, sent: Reading, answers: list[Message]) -> None:
        """Nothing that is complete waits for an answer; what is no request ends the connection."""
        self.assertLessEqual(len(answers), len(sent.messages) + 1)
        if client.ended:
            self.assertTrue(client.wire.aborted or not answers or not answers[-1].persists, "close is announced")
        else:
            self.assertEqual((len(answers), client.unread), (len(sent.messages), b""), "everything is answered")
            self.assertEqual(sent.complaint, "", "what is no request is refused")
        for request, answer in zip(sent.messages, answers, strict=False):
            if answer.status in REFUSED:
                self.assertTrue(may_be_refused(request), (request, answer))
        for answer in answers[len(sent.messages) :]:
            self.assertGreaterEqual(answer.status, 200)
            self.assertTrue(client.ended)

    def check_the_app(self, whole: Whole, sent: Reading, answers: list[Message]) -> None:
        """The app got what was sent and nothing else, each request once, and the truth about who sent it."""
        heads = [*sent.messages, *([sent.partial] if sent.partial else [])]
        numbers = [int(answer.values(b"x-seen")[0]) if answer.values(b"x-seen") else None for answer in answers]
        by_number = {number: heads[index] for index, number in enumerate(numbers) if number is not None}
        self.assertEqual(sorted(by_number), list(range(len(by_number))), "in order")
        self.assertLessEqual(len(whole.seen) - len(by_number), 1)
        for number, request in enumerate(whole.seen):
            self.check_request(request, by_number.get(number) or heads[len(answers)], whole.early)
        for app in whole.apps:
            reading = app.reading
            self.assertEqual(reading.complaint, "", app.data)

    def check_request(self, got: Message, sent: Message, early: bool) -> None:
        """One request at the app is one that was sent."""
        self.assertEqual((got.method, got.target, got.minor), (sent.method, sent.target, 1))
        if not early:
            self.assertEqual((got.body, got.framing), (sent.body, sent.framing))
        about = {folded(name): value for name, value in got.fields if folded(name) in RESERVED}
        if about:
            cookies = b";".join(sent.values(b"cookie"))
            self.assertIn(about, [person for cookie, person in PEOPLE.items() if cookie in cookies])
        else:
            path = normpath(unquote_to_bytes(sent.target.partition(b"?")[0]))
            self.assertTrue((path + b"/").startswith(b"/public/"), sent)
        self.assertEqual(len(got.values(b"host")), 1)
        self.assertEqual(got.values(b"x-forwarded-for"), [b"192.0.2.1"])
        self.assertEqual(got.values(b"x-forwarded-proto"), [b"http"])
        self.assertNotIn(b"_oauth2_proxy=", b"".join(got.values(b"cookie")))
        for name, value in got.fields:
            if name.lower() not in WRITTEN and name.lower() not in about:
                self.assertIn((name, value), sent.fields)

    def check_patience(self, whole: Whole, client: Client) -> None:
        """What is not complete is not waited for without end, and never becomes complete at the app."""
        before = [len(app.reading.messages) for app in whole.apps]
        whole.pass_time(150)
        self.assertTrue(client.ended)
        if client.wire.half_closed:
            self.assertTrue(client.wire.aborted, "nobody lingers for ever")
        self.assertEqual([len(app.reading.messages) for app in whole.apps], before)
        for app in whole.apps:
            if app.reading.rest:
                self.assertTrue(app.wire.aborted or app.wire.lost)
