"""Single sign-on across host names in a real browser: several providers, one callback for all apps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from tests.end_to_end.browsers import BrowserCase
from tests.end_to_end.certified_case import COOKIE_SECRET, CertifiedCase
from tests.end_to_end.processes import Running, eventually, free_port

DOMAIN = "sso.test"
RESOLVE = f"--host-resolver-rules=MAP *.{DOMAIN} 127.0.0.1, MAP {DOMAIN} 127.0.0.1"


class HostsCase(CertifiedCase, BrowserCase):
    """Apps under one domain, each with a sidecar, and two certified providers."""

    def setUp(self) -> None:
        """Two providers that know the shared callbacks, and a browser that finds all names here."""
        super().setUp()
        self.auth_port = free_port()
        self.providers = {"one": free_port(), "two": free_port()}
        shared = f"http://auth.{DOMAIN}:{self.auth_port}/oauth2/callback"
        self.callback = shared
        for port in self.providers.values():
            self.start_provider(port, [shared, f"{shared}/two"])
        self.browser = self.start_browser(RESOLVE)

    def start_app(self, *arguments: str, port: int = 0, ids: Sequence[str] = ("one", "two")) -> int:
        """A sidecar before the app, with the providers of these ids; its port."""
        port = port or free_port()
        file = Path(self.mktemp()).resolve()
        file.write_text(self.structured(port, ids))
        flat = {
            "COOKIE_SECRET": COOKIE_SECRET,
            "COOKIE_SECURE": "false",
            "COOKIE_DOMAINS": DOMAIN,
            "WHITELIST_DOMAINS": f".{DOMAIN}:*",
            "EMAIL_DOMAINS": "*",
            "REDIRECT_URL": self.callback,
        }
        sidecar: Running = self.run_sidecar(flat, "--defaults=o2sidecar", f"--alpha-config={file}", *arguments)
        sidecar.await_listening(port)
        return port

    def structured(self, port: int, ids: Sequence[str]) -> str:
        """The structured file."""
        providers = "\n".join(
            f"- {{id: {id}, name: Provider {id}, provider: oidc, clientID: sidecar,\n"
            "   scope: openid email profile groups, clientSecret: end-to-end-client-secret,\n"
            "   code_challenge_method: S256,\n"
            f"   oidcConfig: {{issuerURL: 'http://127.0.0.1:{self.providers[id]}', audienceClaims: [aud],"
            " emailClaim: email}}"
            for id in ids
        )
        return (
            f"server: {{bindAddress: '127.0.0.1:{port}'}}\n"
            f"upstreamConfig: {{upstreams: [{{id: app, path: /, uri: '{self.app.url}'}}]}}\n"
            f"providers:\n{providers}\n"
        )

    def buttons(self, label: str) -> list[WebElement]:
        """The buttons that say so."""
        return self.browser.find_elements(By.XPATH, f"//button[contains(., '{label}')]")

    def press(self, label: str) -> None:
        """Press a button, once it is there."""
        eventually(f"a button {label!r}", lambda: self.buttons(label), 30)
        self.buttons(label)[0].click()

    def await_app(self, url: str) -> None:
        """Wait for the app's answer at a URL."""

        def there() -> bool:
            return self.browser.current_url == url and '"path"' in self.browser.page_source

        try:
            eventually(f"the app at {url}", there, 30)
        except AssertionError as error:
            raise AssertionError(f"{error}; at {self.browser.current_url}: {self.browser.page_source}") from None


class SharedCallbackTests(HostsCase):
    """One callback at auth.sso.test, as the architecture's picture has it."""

    def test_single_sign_on(self) -> None:
        """Who signs in at one app with either provider comes back to the very page, and is signed in at all others."""
        self.start_app(port=self.auth_port)
        first, second = self.start_app(), self.start_app()
        for id in self.providers:
            wanted = f"http://app1.{DOMAIN}:{first}/deep/page?x=1&y=%2F"
            self.browser.get(wanted)
            self.press(f"Provider {id}")
            self.await_app(wanted)
            for other in (f"http://app2.{DOMAIN}:{second}/there", f"http://{DOMAIN}:{second}/apex"):
                self.browser.get(other)
                self.await_app(other)
            self.browser.get(f"http://app2.{DOMAIN}:{second}/oauth2/sign_out")
            eventually("being signed out", lambda: not self.browser.get_cookies(), 30)

    def test_an_app_for_one_provider(self) -> None:
        """An app that accepts one provider turns the other one's people away, and lets them choose the right one."""
        self.start_app(port=self.auth_port)
        first, second = self.start_app(), self.start_app("--accepted-provider=one", ids=["one"])
        self.browser.get(f"http://app1.{DOMAIN}:{first}/")
        self.press("Provider two")
        self.await_app(f"http://app1.{DOMAIN}:{first}/")
        wanted = f"http://app2.{DOMAIN}:{second}/only?for=one"
        self.browser.get(wanted)
        self.press("another way")
        self.press("Sign in with")
        self.await_app(wanted)
        self.browser.get(f"http://app1.{DOMAIN}:{first}/again")
        self.await_app(f"http://app1.{DOMAIN}:{first}/again")
