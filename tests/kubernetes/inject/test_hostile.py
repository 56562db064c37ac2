"""Tests of injections with manifests, memories and arguments that somebody has made to break them."""

from __future__ import annotations

import contextlib
import copy
import io
import json
from collections.abc import Iterator
from typing import Any

import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.kubernetes.inject.command import main as inject
from o2sidecar.kubernetes.uninject.command import main as uninject
from tests.kubernetes.inject.objects import container, port, service, workload
from tests.kubernetes.running import Run

_JUNK: list[Any] = [None, 1, -1, True, "", "x", 1.5, [], {}, [1], [[]], [None], {"name": []}, [{"name": 1}]]
_FLAGS = [
    (),
    ("--restrict-network",),
    ("--mode", "native"),
    ("--replace-oauth2-proxy", "--force"),
    ("--app-port", "http"),
    ("--route", "ingress", "--host", "a.example.com"),
]
_RICH = [
    workload(
        container(
            ports=[port(8080, "http")],
            readinessProbe={"httpGet": {"path": "/", "port": "http"}},
            lifecycle={"preStop": {"httpGet": {"path": "/x", "port": 8080}}},
        ),
        {
            "name": "oauth2-proxy",
            "image": "q/oauth2-proxy:1",
            "args": ["--http-address=0.0.0.0:4180", "--upstream=http://127.0.0.1:8080"],
            "env": [{"name": "OAUTH2_PROXY_CLIENT_ID", "value": "x"}],
            "ports": [port(4180)],
            "volumeMounts": [{"name": "c", "mountPath": "/c"}],
        },
        annotations={"o2sidecar/allow-groups": "g"},
        volumes=[{"name": "c", "configMap": {"name": "c"}}],
        initContainers=[container("istio-proxy", restartPolicy="Always")],
    ),
    service(),
]


