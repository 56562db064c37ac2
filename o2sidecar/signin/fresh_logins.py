"""Logins that have to be fresh, or of a certain kind: what the provider is asked, and whether it did so.

What a login must be follows from where it leads: that stands in the state, so nothing has to be kept. Whoever changes
the state gets elsewhere, where the same is asked again before anything is served.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl, quote, urlsplit

from attrs import evolve, frozen

from o2sidecar.oauth.authentication import Authentication
from o2sidecar.oauth.id_token import read_id_token
from o2sidecar.policy.reauth_routes import ReauthRoutes, Requirement
from o2sidecar.policy.redirects import location
from o2sidecar.refusals import LoginFailed, ProviderFailed
from o2sidecar.session.session import Session

_NOT_TOLD = (
    "This page needs to know when you signed in with the identity provider, which did not tell. Whoever runs this site"
    " has to see to that."
)
_NOT_FRESH = "This page needs a fresh sign-in, but the identity provider did not ask you to sign in again."
_OTHER_KIND = "This page needs another kind of sign-in than the one that the identity provider gave you."


@frozen(kw_only=True)
class Reauthentication:
    """Judges logins by where they lead. `prefix`: the path of the own endpoints; `skew`: how far clocks may differ."""

    routes: ReauthRoutes
    prefix: str
    now: Callable[[], float]
    skew: float

    def of(self, redirect: str) -> Requirement | None:
        """What a login must be that leads there, whatever the method of the request that it is for."""
        asked = self._of_target(redirect)
        path, _, query = redirect.partition("?")
        if path.endswith(f"{self.prefix}/renewed"):
            # A window of its own: the page that opened it names what it needs the login for.
            for name, value in parse_qsl(query):
                more = self._of_target(value) if name == "for" else None
                asked = more if asked is None else asked if more is None else asked.and_also(more)
        return asked

    def parameters(self, redirect: str) -> dict[str, str]:
        """What the authorization request asks besides."""
        asked = self.of(redirect)
        return asked.parameters if asked else {}

    def judged(self, session: Session, redirect: str) -> Session:
        """A session that has just begun, with what its ID token tells of the authentication.

        Raises `LoginFailed` where that is not what was asked for.
        """
        known = Authentication.of_login(_claims(session), self.now(), self.skew)
        session = evolve(session, authenticated_at=known.at, acr=known.acr)
        asked = self.of(redirect)
        if asked is None:
            return session
        # OpenID Connect Core 1.0 §3.1.3.7, 12.: a class of authentication that was asked for is looked at.
        if not asked.is_of_kind(session):
            raise _failed("acr_differs", _OTHER_KIND, session, f"its class is {known.acr[:64]!r}")
        # 13.: so is the time of authentication, which max_age makes required (§2).
        if "max_age" in asked.parameters and known.at is None:
            raise _failed(known.trouble, _NOT_TOLD, session, "the id_token has no auth_time that can be used")
        if not asked.is_recent(session, self.now()):
            raise _failed("not_reauthenticated", _NOT_FRESH, session, "the id_token's auth_time is too long ago")
        return session

    def presented(self, session: Session) -> Session:
        """The session of a bearer token, with what that tells of the authentication (RFC 9068 §2.2.1)."""
        known = Authentication.presented(_claims(session), self.now(), self.skew)
        return evolve(session, authenticated_at=known.at, acr=known.acr)

    def of_local_user(self, session: Session) -> Session:
        """The session of somebody who has just given a password."""
        return evolve(session, authenticated_at=self.now())

    def _of_target(self, target: str) -> Requirement | None:
        try:
            path = urlsplit(location(target).decode("latin-1")).path
        except ValueError:
            return self.routes.anywhere
        return self.routes.of(None, path.encode("latin-1") or b"/")


def renewed_for(prefix: str, uri: str) -> str:
    """Where a login in a window of its own leads that is for a URI, so that it is asked for what is asked there."""
    path = quote(uri.partition("?")[0], safe="/")
    return f"{prefix}/renewed?for={path}"


def _claims(session: Session) -> dict[str, object]:
    """The claims of its ID token, which was verified when the session was made; none if there is no token."""
    try:
        return dict(read_id_token(session.id_token).unverified_claims)
    except ProviderFailed:
        return {}


def _failed(reason: str, sentence: str, session: Session, what: str) -> LoginFailed:
    return LoginFailed(reason=reason, sentence=sentence, detail=f"{what} (reauth_routes; {session.name})")
