"""Catalogue X: what is on pages and in logs is text, whoever wrote it, and pages can do nothing but be read."""

from __future__ import annotations

import re
from urllib.parse import quote

from o2sidecar.session.session import Session
from tests.catalogue.hostile_case import HostileCase
from tests.catalogue.strict import Message, read_answers
from tests.catalogue.whole import HOST, NOW, Whole, pair, settings
from tests.signin.page_reader import PageReader

HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}{% raw %}${7*7}"
BROWSER = (b"Accept: text/html", b"Sec-Fetch-Mode: navigate", b"Sec-Fetch-Dest: document")
LOADED = settings("--provider-display-name=" + HOSTILE, ALLOWED_GROUPS="staff", EMAIL_DOMAINS="*")


class PageTests(HostileCase):
    """Against the whole sidecar."""

    def page(self, target: str, *fields: bytes, host: bytes = HOST) -> tuple[Message, PageReader, bytes]:
        """The page that a browser gets, and the log about it."""
        whole = Whole(LOADED)
        head = b"\r\n".join([b"GET %s HTTP/1.1" % target.encode(), b"Host: " + host, *BROWSER, *fields, b"", b""])
        answer = read_answers(whole.ask(head), [b"GET"]).messages[0]
        whole.pass_time(3)
        return answer, PageReader(answer.body.decode()), b"".join(whole.log)

    def pages(self) -> list[tuple[Message, PageReader, bytes]]:
        """Pages with hostile words in every place where somebody can put some."""
        eve = Session(created_at=NOW, user=HOSTILE, email=f"{HOSTILE}@example.com", groups=("dev",))
        return [
            self.page("/oauth2/sign_in?rd=" + quote("/" + HOSTILE)),
            self.page("/private/" + quote(HOSTILE, safe="")),
            self.page("/oauth2/callback?error=" + quote(HOSTILE)),
            self.page("/oauth2/callback?code=" + quote(HOSTILE) + "&state=" + quote(HOSTILE)),
            self.page("/private", b"Cookie: " + pair(eve)),
        ]

    def test_x1(self) -> None:
        """X1: pages allow nothing, are framed by nobody, kept nowhere, and show every value as text."""
        for answer, facts, _ in self.pages():
            policy = b"".join(answer.values(b"content-security-policy"))
            for part in (b"default-src 'none'", b"frame-ancestors 'none'", b"base-uri 'none'"):
                self.assertIn(part, policy)
            self.assertNotIn(b"unsafe", policy)
            self.assertNotIn(b"script-src", policy)
            self.assertEqual(answer.values(b"x-content-type-options"), [b"nosniff"])
            self.assertEqual(answer.values(b"referrer-policy"), [b"no-referrer"])
            self.assertIn(b"no-store", b"".join(answer.values(b"cache-control")))
            self.assertFalse({"script", "img", "iframe", "object", "base"} & set(facts.tags))
            self.assertEqual([name for _, name, _ in facts.attributes if name.startswith("on")], [])
            self.assertNotIn("49", re.sub(r"[0-9a-f-]{36}", "", facts.text), "nothing is calculated")

    def test_x1_host(self) -> None:
        """X1: a Host that is markup gets no page that holds it."""
        answer, facts, _ = self.page("/private", host=b"<script>alert(1)</script>")
        self.assertNotIn(b"<script", answer.body)
        self.assertNotIn("script", facts.tags)

    def test_x2(self) -> None:
        """X2: a destination stands in an attribute and stays there, and a script's address is no destination."""
        wanted = "/" + HOSTILE
        _, facts, _ = self.page("/oauth2/sign_in?rd=" + quote(wanted))
        self.assertEqual([value for form in facts.forms for name, value in form.inputs if name == "rd"], [wanted])
        for scheme in ("javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "//evil.example", "\\\\evil"):
            _, facts, _ = self.page("/oauth2/sign_in?rd=" + quote(scheme))
            self.assertEqual([value for form in facts.forms for name, value in form.inputs], ["/"], scheme)

    def test_x3(self) -> None:
        """X3: what would end a line, colour a terminal or be a template is one line of a log, as it came."""
        odd = "\r\n2026 forged \x1b[31m\u2028{{7*7}}%s{0.__class__}"
        for target in ("/private/" + quote(odd), "/oauth2/callback?error=" + quote(odd)):
            answer, _, log = self.page(target, b"User-Agent: a\x1b[31m{{7*7}}%s{0.__class__}")
            self.assertLess(answer.status, 500)
            self.assertNotIn(b"\x1b", log)
            self.assertNotIn("\u2028".encode(), log)
            self.assertFalse([line for line in log.splitlines() if line.startswith(b"2026 forged")])
            self.assertNotIn(b"<class", log)

    def test_x10(self) -> None:
        """X10: a page says what went wrong in general, and its reference finds the line that says it exactly."""
        for target in ("/oauth2/callback?code=c&state=nonsense", "/oauth2/sign_in", "/private"):
            answer, facts, log = self.page(target)
            found = re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", facts.text)
            self.assertEqual(len(found), 1, (target, facts.text))
            self.assertIn(found[0].encode(), log, target)
            for inner in (b"Traceback", b"o2sidecar.", b"Error:", b"hash, a colon"):
                self.assertNotIn(inner, answer.body)
