"""The demo as a person sees it, in a real browser: Chromium without a window, driven by Selenium.

Screenshots are kept in `screenshots/` of the folder that the tests run in.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.end_to_end.browsers import BrowserCase
from tests.end_to_end.echo import Echo
from tests.end_to_end.processes import BIN, ProcessCase, Running, eventually

ASKED = "/reports?week=47&team=a%20b"


class DemoCase(BrowserCase):
    """A test with the demo and a browser."""

    demo_arguments: tuple[str, ...] = ("--port=0",)

    def setUp(self) -> None:
        """The demo, once it is ready, and a browser that has never been anywhere."""
        self.demo: Running = self.run_process([str(BIN / "o2sidecar"), "demo", *self.demo_arguments])
        ready = self.demo.await_line(r"^ready app1=(\S+) app2=(\S+) provider=(\S+)$")
        self.app1, self.app2, self.provider = ready.groups()
        self.browser = self.start_browser()
        self.screenshots = Path("screenshots").resolve()
        self.screenshots.mkdir(exist_ok=True)

    # --- what a person does ---

    def find(self, css: str) -> list[WebElement]:
        """Elements of the page, maybe none."""
        return self.browser.find_elements(By.CSS_SELECTOR, css)

    def press(self, label: str) -> None:
        """Press the button or follow the link that is labelled so."""
        xpath = f"//button[contains(., '{label}')] | //a[contains(., '{label}')]"

        def pressed() -> bool:
            found = self.browser.find_elements(By.XPATH, xpath)
            if found:
                found[0].click()
            return bool(found)

        self.await_page(f"pressing {label!r}", pressed)

    def text(self) -> str:
        """What can be read; nothing while a page is on its way."""
        return " ".join(body.text for body in self.find("body"))

    def await_page(self, what: str, shown: Callable[[], bool]) -> None:
        """Wait for a page; while it changes, its elements come and go."""

        def attempt() -> bool:
            try:
                return shown()
            except StaleElementReferenceException:
                return False

        try:
            eventually(what, attempt, 30)
        except AssertionError as error:
            self.keep("failed")
            raise AssertionError(f"{error}; at {self.browser.current_url}: {self.text()!r}") from None

    def keep(self, name: str) -> Path:
        """Keep a picture of the page; where."""
        path = self.screenshots / f"{self._testMethodName}-{name}.png"
        self.assertTrue(self.browser.save_screenshot(str(path)), f"no screenshot at {path}")
        return path

    def at_sign_in(self) -> bool:
        """Whether this is the sidecar's page that offers to sign in."""
        return bool(self.find("form[action$='/oauth2/start'], a[href*='/oauth2/start']"))

    def sign_in(self, name: str) -> None:
        """From the sign-in page to whatever comes behind the provider."""
        self.await_page("the sign-in page", self.at_sign_in)
        self.press("Sign in")
        self.await_page("the provider's page", lambda: self.browser.current_url.startswith(self.provider))
        self.keep("provider")
        self.press(name)
        self.await_page("being back", lambda: not self.browser.current_url.startswith(self.provider))

    def user(self) -> str:
        """Who the app says one is."""
        found = self.find("#user")
        return found[0].text if found else ""

    def await_user(self, email: str) -> None:
        """Wait for an app's page that names the person."""
        self.await_page(f"the app with {email}", lambda: self.user() == email)

    def complaints(self) -> list[str]:
        """What the browser's console has to say of pages, apart from statuses that are meant."""
        log = self.browser.get_log("browser")
        return [entry["message"] for entry in log if "Failed to load resource" not in entry["message"]]


