"""The realm as helm renders it, and the example of three apps before it, run in the box with a browser in front."""

from __future__ import annotations

from tests.box.box_case import CLIENT, DOMAIN
from tests.box.manifests import Manifests
from tests.box.single_sign_on_case import APPS, GROUP, SCOPE, SingleSignOnCase
from tests.kubernetes_tools.programs import CHART, DEPLOY, helm_template
from tests.kubernetes_tools.schemas import VERSIONS


class ChartsInABoxTests(SingleSignOnCase):
    """deploy/helm/o2sidecar and deploy/examples/three-apps-sso."""

    def rendered(self) -> str:
        """The chart's objects, for the provider of this test."""
        values = {
            "domain": DOMAIN,
            "oauth": {
                "provider": "oidc",
                "issuerURL": self.issuer,
                "scope": SCOPE,
                "clientID": CLIENT[0],
                "clientSecret": CLIENT[1],
                "cookieSecret": "a0b1c2d3e4f5g6h7i8j9k0l1m2n3o4p5",
            },
            "restrict": {"allowAnyUser": True},
            "trustedProxies": [self.node.address],
            "gateway": {"create": True, "credentialName": "wildcard-tls"},
        }
        return helm_template(CHART, values, options=[f"--kube-version={VERSIONS[0]}"])

    def test_three_apps(self) -> None:
        """One sign-in is good for app1 and app2, and app3 of the example admits its group alone."""
        example = (DEPLOY / "examples" / "three-apps-sso" / "injected.yaml").read_text("utf-8")
        # What is for readers to put in: their domain, their group, and the Gateway of the chart.
        apps = example.replace("example.com", DOMAIN).replace("acme:platform", GROUP)
        apps = apps.replace("istio-system/oauth2-gateway", "apps/oauth2-gateway")
        self.start_certified([f"https://{app}.{DOMAIN}/oauth2/callback" for app in APPS])
        self.start_pods(Manifests.read(self.rendered(), apps), most=1)
        self.visit("mallory", admitted=False)
        self.visit("ada", admitted=True)
