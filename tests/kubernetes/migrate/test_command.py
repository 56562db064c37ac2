"""Tests for `o2sidecar migrate plan`: what it finds, in which order it goes, and that every step can be undone."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonpatch
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.kubernetes.init.command import main as init
from o2sidecar.kubernetes.migrate.command import main
from tests.kubernetes.migrate.central import CENTRAL, ISTIO, PROXY, ROUTE, app
from tests.kubernetes.running import Run
from tests.kubernetes.schemas import objects_in


class _Case(SynchronousTestCase):
    def plan(self, files: Mapping[str, str] = CENTRAL, *further: str) -> Run:
        """Plan for these files."""
        self.work = Path(self.mktemp())
        self.work.mkdir()
        for name, text in files.items():
            (self.work / name).write_text(text)
        return Run.of(main, "plan", "-f", *(str(self.work / name) for name in files), *further)

    def steps(self, files: Mapping[str, str] = CENTRAL) -> list[Any]:
        """The steps."""
        run = self.plan(files, "--format", "json")
        self.assertEqual(run.status, 0, run.err)
        return list(json.loads(run.out)["steps"])

    def refusal(self, files: Mapping[str, str]) -> str:
        """What it says where no plan can be made."""
        run = self.plan(files)
        self.assertEqual((run.status, run.out), (1, ""))
        return run.err


def _patched(command: str, data: Any) -> Any:
    words = shlex.split(command)
    return jsonpatch.apply_patch(data, words[words.index("-p") + 1])


class PlanTests(_Case):
    """The plan leads from the one design to the other, and back."""

    def test_what_is_found(self) -> None:
        """Every object of the central design is told with its file and line."""
        found = json.loads(self.plan(CENTRAL, "--format", "json").out)["found"]
        self.assertEqual(
            [one["object"] for one in found],
            [
                "EnvoyFilter aks-istio-ingress/ext-authz",
                "AuthorizationPolicy apps/ask",
                "ConfigMap istio-system/istio",
                "Deployment auth-system/oauth2-proxy",
                "Service auth-system/oauth2-proxy",
                "VirtualService auth-system/oauth2-proxy",
                "VirtualService apps/app1",
                "VirtualService tools/app2",
            ],
        )
        self.assertEqual([one["line"] for one in found[:3]], [19, 10, 1])

    def test_the_order(self) -> None:
        """The callback's host leads elsewhere before any app changes, and the central proxy goes last."""
        self.assertEqual(
            [step["title"] for step in self.steps()],
            [
                "Make what the sidecars share",
                "Lead auth.example.com to the new sidecars",
                "Put a sidecar in front of Deployment apps/app1",
                "Have Deployment apps/app1 ask the central proxy no more",
                "Put a sidecar in front of Deployment tools/app2",
                "Have nobody ask the central proxy any more",
                "Take the extension provider out of ConfigMap istio-system/istio",
                "Stop the central proxy, and keep it for a while",
                "Remove the central proxy",
            ],
        )

    def test_every_step_is_whole(self) -> None:
        """Each says what to do, how to see that it worked, and how to undo it; no command has a wildcard."""
        for step in self.steps():
            for part in ("do", "check", "back"):
                self.assertTrue(step[part], step["title"])
                self.assertNotIn("*", "".join(one for one in step[part] if one.startswith("kubectl")))

    def test_patches_and_their_inverses(self) -> None:
        """A route is led elsewhere without retries, and back to exactly what it was."""
        for number, text in ((1, ROUTE), (2, app("app1"))):
            step = self.steps()[number]
            before = objects_in(text)[-1]
            there = _patched(next(one for one in step["do"] if " patch " in one), before)
            self.assertEqual(there["spec"]["http"][0]["retries"], {"attempts": 0})
            self.assertNotIn("oauth2-proxy", str(there["spec"]["http"]))
            back = _patched(next(one for one in step["back"] if " patch " in one), there)
            self.assertEqual(back, before)

    def test_init_takes_the_settings_over(self) -> None:
        """The command for the shared objects has the proxy's provider, rules, names and host, and works."""
        [line] = [one for one in self.steps()[0]["do"] if one.startswith("o2sidecar init ")]
        words = shlex.split(line.replace('"$(cat client-id)"', "id-1"))
        self.assertIn("cookie_name=_acme", words)
        self.assertEqual(words[words.index("-n") + 1], "apps,tools")
        for name in ("client-secret", "cookie-secret"):
            (self.work / name).write_text("0123456789abcdef0123456789abcdef")
            words[words.index(name)] = str(self.work / name)
        words[words.index("-o") + 1] = str(self.work / "o2")
        run = Run.of(init, *words[2:])
        self.assertEqual(run.status, 0, run.err)
        config = (self.work / "o2" / "config.yaml").read_text()
        self.assertIn('github_org = "acme"', config)
        self.assertIn('redirect_url = "https://auth.example.com/oauth2/callback"', config)
        [secret, _] = objects_in((self.work / "o2" / "secret.yaml").read_text())
        self.assertEqual(secret["stringData"]["cookie-secret"], "0123456789abcdef0123456789abcdef")

    def test_secrets_come_by_files(self) -> None:
        """Secrets are read from the cluster into files that only their owner may read, key by key."""
        do = self.steps()[0]["do"]
        self.assertEqual(do[0], "umask 077")
        self.assertIn("'jsonpath={.data.client\\.secret}' | base64 -d > client-secret", do[2])

    def test_an_app_has_the_callback(self) -> None:
        """Where the callback's host is an app's own, that app goes first and no host is made for it."""
        files = {**CENTRAL, "proxy.yaml": PROXY.replace("https://auth.", "https://app2.")}
        del files["route.yaml"]
        steps = self.steps(files)
        self.assertIn("redirect_url=https://app2.example.com/oauth2/callback", " ".join(steps[0]["do"]))
        self.assertEqual(steps[1]["app"], "Deployment tools/app2")

    def test_the_same_each_time(self) -> None:
        """The text is the same for the same files, and each step says how to undo it."""
        first = self.plan().out
        again = Run.of(main, "plan", "-f", *(str(self.work / name) for name in CENTRAL)).out
        self.assertEqual(first, again)
        self.assertEqual(first.count("\n   undo:\n"), 9)

    def test_names_for_a_shell(self) -> None:
        """A name that a shell would take for something else is one word."""
        hostile = PROXY.replace("name: oauth2-proxy,", 'name: "x\'; rm -rf / #",')
        route = ROUTE.replace("host: oauth2-proxy,", 'host: "x\'; rm -rf / #",')
        files = {**CENTRAL, "proxy.yaml": hostile, "route.yaml": route}
        for step in self.steps(files):
            for line in (*step["do"], *step["back"]):
                self.assertNotIn("rm", shlex.split(line.partition("  #")[0].partition(" > ")[0], comments=True))


