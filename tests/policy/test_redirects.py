"""Tests of redirect targets."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.policy.redirects import Redirects, location
from tests.session.vectors import shared

WHITELIST = ("app.example.com", ".sub.example.com", "*.wild.example.com", "port.example.com:8443", "any.example.com:*")
NONE = Redirects()
SOME = Redirects(whitelist_domains=WHITELIST)
PIECES = st.sampled_from(
    ["/", "//", "\\", ":", "@", "?", "#", "%", ".", "..", "%2f", "%5c", "%09", "\t", "\n", "\r", " ", "\x00", "\x0b",
    "http:",
     "https:", "https://", "HTTPS://", "javascript:", "data:", "ftp://", "evil.example", "app.example.com",
     "sub.example.com",
     "a.sub.example.com", ":8443", ":80", ":", "[::1]", "%00", "\u3002", "\uff0f", "\uff0e", "é", "\u2028", "a",
     "\xa0", "\ufeff"]
)  # fmt: skip
TARGETS = st.lists(PIECES, max_size=8).map("".join)
HERE = "https://here.example"


def browser_goes_to(text: str) -> tuple[str, str, str]:
    """Scheme, host and port that a browser at HERE goes to for a Location: the steps of the WHATWG URL parser.

    Written from the standard, for http(s) only; any other scheme is told as it is, without a host.
    """
    text = re.sub(r"^[\x00-\x20]+|[\x00-\x20]+$", "", text)
    text = re.sub(r"[\t\n\r]", "", text)
    scheme, rest = "https", text
    if found := re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", text):
        scheme, rest = found[1].lower(), text[found.end() :]
        if scheme not in ("http", "https"):
            return scheme, "", ""
        # "Special authority ignore slashes"; with the base's own scheme and no two slashes it is relative.
        if scheme == "https" and not rest.startswith("//"):
            found = None
        else:
            rest = "//" + rest.lstrip("/\\")
    slashes = re.match(r"[/\\]{2,}", rest)
    if slashes is None:
        return "https", "here.example", ""
    authority = re.split(r"[/\\?#]", rest[slashes.end() :], maxsplit=1)[0]
    host = unquote(authority.rpartition("@")[2])
    host = unicodedata.normalize("NFKC", host).replace("\u3002", ".").lower()
    port = re.search(r":([0-9]*)$", host)
    return scheme, host[: port.start()] if port else host, port[1] if port else ""


class OracleTests(SynchronousTestCase):
    """The browser of these tests knows the tricks."""

    def test_tricks(self) -> None:
        """Forms that lead away do lead away, and local ones do not."""
        for text in (
            "//e.x",
            "/\\e.x",
            "\\/e.x",
            "/\t/e.x",
            "\t//e.x",
            "http:e.x",
            "https:///e.x",
            "https://a@e.x",
            "///e.x",
        ):
            self.assertEqual(browser_goes_to(text)[1], "e.x", text)
        for text in ("/a", "a", "/%2f/e.x", "/%09/e.x", "https:e.x", "/ /e.x", "?//e.x"):
            self.assertEqual(browser_goes_to(text), ("https", "here.example", ""), text)


class RecordedTests(SynchronousTestCase):
    """What oauth2-proxy follows is followed."""

    def steps(self) -> list[tuple[dict[str, Any], str, str]]:
        document = json.loads((shared() / "conformance" / "cases" / "redirects.json").read_text("utf-8"))
        found = []
        for case in document["cases"]:
            for step in case["steps"]:
                target = urlsplit(step["request"]["target"])
                wanted = step["expect"].get("location")
                if target.path == "/oauth2/sign_out" and isinstance(wanted, str):
                    [rd, *_] = parse_qs(target.query, keep_blank_values=True)["rd"]
                    found.append((case, rd, wanted))
        return found

    def test_verdicts(self) -> None:
        """Every recorded target ends where it did, but for those that are better refused or followed."""
        steps = [step for step in self.steps() if not step[0].get("known_bad")]
        self.assertGreater(len(steps), 70)
        for case, rd, wanted in steps:
            redirects = Redirects(whitelist_domains=case["options"].get("whitelist_domains", []))
            followed = location(redirects.first([rd], own_endpoints=True)).decode()
            if wanted.startswith("re:"):
                self.assertRegex(followed, wanted[3:])
            else:
                self.assertEqual(followed, wanted, (case["id"], rd))

    def test_known_bad(self) -> None:
        """User information is refused; a URL in the query of a local path is not (CONTRACT §10 #13)."""
        self.assertFalse(SOME.safe("https://user:pw@app.example.com/"))
        for text in ("/login?next=https://idp.example/x", "/foo?x=//y", "/foo#//", "/foo?a=/../b"):
            self.assertTrue(NONE.safe(text), text)
        self.assertFalse(NONE.safe("/foo//bar"))


class SecurityTests(SynchronousTestCase):
    """The catalogue of security.md §4 R."""

    def refused(self, *texts: str, redirects: Redirects = SOME) -> None:
        for text in texts:
            self.assertFalse(redirects.safe(text), text)
            self.assertEqual(redirects.first([text]), "/")

    def test_r1_slashes(self) -> None:
        """R1: two slashes begin a host."""
        self.refused("//evil", "///evil", "////evil")

    def test_r2_backslashes(self) -> None:
        """R2: backslashes are slashes to a browser; encoded ones are not and stay local."""
        self.refused("/\\evil", "\\/evil", "\\\\evil", "/a\\b")
        self.assertEqual(NONE.first(["/%5cevil"]), "/%5cevil")

    def test_r3_blanks(self) -> None:
        """R3: controls are refused; encoded ones stay encoded, and local."""
        self.refused("/\t/evil", "/\r\n/evil", "/a\x00", "/\x7f", "/\ud800", " /a", "/ /evil", "/\xa0/evil")
        for text in ("/%09/evil", "/%0d%0aX: y"):
            self.assertTrue(NONE.safe(text))
        self.assertEqual(location("/%0d%0aX: y"), b"/%0d%0aX:%20y")

    def test_r4_missing_slashes(self) -> None:
        """R4: URLs without their two slashes are refused."""
        self.refused(
            "https:app.example.com", "https:/app.example.com", "http:///app.example.com", "https:\\\\app.example.com"
        )

    def test_r5_authorities(self) -> None:
        """R5: nothing but a host and a port may stand before the path."""
        self.refused(
            "https://app.example.com@evil", "https://evil\\.app.example.com", "https://evil%00.app.example.com",
            "https://evil#@app.example.com", "https://app.example.com%2eevil", "https://@app.example.com/",
        )  # fmt: skip

    def test_r6_schemes(self) -> None:
        """R6: only http and https, in lower case."""
        self.refused("javascript:alert(1)", "data:text/html,x", "ftp://app.example.com/", "HTTPS://app.example.com/")
        self.refused("vbscript:x", "mailto:a@b", "about:blank")

    def test_r7_dot_segments(self) -> None:
        """R7: dot segments are refused; an encoded slash is none."""
        self.refused("/..//evil", "/../x", "/a/..", "/./evil", "/.\\evil")
        self.assertTrue(NONE.safe("/.%2f/evil"))

    @given(st.text(max_size=40))
    def test_r8_header_injection(self, text: str) -> None:
        """R8: whatever the text, a Location value is one line of ASCII without blanks."""
        self.assertRegex(location(text), rb"\A[!-~]*\Z")

    def test_r9_suffixes(self) -> None:
        """R9: domains match whole labels."""
        self.refused("https://evilsub.example.com/", "https://sub.example.com.evil/", "https://awild.example.com")
        self.assertTrue(SOME.safe("https://a.b.sub.example.com/"))
        self.assertTrue(SOME.safe("https://sub.example.com"))

    def test_r10_ports(self) -> None:
        """R10: a port must be allowed; the default one too, if it is written."""
        self.refused("https://app.example.com:443/", "https://port.example.com/", "https://port.example.com:8444/")
        self.refused("https://any.example.com:bad/", "https://any.example.com:/", "https://any.example.com:123456/")
        for text in ("https://port.example.com:8443/x", "https://any.example.com:1/", "http://any.example.com"):
            self.assertTrue(SOME.safe(text), text)

    def test_r11_lookalikes(self) -> None:
        """R11: hosts are ASCII."""
        self.refused(
            "https://evil\u3002sub.example.com/", "https://\uff45.sub.example.com/", "https://é.sub.example.com/"
        )

    def test_r12_length(self) -> None:
        """R12: targets over the limit are not followed."""
        self.assertTrue(NONE.safe("/" + "a" * 2047))
        self.refused("/" + "a" * 2048)
        self.assertTrue(Redirects(redirect_length_limit=4096).safe("/" + "a" * 4000))

    def test_r13_loops(self) -> None:
        """R13: after signing in nobody is sent to sign in again, or out; signing out may lead to the sign-in page."""
        for name in ("start", "callback", "sign_in", "sign_out"):
            for text in (f"/oauth2/{name}", f"/oauth2/{name}?rd=/x", f"https://app.example.com/oauth2/{name}"):
                self.assertEqual(SOME.first([text]), "/")
                self.assertEqual(SOME.first([text], own_endpoints=True), text)
        self.assertEqual(SOME.first(["/oauth2/%73tart"]), "/")
        for text in ("/oauth2/userinfo", "/oauth2/start/x", "/oauth2", "/app?x=/oauth2/start"):
            self.assertEqual(SOME.first([text]), text)
        self.assertEqual(Redirects(prefix="/p").first(["/oauth2/start"]), "/oauth2/start")

    def test_r14_hosts_of_the_request(self) -> None:
        """R14: a host that is not whitelisted is not followed, whoever names it."""
        self.refused("https://here.example/x", redirects=NONE)


class BrowserTests(SynchronousTestCase):
    """What is safe leads where it may."""

    @settings(max_examples=500)
    @given(TARGETS | st.text(max_size=30))
    def test_never_elsewhere(self, text: str) -> None:
        """A browser that follows a safe target, or its Location, stays here or goes to a host of the whitelist."""
        if not NONE.safe(text) and not SOME.safe(text):
            return
        for written in (text, location(text).decode()):
            scheme, host, port = browser_goes_to(written)
            self.assertIn(scheme, ("http", "https"))
            if NONE.safe(text):
                self.assertEqual((host, port), ("here.example", ""), text)
            elif host != "here.example":
                allowed = [
                    host == "app.example.com" and port == "",
                    re.fullmatch(r"(.*\.)?(sub|wild)\.example\.com", host) is not None and port == "",
                    host == "port.example.com" and port == "8443",
                    host == "any.example.com",
                ]
                self.assertIn(True, allowed, text)

    def test_something_is_safe(self) -> None:
        """Ordinary targets are followed, as they are."""
        for text in ("/", "/a/b/?c=d#e", "/a b", "/ü", "/.well-known/x", "/a/..b", "/(x)?y=[1]"):
            self.assertEqual(NONE.first([text]), text)
        self.assertEqual(location('/a b/ü?x=\\"<y>&z=%20#é'), b"/a%20b/%C3%BC?x=%5C%22%3Cy%3E&z=%20#%C3%A9")


class FirstTests(SynchronousTestCase):
    """Of several candidates the first that is safe is taken."""

    def test_order(self) -> None:
        """Unsafe ones are passed over, and what follows the first safe one is not asked for."""
        asked = iter(["", "//evil", "/oauth2/start", "/a", "/b"])
        self.assertEqual(NONE.first(asked), "/a")
        self.assertEqual(list(asked), ["/b"])

    def test_none(self) -> None:
        """Without a safe one it is the root."""
        self.assertEqual(NONE.first([]), "/")


class WhitelistTests(SynchronousTestCase):
    """Entries of the whitelist."""

    def test_bad_entries(self) -> None:
        """An entry that is no domain is named."""
        for entry in ("", "https://app.example.com", "a/b", "a@b", "a:b", "a:1:2", "::1", "a b", "a:123456"):
            with self.assertRaises(ValueError) as caught:
                Redirects(whitelist_domains=[entry])
            self.assertIn(repr(entry), str(caught.exception))

    def test_addresses(self) -> None:
        """IPv6 addresses stand in brackets."""
        redirects = Redirects(whitelist_domains=["[::1]:9000", "127.0.0.1"])
        self.assertTrue(redirects.safe("http://[::1]:9000/x"))
        self.assertTrue(redirects.safe("http://127.0.0.1/x"))
        self.assertFalse(redirects.safe("http://[::1]/x"))
