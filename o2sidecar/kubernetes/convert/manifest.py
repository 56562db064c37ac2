"""Every container of oauth2-proxy in a stream made ours, or everything that is in the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from attrs import define, field, frozen

from o2sidecar.kubernetes import objects
from o2sidecar.kubernetes.convert.container import operations
from o2sidecar.kubernetes.convert.differences import differences
from o2sidecar.kubernetes.findings import Finding, ManifestProblem, Place, Severity
from o2sidecar.kubernetes.oauth2_proxy import Configured, is_oauth2_proxy
from o2sidecar.kubernetes.operations import Operation, Path
from o2sidecar.kubernetes.text import Document, Stream
from o2sidecar.settings.load import SettingsRefused, UsageRefused, load
from o2sidecar.settings.problems import Problem
from o2sidecar.settings.provider_kind import ProviderKinds

Data = Any

_IMAGE_SAYS = {"O2SIDECAR_DEFAULTS": "o2sidecar"}
"""What our image has in its environment and that decides; oauth2-proxy's has nothing of the kind."""


@frozen(kw_only=True)
class Converted:
    """A manifest, and what to tell the operator besides."""

    text: str = field(repr=False)
    notes: tuple[Finding, ...]


@frozen(kw_only=True)
class _Found:
    """A container of oauth2-proxy, where it is, and what it is told."""

    document: Document
    path: Path
    container: Data
    title: str
    configured: Configured

    def finding(self, severity: Severity, sentence: str, key: str = "") -> Finding:
        return Finding(severity=severity, sentence=sentence, object=self.title, place=self.place(key))

    def place(self, key: str) -> Place:
        return self.document.place((*self.path, key) if key else self.path)


@define(kw_only=True)
class Conversion:
    """Makes containers ours.

    Attributes:
        image: the sidecar's.
        namespace: of objects that say none.
        providers: the kinds that there are.
    """

    image: str
    namespace: str
    providers: ProviderKinds

    def of(self, text: str, name: str) -> Converted:
        """Of a stream in a file; raises `ManifestProblem` with everything that is in the way."""
        stream = Stream.read(text, name)
        problems: list[Finding] = []
        notes: list[Finding] = []
        edits: dict[int, list[Operation]] = {}
        for found in _containers(stream, self.namespace):
            given = found.configured.given()
            problems += self._problems(found, notes)
            notes += [found.finding(Severity.NOTE, sentence) for sentence in differences(given)]
            try:
                made = list(operations(found.container, found.path, self.image, given))
            except ValueError as error:
                problems.append(found.finding(Severity.ERROR, str(error)))
            else:
                edits.setdefault(found.document.index, []).extend(made)
        if problems:
            raise ManifestProblem([*notes, *problems])
        if not edits:
            raise ManifestProblem.at(Place(name=name), "there is no container of oauth2-proxy in it")
        return Converted(text=stream.edited(edits), notes=tuple(notes))

    def _problems(self, found: _Found, notes: list[Finding]) -> Iterator[Finding]:
        """What is wrong with the settings; what is only to be told goes to the notes."""
        configured = found.configured
        unknown = list(configured.unknown_flags())
        yield from (found.finding(Severity.ERROR, sentence, "args") for sentence in unknown)
        for title in configured.unread:
            sentence = f"{title} is not in this stream, so not all of its settings could be judged"
            notes.append(found.finding(Severity.WARNING, sentence))
        if unknown or configured.unread:
            return
        try:
            loaded = load(
                configured.arguments,
                _IMAGE_SAYS | configured.environment,
                read_file=configured.read_file,
                providers=self.providers,
            )
        except UsageRefused as refused:
            yield found.finding(Severity.ERROR, str(refused), "args")
        except SettingsRefused as refused:
            for problem in refused.problems:
                if not _about_stand_in(problem, configured.stand_ins):
                    yield found.finding(Severity.ERROR, str(problem), "args")
        else:
            notes += [found.finding(Severity.WARNING, warning) for warning in loaded.warnings]


def _about_stand_in(problem: Problem, stand_ins: Sequence[str] | dict[str, str]) -> bool:
    """Whether a problem is about a value that is not in the stream."""
    return any(name in stand_ins for name in problem.names) or any(
        f'"{path}"' in problem.sentence for path in stand_ins
    )


def _containers(stream: Stream, namespace: str) -> Iterator[_Found]:
    everything = [one for document in stream.documents for _, one in objects.each(document.data)]
    for document in stream.documents:
        for path, one in objects.each(document.data):
            below, template = objects.template_path(one), objects.template(one)
            if below is None or template is None:
                continue
            for kind in ("containers", "initContainers"):
                there = objects.pod_spec(template).get(kind)
                for index, container in enumerate(there if isinstance(there, list) else ()):
                    if is_oauth2_proxy(container):
                        yield _Found(
                            document=document,
                            path=(*path, *below, "spec", kind, index),
                            container=container,
                            title=objects.title(one),
                            configured=Configured.of(
                                container, template, objects.namespace(one, namespace), everything
                            ),
                        )
