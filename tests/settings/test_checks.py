"""Tests for what is refused at start: every rule, with a value on either side of it."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.settings.load import load
from o2sidecar.settings.options import Settings
from o2sidecar.settings.problems import SettingsRefused
from o2sidecar.settings.provider_checks import SIGNING_ALGORITHMS
from tests.provider_apis import client_pem, service_account_json
from tests.settings.loading import GOOD, file_reader, load_with, refusal_of


class RuleTests(SynchronousTestCase):
    """Settings that do not fit are refused, naming the option and, where it helps, the value."""

    def refuses(
        self,
        *arguments: str,
        words: str,
        without: list[str] | None = None,
        files: Mapping[str, bytes | str] | None = None,
    ) -> None:
        """Check that flags are refused with certain words, and nothing else is wrong."""
        text = refusal_of(*arguments, without=without or (), files=files)
        self.assertIn(words, text)
        self.assertEqual(len(text.splitlines()), 2, text)

    def test_credentials(self) -> None:
        """Client id, client secret and cookie secret are needed."""
        for key in ("client-id", "client-secret", "cookie-secret"):
            variable = key.upper().replace("-", "_")
            self.refuses(words=f"--{key} (OAUTH2_PROXY_{variable}, {variable.lower()}): is missing", without=[variable])

    def test_cookie_secret_length(self) -> None:
        """A cookie secret that makes no key is told its length."""
        for secret in ("0123456789abcde", "0123456789abcdef0123456789abcdef!"):
            text = refusal_of(f"--cookie-secret={secret}")
            for word in ("cookie_secret", "16", "24", "32", str(len(secret))):
                self.assertIn(word, text)
            self.assertNotIn(secret, text)

    def test_email_rule(self) -> None:
        """Somebody must be allowed to pass, by domain or by list."""
        self.refuses(words="--email-domain", without=["EMAIL_DOMAINS"])
        load_with("--authenticated-emails-file=e", files={"e": ""}, without=["EMAIL_DOMAINS"])

    def test_local_users(self) -> None:
        """An htpasswd file is rule enough, if all of its entries can be used; all that cannot are told at once."""
        good = "carol:{SHA}stOsjhQ+/Zr2RzmhAD8uggClG7Y=\n"
        load_with("--htpasswd-file=h", files={"h": good}, without=["EMAIL_DOMAINS"])
        text = refusal_of("--htpasswd-file=h", files={"h": f"eve:$apr1$a$b\nfay:secret\n{good}"})
        self.assertIn("--htpasswd-file (htpasswd_file)", text)
        self.assertIn("eve, fay", text)
        self.assertNotIn("secret", text.replace("client_secret", ""))
        self.assertIn("cannot be read", refusal_of("--htpasswd-file=nope"))
        self.assertIn("not text in UTF-8", refusal_of("--htpasswd-file=h", files={"h": b"\xff"}))

    def test_limits_below_which_nothing_works(self) -> None:
        """A limit that would refuse everybody, or crash, is refused at the start."""
        for flag, least in {
            "--head-size-limit": 1024,
            "--upstream-head-size-limit": 1024,
            "--own-body-size-limit": 1024,
            "--provider-body-limit": 1024,
            "--target-size-limit": 64,
            "--redirect-length-limit": 1,
            "--header-count-limit": 8,
            "--cookie-parts-limit": 1,
            "--session-cache-size": 2,
        }.items():
            self.refuses(f"{flag}={least - 1}", words=f"must be at least {least}")
            load_with(f"{flag}={least}")

    def test_times_that_must_last(self) -> None:
        """A time-out of nothing is refused where 0 does not mean none."""
        for flag in (
            "--head-timeout", "--body-idle-timeout", "--keepalive-timeout", "--write-timeout", "--tunnel-idle-timeout",
            "--upstream-connect-timeout", "--upstream-write-timeout", "--provider-timeout",
            "--provider-connect-timeout", "--discovery-refresh-interval", "--jwks-ttl",
        ):  # fmt: skip
            self.refuses(f"{flag}=0", words="must be longer than nothing")
            load_with(f"{flag}=1ms")

    def test_choices(self) -> None:
        """Words that are none of the choices are refused, every choice is taken."""
        for flag, choices in {
            "--cookie-samesite": ("", "lax", "strict", "none"),
            "--cookie-csrf-samesite": ("", "lax", "strict", "none"),
            "--code-challenge-method": ("", "S256", "plain"),
            "--auth-request-response-mode": ("", "query", "form_post"),
        }.items():
            self.refuses(f"{flag}=Weird", words='not "Weird"')
            for choice in choices:
                load_with(f"{flag}={choice}")

    def test_session_store(self) -> None:
        """Sessions are kept in the cookie or in Redis."""
        self.refuses("--session-store-type=disk", words='must be one of cookie, redis, not "disk"')

    def test_lifetime(self) -> None:
        """A session must be renewed before it expires; one that never expires may be renewed at any time."""
        self.refuses("--cookie-refresh=1h", "--cookie-expire=1h", words="1h is not shorter than 1h")
        self.refuses("--cookie-refresh=2h", "--cookie-expire=1h", words="--cookie-expire (cookie_expire)")
        load_with("--cookie-refresh=59m", "--cookie-expire=1h")
        load_with("--cookie-refresh=2h", "--cookie-expire=0")

    def test_cookie_name(self) -> None:
        """A cookie name is a token of at most 256 characters."""
        for name in ("bad name;", "a=b", "ü", "x" * 257):
            self.refuses(f"--cookie-name={name}", words="is no cookie name")
        load_with("--cookie-name=" + "x" * 256)

    def test_nothing_emptied(self) -> None:
        """Options that cannot do without a value must not be emptied."""
        for flag in ("--cookie-name", "--cookie-path", "--http-address", "--proxy-prefix"):
            self.refuses(f"{flag}=", words="must not be empty")

    def test_cookie_scope(self) -> None:
        """Cookie domains and paths hold nothing that could begin another attribute."""
        for domain in ("a b", "a;b", "https://a", "a.", "a,b", "a:8080"):
            self.refuses(f'--cookie-domain="{domain}"', words="is no domain")
        for path in ("app", "/a; Secure"):
            self.refuses(f"--cookie-path={path}", words="is no path for cookies")
        load_with("--cookie-domain=.example.com", "--cookie-domain=localhost", "--cookie-path=/app")

    def test_patterns(self) -> None:
        """A pattern that does not compile is named, wherever it stands."""
        for flag in ("--skip-auth-route=GET=(", "--skip-auth-route=(", "--skip-auth-regex=(", "--api-route=("):
            self.refuses(flag, words="'('")
        load_with("--skip-auth-route=GET!=^/a$", "--skip-auth-route=^/b$", "--api-route=^/api/")

    def test_every_pattern_is_told(self) -> None:
        """Of several bad patterns, all are told."""
        text = refusal_of("--skip-auth-route=(,[,^/ok$")
        self.assertEqual(text.count("cannot be used"), 2)

    def test_networks(self) -> None:
        """Addresses and networks are read at start, and all bad ones are told."""
        text = refusal_of("--trusted-ip=10.0.0.0/33,x,10.0.0.0/8,::1")
        self.assertIn("--trusted-ip (trusted_ips): '10.0.0.0/33'", text)
        self.assertIn("'x'", text)
        self.assertEqual(len(text.splitlines()), 3)
        self.refuses("--trusted-proxy-ip=nope", words="trusted_proxy_ips")

    def test_extra_issuers(self) -> None:
        """An issuer beside the provider is a URL with an audience; all that are not are told."""
        text = refusal_of("--extra-jwt-issuers=https://i.example,nope=a,https://i.example=a,=a")
        self.assertEqual(text.count("(extra_jwt_issuers)"), 3, text)
        self.assertIn("must be issuer=audience", text)
        load_with("--skip-jwt-bearer-tokens", "--extra-jwt-issuers=https://i.example=a=b")

    def test_client_address_header(self) -> None:
        """The header with the client's address is one of five, in any case."""
        self.refuses("--real-client-ip-header=Forwarded", words="X-Envoy-External-Address")
        load_with("--real-client-ip-header=x-forwarded-for")

    def test_whitelist(self) -> None:
        """An entry of the whitelist is a host, not a URL."""
        self.refuses("--whitelist-domain=https://a.example/", words="is no domain")
        load_with("--whitelist-domain=.example.com:*,a.example:8443")

    def test_urls(self) -> None:
        """Endpoints are whole http or https URLs."""
        for flag in ("login", "redeem", "profile", "validate", "backend-logout", "oidc-jwks", "oidc-issuer"):
            for url in ("idp.example.com", "ftp://a/", "https://", "https://a:b/", "https://[a/", "https://a b/"):
                self.refuses(f"--{flag}-url={url}", words="must be an http:// or https:// URL")

    def test_redirect_url(self) -> None:
        """The callback is a URL or a path."""
        self.refuses("--redirect-url=app.example.com/cb", words="http:// or https://")
        self.refuses("--redirect-url=//evil.example/cb", words="http:// or https://")
        load_with("--redirect-url=/oauth2/callback")
        load_with("--redirect-url=https://auth.example.com")

    def test_paths(self) -> None:
        """Paths of our own are paths; those of health checks may be empty."""
        for flag in ("--ping-path", "--ready-path"):
            for path in ("ping", "/a?b", "/a#b", "/a b"):
                self.refuses(f"{flag}={path}", words="is no path")
            load_with(f"{flag}=")
        for prefix in ("oauth2", "/", "/a/", "/a/../b", "/a//b", "/a?b", "/<a>"):
            self.refuses(f"--proxy-prefix={prefix}", words="must begin with a slash")
        load_with("--proxy-prefix=/a/b-c")

    def test_request_id_header(self) -> None:
        """The header of the request id is a field name."""
        self.refuses("--request-id-header=a: b", words="is no name of a header")

    def test_logo(self) -> None:
        """A logo is a URL, a picture of a known kind, or none."""
        text = refusal_of("--custom-sign-in-logo=/logo.gif", files={"/logo.gif": b"GIF89a"})
        self.assertIn('"/logo.gif" must be a URL, or a file whose name ends in one of .svg', text)
        load_with("--custom-sign-in-logo=/logo.PNG", files={"/logo.PNG": b"PNG"})

    def test_addresses(self) -> None:
        """Listeners have a host and a port."""
        self.refuses("--http-address=4180", words="must be HOST:PORT")
        self.refuses("--metrics-address=x", words="--metrics-address")

    def test_minimal_session(self) -> None:
        """A session without tokens has none to pass on, nor to renew itself with."""
        minimal = "--session-cookie-minimal"
        for flag in ("--pass-access-token", "--pass-authorization-header", "--set-authorization-header"):
            self.refuses(minimal, flag, words=f"{minimal} (session_cookie_minimal), {flag}")
        self.refuses(minimal, "--cookie-refresh=1h", words="cannot be renewed")
        load_with(minimal)

    def test_one_authorization(self) -> None:
        """Only one thing can be in an Authorization header."""
        password = "--basic-auth-password=pw"
        self.refuses("--pass-authorization-header", password, words="the app's Authorization header")
        load_with("--pass-authorization-header", password, "--pass-basic-auth=false")
        both = ("--set-authorization-header", "--set-basic-auth")
        self.refuses(*both, password, words="the answer's Authorization header")
        self.refuses("--set-basic-auth", words="needs basic_auth_password")
        load_with("--set-basic-auth", password)

    def test_upstreams(self) -> None:
        """Every upstream must be good, and no two may have the same path."""
        text = refusal_of(
            "--upstream=http://a/,http://b/,gopher://x/,file:///no/such,file:///a/file#/f/", files={"/a/file": ""}
        )
        self.assertIn("--upstream (upstreams): more than one upstream has the path", text)
        self.assertIn("gopher", text)
        self.assertIn('the folder "/no/such" cannot be read: No such file or directory', text)
        self.assertIn('"/a/file" is no folder', text)
        load_with("--upstream=http://a/,http://b/b/")

    def test_timeout_status(self) -> None:
        """Only the two statuses of a gateway say that an app was too slow."""
        load_with("--upstream-timeout-status=504")
        for status in ("500", "200", "0"):
            self.refuses(f"--upstream-timeout-status={status}", words="must be 502 or 504")

    def test_issuer(self) -> None:
        """OpenID Connect needs an issuer, unless nothing is compared with it."""
        self.refuses(words="--oidc-issuer-url", without=["OIDC_ISSUER_URL"])
        by_hand = (
            "--skip-oidc-discovery",
            "--login-url=https://i/a",
            "--redeem-url=https://i/t",
            "--oidc-jwks-url=https://i/k",
        )
        load_with(*by_hand, "--insecure-oidc-skip-issuer-verification", without=["OIDC_ISSUER_URL"])

    def test_without_discovery(self) -> None:
        """Without discovery, endpoints and keys must be given."""
        text = refusal_of("--skip-oidc-discovery")
        for flag in ("--login-url", "--redeem-url", "--oidc-jwks-url"):
            self.assertIn(f"  {flag} ", text)
        endpoints = ("--skip-oidc-discovery", "--login-url=https://i/a", "--redeem-url=https://i/t")
        load_with(*endpoints, "--oidc-public-key-file=k", files={"k": "pem"})

    def test_signing_algorithms(self) -> None:
        """Only algorithms with public keys can be asked for."""
        for algorithm in ("XX1", "none", "HS256", "rs256"):
            self.refuses(f"--oidc-enabled-signing-alg={algorithm}", words=f'"{algorithm}" is none of')
        load_with("--oidc-enabled-signing-alg=" + ",".join(SIGNING_ALGORITHMS))

    def test_teams_without_organisation(self) -> None:
        """Teams that would silently restrict nobody are refused."""
        github = ("--provider=github", "--email-domain=*")
        self.refuses(*github, "--github-team=core", words="needs github_org")
        self.refuses(*github, "--github-team=acme:core,ops", words="needs github_org")
        load_with(*github, "--github-team=acme:core, acme:ops")
        load_with(*github, "--github-team=core", "--github-org=acme")

    def test_restrictions_of_other_providers(self) -> None:
        """A1: an option that narrows down who may pass is refused where the provider does not have it."""
        for argument, kinds in (
            ("--github-org=a", "github"),
            ("--github-team=a:b", "github"),
            ("--github-repo=a/b", "github"),
            ("--github-user=a", "github"),
            ("--google-group=a@x.org", "google"),
            ("--gitlab-group=a", "gitlab"),
            ("--gitlab-project=a/b", "gitlab"),
            ("--entra-id-allowed-tenant=aaaaaaaa-1111-2222-3333-444444444444", "entra-id"),
            ("--azure-tenant=aaaaaaaa-1111-2222-3333-444444444444", "azure"),
            ("--allowed-role=a", "keycloak-oidc"),
            ("--keycloak-group=a", "keycloak or keycloak-oidc"),
            ("--bitbucket-team=a", "bitbucket"),
            ("--bitbucket-repository=a/b", "bitbucket"),
        ):
            self.refuses(argument, words=f"would restrict nobody with provider oidc, only with {kinds}")

    def test_client_authentication(self) -> None:
        """A way to prove who we are needs what it proves us by, and nothing else is asked for."""
        key = client_pem()
        load_with("--jwt-key", key, without=["CLIENT_SECRET"])
        load_with("--jwt-key", key.replace("\n", "\\n"), "--token-endpoint-auth-method=private_key_jwt")
        load_with("--jwt-key-file=k.pem", without=["CLIENT_SECRET"], files={"k.pem": key})
        load_with("--token-endpoint-auth-method=none", "--code-challenge-method=S256", without=["CLIENT_SECRET"])
        self.refuses(without=["CLIENT_SECRET"], words="client_secret): is missing")
        for method in ("client_secret_basic", "client_secret_post"):
            arguments = (f"--token-endpoint-auth-method={method}", "--jwt-key", key)
            self.refuses(*arguments, without=["CLIENT_SECRET"], words="client_secret): is missing")
        self.refuses("--token-endpoint-auth-method=private_key_jwt", words="the private key that proves who we are")
        self.refuses("--token-endpoint-auth-method=none", words="must be protected by PKCE")
        self.refuses("--token-endpoint-auth-method=tls", words="must be one of empty, client_secret_basic")
        self.refuses("--jwt-key", key, "--jwt-key-file=k.pem", files={"k.pem": key}, words="give one of them, not both")
        self.refuses("--jwt-key=s3cret", words="--jwt-key (jwt_key): it is no private key in PEM")
        self.refuses("--jwt-key-file=k.pem", files={"k.pem": "s3cret"}, words='"k.pem": it is no private key in PEM')
        self.refuses("--jwt-key-file=k.pem", words='"k.pem" cannot be read')

    def test_login_gov(self) -> None:
        """login.gov wants a key and a nonce, and neither secret nor issuer."""
        without = ["CLIENT_SECRET", "OIDC_ISSUER_URL"]
        loaded = load_with("--provider=login.gov", "--jwt-key", client_pem(), without=without)
        self.assertFalse(loaded.settings.insecure_oidc_skip_nonce)
        self.assertTrue(
            load_with(
                "--provider=login.gov", "--jwt-key", client_pem(), "--insecure-oidc-skip-nonce", without=without
            ).settings.insecure_oidc_skip_nonce
        )
        self.refuses("--provider=login.gov", without=without, words="the private key that proves who we are")

    def test_urls_of_plain_providers(self) -> None:
        """Providers that are everybody's own need all their URLs, and say so of all at once."""
        for provider in ("keycloak", "nextcloud", "oauth2"):
            text = refusal_of(f"--provider={provider}")
            for key in ("login_url", "redeem_url"):
                self.assertIn(f"{key}): is missing: the provider {provider} needs it", text)
            self.assertIn("profile_url)", text)
            self.assertEqual(len(text.splitlines()), 4)

    def test_bitbucket_repository(self) -> None:
        """A repository has a workspace and a name."""
        self.refuses("--provider=bitbucket", "--bitbucket-repository=app", words="is not of the form workspace/name")

    def test_google_groups(self) -> None:
        """Groups of Google that nobody could be asked about are refused, with what is missing."""
        google = ("--provider=google", "--google-group=a@x.org")
        text = refusal_of(*google)
        for key in ("google_admin_email", "google_service_account_json"):
            self.assertIn(f"{key}): is missing: without it nobody can be asked about groups (google_groups)", text)
        complete = (*google, "--google-admin-email=r@x.org", "--google-service-account-json=k")
        self.refuses(*complete, words='"k" cannot be read')
        self.assertIn(
            "is no key of a service account", refusal_of(*complete, files={"k": '{"private_key": "hunter2"}'})
        )
        self.assertNotIn("hunter2", refusal_of(*complete, files={"k": '{"private_key": "hunter2"}'}))
        load_with(*complete, files={"k": service_account_json()})

    def test_tenants(self) -> None:
        """Microsoft's tenants are named by their ids, wherever tokens are compared with them."""
        tenant = "aaaaaaaa-1111-2222-3333-444444444444"
        by_name = "https://login.microsoftonline.com/corp.onmicrosoft.com/v2.0"
        entra = ("--provider=entra-id", f"--oidc-issuer-url=https://login.microsoftonline.com/{tenant}/v2.0")
        load_with(*entra, f"--entra-id-allowed-tenant={tenant}")
        self.refuses(*entra, "--entra-id-allowed-tenant=corp.com", words="must be ids of tenants, not 'corp.com'")
        self.refuses("--provider=entra-id", f"--oidc-issuer-url={by_name}", words="must name its tenant by its id")
        azure = ("--provider=azure", "--azure-tenant")
        load_with(*azure, tenant, without=["OIDC_ISSUER_URL"])
        load_with("--provider=azure", without=["OIDC_ISSUER_URL"])
        text = refusal_of(*azure, "corp.com", without=["OIDC_ISSUER_URL"])
        self.assertIn("--azure-tenant (azure_tenant): the issuer", text)

    def test_workload_identity(self) -> None:
        """With a federated token no secret is needed, but the file that Azure's variable names, or an option."""
        entra = ("--provider=entra-id", "--entra-id-federated-token-auth")
        words = "entra_id_federated_token_file): is missing: the file with the token, since the variable"
        self.assertIn(words, refusal_of(*entra, without=["CLIENT_SECRET"]))
        variables = {"CLIENT_SECRET": "", "O2SIDECAR_ENTRA_ID_FEDERATED_TOKEN_FILE": "t"}
        load_with(*entra, variables=variables, files={"t": "FT"})
        environment = {**GOOD, "AZURE_FEDERATED_TOKEN_FILE": "/var/run/t", "OAUTH2_PROXY_CLIENT_SECRET": ""}
        loaded = load(entra, environment, read_file=file_reader({"/var/run/t": "FT"}))
        self.assertEqual(loaded.settings.entra_id_federated_token_file, "/var/run/t")
        refused = self.assertRaises(SettingsRefused, load, entra, environment, read_file=file_reader({}))
        self.assertIn('AZURE_FEDERATED_TOKEN_FILE: "/var/run/t" cannot be read', str(refused))
        self.assertIn("client_secret", refusal_of("--entra-id-federated-token-auth", without=["CLIENT_SECRET"]))

    def test_gitlab_projects(self) -> None:
        """Projects are paths, with a level that GitLab has."""
        gitlab = ("--provider=gitlab",)
        load_with(*gitlab, "--gitlab-project=acme/app=30", "--gitlab-project=acme/other")
        self.refuses(*gitlab, "--gitlab-project=acme/app=33", words="access level of acme/app must be one of 10, 20")
        self.refuses(*gitlab, "--gitlab-project=/app", words="is not of the form group/project")

    def test_issuer_that_is_known(self) -> None:
        """Google and GitLab need no issuer, Keycloak and Entra ID do."""
        for provider in ("google", "gitlab", "azure"):
            load_with(f"--provider={provider}", without=["OIDC_ISSUER_URL"])
        for provider in ("keycloak-oidc", "entra-id"):
            self.assertIn(
                "oidc_issuer_url): is missing", refusal_of(f"--provider={provider}", without=["OIDC_ISSUER_URL"])
            )

    def test_negative_values(self) -> None:
        """Durations and numbers are not negative, but for one that says: at once."""
        self.refuses("--cookie-expire=-1h", words="must not be negative")
        self.refuses("--cookie-csrf-per-request-limit=-1", words="must not be negative")
        load_with("--flush-interval=-1s")

    def test_control_characters(self) -> None:
        """Control characters and bytes that are no UTF-8 are refused everywhere; HTML may have lines."""
        for value in ("a\r\nb", "a\x00", "a\x7f", "a\udcff"):
            self.refuses(f"--scope={value}", words="--scope (scope): holds a control character, or is not UTF-8")
        self.refuses("--exclude-logging-path=\x01", words="holds a control character")
        self.refuses("--banner=\x00", words="holds a control character")
        self.refuses("--cookie-secret=\udcff123456789abcde", words="is not UTF-8")
        load_with("--banner=<p>\n\tHello</p>")

    def test_huge_values(self) -> None:
        """Huge values are refused in few words."""
        text = refusal_of("--cookie-samesite=" + "x" * 10**6, "--trusted-ip=" + "9" * 10**4)
        self.assertLess(len(text), 30_000)


class SettingsTests(SynchronousTestCase):
    """A value of `Settings` that exists is valid."""

    def test_made_directly(self) -> None:
        """Good values make settings, with plain types."""
        made = Settings(
            client_id="a", client_secret="b", cookie_secret="0123456789abcdef", email_domains=("*",), cookie_expire=60.0
        )
        self.assertEqual(made.cookie_expire, 60.0)

    def test_refused(self) -> None:
        """Bad ones are refused by key, all at once."""
        refused = self.assertRaises(SettingsRefused, Settings, cookie_samesite="x")
        names = {problem.names for problem in refused.problems}
        self.assertTrue({("cookie_samesite",), ("client_id",), ("cookie_secret",)} <= names)
