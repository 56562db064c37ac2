"""Tests for the settings of TLS where requests come in."""

from __future__ import annotations

import ssl

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.settings.tls import ALWAYS_ON, CIPHERS, Pem, Tls, suite_complaint
from tests.server_certificates import pair
from tests.settings.loading import file_reader, load_with, refusal_of

FILES: dict[str, bytes | str] = {"t.crt": pair().certificate, "t.key": pair().key}
PAIR = ("--tls-cert-file=t.crt", "--tls-key-file=t.key")


class FlatTests(SynchronousTestCase):
    """The flat options."""

    def listeners(self, *arguments: str) -> list[tuple[int, bool]]:
        """Port of each listener, and whether it is https."""
        return [(each.port, each.secure) for each in load_with(*arguments, files=FILES).structure.listeners]

    def test_no_certificate(self) -> None:
        """Without a certificate there is plain HTTP only, whatever https_address says."""
        self.assertEqual(self.listeners("--https-address=:8443"), [(4180, False)])
        self.assertIsNone(load_with().structure.tls)

    def test_certificate(self) -> None:
        """With one there is https in its place, by default on port 443."""
        self.assertEqual(self.listeners(*PAIR), [(443, True)])
        self.assertEqual(self.listeners(*PAIR, "--https-address=127.0.0.1:8443"), [(8443, True)])

    def test_both(self) -> None:
        """With force_https there is plain HTTP too, to send people on from."""
        self.assertEqual(self.listeners(*PAIR, "--force-https"), [(4180, False), (443, True)])

    def test_elsewhere(self) -> None:
        """Behind somebody who ends TLS force_https needs no certificate, and plain HTTP stays (CONTRACT §10 #22)."""
        for arguments in ((), ("--reverse-proxy",), ("--https-address=:8443",)):
            self.assertEqual(self.listeners("--force-https", *arguments), [(4180, False)])
        self.assertIn("must be HOST:PORT", refusal_of("--force-https", "--https-address=nowhere"))

    def test_one_without_the_other(self) -> None:
        """A certificate needs a key, and a key a certificate."""
        for argument in PAIR:
            self.assertIn("one is of no use without the other", refusal_of(argument, files=FILES))

    def test_files(self) -> None:
        """Both are read at the start; what is wrong names the settings."""
        said = refusal_of(*PAIR)
        self.assertIn('--tls-cert-file (tls_cert_file): "t.crt" cannot be read: No such file', said)
        self.assertIn('--tls-key-file (tls_key_file): "t.key" cannot be read: No such file', said)
        said = refusal_of(*PAIR, files={**FILES, "t.key": pair(2).key})
        self.assertIn("--tls-cert-file (tls_cert_file), --tls-key-file (tls_key_file): certificate and key do", said)

    def test_versions(self) -> None:
        """TLS 1.2 is the least version unless 1.3 is; others are not known."""
        for version, only_1_3 in (("", False), ("TLS1.2", False), ("TLS1.3", True)):
            tls = load_with(*PAIR, f"--tls-min-version={version}", files=FILES).structure.tls
            assert tls is not None
            self.assertEqual(tls.only_1_3, only_1_3)
        self.assertIn("must be one of empty, TLS1.2, TLS1.3", refusal_of("--tls-min-version=TLS1.1"))

    def test_addresses(self) -> None:
        """The address is one to listen on."""
        for wrong in ("nowhere", "http://a:1"):
            self.assertIn("must be HOST:PORT", refusal_of(f"--https-address={wrong}"))
        self.assertIn("must not be empty", refusal_of("--https-address="))


