"""Tests that bearer tokens and Basic credentials are under the same rules as sessions, through the whole sidecar."""

from __future__ import annotations

import base64
import hashlib
import tempfile
from pathlib import Path
from typing import Any

from o2sidecar.session.keys import KeyRing
from o2sidecar.session.revocations import Kind, RevocationKeys
from tests.catalogue.test_logout import LogoutCase
from tests.catalogue.whole import NOW
from tests.options.papers import PASSWORD
from tests.options.row import BASE
from tests.options.world import ADDRESS, World


class CredentialsCase(LogoutCase):
    """A sidecar that takes both, and shares a list of revocations."""

    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        self.list = self.folder / "revoked"
        password = base64.b64encode(hashlib.sha1(PASSWORD.encode()).digest())
        (self.folder / "users").write_bytes(b"bob@example.com:{SHA}" + password + b"\n")
        self.basic = self.basic_of(PASSWORD)

    def taking(self, **changes: str) -> World:
        """The sidecar."""
        users = {"htpasswd_file": str(self.folder / "users"), "prefer_email_to_user": "true"}
        rest = {"skip_jwt_bearer_tokens": "true", "revocation_list": str(self.list), "email_domains": "*"}
        return self.world(**{**users, **rest, **changes})

    def basic_of(self, password: str) -> bytes:
        """Bob's field with this password."""
        return b"Authorization: Basic " + base64.b64encode(f"bob@example.com:{password}".encode())

    def bearer(self, world: World, **claims: Any) -> bytes:
        """A field with Alice's token, made just now unless it says otherwise."""
        now = int(world.clock.seconds())
        told = {**world.provider.claims, "iat": now, "exp": now + 9000, **claims}
        return b"Authorization: Bearer " + world.provider.make_id_token(**told).encode()

    def revoke(self, world: World, kind: Kind, *parts: str) -> None:
        """End sessions that began until now, and let the sidecar hear of it."""
        keys = RevocationKeys(KeyRing.from_texts([BASE["cookie_secret"]]))
        with self.list.open("ab") as file:
            file.write(keys.revocation(kind, parts, world.clock.seconds()).line + b"\n")
        world.pass_time(10)


class RevokedTests(CredentialsCase):
    """What was ended is over for tokens, too."""

    def test_tokens(self) -> None:
        """L7: a token that was made before its person, session or everybody was ended opens nothing; a new one does."""
        named: tuple[tuple[Kind, tuple[str, ...]], ...] = (
            ("user", ("alice@example.com",)), ("subject", (ADDRESS, "user-1")), ("sid", (ADDRESS, "s-1")), ("all", ()),
        )  # fmt: skip
        for kind, parts in named:
            world = self.taking()
            field = self.bearer(world)
            self.assertEqual(world.get("/", field).status, 200)
            self.revoke(world, kind, *parts)
            self.assertNotEqual(world.get("/", field).status, 200, kind)
            self.assertNotEqual(world.get("/", self.bearer(world, iat=int(NOW))).status, 200, kind)
            if kind != "sid":
                self.assertEqual(world.get("/", self.bearer(world)).status, 200, kind)
            self.list.unlink()

    def test_others(self) -> None:
        """What was ended of somebody else ends nothing."""
        world = self.taking()
        field = self.bearer(world)
        self.revoke(world, "user", "carol@example.com")
        self.assertEqual(world.get("/", field).status, 200)

    def test_passwords(self) -> None:
        """A password that is given again begins anew: what ends it is its line in the file."""
        world = self.taking()
        self.revoke(world, "user", "bob@example.com")
        self.assertEqual(world.get("/", self.basic).status, 200)

    def test_blind(self) -> None:
        """While nobody can tell what was ended, nobody passes by credentials where sessions do not either."""
        self.list.mkdir()
        world = self.taking(revocation_unavailable="reject")
        for field in (self.bearer(world), self.basic):
            self.assertEqual(world.get("/", field).status, 503)


class LimitTests(CredentialsCase):
    """How long, and who."""

    def test_absolute_lifetime(self) -> None:
        """A token is no good for longer than sessions are, whatever it says itself."""
        world = self.taking(session_absolute_lifetime="10m")
        field = self.bearer(world)
        self.assertEqual(world.get("/", field).status, 200)
        world.pass_time(599)
        self.assertEqual(world.get("/", field).status, 200)
        world.pass_time(2)
        self.assertNotEqual(world.get("/", field).status, 200)
        self.assertNotEqual(world.get("/", self.bearer(world, iat=int(NOW) - 1)).status, 200)

    def test_groups(self) -> None:
        """Groups that may pass are the same for all."""
        for groups, by_token, by_password in (("dev", 200, 403), ("staff", 403, 200), ("none", 403, 403)):
            world = self.taking(allowed_groups=groups, htpasswd_user_groups="staff")
            self.assertEqual(world.get("/", self.bearer(world)).status, by_token, groups)
            self.assertEqual(world.get("/", self.basic).status, by_password, groups)


class AuditTests(CredentialsCase):
    """The authentication log knows who came by which credentials."""

    def lines(self, world: World) -> list[bytes]:
        """The lines about it so far."""
        world.pass_time(2)
        return [line for line in b"".join(world.log).splitlines() if b"authenticated by" in line]

    def test_good(self) -> None:
        """Credentials that open a session leave one line that names the person, however often they come."""
        world = self.taking()
        bearer = self.bearer(world)
        for _ in range(3):
            world.get("/", bearer)
            world.get("/", self.basic)
        found = self.lines(world)
        self.assertEqual(len(found), 2)
        self.assertTrue(b"alice@example.com" in found[0] and b"a bearer token" in found[0], found)
        self.assertTrue(b"bob@example.com" in found[1] and b"Basic credentials" in found[1], found)

    def test_bad(self) -> None:
        """Those that open none leave a line without the secret; a field for the app alone leaves none."""
        world = self.taking()
        world.get("/", self.basic_of("guess-me"))
        world.get("/", self.bearer(world) + b"x")
        world.get("/", b"Authorization: Digest username=x")
        found = self.lines(world)
        self.assertEqual([b"not authenticated by" in line for line in found], [True, True])
        self.assertNotIn(b"guess-me", b"".join(world.log))

    def test_a_key_in_the_place_of_a_name(self) -> None:
        """Of users who failed those are named that there are: an API's key in the place of a name is a secret."""
        world = self.taking()
        world.get("/", self.basic_of("wrong"))
        world.get("/", b"Authorization: Basic " + base64.b64encode(b"key-of-the-api:"))
        world.get("/", b"Authorization: Basic " + base64.b64encode(b"key-of-the-api:x"))
        found = self.lines(world)
        self.assertEqual([b"bob@example.com" in line for line in found], [True, False, False])
        self.assertNotIn(b"key-of-the-api", b"".join(world.log + world.standard))
