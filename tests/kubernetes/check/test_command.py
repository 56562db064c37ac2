"""Tests of `o2sidecar check` as a command: what it reads, what it prints, how it ends."""

from __future__ import annotations

import contextlib
import io
import json
import os
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar import cli
from o2sidecar.kubernetes.check import reference
from o2sidecar.kubernetes.check.command import main
from o2sidecar.kubernetes.check.live.statements import STATEMENTS
from o2sidecar.kubernetes.check.rules import RULES
from tests.kubernetes.check.judging import CLEAN, HERE
from tests.kubernetes.running import Run

KUBECTL = """\
#!/bin/sh
echo "$@" >> "$0.log"
case "$2" in
  secrets) echo 'Error from server (Forbidden): secrets is forbidden' >&2; exit 1;;
  httproutes*|gateways.gateway*) echo "error: the server doesn't have a resource type" >&2; exit 1;;
esac
if [ -f "$0.$2.json" ]; then cat "$0.$2.json"; else echo '{"kind": "List", "apiVersion": "v1", "items": []}'; fi
"""
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "my-app", "namespace": "apps"},
    "spec": {
        "template": {
            "metadata": {"labels": {"app": "my-app"}},
            "spec": {
                "containers": [
                    {"name": "app", "image": "app:1", "ports": [{"containerPort": 8080, "name": "http"}]},
                    {
                        "name": "o2sidecar",
                        "image": "o2sidecar/o2sidecar:0.1.0",
                        "args": ["--provider=github", "--github-org=acme", "--email-domain=*"],
                        "envFrom": [{"secretRef": {"name": "oauth2-proxy-secret"}}],
                    },
                ]
            },
        }
    },
}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "my-app", "namespace": "apps"},
    "spec": {"selector": {"app": "my-app"}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
}


def _object(version: str, kind: str, name: str = "a", *, spec: Any, **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "namespace": "apps", **metadata},
        "spec": spec,
    }


class Commands(SynchronousTestCase):
    """Runs the command and keeps what it prints."""

    def setUp(self) -> None:
        """Have a folder."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir(parents=True)

    def run_it(self, *arguments: str, given: str | bytes = "") -> tuple[int, str, str]:
        """Status, output, errors."""
        help_text = io.StringIO()
        with contextlib.redirect_stdout(help_text):  # argparse writes it past the terminal
            run = Run.of(main, *arguments, standard_input=given)
        return run.status, help_text.getvalue() + run.out, run.err

    def file(self, name: str, content: str) -> str:
        """The path of a new file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
        return str(path)


