"""The admission webhook as a process, asked over HTTPS as an API server asks it."""

from __future__ import annotations

import json
import ssl
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

from tests.end_to_end.processes import BIN, ProcessCase, Running, eventually, free_port
from tests.kubernetes.webhook.reviews import body, patched, pod, review, wanting
from tests.server_certificates import pair


class WebhookTests(ProcessCase):
    """It serves what it was started with, and follows its certificate."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.write(1)
        self.port = free_port()
        self.webhook: Running = self.run_process(
            [
                *(str(BIN / "o2sidecar"), "webhook", f"--listen=127.0.0.1:{self.port}"),
                *(f"--tls-cert-file={self.folder / 'tls.crt'}", f"--tls-key-file={self.folder / 'tls.key'}"),
            ]
        )
        self.webhook.await_listening(self.port)

    def write(self, serial: int) -> None:
        """Another certificate, for the same names."""
        certified = pair(serial)
        (self.folder / "tls.crt").write_bytes(certified.certificate)
        (self.folder / "tls.key").write_bytes(certified.key)

    def ask(self, path: str, asked: Any, serial: int = 1) -> Any:
        """The answer to a review, from a server that is certified by this certificate and no other."""
        context = ssl.create_default_context(cadata=pair(serial).certificate.decode())
        connection = HTTPSConnection("127.0.0.1", self.port, context=context, timeout=30)
        self.addCleanup(connection.close)
        connection.request("POST", f"{path}?timeout=5s", body(asked), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        self.assertEqual((answer.status, answer.getheader("Content-Type")), (200, "application/json"))
        return json.loads(answer.read())

    def test_a_pod(self) -> None:
        """A pod that asks gets the sidecar and is let in, one that lost it is not, another is left alone."""
        changed = patched(wanting(), self.ask("/mutate", review(wanting())))
        self.assertTrue(self.ask("/validate", review(changed))["response"]["allowed"])
        self.assertFalse(self.ask("/validate", review(wanting()))["response"]["allowed"])
        self.assertNotIn("patch", self.ask("/mutate", review(pod()))["response"])
        self.webhook.await_line("validate CREATE Pod apps/my-app-7c9f6d5b8-: denied o2sidecar: the pod asks")

    def test_another_certificate(self) -> None:
        """When the files change, new connections get the new one."""
        self.write(2)

        def served() -> bool:
            try:
                return bool(self.ask("/mutate", review(pod()), serial=2))
            except ssl.SSLError:
                return False

        eventually("the new certificate", served)

    def test_the_end(self) -> None:
        """SIGTERM ends it in order."""
        self.assertEqual(self.webhook.stop(), 0)
