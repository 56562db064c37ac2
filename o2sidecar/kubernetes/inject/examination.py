"""Which objects want a sidecar, and what there is to know about them before anything is changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from attrs import frozen

from o2sidecar.kubernetes.edits import Edits
from o2sidecar.kubernetes.findings import Severity
from o2sidecar.kubernetes.inject import eligibility, former_proxy
from o2sidecar.kubernetes.inject.app_port import AppPort, Unclear, find_app_port
from o2sidecar.kubernetes.inject.former import Former
from o2sidecar.kubernetes.inject.former_proxy import FormerProxy
from o2sidecar.kubernetes.inject.options import InjectOptions
from o2sidecar.kubernetes.inject.shape import misfits_of_pods, misfits_of_service
from o2sidecar.kubernetes.inject.subject import Subject
from o2sidecar.kubernetes.inject.wishes import Wishes, choice, misuses, wishes_of
from o2sidecar.kubernetes.objects import at, is_a, items, namespace, pod_spec, selects
from o2sidecar.kubernetes.operations import Data, Path
from o2sidecar.kubernetes.ways import Way, resolve


class Say(Protocol):
    """Takes what there is to be said about an object."""

    def __call__(self, subject: Subject, severity: Severity, sentence: str, way: Way = (), base: Path = ()) -> None:
        """`way` is within what lies at `base` in the object."""


@frozen(kw_only=True, eq=False)
class Workload:
    """Pods that get a sidecar: an object of the stream, and what is known about it."""

    index: int
    former: Former
    base: Path
    template: Data
    wishes: Wishes
    proxy: FormerProxy | None
    services: tuple[int, ...]
    port: AppPort


@frozen(kw_only=True, eq=False)
class Examination:
    """Judges one object after the other; `say` hears what is wrong with it."""

    flags: InjectOptions
    say: Say

    def wants_one(self, index: int, former: Former, left_out: list[int]) -> bool:
        """Whether a sidecar is to be put into it; notes why not."""
        data, subject = former.data, former.subject
        foreign = eligibility.foreign_workload(data)
        template = (
            eligibility.foreign_template(data)
            if foreign
            else at(data, former.base)
            if former.base is not None
            else None
        )
        is_workload = template is not None and not is_a(data, "", "Service")
        if is_workload or is_a(data, "", "Service"):
            self._misused(former, template if is_workload else None)
        if not is_workload and not foreign:
            return False
        if choice(template) == "out":
            left_out.append(index)
            return False
        if foreign:
            self.say(subject, Severity.ERROR, foreign)
            return False
        if hook := eligibility.hook(data):
            self.say(
                subject, Severity.NOTE, f"it is left alone: it is a hook ({hook})", ("metadata", "annotations", hook)
            )
            left_out.append(index)
            return False
        return True

    def _misused(self, former: Former, template: Data) -> None:
        # a Service's restored data has no annotation of ours any more, a template none that we write
        base = former.base or ()
        for misuse in misuses(former.data, template):
            in_template = template is not None and bool(base)
            own = in_template and resolve(template, misuse.way) is not None
            self.say(former.subject, Severity.ERROR, misuse.sentence, misuse.way, base if own else ())

    def examine(self, index: int, former: Former, formers: Sequence[Former]) -> Workload | None:
        """What there is to know about pods that want a sidecar; `None` when they cannot have one."""
        base = former.base or ()
        template = at(former.data, base)
        services = self._services_of(former, template, formers)
        if self._misshapen(former, template, [formers[one] for one in services]):
            return None
        wishes, problems = wishes_of(template, self.flags)
        found = [*problems, *eligibility.obstacles(former.data, template, wishes)]
        proxy, refusal = self._proxy(former, template, formers, wishes)
        if refusal:
            return None
        rest = template
        if proxy is not None:
            without = Edits(template)
            former_proxy.take_out(without, proxy)
            rest = without.root
        found += eligibility.conflicts(rest)
        for one in found:
            self.say(former.subject, Severity.ERROR, one.sentence, one.way, base)
        if found:
            return None
        try:
            port = self._port(rest, wishes, proxy, [formers[one].data for one in services])
        except Unclear as error:
            self.say(former.subject, Severity.ERROR, str(error), ("spec", "containers"), base)
            return None
        return Workload(
            index=index,
            former=former,
            base=base,
            template=template,
            wishes=wishes,
            proxy=proxy,
            services=services,
            port=port,
        )

    def _misshapen(self, former: Former, template: Data, services: Sequence[Former]) -> bool:
        """Whether there is anything here that is not built as Kubernetes has it."""
        found = [(former, former.base or (), one) for one in misfits_of_pods(template)]
        found += [(service, (), one) for service in services for one in misfits_of_service(service.data)]
        for whose, base, one in found:
            self.say(whose.subject, Severity.ERROR, one.sentence, one.way, base)
        return bool(found)

    def _port(self, rest: Data, wishes: Wishes, proxy: FormerProxy | None, services: Sequence[Data]) -> AppPort:
        return find_app_port(
            rest,
            services,
            wanted=wishes.flags.app_port,
            container=wishes.container,
            upstreams=proxy.upstreams if proxy is not None else (),
        )

    def _proxy(
        self, former: Former, template: Data, formers: Sequence[Former], wishes: Wishes
    ) -> tuple[FormerProxy | None, bool]:
        """The oauth2-proxy that is to be replaced, and whether it cannot be."""
        found, native = former_proxy.find(template)
        if not found:
            return None, False
        where = namespace(former.data, self.flags.namespace)
        stream = [one.data for one in formers if namespace(one.data, self.flags.namespace) == where]
        proxy = former_proxy.read(found[0], template, where, stream, wishes.flags)
        name = str(found[0].get("name"))
        refusal = (
            f"{len(found)} containers run oauth2-proxy; take all but one out"
            if len(found) > 1
            else f"container {name} is an oauth2-proxy that is an init container; take it out"
            if native
            else self._refuse_proxy(template, proxy, wishes.flags)
        )
        way: Way = ("spec", "initContainers", {"name": name}) if native else container_way(name)
        if refusal:
            self.say(former.subject, Severity.ERROR, refusal, way, former.base or ())
        for one in proxy.unread if not refusal else ():
            sentence = f"{one}, by which {name} is configured, is not here; upstreams in it count for nothing any more"
            self.say(former.subject, Severity.WARNING, sentence, way, former.base or ())
        return proxy, bool(refusal)

    def _refuse_proxy(self, template: Data, proxy: FormerProxy, flags: InjectOptions) -> str:
        leave_out = 'leave it out by the label o2sidecar/inject: "false"'
        if len(items(pod_spec(template).get("containers"))) == 1:
            return f"it is an oauth2-proxy of its own, with no app beside it; {leave_out}"
        if not self.flags.replace_oauth2_proxy:
            return (
                f"container {proxy.name} is an oauth2-proxy; have it replaced by --replace-oauth2-proxy, or {leave_out}"
            )
        if proxy.open_secrets:
            return (
                f"container {proxy.name} holds secrets in plain sight ({', '.join(proxy.open_secrets)}); move them to "
                f"the Secret {flags.secret} first"
            )
        if proxy.lost and not self.flags.force:
            return (
                f"what container {proxy.name} says by {'; '.join(proxy.lost)} would be lost; move it to the ConfigMap "
                f"{flags.config_map} and the Secret {flags.secret} (`o2sidecar convert` helps), or name those it has "
                "by --config-map and --secret, and then say --force for the rest"
            )
        return ""

    def _services_of(self, former: Former, template: Data, formers: Sequence[Former]) -> tuple[int, ...]:
        where = namespace(former.data, self.flags.namespace)
        return tuple(
            index
            for index, other in enumerate(formers)
            if other.data is not None
            and selects(other.data, template)
            and namespace(other.data, self.flags.namespace) == where
        )


def container_way(container: str) -> Way:
    """The way to a container, within a pod template."""
    return ("spec", "containers", {"name": container})
