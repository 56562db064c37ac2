"""Tests for loading settings from all sources."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import ClassVar

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.settings.flags import META_SWITCHES, META_TEXTS
from o2sidecar.settings.kinds import SWITCH
from o2sidecar.settings.load import ConversionAsked, HelpAsked, SettingsRefused, UsageRefused, VersionAsked, load
from o2sidecar.settings.table import OPTIONS
from o2sidecar.settings.table.later import LATER
from tests.private_authority import authority
from tests.provider_apis import service_account_json
from tests.settings.loading import GOOD, file_reader, load_with, refusal_of


class PrecedenceTests(SynchronousTestCase):
    """A flag wins over a variable, that over the file, that over the default."""

    file: ClassVar[dict[str, bytes | str]] = {"o.cfg": 'ping_path = "/file"\nskip_auth_routes = ["^/file$"]\n'}

    def test_flag_over_variable_over_file(self) -> None:
        """Each source hides those after it."""
        arguments = ("--config=o.cfg", "--ping-path=/flag")
        variables = {"PING_PATH": "/variable"}
        self.assertEqual(load_with(*arguments, variables=variables, files=self.file).settings.ping_path, "/flag")
        self.assertEqual(
            load_with("--config=o.cfg", variables=variables, files=self.file).settings.ping_path, "/variable"
        )
        self.assertEqual(load_with("--config=o.cfg", files=self.file).settings.ping_path, "/file")
        self.assertEqual(load_with().settings.ping_path, "/ping")

    def test_lists_replace(self) -> None:
        """A list of one source replaces that of another as a whole."""
        loaded = load_with("--config=o.cfg", variables={"SKIP_AUTH_ROUTES": "^/variable$"}, files=self.file)
        self.assertEqual(loaded.settings.skip_auth_routes, ("^/variable$",))

    def test_empty_variable(self) -> None:
        """An empty variable sets nothing, an empty flag does."""
        self.assertEqual(load_with(variables={"PING_PATH": ""}).settings.ping_path, "/ping")
        self.assertEqual(load_with("--ping-path=", variables={"PING_PATH": "/variable"}).settings.ping_path, "")

    def test_sources(self) -> None:
        """Every option that somebody set is known with the place where it was."""
        sources = load_with("--config=o.cfg", "--scope=a", files=self.file).sources
        self.assertEqual(sources["scope"], "--scope (scope)")
        self.assertEqual(sources["ping_path"], "ping_path (o.cfg)")
        self.assertEqual(sources["client_id"], "OAUTH2_PROXY_CLIENT_ID")
        self.assertNotIn("prompt", sources)


class DefaultsTests(SynchronousTestCase):
    """Whose defaults count is an option."""

    def test_peer(self) -> None:
        """Without a word, the defaults are oauth2-proxy's."""
        values = load_with().settings
        self.assertEqual((values.code_challenge_method, values.cookie_samesite), ("", ""))
        self.assertTrue(values.insecure_oidc_skip_nonce and values.pass_own_cookies and values.gap_auth)

    def test_ours(self) -> None:
        """With `defaults=o2sidecar`, the safer ones count."""
        values = load_with(variables={"O2SIDECAR_DEFAULTS": "o2sidecar"}).settings
        self.assertEqual((values.code_challenge_method, values.cookie_samesite), ("S256", "lax"))
        self.assertFalse(values.insecure_oidc_skip_nonce or values.pass_own_cookies or values.gap_auth)

    def test_given_values_win(self) -> None:
        """A given value wins over both defaults, even an empty one."""
        values = load_with("--defaults=o2sidecar", "--code-challenge-method=", "--pass-own-cookies").settings
        self.assertEqual((values.code_challenge_method, values.pass_own_cookies), ("", True))

    def test_unknown(self) -> None:
        """There are no other defaults."""
        self.assertIn("--defaults (defaults): must be one of", refusal_of("--defaults=mine"))


