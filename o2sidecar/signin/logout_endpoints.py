"""Two endpoints beside sign_out: the way back from the provider's logout, and the list of sessions that are over.

OpenID Connect RP-Initiated Logout 1.0 §3.
"""

from __future__ import annotations

from attrs import frozen

from o2sidecar.http.exchange import PLAIN_TEXT, Exchange
from o2sidecar.refusals import BadRequest
from o2sidecar.signin.answers import Answers, keep_out_of_caches
from o2sidecar.signin.fields import query_fields
from o2sidecar.signin.signing_out import SigningOut
from o2sidecar.stores.revocation_list import RevocationList

_NO_STORE = (b"Cache-Control", b"no-store")


@frozen(kw_only=True)
class SignedOut:
    """Where the browser lands when the provider signed it out, too: a page, which signs nobody in again at once."""

    signing_out: SigningOut
    answers: Answers

    def serve(self, exchange: Exchange) -> None:
        """Answer."""
        keep_out_of_caches(exchange)
        try:
            state = query_fields(exchange).one("state")
        except BadRequest as refused:
            self.answers.refuse(exchange, refused)
            return
        redirect = self.signing_out.landed(exchange, state)
        self.signing_out.forget(exchange)
        self.answers.signed_out(exchange, redirect)


@frozen(kw_only=True)
class RevokedSessions:
    """Serves the list of revocations to sidecars that read it here; whom a line is about shows to none but them."""

    revoked: RevocationList

    def serve(self, exchange: Exchange) -> None:
        """Answer; 503 while what is known here may not be all, so that nobody takes it for that."""
        if self.revoked.revocations.blind or self.revoked.trouble():
            exchange.answer(503, [*PLAIN_TEXT, _NO_STORE], b"Service Unavailable\n")
            return
        body = b"".join(line + b"\n" for line in self.revoked.revocations.lines())
        exchange.answer(200, [*PLAIN_TEXT, _NO_STORE], body)
