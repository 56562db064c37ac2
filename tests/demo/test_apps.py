"""Tests of the demo's apps."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from treq.testing import StubTreq
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.demo.apps import App
from o2sidecar.demo.pages import Pages


class AppTests(SynchronousTestCase):
    """An app shows what its sidecar says."""

    def setUp(self) -> None:
        """App 1, asked without a network."""
        app = App(name="App 1", other="App 2", other_url="http://app2.demo.localhost:4181/", pages=Pages())
        self.treq: Any = StubTreq(app)

    def get(self, path: str, headers: Any = None, method: str = "GET") -> Any:
        """An answer with its text."""
        response = self.successResultOf(self.treq.request(method, f"http://app1.test{path}", headers=headers or {}))
        response.page = self.successResultOf(response.text("utf-8"))
        return response

    def test_who_you_are(self) -> None:
        """The page names the person, the groups, and what was asked for; links lead to the other app and out."""
        page = self.get(
            "/reports?week=47&x=1", {"X-Forwarded-Email": "ada@example.com", "X-Forwarded-Groups": "team,engineers"}
        ).page
        self.assertIn('<strong id="user">ada@example.com</strong>', page)
        self.assertIn("team,engineers", page)
        self.assertIn('<code id="asked">/reports?week=47&amp;x=1</code>', page)
        self.assertIn('href="http://app2.demo.localhost:4181/"', page)
        self.assertIn('href="/oauth2/sign_out?rd=%2F"', page)
        self.assertIn('href="/headers"', page)

    def test_nobody(self) -> None:
        """Without identity headers it says that nobody is signed in."""
        self.assertIn("Nobody is signed in", self.get("/").page)

    def test_hostile_identity(self) -> None:
        """Markup in a header or a path is text."""
        page = self.get("/?<b>", {"X-Forwarded-Email": "<script>alert(1)</script>"}).page
        self.assertNotIn("<script", page)
        self.assertNotIn("<b>", page)

    def test_policy(self) -> None:
        """The page may run nothing and load nothing."""
        (policy,) = self.get("/").headers.getRawHeaders("content-security-policy")
        self.assertTrue(policy.startswith("default-src 'none'; style-src 'sha256-"), policy)
        self.assertNotIn("unsafe", policy)

    def test_headers(self) -> None:
        """`/headers` is JSON of what came, whatever the method and the query; a repeated field has a list."""
        for method, path in (("GET", "/headers"), ("POST", "/headers?x=1")):
            answer = self.get(path, {"X-Forwarded-Email": "ada@example.com", "X-Twice": ["1", "2"]}, method)
            self.assertEqual(answer.headers.getRawHeaders("content-type"), ["application/json"])
            self.assertEqual(answer.headers.getRawHeaders("x-content-type-options"), ["nosniff"])
            found = json.loads(answer.page)
            self.assertEqual(found["X-Forwarded-Email"], "ada@example.com")
            self.assertEqual(found["X-Twice"], ["1", "2"])

    def test_headers_is_one_path(self) -> None:
        """Only that path is JSON."""
        for path in ("/headers/", "/x/headers", "/Headers"):
            self.assertIn("<!doctype html>", self.get(path).page)

    @given(st.binary(min_size=1).map(lambda value: value.strip().translate(None, b"\r\n\0")))
    def test_headers_escapes(self, value: bytes) -> None:
        """Whatever a value holds, the answer is JSON that gives it back as text."""
        page = self.get("/headers", {b"X-Odd": [value]}).page
        self.assertEqual(json.loads(page)["X-Odd"], value.decode("utf-8", "replace"))
