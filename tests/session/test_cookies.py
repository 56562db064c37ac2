"""Tests of cookies on the wire: the Cookie field, Set-Cookie values, and the session's cookie."""

from __future__ import annotations

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.refusals import OwnFault
from o2sidecar.session.codec import SessionCodec
from o2sidecar.session.cookies import CookieAttributes, Cookies, SessionCookie, parse_cookies
from o2sidecar.session.keys import KeyRing
from o2sidecar.session.sealing import CookieRefused
from o2sidecar.session.session import Session

NAME = "_oauth2_proxy"
NOW = 1_800_000_000.0
HOST = "app.example.com"
CODEC = SessionCodec(ring=KeyRing.from_texts(["0123456789abcdef"]), expire=3600)
ATTRIBUTES = CookieAttributes(name=NAME, expire=3600)
COOKIE = SessionCookie(attributes=ATTRIBUTES, codec=CODEC)
ALICE = Session(user="alice", email="alice@example.com", created_at=NOW)
NOISE = "".join(f"{number * 2654435761 % 2**32:08x}" for number in range(8000))


def large(size: int, created_at: float = NOW) -> Session:
    """A session with a token that no compression makes much smaller than half of `size`."""
    return Session(user="alice", access_token=NOISE[:size], created_at=created_at)


class Browser:
    """Keeps what Set-Cookie says, and gives it back in a Cookie field, as RFC 6265 §5.3 and §5.4 have it."""

    def __init__(self) -> None:
        self.jar: dict[str, str] = {}

    def take(self, values: list[bytes]) -> None:
        for line in values:
            pair, _, attributes = line.decode().partition(";")
            name, _, value = pair.partition("=")
            if "Max-Age=0" in attributes:
                self.jar.pop(name, None)
            else:
                self.jar[name] = value

    @property
    def cookies(self) -> Cookies:
        return parse_cookies([self.field])

    @property
    def field(self) -> bytes:
        return "; ".join(f"{name}={value}" for name, value in self.jar.items()).encode()


class ParseTests(SynchronousTestCase):
    """A Cookie field is taken apart."""

    def test_pairs(self) -> None:
        """Names and values come in order, of all fields, repeated or not."""
        self.assertEqual(
            parse_cookies([b"a=1; b=2;a=3", b"c=4=5; d="]),
            [("a", "1"), ("b", "2"), ("a", "3"), ("c", "4=5"), ("d", "")],
        )

    def test_quotes(self) -> None:
        """Quotes round a whole value are undone, others make it no value."""
        self.assertEqual(parse_cookies([b'a="1"; b=""; c="; d=1"2']), [("a", "1"), ("b", "")])

    def test_junk(self) -> None:
        """What is no cookie is passed over, what follows it is read."""
        self.assertEqual(
            parse_cookies([b"; ;x; =1; a b=1; a\x00=1; b=\x01; c=\xff; d=\\; good=1; ,=1"]), [("good", "1")]
        )

    def test_many(self) -> None:
        """Cookies are counted, and those over the limit are not looked at (security.md S12)."""
        self.assertEqual(len(parse_cookies([b"a=1;" * 2000])), 500)
        self.assertEqual(len(parse_cookies([b"a=1;b=2", b"c=3"], limit=2)), 2)

    @given(st.lists(st.binary(max_size=100), max_size=3))
    def test_any_bytes(self, fields: list[bytes]) -> None:
        """Whatever comes is read without an error."""
        for name, value in parse_cookies(fields):
            self.assertTrue(name)
            self.assertFalse(set(value) & set(';"\\\x00\r\n'))


