"""Tests for the conversion of flags, variables and the TOML file to the structured file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml
from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.settings.files import ReadFile
from o2sidecar.settings.load import ConversionAsked, HelpAsked, Loaded, SettingsRefused, UsageRefused, load
from o2sidecar.settings.provider_blocks import PROVIDER
from o2sidecar.settings.table import OPTIONS
from tests.provider_apis import client_pem
from tests.server_certificates import pair
from tests.settings.conformance import Configuration, configurations
from tests.settings.loading import GOOD, file_reader
from tests.settings.remaining import remaining_flags, remaining_toml, remaining_variables

CONVERT = "--convert-config-to-alpha"
FILES: Mapping[str, bytes | str] = {
    "t.crt": pair().certificate,
    "t.key": pair().key,
    "s": "from-file\n",
    "k": client_pem(),
}
TLS = ("--tls-cert-file=t.crt", "--tls-key-file=t.key")
METRICS_TLS = ("--metrics-tls-cert-file=t.crt", "--metrics-tls-key-file=t.key", "--metrics-secure-address=:9443")
SET_BY_PROVIDER = {
    key.option
    for block in (PROVIDER, *(key.shape for key in PROVIDER.keys.values() if key.shape and not key.listed))
    for key in block.keys.values()
}


@frozen(kw_only=True)
class Both:
    """Settings as they were given and as the structured file says them, and that file."""

    before: Loaded
    after: Loaded
    text: str
    remarks: str

    @property
    def data(self) -> Any:
        """What the file holds."""
        return yaml.safe_load(self.text)


def converted(*arguments: str, variables: Mapping[str, str] | None = None, read_file: ReadFile) -> ConversionAsked:
    """What conversion ends with."""
    try:
        load([*arguments, CONVERT], variables or {}, read_file=read_file)
    except ConversionAsked as asked:
        return asked
    raise AssertionError("nothing was converted")


def both(
    *arguments: str, variables: Mapping[str, str] | None = None, files: Mapping[str, bytes | str] | None = None
) -> Both:
    """Convert `GOOD`, changed by arguments, variables and files, and load what comes out of it."""
    environment = {**GOOD, **{f"OAUTH2_PROXY_{name}": text for name, text in (variables or {}).items()}}
    present = {**FILES, **(files or {})}
    asked = converted(*arguments, variables=environment, read_file=file_reader(present))
    after = load(
        ["--alpha-config=a.yaml", *remaining_flags(arguments)],
        remaining_variables(environment),
        read_file=file_reader({**present, "a.yaml": asked.text}),
    )
    before = load(arguments, environment, read_file=file_reader(present))
    return Both(before=before, after=after, text=asked.text, remarks=asked.remarks)


def again(configuration: Configuration) -> Loaded:
    """What a case's configuration is when it is converted, and loaded with what remains of it."""
    arguments, variables = configuration.arguments, configuration.variables
    text = converted(*arguments, variables=variables, read_file=configuration.reader()).text
    files = {"a.yaml": text, "given.cfg": remaining_toml(configuration.toml)}
    return load(
        ["--alpha-config=a.yaml", *remaining_flags(arguments)],
        remaining_variables(variables),
        read_file=configuration.reader(files),
    )


class ConversionCase(SynchronousTestCase):
    """Shared checks."""

    def check_same(self, before: Loaded, after: Loaded, name: str = "") -> None:
        """Check that two settings give the same answers: what no structure tells is the same, and so is the structure.

        Of deprecated options, those count that they stand for; of two login parameters, the one that is sent. The file
        has to name the provider, though with one of them that changes nothing.
        """
        self.assertEqual(before.structure, after.structure, name)
        for option in OPTIONS:
            counts = not option.structured or option.key in SET_BY_PROVIDER or option.key.startswith("metrics_secure")
            if (
                option.stands_for
                or option.key == "provider_id"
                or (option.key == "approval_prompt" and before.settings.prompt)
            ):
                counts = False
            if counts or (option.key == "https_address" and before.settings.force_https):
                values = [getattr(each.settings, option.key) for each in (before, after)]
                self.assertEqual(values[0], values[1], f"{name} {option.key}")

    def check(self, *arguments: str, variables: Mapping[str, str] | None = None) -> Both:
        """Convert such settings and check that they are the same."""
        result = both(*arguments, variables=variables)
        self.check_same(result.before, result.after, str(arguments))
        return result


