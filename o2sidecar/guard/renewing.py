"""The provider's word about a session that is due: what it comes to, counted and logged."""

from __future__ import annotations

from typing import ClassVar

from attrs import evolve, frozen
from twisted.logger import Logger

from o2sidecar.guard.local_users import Renewing
from o2sidecar.observe.counts import SessionCounts
from o2sidecar.policy.kept_groups import ALL_GROUPS, KeptGroups
from o2sidecar.refusals import GrantSpent, OwnFault, Refusal, SessionEnded
from o2sidecar.session.session import Session


@frozen(kw_only=True)
class Renewals:
    """Asks the provider.

    `spent_is_the_end`: whether a session is over as soon as its refresh token is not taken. `keeps_beginning`: whether
    renewed sessions tell when their person signed in. `groups`: those that they keep.
    """

    provider: Renewing
    counts: SessionCounts
    spent_is_the_end: bool = True
    keeps_beginning: bool = False
    groups: KeptGroups = ALL_GROUPS

    _log: ClassVar[Logger] = Logger()

    async def ask(self, session: Session) -> Session | None:
        """The renewed session, `None` if it stays as it is; see `Provider.refresh`.

        Raises `SessionEnded` when it is over, and `OwnFault` when that could not be found out.
        """
        try:
            renewed = await self.provider.refresh(session)
        except SessionEnded as ended:
            if isinstance(ended, GrantSpent) and not self.spent_is_the_end:
                self.counts.renewals["unchanged"] += 1
                raise
            self._log.info("session of {name} ended: {reason}", name=session.name, reason=str(ended))
            self.counts.renewals["ended"] += 1
            raise
        except Exception as error:
            self.counts.renewals["failed"] += 1
            if not isinstance(error, Refusal):
                self._log.failure("renewing a session failed")
            # Nobody knows whether the session is still good: those who wait are refused, the cookie stays, and the next
            # request asks again.
            raise OwnFault(reason="renewal_failed") from None
        is_new = renewed is not None and renewed.created_at != session.created_at
        self.counts.renewals["renewed" if is_new else "unchanged"] += 1
        if renewed is None:
            return None
        renewed = self.groups.of(renewed)
        if not is_new or not self.keeps_beginning or renewed.began_at is not None:
            return renewed
        return evolve(renewed, began_at=session.created_at)
