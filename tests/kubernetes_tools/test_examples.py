"""Tests of deploy/examples: what the READMEs have one run gives the files beside them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import yaml
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.kubernetes.check.command import main as check
from o2sidecar.kubernetes.init.command import main as init
from o2sidecar.kubernetes.inject.command import main as inject_command
from o2sidecar.kubernetes.inject.options import InjectOptions
from o2sidecar.kubernetes.inject.plan import inject
from o2sidecar.kubernetes.inject.subject import Subject
from o2sidecar.kubernetes.operations import apply
from o2sidecar.kubernetes.terminal import Terminal
from o2sidecar.kubernetes.uninject.command import main as uninject_command
from tests.kubernetes.running import Run
from tests.kubernetes_tools.programs import DEPLOY, kustomize_build, objects, the

EXAMPLES = DEPLOY / "examples"
EXTERNAL = {("Secret", "oauth2-proxy-secret")}
"""What is made elsewhere."""


def folders() -> list[Path]:
    """One folder for each example."""
    return sorted(path.parent for path in EXAMPLES.glob("*/README.md"))


def commands(folder: Path, word: str) -> list[list[str]]:
    """The commands of a README that begin with these words, as a shell splits them, without the words."""
    text = "\n".join(re.findall(r"^```sh\n(.*?)^```$", (folder / "README.md").read_text("utf-8"), re.M | re.S))
    lines = text.replace("\\\n", " ").splitlines()
    return [shlex.split(line)[len(word.split()) :] for line in lines if line.startswith(f"{word} ")]


def without_hashes(text: str) -> str:
    """The same, whatever the secrets are that are hashed into it."""
    return re.sub(r"(o2sidecar/config-hash: )\S+", r"\1HASH", text)


class ExampleTests(SynchronousTestCase):
    """The files of an example, and its README."""

    def test_all_listed(self) -> None:
        """The README lists every example, and nothing else."""
        listed = re.findall(r"^\| \[([\w-]+)\]\(\1\)", (EXAMPLES / "README.md").read_text("utf-8"), re.M)
        self.assertEqual(sorted(listed), [folder.name for folder in folders()])
        self.assertEqual(len(listed), 8)

    def test_init_gives_the_realm(self) -> None:
        """`o2sidecar init`, as the README has it, gives the realm's file, beside a Secret that is in no file here."""
        for folder in folders():
            runs = commands(folder, "o2sidecar init")
            self.assertTrue(runs, folder.name)
            for arguments in runs:
                made = Path(self.mktemp()).absolute()
                made.mkdir()
                (made / "secret.txt").write_text("s3cret\n", "utf-8")
                name = arguments[arguments.index("-o") + 1]
                arguments[arguments.index("-o") + 1] = str(made / name)
                arguments[arguments.index("--client-secret-file") + 1] = str(made / "secret.txt")
                said: list[str] = []
                self.assertEqual(init(arguments, Terminal(out=said.append, say=said.append)), 0, said)
                listed = yaml.safe_load((made / name / "kustomization.yaml").read_text("utf-8"))["resources"]
                self.assertIn("secret.yaml", listed)
                texts = [(made / name / each).read_text("utf-8") for each in listed if each != "secret.yaml"]
                written = (folder / f"{name}.yaml").read_text("utf-8")
                self.assertEqual(without_hashes(written), without_hashes("---\n".join(texts)), folder.name)

    def test_inject_gives_the_injected(self) -> None:
        """`o2sidecar inject`, as the README has it, gives the objects of injected.yaml, and finds no error."""
        injected = [folder for folder in folders() if commands(folder, "o2sidecar inject")]
        self.assertEqual(len(injected), 6)
        for folder in injected:
            (arguments,) = commands(folder, "o2sidecar inject")
            self.assertEqual(arguments, ["-f", "app.yaml", "-o", "injected.yaml"])
            before = objects((folder / "app.yaml").read_text("utf-8"))
            plan = inject([Subject(data=each) for each in before], InjectOptions())
            self.assertFalse(plan.refused, plan.findings)
            after = [apply(each, operations) for each, operations in zip(before, plan.operations, strict=True)]
            self.assertEqual(after, objects((folder / "injected.yaml").read_text("utf-8")), folder.name)

    def test_check_finds_nothing(self) -> None:
        """`o2sidecar check` has nothing to say about any example, not even as a warning."""
        for folder in folders():
            paths = sorted(folder.glob("*.yaml"))
            if (folder / "injected.yaml").exists():
                paths.remove(folder / "app.yaml")
            external = ["Secret/istio-system/wildcard-tls"]
            external += [f"Secret/{namespace}/oauth2-proxy-secret" for namespace in ("apps", "staff", "partners")]
            arguments = ["--fail-on=warning", *(f"--external={each}" for each in external)]
            given = [folder] if (folder / "kustomization.yaml").exists() else paths
            run = Run.of(check, *arguments, "-f", *map(str, given))
            self.assertEqual(run.status, 0, run.out + run.err)

    def test_by_the_commands(self) -> None:
        """`inject` gives the file that is there, byte for byte, and `uninject` the app as it was."""
        for folder in folders():
            if (folder / "injected.yaml").exists():
                app, injected = ((folder / name).read_text("utf-8") for name in ("app.yaml", "injected.yaml"))
                self.assertEqual(Run.of(inject_command, "-f", "-", standard_input=app).out, injected, folder.name)
                self.assertEqual(Run.of(uninject_command, "-f", "-", standard_input=injected).out, app, folder.name)

    def test_complete(self) -> None:
        """Every ConfigMap, Secret, Service and Gateway that an example refers to is in it, or is external."""
        for folder in folders():
            found = [each for path in sorted(folder.glob("*.yaml")) for each in objects(path.read_text("utf-8"))]
            there = {(each["kind"], each.get("metadata", {}).get("name", "")) for each in found} | EXTERNAL
            for each in found:
                spec = each.get("spec", {})
                for volume in spec.get("template", {}).get("spec", {}).get("volumes", []):
                    if "configMap" in volume:
                        self.assertIn(("ConfigMap", volume["configMap"]["name"]), there, folder.name)
                    if "secret" in volume:
                        self.assertIn(("Secret", volume["secret"]["secretName"]), there, folder.name)
                if each["kind"] == "VirtualService":
                    for gateway in spec["gateways"]:
                        self.assertIn(("Gateway", gateway.partition("/")[2]), there, folder.name)
                    for route in spec["http"]:
                        self.assertEqual(route["retries"], {"attempts": 0}, folder.name)
                        service = route["route"][0]["destination"]["host"].partition(".")[0]
                        self.assertIn(("Service", service), there, folder.name)

    def test_ext_authz(self) -> None:
        """The parts of the ext_authz example go together; the pods of sign-ins serve the app's host."""
        found = objects(kustomize_build(EXAMPLES / "istio-ext-authz"))
        container = the("Deployment", found, "auth")["spec"]["template"]["spec"]["containers"][0]
        hosts = [argument for argument in container["args"] if argument.startswith("--allowed-host=")]
        self.assertEqual(hosts, ["--allowed-host=.example.com"])
        self.assertEqual(the("AuthorizationPolicy", found)["spec"]["action"], "CUSTOM")
