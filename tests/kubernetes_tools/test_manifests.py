"""Tests of every manifest in the repository and on its pages: the API takes it, in the oldest and newest version."""

from __future__ import annotations

from pathlib import Path

import yaml
from twisted.trial.unittest import SynchronousTestCase

from tests.kubernetes_tools.manifests import Found, found_in, repository_files
from tests.kubernetes_tools.programs import DEPLOY, ProgramFailed
from tests.kubernetes_tools.schemas import VERSIONS, WITHOUT_SCHEMA, NoSchema, complaints, group, kubeconform

WRONG_ON_PURPOSE = ("tests/kubernetes/", "docs/checks.md")
"""Folders and pages whose manifests show what is wrong."""


def patches() -> set[Path]:
    """Files that kustomizations apply to objects: they are parts of objects only."""
    listed = set()
    for path in repository_files("kustomization.yaml"):
        for patch in yaml.safe_load(path.read_text("utf-8")).get("patches", []):
            if "path" in patch:
                listed.add((path.parent / patch["path"]).resolve())
    return listed


def problems(found: Found) -> list[str]:
    """What the API has against an object, each with file and line."""
    if group(found.data) in WITHOUT_SCHEMA:
        return []
    sentences = []
    for version in VERSIONS:
        try:
            for error in complaints(found.data, version):
                sentences.append(f"{found.place(list(error.absolute_path))}: {error.message} (Kubernetes {version})")
        except NoSchema as error:
            sentences.append(f"{found.place()}: {error}")
    return sentences


class ManifestTests(SynchronousTestCase):
    """What is in the repository."""

    def everything(self) -> list[Found]:
        """All objects that are meant to be right."""
        parts = patches()
        paths = [
            path
            for path in repository_files(".yaml", ".yml", ".md")
            if path not in parts and not any(folder in path.as_posix() for folder in WRONG_ON_PURPOSE)
        ]
        return [found for path in paths for found in found_in(path)]

    def test_all_manifests(self) -> None:
        """Every Kubernetes object in the repository, and in a YAML block of a page, is one that the API takes."""
        found = self.everything()
        self.assertGreater(len(found), 30)
        self.assertEqual([sentence for each in found for sentence in problems(each)], [])

    def test_examples_by_kubeconform(self) -> None:
        """kubeconform, with its own reading of the same schemas, takes the files of deploy/examples, too."""
        for path in repository_files(".yaml"):
            if path.is_relative_to(DEPLOY / "examples") and path.name != "kustomization.yaml":
                for version in VERSIONS:
                    kubeconform(path.read_text("utf-8"), version)

    def test_every_block_is_yaml(self) -> None:
        """No file and no block is broken YAML."""
        for path in repository_files(".yaml", ".yml", ".md"):
            if not any(folder in path.as_posix() for folder in WRONG_ON_PURPOSE):
                list(found_in(path))

    def test_habits(self) -> None:
        """No manifest has `latest`, an image without a tag, a Namespace, or Istio's API of before 1.22."""
        for found in self.everything():
            self.assertNotEqual(found.data["kind"], "Namespace", found.place())
            self.assertNotIn(found.data["apiVersion"], ("networking.istio.io/v1beta1", "networking.istio.io/v1alpha3"))
            pod = found.data.get("spec", {}).get("template", {}).get("spec", {})
            for container in [*pod.get("containers", []), *pod.get("initContainers", [])]:
                tag = container["image"].rpartition("/")[2].partition(":")[2]
                self.assertNotIn(tag, ("", "latest"), found.place())


class JudgingTests(SynchronousTestCase):
    """What is wrong is found, at its place: else the tests above would say nothing."""

    def judged(self, text: str, name: str = "a.yaml") -> list[str]:
        """The problems of a file, by the name alone."""
        path = Path(self.mktemp()).absolute().with_name(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return [sentence.removeprefix(f"{path.parent}/") for each in found_in(path) for sentence in problems(each)]

    def test_kubernetes(self) -> None:
        """A field that there is not, and a type that is wrong, are found with their line, in both versions."""
        text = "# a\napiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec:\n  ports: [{port: http}]\n  port: 1\n"
        sentences = self.judged(text)
        self.assertEqual(len(sentences), 4)
        self.assertIn("a.yaml:6: Additional properties are not allowed ('port' was unexpected)", sentences[0])
        self.assertIn("a.yaml:6: 'http' is not of type", sentences[1])

    def test_custom_resources(self) -> None:
        """Istio's and Gateway API's objects are as strictly judged as Kubernetes' own."""
        route = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a}\nspec:\n"
        self.assertEqual(self.judged(f"{route}  hosts: [a.example.com]\n"), [])
        self.assertIn("a.yaml:5: Additional properties", self.judged(f"{route}  host: [a.example.com]\n")[0])
        route = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: a}\nspec:\n"
        self.assertEqual(self.judged(f"{route}  hostnames: [a.example.com]\n"), [])
        self.assertIn("a.yaml:5: ", self.judged(f"{route}  hostnames: ['a b']\n")[0])

    def test_unknown_kind(self) -> None:
        """A kind or a version of the API that there is not is found."""
        self.assertIn("a.yaml:1: ", self.judged("apiVersion: apps/v1beta1\nkind: Deployment\nmetadata: {name: a}\n")[0])

    def test_pages(self) -> None:
        """In a page, the line is the page's."""
        text = "# Page\n\n* so:\n\n  ```yaml\n  apiVersion: v1\n  kind: ConfigMap\n  datum: {}\n  ```\n"
        self.assertIn("a.md:6: Additional properties", self.judged(text, "a.md")[0])

    def test_kubeconform_judges(self) -> None:
        """The other program refuses the same."""
        for text in (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndatum: {}\n",
            "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: a}\nspec: {server: []}\n",
        ):
            for version in VERSIONS:
                error = self.assertRaises(ProgramFailed, kubeconform, text, version)
                self.assertIn("additional", str(error).lower())
