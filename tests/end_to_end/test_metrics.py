"""Metrics as whoever scrapes them meets them: on their own listener only, to the end of the process."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import sys
from pathlib import Path

from tests.end_to_end.echo import Echo
from tests.end_to_end.processes import ProcessCase, Running, eventually, free_port, is_listening
from tests.end_to_end.visitor import Visitor
from tests.server_certificates import Pair, pair

WHAT_IS_LOADED = """
import os, sys
from twisted.internet import reactor
from o2sidecar.assembly import make_sidecar
from o2sidecar.settings.load import load

make_sidecar(load([], os.environ), reactor=reactor, write=print, descriptors=4096)
print("loaded:", "prometheus_client" in sys.modules)
"""


class MetricsCase(ProcessCase):
    """A sidecar with a metrics listener, whose provider cannot be reached."""

    def setUp(self) -> None:
        """An app, and addresses for the sidecar."""
        self.app = Echo()
        self.addCleanup(self.app.close)
        self.port, self.metrics_port = free_port(), free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.settings = {
            "PROVIDER": "oidc",
            "OIDC_ISSUER_URL": f"http://127.0.0.1:{free_port()}",
            "CLIENT_ID": "sidecar",
            "CLIENT_SECRET": "secret",
            "COOKIE_SECRET": "0123456789abcdef",
            "EMAIL_DOMAINS": "*",
            "HTTP_ADDRESS": f"127.0.0.1:{self.port}",
            "METRICS_ADDRESS": f"127.0.0.1:{self.metrics_port}",
            "UPSTREAMS": self.app.url,
            "SKIP_AUTH_ROUTES": "^/open/",
        }

    def start(self, *arguments: str) -> Running:
        """A sidecar that listens."""
        sidecar = self.run_sidecar(self.settings, "--defaults=o2sidecar", *arguments)
        sidecar.await_listening(self.port)
        return sidecar

    def scrape(self) -> list[str]:
        """The lines of the page."""
        answer = Visitor().get(f"http://127.0.0.1:{self.metrics_port}/metrics")
        self.assertEqual(answer.status, 200)
        return answer.text.splitlines()


class MetricsTests(MetricsCase):
    """Metrics over plain HTTP."""

    def test_a_day(self) -> None:
        """Requests to the app, refused ones, logins that cannot begin and stolen cookies all show; scrapes do not."""
        sidecar = self.start()
        sidecar.await_line("listening on http://127.0.0.1:[0-9]+ for metrics")
        for path in ("/open/1", "/open/2", "/private", "/ping"):
            Visitor().get(self.base + path)
        Visitor().get(f"{self.base}/private", {"Cookie": "_oauth2_proxy=stolen|1|x"})
        Visitor().get(f"{self.base}/oauth2/start")
        self.scrape()
        lines = self.scrape()
        for line in (
            'oauth2_proxy_requests_total{code="200"} 2.0',
            'oauth2_proxy_requests_total{code="403"} 2.0',
            'oauth2_proxy_requests_total{code="503"} 1.0',
            'oauth2_proxy_response_duration_seconds_count{method="get"} 5.0',
            "oauth2_proxy_requests_in_flight 0.0",
            'o2sidecar_refusals_total{reason="no_session"} 2.0',
            'o2sidecar_refusals_total{reason="provider_unavailable"} 1.0',
            'o2sidecar_sessions_refused_total{reason="signature"} 1.0',
            'o2sidecar_provider_ready{provider="oidc"} 0.0',
            'o2sidecar_sign_ins_begun_total{provider="oidc"} 0.0',
        ):
            self.assertIn(line, lines)
        self.assertFalse([line for line in lines if "stolen" in line or "private" in line])
        self.assertTrue([line for line in lines if line.startswith("process_start_time_seconds ")])
        self.assertNotIn("/metrics", sidecar.output())

    def test_the_public_listener_has_none(self) -> None:
        """There, /metrics is the app's, behind the login like everything else (X6)."""
        self.start()
        answer = Visitor().get(f"{self.base}/metrics")
        self.assertEqual(answer.status, 403)
        self.assertNotIn("oauth2_proxy_requests", answer.text)
        self.assertEqual(self.app.seen, [])

    def test_while_draining(self) -> None:
        """Metrics are served until the last request is done; a scraper that hangs does not keep the process."""
        sidecar = self.start()
        hanging = socket.create_connection(("127.0.0.1", self.metrics_port), 30)
        self.addCleanup(hanging.close)
        hanging.sendall(b"GET /metrics HTTP/1.1\r\n")
        with socket.create_connection(("127.0.0.1", self.port), 30) as client:
            client.sendall(b"POST /open/up HTTP/1.1\r\nHost: app\r\nContent-Length: 2\r\n\r\nx")
            eventually("the upload's begin", lambda: len(self.app.connections) > 0)
            sidecar.signal(signal.SIGTERM)
            eventually("the closed listener", lambda: not is_listening(self.port))
            self.assertIn('o2sidecar_requests_in_flight{kind="app"} 1.0', self.scrape())
            client.sendall(b"x")
            self.assertTrue(client.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n"))
        self.assertEqual(sidecar.status(), 0, sidecar.output())
        self.assertNotIn("Traceback", sidecar.output())
        self.assertFalse(is_listening(self.metrics_port))

    def test_address_taken(self) -> None:
        """A metrics address that is taken is named in a sentence."""
        with socket.create_server(("127.0.0.1", self.metrics_port)):
            sidecar = self.run_sidecar(self.settings)
            self.assertEqual(sidecar.status(), 1, sidecar.output())
        self.assertIn(f"cannot listen on http://127.0.0.1:{self.metrics_port} for metrics", sidecar.output())
        self.assertNotIn("Traceback", sidecar.output())

    def test_off(self) -> None:
        """Without the option nothing listens."""
        del self.settings["METRICS_ADDRESS"]
        sidecar = self.start()
        self.assertEqual(Visitor().get(f"{self.base}/open/1").status, 200)
        self.assertEqual(sidecar.output().count("listening on "), 1)

    def test_what_is_loaded(self) -> None:
        """Prometheus's client is loaded when somebody asks for the first time, and not before."""
        variables = {f"OAUTH2_PROXY_{key}": value for key, value in self.settings.items()}
        process = self.run_process([sys.executable, "-c", WHAT_IS_LOADED], variables)
        self.assertEqual(process.status(), 0, process.output())
        self.assertIn("loaded: False\n", process.output())


class SecureMetricsTests(MetricsCase):
    """Metrics over TLS, on an address of their own, beside the plain one."""

    def setUp(self) -> None:
        """A certificate, its key, and an address for TLS."""
        super().setUp()
        folder = Path(self.mktemp()).resolve()
        folder.mkdir(parents=True)
        self.certificate, self.key = folder / "tls.crt", folder / "tls.key"
        self.put(pair(1))
        self.secure_port = free_port()
        self.settings |= {
            "METRICS_SECURE_ADDRESS": f"127.0.0.1:{self.secure_port}",
            "METRICS_TLS_CERT_FILE": str(self.certificate),
            "METRICS_TLS_KEY_FILE": str(self.key),
        }

    def put(self, given: Pair) -> None:
        """Put a certificate and its key in place."""
        for path, text in ((self.certificate, given.certificate), (self.key, given.key)):
            other = path.with_suffix(".new")
            other.write_bytes(text)
            os.replace(other, path)

    def connected(self, trusted: Pair, newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED) -> ssl.SSLSocket:
        """A connection whose server proved itself with a certificate that is trusted."""
        context = ssl.create_default_context(cadata=trusted.certificate.decode())
        context.maximum_version = newest
        plain = socket.create_connection(("127.0.0.1", self.secure_port), 30)
        made = context.wrap_socket(plain, server_hostname="localhost")
        self.addCleanup(made.close)
        return made

    def scrape_over(self, connection: ssl.SSLSocket) -> str:
        """The page, got over a connection, which ends with it."""
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n")
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer[:100])
        return answer.decode()

    def test_alone(self) -> None:
        """Without the plain address, only TLS is listened for, and requests are counted all the same."""
        del self.settings["METRICS_ADDRESS"]
        sidecar = self.start()
        sidecar.await_line(f"listening on https://127.0.0.1:{self.secure_port} for metrics")
        self.assertFalse(is_listening(self.metrics_port))
        Visitor().get(f"{self.base}/open/1")
        page = self.scrape_over(self.connected(pair(1), ssl.TLSVersion.TLSv1_2))
        self.assertIn('oauth2_proxy_requests_total{code="200"} 1.0', page)

    def test_both(self) -> None:
        """Plain HTTP and TLS give the same page; the listener for requests stays what it was."""
        self.start()
        Visitor().get(f"{self.base}/open/1")
        self.assertIn('oauth2_proxy_requests_total{code="200"} 1.0', self.scrape())
        self.assertIn('oauth2_proxy_requests_total{code="200"} 1.0', self.scrape_over(self.connected(pair(1))))

    def test_minimum_version(self) -> None:
        """The least version is that of metrics."""
        self.start("--metrics-tls-min-version=TLS1.3")
        self.assertRaises(ssl.SSLError, self.connected, pair(1), ssl.TLSVersion.TLSv1_2)
        self.scrape_over(self.connected(pair(1)))

    def test_a_new_certificate(self) -> None:
        """A certificate that is replaced while the process runs is served with; one that is none is warned about."""
        sidecar = self.start()
        self.scrape_over(self.connected(pair(1)))
        self.put(pair(2))
        sidecar.await_line("the certificate is good until[^$]*the certificate is good until")
        self.scrape_over(self.connected(pair(2)))
        self.assertRaises(ssl.SSLCertVerificationError, self.connected, pair(1))
        self.certificate.write_text("oops")
        sidecar.await_line("metrics_tls_cert_file, metrics_tls_key_file: the new certificate cannot be used")
        self.scrape_over(self.connected(pair(2)))
