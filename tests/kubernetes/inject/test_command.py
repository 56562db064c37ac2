"""Tests of the commands: what comes out, byte for byte, and what is said."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import stat
from pathlib import Path

import yaml
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.cli import main as o2sidecar
from o2sidecar.kubernetes.inject.command import main as inject
from o2sidecar.kubernetes.uninject.command import main as uninject
from tests.kubernetes.inject.objects import container, port, service, workload
from tests.kubernetes.running import Run

MANIFEST = """\
# The shop.
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}   # flow
spec:
  selector: {matchLabels: &labels {app: shop}}
  template:
    metadata:
      labels: *labels
    spec:
      containers:
      # the app
      - name: app
        image: "registry.example.com/shop:1.0"   # pinned
        ports: [{name: http, containerPort: 8080}]
        readinessProbe: {httpGet: {path: /h, port: 'http'}}

---
# nothing here
---
apiVersion: v1
kind: Service
metadata:
  name: shop
spec:
  selector: {app: shop}
  ports:
  - port: 80
    # to the app
    targetPort: "http"  # by name
---
kind: Thing
apiVersion: example.com/v1
text: "{{ not a template }}"
"""
ALL: tuple[str, ...] = (
    "--restrict-network",
    *("--route", "istio", "--gateway", "istio-system/main", "--host", "shop.example.com"),
)


def lines_that_went(before: str, after: str) -> list[str]:
    """Lines of the first text that are not, in their order, in the second."""
    rest = iter(after.split("\n"))
    gone = []
    for line in before.split("\n"):
        kept = list(rest)
        if line in kept:
            rest = iter(kept[kept.index(line) + 1 :])
        else:
            gone.append(line)
            rest = iter(kept)
    return gone


class TextTests(SynchronousTestCase):
    """Edge case 1: all that an injection is not about stays, to the byte."""

    def there_and_back(self, text: str, *flags: str) -> str:
        """The injected text; injected again it is the same, and taken out the first."""
        there = Run.of(inject, "-f", "-", *flags, standard_input=text)
        self.assertEqual(there.status, 0, there.err)
        again = Run.of(inject, "-f", "-", *flags, standard_input=there.out)
        self.assertEqual((again.status, again.out), (0, there.out), again.err)
        back = Run.of(uninject, "-f", "-", standard_input=there.out)
        self.assertEqual((back.status, back.out), (0, text), back.err)
        return there.out

    def test_01_comments_order_and_other_documents_stay(self) -> None:
        """Edge case 1: of all lines only the Service's targetPort is another one."""
        injected = self.there_and_back(MANIFEST)
        self.assertEqual(lines_that_went(MANIFEST, injected), ['    targetPort: "http"  # by name'])
        self.assertIn("    targetPort: o2sidecar  # by name\n", injected)

    def test_01_all_flags_and_back(self) -> None:
        """Edge case 1: new objects come as documents at the end, and go without a trace."""
        kinds = [one["kind"] for one in yaml.safe_load_all(self.there_and_back(MANIFEST, *ALL)) if one]
        self.assertEqual(kinds, ["Deployment", "Service", "Thing", "NetworkPolicy", "VirtualService"])
        self.there_and_back(MANIFEST.rstrip("\n"), *ALL)
        self.there_and_back(MANIFEST, "--mode", "native")

    def test_01_other_flags_in_between(self) -> None:
        """Edge case 15: what flags asked for once goes with them, and all is as if it had never been asked for."""
        all_flags = Run.of(inject, "-f", "-", *ALL, standard_input=MANIFEST).out
        fewer = Run.of(inject, "-f", "-", "--allow-group", "acme", standard_input=all_flags).out
        self.assertEqual(Run.of(uninject, "-f", "-", standard_input=fewer).out, MANIFEST)
        kinds = [one["kind"] for one in yaml.safe_load_all(fewer) if one]
        self.assertEqual(kinds, ["Deployment", "Service", "Thing"])

    def test_01_carriage_returns(self) -> None:
        """Edge case 1: a file with CRLF has CRLF in all lines that are added."""
        text = MANIFEST.replace("\n", "\r\n")
        injected = self.there_and_back(text, *ALL)
        self.assertEqual(injected.count("\n"), injected.count("\r\n"))

    def test_01_byte_order_mark(self) -> None:
        """Edge case 1: a byte order mark is no obstacle, and stays."""
        self.assertTrue(self.there_and_back("\ufeff" + MANIFEST).startswith("\ufeff# The shop."))

    def test_01_json(self) -> None:
        """Edge case 1: JSON stays JSON, indented as it was; where there is no place for more objects, that is said."""
        whole = {"apiVersion": "v1", "kind": "List", "items": [workload(), service()]}
        for indent in (None, 2):
            text = json.dumps(whole, indent=indent) + "\n"
            self.assertEqual(len(json.loads(self.there_and_back(text))["items"]), 2)
            added = json.loads(self.there_and_back(text, *ALL[:1]))["items"]
            self.assertEqual(added[2]["kind"], "NetworkPolicy")
        one = json.dumps(workload(container(ports=[port(8080)])))
        json.loads(self.there_and_back(one))
        run = Run.of(inject, "-f", "-", "--restrict-network", standard_input=one)
        self.assertEqual((run.status, run.out), (1, ""))
        self.assertIn("make it a List", run.err)

    def test_01_lists(self) -> None:
        """Edge case 1: the objects of a List are injected in it, and new ones belong to it."""
        whole = {"apiVersion": "v1", "kind": "List", "items": [workload(), service()]}
        text = yaml.safe_dump(whole, sort_keys=False)
        self.assertEqual([one["kind"] for one in yaml.safe_load(self.there_and_back(text, *ALL))["items"]], [
            "Deployment", "Service", "NetworkPolicy", "VirtualService"
        ])  # fmt: skip

    def test_01_templates(self) -> None:
        """Edge case 1: a template that is not rendered is refused with its place; braces within text are text."""
        run = Run.of(inject, "-f", "-", standard_input=MANIFEST.replace("name: shop}", "name: {{ .Release.Name }}}"))
        self.assertEqual((run.status, run.out), (1, ""))
        self.assertRegex(run.err, r"-:4:\d+: .*")

    def test_broken_text(self) -> None:
        """Broken YAML, a key that is there twice and what is no text are refused with line and column."""
        broken: list[tuple[str | bytes, str]] = [
            ("a: [\n", "-:"),
            ("kind: A\nkind: B\n", "-:2:1"),
            (b"a: \xff\n", "-:1"),
        ]
        for text, place in broken:
            for command in (inject, uninject):
                run = Run.of(command, "-f", "-", standard_input=text)
                self.assertEqual((run.status, run.out), (1, ""))
                self.assertIn(place, run.err)

    def test_null_and_empty_values(self) -> None:
        """Keys without a value, and empty ones, are as they were afterwards."""
        for written in ("volumes:", "volumes: null", "volumes: ~", "volumes: []", "volumes:   # none"):
            text = MANIFEST.replace("      containers:\n", f"      {written}\n      containers:\n")
            self.there_and_back(text)
            text = MANIFEST.replace("  name: shop\nspec", "  name: shop\n  annotations: {}\nspec")
            self.there_and_back(text)


