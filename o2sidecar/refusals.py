"""Every reason not to serve a request; whose fault it was is its type.

A refusal carries what three readers need: the *person* (`sentence`, shown as text), the *operator* (`reason`, a
short word for the log and for JSON; `detail`, a sentence for the log that never holds a secret) and the *browser*
(`status`). One place renders them: `o2sidecar.signin.answers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from attrs import define


@define(kw_only=True)
class Refusal(Exception):
    """A request is not served.

    Attributes:
        reason: one word in snake_case that names the failed check; it is logged and given to scripts.
        sentence: what the person is told; plain text, never markup.
        detail: what only the operator is told, in the log (and on the page with `show_debug_on_error`).
        status: the HTTP status.
    """

    reason: str
    sentence: str = ""
    detail: str = ""
    status: int = 500

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail or self.sentence}"


@define(kw_only=True)
class BadRequest(Refusal):
    """The client sent something that makes no sense."""

    status: int = 400


@define(kw_only=True)
class NotSignedIn(Refusal):
    """Nobody is signed in; a page offers to, a script gets 401."""

    status: int = 401
    reason: str = "no_session"
    sentence: str = "Please sign in to go on."


@define(kw_only=True)
class ReauthenticationNeeded(Refusal):
    """Somebody is signed in, but not as lately, or not in the way, that a route asks for (RFC 9470).

    Attributes:
        asked: `max_age` and `acr_values`, as requests name them.
    """

    asked: Mapping[str, str]
    status: int = 401
    reason: str = "insufficient_user_authentication"
    sentence: str = "To go on here you need to sign in again, to make sure that it is you."

    @property
    def challenge(self) -> bytes:
        """A WWW-Authenticate value (RFC 9470 §3)."""
        asked = "".join(f', {name}="{value}"' for name, value in self.asked.items())
        return f'Bearer realm="o2sidecar", error="{self.reason}"{asked}'.encode("ascii")


@define(kw_only=True)
class NotPermitted(Refusal):
    """Somebody is signed in, or tried to, who may not pass."""

    status: int = 403


@define(kw_only=True)
class OtherProvider(NotPermitted):
    """Somebody is signed in by a provider that does not count here; with another one it may be different."""

    reason: str = "other_provider"
    sentence: str = "You are signed in, but in a way that this application does not accept. Please choose another."


@define(kw_only=True)
class CredentialsRefused(NotPermitted):
    """The Authorization field is of no use here, and the operator wants that said rather than a login offered."""

    reason: str = "credentials_refused"
    sentence: str = "These credentials are not accepted here."


@define(kw_only=True)
class LoginFailed(Refusal):
    """A login attempt is not the one that this browser began, or has expired; beginning anew helps."""

    status: int = 403


CookieFault = Literal["malformed", "signature", "expired", "future", "content"]
"""Why a sealed cookie cannot be used."""

WhyLost = Literal[CookieFault, "missing", "another", "redirect", "lost", "ended"]
"""What became of a login, or of its session.

Its cookie is of no use, did not come back (missing) or is another login's; its state leads elsewhere by now (redirect);
its session is not where sessions are kept (lost), or is over.
"""


@define(kw_only=True)
class LoginLost(LoginFailed):
    """An answer came whose login this browser does not know."""

    why: WhyLost


@define(kw_only=True)
class LoginLoop(LoginFailed):
    """Logins of this browser fail again and again; `check` is a word for what fails (`signin.explanations.CHECKS`)."""

    check: str
    status: int = 400
    reason: str = "login_loop"
    sentence: str = "You were sent to sign in again and again, and it would not end. So it was stopped here."


@define(kw_only=True)
class ProviderFailed(Refusal):
    """The identity provider gave an answer that cannot be used, or said no to the exchange."""

    status: int = 500
    sentence: str = "The identity provider's answer could not be used. Please try again."


@define(kw_only=True)
class ProviderUnavailable(ProviderFailed):
    """The identity provider cannot be reached, or is not ready; waiting helps."""

    status: int = 503
    reason: str = "provider_unavailable"
    sentence: str = "The identity provider cannot be reached just now. Please try again in a moment."


@define(kw_only=True)
class UpstreamFailed(Refusal):
    """The app behind the proxy did not answer, or not in HTTP."""

    status: int = 502
    sentence: str = "The application is not answering. Please try again in a moment."


@define(kw_only=True)
class UpstreamTooSlow(UpstreamFailed):
    """The app did not begin its answer in time."""

    reason: str = "upstream_timeout"
    detail: str = "the app did not answer in time"


@define(kw_only=True)
class NothingThere(Refusal):
    """There is nothing at the address, for anybody."""

    status: int = 404
    sentence: str = "There is nothing at this address."


@define(kw_only=True)
class OwnFault(Refusal):
    """Something here went wrong; the log has the traceback."""

    status: int = 500
    reason: str = "internal_error"
    sentence: str = "Something went wrong here. Please try again."


@define(kw_only=True)
class Busy(Refusal):
    """There is no room for it just now; waiting helps."""

    status: int = 503
    reason: str = "too_many_connections"
    sentence: str = "Too many people are here just now. Please try again in a moment."


@define(kw_only=True)
class TooManyGuesses(Refusal):
    """Too many passwords were wrong; waiting helps."""

    status: int = 429
    reason: str = "too_many_guesses"
    sentence: str = "Too many wrong passwords. Please try again in some minutes."


@define(kw_only=True)
class SessionEnded(Refusal):
    """A session that was good is over: the provider took it back, or it can no longer be vouched for."""

    status: int = 401
    reason: str = "session_ended"
    sentence: str = "Your session has ended. Please sign in again."


@define(kw_only=True)
class GrantSpent(SessionEnded):
    """The provider takes a session's refresh token no more: it was taken back, or somebody else renewed the session."""


@define(kw_only=True)
class StoreUnavailable(Refusal):
    """Where sessions are stored cannot be reached, or gives no answer that can be used; waiting helps."""

    status: int = 503
    reason: str = "session_store_unavailable"
    sentence: str = "Nobody's session can be looked up just now. Please try again in a moment."


@define(kw_only=True)
class RevocationsUnknown(StoreUnavailable):
    """Nobody can tell whose sessions are over, and the operator wants none to count then; waiting helps."""

    reason: str = "revocation_list_unavailable"
    detail: str = "the list of revocations cannot be had (revocation_unavailable)"


def refused_by_the_wire(status: int, reason: str) -> Refusal:
    """For what came and cannot be served (RFC 9112): `reason` says why in a few words, which are in no page."""
    if status == 500:
        return OwnFault()
    if status == 503:
        return Busy(detail=reason)
    word = reason.lower().replace(" ", "_").replace("-", "_")
    return BadRequest(
        reason=word, sentence=_OF_THE_WIRE.get(status, "This is no valid request."), detail=reason, status=status
    )


_OF_THE_WIRE: Mapping[int, str] = {
    408: "The request took too long to arrive. Please try again.",
    413: "The request is larger than this site accepts.",
    414: "The address is longer than this site accepts.",
    417: "The request expects something that this site does not know.",
    431: "Your browser sent more than this site accepts, most likely too many cookies.",
    501: "The request uses a method that this site does not know.",
    505: "The request uses a version of HTTP that this site does not know.",
}
