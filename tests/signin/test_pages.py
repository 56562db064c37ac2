"""Tests of o2sidecar.signin.pages."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from urllib.parse import urlencode, urlsplit

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.refusals import (
    BadRequest,
    LoginFailed,
    NothingThere,
    NotPermitted,
    OwnFault,
    ProviderFailed,
    ProviderUnavailable,
    Refusal,
    UpstreamFailed,
)
from o2sidecar.signin.logo import NO_LOGO, Logo
from o2sidecar.signin.pages import Page, Pages
from tests.signin.house import house
from tests.signin.page_reader import Form, PageReader

PAGES = house().pages()
REFUSED = LoginFailed(reason="csrf_cookie_missing", sentence="This browser has no CSRF cookie.", detail="the detail")
HOSTILE = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'}}{{7*7}}{% raw %}&lt;"


def read(page: Page) -> PageReader:
    """The facts of a page."""
    return PageReader(page.body.decode("utf-8"))


def error(refusal: Refusal = REFUSED, pages: Pages = PAGES, redirect: str = "/back", who: str = "") -> PageReader:
    """The facts of an error page."""
    return read(pages.error(refusal, request_id="rid-1", redirect=redirect, who=who))


def policy(page: Page) -> dict[str, list[str]]:
    """The Content-Security-Policy by directive."""
    field = dict(page.fields)[b"Content-Security-Policy"].decode("ascii")
    return {words[0]: words[1:] for words in (directive.split() for directive in field.split(";"))}


def every_page(pages: Pages = PAGES) -> list[Page]:
    """One of each kind."""
    return [pages.sign_in(403, "/x"), pages.signed_out("/"), pages.error(REFUSED, request_id="rid-1")]


class SignInPageTests(SynchronousTestCase):
    """The sign-in page offers one thing."""

    def test_its_form_begins_a_login(self) -> None:
        """There is one form, which takes the destination to the start endpoint."""
        page = PAGES.sign_in(403, "/app?x=1&y=2")
        facts = read(page)
        self.assertEqual(page.status, 403)
        self.assertEqual(
            facts.forms, [Form("get", "/oauth2/start", [("rd", "/app?x=1&y=2")], ["Sign in with Example"])]
        )

    def test_one_domain_is_named(self) -> None:
        """With one domain the page says which."""
        facts = read(house().pages(email_domains=["example.com"]).sign_in(200, "/"))
        self.assertIn("Authenticate using example.com", facts.text)

    def test_several_domains_are_listed(self) -> None:
        """With several the page lists them."""
        facts = read(house().pages(email_domains=["example.com", "example.org"]).sign_in(200, "/"))
        self.assertIn("example.com, example.org", facts.text)

    def test_every_domain_is_not_worth_a_word(self) -> None:
        """Where any domain may sign in none is named."""
        for domains in ([], ["*"], ["*", "example.com"]):
            self.assertNotIn("Authenticate", read(house().pages(email_domains=domains).sign_in(200, "/")).text)

    def test_a_banner_takes_the_message_s_place(self) -> None:
        """The operator's HTML stands there as HTML; a dash leaves nothing."""
        own = read(house().pages(email_domains=["a.example"], banner="<b>Hello</b> you").sign_in(200, "/"))
        self.assertIn("Hello you", own.text)
        self.assertIn("b", own.tags)
        off = read(house().pages(email_domains=["a.example"], banner="-").sign_in(200, "/"))
        self.assertNotIn("a.example", off.text)

    def test_a_logo_is_shown_in_the_place_of_our_mark(self) -> None:
        """A picture, or nothing at all."""
        mark = read(PAGES.sign_in(200, "/"))
        picture = read(house().pages(logo=Logo.from_file("l.png", b"PNG")).sign_in(200, "/"))
        nothing = read(house().pages(logo=NO_LOGO).sign_in(200, "/"))
        self.assertEqual(("svg" in mark.tags, "img" in mark.tags), (True, False))
        self.assertEqual(("svg" in picture.tags, "img" in picture.tags), (False, True))
        self.assertEqual(("svg" in nothing.tags, "img" in nothing.tags), (False, False))

    def test_a_logo_elsewhere_is_allowed_by_the_policy(self) -> None:
        """The one host that pictures may come from is the logo's."""
        pages = house().pages(logo=Logo.from_url("https://cdn.example/logo.svg"))
        self.assertEqual(policy(pages.sign_in(200, "/"))["img-src"], ["data:", "https://cdn.example"])


