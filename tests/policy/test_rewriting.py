"""Tests of rewriting: which target a request gets, and that nothing but the pattern's author decides it."""

from __future__ import annotations

from urllib.parse import parse_qsl

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.policy.pattern import Pattern
from o2sidecar.policy.rewriting import Rewriting


def rewritten(pattern: str, target: str, given: bytes) -> bytes | None:
    """What becomes of a target."""
    return Rewriting.parse(Pattern(pattern), target).of(given)


class PathTests(SynchronousTestCase):
    """The path is made of the new target and the groups."""

    def test_recorded(self) -> None:
        """The recorded rewritings (up-rewrite) and their queries, in the order of names."""
        for pattern, target, asked, expected in (
            ("^/old/(.*)$", "/new/$1", b"/old/thing/1?b=2&a=1", b"/new/thing/1?a=1&b=2"),
            ("^/q/([^/]*)$", "/search?verb=$1", b"/q/find?z=9", b"/search?verb=find&z=9"),
            ("^/strip(/.*)$", "$1", b"/strip/x/y", b"/x/y"),
            ("^/strip(/.*)$", "$1", b"/strip/", b"/"),
        ):
            self.assertEqual(rewritten(pattern, target, asked), expected)

    def test_second_group(self) -> None:
        """`$2` is the second group (CONTRACT §10 #28)."""
        two = "^/q/([^/]*)/(.*)$"
        self.assertEqual(rewritten(two, "/search?verb=$1&what=$2", b"/q/find/me?z=9"), b"/search?verb=find&what=me&z=9")
        self.assertEqual(rewritten(two, "/$2/$1", b"/q/a/b"), b"/b/a")

    def test_references(self) -> None:
        """Groups go by number or name, 0 is the whole match, two dollar signs are one, one that is alone stays."""
        self.assertEqual(rewritten("^/(?P<who>[^/]+)", "/u/$who/", b"/bob"), b"/u/bob/")
        self.assertEqual(rewritten("^/(.*)$", "$0/$1$$1$", b"/x"), b"/x/x$1$")
        self.assertEqual(rewritten("^/(a)?(b)", "/x$1$2", b"/b"), b"/xb")

    def test_no_match(self) -> None:
        """A path that does not fit has no new target; the pattern never sees the query."""
        self.assertIsNone(rewritten("^/old/", "/new/", b"/new/?x=/old/"))

    def test_no_target(self) -> None:
        """Without a new target the old one stays, byte for byte."""
        self.assertEqual(rewritten("^/old/", "", b"/old/%41?b&a;c"), b"/old/%41?b&a;c")

    def test_rest(self) -> None:
        """What the pattern leaves out stays before and behind the match."""
        self.assertEqual(rewritten("^/old/", "/new/", b"/old/x/y"), b"/new/x/y")
        self.assertEqual(rewritten("/old/", "/new/", b"/a/old/x/old/y"), b"/a/new/x/old/y")
        self.assertEqual(rewritten("^/q/", "/search?verb=", b"/q/a&b"), b"/search?verb=a%26b")

    def test_slash(self) -> None:
        """A new path begins with a slash, whatever the groups leave of it."""
        self.assertEqual(rewritten("^/strip(.*)$", "$1", b"/strip"), b"/")
        self.assertEqual(rewritten("^/strip(.*)$", "$1", b"/strip@evil.example/"), b"/@evil.example/")

    def test_as_it_came(self) -> None:
        """Escapes are not undone: an encoded slash is no slash, an encoded question mark begins no query."""
        self.assertEqual(rewritten("^/old/([^/]*)$", "/new/$1", b"/old/a%2Fb%3Fc"), b"/new/a%2Fb%3Fc")
        self.assertIsNone(rewritten("^/old/", "/new/", b"/%6Fld/x"))


class QueryTests(SynchronousTestCase):
    """The query is the new target's and the client's."""

    def test_group_is_a_value(self) -> None:
        """A group in the query stays one value, whatever delimiters the path had."""
        self.assertEqual(
            rewritten("^/q/(.*)$", "/search?verb=$1", b"/q/a&admin=1;x+%26"), b"/search?verb=a%26admin%3D1%3Bx%2B%26"
        )

    def test_client_cannot_say_it_again(self) -> None:
        """A parameter that the new target sets is taken out of the client's query, in every spelling of its name."""
        for query in (b"id=2", b"id", b"%69d=2", b"ID=2", b"i%64=2", b"a;id=2", b"id;a"):
            self.assertEqual(rewritten("^/u/(.*)$", "/get?id=$1", b"/u/1?" + query), b"/get?id=1", query)

    def test_rest_of_the_query(self) -> None:
        """The client's parameters keep their bytes and, where their names are the same, their order."""
        self.assertEqual(
            rewritten("^/x", "/y?m=1", b"/x?z=%zz&b=2&b=%31&&a=a%20b+c&B"), b"/y?B&a=a%20b+c&b=2&b=%31&m=1&z=%zz"
        )
        self.assertEqual(rewritten("^/x", "/y", b"/x?"), b"/y")


class TextTests(SynchronousTestCase):
    """What the settings may say."""

    def test_refused(self) -> None:
        """Patterns that RE2 does not read, groups that are not there, and targets that are no path are refused."""
        for pattern, target, words in (
            ("^(", "/", "cannot be used"),
            ("^/a", "/$1", "$1 stands for a group that the path does not have"),
            ("^/(a)", "/$1x$nobody", "$nobody stands for a group"),
            ("^/(a)", "/b?x=$2", "$2 stands for a group"),
            ("^/a", "new/", "must be a path"),
            ("^/a", "/n w", "must be a path"),
            ("^/a", "/n#w", "must be a path"),
            ("^/a", "/ä", "must be a path"),
            ("^/a", "http://evil/", "must be a path"),
        ):
            with self.assertRaises(ValueError, msg=target) as caught:
                Rewriting.parse(Pattern(pattern), target)
            self.assertIn(words, str(caught.exception))

    @given(
        st.sampled_from(["^/(.*)$", "^/([^/]*)/?(.*)$", "/(a*)", "^(.*)"]),
        st.sampled_from(["/n/$1", "$1", "/s?id=$1", "/s?id=$1&x=$0", "$0?id=1$1"]),
        st.text(alphabet="/a%25bid2F&;=+.?", max_size=30).map(lambda text: b"/" + text.encode()),
    )
    def test_any_target(self, pattern: str, target: str, given: bytes) -> None:
        """A new target begins with a slash, and its query says what the new target sets exactly once."""
        new = rewritten(pattern, target, given)
        assert new is not None
        path, _, query = new.partition(b"?")
        self.assertTrue(path.startswith(b"/"))
        if "?" in target:
            pairs = parse_qsl(query.decode(), keep_blank_values=True, errors="replace")
            self.assertEqual([name for name, _ in pairs if name.lower() == "id"], ["id"], new)