class ConformanceTests(ConversionCase):
    """Every configuration of the conformance cases is converted and loaded again."""

    def test_all(self) -> None:
        """It gives the same answers; one that is refused is refused with the same problems, or from the file."""
        good = refused = 0
        for each in configurations():
            try:
                before = load(each.arguments, each.variables, read_file=each.reader())
            except SettingsRefused as problems:
                self.assertTrue(each.refused, f"{each.name}: {problems}")
                self.assertRaises(SettingsRefused, again, each)
                refused += 1
            except (HelpAsked, UsageRefused):
                self.assertTrue(each.refused, each.name)
            else:
                self.check_same(before, again(each), each.name)
                good += 1
        self.assertGreater(good, 120)
        self.assertGreater(refused, 20)


class SameTests(ConversionCase):
    """Each part of the settings is said in the file."""

    def test_provider(self) -> None:
        """What somebody said of the provider is there; what nobody said has its default again."""
        data = self.check("--allowed-group=a,b", "--oidc-email-claim=mail", "--scope=").data
        (provider,) = data["providers"]
        self.assertEqual(provider["id"], "oidc=app1")
        self.assertEqual((provider["allowedGroups"], provider["scope"]), (["a", "b"], ""))
        self.assertEqual(provider["oidcConfig"], {"issuerURL": "https://idp.example.com", "emailClaim": "mail"})
        self.check("--defaults=o2sidecar")
        self.check("--provider=github", "--github-org=acme", "--github-user=bob,eve", "--provider-display-name=Hub")

    def test_every_option_of_the_provider(self) -> None:
        """Each option that the file takes the place of has a place in a provider, or is said by its combination."""
        combined = {"The app", "Headers", "Listener", "TLS"}
        elsewhere = {"prompt", "approval_prompt", "acr_values"}
        for option in OPTIONS:
            if option.structured and option.title not in combined and not option.stands_for:
                self.assertIn(option.key, SET_BY_PROVIDER | elsewhere)

    def test_other_providers(self) -> None:
        """The blocks of other providers are filled; what follows from a variable of the platform is not said."""
        data = self.check("--provider=gitlab", "--gitlab-group=a,b/c", "--gitlab-project=d/e=30").data
        self.assertEqual(data["providers"][0]["gitlabConfig"], {"group": ["a", "b/c"], "projects": ["d/e=30"]})
        data = self.check("--provider=keycloak-oidc", "--allowed-role=admin").data
        self.assertEqual(data["providers"][0]["keycloakConfig"], {"roles": ["admin"]})
        arguments = ("--provider=entra-id", "--entra-id-federated-token-auth")
        variables = {**GOOD, "AZURE_FEDERATED_TOKEN_FILE": "s"}
        asked = converted(*arguments, variables=variables, read_file=file_reader(FILES))
        (provider,) = yaml.safe_load(asked.text)["providers"]
        self.assertEqual(provider["microsoftEntraIDConfig"], {"federatedTokenAuth": True})
        self.assertNotIn("AZURE", asked.remarks)

    def test_client_key(self) -> None:
        """The key that proves who we are has its own place, and oauth2-proxy's where that is login.gov's."""
        key = ("--jwt-key-file=k", "--jwt-key-id=k-1")
        said = {"jwtKeyFile": "k", "jwtKeyID": "k-1"}
        (provider,) = self.check(*key).data["providers"]
        self.assertEqual({name: provider.get(name) for name in said}, said)
        self.assertNotIn("loginGovConfig", provider)
        (provider,) = self.check("--provider=login.gov", *key).data["providers"]
        self.assertEqual(provider["loginGovConfig"], said)
        self.assertTrue(said.keys().isdisjoint(provider))

    def test_what_is_not_built(self) -> None:
        """What has no effect here is not in the file, and the operator is told."""
        result = self.check("--google-target-principal=r")
        self.assertNotIn("rincipal", result.text)
        self.assertIn("warning: --google-target-principal (google_target_principal): this has no", result.remarks)

    def test_login_parameters(self) -> None:
        """What is sent to the provider by default is said too, since oauth2-proxy sends nothing that is not."""
        force = {"name": "approval_prompt", "default": ["force"]}
        prompt = {"name": "prompt", "default": ["login consent"]}
        for arguments, parameters in (
            ((), [force]),
            (("--prompt=login consent", "--approval-prompt=auto"), [prompt]),
            (("--approval-prompt=",), [{"name": "approval_prompt", "default": [""]}]),
            (("--acr-values=a b",), [{"name": "acr_values", "default": ["a b"]}, force]),
        ):
            (provider,) = self.check(*arguments).data["providers"]
            self.assertEqual(provider["loginURLParameters"], parameters)

    def test_deprecated_names(self) -> None:
        """A deprecated option is said by its successor."""
        (provider,) = self.check("--user-id-claim=upn", "--force-code-challenge-method=S256").data["providers"]
        self.assertEqual((provider["oidcConfig"]["emailClaim"], provider["code_challenge_method"]), ("upn", "S256"))
        self.assertNotIn("userIDClaim", provider["oidcConfig"])

    def test_secrets(self) -> None:
        """A secret that was given stands in the file; of one in a file, the file's name does."""
        (provider,) = self.check().data["providers"]
        self.assertEqual(provider["clientSecret"], "shhh-client")
        result = self.check("--client-secret=", "--client-secret-file=s")
        (provider,) = result.data["providers"]
        self.assertNotIn("clientSecret", provider)
        self.assertEqual(provider["clientSecretFile"], "s")
        self.assertNotIn("from-file", result.text)
        (provider,) = self.check("--client-secret-file=s").data["providers"]
        self.assertEqual((provider["clientSecret"], provider["clientSecretFile"]), ("shhh-client", "s"))

    def test_upstreams(self) -> None:
        """Each upstream has what was said of all of them."""
        uris = "--upstream=https://a:8443/x/,unix:///run/s,file:///srv/www#/f/,http://[::1]/y"
        result = both(
            *(uris, "--upstream-timeout=0s", "--pass-host-header=false", "--proxy-websockets=false"),
            *("--ssl-upstream-insecure-skip-verify", "--disable-keep-alives", "--flush-interval=-1s"),
            files={"/srv/www/": ""},
        )
        self.check_same(result.before, result.after)
        folder = result.data["upstreamConfig"]["upstreams"][2]
        self.assertEqual((folder["path"], folder["uri"], folder["flushInterval"]), ("/f/", "file:///srv/www", "-1s"))
        (fixed,) = self.check("--upstream=static://nonsense").data["upstreamConfig"]["upstreams"]
        self.assertEqual((fixed["static"], fixed["staticCode"]), (True, 200))

    def test_no_upstream(self) -> None:
        """Without an upstream the file names none."""
        self.assertNotIn("upstreamConfig", self.check("--upstream=").data)

    def test_headers(self) -> None:
        """The headers that options set by their combination are there one by one."""
        for arguments in (
            ("--pass-user-headers=false", "--pass-basic-auth=false"),
            ("--basic-auth-password=p,w", "--prefer-email-to-user", "--skip-auth-strip-headers=false"),
            ("--pass-access-token", "--pass-authorization-header", "--set-xauthrequest"),
            ("--set-basic-auth", "--basic-auth-password=pw"),
            ("--set-authorization-header",),
        ):
            self.check(*arguments)

    def test_prefer_email(self) -> None:
        """What prefer_email_to_user says of local users counts beside the structured file too."""
        result = self.check("--prefer-email-to-user")
        self.assertTrue(result.after.settings.prefer_email_to_user)
        self.assertIn("Leave them as they are:", result.remarks)
        self.assertIn("\n  --prefer-email-to-user (prefer_email_to_user)\n", result.remarks)

    def test_auth_endpoint_only(self) -> None:
        """Headers that only the auth endpoint's answers have stay out of the browser's."""
        result = self.check("--set-xauthrequest", "--pass-access-token")
        self.assertEqual(result.after.structure.response_rules, ())
        self.assertEqual(len(result.after.structure.auth_rules), 5)
        self.assertIn("oauth2-proxy does not know the key authEndpointOnly", result.remarks)
        self.assertNotIn("authEndpointOnly", self.check().remarks)

    def test_listeners(self) -> None:
        """Only addresses that are listened on are there, and the one that force_https sends people to."""
        tls = {"cert": {"fromFile": "t.crt"}, "key": {"fromFile": "t.key"}}
        plain = {"bindAddress": "127.0.0.1:4180"}
        for arguments, server in (
            (("--https-address=:8443",), plain),
            (TLS, {"secureBindAddress": ":443", "tls": tls}),
            ((*TLS, "--force-https"), plain | {"secureBindAddress": ":443", "tls": tls}),
            (("--force-https", "--reverse-proxy", "--https-address=:8443"), plain | {"secureBindAddress": ":8443"}),
            (("--http-address=unix:///run/s,mode=0600",), {"bindAddress": "unix:///run/s,mode=0600"}),
        ):
            self.assertEqual(self.check(*arguments).data["server"], server)
        suites = "--tls-cipher-suite=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
        said = self.check(*TLS, "--tls-min-version=TLS1.3", suites).data["server"]["tls"]
        self.assertEqual((said["minVersion"], len(said["cipherSuites"])), ("TLS1.3", 1))

    def test_metrics(self) -> None:
        """Metrics have their own block, with TLS of their own."""
        self.assertNotIn("metricsServer", self.check().data)
        self.assertEqual(self.check("--metrics-address=:9").data["metricsServer"], {"bindAddress": ":9"})
        result = self.check(*METRICS_TLS, "--metrics-address=:9", "--metrics-tls-min-version=TLS1.3")
        self.assertEqual(result.data["metricsServer"]["tls"]["minVersion"], "TLS1.3")
        self.assertEqual([each.secure for each in result.after.structure.metrics_listeners], [False, True])

    @settings(deadline=None, max_examples=60)
    @given(
        st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12),
        st.lists(st.text("a${}:-,'\"# \\\u00e9~\u2028", max_size=8), max_size=3),
    )
    def test_any_text(self, secret: str, groups: list[str]) -> None:
        """Texts arrive as they were, whatever YAML and the substitution of variables make of their characters."""
        arguments = [f"--{name}={secret}" for name in ("client-secret", "client-id", "basic-auth-password")]
        arguments += ["--allowed-group=" + '"' + group.replace('"', '""') + '"' for group in groups]
        self.check(*arguments)
        self.check(*(argument.replace("=", "=${NAME}$${", 1) for argument in arguments[:3]))


