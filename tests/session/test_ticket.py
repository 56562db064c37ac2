"""Tests of tickets and of what is stored under them, against what oauth2-proxy wrote."""

from __future__ import annotations

import base64
import contextlib
import json
from pathlib import Path
from typing import Any

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.session.cookies import CookieAttributes
from o2sidecar.session.keys import KeyRing
from o2sidecar.session.sealing import CookieRefused, seal, sign
from o2sidecar.session.session import Session
from o2sidecar.session.ticket import Ticket
from o2sidecar.session.ticket_cookie import TicketCookie

NAME = "_oauth2_proxy"
NOW = 1_800_000_000.0
RING = KeyRing.from_texts(["0123456789abcdef"])
COOKIE = TicketCookie(attributes=CookieAttributes(name=NAME, expire=3600), ring=RING)
ALICE = Session(created_at=NOW, user="u-1", email="alice@example.com", access_token="AT", refresh_token="RT")
RECORDED: dict[str, Any] = json.loads(Path(__file__).with_name("recorded_tickets.json").read_text("utf-8"))


def zeros(size: int) -> bytes:
    return bytes(size)


def value_of(set_cookie: bytes) -> str:
    return set_cookie.decode().partition(";")[0].partition("=")[2]


class RecordedTests(SynchronousTestCase):
    """What oauth2-proxy stored is read, and written in the same form."""

    def test_read(self) -> None:
        """Its cookie leads to the key under which it stored the session, and opens what it stored there."""
        wanted = RECORDED["session"]
        for case in RECORDED["vectors"]:
            name = case["cookie_name"]
            ring = KeyRing.from_texts([case["cookie_secret"]])
            cookie = TicketCookie(attributes=CookieAttributes(name=name, expire=case["expire"]), ring=ring)
            [presented] = cookie.read([(name, case["cookie"])], wanted["created_at"])
            self.assertEqual((presented.ticket.id, presented.signed_at), (case["key"], wanted["created_at"]))
            session = presented.ticket.open(base64.b64decode(case["value"]))
            self.assertEqual(session.nonce, wanted["nonce"].encode())
            self.assertEqual(session.groups, tuple(wanted["groups"]))
            self.assertEqual(session.additional_claims, wanted["additional_claims"])
            for name in ("email", "user", "preferred_username", "access_token", "refresh_token", "id_token"):
                self.assertEqual(getattr(session, name), wanted[name])

    def test_written(self) -> None:
        """The same ticket makes the same cookie, byte for byte."""
        created_at = RECORDED["session"]["created_at"]
        for case in RECORDED["vectors"]:
            name = case["cookie_name"]
            ring = KeyRing.from_texts([case["cookie_secret"]])
            cookie = TicketCookie(attributes=CookieAttributes(name=name), ring=ring)
            [presented] = cookie.read([(name, case["cookie"])], created_at)
            [written] = cookie.write(presented.ticket, created_at + 0.5, "app.example.com", [])
            self.assertEqual(value_of(written), case["cookie"])


class TicketTests(SynchronousTestCase):
    """A ticket is a key and a secret, and opens nothing but what was sealed with it."""

    def test_each_is_another(self) -> None:
        """New tickets share neither key nor secret, and show no secret."""
        first, second = Ticket.issue(NAME), Ticket.issue(NAME)
        self.assertNotEqual(first.id, second.id)
        self.assertNotEqual(first.secret, second.secret)
        self.assertNotIn(str(first.secret), repr(first))

    @given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
    def test_round_trip(self, key: bytes, secret: bytes) -> None:
        """A ticket is read from its text as it was."""
        ticket = Ticket(id=f"{NAME}-{key.hex()}", secret=secret)
        self.assertEqual(Ticket.parse(NAME, ticket.text.encode()), ticket)

    def test_the_older_form(self) -> None:
        """Tickets of old versions of oauth2-proxy, without a version and with the key as it is, are read too."""
        ticket = Ticket.parse(NAME, b"_oauth2_proxy-" + b"0" * 32 + b"." + base64.urlsafe_b64encode(bytes(16))[:-2])
        self.assertEqual(ticket, Ticket(id=f"{NAME}-{'0' * 32}", secret=bytes(16)))

    def test_no_ticket(self) -> None:
        """A key that is none of this cookie's, a secret of another size and other forms are refused."""
        good = Ticket.issue(NAME)
        version, key, secret = good.text.split(".")
        other = base64.urlsafe_b64encode(b"another-" + b"0" * 32).decode().rstrip("=")
        lock = base64.urlsafe_b64encode(f"{good.lock_id}".encode()).decode().rstrip("=")
        for text in (
            *("", ".", "..", "v2..", f"{version}.{key}", f"{version}.{key}.", f"v3.{key}.{secret}"),
            *(f"{version}.{other}.{secret}", f"{version}.{lock}.{secret}", f"{version}.{key}.{secret[:-4]}"),
            *(f"{version}.{key}.{secret}.x", f"{version}.{key}.{secret}=", f"{version}.{key}.{secret[:-1]}+"),
        ):
            self.assertRaises(CookieRefused, Ticket.parse, NAME, text.encode())

    @given(st.binary(max_size=120))
    def test_any_bytes(self, text: bytes) -> None:
        """Whatever was signed, it is a ticket or refused."""
        with contextlib.suppress(CookieRefused):
            Ticket.parse(NAME, text)

    def test_another_ticket_does_not_open(self) -> None:
        """A value that somebody copied to the key of another ticket does not open there (security.md S11)."""
        value = Ticket.issue(NAME).seal(ALICE)
        self.assertRaises(CookieRefused, Ticket.issue(NAME).open, value)

    def test_tampered(self) -> None:
        """A value with one bit changed, or cut short, does not open (security.md S3)."""
        ticket = Ticket.issue(NAME)
        value = ticket.seal(ALICE)
        self.assertEqual(ticket.open(value), ALICE)
        for position in range(len(value)):
            changed = bytearray(value)
            changed[position] ^= 1
            self.assertRaises(CookieRefused, ticket.open, bytes(changed))
        for end in (0, 1, 11, 12, 13, 27, len(value) - 1):
            self.assertRaises(CookieRefused, ticket.open, value[:end])

    def test_no_nonce_twice(self) -> None:
        """The same session is never sealed to the same bytes: AES-GCM bears no repeated nonce."""
        ticket = Ticket.issue(NAME)
        self.assertNotEqual(ticket.seal(ALICE), ticket.seal(ALICE))
        self.assertRaises(ValueError, ticket.seal, evolve(ALICE, created_at=None))


