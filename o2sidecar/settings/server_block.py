"""`server` and `metricsServer` of the structured file: where to listen, and with which certificate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import field, frozen

from o2sidecar.settings.blocks import Block
from o2sidecar.settings.given import Given
from o2sidecar.settings.header_blocks import secret_source
from o2sidecar.settings.tls import Pem

CERTIFICATE, KEY = "server.tls.cert", "server.tls.key"

PLACES: Mapping[str, str] = {
    "http_address": "server.bindAddress",
    "https_address": "server.secureBindAddress",
    "tls_min_version": "server.tls.minVersion",
    "tls_cipher_suites": "server.tls.cipherSuites",
    "metrics_address": "metricsServer.bindAddress",
    CERTIFICATE: CERTIFICATE,
    KEY: KEY,
}
"""Where the file says an option, by key."""


@frozen(kw_only=True)
class Servers:
    """What the two blocks say.

    Attributes:
        given: options that they set, by key; an address that is not among them is not listened on.
        certificate, key: what TLS is spoken with; None if it is not, or if that is reported.
    """

    given: Mapping[str, Given] = field(factory=dict)
    certificate: Pem | None = None
    key: Pem | None = None


def read_servers(root: Block) -> Servers:
    """Read both; what is wrong is reported."""
    given: dict[str, Given] = {}
    pems: dict[str, Pem] = {}
    server = root.block("server")
    if server is not None:
        given |= _addresses(server, bindAddress="http_address", secureBindAddress="https_address")
        tls = server.block("tls")
        if tls is not None:
            given |= dict(_versions(tls))
            pems = {pem.name: pem for pem in _pems(tls)}
        if "https_address" in given and tls is None:
            root.refuse("server.secureBindAddress", "needs tls with a key and a cert")
        if "https_address" not in given and tls is not None:
            root.refuse("server.tls", "needs secureBindAddress: where to listen with it")
        server.close()
    metrics = root.block("metricsServer")
    if metrics is not None:
        given |= _addresses(metrics, bindAddress="metrics_address")
        metrics.not_built("secureBindAddress", "tls")
        metrics.close()
    if "http_address" not in given and "https_address" not in given:
        root.refuse("server.bindAddress", "is missing: where to listen")
    return Servers(given=given, certificate=pems.get(CERTIFICATE), key=pems.get(KEY))


def _addresses(block: Block, **options: str) -> dict[str, Given]:
    found = {}
    for key, option in options.items():
        address = block.given(key)
        if address is not None and block.content[key] not in {"", "-"}:
            found[option] = address
    return found


def _versions(tls: Block) -> Iterator[tuple[str, Given]]:
    for key, option in (("minVersion", "tls_min_version"), ("cipherSuites", "tls_cipher_suites")):
        given = tls.given(key)
        if given is not None:
            yield option, given


def _pems(tls: Block) -> Iterator[Pem]:
    for key, name in (("cert", CERTIFICATE), ("key", KEY)):
        block = tls.block(key)
        if block is None:
            tls.refuse(key, "is missing")
            continue
        source = secret_source(block)
        if source is not None:
            kind, text = source
            if kind == "fromFile":
                yield Pem(name=name, path=text)
            else:
                yield Pem(name=name, text=text if kind == "value" else block.reading.environment.get(text, ""))
    tls.close()
