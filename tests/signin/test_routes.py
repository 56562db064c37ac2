"""Tests of o2sidecar.signin.routes, through a twisted.web Site over an in-memory wire."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from attrs import evolve
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IProtocol
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from o2sidecar.http.listener.server import HttpServer
from o2sidecar.http.twisted_web.resources import TwistedResource
from o2sidecar.observe.records import Outcome
from o2sidecar.policy.admission import Admission
from o2sidecar.refusals import ProviderUnavailable
from o2sidecar.session.session import Session
from o2sidecar.signin.answers import NO_CACHE
from o2sidecar.signin.local_form import LocalForm
from o2sidecar.signin.paths import FOLDER, PATHS
from o2sidecar.signin.routes import SignIn
from tests.signin.house import ALICE, NAME, House, cookies_from, house, query_of, session_in, session_pair
from tests.signin.page_reader import PageReader

FORM = "application/x-www-form-urlencoded"


class Auth(Resource):
    """Stands where the auth endpoint will be."""

    isLeaf = True

    def render(self, request: Request) -> bytes:
        request.setResponseCode(202)
        return b""


class Answer:
    """One answer off the wire."""

    def __init__(self, data: bytes) -> None:
        head, _, self.body = data.partition(b"\r\n\r\n")
        status, *lines = head.split(b"\r\n")
        self.status = int(status.split()[1])
        self.fields = [(name.lower(), value.strip()) for name, _, value in (line.partition(b":") for line in lines)]

    def all(self, name: bytes) -> list[bytes]:
        return [value for given, value in self.fields if given == name]

    def one(self, name: bytes) -> bytes:
        (value,) = self.all(name)
        return value

    @property
    def set_names(self) -> list[str]:
        """The names of the cookies that it sets or deletes."""
        return [value.partition(b"=")[0].decode() for value in self.all(b"set-cookie")]

    @property
    def page(self) -> PageReader:
        return PageReader(self.body.decode())


class Wire(StringTransport):
    """The server's end of a TCP connection in memory."""

    def setTcpNoDelay(self, enabled: bool) -> None:
        """There are no packets here."""


