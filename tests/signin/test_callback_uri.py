"""Tests of o2sidecar.signin.callback_uri."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.http.exchange import HeaderFields
from o2sidecar.policy.peers import Forwarding, TrustedAddresses
from o2sidecar.signin.callback_uri import CallbackUri
from tests.signin.house import Asked

BEHIND_A_PROXY = Forwarding(reverse_proxy=True, trusted_proxies=TrustedAddresses.parse(["203.0.113.0/24"]))
FORWARDED: HeaderFields = [(b"X-Forwarded-Proto", b"https"), (b"X-Forwarded-Host", b"www.example.com")]


def uri(
    configured: str = "",
    *,
    relative: bool = False,
    secure: bool = False,
    forwarding: Forwarding | None = None,
    fields: HeaderFields | None = None,
) -> str:
    """The URI for a request to app.example.com by plain HTTP."""
    callback = CallbackUri(
        configured=configured,
        path="/oauth2/callback",
        relative=relative,
        secure=secure,
        forwarding=forwarding or Forwarding(),
    )
    return callback.of(Asked(fields=fields))  # type: ignore[arg-type]


class CallbackUriTests(SynchronousTestCase):
    """The redirect_uri comes from the operator, else from the request."""

    def test_an_absolute_url_is_used_as_it_is(self) -> None:
        """Neither the request nor `secure` changes what the operator wrote (security.md O19)."""
        configured = "http://login.example.com:81/cb?x=1"
        self.assertEqual(uri(configured, secure=True, forwarding=BEHIND_A_PROXY, fields=FORWARDED), configured)

    def test_an_absolute_url_without_path_gets_ours(self) -> None:
        """A URL of a host alone means the callback endpoint there."""
        self.assertEqual(uri("https://login.example.com"), "https://login.example.com/oauth2/callback")
        self.assertEqual(uri("https://login.example.com/"), "https://login.example.com/oauth2/callback")

    def test_without_an_url_the_request_decides(self) -> None:
        """Scheme and host are those of the request."""
        self.assertEqual(uri(), "http://app.example.com/oauth2/callback")

    def test_secure_means_https(self) -> None:
        """With secure cookies the callback is https, whatever the connection is."""
        self.assertEqual(uri(secure=True), "https://app.example.com/oauth2/callback")

    def test_a_path_alone_is_put_on_the_requests_host(self) -> None:
        """A configured path replaces the endpoint's."""
        self.assertEqual(uri("/cb"), "http://app.example.com/cb")

    def test_relative_means_the_path_alone(self) -> None:
        """The provider completes it."""
        self.assertEqual(uri(relative=True), "/oauth2/callback")
        self.assertEqual(uri("https://login.example.com/cb", relative=True), "/cb")

    def test_a_trusted_proxy_names_scheme_and_host(self) -> None:
        """Forwarding fields of a trusted proxy count."""
        self.assertEqual(uri(forwarding=BEHIND_A_PROXY, fields=FORWARDED), "https://www.example.com/oauth2/callback")

    def test_nobody_else_does(self) -> None:
        """Forwarding fields of a client are ignored (security.md R14)."""
        self.assertEqual(uri(fields=FORWARDED), "http://app.example.com/oauth2/callback")


class WayBackTests(SynchronousTestCase):
    """A callback that many hosts share sends each person back to the host that they came from."""

    def way(self, configured: str, redirect: str, *, secure: bool = False, relative: bool = False) -> str:
        """What is written for a request to app.example.com by plain HTTP."""
        callback = CallbackUri(
            configured=configured, path="/oauth2/callback", relative=relative, secure=secure, forwarding=Forwarding()
        )
        return callback.way_back(Asked(), redirect)  # type: ignore[arg-type]

    def test_on_the_same_host(self) -> None:
        """A local target stays local where the callback is on the request's own host."""
        for configured in ("", "/cb", "https://app.example.com/oauth2/callback"):
            self.assertEqual(self.way(configured, "/page?x=1"), "/page?x=1")

    def test_on_another_host(self) -> None:
        """A local target becomes one of the request's host, and https where that is the outside's."""
        shared = "https://auth.example.com/oauth2/callback"
        self.assertEqual(self.way(shared, "/page?x=1#y"), "http://app.example.com/page?x=1#y")
        self.assertEqual(self.way(shared, "/", secure=True), "https://app.example.com/")
        self.assertEqual(self.way("https://app.example.com:8443", "/"), "http://app.example.com/")

    def test_what_is_absolute_stays(self) -> None:
        """A target that names its host is not changed."""
        target = "https://other.example.com/x"
        self.assertEqual(self.way("https://auth.example.com", target), target)

    def test_a_relative_callback(self) -> None:
        """Where the provider knows the host, nobody here does."""
        self.assertEqual(self.way("https://auth.example.com", "/page", relative=True), "/page")
