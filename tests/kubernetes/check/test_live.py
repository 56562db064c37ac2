"""Tests of `--live`: a small site on loopback that does well, and what is found when it does not."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.kubernetes.check.live.client import Client, NoAnswer
from o2sidecar.kubernetes.check.live.visit import visit
from tests.private_authority import Authority

Headers = list[tuple[str, str]]
Given = tuple[int, Headers, str]
Answers = dict[str, Callable[[Any], Given]]
GOOD_COOKIE = "_oauth2_proxy_csrf=abc; Path=/; HttpOnly; SameSite=Lax; Secure"


class _Site(BaseHTTPRequestHandler):
    """Answers by the table of its server; what is not there, as a good sidecar does."""

    def do_GET(self) -> None:
        """Answer."""
        path = self.path.partition("?")[0]
        answers = self.server.answers  # type: ignore[attr-defined]
        made = answers.get(path, self._good)(self)
        status, headers, body = made
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def _good(self, request: BaseHTTPRequestHandler) -> Given:
        path = self.path.partition("?")[0]
        root = self.server.root  # type: ignore[attr-defined]
        if path == "/oauth2/start":
            callback = f"{root}/oauth2/callback".replace(":", "%3A").replace("/", "%2F")
            query = f"client_id=x&redirect_uri={callback}&state=s&code_challenge_method=S256&code_challenge=c"
            return 302, [("Location", f"{root}/provider/authorize?{query}"), ("Set-Cookie", GOOD_COOKIE)], ""
        if path == "/provider/authorize":
            return 200, [], "sign in"
        if path == "/oauth2/auth":
            return 401, [], ""
        if path == "/oauth2/sign_out":
            return 302, [("Location", "/"), ("Set-Cookie", "_oauth2_proxy=; Max-Age=0")], ""
        return 403, [("Date", self.date_time_string())], "<button>Sign in</button>"

    def log_message(self, *args: object) -> None:
        """Say nothing."""


class _Server(HTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that has hung up."""