class MetricsTests(SynchronousTestCase):
    """The flat options of metrics over TLS."""

    PAIR = ("--metrics-tls-cert-file=t.crt", "--metrics-tls-key-file=t.key")

    def test_listeners(self) -> None:
        """Each address that is given is one; TLS does not take plain HTTP's place."""
        for arguments, listeners in (
            ((), []),
            (("--metrics-address=:9",), [(9, False)]),
            ((*self.PAIR, "--metrics-secure-address=:10"), [(10, True)]),
            ((*self.PAIR, "--metrics-secure-address=https://a:10", "--metrics-address=:9"), [(9, False), (10, True)]),
        ):
            structure = load_with(*arguments, files=FILES).structure
            self.assertEqual([(each.port, each.secure) for each in structure.metrics_listeners], listeners)
            self.assertEqual((structure.metrics_tls is None, structure.tls), (len(arguments) < 2, None))

    def test_own_versions(self) -> None:
        """Versions and suites are those of metrics, not those of requests."""
        suite = "--metrics-tls-cipher-suite=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
        arguments = (*self.PAIR, "--metrics-secure-address=:10", "--tls-min-version=TLS1.3", suite)
        tls = load_with(*arguments, files=FILES).structure.metrics_tls
        assert tls is not None
        self.assertEqual((tls.only_1_3, tls.ciphers), (False, ("ECDHE-RSA-AES128-GCM-SHA256",)))
        self.assertIn("is no cipher suite", refusal_of("--metrics-tls-cipher-suite=ROT13"))
        self.assertIn(
            "--metrics-tls-min-version (metrics_tls_min_version): must", refusal_of("--metrics-tls-min-version=1")
        )

    def test_halves(self) -> None:
        """An address without a certificate, a certificate without an address, and half a pair are refused by name."""
        address = "--metrics-secure-address=:10"
        cert, key = "--metrics-tls-cert-file (metrics_tls_cert_file)", "--metrics-tls-key-file (metrics_tls_key_file)"
        said = refusal_of(address, files=FILES)
        self.assertIn("--metrics-secure-address (metrics_secure_address), --metrics-tls-cert-file (OAUTH2_PROXY_", said)
        self.assertIn("TLS needs a certificate and its key", said)
        said = refusal_of(*self.PAIR, files=FILES)
        self.assertIn(f"{cert}, {key}, --metrics-secure-address (OAUTH2_PROXY_METRICS_SECURE_ADDRESS", said)
        self.assertIn("of no use without an address", said)
        for half, name in zip(self.PAIR, (cert, key), strict=True):
            said = refusal_of(address, half, files=FILES)
            self.assertIn(name, said)
            self.assertIn("one is of no use without the other", said)
            self.assertEqual(said.count("\n"), 1, said)

    def test_files(self) -> None:
        """Files that cannot be used are told by the settings that name them."""
        said = refusal_of(*self.PAIR, "--metrics-secure-address=:10", files={"t.crt": pair().certificate})
        self.assertIn('--metrics-tls-key-file (metrics_tls_key_file): "t.key" cannot be read', said)


class CipherTests(SynchronousTestCase):
    """Cipher suites by their names in the standards."""

    def tls(self, *suites: str) -> Tls:
        pem = Pem(name="x")
        return Tls.of(pem, pem, minimum="", suites=suites)

    def test_every_name_is_one_of_openssl(self) -> None:
        """Each stands for exactly the suite of that name."""
        for name, cipher in CIPHERS.items():
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.set_ciphers(f"{cipher}:@SECLEVEL=0")
            offered = [each for each in context.get_ciphers() if each["protocol"] != "TLSv1.3"]
            self.assertEqual([each["name"] for each in offered], [cipher], name)
            self.assertLessEqual(set(cipher.split("-")) - {"AES128", "AES256"}, set(name.split("_")), name)

    def test_names(self) -> None:
        """What is broken and what is unknown is refused; the suites of TLS 1.3 are on anyway."""
        for good in (*CIPHERS, *ALWAYS_ON):
            self.assertEqual(suite_complaint(good), "")
        self.assertIn("is broken", suite_complaint("TLS_RSA_WITH_3DES_EDE_CBC_SHA"))
        self.assertIn("is broken", suite_complaint("TLS_ECDHE_RSA_WITH_RC4_128_SHA"))
        self.assertIn("no cipher suite that is known", suite_complaint("ECDHE-RSA-AES128-GCM-SHA256"))
        self.assertIn("no cipher suite", refusal_of("--tls-cipher-suite=TLS_NULL_WITH_NULL_NULL"))

    def test_only_those_of_1_3(self) -> None:
        """With suites of TLS 1.3 alone nothing else is spoken; with some for 1.2, those are."""
        self.assertEqual((self.tls(*ALWAYS_ON).only_1_3, self.tls(*ALWAYS_ON).ciphers), (True, ()))
        both = self.tls("TLS_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256")
        self.assertEqual((both.only_1_3, both.ciphers), (False, ("ECDHE-ECDSA-CHACHA20-POLY1305",)))
        self.assertEqual((self.tls().only_1_3, self.tls().ciphers), (False, ()))

    def test_texts_are_not_shown(self) -> None:
        """A key that was given as text is in no repr."""
        self.assertNotIn("hunter2", repr(Pem(name="x", text="hunter2")))
        self.assertEqual(Pem(name="x", text="a").read(file_reader({})), b"a")
