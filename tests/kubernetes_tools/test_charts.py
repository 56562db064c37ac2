"""Tests of the chart of what sidecars share: every value counts, restrictions arrive, what is unsafe is refused."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar import __version__
from o2sidecar.kubernetes.container import CONFIG_MAP, IMAGE, SECRET, SidecarSpec
from o2sidecar.settings.load import load
from tests.kubernetes_tools.programs import CHART, LIBRARY, ROOT, ProgramFailed, helm_template, objects, run, the
from tests.kubernetes_tools.schemas import VERSIONS, WITHOUT_SCHEMA, complaints, group, kubeconform

Values = dict[str, Any]
COOKIE_SECRET = "a0b1c2d3e4f5g6h7i8j9k0l1m2n3o4p5"
BASE: Values = {
    "domain": "example.com",
    "oauth": {"provider": "github", "clientID": "id", "clientSecret": "secret", "cookieSecret": COOKIE_SECRET},
    "restrict": {"githubOrg": "acme"},
}
EVERYTHING: Values = {
    "gateway": {"create": True, "credentialName": "wildcard-tls"},
    "auth": {"enabled": True},
    "webhook": {"enabled": True, "tls": {"secretName": "webhook-tls", "caBundle": "QUJD"}},
    "monitoring": {"enabled": True, "alerts": True},
}


def merged(*layers: Mapping[str, Any]) -> Values:
    """Values as helm merges them, the last counting most."""
    made: Values = {}
    for layer in layers:
        for key, value in layer.items():
            both = isinstance(value, Mapping) and isinstance(made.get(key), Mapping)
            made[key] = merged(made[key], value) if both else deepcopy(value)
    return made


def at(path: str, value: Any) -> Values:
    """Values with one leaf, at a path with dots."""
    for key in reversed(path.split(".")):
        value = {key: value}
    return dict(value)


def leaves(values: Mapping[str, Any], before: str = "") -> list[str]:
    """The paths of all that is no further mapping; an empty mapping is a leaf."""
    found = []
    for key, value in values.items():
        path = f"{before}{key}"
        found += leaves(value, f"{path}.") if isinstance(value, Mapping) and value else [path]
    return found


def rendered(*layers: Mapping[str, Any], namespace: str = "apps", version: str = VERSIONS[1]) -> str:
    """The chart with the least that it needs, and more."""
    options = [f"--kube-version={version}"]
    return helm_template(CHART, merged(BASE, *layers), namespace=namespace, options=options)


def settings_of(text: str) -> dict[str, Any]:
    """What the ConfigMap of a rendered chart configures, as the sidecar's own parser of TOML reads it."""
    return tomllib.loads(the("ConfigMap", objects(text))["data"]["oauth2_proxy.cfg"])


