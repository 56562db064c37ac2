"""The injection of a whole stream: who gets a sidecar, what changes in whom, and what is said about it."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import field, frozen

from o2sidecar.kubernetes.difference import differences
from o2sidecar.kubernetes.edits import Edits
from o2sidecar.kubernetes.findings import Finding, Severity
from o2sidecar.kubernetes.inject import eligibility
from o2sidecar.kubernetes.inject.additions import Additions
from o2sidecar.kubernetes.inject.examination import Examination, Workload, container_way
from o2sidecar.kubernetes.inject.former import Former, restored, taken_out, with_template
from o2sidecar.kubernetes.inject.options import InjectOptions
from o2sidecar.kubernetes.inject.services import Behind, protect
from o2sidecar.kubernetes.inject.subject import Subject
from o2sidecar.kubernetes.inject.wishes import Wishes
from o2sidecar.kubernetes.inject.workload import Injection, put_in
from o2sidecar.kubernetes.objects import at, is_a, items, name, namespace, pod_spec, ports, selects, title
from o2sidecar.kubernetes.operations import Data, Operation, Path
from o2sidecar.kubernetes.ways import Way
from o2sidecar.policy.paths import PublicPaths


@frozen(kw_only=True)
class Plan:
    """What an injection changes.

    Attributes:
        operations: for each subject in turn, none where nothing changes.
        removed: the subjects that go as a whole.
        created: new objects, behind all others.
        findings: what is said; if one is an error, nothing is to be changed at all.
    """

    operations: tuple[tuple[Operation, ...], ...]
    removed: frozenset[int] = frozenset()
    created: tuple[Data, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether nothing is to be changed."""
        return any(one.severity is Severity.ERROR for one in self.findings)


def inject(subjects: Sequence[Subject], flags: InjectOptions) -> Plan:
    """Decide everything about the objects of one stream; pure, and the same for the same objects."""
    return _Injecting(subjects=tuple(subjects), flags=flags).plan()


