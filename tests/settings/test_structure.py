"""Tests for what the flat options say together."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.identity import HeaderRule, HeaderSource
from o2sidecar.settings.structure import Structure, structure_of
from o2sidecar.settings.table import Options

FORWARDED = ["X-Forwarded-Groups", "X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Preferred-Username"]
AUTH_REQUEST = [
    "X-Auth-Request-User",
    "X-Auth-Request-Email",
    "X-Auth-Request-Preferred-Username",
    "X-Auth-Request-Groups",
]


def names(rules: tuple[HeaderRule, ...]) -> list[str]:
    """The names that rules set, in order."""
    return [rule.name for rule in rules]


def only(rules: tuple[HeaderRule, ...], name: str) -> HeaderSource:
    """The one source of the one rule of a name."""
    ((source,),) = (rule.sources for rule in rules if rule.name == name)
    return source


class HeaderTests(SynchronousTestCase):
    """Header options become rules."""

    def test_default(self) -> None:
        """By default the app gets four headers, and nobody else any."""
        structure = structure_of(Options())
        self.assertEqual(names(structure.request_rules), FORWARDED)
        self.assertEqual((structure.response_rules, structure.auth_rules), ((), ()))
        self.assertEqual(
            [rule.sources[0].claim for rule in structure.request_rules],
            ["groups", "user", "email", "preferred_username"],
        )

    def test_either_option_passes_the_user(self) -> None:
        """Either of two options sends the user headers, none if both are off."""
        for user, basic, expected in ((True, False, FORWARDED), (False, True, FORWARDED), (False, False, [])):
            options = Options(pass_user_headers=user, pass_basic_auth=basic)
            self.assertEqual(names(structure_of(options).request_rules), expected)

    def test_basic(self) -> None:
        """With a password, the app gets Basic credentials first, unless they are off."""
        rules = structure_of(Options(basic_auth_password="pw")).request_rules
        self.assertEqual(names(rules), ["Authorization", *FORWARDED])
        self.assertEqual(only(rules, "Authorization"), HeaderSource(claim="user", basic_auth_password="pw"))
        off = Options(basic_auth_password="pw", pass_basic_auth=False)
        self.assertEqual(names(structure_of(off).request_rules), FORWARDED)

    def test_prefer_email(self) -> None:
        """The email takes the user's place, in Basic too, and its own header is not sent."""
        rules = structure_of(Options(prefer_email_to_user=True, basic_auth_password="pw")).request_rules
        self.assertEqual(only(rules, "X-Forwarded-User").claim, "email")
        self.assertEqual(only(rules, "Authorization").claim, "email")
        self.assertNotIn("X-Forwarded-Email", names(rules))

    def test_tokens_to_the_app(self) -> None:
        """Tokens go to the app by option."""
        rules = structure_of(Options(pass_access_token=True, pass_authorization_header=True)).request_rules
        self.assertEqual(names(rules), [*FORWARDED, "X-Forwarded-Access-Token", "Authorization"])
        self.assertEqual(only(rules, "Authorization"), HeaderSource(claim="id_token", prefix="Bearer "))

    def test_x_auth_request(self) -> None:
        """The X-Auth-Request family goes to the app and to who asks the auth endpoint, never to the browser."""
        structure = structure_of(Options(set_xauthrequest=True))
        self.assertEqual(names(structure.request_rules), FORWARDED + AUTH_REQUEST)
        self.assertEqual(names(structure.auth_rules), AUTH_REQUEST)
        self.assertEqual(structure.response_rules, ())

    def test_access_token_to_who_asks(self) -> None:
        """Who asks the auth endpoint gets the access token only with both options."""
        both = structure_of(Options(set_xauthrequest=True, pass_access_token=True))
        self.assertEqual(names(both.auth_rules), [*AUTH_REQUEST, "X-Auth-Request-Access-Token"])
        self.assertNotIn("X-Auth-Request-Access-Token", names(both.request_rules))
        self.assertEqual(structure_of(Options(pass_access_token=True)).auth_rules, ())

    def test_authorization_to_who_asks(self) -> None:
        """Who asks the auth endpoint gets Basic or Bearer by option; the browser does not."""
        bearer = structure_of(Options(set_authorization_header=True))
        self.assertEqual(only(bearer.auth_rules, "Authorization").prefix, "Bearer ")
        basic = structure_of(Options(set_basic_auth=True, basic_auth_password="pw"))
        self.assertEqual(only(basic.auth_rules, "Authorization").basic_auth_password, "pw")
        self.assertEqual(bearer.response_rules + basic.response_rules, ())

    def test_preserve(self) -> None:
        """Clients' headers are kept in front only where stripping is off, and never in answers."""
        kept = structure_of(Options(skip_auth_strip_headers=False, set_xauthrequest=True))
        self.assertTrue(all(rule.preserve for rule in kept.request_rules))
        self.assertFalse(any(rule.preserve for rule in kept.auth_rules))
        self.assertFalse(any(rule.preserve for rule in structure_of(Options()).request_rules))

    def test_no_password_is_shown(self) -> None:
        """The structure does not show the password in it."""
        self.assertNotIn("hunter2", repr(structure_of(Options(basic_auth_password="hunter2"))))


class UpstreamTests(SynchronousTestCase):
    """Upstreams share what the options say of all of them."""

    def structure(self) -> Structure:
        """A structure with nothing at its default."""
        return structure_of(
            Options(
                upstreams=("https://a/", "static://204"),
                upstream_timeout=5.0,
                pass_host_header=False,
                proxy_websockets=False,
                ssl_upstream_insecure_skip_verify=True,
                http_address="[::1]:80",
            )
        )

    def test_shared(self) -> None:
        """Each upstream has the common values."""
        for upstream in self.structure().upstreams:
            self.assertEqual(upstream.timeout, 5.0)
            self.assertEqual((upstream.pass_host_header, upstream.proxy_websockets), (False, False))
            self.assertTrue(upstream.insecure_skip_verify)

    def test_order_and_listener(self) -> None:
        """Upstreams keep their order, and the listener is read."""
        self.assertEqual([upstream.scheme for upstream in self.structure().upstreams], ["https", "static"])
        self.assertEqual(self.structure().listeners[0].host, "::1")
