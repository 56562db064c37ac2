"""Each rule beside the traps: the clean example with one thing changed, and sets that only look alike."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.kubernetes.check.rules import RULES, judge
from o2sidecar.kubernetes.check.scene import Scene
from o2sidecar.kubernetes.check.thing import Thing
from o2sidecar.providers.registry import KnownProviders
from tests.kubernetes.check.judging import clean, found_in, ids, scene_of

CFG = '    provider = "github"\n'
ARGS = "        - --upstream=http://127.0.0.1:8080\n"
CHANGED = (
    # settings
    (CFG, CFG + '    no_such_key = "1"\n', {"O2S001"}),
    ("--upstream=http://127.0.0.1:8080", "--upstream=nonsense://x", {"O2S001"}),
    (CFG, CFG + "    show_debug_on_error = true\n", {"O2S002"}),
    (CFG, CFG + '    cookie_refresh = "200h"\n', {"O2S033"}),
    (CFG, CFG + "    cookie_secure = false\n", {"O2S032"}),
    (CFG, CFG + '    keycloak_groups = ["admins"]\n', {"O2S021"}),
    (CFG, CFG + '    scope = "user:email"\n', {"O2S022"}),
    # secrets
    ("kT2-5zq0WvYx_8Rb1nMcJdLsEoPa3uGh7fKiZtQw9yU=", "too-short", {"O2S010"}),
    ("client-secret: 5b2f9c0d7e8a", "client-secret: changeme", {"O2S011"}),
    ("client-secret: 5b2f9c0d7e8a", "client-secret: xxxxxxxxxx", {"O2S011"}),
    (CFG, CFG + '    client_secret = "5b2f9c0d7e8a"\n', {"O2S012"}),
    # who may pass
    ('    github_org = "acme"\n', "", {"O2S020"}),
    ("GET=^/healthz$", "GET=^/", {"O2S023"}),
    ("GET=^/healthz$", "POST!=^/api/", {"O2S023"}),
    ("GET=^/healthz$", "/healthz", {"O2S024"}),
    ('    trusted_proxy_ips = ["10.0.0.0/8"]\n', "", {"O2S025"}),
    # cookies and hosts
    ("--allowed-host=my-app.example.com", "--allowed-host=my-app.example.org", {"O2S030"}),
    ('cookie_domains = [".example.com"]', 'cookie_domains = [".com"]', {"O2S031"}),
    ('cookie_domains = [".example.com"]', 'cookie_domains = ["co.uk"]', {"O2S030", "O2S031"}),
    (CFG, CFG + '    redirect_url = "https://auth.example.com/oauth2/callback"\n', {"O2S035"}),
    (ARGS, ARGS + "        - --cookie-name=$(NAME)\n", {"O2S001", "O2S036"}),
    # references
    ("secret: {secretName: oauth2-proxy-secret,", "secret: {secretName: other,", {"O2S040"}),
    ("key: client-id}", "key: client_id}", {"O2S041"}),
    ("  oauth2_proxy.cfg: |", "  config.toml: |", {"O2S042"}),
    ("--config=/etc/oauth2-proxy/", "--config=/somewhere/", {"O2S042"}),
    ("{name: o2sidecar-config, mountPath", "{name: o2s-config, mountPath", {"O2S043"}),
    # services and routes
    ("targetPort: o2sidecar", "targetPort: http", {"O2S050"}),
    ("targetPort: o2sidecar", "targetPort: 8080", {"O2S050"}),
    ("targetPort: o2sidecar", "targetPort: 9999", {"O2S050"}),
    ("{name: http, port: 80, targetPort: o2sidecar", "{name: http-monitoring, port: 80, targetPort: 8080", {"O2S050"}),
    ("{name: http, port: 80, targetPort: o2sidecar", "{name: http-metrics, port: 80, targetPort: http", {"O2S050"}),
    ("targetPort: o2sidecar", "targetPort: proxy", {"O2S051"}),
    (
        "{name: http, port: 80, targetPort: o2sidecar, appProtocol: http}",
        "{port: 80, targetPort: o2sidecar}",
        {"O2S053"},
    ),
    ("istio-system/main", "other/main", {"O2S060"}),
    ("hosts: [my-app.example.com]", "hosts: [my-app.example.com, my-app.example.org]", {"O2S030", "O2S062"}),
    ("retries: {attempts: 0}", "retries: {attempts: 2}", {"O2S064"}),
    ("timeout: 30s", "timeout: 2s", {"O2S065"}),
    ("host: my-app, port: {number: 80}", "host: my-app, port: {number: 4180}", {"O2S066"}),
    ("host: my-app, port: {number: 80}", "host: other, port: {number: 80}", {"O2S067"}),
    # pods
    ("        livenessProbe: {httpGet: {path: /ping, port: o2s-metrics}}\n", "", {"O2S070"}),
    ("path: /ready", "path: /ping", {"O2S071"}),
    (", limits: {memory: 192Mi}", "", {"O2S072"}),
    ("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true", {"O2S073"}),
    ("seccompProfile: {type: RuntimeDefault}", "seccompProfile: {type: Unconfined}", {"O2S074"}),
    ("o2sidecar/o2sidecar:0.1.0", "o2sidecar/o2sidecar", {"O2S075"}),
    ("o2sidecar/o2sidecar:0.1.0", "localhost:5000/o2sidecar:latest", {"O2S075"}),
    ("--http-address=0.0.0.0:4180", "--http-address=127.0.0.1:4180", {"O2S076"}),
    ("containerPort: 8080", "containerPort: 4180", {"O2S077"}),
    ("    spec:\n      containers:", "    spec:\n      hostNetwork: true\n      containers:", {"O2S078"}),
    # policies
    ("ports: [{port: 4180}]", "ports: [{port: 8080}]", {"O2S081"}),
    ("kubernetes.io/metadata.name: monitoring", "name: monitoring", {"O2S082"}),
    ("policyTypes: [Ingress]", "policyTypes: [Ingress, Egress]", {"O2S080"}),
)
"""Something of the clean example, what takes its place, and the rules that find it."""

UNCHANGED = (
    ("targetPort: o2sidecar", "targetPort: 4180"),
    ("GET=^/healthz$", "GET=^/(healthz|ready)$"),
    ("o2sidecar/o2sidecar:0.1.0", "o2sidecar/o2sidecar@sha256:0000"),
    ("o2sidecar/o2sidecar:0.1.0", "localhost:5000/o2sidecar:0.1.0"),
    ("hosts: [my-app.example.com]", 'hosts: ["*.example.com"]'),
    ("policyTypes: [Ingress]", "policyTypes: [Ingress, Egress]\n  egress: [{ports: [{port: 443}]}]"),
    (CFG, CFG + '    scope = "user:email read:org"\n'),
    (CFG, CFG + '    redirect_url = "https://my-app.example.com/oauth2/callback"\n'),
    ("kind: Deployment", "kind: StatefulSet"),
)
"""Changes that no rule minds."""


class RulesTests(SynchronousTestCase):
    """The rules find what they are for, and leave the rest alone."""

    def test_clean(self) -> None:
        """The clean example gives no finding at all."""
        self.assertEqual(found_in(*clean()), [])

    def test_one_change(self) -> None:
        """Each change is found by its rule and by no other."""
        for old, new, expected in CHANGED:
            self.assertEqual(set(ids(found_in(*clean((old, new))))), expected, f"{old!r} -> {new!r}")

    def test_harmless_changes(self) -> None:
        """What is only written differently is no finding."""
        for old, new in UNCHANGED:
            self.assertEqual([str(one) for one in found_in(*clean((old, new)))], [], f"{old!r} -> {new!r}")

    def test_every_rule_is_a_whole_one(self) -> None:
        """Ids are unique and ordered within the families; every rule says what, why and how to mend it."""
        self.assertEqual(len({rule.id for rule in RULES}), len(RULES))
        for rule in RULES:
            self.assertRegex(rule.id, r"^O2S\d{3}$")
            self.assertTrue(rule.title and rule.why.endswith(".") and rule.mend.endswith("."), rule.id)

    def test_place_in_the_configuration(self) -> None:
        """A setting of a ConfigMap is found on its own line, one of a Secret at its key."""
        (finding,) = found_in(*clean((CFG, CFG + "    cookie_secure = false\n")))
        assert finding.place is not None
        self.assertEqual((finding.object, finding.place.line), ("ConfigMap apps/oauth2-proxy-sidecar-config", 15))
        (finding,) = found_in(*clean(("5b2f9c0d7e8a", "<secret>")))
        assert finding.place is not None
        self.assertEqual((finding.object, finding.place.line), ("Secret apps/oauth2-proxy-secret", 6))

    def test_shared_callback(self) -> None:
        """With the callback on a host of its own, the app's host must be one to return to, under the same cookie."""
        callback = CFG + '    redirect_url = "https://auth.example.com/oauth2/callback"\n'
        changes = ((CFG, callback), ('    whitelist_domains = [".example.com"]\n', ""))
        found = ids(found_in(*clean(*changes), external=["Host/auth.example.com"]))
        self.assertEqual(found, ["O2S034"])
        self.assertEqual(found_in(*clean((CFG, callback)), external=["Host/auth.example.com"]), [])
        without = ((CFG, callback), ('    cookie_domains = [".example.com"]\n', ""))
        self.assertEqual(ids(found_in(*clean(*without), external=["Host/auth.example.com"])), ["O2S034"])

    def test_external(self) -> None:
        """What is declared to be elsewhere is not missed, and settings that it may hold are not judged."""
        app, _, _ = clean()
        external = ["Secret/oauth2-proxy-secret", "ConfigMap/apps/oauth2-proxy-sidecar-config", "Gateway/main"]
        self.assertEqual(found_in(app, external=external), [])
        self.assertEqual(ids(found_in(app, external=["Secret/other/oauth2-proxy-secret", *external[1:]])), ["O2S040"])

    def test_accepted(self) -> None:
        """A comment in the object accepts a rule there, and only there."""
        app, realm, gateway = clean(("targetPort: o2sidecar", "targetPort: http"), ("o2sidecar:0.1.0", "o2sidecar"))
        self.assertEqual(ids(found_in(app, realm, gateway)), ["O2S050", "O2S075"])
        accepting = app.replace("kind: Service", "kind: Service # o2sidecar: accept O2S050, O2S075 (tests)")
        self.assertEqual(ids(found_in(accepting, realm, gateway)), ["O2S075"])
        everything = f"# o2sidecar: accept O2S075\n---\n{accepting}"
        self.assertEqual(ids(found_in(everything, realm, gateway)), [])

    def test_two_secrets(self) -> None:
        """Secrets of one name in two namespaces must hold the same cookie secret."""
        _, realm, _ = clean()
        other = realm.replace("namespace: apps", "namespace: more").replace("kT2-5", "kT2-6")
        self.assertEqual(ids(found_in(realm, other)), ["O2S013"])
        self.assertEqual(found_in(realm, realm.replace("namespace: apps", "namespace: more")), [])

    def test_lists(self) -> None:
        """Objects of a List are judged as if they were documents, at their own places."""
        (finding,) = found_in(
            """\
            apiVersion: v1
            kind: List
            items:
            - apiVersion: v1
              kind: Namespace
              metadata: {name: apps}
            """
        )
        assert finding.place is not None
        self.assertEqual((finding.rule, finding.place.line), ("O2S044", 4))

    def test_native_sidecar(self) -> None:
        """A proxy among the init containers that restarts always is one; an ordinary init container is not."""
        app, realm, gateway = clean()
        native = app.replace(
            "      - name: o2sidecar\n",
            "      initContainers:\n      - name: o2sidecar\n        restartPolicy: Always\n",
        )
        self.assertEqual(found_in(native, realm, gateway), [])
        self.assertEqual(scene_of(native.replace("        restartPolicy: Always\n", "")).guarded, [])

    def test_kinds_of_others(self) -> None:
        """Pods are described by Kubernetes' own workloads and Argo's Rollouts; another's kind of that name is none."""
        app, _, _ = clean()
        for version, kind, pods in (
            ("argoproj.io/v1alpha1", "Rollout", 1),
            ("apps/v1", "StatefulSet", 1),
            ("apps.example.com/v1", "Deployment", 0),
        ):
            text = app.replace("apiVersion: apps/v1\nkind: Deployment", f"apiVersion: {version}\nkind: {kind}")
            self.assertEqual(len(scene_of(text).guarded), pods, version)

    def test_gateway_api_and_ingress(self) -> None:
        """Routes of the Gateway API and Ingresses are read like VirtualServices."""
        app, realm, _ = clean()
        app = app.replace("networking.istio.io/v1", "example.com/v1").replace("kind: VirtualService", "kind: Nothing")
        route = """\
            apiVersion: gateway.networking.k8s.io/v1
            kind: HTTPRoute
            metadata: {name: my-app, namespace: apps}
            spec:
              parentRefs: [{name: main, namespace: istio-system}]
              hostnames: [my-app.example.org]
              rules: [{backendRefs: [{name: my-app, port: 81}]}]
            """
        ingress = """\
            apiVersion: networking.k8s.io/v1
            kind: Ingress
            metadata: {name: my-app, namespace: apps}
            spec:
              rules:
              - host: my-app.example.org
                http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: my-app, port: {name: web}}}}]}
            """
        self.assertEqual(ids(found_in(app, realm, route)), ["O2S030", "O2S060", "O2S066"])
        self.assertEqual(ids(found_in(app, realm, ingress)), ["O2S030", "O2S066"])

    def test_listener_without_certificate(self) -> None:
        """A Gateway API's HTTPS listener needs a certificate too."""
        gateway = """\
            apiVersion: gateway.networking.k8s.io/v1
            kind: Gateway
            metadata: {name: main}
            spec:
              listeners: [{name: https, port: 443, protocol: HTTPS}]
            """
        self.assertEqual(ids(found_in(gateway)), ["O2S061"])

    def test_deny_that_spares_the_gateway(self) -> None:
        """A DENY rule for everybody but the ingress gateway, or for the app's port, is as it should be."""
        policy = """\
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata: {{name: my-app, namespace: apps}}
            spec:
              selector: {{matchLabels: {{app: my-app}}}}
              action: DENY
              rules: [{rule}]
            """
        gateway = "{from: [{source: {notPrincipals: [cluster.local/ns/istio-system/sa/istio-ingressgateway]}}]}"
        port = '{to: [{operation: {ports: ["8080"]}}]}'
        self.assertEqual(found_in(*clean(), policy.format(rule=gateway), policy.format(rule=port)), [])
        self.assertEqual(ids(found_in(*clean(), policy.format(rule="{}"))), ["O2S083"])

    def test_a_page_as_it_should_be(self) -> None:
        """Go's own functions, variables and texts in a template are no finding; Jinja pages are not judged."""
        page = """\
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: pages}
            data:
              sign_in.html: |
                {{define "sign_in.html"}}{{/* title */}}{{ if eq (ToUpper .ProviderName) "title x" }}{{ $x := .Footer }}
                {{ printf "%s" $x | html }}{{ end }}<script>let x = "//cdn.example.com"</script>{{ end }}
              error.html: |
                {# jinja #}{{ title }}
            """
        self.assertEqual(found_in(page), [])


