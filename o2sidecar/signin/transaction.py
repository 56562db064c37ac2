"""The login transaction: an authorization request, and what becomes of the provider's answer (CONTRACT §5, §6).

What a login must remember travels in a sealed cookie of the browser that began it; nothing is kept here, so a flood
of logins costs no memory (security.md D7).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from attrs import define, evolve, field, frozen

from o2sidecar.http.exchange import Exchange
from o2sidecar.identity import Identity
from o2sidecar.oauth.authorization import authorization_url
from o2sidecar.oauth.browser_secret import BrowserSecret, Seed
from o2sidecar.oauth.pending import PendingLogin
from o2sidecar.oauth.pkce import challenge
from o2sidecar.oauth.state import State, decode_state, encode_state
from o2sidecar.observe.counts import SignInCounts
from o2sidecar.policy.peers import Forwarding
from o2sidecar.policy.provenance import Admitting
from o2sidecar.policy.redirects import Redirects, location
from o2sidecar.providers.registrations import Registration, Registrations
from o2sidecar.refusals import BadRequest, LoginFailed, LoginLost, NotPermitted, ProviderFailed, Refusal, WhyLost
from o2sidecar.session.cookies import parse_cookies
from o2sidecar.session.pending_cookie import PendingCookie
from o2sidecar.session.session import Session
from o2sidecar.signin.callback_uri import CallbackUri
from o2sidecar.signin.failed_check import FailedCheck
from o2sidecar.signin.fields import Fields
from o2sidecar.signin.fresh_logins import Reauthentication
from o2sidecar.signin.redemptions import Redemptions

_LONGEST_ERROR = 200


@frozen(kw_only=True)
class Onward:
    """Where to send the browser, and what to give it along.

    `location`: a Location value. `set_cookies`: Set-Cookie values. `session`: who has signed in just now.
    """

    location: bytes
    set_cookies: tuple[bytes, ...] = field(default=(), repr=False)
    session: Session | None = None


@define(kw_only=True)
class NotAdmitted(NotPermitted):
    """The provider says who this is, but they may not pass; `name` is theirs."""

    name: str


@frozen(kw_only=True)
class Logins:
    """Begins and completes logins.

    `issue`: begins a session and gives the Set-Cookie values of it. `current`: gives the session that a request has
    already, if it may pass; `look` any that it brings, `why_none` what is the matter where it brings none.
    `encode_state`: wrap the state in base64. `seeds`: have the state tell the login's seed always, and not only where a
    login is begun anew by itself or there are several providers. `session_check`: finds out why no session came of a
    login that was completed; without it nobody asks. `reauthentication`: what logins have to be by where they lead;
    without it all will do. `random(n)` gives n unguessable bytes; `now` is in seconds since the epoch.
    """

    registrations: Registrations
    callback_uri: CallbackUri
    pending: PendingCookie
    issue: Callable[[Exchange, Session], Awaitable[list[bytes]]]
    forwarding: Forwarding
    redirects: Redirects
    admission: Admitting
    current: Callable[[Exchange], Awaitable[Identity | None]]
    look: Callable[[Exchange], Awaitable[object | None]]
    why_none: Callable[[Exchange], Awaitable[WhyLost]]
    random: Callable[[int], bytes] = field(repr=False)
    now: Callable[[], float]
    encode_state: bool = False
    seeds: bool = False
    session_check: FailedCheck | None = None
    reauthentication: Reauthentication | None = None
    redemptions: Redemptions = field(factory=Redemptions, repr=False)
    counts: SignInCounts = field(factory=SignInCounts, repr=False)

    async def begin(
        self,
        exchange: Exchange,
        redirect: str,
        registration: Registration | None = None,
        *,
        login_hint: str = "",
        prompt: str = "",
        again: int = 0,
    ) -> Onward:
        """Where to send the browser to sign in, to come to `redirect` in the end.

        `registration`: with whom; else the first. `login_hint`: the address that the person gave.
        `prompt`: what the provider is to ask the person (OpenID Connect Core 1.0 §3.1.2.1): select_account or login;
        empty: what settings say.
        `again`: how many logins failed in a row before this one, which begins by itself.
        Raises `ProviderUnavailable` while nobody can sign in, and `LoginLoop` where a login has just been completed but
        its session does not come back.
        """
        await self._require_no_circle(exchange)
        registration = registration or self.registrations.first
        redirect = self.redirects.first([self.callback_uri.way_back(exchange, redirect), redirect])
        endpoint = await registration.provider.authorization_endpoint()
        cookies, now = _cookies(exchange), self.now()
        named = self.seeds or again or self.registrations.several
        seed = (
            Seed.new(self.random, now, again=again, provider=self.registrations.mark(registration)) if named else None
        )
        browser = self.pending.browser(cookies, now) or BrowserSecret.new(self.random)
        seed = browser.sealed(seed, redirect) if seed else None
        pending = self._new(browser, seed, bool(registration.code_challenge_method), now)
        parameters = dict(registration.provider.authorization_parameters())
        if prompt:
            parameters.pop("approval_prompt", None)
            parameters["prompt"] = prompt
        if login_hint:
            parameters["login_hint"] = login_hint
        if self.reauthentication is not None:
            parameters.update(self.reauthentication.parameters(redirect))
        state = State(hash=pending.state_hash, redirect=redirect, seed=seed.text if seed else "")
        parameters.update(self._of_the_code_flow(exchange, registration, pending, state))
        written = self.pending.write(pending, self._host(exchange), cookies, now)
        url = authorization_url(endpoint, parameters.items())
        self.counts.begun += 1
        return Onward(location=location(url), set_cookies=tuple(written))

    async def complete(self, exchange: Exchange, fields: Fields) -> Onward:
        """Take the provider's answer; `fields` is what the browser brought from there.

        A late or repeated answer in a browser that is signed in meanwhile leads to the page that was wanted.

        Raises `BadRequest` (no answer at all), `LoginFailed`, `ProviderFailed`, `NotPermitted` (`NotAdmitted` if it is
        known who). If the login is over then, its cookie is deleted by whatever answer follows (`Exchange.also`).
        """
        outcome = "error"
        try:
            onward = await self._completed(exchange, fields)
            outcome = "repeated" if onward.session is None else "success"
            return onward
        except Refusal as refused:
            outcome = _outcome(refused)
            raise
        finally:
            self.counts.ended[outcome] += 1

    async def _completed(self, exchange: Exchange, fields: Fields) -> Onward:
        # 1. RFC 6749 §3.1: each parameter at most once, and an answer is either a code or an error (§4.1.2).
        code, error, state, issuer = (fields.one(name) for name in ("code", "error", "state", "iss"))
        if error:
            raise self._said_no(error, code, fields)
        answered = decode_state(state, self.encode_state)
        redirect = self.redirects.first([answered.redirect])
        # 2. RFC 6749 §10.12: the answer must be to a login that this browser began, before anything is done with it.
        cookies = _cookies(exchange)
        try:
            pending = self.pending.find(cookies, answered, self.now())
        except LoginLost as lost:
            if await self.current(exchange) is not None:
                return Onward(location=location("/" if lost.why == "redirect" else redirect))
            raise
        cleared = self.pending.clear(self._host(exchange), cookies, answered.hash)
        try:
            registration = self._answering(exchange, pending)
            await registration.provider.check_response_issuer(issuer or None)
            session = await self._redeemed(exchange, registration, code, pending)
            if self.reauthentication is not None:
                session = self.reauthentication.judged(session, redirect)
        except Refusal as refused:
            # Where the provider failed, the same login may be tried once more.
            if refused.status < 500:
                exchange.also.extend((b"Set-Cookie", value) for value in cleared)
            raise
        # 3. One final state of cookies: the login's goes, the session's comes and replaces what was there (S1).
        written = await self.issue(exchange, session)
        if self.session_check is not None:
            done = self.pending.done(self._host(exchange), self.now())
            cleared = [*(cleared if self.pending.per_request else ()), done]
        return Onward(location=location(redirect), set_cookies=(*cleared, *written), session=session)

    def forget(self, exchange: Exchange) -> None:
        """Have the answer take away what a browser knows of logins that it has completed."""
        cookies = _cookies(exchange)
        if self.session_check is not None and self.pending.was_done(cookies, self.now()):
            taken = self.pending.clear(self._host(exchange), cookies, "")
            exchange.also.extend((b"Set-Cookie", value) for value in taken)

    async def _require_no_circle(self, exchange: Exchange) -> None:
        """A provider that signs people in without a page would send them round and round without end."""
        if self.session_check is None or not self.pending.was_done(_cookies(exchange), self.now()):
            return
        if await self.look(exchange) is None:
            self.forget(exchange)
            raise self.session_check.circle(exchange, await self.why_none(exchange))

    def wanted(self, fields: Fields) -> str:
        """Where the login that is answered was to lead, for its error page; empty if the answer does not tell.

        Nothing is believed but that it is a safe place to go.
        """
        try:
            named = decode_state(fields.first("state"), self.encode_state).redirect
        except Refusal:
            return ""
        return named if not fields.first("rd") and self.redirects.first([named]) == named else ""

    def _answering(self, exchange: Exchange, pending: PendingLogin) -> Registration:
        """The registration whose provider has answered.

        RFC 9700 §4.4.2: of several providers each has a callback of its own, so no answer of one passes for another's
        even where they do not say who they are (RFC 9207).
        """
        try:
            registration = self.registrations.named(pending.provider) if pending.provider else self.registrations.first
        except BadRequest:
            raise _mixed_up("the provider that this login was begun with is not configured any more") from None
        last = exchange.path.rpartition(b"/")[2].decode("latin-1")
        came_to = last if self.registrations.has_segment(last) else ""
        if not self.registrations.is_called_back_at(registration, came_to):
            raise _mixed_up("the answer came to another provider's callback than that of this login")
        return registration

    def seed(self, fields: Fields) -> Seed | None:
        """The seed of the login that is answered, if the answer tells it; nothing vouches for it."""
        try:
            return Seed.parse(decode_state(fields.first("state"), self.encode_state).seed)
        except Refusal:
            return None

    def counts_rounds(self, fields: Fields) -> bool:
        """Whether the state that came back could tell how many logins failed before: without one nobody knows.

        Where every login of ours has a seed, a state that lost it on the way would lose the next one's, too.
        """
        try:
            answered = decode_state(fields.first("state"), self.encode_state)
        except Refusal:
            return False
        return bool(answered.seed) or not (self.seeds or self.registrations.several)

    def _new(self, browser: BrowserSecret, seed: Seed | None, pkce: bool, now: float) -> PendingLogin:
        """A login of a browser."""
        if seed is not None:
            return browser.login(seed, pkce=pkce)
        return browser.login_at(now, self.pending.attributes.expire, pkce=pkce)

    def _of_the_code_flow(
        self, exchange: Exchange, registration: Registration, pending: PendingLogin, state: State
    ) -> dict[str, str]:
        """The parameters of RFC 6749 §4.1.1, RFC 7636 §4.3 and OpenID Connect Core 1.0 §3.1.2.1."""
        parameters = {
            "client_id": registration.client_id,
            "redirect_uri": self.callback_uri.of(exchange, self.registrations.segment(registration)),
            "response_type": "code",
            "state": encode_state(state, self.encode_state),
        }
        if method := registration.code_challenge_method:
            parameters["code_challenge"] = challenge(pending.code_verifier, method)
            parameters["code_challenge_method"] = method
        if registration.nonce:
            parameters["nonce"] = pending.nonce_hash
        return parameters

    async def _redeemed(
        self, exchange: Exchange, registration: Registration, code: str, pending: PendingLogin
    ) -> Session:
        if not code:
            raise BadRequest(
                reason="code_missing", sentence="The identity provider's answer has no code. Please sign in again."
            )
        redirect_uri = self.callback_uri.of(exchange, self.registrations.segment(registration))
        session = await self.redemptions.of(
            pending.state + code.encode("utf-8", "replace"),
            lambda: registration.provider.sign_in(
                code=code,
                redirect_uri=redirect_uri,
                code_verifier=(pending.code_verifier or None) if registration.code_challenge_method else None,
                nonce=pending.nonce_hash if registration.nonce else None,
            ),
            self.now(),
        )
        session = evolve(session, nonce=pending.nonce, provider=registration.id)
        refusal = self.admission.refusal(session, signing_in=True)
        if refusal is not None:
            raise NotAdmitted(
                reason=refusal.reason, sentence=refusal.sentence, detail=refusal.detail, name=session.name
            )
        return session

    def _said_no(self, error: str, code: str, fields: Fields) -> Refusal:
        """RFC 6749 §4.1.2.1. The error is the provider's or anybody's words: it is shown as text, and cut."""
        if code:
            return BadRequest(reason="code_and_error", sentence="This answer makes no sense: it says both yes and no.")
        return LoginFailed(
            reason="provider_error",
            sentence=f"The identity provider did not sign you in. It says: {error[:_LONGEST_ERROR]}",
            detail=f"{error} {fields.first('error_description')}".strip()[: 4 * _LONGEST_ERROR],
        )

    def _host(self, exchange: Exchange) -> str:
        return self.forwarding.host(exchange)


def _mixed_up(detail: str) -> LoginLost:
    return LoginLost(
        reason="provider_mismatch",
        sentence="This login could not be completed. Please sign in again.",
        detail=detail,
        why="another",
    )


def _outcome(refusal: Refusal) -> str:
    """How a login ended that is refused, by whose fault it was."""
    if isinstance(refusal, NotPermitted):
        return "denied"
    if isinstance(refusal, ProviderFailed):
        return "provider_failed"
    return "failed" if isinstance(refusal, (LoginFailed, BadRequest)) else "error"


def _cookies(exchange: Exchange) -> list[tuple[str, str]]:
    return parse_cookies(exchange.values(b"cookie"))
