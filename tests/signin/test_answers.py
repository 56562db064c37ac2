"""Tests of o2sidecar.signin.answers."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.http.exchange import HeaderFields
from o2sidecar.observe.records import Outcome
from o2sidecar.refusals import (
    BadRequest,
    CredentialsRefused,
    LoginFailed,
    NotPermitted,
    ProviderUnavailable,
    Refusal,
    SessionEnded,
    UpstreamFailed,
)
from o2sidecar.signin.answers import NO_CACHE, Answers
from o2sidecar.signin.transaction import NotAdmitted
from tests.signin.house import NAME, Asked, house, query_of, session_pair
from tests.signin.page_reader import PageReader

JSON: HeaderFields = [(b"Accept", b"application/json")]
FETCH: HeaderFields = [(b"Sec-Fetch-Mode", b"cors"), (b"Sec-Fetch-Dest", b"empty")]
FORM = (b"Content-Type", b"application/x-www-form-urlencoded")


def offered(asked: Asked, answers: Answers | None = None) -> Asked:
    """The request after it was offered to sign in."""
    (answers or house().answers()).not_signed_in(asked)  # type: ignore[arg-type]
    return asked


def refused(asked: Asked, refusal: Refusal, answers: Answers | None = None, who: str = "") -> Asked:
    """The request after it was refused."""
    (answers or house().answers()).refuse(asked, refusal, who)  # type: ignore[arg-type]
    return asked


def rd_of(asked: Asked) -> str:
    """The destination in the sign-in form of a page."""
    (form,) = PageReader(asked.text).forms
    return dict(form.inputs)["rd"]


class PeopleTests(SynchronousTestCase):
    """People who are not signed in get a page."""

    def test_they_get_the_sign_in_page(self) -> None:
        """403, not to be cached, with the page that was wanted as the destination."""
        asked = offered(Asked("/app/page?x=1&y=2"))
        self.assertEqual((asked.status, rd_of(asked)), (403, "/app/page?x=1&y=2"))
        for field in NO_CACHE:
            self.assertEqual(asked.also.count(field), 1)
        self.assertEqual(asked.set_cookies, [])
        self.assertEqual(asked.reason, "no_session")

    def test_cookies_that_they_came_with_are_deleted(self) -> None:
        """Every session cookie goes, parts too, others stay; each is deleted once."""
        cookies = f"{NAME}=garbage; {NAME}_0=x; {NAME}_1=y; {NAME}x=z; other=1".encode()
        asked = offered(Asked("/", fields=[(b"Cookie", cookies)]))
        names = [cookie.partition("=")[0] for cookie in asked.set_cookies]
        self.assertEqual(names, [NAME, f"{NAME}_0", f"{NAME}_1"])
        self.assertTrue(all("Max-Age=0" in cookie for cookie in asked.set_cookies))

    def test_a_form_can_name_the_destination(self) -> None:
        """An rd in a posted form counts like one in the query."""
        asked = offered(Asked("/form", method="POST", fields=[FORM], body=b"rd=%2Ffrom-body"))
        self.assertEqual(rd_of(asked), "/from-body")

    def test_large_and_broken_forms_are_left_alone(self) -> None:
        """A form that is too large is not read, a damaged one says nothing: the page is the destination."""
        for body in (b"x=" + b"y" * 65536, b"rd=%zz"):
            asked = Asked("/form", method="POST", fields=[FORM], body=body)
            if len(body) > 65536:
                asked.read_body = lambda limit: self.fail("it was read")  # type: ignore[method-assign]
            self.assertEqual(rd_of(offered(asked)), "/form")

    def test_a_form_of_unknown_length_is_not_read(self) -> None:
        """Nobody without a session makes us wait for a chunked body."""
        asked = Asked("/form", method="POST", fields=[FORM], body=b"rd=/x")
        asked.content_length, asked.chunked = None, True
        self.assertEqual(rd_of(offered(asked)), "/form")

    def test_the_button_can_be_skipped(self) -> None:
        """With skip_provider_button they are sent to the provider at once; the app's query changes nothing else."""
        home = house()
        asked = offered(Asked("/app?prompt=none&rd=/other&login_hint=x"), home.answers(skip_provider_button=True))
        self.assertEqual(asked.status, 302)
        sent = query_of(asked.sent(b"location")[0])
        self.assertEqual(sent["state"].partition(":")[2], "/other")
        self.assertEqual({"prompt", "login_hint"} & sent.keys(), set())
        self.assertEqual([cookie.partition("=")[0] for cookie in asked.set_cookies], [f"{NAME}_csrf"])
        self.assertIn(NO_CACHE[0], asked.also)

    def test_an_outage_has_a_page(self) -> None:
        """When the provider cannot be reached they are told so, and that waiting helps."""
        home = house()
        home.provider.endpoint = ProviderUnavailable()
        asked = offered(Asked("/app"), home.answers(skip_provider_button=True))
        self.assertEqual((asked.status, asked.reason), (503, "provider_unavailable"))
        self.assertIn((b"Retry-After", b"10"), asked.also)
        self.assertIn("in a moment", PageReader(asked.text).text)
        self.assertEqual(home.logged[0][0], Outcome.ERROR)

    def test_a_session_that_ended_is_like_none(self) -> None:
        """The refusal of an ended session offers to sign in."""
        self.assertEqual(rd_of(refused(Asked("/x"), SessionEnded())), "/x")


