"""Tests of logins that are lost on the way, as a browser has them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.http.exchange import HeaderFields
from o2sidecar.policy.peers import Forwarding
from o2sidecar.policy.redirects import location
from o2sidecar.refusals import LoginFailed, LoginLoop, LoginLost, NotPermitted, ProviderFailed, Refusal
from o2sidecar.session.codec import SessionCodec
from o2sidecar.session.cookies import CookieAttributes
from o2sidecar.session.keys import KeyRing
from o2sidecar.session.session import Session
from o2sidecar.signin.failed_check import FailedCheck
from o2sidecar.signin.fields import Fields
from o2sidecar.signin.transaction import Logins, Onward
from tests.signin.house import ALICE, COOKIE, NAME, NOW, Asked, House, chances, house, now_of, query_of, session_pair

PAGE: HeaderFields = [(b"Accept", b"text/html"), (b"Sec-Fetch-Mode", b"navigate"), (b"Sec-Fetch-Dest", b"document")]
CSRF = f"{NAME}_csrf"


class Browser:
    """Keeps cookies, and goes where it is sent; its tabs share the jar."""

    def __init__(self, home: House, *, keeps: bool = True, **changes: Any) -> None:
        self.home = home
        self.keeps = keeps
        self.jar: dict[str, str] = {}
        self.logins: Logins = home.logins(**changes)

    def ask(self, target: str, *, fields: HeaderFields = PAGE, method: str = "GET", body: bytes = b"") -> Asked:
        cookies = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        sent = [*fields, *([(b"Cookie", cookies.encode())] if cookies else [])]
        return Asked(target, method=method, fields=sent, body=body)

    def take(self, asked: Asked, onward: Onward) -> Onward:
        for value in [*onward.set_cookies, *(value for _, value in asked.also)]:
            name, _, rest = value.decode().partition("=")
            if "Max-Age=0" in rest:
                self.jar.pop(name, None)
            elif self.keeps:
                self.jar[name] = rest.partition(";")[0]
        return onward

    def begin(self, redirect: str) -> Onward:
        asked = self.ask("/oauth2/start")
        return self.take(asked, now_of(self.logins.begin(asked, redirect)))  # type: ignore[arg-type]

    def back(self, begun: Onward, code: str = "C-1", fields: HeaderFields = PAGE, **more: str) -> Onward:
        """The provider answers to what was begun, unless it is told where the browser is already."""
        query = urlencode({"code": code, "state": query_of(begun.location)["state"], **more})
        asked = self.ask(f"/oauth2/callback?{query}", fields=fields)
        completing = self.home.recovery(self.logins).complete(asked, Fields.parse(query.encode()))  # type: ignore[arg-type]
        return self.take(asked, now_of(completing))


def at_provider(onward: Onward) -> bool:
    return urlsplit(onward.location).netloc == b"idp.example"


class TabsTests(SynchronousTestCase):
    """Tabs that sign in at once do not get into each other's way."""

    def test_any_order(self) -> None:
        """Twenty tabs begin; whichever finishes first signs in, and all end where they wanted, in one round."""
        for seeds in (False, True):
            for first in (0, 10, 19):
                browser = Browser(house(), seeds=seeds)
                tabs = []
                for n in range(20):
                    tabs.append(browser.begin(f"/page/{n}"))
                    browser.home.clock.advance(1)
                self.assertEqual(list(browser.jar), [CSRF])
                order = [first, *(n for n in range(20) if n != first)]
                for n in order:
                    self.assertEqual(browser.back(tabs[n], code=f"C-{n}").location, f"/page/{n}".encode())
                self.assertEqual(list(browser.jar), [NAME])
                self.assertEqual(len(browser.home.provider.redeemed), 1, "nobody signs in twice")

    def test_answers_that_cross(self) -> None:
        """Where all come back before any answer has arrived, each is completed with proofs of its own."""
        browser = Browser(house())
        tabs = []
        for n in range(20):
            tabs.append(browser.begin(f"/{n}"))
            browser.home.clock.advance(1)
        jar = dict(browser.jar)
        for n, tab in enumerate(tabs):
            browser.jar = dict(jar)
            self.assertEqual(browser.back(tab, code=f"C-{n}").location, f"/{n}".encode())
        for proof in ("code_verifier", "nonce"):
            self.assertEqual(len({redeemed[proof] for redeemed in browser.home.provider.redeemed}), 20)

    def test_all_at_once(self) -> None:
        """Tabs that begin before the browser has any cookie need one more round at most, and each of them ends well."""
        browser = Browser(house())
        tabs = []
        for n in range(20):
            browser.jar.clear()
            tabs.append(browser.begin(f"/{n}"))
        jar = dict(browser.jar)
        again = []
        for tab in tabs:
            browser.jar = dict(jar)
            again.append(browser.back(tab))
        self.assertEqual([at_provider(onward) for onward in again], [True] * 19 + [False])
        for n, onward in enumerate(again[:19]):
            browser.jar = dict(jar)
            self.assertEqual(browser.back(onward, code=f"C-{n}").location, f"/{n}".encode())