class OperatorTests(SynchronousTestCase):
    """What the operator is told."""

    def test_what_moves_and_what_stays(self) -> None:
        """The settings that the file says are told from those that it cannot, as they were written."""
        said = both("--ping-path=/p", "--pass-access-token", variables={"COOKIE_NAME": "c"}).remarks
        moved, _, stay = said.partition("It cannot say these. Leave them as they are:\n")
        self.assertIn("  OAUTH2_PROXY_CLIENT_ID\n", moved)
        self.assertIn("  --pass-access-token (pass_access_token)\n", moved)
        for name in ("OAUTH2_PROXY_COOKIE_SECRET", "OAUTH2_PROXY_COOKIE_NAME", "--ping-path (ping_path)"):
            self.assertIn(f"  {name}\n", stay)

    def test_no_secret_but_in_the_file(self) -> None:
        """What may end in a log shows no secret."""
        asked = converted("--basic-auth-password=hunter2", variables=GOOD, read_file=file_reader({}))
        for secret in ("hunter2", "shhh-client", "0123456789abcdef"):
            self.assertNotIn(secret, f"{asked.remarks} {asked!r} {asked}")
        self.assertIn("hunter2", asked.text)
        self.assertNotIn("0123456789abcdef", asked.text)

    def test_files_elsewhere(self) -> None:
        """Files that settings name may be missing here; they are warned about."""
        arguments = (*TLS, "--client-secret-file=s", "--cookie-secret-file=c", "--htpasswd-file=h")
        variables = {name: text for name, text in GOOD.items() if not name.endswith("_SECRET")}
        asked = converted(*arguments, variables=variables, read_file=file_reader({}))
        for name in ("t.crt", "t.key", "s", "c", "h"):
            self.assertIn(f'"{name}" cannot be read', asked.remarks)
        self.assertIn("clientSecretFile: s\n", asked.text)

    def test_refused(self) -> None:
        """Settings that are refused are not converted, nor is what is converted already."""
        refused = self.assertRaises(SettingsRefused, load, [CONVERT], {}, read_file=file_reader({}))
        self.assertIn("OAUTH2_PROXY_CLIENT_ID", str(refused))
        arguments = [CONVERT, "--alpha-config=a.yaml"]
        refused = self.assertRaises(SettingsRefused, load, arguments, GOOD, read_file=file_reader({}))
        self.assertIn("--convert-config-to-alpha, --alpha-config: with a structured file", str(refused))

    def test_schema(self) -> None:
        """The first line names the schema for editors."""
        self.assertTrue(both().text.startswith("# yaml-language-server: $schema=o2sidecar.schema.json\n"))
