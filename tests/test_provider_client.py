"""Tests for `o2sidecar.provider_client`: bounded in time and size, and never led elsewhere."""

from __future__ import annotations

import gzip
import json
import tracemalloc

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError, DNSLookupError
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.observe.counts import ProviderCounts
from o2sidecar.provider_client import Answer, shown
from o2sidecar.refusals import ProviderFailed, ProviderUnavailable
from tests.fakes import ISSUER, Wire, answering, breaking_off, silent, stalling


class AskingTests(SynchronousTestCase):
    """`get`, `get_json`, `post_form` and `post_json`."""

    def setUp(self) -> None:
        self.wire = Wire(timeout=10.0, max_body=1000)
        self.provider = self.wire.provider
        self.client = self.wire.client

    def outcome_of(self, path: str) -> Answer | BaseException:
        return self.wire.outcome(self.client.get(f"{ISSUER}{path}"))

    def failure_of(self, path: str) -> ProviderFailed:
        outcome = self.outcome_of(path)
        assert isinstance(outcome, ProviderFailed), outcome
        return outcome

    def test_get_json(self) -> None:
        """A JSON answer comes back as a value."""
        self.provider.instead["/x"] = answering({"a": [1, 2]})
        self.assertEqual(self.wire.result(self.client.get_json(f"{ISSUER}/x")), {"a": [1, 2]})
        self.assertEqual(self.provider.asked[0].headers["accept"], "application/json")

    def test_answer(self) -> None:
        """An answer tells status, media type and body; its source has no query."""
        self.provider.instead["/x"] = answering(b"hi", 418, "Text/Plain; charset=utf-8")
        self.assertEqual(
            self.outcome_of("/x?secret=1"),
            Answer(status=418, content_type="text/plain", body=b"hi", source=f"{ISSUER}/x"),
        )

    def test_post_form(self) -> None:
        """A form is sent encoded, with the fields in order and the headers asked for."""
        self.wire.result(
            self.client.post_form(f"{ISSUER}/token", [("code", "a&b=c"), ("x", "ü")], {"Authorization": "Basic eA=="})
        )
        asked = self.provider.asked[0]
        self.assertEqual((asked.method, dict(asked.form)), ("POST", {"code": "a&b=c", "x": "ü"}))
        self.assertEqual(asked.headers["content-type"], "application/x-www-form-urlencoded")
        self.assertEqual(asked.headers["authorization"], "Basic eA==")

    def test_post_json(self) -> None:
        """A JSON value is sent as such, with the headers asked for."""
        self.wire.result(self.client.post_json(f"{ISSUER}/x", {"ids": ["ü"]}, {"Authorization": "Bearer a"}))
        asked = self.provider.asked[0]
        self.assertEqual((asked.method, json.loads(asked.body)), ("POST", {"ids": ["ü"]}))
        self.assertEqual(asked.headers["content-type"], "application/json")
        self.assertEqual(asked.headers["authorization"], "Bearer a")

    def test_redirects_are_not_followed(self) -> None:
        """O12: a redirect is an answer like any other; nothing is sent to where it leads."""
        for status in (301, 302, 303, 307, 308):
            self.provider.instead["/x"] = answering(None, status, location="https://evil.example/")
            outcome = self.outcome_of("/x")
            assert isinstance(outcome, Answer)
            self.assertEqual(outcome.status, status)
            with self.assertRaises(ProviderFailed):
                outcome.json()
        self.assertEqual(self.provider.paths(), ["/x"] * 5)

    def test_cookies_are_not_kept(self) -> None:
        """A provider's cookie does not come back with the next person's request."""
        self.provider.instead["/x"] = answering({}, set_cookie="who=alice; Path=/")
        self.outcome_of("/x")
        self.outcome_of("/x")
        self.assertNotIn("cookie", self.provider.asked[1].headers)

    def test_body_at_the_limit(self) -> None:
        """A body of exactly the limit is taken."""
        self.provider.instead["/x"] = answering(b"a" * 1000)
        outcome = self.outcome_of("/x")
        assert isinstance(outcome, Answer)
        self.assertEqual(len(outcome.body), 1000)

    def test_body_over_the_limit(self) -> None:
        """D4: one byte more is refused, and so is ten mebibytes."""
        for size in (1001, 10 << 20):
            self.provider.instead["/x"] = answering(b"a" * size)
            self.assertIn("too many bytes", self.failure_of("/x").detail)

    def test_compressed_answers_are_refused(self) -> None:
        """D4: no compression is asked for, and an answer that comes compressed is not inflated."""
        for encoding in ("gzip", "br", "deflate", "identity, gzip"):
            self.provider.instead["/x"] = answering(gzip.compress(b"0" * 100_000), content_encoding=encoding)
            self.assertIn("encoding", self.failure_of("/x").detail)
        self.assertEqual(self.provider.asked[0].headers["accept-encoding"], "identity")

    def test_bomb(self) -> None:
        """D4: ten kilobytes that would be ten mebibytes are refused as they are, and cost no memory."""
        bomb = gzip.compress(b"0" * (10 << 20))
        self.provider.instead["/x"] = answering(bomb[:900], content_encoding="gzip")
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        self.assertIn("encoding", self.failure_of("/x").detail)
        self.assertLess(tracemalloc.get_traced_memory()[1], 1 << 20)
        self.provider.instead["/x"] = answering(bomb)
        self.assertIn("too many bytes", self.failure_of("/x").detail)

    def test_identity_encoding_is_none(self) -> None:
        """An answer that says it is not compressed is taken."""
        self.provider.instead["/x"] = answering({}, content_encoding="identity")
        self.assertIsInstance(self.outcome_of("/x"), Answer)

    def assert_times_out(self, waiting: Deferred[Answer]) -> None:
        self.wire.clock.advance(9.9)
        self.wire.settle()
        self.assertNoResult(waiting)
        self.wire.clock.advance(0.1)
        failure = self.failureResultOf(waiting, ProviderUnavailable)
        self.assertEqual(failure.value.status, 503)

    def test_silence(self) -> None:
        """A provider that never answers is given up when the time is over."""
        self.provider.instead["/x"] = silent
        self.assert_times_out(self.wire.begin(self.client.get(f"{ISSUER}/x")))

    def test_stalling_body(self) -> None:
        """The time is for the whole exchange: a body that stops half-way is given up as well."""
        self.provider.instead["/x"] = stalling
        self.assert_times_out(self.wire.begin(self.client.get(f"{ISSUER}/x")))

    def test_hanging_connection(self) -> None:
        """A connection that does not come about is given up as well."""
        self.wire.cut()
        self.assert_times_out(self.wire.begin(self.client.get(f"{ISSUER}/x")))

    def test_time_out_leaves_no_timer(self) -> None:
        """An answer in time leaves nothing behind on the clock."""
        self.provider.instead["/x"] = answering({})
        self.outcome_of("/x")
        self.assertEqual(self.wire.clock.getDelayedCalls(), [])

    def test_broken_off(self) -> None:
        """A body that ends before its length is no answer."""
        self.provider.instead["/x"] = breaking_off
        self.assertIsInstance(self.outcome_of("/x"), ProviderUnavailable)

    def test_a_few_at_a_time(self) -> None:
        """No more questions are under way than there are places; who waits too long for one is told so."""
        wire = Wire(timeout=10.0, most_at_once=2)
        wire.provider.instead |= {"/x": silent, "/y": answering({})}
        slow = [wire.begin(wire.client.get(f"{ISSUER}/x")) for _ in range(2)]
        wire.clock.advance(6)
        quick, late = wire.begin(wire.client.get(f"{ISSUER}/y")), wire.begin(wire.client.get(f"{ISSUER}/x"))
        given_up = wire.begin(wire.client.get(f"{ISSUER}/z"))
        given_up.cancel()
        self.failureResultOf(given_up, ProviderUnavailable)
        self.assertEqual(wire.provider.paths(), ["/x", "/x"])
        wire.clock.advance(4)
        wire.settle()
        for each in slow:
            self.failureResultOf(each, ProviderUnavailable)
        self.assertEqual(self.successResultOf(quick).status, 200)
        self.assertEqual(wire.provider.paths(), ["/x", "/x", "/y", "/x"])
        wire.clock.advance(6)
        self.failureResultOf(late, ProviderUnavailable)
        self.assertEqual(wire.clock.getDelayedCalls(), [])

    def test_no_connection(self) -> None:
        """A refused connection and an unknown host are the provider's absence."""
        for error in (ConnectionRefusedError(), DNSLookupError()):
            self.wire.cut(error)
            outcome = self.outcome_of("/x")
            assert isinstance(outcome, ProviderUnavailable)
            self.assertIn(type(error).__name__, outcome.detail)

    def test_our_own_mistakes_show(self) -> None:
        """An error that no network makes is not taken for the provider's."""
        self.wire.cut(AttributeError("a mistake"))
        self.assertIsInstance(self.outcome_of("/x"), AttributeError)

    def test_secrets_do_not_show(self) -> None:
        """X4: no message quotes a query, a user, a form, a header or a body."""
        self.provider.instead["/x"] = answering(b'{"access_token": "s3cret"', 200)
        self.provider.instead["/y"] = answering(b"s3cret", 500)
        shown_texts = []
        for path in ("/x", "/y"):
            outcome = self.wire.outcome(
                self.client.post_form(
                    f"{ISSUER}{path}?code=s3cret", [("client_secret", "s3cret")], {"Authorization": "Basic s3cret"}
                )
            )
            assert isinstance(outcome, Answer)
            shown_texts.append(repr(outcome))
            with self.assertRaises(ProviderFailed) as caught:
                outcome.json()
            shown_texts.append(repr(caught.exception))
        self.assertNotIn("s3cret", "".join(shown_texts))

    def test_trouble(self) -> None:
        """While the last question had no answer there is trouble, until one has, or it is long ago."""
        self.assertEqual(self.client.trouble(), "")
        self.wire.cut(ConnectionRefusedError())
        self.outcome_of("/x?secret=1")
        self.assertIn("ConnectionRefusedError", self.client.trouble())
        self.assertNotIn("secret", self.client.trouble())
        self.wire.clock.advance(300)
        self.assertEqual(self.client.trouble(), "")
        self.outcome_of("/x")
        self.assertTrue(self.client.trouble())
        self.wire.mend()
        self.outcome_of("/x")
        self.assertEqual(self.client.trouble(), "")


