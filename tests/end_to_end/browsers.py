"""A real browser for tests: Chromium without a window, driven by Selenium."""

from __future__ import annotations

from pathlib import Path

from selenium import webdriver

from tests.end_to_end.processes import ProcessCase

CHROMIUM = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1024,768",
)


class BrowserCase(ProcessCase):
    """A test with browsers, all of which end with it."""

    def start_browser(self, *arguments: str) -> webdriver.Chrome:
        """A new browser with a new profile, started with these arguments besides."""
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        profile = Path(self.mktemp()).resolve()
        for argument in (*CHROMIUM, *arguments, f"--user-data-dir={profile}"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        browser = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
        self.addCleanup(browser.quit)
        browser.set_page_load_timeout(60)
        return browser
