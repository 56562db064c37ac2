"""A server's certificate chain and the private key that belongs to it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from attrs import field, frozen
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key


@frozen(kw_only=True)
class Certificate:
    """What a TLS server proves itself with (RFC 8446 §4.4.2).

    `chain`: the server's own certificate, then those that lead from it to an authority. `key`: its private key.
    `since`, `until`: the first and the last moment of its validity, in UTC.
    """

    chain: tuple[x509.Certificate, ...]
    key: Any = field(repr=False)
    since: datetime
    until: datetime

    @classmethod
    def parse(cls, chain: bytes, key: bytes) -> Certificate:
        """From PEM (RFC 7468); what else is in the texts does not matter, so that both may be one file.

        Raises `ValueError` with a sentence that shows nothing of the key.
        """
        try:
            certificates = x509.load_pem_x509_certificates(chain)
            own = certificates[0]
            public, since, until = _spki(own.public_key()), own.not_valid_before_utc, own.not_valid_after_utc
        except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion):
            raise ValueError("the certificate is none in PEM that can be used") from None
        try:
            private = load_pem_private_key(key, None)
        except TypeError:
            raise ValueError("the key is encrypted, and nobody is here to give its password") from None
        except (ValueError, UnsupportedAlgorithm):
            raise ValueError("the key is no private key in PEM that can be used") from None
        if _spki(private.public_key()) != public:
            raise ValueError("certificate and key do not belong together; the server's own certificate comes first")
        return cls(chain=tuple(certificates), key=private, since=since, until=until)


def _spki(key: Any) -> bytes:
    """RFC 5280 §4.1.2.7."""
    spki: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return spki