def _places(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for step, value in inner:
        yield (*path, step)
        yield from _places(value, (*path, step))


@st.composite
def broken(draw: st.DrawFn) -> str:
    """Objects in which one or two values are of another kind than they should be."""
    objects = copy.deepcopy(_RICH)
    for _ in range(draw(st.integers(1, 2))):
        path = draw(st.sampled_from(list(_places(objects))))
        parent: Any = objects
        for step in path[:-1]:
            parent = parent[step]
        parent[path[-1]] = copy.deepcopy(draw(st.sampled_from(_JUNK)))
    return yaml.safe_dump_all(objects, sort_keys=False, default_flow_style=draw(st.sampled_from([False, None])))


class ManifestTests(SynchronousTestCase):
    """What no API server would take, or nobody would write."""

    @settings(
        deadline=None,
        max_examples=20,
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(broken(), st.sampled_from(_FLAGS))
    def test_values_of_another_kind(self, text: str, flags: tuple[str, ...]) -> None:
        """They are refused in sentences, or come back to the byte; the command never fails with a traceback."""
        there = Run.of(inject, "-f", "-", *flags, standard_input=text)
        self.assertIn(there.status, (0, 1))
        if there.status:
            self.assertEqual(there.out, "")
            self.assertIn("error: ", there.err)
        else:
            self.assertEqual(Run.of(inject, "-f", "-", *flags, standard_input=there.out).out, there.out)
            self.assertEqual(Run.of(uninject, "-f", "-", standard_input=there.out).out, text)

    def test_kinds_that_are_refused(self) -> None:
        """The sentence names the value, what it should be, and its place."""
        text = yaml.safe_dump_all(
            [workload(container(ports=[{"containerPort": "8080"}])), service({"port": [80]})], sort_keys=False
        )
        run = Run.of(inject, "-f", "-", standard_input=text)
        self.assertEqual((run.status, run.out), (1, ""))
        for sentence in (
            "Deployment my-app: spec.containers[name=app].ports[].containerPort has to be a number",
            "Service my-app: spec.ports[].port has to be a number",
        ):
            self.assertIn(sentence, run.err)

    def test_nothing_written_within_braces(self) -> None:
        """A key without a value, in braces, has none again afterwards."""
        for braces in ("{labels: {app: my-app}, annotations: }", "{annotations: , labels: {app: my-app}}"):
            text = yaml.safe_dump(workload(), sort_keys=False).replace(
                "    metadata:\n      labels:\n        app: my-app\n", f"    metadata: {braces}\n"
            )
            self.assertIn(braces, text)
            there = Run.of(inject, "-f", "-", standard_input=text)
            self.assertEqual(Run.of(uninject, "-f", "-", standard_input=there.out).out, text, there.err)

    def test_tags(self) -> None:
        """A tag goes with the scalar that it is for, and comes back with it."""
        pods = yaml.safe_dump(workload(), sort_keys=False)
        for written in ("!!int '8080'", "!!int &here 8080", "&here !!int 8080"):
            text = pods + "---\n" + yaml.safe_dump(service(), sort_keys=False).replace(": http", f": {written}")
            there = Run.of(inject, "-f", "-", standard_input=text)
            self.assertIn("targetPort: o2sidecar\n", there.out, there.err)
            self.assertEqual(Run.of(uninject, "-f", "-", standard_input=there.out).out, text)


class MemoryTests(SynchronousTestCase):
    """The annotation that says how it was, in other people's words."""

    def test_it_is_not_believed(self) -> None:
        """What inject would not have written is refused: no object goes because its annotation says so."""
        memories: list[Any] = [
            {"created": [{"path": []}]},
            {"created": [{"path": [{"a": 1}]}]},
            {"created": [{"path": ["spec", "volumes"], "text": 5}]},
            {"changes": [{"path": []}]},
            {"changes": [{"path": ["spec"], "index": 0}]},
            {"changes": [{"path": ["spec", {"name": "a"}], "was": 1}]},
            {"changes": 5},
            [1],
        ]
        for memory in memories:
            text = yaml.safe_dump_all(
                [
                    workload(annotations={"o2sidecar/original": json.dumps(memory)}),
                    service(metadata={"annotations": {"o2sidecar/original": json.dumps(memory)}}),
                ]
            )
            for command in (inject, uninject):
                run = Run.of(command, "-f", "-", standard_input=text)
                self.assertEqual((run.status, run.out), (1, ""), str(memory))
                self.assertIn("Deployment my-app: its annotation o2sidecar/original is not what inject wrote", run.err)
                self.assertIn("Service my-app: its annotation o2sidecar/original is not what inject wrote", run.err)

    def test_it_writes_no_other_keys(self) -> None:
        """A remembered text that would say more than its value is refused."""
        change = {"path": ["spec", "hostNetwork"], "was": False, "text": "false\n      hostPID: true"}
        memory = json.dumps({"changes": [change]})
        text = yaml.safe_dump(workload(annotations={"o2sidecar/original": memory}))
        run = Run.of(uninject, "-f", "-", standard_input=text)
        self.assertEqual((run.status, run.out), (1, ""))


class ArgumentTests(SynchronousTestCase):
    """Flags that no one means."""

    def test_nonsense(self) -> None:
        """What would be lost, or could not be a name or an argument, has exit status 2 and a sentence."""
        for flags, sentence in {
            ("-f", "-"): "it is given twice",
            ("-o", "a.yaml", "-o", "b.yaml"): "it is given twice",
            ("-n", "A B"): "-n: 'A B' is no name",
            ("--gateway", "a/b_c"): "is no name",
            ("--tls-secret", "a\n"): "is no name",
            ("--ingress-class", "$"): "is no name",
            ("--monitoring-namespace", "-"): "is no name",
            ("--allow-group", "a\0b"): "control characters",
            ("--allow-group", "a\udcffb"): "control characters",
            ("--public-path", "^/a\x1b$"): "control characters",
        }.items():
            with contextlib.redirect_stderr(io.StringIO()) as said:
                run = Run.of(inject, "-f", "-", *flags, standard_input=yaml.safe_dump(workload()))
            self.assertEqual((run.status, run.out), (2, ""), str(flags))
            self.assertIn(sentence, run.err + said.getvalue())

    def test_hosts_count_once(self) -> None:
        """A host that is said twice is one host, of the sidecar and of the route."""
        text = yaml.safe_dump_all([workload(), service()])
        host = ("--host", "a.example.com", "--route", "istio", "--gateway", "i/g")
        once = Run.of(inject, "-f", "-", *host, standard_input=text)
        self.assertEqual(Run.of(inject, "-f", "-", *host, *host[:2], standard_input=text).out, once.out)
