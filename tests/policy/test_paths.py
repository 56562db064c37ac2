"""Tests of public paths."""

from __future__ import annotations

import json
import posixpath
from urllib.parse import quote, unquote

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.policy.paths import PublicPaths, canonical_path, readings
from tests.session.vectors import shared

PUBLIC = PublicPaths.parse(["^/public/"])
ALL_BUT_ADMIN = PublicPaths.parse(["!=^/admin"])
PIECES = st.sampled_from(
    ["/", "a", "admin", "public", ".", "..", "%2e", "%2E", "%2f", "%5c", "\\", ";", ";x=1", "%3b", "%25", "%252e",
    "%2520",
     "%20", " ", "%00", "%c3%a9", "%ff", "%c0%ae", "~", "%7e", "%", "%zz", "%u002e", "?", "#", "%23", "%3f", "é", "%61",
     "%ef%bc%8e", "%e2%80%8b", "..;", "x.y", ".hidden", "//"]
)  # fmt: skip
PATHS = st.lists(PIECES, max_size=8).map(lambda pieces: ("/" + "".join(pieces)).encode())


def stripped(text: str) -> str:
    """Without path parameters, as some apps read it."""
    return "/".join(segment.split(";")[0] for segment in text.split("/"))


class CanonicalTests(SynchronousTestCase):
    """A path has one meaning, or none that counts."""

    def test_plain(self) -> None:
        """What needs no decoding stays as it is."""
        for path in ("/", "/a", "/a/", "/a/b.c", "/a-b_c~d", "/@:!$&'()*+,=", "/.well-known/x", "/a..b/..c"):
            self.assertEqual(canonical_path(path.encode()), path)

    def test_decoded(self) -> None:
        """Encodings of harmless characters are undone."""
        for path, text in (
            (b"/%70ublic/x", "/public/x"),
            (b"/a%20b", "/a b"),
            (b"/caf%C3%A9", "/café"),
            ("/café".encode(), "/café"),
            (b"/100%25", "/100%"),
            (b"/a;b=c/d", "/a;b=c/d"),
            (b"/%2ehidden", "/.hidden"),
        ):
            self.assertEqual(canonical_path(path), text)

    def test_ambiguous(self) -> None:
        """What two readers could take for different places has no canonical form."""
        for path in (
            b"", b"a", b"*", b"//", b"/a//b", b"/.", b"/..", b"/a/./b", b"/a/../b", b"/a/..", b"/%2e%2E/b", b"/a%2fb",
            b"/a%2Fb", b"/a\\b", b"/a%5cb", b"/a/..;/b", b"/a/.;x=y/b", b"/;/a", b"/a/;x", b"/..%3b/a", b"/...",
            b"/. ./a",
            b"/..%20/a", b"/%20/a", b"/a%00b", b"/a\x01", b"/a%0ab", b"/a%7f", b"/a%c2%80", b"/%ff", b"/%c0%ae",
            b"/%ed%a0%80",
            b"/%", b"/%4", b"/%zz", b"/%u002e", b"/%252e", b"/%2541", b"/a#b", b"/a%23b", b"/a?b", b"/a%3fb",
            b"/%ef%bc%8e%ef%bc%8e/a", b"/%e2%80%a4./a", b"/adm%c2%adin", b"/%ef%bb%bfadmin", b"/a%e2%80%a8b",
            b"/%ef%bf%bd",
            b"/%ef%bd%81dmin", b"/%e2%84%aa",
        ):  # fmt: skip
            self.assertIsNone(canonical_path(path), path)

    @given(PATHS)
    def test_readers_agree(self, path: bytes) -> None:
        """Decoded once, twice or three times, with backslashes as slashes, dot segments undone: the same place."""
        text = canonical_path(path)
        if text is None:
            return
        reading = path.decode()
        for _ in range(3):
            reading = unquote(reading)
            for variant in (reading, reading.replace("\\", "/")):
                self.assertEqual(posixpath.normpath(variant), text.rstrip("/") or "/")
                self.assertEqual(posixpath.normpath(stripped(variant)), stripped(text).rstrip("/") or "/")

    @given(PATHS | st.binary(max_size=30).map(lambda tail: b"/" + tail))
    def test_canonical_again(self, path: bytes) -> None:
        """The canonical form, encoded, has itself as canonical form."""
        text = canonical_path(path)
        if text is not None:
            self.assertEqual(canonical_path(quote(text, safe="/;=").encode()), text)

    @given(st.binary(max_size=60))
    def test_any_bytes(self, path: bytes) -> None:
        """Whatever comes is answered, and what has a form begins with one slash and holds no control."""
        text = canonical_path(path)
        if text is not None:
            self.assertTrue(text.startswith("/") and not text.startswith("//"))
            self.assertTrue(text.isprintable())

    def test_readings(self) -> None:
        """A path with parameters can be read with and without them."""
        self.assertEqual(readings(b"/a;x/b;y=1"), ("/a;x/b;y=1", "/a/b"))
        self.assertEqual(readings(b"/a"), ("/a",))
        self.assertEqual(readings(b"//a"), ())


