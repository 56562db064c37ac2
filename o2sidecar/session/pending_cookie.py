"""The cookie of a login that is under way, which ties the provider's answer to the browser that asked (CSRF)."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress

from attrs import evolve, field, frozen

from o2sidecar.oauth.browser_secret import BrowserSecret
from o2sidecar.oauth.pending import PendingLogin
from o2sidecar.oauth.state import State
from o2sidecar.refusals import CookieFault, LoginLost, WhyLost
from o2sidecar.session.cookies import CookieAttributes, Cookies
from o2sidecar.session.keys import KeyRing
from o2sidecar.session.sealing import CookieRefused, seal, unseal

_MARK = 8
"""How many characters of the state's hash stand in the name of a login's own cookie."""
_DONE = b"done"
"""What is sealed when a login was completed; no login is so short."""
_TOLD_FOR = 60.0
_HASH_START = re.compile(rf"[A-Za-z0-9_-]{{{_MARK}}}")


@frozen(kw_only=True)
class PendingCookie:
    """Seals what a login must remember into a cookie, and finds it again.

    One cookie holds the login that began last and the browser's secret, of which that browser's other logins are found
    as well: tabs that sign in at once neither lose nor add a cookie.

    `attributes`: those of the session cookie, with this cookie's own `expire` and `samesite`; its name is made of the
    session cookie's. `per_request`: each login has a cookie of its own, so that several may be under way. `limit`:
    how many of those a browser may hold; 0: any number. `tries`: most cookies of one name that are opened.
    `random(n)` gives n bytes.
    """

    attributes: CookieAttributes
    ring: KeyRing
    per_request: bool = False
    limit: int = 0
    tries: int = 8
    random: Callable[[int], bytes] = field(default=os.urandom, repr=False)

    def write(self, pending: PendingLogin, host: str, cookies: Cookies, now: float) -> list[bytes]:
        """The Set-Cookie values for a login that begins: its cookie, then deletions of the oldest ones over the limit.

        `host` and `cookies` are the request's; `now` is in seconds since the epoch.
        """
        name = self.name(pending.state_hash)
        value = seal(self.ring.sealing, name, pending.packed(), int(now), random=self.random)
        return [
            self.attributes.set_cookie(name, value, host),
            *(self.attributes.delete_cookie(surplus, host) for surplus in self._surplus(name, cookies, now)),
        ]

    def browser(self, cookies: Cookies, now: float) -> BrowserSecret | None:
        """The secret that this browser has already, for its next login; `None` if it needs a new one."""
        if self.per_request:
            return None
        name = self.name("")
        for value in self._values(cookies, "")[: self.tries]:
            pending = self._opened(name, value, now)
            if isinstance(pending, PendingLogin) and pending.browser:
                return BrowserSecret(secret=pending.browser)
        return None

    def find(self, cookies: Cookies, state: State, now: float) -> PendingLogin:
        """The login that this browser began with this state (RFC 6749 §10.12).

        Raises `LoginLost`: csrf_cookie_missing, csrf_cookie_unreadable, csrf_state_differs if the browser began
        another login than the one that is answered, or csrf_redirect_differs if it is that one, but the state leads
        elsewhere than it did.
        """
        values = self._values(cookies, state.hash)
        if not values:
            raise _lost("csrf_cookie_missing", "This browser has no CSRF cookie of this sign-in.", "missing")
        name, found = self.name(state.hash), 0
        why: CookieFault = "content"
        for value in values[: self.tries]:
            pending = self._opened(name, value, now)
            if isinstance(pending, str):
                why = pending
                continue
            login = self._answered(pending, state, now)
            if login is not None:
                return login
            found += 1
        if found:
            raise _lost("csrf_state_differs", "The CSRF cookie of this browser belongs to another sign-in.", "another")
        raise _lost("csrf_cookie_unreadable", "The CSRF cookie of this sign-in has expired or is damaged.", why)

    def _answered(self, pending: PendingLogin, state: State, now: float) -> PendingLogin | None:
        """The login of this state, if it is the cookie's or another of the cookie's browser."""
        if not pending.browser:
            return pending if pending.answers(state.hash) else None
        # Not by the hash alone: a state whose seed was taken away could lead anywhere.
        browser = BrowserSecret(secret=pending.browser)
        login = browser.find(state, self.attributes.expire, now)
        if login is not None and not browser.vouches_for(state):
            raise _lost(
                "csrf_redirect_differs", "The page that this sign-in was for was changed on the way.", "redirect"
            )
        return login

    def done(self, host: str, now: float) -> bytes:
        """The Set-Cookie value that tells for a minute, in the place of a login's cookie, that it was completed."""
        name = self.name("")
        value = seal(self.ring.sealing, name, _DONE, int(now), random=self.random)
        return evolve(self.attributes, expire=_TOLD_FOR).set_cookie(name, value, host)

    def was_done(self, cookies: Cookies, now: float) -> bool:
        """Whether this browser has completed a login within the last minute, and begun none since."""
        name = self.name("")
        for value in self._values(cookies, "")[: self.tries]:
            with suppress(CookieRefused):
                if unseal(self.ring, name, value, _TOLD_FOR, now)[0] == _DONE:
                    return True
        return False

    def clear(self, host: str, cookies: Cookies, state_hash: str) -> list[bytes]:
        """The Set-Cookie values that take this login's cookie away, if the request came with it."""
        if not self._values(cookies, state_hash):
            return []
        return [self.attributes.delete_cookie(self.name(state_hash), host)]

    def name(self, state_hash: str) -> str:
        """What the cookie of the login with this state is called."""
        mark = state_hash[:_MARK]
        if self.per_request and _HASH_START.fullmatch(mark):
            return f"{self.attributes.name}_{mark}_csrf"
        return f"{self.attributes.name}_csrf"

    def _opened(self, name: str, value: str, now: float) -> PendingLogin | CookieFault:
        """The login in a cookie, or why there is none to be had."""
        try:
            packed, _ = unseal(self.ring, name, value, self.attributes.expire, now)
            return PendingLogin.unpack(packed)
        except CookieRefused as refused:
            return refused.reason
        except ValueError:
            return "content"

    def _values(self, cookies: Cookies, state_hash: str) -> list[str]:
        wanted = self.name(state_hash)
        return [value for name, value in cookies if name == wanted]

    def _surplus(self, new_name: str, cookies: Cookies, now: float) -> list[str]:
        """The names to delete so that the limit holds with the new cookie: what cannot be read first, then by age."""
        if not self.per_request or self.limit < 1:
            return []
        pattern = re.compile(re.escape(self.attributes.name) + f"_{_HASH_START.pattern}_csrf")
        ages: dict[str, int] = {}
        for name, value in cookies:
            if name != new_name and pattern.fullmatch(name):
                ages[name] = max(ages.get(name, 0), self._sealed_at(name, value, now))
        oldest_first = sorted(ages, key=lambda name: ages[name])
        return oldest_first[: max(0, len(ages) + 1 - self.limit)]

    def _sealed_at(self, name: str, value: str, now: float) -> int:
        try:
            _, when = unseal(self.ring, name, value, self.attributes.expire, now)
        except CookieRefused:
            return 0
        return when


def _lost(reason: str, what: str, why: WhyLost) -> LoginLost:
    return LoginLost(reason=reason, sentence=f"{what} Please sign in again.", detail=f"the cookie: {why}", why=why)
