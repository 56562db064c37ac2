"""An app, npm's certified OpenID provider and sidecars before the app, all of them real processes."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.end_to_end.echo import Echo
from tests.end_to_end.processes import ProcessCase, Running, free_port
from tests.end_to_end.visitor import Answer, Visitor

HERE = Path(__file__).resolve().parent
NPM = Path(os.environ.get("O2SIDECAR_NPM") or HERE.parent.parent / ".cache" / "npm")

COOKIE_SECRET = "0123456789abcdef0123456789abcdef"


class CertifiedCase(ProcessCase):
    """Start the provider, then sidecars, then sign in."""

    def setUp(self) -> None:
        """An app, and addresses for a provider and a sidecar that are not started yet."""
        self.app = Echo()
        self.addCleanup(self.app.close)
        self.provider_port, self.port = free_port(), free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.visitor = Visitor()

    def start_provider(
        self,
        port: int = 0,
        callbacks: Sequence[str] = (),
        *,
        logout_uri: str = "",
        host: str = "127.0.0.1",
        tls: Path | None = None,
    ) -> Running:
        """The provider, once it answers; at its usual port and for the one sidecar, unless others are given.

        `logout_uri`: which it tells of logouts. `host`: the address that it is at. `tls`: path of its certificate
        and key, without `.crt` and `.key`, if it speaks TLS.
        """
        modules = NPM / "node_modules"
        self.assertTrue((modules / "oidc-provider").is_dir(), f"npm's oidc-provider is not in {NPM}: make provider")
        folder = Path(self.mktemp()).resolve()
        folder.mkdir(parents=True)
        shutil.copy(HERE / "certified.mjs", folder)
        (folder / "node_modules").symlink_to(modules)
        port = port or self.provider_port
        known = callbacks or [f"{self.base}/oauth2/callback"]
        told = {"HOST": host, "LOGOUT_URI": logout_uri, "TLS": str(tls or "")}
        provider = self.run_process(["node", str(folder / "certified.mjs"), str(port), *known], told)
        provider.await_listening(port, host)
        return provider

    def start_sidecar(self, *arguments: str, **settings: str) -> Running:
        """The sidecar, once it listens."""
        sidecar = self.run_sidecar(self.settings(self.port) | settings, "--defaults=o2sidecar", *arguments)
        sidecar.await_listening(self.port)
        return sidecar

    def settings(self, port: int) -> dict[str, str]:
        """What a process on a port needs to be told, whoever's it is."""
        return {
            "PROVIDER": "oidc",
            "OIDC_ISSUER_URL": f"http://127.0.0.1:{self.provider_port}",
            "CLIENT_ID": "sidecar",
            "CLIENT_SECRET": "end-to-end-client-secret",
            "COOKIE_SECRET": COOKIE_SECRET,
            "COOKIE_SECURE": "false",
            "EMAIL_DOMAINS": "*",
            "SCOPE": "openid email profile groups",
            "HTTP_ADDRESS": f"127.0.0.1:{port}",
            "REDIRECT_URL": f"{self.base}/oauth2/callback",
            "UPSTREAMS": self.app.url,
        }

    def sign_in(self, wanted: str = "/", account: str = "ada") -> Answer:
        """Ask to sign in and follow where it leads."""
        self.visitor.jar(f"http://127.0.0.1:{self.provider_port}/")["account"] = account
        return self.visitor.follow(f"{self.base}/oauth2/start?rd={wanted}")

    def seen(self, answer: Answer) -> dict[str, Any]:
        """What the app says that it received."""
        self.assertEqual(answer.status, 200, answer.text[:500])
        found: dict[str, Any] = json.loads(answer.body)
        return found
