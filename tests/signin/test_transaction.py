"""Tests of o2sidecar.signin.transaction."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import urlencode

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.observe.counts import SignInCounts
from o2sidecar.policy.admission import Admission
from o2sidecar.refusals import (
    BadRequest,
    LoginFailed,
    LoginLost,
    NotPermitted,
    ProviderFailed,
    ProviderUnavailable,
    Refusal,
)
from o2sidecar.signin.fields import Fields
from o2sidecar.signin.transaction import Logins, NotAdmitted, Onward
from tests.signin.house import (
    ALICE,
    COOKIE,
    NAME,
    Asked,
    House,
    chances,
    cookies_from,
    house,
    now_of,
    query_of,
    session_in,
    session_pair,
)


def hashed(text: str) -> str:
    """Unpadded URL-safe base64 of the SHA-256 hash, written out here once more."""
    return urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


class Tab:
    """A browser tab that begins a login and comes back from the provider."""

    def __init__(self, logins: Logins, redirect: str = "/wanted?x=1") -> None:
        self.logins = logins
        self.begun = now_of(logins.begin(Asked("/oauth2/start"), redirect))  # type: ignore[arg-type]
        self.sent = query_of(self.begun.location)
        self.cookies = cookies_from(self.begun.set_cookies)
        self.request = Asked()

    def comes_back(self, *more_cookies: bytes, **changes: str | None) -> Onward:
        """Complete the login with `code=C-1`; `changes` replace parameters, `None` leaves one out."""
        parameters = {"code": "C-1", "state": self.sent["state"], **changes}
        query = urlencode({name: value for name, value in parameters.items() if value is not None})
        cookies = b"; ".join(cookie for cookie in (self.cookies, *more_cookies) if cookie)
        self.request = Asked(f"/oauth2/callback?{query}", fields=[(b"Cookie", cookies)] if cookies else [])
        return now_of(self.logins.complete(self.request, Fields.parse(query.encode())))  # type: ignore[arg-type]

    @property
    def cleared(self) -> bool:
        """Whether the answer to the callback takes the login's cookie away."""
        return any(value.startswith(f"{NAME}_csrf=;".encode()) for name, value in self.request.also)


