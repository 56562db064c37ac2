"""Tests for the structured YAML file."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.identity import HeaderRule, HeaderSource
from o2sidecar.providers.registry import KnownProviders
from o2sidecar.settings.load import Loaded, SettingsRefused, UsageRefused, load
from o2sidecar.settings.provider_kind import AnyProvider, ProviderKinds
from tests.provider_apis import client_pem
from tests.server_certificates import pair
from tests.settings.loading import file_reader

BESIDE: Mapping[str, str] = {"OAUTH2_PROXY_COOKIE_SECRET": "0123456789abcdef", "OAUTH2_PROXY_EMAIL_DOMAINS": "*"}
SERVER = "server: {bindAddress: '0.0.0.0:4180'}\n"
UPSTREAMS = "upstreamConfig:\n  upstreams:\n  - {id: main, path: /, uri: 'http://127.0.0.1:8080'}\n"
PROVIDER = """
providers:
- id: p1
  provider: oidc
  clientID: app1
  clientSecret: shhh
  oidcConfig: {issuerURL: 'https://idp.example.com', audienceClaims: [aud], emailClaim: email, groupsClaim: groups}
"""
GOOD = SERVER + UPSTREAMS + PROVIDER
SECOND = """
- id: gh
  provider: github
  clientID: app2
  clientSecret: hush
  githubConfig: {org: ours}
  emailDomains: [example.com]
  defaultFor: {hosts: [code.example.com], paths: [^/git/]}