class TicketCookieTests(SynchronousTestCase):
    """A ticket comes back from a browser only as it was given."""

    def setUp(self) -> None:
        self.ticket = Ticket.issue(NAME)
        [self.line] = COOKIE.write(self.ticket, NOW, "app.example.com", [])
        self.value = value_of(self.line)

    def test_round_trip(self) -> None:
        """What was written is read, with the time of its signature."""
        [presented] = COOKIE.read([("a", "1"), (NAME, self.value)], NOW)
        self.assertEqual((presented.ticket, presented.signed_at), (self.ticket, NOW))
        self.assertEqual(COOKIE.read([("a", "1")], NOW), [])

    def test_lifetime(self) -> None:
        """A ticket expires with its cookie's time, and five minutes of clock skew are borne (S10)."""
        self.assertEqual(len(COOKIE.read([(NAME, self.value)], NOW + 3599)), 1)
        self.assertRaises(CookieRefused, COOKIE.read, [(NAME, self.value)], NOW + 3600)
        self.assertEqual(len(COOKIE.read([(NAME, self.value)], NOW - 299)), 1)
        self.assertRaises(CookieRefused, COOKIE.read, [(NAME, self.value)], NOW - 300)

    def test_forged(self) -> None:
        """Changed, cut, unsigned, signed for another name or with another key: refused (S3)."""
        payload, when, signature = self.value.split("|")
        text = self.ticket.text.encode()
        other_key = KeyRing.from_texts(["fedcba9876543210"]).sealing
        for value in (
            *("", "junk", self.ticket.text, self.value[:-4], f"{payload}|{int(when) + 1}|{signature}"),
            *(sign(RING.sealing, f"{NAME}_csrf", text, int(NOW)), sign(other_key, NAME, text, int(NOW))),
        ):
            self.assertRaises(CookieRefused, COOKIE.read, [(NAME, value)], NOW)

    def test_a_sealed_cookie_is_no_ticket(self) -> None:
        """What was sealed for another purpose under the same name is no ticket (S3)."""
        sealed = seal(RING.sealing, NAME, self.ticket.text.encode(), int(NOW))
        self.assertRaises(CookieRefused, COOKIE.read, [(NAME, sealed)], NOW)

    def test_planted_beside_ours(self) -> None:
        """Junk of the same name does not hide the good ticket; of several good ones the youngest comes first (S8)."""
        [younger] = COOKIE.write(Ticket.issue(NAME), NOW + 60, "app.example.com", [])
        cookies = [(NAME, "junk"), (NAME, self.value), (NAME, value_of(younger))]
        found = COOKIE.read(cookies, NOW + 60)
        self.assertEqual([presented.signed_at for presented in found], [NOW + 60, NOW])

    def test_what_it_replaces(self) -> None:
        """Numbered parts of an earlier session are taken away, each once."""
        lines = COOKIE.write(self.ticket, NOW, "app.example.com", [f"{NAME}_0", NAME, f"{NAME}_0", f"{NAME}_1"])
        self.assertEqual(
            [line.partition(b"=")[0] for line in lines], [b"_oauth2_proxy", b"_oauth2_proxy_0", b"_oauth2_proxy_1"]
        )
        self.assertIn(b"Max-Age=0", lines[1])
