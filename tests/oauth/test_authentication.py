"""Tests of what a token tells of the authentication behind it."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.oauth.authentication import Authentication

NOW, SKEW = 1_800_000_000.0, 300.0


class AuthenticationTests(SynchronousTestCase):
    """When it was, whatever the clocks say."""

    def of_login(self, **claims: Any) -> Authentication:
        """What is known by an ID token of a login."""
        return Authentication.of_login({"iat": NOW, **claims}, NOW, SKEW)

    def test_told(self) -> None:
        """Time and class are as told."""
        found = self.of_login(auth_time=NOW - 100, acr="urn:a")
        self.assertEqual(found, Authentication(at=NOW - 100, acr="urn:a"))

    def test_clocks_differ(self) -> None:
        """How long ago it was is known by the provider's own clock, as far as that may be off."""
        for off in (-290, -5, 5, 290):
            found = self.of_login(iat=NOW + off, auth_time=NOW + off - 60)
            self.assertEqual(found.at, NOW - 60, off)

    def test_old_token(self) -> None:
        """A token that was issued longer ago than clocks may differ does not make its authentication younger for it."""
        self.assertEqual(self.of_login(iat=NOW - 3000, auth_time=NOW - 3060).at, NOW - 3060 + SKEW)

    def test_future(self) -> None:
        """A time beyond what clocks may differ by is not believed; within that, it is now."""
        self.assertEqual(self.of_login(auth_time=NOW + 301).trouble, "auth_time_in_the_future")
        self.assertIsNone(self.of_login(auth_time=NOW + 301).at)
        self.assertEqual(self.of_login(auth_time=NOW + 200).at, NOW)

    def test_no_time(self) -> None:
        """What is no number of seconds is not believed, nor is a claim that is missing."""
        self.assertEqual(self.of_login().trouble, "auth_time_missing")
        unusable: tuple[Any, ...] = ("1800000000", True, [], {}, -1, float("inf"), float("nan"), 10**400)
        for said in unusable:
            self.assertEqual(self.of_login(auth_time=said).trouble, "auth_time_unusable", said)

    def test_no_class(self) -> None:
        """A class is one text of some length."""
        other: tuple[Any, ...] = (None, 1, ["urn:a"], {"urn:a": 1}, 257 * "a")
        for said in other:
            self.assertEqual(self.of_login(auth_time=NOW, acr=said).acr, "", said)

    def test_presented(self) -> None:
        """A token that may be old tells its time by our clock."""
        found = Authentication.presented({"iat": NOW - 250, "auth_time": NOW - 260}, NOW, SKEW)
        self.assertEqual(found.at, NOW - 260)

    @given(
        st.dictionaries(
            st.sampled_from(["iat", "auth_time", "acr"]), st.none() | st.floats() | st.text() | st.integers()
        )
    )
    def test_anything(self, claims: dict[str, Any]) -> None:
        """Whatever a token holds, nothing is raised, and no authentication lies in the future."""
        for read in (Authentication.of_login, Authentication.presented):
            found = read(claims, NOW, SKEW)
            self.assertTrue(found.at is None or 0 <= found.at <= NOW)
            self.assertIs(found.at is None, bool(found.trouble))
