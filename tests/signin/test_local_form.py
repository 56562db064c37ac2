"""Tests for `o2sidecar.signin.local_form`: signing in with a user and a password."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.observe.records import Outcome
from o2sidecar.policy.admission import Admission
from o2sidecar.refusals import BadRequest
from o2sidecar.session.session import Session
from o2sidecar.signin.fields import Fields, form_fields
from o2sidecar.signin.local_form import LocalForm
from tests.signin.house import NOW, Asked, house
from tests.signin.page_reader import PageReader

FORM = [(b"Content-Type", b"application/x-www-form-urlencoded")]


async def judge(user: str, password: str, address: str) -> Session | None:
    return Session(created_at=NOW, user=user, groups=("local",)) if (user, password) == ("bob", "bobpw") else None


class LocalFormTests(SynchronousTestCase):
    """`LocalForm`."""

    def setUp(self) -> None:
        self.house = house()
        self.answers = self.house.answers(pages=self.house.pages(local_users=True))

    def post(self, body: bytes, target: str = "/oauth2/sign_in", **more: Any) -> Asked:
        asked = Asked(target, method="POST", fields=FORM, body=body)
        form = LocalForm(
            judge=judge,
            client_address=lambda exchange: exchange.peer,
            admission=more.get("admission", Admission(email_domains=())),
            answers=self.answers,
            issue=self.house.sessions.issue,
        )
        fields: Fields = form_fields(asked, body)  # type: ignore[arg-type]
        self.successResultOf(ensureDeferred(form.answer(asked, fields, "/x")))  # type: ignore[arg-type]
        return asked

    def test_right(self) -> None:
        """The right password gives a session and leads to the page that was wanted; the log says who."""
        asked = self.post(b"username=bob&password=bobpw")
        self.assertEqual((asked.status, asked.sent(b"location")), (302, [b"/x"]))
        self.assertEqual(len(asked.set_cookies), 1)
        self.assertEqual(self.house.logged, [(Outcome.SUCCESS, "bob", "signed in as a local user")])

    def test_wrong(self) -> None:
        """A wrong password and an unknown user get the page again with 401, alike; the log has no password."""
        pages = []
        for body in (b"username=bob&password=nope", b"username=eve&password=nope", b"username=bob&password="):
            asked = self.post(body)
            pages.append(asked.text)
            self.assertEqual((asked.status, asked.set_cookies, asked.reason), (401, [], "password_wrong"))
            self.assertIn("There is no such user with this password.", asked.text)
        self.assertEqual(len(set(pages)), 1)
        self.assertNotIn("nope", str(self.house.logged))

    def test_no_user(self) -> None:
        """Without a user it is 400."""
        self.assertEqual(self.post(b"username=&password=bobpw").status, 400)
        self.assertEqual(self.post(b"").status, 400)

    def test_never_from_the_query(self) -> None:
        """What stands in the query does not count: URLs are logged (CONTRACT §10 #24)."""
        self.assertEqual(self.post(b"x=1", "/oauth2/sign_in?username=bob&password=bobpw").status, 400)

    def test_repeated_fields(self) -> None:
        """A field that comes twice is refused: two readers could take either."""
        asked = Asked("/oauth2/sign_in", method="POST", fields=FORM, body=b"username=a&username=b")
        form = LocalForm(
            judge=judge,
            client_address=lambda exchange: exchange.peer,
            admission=Admission(),
            answers=self.answers,
            issue=self.house.sessions.issue,
        )
        fields = form_fields(asked, b"username=a&username=b")  # type: ignore[arg-type]
        answered = ensureDeferred(form.answer(asked, fields, "/"))  # type: ignore[arg-type]
        self.failureResultOf(answered, BadRequest)

    def test_not_admitted(self) -> None:
        """Whoever is in none of the allowed groups gets 403 and no cookie."""
        asked = self.post(b"username=bob&password=bobpw", admission=Admission(allowed_groups=["corp"]))
        self.assertEqual((asked.status, asked.set_cookies), (403, []))

    def test_the_page_has_the_form(self) -> None:
        """The page has the form only where it is to be shown."""
        shown = PageReader(self.post(b"").text).forms
        self.assertEqual([form.action for form in shown], ["/oauth2/start", "/oauth2/sign_in"])
        self.assertEqual(dict(shown[1].inputs), {"rd": "/x", "username": "", "password": ""})
        self.answers = self.house.answers()
        self.assertEqual(len(PageReader(self.post(b"").text).forms), 1)