class ProblemTests(SynchronousTestCase):
    """All problems are told at once."""

    def test_all_at_once(self) -> None:
        """Problems of every kind and source stand under one heading, one a line."""
        text = refusal_of(
            "--config=o.cfg",
            "--cookie-samesite=weird",
            "--cookie-expire=abc",
            variables={"COOKIE_SECRET": "short", "REVERSE_PROXY": "true1", "BITBUCKET_TEAM": "x"},
            files={"o.cfg": 'no_such_key = 1\nping_path = "ping"\n'},
            without=["CLIENT_ID", "CLIENT_SECRET", "EMAIL_DOMAINS"],
        )
        heading, *lines = text.splitlines()
        self.assertEqual(heading, "The settings are refused:")
        for line, beginning in zip(
            sorted(lines),
            sorted(
                [
                    "  --client-id (OAUTH2_PROXY_CLIENT_ID, client_id): ",
                    "  --client-secret (OAUTH2_PROXY_CLIENT_SECRET, client_secret): ",
                    "  --cookie-expire (cookie_expire): ",
                    "  --cookie-samesite (cookie_samesite): ",
                    "  --email-domain (OAUTH2_PROXY_EMAIL_DOMAINS, email_domains): ",
                    "  OAUTH2_PROXY_COOKIE_SECRET: ",
                    "  OAUTH2_PROXY_BITBUCKET_TEAM: ",
                    "  OAUTH2_PROXY_REVERSE_PROXY: ",
                    "  no_such_key (o.cfg): ",
                    "  ping_path (o.cfg): ",
                ]
            ),
            strict=True,
        ):
            self.assertTrue(line.startswith(beginning), line)

    def test_problems_as_values(self) -> None:
        """The problems come as values too, with the names as they were written."""
        refused = self.assertRaises(SettingsRefused, load_with, "--cookie-name=bad name;")
        (problem,) = refused.problems
        self.assertEqual(problem.names, ("--cookie-name (cookie_name)",))
        self.assertIn("cookie name", problem.sentence)

    def test_wrong_value_is_told_once(self) -> None:
        """A value that cannot be read is not called missing besides."""
        text = refusal_of("--config=o.cfg", files={"o.cfg": "client_id = 1.5\n"}, without=["CLIENT_ID"])
        self.assertEqual(text.count("client_id"), 1)

    def test_no_secret_is_shown(self) -> None:
        """Neither problems nor warnings nor the settings themselves show a secret."""
        secret = "hunter2-hunter2-hunter2"
        variables = {"COOKIE_SECRET": secret, "CLIENT_SECRET": secret, "REDIS_PASSWORD": secret, "COOKIE_SAMESITE": "x"}
        self.assertNotIn("hunter2", refusal_of("--basic-auth-password=" + secret, variables=variables))
        loaded = load_with(
            "--basic-auth-password=" + secret, "--github-token=" + secret, variables={"CLIENT_SECRET": secret}
        )
        self.assertNotIn("hunter2", repr(loaded))
        self.assertNotIn(GOOD["OAUTH2_PROXY_COOKIE_SECRET"], repr(loaded))

    def test_unknown_provider(self) -> None:
        """A kind of provider that is not built is named with those that are; the default one is Google."""
        self.assertIn('OAUTH2_PROXY_PROVIDER: "nosuch" is not supported', refusal_of(variables={"PROVIDER": "nosuch"}))
        self.assertIn("there are adfs, auth0, azure, bitbucket", refusal_of(variables={"PROVIDER": "login-gov"}))
        self.assertEqual(load_with(without=["PROVIDER", "OIDC_ISSUER_URL"]).settings.provider, "google")

    def test_further_providers(self) -> None:
        """Whoever loads the settings says which kinds of provider there are; who says nothing takes any."""
        environment = {**GOOD, "OAUTH2_PROXY_PROVIDER": "mine"}
        self.assertEqual(load([], environment).settings.provider, "mine")


