"""Tests for `o2sidecar.providers.key_set`: keys at hand, and fetched no more often than is needed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from twisted.internet.error import ConnectionRefusedError
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import NOT_DONE_YET, Request

from o2sidecar.oauth.jwk_set import JwkSet, VerificationKey
from o2sidecar.oauth.jws import SignedToken
from o2sidecar.providers.key_set import FixedKeys, RemoteKeys
from o2sidecar.refusals import ProviderUnavailable
from tests.fakes import ISSUER, Wire, answering, id_token, public_jwk, signing_key, silent, stalling


def token(kid: str = "main") -> SignedToken:
    return SignedToken.parse(id_token(kid=kid))


class RemoteKeysTests(SynchronousTestCase):
    """`RemoteKeys`."""

    def setUp(self) -> None:
        self.wire = Wire()
        self.provider = self.wire.provider
        self.keys = self.remote()

    def remote(self, **more: Any) -> RemoteKeys:
        async def address() -> str:
            return f"{ISSUER}/jwks"

        return RemoteKeys(address, client=self.wire.client, clock=self.wire.clock, **more)

    def kids(self, found: Sequence[VerificationKey] | BaseException) -> list[str]:
        assert not isinstance(found, BaseException), found
        return [key.kid for key in found]

    def candidates(self, kid: str = "main") -> list[str]:
        return self.kids(self.wire.outcome(self.keys.candidates(token(kid))))

    def fetches(self) -> int:
        return self.provider.paths().count("/jwks")

    def rotate(self, kid: str = "new") -> None:
        self.provider.jwks = [public_jwk(signing_key("other"), kid=kid)]

    def test_cached(self) -> None:
        """Keys are fetched once, and then at hand."""
        for _ in range(5):
            self.assertEqual(self.candidates(), ["main"])
        self.assertEqual(self.fetches(), 1)

    def test_ttl(self) -> None:
        """Keys that are old are fetched anew; the ones taken away are gone."""
        self.candidates()
        self.rotate()
        self.wire.clock.advance(3599)
        self.assertEqual(self.candidates(), ["main"])
        self.wire.clock.advance(1)
        self.assertEqual(self.candidates(), [])
        self.assertEqual(self.fetches(), 2)

    def test_rotation(self) -> None:
        """A new key is found by the first token that names it, however young the old keys are."""
        self.candidates()
        self.rotate()
        self.assertEqual(self.candidates("new"), ["new"])

    def test_unknown_ids(self) -> None:
        """J8: a thousand unknown ids cost one fetch a minute."""
        self.candidates()
        for number in range(1000):
            self.wire.clock.advance(0.06)
            self.assertEqual(self.candidates(f"random-{number}"), [])
        self.assertLessEqual(self.fetches(), 2)

    def test_unknown_id_at_first(self) -> None:
        """An unknown id right after the first fetch does not cause another."""
        self.assertEqual(self.candidates("unknown"), [])
        self.assertEqual(self.fetches(), 1)

    def test_many_at_once(self) -> None:
        """Logins that need the keys at once share one fetch, at the start and at a rotation."""
        self.provider.instead["/jwks"] = silent
        waiting = [self.wire.begin(self.keys.candidates(token())) for _ in range(20)]
        self.assertEqual(self.fetches(), 1)
        self.wire.clock.advance(10)
        for waiter in waiting:
            self.failureResultOf(waiter, ProviderUnavailable)
        del self.provider.instead["/jwks"]
        self.candidates()
        self.rotate()
        self.wire.clock.advance(60)
        self.provider.instead["/jwks"] = silent
        waiting = [self.wire.begin(self.keys.candidates(token("new"))) for _ in range(20)]
        self.assertEqual(self.fetches(), 3)
        self.wire.clock.advance(10)
        for waiter in waiting:
            self.assertEqual(self.kids(self.successResultOf(waiter)), [])

    def test_late_joiner_gets_the_new_keys(self) -> None:
        """Somebody who comes while a fetch is under way waits for it."""
        self.candidates()
        self.rotate()
        self.wire.clock.advance(60)
        held: list[Request] = []

        def hold(request: Request) -> int:
            held.append(request)
            return NOT_DONE_YET

        self.provider.instead["/jwks"] = hold
        waiting = [self.wire.begin(self.keys.candidates(token("new"))) for _ in range(3)]
        held[0].write(json.dumps({"keys": self.provider.jwks}).encode())
        held[0].finish()
        self.wire.settle()
        self.assertEqual([self.kids(self.successResultOf(waiter)) for waiter in waiting], [["new"]] * 3)
        self.assertEqual(len(held), 1)

    def test_newer_candidates(self) -> None:
        """After a failed signature newer keys are fetched, the first time at once, then once in an interval."""
        self.candidates()
        self.rotate("main")
        self.assertEqual(self.kids(self.wire.result(self.keys.newer_candidates(token()))), ["main"])
        self.wire.clock.advance(59)
        self.assertEqual(self.kids(self.wire.result(self.keys.newer_candidates(token()))), [])
        self.assertEqual(self.fetches(), 2)
        self.wire.clock.advance(1)
        self.assertEqual(self.kids(self.wire.result(self.keys.newer_candidates(token()))), ["main"])
        self.assertEqual(self.fetches(), 3)

    def test_outage(self) -> None:
        """During an outage the last good keys serve, and the provider is asked once in an interval."""
        self.candidates()
        gone = self.wire.cut(ConnectionRefusedError())
        self.wire.clock.advance(3600)
        for _ in range(100):
            self.assertEqual(self.candidates(), ["main"])
            self.wire.clock.advance(1)
        self.assertEqual(gone.requests, 2)

    def test_no_keys_at_all(self) -> None:
        """Without any keys each login asks, and is told that the provider is not available."""
        self.wire.cut(ConnectionRefusedError())
        self.assertIsInstance(self.wire.outcome(self.keys.candidates(token())), ProviderUnavailable)
        self.wire.mend()
        self.assertEqual(self.candidates(), ["main"])

    def test_hostile_key_sets(self) -> None:
        """J8: too large, too many, no set, an error page, a slow one: none replaces the good keys."""
        self.candidates()
        faults = (
            answering(b'{"keys":["' + b"a" * (10 << 20) + b'"]}'),
            answering({"keys": [{}] * 10_000}),
            answering({}),
            answering(b"<html>"),
            answering({"keys": []}, 500),
            answering(None, 302, location="https://evil.example/jwks"),
        )
        for fault in faults:
            self.provider.instead["/jwks"] = fault
            self.wire.clock.advance(3600)
            self.assertEqual(self.candidates(), ["main"])
        self.provider.instead["/jwks"] = stalling
        self.wire.clock.advance(3600)
        waiter = self.wire.begin(self.keys.candidates(token()))
        self.assertNoResult(waiter)
        self.wire.clock.advance(10)
        self.assertEqual(self.kids(self.successResultOf(waiter)), ["main"])

    def test_intervals_are_settings(self) -> None:
        """Both times are the caller's choice."""
        self.keys = self.remote(ttl=10.0, refetch_interval=5.0, max_keys=1)
        self.candidates()
        self.rotate()
        self.wire.clock.advance(5)
        self.assertEqual(self.candidates("new"), ["new"])
        self.provider.jwks = [{}, {}]
        self.wire.clock.advance(10)
        self.assertEqual(self.candidates("new"), ["new"])
        self.assertEqual(self.fetches(), 3)


class FixedKeysTests(SynchronousTestCase):
    """`FixedKeys`."""

    def test_fixed(self) -> None:
        """Keys of files are tried for every id, and there are never newer ones."""
        pem = signing_key().as_pem(private=False)  # type: ignore[union-attr]
        keys = FixedKeys(JwkSet.from_pems([pem]))
        wire = Wire()
        self.assertEqual(len(wire.result(keys.candidates(token("any")))), 1)
        self.assertEqual(len(wire.result(keys.newer_candidates(token("any")))), 0)
