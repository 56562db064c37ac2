"""Tests for `o2sidecar.policy.reachable`: where a provider's word may lead."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.policy.peers import TrustedAddresses
from o2sidecar.policy.reachable import AddressRefused, Reachable

PUBLIC = ("93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::5db8:d70e")
PRIVATE = (
    "127.0.0.1",
    "10.0.0.8",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "0.0.0.0",
    "::",
    "::1",
    "fc00::1",
    "fd12:3456::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.8",
    "::10.0.0.8",
    "64:ff9b::10.0.0.8",
    "2002:0a00:0008::1",
)
NEVER = (
    "169.254.169.254",
    "169.254.170.2",
    "100.100.100.200",
    "fe80::1",
    "fe80::1%eth0",
    "fd00:ec2::254",
    "::ffff:169.254.169.254",
    "::169.254.169.254",
    "64:ff9b::169.254.169.254",
    "2002:a9fe:a9fe::1",
    "not an address",
    "",
)


class ReachableTests(SynchronousTestCase):
    """`Reachable.require`."""

    def may(self, host: str, address: str, *named: str, private: tuple[str, ...] = ()) -> bool:
        rule = Reachable(named_hosts=named, private=TrustedAddresses.parse(private))
        try:
            rule.require(host, address)
        except AddressRefused as refused:
            self.assertTrue(str(refused))
            return False
        return True

    def test_public(self) -> None:
        """X9: a public address may be connected to, whoever named the host."""
        for address in PUBLIC:
            self.assertTrue(self.may("keys.example", address), address)

    def test_private(self) -> None:
        """X9: a private one only for a host that settings name, in whatever form it is written."""
        for address in PRIVATE:
            self.assertFalse(self.may("keys.example", address, "idp.example"), address)
            self.assertTrue(self.may("idp.example", address, "idp.example"), address)

    def test_networks(self) -> None:
        """X9: or in a network that settings name; an address within an address counts as well."""
        self.assertTrue(self.may("keys.example", "10.0.0.8", private=("10.0.0.0/8",)))
        self.assertTrue(self.may("keys.example", "::ffff:10.0.0.8", private=("10.0.0.0/8",)))
        self.assertTrue(self.may("keys.example", "fd12:3456::1", private=("fd12::/16",)))
        self.assertFalse(self.may("keys.example", "192.168.1.1", private=("10.0.0.0/8",)))
        self.assertFalse(self.may("keys.example", "64:ff9b::192.168.1.1", private=("10.0.0.0/8",)))

    def test_metadata_services(self) -> None:
        """X9: where clouds give out credentials there is no provider, whatever settings say."""
        for address in NEVER:
            self.assertFalse(self.may("idp.example", address, "idp.example", address, private=("0.0.0.0/0", "::/0")))

    def test_names(self) -> None:
        """Hosts are compared without case, brackets and the dot at the end."""
        self.assertTrue(self.may("IDP.example.", "10.0.0.8", "idp.example"))
        self.assertTrue(self.may("[::1]", "::1", "::1"))
        self.assertFalse(self.may("x.idp.example", "10.0.0.8", "idp.example"))
        self.assertFalse(self.may("", "10.0.0.8", ""))

    @given(st.ip_addresses())
    def test_any_address(self, address: object) -> None:
        """Nothing that is not global passes for a host that nobody named."""
        if self.may("keys.example", str(address)):
            self.assertTrue(getattr(address, "is_global"))  # noqa: B009 - of one type or the other
