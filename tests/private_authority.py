"""A certificate authority of the tests' own, and what it certifies."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from functools import cache

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from OpenSSL import SSL, crypto

_DAY = datetime.timedelta(days=1)


@frozen(kw_only=True)
class Certified:
    """A certificate with what stands behind it, and its key; in PEM."""

    chain: bytes
    key: bytes

    def context(self, *, clients: bytes = b"") -> SSL.Context:
        """How a server serves with it; `clients`: authorities (PEM), one of which every client must be known to."""
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        own, *others = x509.load_pem_x509_certificates(self.chain)
        context.use_certificate(own)
        for other in others:
            context.add_extra_chain_cert(other)
        context.use_privatekey(crypto.load_privatekey(crypto.FILETYPE_PEM, self.key))
        if clients:
            store = context.get_cert_store()
            assert store is not None
            for authority in x509.load_pem_x509_certificates(clients):
                store.add_cert(crypto.X509.from_cryptography(authority))
            context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *told: bool(told[4]))
        return context


_CERTIFIES = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


class Authority:
    """Certifies names. `pem` is its own certificate; `above`: what certifies it, if it is not its own."""

    def __init__(self, name: str = "the tests", above: Authority | None = None) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._above = above
        builder = self._builder(self._name, self._key, days=30)
        issuer = above or self
        # RFC 5280 §4.2.1.1 to §4.2.1.3 and §4.2.1.9, which Python insists on since 3.13.
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        builder = builder.add_extension(_CERTIFIES, critical=True)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), False)
        builder = builder.add_extension(issuer._identified, critical=False)
        made = builder.issuer_name(issuer._name).sign(issuer._key, SHA256())
        self.pem = made.public_bytes(Encoding.PEM)

    def certify(self, *names: str | x509.GeneralName, common_name: str = "somebody", days: int = 30) -> Certified:
        """A certificate for addresses and names; without any it names nobody. `days`: how long, from yesterday."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]), key, days=days)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(_general(names)), critical=False)
        builder = builder.add_extension(self._identified, critical=False)
        made = builder.issuer_name(self._name).sign(self._key, SHA256())
        behind = self.pem if self._above else b""
        return Certified(
            chain=made.public_bytes(Encoding.PEM) + behind,
            key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        )

    @property
    def _identified(self) -> x509.AuthorityKeyIdentifier:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())

    def _builder(self, name: x509.Name, key: ec.EllipticCurvePrivateKey, *, days: int) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 2 * _DAY)
            .not_valid_after(now + days * _DAY)
        )


def _general(names: Sequence[str | x509.GeneralName]) -> list[x509.GeneralName]:
    found = []
    for name in names:
        if isinstance(name, x509.GeneralName):
            found.append(name)
            continue
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            found.append(x509.DNSName(name))
    return found


@cache
def authority(name: str = "the tests") -> Authority:
    """An authority by name, made once."""
    return Authority(name)
