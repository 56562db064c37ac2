"""The endpoints at which providers tell of their own logouts: in a frame of a browser, and from server to server.

OpenID Connect Front-Channel Logout 1.0 §2-§3, Back-Channel Logout 1.0 §2.5-§2.8. Imported where a provider is that has
such logouts.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from attrs import field, frozen
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from o2sidecar.guard.opened import Opened
from o2sidecar.guard.session_finder import SessionFinder
from o2sidecar.http.exchange import PLAIN_TEXT, Exchange, HeaderFields
from o2sidecar.oauth.jws import TokenRejected
from o2sidecar.oauth.logout_token import LogoutNotice, read_logout_token
from o2sidecar.observe.records import Outcome
from o2sidecar.providers.registrations import Registration, Registrations
from o2sidecar.refusals import BadRequest, ProviderFailed, StoreUnavailable
from o2sidecar.session.revocations import Kind, id_token_claims
from o2sidecar.session.session import Session
from o2sidecar.signin.answers import Answers, Log
from o2sidecar.signin.fields import carries_form, form_fields, query_fields
from o2sidecar.stores.revocation_list import RevocationList

_NO_STORE = (b"Cache-Control", b"no-store")
_JSON = (b"Content-Type", b"application/json")
_MOST_SEEN = 10_000
_LATE = 60.0
"""Seconds after a logout token was made within which sessions may have begun that it ends: clocks differ."""
_SEEN_LONGER = 600.0
"""Seconds beyond its end that a token is known as spent: longer than it is believed beyond it."""


@frozen(kw_only=True)
class FrontChannel:
    """Ends the session of a browser whose provider shows this address in a frame, as part of its own logout.

    Anybody can show it in a frame: only who knows the session's `sid` ends anything.
    """

    sessions: SessionFinder
    registrations: Registrations
    revoked: RevocationList
    log: Log

    def serve(self, exchange: Exchange) -> None:
        """Answer; what comes of it shows to nobody."""
        try:
            fields = query_fields(exchange)
            iss, sid = fields.one("iss"), fields.one("sid")
        except BadRequest:
            iss = sid = ""
        if exchange.method != b"GET" or not iss or not sid:
            exchange.answer(400, [*PLAIN_TEXT, _NO_STORE], b"Bad Request\n")
            return

        def decide(exchange: Exchange, opened: Opened | None) -> None:
            ended = Deferred.fromCoroutine(self._end(exchange, opened.session if opened else None, iss, sid))
            ended.addErrback(lambda failure: failure.trap(StoreUnavailable))
            ended.addCallback(lambda _: self._answer(exchange, iss))

        self.sessions.settle(exchange, decide, lambda exchange, refusal: self._answer(exchange, iss))

    async def _end(self, exchange: Exchange, session: Session | None, iss: str, sid: str) -> None:
        claims = id_token_claims(session) if session else {}
        known = claims.get("sid")
        if session is None or claims.get("iss") != iss or not isinstance(known, str):
            return
        if not hmac.compare_digest(known.encode(), sid.encode()):
            return
        self.log(Outcome.SUCCESS, exchange, session.name, "signed out by the provider (front-channel)")
        revocations = self.revoked.revocations
        await self.revoked.end(revocations.keys.revocation("sid", [iss, sid], revocations.now()))
        await self.sessions.end(exchange)

    def _answer(self, exchange: Exchange, iss: str) -> None:
        ends = [each.provider.session_end for each in self.registrations]
        known = any(end.rules.issuer == iss for end in ends if end)
        issuer = urlsplit(iss) if known else None
        framed_by = f"{issuer.scheme}://{issuer.netloc}" if issuer else "'none'"
        policy = f"default-src 'none'; base-uri 'none'; frame-ancestors {framed_by}".encode("ascii", "ignore")
        fields: HeaderFields = [*PLAIN_TEXT, _NO_STORE, (b"Content-Security-Policy", policy)]
        exchange.answer(200, fields, b"OK\n")


@frozen(kw_only=True)
class BackChannel:
    """Takes a provider's word that sessions are over, and ends them wherever the list of revocations is read."""

    registrations: Registrations
    revoked: RevocationList
    now: Callable[[], float]
    answers: Answers
    body_limit: int = 65536
    _seen: dict[tuple[str, str], float] = field(factory=dict, init=False, repr=False)

    def serve(self, exchange: Exchange) -> None:
        """Answer 200 when the sessions are over, 400 when there is no reason to end any (§2.8)."""
        asked = Deferred.fromCoroutine(self._answer(exchange))
        asked.addErrback(self._failed, exchange)

    async def _answer(self, exchange: Exchange) -> None:
        if not carries_form(exchange):
            raise BadRequest(reason="logout_request", sentence="a form with a logout_token has to be posted here")
        # What stands in the query ends up in logs, and does not count.
        text = form_fields(exchange, await exchange.read_body(self.body_limit)).one("logout_token")
        notice = await self._verified(text)
        self._spend(notice)
        await self._end(notice)
        self.answers.log(Outcome.SUCCESS, exchange, "", f"sessions ended by {notice.iss} (back-channel)")
        exchange.answer(200, [_NO_STORE])

    async def _verified(self, text: str) -> LogoutNotice:
        token = read_logout_token(text)
        rejected = TokenRejected("token_issuer", "the token's issuer (iss) is none that people sign in with here")
        for registration in self._issued_by(token.unverified_claims):
            assert registration.provider.session_end is not None
            try:
                return await registration.provider.session_end.verify(token)
            except TokenRejected as error:
                rejected = error
        raise rejected

    def _issued_by(self, claims: Mapping[str, Any]) -> list[Registration]:
        return [
            each
            for each in self.registrations
            if each.provider.session_end and each.provider.session_end.rules.is_issuer_of(claims)
        ]

    def _spend(self, notice: LogoutNotice) -> None:
        """A token counts once; raises `TokenRejected`."""
        now, seen = self.now(), self._seen
        if len(seen) >= _MOST_SEEN:
            for key in [key for key, until in seen.items() if until <= now] or list(seen)[: _MOST_SEEN // 2]:
                del seen[key]
        key = notice.iss, notice.jti
        if key in seen:
            raise TokenRejected("token_replayed", "the token was here before (jti)")
        # Beyond its end a token is believed for as long as clocks differ.
        seen[key] = notice.expires_at + _SEEN_LONGER

    async def _end(self, notice: LogoutNotice) -> None:
        before = min(self.now(), notice.issued_at + _LATE)
        kind: Kind = "sid" if notice.sid else "subject"
        revocation = self.revoked.revocations.keys.revocation(kind, [notice.iss, notice.sid or notice.sub], before)
        await self.revoked.end(revocation)

    def _failed(self, failure: Failure, exchange: Exchange) -> None:
        error = failure.value
        if isinstance(error, TokenRejected):
            reason, why = error.reason, str(error)
        elif isinstance(error, (BadRequest, ProviderFailed)):
            reason, why = error.reason, error.sentence
        else:
            self.answers.broken(exchange, failure)
            return
        exchange.reason = reason
        if not isinstance(error, BadRequest):
            self.answers.log(Outcome.FAILURE, exchange, "", f"{reason}: a provider's logout was refused: {why}")
        told = {"error": "invalid_request", "error_description": why}
        exchange.answer(400, [_JSON, _NO_STORE], json.dumps(told).encode("ascii"))