"""
KEYS = [
    "server",
    "metricsServer",
    "bindAddress",
    "secureBindAddress",
    "tls",
    "cert",
    "key",
    "minVersion",
    "cipherSuites",
    "providers",
    "provider",
    "clientID",
    "oidcConfig",
    "issuerURL",
    "loginURLParameters",
    "upstreamConfig",
    "upstreams",
    "id",
    "path",
    "uri",
    "timeout",
    "static",
    "staticCode",
    "injectRequestHeaders",
    "name",
    "values",
    "claimSource",
    "claim",
    "secretSource",
    "value",
    "fromFile",
    "fromEnv",
    "basicAuthPassword",
    "allowedGroups",
]


KNOWN = KnownProviders()


def load_yaml(
    text: str | bytes,
    *arguments: str,
    variables: Mapping[str, str] | None = None,
    files: Mapping[str, bytes | str] | None = None,
    providers: ProviderKinds = KNOWN,
) -> Loaded:
    """Load settings with a structured file of this text."""
    read_file = file_reader({"a.yaml": text, **(files or {})})
    environment = {**BESIDE, **(variables or {})}
    return load(["--alpha-config=a.yaml", *arguments], environment, read_file=read_file, providers=providers)


class StructuredFileCase(SynchronousTestCase):
    """Shared checks."""

    def refused(
        self,
        text: str | bytes,
        *arguments: str,
        words: str,
        variables: Mapping[str, str] | None = None,
        files: Mapping[str, bytes | str] | None = None,
    ) -> str:
        """Check that a file is refused with certain words; the whole message."""
        message = str(self.assertRaises(SettingsRefused, load_yaml, text, *arguments, variables=variables, files=files))
        self.assertIn(words, message)
        return message


class ProviderTests(StructuredFileCase):
    """`providers` sets the options of the one provider."""

    def test_options(self) -> None:
        """Keys of a provider set the options of the same meaning."""
        more = "  name: Ours\n  allowedGroups: [dev]\n  additionalClaims: [dept]\n  code_challenge_method: S256\n"
        values = load_yaml(GOOD + more).settings
        self.assertEqual((values.provider, values.client_id, values.client_secret), ("oidc", "app1", "shhh"))
        self.assertEqual((values.provider_display_name, values.oidc_issuer_url), ("Ours", "https://idp.example.com"))
        self.assertEqual((values.allowed_groups, values.additional_claims), (("dev",), ("dept",)))
        self.assertEqual((values.http_address, values.code_challenge_method), ("0.0.0.0:4180", "S256"))

    def test_defaults(self) -> None:
        """What the file leaves out has the default, whosever counts."""
        self.assertIs(load_yaml(GOOD).settings.insecure_oidc_skip_nonce, True)
        values = load_yaml(GOOD, "--defaults=o2sidecar").settings
        self.assertEqual((values.insecure_oidc_skip_nonce, values.code_challenge_method), (False, "S256"))

    def test_github(self) -> None:
        """GitHub's block sets GitHub's options."""
        block = "providers:\n- {id: g, provider: github, clientID: a, clientSecret: b, githubConfig: "
        block += "{org: acme, team: 'x,y', users: [bob]}}\n"
        values = load_yaml(SERVER + UPSTREAMS + block).settings
        self.assertEqual((values.github_org, values.github_team, values.github_users), ("acme", "x,y", ("bob",)))

    def test_blocks_of_providers(self) -> None:
        """Each provider's block sets that provider's options."""
        tenant = "aaaaaaaa-1111-2222-3333-444444444444"
        for block, key, expected in (
            ("googleConfig: {group: [a@x.org], adminEmail: r@x.org}", "google_groups", ("a@x.org",)),
            ("googleConfig: {adminEmail: r@x.org}", "google_admin_email", "r@x.org"),
            ("googleConfig: {serviceAccountJson: k}", "google_service_account_json", "k"),
            (f"microsoftEntraIDConfig: {{allowedTenants: [{tenant}]}}", "entra_id_allowed_tenants", (tenant,)),
            ("microsoftEntraIDConfig: {federatedTokenAuth: true}", "entra_id_federated_token_auth", True),
            ("microsoftEntraIDConfig: {federatedTokenFile: k}", "entra_id_federated_token_file", "k"),
            (f"azureConfig: {{tenant: {tenant}}}", "azure_tenant", tenant),
            ("azureConfig: {graphGroupField: displayName}", "azure_graph_group_field", "displayName"),
            ("keycloakConfig: {roles: [admin]}", "allowed_roles", ("admin",)),
            ("keycloakConfig: {groups: [/a]}", "keycloak_groups", ("/a",)),
            ("gitlabConfig: {group: [acme]}", "gitlab_groups", ("acme",)),
            ("gitlabConfig: {projects: [acme/app=30]}", "gitlab_projects", ("acme/app=30",)),
            ("bitbucketConfig: {team: acme}", "bitbucket_team", "acme"),
            ("bitbucketConfig: {repository: acme/app}", "bitbucket_repository", "acme/app"),
            ("loginGovConfig: {pubjwkURL: 'https://i.example/keys'}", "pubjwk_url", "https://i.example/keys"),
            ("loginGovConfig: {jwtKeyID: k-1}", "jwt_key_id", "k-1"),
            ("ADFSConfig: {skipScope: true}", "adfs_skip_scope", True),
            ("oauth2Config: {userClaim: login}", "oauth2_user_claim", "login"),
        ):
            values = load_yaml(f"{GOOD}  {block}\n", files={"k": "x"}, providers=AnyProvider()).settings
            self.assertEqual(getattr(values, key), expected)
            option = block.partition("{")[2].partition(":")[0]
            self.refused(f"{GOOD}  {block}\n".replace(option, f"{option}_"), words="no such key is known here")

    def test_secret_file(self) -> None:
        """The client secret may be in a file."""
        text = GOOD.replace("clientSecret: shhh", "clientSecretFile: s")
        self.assertEqual(load_yaml(text, files={"s": "from-file\n"}).settings.client_secret, "from-file")

    def test_login_parameters(self) -> None:
        """Login parameters that an option sets are taken, others refused."""
        parameters = "  loginURLParameters:\n  - {name: prompt, default: [login]}\n"
        self.assertEqual(load_yaml(GOOD + parameters).settings.prompt, "login")
        for entry in ("{name: hd, default: [a]}", "{name: prompt, default: [a, b]}", "{name: prompt}"):
            text = GOOD + f"  loginURLParameters: [{entry}]\n"
            self.refused(text, words="providers[0].loginURLParameters[0].name (a.yaml): only approval_prompt")
        text = GOOD + "  loginURLParameters: [{name: prompt, default: [a], allow: [{value: b}]}]\n"
        self.refused(text, words="allow (a.yaml): is not supported")

    def test_no_provider(self) -> None:
        """There must be one provider at least."""
        words = "providers (a.yaml): must be a list of one provider or several"
        for text in (SERVER, SERVER + "providers: []\n", SERVER + "providers: x\n"):
            self.refused(text, words=words)

    def test_several_providers(self) -> None:
        """Each entry of `providers` has options of its own, and shares all others."""
        loaded = load_yaml(GOOD + SECOND, variables={"OAUTH2_PROXY_COOKIE_NAME": "shared"})
        first, second = loaded.providers
        self.assertIs(first.settings, loaded.settings)
        self.assertEqual([each.settings.provider_id for each in loaded.providers], ["p1", "gh"])
        self.assertEqual((first.settings.provider, second.settings.provider), ("oidc", "github"))
        self.assertEqual((first.settings.client_id, second.settings.client_id), ("app1", "app2"))
        self.assertEqual((first.settings.github_org, second.settings.github_org), ("", "ours"))
        self.assertEqual(second.settings.oidc_issuer_url, "", "another provider's issuer is none of its own")
        self.assertEqual({each.settings.cookie_name for each in loaded.providers}, {"shared"})
        self.assertEqual({each.settings.http_address for each in loaded.providers}, {"0.0.0.0:4180"})
        self.assertEqual((first.email_domains, first.hosts, first.paths), ((), (), ()))
        self.assertEqual(second.email_domains, ("example.com",))
        self.assertEqual((second.hosts, second.paths), (("code.example.com",), ("^/git/",)))

    def test_whose_addresses(self) -> None:
        """`emailDomains` of all entries is enough to say who may pass; an entry without is told by its place."""
        nobody = {"OAUTH2_PROXY_EMAIL_DOMAINS": ""}
        own = "  emailDomains: [example.org]\n"
        loaded = load_yaml(GOOD + own + SECOND, variables=nobody)
        self.assertEqual(loaded.settings.email_domains, (), "nobody else is let in by that")
        self.assertEqual(
            [each.settings.email_domains for each in loaded.providers], [("example.org",), ("example.com",)]
        )
        words = "(OAUTH2_PROXY_EMAIL_DOMAINS, email_domains), providers[%d].emailDomains (a.yaml): is missing"
        message = self.refused(GOOD + SECOND, words=words % 0, variables=nobody)
        self.assertEqual(message.count("is missing"), 1)
        second = SECOND.replace("  emailDomains: [example.com]\n", "")
        self.refused(GOOD + own + second, words=words % 1, variables=nobody)
        self.refused(GOOD, words=words % 0, variables=nobody)
        self.refused(GOOD + "  emailDomains: []\n", words=words % 0, variables=nobody)
        load_yaml(
            GOOD + own + second, variables={**nobody, "OAUTH2_PROXY_AUTHENTICATED_EMAILS_FILE": "e"}, files={"e": ""}
        )

    def test_everybody_by_an_entry(self) -> None:
        """An entry that lets in everybody who has an account anywhere is warned of by its place."""
        text = GOOD.replace("provider: oidc", "provider: google").replace(
            "oidcConfig", "emailDomains: ['*']\n  oidcConfig"
        )
        for variables in ({}, {"OAUTH2_PROXY_EMAIL_DOMAINS": "example.com"}):
            (warning,) = [each for each in load_yaml(text, variables=variables).warnings if "everybody" in each]
            self.assertTrue(warning.startswith("providers[0].emailDomains (a.yaml): * lets everybody"), warning)
        text = text.replace("['*']", "[example.com]")
        self.assertFalse([each for each in load_yaml(text).warnings if "everybody" in each])

    def test_client_key(self) -> None:
        """The key that proves who we are stands beside the secret, or for login.gov where oauth2-proxy has it."""
        text = GOOD.replace("clientSecret: shhh", "jwtKeyFile: k")
        for block in ("jwtKeyFile: k\n  jwtKeyID: k-1", "loginGovConfig: {jwtKeyFile: k, jwtKeyID: k-1}"):
            values = load_yaml(GOOD.replace("clientSecret: shhh", block), files={"k": client_pem()}).settings
            self.assertEqual((values.jwt_key_file, values.jwt_key_id, values.client_secret), ("k", "k-1", ""))
        twice = text + "  loginGovConfig: {jwtKeyFile: k}\n"
        words = "providers[0].loginGovConfig.jwtKeyFile (a.yaml): is said beside it, too"
        self.refused(twice, words=words, files={"k": client_pem()})
        missing = GOOD + "  tokenEndpointAuthMethod: private_key_jwt\n"
        self.refused(missing, words="providers[0].jwtKey (a.yaml), providers[0].jwtKeyFile (a.yaml): one is missing")

    def test_problems_of_several_providers(self) -> None:
        """What is wrong with any of them is told by its place, and what is wrong with all of them once."""
        text = GOOD + "- {id: gh, provider: github, clientID: b, githubConfig: {team: x}}\n- {id: p3, provider: nope}\n"
        message = self.refused(
            text, "--cookie-name=a b", words="providers[1].githubConfig.team (a.yaml): needs github_org"
        )
        self.assertIn("providers[1].clientSecret (a.yaml): is missing", message)
        self.assertIn('providers[2].provider (a.yaml): "nope" is not supported', message)
        self.assertNotIn("providers[0]", message)
        self.assertEqual(message.count("--cookie-name"), 1)

    def test_secret_of_another_provider(self) -> None:
        """A secret from the file that one entry names is no other entry's."""
        text = GOOD.replace("clientSecret: shhh", "clientSecretFile: s") + "- {id: gh, provider: github, clientID: b}\n"
        self.refused(text, words="providers[1].clientSecret (a.yaml): is missing", files={"s": "shhh"})

    def test_ids_of_several_providers(self) -> None:
        """Several providers are told apart by their ids, which stand in URLs."""
        entry = "- {id: %s, provider: github, clientID: b, clientSecret: c}\n"
        self.refused(GOOD + entry % "p1", words='providers[1].id (a.yaml): "p1" is another provider\'s already')
        for odd in ("", "'a b'", "a/b", "'%2f'", "ä", "a" * 65, "[x]"):
            self.refused(GOOD + entry % odd, words="providers[1].id (a.yaml): ")
        load_yaml(GOOD.replace("id: p1", "id: 'My Company'"))

    def test_pattern_of_a_provider(self) -> None:
        """A pattern for paths that is none is refused by its place."""
        self.refused(
            GOOD + "  defaultFor: {paths: ['(']}\n", words="providers[0].defaultFor.paths (a.yaml): the pattern"
        )
        self.refused(GOOD + "  defaultFor: {path: ['(']}\n", words="providers[0].defaultFor.path (a.yaml): no such key")

    def test_other_kinds(self) -> None:
        """Blocks of providers that are not built are refused, empty ones are not."""
        words = "providers[0].googleConfig.useOrganizationID (a.yaml): is not supported"
        self.refused(GOOD + "  googleConfig: {useOrganizationID: true}\n", words=words)
        load_yaml(GOOD + "  bitbucketConfig: {}\n  resource: ''\n  googleConfig: {useOrganizationID: false}\n")

    def test_problems_are_told_by_place(self) -> None:
        """What is wrong or missing in a provider is told by its place in the file."""
        self.refused(GOOD.replace("clientID: app1", "scope: a"), words="providers[0].clientID (a.yaml): is missing")
        text = GOOD + "  loginURL: nowhere\n"
        self.refused(text, words='providers[0].loginURL (a.yaml): "nowhere" must be an http:// or https:// URL')
        text = GOOD + "  skipClaimsFromProfileURL: maybe\n"
        self.refused(text, words="providers[0].skipClaimsFromProfileURL (a.yaml): must be true or false")

    def test_no_secret_is_shown(self) -> None:
        """Neither settings nor problems show a secret of the file."""
        text = GOOD.replace("shhh", "hunter2") + "  no: such\n"
        self.assertNotIn("hunter2", self.refused(text, words="no (a.yaml)"))
        self.assertNotIn("hunter2", repr(load_yaml(GOOD.replace("shhh", "hunter2"))))