class ErrorPageTests(SynchronousTestCase):
    """The error page says what happened and shows ways on."""

    def test_it_holds_the_facts(self) -> None:
        """Status, standard title, message and reference are visible."""
        text = error().text
        for fact in ("403 Forbidden", "This browser has no CSRF cookie.", "rid-1"):
            self.assertIn(fact, text)

    def test_it_leads_back_and_to_signing_in(self) -> None:
        """The first form goes back, the second to the sign-in page with the destination."""
        forms = error().forms
        self.assertEqual(
            [(form.action, form.inputs) for form in forms],
            [
                ("/back", []),
                ("/oauth2/sign_in", [("rd", "/back")]),
            ],
        )

    def test_the_way_back_keeps_its_query(self) -> None:
        """A GET form replaces the query of its action, so it repeats it (the browser ends at the same URL)."""
        back = error(redirect="/a?x=1&y=%C3%BC+z&x=2#f").forms[0]
        self.assertEqual(urlencode(back.inputs), urlsplit(back.action).query)

    def test_an_app_that_is_down_cannot_be_helped_by_signing_in(self) -> None:
        """The page for it offers to try again, and nothing else (user-needs.md 25)."""
        facts = error(UpstreamFailed(reason="refused"), redirect="/x")
        self.assertEqual([(form.action, form.labels) for form in facts.forms], [("/x", ["Try again"])])
        self.assertIn("502 Bad Gateway", facts.text)

    def test_who_may_not_pass_is_named_and_can_change(self) -> None:
        """It says who the person is and why, and leads to another account at the provider (user-needs.md 25)."""
        refusal = NotPermitted(reason="group_not_allowed", sentence="You are in none of the groups.")
        facts = error(refusal, who="mallory@example.com")
        self.assertIn("You signed in with Example as mallory@example.com.", facts.text)
        self.assertIn("You are in none of the groups.", facts.text)
        self.assertEqual(facts.forms[-1].labels, ["Use another account"])
        self.assertEqual(facts.forms[-1].action, "/oauth2/start")
        self.assertEqual(facts.forms[-1].inputs, [("rd", "/back"), ("prompt", "select_account")])

    def test_detail_is_shown_only_on_demand(self) -> None:
        """What only the operator is told is not on the page, unless pages show it."""
        self.assertNotIn("the detail", error().text)
        self.assertIn("the detail", error(pages=house().pages(show_detail=True)).text)

    def test_every_kind_of_refusal_has_a_page(self) -> None:
        """Whatever the refusal, there is a title, a heading and a message."""
        kinds = (BadRequest, LoginFailed, NothingThere, NotPermitted, OwnFault, ProviderFailed, UpstreamFailed)
        for kind in (*kinds, ProviderUnavailable):
            facts = error(kind(reason="x"))
            self.assertEqual((facts.tags.count("h1"), facts.tags.count("main")), (1, 1), kind)
        self.assertIn("599 Error", error(Refusal(reason="odd", status=599)).text)


class FooterTests(SynchronousTestCase):
    """The footer is the operator's if they want."""

    def test_it_can_be_replaced_and_removed(self) -> None:
        """On every page."""
        for page in every_page():
            self.assertIn("Protected by o2sidecar", read(page).text)
        for page in every_page(house().pages(footer="Run by <a href='https://x.example'>Ops</a>")):
            self.assertIn("Run by Ops", read(page).text)
            self.assertNotIn("o2sidecar", read(page).text)
        for page in every_page(house().pages(footer="-")):
            self.assertNotIn("footer", read(page).tags)


