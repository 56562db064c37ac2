"""Tabs and time, in a real browser with the certified provider: many tabs, late and repeated answers, lost cookies."""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Callable
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

from tests.end_to_end.browsers import BrowserCase
from tests.end_to_end.certified_case import CertifiedCase
from tests.end_to_end.processes import Running, eventually

TABS = 20
CSRF = "_oauth2_proxy_csrf"
SESSION = "_oauth2_proxy"


class TabsCase(CertifiedCase, BrowserCase):
    """The provider, a sidecar with either program's defaults, and a browser."""

    defaults = "o2sidecar"

    def setUp(self) -> None:
        """The provider and a browser; each test starts its sidecar."""
        super().setUp()
        self.provider = self.start_provider()
        self.browser = self.start_browser("--disable-popup-blocking")

    def start(self, **settings: str) -> Running:
        """The sidecar, once it listens and can sign people in."""
        settings = self.settings(self.port) | {"CODE_CHALLENGE_METHOD": "S256"} | settings
        sidecar = self.run_sidecar(settings, f"--defaults={self.defaults}")
        sidecar.await_listening(self.port)
        return sidecar

    # --- what a person does ---

    def pause(self, browser: webdriver.Chrome | None = None) -> None:
        """Have the provider send people back by a link, which can be followed when and where one likes."""
        (browser or self.browser).get(f"http://127.0.0.1:{self.provider_port}/favicon.ico")
        (browser or self.browser).add_cookie({"name": "pause", "value": "1"})

    def go_on(self) -> None:
        """No longer."""
        self.browser.delete_cookie("pause")

    def begin(self, path: str) -> str:
        """Begin a login that is paused at the provider; the callback's address with which it would go on."""
        self.browser.get(f"{self.base}/oauth2/start?rd={path}")
        address = self.browser.find_element(By.ID, "continue").get_attribute("href")
        assert address is not None
        return address

    def press(self, label: str) -> None:
        """Press the button or follow the link that is labelled so."""
        self.browser.find_element(By.XPATH, f"//button[contains(., '{label}')] | //a[contains(., '{label}')]").click()

    def text(self, browser: webdriver.Chrome | None = None) -> str:
        """What can be read."""
        return (browser or self.browser).find_element(By.TAG_NAME, "body").text

    def await_shown(self, what: str, shown: Callable[[], bool]) -> None:
        """Wait for a page; while it changes, its elements come and go."""

        def attempt() -> bool:
            with contextlib.suppress(StaleElementReferenceException, NoSuchElementException):
                return shown()
            return False

        try:
            eventually(what, attempt, 30)
        except AssertionError as error:
            raise AssertionError(f"{error}; at {self.browser.current_url}: {self.text()!r}") from None

    def await_app(self, path: str, browser: webdriver.Chrome | None = None) -> dict[str, Any]:
        """Wait for the app's page at a path; what the app received."""
        seen = browser or self.browser
        self.await_shown(f"the app at {path}", lambda: seen.current_url == self.base + path and "{" in self.text(seen))
        received: dict[str, Any] = json.loads(self.text(seen))
        self.assertEqual(received["path"], path)
        self.assertIn("@example.com", received["headers"]["x-forwarded-email"])
        return received

    def cookies(self) -> set[str]:
        """The names of the sidecar's cookies in the browser."""
        return {cookie["name"] for cookie in self.browser.get_cookies() if cookie["name"].startswith(SESSION)}

    def run_async(self, script: str) -> Any:
        """What a script of the page gives to `done`."""
        self.browser.set_script_timeout(30)
        return self.browser.execute_async_script(f"const done = arguments[arguments.length - 1]; {script}")


