"""Finds out why a login's cookie does not come back or is of no use, from what came and how the cookie was given."""

from __future__ import annotations

import re
from collections.abc import Mapping

from attrs import frozen

from o2sidecar.http.exchange import Exchange
from o2sidecar.policy.peers import Forwarding
from o2sidecar.refusals import LoginLoop, LoginLost, WhyLost
from o2sidecar.session.cookies import CookieAttributes, parse_cookies

_MOST_BYTES = 4096
"""What browsers keep of one cookie, name and value (RFC 6265bis §5.6)."""
_LARGEST_VALUE = 600
_MOST_COOKIES = 150
"""Chromium keeps 180 of a domain and then drops the oldest."""
_LOOPBACK = re.compile(r"(?:localhost|[a-z0-9.-]*\.localhost|127(?:\.[0-9]+){3}|\[::1\])(?::[0-9]*)?", re.IGNORECASE)


@frozen(kw_only=True)
class FailedCheck:
    """Names the check that a cookie with these attributes fails; `may_be_large`: whether browsers may refuse it."""

    attributes: CookieAttributes
    forwarding: Forwarding
    may_be_large: bool = False

    def loop(self, exchange: Exchange, lost: LoginLost) -> LoginLoop:
        """What to tell the person and the operator after several logins were lost in a row."""
        check, said = _OF_COOKIES.get(lost.why) or self._not_returned(exchange)
        return LoginLoop(
            check=check,
            sentence=f"Signing in failed again and again, so it was stopped here: {said}",
            detail=f"{check}: {said} ({lost.reason})",
        )

    def circle(self, exchange: Exchange, why: WhyLost) -> LoginLoop:
        """The same after a login that was completed, whose session does not come back or is of no use here.

        `why`: what was found out about the session, as `SessionFinder.why_none` says it.
        """
        return self.loop(exchange, LoginLost(reason=_OF_SESSIONS.get(why, "session_cookie_unreadable"), why=why))

    def _not_returned(self, exchange: Exchange) -> tuple[str, str]:
        """Why the cookie did not come back, the surest reason first."""
        attributes, host = self.attributes, self.forwarding.host(exchange)
        by_http = self.forwarding.scheme(exchange) == "http" and not _LOOPBACK.fullmatch(host)
        cookies = parse_cookies(exchange.values(b"cookie"))
        crowded = len(cookies) >= _MOST_COOKIES or len(attributes.name) + _LARGEST_VALUE > _MOST_BYTES
        reasons = (
            (attributes.secure and by_http, "cookie_secure"),
            (attributes.samesite == "none" and not attributes.secure, "cookie_none"),
            (not attributes.fits(host), "cookie_domain"),
            (not _within(exchange.path.decode("latin-1"), attributes.path), "cookie_path"),
            (attributes.samesite == "strict", "cookie_strict"),
            (attributes.samesite == "lax" and exchange.method == b"POST", "cookie_lax"),
            (crowded or (self.may_be_large and bool(cookies)), "cookie_too_large"),
            (bool(cookies), "cookie_lost"),
        )
        return _OF_ATTRIBUTES[next((word for holds, word in reasons if holds), "cookie_refused")]


_OF_ATTRIBUTES = {
    "cookie_secure": ("cookie_secure", "the cookie is for https only, and this site was reached by http."),
    "cookie_none": (
        "cookie_samesite",
        "a cookie with SameSite=None has to be for https only, or browsers refuse it.",
    ),
    "cookie_domain": ("cookie_domain", "the cookie is for another domain than this site's."),
    "cookie_path": ("cookie_path", "the cookie is for another path than the one where sign-in ends."),
    "cookie_strict": ("cookie_samesite", "a cookie with SameSite=Strict stays away when one comes from another site."),
    "cookie_lax": ("cookie_samesite", "a cookie with SameSite=Lax stays away from a form that another site posts."),
    "cookie_too_large": ("cookie_too_large", "this site has more or larger cookies than browsers keep."),
    "cookie_lost": ("cookie_not_returned", "the browser sent other cookies back, but not the one of this sign-in."),
    "cookie_refused": ("cookie_not_returned", "the browser sent no cookie back; it may be set to refuse them."),
}
_OF_SESSIONS: Mapping[WhyLost, str] = {
    "missing": "session_cookie_missing",
    "lost": "session_lost",
    "ended": "session_ended",
}
_OF_COOKIES: Mapping[WhyLost, tuple[str, str]] = {
    "signature": ("keys_differ", "the cookie was sealed with another key; do all servers have the same cookie secret?"),
    "future": ("clock", "the cookie was sealed in the future; the clocks of the servers differ."),
    "expired": ("clock", "the cookie was too old when it came back; the clocks of the servers may differ."),
    "malformed": ("cookie_damaged", "the cookie came back damaged."),
    "content": ("cookie_damaged", "the cookie came back with something else in it."),
    "another": ("cookie_replaced", "the cookie that came back is another sign-in's; does another app use its name?"),
    "redirect": ("state_changed", "the page that sign-in was for was changed on the way to the provider and back."),
    "lost": ("session_lost", "the session is not where sessions are kept; do all servers keep them in the same place?"),
    "ended": ("session_ended", "the session was over as soon as it had begun; was it revoked, or lives it too short?"),
}


def _within(path: str, cookie_path: str) -> bool:
    """Whether a cookie with this path is sent to a path (RFC 6265 §5.1.4)."""
    return path == cookie_path or path.startswith(cookie_path.rstrip("/") + "/")