class UpstreamTests(StructuredFileCase):
    """`upstreamConfig` says where requests go."""

    def upstreams(self, *entries: str) -> str:
        """A file with these upstreams."""
        return SERVER + PROVIDER + "upstreamConfig:\n  upstreams:\n" + "".join(f"  - {entry}\n" for entry in entries)

    def test_all_keys(self) -> None:
        """Each upstream has values of its own, and its path comes from its own key."""
        entry = "{id: a, path: /a/, uri: 'https://h/x', timeout: 5s, passHostHeader: false, proxyWebSockets: false, "
        entry += "insecureSkipTLSVerify: true, flushInterval: 1s, disableKeepAlives: false}"
        (upstream,) = load_yaml(self.upstreams(entry)).structure.upstreams
        self.assertEqual((upstream.id, upstream.path, upstream.host, upstream.timeout), ("a", "/a/", "h", 5.0))
        self.assertEqual((upstream.pass_host_header, upstream.proxy_websockets), (False, False))
        self.assertEqual((upstream.insecure_skip_verify, upstream.keep_alive), (True, True))

    def test_defaults(self) -> None:
        """What an upstream leaves out has oauth2-proxy's default."""
        (upstream,) = load_yaml(GOOD).structure.upstreams
        self.assertEqual((upstream.timeout, upstream.pass_host_header, upstream.proxy_websockets), (30.0, True, True))
        self.assertFalse(upstream.insecure_skip_verify)

    def test_static(self) -> None:
        """A fixed answer needs no URL, and may be anywhere."""
        (upstream,) = load_yaml(self.upstreams("{id: s, path: /s, static: true, staticCode: 204}")).structure.upstreams
        self.assertEqual((upstream.scheme, upstream.status, upstream.path), ("static", 204, "/s"))

    def test_pattern(self) -> None:
        """A path that begins with `^`, or has a rewrite target, is a pattern; `$2` in the target stays what it is."""
        entry = "{id: a, path: '^/a/(.*)/(.*)$', rewriteTarget: '/b/$2/$1', uri: 'http://a', disableKeepAlives: true}"
        (upstream,) = load_yaml(self.upstreams(entry)).structure.upstreams
        assert upstream.rewriting is not None
        self.assertEqual(upstream.rewriting.of(b"/a/1/2"), b"/b/2/1")
        self.assertEqual((upstream.path, upstream.keep_alive), ("^/a/(.*)/(.*)$", False))
        (upstream,) = load_yaml(self.upstreams("{id: a, path: '^/a', uri: 'http://a'}")).structure.upstreams
        assert upstream.rewriting is not None
        self.assertEqual(upstream.rewriting.of(b"/ab?c"), b"/ab?c")

    def test_pattern_without_anchor(self) -> None:
        """A pattern that fits paths by any part of them is warned about."""
        loaded = load_yaml(self.upstreams("{id: a, path: /a/, rewriteTarget: /b/, uri: 'http://a'}"))
        self.assertIn("upstreamConfig.upstreams[0].path (a.yaml): this pattern fits every path", str(loaded.warnings))

    def test_refused(self) -> None:
        """Upstreams that are not whole or not unique are refused by place."""
        for entry, words in {
            "{path: /, uri: 'http://a'}": "[0] (a.yaml): must have an id",
            "{id: a, uri: 'http://a'}": "[0] (a.yaml): must have an id, a path",
            "{id: a, path: x, uri: 'http://a'}": '[0].path (a.yaml): the path "x" must begin with a slash',
            "{id: a, path: /ä, uri: 'http://a'}": "be written in ASCII",
            "{id: a, path: /, uri: 'http://a', timeout: -1s}": "no negative timeout",
            "{id: a, path: /, uri: 'gopher://a'}": '[0].uri (a.yaml): the scheme "gopher"',
            "{id: a, path: /}": "[0].uri (a.yaml)",
            "{id: a, path: /, uri: 'file:///no/such'}": '[0].uri (a.yaml): the folder "/no/such" cannot be read',
            "{id: a, path: '^/a(', uri: 'http://a'}": "[0].path (a.yaml): the pattern '^/a(' cannot be used",
            "{id: a, path: '^/a', rewriteTarget: '/$1', uri: 'http://a'}": "[0].rewriteTarget (a.yaml): $1 stands for",
            "{id: a, path: '^/a', rewriteTarget: b, uri: 'http://a'}": "[0].rewriteTarget (a.yaml): must be a path",
            "{id: a, path: /, uri: 'http://a', timeout: 5}": "lacks a unit",
            "{id: a, path: /, uri: 'http://a', static: true, staticCode: x}": "staticCode (a.yaml): must be a whole",
            "{id: a, path: /, uri: 'http://a', disableKeepAlives: x}": "disableKeepAlives (a.yaml): must be true",
            "just-text": "upstreams[0] (a.yaml): must be a block",
        }.items():
            self.refused(self.upstreams(entry), words=words)

    def test_doubles(self) -> None:
        """Two upstreams with one id or path are refused."""
        a, b = "{id: a, path: /a, uri: 'http://a'}", "{id: a, path: /b, uri: 'http://a'}"
        self.refused(self.upstreams(a, b), words='more than one upstream has the id "a"')
        self.refused(self.upstreams(a, a.replace("id: a", "id: c")), words='more than one upstream has the path "/a"')