class OnceMoreTests(SynchronousTestCase):
    """A lost login is begun anew by itself."""

    def once_more(self, browser: Browser, begun: Onward, **more: Any) -> None:
        """The answer leads to the provider once more, and the next one to the page."""
        again = browser.back(begun, **more)
        self.assertTrue(at_provider(again))
        self.assertEqual(browser.back(again, code="C-2").location, b"/wanted?x=1")
        self.assertIn(NAME, browser.jar)

    def test_left_for_an_hour(self) -> None:
        """As often as that happens: a person was away, nothing goes round in circles."""
        browser = Browser(house())
        begun = browser.begin("/wanted?x=1")
        for _ in range(3):
            browser.home.clock.advance(3600)
            browser.jar.clear()
            begun = browser.back(begun)
            self.assertTrue(at_provider(begun))
        self.assertEqual(browser.back(begun).location, b"/wanted?x=1")

    def test_another_browser(self) -> None:
        """The callback's address in another browser signs nobody in with it; that browser begins a login of its own."""
        home = house()
        begun = Browser(home).begin("/wanted?x=1")
        other = Browser(home)
        self.once_more(other, begun)
        self.assertEqual([redeemed["code"] for redeemed in home.provider.redeemed], ["C-2"])
        self.assertIn("csrf_cookie_missing", home.logged[0][2])

    def test_cookies_cleared(self) -> None:
        """Half-way, or damaged, or sealed with a secret that nobody has any more."""
        for cookie in ("", "junk", "x|1|y"):
            browser = Browser(house())
            begun = browser.begin("/wanted?x=1")
            browser.jar = {CSRF: cookie} if cookie else {}
            self.once_more(browser, begun)

    def test_a_code_that_was_used(self) -> None:
        """By another pod, which had the same click: the provider refuses it, and signs in anew without asking."""
        browser = Browser(house())
        begun = browser.begin("/wanted?x=1")
        browser.home.provider.outcome = ProviderFailed(reason="code_refused", detail="refused: invalid_grant")
        again = browser.back(begun)
        self.assertTrue(at_provider(again))
        signed_in = [*PAGE, (b"Cookie", session_pair())]
        self.assertEqual(browser.back(again, fields=signed_in).location, b"/wanted?x=1", "another tab was faster")
        for _ in range(2):
            again = browser.back(again)
            self.assertTrue(at_provider(again))
        self.assertRaises(ProviderFailed, browser.back, again)
        browser.home.provider.outcome = ALICE
        self.assertEqual(browser.back(again).location, b"/wanted?x=1")

    def test_the_providers_page_expired(self) -> None:
        """Keycloak says so in an error of its own."""
        browser = Browser(house())
        begun = browser.begin("/wanted?x=1")
        said = {"error": "temporarily_unavailable", "error_description": "authentication_expired", "code": ""}
        self.once_more(browser, begun, **said)
        self.assertRaises(LoginFailed, browser.back, begun, error="access_denied", code="")

    def test_a_provider_without_a_choice_of_accounts(self) -> None:
        """One that cannot let people choose an account has them sign in anew (Core 1.0 §3.1.2.6)."""
        for error in ("account_selection_required", "invalid_request"):
            browser = Browser(house())
            begun = browser.begin("/wanted?x=1")
            again = browser.back(begun, error=error, code="")
            self.assertTrue(at_provider(again))
            self.assertEqual(query_of(again.location)["prompt"], "login")
            self.assertRaises(LoginFailed, browser.back, again, error=error, code="")

    def test_only_to_safe_places(self) -> None:
        """A made-up answer leads no further than a link to the start of a login would (security.md O13, R)."""
        browser = Browser(house())
        for state, wanted in (("x:https://evil.example/", "/"), ("x:/ok", "/ok"), ("x://evil.example", "/")):
            asked = browser.ask("/oauth2/callback")
            fields = Fields((("code", "c"), ("state", state)))
            onward = now_of(browser.home.recovery().complete(asked, fields))  # type: ignore[arg-type]
            self.assertEqual(query_of(onward.location)["state"].partition(":")[2].partition("#~")[0], wanted)

    def test_scripts_are_told(self) -> None:
        """Only a browser that goes to a page is sent on; whoever says nothing gets oauth2-proxy's answer."""
        browser = Browser(house())
        begun = browser.begin("/")
        browser.jar.clear()
        for fields in ([], [(b"Accept", b"*/*")], [(b"Accept", b"text/html"), (b"Sec-Fetch-Mode", b"cors")]):
            refusal: LoginLost = self.assertRaises(LoginLost, browser.back, begun, fields=fields)
            self.assertEqual((refusal.status, refusal.why), (403, "missing"))

    def test_who_may_not_pass_is_told(self) -> None:
        """What the person or the operator has to settle is no reason for another round."""
        for outcome in (NotPermitted(reason="github_org"), ProviderFailed(reason="token_response")):
            browser = Browser(house())
            browser.home.provider.outcome = outcome
            self.assertIs(self.assertRaises(Refusal, browser.back, browser.begin("/")), outcome)

    def test_a_pod_of_oauth2_proxy_finishes_it(self) -> None:
        """What a state tells beyond oauth2-proxy's form stands where that takes it for a fragment."""
        browser = Browser(house())
        begun = browser.begin("/wanted?x=1")
        self.assertRegex(query_of(begun.location)["state"], r"\A[\w-]{43}:/wanted\?x=1\Z")
        browser.jar.clear()
        self.assertRegex(query_of(browser.back(begun).location)["state"], r"\A[\w-]{43}:/wanted\?x=1#~[\w-]{35}\Z")


