"""What is said when the folder is written: the callbacks to register, and what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from o2sidecar.kubernetes.init.folder import SECRET_FILE
from o2sidecar.kubernetes.init.realm import NewGateway, Realm


def advice(realm: Realm, folder: str, files: Sequence[str]) -> str:
    """The text for standard output; no secret is in it."""
    return "".join(f"{line}\n" for line in _lines(realm, folder, files))


def _lines(realm: Realm, folder: str, files: Sequence[str]) -> Iterator[str]:
    yield f"{folder} has {', '.join(files)}."
    yield ""
    yield f"Register with {realm.provider}, as redirect URI or callback URL:"
    yield from (f"  {url}" for url in realm.callbacks)
    if not realm.auth_host:
        another = "another" if realm.callbacks else "an"
        yield f"  https://HOST/oauth2/callback, for the host of {another} app"
    yield ""
    yield "Next:"
    host = realm.hosts[0] if realm.hosts else f"my-app.{realm.domain}"
    inject = ["-n", realm.namespaces[0], "--host", host, "--route", "istio", "--gateway", realm.gateway_reference]
    yield f"  kubectl apply -k {shlex.quote(folder)}"
    yield f"  o2sidecar inject -f my-app.yaml {' '.join(inject)} | kubectl apply -f -"
    yield ""
    yield f"{SECRET_FILE} holds secrets, in the open; .gitignore keeps it out of Git."
    if isinstance(realm.gateway, NewGateway):
        new = realm.gateway
        key, value = new.selector
        yield (
            f"The Gateway wants the certificate for *.{realm.domain} in the Secret {new.namespace}/{new.tls_secret},"
            f" and pods with the label {key}={value} there."
        )
    if "trusted_proxy_ips" not in realm.options:
        yield (
            "The log will name the gateway as everybody's address: --trusted-proxy CIDR, its pods' network, has the"
            " sidecars believe what it says about clients."
        )
