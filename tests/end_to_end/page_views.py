"""Looks at a page as different people do: in light, in the dark, on a phone, by keyboard, and as axe-core does."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

from attrs import frozen
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.end_to_end.browsers import BrowserCase
from tests.end_to_end.certified_case import NPM
from tests.end_to_end.small_png import small

AXE = NPM / "node_modules" / "axe-core" / "axe.min.js"

MOST_BYTES = 60_000
"""Of a picture."""

_RUN_AXE = """
const done = arguments[arguments.length - 1];
const told = node => node.html + ': ' + node.failureSummary;
axe.run(document, {preload: false, resultTypes: ['violations']}).then(
    found => done(found.violations.map(each => [each.id, each.nodes.map(told)])),
    error => done([['axe', [String(error)]]]));
"""

_OUTLINES = """
const style = getComputedStyle(document.activeElement);
return [document.activeElement.tagName, style.outlineStyle, parseFloat(style.outlineWidth)];
"""


@frozen(kw_only=True)
class Look:
    """How a page is looked at."""

    name: str
    width: int
    height: int
    scheme: str
    mobile: bool = False


LIGHT = Look(name="light", width=760, height=600, scheme="light")
DARK = Look(name="dark", width=760, height=600, scheme="dark")
PHONE = Look(name="phone", width=360, height=640, scheme="light", mobile=True)
DARK_PHONE = Look(name="dark-phone", width=360, height=640, scheme="dark", mobile=True)
LOOKS = (LIGHT, DARK, PHONE, DARK_PHONE)


class PageViews(BrowserCase):
    """`judge` a page that the browser shows, in all looks.

    `make screenshots` names a folder for pictures in `O2SIDECAR_SCREENSHOTS`; without it none are made.
    """

    def setUp(self) -> None:
        """A browser, and axe-core."""
        self.browser = self.start_browser()
        self.pictures = os.environ.get("O2SIDECAR_SCREENSHOTS", "")
        self.assertTrue(AXE.is_file(), f"npm's axe-core is not in {NPM}: make provider")
        self.axe = AXE.read_text("utf-8")

    def judge(self, name: str, *pictured: Look, leads: bool = True) -> None:
        """The page asks nobody for anything, breaks no policy, can be used by everybody, and fits every screen.

        `pictured`: how it is shown in the documentation. `leads`: whether there is something to do on it.
        """
        self.assertEqual(self.complaints(), [], name)
        fetched = self.browser.execute_script("return performance.getEntriesByType('resource').map(each => each.name)")
        self.assertEqual([each for each in fetched if not each.startswith("data:")], [], name)
        self.browser.execute_script(self.axe)
        for look in LOOKS:
            self.look(look)
            self.assertEqual(self.browser.execute_async_script(_RUN_AXE), [], f"{name} in {look.name}")
            wide, seen = self.browser.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
            self.assertLessEqual(wide, seen, f"{name} has to be scrolled sideways in {look.name}")
            if self.pictures and look in pictured:
                self.picture(Path(self.pictures, f"{name}-{look.name}.png").resolve())
        self.look(LIGHT)
        if leads:
            self.by_keyboard(name)
        self.assertEqual(self.complaints(), [], name)

    def by_keyboard(self, name: str) -> None:
        """Tab comes to everything that can be used, and shows where it is."""
        usable = self.browser.find_elements(By.CSS_SELECTOR, "main button, main input:not([type=hidden]), a")
        self.assertTrue(usable, f"{name} leads nowhere")
        self.browser.execute_script("document.activeElement.blur()")
        for element in usable:
            self.browser.switch_to.active_element.send_keys(Keys.TAB)
            self.assertEqual(self.browser.switch_to.active_element, element, f"{name}: the order of Tab")
            tag, style, width = self.browser.execute_script(_OUTLINES)
            self.assertTrue(style != "none" and width >= 2, f"{name}: no focus to be seen on {tag}")

    def look(self, look: Look) -> None:
        """Have the browser show the page so."""
        # Without motion: a colour on its way to another is none to be judged.
        wishes = {"prefers-color-scheme": look.scheme, "prefers-reduced-motion": "reduce"}
        features = [{"name": name, "value": value} for name, value in wishes.items()]
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        self._size(look, look.height)
        height = self.browser.execute_script("return document.documentElement.scrollHeight")
        self._size(look, max(look.height, height))

    def _size(self, look: Look, height: int) -> None:
        metrics = {"width": look.width, "height": height, "deviceScaleFactor": 1, "mobile": look.mobile}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def picture(self, path: Path) -> None:
        """Keep a picture of the page."""
        answer: dict[str, Any] = self.browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
        picture = small(base64.b64decode(answer["data"]))
        self.assertLess(len(picture), MOST_BYTES, path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture)

    def complaints(self) -> list[str]:
        """What the console has to say of pages, apart from statuses that are meant."""
        log = self.browser.get_log("browser")
        return [entry["message"] for entry in log if "Failed to load resource" not in entry["message"]]

    def text(self, css: str = "body") -> str:
        """What can be read there."""
        return " ".join(element.text for element in self.browser.find_elements(By.CSS_SELECTOR, css))

    def press(self, label: str) -> None:
        """Press the button that is labelled so."""
        self.browser.find_element(By.XPATH, f"//button[contains(., '{label}')]").click()

    def reference(self) -> str:
        """The id that the page shows."""
        return self.text(".reference code, .facts dt:first-child + dd code")
