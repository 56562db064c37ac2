"""Every page in a real browser: Chromium with axe-core, the real sidecar, npm's certified provider.

`make screenshots` runs these tests and keeps pictures of the pages for docs/pages.md.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from attrs import evolve
from selenium.webdriver.common.by import By

from o2sidecar.refusals import LoginLoop
from o2sidecar.signin.brand import Brand
from o2sidecar.signin.colours import Colour
from o2sidecar.signin.explanations import CHECKS
from o2sidecar.signin.page import Page, ProviderButton
from o2sidecar.signin.pages import Pages
from tests.end_to_end.certified_case import CertifiedCase
from tests.end_to_end.origin import Conversation, Origin
from tests.end_to_end.page_views import DARK, LIGHT, PHONE, Look, PageViews
from tests.end_to_end.processes import Running, eventually, free_port

LOGO = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#0b6e4f"/>'
    '<path d="M8 23 16 8l8 15" fill="none" stroke="#fff" stroke-width="3"/></svg>'
)
_POST = """
const form = document.createElement('form');
form.method = 'post';
form.action = '/reports';
form.append(Object.assign(document.createElement('textarea'), {name: arguments[0], value: 'Well done.'}));
document.body.append(form);
form.submit();
"""
NAME, COLOUR, FOOTER = "Acme Reports", "#0b6e4f", "Help: extension 4711"


class PagesCase(PageViews, CertifiedCase):
    """A sidecar with a brand, before an app, and a browser."""

    def setUp(self) -> None:
        """Addresses and a browser; nothing runs yet but the app."""
        CertifiedCase.setUp(self)
        PageViews.setUp(self)
        self.sidecar: Running | None = None

    def start(self, **settings: str) -> None:
        """The sidecar, for people of the group `team` only."""
        logo = Path(self.mktemp() + ".svg").resolve()
        logo.write_text(LOGO)
        told = {"FOOTER": FOOTER, "CUSTOM_SIGN_IN_LOGO": str(logo), "ALLOWED_GROUPS": "team", **settings}
        flags = ("--defaults=o2sidecar", f"--brand-name={NAME}", f"--brand-colour={COLOUR}")
        self.sidecar = self.run_sidecar(self.settings(self.port) | told, *flags)
        self.sidecar.await_listening(self.port)

    def open(self, path: str, shown: str) -> None:
        """Go to a page, and wait for what it says."""
        self.browser.get(self.base + path)
        self.await_text(shown)

    def await_text(self, shown: str) -> None:
        """Wait for a page that says something."""
        try:
            eventually(f"the page {shown!r}", lambda: shown in self.browser.page_source, 30)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.browser.page_source[-2000:]}") from None

    def judge_logged(self, name: str, *pictured: Look) -> None:
        """Judge the page, whose reference must be in the sidecar's log."""
        self.judge(name, *pictured)
        reference, sidecar = self.reference(), self.sidecar
        assert sidecar is not None
        self.assertTrue(reference, f"{name} has no reference")
        eventually(f"a line with {reference} of {name}", lambda: reference in sidecar.output())


