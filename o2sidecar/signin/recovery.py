"""A login that is lost on the way is begun anew by itself, once; then a page names the check that fails each time.

Lost are those that took too long, whose cookie is gone or is another browser's, and whose code was spent already. The
person did nothing wrong and would only be told to sign in again, which is what happens here without a word. The number
of such rounds travels in the state, so it counts even where no cookie comes back.

That gives nothing to whoever makes up an answer: it leads where any link to the start of a login leads, and what was
made up is used for nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from o2sidecar.http.exchange import Exchange
from o2sidecar.observe.records import Outcome
from o2sidecar.policy.audience import navigates
from o2sidecar.refusals import LoginFailed, LoginLost, ProviderFailed, Refusal
from o2sidecar.signin.failed_check import FailedCheck
from o2sidecar.signin.fields import Fields
from o2sidecar.signin.transaction import Logins, Onward

_ROUNDS = 1
"""How many logins may follow by themselves."""


@frozen(kw_only=True)
class Recovery:
    """Completes logins; `log` writes to the authentication log."""

    logins: Logins
    failed_check: FailedCheck
    log: Callable[[Outcome, Exchange, str, str], None]

    async def complete(self, exchange: Exchange, fields: Fields) -> Onward:
        """Where an answer leads: as `Logins.complete` says, or to a fresh login.

        Only browsers that go to a page get a fresh login; scripts are told what failed. Raises as `Logins.complete`
        does, and `LoginLoop` when the fresh login came back no better.
        """
        try:
            return await self.logins.complete(exchange, fields)
        except Refusal as refusal:
            if not _is_nobodys_fault(refusal) or not navigates(exchange):
                raise
            failed = self.logins.failed_before(fields)
            if failed >= _ROUNDS:
                if isinstance(refusal, LoginLost):
                    raise self.failed_check.loop(exchange, refusal) from None
                raise
            onward = await self.logins.begin(exchange, self.logins.wanted(fields) or "/", again=failed + 1)
            exchange.reason = refusal.reason
            self.log(Outcome.FAILURE, exchange, "", f"{refusal}; signing in begins anew")
            return onward


def _is_nobodys_fault(refusal: Refusal) -> bool:
    """Whether a fresh login is likely to do better."""
    if isinstance(refusal, ProviderFailed):
        # RFC 6749 §5.2: the code was used, has expired, or was made up.
        return refusal.reason == "code_refused" and "invalid_grant" in refusal.detail
    if isinstance(refusal, LoginFailed) and refusal.reason == "provider_error":
        # Keycloak says so when its own page was left for too long.
        return "authentication_expired" in refusal.detail
    return isinstance(refusal, LoginLost)
