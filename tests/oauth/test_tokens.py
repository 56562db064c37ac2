"""Tests for `o2sidecar.oauth.tokens`: what token endpoints answer, and what they should not."""

from __future__ import annotations

import json
import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.oauth.tokens import LONGEST_LIFETIME, MalformedTokenResponse, TokenRefused, TokenResponse

NOW = 1_800_000_000.0


def read(members: dict[str, Any]) -> TokenResponse:
    """A JSON answer with an access token and these members."""
    return TokenResponse.from_json(json.dumps({"access_token": "AT", "token_type": "Bearer", **members}).encode(), NOW)


def answered(body: bytes, *, status: int = 200, content_type: str = "application/json") -> TokenResponse:
    return TokenResponse.from_answer(status=status, content_type=content_type, body=body, now=NOW)


class GrantedTests(SynchronousTestCase):
    """Answers that grant tokens."""

    def test_all_members(self) -> None:
        """Every member is kept, and the lifetime becomes a time."""
        response = read({"id_token": "ID", "refresh_token": "RT", "expires_in": 3600, "scope": "openid"})
        self.assertEqual(
            response,
            TokenResponse(access_token="AT", id_token="ID", refresh_token="RT", expires_on=NOW + 3600, scope="openid"),
        )

    def test_least(self) -> None:
        """An access token alone will do; nothing else is made up."""
        self.assertEqual(answered(b'{"access_token":"AT"}'), TokenResponse(access_token="AT"))

    def test_null_is_absent(self) -> None:
        """Members that are null count as absent."""
        self.assertEqual(read({"id_token": None, "refresh_token": None, "expires_in": None}).id_token, "")

    def test_expires_in(self) -> None:
        """Whole numbers of seconds count, also as text or with a fraction; too long a life is cut."""
        for value, seconds in (
            (1, 1),
            ("3600", 3600),
            (3599.9, 3599),
            (10**12, LONGEST_LIFETIME),
            (1e300, LONGEST_LIFETIME),
        ):
            self.assertEqual(read({"expires_in": value}).expires_on, NOW + seconds, value)

    def test_expires_in_that_is_none(self) -> None:
        """What is no lifetime says nothing: the session then has no end of its own."""
        values: tuple[object, ...] = (
            0,
            -1,
            "0",
            "-5",
            "",
            "1h",
            "3.5",
            " 60",
            "٣",
            "9" * 40,
            True,
            False,
            [],
            {},
            None,
        )
        for value in values:
            self.assertIsNone(read({"expires_in": value}).expires_on, value)

    @settings(deadline=None)
    @given(st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text(max_size=30))
    def test_expires_on_is_bounded(self, value: float | str) -> None:
        """Whatever the lifetime says, the end lies within the bound or is not known."""
        expires_on = read({"expires_in": value}).expires_on
        self.assertTrue(expires_on is None or NOW < expires_on <= NOW + LONGEST_LIFETIME)

    def test_token_type(self) -> None:
        """Only bearer tokens can be used (RFC 6749 §7.1), in any case of letters."""
        self.assertEqual(read({"token_type": "bEARER"}).access_token, "AT")
        for value in ("mac", "DPoP", "", None, 1):
            with self.assertRaises(MalformedTokenResponse):
                read({"token_type": value})

    def test_form(self) -> None:
        """An answer in the form of a form is read too (GitHub's default, Facebook of old)."""
        body = b"access_token=gho_1&scope=read%3Aorg&token_type=bearer&expires_in=60"
        for content_type in ("application/x-www-form-urlencoded", "text/plain"):
            response = answered(body, content_type=content_type)
            self.assertEqual(
                (response.access_token, response.scope, response.expires_on), ("gho_1", "read:org", NOW + 60)
            )

    def test_json_by_another_name(self) -> None:
        """JSON is read whatever it calls itself."""
        for content_type in ("text/plain", "text/html", "", "application/x-www-form-urlencoded"):
            self.assertEqual(answered(b' {"access_token":"AT"}', content_type=content_type).access_token, "AT")

    def test_repr_hides_tokens(self) -> None:
        """X4: the representation holds no token."""
        self.assertNotIn(
            "s3cret", repr(read({"access_token": "s3cret", "id_token": "s3cret", "refresh_token": "s3cret"}))
        )


