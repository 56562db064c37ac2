"""The objects that an injection adds: routes and NetworkPolicies, made anew each time and recognised as ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attrs import field, frozen

from o2sidecar.kubernetes.findings import Finding, Severity
from o2sidecar.kubernetes.inject.former import Former
from o2sidecar.kubernetes.inject.network_policy import network_policy, selector
from o2sidecar.kubernetes.inject.options import InjectOptions
from o2sidecar.kubernetes.inject.routes import route
from o2sidecar.kubernetes.inject.subject import Subject
from o2sidecar.kubernetes.inject.wishes import Wishes
from o2sidecar.kubernetes.objects import (
    annotation_texts,
    group,
    kind,
    labels,
    mapping,
    metadata,
    name,
    namespace,
    template,
    title,
)
from o2sidecar.kubernetes.operations import Data
from o2sidecar.kubernetes.original import ORIGINAL, Original

_Identity = tuple[str, str, str, str]


@frozen(kw_only=True, eq=False)
class Additions:
    """What is wanted so far; `say` takes what there is to be said."""

    flags: InjectOptions
    say: Callable[[Finding], None]
    _wanted: dict[_Identity, tuple[Subject, Data]] = field(factory=dict, init=False)
    _hosts: dict[str, str] = field(factory=dict, init=False)
    _policies: list[tuple[Subject, str, dict[str, str]]] = field(factory=list, init=False)

    def want(
        self,
        *,
        workload: Former,
        wishes: Wishes,
        services: Sequence[int],
        formers: Sequence[Former],
        protected: Mapping[int, Sequence[int]],
    ) -> None:
        """Whatever the flags and a workload's annotations ask for."""
        where = str(metadata(workload.data).get("namespace") or self.flags.namespace)
        if wishes.flags.restrict_network:
            selected = selector(workload.data)
            self._policies.append((workload.subject, where, selected))
            policy = network_policy(name(workload.data), where, selected, self.flags.monitoring_namespace)
            self._add(workload.subject, policy)
        if self.flags.route == "none":
            return
        leading = [one for one in services if protected.get(one)]
        if not wishes.flags.hosts or not leading:
            missing = "a host: say --host or the annotation o2sidecar/host" if leading else "its Service in the stream"
            self._refuse(workload.subject, f"--route {self.flags.route} needs {missing}")
            return
        service = formers[leading[0]]
        for host in wishes.flags.hosts:
            if self._hosts.setdefault(host, name(service.data)) != name(service.data):
                self._refuse(
                    workload.subject,
                    f"{host} would lead to Service {self._hosts[host]} and to Service {name(service.data)}; say each "
                    "app's own by the annotation o2sidecar/host",
                )
        where = str(metadata(service.data).get("namespace") or where)
        port = protected[leading[0]][0]
        self._add(service.subject, route(name(service.data), where, port, wishes.flags.hosts, self.flags))

    def check_selectors(self, formers: Sequence[Former], injected: set[int]) -> None:
        """A NetworkPolicy that would also cut off pods without a sidecar is refused."""
        for subject, where, selected in self._policies:
            for index, former in enumerate(formers):
                if index in injected or former.data is None or template(former.data) is None:
                    continue
                own = labels(template(former.data))
                if namespace(former.data, self.flags.namespace) == where and selected.items() <= own.items():
                    self._refuse(
                        subject,
                        f"its NetworkPolicy would close the pods of {title(former.data, self.flags.namespace)} too, "
                        "which have no sidecar; give them a label that tells them apart",
                    )

    def matched(self, formers: Sequence[Former]) -> tuple[list[Data], dict[int, Data]]:
        """The objects that are new, and by their index those that were added before."""
        ours = {
            self._identity(former.subject.data): index for index, former in enumerate(formers) if former.data is None
        }
        created, kept = [], {}
        for identity, (_, data) in self._wanted.items():
            if identity in ours:
                before = annotation_texts(formers[ours[identity]].subject.data)[ORIGINAL]
                kept[ours[identity]] = noted(data, Original.from_text(before).separator)
            else:
                created.append(noted(data))
        return created, kept

    def check_names(self, formers: Sequence[Former]) -> None:
        """Objects of other people are not replaced."""
        theirs = {self._identity(former.data): former for former in formers if former.data is not None}
        for identity, (subject, data) in self._wanted.items():
            if identity in theirs:
                self._refuse(
                    subject,
                    f"{title(data)} would be added, but is here already; take it out, or leave --route or "
                    "--restrict-network out",
                )

    def _add(self, subject: Subject, data: Data) -> None:
        identity = self._identity(data)
        known = self._wanted.setdefault(identity, (subject, data))
        if known[1] != data:
            self._refuse(subject, f"two workloads want {title(data)}, each in another way; say the same hosts for both")

    def _identity(self, data: Data) -> _Identity:
        return group(data), kind(data), namespace(data, self.flags.namespace), name(data)

    def _refuse(self, subject: Subject, sentence: str) -> None:
        self.say(subject.finding(Severity.ERROR, sentence, namespace=self.flags.namespace))


def noted(data: Data, separator: str | None = None) -> Data:
    """An object with what is noted about it: that it is ours, as it is, and how it stands in the text."""
    own = metadata(data)
    note = {ORIGINAL: Original.of_new_object(data, separator).to_text()}
    return {**data, "metadata": {**own, "annotations": {**mapping(own.get("annotations")), **note}}}
