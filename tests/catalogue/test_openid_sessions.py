"""The OpenID Foundation's plans for relying parties about refresh tokens, and about logouts from either side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.catalogue.openid_session_suite import (
    BACK_CHANNEL,
    FRONT_CHANNEL,
    LANDING,
    REFRESH,
    RP_INITIATED,
    LogoutModule,
    SessionSuite,
)
from tests.options.world import ADDRESS

OUT = 403


class SessionSuiteCase(SynchronousTestCase):
    """Somebody who has signed in with the suite's provider."""

    def signed_in(self, change: Any = lambda suite: None, **settings: str) -> SessionSuite:
        suite = SessionSuite(change, **{"provider_logout": "true", **settings})
        self.addCleanup(suite.world.end)
        self.assertEqual(suite.log_in().status, 302)
        self.assertEqual(self.page(suite), 200)
        return suite

    def page(self, suite: SessionSuite) -> int:
        """The status that the browser gets at a page of the app's."""
        answer = suite.world.get("/")
        suite.world.keep(answer)
        return answer.status


class RefreshTests(SessionSuiteCase):
    """oidcc-client-refreshtoken-test-plan."""

    def refreshing(self, change: Any) -> SessionSuite:
        """Somebody whose session is due, with the provider's document read long before."""
        suite = self.signed_in(change, cookie_refresh="1m", cookie_refresh_jitter="0")
        suite.world.pass_time(70)
        suite.provider.asked.clear()
        return suite

    def test_modules(self) -> None:
        """Another issuer or person in a refresh ends the session; nothing is asked by what came with a bad ID token."""
        for name, module in REFRESH.items():
            suite = self.refreshing(module.change)
            self.assertEqual(self.page(suite), 200 if module.lives else OUT, name)
            self.assertEqual(suite.used_refresh_tokens(), ["RT-1"], name)
            paths = suite.provider.paths()
            after = paths[paths.index("/token") + 1 :]
            self.assertEqual("/userinfo" in after, module.asks, f"{name}: {paths}")
            self.assertEqual(self.page(suite), 200 if module.lives else OUT, name)
            self.assertNotIn("scope", suite.provider.asked[paths.index("/token")].form, name)

    def test_new_access_token(self) -> None:
        """User info is asked with the access token of the refresh."""
        suite = self.refreshing(lambda suite: None)
        suite.provider.tokens["access_token"] = "AT-2"
        self.page(suite)
        [asked] = [asked for asked in suite.provider.asked if asked.path == "/userinfo"]
        self.assertEqual(asked.headers["authorization"], "Bearer AT-2")

    def test_again(self) -> None:
        """The next refresh uses the refresh token of the one before where there was one, and else the same again."""
        for name, expected in (("oidcc-client-test-refresh-token", "RT-2"), ("not rotating", "RT-1")):
            suite = self.refreshing(REFRESH[name].change)
            self.page(suite)
            suite.world.pass_time(70)
            self.assertEqual(self.page(suite), 200)
            self.assertEqual(suite.used_refresh_tokens(), ["RT-1", expected])


class LogoutTests(SessionSuiteCase):
    """The plans about logouts, for the code flow."""

    def plan(self, modules: Mapping[str, LogoutModule]) -> None:
        for name, module in modules.items():
            suite = self.signed_in()
            copy = dict(suite.world.jar)
            asked = suite.sign_out()
            self.assertEqual(asked["id_token_hint"], suite.issued[-1], name)
            self.assertEqual(asked["post_logout_redirect_uri"], LANDING, name)
            self.assertTrue(asked["state"], name)
            told = suite.back_channel(module.sign(suite, module.claims(suite.logout_claims())))
            self.assertEqual((told.status, told.values(b"cache-control")), (module.status, [b"no-store"]), name)
            if module.frames:
                self.framed(suite)
            state = module.state(asked["state"])
            landed = suite.land(state)
            self.assertEqual(landed.status, 200, name)
            self.assertEqual(b"/bye" in landed.body, state == asked["state"], name)
            self.assertEqual((landed.values(b"location"), self.page(suite)), ([], OUT), name)
            suite.world.jar = copy
            self.assertEqual(self.page(suite), OUT, name)

    def framed(self, suite: SessionSuite) -> None:
        """The frame is shown by the provider's page, whatever the session is."""
        answer = suite.front_channel()
        self.assertEqual((answer.status, answer.values(b"x-frame-options")), (200, []))
        [policy] = answer.values(b"content-security-policy")
        self.assertIn(f"frame-ancestors {ADDRESS}".encode(), policy)

    def test_rp_initiated(self) -> None:
        """L3: the plan about RP-initiated logout passes: whatever the state is on the way back, the page is there."""
        self.plan(RP_INITIATED)

    def test_back_channel(self) -> None:
        """L4: the back-channel plan passes: 400 for every token that is wrong, 200 for a good one."""
        self.plan(BACK_CHANNEL)

    def test_front_channel(self) -> None:
        """The front-channel plan passes."""
        self.plan(FRONT_CHANNEL)

    def test_from_the_provider(self) -> None:
        """A logout that begins at the provider ends the session by either channel, and by no token that is wrong."""
        suite = self.signed_in(cookie_samesite="none")
        suite.front_channel()
        self.assertEqual(self.page(suite), OUT, "oidcc-client-test-rp-frontchannel-opinitlogout")
        for name, module in BACK_CHANNEL.items():
            suite = self.signed_in()
            told = suite.back_channel(module.sign(suite, module.claims(suite.logout_claims())))
            self.assertEqual(told.status, module.status, name)
            self.assertEqual(self.page(suite), OUT if module.status == 200 else 200, name)

    def test_other_algorithms(self) -> None:
        """Another algorithm than that of ID tokens counts where settings name it, or while none of those was seen."""
        settings = {"oidc_enabled_signing_algs": "RS256,ES256"}
        named, new = self.signed_in(**settings), SessionSuite()
        self.addCleanup(new.world.end)
        for suite in (named, new):
            token = BACK_CHANNEL["oidcc-client-test-rp-backchannel-rpinitlogout-wrong-alg"].sign(
                suite, suite.logout_claims()
            )
            self.assertEqual(suite.back_channel(token).status, 200)
        self.assertEqual(self.page(named), OUT)