class HeaderTests(StructuredFileCase):
    """`injectRequestHeaders` and `injectResponseHeaders` are header rules."""

    def rules(self, entries: str, key: str = "injectRequestHeaders", **files: str) -> tuple[HeaderRule, ...]:
        """The rules for the app, or those for answers, that a file with these entries gives."""
        structure = load_yaml(f"{GOOD}{key}: {entries}\n", files=files, variables={"PASSWORD": "pw-env"}).structure
        self.assertEqual(structure.response_rules, structure.auth_rules)
        return structure.request_rules if key == "injectRequestHeaders" else structure.response_rules

    def source(self, value: str, **files: str) -> HeaderSource:
        """The source that one value gives."""
        ((source,),) = (rule.sources for rule in self.rules(f"[{{name: X-A, values: [{value}]}}]", **files))
        return source

    def test_nothing_by_itself(self) -> None:
        """Without rules, the app gets no identity header, whatever the flat options' defaults are."""
        self.assertEqual(load_yaml(GOOD).structure.request_rules, ())

    def test_claims(self) -> None:
        """A claim may have a prefix or become Basic credentials."""
        self.assertEqual(self.source("{claimSource: {claim: user}}"), HeaderSource(claim="user"))
        self.assertEqual(
            self.source("{claimSource: {claim: user, prefix: 'id:'}}"), HeaderSource(claim="user", prefix="id:")
        )
        basic = "{claimSource: {claim: email, basicAuthPassword: {value: cHc=}}}"
        self.assertEqual(self.source(basic), HeaderSource(claim="email", basic_auth_password="cHc="))

    def test_secrets(self) -> None:
        """A fixed value stands there as it is, in a variable, or in a file whose last line break does not count."""
        self.assertEqual(self.source("{secretSource: {value: c2VjcmV0}}"), HeaderSource(value="c2VjcmV0"))
        self.assertEqual(self.source("{secretSource: {fromEnv: PASSWORD}}"), HeaderSource(value="pw-env"))
        self.assertEqual(self.source("{secretSource: {fromFile: f}}", f="pw-file\n"), HeaderSource(value="pw-file"))

    def test_preserve_and_order(self) -> None:
        """A rule may keep the client's value, and has its sources in order."""
        (rule,) = self.rules(
            "[{name: X-A, preserveRequestValue: true, values: [{claimSource: {claim: a}}, {claimSource: {claim: b}}]}]"
        )
        self.assertEqual((rule.preserve, [source.claim for source in rule.sources]), (True, ["a", "b"]))

    def test_answers(self) -> None:
        """What is said of answers goes to the browser and to who asks the auth endpoint."""
        (rule,) = self.rules("[{name: X-R, values: [{claimSource: {claim: user}}]}]", key="injectResponseHeaders")
        self.assertEqual(rule.name, "X-R")

    def test_for_the_auth_endpoint_only(self) -> None:
        """An entry may say that only who asks the auth endpoint gets it; one for the app may not."""
        entry = "{name: X-R, authEndpointOnly: true, values: [{claimSource: {claim: user}}]}"
        structure = load_yaml(f"{GOOD}injectResponseHeaders: [{entry}]\n").structure
        self.assertEqual((structure.response_rules, [each.name for each in structure.auth_rules]), ((), ["X-R"]))
        self.refused(f"{GOOD}injectRequestHeaders: [{entry}]\n", words="authEndpointOnly (a.yaml): no such key")

    def test_refused(self) -> None:
        """Rules that say nothing, two things at once, or set what frames a message are refused by place."""
        for entry, words in {
            "{name: X-A, values: [{}]}": "[0].values[0] (a.yaml): must hold either",
            "{name: X-A, values: [{claimSource: {claim: a}, secretSource: {value: b}}]}": "must hold either",
            "{name: X-A, values: [{claim: a}]}": "claim (a.yaml): no such key is known here",
            "{name: X-A, values: [{claimSource: {prefix: a}}]}": "claimSource.claim (a.yaml): must name a claim",
            "{name: X-A, values: [{secretSource: {}}]}": "secretSource (a.yaml): must hold exactly one",
            "{name: X-A, values: [{secretSource: {value: a, fromEnv: b}}]}": "must hold exactly one",
            "{name: X-A, values: [{secretSource: {fromEnv: NOT_SET}}]}": "fromEnv (a.yaml): stands for nothing",
            "{name: X-A, values: [{secretSource: {fromFile: no}}]}": 'fromFile (a.yaml): "no" cannot be read',
            '{name: X-A, values: [{secretSource: {value: "a\\r\\nb: c"}}]}': "control characters",
            "{name: 'X A'}": '"X A" is no name of a header',
            "{values: []}": '"" is no name',
            "{name: content_length}": '"content_length" is no name of a header that can be set',
            "{name: Host}": '"Host" is no name of a header that can be set',
            "{name: X-A, InsecureSkipHeaderNormalization: true}": "is not supported",
            "{name: X-A}, {name: x_a}": "more than one entry sets",
        }.items():
            self.refused(f"{GOOD}injectRequestHeaders: [{entry}]\n", words=words)

    def test_basic_password_that_is_wrong(self) -> None:
        """A Basic password that cannot be had is a problem, not a header without it."""
        entry = "{name: X-A, values: [{claimSource: {claim: a, basicAuthPassword: {fromEnv: NOT_SET}}}]}"
        self.refused(f"{GOOD}injectRequestHeaders: [{entry}]\n", words="basicAuthPassword.fromEnv (a.yaml): stands for")

    def test_minimal_session(self) -> None:
        """A session without tokens has none for a rule either."""
        for claim in ("access_token", "id_token", "refresh_token"):
            entry = f"{{name: X-A, values: [{{claimSource: {{claim: {claim}}}}}]}}"
            words = "session_cookie_minimal, X-A: a session without tokens has none to pass"
            self.refused(f"{GOOD}injectRequestHeaders: [{entry}]\n", "--session-cookie-minimal", words=words)
        load_yaml(GOOD, "--session-cookie-minimal")

    def test_time_left(self) -> None:
        """A rule does not set the header in which we tell how long a session lasts, in no spelling."""
        entry = "{name: x_session_expires_in, values: [{claimSource: {claim: user}}]}"
        words = "pass_session_expires_in, x_session_expires_in: both would set this header; choose one"
        for headers in ("injectRequestHeaders", "injectResponseHeaders"):
            self.refused(f"{GOOD}{headers}: [{entry}]\n", "--pass-session-expires-in", words=words)
        load_yaml(GOOD, "--pass-session-expires-in")


