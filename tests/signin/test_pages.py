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
    Busy,
    LoginFailed,
    LoginLoop,
    NothingThere,
    NotPermitted,
    OwnFault,
    ProviderFailed,
    ProviderUnavailable,
    Refusal,
    StoreUnavailable,
    UpstreamFailed,
    refused_by_the_wire,
)
from o2sidecar.signin.brand import Brand
from o2sidecar.signin.colours import Colour
from o2sidecar.signin.explanations import CHECKS
from o2sidecar.signin.logo import NO_LOGO, Logo
from o2sidecar.signin.page import Page, ProviderButton
from o2sidecar.signin.pages import Pages
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
    return [
        pages.sign_in(403, "/x", request_id="rid-1"),
        pages.signed_out("/", request_id="rid-1"),
        pages.error(REFUSED, request_id="rid-1"),
    ]


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


class ProvidersTests(SynchronousTestCase):
    """Several providers have a button each."""

    GITHUB = ProviderButton(name="gh", display_name="GitHub", start_url="/oauth2/start?provider=gh")
    STAFF = ProviderButton(name="staff", display_name="éclair", start_url="/oauth2/start")

    def test_each_button_begins_a_login_there(self) -> None:
        """Its form goes to the start URL of the provider, with the query of that and the destination."""
        facts = read(house().pages(providers=[self.GITHUB, self.STAFF]).sign_in(200, "/app?x=1"))
        self.assertEqual(
            facts.forms,
            [
                Form(
                    "get",
                    "/oauth2/start?provider=gh",
                    [("provider", "gh"), ("rd", "/app?x=1")],
                    ["G", "Sign in with GitHub"],
                ),
                Form("get", "/oauth2/start", [("rd", "/app?x=1")], ["É", "Sign in with éclair"]),
            ],
        )
        self.assertEqual(facts.tags.count("li"), 2)

    def test_a_letter_stands_before_each(self) -> None:
        """The first that is one, or a question mark."""
        for name, letter in (("éclair", "É"), ("(x)", "X"), ("", "?"), ("…", "?"), ("ßa", "S"), ("日本", "日")):
            self.assertEqual(ProviderButton(name="a", display_name=name, start_url="/").letter, letter)

    def test_hostile_names_stay_text(self) -> None:
        """X1: a provider's name and URL add no tag and no attribute."""
        button = ProviderButton(name=HOSTILE, display_name=HOSTILE, start_url="/" + HOSTILE)
        facts = read(house().pages(providers=[button], logo=NO_LOGO).sign_in(200, "/"))
        self.assertNotIn("script", facts.tags)
        self.assertNotIn("img", facts.tags)
        self.assertIn(" ".join(HOSTILE.split()), facts.text)


class BrandTests(SynchronousTestCase):
    """The operator's name, logo and colour are on every page."""

    def test_name_and_logo_head_every_page(self) -> None:
        """Both are in the page's header, and the name is in its title."""
        pages = house().pages(brand=Brand(name="Acme <Inc>"), logo=Logo.from_file("l.png", b"PNG"))
        for page in every_page(pages):
            self.assertIn("· Acme <Inc>", read(page).text)
            self.assertEqual([read(page).tags.count(tag) for tag in ("header", "img")], [1, 1])

    def test_without_them_there_is_no_header(self) -> None:
        """An empty landmark would be read aloud."""
        for page in every_page():
            self.assertNotIn("header", read(page).tags)

    def test_the_colour_is_in_the_style(self) -> None:
        """It is in the one style that the policy allows."""
        pages = house().pages(brand=Brand(colour=Colour.parse("#0a7d33")))
        for page in every_page(pages):
            style = read(page).style
            self.assertIn("--accent: #0a7d33;", style)
            digest = b64encode(sha256(style.encode()).digest()).decode()
            self.assertEqual(policy(page)["style-src"], [f"'sha256-{digest}'"])


