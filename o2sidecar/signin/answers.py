"""Renders refusals: a page for people, JSON for scripts; and the offer to sign in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from urllib.parse import quote

from attrs import field, frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from o2sidecar.http.exchange import PLAIN_TEXT, Exchange, HeaderFields
from o2sidecar.observe.records import Outcome
from o2sidecar.policy.audience import expects_page, navigates
from o2sidecar.policy.peers import Forwarding
from o2sidecar.refusals import (
    BadRequest,
    CredentialsRefused,
    LoginFailed,
    NothingThere,
    NotPermitted,
    NotSignedIn,
    OwnFault,
    ProviderFailed,
    ReauthenticationNeeded,
    Refusal,
    SessionEnded,
    UpstreamFailed,
    refused_by_the_wire,
)
from o2sidecar.signin.choosing import Choosing
from o2sidecar.signin.destinations import Destinations
from o2sidecar.signin.fields import Fields, carries_form, submitted_fields
from o2sidecar.signin.fresh_logins import renewed_for
from o2sidecar.signin.kept_form import MOST_BYTES, kept_form
from o2sidecar.signin.page import NO_STORE, Page
from o2sidecar.signin.pages import Pages, phrase_of
from o2sidecar.signin.transaction import Logins, NotAdmitted, Onward

NO_CACHE: tuple[tuple[bytes, bytes], ...] = (
    (b"Cache-Control", b"no-cache, no-store, must-revalidate, max-age=0"),
    (b"Expires", b"Thu, 01 Jan 1970 00:00:00 GMT"),
    (b"X-Accel-Expires", b"0"),
)
"""What keeps an answer out of caches, nginx's among them (CONTRACT §1)."""

_RETRY_AFTER = b"10"
_NOBODY_FOR_ADDRESS = "No way to sign in is known for this address. Please choose one."

_SENT_IN_VAIN = "What you sent did not arrive: you need to sign in again first. After that, please send it again."

_JSON = (b"Content-Type", b"application/json")
_JSON_ITEM = re.compile(rb"(?:^|,)[ \t]*application/json[ \t]*(?:[;,]|$)", re.IGNORECASE)

Log = Callable[[Outcome, Exchange, str, str], None]
"""Writes a line to the authentication log: outcome, request, the person's name if known, what happened."""


