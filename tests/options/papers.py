"""Files that options name, written once into a folder."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from twisted.internet.defer import Deferred, execute

from o2sidecar.providers.kept_documents import KeptDocuments
from tests.fakes import NOW, signing_key
from tests.options.world import ADDRESS
from tests.private_authority import authority
from tests.provider_apis import client_pem, service_account_json
from tests.server_certificates import pair

PASSWORD = "pass-word-1"
OTHER_SECRET = "fedcba9876543210"
NOBODY = "http://127.0.0.1:9"
"""An issuer that is away; what it published a minute ago is kept."""


def _at_once(call: Callable[..., None], *args: Any) -> Deferred[None]:
    return execute(call, *args)


def write_files(folder: Path) -> None:
    """Write them all."""
    ours = authority("the tests").certify("127.0.0.1", common_name="the sidecar")
    public: Any = signing_key().public_key
    digest = base64.b64encode(hashlib.sha1(PASSWORD.encode()).digest()).decode()
    contents = {
        "emails": b"alice@example.com\n",
        "users": f"bob:{{SHA}}{digest}\n".encode(),
        "cert.pem": pair(kind="rsa").certificate,
        "key.pem": pair(kind="rsa").key,
        "ca.pem": authority("the tests").pem,
        "system-ca.pem": authority("the system").pem,
        "own-cert.pem": ours.chain,
        "own-key.pem": ours.key,
        "signing.pem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "client-key.pem": client_pem().encode(),
        "client-secret": b"from-a-file\n",
        "cookie-secret": OTHER_SECRET.encode(),
        "turning-secret": b"0123456789abcdef",
        "federated-token": b"FT-1\n",
        "service-account.json": service_account_json(token_uri=f"{ADDRESS}/service-token"),
        "redis-password": b"of-redis\n",
        "logo.svg": b'<svg xmlns="http://www.w3.org/2000/svg" id="my-logo"/>',
        "size/log": b"",
        **{f"count/log-2027-01-1{day}T00-00-00.000": b"of this week\n" for day in range(3)},
        "packed/log-2027-01-14T00-00-00.000": b"of yesterday\n",
        "templates/sign_in.html": b'{{define "sign_in.html"}}my own page{{end}}',
        "templates/error.html": b'{{define "error.html"}}my own error{{end}}',
    }
    kept = KeptDocuments(str(folder / "kept"), now=lambda: NOW - 60, in_thread=_at_once)
    document = {
        "issuer": NOBODY,
        "authorization_endpoint": f"{NOBODY}/in",
        "token_endpoint": f"{NOBODY}/token",
        "jwks_uri": f"{NOBODY}/jwks",
    }
    kept.keep(json.dumps(document).encode(), "metadata", NOBODY, "")
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