class LiveTests(SynchronousTestCase):
    """The flow as it should be, and each fault by its rule."""

    def setUp(self) -> None:
        """Have an authority, which is known unless a test says otherwise."""
        self.authority, self.ca_file = Authority(), ""
        self.asked: list[str] = []

    def site(self, answers: Answers | None = None, *, name: str = "localhost", days: int = 30) -> str:
        """The address of a site with TLS; `answers` by path."""
        folder = Path(self.mktemp())
        folder.mkdir(parents=True)
        certified = self.authority.certify(name, days=days)
        (folder / "chain.pem").write_bytes(certified.chain)
        (folder / "key.pem").write_bytes(certified.key)
        (folder / "ca.pem").write_bytes(self.authority.pem)
        self.ca_file = str(folder / "ca.pem")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "chain.pem", folder / "key.pem")
        return self._serve(context, answers or {})

    def _serve(self, context: ssl.SSLContext | None, answers: Answers) -> str:
        server = _Server(("127.0.0.1", 0), _Site)
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        root = f"http{'s' if context else ''}://localhost:{server.server_port}"
        server.root = root  # type: ignore[attr-defined]
        server.asked = self.asked  # type: ignore[attr-defined]
        server.answers = answers  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.addCleanup(server.server_close)
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown)
        return root

    def found(self, root: str) -> list[str]:
        """The rules that find anything there."""
        return sorted({finding.rule for finding in visit(root, ca_file=self.ca_file)})

    def test_good(self) -> None:
        """A site that does all as it should gives no finding, and is asked by GET only, a few times."""
        self.assertEqual(self.found(self.site()), [])
        self.assertLess(len(self.asked), 12)
        self.assertIn("/oauth2/start?rd=%2F", self.asked)

    def test_sent_on_at_once(self) -> None:
        """A site that leads to the provider without a page is as good."""
        self.assertEqual(self.found(self.site({"/": lambda request: (302, [("Location", "/oauth2/start")], "")})), [])

    def test_open(self) -> None:
        """A page without a session, and one for made-up identity headers."""
        self.assertEqual(self.found(self.site({"/": lambda request: (200, [], "hello")})), ["O2S103", "O2S109"])

    def test_spoofed(self) -> None:
        """Made-up headers that pass /oauth2/auth, or whose name is shown."""
        self.assertEqual(self.found(self.site({"/oauth2/auth": lambda request: (202, [], "")})), ["O2S109"])
        name = "X-Forwarded-Email"
        site = self.site({"/": lambda request: (403, [], f"hello {request.headers.get(name, '')}")})
        self.assertEqual(self.found(site), ["O2S109"])

    def test_broken(self) -> None:
        """5xx and 404 instead of a sign-in; a start that leads nowhere."""
        self.assertEqual(self.found(self.site({"/": lambda request: (503, [], "")})), ["O2S104"])
        self.assertEqual(self.found(self.site({"/oauth2/start": lambda request: (404, [], "")})), ["O2S105"])
        start = "https://idp.invalid/authorize?client_id=x"
        self.assertEqual(
            self.found(self.site({"/oauth2/start": lambda request: (302, [("Location", start)], "")})), ["O2S105"]
        )

    def started(self, query: str, cookie: str = GOOD_COOKIE) -> list[str]:
        """What is found at a site whose sign-in begins with this query and cookie."""

        def start(request: _Site) -> Given:
            root = request.server.root  # type: ignore[attr-defined]
            location = f"{root}/provider/authorize?client_id=x&state=s&{query.replace('ROOT', root)}"
            location = location.replace("FORGED", request.headers.get("X-Forwarded-Host", "localhost"))
            return 302, [("Location", location), ("Set-Cookie", cookie)], ""

        return self.found(self.site({"/oauth2/start": start}))

    def test_callbacks(self) -> None:
        """One by plain http, one beside the prefix, one that the cookie does not reach; a shared one is well."""
        pkce = "code_challenge_method=S256"
        self.assertEqual(self.started(f"redirect_uri=ROOT/oauth2/callback&{pkce}"), [])
        self.assertEqual(self.started(f"redirect_uri=http://app.example.com/oauth2/callback&{pkce}"), ["O2S106"])
        self.assertEqual(self.started(f"redirect_uri=ROOT/elsewhere&{pkce}"), ["O2S106"])
        shared = f"redirect_uri=https://auth.example.com/oauth2/callback&{pkce}"
        self.assertEqual(self.started(shared), ["O2S106"])
        self.assertEqual(self.started(shared, f"{GOOD_COOKIE}; Domain=example.com"), [])

    def test_protection(self) -> None:
        """PKCE that is off, and cookies without their flags."""
        self.assertEqual(self.started("redirect_uri=ROOT/oauth2/callback"), ["O2S107"])
        query = "redirect_uri=ROOT/oauth2/callback&code_challenge_method=S256"
        for cookie in ("a=b; Secure; HttpOnly", "a=b; Secure; SameSite=Lax", "a=b; HttpOnly; SameSite=Lax"):
            self.assertEqual(self.started(query, cookie), ["O2S108"], cookie)

    def test_forged_host(self) -> None:
        """A client's own X-Forwarded-Host that ends up in the callback."""
        query = "redirect_uri=https://FORGED/oauth2/callback&code_challenge_method=S256"
        self.assertEqual(self.started(query), ["O2S110"])

    def test_sign_out(self) -> None:
        """A sign-out that is not there, or that leads to any site."""
        self.assertEqual(self.found(self.site({"/oauth2/sign_out": lambda request: (404, [], "")})), ["O2S114"])
        away = "https://o2sidecar-check.invalid/"
        site = self.site({"/oauth2/sign_out": lambda request: (302, [("Location", away)], "")})
        self.assertEqual(self.found(site), ["O2S111"])

    def test_metrics(self) -> None:
        """Metrics for everybody; a page of the app of that name is none."""
        exposition = "# HELP oauth2_proxy_requests_total x\n"
        self.assertEqual(self.found(self.site({"/metrics": lambda request: (200, [], exposition)})), ["O2S112"])
        self.assertEqual(self.found(self.site({"/metrics": lambda request: (200, [], "<h1>Our metrics</h1>")})), [])

    def test_provider(self) -> None:
        """A provider that refuses the request."""
        self.assertEqual(self.found(self.site({"/provider/authorize": lambda request: (400, [], "")})), ["O2S115"])

    def test_clock(self) -> None:
        """A site whose Date is off."""
        late = "Thu, 01 Jan 2026 00:00:00 GMT"
        self.assertEqual(self.found(self.site({"/": lambda request: (403, [("Date", late)], "")})), ["O2S113"])

    def test_certificates(self) -> None:
        """One that ends soon, one for another name, one of an unknown authority."""
        self.assertEqual(self.found(self.site(days=5)), ["O2S101"])
        self.assertEqual(self.found(self.site(name="other.example.com")), ["O2S100"])
        (finding,) = visit(self.site())
        self.assertEqual(finding.rule, "O2S100")
        self.assertIn("the certificate does not hold", finding.sentence)

    def test_nobody_there(self) -> None:
        """A site that does not answer is one finding."""
        self.assertEqual(self.found("http://localhost:1/"), ["O2S100"])

    def test_plain_on_loopback(self) -> None:
        """On this machine's own loopback plain http is no finding."""
        root = self._serve(None, {})
        self.assertEqual(self.found(root), [])
        self.assertEqual(self.found(root.replace("localhost", "app.localhost")), ["O2S106"])

    def test_no_address(self) -> None:
        """What is no address of a site is refused."""
        for address in ("app.example.com", "ftp://app.example.com", "https://user@app.example.com", "https:///"):
            with self.assertRaises(ValueError):
                visit(address)

    def test_slow(self) -> None:
        """A site that does not answer in time is given up."""
        released = threading.Event()

        def slow(request: _Site) -> Given:
            released.wait(5)
            return 200, [], ""

        root = self._serve(None, {"/": slow})
        began = time.monotonic()
        with self.assertRaises(NoAnswer):
            Client(timeout=0.2).get(f"{root}/")
        released.set()
        self.assertLess(time.monotonic() - began, 4)
