"""The architecture's picture in a browser: three apps behind one gateway, one sign-in, and one app for few."""

from __future__ import annotations

import re

from tests.box.box_case import DOMAIN, BoxCase, app_text
from tests.box.manifests import Manifests
from tests.end_to_end.browsers import BrowserCase
from tests.end_to_end.certified_case import CertifiedCase
from tests.end_to_end.processes import eventually, free_port

APPS = ("app1", "app2", "app3")
GROUP = "team"


class SingleSignOnCase(BoxCase, CertifiedCase, BrowserCase):
    """A provider that everybody reaches, and a browser that finds the apps at the gateway."""

    def setUp(self) -> None:
        """The provider's address; its process wants to know the callbacks first."""
        CertifiedCase.setUp(self)
        BoxCase.setUp(self)
        self.provider_port = free_port()
        self.issuer = f"http://{self.node.address}:{self.provider_port}"

    def start_realm(self, *arguments: str) -> str:
        """Write the realm and start a provider that knows the callbacks that init says to register; the Gateway."""
        hosts = [f"--host={app}.{DOMAIN}" for app in APPS]
        said = self.init(
            self.issuer, "--allow-any-user", "--set", "scope=openid email profile groups", *hosts, *arguments
        )
        callbacks = re.findall(rf"https://\S+\.{re.escape(DOMAIN)}/oauth2/callback", said)
        self.start_provider(self.provider_port, callbacks, host=self.node.address)
        gateway = re.search(r"--gateway (\S+)", said)
        assert gateway is not None, said
        return gateway[1]

    def open_browser(self, account: str) -> None:
        """A browser of somebody whom the provider knows by name."""
        rule = f"--host-resolver-rules=MAP *.{DOMAIN} {self.node.address}"
        self.browser = self.start_browser(rule, "--ignore-certificate-errors")
        self.browser.get(f"{self.issuer}/.well-known/openid-configuration")
        self.browser.add_cookie({"name": "account", "value": account})

    def await_text(self, url: str, text: str) -> None:
        """Wait until the browser is at a URL and shows a text."""

        def there() -> bool:
            return self.browser.current_url == url and text in self.browser.page_source

        try:
            eventually(f"{text!r} at {url}", there, 60)
        except AssertionError as error:
            pods = "\n".join(each.output() for each in self.pods)
            shown = f"at {self.browser.current_url}: {self.browser.page_source}"
            raise AssertionError(f"{error}; {shown}\n{pods}\n{self.nginx.output()}") from None


class SingleSignOnTests(SingleSignOnCase):
    """Of init and inject."""

    def start_apps(self, *arguments: str) -> None:
        """The three apps, of which the third admits a group only, and the gateway with their routes."""
        gateway = self.start_realm(*arguments)
        few = f"      annotations: {{o2sidecar/allow-groups: {GROUP}}}"
        texts = [
            self.inject(
                app_text(app, annotations=few if app == "app3" else ""),
                *("--route", "istio", "--gateway", gateway, "--host", f"{app}.{DOMAIN}"),
            )
            for app in APPS
        ]
        manifests = Manifests.read(*self.realm_texts(), *texts)
        for app in APPS:
            self.start_pod(manifests, app)
        for pod in self.pods:
            pod.await_ready()
        self.start_gateway(manifests)

    def test_three_apps(self) -> None:
        """Who signs in on app1 is signed in on app2, and refused on app3 without its group; who has it is let in."""
        self.start_apps()
        for account, admitted in (("mallory", False), ("ada", True)):
            self.open_browser(account)
            self.browser.get(f"http://app1.{DOMAIN}/deep/page?x=1")
            self.browser.find_element("css selector", "form button, a.button, button").click()
            self.await_text(f"https://app1.{DOMAIN}/deep/page?x=1", f"{account}@example.com")
            self.browser.get(f"https://app2.{DOMAIN}/there")
            self.await_text(f"https://app2.{DOMAIN}/there", f"{account}@example.com")
            self.browser.get(f"https://app3.{DOMAIN}/few")
            # The page that refuses names the person as well.
            self.await_text(f"https://app3.{DOMAIN}/few", f"{account}@example.com")
            self.assertEqual('"path"' in self.browser.page_source, admitted)
            self.assertEqual("403 Forbidden" in self.browser.page_source, not admitted)