class ScriptTests(SynchronousTestCase):
    """Scripts get a status and JSON (user-needs.md 6)."""

    def test_clients_of_oauth2_proxy_get_its_answer(self) -> None:
        """With an Accept of JSON: 401 and an empty object, no cookie, no other field."""
        for accept in (
            [b"application/json"],
            [b"text/plain, application/json , */*"],
            [b"text/html", b"application/json"],
            [b"Application/JSON;q=0.9"],
        ):
            fields = [(b"Accept", value) for value in accept]
            asked = offered(Asked("/api", fields=[*fields, (b"Cookie", NAME.encode() + b"=x")]))
            self.assertEqual(asked.given, (401, [(b"Content-Type", b"application/json")], b"{}"))
            self.assertEqual(asked.also, [])

    def test_other_types_are_not_that(self) -> None:
        """A name that merely contains the type is another type."""
        for accept in (b"application/jsonp", b"x-application/json", b"text/html;x=application/json"):
            self.assertNotEqual(offered(Asked("/", fields=[(b"Accept", accept)])).text, "{}")

    def test_api_routes_and_force_json_errors_decide_too(self) -> None:
        """By path with its query, or for everything; before skip_provider_button."""
        answers = house().answers(is_api=lambda uri: uri == "/api?x=1", skip_provider_button=True)
        self.assertEqual((offered(Asked("/api?x=1"), answers).status), 401)
        self.assertEqual((offered(Asked("/api?x=2"), answers).status), 302)
        forced = house().answers(force_json_errors=True)
        self.assertEqual(offered(Asked("/x"), forced).text, "{}")

    def test_other_scripts_learn_what_to_do(self) -> None:
        """fetch, XMLHttpRequest and upgrades get the reason, a login URL, and a challenge (RFC 9110 §15.5.2)."""
        for fields in (FETCH, [(b"X-Requested-With", b"XMLHttpRequest")], [(b"Upgrade", b"websocket")]):
            asked = offered(Asked("/api", fields=fields))
            told = json.loads(asked.text)
            self.assertEqual(asked.status, 401)
            self.assertEqual((told["error"], told["reason"]), ("Unauthorized", "no_session"))
            self.assertEqual((told["login_url"], told["request_id"]), ("/oauth2/start", "rid-1"))
            self.assertEqual(asked.sent(b"www-authenticate"), [b'Bearer realm="o2sidecar"'])
            self.assertEqual(asked.sent(b"cache-control"), [b"no-store"])

    def test_websockets_as_oauth2_proxy_has_it(self) -> None:
        """Without the challenge a WebSocket is refused with 403, and nothing else is."""
        answers = house().answers(websocket_challenge=False)
        asked = offered(Asked("/ws", fields=[(b"Upgrade", b"WebSocket")]), answers)
        self.assertEqual((asked.status, json.loads(asked.text)["reason"]), (403, "no_session"))
        self.assertEqual(asked.sent(b"www-authenticate"), [])
        for fields in (FETCH, [(b"Upgrade", b"h2c")]):
            self.assertEqual(offered(Asked("/api", fields=fields), answers).status, 401)

    def test_a_denied_session_is_403(self) -> None:
        """Forced JSON is empty as oauth2-proxy has it; scripts of ours learn the reason."""
        refusal = NotPermitted(reason="group_not_allowed", sentence="No.")
        forced = refused(Asked("/x"), refusal, house().answers(force_json_errors=True))
        self.assertEqual((forced.status, forced.text), (403, "{}"))
        told = json.loads(refused(Asked("/x", fields=FETCH), refusal).text)
        self.assertEqual((told["error"], told["reason"], told["message"]), ("Forbidden", "group_not_allowed", "No."))

    def test_refused_credentials_are_text(self) -> None:
        """Credentials of no use, where no login is to be offered, get oauth2-proxy's 403 (jwt-invalid-deny)."""
        for fields in ([], JSON, FETCH, [(b"Accept", b"text/html")]):
            asked = refused(Asked("/app", fields=fields), CredentialsRefused())
            self.assertEqual((asked.status, asked.text, asked.reason), (403, "Forbidden\n", "credentials_refused"))

    def test_failures_are_json_as_well(self) -> None:
        """A script that asks an app which is down is not given HTML, nor any detail."""
        asked = refused(Asked("/x", fields=JSON), UpstreamFailed(reason="refused", detail="127.0.0.1:8080 refused"))
        self.assertEqual((asked.status, json.loads(asked.text)["reason"]), (502, "refused"))
        self.assertNotIn("8080", asked.text)


