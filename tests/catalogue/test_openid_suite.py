"""The OpenID Foundation's plans for relying parties: basic, form_post, config, and the comprehensive code flow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.session.cookies import parse_cookies
from tests.catalogue.openid_suite import BASIC, CONFIG, MODULES, SUBJECT, Module, Suite
from tests.catalogue.strict import Message

PLAIN: Mapping[str, str] = {}
POSTED = {"auth_request_response_mode": "form_post"}


class SuiteTests(SynchronousTestCase):
    """Each module, from the click to the session, with what goes over every wire."""

    def suite(
        self, settings: Mapping[str, str] = PLAIN, change: Callable[[Suite], object] = lambda suite: None
    ) -> Suite:
        suite = Suite(change, **settings)
        self.addCleanup(suite.world.end)
        return suite

    def plan(self, names: Iterable[str], settings: Mapping[str, str] = PLAIN) -> None:
        for name in names:
            module = MODULES[name]
            suite = self.suite({**module.settings, **settings}, module.change)
            self.judge(name, module, suite, suite.log_in())

    def judge(self, name: str, module: Module, suite: Suite, answer: Message) -> None:
        """The person is in or out as the module wants it, and user info was asked or not."""
        if module.signs_in:
            self.assertEqual((answer.status, answer.values(b"location")), (302, [b"/wanted"]), name)
            self.assertEqual(suite.world.get("/").status, 200, name)
        else:
            self.assertIn(answer.status, (403, 500, 503), name)
            self.assertEqual(suite.world.get("/").status, 403, name)
        self.assertEqual(suite.asked("/userinfo"), int(module.asks_user_info), name)
        for asked in suite.provider.asked:
            self.assertNotIn("access_token", asked.query, name)

    def test_basic(self) -> None:
        """O5, O8, J1, J5, J6: the basic plan passes: nothing is asked with a token before the ID token holds."""
        self.plan(f"oidcc-client-test{module}" for module in BASIC)

    def test_form_post(self) -> None:
        """O14: the form-post plan passes: the same with the answer posted from another site."""
        self.plan((f"oidcc-client-test{module}" for module in BASIC), POSTED)

    def test_config(self) -> None:
        """O7: the plan about discovery and keys passes."""
        self.plan(f"oidcc-client-test{module}" for module in CONFIG)

    def test_comprehensive(self) -> None:
        """The comprehensive plan passes in all modules that apply to this kind of client, queried and posted."""
        self.plan(MODULES)
        self.plan(MODULES, POSTED)

    def test_client_secret_post(self) -> None:
        """A provider that takes the secret in the form only gets it there, by all modules."""
        for name, module in MODULES.items():
            if name.endswith("-client-secret-basic"):
                continue
            suite = self.suite(module.settings, _and_secrets_in_forms(module))
            self.judge(name, module, suite, suite.log_in())
            if suite.asked("/token"):
                self.assertEqual(suite.client_authentication(), "post", name)

    def test_client_secret_basic(self) -> None:
        """The secret goes by Basic to a provider that takes no other way."""
        suite = self.suite()
        suite.log_in()
        self.assertEqual(suite.client_authentication(), "basic")

    def test_requests(self) -> None:
        """What the suite looks at in requests: openid and a scope for claims, the code flow, a nonce, the exact URI."""
        for settings in (PLAIN, POSTED):
            suite = self.suite(settings)
            suite.log_in()
            scopes = suite.sent["scope"].split()
            self.assertTrue({"openid", "email", "profile"} <= set(scopes))
            self.assertEqual(suite.sent["response_type"], "code")
            self.assertEqual(suite.sent["redirect_uri"], "https://app.example.com/oauth2/callback")
            self.assertEqual(suite.sent.get("response_mode"), settings.get("auth_request_response_mode"))
            self.assertLess(len(suite.sent["nonce"]), 65)
            self.assertTrue({"request", "request_uri"}.isdisjoint(suite.sent))

    def test_nothing_before_discovery(self) -> None:
        """A provider that names another issuer in its document never sees anybody: O7."""
        suite = self.suite(change=MODULES["oidcc-client-test-discovery-issuer-mismatch"].change)
        self.assertEqual(suite.world.begin("/").status, 503)
        self.assertEqual(set(suite.provider.paths()), {"/.well-known/openid-configuration"})

    def test_rotation_between_logins(self) -> None:
        """Of two logins in a row the second is signed by a key that is new since the first, and gets in as well."""
        suite = self.suite()
        for logins in (1, 2):
            suite.world.jar.clear()
            self.assertEqual(suite.log_in().status, 302)
            self.assertEqual((suite.asked("/jwks"), suite.asked("/userinfo")), (logins, logins))
            suite.new_keys()

    def test_rotation_while_running(self) -> None:
        """A sidecar that serves on finds every new key in time, one a minute."""
        suite = self.suite()
        for _ in range(5):
            suite.world.jar.clear()
            self.assertEqual(suite.log_in().status, 302)
            suite.new_keys()
            suite.world.pass_time(60)

    def test_distributed_claims(self) -> None:
        """The endpoint of distributed claims is asked with the token that came with it."""
        module = MODULES["oidcc-client-test-distributed-claims"]
        suite = self.suite(module.settings, module.change)
        suite.log_in()
        asked = suite.provider.asked[-1]
        self.assertEqual((asked.path, asked.headers["authorization"]), ("/claims_endpoint", "Bearer AT-claims"))

    def test_posted_error(self) -> None:
        """O11: an error that is posted is shown as a page, and the way back in works."""
        suite = self.suite({**POSTED, "prompt": "none"})
        suite.sent = {}
        begun = suite.world.begin("/wanted")
        self.assertIn(b"prompt=none", begun.values(b"location")[0])
        state = begun.values(b"location")[0].partition(b"state=")[2].partition(b"&")[0].decode().replace("%3A", ":")
        answer = suite.come_back({"error": "login_required", "state": state.replace("%2F", "/")})
        self.assertEqual(answer.status, 403)
        self.assertIn(b"login_required", answer.body)
        self.assertEqual(suite.asked("/token"), 0)

    def test_cookies_of_form_post(self) -> None:
        """The login's cookie comes along when the answer is posted across sites; the session's stays what it was."""
        for settings, expected in (
            (PLAIN, b"SameSite=Lax"),
            (POSTED, b"SameSite=None"),
            ({**POSTED, "cookie_samesite": "strict"}, b"SameSite=None"),
            ({**POSTED, "cookie_csrf_samesite": "lax"}, b"SameSite=Lax"),
            ({**POSTED, "cookie_secure": "false"}, b"SameSite=Lax"),
        ):
            suite = self.suite(settings)
            [cookie] = suite.world.begin().values(b"set-cookie")
            found = [part for part in cookie.split(b"; ") if part.startswith(b"SameSite")]
            self.assertEqual(b"".join(found), expected, settings)
            if expected == b"SameSite=None":
                self.assertIn(b"Secure", cookie.split(b"; "))
        for settings in (POSTED, {**POSTED, "cookie_samesite": "strict"}):
            suite = self.suite(settings)
            given = suite.log_in().values(b"set-cookie")
            session = [cookie for cookie in given if b"Max-Age=0" not in cookie and b"_csrf=" not in cookie]
            self.assertNotIn(b"SameSite=None", b"".join(session))
            self.assertEqual(len(parse_cookies([b"; ".join(cookie.split(b";")[0] for cookie in session)])), 1)

    def test_the_subject(self) -> None:
        """The person is the ID token's subject."""
        suite = self.suite()
        suite.log_in()
        self.assertIn(SUBJECT.encode(), suite.world.get("/oauth2/userinfo").body)


def _and_secrets_in_forms(module: Module) -> Callable[[Suite], object]:
    def change(suite: Suite) -> None:
        suite.provider.discovery["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
        module.change(suite)

    return change