class RoutesTestCase(SynchronousTestCase):
    """Speaks HTTP to the tree."""

    def setUp(self) -> None:
        self.home = house()
        self.tree = self.planted(self.home)

    def planted(self, home: House, **changes: Any) -> SignIn:
        """The tree of a house."""
        answers = {name: changes.pop(name) for name in ("skip_provider_button", "force_json_errors") if name in changes}

        tree = SignIn(
            logins=home.logins(),
            recovery=home.recovery(),
            session_life=home.session_life(),
            answers=home.answers(**answers),
            destinations=home.destinations,
            current=home.current.identity,
            end=home.sessions.end,
            take_cookies=home.sessions.take_cookies,
            public=lambda exchange: False,
            auth=Auth(),
            signing_out=home.signing_out,
        )
        return evolve(tree, **changes)

    def server(self) -> Any:
        """What serves the tree."""
        return Site(self.tree.resource())

    def send(self, target: str, *, method: str = "GET", cookie: bytes = b"", body: bytes = b"", **fields: str) -> str:
        """The head and body of a request as text; `fields` have `_` for `-`."""
        lines = [f"{method} {target} HTTP/1.1", "Host: app.example.com", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
        lines += [f"Cookie: {cookie.decode()}"] if cookie else []
        lines += [f"Content-Length: {len(body)}"] if body else []
        return "\r\n".join(lines) + "\r\n\r\n" + body.decode("latin-1")

    def wire(self, target: str, **rest: Any) -> tuple[IProtocol, StringTransport]:
        """The server and its end of a connection on which a request has arrived."""
        channel = self.server().buildProtocol(IPv4Address("TCP", "203.0.113.9", 4711))
        assert channel is not None
        transport = Wire()
        channel.makeConnection(transport)
        channel.dataReceived(self.send(target, **rest).encode("latin-1"))
        return channel, transport

    def ask(self, target: str, **rest: Any) -> Answer:
        """The answer to a request."""
        return Answer(self.wire(target, **rest)[1].value())

    def begin(self, target: str = "/oauth2/start?rd=/wanted") -> tuple[dict[str, str], bytes]:
        """What the provider is asked for, and what the browser remembers."""
        answer = self.ask(target)
        return query_of(answer.one(b"location")), cookies_from(tuple(answer.all(b"set-cookie")))


class StartTests(RoutesTestCase):
    """P/start sends the browser to the provider."""

    def test_it_redirects_to_the_provider(self) -> None:
        """302 with the login's cookie, kept out of caches."""
        answer = self.ask("/oauth2/start?rd=%2Fa%2Fb%3Fc%3Dd%26e%3D%2525%23frag")
        self.assertEqual(answer.status, 302)
        self.assertTrue(answer.one(b"location").startswith(b"https://idp.example/authorize?tenant=7&"))
        self.assertEqual(query_of(answer.one(b"location"))["state"].partition(":")[2], "/a/b?c=d&e=%25#frag")
        self.assertEqual(answer.set_names, [f"{NAME}_csrf"])
        for name, value in NO_CACHE:
            self.assertEqual(answer.all(name.lower()), [value])

    def test_a_hostile_rd_leads_home(self) -> None:
        """What is no safe destination becomes the root (security.md R1 to R8)."""
        for rd in (
            "//evil",
            "/\\evil",
            "https:evil",
            "javascript:alert(1)",
            "/%09/evil",
            "/a\r\nX: y",
            "/oauth2/start",
        ):
            sent = query_of(self.ask(f"/oauth2/start?rd={quote(rd, safe='')}").one(b"location"))
            self.assertEqual(sent["state"].partition(":")[2], "/" if rd != "/%09/evil" else "/%09/evil", rd)

    def test_only_the_account_can_be_chosen_by_the_browser(self) -> None:
        """No other parameter of the query reaches the provider."""
        chosen = query_of(self.ask("/oauth2/start?prompt=select_account").one(b"location"))
        self.assertEqual(chosen["prompt"], "select_account")
        other = query_of(self.ask("/oauth2/start?prompt=none&scope=all&client_id=x&redirect_uri=//e").one(b"location"))
        self.assertNotIn("prompt", other)
        self.assertEqual((other["scope"], other["client_id"]), ("openid email", "client-1"))

    def test_a_damaged_query_is_400(self) -> None:
        """It is the client's mistake, at every endpoint that reads one."""
        for name in ("start", "sign_in", "callback", "sign_out"):
            self.assertEqual(self.ask(f"/oauth2/{name}?rd=%zz").status, 400, name)

    def test_an_outage_is_a_page(self) -> None:
        """503 and a way to try again."""
        self.home.provider.endpoint = ProviderUnavailable()
        answer = self.ask("/oauth2/start?rd=/x")
        self.assertEqual(answer.status, 503)
        self.assertEqual(answer.page.forms[1].inputs, [("rd", "/x")])

    def test_an_unexpected_error_shows_no_traceback(self) -> None:
        """A bug is a page of ours and a traceback in the log."""
        self.home.provider.endpoint = 7  # type: ignore[assignment]
        answer = self.ask("/oauth2/start")
        self.assertEqual(answer.status, 500)
        self.assertNotIn(b"Traceback", answer.body)
        self.assertNotIn(b"AttributeError", answer.body)
        self.assertNotEqual(self.flushLoggedErrors(), [])


class CallbackTests(RoutesTestCase):
    """P/callback completes a login."""

    def test_a_good_answer_signs_in(self) -> None:
        """302 to the page, the session's cookie, a line in the log without tokens."""
        sent, cookie = self.begin()
        answer = self.ask("/oauth2/callback?" + urlencode({"code": "C-1", "state": sent["state"]}), cookie=cookie)
        self.assertEqual((answer.status, answer.one(b"location")), (302, b"/wanted"))
        self.assertEqual(answer.set_names, [f"{NAME}_csrf", NAME])
        session = session_in(tuple(answer.all(b"set-cookie")[1:]))
        self.assertEqual(session and session.email, "alice@example.com")
        ((outcome, name, message),) = self.home.logged
        self.assertEqual((outcome, name), (Outcome.SUCCESS, "alice@example.com"))
        self.assertIn("alice@example.com user=u-1", message)
        for secret in ("AT", "RT", "ID.to/ken"):
            self.assertNotIn(secret, message.replace("ATE", ""))

    def test_a_posted_answer_signs_in(self) -> None:
        """response_mode=form_post brings the answer in a form (OAuth 2.0 Form Post Response Mode §2)."""
        sent, cookie = self.begin()
        body = urlencode({"code": "C-1", "state": sent["state"]}).encode()
        answer = self.ask("/oauth2/callback", method="POST", cookie=cookie, body=body, Content_Type=FORM)
        self.assertEqual((answer.status, answer.one(b"location")), (302, b"/wanted"))

    def test_other_bodies_are_no_answer(self) -> None:
        """JSON and oversized forms bring nothing (security.md O14, D9)."""
        sent, cookie = self.begin()
        body = urlencode({"code": "C-1", "state": sent["state"]}).encode()
        answer = self.ask("/oauth2/callback", method="POST", cookie=cookie, body=body, Content_Type="text/plain")
        self.assertEqual(answer.status, 400)
        large = body + b"&x=" + b"y" * 65536
        answer = self.ask("/oauth2/callback", method="POST", cookie=cookie, body=large, Content_Type=FORM)
        self.assertEqual(answer.status, 413)
        self.assertEqual(self.home.provider.redeemed, [])

    def test_other_methods_spend_no_code(self) -> None:
        """A HEAD that a scanner sends ahead of the person is not their answer."""
        sent, cookie = self.begin()
        target = "/oauth2/callback?" + urlencode({"code": "C-1", "state": sent["state"]})
        for method in ("HEAD", "PUT", "OPTIONS"):
            answer = self.ask(target, method=method, cookie=cookie)
            self.assertEqual((answer.status, answer.one(b"allow"), answer.set_names), (405, b"GET, POST", []))
        self.assertEqual(self.home.provider.redeemed, [])

    def test_the_providers_error_is_text(self) -> None:
        """Markup in it is shown, not used (security.md O11, X1)."""
        answer = self.ask("/oauth2/callback?error=%3Cscript%3Ealert(1)%3C%2Fscript%3E&state=a:b")
        self.assertEqual(answer.status, 403)
        self.assertIn("<script>alert(1)</script>", answer.page.text)
        self.assertNotIn("script", answer.page.tags)

    def test_an_error_leads_back_and_to_signing_in(self) -> None:
        """The ways on are those of rd, if it is safe."""
        forms = self.ask("/oauth2/callback?error=x&rd=/back").page.forms
        self.assertEqual(
            [(form.action, form.inputs) for form in forms],
            [
                ("/back", []),
                ("/oauth2/sign_in", [("rd", "/back")]),
            ],
        )
        self.assertEqual(self.ask("/oauth2/callback?error=x&rd=//evil").page.forms[0].action, "/")

    def test_who_may_not_pass_gets_no_session(self) -> None:
        """The login's cookie goes, and nothing comes (security.md A1)."""
        self.home = house(admission=Admission(email_domains=("corp.example",)))
        self.tree = self.planted(self.home)
        sent, cookie = self.begin()
        answer = self.ask("/oauth2/callback?" + urlencode({"code": "C-1", "state": sent["state"]}), cookie=cookie)
        self.assertEqual((answer.status, answer.set_names), (403, [f"{NAME}_csrf"]))
        self.assertEqual(answer.page.forms[-1].labels, ["Use another account"])
        self.assertIn(("rd", "/wanted"), answer.page.forms[-1].inputs)
        self.assertEqual(self.home.logged[0][:2], (Outcome.FAILURE, "alice@example.com"))

    def test_an_answer_of_another_provider(self) -> None:
        """Where the issuer is named it must be ours, before the code is spent (security.md O6, RFC 9207 §2.4)."""
        sent, cookie = self.begin()
        answer = {"code": "C-1", "state": sent["state"]}
        for issuer, status in (("https://evil.example", 403), ("https://idp.example", 302)):
            got = self.ask("/oauth2/callback?" + urlencode({**answer, "iss": issuer}), cookie=cookie)
            self.assertEqual((got.status, len(self.home.provider.redeemed)), (status, int(status == 302)))
        twice = self.ask("/oauth2/callback?" + urlencode(answer) + "&iss=a&iss=b", cookie=cookie)
        self.assertEqual(twice.status, 400)

    def test_a_failed_login_still_knows_where_it_was_to_lead(self) -> None:
        """The error page leads to the page that was wanted, if that is safe and nothing else was asked for."""
        for state, rd, leads in (
            ("x:/deep", "", "/deep"),
            ("x:/deep", "&rd=/back", "/back"),
            ("x:https://evil.example/", "", "/"),
            ("x:/oauth2/start", "", "/"),
            ("nonsense", "", "/"),
        ):
            answer = self.ask(f"/oauth2/callback?error=denied&state={quote(state)}{rd}")
            self.assertEqual(answer.page.forms[0].action, leads, state)

    def test_a_browser_that_goes_away_is_no_error(self) -> None:
        """While the provider is asked the person may close the tab; nothing is logged as a fault."""
        sent, cookie = self.begin()
        waiting: Deferred[Any] = Deferred()

        async def slow(**given: Any) -> Any:
            return await waiting

        self.home.provider.sign_in = slow  # type: ignore[method-assign]
        target = "/oauth2/callback?" + urlencode({"code": "C-1", "state": sent["state"]})
        channel, transport = self.wire(target, cookie=cookie)
        channel.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(transport.value(), b"")
        self.assertEqual(self.flushLoggedErrors(), [])


class SignInTests(RoutesTestCase):
    """P/sign_in offers to sign in."""

    def test_it_shows_the_page(self) -> None:
        """200, with the destination of rd, and with no session left behind it (S6, CVE-2026-34454)."""
        answer = self.ask("/oauth2/sign_in?rd=%2Fdeep%3Fq%3D1", cookie=session_pair())
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.page.forms[0].inputs, [("rd", "/deep?q=1")])
        self.assertEqual(answer.set_names, [NAME])
        self.assertIn(b"Max-Age=0", answer.one(b"set-cookie"))
        for name, value in NO_CACHE:
            self.assertEqual(answer.all(name.lower()), [value])

    def test_a_foreign_rd_leads_home(self) -> None:
        """The page never holds a foreign destination."""
        self.assertEqual(self.ask("/oauth2/sign_in?rd=https://evil.example/").page.forms[0].inputs, [("rd", "/")])

    def test_passwords_in_a_form_do_nothing(self) -> None:
        """Without local users a POST just shows the page."""
        answer = self.ask("/oauth2/sign_in", method="POST", body=b"username=a&password=b", Content_Type=FORM)
        self.assertEqual((answer.status, len(answer.page.forms)), (200, 1))
        self.assertNotIn(b"password", answer.body)

    def test_local_users(self) -> None:
        """With local users a POST of the form signs in, also without the button; a foreign page cannot send it."""

        async def judge(user: str, password: str, address: str) -> Session | None:
            return Session(created_at=self.home.clock.seconds(), user=user) if password == "bobpw" else None

        form = LocalForm(
            judge=judge,
            client_address=lambda exchange: exchange.peer,
            admission=self.home.admission,
            answers=self.home.answers(),
            issue=self.home.sessions.issue,
        )
        body = b"username=bob&password=bobpw&rd=/x"
        for skip in (False, True):
            self.tree = self.planted(self.home, skip_provider_button=skip)
            self.tree = evolve(self.tree, local_form=form)
            answer = self.ask("/oauth2/sign_in", method="POST", body=body, Content_Type=FORM)
            self.assertEqual((answer.status, answer.one(b"location"), answer.set_names), (302, b"/x", [NAME]))
            foreign = self.ask(
                "/oauth2/sign_in", method="POST", body=body, Content_Type=FORM, Sec_Fetch_Site="cross-site"
            )
            self.assertEqual((foreign.status, foreign.set_names), (403, []))
            wrong = self.ask("/oauth2/sign_in", method="POST", body=b"username=bob&password=x", Content_Type=FORM)
            self.assertEqual(wrong.status, 401)
            query = self.ask("/oauth2/sign_in?username=bob&password=bobpw", method="POST", body=b"", Content_Type=FORM)
            self.assertEqual((query.status, query.set_names), (400, []))

    def test_without_the_button_it_starts(self) -> None:
        """With skip_provider_button it acts like start, and still ends the session that was there."""
        self.tree = self.planted(self.home, skip_provider_button=True)
        answer = self.ask("/oauth2/sign_in?rd=/deep", cookie=session_pair())
        self.assertEqual((answer.status, answer.set_names), (302, [NAME, f"{NAME}_csrf"][::-1]))
        self.assertEqual(query_of(answer.one(b"location"))["state"].partition(":")[2], "/deep")

    def test_head_has_no_body(self) -> None:
        """HEAD gets the head alone."""
        answer = self.ask("/oauth2/sign_in", method="HEAD")
        self.assertEqual((answer.status, answer.body), (200, b""))


