"""The architecture's picture in a browser: three apps behind one gateway, one sign-in, and one app for few."""

from __future__ import annotations

from tests.box.box_case import DOMAIN, app_text
from tests.box.manifests import Manifests
from tests.box.single_sign_on_case import APPS, GROUP, SingleSignOnCase


class SingleSignOnTests(SingleSignOnCase):
    """What init and inject write."""

    def start_apps(self, *arguments: str) -> None:
        """The three apps, of which the third admits a group only, each with a route."""
        gateway = self.start_realm(*arguments)
        few = f"      annotations: {{o2sidecar/allow-groups: {GROUP}}}"
        texts = [
            self.inject(
                app_text(app, annotations=few if app == "app3" else ""),
                *("--route", "istio", "--gateway", gateway, "--host", f"{app}.{DOMAIN}"),
            )
            for app in APPS
        ]
        self.start_pods(Manifests.read(*self.realm_texts(), *texts))

    def test_three_apps(self) -> None:
        """Who signs in on app1 is signed in on app2, and refused on app3 without its group; who has it is let in."""
        self.start_apps()
        self.visit("mallory", admitted=False)
        self.visit("ada", admitted=True)

    def test_one_callback(self) -> None:
        """The same where the provider knows one callback for all apps, at a host of its own with two pods."""
        self.start_apps("--shared-callback")
        self.assertEqual([pod.pod.name for pod in self.pods], ["auth-0", "auth-1", *(f"{app}-0" for app in APPS)])
        self.assertEqual(self.callbacks, [f"https://auth.{DOMAIN}/oauth2/callback"])
        self.visit("mallory", admitted=False)
        lines = [line for pod in self.pods[:2] for line in pod.output().splitlines() if "/oauth2/callback" in line]
        self.assertTrue(lines, "the callback came to the host of its own")