class EditedTests(SynchronousTestCase):
    """What people edited after an injection stays."""

    def after(self, old: str, new: str, *flags: str, manifest: str = MANIFEST) -> Run:
        """Injected, edited, and taken out again."""
        injected = Run.of(inject, "-f", "-", *flags, standard_input=manifest).out
        self.assertIn(old, injected)
        return Run.of(uninject, "-f", "-", standard_input=injected.replace(old, new, 1))

    def test_edits_stay(self) -> None:
        """Another image, another annotation and another container are still there, and nothing else is different."""
        for old, new in [
            ("shop:1.0", "shop:2.0"),
            ("# the app\n", "# the app\n      - {name: more, image: y}\n"),
            ("/h,", "/other,"),
            ("- port: 80\n", "- port: 80\n    name: web\n"),
        ]:
            back = self.after(old, new)
            self.assertEqual((back.status, back.out), (0, MANIFEST.replace(old, new, 1)), back.err)

    def test_an_annotation_of_theirs_stays(self) -> None:
        """Among annotations that inject made the list for, those of others remain."""
        back = self.after("      annotations:\n", "      annotations:\n        theirs: x\n")
        expected = MANIFEST.replace("labels: *labels\n", "labels: *labels\n      annotations:\n        theirs: x\n")
        self.assertEqual((back.status, back.out), (0, expected), back.err)

    def test_an_edit_in_the_way(self) -> None:
        """Where what inject has written is something else now, nothing is written and the place is named."""
        back = self.after("targetPort: o2sidecar", "targetPort: 9000")
        self.assertEqual((back.status, back.out), (1, ""))
        self.assertRegex(back.err, r"-:\d+:\d+: error: Service shop: spec.ports\[port=80\].targetPort is 9000 now")
        back = self.after("- port: 80\n", "- port: 81\n")
        self.assertEqual(back.status, 1)

    def test_edited_additions(self) -> None:
        """What people edited in a route or a policy is not lost: nothing is done until they say whose it is."""
        injected = Run.of(inject, "-f", "-", *ALL, standard_input=MANIFEST).out
        for old, new, kind in [
            ("prefix: /oauth2/", "prefix: /oauth2", "VirtualService"),
            ("name: shop-o2sidecar", "name: shop-o2sidecar\n  labels: {team: shop}", "NetworkPolicy"),
            ("  - port: 4180", "  - port: 4181", "NetworkPolicy"),
        ]:
            self.assertIn(old, injected)
            edited = injected.replace(old, new)
            for command, flags in [(uninject, ()), (inject, ()), (inject, ALL)]:
                run = Run.of(command, "-f", "-", *flags, standard_input=edited)
                self.assertEqual((run.status, run.out), (1, ""))
                self.assertIn(f"{kind} shop", run.err)
                self.assertIn("somebody edited it since inject added it", run.err)
            theirs = re.sub(r"    o2sidecar/original: '{\"created\":\[{\"path\":\[\],.*\n", "", edited)
            run = Run.of(uninject, "-f", "-", standard_input=theirs)
            self.assertEqual(run.status, 0, run.err)
            self.assertIn(new.partition("\n")[0], run.out)

    def test_additions_that_go_are_named(self) -> None:
        """An object that leaves the text is named, so that people can delete it in the cluster."""
        injected = Run.of(inject, "-f", "-", *ALL, standard_input=MANIFEST).out
        for command in (uninject, inject):
            run = Run.of(command, "-f", "-", standard_input=injected)
            self.assertEqual(run.status, 0)
            for title in ("NetworkPolicy shop-o2sidecar", "VirtualService shop"):
                self.assertIn(f"note: {title}: it is taken out of the text", run.err)

    def test_what_is_gone_needs_no_undoing(self) -> None:
        """A Service's port that people took out does not come back, nor does the sidecar that they took out."""
        port_lines = "  - port: 80\n    # to the app\n    targetPort: o2sidecar  # by name\n    appProtocol: http\n"
        back = self.after(port_lines, "  - port: 70\n")
        self.assertEqual(back.status, 0, back.err)
        self.assertIn("- port: 70\n", back.out)

    def test_without_the_memory(self) -> None:
        """Without its annotation, or with a broken one, an injection is not undone by guessing."""
        injected = Run.of(inject, "-f", "-", standard_input=MANIFEST).out
        objects = [one for one in yaml.safe_load_all(injected) if one]
        notes = objects[0]["spec"]["template"]["metadata"]["annotations"]
        for value in (None, "x", "[]", '{"changes":[{"path":1}]}', '{"changes":[{"path":[],"index":-1}]}'):
            notes.pop("o2sidecar/original")
            if value is not None:
                notes["o2sidecar/original"] = value
            text = yaml.safe_dump_all(objects)
            for command in (uninject, inject):
                run = Run.of(command, "-f", "-", standard_input=text)
                self.assertEqual((run.status, run.out), (1, ""), value)
                self.assertIn("history", run.err)
            notes.setdefault("o2sidecar/original", "")

    def test_nothing_to_take_out(self) -> None:
        """A manifest that was never injected comes out as it is, with a note."""
        run = Run.of(uninject, "-f", "-", standard_input=MANIFEST)
        self.assertEqual((run.status, run.out), (0, MANIFEST))
        self.assertIn("nothing here", run.err)


