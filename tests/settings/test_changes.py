"""Tests of what differs between the settings in force and newer ones."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.settings.changes import WAITING, changes_of
from o2sidecar.settings.load import Loaded, SettingsRefused
from o2sidecar.settings.table import BY_KEY
from tests.settings.loading import load_with

FLAT = ("PROVIDER", "OIDC_ISSUER_URL", "CLIENT_ID", "CLIENT_SECRET", "UPSTREAMS")
ALPHA = """
providers:
- {id: one, provider: oidc, clientID: a, clientSecret: b, oidcConfig: {issuerURL: "https://one.example.com"}}
- {id: two, provider: oidc, clientID: c, clientSecret: d, oidcConfig: {issuerURL: "https://two.example.com"}}
upstreamConfig: {upstreams: [{id: app, path: /, uri: "http://127.0.0.1:8080"}]}
injectRequestHeaders: [{name: X-User, values: [{claimSource: {claim: user}}]}]
server: {bindAddress: "127.0.0.1:4180"}
"""


USERS = {"/etc/users": "bob:{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk=\n"}


def toml(text: str, *, without: str = "", **files: str) -> Loaded:
    return load_with("--config=/etc/o2.cfg", files={"/etc/o2.cfg": text, **files}, without=("EMAIL_DOMAINS", without))


def alpha(text: str, **files: str) -> Loaded:
    return load_with("--alpha-config=/etc/alpha.yaml", files={"/etc/alpha.yaml": text, **files}, without=FLAT)


class ChangesTests(SynchronousTestCase):
    """Settings are named as the operator wrote them, and never shown."""

    def test_what_counts_at_once(self) -> None:
        """A changed option is named by its place, an option that was taken out by where it was."""
        now = toml('email_domains = ["example.com"]\nbanner = "Hello"\n')
        newer = toml('email_domains = ["example.org"]\n')
        changes = changes_of(now, newer)
        self.assertEqual(changes.applied, ("email_domains (/etc/o2.cfg)", "banner (/etc/o2.cfg)"))
        self.assertEqual(changes.waiting, ())
        self.assertEqual(changes.loaded.settings.email_domains, ("example.org",))

    def test_nothing_new(self) -> None:
        """The same settings change nothing, also when another comment is in the file."""
        changes = changes_of(toml('email_domains = ["a.b"]'), toml('# well\nemail_domains = ["a.b"]'))
        self.assertEqual((changes.applied, changes.waiting), ((), ()))

    def test_what_waits(self) -> None:
        """What counts from the start on keeps its value and is named each time, until the next start."""
        now = toml('email_domains = ["a.b"]\nhttp_address = "127.0.0.1:1"\n')
        newer = toml('email_domains = ["c.d"]\nhttp_address = "127.0.0.1:2"\nsession_store_type = "cookie"\n')
        changes = changes_of(now, newer)
        self.assertEqual(changes.applied, ("email_domains (/etc/o2.cfg)",))
        self.assertEqual(changes.waiting, ("http_address (/etc/o2.cfg)",))
        self.assertEqual(changes.loaded.settings.http_address, "127.0.0.1:1")
        self.assertEqual(changes.loaded.structure.listeners, now.structure.listeners)
        self.assertEqual(changes_of(changes.loaded, newer).waiting, ("http_address (/etc/o2.cfg)",))

    def test_what_redis_is_named_by(self) -> None:
        """The cookie's name counts at once, but not where the list of revocations in Redis has its name of it."""
        redis = 'session_store_type = "redis"\nredis_connection_url = "redis://r"\n'
        for store, kept in (("", "other"), (redis, "_oauth2_proxy")):
            now, newer = (
                toml(f'email_domains = ["a.b"]\n{store}'),
                toml(f'email_domains = ["a.b"]\n{store}cookie_name = "other"\n'),
            )
            changes = changes_of(now, newer)
            named = ("cookie_name (/etc/o2.cfg)",)
            self.assertEqual((changes.applied, changes.waiting), ((), named) if store else (named, ()))
            self.assertEqual(changes.loaded.settings.cookie_name, kept)

    def test_all_that_waits_is_an_option(self) -> None:
        """Only options are named."""
        self.assertEqual(WAITING - BY_KEY.keys(), set())

    def test_what_does_not_fit(self) -> None:
        """What cannot do with what has to stay, and would keep everybody out, is refused; nothing is half in force."""
        now = toml('email_domains = ["a.b"]\n')
        for more in ("", "banner = 'x'\n"):
            newer = toml(f'htpasswd_file = "/etc/users"\n{more}', **USERS)
            with self.assertRaises(SettingsRefused) as caught:
                changes_of(now, newer)
            [problem] = caught.exception.problems
            self.assertEqual(problem.names, ("htpasswd_file (/etc/o2.cfg)", "email_domains (/etc/o2.cfg)"))
        both = toml('email_domains = ["a.b"]\nhtpasswd_file = "/etc/users"\n', **USERS)
        self.assertEqual(changes_of(now, both).waiting, ("htpasswd_file (/etc/o2.cfg)",))
        self.assertEqual(changes_of(both, now).waiting, ("htpasswd_file (/etc/o2.cfg)",))

    def test_secrets_in_files(self) -> None:
        """Another secret in the same file is no change of the settings: it counts already."""
        redis = 'session_store_type = "redis"\nredis_connection_url = "redis://r"\n'
        for key, more in (("cookie_secret", ""), ("client_secret", ""), ("redis_password", redis)):
            text = f'email_domains = ["a.b"]\n{more}{key}_file = "/etc/secret"\n'
            now, newer = (toml(text, without=key.upper(), **{"/etc/secret": one * 16}) for one in "ab")
            changes = changes_of(now, newer)
            self.assertEqual((changes.applied, changes.waiting), ((), ()), key)
            moved = toml(text.replace("/etc/s", "/etc/other_s"), without=key.upper(), **{"/etc/other_secret": "c" * 16})
            changes = changes_of(now, moved)
            named = f"{key}_file (/etc/o2.cfg)"
            expected = ((named,), ()) if key == "client_secret" else ((), (named,))
            self.assertEqual((changes.applied, changes.waiting), expected, key)

    def test_secrets_of_several_providers(self) -> None:
        """So it is with each provider's; and none is taken for another's."""
        text = ALPHA.replace("clientSecret: b", "clientSecretFile: /b").replace(
            "clientSecret: d", "clientSecretFile: /d"
        )
        now = alpha(text, **{"/b": "one", "/d": "two"})
        changes = changes_of(now, alpha(text, **{"/b": "three", "/d": "four"}))
        self.assertEqual((changes.applied, changes.waiting), ((), ()))
        self.assertEqual([each.settings.client_secret for each in changes.loaded.providers], ["three", "four"])
        changes = changes_of(now, alpha(text.replace("clientSecretFile: /d", "clientSecret: x"), **{"/b": "three"}))
        self.assertEqual(changes.applied, ("providers[1]",))

    def test_the_structured_file(self) -> None:
        """Of the structured file headers, upstreams and providers are named, and never what is in them."""
        now = alpha(ALPHA)
        for old, new, named in (
            ("X-User", "X-Person", "headers for the app"),
            ("8080", "8081", "upstreams"),
            ("clientSecret: d", "clientSecret: e", "providers[1]"),
            ("- {id: two", "- {emailDomains: [x.org], id: two", "providers[1]"),
        ):
            changes = changes_of(now, alpha(ALPHA.replace(old, new)))
            self.assertEqual((changes.applied, changes.waiting), ((named,), ()), new)
        changes = changes_of(now, alpha(ALPHA.replace("clientSecret: b", "clientSecret: e")))
        self.assertEqual(changes.applied, ("providers[0].clientSecret (/etc/alpha.yaml)",))
        changes = changes_of(now, alpha(ALPHA.replace("4180", "4181")))
        self.assertEqual((changes.applied, len(changes.waiting)), ((), 1))

    def test_a_provider_more_or_less(self) -> None:
        """A provider that comes or goes is a change."""
        lines = ALPHA.strip().split("\n")
        fewer = alpha("\n".join(line for line in lines if "id: two" not in line))
        for now, newer in ((alpha(ALPHA), fewer), (fewer, alpha(ALPHA))):
            self.assertIn("providers[1]", changes_of(now, newer).applied)