class VisitTests(DemoCase):
    """A person opens the demo."""

    def test_the_whole_visit(self) -> None:
        """Deep link, sign-in, back at that link, identity, the second app without asking, sign-out from both."""
        self.browser.get(self.app1 + ASKED)
        self.await_page("the sign-in page", self.at_sign_in)
        self.assertTrue(self.keep("sign-in").stat().st_size > 1000)
        self.sign_in("Ada Lovelace")
        self.await_user("ada@example.com")
        self.assertEqual(self.browser.current_url, self.app1 + ASKED)
        self.assertEqual(self.find("#asked")[0].text, ASKED)
        self.keep("app1")

        self.browser.get(f"{self.app1}/headers")
        received = {name.lower(): value for name, value in json.loads(self.text()).items()}
        self.assertEqual(received["x-forwarded-email"], "ada@example.com")
        self.assertEqual(received["x-forwarded-groups"], "team,engineers")
        self.assertNotIn("o2sidecar_demo", received.get("cookie", ""))

        self.browser.get(f"{self.app1}/")
        self.press("Open App 2")
        self.await_page("app 2", lambda: self.browser.current_url == f"{self.app2}/")
        self.await_user("ada@example.com")
        self.keep("app2")

        self.press("Sign out")
        self.await_page("the sign-in page of app 2", self.at_sign_in)
        self.browser.get(self.app1 + ASKED)
        self.await_page("the sign-in page of app 1", self.at_sign_in)
        self.assertEqual(self.browser.get_cookies(), [])
        self.assertEqual(self.complaints(), [])


class ByAddressTests(VisitTests):
    """The same where `*.localhost` does not resolve: both apps at one address, told apart by port."""

    demo_arguments = ("--host=127.0.0.1", "--port=0")


class OwnAppTests(DemoCase):
    """The reader's own app in the place of the first one."""

    def setUp(self) -> None:
        """An app that is not the demo's."""
        app = Echo()
        self.addCleanup(app.close)
        self.demo_arguments = ("--port=0", f"--app={app.url}")
        super().setUp()

    def test_own_app(self) -> None:
        """It is behind the sidecar, which tells it who asks; the demo's other app is still there."""
        self.browser.get(self.app1 + ASKED)
        self.sign_in("Ada Lovelace")
        self.await_page("the own app", lambda: '"path"' in self.text())
        received = json.loads(self.text())
        self.assertEqual(received["path"], ASKED)
        self.assertEqual(received["headers"]["x-forwarded-email"], "ada@example.com")
        self.browser.get(f"{self.app2}/")
        self.await_user("ada@example.com")