class BeginTests(SynchronousTestCase):
    """A login begins with an authorization request and a cookie."""

    def test_the_request_has_the_parameters_of_the_code_flow(self) -> None:
        """RFC 6749 §4.1.1, PKCE with S256 and a nonce; the endpoint's own query and the provider's wishes stay."""
        sent = Tab(house().logins()).sent
        self.assertEqual(sent["response_type"], "code")
        self.assertEqual(sent["client_id"], "client-1")
        self.assertEqual(sent["redirect_uri"], "http://app.example.com/oauth2/callback")
        self.assertEqual((sent["tenant"], sent["scope"], sent["approval_prompt"]), ("7", "openid email", "force"))
        self.assertEqual(sent["code_challenge_method"], "S256")
        self.assertRegex(sent["code_challenge"], r"\A[A-Za-z0-9_-]{43}\Z")
        self.assertRegex(sent["nonce"], r"\A[A-Za-z0-9_-]{43}\Z")
        self.assertRegex(sent["state"], r"\A[A-Za-z0-9_-]{43}:/wanted\?x=1\Z")

    def test_nonce_and_pkce_can_be_left_out(self) -> None:
        """With the settings that oauth2-proxy has by default neither is sent."""
        sent = Tab(house().logins(nonce=False, code_challenge_method="")).sent
        self.assertEqual({"nonce", "code_challenge", "code_challenge_method"} & sent.keys(), set())

    def test_the_provider_cannot_change_the_flow(self) -> None:
        """What a provider asks for beside the flow never replaces the flow's parameters."""
        home = house()
        home.provider.authorization_parameters = lambda: {  # type: ignore[method-assign]
            "state": "mine",
            "redirect_uri": "https://evil.example/",
        }
        sent = Tab(home.logins()).sent
        self.assertEqual(sent["redirect_uri"], "http://app.example.com/oauth2/callback")
        self.assertNotEqual(sent["state"], "mine")

    def test_another_account_can_be_chosen(self) -> None:
        """The provider is asked to let the person choose, by one prompt parameter only."""
        onward = now_of(house().logins().begin(Asked(), "/", prompt="select_account"))  # type: ignore[arg-type]
        sent = query_of(onward.location)
        self.assertEqual(sent["prompt"], "select_account")
        self.assertNotIn("approval_prompt", sent)

    def test_the_state_can_be_wrapped(self) -> None:
        """For providers that mangle URLs in it the whole state is base64, and comes back."""
        tab = Tab(house().logins(encode_state=True), "/here")
        self.assertRegex(tab.sent["state"], r"\A[A-Za-z0-9_-]+\Z")
        self.assertEqual(tab.comes_back().location, b"/here")

    def test_every_login_has_secrets_of_its_own(self) -> None:
        """Nothing unguessable is used twice."""
        logins = house().logins()
        first, second = Tab(logins).sent, Tab(logins).sent
        for name in ("state", "nonce", "code_challenge"):
            self.assertNotEqual(first[name], second[name])

    def test_a_flood_of_logins_keeps_nothing_here(self) -> None:
        """What a login must remember is in its cookie: another process with the same key completes it (D7, D13)."""
        home = house()
        tab = Tab(home.logins())
        elsewhere = house(random=chances(b"elsewhere"))
        tab.logins = elsewhere.logins()
        self.assertEqual(tab.comes_back().session, evolve(ALICE, nonce=tab.comes_back().session.nonce))  # type: ignore[union-attr]

    def test_an_outage_is_said(self) -> None:
        """While the provider cannot be reached nobody can begin."""
        home = house()
        home.provider.endpoint = ProviderUnavailable()
        self.assertRaises(ProviderUnavailable, now_of, home.logins().begin(Asked(), "/"))  # type: ignore[arg-type]


class CompleteTests(SynchronousTestCase):
    """A good answer makes a session."""

    def test_the_browser_gets_the_session_and_the_page(self) -> None:
        """The redirect leads to the page that was wanted; the login's cookie goes, the session's comes."""
        tab = Tab(house().logins())
        onward = tab.comes_back()
        self.assertEqual(onward.location, b"/wanted?x=1")
        self.assertTrue(onward.set_cookies[0].startswith(f"{NAME}_csrf=; ".encode()), onward.set_cookies[0])
        self.assertEqual(session_in(onward.set_cookies), onward.session)
        self.assertEqual((onward.session and onward.session.email), "alice@example.com")
        self.assertEqual(tab.request.also, [])

    def test_the_code_is_redeemed_with_its_proofs(self) -> None:
        """The verifier fits the challenge that was sent, and the nonce is the one that was sent (O4, O5)."""
        home = house()
        tab = Tab(home.logins())
        tab.comes_back()
        (redeemed,) = home.provider.redeemed
        self.assertEqual((redeemed["code"], redeemed["redirect_uri"]), ("C-1", tab.sent["redirect_uri"]))
        self.assertEqual(hashed(redeemed["code_verifier"] or ""), tab.sent["code_challenge"])
        self.assertEqual(redeemed["nonce"], tab.sent["nonce"])

    def test_what_was_not_sent_is_not_checked(self) -> None:
        """Without nonce and PKCE the provider is given neither."""
        home = house()
        Tab(home.logins(nonce=False, code_challenge_method="")).comes_back()
        self.assertEqual((home.provider.redeemed[0]["nonce"], home.provider.redeemed[0]["code_verifier"]), (None, None))

    def test_the_session_keeps_the_nonce(self) -> None:
        """Its 32 random bytes, whose hash was sent, as oauth2-proxy's cookie has them."""
        tab = Tab(house().logins())
        session = tab.comes_back().session
        assert session is not None
        self.assertEqual(len(session.nonce), 32)
        digest = urlsafe_b64encode(hashlib.sha256(session.nonce).digest()).rstrip(b"=").decode()
        self.assertEqual(digest, tab.sent["nonce"])

    def test_a_planted_session_is_replaced(self) -> None:
        """Whatever session the browser came with, its cookies are replaced or deleted (security.md S1)."""
        planted = b"; ".join([session_pair(), f"{NAME}_0=x".encode(), f"{NAME}_1=y".encode()])
        onward = Tab(house().logins()).comes_back(planted)
        names = [value.partition(b"=")[0].decode() for value in onward.set_cookies]
        self.assertEqual(names, [f"{NAME}_csrf", NAME, f"{NAME}_0", f"{NAME}_1"])
        self.assertEqual(len(set(names)), len(names), "one final state of each cookie")

    def test_a_redirect_that_was_changed_on_the_way_is_judged_again(self) -> None:
        """The state's redirect is not protected by its hash: a foreign one leads to the root (security.md R)."""
        tab = Tab(house().logins())
        state_hash = tab.sent["state"].partition(":")[0]
        for redirect in ("https://evil.example/", "//evil.example", "/\\evil.example", "/oauth2/start", ""):
            self.assertEqual(tab.comes_back(state=f"{state_hash}:{redirect}").location, b"/")
        self.assertEqual(
            tab.comes_back(state=f"{state_hash}:https://a.example.org/x").location, b"https://a.example.org/x"
        )

    def test_a_location_never_splits_the_header(self) -> None:
        """Line ends in the state's redirect do not come through (security.md R8)."""
        tab = Tab(house().logins())
        state_hash = tab.sent["state"].partition(":")[0]
        location = tab.comes_back(state=f"{state_hash}:/a\r\nSet-Cookie: x=1").location
        self.assertNotIn(b"\n", location)
        self.assertNotIn(b"\r", location)