class RefusalTests(_Case):
    """No plan is better than one that locks people out."""

    def test_nothing_to_migrate(self) -> None:
        """Manifests without a central proxy need no plan."""
        run = self.plan({"web.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n"})
        self.assertEqual(run.status, 0)
        self.assertIn("Nothing of a central oauth2-proxy", run.out)

    def test_without_the_proxy(self) -> None:
        """Who is asked has to be known."""
        self.assertIn("Deployment of the central oauth2-proxy", self.refusal({"istio.yaml": ISTIO}))

    def test_without_the_way_to_the_callback(self) -> None:
        """The route of the callback's host has to be known, since it changes first."""
        said = self.refusal({"proxy.yaml": PROXY, "istio.yaml": ISTIO})
        self.assertIn("its callback is on auth.example.com", said)
        self.assertIn("proxy.yaml:1:1", said)

    def test_who_may_pass(self) -> None:
        """A file of addresses is not taken for everybody; `*` alone is, but only where all of it was read."""
        anybody, org = 'email_domains = ["*"]', '    github_org = "acme"\n'
        addresses = 'authenticated_emails_file = "/etc/people"'
        for proxy in (PROXY.replace(org, "").replace(anybody, addresses), PROXY.replace(anybody, addresses)):
            self.assertIn("authenticated_emails_file", self.refusal({**CENTRAL, "proxy.yaml": proxy}))
        for proxy, open_to_all in (
            (PROXY.replace(org, ""), True),
            (PROXY.replace(org, "").replace(anybody, f"{anybody}\n    {addresses}"), False),
            (PROXY.replace(org, "").replace("env:", "envFrom: [{secretRef: {name: more}}]\n        env:"), False),
        ):
            [line] = [one for one in self.steps({**CENTRAL, "proxy.yaml": proxy})[0]["do"] if " init " in one]
            self.assertEqual("--allow-any-user" in line, open_to_all, proxy)

    def test_settings_that_are_elsewhere(self) -> None:
        """Where the ConfigMap of the central proxy is not given, nobody knows who may pass, and no plan is made."""
        self.assertIn(
            "oauth2-proxy-config", self.refusal({**CENTRAL, "proxy.yaml": PROXY.replace("ConfigMap", "Other")})
        )

    def test_apps_in_one_file(self) -> None:
        """Apps that share a file are named, since to undo one would open the other."""
        files = {"proxy.yaml": PROXY, "route.yaml": ROUTE, "apps.yaml": f"{app('app1')}---\n{app('app2')}"}
        self.assertEqual(self.refusal(files).count("files of its own"), 2)

    def test_several_proxies(self) -> None:
        """Each central proxy needs a plan of its own."""
        other = PROXY.replace("namespace: auth-system", "namespace: other")
        self.assertIn("several central proxies", self.refusal({**CENTRAL, "other.yaml": other}))

    def test_broken_files(self) -> None:
        """YAML that cannot be read is named with its place, as is a file that is not there."""
        self.assertIn("bad.yaml:2:1", self.refusal({**CENTRAL, "bad.yaml": "a: [\n"}))
        self.assertEqual(Run.of(main, "plan", "-f", "/nowhere.yaml").status, 2)
        self.assertEqual(Run.of(main, "plan").status, 2)

    def test_odd_objects(self) -> None:
        """Objects of a form that no API server takes are passed over."""
        odd = [
            "{apiVersion: networking.istio.io/v1, kind: VirtualService, spec: {http: [3, {route: x}]}}",
            "{apiVersion: networking.istio.io/v1, kind: VirtualService, spec: 4}",
            "{apiVersion: apps/v1, kind: Deployment, spec: {template: {spec: {containers: [x]}}}}",
            "{apiVersion: v1, kind: ConfigMap, data: {mesh: '[: '}}",
            "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, spec: []}",
            "[]",
            "x",
        ]
        self.assertEqual(len(self.steps({**CENTRAL, "odd.yaml": "\n---\n".join(odd)})), 9)

    def test_what_a_cluster_tells(self) -> None:
        """Files that `kubectl get` wrote are warned of: they cannot make again what was deleted."""
        told = ROUTE.replace("name: oauth2-proxy,", "resourceVersion: '7', name: oauth2-proxy,")
        run = self.plan({**CENTRAL, "route.yaml": told})
        self.assertEqual(run.status, 0)
        self.assertIn("this is what a cluster tells", run.err)
