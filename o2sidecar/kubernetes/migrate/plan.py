"""The steps from a central oauth2-proxy to sidecars, in an order in which people can always sign in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from attrs import frozen

from o2sidecar.kubernetes import objects
from o2sidecar.kubernetes.container import PORT
from o2sidecar.kubernetes.findings import Finding, ManifestProblem, Severity
from o2sidecar.kubernetes.migrate.landscape import App, Landscape, Seen
from o2sidecar.kubernetes.migrate.shared import FOLDER, Shared, files_of_people, value_of
from o2sidecar.kubernetes.migrate.steps import Step, apply, command, delete, kubectl, live, rerouted
from o2sidecar.settings.given import Given
from o2sidecar.settings.kinds import TEXT


@frozen(kw_only=True)
class Planning:
    """One landscape, and the steps for it.

    Attributes:
        landscape: what there is.
        shared: what all sidecars are to share.
    """

    landscape: Landscape
    shared: Shared

    def steps(self) -> Iterator[Step]:
        """All of them; each leaves the former way in place until its own is checked."""
        yield self.shared.step()
        if self.landscape.callbacks:
            yield self._callback()
        callback_host = self.shared.callback_host

        def order(app: App) -> tuple[bool, str, str]:
            return callback_host not in app.hosts, app.workload.namespace, app.workload.name

        for app in sorted(self.landscape.apps, key=order):
            yield self._app(app)
            for policy in self.landscape.policies_of(app):
                yield self._policy(policy, app)
        shared = [*self.landscape.shared_policies(), *self.landscape.filters]
        if shared:
            yield self._nobody_asks(shared)
        for mesh in self.landscape.meshes:
            yield self._provider(mesh)
        yield self._stopped()
        yield self._removed()

    def _callback(self) -> Step:
        destination = {"host": f"auth.{self.shared.namespaces[0]}.svc.cluster.local", "port": {"number": PORT}}
        patches = [rerouted(route, destination) for route in self.landscape.callbacks]
        return Step(
            title=f"Lead {', '.join(self._callback_hosts())} to the new sidecars",
            why="Callbacks come there. It goes first: with the central proxy gone, nobody could sign in.",
            do=tuple(there for there, _ in patches),
            check=live(self._callback_hosts()),
            back=tuple(back for _, back in reversed(patches)),
        )

    def _app(self, app: App) -> Step:
        workload = app.workload
        hosts = [word for host in app.hosts for word in ("--host", host)]
        inject = command("o2sidecar", "inject", "-f", workload.place.name, "-n", workload.namespace, *hosts)
        patches = [rerouted(route, destination) for route, destination in app.routes]
        why = "Until nobody asks the central proxy any more it is asked as well; both know the same sessions."
        return Step(
            title=f"Put a sidecar in front of {workload.title}",
            why=f"{why} Change its routes' file as the patch does, too." if patches else why,
            do=(f"{inject} | kubectl apply -f -", *(there for there, _ in patches)),
            check=(kubectl(workload, "rollout", "status", f"{workload.kind}/{workload.name}"), *live(app.hosts)),
            back=(*(back for _, back in reversed(patches)), apply(workload)),
            app=workload.title,
        )

    def _policy(self, policy: Seen, app: App) -> Step:
        return Step(
            title=f"Have {app.workload.title} ask the central proxy no more",
            why=f"{policy.title} is about this app alone, which asks for sign-ins itself now.",
            do=(delete(policy),),
            check=live(app.hosts),
            back=(apply(policy),),
            app=app.workload.title,
        )

    def _nobody_asks(self, shared: Sequence[Seen]) -> Step:
        return Step(
            title="Have nobody ask the central proxy any more",
            why=f"{', '.join(one.title for one in shared)}: every app asks for sign-ins itself now.",
            do=tuple(map(delete, shared)),
            check=live(self._hosts()),
            back=tuple(dict.fromkeys(map(apply, shared))),
        )

    def _provider(self, mesh: Seen) -> Step:
        saved = f"before-{mesh.kind}-{mesh.name}.yaml"
        where = f"  # its entry in extensionProviders, and that in {mesh.place}"
        return Step(
            title=f"Take the extension provider out of {mesh.title}",
            why="No policy names it any more. By itself it does nothing, so this can wait.",
            do=(
                f"{kubectl(mesh, 'get', mesh.kind, mesh.name, '-o', 'yaml')} > {command(saved)}",
                kubectl(mesh, "edit", mesh.kind, mesh.name) + where.replace("\n", " "),
            ),
            check=("istioctl analyze --all-namespaces",),
            back=(command("kubectl", "replace", "-f", saved),),
        )

    def _stopped(self) -> Step:
        def scale(one: Seen, replicas: int) -> str:
            return kubectl(one, "scale", f"{one.kind}/{one.name}", f"--replicas={replicas}")

        proxy = self.shared.proxy
        replicas = objects.at(proxy.data, ("spec", "replicas"))
        return Step(
            title="Stop the central proxy, and keep it for a while",
            why="Nothing leads to it. Sign in anew in a private window, and wait until you are sure.",
            do=(scale(proxy, 0),),
            check=live([*self._callback_hosts(), *self._hosts()]),
            back=(scale(proxy, replicas if isinstance(replicas, int) else 1),),
        )

    def _removed(self) -> Step:
        """The old route goes last, after another one leads to the same place, and comes back as it was patched."""
        routing = list({id(route.of): route.of for route in self.landscape.callbacks}.values())
        gone = [*routing, *self.landscape.services, self.shared.proxy]
        new_route = f"{FOLDER}/auth-route.yaml"
        again = self._callback().do if routing else ()
        return Step(
            title="Remove the central proxy",
            why="The route that o2sidecar init wrote takes the place of the patched one." if routing else "It is idle.",
            do=(*([command("kubectl", "apply", "-f", new_route)] if routing else []), *map(delete, gone)),
            check=live([*self._callback_hosts(), *self._hosts()]),
            back=(
                *dict.fromkeys(map(apply, reversed(gone))),
                *again,
                *([command("kubectl", "delete", "-f", new_route)] if routing else []),
            ),
        )

    def _hosts(self) -> list[str]:
        return list(dict.fromkeys(host for app in self.landscape.apps for host in app.hosts))

    def _callback_hosts(self) -> list[str]:
        return list(dict.fromkeys(host for route in self.landscape.callbacks for host in route.hosts))


def plan(landscape: Landscape) -> tuple[Step, ...]:
    """The steps, none where there is nothing to migrate.

    Raises `ManifestProblem` if the manifests do not have what a plan needs.
    """
    if not landscape.leftovers:
        return ()
    proxy = _the_proxy(landscape)
    configured = landscape.configured(proxy)
    given = configured.given()
    _know_who_may_pass(proxy, given, configured.unread)
    callback_host = urlsplit(_text(given, "redirect_url")).hostname or ""
    of_app = any(callback_host in app.hosts for app in landscape.apps)
    if callback_host and not of_app and not any(callback_host in route.hosts for route in landscape.callbacks):
        sentence = (
            f"its callback is on {callback_host}, and no VirtualService in these files leads from there to it: give"
            " the file with that route too, since it has to lead elsewhere before the central proxy goes"
        )
        raise ManifestProblem.at(proxy.place, sentence, object=proxy.title)
    if entangled := list(_entangled(landscape)):
        raise ManifestProblem(entangled)
    namespaces = sorted({app.workload.namespace for app in landscape.apps}) or [proxy.namespace]
    shared = Shared(
        proxy=proxy,
        given=given,
        callback_host=callback_host,
        of_app=of_app,
        namespaces=namespaces,
        gateway=_gateway(landscape),
        hosts=[host for app in landscape.apps for host in app.hosts],
        unread=tuple(configured.unread),
    )
    return tuple(Planning(landscape=landscape, shared=shared).steps())


def _the_proxy(landscape: Landscape) -> Seen:
    """The central proxy, which has to be one."""
    if not landscape.central:
        sentence = (
            "the Deployment of the central oauth2-proxy is not in these files: give them too, since the host of its"
            " callback has to lead elsewhere before it goes"
        )
        first, _ = landscape.leftovers[0]
        raise ManifestProblem.at(first.place, sentence, object=first.title)
    if len(landscape.central) > 1:
        sentence = "there are several central proxies; plan for the files of one at a time"
        raise ManifestProblem(
            Finding(severity=Severity.ERROR, sentence=sentence, object=one.title, place=one.place)
            for one in landscape.central
        )
    return landscape.central[0]


def _know_who_may_pass(proxy: Seen, given: dict[str, Given], unread: Sequence[str]) -> None:
    """Refuse a plan where the sidecars would admit whom the central proxy does not."""
    if value_of(given, "email_domains"):
        return
    if files := files_of_people(given):
        sentence = (
            f"who may pass stands in a file ({', '.join(files)}), and sidecars without it would admit others: say it by"
            " email_domains first, or make their ConfigMap by hand (docs/kubernetes.md)"
        )
    elif unread:
        sentence = f"who may pass is not known: {', '.join(unread)} is not in these files; give the file with it, too"
    else:
        sentence = "nothing says who may pass: email_domains is missing, and oauth2-proxy does not start without it"
    raise ManifestProblem.at(proxy.place, sentence, object=proxy.title)


def _entangled(landscape: Landscape) -> Iterator[Finding]:
    """Apps whose file has objects that other steps change: to apply it would undo them, and open an app perhaps."""
    others: list[tuple[Seen, App | None]] = [
        *((one, None) for one in (*landscape.central, *landscape.services)),
        *((route.of, None) for route in landscape.callbacks),
        *((one, app) for app in landscape.apps for one in (app.workload, *landscape.policies_of(app))),
        *((route.of, app) for app in landscape.apps for route, _ in app.routes),
    ]
    for app in landscape.apps:
        file = app.workload.place.name
        titles = dict.fromkeys(one.title for one, whose in others if whose is not app and one.place.name == file)
        if titles:
            sentence = (
                f"its file has {', '.join(titles)} too, and to apply the file would undo what other steps did to that:"
                " put each app into files of its own"
            )
            place, title = app.workload.place, app.workload.title
            yield Finding(severity=Severity.ERROR, sentence=sentence, object=title, place=place)


def _text(given: dict[str, Given], key: str) -> str:
    return str(given[key].read(TEXT)) if key in given else ""


def _gateway(landscape: Landscape) -> str:
    """The Gateway of the callback's route, or else of the first app's, as `NAMESPACE/NAME`; empty without any."""
    routes = [*landscape.callbacks, *(route for app in landscape.apps for route in app.ways)]
    for route in routes:
        gateways = objects.at(route.of.data, ("spec", "gateways"))
        for gateway in gateways if isinstance(gateways, list) else ():
            if isinstance(gateway, str) and gateway != "mesh":
                return gateway if "/" in gateway else f"{route.of.namespace}/{gateway}"
    return ""
