"""Tests of single sign-on in the box: a provider that all pods reach, and a browser that comes by the gateway."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tests.box.box_case import DOMAIN, BoxCase
from tests.box.manifests import Manifests
from tests.end_to_end.browsers import BrowserCase
from tests.end_to_end.certified_case import CertifiedCase
from tests.end_to_end.processes import eventually, free_port

APPS = ("app1", "app2", "app3")
GROUP = "team"
"""Of which ada is a member and mallory is not."""
SCOPE = "openid email profile groups"


class SingleSignOnCase(BoxCase, CertifiedCase, BrowserCase):
    """`start_realm`, `start_pods`, and then people `visit` the apps."""

    def setUp(self) -> None:
        """The provider's address; its process wants to know the callbacks first."""
        CertifiedCase.setUp(self)
        BoxCase.setUp(self)
        self.provider_port = free_port()
        self.issuer = f"https://{self.node.address}:{self.provider_port}"

    def start_realm(self, *arguments: str) -> str:
        """Write the realm and start a provider that knows the callbacks that init says to register; the Gateway."""
        hosts = [f"--host={app}.{DOMAIN}" for app in APPS]
        said = self.init(self.issuer, "--allow-any-user", "--set", f"scope={SCOPE}", *hosts, *arguments)
        self.callbacks = re.findall(rf"https://\S+\.{re.escape(DOMAIN)}/oauth2/callback", said)
        self.start_certified(self.callbacks)
        gateway = re.search(r"--gateway (\S+)", said)
        assert gateway is not None, said
        return gateway[1]

    def start_certified(self, callbacks: Sequence[str]) -> None:
        """The provider, which knows these callbacks."""
        tls = self.certify(self.folder / "provider", self.node.address)
        self.start_provider(self.provider_port, callbacks, host=self.node.address, tls=tls)

    def start_pods(self, manifests: Manifests, *, most: int = 2) -> None:
        """The pods of every Deployment, `most` of each, once they are ready; and the gateway."""
        for each in manifests.all("Deployment"):
            for number in range(min(most, each["spec"]["replicas"])):
                self.start_pod(manifests, each["metadata"]["name"], number)
        for pod in self.pods:
            pod.await_ready()
        self.start_gateway(manifests)

    def visit(self, account: str, *, admitted: bool) -> None:
        """Sign in on app1 from a plain link, and be known on app2; on app3 be `admitted`, or told of it."""
        rule = f"--host-resolver-rules=MAP *.{DOMAIN} {self.node.address}"
        self.browser = self.start_browser(rule, "--ignore-certificate-errors")
        self.browser.get(f"{self.issuer}/.well-known/openid-configuration")
        self.browser.add_cookie({"name": "account", "value": account})
        self.browser.get(f"http://app1.{DOMAIN}/deep/page?x=1")
        self.browser.find_element("css selector", "form[action$='/oauth2/start'] button").click()
        email = f"{account}@example.com"
        self.await_app(f"https://app1.{DOMAIN}/deep/page?x=1", email)
        self.browser.get(f"https://app2.{DOMAIN}/there")
        self.await_app(f"https://app2.{DOMAIN}/there", email)
        self.browser.get(f"https://app3.{DOMAIN}/few")
        if admitted:
            self.await_app(f"https://app3.{DOMAIN}/few", email)
        else:
            # The page that refuses names the person as well.
            self.await_text(f"https://app3.{DOMAIN}/few", "403 Forbidden", email)
            self.assertNotIn('"path"', self.browser.page_source)

    def await_app(self, url: str, email: str) -> None:
        """Wait for the app's answer at a URL, which shows that it was told of the person."""
        self.await_text(url, '"path"', f'"x-forwarded-email": "{email}"')

    def await_text(self, url: str, *texts: str) -> None:
        """Wait until the browser is at a URL and shows some texts."""

        def there() -> bool:
            source = self.browser.page_source
            return self.browser.current_url == url and all(text in source for text in texts)

        try:
            eventually(f"{texts} at {url}", there)
        except AssertionError as error:
            pods = "\n".join(each.output() for each in self.pods)
            shown = f"at {self.browser.current_url}: {self.browser.page_source[-2000:]}"
            raise AssertionError(f"{error}; {shown}\n{pods}\n{self.nginx.output()}") from None