class TwiceTests(SynchronousTestCase):
    """A callback that comes twice."""

    def test_double_click(self) -> None:
        """Both get the session, of one redemption: a provider that sees a code twice takes back what it gave."""
        browser = Browser(house())
        begun = browser.begin("/wanted")
        jar = dict(browser.jar)
        for _ in range(2):
            browser.jar = dict(jar)
            self.assertEqual(browser.back(begun).location, b"/wanted")
            self.assertIn(NAME, browser.jar)
        self.assertEqual(len(browser.home.provider.redeemed), 1)

    def test_the_first_one_goes_away(self) -> None:
        """A browser that drops the first request for the second loses nothing, whenever the provider answers."""
        home = house()
        provider = home.provider
        answers: Deferred[Any] = Deferred()

        async def sign_in(**asked: str | None) -> Any:
            provider.redeemed.append(asked)
            return await answers

        provider.sign_in = sign_in  # type: ignore[method-assign]
        browser = Browser(home)
        begun = browser.begin("/wanted")
        query = urlencode({"code": "C-1", "state": query_of(begun.location)["state"]})
        calls = [
            Deferred.fromCoroutine(
                home.recovery(browser.logins).complete(browser.ask("/oauth2/callback"), Fields.parse(query.encode()))  # type: ignore[arg-type]
            )
            for _ in range(2)
        ]
        calls[0].addErrback(lambda _: None)
        calls[0].cancel()
        answers.callback(ALICE)
        self.assertEqual(self.successResultOf(calls[1]).location, b"/wanted")
        self.assertEqual(len(provider.redeemed), 1)

    def test_a_minute_later(self) -> None:
        """What was redeemed is forgotten after a minute, and a failure at once."""
        browser = Browser(house())
        begun = browser.begin("/wanted")
        jar = dict(browser.jar)
        browser.home.provider.outcome = ProviderFailed(reason="token_response")
        self.assertRaises(ProviderFailed, browser.back, begun)
        browser.home.provider.outcome = ALICE
        for later, redeemed in ((0, 2), (59, 2), (2, 3)):
            browser.home.clock.advance(later)
            browser.jar = dict(jar)
            browser.back(begun)
            self.assertEqual(len(browser.home.provider.redeemed), redeemed)

    def test_reload(self) -> None:
        """A reload of the callback in a browser that is signed in shows the page."""
        browser = Browser(house())
        begun = browser.begin("/wanted")
        browser.back(begun)
        onward = browser.back(begun)
        self.assertEqual((onward.location, onward.session), (b"/wanted", None))