class VisitTests(PagesCase):
    """What people meet who sign in, or may not."""

    def test_signing_in(self) -> None:
        """The sign-in page, with a banner and a form for local users, in vain and in German too."""
        users = Path(self.mktemp()).resolve()
        users.write_text("bob:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=\n")
        self.start(HTPASSWD_FILE=str(users), BANNER="For people of <b>Acme</b> only.")
        self.open("/reports", "Sign in with")
        self.judge_logged("sign-in", LIGHT, DARK, PHONE)
        self.browser.find_element(By.ID, "username").send_keys("bob")
        self.browser.find_element(By.ID, "password").send_keys("wrong")
        self.browser.find_elements(By.CSS_SELECTOR, ".local button")[0].click()
        self.await_text("There is no such user")
        self.judge_logged("sign-in-in-vain", LIGHT)
        self.browser.execute_cdp_cmd("Network.enable", {})
        self.browser.execute_cdp_cmd("Network.setExtraHTTPHeaders", {"headers": {"Accept-Language": "de-AT,de;q=0.9"}})
        self.open("/reports", '<html lang="de">')
        self.judge_logged("sign-in-german")

    def test_refused(self) -> None:
        """Who may not pass is told who they are and why; another account leads to the page that was wanted."""
        self.start_provider()
        self.start()
        self.open("/reports", "Sign in with")
        self.browser.add_cookie({"name": "account", "value": "mallory"})
        self.press("Sign in with")
        self.await_text("You do not have access")
        for part in ("mallory", "none of the groups", "Reference"):
            self.assertIn(part, self.text())
        self.judge_logged("refused", LIGHT, DARK, PHONE)
        asked = self.browser.find_element(By.CSS_SELECTOR, "input[name=prompt]").get_attribute("value")
        self.assertEqual(asked, "select_account")
        self.browser.add_cookie({"name": "account", "value": "ada"})
        # The provider would ask; the one of these tests takes whom the cookie names.
        self.browser.delete_cookie("_session")
        self.browser.delete_cookie("_session.legacy")
        self.press("Use another account")
        self.await_text("ada@example.com")
        self.assertEqual(self.browser.current_url, f"{self.base}/reports")

    def test_a_provider_in_trouble(self) -> None:
        """While it is away the page says so; once it is there the same page's button leads on to what was wanted."""
        self.start()
        self.open("/reports?week=47", "Sign in with")
        self.press("Sign in with")
        self.await_text("Signing in is not possible just now")
        self.judge_logged("try-again", LIGHT, DARK)
        self.press("Try again")
        self.await_text("Signing in is not possible just now")
        self.start_provider()

        def tried() -> bool:
            if "Try again" in self.browser.page_source:
                self.press("Try again")
            return "ada@example.com" in self.browser.page_source

        eventually("signing in", tried, 40)
        self.assertEqual(self.browser.current_url, f"{self.base}/reports?week=47")

    def test_signed_out(self) -> None:
        """Signing out ends at a page that stays, though the site sends everybody to the provider at once."""
        self.start_provider()
        self.start(SKIP_PROVIDER_BUTTON="true")
        self.open("/", "ada@example.com")
        self.open("/oauth2/sign_out", "You are signed out")
        self.judge_logged("signed-out", LIGHT, DARK)
        names = [cookie["name"] for cookie in self.browser.get_cookies()]
        self.assertNotIn("_oauth2_proxy", names)
        self.assertEqual(self.browser.current_url, f"{self.base}/oauth2/sign_out")

    def test_in_a_window_of_its_own(self) -> None:
        """Where a login in a popup ends, the page says whether it came to anything."""
        self.start_provider()
        self.start()
        self.open("/oauth2/renewed", "You are not signed in")
        self.judge_logged("renewed-in-vain", LIGHT, DARK)
        self.press("Sign in")
        self.await_text("You are signed in")
        # It closes itself, which the console says that it may not where no script opened it.
        self.complaints()
        self.judge("renewed", LIGHT, DARK, leads=False)

    def test_a_form_without_a_session(self) -> None:
        """What was filled in is kept where it can be sent again; what holds a password is not."""
        self.start(SKIP_AUTH_ROUTES="^/open/")
        for field, name, offered in (
            ("comment", "posted-form", "Send again"),
            ("password", "posted-form-lost", "Sign in"),
        ):
            self.browser.get(f"{self.base}/open/")
            self.browser.execute_script(_POST, field)
            self.await_text("What you sent did not arrive")
            self.assertIn(offered, self.text("main"))
            self.assertEqual("Send again" in self.text("main"), field == "comment")
            self.judge_logged(name, LIGHT, DARK, *((PHONE,) if field == "comment" else ()))

    def test_an_app_that_is_down(self) -> None:
        """Its page offers to try again, and does not blame the session."""
        self.start(UPSTREAMS=f"http://127.0.0.1:{free_port()}", SKIP_AUTH_ROUTES="^/open/")
        self.open("/open/x", "The application is unavailable")
        self.judge_logged("app-down", LIGHT, DARK)

    def test_too_many_cookies(self) -> None:
        """Who has too many is told so, by a page that says what helps."""
        self.start()
        self.open("/", "Sign in with")
        for number in range(24):
            self.browser.add_cookie({"name": f"tracking{number}", "value": "x" * 3900})
        self.open("/", "too many cookies")
        self.judge_logged("too-many-cookies", LIGHT, DARK)

    def test_nothing_there(self) -> None:
        """A folder of files has no such file: the page leads to the first one."""
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        self.start(UPSTREAMS=f"file://{folder}/#/", SKIP_AUTH_ROUTES="^/")
        self.open("/nowhere", "<main")
        self.judge("nothing-there")


class UnreachedPageTests(PagesCase):
    """Pages that no single setting leads to, served with the fields that the sidecar gives them."""

    def show(self, make: Callable[[Pages], Page]) -> None:
        """Have the browser show a page of a brand's."""
        pages = Pages(
            provider_name="Acme Staff",
            prefix="/oauth2",
            version="1",
            brand=Brand(name=NAME, colour=Colour.parse(COLOUR)),
            footer=FOOTER,
        )
        page = make(pages)

        def script(asked: Conversation) -> None:
            fields = [*page.headers(), (b"Content-Length", b"%d" % len(page.body)), (b"Connection", b"close")]
            head = b"".join(b"%s: %s\r\n" % field for field in fields)
            asked.send(b"HTTP/1.1 %d OK\r\n%s\r\n%s" % (page.status, head, page.body))

        origin = Origin(script)
        self.addCleanup(origin.close)
        self.browser.get(origin.url)
        self.await_text("<main")

    def test_many_providers(self) -> None:
        """Each has a button, with a letter."""
        buttons = [
            ProviderButton(name=name, display_name=shown, start_url=f"/oauth2/start?provider={name}")
            for name, shown in (("staff", "Acme Staff"), ("github", "GitHub"), ("google", "Google"), ("kc", "Partners"))
        ]
        self.show(lambda pages: evolve(pages, providers=buttons).sign_in(200, "/reports", request_id="6f1c-4711"))
        self.judge("sign-in-providers", LIGHT, DARK, PHONE)

    def test_loop(self) -> None:
        """Each failed check has its page."""
        for check in sorted(CHECKS):
            self.show(lambda pages, check=check: pages.error(LoginLoop(check=check), request_id="6f1c-4711"))  # type: ignore[misc]
            self.judge(f"loop-{check}", *((LIGHT, DARK) if check == "cookie_secure" else ()))
