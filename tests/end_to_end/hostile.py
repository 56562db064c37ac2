"""Replays the shared suite of hostile HTTP against the real process, configured as that suite's README asks.

    python tests/end_to_end/hostile.py [arguments of run_http.py]

Ends as the suite does; its last line has the counts. What the sidecar printed is shown when something failed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.end_to_end.processes import BIN, Running, free_port
from tests.run_all import SHARED

SUITE = SHARED / "conformance" / "http"
SECRET = "0123456789abcdef0123456789abcdef"
PEOPLE = ("alice", "bob")
CLAIMS = {
    "User": "user",
    "Email": "email",
    "Groups": "groups",
    "Preferred-Username": "preferred_username",
    "Access-Token": "access_token",
}
"""What the suite wants the app to be told, in both families of fields."""


def structured(*, port: int, origin: int) -> str:
    """The structured configuration: only there both families can be had together."""
    injected = "".join(
        f"- name: {family}-{what}\n  values: [{{claimSource: {{claim: {claim}}}}}]\n"
        for family in ("X-Forwarded", "X-Auth-Request")
        for what, claim in CLAIMS.items()
    )
    return (
        f'server:\n  bindAddress: "127.0.0.1:{port}"\n'
        f'upstreamConfig:\n  upstreams:\n  - {{id: origin, path: /, uri: "http://127.0.0.1:{origin}/"}}\n'
        f"injectRequestHeaders:\n{injected}"
        "providers:\n- id: nobody\n  provider: oidc\n  clientID: nobody\n  clientSecret: nothing\n"
        f'  oidcConfig: {{issuerURL: "http://127.0.0.1:{free_port()}"}}\n'
    )


def main(arguments: Sequence[str]) -> int:
    """Mint the cookies, start the sidecar, run the suite; its exit status."""
    port, origin = free_port(), free_port()
    settings = {
        "OAUTH2_PROXY_COOKIE_SECRET": SECRET,
        "OAUTH2_PROXY_COOKIE_SECURE": "false",
        "OAUTH2_PROXY_EMAIL_DOMAINS": "*",
        "O2SIDECAR_PROVIDER_REQUIRED_AT_START": "false",
        "OAUTH2_PROXY_SKIP_AUTH_ROUTES": "^/public/,^/hc/.*/ready$,GET=^/getonly/",
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "structured.yaml").write_text(structured(port=port, origin=origin))
        for person, suffix in zip(PEOPLE, ("", ".bob"), strict=True):
            mint = [sys.executable, str(SUITE / "mint_cookie.py"), SECRET, f"{person}@example.com", person]
            (folder / f"cookie{suffix}").write_bytes(subprocess.check_output(mint))
        sidecar = Running(
            [str(BIN / "o2sidecar"), "run", f"--alpha-config={folder / 'structured.yaml'}"],
            output=folder / "output",
            settings=settings,
        )
        try:
            sidecar.await_listening(port)
            suite = [sys.executable, str(SUITE / "run_http.py"), "--proxy", f"127.0.0.1:{port}"]
            status = subprocess.call(
                [*suite, "--cookie", str(folder / "cookie"), "--origin-port", str(origin), *arguments]
            )
            if status or "Traceback" in sidecar.output():
                print(sidecar.output()[-5000:], file=sys.stderr)
                status = status or 1
        finally:
            sidecar.kill()
    return status


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(main(sys.argv[1:]))