class LanguageTests(SynchronousTestCase):
    """Pages are in the language that the browser asks for, or in the operator's."""

    def test_every_page_is_translated(self) -> None:
        """The page says so, and no sentence of ours stays English."""
        english = {word for page in every_page() for word in read(page).text.split()}
        for page in every_page(house().pages(language="de", footer="-")):
            facts = read(page)
            self.assertIn(("html", "lang", "de"), facts.attributes)
            self.assertFalse({"Sign", "Please", "sign-in", "You", "reference"} & set(facts.text.split()) & english)

    def test_the_browser_is_asked(self) -> None:
        """By Accept-Language."""
        page = PAGES.error(REFUSED, request_id="r", accept_language=b"de-DE,de;q=0.9,en;q=0.8")
        self.assertIn("Die Anmeldung hat nicht geklappt", read(page).text)

    def test_the_operator_may_decide(self) -> None:
        """Then the browser's wish does not count."""
        page = house().pages(language="en").error(REFUSED, request_id="r", accept_language=b"de")
        self.assertIn("Signing in did not work", read(page).text)

    def test_a_sentence_without_a_translation_is_marked(self) -> None:
        """A screen reader says it in English."""
        page = PAGES.error(LoginFailed(reason="x", sentence="Quite new."), request_id="r", accept_language=b"de")
        self.assertIn(("p", "lang", "en"), read(page).attributes)
        self.assertIn("Quite new.", read(page).text)

    def test_who_is_refused_is_named_once(self) -> None:
        """In the sentence, or else beside it."""
        refusal = NotPermitted(reason="x", sentence="eve@example.com is not allowed here.")
        page = PAGES.error(refusal, request_id="r", who="eve@example.com", accept_language=b"de")
        self.assertEqual(read(page).text.count("eve@example.com"), 1)
        self.assertIn("eve@example.com ist hier nicht zugelassen.", read(page).text)


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

    def test_a_provider_in_trouble_can_be_tried_again(self) -> None:
        """The button begins a login anew, so that the same page works as soon as the provider does."""
        facts = error(ProviderUnavailable())
        self.assertEqual(
            [(form.action, form.labels, form.inputs) for form in facts.forms],
            [("/back", ["Go back"], []), ("/oauth2/start", ["Try again"], [("rd", "/back")])],
        )
        self.assertIn("Whoever is signed in already can go on working", facts.text)

    def test_where_waiting_helps_there_is_nothing_else_to_press(self) -> None:
        """Neither a full house nor a session store that is away is mended by signing in."""
        for refusal in (Busy(), StoreUnavailable()):
            self.assertEqual([form.labels for form in error(refusal).forms], [["Try again"]])

    def test_a_loop_is_explained(self) -> None:
        """The page names the failed check, says what to do about it, and has the reference (issue 6, item 3)."""
        for check in sorted(CHECKS):
            facts = error(LoginLoop(check=check))
            self.assertIn("Signing in goes round in circles", facts.text)
            for part in (f"Failed check{check}", "What to do", "rid-1"):
                self.assertIn(part, facts.text)
        texts = {error(LoginLoop(check=check)).text.replace(check, "") for check in CHECKS}
        self.assertEqual(len(texts), len(CHECKS), "each has advice of its own")
        self.assertIn("Delete the cookies", error(LoginLoop(check="something_else")).text)

    def test_too_many_cookies_are_explained(self) -> None:
        """Who has too many is told how to get rid of them."""
        facts = error(refused_by_the_wire(431, "x"))
        self.assertIn("delete the cookies of this site", facts.text)

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


class ReferenceTests(SynchronousTestCase):
    """Every page can be found in the log."""

    def test_every_page_shows_the_request_s_id(self) -> None:
        """So that whoever runs the site can look up what happened to a person who calls."""
        for page in every_page():
            self.assertIn("rid-1", read(page).text)


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
            self.assertEqual(fields[b"Cache-Control"], b"no-store")
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
