"""Tests of how the demo is put together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from twisted.application.service import IService, Service
from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.demo.plan import plan
from o2sidecar.demo.provider import Client
from o2sidecar.demo.run import compose, prefixed, sidecar_environment
from o2sidecar.settings.load import Loaded, load
from tests.demo.test_provider import Counter

CLIENT = Client(client_id="demo", client_secret="client-s3cret", redirect_uris=())
COOKIE_SECRET = "0123456789abcdef0123456789abcdef"


class SettingsTests(SynchronousTestCase):
    """Each sidecar is configured as its owner would do it."""

    def loaded(self, *arguments: str, app: int = 0) -> Loaded:
        """The settings of an app's sidecar, as the product reads them."""
        wanted = plan(arguments, lambda address, port: True)
        url = wanted.app_urls[app]
        return load([], sidecar_environment(wanted, url, "http://127.0.0.1:8080", CLIENT, COOKIE_SECRET))

    def test_named(self) -> None:
        """With names one cookie serves both, under the name above them; only the two hosts may be returned to."""
        settings = self.loaded().settings
        self.assertEqual(settings.cookie_domains, ("demo.localhost",))
        self.assertEqual(settings.whitelist_domains, ("app1.demo.localhost:4180", "app2.demo.localhost:4181"))
        self.assertEqual(settings.redirect_url, "http://app1.demo.localhost:4180/oauth2/callback")
        self.assertEqual(settings.http_address, "127.0.0.1:4180")

    def test_second(self) -> None:
        """The second sidecar differs by its own address only, and so reads the first one's cookie."""
        first, second = self.loaded().settings, self.loaded(app=1).settings
        self.assertEqual(second.redirect_url, "http://app2.demo.localhost:4181/oauth2/callback")
        self.assertEqual(second.http_address, "127.0.0.1:4181")
        self.assertEqual(
            (first.cookie_name, first.cookie_secret, first.client_id),
            (second.cookie_name, second.cookie_secret, second.client_id),
        )

    def test_by_address(self) -> None:
        """With an address the cookie belongs to that host, which has no domain above it."""
        self.assertEqual(self.loaded("--host=127.0.0.1").settings.cookie_domains, ())

    def test_our_defaults(self) -> None:
        """The demo shows the safe defaults: PKCE, nonce, own cookies kept from the app, one group."""
        settings = self.loaded().settings
        self.assertEqual(settings.code_challenge_method, "S256")
        self.assertFalse(settings.insecure_oidc_skip_nonce)
        self.assertFalse(settings.pass_own_cookies)
        self.assertEqual(settings.allowed_groups, ("team",))
        self.assertFalse(settings.cookie_secure)


class Recorder(Service):
    """Stands for a sidecar."""

    def __init__(self, loaded: Loaded, write: Callable[[bytes], object]) -> None:
        self.loaded = loaded
        self.write = write


class PortsReactor(MemoryReactorClock):
    """A reactor that gives a port where any is asked for, as a system does."""

    def listenTCP(self, port: int, *args: Any, **kwargs: Any) -> Any:
        """Listen to nothing."""
        return super().listenTCP(port or 49152 + len(self.tcpServers), *args, **kwargs)


class CompositionTests(SynchronousTestCase):
    """Everything of the demo in one service."""

    def setUp(self) -> None:
        """A reactor that listens to nothing, and what was made for it."""
        self.reactor: Any = PortsReactor()
        self.sidecars: list[Recorder] = []
        self.written: list[bytes] = []

    def sidecar(self, loaded: Loaded, write: Callable[[bytes], object]) -> IService:
        """Remember a sidecar."""
        self.sidecars.append(Recorder(loaded, write))
        return self.sidecars[-1]

    def compose(self, *arguments: str) -> Any:
        """The demo's service."""
        return compose(
            plan(arguments, lambda address, port: True),
            reactor=self.reactor,
            random=Counter(),
            make_sidecar=self.sidecar,
            write=self.written.append,
        )

    def test_loopback_only(self) -> None:
        """Whatever listens does so on loopback: the provider and two apps here, the sidecars by their settings."""
        self.compose()
        self.assertEqual([server[3] for server in self.reactor.tcpServers], ["127.0.0.1"] * 3)
        self.assertEqual(self.reactor.tcpServers[0][0], 9400)
        addresses = [recorder.loaded.settings.http_address for recorder in self.sidecars]
        self.assertEqual(addresses, ["127.0.0.1:4180", "127.0.0.1:4181"])

    def test_own_app(self) -> None:
        """The reader's own app is the first sidecar's upstream; one app of the demo is left."""
        self.compose("--app", "http://127.0.0.1:8080")
        self.assertEqual(self.sidecars[0].loaded.settings.upstreams, ("http://127.0.0.1:8080",))
        self.assertEqual(urlsplit(self.sidecars[1].loaded.settings.upstreams[0]).hostname, "127.0.0.1")
        self.assertEqual(len(self.reactor.tcpServers), 2)

    def test_it_starts_and_stops_as_one(self) -> None:
        """Starting starts the sidecars; stopping stops them and closes every port."""
        service = self.compose()
        service.startService()
        self.assertEqual([recorder.running for recorder in self.sidecars], [1, 1])
        self.successResultOf(service.stopService())
        self.assertEqual([recorder.running for recorder in self.sidecars], [0, 0])

    def test_secrets_are_new(self) -> None:
        """The secrets come from the randomness given, and client and cookie do not share one."""
        self.compose()
        settings = self.sidecars[0].loaded.settings
        self.assertNotEqual(settings.client_secret, settings.cookie_secret)
        self.assertEqual(settings.cookie_secret, self.sidecars[1].loaded.settings.cookie_secret)

    def test_a_port_that_is_taken(self) -> None:
        """A port that cannot be had ends the process with a sentence that names it."""

        def taken(port: int, *args: Any, **kwargs: Any) -> None:
            raise CannotListenError("127.0.0.1", port, OSError("already in use"))

        self.reactor.listenTCP = taken
        with self.assertRaises(SystemExit) as ended:
            self.compose()
        self.assertIn("cannot listen on 127.0.0.1:9400: already in use", str(ended.exception))

    def test_whose_lines(self) -> None:
        """Each sidecar's log lines begin with its app's name."""
        self.compose()
        for recorder in self.sidecars:
            recorder.write(b"one\ntwo\n")
        self.assertEqual(self.written, [b"app1 | one\napp1 | two\n", b"app2 | one\napp2 | two\n"])

    def test_prefix_of_nothing(self) -> None:
        """No lines, no prefix."""
        prefixed("demo", self.written.append)(b"")
        self.assertEqual(self.written, [b""])
