"""Tests of the resource tree."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.http.exchange import Exchange, HeaderFields
from o2sidecar.site import ROBOTS, Outage, Sidecar, probes


class Asked:
    """An exchange of which the tree reads the path and two fields, and that remembers its answer."""

    def __init__(self, target: bytes, agent: bytes | None = None, accept: bytes | None = None) -> None:
        self.target = target
        self.path = target.partition(b"?")[0]
        self.fields = {b"user-agent": agent, b"accept": accept}
        self.given: tuple[int, bytes] | None = None

    def header(self, name: bytes) -> bytes | None:
        return self.fields.get(name)

    def answer(self, status: int, headers: HeaderFields, body: bytes = b"") -> None:
        self.given = (status, body)


class Says:
    """Answers with its name."""

    def __init__(self, name: bytes) -> None:
        self.name = name

    def serve(self, exchange: Exchange) -> None:
        exchange.answer(299, [], self.name)


def ask(root: Sidecar, path: bytes, agent: bytes | None = None) -> tuple[int, bytes] | None:
    asked = Asked(path, agent)
    root.serve(asked)  # type: ignore[arg-type]
    return asked.given


class SidecarTests(SynchronousTestCase):
    """Paths lead to whom they belong."""

    def root(self, trouble: str = "", ending: bool = False, outage: Outage = Outage.NONE, **changes: object) -> Sidecar:
        """A tree with probes before a guard that says so."""
        guard = Says(b"guard")
        settings: dict[str, object] = {
            "ping_path": "/ping",
            "ready_path": "/ready",
            "ping_user_agent": "",
            "gcp_healthchecks": False,
        }
        made = probes(
            trouble=lambda: trouble,
            outage=lambda: outage,
            ending=lambda: ending,
            otherwise=guard,
            **{**settings, **changes},  # type: ignore[arg-type]
        )
        own = {**made, b"/robots.txt": ROBOTS, b"/oauth2/start": Says(b"start")}
        return Sidecar(own=own, folders={b"/oauth2/static/": Says(b"static")}, guarded=guard)

    def test_own_paths_are_whole_paths(self) -> None:
        """Own endpoints match with case, without a trailing slash, as they came; the rest is guarded (U16)."""
        root = self.root()
        self.assertEqual(ask(root, b"/oauth2/start"), (299, b"start"))
        for path in (b"/oauth2/start/", b"/OAUTH2/start", b"/oauth2%2fstart", b"/oauth2/../start", b"/%70ing", b"/"):
            self.assertEqual(ask(root, path), (299, b"guard"), path)

    def test_folders(self) -> None:
        """Everything below the static folder is answered there."""
        self.assertEqual(ask(self.root(), b"/oauth2/static/x/y.css"), (299, b"static"))
        self.assertEqual(ask(self.root(), b"/oauth2/static"), (299, b"guard"))

    def test_sessions_out_of_reach(self) -> None:
        """Where nobody's session can be looked up the probe fails, and says nothing of where that is."""
        self.assertEqual(ask(self.root(outage=Outage.TOTAL), b"/ready")[0], 503)  # type: ignore[index]
        status, body = ask(self.root(trouble="no provider", outage=Outage.BRIDGED), b"/ready") or (0, b"")
        self.assertEqual(status, 200)
        self.assertEqual(len(body.splitlines()), 3)
        self.assertIn(b"kept in cookies", body)
        self.assertEqual(ask(self.root(outage=Outage.TOTAL), b"/ping"), (200, b"OK"))

    def test_probes(self) -> None:
        """Both probes answer 200 OK; robots are told to stay away."""
        self.assertEqual(ask(self.root(), b"/ping"), (200, b"OK"))
        self.assertEqual(ask(self.root(), b"/ready"), (200, b"OK"))
        self.assertEqual(ask(self.root(), b"/robots.txt"), (200, b"User-agent: *\nDisallow: /\n"))

    def test_trouble(self) -> None:
        """While nobody can sign in /ready stays 200 and says why."""
        status, body = ask(self.root(trouble="no answer"), b"/ready") or (0, b"")
        self.assertEqual(status, 200)
        self.assertIn(b"no answer", body)

    def test_told_apart(self) -> None:
        """Who asks for JSON learns apart whether sessions are served and whether people can sign in."""
        for root, status, serves, signs_in in (
            (self.root(), 200, True, True),
            (self.root(trouble="no answer"), 200, True, False),
            (self.root(outage=Outage.BRIDGED), 200, True, True),
            (self.root(outage=Outage.TOTAL), 503, False, False),
            (self.root(ending=True), 503, False, False),
        ):
            for asked in (Asked(b"/ready?verbose"), Asked(b"/ready", accept=b"application/json")):
                root.serve(asked)  # type: ignore[arg-type]
                assert asked.given is not None
                told = json.loads(asked.given[1])
                self.assertEqual(asked.given[0], status)
                self.assertEqual((told["serves_sessions"], told["signs_in"]), (serves, signs_in))
        self.assertEqual(ask(self.root(), b"/ready?else"), (200, b"OK"))

    def test_ending(self) -> None:
        """A process that is about to end is alive, but no longer ready."""
        self.assertEqual((ask(self.root(ending=True), b"/ready") or (0, b""))[0], 503)
        self.assertEqual(ask(self.root(ending=True), b"/ping"), (200, b"OK"))

    def test_empty_paths_switch_off(self) -> None:
        """A probe without a path is the app's."""
        root = self.root(ping_path="", ready_path="")
        self.assertEqual(ask(root, b"/ping"), (299, b"guard"))
        self.assertEqual(ask(root, b"/ready"), (299, b"guard"))

    def test_agents(self) -> None:
        """With a probe agent others' requests go on to the guard, and the agent opens no other path (F9)."""
        root = self.root(ping_user_agent="kube-probe")
        self.assertEqual(ask(root, b"/ping", b"kube-probe"), (200, b"OK"))
        self.assertEqual(ask(root, b"/ping", b"curl"), (299, b"guard"))
        self.assertEqual(ask(root, b"/admin", b"kube-probe"), (299, b"guard"))

    def test_google(self) -> None:
        """Google's health checker has paths of its own, and its agent is asked for at /ping too."""
        root = self.root(gcp_healthchecks=True)
        for path in (b"/liveness_check", b"/readiness_check", b"/ping"):
            self.assertEqual(ask(root, path, b"GoogleHC/1.0"), (200, b"OK"), path)
            self.assertEqual(ask(root, path), (299, b"guard"), path)
