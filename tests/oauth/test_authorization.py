"""Tests of authorization requests."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.oauth.authorization import authorization_url

TEXTS = st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=20)


class AuthorizationUrlTests(SynchronousTestCase):
    """The URL that the browser is sent to."""

    def test_parameters(self) -> None:
        """Parameters are encoded, in order, blanks as %20."""
        url = authorization_url("https://idp.example/authorize", [("scope", "openid email"), ("state", "h:/a?b&c")])
        self.assertEqual(url, "https://idp.example/authorize?scope=openid%20email&state=h%3A%2Fa%3Fb%26c")

    def test_own_query(self) -> None:
        """A query of the endpoint's own is kept, but for what is sent anyway (RFC 6749 §3.1)."""
        url = authorization_url("https://idp.example/a?tenant=x&state=old&empty=", [("state", "new")])
        self.assertEqual(url, "https://idp.example/a?tenant=x&empty=&state=new")

    def test_no_fragment(self) -> None:
        """A fragment has no place in it (RFC 6749 §3.1)."""
        self.assertEqual(authorization_url("https://idp.example/a#x", [("a", "b")]), "https://idp.example/a?a=b")

    @settings(deadline=None)
    @given(st.lists(st.tuples(TEXTS, st.text(alphabet=st.characters(codec="utf-8"), max_size=20)), max_size=5))
    def test_any_parameters(self, parameters: list[tuple[str, str]]) -> None:
        """What is sent arrives, and nothing breaks out of the query."""
        url = urlsplit(authorization_url("https://idp.example/a", parameters))
        self.assertEqual((url.netloc, url.path, url.fragment), ("idp.example", "/a", ""))
        self.assertEqual(parse_qsl(url.query, keep_blank_values=True), parameters)