def _values() -> st.SearchStrategy[Any]:
    plain = st.none() | st.booleans() | st.integers(-1, 70_000) | st.text(max_size=8)
    return st.recursive(
        plain,
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
        max_leaves=4,
    )


class HostileTests(SynchronousTestCase):
    """No manifest makes a rule fail."""

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def test_anything_anywhere(self, data: st.DataObject) -> None:
        """Whatever stands in the place of whatever, every rule answers."""
        things = [thing.data for thing in scene_of(*clean()).things]
        paths = [(index, *path) for index, thing in enumerate(things) for path in _paths(thing)]
        chosen = data.draw(st.lists(st.sampled_from(paths), min_size=1, max_size=3))
        for path in chosen:
            things = _replaced(things, path, data.draw(_values()))
        broken = tuple(Thing(data=thing, at=lambda path: None) for thing in things if isinstance(thing, dict))
        judge(Scene(things=broken, kinds=KnownProviders()))


def _paths(data: Any) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    pairs = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for step, value in pairs:
        found += [(step,), *((step, *rest) for rest in _paths(value))]
    return found


def _replaced(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    try:
        inner = _replaced(data[path[0]], path[1:], value)
    except (KeyError, IndexError, TypeError):
        return data  # replaced above already
    if isinstance(data, list):
        return [*data[: path[0]], inner, *data[path[0] + 1 :]]
    return {**data, path[0]: inner}
