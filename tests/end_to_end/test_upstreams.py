"""Upstreams with real processes: apps behind TLS that a private authority vouches for, unix sockets, and files."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import ssl
from pathlib import Path

from tests.end_to_end.echo import Echo
from tests.end_to_end.processes import ProcessCase, Running, free_port
from tests.end_to_end.test_process import ended
from tests.end_to_end.visitor import Answer, Visitor
from tests.private_authority import Authority, Certified

MIB = 1 << 20


class UpstreamCase(ProcessCase):
    """A sidecar before which nobody has to sign in."""

    def setUp(self) -> None:
        """An address for the sidecar, and a folder for files."""
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir(parents=True)

    def settings(self, upstream: str) -> dict[str, str]:
        """Settings for one upstream."""
        return {
            "PROVIDER": "oidc",
            "OIDC_ISSUER_URL": f"http://127.0.0.1:{free_port()}",
            "CLIENT_ID": "sidecar",
            "CLIENT_SECRET": "a-client-secret-nobody-may-see",
            "COOKIE_SECRET": "a-cookie-secret-nobody-may-see!!",
            "EMAIL_DOMAINS": "*",
            "HTTP_ADDRESS": f"127.0.0.1:{self.port}",
            "UPSTREAMS": upstream,
            "SKIP_AUTH_ROUTES": "^/",
        }

    def start(self, upstream: str, *arguments: str) -> Running:
        """A sidecar that listens."""
        sidecar = self.run_sidecar(self.settings(upstream), "--defaults=o2sidecar", *arguments)
        sidecar.await_listening(self.port)
        return sidecar

    def file(self, name: str, content: bytes) -> str:
        """A file's path."""
        path = self.folder / name
        path.write_bytes(content)
        return str(path)


class TlsTests(UpstreamCase):
    """Apps that speak TLS."""

    def setUp(self) -> None:
        """An authority of our own."""
        super().setUp()
        self.authority = Authority("of this test")
        self.trusting = f"--upstream-ca-file={self.file('ca.pem', self.authority.pem)}"

    def app(self, certified: Certified, clients: Authority | None = None) -> Echo:
        """An app with a certificate; `clients`: who must have certified whoever asks it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file("app.pem", certified.chain), self.file("app.key", certified.key))
        if clients is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=clients.pem.decode())
        app = Echo(tls=context)
        self.addCleanup(app.close)
        return app

    def get(self) -> Answer:
        """An answer through the sidecar."""
        return Visitor().get(f"{self.base}/x?y=1")

    def test_believed(self) -> None:
        """An app that the named authority vouches for is asked, again on the same connection."""
        app = self.app(self.authority.certify("127.0.0.1"))
        self.start(app.url, self.trusting)
        for _ in range(2):
            self.assertEqual(json.loads(self.get().body)["path"], "/x?y=1")
        self.assertEqual(len(app.connections), 1)

    def test_not_believed(self) -> None:
        """An app with a certificate for another name, or for none, or of an unknown authority, hears nothing.

        The client gets a 502 that does not say why, the operator is told.
        """
        for certified, why in (
            (self.authority.certify("other.example"), "the certificate is not for 127.0.0.1"),
            (self.authority.certify(common_name="127.0.0.1"), "the certificate is not for 127.0.0.1"),
            (Authority("somebody").certify("127.0.0.1"), "the certificate of 127.0.0.1 is not trusted"),
        ):
            app = self.app(certified)
            sidecar = self.start(app.url, self.trusting)
            answer = self.get()
            self.assertEqual(answer.status, 502)
            self.assertNotIn("certificate", answer.text)
            sidecar.await_line(why)
            self.assertEqual(app.seen, [])
            self.assertEqual(sidecar.stop(), 0)
            app.close()

    def test_the_systems_authorities(self) -> None:
        """Without a named authority, the system's count, and ours is none of them; unless nothing is verified."""
        app = self.app(self.authority.certify("127.0.0.1"))
        sidecar = self.start(app.url)
        self.assertEqual(self.get().status, 502)
        sidecar.stop()
        self.start(app.url, "--ssl-upstream-insecure-skip-verify").await_line("the app's certificate is not verified")
        self.assertEqual(self.get().status, 200)

    def test_our_certificate(self) -> None:
        """An app that asks for a certificate gets ours, and refuses to talk without it."""
        clients = Authority("of clients")
        app = self.app(self.authority.certify("127.0.0.1"), clients)
        sidecar = self.start(app.url, self.trusting)
        self.assertEqual(self.get().status, 502)
        sidecar.await_line("TLS: .*certificate required")
        sidecar.stop()
        own = clients.certify("sidecar")
        certificate, key = self.file("own.pem", own.chain), self.file("own.key", own.key)
        self.start(
            app.url, self.trusting, f"--upstream-client-cert-file={certificate}", f"--upstream-client-key-file={key}"
        )
        self.assertEqual(self.get().status, 200)

    def test_files_that_are_none(self) -> None:
        """Files that hold no certificates end the start with one message that names each setting."""
        junk, own = self.file("junk.pem", b"junk"), self.authority.certify("a")
        arguments = (
            f"--upstream-ca-file={junk}",
            f"--upstream-client-cert-file={self.file('own.pem', own.chain)}",
            f"--upstream-client-key-file={junk}",
        )
        done = ended("o2sidecar", "run", *arguments, **self.settings("https://127.0.0.1:1/,file:///no/such#/f/"))
        self.assertEqual(done.returncode, 1)
        for word in ("upstream_ca_files", "upstream_client_key_file", '"/no/such"'):
            self.assertIn(word, done.stderr)
        self.assertNotIn("Traceback", done.stderr)