FLIPS: dict[str, tuple[Any, Values]] = {
    "domain": ("example.org", {}),
    "cookieDomain": (".apps.example.com", {"auth": {"host": "auth.apps.example.com"}}),
    "configMapName": ("other", {}),
    "secretName": ("other", {}),
    "oauth.provider": ("oidc", {"restrict": {"githubOrg": "", "groups": ["acme"]}}),
    "oauth.issuerURL": ("https://id.example.com", {}),
    "oauth.scope": ("user:email", {}),
    "oauth.existingSecret": ("mine", {"oauth": {"clientID": "", "clientSecret": "", "cookieSecret": ""}}),
    "oauth.clientID": ("other", {}),
    "oauth.clientSecret": ("other", {}),
    "oauth.cookieSecret": ("b" * 43, {}),
    "oauth.acceptedCookieSecrets": ("b" * 43, {}),
    "oauth.existingKeyRing": (
        True,
        {"oauth": {"existingSecret": "mine", "clientID": "", "clientSecret": "", "cookieSecret": ""}},
    ),
    "restrict.allowAnyUser": (True, {"restrict": {"githubOrg": ""}}),
    "restrict.emailDomains": (["acme.com"], {}),
    "restrict.groups": (["acme/platform"], {}),
    "restrict.githubOrg": ("other", {}),
    "restrict.githubTeams": (["platform"], {}),
    "restrict.githubUsers": (["ada"], {}),
    "restrict.gitlabGroups": (["acme"], {"oauth": {"provider": "gitlab"}, "restrict": {"githubOrg": ""}}),
    "restrict.googleGroups": (["a@acme.com"], {"oauth": {"provider": "google"}, "restrict": {"githubOrg": ""}}),
    "restrict.entraTenants": (["t"], {"oauth": {"provider": "entra-id"}, "restrict": {"githubOrg": ""}}),
    "restrict.keycloakRoles": (["admin"], {"oauth": {"provider": "keycloak-oidc"}, "restrict": {"githubOrg": ""}}),
    "session.cookieName": ("_other", {}),
    "session.expire": ("24h", {}),
    "session.refresh": ("5m", {}),
    "session.sameSite": ("strict", {}),
    "trustedProxies": (["10.0.0.0/8"], {}),
    "branding.name": ("Acme", {}),
    "branding.colour": ("#336699", {}),
    "branding.logo": ("https://example.com/logo.svg", {}),
    "settings": ({"skip_provider_button": True}, {}),
    "gateway.create": (False, {"gateway": {"credentialName": "", "existing": "istio-system/main"}}),
    "gateway.existing": ("istio-system/main", {"gateway": {"create": False}}),
    "gateway.name": ("other", {}),
    "gateway.selector.istio": ("aks-istio-ingressgateway-external", {}),
    "gateway.hosts": (["app1.example.com"], {}),
    "gateway.credentialName": ("other", {}),
    "gateway.minProtocolVersion": ("TLSV1_3", {}),
    "gateway.httpsRedirect": (False, {}),
    "auth.enabled": (False, {}),
    "auth.host": ("login.example.com", {}),
    "auth.replicas": (3, {}),
    "auth.route": ("none", {}),
    "auth.parentGateway": ("infra/main", {"auth": {"route": "gateway-api"}}),
    "auth.ingress.className": ("nginx", {"auth": {"route": "ingress", "ingress": {"tlsSecret": "tls"}}}),
    "auth.ingress.tlsSecret": ("tls", {"auth": {"route": "ingress"}}),
    "auth.ingress.annotations": ({"a": "b"}, {"auth": {"route": "ingress", "ingress": {"tlsSecret": "tls"}}}),
    "webhook.enabled": (False, {}),
    "webhook.replicas": (3, {}),
    "webhook.tls.secretName": ("other", {}),
    "webhook.tls.caBundle": ("QUJE", {}),
    "webhook.tls.certManagerCertificate": ("apps/webhook", {"webhook": {"tls": {"caBundle": ""}}}),
    "webhook.timeoutSeconds": (3, {}),
    "webhook.extraArgs": (["--image=mirror.example.com/o2sidecar:0.1.0"], {}),
    "monitoring.enabled": (False, {}),
    "monitoring.alerts": (False, {}),
    "monitoring.interval": ("10s", {}),
    "monitoring.labels": ({"release": "prometheus"}, {}),
    "image.repository": ("mirror.example.com/o2sidecar", {}),
    "image.tag": ("0.2.0", {}),
    "image.digest": ("sha256:" + "0" * 64, {}),
    "image.pullPolicy": ("Always", {}),
    "imagePullSecrets": ([{"name": "mirror"}], {}),
    "resources.requests.cpu": ("1", {}),
    "resources.requests.memory": ("1Gi", {}),
    "resources.limits.cpu": ("2", {}),
    "resources.limits.memory": ("1Gi", {}),
    "podLabels": ({"team": "platform"}, {}),
    "podAnnotations": ({"team": "platform"}, {}),
    "nodeSelector": ({"kubernetes.io/os": "linux"}, {}),
    "tolerations": ([{"key": "a", "operator": "Exists"}], {}),
}
"""Path of a value to another value, and what else has to be said for it to be possible."""


