"""Tests for warnings about settings that are valid."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.private_authority import authority
from tests.settings.loading import load_with

SAFE = "--defaults=o2sidecar"
MICROSOFT = "https://login.microsoftonline.com"
TENANT = "aaaaaaaa-1111-2222-3333-444444444444"


class CautionTests(SynchronousTestCase):
    """Each caution is a full sentence that names its option; there are none without a cause."""

    def test_none_without_cause(self) -> None:
        """Good settings with our defaults give no warning."""
        self.assertEqual(load_with(SAFE).warnings, ())

    def test_causes(self) -> None:
        """Each cause has its caution."""
        for arguments, words in {
            ("--reverse-proxy",): "trusted_proxy_ips): with reverse_proxy and no trusted proxies, only",
            ("--trusted-proxy-ip=10.0.0.0/8",): "--trusted-proxy-ip (trusted_proxy_ips): this has no effect without",
            ("--reverse-proxy", "--trusted-proxy-ip=10.0.0.1", "--trusted-ip=10.0.0.2"): "by their proxy's word",
            ("--pass-user-headers=false",): "pass_basic_auth is on and sends the same headers",
            ("--skip-auth-strip-headers=false",): "identity headers in clients' requests are removed all the same",
            ("--provider=github", "--email-domain=*"): "everybody in the world who has an account with github",
            ("--provider=google", "--email-domain=*"): "who has an account with google pass",
            (
                "--provider=gitlab",
                "--oidc-issuer-url=https://gitlab.com",
                "--email-domain=*",
            ): "an account with gitlab pass",
            (
                "--provider=entra-id",
                f"--oidc-issuer-url={MICROSOFT}/common/v2.0",
                "--email-domain=*",
            ): "an account with entra-id",
            ("--provider=azure", "--email-domain=*", "--oidc-issuer-url="): "an account with azure pass",
            ("--provider=azure",): "azure is the older name of entra-id",
            ("--google-admin-email=a@x.org",): "no effect with provider oidc, only with google",
            ("--github-token=a",): "no effect with provider oidc, only with github",
            ("--adfs-skip-scope",): "no effect with provider oidc, only with adfs",
            ("--azure-graph-group-field=id",): "no effect with provider oidc, only with azure",
            ("--provider=facebook", "--email-domain=*"): "an account with facebook pass",
            (
                "--provider=nextcloud",
                "--login-url=https://c.example/a",
                "--redeem-url=https://c.example/b",
                "--profile-url=https://c.example/c",
            ): "see to it there that people cannot choose their own",
            (
                "--provider=keycloak",
                "--login-url=https://c.example/a",
                "--redeem-url=https://c.example/b",
                "--validate-url=https://c.example/c",
            ): "keycloak-oidc is its successor",
            ("--provider=digitalocean", "--validate-url=https://c.example/c"): "its sessions are judged by profile_url",
            ("--provider=google", "--insecure-oidc-skip-nonce"): "nonces are not checked",
            ("--insecure-oidc-skip-nonce",): "nonces are not checked",
            ("--code-challenge-method=",): "PKCE is off",
            ("--cookie-secure=false",): "cookies are sent without https",
            ("--cookie-samesite=none", "--cookie-secure=false"): "browsers drop cookies with SameSite=None",
            (
                "--auth-request-response-mode=form_post",
                "--cookie-csrf-samesite=lax",
            ): "(cookie_csrf_samesite): with form_post the provider posts across sites",
            ("--auth-request-response-mode=form_post", "--cookie-secure=false"): "Such a cookie has to be secure",
            ("--cookie-name=__Secure-a", "--cookie-secure=false"): "browsers drop cookies of this name",
            ("--cookie-name=__Host-a", "--cookie-domain=a.b"): "that have a domain or another path",
            (
                "--logging-max-age=30",
                "--logging-compress",
            ): "(logging_compress): this has no effect without logging_filename",
            ("--use-system-trust-store",): "this has no effect without provider_ca_files",
            ("--validate-url=https://idp.example/v",): "this has no effect with oidc",
            ("--upstream-ca-file=ca.pem", "--ssl-upstream-insecure-skip-verify"): "this has no effect while the app's",
            ("--ssl-insecure-skip-verify",): "the provider's certificate is not verified",
            ("--ssl-upstream-insecure-skip-verify",): "the app's certificate is not verified",
            ("--insecure-oidc-allow-unverified-email",): "unverified addresses are believed",
            ("--insecure-oidc-skip-issuer-verification",): "ID tokens of any issuer",
            ("--show-debug-on-error",): "error pages show internal reasons",
            ("--flush-interval=1s",): "nothing is buffered",
            ("--tls-cipher-suite=TLS_RSA_WITH_AES_128_GCM_SHA256",): "gets hold of the key later",
            ("--proxy-protocol",): "trusted_proxy_ips): with proxy_protocol and no trusted proxies, only",
            ("--bearer-token-login-fallback=false",): "this has no effect without skip_jwt_bearer_tokens",
            ("--extra-jwt-issuers=https://i.example=a",): "this has no effect without skip_jwt_bearer_tokens",
            ("--htpasswd-user-group=a",): "this has no effect without htpasswd_file",
            ("--display-htpasswd-form=false",): "this has no effect without htpasswd_file",
            ("--force-https",): "nobody can come by https",
        }.items():
            warnings = load_with(SAFE, *arguments, files={"ca.pem": authority().pem}).warnings
            self.assertIn(words, "\n".join(warnings), arguments)
            for warning in warnings:
                self.assertRegex(warning, r"^[^:]+ .*: .*\.$")

    def test_no_false_alarm(self) -> None:
        """What takes the cause away takes the caution away."""
        for arguments in (
            ("--reverse-proxy", "--trusted-proxy-ip=10.0.0.0/8"),
            ("--proxy-protocol", "--trusted-proxy-ip=10.0.0.0/8"),
            ("--force-https", "--reverse-proxy", "--trusted-proxy-ip=10.0.0.0/8"),
            ("--pass-user-headers=false", "--pass-basic-auth=false"),
            ("--provider=github", "--email-domain=*", "--github-org=acme"),
            ("--provider=github", "--email-domain=*", "--allowed-group=acme"),
            ("--provider=github", "--email-domain=example.com"),
            ("--provider=oidc", "--email-domain=*"),
            ("--provider=gitlab", "--oidc-issuer-url=https://git.example.com", "--email-domain=*"),
            ("--provider=gitlab", "--oidc-issuer-url=https://gitlab.com", "--email-domain=*", "--gitlab-group=a"),
            ("--provider=entra-id", f"--oidc-issuer-url={MICROSOFT}/{TENANT}/v2.0", "--email-domain=*"),
            (
                "--provider=entra-id",
                f"--oidc-issuer-url={MICROSOFT}/common/v2.0",
                "--email-domain=*",
                f"--entra-id-allowed-tenant={TENANT}",
            ),
            ("--auth-request-response-mode=form_post",),
            ("--auth-request-response-mode=form_post", "--cookie-csrf-samesite=none"),
            ("--cookie-name=__Host-a",),
            ("--flush-interval=0",),
            ("--use-system-trust-store", "--provider-ca-file=ca.pem"),
        ):
            self.assertEqual(load_with(SAFE, *arguments, files={"ca.pem": authority().pem}).warnings, (), arguments)

    def test_pattern_cut_at_a_comma(self) -> None:
        """A pattern that a variable's comma cut in two is told, part by part; one in a JSON array is whole."""
        warnings = load_with(SAFE, variables={"SKIP_AUTH_ROUTES": "^/a{1,3}$"}).warnings
        self.assertEqual(len(warnings), 2)
        self.assertIn('OAUTH2_PROXY_SKIP_AUTH_ROUTES: "3}$" looks like a pattern cut at a comma', warnings[1])
        self.assertEqual(load_with(SAFE, variables={"SKIP_AUTH_ROUTES": '["^/a{1,3}$"]'}).warnings, ())

    def test_peer_defaults(self) -> None:
        """With oauth2-proxy's defaults, missing PKCE and nonce are told, with the setting that mends both."""
        warnings = "\n".join(load_with().warnings)
        self.assertIn("PKCE is off; set it to S256, or defaults to o2sidecar", warnings)
        self.assertIn("nonces are not checked; set it to false, or defaults to o2sidecar", warnings)

    def test_nonce_is_of_openid_connect(self) -> None:
        """GitHub has no ID token, so nothing is said of nonces."""
        warnings = load_with("--provider=github", "--github-org=acme").warnings
        self.assertNotIn("nonce", "\n".join(warnings))
