"""Rules about objects that others name and that are not there."""

from __future__ import annotations

from collections.abc import Iterator

from o2sidecar.kubernetes.check.rule import Remark, error, warning
from o2sidecar.kubernetes.check.scene import Scene
from o2sidecar.kubernetes.check.surroundings import sources_of
from o2sidecar.kubernetes.check.thing import dig, numbered, text


def _absent(scene: Scene) -> Iterator[Remark]:
    for pod in scene.guarded:
        namespace = pod.thing.namespace
        for source in sources_of(pod):
            if source.optional or scene.is_external(source.kind, namespace, source.name):
                continue
            thing = scene.find(source.kind, namespace, source.name)
            if thing is None:
                elsewhere = [other.namespace for other in scene.of(source.kind) if other.name == source.name]
                hint = (
                    f"; there is one in {', '.join(elsewhere)}, but each namespace needs its own" if elsewhere else ""
                )
                sentence = f"{source.kind} {source.name} is not in namespace {namespace}{hint}"
                yield Remark(sentence=sentence, thing=pod.thing, path=source.path)


def _keys_absent(scene: Scene) -> Iterator[Remark]:
    for pod in scene.guarded:
        for source in sources_of(pod):
            thing = scene.find(source.kind, pod.thing.namespace, source.name)
            for key in source.keys if thing is not None and not source.optional else ():
                assert thing is not None
                if key not in thing.contents():
                    sentence = f"{thing.kind} {thing.name} has no key {key}"
                    yield Remark(sentence=sentence, thing=pod.thing, path=source.path)


def _files_absent(scene: Scene) -> Iterator[Remark]:
    """A configuration file that no mounted ConfigMap has."""
    for configuration in scene.proxies:
        around = configuration.surroundings
        if not configuration.name or configuration.text or around is None or configuration.pod is None:
            continue
        found = around.source_of(configuration.name)
        mounted = any(
            configuration.name.startswith(text(mount.get("mountPath")).rstrip("/") + "/")
            for _, mount in numbered(around.container.data, "volumeMounts")
        )
        if found is not None:
            sentence = f"{configuration.name} is not there: {found[0].title} has no key {found[1]}"
        elif not mounted:
            sentence = f"{configuration.name} is not there: nothing is mounted where it should be"
        else:
            continue
        yield Remark(sentence=sentence, thing=configuration.pod.thing, path=around.container.path)


def _volumes_absent(scene: Scene) -> Iterator[Remark]:
    for pod in scene.guarded:
        names = {text(volume.get("name")) for _, volume in pod.volumes()}
        names |= {
            text(dig(claim, "metadata", "name"))
            for _, claim in numbered(pod.thing.data, "spec", "volumeClaimTemplates")
        }
        for container in pod.containers():
            for path, mount in numbered(container.data, "volumeMounts"):
                if (name := text(mount.get("name"))) not in names:
                    sentence = f"container {container.name} mounts the volume {name}, which the pod does not have"
                    yield Remark(sentence=sentence, thing=pod.thing, path=(*container.path, *path))


def _namespaces(scene: Scene) -> Iterator[Remark]:
    for thing in scene.of("Namespace"):
        sentence = (
            f"Namespace {thing.name} among an app's objects: applying them changes its labels, and deleting them"
            " deletes everything in it"
        )
        yield Remark(sentence=sentence, thing=thing)


RULES = (
    error(
        "O2S040",
        "A ConfigMap or Secret is not there",
        "The pod stays in ContainerCreating or CreateContainerConfigError. Both belong to a namespace.",
        "Add it to the set, let `o2sidecar init -n NS` write it, or declare it with --external KIND/NS/NAME.",
        _absent,
    ),
    error(
        "O2S041",
        "A key is not there",
        "The object is there, but not what the pod wants from it; the pod does not start.",
        "Add the key: the seed's names are client-id, client-secret, cookie-secret and oauth2_proxy.cfg.",
        _keys_absent,
    ),
    error(
        "O2S042",
        "The configuration file is not there",
        "The proxy ends at once, since --config names a file that it cannot read.",
        "Mount the ConfigMap at /etc/oauth2-proxy, with the key oauth2_proxy.cfg.",
        _files_absent,
    ),
    error(
        "O2S043",
        "A volume is not there",
        "The API server refuses the workload.",
        "Add the volume to the pod, or take the mount out.",
        _volumes_absent,
    ),
    warning(
        "O2S044",
        "A Namespace is among an app's objects",
        "Applying the set changes the namespace for everybody in it, and deleting the set deletes them all.",
        "Keep Namespace objects apart, with those who own the cluster.",
        _namespaces,
    ),
)