class ListenerTests(StructuredFileCase):
    """`server` and `metricsServer` say where to listen."""

    def test_metrics(self) -> None:
        """The metrics address is taken; an empty one, or a dash, is none."""
        for address, taken in ((":44180", ":44180"), ("", ""), ("-", "")):
            loaded = load_yaml(f"{GOOD}metricsServer: {{bindAddress: '{address}'}}\n")
            self.assertEqual(loaded.settings.metrics_address, taken)

    def test_no_listener(self) -> None:
        """Nothing to listen on is a problem."""
        for server in ("", "server: {}\n", "server: {bindAddress: ''}\n", "server: {bindAddress: '-'}\n"):
            self.refused(UPSTREAMS + PROVIDER + server, words="server.bindAddress (a.yaml): is missing")

    def test_bad_listener(self) -> None:
        """A bad address is told by its place."""
        self.refused(GOOD.replace("0.0.0.0:4180", "nowhere"), words="server.bindAddress (a.yaml): must be HOST:PORT")

    def test_force_https_elsewhere(self) -> None:
        """Where somebody in front ends TLS, force_https needs an address to send people to, and no certificate."""
        text = UPSTREAMS + PROVIDER + "server: {bindAddress: ':80', secureBindAddress: ':8443'}\n"
        loaded = load_yaml(text, "--force-https", "--reverse-proxy")
        self.assertEqual([(each.port, each.secure) for each in loaded.structure.listeners], [(80, False)])
        self.assertEqual(loaded.settings.https_address, ":8443")
        text = UPSTREAMS + PROVIDER + "server: {secureBindAddress: ':8443'}\n"
        message = str(self.assertRaises(SettingsRefused, load_yaml, text, "--force-https"))
        self.assertIn("server.bindAddress (a.yaml): is missing", message)


