"""What an https listener serves with: where certificate and key are, the least version, and the cipher suites."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import field, frozen

from o2sidecar.settings.files import ReadFile, read_bytes
from o2sidecar.settings.kinds import shown
from o2sidecar.settings.problems import Problem

if TYPE_CHECKING:
    from o2sidecar.certificate import Certificate

MINIMUM_VERSIONS = ("", "TLS1.2", "TLS1.3")
"""The values of `tls_min_version`; empty: TLS1.2."""

ALWAYS_ON = frozenset({"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"})
"""The suites of TLS 1.3 (RFC 8446 §B.4), which are not chosen by name: there is no bad one among them."""

_ECDHE: Mapping[str, str] = {
    "AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "AES_256_GCM_SHA384": "AES256-GCM-SHA384",
    "CHACHA20_POLY1305_SHA256": "CHACHA20-POLY1305",
    "AES_128_CBC_SHA256": "AES128-SHA256",
    "AES_128_CBC_SHA": "AES128-SHA",
    "AES_256_CBC_SHA": "AES256-SHA",
}
WITHOUT_FORWARD_SECRECY: Mapping[str, str] = {
    "TLS_RSA_WITH_AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384": "AES256-GCM-SHA384",
    "TLS_RSA_WITH_AES_128_CBC_SHA256": "AES128-SHA256",
    "TLS_RSA_WITH_AES_128_CBC_SHA": "AES128-SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA": "AES256-SHA",
}
"""Suites with which whoever gets hold of the key later can read what was said before."""

CIPHERS: Mapping[str, str] = {
    f"TLS_ECDHE_{signature}_WITH_{standard}": f"ECDHE-{signature}-{short}"
    for standard, short in _ECDHE.items()
    for signature in ("ECDSA", "RSA")
} | dict(WITHOUT_FORWARD_SECRECY)
"""The suites of TLS 1.2 by their names in the standards, which oauth2-proxy uses, to OpenSSL's names."""

_GONE = ("RC4", "3DES")


def suite_complaint(name: str) -> str:
    """What is wrong with the name of a suite; empty if nothing is."""
    if name in CIPHERS or name in ALWAYS_ON:
        return ""
    if any(broken in name for broken in _GONE):
        return f"{shown(name)} is broken, and not offered"
    return f"{shown(name)} is no cipher suite that is known here; names are like TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"


@frozen(kw_only=True)
class Pem:
    """A text in PEM: in the file at `path`, where it may be replaced while we run, or given as `text`.

    `name`: the setting that says so, which makes no difference.
    """

    name: str = field(eq=False)
    path: str = ""
    text: str = field(default="", repr=False)

    def read(self, read_file: ReadFile) -> bytes:
        """The text; raises `ValueError` that names the file."""
        return read_bytes(self.path, read_file) if self.path else self.text.encode()


@frozen(kw_only=True)
class Tls:
    """How an https listener serves.

    Attributes:
        certificate: the server's certificate, and those that certify it.
        key: its private key.
        only_1_3: whether nothing older than TLS 1.3 is spoken.
        ciphers: OpenSSL's names of the suites for TLS 1.2; empty: the good ones.
    """

    certificate: Pem
    key: Pem
    only_1_3: bool = False
    ciphers: tuple[str, ...] = ()

    @classmethod
    def of(cls, certificate: Pem, key: Pem, *, minimum: str, suites: Sequence[str]) -> Tls:
        """From the least version and names of suites, which were checked.

        With suites of TLS 1.3 alone there is nothing that older versions could use.
        """
        ciphers = tuple(CIPHERS[suite] for suite in suites if suite in CIPHERS)
        return cls(
            certificate=certificate,
            key=key,
            only_1_3=minimum == "TLS1.3" or bool(suites and not ciphers),
            ciphers=ciphers,
        )

    @property
    def paths(self) -> tuple[str, ...]:
        """The files to look at again."""
        return tuple(pem.path for pem in (self.certificate, self.key) if pem.path)

    @property
    def name(self) -> str:
        """The settings, for messages."""
        return f"{self.certificate.name}, {self.key.name}"

    def load(self, read_file: ReadFile) -> Certificate:
        """The pair as it is now; raises `ValueError` with a sentence."""
        return _parse(self.certificate.read(read_file), self.key.read(read_file))

    def problems(self, read_file: ReadFile) -> Iterator[Problem]:
        """What is wrong with certificate and key."""
        texts = []
        for pem in (self.certificate, self.key):
            try:
                texts.append(pem.read(read_file))
            except ValueError as error:
                yield Problem(names=(pem.name,), sentence=str(error))
        if len(texts) == 2:
            try:
                _parse(*texts)
            except ValueError as error:
                yield Problem(names=(self.certificate.name, self.key.name), sentence=str(error))


def _parse(chain: bytes, key: bytes) -> Certificate:
    from o2sidecar.certificate import Certificate  # noqa: PLC0415 (cryptography's X.509 is large, and only for TLS)

    return Certificate.parse(chain, key)