class AttributesTests(SynchronousTestCase):
    """Set-Cookie values have the configured attributes."""

    def test_defaults(self) -> None:
        """A cookie is Secure and HttpOnly, for the whole host, and no longer than the browser is open."""
        line = CookieAttributes(name="c").set_cookie("c", "v", HOST)
        self.assertEqual(line, b"c=v; Path=/; HttpOnly; Secure")

    def test_everything(self) -> None:
        """All attributes are told (security.md S2)."""
        attributes = CookieAttributes(
            name="c", path="/app", domains=(".example.com",), expire=90.5, secure=True, httponly=True, samesite="lax"
        )
        self.assertEqual(
            attributes.set_cookie("c", "v", HOST),
            b"c=v; Path=/app; Domain=example.com; Max-Age=90; HttpOnly; Secure; SameSite=Lax",
        )
        self.assertEqual(
            attributes.delete_cookie("c", HOST),
            b"c=; Path=/app; Domain=example.com; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0"
            b"; HttpOnly; Secure; SameSite=Lax",
        )

    def test_nothing(self) -> None:
        """Flags that are off are absent."""
        self.assertEqual(
            CookieAttributes(name="c", secure=False, httponly=False).set_cookie("c", "", HOST), b"c=; Path=/"
        )

    def domain(self, host: str, *domains: str, name: str = "c") -> str:
        line = CookieAttributes(name=name, domains=domains).set_cookie(name, "", host).decode()
        return line.partition("Domain=")[2].partition(";")[0]

    def test_the_longest_domain(self) -> None:
        """The longest domain that the host is in is chosen (golden cookie-domain-longest)."""
        domains = (".example.com", ".deep.example.com", "x.io")
        self.assertEqual(self.domain("a.deep.example.com", *domains), "deep.example.com")
        self.assertEqual(self.domain("a.example.com", *domains), "example.com")
        self.assertEqual(self.domain("www.x.io", *domains), "x.io")
        self.assertEqual(self.domain("X.IO", *domains), "x.io")

    def test_no_fitting_domain(self) -> None:
        """A host that is in none gets the shortest (goldens cookie-domain-longest, cookie-domain-single)."""
        self.assertEqual(self.domain("other.net", ".example.com", ".deep.example.com", "x.io"), "x.io")
        self.assertEqual(self.domain("elsewhere.org", ".example.com"), "example.com")

    def test_whole_labels(self) -> None:
        """A host that only ends with the same letters is not in the domain."""
        self.assertEqual(self.domain("notexample.com", "example.com", "b.org"), "b.org")

    def test_ports(self) -> None:
        """The port of the host is ignored (CONTRACT §10 #14)."""
        self.assertEqual(self.domain("app.example.com:8443", ".example.com", ".b.org"), "example.com")
        self.assertEqual(self.domain("[::1]:8443", ".b.org"), "b.org")

    def test_host_prefix(self) -> None:
        """A cookie that is named after its host has no domain (RFC 6265bis §4.1.3.2)."""
        self.assertEqual(self.domain("app.example.com", "example.com", name="__Host-s"), "")
        self.assertEqual(self.domain("app.example.com", "example.com", name="__Secure-s"), "example.com")

    def test_values_that_no_cookie_can_have(self) -> None:
        """No value or name splits the field or the cookie."""
        for value in ("a;b", "a b", "a\r\nb", "a,b", 'a"b', "a\\b", "é", "\x7f", "\x00"):
            with self.assertRaises(ValueError):
                ATTRIBUTES.set_cookie("c", value, HOST)
        for name in ("", "a=b", "a;b", "a b", "a\n", "é"):
            with self.assertRaises(ValueError):
                ATTRIBUTES.set_cookie(name, "v", HOST)
            with self.assertRaises(ValueError):
                ATTRIBUTES.delete_cookie(name, HOST)

    def test_attributes_that_cannot_exist(self) -> None:
        """Attributes that would break the field are refused when they are made."""
        for bad in (
            {"name": ""}, {"name": "a b"}, {"name": "n" * 241}, {"path": "x"}, {"path": "/;"}, {"path": "/\r\n"},
            {"domains": ("a;b",)}, {"domains": ("",)}, {"domains": ("a\nb",)}, {"samesite": "sometimes"},
        ):  # fmt: skip
            with self.assertRaises(ValueError):
                CookieAttributes(**{"name": "c", **bad})  # type: ignore[arg-type]

    @given(st.text(max_size=60))
    def test_any_host(self, host: str) -> None:
        """Whatever host a request names, it does not get into the cookie."""
        line = CookieAttributes(name="c", domains=("example.com", "b.org")).set_cookie("c", "v", host)
        self.assertIn(line.split(b"Domain=")[1].split(b";")[0], (b"example.com", b"b.org"))