class CommandTests(Commands):
    """What is read, and how the command ends."""

    def test_clean(self) -> None:
        """A folder with a kustomization is read as that says; nothing found is status 0."""
        self.assertEqual(self.run_it("-f", str(CLEAN)), (0, "0 errors, 0 warnings\n", ""))

    def test_errors(self) -> None:
        """Errors are status 1, each on a line with file, line, rule, object, what is wrong and how to mend it."""
        trap = str(HERE / "traps" / "T12.yaml")
        status, out, err = self.run_it("-f", trap)
        self.assertEqual((status, err), (1, ""))
        self.assertTrue(out.startswith(f"{trap}:9:5: error O2S061: Gateway istio-system/main: TLS mode SIMPLE"), out)
        self.assertTrue(out.endswith("\n1 error, 0 warnings\n"))

    def test_warnings(self) -> None:
        """Warnings count only with --fail-on warning."""
        trap = str(HERE / "traps" / "T46.yaml")
        self.assertEqual(self.run_it("-f", trap)[0], 0)
        self.assertEqual(self.run_it("-f", trap, "--fail-on", "warning")[0], 1)

    def test_several(self) -> None:
        """-f takes several files and may be repeated; `-` is the standard input."""
        paths = [str(CLEAN / name) for name in ("app.yaml", "realm.yaml", "gateway.yaml")]
        self.assertEqual(self.run_it("-f", paths[0], paths[1], "-f", paths[2])[0], 0)
        self.assertEqual(self.run_it("-f", *paths[:2], "-f", "-", given=Path(paths[2]).read_text("utf-8"))[0], 0)

    def test_folder_without_kustomization(self) -> None:
        """Every manifest of a folder and its folders is read; what is no object is left out."""
        self.file("deep/a.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n")
        self.file("b.json", '{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "b"}}')
        self.file("values.yml", "replicas: 1\n")
        self.file("notes.txt", "{{ nothing }}")
        status, out, _ = self.run_it("-f", str(self.folder))
        self.assertEqual((status, out.count("O2S044")), (0, 2))

    def test_namespace(self) -> None:
        """Objects without a namespace go where -n says."""
        app = (CLEAN / "app.yaml").read_text("utf-8").replace(", namespace: apps", "")
        files = [self.file("app.yaml", app), str(CLEAN / "realm.yaml"), str(CLEAN / "gateway.yaml")]
        self.assertEqual(self.run_it("-f", *files, "-n", "apps")[0], 0)
        status, out, _ = self.run_it("-f", *files)
        self.assertEqual(status, 1)
        self.assertIn("is not in namespace default; there is one in apps", out)

    def test_twice(self) -> None:
        """Of an object that is there twice the last counts, as when both are applied."""
        before = self.file(
            "before.yaml", (CLEAN / "app.yaml").read_text("utf-8").replace("targetPort: o2", "targetPort: x")
        )
        after = [str(CLEAN / name) for name in ("app.yaml", "realm.yaml", "gateway.yaml")]
        self.assertEqual(self.run_it("-f", before, *after)[0], 0)
        self.assertEqual(self.run_it("-f", *after, before)[0], 1)

    def test_broken_input(self) -> None:
        """What cannot be read is status 2, with its place on stderr and nothing on stdout."""
        for name, content, place in (
            ("broken.yaml", "a: [1\nb: 2\n", "broken.yaml:2"),
            ("template.yaml", "kind: {{ .Values.kind }}\n", "template.yaml:1"),
            ("twice.yaml", "kind: A\nkind: B\n", "twice.yaml:2"),
        ):
            status, out, err = self.run_it("-f", self.file(name, content))
            self.assertEqual((status, out), (2, ""), name)
            self.assertIn(place, err)
        status, _, err = self.run_it("-f", str(self.folder / "absent.yaml"))
        self.assertEqual(status, 2)
        self.assertIn("absent.yaml: error: this cannot be read: No such file or directory", err)

    def test_misuse(self) -> None:
        """Nothing to check, a bad --external and a bad --live are status 2."""
        for arguments in ((), ("--external", "Secret"), ("-f", str(CLEAN), "--external", "x"), ("--live", "ftp://x")):
            self.assertEqual(self.run_it(*arguments)[0], 2, arguments)

    def test_help(self) -> None:
        """--help has examples."""
        status, out, _ = self.run_it("--help")
        self.assertEqual(status, 0)
        self.assertIn("o2sidecar check -f k8s/", out)


class ConfigTests(Commands):
    """A configuration file on its own."""

    def test_good(self) -> None:
        """Client, secrets and files that are elsewhere are not missed."""
        content = 'provider = "github"\ngithub_org = "acme"\nemail_domains = ["*"]\n'
        content += 'cookie_secret_file = "/nowhere/cookie-secret"\n'
        self.assertEqual(self.run_it("--config", self.file("a.cfg", content)), (0, "0 errors, 0 warnings\n", ""))

    def test_bad(self) -> None:
        """What the loader refuses and what is open is found at its line."""
        path = self.file("a.cfg", 'provider = "github"\n\nemail_domains = ["*"]\ncookie_refresh = "200h"\n')
        status, out, _ = self.run_it("--config", path)
        self.assertEqual(status, 1)
        self.assertIn(f"{path}:3: error O2S020: ", out)
        self.assertIn(f"{path}:4: error O2S033: ", out)

    def test_no_toml(self) -> None:
        """A file that is no TOML is an error with its line; none at all is status 2."""
        status, out, _ = self.run_it("--config", self.file("a.cfg", "provider: github\n"))
        self.assertEqual(status, 1)
        self.assertIn("is no TOML", out)
        self.assertEqual(self.run_it("--config", str(self.folder / "absent"))[0], 2)