class OutcomeTests(SynchronousTestCase):
    """Loading can end in other ways than with settings."""

    def test_help(self) -> None:
        """`--help` asks for the text with all flags, whatever the settings are."""
        asked = self.assertRaises(HelpAsked, load, ["--cookie-samesite=weird", "--help"], {})
        for option in OPTIONS:
            self.assertIn(f"  {option.flag}", asked.text)

    def test_version(self) -> None:
        """`--version` asks for the version, whatever the settings are."""
        self.assertRaises(VersionAsked, load, ["--version"], {})

    def test_usage(self) -> None:
        """An unknown flag ends it before anything is read."""
        self.assertRaises(UsageRefused, load, ["--config=nofile.cfg", "--no-such-flag"], {})

    def test_config_test(self) -> None:
        """`--config-test` is a mark on good settings, and no help to bad ones."""
        self.assertTrue(load_with("--config-test").config_test)
        self.assertFalse(load_with().config_test)
        self.assertIn("cookie_secret", refusal_of("--config-test", without=["COOKIE_SECRET"]))

    @settings(deadline=None, max_examples=60)
    @given(
        st.lists(
            st.builds(
                "{}={}".format,
                st.sampled_from([*(option.flag for option in OPTIONS), *META_TEXTS, *META_SWITCHES]),
                st.text(max_size=20) | st.sampled_from(["true", "1h", "64KiB", "https://a", "/", "*", "^/("]),
            ),
            max_size=8,
        ),
        st.dictionaries(
            st.sampled_from([option.variable for option in OPTIONS])
            | st.text(max_size=9).map("OAUTH2_PROXY_{}".format),
            st.text(max_size=20),
            max_size=8,
        ),
        st.binary(max_size=50) | st.sampled_from([b"a = [[[[[[", b"ping_path = 1", b"\xff", b'ping_path = "\\u0000"']),
    )
    def test_any_input(self, arguments: list[str], environment: dict[str, str], content: bytes) -> None:
        """Whatever is given, there are settings or one of the outcomes, with printable text."""
        try:
            load(arguments, {**GOOD, **environment}, read_file=lambda path: content)
        except (SettingsRefused, UsageRefused) as refused:
            self.assertTrue(str(refused).replace("\n", "").isprintable(), str(refused))
        except (ConversionAsked, HelpAsked, VersionAsked):
            pass


