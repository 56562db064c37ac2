"""Tests of the seconds that a session still has, as apps are told them."""

from __future__ import annotations

from math import inf

from attrs import evolve
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.guard.opened import Opened
from o2sidecar.guard.time_left import TimeLeft
from o2sidecar.providers.registry import KnownProviders
from o2sidecar.settings.load import load
from o2sidecar.settings.table import BY_KEY
from tests.guard.asking import ALICE, HEADERS, NOW
from tests.options.row import BASE
from tests.options.world import World

OPENED = Opened(key=b"", session=ALICE, identity=HEADERS.identify(ALICE), expires_at=NOW + 60.9, due_at=inf, ask_at=inf)


class TimeLeftTests(SynchronousTestCase):
    """An identity gets a line more."""

    def setUp(self) -> None:
        """A clock at the beginning of the session."""
        self.clock = Clock()
        self.clock.advance(NOW)
        self.time_left = TimeLeft(self.clock.seconds)

    def test_the_seconds_go_down(self) -> None:
        """Each request is told whole seconds as of now, as fields and as lines, and so is a proxy that asks."""
        for passed, left in ((0, b"60"), (50, b"10"), (20, b"0")):
            self.clock.advance(passed)
            identity = self.time_left.told(OPENED)
            field = (b"X-Session-Expires-In", left)
            self.assertEqual(identity.request_fields, (*OPENED.identity.request_fields, field))
            self.assertEqual(
                identity.request_lines, OPENED.identity.request_lines + b"X-Session-Expires-In: " + left + b"\r\n"
            )
            self.assertEqual(identity.auth_fields[-1], field)
            self.assertEqual(identity.response_fields, OPENED.identity.response_fields)

    def test_a_session_without_an_end(self) -> None:
        """Where nothing ends a session, nothing is told."""
        endless = evolve(OPENED, expires_at=inf)
        self.assertIs(self.time_left.told(endless), endless.identity)


class HostileTests(SynchronousTestCase):
    """security.md F2: a client never says how long its session lasts."""

    def seen(self, option: str, *, signed_in: bool) -> list[tuple[bytes, bytes]]:
        options = {**BASE, "pass_session_expires_in": option}
        variables = {BY_KEY[key].variable: value for key, value in options.items()}
        world = World(load([], variables, providers=KnownProviders()))
        try:
            if signed_in:
                world.sign_in()
            claims = [b"X-Session-Expires-In: 999999", b"x_session_expires_in: 999999", b"X-Session_Expires-in: 999999"]
            world.get("/" if signed_in else "/open/", *claims)
            return [pair for pair in world.seen[-1].fields if b"expires" in pair[0].lower()]
        finally:
            world.end()

    def test_with_the_option(self) -> None:
        """F2: X-Session-Expires-In and x_session_expires_in of a client are gone; the app gets ours alone."""
        ((name, value),) = self.seen("true", signed_in=True)
        self.assertEqual(name, b"X-Session-Expires-In")
        self.assertLess(int(value), 999999)
        self.assertEqual(self.seen("true", signed_in=False), [])

    def test_without_it(self) -> None:
        """F2: they are gone as well when the option is off, with and without a session."""
        self.assertEqual(self.seen("false", signed_in=True), [])
        self.assertEqual(self.seen("false", signed_in=False), [])