class AnswerTests(SynchronousTestCase):
    """`Answer.json` and `Answer.require`."""

    def answer(self, body: bytes = b"{}", status: int = 200, *, overloaded: bool = False) -> Answer:
        return Answer(status=status, content_type="", body=body, overloaded=overloaded, source="https://idp.example/x")

    def test_json_object(self) -> None:
        """Only an object is one."""
        self.assertEqual(self.answer(b'{"a": 1}').json_object(), {"a": 1})
        for body in (b"[]", b"1", b'"x"', b"null"):
            with self.assertRaises(ProviderFailed):
                self.answer(body).json_object()

    def test_malformed(self) -> None:
        """What is not JSON, or says something twice, is refused."""
        for body in (b"", b"{", b'{"a":1,"a":2}', b"<html>", b"\xff", b"[" * 100 + b"]" * 100):
            with self.assertRaises(ProviderFailed):
                self.answer(body).json()

    def test_require(self) -> None:
        """The status asked for passes; another is a failure, an outage where waiting may help."""
        self.answer(status=204).require(204)
        for answer, kind in (
            (self.answer(status=404), ProviderFailed),
            (self.answer(status=503, overloaded=True), ProviderUnavailable),
        ):
            with self.assertRaises(kind) as caught:
                answer.require(200)
            self.assertIs(type(caught.exception), kind)

    def test_overloaded(self) -> None:
        """5xx, 429, and 403 with a field about too many requests ask for patience; a plain 403 is a no."""
        wire = Wire()
        for status, headers, expected in (
            (500, {}, True),
            (503, {}, True),
            (429, {}, True),
            (403, {"retry_after": "60"}, True),
            (403, {"x_ratelimit_remaining": "0"}, True),
            (403, {"x_ratelimit_remaining": "12"}, False),
            (403, {}, False),
            (401, {}, False),
            (200, {}, False),
        ):
            wire.provider.instead["/x"] = answering({}, status, **headers)
            self.assertIs(wire.result(wire.client.get(f"{ISSUER}/x")).overloaded, expected, (status, headers))


