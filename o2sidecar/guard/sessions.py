"""Sessions of requests: from the Cookie field to an opened session, renewed when it is due.

HOT: `find`; it looks the cookie's bytes up. `renew` is the side road: one question to the provider per session, however
many requests wait for the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from o2sidecar.guard.cookie_budget import CookieBudget
from o2sidecar.guard.lifetimes import Lifetimes
from o2sidecar.guard.local_users import Renewing
from o2sidecar.guard.opened import Opened
from o2sidecar.guard.own_cookies import OwnCookies
from o2sidecar.guard.renewing import Renewals
from o2sidecar.guard.session_memory import SessionMemory
from o2sidecar.http.exchange import Exchange
from o2sidecar.identity import IdentityHeaders
from o2sidecar.observe.counts import SessionCounts
from o2sidecar.policy.peers import Forwarding
from o2sidecar.refusals import GrantSpent, OwnFault, Refusal, RevocationsUnknown, SessionEnded, WhyLost
from o2sidecar.session.cookies import Cookies, SessionCookie
from o2sidecar.session.sealing import CookieRefused
from o2sidecar.session.session import Session
from o2sidecar.stores.revocation_list import RevocationList


class Sessions:
    """Finds, renews and ends the sessions that requests carry.

    `refresh_period`: seconds after which the provider is asked again; 0: never. `retry_period`: seconds until it is
    asked again when it told nothing new, or new tokens but not who their person is, so that an outage does not cost a
    question per request. `jitter`: gives seconds that a session is renewed ahead of its time, so that many are not
    renewed in step. `grace`: seconds that a session lives on whose refresh token is not taken any more: another sidecar
    may have renewed it, and the browser come with its new cookie. `revoked`: the sessions that were ended before their
    time. `ends_copies`: whether signing out ends copies of a cookie, too. `budget`: how much room a session may take in
    cookies, and what is kept of it. `memory`: what is known already, by settings
    that count until `take_over`.
    """

    _log = Logger()

    def __init__(
        self,
        *,
        cookie: SessionCookie,
        headers: IdentityHeaders,
        provider: Renewing,
        forwarding: Forwarding,
        now: Callable[[], float],
        lifetime: float,
        revoked: RevocationList,
        ends_copies: bool = True,
        absolute_lifetime: float = 0,
        idle_limit: float = 0,
        refresh_period: float = 0,
        retry_period: float = 60,
        jitter: Callable[[], float] = lambda: 0,
        grace: float = 0,
        budget: CookieBudget | None = None,
        memory: SessionMemory | None = None,
        counts: SessionCounts | None = None,
    ) -> None:
        self._cookie = cookie
        self._headers = headers
        self._own = OwnCookies(cookie, forwarding)
        self._now = now
        self._lifetimes = Lifetimes(sealed=lifetime or inf, absolute=absolute_lifetime or inf, idle=idle_limit or inf)
        self._list, self._ends_copies = revoked, ends_copies
        self._revocations = revoked.revocations
        self._refresh_period = refresh_period or inf
        self._retry_period = min(retry_period, self._refresh_period)
        self._memory = memory or SessionMemory(cookie.codec.ring)
        self._opened = self._memory.opened
        self._counts = counts or SessionCounts()
        self._jitter, self._grace = jitter, grace
        self._budget = budget or CookieBudget(cookie)
        self._provider = Renewals(
            provider=provider,
            counts=self._counts,
            spent_is_the_end=not grace,
            keeps_beginning=revoked.shared,
            groups=self._budget.groups,
        )
        if memory is None:
            self.take_over()

    def take_over(self) -> None:
        """Have these settings count for all that is known of sessions."""
        self._memory.turn_to(self._made)

    def find(self, exchange: Exchange) -> Opened | None:
        """The session of a request; `None` if it has none that counts. Raises nothing.

        One that is due (`Opened.due_at`) must be given to `renew` before it is used; `settle` does both.
        """
        key = self._own.key(exchange)
        if not key:
            return None
        opened = self._opened.get(key)
        if opened is None:
            opened = self._open(key, self._own.cookies(exchange))
            if opened is None:
                return None
        else:
            self._counts.remembered += 1
        if opened.checked != self._revocations.generation:
            self._check(opened)
        if opened.ended or opened.expires_at <= self._now():
            self._counts.refused.add("ended" if opened.ended else "expired")
            return None
        return opened

    def knows(self, key: bytes) -> bool:
        """Whether a session in cookies of these bytes is known."""
        return self._opened.get(key) is not None

    def take_in(self, key: bytes, session: Session) -> Opened:
        """A session that comes from elsewhere, which the browser is to be given in cookies."""
        return evolve(self._memory.make(key, session), renewed=True)

    async def end_copies(self, session: Session) -> None:
        """End whatever cookies there may be of a session, if that is wanted."""
        if self._ends_copies:
            await self._list.end_session(session)

    async def look(self, exchange: Exchange) -> Opened | None:
        """See `SessionFinder`."""
        return self.find(exchange)

    async def why_none(self, exchange: Exchange) -> WhyLost:
        """See `SessionFinder`."""
        try:
            carried = self._cookie.carried(self._own.cookies(exchange), self._now())
        except CookieRefused as refused:
            return refused.reason
        return "ended" if carried else "missing"

    def as_of_now(self, opened: Opened) -> Opened | None:
        """A session that was found before, as renewed since then if it was; `None` if it is over."""
        if type(opened) is not Opened:
            # Whoever found it finds nobody any more.
            return None
        self._list.begin_to_look()
        known = self._opened.get(opened.key) or self._anew(opened)
        if known.checked != self._revocations.generation:
            self._check(known)
            opened.ended, opened.checked = known.ended, known.checked
        return None if known.ended or known.expires_at <= self._now() else known

    def settle(
        self,
        exchange: Exchange,
        decide: Callable[[Exchange, Opened | None], None],
        give_up: Callable[[Exchange, Refusal], None],
    ) -> None:
        """Find the request's session, have it renewed if that is due, and go on with `decide`.

        `decide` runs at once unless the provider has to be asked. If it raises after that, `give_up` must answer.
        """
        opened = self.find(exchange)
        if self._revocations.blind and opened is not None:
            give_up(exchange, RevocationsUnknown())
            return
        if opened is None or opened.due_at > self._now():
            decide(exchange, opened)
            return
        asked = self.renew(opened)
        asked.addCallback(lambda renewed: decide(exchange, renewed))
        asked.addErrback(lambda failure: self._broken(exchange, failure, give_up))

    def renew(self, opened: Opened) -> Deferred[Opened | None]:
        """Ask the provider about a session, or join those who asked already; `None` when the session is over.

        Fails with `OwnFault` when that could not be found out.
        """
        return self._memory.renewals(opened.key, lambda: self._renewed(opened))

    async def issue(self, exchange: Exchange, session: Session) -> list[bytes]:
        """See `SessionFinder`; raises `OwnFault` if it is too large for cookies."""
        return self._written(exchange, self._lifetimes.begun(self._budget.groups.of(session), self._now()))

    def give_cookie(self, exchange: Exchange, opened: Opened) -> None:
        """Have the answer carry a renewed session's cookie."""
        exchange.also.extend((b"Set-Cookie", value) for value in self._written(exchange, opened.session))

    async def end(self, exchange: Exchange) -> Session | None:
        """See `SessionFinder`. A copy of the cookie is worth nothing here at once, elsewhere as the list is shared."""
        opened = self.find(exchange)
        self.take_cookies(exchange)
        if opened is None:
            return None
        await self.end_copies(opened.session)
        return opened.session

    def take_cookies(self, exchange: Exchange) -> None:
        """Have the answer delete every session cookie that the request brought; does nothing where there is none."""
        self._own.take(exchange)

    def take_all_cookies(self, exchange: Exchange) -> None:
        """Have the answer delete those of pending logins as well."""
        self._own.take_all(exchange)

    def _check(self, opened: Opened) -> None:
        """Whether a session was revoked, now that something was."""
        if self._revocations.ends(opened.session):
            opened.ended = True
        else:
            opened.checked = self._revocations.generation

    def _written(self, exchange: Exchange, session: Session) -> list[bytes]:
        host = self._own.host(exchange)
        pieces = self._budget.pieces(session, host, self._now())
        return self._cookie.give(pieces, host, self._own.presented(exchange))

    def _open(self, key: bytes, cookies: Cookies) -> Opened | None:
        now = self._now()
        try:
            carried = self._cookie.carried(cookies, now)
        except CookieRefused as refused:
            self._counts.refused.add(refused.reason)
            return None
        if carried is None:
            return None
        if not carried.session.names_somebody:
            self._counts.refused.add("nobody")
            return None
        self._counts.opened += 1
        opened = self._memory.make(key, carried.session)
        opened.renewed = carried.aged
        self._opened.keep(opened)
        return opened

    def _made(self, key: bytes, session: Session) -> Opened:
        since = self._now() if session.created_at is None else session.created_at
        ask_at = since + self._refresh_period - self._jitter()
        if self._memory.retries:
            ask_at = max(ask_at, self._memory.retries.get(session.access_token, 0))
        return Opened(
            key=key,
            session=session,
            identity=self._headers.identify(session),
            expires_at=self._lifetimes.ends_at(session, since),
            due_at=min(ask_at, self._lifetimes.note_at(session, since)),
            ask_at=ask_at,
        )

    async def _renewed(self, opened: Opened) -> Opened | None:
        if opened.ask_at > self._now():
            return self._noted(opened, opened.session)
        try:
            session = await self._provider.ask(opened.session)
        except GrantSpent:
            return self._outliving(opened)
        except SessionEnded:
            self._opened.keep(evolve(opened, ended=True))
            return None
        if session is None:
            again = self._now() + self._retry_period
            unchanged = evolve(self._anew(opened), due_at=again, ask_at=again)
            self._opened.keep(unchanged)
            return unchanged
        if session.created_at == opened.session.created_at:
            self._retry_later(session)
        return self._noted(opened, self._lifetimes.renewed(session, opened.session))

    def _noted(self, opened: Opened, session: Session) -> Opened:
        """The session as it is by now, in use, and to be given to the browser."""
        noted = evolve(self._memory.make(opened.key, self._lifetimes.used(session, self._now())), renewed=True)
        self._opened.keep(noted)
        return noted

    def _outliving(self, opened: Opened) -> Opened | None:
        """A session whose refresh token is spent: good for the grace, once, however often it is brought again."""
        now, token, spent = self._now(), opened.session.refresh_token, self._memory.spent
        if token not in spent:
            while len(spent) >= self._memory.most:
                del spent[next(iter(spent))]
            spent[token] = now + self._grace
            self._log.warn(
                "the refresh token of {name} is spent; if nobody renewed the session elsewhere, it ends in {grace} s",
                name=opened.session.name,
                grace=self._grace,
            )
        anew = self._anew(opened)
        outliving = evolve(anew, expires_at=min(anew.expires_at, spent[token]), due_at=inf, ask_at=inf)
        outliving.ended = outliving.expires_at <= now
        self._opened.keep(outliving)
        return None if outliving.ended else outliving

    def _anew(self, opened: Opened) -> Opened:
        """The same session by the settings of now, which may have changed meanwhile, or since it was found."""
        anew = self._memory.make(opened.key, opened.session)
        return evolve(anew, ended=opened.ended, renewed=opened.renewed, checked=opened.checked)

    def _retry_later(self, session: Session) -> None:
        """Have a session that is due wait, also when its new cookie comes, of which nothing is known yet."""
        memory = self._memory
        if len(memory.retries) >= memory.most:
            now = self._now()
            memory.retries = {token: at for token, at in memory.retries.items() if at > now}
            if len(memory.retries) >= memory.most:
                memory.retries.clear()
        memory.retries[session.access_token] = self._now() + self._retry_period

    def _broken(self, exchange: Exchange, failure: Failure, give_up: Callable[[Exchange, Refusal], None]) -> None:
        if isinstance(failure.value, Refusal):
            give_up(exchange, failure.value)
            return
        self._log.failure("a request could not be judged", failure=failure)
        give_up(exchange, OwnFault())
