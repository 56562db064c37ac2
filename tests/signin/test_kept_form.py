"""Tests of forms that were posted without a session."""

from __future__ import annotations

from urllib.parse import urlencode

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.http.exchange import HeaderFields
from o2sidecar.signin.kept_form import KeptForm, kept_form
from tests.signin.house import NAME, Asked, house, session_pair
from tests.signin.page_reader import PageReader

URLENCODED = (b"Content-Type", b"application/x-www-form-urlencoded; charset=utf-8")
OWN = (b"Sec-Fetch-Site", b"same-origin")
PAGE: HeaderFields = [(b"Accept", b"text/html"), (b"Sec-Fetch-Mode", b"navigate"), (b"Sec-Fetch-Dest", b"document")]
HOME = house()


def kept(body: bytes, *fields: tuple[bytes, bytes], target: str = "/notes?draft=1") -> KeptForm | None:
    asked = Asked(target, method="POST", fields=[URLENCODED, *fields], body=body)
    return kept_form(asked, body, HOME.redirects, HOME.forwarding)  # type: ignore[arg-type]


class KeptTests(SynchronousTestCase):
    """What may be given back."""

    def test_kept(self) -> None:
        """A small form of text that a page of this origin sent, with its names, values and their order."""
        form = kept(b"title=A+%26+B&text=1%0D%0A2&tag=x&tag=y&csrf_token=abc&empty=", OWN)
        assert form is not None
        self.assertEqual(form.action, "/notes?draft=1")
        self.assertEqual(
            form.fields,
            (("title", "A & B"), ("text", "1\r\n2"), ("tag", "x"), ("tag", "y"), ("csrf_token", "abc"), ("empty", "")),
        )
        self.assertNotIn("A & B", repr(form))

    def test_of_this_origin(self) -> None:
        """Another site's form is never sent again from our page, where it would pass for the app's own (CSRF)."""
        for fields, own in (
            ((OWN,), True),
            (((b"Sec-Fetch-Site", b"cross-site"),), False),
            (((b"Sec-Fetch-Site", b"same-site"),), False),
            (((b"Sec-Fetch-Site", b"none"),), False),
            (((b"Sec-Fetch-Site", b"cross-site"), (b"Origin", b"http://app.example.com")), False),
            (((b"Origin", b"http://app.example.com"),), True),
            (((b"Origin", b"https://app.example.com"),), False),
            (((b"Origin", b"http://app.example.com.evil.example"),), False),
            (((b"Origin", b"http://app.example.com"), (b"Origin", b"http://evil.example")), False),
            (((b"Origin", b"null"),), False),
            ((), False),
        ):
            self.assertEqual(kept(b"a=1", *fields) is not None, own, fields)

    def test_to_where_it_was_for(self) -> None:
        """And nowhere else: no other host, and none of our own endpoints."""
        for target in ("//evil.example/x", "/\\evil.example", "/a//b", "/oauth2/sign_out", "/oauth2/start?rd=/x"):
            self.assertIsNone(kept(b"a=1", OWN, target=target), target)

    def test_no_secrets(self) -> None:
        """A form with a password, a code or a card in it has to be filled in again."""
        for name in ("password", "user[passwd]", "Passphrase", "pwd", "client_secret", "otp", "pin", "card-number",
                     "cvv", "new_password2", "credentials"):  # fmt: skip
            self.assertIsNone(kept(urlencode({"user": "ada", name: "x"}).encode(), OWN), name)
        for name in ("passenger", "passport", "shopping", "opinion", "pinned", "cardinality", "compass_view"):
            self.assertEqual(kept(urlencode({name: "x"}).encode(), OWN) is not None, name != "compass_view", name)

    def test_small(self) -> None:
        """16 KiB and a hundred fields at most."""
        self.assertIsNotNone(kept(b"a=" + b"x" * 16_000, OWN))
        self.assertIsNone(kept(b"a=" + b"x" * 16_500, OWN))
        self.assertIsNotNone(kept(b"&".join([b"a=1"] * 100), OWN))
        self.assertIsNone(kept(b"&".join([b"a=1"] * 101), OWN))

    def test_text(self) -> None:
        """What a page could not give back as it came is not given back at all."""
        for body in (b"a=%00", b"a=%FF", b"a=%zz", b"a=1%0D2", b"a=%1B[2J", b"%00=1", b"", b"&&"):
            self.assertIsNone(kept(body, OWN), body)

    def test_other_types(self) -> None:
        """Files and other bodies are not."""
        for kind in (b"multipart/form-data; boundary=x", b"text/plain", b""):
            asked = Asked("/", method="POST", fields=[(b"Content-Type", kind), OWN], body=b"a=1")
            self.assertIsNone(kept_form(asked, b"a=1", HOME.redirects, HOME.forwarding))  # type: ignore[arg-type]

    @given(st.binary(max_size=60))
    def test_anything(self, body: bytes) -> None:
        """Whatever was posted is kept or not, and what is kept says what came."""
        form = kept(body, OWN)
        if form is not None:
            self.assertTrue(form.fields)


