"""Manifests of the central design: a proxy that Istio asks, and apps behind it."""

from __future__ import annotations

from collections.abc import Mapping

PROXY = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: oauth2-proxy, namespace: auth-system}
spec:
  replicas: 3
  selector: {matchLabels: {app: oauth2-proxy}}
  template:
    metadata: {labels: {app: oauth2-proxy}}
    spec:
      containers:
      - name: oauth2-proxy
        image: quay.io/oauth2-proxy/oauth2-proxy:v7.6.0
        args: [--config=/etc/oauth2-proxy/oauth2_proxy.cfg]
        env:
        - {name: OAUTH2_PROXY_CLIENT_ID, valueFrom: {secretKeyRef: {name: proxy, key: client-id}}}
        - {name: OAUTH2_PROXY_CLIENT_SECRET, valueFrom: {secretKeyRef: {name: proxy, key: client.secret}}}
        - {name: OAUTH2_PROXY_COOKIE_SECRET, valueFrom: {secretKeyRef: {name: proxy, key: cookie-secret}}}
        volumeMounts: [{name: config, mountPath: /etc/oauth2-proxy}]
      volumes: [{name: config, configMap: {name: oauth2-proxy-config}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: oauth2-proxy-config, namespace: auth-system}
data:
  oauth2_proxy.cfg: |
    provider = "github"
    github_org = "acme"
    email_domains = ["*"]
    http_address = "0.0.0.0:4180"
    upstreams = ["static://200"]
    redirect_url = "https://auth.example.com/oauth2/callback"
    cookie_domains = [".example.com"]
    cookie_name = "_acme"
---
apiVersion: v1
kind: Service
metadata: {name: oauth2-proxy, namespace: auth-system}
spec:
  selector: {app: oauth2-proxy}
  ports: [{name: http, port: 4180}]
"""
ROUTE = """\
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {name: oauth2-proxy, namespace: auth-system}
spec:
  hosts: [auth.example.com]
  gateways: [aks-istio-ingress/main]
  http:
  - match: [{uri: {prefix: /oauth2/}}]
    route: [{destination: {host: oauth2-proxy, port: {number: 4180}}}]
    retries: {attempts: 3, perTryTimeout: 3s}
"""
ISTIO = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |
    extensionProviders:
    - name: oauth2-proxy
      envoyExtAuthzHttp: {service: oauth2-proxy.auth-system.svc.cluster.local, port: 4180}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: ask, namespace: apps}
spec:
  selector: {matchLabels: {app: app1}}
  action: CUSTOM
  provider: {name: oauth2-proxy}
  rules: [{}]
---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: ext-authz, namespace: aks-istio-ingress}
spec:
  configPatches:
  - applyTo: HTTP_FILTER
    patch: {operation: INSERT_BEFORE, value: {name: envoy.filters.http.ext_authz}}
"""


def app(name: str, namespace: str = "apps") -> str:
    """An app that people reach as NAME.example.com, whose paths under /oauth2 are the central proxy's."""
    return f"""\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec: {{containers: [{{name: app, image: app, ports: [{{containerPort: 8080}}]}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{selector: {{app: {name}}}, ports: [{{name: http, port: 80, targetPort: 8080}}]}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  hosts: [{name}.example.com]
  gateways: [aks-istio-ingress/main]
  http:
  - match: [{{uri: {{prefix: /oauth2/}}}}]
    route: [{{destination: {{host: oauth2-proxy.auth-system.svc.cluster.local, port: {{number: 4180}}}}}}]
  - route: [{{destination: {{host: {name}, port: {{number: 80}}}}}}]
"""


CENTRAL: Mapping[str, str] = {
    "proxy.yaml": PROXY,
    "route.yaml": ROUTE,
    "istio.yaml": ISTIO,
    "app1.yaml": app("app1"),
    "app2.yaml": app("app2", "tools"),
}
"""Its files."""
