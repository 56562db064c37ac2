"""Where requests come in, as clients and proxies in front meet it: unix sockets, TLS, the PROXY protocol."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import ssl
import stat
import tempfile
from pathlib import Path
from typing import Any

from attrs import evolve

from tests.end_to_end.echo import Echo
from tests.end_to_end.processes import BIN, ProcessCase, Running, eventually, free_port, is_listening
from tests.end_to_end.visitor import Visitor
from tests.server_certificates import Pair, pair


class ListeningCase(ProcessCase):
    """A sidecar in front of an app, everything below /open being open to everybody."""

    def setUp(self) -> None:
        """An app that says what it got."""
        self.app = Echo()
        self.addCleanup(self.app.close)

    def sidecar(self, *arguments: str, **settings: str) -> Running:
        """A sidecar that was started; settings as `OAUTH2_PROXY_*` variables without that prefix."""
        usual = {
            "PROVIDER": "oidc",
            "OIDC_ISSUER_URL": f"http://127.0.0.1:{free_port()}",
            "CLIENT_ID": "sidecar",
            "CLIENT_SECRET": "secret",
            "COOKIE_SECRET": "0123456789abcdef0123456789abcdef",
            "EMAIL_DOMAINS": "*",
            "UPSTREAMS": self.app.url,
            "SKIP_AUTH_ROUTES": "^/open/",
        }
        return self.run_sidecar(usual | settings, "--defaults=o2sidecar", *arguments)

    def checked(self, **settings: str) -> int:
        """What the health check ends with."""
        variables = {f"OAUTH2_PROXY_{key}": value for key, value in settings.items()}
        return self.run_process([str(BIN / "o2sidecar"), "healthcheck"], variables).status()

    def folder(self) -> Path:
        """A folder whose path is short enough for a socket in it."""
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        return Path(made.name)


def asked(connection: socket.socket, path: str = "/open/x") -> dict[str, Any]:
    """What the app got of a request that is sent on a connection, which ends with it."""
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\n\r\n".encode())
    answer = b""
    while piece := connection.recv(65536):
        answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), answer
    got: dict[str, Any] = json.loads(body)
    return got


class UnixSocketTests(ListeningCase):
    """A unix socket is there while somebody listens, and then it is not."""

    def setUp(self) -> None:
        """A path for the socket."""
        super().setUp()
        self.path = self.folder() / "s"

    def listening(self, address: str = "") -> Running:
        """A sidecar that listens on the socket."""
        sidecar = self.sidecar(HTTP_ADDRESS=address or f"unix://{self.path}")
        sidecar.await_line("listening on unix:")
        return sidecar

    def connected(self) -> socket.socket:
        """A connection to the socket."""
        made = socket.socket(socket.AF_UNIX)
        self.addCleanup(made.close)
        made.connect(str(self.path))
        return made

    def test_from_start_to_end(self) -> None:
        """Owner and group may connect; requests are served; at the end the file is gone."""
        sidecar = self.listening()
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o660)
        self.assertNotIn("x-forwarded-for", asked(self.connected())["headers"])
        self.assertEqual(sidecar.stop(), 0, sidecar.output())
        self.assertFalse(self.path.exists())

    def test_mode(self) -> None:
        """Another mode may be given."""
        self.listening(f"unix://{self.path},mode=0600")
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)

    def test_restart_after_a_kill(self) -> None:
        """The socket that a killed process left is no obstacle to the next one."""
        killed = self.listening()
        killed.kill()
        self.assertTrue(self.path.is_socket())
        self.listening()
        self.assertEqual(asked(self.connected())["path"], "/open/x")

    def test_two_at_once(self) -> None:
        """A second process ends with a sentence, and takes nothing away from the first."""
        self.listening()
        second = self.sidecar(HTTP_ADDRESS=f"unix://{self.path}")
        self.assertNotEqual(second.status(), 0)
        self.assertIn(f"cannot listen on unix:{self.path}", second.output())
        self.assertIn("another process listens there", second.output())
        self.assertNotIn("Traceback", second.output())
        self.assertEqual(asked(self.connected())["path"], "/open/x")

    def test_something_else(self) -> None:
        """A file that is no socket is left alone."""
        self.path.write_text("precious")
        refused = self.sidecar(HTTP_ADDRESS=f"unix://{self.path}")
        self.assertNotEqual(refused.status(), 0)
        self.assertIn("no socket", refused.output())
        self.assertEqual(self.path.read_text(), "precious")

    def test_a_socket_that_somebody_removed(self) -> None:
        """The process ends in order all the same."""
        sidecar = self.listening()
        os.unlink(self.path)
        sidecar.signal(signal.SIGTERM)
        self.assertEqual(sidecar.status(), 0, sidecar.output())
        self.assertNotIn("Traceback", sidecar.output())


class TlsTests(ListeningCase):
    """Https with a certificate that was made for it."""

    def setUp(self) -> None:
        """The certificate's files, and a port."""
        super().setUp()
        folder = self.folder()
        self.certificate, self.key = folder / "tls.crt", folder / "tls.key"
        self.put(pair(1))
        self.port = free_port()

    def put(self, given: Pair) -> None:
        """Put a certificate and its key in place."""
        for path, text in ((self.certificate, given.certificate), (self.key, given.key)):
            other = path.with_suffix(".new")
            other.write_bytes(text)
            os.replace(other, path)

    def serving(self, *arguments: str, **settings: str) -> Running:
        """A sidecar that speaks https."""
        usual = {
            "HTTPS_ADDRESS": f"127.0.0.1:{self.port}",
            "TLS_CERT_FILE": str(self.certificate),
            "TLS_KEY_FILE": str(self.key),
        }
        sidecar = self.sidecar(*arguments, **usual | settings)
        sidecar.await_listening(self.port)
        return sidecar

    def connected(self, trusted: Pair, newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED) -> ssl.SSLSocket:
        """A connection whose server proved itself with a certificate that is trusted."""
        context = ssl.create_default_context(cadata=trusted.certificate.decode())
        context.maximum_version = newest
        context.set_alpn_protocols(["h2", "http/1.1"])
        plain = socket.create_connection(("127.0.0.1", self.port), 30)
        made = context.wrap_socket(plain, server_hostname="localhost")
        self.addCleanup(made.close)
        return made

    def test_requests(self) -> None:
        """They are served, by TLS 1.2 and 1.3, as HTTP/1.1; nobody listens for plain HTTP."""
        plain = free_port()
        sidecar = self.serving(HTTP_ADDRESS=f"127.0.0.1:{plain}")
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            connection = self.connected(pair(1), version)
            self.assertEqual(connection.selected_alpn_protocol(), "http/1.1")
            self.assertEqual(asked(connection)["headers"]["x-forwarded-for"], "127.0.0.1")
        self.assertFalse(is_listening(plain))
        self.assertEqual(sidecar.stop(), 0, sidecar.output())

    def test_large_bodies(self) -> None:
        """A megabyte goes up, and one comes down, in pieces."""
        self.serving()
        connection = self.connected(pair(1))
        connection.sendall(b"POST /open/up HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1048576\r\n\r\n")
        connection.sendall(bytes(1 << 20))
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        self.assertTrue(answer.endswith(b'{"size": 1048576}'), answer)

    def test_plain_http_beside_it(self) -> None:
        """With force_https plain HTTP is answered too: by the way to https, and health checks as ever."""
        plain = free_port()
        self.serving("--force-https", HTTP_ADDRESS=f"127.0.0.1:{plain}")
        visitor = Visitor()
        sent = visitor.get(f"http://127.0.0.1:{plain}/open/x?a=b")
        self.assertEqual((sent.status, sent.header("location")), (308, f"https://127.0.0.1:{self.port}/open/x?a=b"))
        self.assertEqual(visitor.get(f"http://127.0.0.1:{plain}/ping").status, 200)
        self.assertEqual(visitor.get(f"http://127.0.0.1:{plain}/ready").status, 200)
        self.assertEqual(self.app.seen, [])
        self.assertEqual(asked(self.connected(pair(1)))["path"], "/open/x")

    def test_the_end(self) -> None:
        """An idle connection does not keep the process from its end, though its client says no goodbye."""
        sidecar = self.serving("--shutdown-timeout=10m")
        connection = self.connected(pair(1))
        connection.sendall(b"GET /open/x HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertTrue(connection.recv(100).startswith(b"HTTP/1.1 200 "))
        self.assertEqual(sidecar.stop(), 0, sidecar.output())

    def test_a_new_certificate(self) -> None:
        """A certificate that is replaced while the process runs is served with, and connections from before go on."""
        sidecar = self.serving()
        before = self.connected(pair(1))
        self.put(pair(2))
        sidecar.await_line("the certificate is good until[^$]*the certificate is good until")
        self.assertEqual(asked(self.connected(pair(2)))["path"], "/open/x")
        self.assertRaises(ssl.SSLCertVerificationError, self.connected, pair(1))
        self.assertEqual(asked(before)["path"], "/open/x")

    def test_a_bad_certificate(self) -> None:
        """One that cannot be used is warned about, and the one from before stays."""
        sidecar = self.serving()
        self.certificate.write_text("oops")
        sidecar.await_line("tls_cert_file, tls_key_file: the new certificate cannot be used")
        self.assertEqual(asked(self.connected(pair(1)))["path"], "/open/x")

    def test_the_minimum_version(self) -> None:
        """A client that speaks nothing as new as the minimum is refused."""
        self.serving(TLS_MIN_VERSION="TLS1.3")
        self.assertEqual(self.connected(pair(1)).version(), "TLSv1.3")
        self.assertRaises(ssl.SSLError, self.connected, pair(1), ssl.TLSVersion.TLSv1_2)

    def test_at_the_start(self) -> None:
        """A certificate that cannot be used ends the process with a message that names the settings."""
        for given in (evolve(pair(1), key=pair(2).key), pair(kind="weak")):
            self.put(given)
            refused = self.sidecar(TLS_CERT_FILE=str(self.certificate), TLS_KEY_FILE=str(self.key))
            self.assertEqual(refused.status(), 1)
            self.assertIn("TLS_CERT_FILE".lower(), refused.output().lower())
            self.assertNotIn("Traceback", refused.output())

    def test_health(self) -> None:
        """The health check of the image finds the sidecar by the same variables, on a unix socket too."""
        self.serving()
        self.assertEqual(self.checked(HTTPS_ADDRESS=f"127.0.0.1:{self.port}", TLS_CERT_FILE=str(self.certificate)), 0)
        self.assertEqual(self.checked(HTTP_ADDRESS=f"127.0.0.1:{self.port}"), 1)
        path = self.folder() / "s"
        self.sidecar(HTTP_ADDRESS=f"unix://{path}").await_line("listening on unix:")
        self.assertEqual(self.checked(HTTP_ADDRESS=f"unix://{path}"), 0)

    def test_clients_that_hang(self) -> None:
        """Whoever connects and says nothing is let go after head_timeout, and keeps nobody else waiting."""
        self.serving("--head-timeout=1s")
        silent = socket.create_connection(("127.0.0.1", self.port), 30)
        self.addCleanup(silent.close)
        self.assertEqual(asked(self.connected(pair(1)))["path"], "/open/x")
        with contextlib.suppress(ConnectionResetError):
            self.assertEqual(silent.recv(1), b"")


class ProxyProtocolTests(ListeningCase):
    """Connections that haproxy passes on, saying whose they are."""

    def setUp(self) -> None:
        """Ports for the proxy and the sidecar."""
        super().setUp()
        self.port, self.front = free_port(), free_port()

    def serving(self, *arguments: str, **settings: str) -> Running:
        """A sidecar that wants to be told."""
        address = settings.pop("HTTP_ADDRESS", f"127.0.0.1:{self.port}")
        sidecar = self.sidecar("--proxy-protocol", *arguments, HTTP_ADDRESS=address, **settings)
        sidecar.await_line("listening on")
        return sidecar

    def haproxy(self, server: str) -> Running:
        """Start haproxy in front, with these options of its line for the sidecar."""
        path = self.folder() / "haproxy.cfg"
        path.write_text(
            "defaults\n mode tcp\n timeout connect 10s\n timeout client 30s\n timeout server 30s\n"
            f"listen front\n bind 127.0.0.1:{self.front}\n server sidecar {server}\n"
        )
        # Debian has it where only root's shell looks.
        command = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")
        assert command is not None
        made = self.run_process([command, "-db", "-f", str(path)])
        made.await_listening(self.front)
        return made

    def connected(self, port: int) -> socket.socket:
        """A connection from an address that is neither the proxy's nor the sidecar's."""
        made = socket.create_connection(("127.0.0.1", port), 30, ("127.0.0.2", 0))
        self.addCleanup(made.close)
        return made

    def test_both_versions(self) -> None:
        """The app and the log get the client's address, not haproxy's, by version 1 and by version 2."""
        sidecar = self.serving()
        for version in ("send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c,unique-id"):
            proxy = self.haproxy(f"127.0.0.1:{self.port} {version}")
            self.assertEqual(asked(self.connected(self.front))["headers"]["x-forwarded-for"], "127.0.0.2", version)
            proxy.kill()
        sidecar.await_line(r"^127\.0\.0\.2:\d+ - .*/open/x")

    def test_unix_socket(self) -> None:
        """So it is through a unix socket."""
        path = self.folder() / "s"
        self.serving(HTTP_ADDRESS=f"unix://{path},mode=0666")
        self.haproxy(f"unix@{path} send-proxy-v2")
        self.assertEqual(asked(self.connected(self.front))["headers"]["x-forwarded-for"], "127.0.0.2")

    def test_tls(self) -> None:
        """TLS behind the preamble goes through haproxy to the sidecar."""
        folder = self.folder()
        (folder / "tls.crt").write_bytes(pair(1).certificate)
        (folder / "tls.key").write_bytes(pair(1).key)
        self.serving(
            HTTPS_ADDRESS=f"127.0.0.1:{self.port}",
            TLS_CERT_FILE=str(folder / "tls.crt"),
            TLS_KEY_FILE=str(folder / "tls.key"),
        )
        self.haproxy(f"127.0.0.1:{self.port} send-proxy-v2")
        context = ssl.create_default_context(cadata=pair(1).certificate.decode())
        with context.wrap_socket(self.connected(self.front), server_hostname="localhost") as connection:
            self.assertEqual(asked(connection)["headers"]["x-forwarded-for"], "127.0.0.2")

    def test_health(self) -> None:
        """The checks of haproxy and of the image are answered, for they introduce themselves."""
        sidecar = self.serving()
        proxy = self.haproxy(f"127.0.0.1:{self.port} send-proxy-v2 check inter 100ms rise 1 fall 1")
        self.assertEqual(asked(self.connected(self.front))["path"], "/open/x")
        self.assertNotIn("is DOWN", proxy.output())
        self.assertNotIn("was closed", sidecar.output())
        address = f"127.0.0.1:{self.port}"
        variables = {"OAUTH2_PROXY_HTTP_ADDRESS": address, "O2SIDECAR_PROXY_PROTOCOL": "true"}
        self.assertEqual(self.run_process([str(BIN / "o2sidecar"), "healthcheck"], variables).status(), 0)

    def test_not_introduced(self) -> None:
        """A connection that does not say whose it is ends without an answer, and the log says why."""
        sidecar = self.serving("--trusted-proxy-ip=127.0.0.0/8")
        connection = self.connected(self.port)
        with contextlib.suppress(ConnectionResetError):
            connection.sendall(b"GET /open/x HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertEqual(connection.recv(1), b"")
        sidecar.await_line("a connection from 127.0.0.2 was closed: it does not begin with the PROXY protocol")
        self.assertEqual(self.app.seen, [])

    def test_not_trusted(self) -> None:
        """Nor is anybody but a trusted proxy believed or answered."""
        sidecar = self.serving("--trusted-proxy-ip=127.0.0.1")
        connection = self.connected(self.port)
        with contextlib.suppress(ConnectionError):
            connection.sendall(b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\nGET /open/x HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertEqual(connection.recv(1), b"")
        sidecar.await_line("a connection from 127.0.0.2 was closed: it is from no trusted proxy")
        self.assertEqual(self.app.seen, [])

    def test_without_the_option(self) -> None:
        """Where nobody asked for it, a preamble is no request."""
        self.sidecar(HTTP_ADDRESS=f"127.0.0.1:{self.port}").await_listening(self.port)
        connection = self.connected(self.port)
        connection.sendall(b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\nGET /open/x HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertTrue(connection.recv(100).startswith(b"HTTP/1.1 400 "))


class InheritedTests(ListeningCase):
    """A socket that the parent process opened."""

    def test_what_is_no_tcp_socket(self) -> None:
        """It is refused by a sentence."""
        refused = self.sidecar(HTTP_ADDRESS="fd:0")
        self.assertNotEqual(refused.status(), 0)
        self.assertIn("cannot listen on descriptor 0", refused.output())
        self.assertNotIn("Traceback", eventually("an output", refused.output))