class ValueTests(SynchronousTestCase):
    """No value of the chart is there for nothing."""

    def test_every_value_is_tried(self) -> None:
        """Each leaf of values.yaml has a line here, and none is left over."""
        values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
        self.assertEqual(sorted(FLIPS), sorted(leaves(values)))

    def test_every_value_changes_the_output(self) -> None:
        """Whatever value is changed, other objects are rendered."""
        for path, (value, more) in FLIPS.items():
            around = merged(EVERYTHING, more)
            after = rendered(around, at(path, value))
            try:
                self.assertNotEqual(rendered(around), after, path)
            except ProgramFailed:
                # Without it nothing is rendered at all; with it, it has to be seen.
                shown = value[0] if isinstance(value, list) else value
                self.assertTrue(isinstance(shown, bool) or str(shown).rpartition("/")[2] in after, path)

    def test_unknown_values(self) -> None:
        """A value that there is not, as one that is misspelt, is refused with its name."""
        for values in (at("oauth.githubOrg", "acme"), at("restrict.githuborg", "acme"), {"namespace": "default"}):
            error = self.assertRaises(ProgramFailed, rendered, values)
            self.assertIn("additional properties", str(error).lower())

    def test_schema_names_every_value(self) -> None:
        """values.schema.json has the same leaves as values.yaml, and closes every object of its own."""
        for chart in (CHART, LIBRARY):
            schema = json.loads((chart / "values.schema.json").read_text("utf-8"))
            values = yaml.safe_load((chart / "values.yaml").read_text("utf-8"))
            self.assertEqual(set(schema["properties"]) - {"global", "o2sidecar-lib"}, set(values))
            for name, value in values.items():
                if isinstance(value, dict) and "properties" in schema["properties"][name]:
                    self.assertEqual(set(schema["properties"][name]["properties"]), set(value), name)
                    self.assertIs(schema["properties"][name]["additionalProperties"], False, name)


class RestrictionTests(SynchronousTestCase):
    """What says who may pass arrives at the sidecar."""

    def test_restrictions_arrive(self) -> None:
        """Every restriction is in the configuration under the sidecar's own name for it, and is one that it takes."""
        cases = {
            "emailDomains": ("github", ["acme.com"], "email_domains", ["acme.com"]),
            "groups": ("oidc", ["a", 'b "c", d'], "allowed_groups", ["a", 'b "c", d']),
            "githubOrg": ("github", "acme", "github_org", "acme"),
            "githubTeams": ("github", ["acme:a", "acme:b"], "github_team", "acme:a,acme:b"),
            "githubUsers": ("github", ["ada"], "github_users", ["ada"]),
            "gitlabGroups": ("gitlab", ["acme"], "gitlab_groups", ["acme"]),
            "googleGroups": ("google", ["a@acme.com"], "google_groups", ["a@acme.com"]),
            "entraTenants": ("entra-id", ["t"], "entra_id_allowed_tenants", ["t"]),
            "keycloakRoles": ("keycloak-oidc", ["admin"], "allowed_roles", ["admin"]),
        }
        for name, (provider, value, setting, expected) in cases.items():
            restrict = {"githubOrg": "", name: value}
            settings = settings_of(rendered({"oauth": {"provider": provider}, "restrict": restrict}))
            self.assertEqual(settings[setting], expected, name)
            if name != "emailDomains":
                self.assertEqual(settings["email_domains"], ["*"], name)

    def test_nobody_is_admitted_by_oversight(self) -> None:
        """Without any restriction, or with `*` alone, nothing is rendered unless allowAnyUser says so."""
        for restrict in ({}, {"emailDomains": ["*"]}):
            values = {"restrict": {"githubOrg": "", **restrict}}
            error = self.assertRaises(ProgramFailed, rendered, values)
            self.assertIn("restrict: nothing says who may pass", str(error))
        self.assertEqual(
            settings_of(rendered({"restrict": {"githubOrg": "", "allowAnyUser": True}}))["email_domains"], ["*"]
        )

    def test_refusals(self) -> None:
        """What would restrict nobody, contradicts itself or cannot work is refused with the value's name."""
        cases: list[tuple[Values, str]] = [
            ({"domain": ""}, "domain"),
            ({"oauth": {"provider": ""}}, "oauth.provider"),
            ({"oauth": {"provider": "google"}}, "restrict.githubOrg"),
            ({"restrict": {"allowAnyUser": True}}, "restrict.allowAnyUser"),
            ({"restrict": {"githubOrg": "", "githubTeams": ["platform"]}}, "restrict.githubTeams"),
            ({"oauth": {"existingSecret": "mine"}}, "oauth.existingSecret"),
            ({"oauth": {"existingKeyRing": True}}, "oauth.existingKeyRing"),
            ({"oauth": {"clientSecret": ""}}, "clientSecret"),
            ({"oauth": {"cookieSecret": "short"}}, "oauth.cookieSecret"),
            ({"oauth": {"cookieSecret": "$(openssl rand -base64 32)"}}, "oauth.cookieSecret"),
            ({"oauth": {"cookieSecret": "a" * 42 + "+="}}, "oauth.cookieSecret"),
            ({"gateway": {"create": True}}, "gateway.credentialName"),
            ({"gateway": {"create": True, "credentialName": "a", "existing": "a/b"}}, "gateway.existing"),
            ({"auth": {"enabled": True}}, "auth.route"),
            ({"auth": {"enabled": True, "route": "gateway-api"}}, "auth.parentGateway"),
            ({"auth": {"enabled": True, "route": "ingress"}}, "auth.ingress.tlsSecret"),
            ({"auth": {"enabled": True, "route": "none", "host": "auth.example.org"}}, "auth.host"),
            ({"webhook": {"enabled": True, "tls": {"caBundle": "QUJD"}}}, "webhook.tls.secretName"),
            ({"webhook": {"enabled": True, "tls": {"secretName": "tls"}}}, "webhook.tls"),
            ({"settings": {"email_domains": ["*"]}}, "settings.email_domains"),
            ({"settings": {"cookie_secret": COOKIE_SECRET}}, "settings.cookie_secret"),
            ({"image": {"tag": "latest"}}, "tag"),
        ]
        for values, name in cases:
            error = self.assertRaises(ProgramFailed, rendered, values)
            self.assertIn(name, str(error), values)
            self.assertNotIn(COOKIE_SECRET, str(error))


