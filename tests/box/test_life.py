"""Pods that end and secrets that change while people work: nobody notices."""

from __future__ import annotations

import contextlib
import threading
import time

from tests.box.box_case import DOMAIN, NAMESPACE, BoxCase, app_text
from tests.box.kubelet import RunningPod
from tests.box.manifests import Manifests, contents
from tests.box.people import COOKIE, Gate, Person, codec, cookie
from tests.box.probes import is_good
from tests.end_to_end.processes import eventually

HOST = f"app1.{DOMAIN}"


class LifeTests(BoxCase):
    """One app before which people do not stop asking."""

    def start(self, *, replicas: int) -> None:
        """The app's pods and the gateway."""
        self.init("https://idp.example.com", "--allow-any-user", "--set", "cookie_secret_settle_time=2s")
        gateway = "--gateway=istio-system/oauth2-gateway"
        # The app outlives the sidecar's drain, as its developers have to see to.
        self.app = self.inject(app_text("app1", sleep=8, replicas=replicas), "--route=istio", gateway, f"--host={HOST}")
        for number in range(replicas):
            self.start_pod(self.manifests(), "app1", number)
        for pod in self.pods:
            pod.await_ready()
        self.start_gateway(self.manifests())

    def manifests(self) -> Manifests:
        """What there is now."""
        return Manifests.read(*self.realm_texts(), self.app)

    def secret(self) -> str:
        """The cookie secret of now."""
        found = self.manifests().the("Secret", "oauth2-proxy-secret", NAMESPACE, "the test")
        return contents(found)["cookie-secret"].decode()

    def gate(self) -> Gate:
        """A connection to the gateway."""
        return Gate(HOST, self.node.address, self.authority.pem)

    def people(self, count: int) -> list[Person]:
        """Some people at work, until the test ends."""
        found = [Person(self.gate(), cookie(self.secret())) for _ in range(count)]
        for person in found:
            self.addCleanup(person.leave)
        return found

    def leave(self, people: list[Person]) -> None:
        """Nobody works any more, and nobody has met with anything."""
        for person in people:
            person.leave()
        told = "\n".join(each.output() for each in self.pods) + self.nginx.output()
        self.assertEqual([each for person in people for each in person.wrong], [], told[-6000:])
        print(f"\n{sum(person.answered for person in people)} requests, all of them served")

    def test_the_end_of_a_pod(self) -> None:
        """On SIGTERM the sidecar says that it is not ready, serves until it is routed no more, and ends with 0."""
        self.start(replicas=2)
        ending, staying = self.pods
        people = self.people(8)
        for person in people:
            person.await_more(20)
        statuses: dict[str, int] = {}
        kubelet = threading.Thread(target=lambda: statuses.update(ending.terminate()))
        kubelet.start()
        self.addCleanup(kubelet.join)
        readiness = next(each for each in ending.pod.containers if each.name == "o2sidecar").probes["readiness"]
        eventually("503 for readiness", lambda: not is_good(ending.pod, ending.address, readiness))
        lines = ending.processes["o2sidecar"].output().count('"/x"')
        # It is a while before all gateways know.
        self.served_still(ending, lines)
        self.write_routes([staying])
        self.reload_gateway()
        kubelet.join()
        self.assertEqual(statuses, {"app": 0, "o2sidecar": 0}, ending.output())
        for person in people:
            person.await_more(20)
        self.leave(people)

    def served_still(self, pod: RunningPod, before: int) -> None:
        """Requests come to the pod and are served."""
        eventually("requests at the pod", lambda: pod.processes["o2sidecar"].output().count('"/x"') > before + 5)

    def test_another_secret(self) -> None:
        """Rotated in the manifest and mounted anew, the secret is followed; cookies of the former one open still."""
        self.start(replicas=1)
        (pod,) = self.pods
        people = self.people(4)
        first = self.secret()
        for person in people:
            person.await_more(5)
        self.command("keys", "rotate", "-f", str(self.realm / "secret.yaml"))
        second = self.secret()
        self.assertNotEqual(first, second)
        pod.follow(self.manifests(), "app1")

        def sealed_anew() -> bool:
            with contextlib.suppress(ValueError):
                for person in people:
                    codec(second).decode(COOKIE, person.cookie, time.time())
                return True
            return any(person.wrong for person in people)

        eventually("cookies sealed with the new secret", sealed_anew, 120)
        # A pod that starts now reads of the former secret in the manifest.
        old = Person(self.gate(), cookie(first))
        people.append(old)
        fresh = self.start_pod(self.manifests(), "app1", 1)
        fresh.await_ready()
        self.write_routes([fresh])
        self.reload_gateway()
        people.append(Person(self.gate(), cookie(first)))
        for person in people:
            person.await_more(10)
        self.leave(people)