class ReadTests(SynchronousTestCase):
    """A session is found among a request's cookies."""

    def value(self, session: Session, name: str = NAME) -> str:
        return CODEC.encode(name, session)

    def test_nothing_of_ours(self) -> None:
        """No cookie of ours is no session and no error."""
        for name in ("other", NAME + "x", NAME + "_csrf", NAME + "_1", NAME.upper(), NAME + "_00", NAME + "_999999999"):
            self.assertIsNone(COOKIE.read([(name, "x")], NOW))

    def test_unreadable(self) -> None:
        """A cookie of ours that cannot be used is an error with its reason."""
        for cookies, reason in (
            ([(NAME, "")], "malformed"),
            ([(NAME, "a|1|b")], "signature"),
            ([(NAME + "_0", "x")], "malformed"),
            ([(NAME, self.value(large(10, NOW - 3600)))], "expired"),
        ):
            with self.assertRaises(CookieRefused) as caught:
                COOKIE.read(cookies, NOW)
            self.assertEqual(caught.exception.reason, reason)

    def test_the_youngest_good_one(self) -> None:
        """Of several of the same name the youngest good session counts, wherever it stands (security.md S7)."""
        old, new = self.value(evolve(ALICE, created_at=NOW - 10)), self.value(ALICE)
        for values in ((old, new), (new, old), ("junk", old, new), (new, "junk")):
            self.assertEqual(COOKIE.read([(NAME, value) for value in values], NOW), ALICE)

    def test_tries_are_counted(self) -> None:
        """Work for many planted cookies is bounded."""
        cookies = [(NAME, "junk")] * 4 + [(NAME, self.value(ALICE))]
        with self.assertRaises(CookieRefused):
            COOKIE.read(cookies, NOW)
        self.assertEqual(evolve(COOKIE, tries=5).read(cookies, NOW), ALICE)

    def test_parts_of_two_generations(self) -> None:
        """Parts that come twice are joined first with first and second with second (security.md S7, S8)."""
        old, new = Browser(), Browser()
        old.take(COOKIE.write(large(9000, NOW - 10), HOST, [], NOW))
        new.take(COOKIE.write(large(9000), HOST, [], NOW))
        self.assertGreater(len(old.jar), 1)
        self.assertEqual(COOKIE.read(old.cookies + new.cookies, NOW), large(9000))
        mixed = list(old.jar.items())[:1] + list(new.jar.items())[1:]
        with self.assertRaises(CookieRefused):
            COOKIE.read(mixed, NOW)

    def test_part_numbers_are_bounded(self) -> None:
        """Parts beyond the last that we would write are not looked at (security.md S8, D6)."""
        cookies = [(f"{NAME}_{number}", "x") for number in range(500)]
        with self.assertRaises(CookieRefused):
            COOKIE.read(cookies, NOW)
        self.assertEqual(len(COOKIE._joined(COOKIE._values(cookies))[0][1]), 16)

    @given(st.lists(st.tuples(st.sampled_from([NAME, NAME + "_0", NAME + "_1", "other"]), st.text(max_size=20))))
    def test_any_cookies(self, cookies: Cookies) -> None:
        """Whatever comes is no session, or refused by the one exception."""
        try:
            self.assertIsNone(COOKIE.read(cookies, NOW))
        except CookieRefused:
            self.assertTrue(cookies)


class WriteTests(SynchronousTestCase):
    """A session reaches a browser and comes back."""

    @given(st.integers(0, 24_000), st.integers(0, 24_000))
    def test_over_the_wire(self, first: int, second: int) -> None:
        """What a browser was given comes back whole, whatever it held before (CONTRACT §10 #15)."""
        browser = Browser()
        for age, size in ((2, first), (1, second)):
            session = evolve(large(size), created_at=NOW - age)
            browser.take(COOKIE.write(session, HOST, COOKIE.presented(browser.cookies), NOW))
            self.assertEqual(COOKIE.read(browser.cookies, NOW), session)
        browser.take(COOKIE.clear(HOST, COOKIE.presented(browser.cookies)))
        self.assertEqual(browser.jar, {})

    def test_lines_are_filled(self) -> None:
        """A value is split when its Set-Cookie value passes 4000 characters, and parts fill theirs exactly."""
        lines = COOKIE.write(large(9000), HOST, [], NOW)
        self.assertGreater(len(lines), 2)
        self.assertEqual([len(line) for line in lines[:-1]], [4000] * (len(lines) - 1))
        self.assertLessEqual(len(lines[-1]), 4000)
        self.assertEqual(
            [line.partition(b"=")[0].decode() for line in lines], [f"{NAME}_{n}" for n in range(len(lines))]
        )

    def test_just_one_line(self) -> None:
        """A value that just fits stays one cookie."""
        [line] = COOKIE.write(large(1000), HOST, [], NOW)
        exact = evolve(COOKIE, line=len(line))
        self.assertEqual(len(exact.write(large(1000), HOST, [], NOW)), 1)
        self.assertEqual(len(evolve(COOKIE, line=len(line) - 1).write(large(1000), HOST, [], NOW)), 2)

    def test_leftovers(self) -> None:
        """Names of the last session that are not written again are deleted, the others once set."""
        names = [NAME, NAME + "_0", NAME + "_3"]
        lines = COOKIE.write(ALICE, HOST, names, NOW)
        self.assertEqual([line.split(b"=")[0].decode() for line in lines], names)
        self.assertEqual([b"Max-Age=0" in line for line in lines], [False, True, True])

    def test_too_large(self) -> None:
        """A session that no browser could hold is refused with a reason, not sent in vain."""
        with self.assertRaises(OwnFault) as caught:
            evolve(COOKIE, parts=2).write(large(24_000), HOST, [], NOW)
        self.assertEqual(caught.exception.reason, "session_too_large")

    def test_minimal(self) -> None:
        """With `minimal` no token is kept; who it is, is."""
        session = evolve(ALICE, access_token="a", id_token="i", refresh_token="r", groups=("dev",))
        browser = Browser()
        browser.take(evolve(COOKIE, minimal=True).write(session, HOST, [], NOW))
        self.assertEqual(COOKIE.read(browser.cookies, NOW), evolve(ALICE, groups=("dev",)))

    def test_a_session_that_begins_now(self) -> None:
        """A session that does not say when it began begins when it is written."""
        browser = Browser()
        browser.take(COOKIE.write(Session(user="u"), HOST, [], NOW))
        self.assertEqual(COOKIE.read(browser.cookies, NOW), Session(user="u", created_at=NOW))