class TlsTests(StructuredFileCase):
    """`server.tls` says what https is served with."""

    FILES: Mapping[str, bytes | str] = {"t.crt": pair().certificate, "t.key": pair().key}
    PAIR = "cert: {fromFile: t.crt}, key: {fromFile: t.key}"

    def with_tls(self, tls: str, server: str = "bindAddress: ':80', secureBindAddress: ':443'") -> str:
        """A file with such a block."""
        return UPSTREAMS + PROVIDER + f"server: {{{server}, tls: {{{tls}}}}}\n"

    def test_both_at_once(self) -> None:
        """Plain HTTP and https are served beside each other, when both have an address."""
        structure = load_yaml(self.with_tls(self.PAIR), files=self.FILES).structure
        self.assertEqual([(each.port, each.secure) for each in structure.listeners], [(80, False), (443, True)])
        assert structure.tls is not None
        self.assertEqual(structure.tls.paths, ("t.crt", "t.key"))
        self.assertFalse(structure.tls.only_1_3)

    def test_https_alone(self) -> None:
        """Without an address for plain HTTP there is none."""
        for server in ("secureBindAddress: ':443'", "bindAddress: '-', secureBindAddress: 'https://a:443'"):
            structure = load_yaml(self.with_tls(self.PAIR, server), files=self.FILES).structure
            self.assertEqual([(each.port, each.secure) for each in structure.listeners], [(443, True)])

    def test_texts(self) -> None:
        """Certificate and key may come from the environment, or stand in the file; there is no file to look at then."""
        key = pair().key.decode().replace("\n", "\\n")
        text = self.with_tls(f'cert: {{fromEnv: CERT}}, key: {{value: "{key}"}}')
        loaded = load_yaml(text, variables={"CERT": pair().certificate.decode()})
        assert loaded.structure.tls is not None
        self.assertEqual(loaded.structure.tls.paths, ())
        self.assertEqual(loaded.structure.tls.load(file_reader({})).chain[0].serial_number, 1)
        self.assertNotIn("PRIVATE KEY", repr(loaded))

    def test_versions(self) -> None:
        """The least version and the cipher suites are taken, and judged by their places."""
        suites = "minVersion: TLS1.3, cipherSuites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]"
        tls = load_yaml(self.with_tls(f"{self.PAIR}, {suites}"), files=self.FILES).structure.tls
        assert tls is not None
        self.assertEqual((tls.only_1_3, tls.ciphers), (True, ("ECDHE-RSA-AES128-GCM-SHA256",)))
        text = self.with_tls(f"{self.PAIR}, minVersion: SSL3, cipherSuites: [ROT13]")
        message = str(self.assertRaises(SettingsRefused, load_yaml, text, files=self.FILES))
        self.assertIn("server.tls.minVersion (a.yaml): must be one of empty, TLS1.2, TLS1.3", message)
        self.assertIn('server.tls.cipherSuites (a.yaml): "ROT13" is no cipher suite', message)

    def test_what_is_missing(self) -> None:
        """An address without a certificate, a certificate without an address and halves are refused."""
        bare = "server: {bindAddress: ':80', secureBindAddress: ':443'}\n"
        self.refused(UPSTREAMS + PROVIDER + bare, words="server.secureBindAddress (a.yaml): needs tls")
        text = self.with_tls(self.PAIR, "bindAddress: ':80'")
        self.refused(text, words="server.tls (a.yaml): needs secureBindAddress")
        self.refused(self.with_tls("key: {fromFile: x}"), words="server.tls.cert (a.yaml): is missing")
        self.refused(self.with_tls("cert: {fromFile: x}"), words="server.tls.key (a.yaml): is missing")
        text = self.with_tls("cert: {}, key: {fromFile: a, value: b}")
        for place in ("server.tls.cert", "server.tls.key"):
            self.refused(text, words=f"{place} (a.yaml): must hold exactly one of")

    def test_what_cannot_be_used(self) -> None:
        """Files that are not there, and a pair that is none, are told by their places."""
        words = self.refused(self.with_tls(self.PAIR), words='server.tls.cert (a.yaml): "t.crt" cannot be read')
        self.assertIn('server.tls.key (a.yaml): "t.key" cannot be read', words)
        files = {**self.FILES, "t.key": pair(2).key}
        message = str(self.assertRaises(SettingsRefused, load_yaml, self.with_tls(self.PAIR), files=files))
        self.assertIn("server.tls.cert (a.yaml), server.tls.key (a.yaml): certificate and key do not belong", message)
        empty = self.with_tls("cert: {fromEnv: NOT_THERE}, key: {fromFile: t.key}")
        message = str(self.assertRaises(SettingsRefused, load_yaml, empty, files=self.FILES))
        self.assertIn("the certificate is none", message)