def told(asked: Asked, status: int, reason: str = "because of this", answers: Answers | None = None) -> tuple[Any, str]:
    """Fields and body of what is said of a request that cannot be served."""
    fields, body = (answers or house().answers()).of_the_wire(asked, status, reason)  # type: ignore[arg-type]
    return dict(fields), body.decode()


class WireTests(SynchronousTestCase):
    """What is no request that can be served is answered like everything else that is refused."""

    def test_people_get_a_page(self) -> None:
        """Status and reference are on it, nothing of the request; it is kept nowhere, and leads to the front page."""
        for status in (400, 408, 413, 414, 417, 431, 501, 503, 505):
            asked = Asked("/evil?rd=//evil.example", fields=[(b"Host", b"evil.example")])
            fields, body = told(asked, status)
            page = PageReader(body)
            self.assertIn(str(status), page.text)
            self.assertIn("rid-1", page.text)
            self.assertNotIn("evil", body)
            self.assertNotIn("because of this", body)
            self.assertEqual(page.forms[0].action, "/")
            self.assertEqual(fields[b"Content-Type"], b"text/html; charset=utf-8")
            self.assertEqual(fields[b"Cache-Control"], b"no-store")
            self.assertIn(b"default-src 'none'", fields[b"Content-Security-Policy"])
            self.assertIsNone(asked.given)

    def test_scripts_get_json(self) -> None:
        """It has the shape of other refusals; the reason is the one of the log."""
        for accept in (JSON, FETCH):
            asked = Asked("/", fields=accept)
            fields, body = told(asked, 400, "Content-Length is not valid")
            self.assertEqual(fields[b"Content-Type"], b"application/json")
            found = json.loads(body)
            self.assertEqual(found.pop("message"), "This is no valid request.")
            expected = {"error": "Bad Request", "reason": "content_length_is_not_valid", "request_id": "rid-1"}
            self.assertEqual(found, expected)
            self.assertEqual(asked.reason, "content_length_is_not_valid")

    def test_too_many_cookies(self) -> None:
        """A head that is too large loses our cookies, and says so; without some there is nothing to say."""
        cookies = f"{NAME}=x; {NAME}_1=y; {NAME}_csrf=z; other=1".encode()
        asked = Asked("/", fields=[(b"Cookie", cookies)])
        page = PageReader(told(asked, 431)[1])
        self.assertIn("too many cookies. Those of your sign-in are deleted now", page.text)
        names = [cookie.partition("=")[0] for cookie in (value.decode() for _, value in asked.also)]
        self.assertEqual(names, [NAME, f"{NAME}_1", f"{NAME}_csrf"])
        page = PageReader(told(Asked("/"), 431)[1])
        self.assertIn("too many cookies.", page.text)
        self.assertNotIn("deleted", page.text)

    def test_other_refusals_take_no_cookies(self) -> None:
        """Nobody is signed out by a request that is malformed, nor by what came behind a good head."""
        for status, identity in ((400, None), (413, None), (408, None), (431, house().sessions)):
            asked = Asked("/", fields=[(b"Cookie", session_pair())])
            asked.identity = identity  # type: ignore[assignment]
            told(asked, status)
            self.assertEqual(asked.also, [])

    def test_our_own_fault(self) -> None:
        """What could not be served because of us says so."""
        asked = Asked("/")
        self.assertIn("Something went wrong", PageReader(told(asked, 500)[1]).text)
        self.assertEqual(asked.reason, "internal_error")

    def test_no_room(self) -> None:
        """When there are too many people waiting helps, and the one button is to try again."""
        (form,) = PageReader(told(Asked("/"), 503)[1]).forms
        self.assertEqual((form.action, form.labels), ("/", ["Try again"]))