class CountsTests(SynchronousTestCase):
    """Questions are counted and timed."""

    def test_outcomes(self) -> None:
        """By whether there was an answer, and one that tells something; what is too big is none."""
        counts = ProviderCounts()
        wire = Wire(timeout=10.0, max_body=1000, counts=counts)
        wire.provider.instead |= {
            "/yes": answering({}),
            "/no": answering({}, 404),
            "/busy": answering({}, 503),
            "/big": answering(b"a" * 1001),
            "/silent": silent,
        }
        for path in ("/yes", "/no", "/busy", "/big"):
            wire.outcome(wire.client.get(f"{ISSUER}{path}"))
        waiting = wire.begin(wire.client.get(f"{ISSUER}/silent"))
        wire.clock.advance(10)
        self.failureResultOf(waiting, ProviderUnavailable)
        self.assertEqual(counts.asked, {"answered": 2, "overloaded": 1, "unanswered": 2})
        self.assertEqual((sum(counts.durations.counts), counts.durations.seconds), (5, 10.0))


class ShownTests(SynchronousTestCase):
    """`shown`."""

    def test_only_the_place(self) -> None:
        """User, query and fragment are left out."""
        self.assertEqual(shown("https://me:pw@idp.example:8443/token?a=b#c"), "https://idp.example:8443/token")