@frozen(kw_only=True)
class Answers:
    """Answers requests that are not served.

    `take_cookies`: has an answer delete the session cookies that its request brought; `take_all_cookies`: those of
    pending logins as well. `is_api`: whether a path with its query belongs to scripts. `force_json_errors`: everything
    does. `skip_provider_button`: send people to the provider without a page. `websocket_challenge`: whether a WebSocket
    without a session is answered 401 as other scripts are, or 403 as oauth2-proxy has it. `bare_json`: what accepts
    JSON gets 401 with `{}`, as from oauth2-proxy. `body_limit`: bytes of a form that are read in search of a
    destination.
    """

    pages: Pages
    logins: Logins
    choosing: Choosing
    destinations: Destinations
    forwarding: Forwarding
    take_cookies: Callable[[Exchange], None]
    take_all_cookies: Callable[[Exchange], None]
    log: Log
    is_api: Callable[[str], bool] = field(default=lambda uri: False)
    force_json_errors: bool = False
    skip_provider_button: bool = False
    websocket_challenge: bool = True
    bare_json: bool = True
    body_limit: int = 65536
    _errors: Logger = field(factory=Logger, init=False)

    def not_signed_in(self, exchange: Exchange) -> None:
        """Offer a way to sign in: 401 for scripts, the provider or the sign-in page for people."""
        if self._speaks_json(exchange):
            self._refuse_script(exchange, NotSignedIn(), plain=self.bare_json)
        elif not expects_page(exchange):
            challenged = self.websocket_challenge or not _asks_for_websocket(exchange)
            self._refuse_script(exchange, NotSignedIn(status=401 if challenged else 403), plain=False)
        elif _is_sent_by_person(exchange):
            exchange.reason = NotSignedIn().reason
            read = Deferred.fromCoroutine(self._not_received(exchange))
            read.addErrback(lambda failure: self.broken(exchange, failure))
        elif carries_form(exchange) and exchange.content_length and exchange.content_length <= self.body_limit:
            read = Deferred.fromCoroutine(self._offer_for_form(exchange))
            read.addErrback(lambda failure: self.broken(exchange, failure))
        else:
            self._offer(exchange, self.destinations.of_page(exchange))

    def refuse(self, exchange: Exchange, refusal: Refusal, who: str = "", wanted: str = "") -> None:
        """Say why not. `who`: whose session it is that is refused. `wanted`: where a login was to lead, if known."""
        if isinstance(refusal, (NotSignedIn, SessionEnded)):
            self.not_signed_in(exchange)
            return
        if isinstance(refusal, ReauthenticationNeeded):
            self._once_more(exchange, refusal, who)
            return
        if isinstance(refusal, NotPermitted):
            # Whoever may not pass begins another login on purpose.
            self.logins.forget(exchange)
        self._record(exchange, refusal, who)
        if refusal.status == 503:
            # RFC 9110 §10.2.3: waiting helps.
            exchange.also.append((b"Retry-After", _RETRY_AFTER))
        who = who or (refusal.name if isinstance(refusal, NotAdmitted) else "")
        if isinstance(refusal, CredentialsRefused):
            # Whoever sends an Authorization field is a script, whatever it accepts; this is oauth2-proxy's answer.
            exchange.reason = refusal.reason
            exchange.answer(refusal.status, PLAIN_TEXT, b"Forbidden\n")
            return
        if self._speaks_json(exchange) or not expects_page(exchange):
            plain = isinstance(refusal, NotPermitted) and self._speaks_json(exchange)
            self._refuse_script(exchange, refusal, plain=plain)
            return
        where = self.destinations.page_itself if isinstance(refusal, UpstreamFailed) else self.destinations.of_page
        redirect = wanted or where(exchange)
        page = self.pages.error(
            refusal,
            request_id=exchange.request_id,
            redirect=redirect,
            who=who,
            accept_language=exchange.header(b"accept-language"),
        )
        self.show(exchange, page)

    def of_the_wire(self, exchange: Exchange, status: int, reason: str) -> tuple[HeaderFields, bytes]:
        """Fields and body that say why something could not be served; `exchange` is as far as it could be read.

        Nothing in it is believed, so no way leads on but to the front page. A head that is too large loses the cookies
        of ours in it (431): without that nobody gets out of it who has too many.
        """
        refusal = refused_by_the_wire(status, reason)
        exchange.reason = exchange.reason or refusal.reason
        if status == 431 and exchange.identity is None:
            self.take_all_cookies(exchange)
            if exchange.also:
                refusal.sentence += " Those of your sign-in are deleted now: please try again."
        if self._speaks_json(exchange) or not expects_page(exchange):
            return self._told_to_script(exchange, refusal)
        language = exchange.header(b"accept-language")
        page = self.pages.error(refusal, request_id=exchange.request_id, accept_language=language)
        return [*(field for field in page.headers() if field != NO_STORE), NO_STORE], page.body

    def broken(self, exchange: Exchange, failure: Failure) -> None:
        """Answer after an error: a refusal says itself what to answer, anything else is our own fault."""
        if isinstance(failure.value, Refusal):
            self.refuse(exchange, failure.value)
            return
        self._errors.failure("a request could not be answered", failure=failure)
        self.refuse(exchange, OwnFault())

    def sign_in(
        self, exchange: Exchange, redirect: str, status: int, *, choosing: bool = False, trouble: str = ""
    ) -> None:
        """Show the sign-in page, with no session left behind it (CVE-2026-34454, security.md S6).

        `choosing`: a provider has to be chosen, maybe by somebody whose session is good elsewhere: it stays.
        `trouble`: why that is asked.
        """
        if not choosing:
            self.take_cookies(exchange)
            self.logins.forget(exchange)
        page = self.pages.sign_in(
            status,
            redirect,
            request_id=exchange.request_id,
            accept_language=exchange.header(b"accept-language"),
            choosing=choosing,
            trouble=trouble,
        )
        self.show(exchange, page)

    def renewed(self, exchange: Exchange, authenticated: bool) -> None:
        """Show the page that tells the one that opened it whether somebody is signed in."""
        page = self.pages.renewed(
            authenticated,
            self.destinations.renewed(exchange),
            request_id=exchange.request_id,
            accept_language=exchange.header(b"accept-language"),
        )
        self.show(exchange, page)

    def signed_out(self, exchange: Exchange, redirect: str) -> None:
        """Show the page that says that nobody is signed in any more."""
        language = exchange.header(b"accept-language")
        page = self.pages.signed_out(redirect, request_id=exchange.request_id, accept_language=language)
        self.show(exchange, page)

    async def begin(self, exchange: Exchange, redirect: str, fields: Fields, *, prompt: str = "") -> None:
        """Send the browser to the provider that its request is for; let the person choose where nothing tells which.

        `fields`: what the request submitted. Raises as `Choosing.of` and `Logins.begin` do.
        """
        choice = self.choosing.of(exchange, fields, redirect)
        if choice.registration is None:
            trouble = _NOBODY_FOR_ADDRESS if choice.login_hint else ""
            self.sign_in(exchange, redirect, 200, choosing=True, trouble=trouble)
            return
        onward = await self.logins.begin(
            exchange,
            redirect,
            choice.registration,
            login_hint=choice.login_hint,
            prompt=prompt,
        )
        self.send_on(exchange, onward)

    def send_on(self, exchange: Exchange, onward: Onward) -> None:
        """Redirect the browser."""
        cookies: HeaderFields = [(b"Set-Cookie", value) for value in onward.set_cookies]
        exchange.answer(302, [(b"Location", onward.location), *cookies])

    def show(self, exchange: Exchange, page: Page) -> None:
        """Answer with a page."""
        said = {name for name, _ in exchange.also}
        exchange.answer(page.status, [field for field in page.headers() if field[0] not in said], page.body)

    def _offer(self, exchange: Exchange, redirect: str) -> None:
        exchange.reason = NotSignedIn().reason
        keep_out_of_caches(exchange)
        choice = self.choosing.of(exchange, Fields(), redirect)
        if not self.skip_provider_button or choice.registration is None:
            self.sign_in(exchange, redirect, 403)
            return
        begun = Deferred.fromCoroutine(self.logins.begin(exchange, redirect, choice.registration))
        begun.addCallback(lambda onward: self.send_on(exchange, onward))
        begun.addErrback(lambda failure: self.broken(exchange, failure))

    def _once_more(self, exchange: Exchange, refusal: ReauthenticationNeeded, who: str) -> None:
        """Have somebody sign in again who is signed in and stays so.

        People always see a page and choose to: a provider that does not ask them could send them round in circles.
        """
        exchange.reason = refusal.reason
        self.log(Outcome.FAILURE, exchange, who, f"asked to sign in again: {refusal.detail}")
        keep_out_of_caches(exchange)
        if self._speaks_json(exchange) or not expects_page(exchange):
            self._refuse_script(exchange, refusal, plain=False)
            return
        exchange.also.append((b"WWW-Authenticate", refusal.challenge))
        if _is_sent_by_person(exchange):
            read = Deferred.fromCoroutine(self._not_received(exchange, signed_in=True))
            read.addErrback(lambda failure: self.broken(exchange, failure))
            return
        self._ask_again(exchange, _SENT_IN_VAIN if exchange.has_body else refusal.sentence)

    def _ask_again(self, exchange: Exchange, trouble: str) -> None:
        self.sign_in(exchange, self.destinations.page_itself(exchange), 401, choosing=True, trouble=trouble)

    async def _not_received(self, exchange: Exchange, *, signed_in: bool = False) -> None:
        """Say that what a person sent is lost, and give it back where that is safe.

        `signed_in`: the person is and stays so, and has to sign in again.
        """
        keep_out_of_caches(exchange)
        small = carries_form(exchange) and 0 < (exchange.content_length or 0) <= min(MOST_BYTES, self.body_limit)
        body = await exchange.read_body(MOST_BYTES) if small else b""
        kept = kept_form(exchange, body, self.destinations.redirects, self.forwarding)
        if signed_in and kept is None:
            self._ask_again(exchange, _SENT_IN_VAIN)
            return
        if not signed_in:
            self.take_cookies(exchange)
        page = self.pages.not_received(
            401 if signed_in else 403,
            self.destinations.of_page(exchange),
            kept,
            renewed=renewed_for(self.destinations.prefix, self.forwarding.uri(exchange)),
            request_id=exchange.request_id,
            accept_language=exchange.header(b"accept-language"),
        )
        self.show(exchange, page)

    async def _offer_for_form(self, exchange: Exchange) -> None:
        try:
            fields = submitted_fields(exchange, await exchange.read_body(self.body_limit), self.destinations.semicolons)
        except BadRequest:
            fields = Fields()
        self._offer(exchange, self.destinations.of(exchange, fields))

    def _speaks_json(self, exchange: Exchange) -> bool:
        """Whether oauth2-proxy would answer in JSON: its clients know what that looks like."""
        return (
            self.force_json_errors
            or any(_JSON_ITEM.search(value) for value in exchange.values(b"accept"))
            or self.is_api(self.forwarding.uri(exchange))
        )

    def _refuse_script(self, exchange: Exchange, refusal: Refusal, *, plain: bool) -> None:
        """Answer a script: `plain` as oauth2-proxy does, else with what a script can act on."""
        exchange.reason = refusal.reason
        fields, body = ([_JSON], b"{}") if plain else self._told_to_script(exchange, refusal)
        exchange.answer(refusal.status, fields, body)

    def _told_to_script(self, exchange: Exchange, refusal: Refusal) -> tuple[HeaderFields, bytes]:
        told = {"error": phrase_of(refusal.status), "reason": refusal.reason, "message": refusal.sentence}
        told["request_id"] = exchange.request_id
        fields: HeaderFields = [_JSON, NO_STORE]
        if refusal.status == 401:
            told["login_url"] = f"{self.destinations.prefix}/start"
            # RFC 9110 §15.5.2: a 401 says how to authenticate. RFC 6750 §3: no error code where nothing was tried.
            challenge = b'Bearer realm="o2sidecar"'
            if isinstance(refusal, ReauthenticationNeeded):
                told |= refusal.asked
                renewed = renewed_for(self.destinations.prefix, self.forwarding.uri(exchange))
                told["login_url"] += f"?rd={quote(renewed, safe='/')}"
                challenge = refusal.challenge
            fields.append((b"WWW-Authenticate", challenge))
        return fields, json.dumps(told).encode("ascii")

    def _record(self, exchange: Exchange, refusal: Refusal, who: str) -> None:
        exchange.reason = refusal.reason
        if isinstance(refusal, NothingThere):
            return  # the access log says as much
        if isinstance(refusal, NotAdmitted):
            self.log(Outcome.FAILURE, exchange, refusal.name, f"sign-in refused: {refusal}")
        elif isinstance(refusal, (NotPermitted, LoginFailed)):
            self.log(Outcome.FAILURE, exchange, who, f"session refused: {refusal}" if who else str(refusal))
        elif isinstance(refusal, ProviderFailed):
            self.log(Outcome.ERROR, exchange, who, str(refusal))
        else:
            self._errors.warn("{id} refused: {refusal}", id=exchange.request_id, refusal=str(refusal))


def _is_sent_by_person(exchange: Exchange) -> bool:
    """Whether a browser posts a form and goes to what comes of it."""
    return exchange.method == b"POST" and exchange.has_body and navigates(exchange)


def _asks_for_websocket(exchange: Exchange) -> bool:
    return (exchange.header(b"upgrade") or b"").lower() == b"websocket"


def keep_out_of_caches(exchange: Exchange) -> None:
    """Have whatever answer follows say that it is not to be kept."""
    exchange.also.extend(header for header in NO_CACHE if header not in exchange.also)