class ChangedPageTests(SynchronousTestCase):
    """The page that a login is for is sealed with the browser's secret: a changed state leads nobody elsewhere."""

    OTHER = "https://phish.example.org/page"

    def changed(self, begun: Onward, was: str, *, seed: bool = True) -> Onward:
        """The same login with another page in its state, which the whitelist would let pass."""
        state = query_of(begun.location)["state"]
        left, hash, right = state.partition("#~")
        told = left.replace(f":{was}", f":{self.OTHER}") + (hash + right if seed else "")
        self.assertIn(self.OTHER, told)
        return evolve(begun, location=begun.location.replace(quote_plus(state).encode(), quote_plus(told).encode()))

    def test_it_is_not_gone_to(self) -> None:
        """A fresh login goes on by itself, to the front page: the code is not spent, and nobody comes to the other."""
        for which in (0, 1):
            browser = Browser(house(), seeds=True)
            tabs = [browser.begin(f"/tab/{n}") for n in range(2)]
            again = browser.back(self.changed(tabs[which], f"/tab/{which}"))
            self.assertTrue(at_provider(again))
            self.assertEqual(browser.home.provider.redeemed, [])
            state = query_of(again.location)["state"]
            self.assertEqual(state.partition("#~")[0].partition(":")[2], "/")

    def test_without_the_seal(self) -> None:
        """Taking seal and seed away makes nobody's login of it, the last one's neither."""
        for which in (0, 1):
            browser = Browser(house(), seeds=True)
            tabs = [browser.begin(f"/tab/{n}") for n in range(2)]
            lost: LoginLost = self.assertRaises(
                LoginLost, browser.back, self.changed(tabs[which], f"/tab/{which}", seed=False)
            )
            self.assertEqual((lost.reason, browser.home.provider.redeemed), ("csrf_state_differs", []))

    def test_as_the_others(self) -> None:
        """The fresh login ends at the front page, and the other tabs at theirs."""
        browser = Browser(house(), seeds=True)
        tabs = [browser.begin(f"/tab/{n}") for n in range(2)]
        again = browser.back(self.changed(tabs[1], "/tab/1"))
        self.assertEqual(browser.back(again).location, b"/")
        self.assertEqual(browser.back(tabs[0], code="C-2").location, b"/tab/0")

    def test_signed_in_meanwhile(self) -> None:
        """Who has a session goes to the front page."""
        browser = Browser(house(), seeds=True)
        tabs = [browser.begin(f"/tab/{n}") for n in range(2)]
        csrf = browser.jar[CSRF]
        browser.back(tabs[0])
        browser.jar[CSRF] = csrf
        onward = browser.back(self.changed(tabs[1], "/tab/1"))
        self.assertEqual((onward.location, onward.session), (b"/", None))

    def test_again_and_again(self) -> None:
        """What changes every state ends in a page that says so, and not in a circle."""
        browser = Browser(house(), seeds=True)
        again = browser.back(self.changed(browser.begin("/tab/0"), "/tab/0"))
        loop: LoginLoop = self.assertRaises(LoginLoop, browser.back, self.changed(again, "/"))
        self.assertEqual(loop.check, "state_changed")

    def test_pages_of_all_kinds(self) -> None:
        """Whatever page is wanted, its own state leads there, wrapped or not."""
        for page in ("/", "/a?b=c&d=%20#~x", "/ä ö?q=ü", "https://app.example.org/x#frag", "/a:b#~" + "A" * 40):
            for wrapped in (False, True):
                browser = Browser(house(), seeds=True, encode_state=wrapped)
                begun = browser.begin(page)
                self.assertEqual(browser.back(begun).location, location(page))


