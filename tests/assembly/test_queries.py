"""Tests of how queries are read, as settings say it."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.assembly.in_memory import InMemory

CLOSED = {"SKIP_AUTH_ROUTES": "^/open/"}


class SemicolonTests(SynchronousTestCase):
    """`allow_query_semicolons`."""

    def page(self, target: bytes, *arguments: str) -> str:
        """What a person without a session is shown."""
        return InMemory(*arguments, variables=CLOSED).ask(target, b"Accept: text/html").decode()

    def test_sign_in(self) -> None:
        """With it a semicolon separates what we read of a query, on the sign-in page and on any other."""
        for target in (b"/oauth2/sign_in?a=1;rd=/y", b"/x?a=1;rd=/y"):
            self.assertIn('value="/y"', self.page(target, "--allow-query-semicolons"))
        self.assertIn('value="/x?a=1;rd=/y"', self.page(b"/x?a=1;rd=/y"))
        self.assertNotIn('value="/y"', self.page(b"/oauth2/sign_in?a=1;rd=/y"))

    def test_app(self) -> None:
        """The app gets the query as it came, either way."""
        for arguments in ((), ("--allow-query-semicolons",)):
            sidecar = InMemory(*arguments, variables=CLOSED)
            sidecar.ask(b"/open/?a=1;b=%3B2;;")
            self.assertTrue(sidecar.app().take().startswith(b"GET /open/?a=1;b=%3B2;; HTTP/1.1\r\n"))