class FormatTests(Commands):
    """JSON and SARIF."""

    def test_json(self) -> None:
        """Every finding with its parts, and the counts."""
        trap = str(HERE / "traps" / "T18.yaml")
        status, out, _ = self.run_it("-f", trap, "--external", "Secret/oauth2-proxy-secret", "--format", "json")
        said = json.loads(out)
        self.assertEqual((status, said["errors"], said["warnings"]), (1, 1, 2))
        first = said["findings"][0]
        self.assertEqual(
            {key: first[key] for key in ("rule", "severity", "object", "file", "line", "column")},
            {
                "rule": "O2S080",
                "severity": "error",
                "object": "NetworkPolicy apps/my-app",
                "file": trap,
                "line": first["line"],
                "column": 1,
            },
        )

    def test_sarif(self) -> None:
        """The structure of SARIF 2.1.0: rules with their texts, results with level, message and region."""
        trap = str(HERE / "traps" / "T18.yaml")
        _, out, _ = self.run_it("-f", trap, "--external", "Secret/oauth2-proxy-secret", "--format", "sarif")
        log = json.loads(out)
        self.assertEqual((log["version"], len(log["runs"])), ("2.1.0", 1))
        self.assertTrue(log["$schema"].endswith("sarif-2.1.0.json"))
        driver = log["runs"][0]["tool"]["driver"]
        known = [rule["id"] for rule in driver["rules"]]
        self.assertEqual(known, [one.id for one in (*RULES, *STATEMENTS)])
        for rule in driver["rules"]:
            self.assertIn(rule["defaultConfiguration"]["level"], ("error", "warning"))
            self.assertTrue(rule["shortDescription"]["text"] and rule["help"]["text"])
        results = log["runs"][0]["results"]
        self.assertEqual(len(results), 3)
        for result in results:
            self._judge_result(result, known, trap)

    def _judge_result(self, result: dict[str, Any], known: list[str], trap: str) -> None:
        self.assertEqual(known[result["ruleIndex"]], result["ruleId"])
        self.assertIn(result["level"], ("error", "warning"))
        self.assertTrue(result["message"]["text"])
        (location,) = result["locations"]
        physical = location["physicalLocation"]
        self.assertEqual(physical["artifactLocation"]["uri"], trap)
        self.assertGreater(physical["region"]["startLine"], 0)
        self.assertGreater(physical["region"]["startColumn"], 0)