class BrowserTests(DemoCase):
    """What else a person meets."""

    def test_turned_away(self) -> None:
        """Mallory is told why she may not pass and offered another account, and with that one gets in."""
        self.browser.get(self.app1 + ASKED)
        self.sign_in("Mallory Malice")
        self.await_page("a refusal", lambda: "mallory@example.com" in self.text())
        self.keep("refused")
        self.assertEqual(self.user(), "", "the app was not shown")
        self.assertIn("group", self.text().lower())
        self.press("another account")
        self.await_page("the provider's page", lambda: "Ada Lovelace" in self.text())
        self.press("Ada Lovelace")
        self.await_user("ada@example.com")
        self.assertEqual(self.browser.current_url, self.app1 + ASKED)
        self.assertEqual(self.complaints(), [])

    def test_keyboard_alone(self) -> None:
        """The whole sign-in can be done with Tab and Enter, and it shows where the keyboard is."""
        self.browser.get(self.app1 + ASKED)
        self.await_page("the sign-in page", self.at_sign_in)
        self.tab_to("Sign in")
        self.keep("focus")
        self.browser.switch_to.active_element.send_keys(Keys.ENTER)
        self.await_page("the provider's page", lambda: "Ada Lovelace" in self.text())
        self.tab_to("Ada Lovelace")
        self.browser.switch_to.active_element.send_keys(Keys.ENTER)
        self.await_user("ada@example.com")
        self.tab_to("Sign out")
        self.browser.switch_to.active_element.send_keys(Keys.ENTER)
        self.await_page("the sign-in page", self.at_sign_in)

    def tab_to(self, label: str) -> None:
        """Press Tab until the keyboard is at what is labelled so; there must be an outline to see."""
        for _ in range(12):
            self.browser.switch_to.active_element.send_keys(Keys.TAB)
            element = self.browser.switch_to.active_element
            if element.tag_name in {"a", "button"} and label in element.text:
                self.assertNotEqual(element.value_of_css_property("outline-style"), "none", "no focus to be seen")
                return
        self.fail(f"Tab never came to {label!r}")

    def test_many_tabs(self) -> None:
        """Two tabs that began to sign in before either was done both end where each wanted to go."""
        self.browser.get(f"{self.app1}/first?a=1")
        self.await_page("the sign-in page", self.at_sign_in)
        self.press("Sign in")
        self.await_page("the provider's page", lambda: self.browser.current_url.startswith(self.provider))
        first = self.browser.current_window_handle
        self.browser.switch_to.new_window("tab")
        self.browser.get(f"{self.app1}/second?b=2")
        self.sign_in("Ada Lovelace")
        self.await_user("ada@example.com")
        self.assertEqual(self.browser.current_url, f"{self.app1}/second?b=2")
        self.browser.switch_to.window(first)
        self.press("Ada Lovelace")
        self.await_user("ada@example.com")
        self.assertEqual(self.browser.current_url, f"{self.app1}/first?a=1")

    def test_on_a_phone_in_the_dark(self) -> None:
        """On a narrow screen nothing has to be scrolled sideways, and in dark mode the pages are dark."""
        self.browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride", {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
        )
        dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
        self.browser.get(self.app1 + ASKED)
        self.await_page("the sign-in page", self.at_sign_in)
        self.fits("sign-in")
        self.press("Sign in")
        self.await_page("the provider's page", lambda: "Ada Lovelace" in self.text())
        self.fits("provider")
        self.press("Mallory")
        self.await_page("a refusal", lambda: "mallory@example.com" in self.text())
        self.fits("refused")

    def fits(self, name: str) -> None:
        """The page is no wider than the screen, and dark."""
        self.keep(name)
        wide, seen, colour = self.browser.execute_script(
            "return [document.documentElement.scrollWidth, window.innerWidth,"
            " getComputedStyle(document.body).backgroundColor]"
        )
        self.assertLessEqual(wide, seen, f"{name} has to be scrolled sideways")
        parts = [int(part) for part in colour.partition("(")[2].strip(")").split(",")[:3]]
        self.assertLess(sum(parts), 3 * 96, f"{name} is not dark: {colour}")

    def test_said_aloud(self) -> None:
        """Each page has a language, a title, one heading and a main part, which is what a screen reader goes by."""
        self.browser.get(self.app1 + ASKED)
        self.await_page("the sign-in page", self.at_sign_in)
        self.assert_readable()
        self.press("Sign in")
        self.await_page("the provider's page", lambda: "Ada Lovelace" in self.text())
        self.assert_readable()
        self.press("Mallory")
        self.await_page("a refusal", lambda: "mallory@example.com" in self.text())
        self.assert_readable()

    def assert_readable(self) -> None:
        """Those four are there."""
        self.assertTrue(self.find("html")[0].get_attribute("lang"))
        self.assertTrue(self.browser.title)
        self.assertEqual(len(self.find("h1")), 1)
        self.assertEqual(len(self.find("main, [role=main]")), 1)


class StoppingTests(ProcessCase):
    """The demo ends as it should."""

    def test_ctrl_c(self) -> None:
        """SIGINT and SIGTERM stop everything, with status 0 and without a complaint."""
        for number in (signal.SIGINT, signal.SIGTERM):
            demo = self.run_process([str(BIN / "o2sidecar"), "demo", "--port=0"])
            demo.await_line("^ready ")
            demo.signal(number)
            self.assertEqual(demo.status(), 0, demo.output())
            self.assertNotIn("Traceback", demo.output())

    def test_port_taken(self) -> None:
        """A port that was asked for and is taken is named, with a status that is not 0."""
        first = self.run_process([str(BIN / "o2sidecar"), "demo", "--port=0"])
        port = first.await_line(r"^ready app1=http://\S+:(\d+) ").group(1)
        second = self.run_process([str(BIN / "o2sidecar"), "demo", f"--port={port}"])
        self.assertEqual(second.status(), 1, second.output())
        self.assertIn(port, second.output())
        self.assertNotIn("Traceback", second.output())
