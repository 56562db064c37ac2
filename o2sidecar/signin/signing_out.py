"""Signing out at the provider too: tokens taken back, and its own logout, from which the browser comes back here.

OpenID Connect RP-Initiated Logout 1.0 §2-§3; RFC 7009.
"""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import urlencode

from attrs import field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as TimedOut
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from o2sidecar.http.exchange import Exchange
from o2sidecar.policy.audience import expects_page
from o2sidecar.policy.redirects import location
from o2sidecar.providers.registrations import Registration, Registrations
from o2sidecar.refusals import ProviderFailed
from o2sidecar.session.cookies import CookieAttributes, parse_cookies
from o2sidecar.session.keys import KeyRing
from o2sidecar.session.sealing import CookieRefused, seal, unseal
from o2sidecar.session.session import Session
from o2sidecar.signin.callback_uri import CallbackUri
from o2sidecar.signin.transaction import Onward

LONGEST_HINT = 4096
"""Characters of an ID token that go into an URL; a longer one would be refused on the way."""
AWAY = 600.0
"""Seconds within which the browser is back from the provider."""


@frozen(kw_only=True)
class SigningOut:
    """What follows at the provider when a session has ended here.

    `landing`: where the provider sends the browser back to. `attributes`: of the cookie that remembers the way on,
    sealed with `ring`. `at_provider`: whether the browser is sent to the provider's logout at all. `revokes`: whether
    tokens are taken back; that may take `patience` seconds. `random(n)` gives n bytes that nobody can guess.
    """

    registrations: Registrations
    landing: CallbackUri
    attributes: CookieAttributes
    ring: KeyRing
    at_provider: bool
    revokes: bool
    clock: IReactorTime
    random: Callable[[int], bytes]
    patience: float = 3.0
    _log: Logger = field(factory=Logger, init=False)

    async def revoke(self, session: Session) -> None:
        """Have the provider take the session's tokens back; whatever comes of it, signing out goes on."""
        end = self._end_of(session)
        if not self.revokes or end is None or end.provider.session_end is None:
            return
        asked = Deferred.fromCoroutine(end.provider.session_end.revoke(session))
        try:
            await asked.addTimeout(self.patience, self.clock)
        except (ProviderFailed, TimedOut) as error:
            why = error.detail if isinstance(error, ProviderFailed) else "no answer in time"
            self._log.warn("the provider did not take the tokens of a session back: {why}", why=why)

    async def onward(self, exchange: Exchange, session: Session, redirect: str) -> Onward | None:
        """The way to the provider's logout, from which it goes on to `redirect`; `None` if it has none."""
        registration = self._end_of(session)
        if not self.at_provider or registration is None or registration.provider.session_end is None:
            return None
        if not expects_page(exchange):
            return None
        try:
            endpoint = await registration.provider.session_end.end_session_endpoint()
        except ProviderFailed as failed:
            self._log.warn("the provider's logout is not known: {why}", why=failed.detail)
            return None
        if not endpoint:
            return None
        state = urlsafe_b64encode(self.random(16)).rstrip(b"=").decode()
        asked = {"post_logout_redirect_uri": self.landing.of(exchange), "state": state}
        if session.id_token and len(session.id_token) <= LONGEST_HINT:
            asked["id_token_hint"] = session.id_token
        else:
            asked["client_id"] = registration.client_id
        kept = json.dumps([state, redirect]).encode()
        value = seal(self.ring.sealing, self.attributes.name, kept, int(self.clock.seconds()), random=self.random)
        cookie = self.attributes.set_cookie(self.attributes.name, value, self.landing.forwarding.host(exchange))
        way = f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"
        return Onward(location=location(way), set_cookies=(cookie,))

    def landed(self, exchange: Exchange, state: str) -> str:
        """Where a browser goes on to that comes back from the provider with this state; `/` if it is not its own."""
        name = self.attributes.name
        values = [value for found, value in parse_cookies(exchange.values(b"cookie")) if found == name]
        for value in values:
            try:
                kept, _ = unseal(self.ring, name, value, AWAY, self.clock.seconds())
            except CookieRefused:
                continue
            expected, redirect = json.loads(kept)
            if hmac.compare_digest(expected.encode(), state.encode("utf-8", "replace")):
                return str(redirect)
        return "/"

    def forget(self, exchange: Exchange) -> None:
        """Have the answer delete the cookie that remembers the way on, if the request brought it."""
        name = self.attributes.name
        if any(found == name for found, _ in parse_cookies(exchange.values(b"cookie"))):
            deleted = self.attributes.delete_cookie(name, self.landing.forwarding.host(exchange))
            exchange.also.append((b"Set-Cookie", deleted))

    def _end_of(self, session: Session) -> Registration | None:
        # A login at a provider leaves a nonce, even in a session that keeps no tokens; that of a local user has none.
        return self.registrations.of(session) if session.has_tokens or session.nonce else None