class SecurityTests(SynchronousTestCase):
    """The catalogue of security.md §4 U, on `^/public/` and on everything but `^/admin`."""

    def denied(self, *paths: str, rules: PublicPaths = PUBLIC) -> None:
        for path in paths:
            self.assertFalse(rules.admits(b"GET", path.encode()), path)
            self.assertFalse(ALL_BUT_ADMIN.admits(b"GET", path.encode()), path)

    def test_what_is_open(self) -> None:
        """The rules of these tests do open something."""
        self.assertTrue(PUBLIC.admits(b"GET", b"/public/x"))
        self.assertTrue(ALL_BUT_ADMIN.admits(b"GET", b"/public/x"))

    def test_u1_dot_segments(self) -> None:
        """U1: dot segments lead nowhere."""
        self.denied("/public/../admin", "/public/./../admin", "/public/..")

    def test_u2_encoded_dots(self) -> None:
        """U2: encoded dots are dots, however often they are encoded."""
        self.denied("/public/%2e%2e/admin", "/public/.%2E/admin", "/public/%252e%252e/admin")

    def test_u3_encoded_slashes(self) -> None:
        """U3: encoded slashes make a path ambiguous."""
        self.denied("/public/..%2fadmin", "/public%2f..%2fadmin", "/public/%2Fadmin")

    def test_u4_backslashes(self) -> None:
        """U4: so do backslashes, encoded or not."""
        self.denied("/public/..%5cadmin", "/public/\\..\\admin", "/public/..\\admin")

    def test_u5_empty_segments(self) -> None:
        """U5: so do empty segments."""
        self.denied("//public/x", "/public//..//admin", "/public//x")

    def test_u6_parameters_and_bytes(self) -> None:
        """U6: parameters, NULs and overlong UTF-8 hide no dot segment."""
        self.denied("/public/..;/admin", "/public/.;a=b/../admin", "/public/.%00./admin", "/public/%c0%ae%c0%ae/admin")

    def test_u7_fragments(self) -> None:
        """U7: a number sign, encoded or not, begins no second path."""
        anywhere = PublicPaths.parse(["/public/"])
        self.denied("/admin#/public/", "/admin%23/public/", rules=anywhere)
        self.denied("/admin#/public/", "/admin%23/public/")

    def test_u8_queries(self) -> None:
        """U8: a query is no path, not even one that was left in."""
        self.denied("/admin?x=/public/", "/admin%3fx=/public/", rules=PublicPaths.parse(["/public/"]))

    def test_u12_case(self) -> None:
        """U12: case counts."""
        self.assertFalse(PUBLIC.admits(b"GET", b"/PUBLIC/x"))

    def test_u13_unreserved_characters(self) -> None:
        """U13: an encoded letter is that letter."""
        self.assertTrue(PUBLIC.admits(b"GET", b"/%70ublic/x"))
        self.assertFalse(ALL_BUT_ADMIN.admits(b"GET", b"/%61dmin"))

    def test_u14_long_paths(self) -> None:
        """U14: paths over the limit are not public."""
        self.assertTrue(PUBLIC.admits(b"GET", b"/public/" + b"x" * 8184))
        self.assertFalse(PUBLIC.admits(b"GET", b"/public/" + b"x" * 8185))
        self.assertFalse(ALL_BUT_ADMIN.admits(b"GET", b"/x" * 4097))

    def test_u14_unanchored(self) -> None:
        """U14: patterns that match anywhere are named, for a warning; what they exclude needs none."""
        rules = PublicPaths.parse(["/health", "GET=^/a", "POST=b|^/c", "!=/admin"], ["^/old", "old"])
        self.assertEqual(rules.unanchored(), ["/health", "b|^/c", "old"])

    def test_u16_own_endpoints(self) -> None:
        """U16: other writings of our own endpoints have no canonical form that equals them."""
        for path in (b"/oauth2/../admin", b"/oauth2%2fauth", b"/oauth2//auth", b"/x/../oauth2/auth"):
            self.assertIsNone(canonical_path(path))

    def test_parameters_open_nothing(self) -> None:
        """A path with parameters is open only if it is without them, too."""
        styles = PublicPaths.parse([r"\.css$"])
        self.assertTrue(styles.admits(b"GET", b"/a.css"))
        self.assertFalse(styles.admits(b"GET", b"/admin;.css"))
        self.assertFalse(styles.admits(b"GET", b"/admin%3b.css"))
        exact = PublicPaths.parse(["!=^/admin$"])
        self.assertFalse(exact.admits(b"GET", b"/admin;x"))

    @given(PATHS)
    def test_no_reader_ends_in_admin(self, path: bytes) -> None:
        """What is open under `^/public/` is under /public for everybody."""
        if PUBLIC.admits(b"GET", path):
            reading = path.decode()
            for _ in range(3):
                reading = unquote(reading).replace("\\", "/")
                self.assertTrue(posixpath.normpath(stripped(reading)).startswith("/public"))