class RefusalTests(SynchronousTestCase):
    """Refusals are shown, and found again in the log."""

    def test_people_get_the_error_page(self) -> None:
        """Status, sentence and reference are on it; it is not forced out of caches on the app's paths."""
        asked = refused(Asked("/x?rd=/back"), LoginFailed(reason="r", sentence="Because."))
        facts = PageReader(asked.text)
        self.assertEqual((asked.status, asked.reason), (403, "r"))
        self.assertIn("Because.", facts.text)
        self.assertIn("rid-1", facts.text)
        self.assertEqual(facts.forms[0].action, "/back")
        self.assertEqual(asked.also, [])

    def test_an_app_that_is_down_is_tried_again(self) -> None:
        """The button leads to the very page, not to what its query calls rd."""
        (form,) = PageReader(refused(Asked("/x?rd=/back"), UpstreamFailed(reason="refused")).text).forms
        self.assertEqual((form.action, form.inputs), ("/x?rd=/back", [("rd", "/back")]))

    def test_a_sign_in_that_is_refused_is_logged_with_its_name(self) -> None:
        """The authentication log says who tried and why not; the page says who, too."""
        home = house()
        refusal = NotAdmitted(reason="email_not_allowed", sentence="No.", detail="fits no rule", name="m@example.com")
        asked = refused(Asked("/oauth2/callback"), refusal, home.answers())
        expected = (Outcome.FAILURE, "m@example.com", "sign-in refused: email_not_allowed: fits no rule")
        self.assertEqual(home.logged, [expected])
        self.assertIn("m@example.com", PageReader(asked.text).text)

    def test_a_session_that_is_refused_is_logged_with_its_name(self) -> None:
        """So is a session that may not pass any more."""
        home = house()
        refused(Asked("/x"), NotPermitted(reason="group_not_allowed", sentence="No."), home.answers(), "a@example.com")
        self.assertEqual(home.logged, [(Outcome.FAILURE, "a@example.com", "session refused: group_not_allowed: No.")])

    def test_failures_of_the_provider_are_errors(self) -> None:
        """They are nobody's fault who signs in."""
        home = house()
        refused(Asked("/x"), ProviderUnavailable(detail="connection refused"), home.answers())
        self.assertEqual(home.logged, [(Outcome.ERROR, "", "provider_unavailable: connection refused")])

    def test_what_is_not_about_signing_in_is_not_in_that_log(self) -> None:
        """Apps that are down and requests that make no sense have the program's own log."""
        home = house()
        for refusal in (UpstreamFailed(reason="x"), BadRequest(reason="y")):
            refused(Asked("/x"), refusal, home.answers())
        self.assertEqual(home.logged, [])

    def test_an_unexpected_error_is_our_fault(self) -> None:
        """The person gets a page without any of it, the log the traceback."""
        asked: Any = Asked("/x")
        house().answers(pages=house().pages(show_detail=True)).broken(asked, Failure(ZeroDivisionError("secret")))
        self.assertEqual((asked.status, asked.reason), (500, "internal_error"))
        self.assertNotIn("secret", asked.text)
        self.assertNotIn("ZeroDivision", asked.text)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_a_form_that_breaks_off_still_gets_an_answer(self) -> None:
        """A body that cannot be read is no reason to be silent."""
        asked = Asked("/form", method="POST", fields=[FORM], body=b"rd=/x")
        body: Deferred[bytes] = Deferred()
        asked.read_body = lambda limit: body  # type: ignore[method-assign]
        offered(asked)
        self.assertIsNone(asked.given)
        body.errback(BadRequest(reason="body_broke_off"))
        self.assertEqual(rd_of(asked), "/form")

    def test_a_session_of_the_request_is_not_mentioned(self) -> None:
        """The page of an anonymous refusal names nobody, whatever cookie came along."""
        asked = refused(Asked("/x", fields=[(b"Cookie", session_pair())]), LoginFailed(reason="r", sentence="s"))
        self.assertNotIn("alice", asked.text)
