"""Tests of routes that ask for a fresh sign-in: what is protected however it is written, and what is refused."""

from __future__ import annotations

from math import inf

from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.policy.reauth_routes import ReauthRoutes, Requirement

NOW = 1_800_000_000.0


@frozen(kw_only=True)
class Known:
    """What a session tells."""

    authenticated_at: float | None = None
    acr: str = ""


class RoutesTests(SynchronousTestCase):
    """Which requests are asked for what."""

    def asked(self, path: bytes, *routes: str, method: bytes | None = b"GET") -> Requirement | None:
        """What a request for a path is asked for."""
        return ReauthRoutes.parse(routes or ("^/admin max_age=5m",)).of(method, path)

    def test_other_paths(self) -> None:
        """A path that no route is about asks for nothing."""
        self.assertIsNone(self.asked(b"/"))
        self.assertIsNone(self.asked(b"/x/admin"))

    def test_what_is_asked(self) -> None:
        """Age and classes are read, several classes in their order."""
        found = self.asked(b"/admin/x", "^/admin acr=urn:a max_age=1h30m acr=urn:b")
        self.assertEqual(found, Requirement(max_age=5400, acr_values=("urn:a", "urn:b")))
        assert found is not None
        self.assertEqual(found.parameters, {"max_age": "5400", "acr_values": "urn:a urn:b"})

    def test_other_writings(self) -> None:
        """A path that readers could take for a protected one is protected, however it is written."""
        for path in (
            b"/admin", b"/ADMIN", b"/%61dmin", b"/%2561dmin", b"//admin", b"/x/../admin", b"/x/%2e%2e/admin",
            b"/admin;x=1", b"/x;/../admin", b"/\\admin", b"/x%2fadmin", b"/%", b"/\xff", b"/ad%00min",
            "/ａdmin".encode(), b"/admin%", b"/./admin", b"/admin/..;/",
        ):  # fmt: skip
            self.assertEqual(self.asked(path), Requirement(max_age=300), path)

    def test_methods(self) -> None:
        """A method narrows a route; HEAD is as good as GET; where it is not known, it may be any."""
        routes = ("post=^/pay max_age=1m", "GET=^/read max_age=2m")
        for method, path, age in (
            (b"POST", b"/pay", 60), (b"GET", b"/pay", None), (None, b"/pay", 60),
            (b"GET", b"/read", 120), (b"HEAD", b"/read", 120), (b"POST", b"/read", None),
        ):  # fmt: skip
            found = self.asked(path, *routes, method=method)
            self.assertEqual(found and found.max_age, age, (method, path))

    def test_all_but(self) -> None:
        """`!=` asks everywhere else; another case of what is left out is not left out."""
        route = "GET!=^/open max_age=1m"
        self.assertIsNone(self.asked(b"/open", route))
        for path in (b"/OPEN", b"/other", b"/open/../x"):
            self.assertEqual(self.asked(path, route), Requirement(max_age=60), path)

    def test_several(self) -> None:
        """All routes count that are about a path; classes that exclude each other let nobody pass."""
        routes = ("^/a max_age=5m acr=x acr=y", "^/a/b max_age=1m acr=y", "^/a/b/c acr=z")
        self.assertEqual(self.asked(b"/a/b", *routes), Requirement(max_age=60, acr_values=("y",)))
        found = self.asked(b"/a/b/c", *routes)
        assert found is not None
        self.assertEqual(found.acr_values, ())
        for acr in ("", "x", "y", "z"):
            self.assertFalse(found.is_met(Known(authenticated_at=NOW, acr=acr), NOW))

    def test_nobody_knows_the_path(self) -> None:
        """A request whose path nobody knows is asked for all that is asked anywhere."""
        routes = ReauthRoutes.parse(["^/a max_age=5m", "^/b max_age=1m acr=x"])
        self.assertEqual(routes.anywhere, Requirement(max_age=60, acr_values=("x",)))

    def test_refused(self) -> None:
        """What cannot be read is refused: above all what would ask for nothing, or at no path."""
        for text in (
            "", "^/x", "max_age=5m", "GET= max_age=5m", "^/x maxage=5m", "^/x max_age=", "^/x max_age=5",
            "^/x max_age=0", "^/x max_age=29s", "^/x max_age=-5m", "^/x max_age=5m max_age=6m", "^/x acr=",
            '^/x acr="', "^/x acr=\\", "^/x acr=\u00e9", "^/x acr=a,b c", "^/a b max_age=5m", "(/x max_age=5m",
            "^/x acr=" + 257 * "a",
        ):  # fmt: skip
            self.assertRaises(ValueError, ReauthRoutes.parse, [text])

    def test_all_problems(self) -> None:
        """One message names every route that cannot be used."""
        error = self.assertRaises(ValueError, ReauthRoutes.parse, ["^/x", "^/y max_age=1s", "^/z max_age=1m"])
        self.assertIn("'^/x'", str(error))
        self.assertIn("'^/y max_age=1s'", str(error))
        self.assertNotIn("^/z", str(error))

    def test_bounded_memory(self) -> None:
        """However many paths are asked for, few answers are kept, and none for long paths."""
        routes = ReauthRoutes.parse(["^/a max_age=5m"])
        for number in range(3000):
            routes.of(b"GET", b"/%d" % number)
        routes.of(b"GET", b"/" + 4000 * b"x")
        self.assertLessEqual(len(routes._answers), 1024)
        self.assertLess(max(len(path) for _, path in routes._answers), 600)

    @given(st.binary(max_size=40))
    def test_any_path(self, tail: bytes) -> None:
        """Any bytes get an answer, and below a protected path always the protecting one."""
        found = self.asked(b"/admin/" + tail)
        self.assertEqual(found, Requirement(max_age=300))


class RequirementTests(SynchronousTestCase):
    """Which sessions will do."""

    def test_age(self) -> None:
        """As old as asked for will do, older will not, and a session that does not tell is too old."""
        asked = Requirement(max_age=300)
        for at, met in ((NOW, True), (NOW - 300, True), (NOW - 301, False), (None, False)):
            self.assertIs(asked.is_met(Known(authenticated_at=at), NOW), met, at)

    def test_class(self) -> None:
        """One of the classes has to be had, exactly as it is written."""
        asked = Requirement(acr_values=("urn:a", "urn:b"))
        for acr, met in (("urn:a", True), ("urn:b", True), ("", False), ("urn:A", False), ("urn:a urn:b", False)):
            self.assertIs(asked.is_met(Known(acr=acr), NOW), met, acr)

    def test_nothing(self) -> None:
        """Nothing asked: all will do."""
        self.assertTrue(Requirement(max_age=inf).is_met(Known(), NOW))
        self.assertEqual(Requirement().parameters, {})