class SignOutTests(RoutesTestCase):
    """P/sign_out ends the browser's session."""

    def test_every_presented_cookie_is_deleted(self) -> None:
        """Whole, split and damaged ones, each once, with the attributes that they were set with (security.md L2)."""
        cookie = session_pair() + f"; {NAME}_0=x; {NAME}_1=y; other=1".encode()
        answer = self.ask("/oauth2/sign_out", cookie=cookie)
        self.assertEqual((answer.status, answer.one(b"location")), (302, b"/"))
        self.assertEqual(answer.set_names, [NAME, f"{NAME}_0", f"{NAME}_1"])
        for value in answer.all(b"set-cookie"):
            for attribute in (b"=; Path=/; ", b"Max-Age=0", b"HttpOnly"):
                self.assertIn(attribute, value)
        self.assertEqual(self.home.logged, [(Outcome.SUCCESS, "alice@example.com", "signed out")])

    def test_without_a_session_it_redirects_all_the_same(self) -> None:
        """There is nothing to delete, to tell or to log."""
        answer = self.ask("/oauth2/sign_out?rd=/bye")
        self.assertEqual((answer.status, answer.one(b"location"), answer.set_names), (302, b"/bye", []))
        self.assertEqual((self.home.asked, self.home.logged), ([], []))

    def test_a_post_works_like_a_get(self) -> None:
        """A sign-out button may be a form."""
        answer = self.ask(
            "/oauth2/sign_out", method="POST", body=b"rd=%2Fbye", cookie=session_pair(), Content_Type=FORM
        )
        self.assertEqual((answer.status, answer.one(b"location"), answer.set_names), (302, b"/bye", [NAME]))

    def test_the_destination_must_be_safe(self) -> None:
        """A foreign host is not followed; an allowed one is, with the ID token in its place (security.md L3, R)."""
        self.assertEqual(self.ask("/oauth2/sign_out?rd=https://evil.example/").one(b"location"), b"/")
        rd = quote("https://idp.example.org/out?hint={id_token}", safe="")
        answer = self.ask(f"/oauth2/sign_out?rd={rd}", cookie=session_pair())
        self.assertEqual(answer.one(b"location"), b"https://idp.example.org/out?hint=ID.to%2Fken")
        self.assertEqual(self.ask(f"/oauth2/sign_out?rd={rd}").one(b"location"), b"https://idp.example.org/out?hint=")

    def test_the_provider_is_told(self) -> None:
        """backend_logout_url is called with the ID token, and only for a session."""
        self.tree = evolve(
            self.tree, logins=self.home.logins(backend_logout_url="https://idp.example/logout?hint={id_token}")
        )
        self.ask("/oauth2/sign_out", cookie=session_pair())
        self.ask("/oauth2/sign_out")
        self.assertEqual(self.home.asked, ["https://idp.example/logout?hint=ID.to%2Fken"])

    def test_a_provider_that_cannot_be_told_changes_nothing(self) -> None:
        """The person is signed out here; the log says so without the token."""

        async def broken(url: str) -> None:
            raise ProviderUnavailable(detail=url)

        self.tree = evolve(
            self.tree,
            logins=self.home.logins(backend_logout_url="https://idp.example/?h={id_token}", ask=broken),
        )
        answer = self.ask("/oauth2/sign_out", cookie=session_pair())
        self.assertEqual((answer.status, answer.set_names), (302, [NAME]))

    def test_other_sites_cannot_sign_people_out(self) -> None:
        """Pictures, frames, scripts and forms of another site have no effect (security.md L1)."""
        for method, mode, destination in (
            ("GET", "no-cors", "image"),
            ("GET", "cors", "empty"),
            ("GET", "navigate", "iframe"),
            ("POST", "navigate", "document"),
        ):
            self.tree = evolve(self.tree, logins=self.home.logins(backend_logout_url="https://idp.example/logout"))
            answer = self.ask(
                "/oauth2/sign_out",
                method=method,
                cookie=session_pair(),
                Sec_Fetch_Site="cross-site",
                Sec_Fetch_Mode=mode,
                Sec_Fetch_Dest=destination,
            )
            self.assertEqual((answer.status, answer.set_names), (403, []), (method, mode, destination))
        self.assertEqual(self.home.asked, [])

    def test_links_and_own_pages_can(self) -> None:
        """A person who follows a link from anywhere signs out, and so does the app's own script."""
        for site, mode, destination in (
            ("cross-site", "navigate", "document"),
            ("same-origin", "cors", "empty"),
            ("none", "navigate", "document"),
        ):
            fields = {"Sec_Fetch_Site": site, "Sec_Fetch_Mode": mode, "Sec_Fetch_Dest": destination}
            answer = self.ask("/oauth2/sign_out", cookie=session_pair(), **fields)
            self.assertEqual((answer.status, answer.set_names), (302, [NAME]), site)

    def test_signing_out_lasts_where_the_button_is_skipped(self) -> None:
        """Where the root would sign in again at once there is a page, unless rd says where to go."""
        self.tree = self.planted(self.home, skip_provider_button=True)
        answer = self.ask("/oauth2/sign_out", cookie=session_pair())
        self.assertEqual((answer.status, answer.set_names), (200, [NAME]))
        self.assertIn("You are signed out", answer.page.text)
        self.assertEqual(self.ask("/oauth2/sign_out?rd=/bye").one(b"location"), b"/bye")