class RouteTests(SynchronousTestCase):
    """Routes have a method, a pattern, and may be negated."""

    def admits(self, routes: list[str], *requests: tuple[str, str], regexes: tuple[str, ...] = ()) -> list[bool]:
        rules = PublicPaths.parse(routes, regexes)
        return [rules.admits(method.encode(), path.encode()) for method, path in requests]

    def test_recorded(self) -> None:
        """Every recorded request for a public path, or for one that is not, is judged as oauth2-proxy did."""
        document = json.loads((shared() / "conformance" / "cases" / "skipauth.json").read_text("utf-8"))
        judged = 0
        for case in document["cases"]:
            options = case["options"]
            if "skip_auth_routes" not in options and "skip_auth_regex" not in options:
                continue
            rules = PublicPaths.parse(options.get("skip_auth_routes", []), options.get("skip_auth_regex", []))
            for step in case["steps"]:
                method, target = step["request"]["method"].encode(), step["request"]["target"].encode()
                admitted = rules.admits(method, target.partition(b"?")[0])
                self.assertEqual(admitted, bool(step["expect"]["upstream"]), (case["id"], target))
                judged += 1
        self.assertGreater(judged, 20)

    def test_methods(self) -> None:
        """A method in any case means that one only (U15: whatever other fields say)."""
        requests = (("GET", "/feed"), ("POST", "/feed"), ("HEAD", "/feed"), ("get", "/feed"))
        self.assertEqual(self.admits(["get=^/feed"], *requests), [True, False, False, False])
        self.assertEqual(self.admits(["M-SEARCH=^/feed"], ("M-SEARCH", "/feed")), [True])

    def test_negated(self) -> None:
        """A negated route opens what its pattern does not match."""
        requests = (("GET", "/open"), ("GET", "/admin"), ("POST", "/open"))
        self.assertEqual(self.admits(["GET!=^/admin"], *requests), [True, False, False])
        self.assertEqual(self.admits(["!=^/admin"], *requests), [True, False, True])

    def test_equals_signs(self) -> None:
        """An equals sign inside a pattern is part of it."""
        self.assertEqual(self.admits(["^/a=b"], ("GET", "/a=b"), ("GET", "/")), [True, False])
        self.assertEqual(self.admits([], ("GET", "/a!=b"), regexes=("!=b",)), [True])

    def test_no_routes(self) -> None:
        """Without routes nothing is public."""
        self.assertEqual(self.admits([], ("GET", "/")), [False])

    def test_bad_routes(self) -> None:
        """All routes that cannot be used are named at once."""
        with self.assertRaises(ValueError) as caught:
            PublicPaths.parse(["GET=(", "^/ok", "!=[", ""], [")"])
        for name in ("'('", "'['", "')'", "would open every path"):
            self.assertIn(name, str(caught.exception))

    def test_an_empty_pattern(self) -> None:
        """A route without a pattern would open everything, and is refused."""
        for route in ("", "GET=", "!="):
            with self.assertRaises(ValueError):
                PublicPaths.parse([route])

    def test_answers_are_remembered(self) -> None:
        """The memory has a bound, and long paths do not fill it."""
        rules = PublicPaths.parse(["^/public/"])
        for number in range(3000):
            self.assertTrue(rules.admits(b"GET", b"/public/%d" % number))
            self.assertFalse(rules.admits(b"GET", b"/admin/%d" % number))
        self.assertLessEqual(len(rules._answers), 1024)
        held = len(rules._answers)
        rules.admits(b"GET", b"/public/" + b"x" * 600)
        self.assertEqual(len(rules._answers), held)
