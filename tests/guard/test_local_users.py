"""Tests for `o2sidecar.guard.local_users`: sessions of people with a password here."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.guard.by_authorization import ByAuthorization
from o2sidecar.guard.local_users import LocalUsers
from o2sidecar.guard.opened import Opened
from o2sidecar.policy.guesses import Guesses
from o2sidecar.refusals import Busy, CredentialsRefused, Refusal, SessionEnded, TooManyGuesses
from o2sidecar.session.session import Session
from tests.guard.asking import (
    ALICE,
    HEADERS,
    NOW,
    Asked,
    SlowProvider,
    address_of,
    cookie_of,
    revocation_list,
    sessions,
)
from tests.guard.test_credentials import basic


class FakeFile:
    """Users and their passwords, which stand for themselves."""

    def __init__(self) -> None:
        self.listed = {"bob": "bobpw"}
        self.asked: list[str] = []
        self.busy = False

    def entry(self, user: str) -> str:
        return self.listed.get(user, "")

    async def admits(self, user: str, password: str) -> bool:
        self.asked.append(user)
        if self.busy:
            raise Busy()
        return self.entry(user) == password != ""


class LocalUsersTests(SynchronousTestCase):
    """`LocalUsers`."""

    def setUp(self) -> None:
        self.file = FakeFile()
        self.provider = SlowProvider()

    def users(self, **more: Any) -> LocalUsers:
        guesses = Guesses(per_user=2, per_address=3, period=60, now=lambda: NOW)
        return LocalUsers(self.file, provider=self.provider, now=lambda: NOW, guesses=guesses, **more)

    def session(self, user: str, password: str, **more: Any) -> Session | None:
        return self.successResultOf(ensureDeferred(self.users(**more).session(user, password, "192.0.2.1")))

    def test_session(self) -> None:
        """The session names the user, with the groups of all local users and no email."""
        self.assertEqual(
            self.session("bob", "bobpw", groups=("local",)), Session(created_at=NOW, user="bob", groups=("local",))
        )
        self.assertIsNone(self.session("bob", "no"))
        self.assertIsNone(self.session("", ""))

    def test_the_name_as_email(self) -> None:
        """Where emails are preferred the name stands for one."""
        found = self.session("bob", "bobpw", user_is_email=True)
        self.assertEqual(found.email if found else "", "bob")

    def test_guessing(self) -> None:
        """After too many wrong passwords of a user the right one is not even compared."""
        users = self.users()
        for _ in range(2):
            self.assertIsNone(self.successResultOf(ensureDeferred(users.session("bob", "no", "192.0.2.1"))))
        self.failureResultOf(ensureDeferred(users.session("bob", "bobpw", "192.0.2.2")), TooManyGuesses)
        self.assertEqual(len(self.file.asked), 2)

    def test_refresh(self) -> None:
        """A local user's session is good while they are listed, without a question to the provider."""
        users, bob = self.users(), Session(user="bob")
        self.assertIsNone(self.successResultOf(ensureDeferred(users.refresh(bob))))
        del self.file.listed["bob"]
        self.failureResultOf(ensureDeferred(users.refresh(bob)), SessionEnded)
        self.assertEqual(self.provider.asked, [])
        asked = ensureDeferred(users.refresh(ALICE))
        self.provider.answers[0].callback(None)
        self.assertIsNone(self.successResultOf(asked))


class BasicTests(SynchronousTestCase):
    """A user and a password in the Authorization field."""

    def setUp(self) -> None:
        """Local users before the sessions of cookies."""
        self.clock = Clock()
        self.clock.advance(NOW)
        self.file = FakeFile()
        self.found: list[Opened | None] = []
        self.refused: list[Refusal] = []
        self.sessions = self.make()

    def make(self, **more: Any) -> ByAuthorization:
        now = self.clock.seconds
        guesses = Guesses(per_user=5, per_address=0, period=60, now=now)
        users = LocalUsers(self.file, provider=SlowProvider(), now=now, guesses=guesses)
        cookies = sessions(SlowProvider(), self.clock)
        return ByAuthorization(
            cookies,
            users=users,
            headers=HEADERS,
            revoked=revocation_list(self.clock),
            log=lambda outcome, exchange, who, message: None,
            now=now,
            client_address=address_of,
            key=b"k" * 32,
            **more,
        )

    def ask(self, value: bytes, *cookies: str) -> None:
        self.sessions.settle(
            Asked(*cookies, fields=[(b"authorization", value)]),  # type: ignore[arg-type]
            lambda _, opened: self.found.append(opened),
            lambda _, refusal: self.refused.append(refusal),
        )

    def name(self, value: bytes, *cookies: str) -> str:
        self.ask(value, *cookies)
        opened = self.found.pop()
        return opened.session.name if opened else ""

    def test_opens(self) -> None:
        """The right password opens a session, any other goes on to the cookie."""
        self.assertEqual(self.name(basic("bob:bobpw")), "bob")
        self.assertEqual(self.name(basic("bob:no")), "")
        self.assertEqual(self.name(basic("bob:no"), cookie_of(ALICE)), "alice@example.com")
        self.assertEqual(self.name(basic("bob:bobpw", "basic")), "")
        self.assertEqual(self.name(b"Basic ???"), "")

    def test_guessing(self) -> None:
        """Whoever guesses is refused with 429 in the end, also with the right password, until the period is over."""
        for number in range(5):
            self.name(basic(f"bob:no{number}"))
        self.ask(basic("bob:bobpw"))
        self.assertEqual([(each.status, each.reason) for each in self.refused], [(429, "too_many_guesses")])
        self.clock.advance(60)
        self.assertEqual(self.name(basic("bob:bobpw")), "bob")

    def test_compared_once_a_minute(self) -> None:
        """Comparing is slow on purpose, so a good password is believed for a minute."""
        for _ in range(5):
            self.name(basic("bob:bobpw"))
        self.assertEqual(len(self.file.asked), 1)
        self.clock.advance(60)
        self.name(basic("bob:bobpw"))
        self.assertEqual(len(self.file.asked), 2)

    def test_who_is_taken_out_is_out_at_once(self) -> None:
        """A password that was believed is not any more when the file says otherwise; a tunnel of it ends."""
        self.ask(basic("bob:bobpw"))
        opened = self.found.pop()
        assert opened is not None
        self.assertIsNotNone(self.sessions.as_of_now(opened))
        self.file.listed["bob"] = "new"
        self.assertIsNone(self.sessions.as_of_now(opened))
        self.assertEqual(self.name(basic("bob:bobpw")), "")
        self.assertEqual(self.name(basic("bob:new")), "bob")
        self.file.listed.clear()
        self.assertEqual(self.name(basic("bob:new")), "")

    def test_too_many(self) -> None:
        """When too many passwords are compared, the request is told so, and no cookie is tried."""
        self.file.busy = True
        self.ask(basic("bob:bobpw"), cookie_of(ALICE))
        self.assertIsInstance(self.refused.pop(), Busy)
        self.assertEqual(self.found, [])

    def test_tokens_are_no_passwords(self) -> None:
        """What looks like a token is not tried as a password."""
        self.name(basic("bob:eyJa.eyJb.c"))
        self.assertEqual(self.file.asked, [])

    def test_without_fallback(self) -> None:
        """Where no login is to be offered, a wrong password is refused and a right one opens."""
        self.sessions = self.make(fallback=False)
        self.ask(basic("bob:no"))
        self.assertIsInstance(self.refused.pop(), CredentialsRefused)
        self.assertEqual(self.name(basic("bob:bobpw")), "bob")