class UserInfoTests(RoutesTestCase):
    """P/userinfo says who is signed in."""

    def test_it_tells_who_and_no_token(self) -> None:
        """User, email, groups and preferred name as JSON (security.md X5)."""
        answer = self.ask("/oauth2/userinfo", cookie=session_pair())
        self.assertEqual((answer.status, answer.one(b"content-type")), (200, b"application/json"))
        self.assertEqual(
            json.loads(answer.body),
            {
                "user": "u-1",
                "email": "alice@example.com",
                "groups": ["dev", "ops"],
                "preferredUsername": "alice",
            },
        )

    def test_empty_claims_are_left_out(self) -> None:
        """User and email are always there; additional claims of any kind are if there are some."""
        bare = evolve(ALICE, email="", groups=(), preferred_username="")
        self.assertEqual(
            json.loads(self.ask("/oauth2/userinfo", cookie=session_pair(bare)).body), {"user": "u-1", "email": ""}
        )
        more = evolve(bare, additional_claims={"dept": "R&D", "obj": {"k": ["v"]}, "raw": b"\xff"})
        told = json.loads(self.ask("/oauth2/userinfo", cookie=session_pair(more)).body)
        self.assertEqual(told["additionalClaims"], {"dept": "R&D", "obj": {"k": ["v"]}, "raw": "b'\\xff'"})

    def test_without_a_session_it_is_401(self) -> None:
        """As text, for scripts and people alike, and out of caches."""
        answer = self.ask("/oauth2/userinfo")
        self.assertEqual((answer.status, answer.body), (401, b"Unauthorized\n"))
        self.assertEqual(answer.one(b"content-type"), b"text/plain; charset=utf-8")
        self.assertEqual(answer.one(b"cache-control"), NO_CACHE[0][1])

    def test_a_session_that_may_not_pass_is_401_too(self) -> None:
        """And its cookie goes."""
        self.home = house(admission=Admission(email_domains=("corp.example",)))
        self.tree = self.planted(self.home)
        answer = self.ask("/oauth2/userinfo", cookie=session_pair())
        self.assertEqual((answer.status, answer.set_names), (401, [NAME]))

    def test_where_nobody_must_sign_in_nobody_is_told(self) -> None:
        """A public request without a session gets an empty object."""
        self.tree = evolve(self.tree, public=lambda exchange: True)
        self.assertEqual(self.ask("/oauth2/userinfo").body, b"{}")