class ClusterTests(Commands):
    """--cluster reads by kubectl."""

    def setUp(self) -> None:
        """Put a kubectl on the PATH that serves recorded answers."""
        super().setUp()
        self.kubectl = self.folder / "kubectl"
        self.kubectl.write_text(KUBECTL, "utf-8")
        self.kubectl.chmod(0o755)
        path = os.environ["PATH"]
        self.addCleanup(os.environ.__setitem__, "PATH", path)
        os.environ["PATH"] = f"{self.folder.resolve()}{os.pathsep}{path}"

    def served(self, resource: str, *objects: dict[str, Any]) -> None:
        """Have kubectl give these objects."""
        answer = {"kind": "List", "apiVersion": "v1", "items": list(objects)}
        (self.folder / f"kubectl.{resource}.json").write_text(json.dumps(answer), "utf-8")

    def test_bypass(self) -> None:
        """What the cluster has is judged; what may not be read is said and not missed."""
        self.served("deployments.apps", DEPLOYMENT)
        self.served("services", SERVICE)
        status, out, err = self.run_it("--cluster", "-n", "apps")
        self.assertEqual(status, 1)
        self.assertIn("cluster:services/apps/my-app: error O2S050: Service apps/my-app: port 80 leads to", out)
        self.assertNotIn("O2S040", out)
        self.assertEqual(err.count("note: "), 1)
        self.assertIn("secrets cannot be read: Error from server (Forbidden)", err)
        asked = (self.folder / "kubectl.log").read_text("utf-8").splitlines()
        self.assertTrue(all(line.startswith("get ") and " -n apps " in f"{line} " for line in asked), asked)

    def test_of_every_family(self) -> None:
        """Alerts, certificates and their issuers are read as well, and Pods and Jobs that nobody else stands for."""
        rule = {"alert": "Down", "expr": "oauth2_proxy_no_such_metric > 0"}
        self.served(
            "prometheusrules.monitoring.coreos.com",
            _object("monitoring.coreos.com/v1", "PrometheusRule", spec={"groups": [{"name": "a", "rules": [rule]}]}),
        )
        wanted = {"dnsNames": ["*.example.com"], "issuerRef": {"kind": "ClusterIssuer", "name": "a"}}
        solver: dict[str, Any] = {"http01": {"ingress": {}}}
        self.served("certificates.cert-manager.io", _object("cert-manager.io/v1", "Certificate", spec=wanted))
        issuer = _object("cert-manager.io/v1", "ClusterIssuer", spec={"acme": {"solvers": [solver]}})
        self.served("clusterissuers.cert-manager.io", issuer)
        guarded = DEPLOYMENT["spec"]["template"]["spec"]  # type: ignore[index]
        spec = {**guarded, "hostNetwork": True}
        owned = {"ownerReferences": [{"kind": "ReplicaSet", "name": "r", "uid": "7", "controller": True}]}
        self.served(
            "pods",
            _object("v1", "Pod", "alone", spec=spec),
            _object("v1", "Pod", "owned", spec=spec, **owned),
            _object("v1", "Pod", "asked-1", spec=spec, labels={"o2sidecar/inject": "true"}, **owned),
            _object("v1", "Pod", "asked-2", spec=spec, labels={"o2sidecar/inject": "true"}, **owned),
        )
        self.served("jobs.batch", _object("batch/v1", "Job", "job", spec={"template": {"spec": spec}}))
        _, out, _ = self.run_it("--cluster", "-n", "apps")
        for rule_id in ("O2S063", "O2S091"):
            self.assertIn(rule_id, out)
        found = [line.partition(":")[2].partition(": ")[0] for line in out.splitlines() if "O2S078" in line]
        self.assertEqual(found, ["jobs.batch/apps/job", "pods/apps/alone", "pods/apps/asked-1"])

    def test_nothing(self) -> None:
        """An empty cluster is clean, and all namespaces are read."""
        status, out, _ = self.run_it("--cluster")
        self.assertEqual((status, out), (0, "0 errors, 0 warnings\n"))
        self.assertIn("--all-namespaces", (self.folder / "kubectl.log").read_text("utf-8"))

    def test_unreachable(self) -> None:
        """A cluster that does not answer, nonsense, and no kubectl at all are status 2."""
        for script in ("echo 'connection refused' >&2; exit 1", "echo nonsense"):
            self.kubectl.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
            status, out, err = self.run_it("--cluster")
            self.assertEqual((status, out), (2, ""))
            self.assertTrue("connection refused" in err or "no JSON" in err, err)
        os.environ["PATH"] = str(self.folder / "nowhere")
        self.assertEqual(self.run_it("--cluster")[0], 2)


class PageTests(SynchronousTestCase):
    """docs/checks.md is made from the rules."""

    def test_page_is_up_to_date(self) -> None:
        """The committed page is what the rules give (its first lines say how to write it anew)."""
        committed = Path(cli.__file__).parent.parent / "docs" / "checks.md"
        self.assertEqual(committed.read_text("utf-8"), reference.page())

    def test_page_names_every_rule(self) -> None:
        """Every rule has a heading, once."""
        page = reference.page()
        for one in (*RULES, *STATEMENTS):
            self.assertEqual(page.count(f"### {one.id}: "), 1, one.id)