class CircleTests(SynchronousTestCase):
    """Logins that are completed, but whose session does not come back."""

    def browser(self, samesite: str = "lax") -> Browser:
        attributes = CookieAttributes(name=NAME, expire=3600, secure=False, samesite=samesite)  # type: ignore[arg-type]
        home = house()
        check = FailedCheck(attributes=attributes, forwarding=home.forwarding, may_be_large=True)
        return Browser(home, session_check=check)

    def test_stopped(self) -> None:
        """The next login, which begins by itself, ends in a page that says what becomes of the session's cookie."""
        for samesite, check in (("strict", "cookie_samesite"), ("lax", "cookie_too_large")):
            browser = self.browser(samesite)
            browser.back(browser.begin("/wanted"))
            del browser.jar[NAME]
            loop: LoginLoop = self.assertRaises(LoginLoop, browser.begin, "/wanted")
            self.assertEqual((loop.check, loop.status), (check, 400))

    def test_other_keys(self) -> None:
        """A session's cookie that comes back and is of no use was sealed by another pod, with another secret."""
        other = SessionCodec(ring=KeyRing.from_texts(["fedcba9876543210"]), expire=3600)
        self.assertEqual(self.check_of(other.encode(NAME, ALICE)), "keys_differ")

    def test_of_no_use(self) -> None:
        """What else keeps a session's cookie from being one is named as what it is, and not as another secret."""
        for value, check in (
            ("nothing", "cookie_damaged"),
            (COOKIE.codec.encode(NAME, evolve(ALICE, created_at=NOW - 4000)), "clock"),
            (COOKIE.codec.encode(NAME, evolve(ALICE, created_at=NOW + 4000)), "clock"),
            (COOKIE.codec.encode(NAME, Session(created_at=NOW)), "session_ended"),
        ):
            self.assertEqual(self.check_of(value), check)

    def check_of(self, value: str) -> str:
        """The check that fails where a browser comes back with this in the place of its session's cookie."""
        browser = self.browser()
        browser.back(browser.begin("/wanted"))
        browser.jar[NAME] = value
        loop: LoginLoop = self.assertRaises(LoginLoop, browser.begin, "/wanted")
        return loop.check

    def test_once(self) -> None:
        """The page is shown once: whoever tries again may."""
        browser = self.browser()
        browser.back(browser.begin("/wanted"))
        del browser.jar[NAME]
        asked = browser.ask("/oauth2/start")
        self.assertRaises(LoginLoop, now_of, browser.logins.begin(asked, "/"))  # type: ignore[arg-type]
        browser.take(asked, Onward(location=b"/"))
        self.assertTrue(at_provider(browser.begin("/wanted")))

    def test_no_circle(self) -> None:
        """Whoever is signed in, was away for a minute or has signed out begins as many logins as they like."""
        browser = self.browser()
        browser.back(browser.begin("/wanted"))
        self.assertTrue(at_provider(browser.begin("/again")), "there is a session")
        browser = self.browser()
        browser.back(browser.begin("/wanted"))
        del browser.jar[NAME]
        browser.home.clock.advance(61)
        self.assertTrue(at_provider(browser.begin("/later")))
        browser = self.browser()
        browser.back(browser.begin("/wanted"))
        asked = browser.ask("/oauth2/sign_out")
        browser.logins.forget(asked)  # type: ignore[arg-type]
        browser.take(asked, Onward(location=b"/"))
        self.assertEqual(list(browser.jar), [NAME])
        del browser.jar[NAME]
        self.assertTrue(at_provider(browser.begin("/new")))

    def test_tabs_go_on(self) -> None:
        """Tabs that come back after the first has signed in find the session and go to their pages."""
        browser = self.browser()
        tabs = [browser.begin(f"/page/{n}") for n in range(5)]
        for n, tab in enumerate(tabs):
            self.assertEqual(browser.back(tab, code=f"C-{n}").location, f"/page/{n}".encode())


