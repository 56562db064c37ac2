"""A browser's secret: all logins that begin in that browser are made of it, so none of them needs a cookie of its own.

Whoever has neither the secret nor a state that was sent can guess no login of it: each of a login's secrets is
HMAC-SHA256 with the browser's (RFC 2104) over the login's seed. The seed travels in the state (`Seed`), or where the
state must be oauth2-proxy's, it is the moment of beginning, which is found again by trying the few there can be.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from math import ceil

from attrs import evolve, field, frozen
from attrs.validators import instance_of, matches_re, max_len, min_len

from o2sidecar.oauth.pending import PendingLogin
from o2sidecar.oauth.pkce import new_verifier
from o2sidecar.oauth.state import State

_SIZE = 32
_SEAL = 10
_HASH = 43
"""Characters of a SHA-256 hash in unpadded base64."""
_MOMENTS = 1024
"""How many moments a search may try: some 3 ms."""
_LONGEST = 24 * 3600
"""How many seconds back a login is searched for where logins never expire."""
_AHEAD = 300
"""How many seconds another pod's clock may be ahead, as with cookies."""


@frozen(kw_only=True)
class Seed:
    """What tells a login from the others of its browser.

    Attributes:
        begun: when, in seconds since the epoch.
        again: how many logins before it failed in a row and were begun anew by themselves.
        provider: the short id of the provider that is to answer; empty where there is but one.
        chance: random bytes.
        seal: what ties the login to the page that it leads to (`BrowserSecret.sealed`).
    """

    begun: int = field(validator=instance_of(int))
    again: int = 0
    provider: str = field(default="", validator=[matches_re(r"[A-Za-z0-9._~=-]*"), max_len(64)])
    chance: bytes = field(default=b"", validator=max_len(10))
    seal: bytes = field(default=bytes(_SEAL), repr=False, validator=[min_len(_SEAL), max_len(_SEAL)])

    @classmethod
    def new(cls, random: Callable[[int], bytes], now: float, *, again: int = 0, provider: str = "") -> Seed:
        """The seed of a login that begins now; `random(n)` gives n unguessable bytes."""
        return cls(begun=int(now), again=again, provider=provider, chance=random(10))

    @property
    def packed(self) -> bytes:
        """26 bytes and the provider's id."""
        began = bytes([self.again]) + self.begun.to_bytes(5, "big")
        return began + self.chance + self.seal + self.provider.encode("ascii")

    @property
    def text(self) -> str:
        """How it stands in a state: unpadded URL-safe base64."""
        return urlsafe_b64encode(self.packed).rstrip(b"=").decode("ascii")

    @classmethod
    def parse(cls, text: str) -> Seed | None:
        """The seed in a state; `None` if it is none. It may be made up: only `BrowserSecret.find` vouches for it."""
        try:
            packed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
            seed = cls(
                again=packed[0],
                begun=int.from_bytes(packed[1:6], "big"),
                chance=packed[6:16],
                seal=packed[16:26],
                provider=packed[26:].decode("ascii"),
            )
        except (ValueError, IndexError, binascii.Error):
            return None
        return seed if seed.text == text else None


@frozen(kw_only=True)
class BrowserSecret:
    """Makes and finds the logins of one browser."""

    secret: bytes = field(repr=False)

    @classmethod
    def new(cls, random: Callable[[int], bytes]) -> BrowserSecret:
        """For a browser that has none; `random(n)` gives n unguessable bytes."""
        return cls(secret=random(_SIZE))

    def sealed(self, seed: Seed, redirect: str) -> Seed:
        """The seed of a login that leads to this page and to no other, whatever becomes of the state on its way."""
        packed = evolve(seed, seal=bytes(_SEAL)).packed + b"\0" + redirect.encode("utf-8", "surrogatepass")
        return evolve(seed, seal=self._derived(b"redirect", packed)[:_SEAL])

    def vouches_for(self, state: State) -> bool:
        """Whether a state of a login that was found still leads where that login is to lead.

        Where the state has no room for a seed, as with oauth2-proxy, nothing vouches for that.
        """
        seed = Seed.parse(state.seed) if state.seed else None
        return seed is None or hmac.compare_digest(self.sealed(seed, state.redirect).seal, seed.seal)

    def login(self, seed: Seed, *, pkce: bool) -> PendingLogin:
        """The login with this seed, which travels in its state."""
        return self._made(self._derived(b"state by seed", seed.packed), pkce=pkce, provider=seed.provider)

    def login_at(self, now: float, expire: float, *, pkce: bool) -> PendingLogin:
        """The login that begins now, for a state that has no room for a seed; `expire`: how long logins last."""
        return self._made(self._state_at(int(now // _step(expire))), pkce=pkce)

    def find(self, state: State, expire: float, now: float) -> PendingLogin | None:
        """The login of this browser with this state, if it has not expired; `None` if there is none."""
        if state.seed:
            seed = Seed.parse(state.seed)
            if seed is None or seed.begun >= now + _AHEAD or (expire and seed.begun <= now - expire):
                return None
            login = self.login(seed, pkce=True)
            return login if login.answers(state.hash) else None
        step = _step(expire)
        sought = _digest(state.hash)
        for moment in range(int((now + _AHEAD) // step), int((now - (expire or _LONGEST)) // step), -1):
            secret = self._state_at(moment)
            if hmac.compare_digest(sha256(secret).digest(), sought):
                return self._made(secret, pkce=True)
        return None

    def _state_at(self, moment: int) -> bytes:
        return self._derived(b"state by moment", moment.to_bytes(8, "big"))

    def _made(self, state: bytes, *, pkce: bool, provider: str = "") -> PendingLogin:
        parts = (self._derived(b"verifier %d" % part, state) for part in range(3))
        return PendingLogin(
            state=state,
            nonce=self._derived(b"nonce", state),
            code_verifier=new_verifier(lambda n: b"".join(parts)[:n]) if pkce else "",
            provider=provider,
            browser=self.secret,
        )

    def _derived(self, what: bytes, of: bytes) -> bytes:
        return hmac.digest(self.secret, what + b"\0" + of, "sha256")


def _digest(state_hash: str) -> bytes:
    """The bytes of a hash in unpadded URL-safe base64; none if it is nothing of the kind."""
    try:
        return urlsafe_b64decode(state_hash + "=") if len(state_hash) == _HASH else b""
    except ValueError:
        return b""


def _step(expire: float) -> int:
    """How many seconds are one moment, so that a search does not try too many."""
    return ceil((expire or _LONGEST) / _MOMENTS)