class FileTests(SynchronousTestCase):
    """Files that settings name."""

    def test_secrets_from_files(self) -> None:
        """A secret is read from its file without the one line break at its end."""
        files = {"c": "fedcba9876543210\n", "s": "client\r\n"}
        arguments = ("--cookie-secret-file=c", "--client-secret-file=s")
        values = load_with(*arguments, files=files, without=["COOKIE_SECRET", "CLIENT_SECRET"]).settings
        self.assertEqual((values.cookie_secret, values.client_secret), ("fedcba9876543210", "client"))

    def test_only_one_line_break(self) -> None:
        """Further line breaks would be part of the secret, where they are refused."""
        text = refusal_of("--client-secret-file=s", files={"s": "client\n\n"}, without=["CLIENT_SECRET"])
        self.assertIn("--client-secret-file (client_secret_file): holds a control character", text)

    def test_direct_value_wins(self) -> None:
        """A secret that is given directly wins, and its file is not even read."""
        self.assertEqual(load_with("--client-secret-file=nofile").settings.client_secret, "shhh-client")

    def test_bad_secret_files(self) -> None:
        """A secret file that is missing, empty or no text is named, and its secret is not called missing besides."""
        for content, words in {
            b"": "is empty",
            b"\n": "is empty",
            b"\xff\xfe": "is not text in UTF-8 (at byte 0)",
        }.items():
            text = refusal_of("--cookie-secret-file=c", files={"c": content}, without=["COOKIE_SECRET"])
            self.assertIn(f'--cookie-secret-file (cookie_secret_file): "c" {words}', text)
            self.assertEqual(text.count("\n"), 1, text)
        self.assertIn(
            '"c" cannot be read: No such file', refusal_of("--cookie-secret-file=c", without=["COOKIE_SECRET"])
        )

    def test_problem_in_a_secret_file(self) -> None:
        """What is wrong with a secret from a file is told of the file."""
        text = refusal_of("--cookie-secret-file=c", files={"c": "short"}, without=["COOKIE_SECRET"])
        self.assertIn("--cookie-secret-file (cookie_secret_file): the cookie secret must be", text)

    def test_other_files_are_tried(self) -> None:
        """Files with addresses, authorities, keys and the logo must be readable at start."""
        for flag, content in (
            ("--authenticated-emails-file", b"\xff"),
            ("--provider-ca-file", authority().pem),
            ("--upstream-ca-file", authority().pem),
            ("--oidc-public-key-file", b"\xff"),
            ("--custom-sign-in-logo", b"\xff"),
        ):
            self.assertIn('"f.png" cannot be read', refusal_of(f"{flag}=f.png"))
            load_with(f"{flag}=f.png", files={"f.png": content})
        load_with("--custom-sign-in-logo=https://cdn.example.com/logo.png")
        load_with("--custom-sign-in-logo=-")

    def test_authorities(self) -> None:
        """A file without certificates is told at the start, for each of them by its setting."""
        damaged = authority().pem.replace(b"MII", b"AAA")
        text = refusal_of("--provider-ca-file=a", "--upstream-ca-file=b,c", files={"a": "", "b": "x", "c": damaged})
        for flag, name in (("--provider-ca-file", "a"), ("--upstream-ca-file", "b"), ("--upstream-ca-file", "c")):
            self.assertRegex(text, rf'{flag} \(\w+\): "{name}" holds no certificates in PEM that can be used')

    def test_own_certificate(self) -> None:
        """Our certificate for apps needs its key, and the two must belong together."""
        one, other = authority().certify("a"), authority().certify("b")
        certificate, key = "--upstream-client-cert-file=c", "--upstream-client-key-file=k"
        load_with(certificate, key, files={"c": one.chain, "k": one.key})
        both = r"--upstream-client-cert-file .*, --upstream-client-key-file .*: "
        for arguments in ((certificate,), (key,)):
            self.assertRegex(refusal_of(*arguments, files={"c": one.chain, "k": one.key}), both + "one is of no use")
        text = refusal_of(certificate, key, files={"c": one.chain, "k": other.key})
        self.assertRegex(text, both + "certificate and key do not belong together")
        for line in other.key.splitlines()[1:-1]:
            self.assertNotIn(line.decode(), text)
        text = refusal_of(certificate, key, files={"c": one.chain})
        self.assertIn('--upstream-client-key-file (upstream_client_key_file): "k" cannot be read', text)

    def test_real_files(self) -> None:
        """Without another reader, files are those of the disk."""
        path = Path(tempfile.mkdtemp(dir=".")) / "o.cfg"
        path.write_text('ping_path = "/disk"\n')
        self.assertEqual(load([f"--config={path}"], GOOD).settings.ping_path, "/disk")

    def test_impossible_file_name(self) -> None:
        """A file name that no system takes is a problem, no traceback."""
        refused = self.assertRaises(SettingsRefused, load, ["--config=a\x00b"], GOOD)
        self.assertIn("cannot be read", str(refused))


GOOGLE = ("--provider=google", "--google-admin-email=r@x.org", "--google-service-account-json=k")
KEY: dict[str, bytes | str] = {"k": service_account_json()}


