"""Logout at npm's certified OpenID provider, with real processes and a real browser."""

from __future__ import annotations

import base64
import json
import re
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

from selenium.webdriver.common.by import By

from o2sidecar.session.codec import SessionCodec
from o2sidecar.session.keys import KeyRing
from tests.end_to_end.browsers import BrowserCase
from tests.end_to_end.certified_case import COOKIE_SECRET, CertifiedCase
from tests.end_to_end.processes import eventually, free_port
from tests.end_to_end.visitor import Visitor

POLL = 2.0


class BackChannelTests(CertifiedCase):
    """A person signs out at the provider, which tells one of three sidecars by a logout token."""

    def three(self, *arguments: str, **settings: str) -> list[int]:
        """The provider, and the ports of three sidecars, of which the first is told."""
        self.start_provider(logout_uri=f"{self.base}/oauth2/backchannel_logout")
        ports = [self.port, free_port(), free_port()]
        for port in ports:
            sidecar = self.run_sidecar(self.settings(port) | settings, "--defaults=o2sidecar", *arguments)
            sidecar.await_listening(port)
        self.assertEqual(self.sign_in().status, 200)
        return ports

    def sign_out_at_provider(self) -> None:
        """Ask the provider to end its session; by its answer it has told everybody."""
        provider = f"http://127.0.0.1:{self.provider_port}"
        page = self.visitor.get(f"{provider}/session/end").text
        found = re.search(r'name="xsrf" value="([^"]+)"', page)
        assert found is not None, page
        self.visitor.post(f"{provider}/session/end/confirm", {"xsrf": found[1], "logout": "yes"})

    def last_accepted(self, ports: list[int]) -> float:
        """Seconds from the provider's call to the beginning of the last request that was accepted anywhere."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.visitor.jar(self.base).items())
        accepted: dict[int, float] = {}
        begun = [0.0]
        over = threading.Event()

        def accepts(port: int) -> bool:
            answer = Visitor().get(f"http://127.0.0.1:{port}/oauth2/auth", {"Cookie": cookie})
            return answer.status == 202

        def watch(port: int) -> None:
            while not over.is_set():
                now = time.monotonic()
                if accepts(port):
                    accepted[port] = now
                time.sleep(0.02)

        for port in ports:
            self.assertTrue(accepts(port), "the cookie is good at all three")
        watchers = [threading.Thread(target=watch, args=(port,)) for port in ports]
        for watcher in watchers:
            watcher.start()
        try:
            eventually("use of the session at all three", lambda: len(accepted) == len(ports))
            begun[0] = time.monotonic()
            self.sign_out_at_provider()
            quiet = POLL + 1
            eventually("denial at all three", lambda: time.monotonic() - max(accepted.values()) > quiet)
        finally:
            over.set()
            for watcher in watchers:
                watcher.join()
        self.assertFalse(any(map(accepts, ports)))
        return max(accepted.values()) - begun[0]

    def test_by_the_list(self) -> None:
        """L4: sessions in cookies and a list that all share: denied everywhere within the interval."""
        folder = Path(self.mktemp()).resolve()
        folder.mkdir(parents=True)
        ports = self.three(f"--revocation-list={folder / 'revoked'}", f"--revocation-poll-interval={POLL:g}s")
        took = self.last_accepted(ports)
        sys.stdout.write(f"back-channel, sessions in cookies: last accepted {took:.2f} s after the call ({POLL:g} s)\n")
        self.assertLess(took, POLL + 1)

    def test_with_redis(self) -> None:
        """L4: sessions in Redis: denied everywhere within a second."""
        redis = free_port()
        quiet = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port", str(redis)]
        self.run_process(["redis-server", *quiet]).await_listening(redis)
        ports = self.three("--session-store-type=redis", f"--redis-connection-url=redis://127.0.0.1:{redis}")
        took = self.last_accepted(ports)
        sys.stdout.write(f"back-channel, sessions in Redis: last accepted {took:.2f} s after the call (1 s)\n")
        self.assertLessEqual(took, 1.0)


class Pages:
    """Serves pages of a test at a port of loopback; `page` gives the HTML at a path."""

    def __init__(self, page: Callable[[str], str]) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = page(self.path).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        """End."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class BrowserLogoutTests(CertifiedCase, BrowserCase):
    """What a browser makes of it."""

    def visit(self, path: str, port: int = 0) -> str:
        """Go somewhere; what can be read there."""
        self.browser.get(f"http://127.0.0.1:{port or self.port}{path}")
        return self.text()

    def text(self) -> str:
        """What can be read."""
        return " ".join(body.text for body in self.browser.find_elements(By.CSS_SELECTOR, "body"))

    def pages(self, page: Callable[[str], str]) -> Pages:
        """A server of pages that ends with the test."""
        pages = Pages(page)
        self.addCleanup(pages.close)
        return pages

    def test_rp_initiated(self) -> None:
        """L3: signing out goes on at the provider, and ends at a page of ours that signs nobody in again by itself."""
        self.start_provider()
        sidecar = self.start_sidecar("--provider-logout=true", SKIP_PROVIDER_BUTTON="true")
        self.browser = self.start_browser()
        self.assertIn("ada@example.com", self.visit("/reports"))
        self.visit("/oauth2/sign_out?rd=/reports")
        at = urlsplit(self.browser.current_url)
        asked = parse_qs(at.query)
        self.assertEqual(at.port, self.provider_port)
        self.assertEqual(asked["post_logout_redirect_uri"], [f"{self.base}/oauth2/signed_out"])
        [state], [hint] = asked["state"], asked["id_token_hint"]
        self.assertEqual(_payload(hint)["sub"], "ada")
        self.browser.find_element(By.CSS_SELECTOR, "button[name=logout]").click()
        eventually("being back", lambda: self.browser.current_url.startswith(f"{self.base}/oauth2/signed_out"))
        self.assertEqual(parse_qs(urlsplit(self.browser.current_url).query)["state"], [state])
        eventually("the page", lambda: "signed out" in self.text().lower())
        names = {cookie["name"] for cookie in self.browser.get_cookies()}
        self.assertEqual({name for name in names if name.startswith("_oauth2_proxy")}, set())
        self.assertTrue(
            self.browser.find_elements(By.CSS_SELECTOR, "form[action$='/oauth2/start'] input[value='/reports']")
        )
        self.assertTrue(self.browser.current_url.startswith(f"{self.base}/oauth2/signed_out"), "it stays there")
        self.assertEqual(Visitor().get(f"{self.base}/oauth2/auth").status, 401)
        sidecar.await_line("signed out")

    def test_other_sites(self) -> None:
        """L1: pictures, frames, requests and forms of another site sign nobody out; the person's own link does."""
        self.start_provider()
        self.start_sidecar()
        end = f"{self.base}/oauth2/sign_out"
        form = f"<form method=post action='{end}'></form><script>document.forms[0].submit()</script>"
        asking = f"fetch('{end}', {{mode: 'no-cors', credentials: 'include'}}).finally(() => document.title = 'done')"
        rest = f"<img src='{end}'><iframe src='{end}'></iframe><script>{asking}</script>"
        foreign = self.pages(lambda path: form if path == "/form" else rest)
        self.browser = self.start_browser()
        self.visit("/oauth2/start?rd=/")
        for path in ("/", "/form"):
            self.browser.get(f"http://localhost:{foreign.port}{path}")
            eventually(
                "the other site's attempt",
                lambda: self.browser.title == "done" or "sign you out" in self.text(),
            )
            self.assertIn("ada@example.com", self.visit("/still"))
        self.visit("/oauth2/sign_out")
        self.assertNotIn("ada@example.com", self.visit("/no-more"))

    def test_front_channel(self) -> None:
        """The provider's logout page ends the sessions of two apps by its frames; a stranger's page ends none.

        npm's provider has no front channel, so its page is played here as the specification has it.
        """
        other = free_port()
        callbacks = [f"http://127.0.0.1:{port}/oauth2/callback" for port in (self.port, other)]
        # It names its sessions (sid) to clients that have a back channel; that is not used here.
        self.start_provider(callbacks=callbacks, logout_uri=f"{self.base}/oauth2/backchannel_logout")
        for port, name in ((self.port, "_first"), (other, "_second")):
            changes = {"COOKIE_NAME": name, "REDIRECT_URL": f"http://127.0.0.1:{port}/oauth2/callback"}
            sidecar = self.run_sidecar(self.settings(port) | changes, "--defaults=o2sidecar")
            sidecar.await_listening(port)
        self.browser = self.start_browser()
        for port in (self.port, other):
            self.assertIn("ada@example.com", self.visit("/oauth2/start?rd=/", port))
        sids = {name: self.sid(name) for name in ("_first", "_second")}
        issuer = quote(f"http://127.0.0.1:{self.provider_port}", safe="")

        def page(path: str) -> str:
            known = path == "/logout"
            frames = "".join(
                f"<iframe src='http://127.0.0.1:{port}/oauth2/frontchannel_logout"
                f"?iss={issuer}&sid={sids[name] if known else 'guessed'}'></iframe>"
                for port, name in ((self.port, "_first"), (other, "_second"))
            )
            return f"{frames}<script>onload = () => document.title = 'done'</script>"

        pages = self.pages(page)
        for path, signed_in in (("/guess", True), ("/logout", False)):
            self.browser.get(f"http://127.0.0.1:{pages.port}{path}")
            eventually("the frames", lambda: self.browser.title == "done")
            for port in (self.port, other):
                self.assertIs("ada@example.com" in self.visit("/", port), signed_in, (path, port))

    def sid(self, name: str) -> str:
        """The provider's session of a session's cookie."""
        cookie = self.browser.get_cookie(name)
        assert cookie is not None
        codec = SessionCodec(ring=KeyRing.from_texts([COOKIE_SECRET]), expire=0)
        return str(_payload(codec.decode(name, cookie["value"], time.time()).id_token)["sid"])


def _payload(token: str) -> dict[str, object]:
    """The claims of a token."""
    part = token.split(".")[1]
    claims: dict[str, object] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims
