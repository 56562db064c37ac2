"""Catalogue S: what is planted, doubled, mixed, swapped or old is nobody's session, and hides nobody's own."""

from __future__ import annotations

import ast
import tempfile
from pathlib import Path

from attrs import evolve

from o2sidecar.oauth.browser_secret import BrowserSecret
from o2sidecar.session import sealing
from o2sidecar.session.codec import SessionCodec
from o2sidecar.session.keys import KeyRing
from o2sidecar.session.revocations import RevocationKeys
from o2sidecar.session.session import Session
from o2sidecar.stores.revocation_sources import LARGEST_LIST
from tests.catalogue.test_logout import LogoutCase
from tests.catalogue.whole import NAME, NOW
from tests.fakes import answering, silent
from tests.options.row import BASE
from tests.options.world import OTHER_ISSUER, World

RING = KeyRing.from_texts([BASE["cookie_secret"]])
OTHERS = KeyRing.from_texts(["fedcba9876543210"])
CODEC = SessionCodec(ring=RING, expire=0)
MALLORY = Session(created_at=NOW - 60, user="m", email="mallory@example.com", access_token="t")
NOBODY = 403
KEY = NAME.encode()


class SessionsCase(LogoutCase):
    """A sidecar in memory, and cookies that nobody gave its browser."""

    def with_cookies(self, world: World, *pairs: tuple[str, str]) -> int:
        """The status of a request with these cookies, which must never be our own fault."""
        field = b"Cookie: " + "; ".join(f"{name}={value}" for name, value in pairs).encode()
        jar, world.jar = world.jar, {}
        status = world.get("/", field).status
        world.jar = jar
        self.assertNotIn(status, {500, 502})
        return status

    def who(self, world: World, *pairs: tuple[str, str]) -> str:
        """Whom the app is told of a request with these cookies; empty if it is refused."""
        if self.with_cookies(world, *pairs) != 200:
            return ""
        return world.seen[-1].values(b"x-forwarded-email")[0].decode()

    def mine(self, world: World) -> str:
        """The value of Alice's cookie."""
        return world.jar[KEY].decode()


class PlantedTests(SessionsCase):
    """Cookies that somebody else put there."""

    def test_s1(self) -> None:
        """S1: whoever signs in over a planted session has a new one of their own, and no other."""
        world = self.world()
        planted = CODEC.encode(NAME, MALLORY)
        world.jar[KEY] = planted.encode()
        world.sign_in()
        self.assertNotEqual(self.mine(world), planted)
        self.assertEqual(self.who(world, (NAME, self.mine(world))), "alice@example.com")

    def test_s2(self) -> None:
        """S2: cookies are HttpOnly, Secure, SameSite and for a path, and none is larger than browsers keep."""
        world = self.world(cookie_secure="true")
        for size in (40, 20_000):
            world.provider.tokens["access_token"] = "".join(f"{number:x}" for number in range(size // 4))
            begun = world.begin()
            world.jar.clear()
            written = [*begun.values(b"set-cookie"), *world.sign_in().values(b"set-cookie")]
            self.assertGreater(len(written), 1)
            for line in written:
                for attribute in (b"; HttpOnly", b"; Secure", b"; SameSite=Lax", b"; Path=/"):
                    self.assertIn(attribute.lower(), line.lower(), line[:60])
                self.assertLessEqual(len(line.partition(b";")[0]), 4096)

    def test_s7(self) -> None:
        """S7: beside a good cookie, junk of the same name, another key's and an older session hide nothing."""
        world = self.signed_in()
        mine, names = self.mine(world), [NAME, NAME.upper(), f"{NAME}_0"]
        foreign = SessionCodec(ring=OTHERS, expire=0).encode(NAME, MALLORY)
        old = CODEC.encode(NAME, MALLORY)
        for others in (("junk",), (foreign,), (old,), ("", "junk", foreign)):
            for name in names:
                planted = [(name, other) for other in others]
                self.assertEqual(self.who(world, *planted, (NAME, mine)), "alice@example.com", (name, others))
                self.assertEqual(self.who(world, (NAME, mine), *planted), "alice@example.com", (name, others))

    def test_s8(self) -> None:
        """S8: gaps, numbers out of reach and parts of two generations are no session."""
        world = self.world()
        large = [evolve(MALLORY, access_token=str(age) * 60_000, created_at=NOW - age) for age in (1, 2)]
        values = [CODEC.encode(NAME, session) for session in large]
        parts = [[value[at : at + 300] for at in range(0, len(value), 300)] for value in values]
        for which in parts:
            whole = [(f"{NAME}_{number}", part) for number, part in enumerate(which)]
            self.assertGreater(len(whole), 1)
            self.assertEqual(self.who(world, *whole), "mallory@example.com")
            self.assertEqual(self.with_cookies(world, *whole[1:]), NOBODY)
            self.assertEqual(self.with_cookies(world, *whole[:-1]), NOBODY)
        mixed = [(f"{NAME}_0", parts[0][0]), *((f"{NAME}_{n}", part) for n, part in enumerate(parts[1]) if n)]
        self.assertEqual(self.with_cookies(world, *mixed), NOBODY)
        for number in ("999999999", "-1", "00", "1e3", "\u0661".encode().decode("latin-1")):
            self.assertEqual(self.with_cookies(world, (f"{NAME}_{number}", values[0])), NOBODY)

    def test_s12(self) -> None:
        """S12: two hundred cookies and a good one among them are served; more than a head may hold is refused."""
        world = self.signed_in()
        crowd = [(f"c{number}", 60 * "x") for number in range(200)]
        ours = [(f"{NAME}_{number}", 60 * "x") for number in range(1, 200)]
        for many in (crowd, ours):
            self.assertEqual(self.who(world, *many, (NAME, self.mine(world))), "alice@example.com")
        self.assertEqual(self.with_cookies(world, (NAME, 66_000 * "x")), 431)


class SwappedTests(SessionsCase):
    """Values that were good for something else, or were good once."""

    def test_s3(self) -> None:
        """S3: a flipped bit anywhere, a cut, another key, another name and another purpose are no session."""
        world = self.signed_in()
        mine = self.mine(world)
        wrong = [mine[:at] + chr(ord(mine[at]) ^ 1) + mine[at + 1 :] for at in range(0, len(mine), 7)]
        wrong += [mine[:at] for at in range(0, len(mine), 97)]
        wrong += [SessionCodec(ring=OTHERS, expire=0).encode(NAME, MALLORY), CODEC.encode("_other", MALLORY)]
        pending = BrowserSecret(secret=32 * b"s").login_at(NOW, 900, pkce=True).packed()
        wrong += [sealing.seal(RING.sealing, name, pending, int(NOW), random=bytes) for name in (NAME, f"{NAME}_csrf")]
        for value in wrong:
            if any(not " " < character < "\x7f" or character in ';,"\\' for character in value):
                continue
            self.assertEqual(self.with_cookies(world, (NAME, value)), NOBODY, value)
        world.jar = {f"{NAME}_csrf".encode(): mine.encode()}
        self.assertEqual(world.get("/oauth2/callback?code=c&state=s%3A%2F").status // 100, 4)
        self.assertEqual(world.get("/").status, NOBODY)

    def test_s4(self) -> None:
        """S4: characters that move over the border between a cookie's fields make no session."""
        world = self.signed_in()
        value, moment, signature = self.mine(world).split("|")
        for moved in (
            (value + moment[0], moment[1:], signature), (value[:-1], value[-1] + moment, signature),
            (value, moment + signature[0], signature[1:]), (value, moment[:-1], moment[-1] + signature),
            (value, "0" + moment, signature), (value, moment + "0", signature), (value, moment, signature, ""),
        ):  # fmt: skip
            self.assertEqual(self.with_cookies(world, (NAME, "|".join(moved))), NOBODY, moved)

    def test_s5(self) -> None:
        """S5: signatures are compared in constant time, and nothing in that module compares texts otherwise."""
        tree = ast.parse(Path(sealing.__file__).read_text("utf-8"))
        calls = [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]
        self.assertIn("hmac.compare_digest", calls)
        compared = [
            ast.unparse(node)
            for node in ast.walk(tree)
            if isinstance(node, ast.Compare) and any(isinstance(each, (ast.Eq, ast.NotEq)) for each in node.ops)
        ]
        self.assertEqual([each for each in compared if "sign" in each or "mac" in each.lower()], [])

    def test_s9(self) -> None:
        """S9: a cookie that was signed out is worth nothing, whole or beside others of its name."""
        world = self.signed_in()
        mine = self.mine(world)
        world.keep(world.get("/oauth2/sign_out"))
        self.assertEqual(self.with_cookies(world, (NAME, mine)), NOBODY)
        self.assertEqual(self.with_cookies(world, (NAME, "junk"), (NAME, mine)), NOBODY)
        self.assertEqual(self.with_cookies(world, (NAME, mine), (NAME, mine)), NOBODY)

    def test_s10(self) -> None:
        """S10: the sealed time decides, whatever the browser keeps; five minutes ahead are tolerated, more are not."""
        world = self.world(cookie_expire="60s")
        for ahead, status in ((-59, 200), (-61, NOBODY), (290, 200), (310, NOBODY)):
            value = CODEC.encode(NAME, evolve(MALLORY, created_at=world.clock.seconds() + ahead))
            self.assertEqual(self.with_cookies(world, (NAME, value)), status, ahead)

    def test_s13(self) -> None:
        """S13: no cache keeps an answer of ours that sets cookies."""
        world = self.world()
        answers = [world.begin(), world.sign_in(), world.get("/oauth2/sign_out")]
        for answer in answers:
            self.assertTrue(answer.values(b"set-cookie"))
            self.assertIn(b"no-store", answer.values(b"cache-control")[0])


class HostileListTests(SessionsCase):
    """A list of revocations that somebody tampers with, or that cannot be had as it should."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "revoked"
        self.shared = {"revocation_list": str(self.path)}
        self.keys = RevocationKeys(RING)

    def line(self, *, before: float = NOW + 5, keys: RevocationKeys | None = None) -> bytes:
        """A line that ends Alice's sessions."""
        return (keys or self.keys).revocation("user", ["alice@example.com"], before).line

    def status_with(self, world: World, text: bytes) -> int:
        """The status of Alice's request after the list became this."""
        self.path.write_bytes(text)
        world.pass_time(10)
        return self.with_cookies(world, (NAME, self.mine(world)))

    def test_truncated(self) -> None:
        """L7: a line that was cut anywhere ends nothing, nor does it spoil the whole lines before it."""
        world = self.signed_in(**self.shared)
        line = self.line()
        for at in range(0, len(line), 5):
            self.assertEqual(self.status_with(world, line[:at]), 200, at)
        self.assertEqual(self.status_with(world, line + b"\n" + line[:20]), NOBODY)

    def test_rolled_back(self) -> None:
        """L7: what was revoked stays so when somebody puts an older list in the place of the new one."""
        world = self.signed_in(**self.shared)
        self.assertEqual(self.status_with(world, self.line() + b"\n"), NOBODY)
        for older in (b"", b"junk\n", self.keys.revocation("user", ["bob"], NOW).line + b"\n"):
            self.assertEqual(self.status_with(world, older), NOBODY)

    def test_changed(self) -> None:
        """L7: a line with another kind, person, moment or signature, or by another secret, ends nothing."""
        world = self.signed_in(**self.shared)
        kind, digest, before, signature = self.line().split(b" ")[1:]
        other = self.keys.revocation("user", ["bob@example.com"], NOW + 5).line.split(b" ")
        for changed in (
            (b"all", digest, before, signature), (kind, other[2], before, signature),
            (kind, digest, b"9%s" % before, signature), (kind, digest, before, other[4]),
            (kind, digest, before, signature[:-1]), (kind, digest, before, signature + b" x"),
        ):  # fmt: skip
            self.assertEqual(self.status_with(world, b"1 " + b" ".join(changed) + b"\n"), 200, changed)
        self.assertEqual(self.status_with(world, self.line(keys=RevocationKeys(OTHERS)) + b"\n"), 200)

    def test_dated(self) -> None:
        """L7: a line ends the sessions that began before its moment, even if that is to come, and no later ones."""
        world = self.signed_in(**self.shared)
        self.assertEqual(self.status_with(world, self.line(before=NOW - 60) + b"\n"), 200)
        self.assertEqual(self.status_with(world, self.line(before=NOW + 60) + b"\n"), NOBODY)
        world.jar.clear()
        world.pass_time(60)
        world.sign_in()
        self.assertEqual(self.with_cookies(world, (NAME, self.mine(world))), 200)

    def test_huge(self) -> None:
        """L7: a list beyond what is read changes nothing of what is known, and nobody waits for it."""
        world = self.signed_in(**self.shared)
        with self.path.open("wb") as file:
            file.truncate(LARGEST_LIST + 1)
        world.pass_time(10)
        self.assertEqual(self.with_cookies(world, (NAME, self.mine(world))), 200)
        self.assertEqual(self.status_with(world, self.line() + b"\n"), NOBODY)

    def test_slow(self) -> None:
        """L7: a list that does not come in time keeps nobody waiting, and what was known counts on."""
        world = self.signed_in(revocation_list=f"http://127.0.0.1:{OTHER_ISSUER}/list")
        world.other.instead["/list"] = answering(self.line() + b"\n", content_type="text/plain")
        mine = self.mine(world)
        world.pass_time(12)
        self.assertEqual(self.with_cookies(world, (NAME, mine)), NOBODY)
        world.other.instead["/list"] = silent
        world.pass_time(60)
        self.assertEqual(self.with_cookies(world, (NAME, mine)), NOBODY)
        world.jar.clear()
        world.sign_in()
        self.assertEqual(self.with_cookies(world, (NAME, self.mine(world))), 200)