@frozen(kw_only=True, eq=False)
class _Injecting:
    """One injection under way: what is found is noted as it goes."""

    subjects: tuple[Subject, ...]
    flags: InjectOptions
    findings: list[Finding] = field(factory=list)
    after: dict[int, Data] = field(factory=dict)

    def plan(self) -> Plan:
        formers, problems = restored(self.subjects, self.flags.namespace)
        self.findings.extend(problems)
        examination = Examination(flags=self.flags, say=self._say)
        left_out: list[int] = []
        workloads = []
        for index, former in enumerate(formers):
            self.after[index] = former.written
            if former.data is None or not examination.wants_one(index, former, left_out):
                continue
            workload = examination.examine(index, former, formers)
            if workload is not None:
                workloads.append(workload)
        if not workloads and not left_out and not any(one.severity is Severity.ERROR for one in self.findings):
            self._say_nothing_is_here()
        protected = {index: self._protect(index, formers, workloads, left_out) for index in self._leading(workloads)}
        for workload in workloads:
            led = any(protected[index] for index in workload.services)
            self._put_in(workload, formers, led=led)
        additions = Additions(flags=self.flags, say=self.findings.append)
        for workload in workloads:
            additions.want(
                workload=workload.former,
                wishes=workload.wishes,
                services=workload.services,
                formers=formers,
                protected=protected,
            )
        additions.check_selectors(formers, {workload.index for workload in workloads})
        additions.check_names(formers)
        return self._result(formers, additions)

    def _result(self, formers: Sequence[Former], additions: Additions) -> Plan:
        findings = tuple(dict.fromkeys(self.findings))
        none: Plan = Plan(operations=tuple(() for _ in self.subjects), findings=findings)
        if none.refused:
            return none
        created, kept = additions.matched(formers)
        self.after.update(kept)
        gone = frozenset(index for index, former in enumerate(formers) if former.is_addition and index not in kept)
        left = [taken_out(self.subjects[index], self.flags.namespace) for index in sorted(gone)]
        return Plan(
            operations=tuple(
                ()
                if formers[index].is_addition and self.after[index] is None
                else tuple(differences(subject.data, self.after[index]))
                for index, subject in enumerate(self.subjects)
            ),
            removed=gone,
            created=tuple(created),
            findings=(*findings, *left),
        )

    # what changes

    def _leading(self, workloads: Sequence[Workload]) -> list[int]:
        return sorted({index for workload in workloads for index in workload.services})

    def _protect(
        self, index: int, formers: Sequence[Former], workloads: Sequence[Workload], left_out: Sequence[int]
    ) -> list[int]:
        """Lead a Service's ports to the sidecar; the numbers of those that lead there."""
        former = formers[index]
        subject = former.subject
        behind = [self._behind(one) for one in workloads if index in one.services]
        edits = Edits(former.written, subject.source, subject.data)
        protected, remarks = protect(edits, behind)
        for one in remarks:
            severity = Severity.ERROR if one.bypass and self.flags.strict else one.severity
            self._say(subject, severity, one.sentence, one.way)
        if edits.changed:
            edits.annotate({})
            self.after[index] = edits.root
        for other in left_out:
            template = at(formers[other].data, formers[other].base or ())
            same_place = namespace(formers[other].data, self.flags.namespace) == namespace(
                former.data, self.flags.namespace
            )
            if same_place and formers[other].base is not None and selects(former.data, template):
                self._say(
                    formers[other].subject,
                    Severity.WARNING,
                    f"its pods are behind {title(former.data, self.flags.namespace)} too, but have no sidecar: "
                    "requests that come to them there are not answered",
                )
        return protected

    def _behind(self, workload: Workload) -> Behind:
        own = {workload.port.number} | (workload.proxy.ports if workload.proxy is not None else frozenset())
        return Behind(
            title=title(workload.former.data, self.flags.namespace),
            template=workload.template,
            ports=frozenset(own),
            restricted=workload.wishes.flags.restrict_network,
        )

    def _put_in(self, workload: Workload, formers: Sequence[Former], *, led: bool) -> None:
        """`led`: whether any Service leads to the sidecar now."""
        former, flags = workload.former, workload.wishes.flags
        injection = Injection(
            wishes=workload.wishes,
            app_port=workload.port,
            takes_over=not led and bool(workload.port.name),
            native=flags.mode == "native"
            or (flags.mode == "auto" and eligibility.runs_to_an_end(former.data, workload.template)),
            former=workload.proxy,
            referenced=self._referenced(former, workload.wishes, formers),
        )
        base = workload.base
        edits = Edits(
            at(former.written, base), lambda path: former.subject.source((*base, *path)), at(former.subject.data, base)
        )
        try:
            left = put_in(edits, injection, at(former.subject.data, base))
        except ValueError as error:
            self._say(former.subject, Severity.ERROR, str(error), (), base)
            return
        for way, sentence in left:
            self._say(former.subject, Severity.WARNING, sentence, way, base)
        self._say_ways_past(workload, led=led)
        self.after[workload.index] = with_template(former.written, base, edits.root)

    def _referenced(self, former: Former, wishes: Wishes, formers: Sequence[Former]) -> list[Data]:
        """The sidecar's ConfigMap and Secret, where they are in the stream."""
        where = namespace(former.data, self.flags.namespace)
        wanted = (("ConfigMap", wishes.flags.config_map), ("Secret", wishes.flags.secret))
        return [
            next(
                (
                    one.data
                    for one in formers
                    if one.data is not None
                    and is_a(one.data, "", kind_)
                    and name(one.data) == name_
                    and namespace(one.data, self.flags.namespace) == where
                ),
                None,
            )
            for kind_, name_ in wanted
        ]

    # what is said

    def _say(self, subject: Subject, severity: Severity, sentence: str, way: Way = (), base: Path = ()) -> None:
        self.findings.append(subject.finding(severity, sentence, way, namespace=self.flags.namespace, base=base))

    def _say_ways_past(self, workload: Workload, *, led: bool) -> None:
        port = workload.port
        bypass = Severity.ERROR if self.flags.strict else Severity.WARNING
        for container in items(pod_spec(workload.template).get("containers")):
            for one in ports(container):
                if one.get("containerPort") == port.number and one.get("hostPort"):
                    self._say(
                        workload.former.subject,
                        bypass,
                        f"port {one['hostPort']} of the node leads to the app, past the sidecar; take hostPort out",
                        container_way(str(container.get("name"))),
                        workload.base,
                    )
        for pattern in PublicPaths.parse(workload.wishes.flags.public_paths).unanchored():
            self._say(
                workload.former.subject,
                Severity.WARNING,
                f"the public path {pattern!r} opens every path that holds a match; begin it with ^",
            )
        if led or not self.flags.services_are_known:
            return
        sentence = (
            f"no Service here leads to it; the sidecar takes the name {port.name} of port {port.number} over, so that "
            f"Services elsewhere that lead to the name lead to it: one that leads to the number goes past it"
            if port.name
            else f"no Service here leads to it: have its Service's targetPort be o2sidecar; {port.number} goes past it"
        )
        self._say(workload.former.subject, Severity.WARNING, sentence)

    def _say_nothing_is_here(self) -> None:
        sentence = "there is nothing here that has pods and could have a sidecar"
        first = self.subjects[0] if self.subjects else None
        self.findings.append(
            Finding(severity=Severity.ERROR, sentence=sentence, place=first.place(()) if first is not None else None)
        )
