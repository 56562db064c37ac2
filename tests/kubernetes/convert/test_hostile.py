"""Tests of conversions and plans with values of another kind than Kubernetes has them."""

from __future__ import annotations

from typing import Any

import yaml
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.kubernetes.convert.command import main as convert
from o2sidecar.kubernetes.migrate.command import main as migrate
from tests.kubernetes.running import Run


def _pod(**spec: Any) -> str:
    proxy = {"name": "proxy", "image": "q/oauth2-proxy:1", "args": ["--upstream=http://127.0.0.1:80"]}
    container = {**proxy, "ports": [{"containerPort": [1]}], "volumeMounts": [{"name": ["x"], "mountPath": "/c"}]}
    whole = {"containers": [container], "volumes": [{"name": [], "configMap": {"name": "c"}}], **spec}
    return yaml.safe_dump({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": whole})


class KindTests(SynchronousTestCase):
    """No traceback comes of them."""

    def test_convert(self) -> None:
        """Names and ports that are lists, and containers that are a number, end as everything else does."""
        for text in (_pod(), _pod(containers=-1), _pod(containers={"a": 1}), _pod(volumes=True)):
            self.assertIn(Run.of(convert, "-f", "-", standard_input=text).status, (0, 1))

    def test_migrate(self) -> None:
        """Neither does a VirtualService whose hosts are no list."""
        leads = [{"route": [{"destination": {"host": "a", "port": {"number": 80}}}]}]
        for hosts in (-1, "a.example.com", {"a": 1}):
            route = {
                "apiVersion": "networking.istio.io/v1",
                "kind": "VirtualService",
                "metadata": {"name": "v"},
                "spec": {"hosts": hosts, "gateways": ["i/g"], "http": leads},
            }
            self.assertIn(Run.of(migrate, "plan", "-f", "-", standard_input=yaml.safe_dump(route)).status, (0, 1))