class OldNameTests(SynchronousTestCase):
    """Deprecated options, and those that are not built yet."""

    def test_old_name_stands_for_new(self) -> None:
        """The value of an old name becomes that of the new one."""
        values = load_with(
            "--force-code-challenge-method=plain", "--user-id-claim=upn", "--defaults=o2sidecar"
        ).settings
        self.assertEqual((values.code_challenge_method, values.oidc_email_claim), ("plain", "upn"))

    def test_new_name_wins(self) -> None:
        """The new name wins over the old one."""
        arguments = ("--force-code-challenge-method=plain", "--code-challenge-method=S256")
        self.assertEqual(load_with(*arguments).settings.code_challenge_method, "S256")

    def test_problem_is_told_of_the_old_name(self) -> None:
        """What is wrong with a value that came by the old name is told of that."""
        text = refusal_of("--force-code-challenge-method=S1")
        self.assertIn("--force-code-challenge-method (force_code_challenge_method): must be one of", text)

    def test_deprecated(self) -> None:
        """A deprecated option is accepted with a warning that names its successor."""
        warnings = "\n".join(load_with("--skip-auth-regex=^/health$", "--gcp-healthchecks").warnings)
        self.assertIn(
            "--skip-auth-regex (skip_auth_regex): this is deprecated; use skip_auth_routes instead.", warnings
        )
        self.assertIn("use ping_path instead", warnings)

    def test_old_name_that_prevails(self) -> None:
        """The old name of Google's groups wins over the new one, as with oauth2-proxy, and a warning names that."""
        with_key = {**KEY, "a.cfg": 'google_group = ["old@x.org"]\ngoogle_groups = ["new@x.org"]'}
        loaded = load_with("--config=a.cfg", *GOOGLE, files=with_key)
        self.assertEqual(loaded.settings.google_groups, ("old@x.org",))
        self.assertIn(
            "google_group (a.cfg): this is deprecated; use google_groups instead.", "\n".join(loaded.warnings)
        )
        self.assertEqual(
            load_with(*GOOGLE, variables={"GOOGLE_GROUP": "a,b"}, files=KEY).settings.google_groups, ("a", "b")
        )
        self.assertEqual(
            load_with("--google-group=c", *GOOGLE, files=KEY).sources["google_groups"], "--google-group (google_groups)"
        )

    def test_not_built_and_not_used(self) -> None:
        """The same option with its default value changes nothing and is accepted."""
        load_with("--signature-key=", variables={"GOOGLE_USE_ORGANIZATION_ID": "false"})

    def test_without_effect(self) -> None:
        """An option that is not built and restricts nobody is accepted; what it does not do is said, not its value."""
        for option in LATER:
            value = "true" if option.kind is SWITCH else "hunter2"
            warnings = load_with(variables={option.variable: value}).warnings
            self.assertIn(f"{option.variable}: this has no effect: {option.missing}.", warnings)
            self.assertNotIn("hunter2", "".join(warnings))

    def test_bad_value_of_what_is_not_built(self) -> None:
        """A value that cannot be read is a problem there too."""
        text = refusal_of(variables={"GOOGLE_USE_ORGANIZATION_ID": "perhaps"})
        self.assertIn("OAUTH2_PROXY_GOOGLE_USE_ORGANIZATION_ID: must be true or false", text)


class StructureTests(SynchronousTestCase):
    """The loaded structure follows from the flat options."""

    def test_structure(self) -> None:
        """Listener, upstreams and rules are there ready made."""
        structure = load_with("--http-address=:80").structure
        self.assertEqual(structure.listeners[0].port, 80)
        self.assertEqual([upstream.host for upstream in structure.upstreams], ["127.0.0.1"])
        self.assertIn("X-Forwarded-User", [rule.name for rule in structure.request_rules])

    def test_flag_given_twice(self) -> None:
        """A flag with one value that is given twice is warned about."""
        warnings = load_with("--scope=openid", "--scope=email").warnings
        self.assertIn("--scope: this was given more than once; only the last counts.", warnings)

    def test_file_reader_of_these_tests(self) -> None:
        """A file that a test did not name is missing."""
        self.assertRaises(FileNotFoundError, file_reader({}), "x")
