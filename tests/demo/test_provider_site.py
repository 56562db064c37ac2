"""Tests of the demo provider's pages and endpoints, over HTTP in memory."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from treq.testing import StubTreq
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.demo.pages import Pages
from o2sidecar.demo.provider_site import ProviderSite
from tests.demo.test_provider import CALLBACK, VERIFIER, provider, request


class Form(HTMLParser):
    """Hidden fields and buttons of a page, as a browser would send them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.hidden: dict[str, str] = {}
        self.buttons: list[str] = []
        self.tags: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect."""
        found = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        if found.get("type") == "hidden":
            self.hidden[found["name"]] = found["value"]
        if tag == "button":
            self.buttons.append(found["value"])


class ProviderSiteTests(SynchronousTestCase):
    """The provider as a browser and a client see it."""

    base = "http://127.0.0.1:9400"

    def setUp(self) -> None:
        """A provider's tree, asked without a network."""
        clock = Clock()
        clock.advance(1_700_000_000)
        site = ProviderSite(provider=provider(clock), pages=Pages(), app="the <demo>")
        self.treq: Any = StubTreq(site.resource())

    def ask(self, method: str, path: str, **kwargs: Any) -> Any:
        """An answer whose head has come, with its `text`."""
        response = self.successResultOf(
            self.treq.request(method, self.base + path, allow_redirects=False, **kwargs),
        )
        response.page = self.successResultOf(response.text("utf-8"))
        return response

    def location(self, response: Any) -> tuple[str, dict[str, list[str]]]:
        """Where a redirect goes, and with which parameters."""
        self.assertEqual(response.code, 303)
        (location,) = response.headers.getRawHeaders("location")
        target, _, query = location.partition("?")
        return target, parse_qs(query)

    def authorize(self, **changes: str | None) -> Any:
        """The answer to an authorization request."""
        return self.ask("GET", f"/authorize?{urlencode(request(**changes), doseq=True)}")

    def code(self) -> str:
        """A code for Ada, by way of the page."""
        form = Form(self.authorize().page)
        target, parameters = self.location(self.ask("POST", "/authorize", data={**form.hidden, "person": "ada"}))
        self.assertEqual((target, parameters["state"]), (CALLBACK, ["the-state"]))
        return parameters["code"][0]

    def swap(self, code: str, **kwargs: Any) -> Any:
        """The answer to a token request."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
        }
        return self.ask("POST", "/token", data=form, **kwargs)

    def test_discovery(self) -> None:
        """The discovery document is where it is looked for, and its endpoints are there."""
        found = json.loads(self.ask("GET", "/.well-known/openid-configuration").page)
        self.assertEqual(found["issuer"], self.base)
        self.assertIn("keys", json.loads(self.ask("GET", urlsplit(found["jwks_uri"]).path).page))

    def test_the_page(self) -> None:
        """One picks one of two people with a button each; what the page names is escaped, and it runs no script."""
        answer = self.authorize(state='"><script>alert(1)</script>')
        form = Form(answer.page)
        self.assertEqual(answer.code, 200)
        self.assertEqual(form.buttons, ["ada", "mallory"])
        self.assertEqual(form.hidden["state"], '"><script>alert(1)</script>')
        self.assertIn("the &lt;demo&gt;", answer.page)
        self.assertNotIn("script", form.tags)
        (policy,) = answer.headers.getRawHeaders("content-security-policy")
        self.assertIn("default-src 'none'", policy)
        self.assertIn("form-action 'self' http://app1.demo.localhost:4180 http://app2.demo.localhost:4181;", policy)
        self.assertIn("frame-ancestors 'none'", policy)
        self.assertNotIn("unsafe", policy)

    def test_sign_in(self) -> None:
        """A picked person's code is swapped for tokens that open the userinfo."""
        answer = self.swap(self.code(), auth=("demo", "s3cret"))
        tokens = json.loads(answer.page)
        self.assertEqual(answer.code, 200)
        self.assertEqual(answer.headers.getRawHeaders("cache-control"), ["no-store"])
        info = self.ask("GET", "/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"})
        self.assertEqual(json.loads(info.page)["email"], "ada@example.com")

    def test_wrong_secret(self) -> None:
        """A client that is not who it says gets 401 and the word for it."""
        answer = self.swap(self.code(), auth=("demo", "wrong"))
        self.assertEqual((answer.code, json.loads(answer.page)["error"]), (401, "invalid_client"))
        self.assertEqual(answer.headers.getRawHeaders("www-authenticate"), ['Basic realm="demo"'])

    def test_wrong_code(self) -> None:
        """A code that is none gets 400 and the word for it."""
        answer = self.swap("nonsense", auth=("demo", "s3cret"))
        self.assertEqual((answer.code, json.loads(answer.page)["error"]), (400, "invalid_grant"))

    def test_errors_go_to_the_client(self) -> None:
        """An error in the request comes back by redirect, with its state."""
        target, parameters = self.location(self.authorize(code_challenge=None))
        self.assertEqual(target, CALLBACK)
        self.assertEqual(parameters, {"error": ["invalid_request"], "state": ["the-state"]})

    def test_unknown_client(self) -> None:
        """An unknown client or redirect URI ends on a page, whether by link or by form."""
        for changes in ({"client_id": "other"}, {"redirect_uri": "http://evil.example/"}):
            self.assertEqual(self.authorize(**changes).code, 400)
            form = {name: values[0] for name, values in request(**changes).items()}
            self.assertEqual(self.ask("POST", "/authorize", data={**form, "person": "ada"}).code, 400)

    def test_nobody_picked(self) -> None:
        """A form without a person, or with an unknown one, is access denied; it is checked as a whole again."""
        form = {name: values[0] for name, values in request().items()}
        for person in ({}, {"person": "eve"}):
            _, parameters = self.location(self.ask("POST", "/authorize", data={**form, **person}))
            self.assertEqual(parameters["error"], ["access_denied"])
        form.pop("code_challenge")
        _, parameters = self.location(self.ask("POST", "/authorize", data={**form, "person": "ada"}))
        self.assertEqual(parameters["error"], ["invalid_request"])

    def test_userinfo_refused(self) -> None:
        """Without a good token there is no userinfo."""
        for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic x"}):
            answer = self.ask("GET", "/userinfo", headers=headers)
            self.assertEqual(answer.code, 401)
            self.assertEqual(answer.headers.getRawHeaders("www-authenticate"), ['Bearer error="invalid_token"'])

    def test_hostile_forms(self) -> None:
        """Bytes that are no form, too many fields, and odd credentials are refused, never an error of ours."""
        for body in (b"\xff\xfe", b"a=%ff", b"&".join(b"a=1" for _ in range(1000)), b""):
            self.assertEqual(self.ask("POST", "/token", data=body).code, 401)
            self.assertEqual(self.ask("POST", "/authorize", data=body).code, 400)
        self.assertEqual(self.swap("x", headers={"Authorization": "Basic !!!"}).code, 401)

    def test_end_session(self) -> None:
        """A sign-out goes on to a registered place with its state, else to a page."""
        home = "http://app1.demo.localhost:4180/"
        query = urlencode({"post_logout_redirect_uri": home, "state": "a b"})
        self.assertEqual(self.location(self.ask("GET", f"/end_session?{query}")), (home, {"state": ["a b"]}))
        form = {"post_logout_redirect_uri": home}
        self.assertEqual(self.location(self.ask("POST", "/end_session", data=form)), (home, {}))
        answer = self.ask("GET", "/end_session?post_logout_redirect_uri=http://evil.example/")
        self.assertEqual(answer.code, 200)
        self.assertIn("signed out", answer.page)

    def test_nothing_else(self) -> None:
        """There is nothing else to be found."""
        self.assertEqual(self.ask("GET", "/").code, 404)
        self.assertEqual(self.ask("GET", "/token").code, 405)