class RefusedTests(SynchronousTestCase):
    """A bad answer makes no session, and costs no code."""

    def refused(self, tab: Tab, *cookies: bytes, home: House, spent: int = 0, **changes: str | None) -> Refusal:
        """The refusal that a callback comes to, after as many token requests as `spent` says."""
        refusal: Refusal = self.assertRaises(Refusal, tab.comes_back, *cookies, **changes)
        self.assertEqual(len(home.provider.redeemed), spent)
        return refusal

    def test_another_browsers_answer_spends_no_code(self) -> None:
        """Without the login's cookie nothing is sent to the provider (security.md O1, login CSRF O13)."""
        home = house()
        tab = Tab(home.logins())
        tab.cookies = b""
        refusal = self.refused(tab, home=home)
        self.assertEqual((type(refusal), refusal.status, refusal.reason), (LoginLost, 403, "csrf_cookie_missing"))
        self.assertIn("CSRF", refusal.sentence)

    def test_another_logins_state_spends_no_code(self) -> None:
        """The state is compared before the code is used; the cookie of the other login stays for its own answer."""
        home = house()
        first, second = Tab(home.logins()), Tab(home.logins())
        first.cookies = second.cookies
        self.assertEqual(self.refused(first, home=home).reason, "csrf_state_differs")
        self.assertFalse(first.cleared)
        self.assertEqual(second.comes_back().location, b"/wanted?x=1")

    def test_a_login_expires(self) -> None:
        """A cookie that is older than it may be counts as none (security.md O2)."""
        home = house()
        tab = Tab(home.logins())
        home.clock.advance(901)
        self.assertEqual(self.refused(tab, home=home).reason, "csrf_cookie_unreadable")

    def test_a_tampered_cookie_is_no_login(self) -> None:
        """Changing any part of the cookie ends it (security.md S3)."""
        home = house()
        tab = Tab(home.logins())
        tab.cookies = tab.cookies[:-4] + b"AAA="
        self.assertEqual(self.refused(tab, home=home).status, 403)

    def test_a_session_cookie_is_no_login(self) -> None:
        """Purposes cannot be swapped (security.md S3)."""
        home = house()
        tab = Tab(home.logins())
        tab.cookies = session_pair().replace(NAME.encode(), f"{NAME}_csrf".encode(), 1)
        self.assertEqual(self.refused(tab, home=home).status, 403)

    def test_answers_that_make_no_sense(self) -> None:
        """No state, no code, an empty code, or both code and error: 400, and no code is used (security.md O3)."""
        for changes, reason in (
            ({"state": None}, "state_missing"),
            ({"code": None}, "code_missing"),
            ({"code": ""}, "code_missing"),
            ({"error": "access_denied"}, "code_and_error"),
        ):
            home = house()
            refusal = self.refused(Tab(home.logins()), home=home, **changes)
            self.assertEqual((type(refusal), refusal.status, refusal.reason), (BadRequest, 400, reason))

    def test_repeated_parameters(self) -> None:
        """A second state, code or error is an error, not a choice (security.md O9)."""
        home = house()
        logins = home.logins()
        for name in ("state", "code", "error"):
            fields = Fields((("state", "h:/"), ("code", "c"), ("error", ""), (name, "again")))
            refusal = self.assertRaises(BadRequest, now_of, logins.complete(Asked(), fields))  # type: ignore[arg-type]
            self.assertEqual(refusal.reason, "repeated_parameter")

    def test_a_state_that_is_none_of_ours(self) -> None:
        """It is refused with the status that oauth2-proxy gives it."""
        home = house()
        refusal = self.refused(Tab(home.logins()), home=home, state="bad")
        self.assertEqual((refusal.status, refusal.reason), (500, "state_malformed"))
        self.assertIn("invalid length", refusal.detail)

    def test_the_providers_error_is_named(self) -> None:
        """Its word ends the sentence, cut to a bearable length; its description is for the log (security.md O11)."""
        home = house()
        tab = Tab(home.logins())
        refusal = self.refused(
            tab, home=home, code=None, error="access_denied%s" + "x" * 500, error_description="<b>why"
        )
        self.assertEqual((refusal.status, refusal.reason), (403, "provider_error"))
        self.assertRegex(refusal.sentence, r"It says: access_denied%sx{185}\Z")
        self.assertNotIn("why", refusal.sentence)
        self.assertIn("<b>why", refusal.detail)
        self.assertFalse(tab.cleared, "the person may go back to the provider and say yes")

    def test_who_may_not_pass_is_refused_by_name(self) -> None:
        """The operator's rules apply before there is a session, and the login is over (security.md A1)."""
        home = house(admission=Admission(email_domains=("corp.example",)))
        tab = Tab(home.logins())
        refusal = self.refused(tab, home=home, spent=1)
        assert isinstance(refusal, NotAdmitted)
        self.assertEqual(
            (refusal.status, refusal.name, refusal.reason), (403, "alice@example.com", "email_not_allowed")
        )
        self.assertTrue(tab.cleared)

    def test_an_account_without_email_is_refused(self) -> None:
        """No provider's login begins a session without an address, even where all addresses may pass."""
        home = house()
        home.provider.outcome = evolve(ALICE, email="")
        self.assertIsInstance(self.refused(Tab(home.logins()), home=home, spent=1), NotAdmitted)

    def test_a_login_that_is_over_loses_its_cookie(self) -> None:
        """After a refusal for good the cookie goes; after a failure of the provider it stays."""
        for outcome, cleared in (
            (LoginFailed(reason="nonce_differs"), True),
            (NotPermitted(reason="not_in_organization"), True),
            (ProviderFailed(reason="code_refused"), False),
            (ProviderUnavailable(), False),
        ):
            home = house()
            home.provider.outcome = outcome
            tab = Tab(home.logins())
            self.assertIs(self.refused(tab, home=home, spent=1), outcome)
            self.assertEqual(tab.cleared, cleared, outcome)

    def test_an_unexpected_error_is_not_swallowed(self) -> None:
        """What is nobody's refusal goes up, and gives no session."""
        home = house()
        home.provider.outcome = ZeroDivisionError()
        self.assertRaises(ZeroDivisionError, Tab(home.logins()).comes_back)