class LoopTests(SynchronousTestCase):
    """Two lost logins in a row end at a page that names the check."""

    def loop(self, cookies: CookieAttributes | None = None, host: bytes = b"app.example.com", **request: Any) -> str:
        """The check that fails for a browser that keeps no cookie which has these attributes."""
        home = house()
        attributes = cookies or CookieAttributes(name=NAME, secure=False)
        asked = Asked(fields=request.pop("fields", PAGE))
        for name, value in {"host": host, "path": b"/oauth2/callback", **request}.items():
            setattr(asked, name, value)
        check = FailedCheck(attributes=attributes, forwarding=home.forwarding)
        loop = check.loop(asked, LoginLost(reason="csrf_cookie_missing", why="missing"))  # type: ignore[arg-type]
        self.assertIn(loop.check, loop.detail)
        return loop.check

    def test_it_is_stopped(self) -> None:
        """A browser without cookies sees the provider twice and then the page, which is no 403."""
        for seeds in (False, True):
            browser = Browser(house(), keeps=False, seeds=seeds)
            again = browser.back(browser.begin("/wanted"))
            self.assertTrue(at_provider(again))
            loop: LoginLoop = self.assertRaises(LoginLoop, browser.back, again)
            self.assertEqual((loop.check, loop.status, loop.reason), ("cookie_not_returned", 400, "login_loop"))

    def test_keys_differ(self) -> None:
        """Two pods with different secrets, asked in turn, come to an end whichever begins."""
        homes = [house(), house()]
        other = evolve(homes[1].pending, ring=KeyRing.from_texts(["fedcba9876543210"]))
        browser = Browser(homes[0])
        pods = [homes[0].logins(), evolve(homes[1].logins(), pending=other)]
        browser.logins = pods[0]
        begun = browser.begin("/wanted")
        browser.logins = pods[1]
        begun = browser.back(begun)
        browser.logins = pods[0]
        loop: LoginLoop = self.assertRaises(LoginLoop, browser.back, begun)
        self.assertEqual(loop.check, "keys_differ")
        self.assertIn("cookie secret", loop.sentence)

    def test_clocks_differ(self) -> None:
        """A pod whose clock is behind refuses what the other one sealed."""
        ahead, behind = house(), house()
        ahead.clock.advance(1200)
        behind.clock.advance(1)
        browser = Browser(behind)
        begun = browser.begin("/wanted")
        browser.logins = ahead.logins()
        begun = browser.back(begun)
        browser.logins = behind.logins()
        loop: LoginLoop = self.assertRaises(LoginLoop, browser.back, begun)
        self.assertEqual(loop.check, "clock")

    def test_replaced(self) -> None:
        """Another program that gives cookies of this name, sealed with this key."""
        browser = Browser(house(), random=chances(b"one"))
        begun = browser.begin("/")
        foreign = Browser(house(random=chances(b"two")))
        for end in (False, False, False, True):
            foreign.jar.clear()
            foreign.begin("/")
            browser.jar = dict(foreign.jar)
            if end:
                loop: LoginLoop = self.assertRaises(LoginLoop, browser.back, begun)
                self.assertEqual(loop.check, "cookie_replaced")
            else:
                begun = browser.back(begun)

    def test_why_a_cookie_does_not_come_back(self) -> None:
        """Secure on http, SameSite, domain, path, size; a proxy's word and loopback hosts count."""
        plain = CookieAttributes(name=NAME, secure=False)
        secure = CookieAttributes(name=NAME)
        many = b"; ".join(b"c%d=1" % n for n in range(150))
        for check, attributes, request in (
            ("cookie_secure", secure, {}),
            ("cookie_not_returned", secure, {"secure": True}),
            ("cookie_not_returned", secure, {"host": b"localhost:4180"}),
            ("cookie_not_returned", secure, {"host": b"app1.localhost"}),
            ("cookie_not_returned", secure, {"host": b"127.0.0.1:4180"}),
            ("cookie_secure", secure, {"host": b"127.0.0.1.example.com"}),
            ("cookie_samesite", evolve(plain, samesite="none"), {}),
            ("cookie_samesite", evolve(plain, samesite="strict"), {}),
            ("cookie_samesite", evolve(plain, samesite="lax"), {"method": b"POST"}),
            ("cookie_not_returned", evolve(plain, samesite="lax"), {}),
            ("cookie_domain", evolve(plain, domains=(".example.org",)), {}),
            ("cookie_not_returned", evolve(plain, domains=(".example.org", ".example.com")), {}),
            ("cookie_path", evolve(plain, path="/app"), {}),
            ("cookie_not_returned", evolve(plain, path="/oauth2"), {}),
            ("cookie_too_large", plain, {"fields": [*PAGE, (b"Cookie", many)]}),
            ("cookie_not_returned", plain, {"fields": [*PAGE, (b"Cookie", b"other=1")]}),
        ):
            self.assertEqual(self.loop(attributes, **request), check, (attributes, request))

    def test_the_proxy_in_front_tells_the_scheme(self) -> None:
        """TLS that ends in front of us is TLS, if that proxy is to be believed."""
        asked = Asked(fields=[*PAGE, (b"X-Forwarded-Proto", b"https")])
        asked.path, asked.peer = b"/oauth2/callback", "127.0.0.1"
        lost = LoginLost(reason="csrf_cookie_missing", why="missing")
        for trusting, found in ((True, "cookie_not_returned"), (False, "cookie_secure")):
            forwarding = Forwarding(reverse_proxy=trusting)
            check = FailedCheck(attributes=CookieAttributes(name=NAME), forwarding=forwarding)
            self.assertEqual(check.loop(asked, lost).check, found)  # type: ignore[arg-type]