class PageTests(SynchronousTestCase):
    """The page that a browser gets that posts a form without a session."""

    def asked(self, body: bytes, *fields: tuple[bytes, bytes], page: HeaderFields = PAGE, skip: bool = False) -> Asked:
        home = house()
        asked = Asked("/notes?draft=1", method="POST", fields=[*page, URLENCODED, *fields], body=body)
        home.answers(skip_provider_button=skip).not_signed_in(asked)  # type: ignore[arg-type]
        return asked

    def test_it_can_be_sent_again(self) -> None:
        """It says that nothing arrived, offers a login in a new tab, and the form once more; nothing is cached."""
        for skip in (False, True):
            asked = self.asked(b"text=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&text=2", OWN, skip=skip)
            self.assertEqual((asked.status, asked.reason), (403, "no_session"))
            page = PageReader(asked.text)
            self.assertIn("did not arrive", page.text)
            first, second = page.forms
            self.assertEqual((first.method, first.action), ("get", "/oauth2/start"))
            self.assertEqual(first.inputs, [("rd", "/oauth2/renewed?for=/notes")])
            self.assertEqual((second.method, second.action), ("post", "/notes?draft=1"))
            self.assertEqual(second.inputs, [("text", '"><script>alert(1)</script>'), ("text", "2")])
            self.assertNotIn("<script", asked.text)
            self.assertIn(b"no-cache, no-store, must-revalidate, max-age=0", asked.sent(b"cache-control"))
            self.assertEqual(asked.sent(b"referrer-policy"), [b"same-origin"])
            self.assertIn(b"frame-ancestors 'none'", asked.sent(b"content-security-policy")[0])

    def test_it_cannot(self) -> None:
        """Where it is not safe the page says so and offers to sign in, and nothing of the form is in it."""
        for body, fields in (
            (b"text=hello-there&password=x", (OWN,)),
            (b"text=hello-there", ((b"Sec-Fetch-Site", b"cross-site"),)),
            (b"text=hello-there" + b"x" * 20_000, (OWN,)),
        ):
            asked = self.asked(body, *fields)
            page = PageReader(asked.text)
            self.assertIn("was not kept", page.text)
            self.assertNotIn("hello-there", asked.text)
            self.assertEqual([form.inputs for form in page.forms], [[("rd", "/notes?draft=1")]])

    def test_scripts_and_others(self) -> None:
        """Whoever is no browser that goes to a page gets what oauth2-proxy gives it."""
        asked = self.asked(b"rd=/x", page=[(b"Accept", b"*/*")])
        self.assertEqual(PageReader(asked.text).forms[0].inputs, [("rd", "/x")])

    def test_bad_cookies_go(self) -> None:
        """As with the sign-in page, no session is left behind it."""
        asked = self.asked(b"a=1", OWN, (b"Cookie", session_pair()[:-4]))
        self.assertEqual([value.partition("=")[0] for value in asked.set_cookies], [NAME])