class ManyTabsTests(TabsCase):
    """Twenty tabs."""

    def test_any_order(self) -> None:
        """They begin one after the other and finish in any order, each at its page; one cookie is all they need."""
        self.start()
        self.pause()
        tabs = []
        for number in range(TABS):
            self.browser.switch_to.new_window("tab")
            self.begin(f"/page/{number}")
            self.assertEqual(self.cookies(), {CSRF})
            tabs.append((self.browser.current_window_handle, f"/page/{number}"))
        random.shuffle(tabs)
        for handle, path in tabs:
            self.browser.switch_to.window(handle)
            self.press("Continue")
            self.await_app(path)
        self.assertEqual(self.cookies() - {CSRF}, {SESSION})

    def test_all_at_once(self) -> None:
        """They begin at the same moment, as when a browser opens again what was open: each ends at its page."""
        sidecar = self.start()
        self.browser.get(f"{self.base}/robots.txt")
        first = self.browser.current_window_handle
        opening = f"for (let n = 0; n < {TABS}; n++) window.open('/oauth2/start?rd=/page/' + n);"
        self.browser.execute_script(opening)
        eventually("all tabs", lambda: len(self.browser.window_handles) == TABS + 1, 30)
        found = set()
        for handle in self.browser.window_handles:
            if handle != first:
                self.browser.switch_to.window(handle)
                self.await_shown("an app's page", lambda: self.browser.current_url.startswith(f"{self.base}/page/"))
                found.add(self.browser.current_url)
        self.assertEqual(found, {f"{self.base}/page/{number}" for number in range(TABS)})
        self.assertNotIn("login_loop", sidecar.output())
        self.assertEqual(self.cookies() - {CSRF}, {SESSION})


class ManyTabsAsWithOauth2ProxyTests(ManyTabsTests):
    """The same with oauth2-proxy's defaults, with which that program loses all tabs but one."""

    defaults = "oauth2-proxy"


class TimeTests(TabsCase):
    """Late and repeated answers."""

    def test_left_for_an_hour(self) -> None:
        """A login that took longer than logins last goes on by itself."""
        self.start(COOKIE_CSRF_EXPIRE="2s")
        self.pause()
        self.begin("/wanted?x=1")
        eventually("the login's end", lambda: not self.cookies(), 30)
        self.go_on()
        self.press("Continue")
        self.await_app("/wanted?x=1")

    def test_back_button(self) -> None:
        """Who goes back to the sign-in page and signs in once more is where they wanted to go."""
        self.start()
        self.browser.get(f"{self.base}/wanted?x=1")
        self.press("Sign in")
        self.await_app("/wanted?x=1")
        self.browser.back()
        self.await_shown("a page", lambda: bool(self.text()))
        if "Sign in" in self.text():
            self.press("Sign in")
        self.await_app("/wanted?x=1")

    def test_double_click(self) -> None:
        """A callback that is clicked twice ends at the page."""
        self.start()
        self.pause()
        self.begin("/wanted?x=1")
        ActionChains(self.browser).double_click(self.browser.find_element(By.ID, "continue")).perform()
        self.await_app("/wanted?x=1")

    def test_reload_and_another_browser(self) -> None:
        """The callback's address again shows the page; elsewhere it begins a login of that browser's own."""
        self.start()
        self.pause()
        callback = self.begin("/wanted?x=1")
        self.press("Continue")
        self.await_app("/wanted?x=1")
        self.browser.get(callback)
        self.await_app("/wanted?x=1")
        other = self.start_browser()
        other.get(callback)
        self.await_app("/wanted?x=1", other)

    def test_another_browser_first(self) -> None:
        """A callback that another browser brings first signs in neither with it, and spends no code."""
        self.start()
        self.pause()
        callback = self.begin("/wanted?x=1")
        other = self.start_browser()
        other.get(f"http://127.0.0.1:{self.provider_port}/favicon.ico")
        other.add_cookie({"name": "account", "value": "mallory"})
        other.get(callback)
        received = self.await_app("/wanted?x=1", other)
        self.assertEqual(received["headers"]["x-forwarded-email"], "mallory@example.com")
        self.press("Continue")
        received = self.await_app("/wanted?x=1")
        self.assertEqual(received["headers"]["x-forwarded-email"], "ada@example.com")

    def test_cookies_cleared(self) -> None:
        """All cookies go while the provider is asked: one more round, and the page."""
        self.start()
        self.pause()
        self.begin("/wanted?x=1")
        self.browser.delete_all_cookies()
        self.press("Continue")
        self.await_app("/wanted?x=1")

    def test_a_loop_is_stopped(self) -> None:
        """A cookie that the browser does not take ends at a page that names the check, with the log's reference."""
        sidecar = self.start(COOKIE_DOMAINS="example.org")
        self.browser.get(f"{self.base}/oauth2/start?rd=/wanted")
        self.await_shown("the page", lambda: "failed again" in self.text())
        self.assertIn("domain", self.text())
        reference = self.browser.find_element(By.TAG_NAME, "code").text
        sidecar.await_line(f"{reference} .*login_loop: cookie_domain")
        self.assertFalse(self.cookies())