class CommandTests(SynchronousTestCase):
    """Files, findings and exit statuses."""

    def setUp(self) -> None:
        """A folder with a manifest."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.file = self.folder / "shop.yaml"
        self.file.write_text(MANIFEST, "utf-8")

    def test_a_file_is_replaced_as_a_whole(self) -> None:
        """-o may be the file itself: it is replaced at once, keeps its mode, and nothing else is left beside it."""
        self.file.chmod(0o640)
        run = Run.of(inject, "-f", str(self.file), "-o", str(self.file))
        self.assertEqual((run.status, run.out), (0, ""), run.err)
        self.assertIn("o2sidecar/status", self.file.read_text("utf-8"))
        self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o640)
        self.assertEqual(os.listdir(self.folder), ["shop.yaml"])
        self.assertEqual(Run.of(uninject, "-f", str(self.file), "-o", str(self.file)).status, 0)
        self.assertEqual(self.file.read_text("utf-8"), MANIFEST)

    def test_a_new_file(self) -> None:
        """A file that was not there has the mode that the umask leaves it, as of any other program."""
        new = self.folder / "new.yaml"
        former = os.umask(0o027)
        self.addCleanup(os.umask, former)
        run = Run.of(inject, "--file", str(self.file), "--output", str(new), "--app-port", "8080")
        self.assertEqual((run.status, run.out), (0, ""), run.err)
        self.assertEqual(stat.S_IMODE(new.stat().st_mode), 0o640)

    def test_a_refusal_writes_nothing(self) -> None:
        """On exit status 1 neither standard output nor the file has anything; each finding says where and what."""
        self.file.write_text(MANIFEST.replace("    spec:\n", "    spec:\n      hostNetwork: true\n"), "utf-8")
        output = self.folder / "out.yaml"
        run = Run.of(inject, "-f", str(self.file), "-o", str(output))
        self.assertEqual((run.status, run.out, output.exists()), (1, "", False))
        self.assertIn(f"{self.file}:11:7: error: Deployment shop: hostNetwork", run.err)

    def test_strict(self) -> None:
        """A second port that leads past the sidecar is said, and refused where people are strict."""
        self.file.write_text(MANIFEST.replace("  - port: 80\n", "  - {name: m, port: 9090}\n  - port: 80\n"), "utf-8")
        run = Run.of(inject, "-f", str(self.file), "--app-port", "8080")
        self.assertEqual(run.status, 0)
        self.assertIn(":28:5: warning: Service shop: its port 9090 (m) leads to 9090", run.err)
        run = Run.of(inject, "-f", str(self.file), "--app-port", "8080", "--strict")
        self.assertEqual((run.status, run.out), (1, ""))

    def test_misuse(self) -> None:
        """Arguments that make no sense, and files that are not there, have exit status 2."""
        wrong: list[list[str]] = [
            [],
            ["-f", str(self.folder / "none.yaml")],
            ["-f", "-", "--mode", "sideways"],
            ["-f", "-", "--host", "https://x"],
            ["-f", "-", "--route", "istio"],
            ["-f", "-", "--route", "istio", "--gateway", "a/b/c", "--host", "x.example.com"],
            ["-f", "-", "--route", "ingress", "--host", ".example.com"],
            ["-f", "-", "--public-path", "("],
            ["-f", "-", "--unknown"],
        ]
        with contextlib.redirect_stderr(io.StringIO()):
            for arguments in wrong:
                self.assertEqual(Run.of(inject, *arguments).status, 2, str(arguments))
            self.assertEqual(Run.of(uninject).status, 2)
        unwritable = str(self.folder / "none" / "out.yaml")
        self.assertEqual(Run.of(inject, "-f", str(self.file), "-o", unwritable).status, 1)

    def test_help(self) -> None:
        """Both are sub-commands, and show how they are called."""
        for command in ("inject", "uninject"):
            with contextlib.redirect_stdout(io.StringIO()) as shown:
                self.assertEqual(o2sidecar([command, "--help"]), 0)
            self.assertIn(f"o2sidecar {command} -f my-app.yaml", shown.getvalue())