class TreeTests(RoutesTestCase):
    """The endpoints are where the prefix says."""

    def test_auth_is_somebody_elses(self) -> None:
        """The auth endpoint answers as the resource behind it does, without our cache fields."""
        answer = self.ask("/oauth2/auth")
        self.assertEqual((answer.status, answer.body, answer.all(b"cache-control")), (202, b"", []))

    def test_there_are_no_files(self) -> None:
        """Everything in the folder is 404."""
        for path in ("", "css/bulma.min.css", "../start", "a/b/c"):
            self.assertEqual(self.ask(f"/oauth2/static/{path}").status, 404, path)

    def test_a_deep_prefix_works(self) -> None:
        """All segments of the prefix are consumed."""
        deep = evolve(self.home.destinations, prefix="/a/b")
        self.tree = evolve(self.tree, destinations=deep)
        self.assertEqual(self.ask("/a/b/start").status, 302)

    def test_every_path_is_answered(self) -> None:
        """The list of paths, from which the site mounts the tree, is the tree's."""
        for path in PATHS:
            self.assertNotEqual(self.ask(f"/oauth2{path}?error=x").status, 404, path)
        self.assertEqual(urlsplit(FOLDER).path[-1], "/")


class OwnChannelTests(RoutesTestCase):
    """On our own channel the same tree gives the same answers."""

    def server(self) -> Any:
        return HttpServer(TwistedResource(self.tree.resource()), clock=self.home.clock)

    def test_a_login_from_start_to_end(self) -> None:
        """Redirect, callback by form, session, and each field once."""
        sent, cookie = self.begin()
        body = urlencode({"code": "C-1", "state": sent["state"]}).encode()
        answer = self.ask("/oauth2/callback", method="POST", cookie=cookie, body=body, Content_Type=FORM)
        self.assertEqual((answer.status, answer.one(b"location")), (302, b"/wanted"))
        self.assertEqual(answer.set_names, [f"{NAME}_csrf", NAME])
        self.assertEqual(answer.one(b"cache-control"), NO_CACHE[0][1])

    def test_pages_are_whole(self) -> None:
        """A page comes with its length and its policy, and nothing comes after it."""
        answer = self.ask("/oauth2/sign_in?rd=/x")
        self.assertEqual(int(answer.one(b"content-length")), len(answer.body))
        self.assertIn(b"default-src 'none'", answer.one(b"content-security-policy"))
        self.assertEqual(answer.page.forms[0].inputs, [("rd", "/x")])

    def test_forms_are_read(self) -> None:
        """The destination of a posted sign-out is found in its form."""
        answer = self.ask("/oauth2/sign_out", method="POST", body=b"rd=/bye", cookie=session_pair(), Content_Type=FORM)
        self.assertEqual((answer.status, answer.one(b"location"), answer.set_names), (302, b"/bye", [NAME]))

    def test_auth_answers(self) -> None:
        """The resource behind the auth endpoint is rendered."""
        self.assertEqual(self.ask("/oauth2/auth").status, 202)

    def test_answers_that_take_their_time(self) -> None:
        """While the provider is asked nothing is sent; then the one answer is."""
        sent, cookie = self.begin()
        waiting: Deferred[Any] = Deferred()

        async def slow(**given: Any) -> Any:
            return await waiting

        self.home.provider.sign_in = slow  # type: ignore[method-assign]
        target = "/oauth2/callback?" + urlencode({"code": "C-1", "state": sent["state"]})
        _, transport = self.wire(target, cookie=cookie)
        self.assertEqual(transport.value(), b"")
        waiting.callback(ALICE)
        self.assertEqual(Answer(transport.value()).status, 302)