class RefusedTests(SynchronousTestCase):
    """Answers that say no."""

    def refusal(self, body: bytes, **how: Any) -> TokenRefused:
        with self.assertRaises(TokenRefused) as caught:
            answered(body, **how)
        refused: TokenRefused = caught.exception
        return refused

    def test_error(self) -> None:
        """Error and description are told, with the status."""
        refused = self.refusal(b'{"error":"invalid_grant","error_description":"used"}', status=400)
        self.assertEqual((refused.error, refused.description, refused.status), ("invalid_grant", "used", 400))
        self.assertEqual(str(refused), "invalid_grant: used")

    def test_error_with_status_200(self) -> None:
        """GitHub refuses with 200; a token beside an error is not taken."""
        self.assertEqual(self.refusal(b'{"error":"bad_verification_code"}').error, "bad_verification_code")
        self.assertEqual(self.refusal(b'{"error":"x","access_token":"AT"}').error, "x")
        form = b"error=bad_verification_code&error_description=The+code"
        refused = self.refusal(form, content_type="application/x-www-form-urlencoded")
        self.assertEqual(str(refused), "bad_verification_code: The code")

    def test_status_without_error(self) -> None:
        """A status that is not 200 is a no, whatever the body holds."""
        for body in (b"", b"<html>", b"{}", b'{"access_token":"AT"}', b"[]"):
            self.assertEqual(self.refusal(body, status=502).error, "http_502")

    def test_ends_the_grant(self) -> None:
        """Only two errors say that asking again is useless."""
        for error, ends in (
            ("invalid_grant", True),
            ("invalid_client", True),
            ("server_error", False),
            ("temporarily_unavailable", False),
            ("http_400", False),
        ):
            self.assertIs(TokenRefused(error=error).ends_the_grant, ends)

    def test_error_texts_are_tamed(self) -> None:
        """X3: an error's text has one line of bounded length, whatever was sent."""
        body = json.dumps({"error": "a\r\nb\x1b[31m\u2028", "error_description": "x" * 10_000}).encode()
        refused = self.refusal(body, status=400)
        self.assertTrue(refused.error.isprintable())
        self.assertLessEqual(len(refused.description), 200)
        self.assertEqual(self.refusal(b'{"error":{"a":1}}').error, "unreadable")


class MalformedTests(SynchronousTestCase):
    """Answers that are none."""

    def assert_malformed(self, body: bytes, content_type: str = "application/json") -> None:
        with self.assertRaises(MalformedTokenResponse) as caught:
            answered(body, content_type=content_type)
        self.assertNotIn("s3cret", str(caught.exception))

    def test_not_json(self) -> None:
        """A page, a list, duplicates, deep nesting: refused."""
        for body in (b"", b"<html>s3cret", b"[]", b'{"access_token":"a","access_token":"s3cret"}', b"[" * 99, b"null"):
            self.assert_malformed(body)

    def test_not_a_form(self) -> None:
        """A form with a field twice, or none at all, is refused."""
        form = "application/x-www-form-urlencoded"
        for body in (
            b"access_token=a&access_token=s3cret",
            b"<html>",
            b"",
            b"&".join(b"a%d=1" % n for n in range(100)),
        ):
            self.assert_malformed(body, form)

    def test_no_access_token(self) -> None:
        """Without an access token there is nothing to be had."""
        for body in (b"{}", b'{"access_token":""}', b'{"access_token":null}', b'{"id_token":"ID"}'):
            self.assert_malformed(body)

    def test_tokens_that_are_none(self) -> None:
        """A token that could break the header field it is sent in, or is not even a text, is refused."""
        for name in ("access_token", "id_token", "refresh_token"):
            for value in ("a\r\nX: y", "a b", "a\x00", "ü", "a\x7f", 1, True, ["a"], {"a": 1}):
                self.assert_malformed(json.dumps({"access_token": "AT", name: value}).encode())

    @settings(deadline=None)
    @given(st.binary(max_size=200), st.sampled_from(["application/json", "text/plain"]), st.sampled_from([200, 400]))
    def test_junk(self, body: bytes, content_type: str, status: int) -> None:
        """Whatever comes, it is tokens, a refusal or malformed; nothing else happens."""
        try:
            response = answered(body, status=status, content_type=content_type)
        except (TokenRefused, MalformedTokenResponse):
            return
        self.assertTrue(response.access_token)
        self.assertTrue(response.expires_on is None or math.isfinite(response.expires_on))