class ScriptsTests(TabsCase):
    """Pages with scripts of their own, and forms."""

    def setUp(self) -> None:
        super().setUp()
        self.start()
        self.browser.get(f"{self.base}/oauth2/start?rd=/app")
        self.await_app("/app")

    def test_session(self) -> None:
        """A script learns how long the session lasts, and gets 401 in JSON without one."""
        told = self.run_async("fetch('/oauth2/session').then(answer => answer.json()).then(done);")
        self.assertEqual((told["authenticated"], told["email"]), (True, "ada@example.com"))
        self.assertGreater(told["expires_in"], 600_000)
        self.browser.delete_cookie(SESSION)
        told = self.run_async("fetch('/oauth2/session').then(answer => answer.json()).then(done);")
        self.assertEqual(told, {"authenticated": False, "login_url": "/oauth2/start"})
        refused = self.run_async(
            "fetch('/data').then(answer => answer.json().then(told =>"
            " done([answer.status, answer.headers.get('www-authenticate'), told])));"
        )
        self.assertEqual(refused[:2], [401, 'Bearer realm="o2sidecar"'])
        self.assertEqual((refused[2]["reason"], refused[2]["login_url"]), ("no_session", "/oauth2/start"))

    def test_renewed_in_a_popup(self) -> None:
        """A window of its own signs in, tells the page by both ways, and closes; the page was not left."""
        self.end_session()
        told = self.run_async(
            "const told = []; const add = way => event => {"
            " told.push([way, event.data.type, event.data.authenticated]); if (told.length === 2) done(told.sort()); };"
            "new BroadcastChannel('o2sidecar').onmessage = add('channel');"
            "window.addEventListener('message', add('opener'));"
            "window.open('/oauth2/start?rd=/oauth2/renewed', 'renew', 'popup');"
        )
        self.assertEqual(told, [[way, "o2sidecar:renewed", True] for way in ("channel", "opener")])
        eventually("the popup's end", lambda: len(self.browser.window_handles) == 1)
        self.assertEqual(self.browser.current_url, f"{self.base}/app")
        told = self.run_async("fetch('/data').then(answer => done(answer.status));")
        self.assertEqual(told, 200)
        log = [entry["message"] for entry in self.browser.get_log("browser")]
        self.assertEqual([entry for entry in log if "Content Security Policy" in entry], [])

    def end_session(self) -> None:
        """Let the session be over, and some time pass: what tells that a login was completed is gone in a minute."""
        for name in (SESSION, CSRF):
            self.browser.delete_cookie(name)

    def post(self, fields: dict[str, str]) -> None:
        """Post a form of the app's page after the session has ended."""
        self.end_session()
        self.browser.execute_script(
            "const form = document.createElement('form'); form.method = 'post'; form.action = '/notes';"
            "for (const [name, value] of Object.entries(arguments[0])) {"
            " const field = document.createElement('textarea'); field.name = name; field.value = value;"
            " form.append(field); } document.body.append(form); form.submit();",
            fields,
        )
        self.await_shown("what became of it", lambda: "did not arrive" in self.text())

    def test_a_form_is_sent_again(self) -> None:
        """The page says that it did not arrive; after signing in in another tab it is sent again, as it was."""
        self.post({"title": 'A "B" <c> & d', "text": "one\ntwo é"})
        first = self.browser.current_window_handle
        self.press("Sign in in a new tab")
        eventually("the session", lambda: SESSION in self.cookies(), 30)
        self.browser.switch_to.window(first)
        self.press("Send again")
        self.await_shown("the app", lambda: "size" in self.text())
        expected = "title=A+%22B%22+%3Cc%3E+%26+d&text=one%0D%0Atwo+%C3%A9"
        self.assertEqual(json.loads(self.text()), {"size": len(expected)})
        self.assertEqual(self.browser.current_url, f"{self.base}/notes")

    def test_a_form_with_a_password(self) -> None:
        """It is not repeated, and the page says so."""
        self.post({"user": "ada", "password": "nobody-may-see"})
        self.assertIn("was not kept", self.text())
        self.assertNotIn("nobody-may-see", self.browser.page_source)