class MetricsTlsTests(StructuredFileCase):
    """`metricsServer.tls` says what metrics are served with."""

    FILES: Mapping[str, bytes | str] = {"t.crt": pair().certificate, "t.key": pair().key}
    PAIR = "cert: {fromFile: t.crt}, key: {fromFile: t.key}"

    def test_both_at_once(self) -> None:
        """Metrics are served at each address that is given, with a certificate and versions of their own."""
        more = "minVersion: TLS1.3, cipherSuites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]"
        text = f"metricsServer: {{bindAddress: ':9', secureBindAddress: ':10', tls: {{{self.PAIR}, {more}}}}}\n"
        structure = load_yaml(GOOD + text, files=self.FILES).structure
        self.assertEqual([(each.port, each.secure) for each in structure.metrics_listeners], [(9, False), (10, True)])
        assert structure.metrics_tls is not None
        self.assertEqual((structure.metrics_tls.paths, structure.metrics_tls.only_1_3), (("t.crt", "t.key"), True))
        self.assertEqual(structure.metrics_tls.name, "metricsServer.tls.cert, metricsServer.tls.key")
        self.assertIsNone(structure.tls)

    def test_what_is_missing(self) -> None:
        """Halves are refused by their places, and so are files that cannot be used."""
        for server, words in {
            "secureBindAddress: ':10'": "metricsServer.secureBindAddress (a.yaml): needs tls",
            f"tls: {{{self.PAIR}}}": "metricsServer.tls (a.yaml): needs secureBindAddress",
            "secureBindAddress: ':10', tls: {key: {value: x}}": "metricsServer.tls.cert (a.yaml): is missing",
            f"secureBindAddress: nowhere, tls: {{{self.PAIR}}}": "secureBindAddress (a.yaml): must be HOST:PORT",
            f"secureBindAddress: ':10', tls: {{{self.PAIR}, minVersion: SSL3}}": "tls.minVersion (a.yaml): must be one",
            f"secureBindAddress: ':10', tls: {{{self.PAIR}, cipherSuites: [X]}}": 'cipherSuites (a.yaml): "X" is no',
            f"secureBindAddress: ':10', tls: {{{self.PAIR}}}": 'tls.cert (a.yaml): "t.crt" cannot be read',
        }.items():
            self.refused(f"{GOOD}metricsServer: {{{server}}}\n", words=words)


