"""Properties of injections, on manifests that nobody thought of."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.kubernetes.inject.command import main as inject
from o2sidecar.kubernetes.uninject.command import main as uninject
from tests.kubernetes.inject.objects import container, port, service, workload
from tests.kubernetes.running import Run
from tests.kubernetes.schemas import judge

_FEW = settings(
    deadline=None,
    max_examples=25,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
"""An example takes a second where others work too, and shrinking one would take minutes."""

_KINDS = [
    ("v1", "Pod"),
    ("v1", "ReplicationController"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("apps/v1", "ReplicaSet"),
]
_FLAGS = st.lists(
    st.sampled_from(
        [
            ("--mode", "native"),
            ("--allow-group", "acme/a"),
            ("--public-path", "GET=^/healthz$"),
            ("--image", "x:2"),
            ("--restrict-network",),
            ("--route", "istio", "--gateway", "i/g", "--host", "a.example.com"),
        ]
    ),
    unique=True,
    max_size=3,
).map(lambda chosen: [word for words in chosen for word in words])


@st.composite
def streams(draw: st.DrawFn) -> str:
    """A workload, its Services and something else, in a style that people or programs write."""
    name = draw(st.sampled_from(["http", "web", ""]))
    number = draw(st.integers(1024, 4000))
    reference = draw(st.sampled_from([name or number, number]))
    probe = {"httpGet": {"path": "/h", "port": reference}, "periodSeconds": 3}
    asked: dict[str, Any] = draw(st.sampled_from([{}, {"readinessProbe": probe}]))
    app = container(ports=[port(number, name)], **asked)
    version, kind = draw(st.sampled_from(_KINDS))
    more: dict[str, Any] = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "volumes": st.just([{"name": "tmp", "emptyDir": {}}]),
                "initContainers": st.just([container("first"), container("istio-proxy", restartPolicy="Always")]),
                "securityContext": st.just({"runAsUser": 5}),
            },
        )
    )
    notes = draw(st.sampled_from([None, {"theirs": "x"}, {"o2sidecar/allow-groups": "g"}]))
    apps = [app, *draw(st.sampled_from([[], [container("helper")]]))]
    pods = workload(*apps, kind=kind, version=version, annotations=notes, **more)
    target: dict[str, Any] = draw(
        st.sampled_from([{}, {"appProtocol": "http"}, {"nodePort": 30080}, {"protocol": "TCP"}])
    )
    led = service({"port": 80, "targetPort": reference, **target}, type="NodePort")
    other = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "o"}, "data": {"text": "a: {{ b }}\n"}}
    objects = draw(st.permutations([pods, led, other]))
    if draw(st.booleans()):
        return yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": objects}, sort_keys=draw(st.booleans()))
    text = yaml.safe_dump_all(
        objects,
        sort_keys=draw(st.booleans()),
        default_flow_style=draw(st.sampled_from([False, None])),
        indent=draw(st.sampled_from([2, 4])),
        explicit_start=draw(st.booleans()),
    )
    commented = "".join(
        f"{line} # {number}\n" if line.endswith("}") else f"{line}\n"
        for number, line in enumerate(text.split("\n")[:-1])
    )
    return commented.replace("\n", "\r\n") if draw(st.booleans()) else commented


def objects_of(text: str) -> list[Any]:
    found = [one for one in yaml.safe_load_all(text) if one]
    return found[0]["items"] if found[0]["kind"] == "List" else found


def run(command: Any, text: str, *flags: str) -> str:
    done = Run.of(command, "-f", "-", *flags, standard_input=text)
    assert done.status == 0, done.err
    return done.out


class PropertyTests(SynchronousTestCase):
    """Whatever is injected."""

    @_FEW
    @given(streams(), _FLAGS, _FLAGS)
    def test_twice_is_once_and_there_is_a_way_back(self, text: str, flags: list[str], others: list[str]) -> None:
        """Injecting twice is injecting once, other flags count as if they were the first, and back is back."""
        once = run(inject, text, *flags)
        self.assertEqual(run(inject, once, *flags), once)
        self.assertEqual(run(uninject, once), text)
        other = run(inject, once, *others)
        key = repr
        self.assertEqual(
            sorted(map(key, map(_without_notes, objects_of(other)))),
            sorted(map(key, map(_without_notes, objects_of(run(inject, text, *others))))),
        )
        self.assertEqual(run(uninject, other), text)

    @_FEW
    @given(streams(), _FLAGS)
    def test_every_protected_port_ends_at_the_sidecar(self, text: str, flags: list[str]) -> None:
        """A Service's port leads to 4180 of the sidecar, and what comes out is as the API server wants it."""
        text = run(inject, text, *flags)
        objects = objects_of(text)
        [led] = [one for one in objects if one["kind"] == "Service"]
        [pods] = [one for one in objects if one["kind"] in [kind for _, kind in _KINDS]]
        spec = pods["spec"] if pods["kind"] == "Pod" else pods["spec"]["template"]["spec"]
        named = [
            (one["name"], found["containerPort"])
            for one in (*spec["containers"], *spec.get("initContainers", ()))
            for found in one.get("ports", ())
            if found.get("name") == led["spec"]["ports"][0]["targetPort"]
        ]
        self.assertEqual(named, [("o2sidecar", 4180)])
        for one in objects:
            if kind_has_schema(one):
                judge(yaml.safe_dump(one))


def kind_has_schema(one: Any) -> bool:
    """A StatefulSet of this test lacks its serviceName, which the oldest API server wants."""
    return bool(one["kind"] != "StatefulSet")


def _without_notes(one: Any) -> Any:
    """Without what an injection remembers, which is about how it came there; in one order."""
    if isinstance(one, dict):
        return {key: _without_notes(one[key]) for key in sorted(one) if key != "o2sidecar/original"}
    return [_without_notes(item) for item in one] if isinstance(one, list) else one
