"""`server` and `metricsServer` of the structured file: where to listen, and with which certificate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import field, frozen

from o2sidecar.settings import shape
from o2sidecar.settings.blocks import Block
from o2sidecar.settings.given import Given
from o2sidecar.settings.header_blocks import SECRET, secret_source
from o2sidecar.settings.shape import Shape
from o2sidecar.settings.tls import Pem


def _server(prefix: str, plain: str, secure: str) -> Shape:
    """The shape of a block whose options begin with a prefix."""
    return Shape(
        keys=(
            shape.sets("bindAddress", plain),
            shape.sets("secureBindAddress", secure),
            shape.block(
                "tls",
                "what https is served with at secureBindAddress",
                Shape(
                    keys=(
                        shape.block("cert", "the certificate and those that certify it, in PEM", SECRET, required=True),
                        shape.block("key", "the certificate's private key in PEM", SECRET, required=True),
                        shape.sets("minVersion", f"{prefix}tls_min_version"),
                        shape.sets("cipherSuites", f"{prefix}tls_cipher_suites"),
                    )
                ),
            ),
        )
    )


SERVER = _server("", "http_address", "https_address")
METRICS_SERVER = _server("metrics_", "metrics_address", "metrics_secure_address")

_PEMS: Mapping[str, Mapping[str, str]] = {
    "server": {"cert": "tls_cert_file", "key": "tls_key_file"},
    "metricsServer": {"cert": "metrics_tls_cert_file", "key": "metrics_tls_key_file"},
}
"""The options whose place certificate and key take, though they need not be in files."""


def _places() -> Iterator[tuple[str, str]]:
    for name, server in (("server", SERVER), ("metricsServer", METRICS_SERVER)):
        tls = server.keys["tls"].shape
        assert tls is not None
        for prefix, keys in ((name, server.keys), (f"{name}.tls", tls.keys)):
            yield from ((key.option, f"{prefix}.{key.name}") for key in keys.values() if key.option)
        yield from ((place, place) for place in (f"{name}.tls.{key}" for key in _PEMS[name]))


PLACES: Mapping[str, str] = dict(_places())
"""Where the file says an option, by key; and certificates and keys, by their places themselves."""


@frozen(kw_only=True)
class Servers:
    """What the two blocks say.

    Attributes:
        given: options that they set, by key; an address that is not among them is not listened on.
        pems: certificates and keys, by the options whose place they take; what is wrong is not there, and reported.
        bare: the options of secure addresses that have no certificate by their side.
    """

    given: Mapping[str, Given] = field(factory=dict)
    pems: Mapping[str, Pem] = field(factory=dict)
    bare: frozenset[str] = frozenset()


def read_servers(root: Block) -> Servers:
    """Read both; what is wrong is reported, but for bare addresses."""
    given: dict[str, Given] = {}
    pems: dict[str, Pem] = {}
    bare = set()
    for name, options in _PEMS.items():
        server = root.block(name)
        if server is None:
            continue
        found = {option: given for option, given in server.given() if _address(server, option) not in {"", "-"}}
        secure = server.shape.keys["secureBindAddress"].option
        tls = server.block("tls")
        if tls is not None:
            found |= tls.given()
            pems |= {options[key]: pem for key, pem in _pems(tls, name)}
            if secure not in found:
                server.refuse("tls", "needs secureBindAddress: where to listen with it")
        elif secure in found:
            bare.add(secure)
        server.close()
        given |= found
    if "http_address" not in given and ("https_address" not in given or "https_address" in bare):
        root.refuse("server.bindAddress", "is missing: where to listen")
    return Servers(given=given, pems=pems, bare=frozenset(bare))


def _address(server: Block, option: str) -> object:
    return next(server.take(key.name) for key in server.shape.keys.values() if key.option == option)


def _pems(tls: Block, server: str) -> Iterator[tuple[str, Pem]]:
    for key in ("cert", "key"):
        block = tls.block(key)
        if block is None:
            tls.refuse(key, "is missing")
            continue
        name = f"{server}.tls.{key}"
        source = secret_source(block)
        if source is not None:
            kind, text = source
            if kind == "fromFile":
                yield key, Pem(name=name, path=text)
            else:
                yield key, Pem(name=name, text=text if kind == "value" else block.reading.environment.get(text, ""))
    tls.close()
