"""Certificates for servers in tests, signed by themselves and made once."""

from __future__ import annotations

import datetime
import ipaddress
from functools import cache

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID


@frozen(kw_only=True)
class Pair:
    """A certificate for 127.0.0.1 and localhost, and its key; both in PEM, the key encrypted as well."""

    serial: int
    certificate: bytes
    key: bytes
    encrypted_key: bytes


@cache
def pair(serial: int = 1, *, kind: str = "ec", days: int = 30) -> Pair:
    """One of `kind` `ec`, `rsa` or `weak`, valid from 60 days ago to `days` from now."""
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    if kind == "ec":
        key = ec.generate_private_key(ec.SECP256R1())
    else:
        key = rsa.generate_private_key(public_exponent=65537, key_size=1024 if kind == "weak" else 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"number {serial}")])
    now = datetime.datetime.now(datetime.UTC)
    names: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(now - datetime.timedelta(days=60))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )

    def pem(encryption: KeySerializationEncryption) -> bytes:
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)

    return Pair(
        serial=serial,
        certificate=made.public_bytes(Encoding.PEM),
        key=pem(NoEncryption()),
        encrypted_key=pem(BestAvailableEncryption(b"password")),
    )
