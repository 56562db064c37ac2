"""Tests of the state parameter."""

from __future__ import annotations

from base64 import urlsafe_b64encode

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.oauth import state as states
from o2sidecar.oauth.state import State
from o2sidecar.refusals import BadRequest, LoginFailed


def encode_state(state_hash: str, redirect: str, wrapped: bool) -> str:
    return states.encode_state(State(hash=state_hash, redirect=redirect), wrapped)


def decode_state(text: str, wrapped: bool) -> tuple[str, str]:
    state = states.decode_state(text, wrapped)
    return state.hash, state.redirect


HASHES = st.text(alphabet="ABCabc019-_", min_size=1, max_size=43)


class StateTests(SynchronousTestCase):
    """A state holds a hash and a redirect."""

    @settings(deadline=None)
    @given(HASHES, st.text(max_size=60), st.booleans())
    def test_round_trip(self, state_hash: str, redirect: str, wrapped: bool) -> None:
        """What is encoded is decoded, whatever the path or URL holds."""
        redirect = f"/{redirect}"
        self.assertEqual(decode_state(encode_state(state_hash, redirect, wrapped), wrapped), (state_hash, redirect))

    def test_form(self) -> None:
        """Hash and redirect stand with a colon between; wrapped, it is unpadded URL-safe base64."""
        self.assertEqual(encode_state("h", "https://a:1/x", False), "h:https://a:1/x")
        self.assertEqual(decode_state("h:https://a:1/x", False), ("h", "https://a:1/x"))
        self.assertEqual(encode_state("h", "/?>", True), "aDovPz4")

    def test_seed(self) -> None:
        """A seed stands behind the redirect as a fragment, is taken off again, and spoils no fragment of an app."""
        seed = "A" * 35
        for redirect in ("/", "/x?a=1", "/x#part", "https://a.example/#/route"):
            for wrapped in (False, True):
                state = State(hash="h", redirect=redirect, seed=seed)
                self.assertEqual(states.decode_state(states.encode_state(state, wrapped), wrapped), state)
        self.assertEqual(states.encode_state(State(hash="h", redirect="/x", seed=seed), False), f"h:/x#~{seed}")
        for fragment in ("#part", "#~short", f"#~{seed}/more", f"#~{seed}\n", "#~" + "A" * 121):
            self.assertEqual(decode_state(f"h:/x{fragment}", False), ("h", f"/x{fragment}"))

    def test_quoted(self) -> None:
        """A redirect that oauth2-proxy quoted is read too; only as a whole, so nobody else's quoting is undone."""
        self.assertEqual(decode_state("h:%2Fa%3Fb%3D%252F%26c%3D1+2", False), ("h", "/a?b=%2F&c=1 2"))
        self.assertEqual(decode_state("h:https%3A%2F%2Fa.example%2Fx", False), ("h", "https://a.example/x"))
        self.assertEqual(decode_state("h:/a%2Fb+c", False), ("h", "/a%2Fb+c"))
        self.assertEqual(decode_state(encode_state("h", "%2Fa", True), True), ("h", "%2Fa"))

    def test_padding(self) -> None:
        """A wrapped state may come back with its padding."""
        self.assertEqual(decode_state(urlsafe_b64encode(b"h:/a").decode(), True), ("h", "/a"))

    def test_missing(self) -> None:
        """No state at all is a request that makes no sense (golden callback-state-missing)."""
        for wrapped in (False, True):
            with self.assertRaises(BadRequest) as caught:
                decode_state("", wrapped)
            self.assertEqual((caught.exception.reason, caught.exception.status), ("state_missing", 400))

    def malformed(self, text: str, wrapped: bool) -> LoginFailed:
        with self.assertRaises(LoginFailed) as caught:
            decode_state(text, wrapped)
        self.assertEqual((caught.exception.reason, caught.exception.status), ("state_malformed", 500))
        refusal: LoginFailed = caught.exception
        return refusal

    def test_malformed(self) -> None:
        """A state of another form is refused, and only the operator is told how (golden error-debug-on)."""
        refusal = self.malformed("bad", False)
        self.assertIn("invalid length", refusal.detail)
        self.assertNotIn("invalid length", refusal.sentence)
        for text, wrapped in ((":/x", False), ("a" * 20_000 + ":", False), ("bad", True), ("A", True), ("h:/x", True),
                              ("_w", True), ("YQ==YQ==", True), ("é", True)):  # fmt: skip
            self.malformed(text, wrapped)

    @settings(deadline=None)
    @given(st.text(max_size=60), st.booleans())
    def test_any_text(self, text: str, wrapped: bool) -> None:
        """Whatever comes back is a state or refused."""
        try:
            state_hash, _ = decode_state(text, wrapped)
        except (BadRequest, LoginFailed):
            return
        self.assertTrue(state_hash)
