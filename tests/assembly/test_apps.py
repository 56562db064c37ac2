"""Tests of the way to the apps as settings say it."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.assembly.in_memory import InMemory
from tests.settings.test_structured_file import PROVIDER, SERVER

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def structured(*upstreams: str, folder: Path = Path("/nowhere")) -> InMemory:
    """A sidecar with these upstreams in a structured file."""
    text = SERVER + PROVIDER + "upstreamConfig:\n  upstreams:\n" + "".join(f"  - {each}\n" for each in upstreams)
    beside = ("PROVIDER", "OIDC_ISSUER_URL", "CLIENT_ID", "CLIENT_SECRET", "UPSTREAMS", "HTTP_ADDRESS")
    return InMemory("--alpha-config=a.yaml", files={"a.yaml": text, f"{folder}/": ""}, without=beside)


class ConnectionTests(SynchronousTestCase):
    """Connections to an app."""

    def test_kept(self) -> None:
        """A connection is used again, unless `disable_keep_alives` says otherwise."""
        for arguments, closed in (((), False), (("--disable-keep-alives",), True)):
            sidecar = InMemory(*arguments)
            sidecar.ask(b"/x")
            app = sidecar.app()
            app.send(OK)
            self.assertEqual(app.aborted, closed)
            sidecar.ask(b"/y")
            self.assertEqual(b"GET /y " in app.take(), not closed)
            self.assertEqual(len(sidecar.reactor.tcpClients), 2 if closed else 1)

    def test_kept_by_app(self) -> None:
        """In the structured file each upstream says it for itself."""
        sidecar = structured("{id: a, path: /, uri: 'http://127.0.0.1:1', disableKeepAlives: true}")
        sidecar.ask(b"/x")
        app = sidecar.app()
        app.send(OK)
        self.assertTrue(app.aborted)


class SlowAppTests(SynchronousTestCase):
    """Apps that take too long."""

    def test_status(self) -> None:
        """The client is told 502 as oauth2-proxy tells it, 504 with our own defaults, or what the option says."""
        for arguments, status in (
            ((), b"502"),
            (("--defaults=o2sidecar",), b"504"),
            (("--defaults=o2sidecar", "--upstream-timeout-status=502"), b"502"),
        ):
            sidecar = InMemory("--upstream-timeout=5s", *arguments)
            client = sidecar.client()
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            sidecar.app()
            self.assertEqual(client.take(), b"")
            sidecar.reactor.pump([0.5] * 12)
            self.assertEqual(client.take().split(b" ")[1], status)


class FileTests(SynchronousTestCase):
    """Folders in the place of apps."""

    def setUp(self) -> None:
        """A folder with a file."""
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        (self.folder / "a.txt").write_text("hello a")

    def test_flat(self) -> None:
        """Files are served below the path that the fragment names, the app has the rest."""
        upstreams = f"http://127.0.0.1:1/,file://{self.folder}#/files/"
        sidecar = InMemory(variables={"UPSTREAMS": upstreams}, files={f"{self.folder}/": ""})
        self.assertTrue(sidecar.ask(b"/files/a.txt").endswith(b"\r\n\r\nhello a"))
        self.assertIn(b" 404 ", sidecar.ask(b"/files/b.txt").partition(b"\r\n")[0])
        sidecar.ask(b"/a.txt")
        self.assertTrue(sidecar.app().take().startswith(b"GET /a.txt "))

    def test_pattern(self) -> None:
        """With a pattern, the new target is looked up from the folder."""
        entry = f"{{id: a, path: '^/old/(.*)$', rewriteTarget: '/$1', uri: 'file://{self.folder}'}}"
        self.assertTrue(structured(entry, folder=self.folder).ask(b"/old/a.txt").endswith(b"hello a"))


class PatternTests(SynchronousTestCase):
    """Upstreams whose paths are patterns."""

    def test_patterns(self) -> None:
        """Patterns come first, the longest of them before others, and a rewritten request keeps all but its target."""
        sidecar = structured(
            "{id: main, path: /, uri: 'http://127.0.0.1:1'}",
            "{id: all, path: '^/old/', uri: 'http://127.0.0.1:2'}",
            "{id: one, path: '^/old/(\\w+)/(.*)$', rewriteTarget: '/new/$2?who=$1', uri: 'http://127.0.0.1:3'}",
        )
        for target, port, line in (
            (b"/x?b&a", 1, b"GET /x?b&a HTTP/1.1\r\n"),
            (b"/old/?b&a", 2, b"GET /old/?b&a HTTP/1.1\r\n"),
            (b"/old/bob/y?b&a", 3, b"GET /new/y?a&b&who=bob HTTP/1.1\r\n"),
        ):
            sidecar.ask(target, b"X-Mine: 1")
            head = sidecar.app().take()
            self.assertEqual(sidecar.reactor.tcpClients[-1][1], port)
            self.assertTrue(head.startswith(line), head)
            self.assertIn(b"\r\nX-Mine: 1\r\n", head)

    def test_the_only_one(self) -> None:
        """With nothing but a pattern, other paths lead nowhere."""
        sidecar = structured("{id: a, path: '^/a/', uri: 'http://127.0.0.1:1'}")
        self.assertIn(b" 404 ", sidecar.ask(b"/b").partition(b"\r\n")[0])
        self.assertEqual(sidecar.reactor.tcpClients, [])


class OwnSettingsTests(SynchronousTestCase):
    """In the structured file each upstream has settings of its own."""

    def setUp(self) -> None:
        """Two apps that differ in everything."""
        self.sidecar = structured(
            "{id: one, path: /one/, uri: 'http://127.0.0.1:1', timeout: 2s, passHostHeader: false, "
            "proxyWebSockets: false}",
            "{id: two, path: /two/, uri: 'http://127.0.0.1:2', timeout: 60s}",
        )

    def test_host(self) -> None:
        """One app gets its own Host, the other the client's."""
        for target, host in ((b"/one/", b"127.0.0.1:1"), (b"/two/", b"app.example.com")):
            self.sidecar.ask(target)
            self.assertIn(b"\r\nHost: " + host + b"\r\n", self.sidecar.app().take())

    def test_timeout(self) -> None:
        """One app has less time than the other."""
        clients = []
        for target in (b"/one/", b"/two/"):
            client = self.sidecar.client()
            client.send(b"GET " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n")
            self.sidecar.app()
            clients.append(client)
        self.sidecar.reactor.pump([0.5] * 8)
        self.assertEqual([client.take()[:12] for client in clients], [b"HTTP/1.1 502", b""])

    def test_websockets(self) -> None:
        """One app takes no WebSocket connections."""
        fields = (b"Connection: Upgrade", b"Upgrade: websocket", b"Origin: http://app.example.com")
        self.assertTrue(self.sidecar.ask(b"/one/", *fields).startswith(b"HTTP/1.1 501 "))
        self.sidecar.ask(b"/two/", *fields)
        self.assertIn(b"\r\nUpgrade: websocket\r\n", self.sidecar.app().take())