class ObjectTests(SynchronousTestCase):
    """The rendered objects are what the API takes, in the release's namespace, with the names that are documented."""

    def variants(self) -> list[str]:
        """The chart's shapes."""
        routes: list[Values] = [
            {"auth": {"route": "gateway-api", "parentGateway": "infra/main"}},
            {"auth": {"route": "ingress", "ingress": {"tlsSecret": "tls", "className": "nginx"}}},
        ]
        return [rendered(), rendered(EVERYTHING), *(rendered(EVERYTHING, route) for route in routes)]

    def test_schemas(self) -> None:
        """Every shape is valid for the oldest and the newest Kubernetes, in the eyes of two programs."""
        for text in self.variants():
            for version in VERSIONS:
                kubeconform(text, version)
                for data in objects(text):
                    if group(data) not in WITHOUT_SCHEMA:
                        self.assertEqual([error.message for error in complaints(data, version)], [], data["kind"])

    def test_oldest_kubernetes(self) -> None:
        """The chart is for Kubernetes 1.29 and newer, and says so to an older one."""
        rendered(EVERYTHING, version=VERSIONS[0])
        self.assertIn("kubeVersion", str(self.assertRaises(ProgramFailed, rendered, version="1.28.0")))

    def test_namespace(self) -> None:
        """Objects are in the release's namespace, whatever it is, and refer to nothing in another."""
        text = rendered(EVERYTHING, namespace="elsewhere")
        for data in objects(text):
            if not data["kind"].endswith("WebhookConfiguration"):
                self.assertEqual(data["metadata"]["namespace"], "elsewhere", data["kind"])
        self.assertNotIn("apps", {data["metadata"].get("namespace") for data in objects(text)})
        hook = the("MutatingWebhookConfiguration", objects(text))
        self.assertEqual(hook["webhooks"][0]["clientConfig"]["service"]["namespace"], "elsewhere")
        self.assertEqual(the("VirtualService", objects(text))["spec"]["gateways"], ["elsewhere/oauth2-gateway"])

    def test_names(self) -> None:
        """ConfigMap, Secret, image and version are those that `o2sidecar inject` refers to."""
        found = objects(rendered())
        self.assertEqual(the("ConfigMap", found)["metadata"]["name"], CONFIG_MAP)
        secret = the("Secret", found)
        self.assertEqual(secret["metadata"]["name"], SECRET)
        self.assertEqual(
            set(secret["stringData"]),
            {
                "client-id",
                "client-secret",
                "cookie-secret",
                "accepted-cookie-secrets",
            },
        )
        for chart in (CHART, LIBRARY):
            image = yaml.safe_load((chart / "values.yaml").read_text("utf-8"))["image"]
            self.assertEqual(f"{image['repository']}:{image['tag']}", IMAGE)
            about = yaml.safe_load((chart / "Chart.yaml").read_text("utf-8"))
            self.assertEqual((about["version"], about["appVersion"]), (__version__, __version__))

    def test_configuration_is_taken(self) -> None:
        """The sidecar starts with the rendered configuration, and has the callback of the shared host."""
        text = the("ConfigMap", objects(rendered(EVERYTHING)))["data"]["oauth2_proxy.cfg"]
        path = self.mktemp()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        keys = f"--accepted-cookie-secrets-file={path}.keys"
        Path(f"{path}.keys").touch()
        given = ["--client-id=id", "--client-secret=secret", f"--cookie-secret={COOKIE_SECRET}"]
        loaded = load([f"--config={path}", keys, "--upstream=static://200", *given], {})
        self.assertEqual(loaded.settings.redirect_url, "https://auth.example.com/oauth2/callback")
        self.assertEqual(loaded.settings.cookie_domains, (".example.com",))

    def test_shared_callback(self) -> None:
        """The callback's host is served by the container of `inject`, without an app, and its route retries nothing."""
        found = objects(rendered(EVERYTHING))
        auth = the("Deployment", found, "realm-auth")["spec"]
        self.assertEqual(auth["replicas"], 2)
        expected = SidecarSpec(app_port=8080, hosts=["auth.example.com"])
        container = expected.container
        container["args"][3] = "--upstream=static://200"
        self.assertEqual(auth["template"]["spec"]["containers"], [container])
        self.assertEqual(auth["template"]["spec"]["volumes"], expected.volumes)
        route = the("VirtualService", found)["spec"]
        self.assertEqual(route["http"][0]["retries"], {"attempts": 0})
        self.assertEqual(the("PodDisruptionBudget", found, "realm-auth")["spec"]["maxUnavailable"], 1)

    def test_webhook(self) -> None:
        """The webhooks wait only for pods that ask for it, fail closed for those, and leave out where they run."""
        found = objects(rendered(EVERYTHING))
        for kind, path in (("Mutating", "/mutate"), ("Validating", "/validate")):
            (hook,) = the(f"{kind}WebhookConfiguration", found)["webhooks"]
            self.assertEqual(hook["failurePolicy"], "Fail")
            self.assertEqual(hook["timeoutSeconds"], 5)
            asking = [
                {"key": "o2sidecar/inject", "operator": "Exists"},
                {"key": "o2sidecar/inject", "operator": "NotIn", "values": ["false"]},
            ]
            self.assertEqual(hook["objectSelector"], {"matchExpressions": asking})
            operations = ["CREATE"] if kind == "Mutating" else ["CREATE", "UPDATE"]
            self.assertEqual(hook["rules"][0]["operations"], operations)
            self.assertEqual(hook["namespaceSelector"]["matchExpressions"][0]["values"], ["kube-system", "apps"])
            self.assertEqual(hook["clientConfig"]["service"]["path"], path)
        args = the("Deployment", found, "realm-webhook")["spec"]["template"]["spec"]["containers"][0]["args"]
        self.assertIn("--listen=0.0.0.0:8443", args)

    def test_no_secret_outside_of_the_secret(self) -> None:
        """Client secret and cookie secret are in the Secret, and in no other object."""
        for data in objects(rendered(EVERYTHING, at("oauth.clientSecret", "hush-hush"))):
            if data["kind"] != "Secret":
                self.assertNotIn("hush-hush", json.dumps(data))
                self.assertNotIn(COOKIE_SECRET, json.dumps(data))

    def test_alerts(self) -> None:
        """The alerts are those of examples/alerts.yaml, untouched by helm."""
        rules = yaml.safe_load((ROOT / "examples" / "alerts.yaml").read_text("utf-8"))
        self.assertEqual(the("PrometheusRule", objects(rendered(EVERYTHING)))["spec"], rules)

    def test_lint(self) -> None:
        """`helm lint` has nothing to say but that there is no icon; packed, the chart renders the same."""
        folder = self.mktemp()
        run("helm", "lint", str(CHART), "--values=-", f"--kube-version={VERSIONS[1]}", given=json.dumps(BASE))
        run("helm", "package", str(CHART), f"--destination={folder}")
        (packed,) = Path(folder).glob("*.tgz")
        values = merged(BASE, EVERYTHING)
        again = helm_template(packed.absolute(), values, options=[f"--kube-version={VERSIONS[1]}"])
        self.assertEqual(again, rendered(EVERYTHING))