class FileTests(UpstreamCase):
    """Folders in the place of apps."""

    def test_large_file(self) -> None:
        """A large file comes whole, part by part as well, while the sidecar's memory stays flat."""
        content = os.urandom(MIB) * 64
        self.file("big.bin", content)
        sidecar = self.start(f"file://{self.folder}#/files/")
        before = peak(sidecar.pid)
        answer = Visitor().get(f"{self.base}/files/big.bin")
        self.assertEqual(hashlib.sha256(answer.body).digest(), hashlib.sha256(content).digest())
        part = Visitor().get(f"{self.base}/files/big.bin", {"Range": "bytes=40000000-40000009"})
        self.assertEqual((part.status, part.body), (206, content[40000000:40000010]))
        tag = answer.header("ETag")
        assert tag is not None
        self.assertEqual(Visitor().get(f"{self.base}/files/big.bin", {"If-None-Match": tag}).status, 304)
        self.assertLess(peak(sidecar.pid) - before, 20 * MIB)

    def test_file_that_is_cut(self) -> None:
        """When a file is cut while it is sent, the answer ends short of its length, and the sidecar lives on."""
        path = Path(self.file("big.bin", b"x" * (64 * MIB)))
        sidecar = self.start(f"file://{self.folder}#/files/")
        with socket.create_connection(("127.0.0.1", self.port), 30) as client:
            client.sendall(b"GET /files/big.bin HTTP/1.1\r\nHost: a\r\n\r\n")
            got = len(client.recv(65536))
            os.truncate(path, MIB)
            while piece := client.recv(MIB):
                got += len(piece)
        self.assertLess(got, 64 * MIB)
        sidecar.await_line("a file became shorter while it was sent")
        self.assertEqual(Visitor().get(f"{self.base}/files/none").status, 404)

    def test_nothing_else(self) -> None:
        """No writing of a path leads out of the folder, and there are no listings."""
        (self.folder / "www").mkdir()
        self.file("secret.txt", b"for nobody")
        (self.folder / "www" / "link").symlink_to("../secret.txt")
        self.start(f"file://{self.folder}/www#/")
        for path in (
            "/",
            "/link",
            "/../secret.txt",
            "/%2e%2e/secret.txt",
            "/..%2fsecret.txt",
            "/x/../../secret.txt",
            "/.%2e/secret.txt",
            f"/{self.folder}/secret.txt",
            f"/%2f{self.folder}/secret.txt",
            "/link%00.txt",
        ):
            answer = Visitor().get(self.base + path)
            # 403: such a path is never public, so somebody has to sign in first.
            self.assertIn(answer.status, (403, 404), path)
            self.assertNotIn(b"for nobody", answer.body)


def peak(pid: int) -> int:
    """The most memory that a process has had so far, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