class SafetyTests(SynchronousTestCase):
    """Nothing on a page runs, leads or fetches but what we put there (security.md X1, CVE-2024-41810)."""

    def test_the_policy_allows_the_style_in_the_page_and_nothing_else(self) -> None:
        """The style's hash is that of the text in the page; there is no script, no frame, no base."""
        for page in every_page():
            digest = b64encode(sha256(read(page).style.encode()).digest()).decode()
            rules = policy(page)
            self.assertEqual(rules["default-src"], ["'none'"])
            self.assertEqual(rules["style-src"], [f"'sha256-{digest}'"])
            self.assertEqual(rules["img-src"], ["data:"])
            self.assertEqual(rules["frame-ancestors"], ["'none'"])
            self.assertEqual(rules["base-uri"], ["'none'"])

    def test_the_other_fields_are_there(self) -> None:
        """No sniffing, no referrer, no frames for old browsers, and a charset."""
        for page in every_page():
            fields = dict(page.headers())
            self.assertEqual(fields[b"X-Content-Type-Options"], b"nosniff")
            self.assertEqual(fields[b"Referrer-Policy"], b"no-referrer")
            self.assertEqual(fields[b"X-Frame-Options"], b"DENY")
            self.assertEqual(fields[b"Content-Type"], b"text/html; charset=utf-8")

    def test_nothing_is_fetched_from_outside(self) -> None:
        """Where a page leads is a form's action; whatever it is made of is in it: it needs no file of ours either."""
        for page in every_page():
            for tag, link in read(page).links:
                self.assertTrue(link.startswith("/" if tag == "form" else "data:"), (tag, link))
            self.assertNotIn("script", read(page).tags)
            self.assertNotIn("url(", read(page).style)
            self.assertNotIn("@import", read(page).style)

    def test_hostile_text_stays_text(self) -> None:
        """Every value that can come from outside is shown as it is, and adds no tag and no attribute."""
        refusal = NotPermitted(reason="x", sentence=HOSTILE, detail=HOSTILE)
        pages = house().pages(show_detail=True, provider_name=HOSTILE, email_domains=[HOSTILE])
        hostile = pages.error(refusal, request_id=HOSTILE, redirect="/" + HOSTILE, who=HOSTILE + "!")
        for page in (hostile, pages.sign_in(403, "/" + HOSTILE), pages.signed_out("/" + HOSTILE)):
            facts = read(page)
            self.assertNotIn("script", facts.tags)
            self.assertNotIn("img", facts.tags)
            self.assertEqual([name for _, name, _ in facts.attributes if name.startswith("on")], [])
            self.assertIn(" ".join(HOSTILE.split()), facts.text)

    @settings(deadline=None, max_examples=60)
    @given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40))
    def test_no_value_leaves_its_place(self, value: str) -> None:
        """For any text the page has the tags and attributes of an ordinary one, and its form holds the text."""
        plain = read(PAGES.sign_in(403, "/x"))
        facts = read(PAGES.sign_in(403, "/" + value))
        self.assertEqual(facts.tags, plain.tags)
        self.assertEqual([name for _, name, _ in facts.attributes], [name for _, name, _ in plain.attributes])
        # HTML turns some controls into others when it is parsed; what is printable must come through.
        if value.isprintable():
            self.assertEqual(facts.forms[0].inputs, [("rd", "/" + value)])

    @settings(deadline=None, max_examples=60)
    @given(st.text(max_size=40), st.text(max_size=40))
    def test_error_pages_keep_their_shape(self, sentence: str, request_id: str) -> None:
        """Message and reference of any text, even lone surrogates, add nothing to the page but text."""
        plain = error(LoginFailed(reason="x", sentence="y"))
        page = PAGES.error(LoginFailed(reason="x", sentence=sentence), request_id=request_id, redirect="/back")
        self.assertEqual(read(page).tags, plain.tags)


class AccessibilityTests(SynchronousTestCase):
    """The pages work with a keyboard and a screen reader."""

    def test_pages_say_their_language_and_have_landmarks(self) -> None:
        """Language, title, one main landmark, one first heading, no zoom lock."""
        for page in every_page():
            facts = read(page)
            self.assertIn(("html", "lang", "en"), facts.attributes)
            self.assertEqual([facts.tags.count(tag) for tag in ("title", "main", "h1")], [1, 1, 1])
            self.assertNotIn("user-scalable", page.body.decode())

    def test_buttons_are_described(self) -> None:
        """Every button has a label and names the text that explains it; pictures are hidden from readers."""
        for page in every_page():
            facts = read(page)
            ids = {value for _, name, value in facts.attributes if name == "id"}
            described = [
                value for tag, name, value in facts.attributes if (tag, name) == ("button", "aria-describedby")
            ]
            self.assertEqual(len(described), facts.tags.count("button"))
            self.assertLessEqual(set(described), ids)
            self.assertTrue(all(form.labels for form in facts.forms))
            hidden = [value for tag, name, value in facts.attributes if (tag, name) == ("svg", "aria-hidden")]
            self.assertEqual(len(hidden), facts.tags.count("svg"))

    def test_focus_can_be_seen_and_darkness_is_respected(self) -> None:
        """The style has a focus ring, a dark palette, and lets motion be reduced."""
        style = read(PAGES.sign_in(200, "/")).style
        for rule in (":focus-visible", "prefers-color-scheme: dark", "prefers-reduced-motion", "forced-colors"):
            self.assertIn(rule, style)
