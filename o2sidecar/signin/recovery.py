"""A login that is lost on the way is begun anew by itself; if that fails too, a page names the check that does.

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
from o2sidecar.oauth.browser_secret import Seed
from o2sidecar.observe.records import Outcome
from o2sidecar.policy.audience import navigates
from o2sidecar.policy.redirects import location
from o2sidecar.providers.registrations import Registration
from o2sidecar.refusals import BadRequest, LoginFailed, LoginLost, ProviderFailed, Refusal
from o2sidecar.signin.failed_check import FailedCheck
from o2sidecar.signin.fields import Fields
from o2sidecar.signin.transaction import Logins, Onward


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
            if not self.logins.counts_rounds(fields):
                raise
            changed = isinstance(refusal, LoginLost) and refusal.why == "redirect"
            wanted = "/" if changed else self.logins.wanted(fields) or "/"
            if await self.logins.current(exchange) is not None:
                # Another tab has signed in meanwhile.
                return Onward(location=location(wanted))
            seed = self.logins.seed(fields)
            failed = self._failed_before(seed)
            if failed >= _rounds(refusal):
                if isinstance(refusal, LoginLost):
                    raise self.failed_check.loop(exchange, refusal) from None
                raise
            registration = self._registration(seed)
            prompt = "login" if _knows_no_choice(refusal) else ""
            onward = await self.logins.begin(exchange, wanted, registration, prompt=prompt, again=failed + 1)
            exchange.reason = refusal.reason
            self.log(Outcome.FAILURE, exchange, "", f"{refusal}; signing in begins anew")
            return onward

    def _failed_before(self, seed: Seed | None) -> int:
        """How many logins failed in a row before this one.

        One that took longer than logins last does not count: a person was away, which happens as often as it likes.
        """
        expire = self.logins.pending.attributes.expire
        return seed.again if seed and not (expire and seed.begun <= self.logins.now() - expire) else 0

    def _registration(self, seed: Seed | None) -> Registration | None:
        """With whom the lost login was; `None` if it does not tell, or nobody knows them any more."""
        try:
            return self.logins.registrations.named(seed.provider) if seed and seed.provider else None
        except BadRequest:
            return None


def _rounds(refusal: Refusal) -> int:
    """How many logins may follow by themselves.

    One; three where tabs that began at the same moment crossed: here, the cookie that came back is another tab's; at
    the provider, codes of one session make each other worthless.
    """
    crossed = isinstance(refusal, ProviderFailed) or (isinstance(refusal, LoginLost) and refusal.why == "another")
    return 3 if crossed else 1


def _is_nobodys_fault(refusal: Refusal) -> bool:
    """Whether a fresh login is likely to do better."""
    if isinstance(refusal, ProviderFailed):
        # RFC 6749 §5.2: the code was used, has expired, or was made up.
        return refusal.reason == "code_refused" and "invalid_grant" in refusal.detail
    if isinstance(refusal, LoginFailed) and refusal.reason == "provider_error":
        # Keycloak says so when its own page was left for too long.
        return "authentication_expired" in refusal.detail or _knows_no_choice(refusal)
    return isinstance(refusal, LoginLost)


def _knows_no_choice(refusal: Refusal) -> bool:
    """Whether a provider cannot let people choose an account; to sign in anew is the next best thing.

    OpenID Connect Core 1.0 §3.1.2.6 has the first of these errors; strict providers take an unknown prompt for a
    request that makes no sense.
    """
    return (
        isinstance(refusal, LoginFailed)
        and refusal.reason == "provider_error"
        and refusal.detail.partition(" ")[0] in {"account_selection_required", "invalid_request"}
    )