class FileTests(StructuredFileCase):
    """The file as a whole, and what is beside it."""

    def test_unknown_keys(self) -> None:
        """Unknown keys are told by path with the nearest known one, all at once."""
        text = GOOD + "  client_id: x\nupstreams: []\nserverr: {}\n"
        message = self.refused(
            text, words="providers[0].client_id (a.yaml): no such key is known here (did you mean clientID?)"
        )
        self.assertIn("  upstreams (a.yaml): no such key is known here", message)
        self.assertIn("serverr (a.yaml): no such key is known here (did you mean server?)", message)

    def test_letters_of_keys(self) -> None:
        """Upper and lower case of keys do not matter, as with oauth2-proxy, whose older versions wrote BindAddress."""
        tls = "{Cert: {fromfile: t.crt}, Key: {FromEnv: K}}"
        server = f"Server: {{BindAddress: ':80', SECUREBINDADDRESS: ':443', TLS: {tls}}}\n"
        provider = PROVIDER.replace("clientID", "clientId").replace("oidcConfig", "OIDCConfig")
        loaded = load_yaml(
            server + UPSTREAMS + provider, files={"t.crt": pair().certificate}, variables={"K": pair().key.decode()}
        )
        self.assertEqual(loaded.settings.client_id, "app1")
        self.assertEqual([each.port for each in loaded.structure.listeners], [80, 443])
        self.assertEqual(loaded.sources["http_address"], "Server.BindAddress (a.yaml)")

    def test_one_key_in_two_spellings(self) -> None:
        """A key that is there in two spellings is refused."""
        text = GOOD + "  clientId: x\n"
        self.refused(text, words="clientId (a.yaml): no such key is known here (did you mean clientID?)")

    def test_unreadable(self) -> None:
        """A file that is missing, no text, no YAML or no mapping is named, with the place where there is one."""
        missing = self.assertRaises(
            SettingsRefused, load, ["--alpha-config=no.yaml"], BESIDE, read_file=file_reader({})
        )
        self.assertIn('--alpha-config: "no.yaml" cannot be read', str(missing))
        self.refused(b"\xff", words='"a.yaml" is not text in UTF-8')
        self.refused("a: [\n", words="(at line 2, column 1)")
        self.refused("[]", words="must be a block of keys and values")
        self.refused("", words="must be a block of keys and values")

    def test_wrong_shapes(self) -> None:
        """A list where a block belongs, and the other way round, are refused."""
        self.refused(GOOD + "injectRequestHeaders: {}\n", words="injectRequestHeaders (a.yaml): must be a list")
        self.refused(GOOD + "metricsServer: []\n", words="metricsServer (a.yaml): must be a block")
        self.refused(GOOD + "  scope: [a]\n", words="providers[0].scope (a.yaml): must be a text in quotes, not a list")

    def test_flags_that_moved(self) -> None:
        """A flag, or a key of the TOML file, for what belongs into the file is refused."""
        self.refused(
            GOOD, "--upstream=http://x/", words="--upstream (upstreams): this belongs into the structured file"
        )
        self.refused(GOOD, "--pass-access-token", words="--pass-access-token (pass_access_token): this belongs")
        self.refused(GOOD, "--azure-tenant=x", words="--azure-tenant (azure_tenant): this belongs")
        message = str(
            self.assertRaises(SettingsRefused, load_yaml, GOOD, "--config=o.cfg", files={"o.cfg": 'client_id = "x"'})
        )
        self.assertIn("client_id (o.cfg): this belongs into the structured file", message)

    def test_variables_that_moved(self) -> None:
        """A variable for what the file says is ignored with a warning, for pods often inherit some."""
        loaded = load_yaml(GOOD, variables={"OAUTH2_PROXY_CLIENT_ID": "other"})
        self.assertEqual(loaded.settings.client_id, "app1")
        self.assertIn("OAUTH2_PROXY_CLIENT_ID: this is ignored", "\n".join(loaded.warnings))

    def test_other_options_stay(self) -> None:
        """Options that the file cannot say are given as ever."""
        self.assertEqual(load_yaml(GOOD, "--ping-path=/p").settings.ping_path, "/p")

    def test_sources(self) -> None:
        """Options from the file are known with their place in it."""
        self.assertEqual(load_yaml(GOOD).sources["oidc_issuer_url"], "providers[0].oidcConfig.issuerURL (a.yaml)")

    def test_usage(self) -> None:
        """An unknown flag is still an unknown flag."""
        self.assertRaises(UsageRefused, load_yaml, GOOD, "--no-such-flag")


class SubstitutionTests(StructuredFileCase):
    """`${NAME}` in texts is replaced from the environment."""

    def secret(self, text: str, **variables: str) -> str:
        """The client secret that a text stands for."""
        return load_yaml(GOOD.replace("shhh", text), variables=variables).settings.client_secret

    def test_values(self) -> None:
        """A variable is put in, anywhere in a text and more than once; a default counts where there is none."""
        self.assertEqual(self.secret("'a-${S}-${S}'", S="x"), "a-x-x")
        self.assertEqual(self.secret("'${S:-other}'"), "other")
        self.assertEqual(self.secret("'${S:-other}'", S=""), "other")
        self.assertEqual(self.secret("'${S:-other}'", S="x"), "x")

    def test_structure_is_safe(self) -> None:
        """A value cannot change the structure of the file, nor be substituted again."""
        self.assertEqual(
            self.secret("${S}", S="x, provider: github}'\" # ${T}", T="y"), "x, provider: github}'\" # ${T}"
        )

    def test_other_dollars(self) -> None:
        """What only looks similar stays."""
        self.assertEqual(self.secret("'$1 $HOME $$ {S}'", S="x", HOME="/root"), "$1 $HOME $$ {S}")

    def test_escaped(self) -> None:
        """A doubled dollar before the brace stands for one, and nothing is replaced behind it."""
        self.assertEqual(self.secret("'$${S} $$${S} ${S}'", S="x"), "${S} $${S} x")

    def test_lists_and_kinds(self) -> None:
        """Items of lists and values that are no texts are replaced too."""
        loaded = load_yaml(
            GOOD + "  allowedGroups: ['${G}', b]\n  skipClaimsFromProfileURL: ${B}\n", variables={"G": "a", "B": "true"}
        )
        self.assertEqual(loaded.settings.allowed_groups, ("a", "b"))
        self.assertTrue(loaded.settings.skip_claims_from_profile_url)

    def test_unset(self) -> None:
        """A variable that is not set gives nothing and a warning."""
        loaded = load_yaml(GOOD + "  scope: 'openid${S}'\n")
        self.assertEqual(loaded.settings.scope, "openid")
        self.assertIn("providers[0].scope (a.yaml): the variable S is not set", "\n".join(loaded.warnings))

    def test_other_forms(self) -> None:
        """Forms of shells that are not understood are refused."""
        for text in ("${S:=x}", "${1}", "${S", "${}"):
            self.refused(GOOD.replace("shhh", f"'{text}'"), words="only ${NAME} and ${NAME:-otherwise}")


class AnyFileTests(SynchronousTestCase):
    """No file makes a traceback."""

    @settings(deadline=None, max_examples=100)
    @given(
        st.recursive(
            st.sampled_from(["a", "", "true", "-1s", "${X}", "${", "^/", "http://a", "null", '"\\0"']),
            lambda inner: (
                st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
                | st.dictionaries(
                    st.sampled_from(KEYS),
                    inner,
                    max_size=4,
                ).map(lambda items: "{" + ", ".join(f"{key}: {value}" for key, value in items.items()) + "}")
            ),
            max_leaves=12,
        )
    )
    def test_any_shape(self, text: str) -> None:
        """Known keys in any shape are settings or a refusal."""
        try:
            load_yaml(text)
        except SettingsRefused as refused:
            self.assertIn("a.yaml", str(refused))