class CountsTests(SynchronousTestCase):
    """Logins are counted when they begin and when they end."""

    def setUp(self) -> None:
        """A house whose logins are counted."""
        self.home = house()
        self.counts = SignInCounts()

    def tab(self) -> Tab:
        return Tab(self.home.logins(counts=self.counts))

    def test_begun(self) -> None:
        """A login counts as begun when there is somewhere to send the browser."""
        self.tab()
        self.home.provider.endpoint = ProviderUnavailable()
        self.assertRaises(ProviderUnavailable, self.tab)
        self.assertEqual((self.counts.begun, sum(self.counts.ended.values())), (1, 0))

    def test_ended(self) -> None:
        """Each answer counts once, by whose fault it was that nobody is signed in now."""
        self.tab().comes_back()
        tab = self.tab()
        tab.cookies = b""
        tab.comes_back(session_pair())
        self.assertRaises(LoginFailed, tab.comes_back)
        self.assertRaises(BadRequest, self.tab().comes_back, code=None)
        for outcome in (
            NotPermitted(reason="github_org"),
            ProviderFailed(reason="token_response"),
            ProviderUnavailable(),
            ZeroDivisionError(),
        ):
            self.home.provider.outcome = outcome
            self.assertRaises(type(outcome), self.tab().comes_back)
        self.assertEqual(
            self.counts.ended,
            {"success": 1, "repeated": 1, "denied": 1, "failed": 2, "provider_failed": 2, "error": 1},
        )


