"""What an error page says beside the refusal's own sentence: a heading, what to do, and which mark stands above."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from o2sidecar.refusals import (
    BadRequest,
    Busy,
    LoginFailed,
    LoginLoop,
    NothingThere,
    NotPermitted,
    OtherProvider,
    ProviderFailed,
    Refusal,
    StoreUnavailable,
    TooManyGuesses,
    UpstreamFailed,
)


@frozen
class Explanation:
    """English sentences of ours; `mark` is the name of a picture in `marks.html`, `advice` may be empty."""

    heading: str
    mark: str = "stop"
    advice: str = ""


def explanation_of(refusal: Refusal) -> Explanation:
    """What to say of a refusal."""
    if isinstance(refusal, LoginLoop):
        return Explanation("Signing in goes round in circles", "stop", _OF_CHECKS.get(refusal.check, _ANY_CHECK))
    if isinstance(refusal, BadRequest) and refusal.status in _BY_STATUS:
        return _BY_STATUS[refusal.status]
    return next((explanation for kind, explanation in _BY_KIND if isinstance(refusal, kind)), _OF_ANYTHING)


_OF_ANYTHING = Explanation("Something went wrong")

_BY_KIND: tuple[tuple[type[Refusal], Explanation], ...] = (
    (BadRequest, Explanation("This request cannot be understood")),
    (NothingThere, Explanation("This page does not exist", "search")),
    (OtherProvider, Explanation("Another way to sign in is needed", "key")),
    (
        NotPermitted,
        Explanation(
            "You do not have access",
            "stop",
            "If you have another account, use that one. Otherwise ask whoever runs this site to let you in.",
        ),
    ),
    (LoginFailed, Explanation("Signing in did not work")),
    (
        ProviderFailed,
        Explanation(
            "Signing in is not possible just now", "wait", "Whoever is signed in already can go on working meanwhile."
        ),
    ),
    (UpstreamFailed, Explanation("The application is unavailable", "wait", "You are not signed out by this.")),
    (Busy, Explanation("This site is busy", "wait")),
    (StoreUnavailable, Explanation("This site is not available just now", "wait")),
    (TooManyGuesses, Explanation("Too many attempts", "wait")),
)

_BY_STATUS: Mapping[int, Explanation] = {
    404: Explanation("There is nothing here", "search"),
    408: Explanation("This took too long", "wait"),
    413: Explanation("This is too large"),
    414: Explanation("This address is too long"),
    431: Explanation(
        "This is too much at once",
        "stop",
        "If it happens again, delete the cookies of this site in the settings of your browser.",
    ),
}

_ANY_CHECK = "Delete the cookies of this site in the settings of your browser, then sign in again."
_OF_CHECKS: Mapping[str, str] = {
    "cookie_domain": "The cookie is for another domain than the one in the address bar. Open this site under the name"
    " that you were given; whoever runs it finds the setting under cookie_domains.",
    "cookie_secure": "The cookie is for https only, and this page came by http. Write https:// in front of the address;"
    " whoever runs this site finds the setting under cookie_secure.",
    "cookie_samesite": "Your browser keeps the cookie back when it comes from the identity provider. Whoever runs this"
    " site finds the setting under cookie_samesite.",
    "cookie_too_large": "The cookie is larger than your browser keeps. Whoever runs this site finds help under"
    " session_store_type and session_cookie_minimal.",
    "cookie_not_returned": "Your browser did not send back the cookie that it was given. Allow cookies for this site,"
    " then sign in again.",
    "keys_differ": "One server of this site does not understand the cookies of another. Whoever runs it has to give"
    " all of them the same cookie_secret.",
    "session_lost": "You were signed in, but this site does not remember it. Whoever runs it has to give all its"
    " servers the same store under session_store_type, and one that throws nothing away before its time.",
    "session_ended": "You were signed in, and your session ended at once. Whoever runs this site finds the settings"
    " under cookie_expire, session_absolute_lifetime and revocation_list.",
    "clock": "The clocks of this site and of the identity provider differ too much. Whoever runs it has to set them.",
}
"""What to do about the check of a login that fails again and again, by `LoginLoop.check`."""

CHECKS = frozenset(_OF_CHECKS)