class ClearTests(SynchronousTestCase):
    """Our cookies are known by their names."""

    def test_presented(self) -> None:
        """The session's name and numbered ones are ours, each once; others are not (golden signin-clears-...)."""
        names = [
            NAME,
            NAME + "_0",
            NAME + "_1",
            NAME + "x",
            "other",
            NAME + "_csrf",
            NAME,
            NAME + "_x",
            NAME + "_999999999",
        ]
        self.assertEqual(COOKIE.presented([(name, "") for name in names]), [NAME, NAME + "_0", NAME + "_1"])

    def test_all_of_ours(self) -> None:
        """With pending logins all names are ours that nobody else gives, each once, and not more than so many."""
        good = [NAME, NAME + "_0", NAME + "_123456", NAME + "_csrf", NAME + "_AbCd-_12_csrf"]
        others = [NAME + "x", "x" + NAME, "other", NAME + "_x", NAME + "_csrf_", NAME + "_toolongmark_csrf", NAME + "_"]
        self.assertEqual(COOKIE.ours([(name, "") for name in (*others, *good, *good)]), good)
        many = [(f"{NAME}_{number}", "") for number in range(1000)]
        self.assertEqual(len(COOKIE.ours(many, limit=7)), 7)

    def test_clear(self) -> None:
        """A deletion has domain, path and flags of the cookie (golden signout-cookie-domain; security.md L2)."""
        attributes = evolve(ATTRIBUTES, domains=(".example.com",), path="/app", samesite="strict")
        cookie = evolve(COOKIE, attributes=attributes)
        self.assertEqual(
            cookie.clear("a.example.com", [NAME, NAME]),
            [
                b"_oauth2_proxy=; Path=/app; Domain=example.com; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0"
                b"; HttpOnly; Secure; SameSite=Strict"
            ],
        )


OTHERS = ["a=1", "theme=dark", NAME + "x=1", "x" + NAME + "=1", NAME + "_csrfx=2", NAME + "_x=3", " odd", 'q="1"', ""]
OURS = [
    NAME + "=abc", NAME + "_0=x", NAME + "_17=", NAME + "_csrf=1", NAME + "_AbC-_123_csrf=1", NAME, NAME + " =1",
    NAME + '="q"', NAME + "_999999999=1",
]  # fmt: skip


class StripTests(SynchronousTestCase):
    """The app does not get our cookies (security.md F11)."""

    def test_ours_go(self) -> None:
        """Session, parts and pending logins go, wherever they stand; without others the field is empty."""
        for own in OURS:
            self.assertEqual(COOKIE.strip(own.encode()), b"", own)
            self.assertEqual(COOKIE.strip(f"a=1; {own}; b=2".encode()), b"a=1; b=2", own)
            self.assertEqual(COOKIE.strip(f"{own}; b=2;c=3".encode()), b"b=2;c=3", own)
            self.assertEqual(COOKIE.strip(f"a=1;{own}".encode()), b"a=1", own)

    def test_others_stay(self) -> None:
        """Other cookies stay byte for byte, names that are only like ours too."""
        for field in (b"", b"a=1;; b = 2 ;c", b"x=\xff\x00;" + NAME.encode() + b"x=1", b"a=" + NAME.encode() + b"=1"):
            self.assertEqual(COOKIE.strip(field), field)

    @given(st.lists(st.sampled_from(OTHERS + OURS)), st.sampled_from(["; ", ";", " ;\t"]))
    def test_any_mixture(self, pairs: list[str], between: str) -> None:
        """No pair of ours is left, every other one is, in order."""
        stripped = COOKIE.strip(between.join(pairs).encode()).decode()
        left = [pair.strip(" \t") for pair in stripped.split(";")]
        wanted = [pair.strip(" \t") for pair in pairs if pair not in OURS]
        self.assertEqual([pair for pair in left if pair], [pair for pair in wanted if pair])

    def test_what_the_app_would_read(self) -> None:
        """What we would read as ours is never left for the app."""
        for own in OURS:
            self.assertEqual(COOKIE.presented(parse_cookies([COOKIE.strip(f"a=1; {own}".encode())])), [])