class LateAnswerTests(SynchronousTestCase):
    """An answer that comes late or twice does not interrupt people who are signed in."""

    def setUp(self) -> None:
        self.home = house()
        self.tab = Tab(self.home.logins())
        self.tab.cookies = b""

    def test_a_repeated_answer_leads_to_the_page(self) -> None:
        """A double click on the callback ends where the first one did, without another token request (O15)."""
        onward = self.tab.comes_back(session_pair())
        self.assertEqual((onward.location, onward.set_cookies, onward.session), (b"/wanted?x=1", (), None))
        self.assertEqual(self.home.provider.redeemed, [])

    def test_it_never_leads_elsewhere(self) -> None:
        """A made-up answer can send a signed-in person only where any link could (O13)."""
        self.assertEqual(self.tab.comes_back(session_pair(), state="x:https://evil.example/").location, b"/")

    def test_it_does_not_switch_sessions(self) -> None:
        """Another person's code in a signed-in browser changes nothing (login CSRF, O13)."""
        onward = self.tab.comes_back(session_pair(), code="of-the-attacker")
        self.assertEqual((onward.set_cookies, self.home.provider.redeemed), ((), []))

    def test_a_session_that_may_not_pass_does_not_help(self) -> None:
        """Only somebody who may pass counts as signed in."""
        strict = house(admission=Admission(email_domains=("corp.example",)))
        self.tab.logins = strict.logins()
        self.assertRaises(LoginFailed, self.tab.comes_back, session_pair())

    def test_an_error_is_still_said(self) -> None:
        """What the provider refuses it refuses to signed-in people as well, and their session stays."""
        refusal: Any = self.assertRaises(
            LoginFailed, self.tab.comes_back, session_pair(), code=None, error="access_denied"
        )
        self.assertEqual(refusal.reason, "provider_error")
        self.assertEqual(self.tab.request.also, [])

    def test_minimal_cookies_hold_no_tokens(self) -> None:
        """With minimal session cookies the browser gets no token."""
        onward = Tab(self.home.logins(issue=self.home.sessions_in(evolve(COOKIE, minimal=True)).issue)).comes_back()
        session = session_in(onward.set_cookies)
        assert session is not None
        self.assertEqual((session.access_token, session.id_token, session.refresh_token), ("", "", ""))
