"""The same provider in the plans about what follows a login: refresh tokens, and logouts from either side.

What each module changes was read in the suite (`net.openid.conformance.openid.client`, `.client.logout`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from attrs import frozen

from tests.catalogue.openid_suite import SUBJECT, Suite
from tests.catalogue.strict import Message
from tests.fakes import CLIENT_ID, compact
from tests.options.world import ADDRESS

EVENT = "http://schemas.openid.net/event/backchannel-logout"
LANDING = "https://app.example.com/oauth2/signed_out"
"""The post-logout redirect URI that is registered."""
SID = "abcdefghijKLMNOPQRST0123456789 %&@~"
"""The suite's session ids end in punctuation, a space perhaps."""
FORM = b"Content-Type: application/x-www-form-urlencoded"
FRAMED = (b"Sec-Fetch-Site: cross-site", b"Sec-Fetch-Mode: navigate", b"Sec-Fetch-Dest: iframe")

Claims = dict[str, Any]


class SessionSuite(Suite):
    """A run of one module of these plans.

    `issued`: every ID token so far, the last at the end. `refreshed`: what is different about that of a refresh;
    `None` for a refresh without one. `rotates`: whether each refresh brings another refresh token.
    """

    def __init__(self, change: Callable[[SessionSuite], object] = lambda suite: None, **settings: str) -> None:
        self.issued: list[str] = []
        self.refreshed: Claims | None = {}
        self.rotates = True
        self._numbers = itertools.count(1)

        def prepare(suite: Suite) -> None:
            suite.provider.discovery |= {
                "end_session_endpoint": f"{ADDRESS}/end_session_endpoint",
                "check_session_iframe": f"{ADDRESS}/check_session_iframe",
                **{f"{channel}channel_logout_supported": True for channel in ("front", "back")},
                **{f"{channel}channel_logout_session_supported": True for channel in ("front", "back")},
            }
            change(self)

        super().__init__(prepare, **settings)

    def id_token(self, **changes: Any) -> str:
        """The ID token of what the token endpoint is asked for just now; the refresh token goes along."""
        refreshing = self.provider.asked[-1].form["grant_type"] == "refresh_token"
        if not refreshing or self.rotates:
            self.provider.tokens["refresh_token"] = f"RT-{next(self._numbers)}"
        if not refreshing:
            self.provider.tokens.pop("id_token", None)
        elif self.refreshed is None:
            self.provider.tokens["id_token"] = None
        else:
            changes = {**changes, **self.refreshed}
        self.issued.append(super().id_token(**{"sid": SID, **changes}))
        return self.issued[-1]

    def come_back(self, answer: dict[str, str]) -> Message:
        """The answer has a session_state besides, which is for a plan about frames that poll."""
        return super().come_back({**answer, "session_state": "aGFzaA.salt"})

    def used_refresh_tokens(self) -> list[str]:
        """Those that the token endpoint was given, in order."""
        return [asked.form["refresh_token"] for asked in self.provider.asked if "refresh_token" in asked.form]

    # What happens in a logout.

    def sign_out(self) -> dict[str, str]:
        """What the provider's logout is asked, once the browser has followed."""
        begun = self.world.get("/oauth2/sign_out?rd=/bye", b"Sec-Fetch-Site: none", b"Accept: text/html")
        self.world.keep(begun)
        [location] = begun.values(b"location")
        parts = urlsplit(location.decode())
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{ADDRESS}/end_session_endpoint", location
        return dict(parse_qsl(parts.query, strict_parsing=True))

    def logout_claims(self) -> Claims:
        """Those of a logout token."""
        now = int(self.world.clock.seconds())
        return {
            "iss": ADDRESS,
            "sub": SUBJECT,
            "aud": CLIENT_ID,
            "jti": f"jti-{next(self._numbers)}",
            "sid": SID,
            "events": {EVENT: {}},
            "iat": now,
            "exp": now + 120,
            "ignored_claim": "which nobody knows",
        }

    def back_channel(self, token: str) -> Message:
        """The answer to a request from server to server."""
        body = urlencode({"logout_token": token, "ignored_parameter": "which nobody knows"}).encode()
        jar, self.world.jar = self.world.jar, {}
        try:
            return self.world.get("/oauth2/backchannel_logout", FORM, method=b"POST", body=body)
        finally:
            self.world.jar = jar

    def front_channel(self, *, session: bool = True) -> Message:
        """What the browser gets in a frame of the provider's; `session`: whether the issuer and sid are required."""
        query = f"?iss={quote(ADDRESS, safe='')}&sid={quote(SID, safe='')}" if session else ""
        answer = self.world.get(f"/oauth2/frontchannel_logout{query}", *FRAMED)
        self.world.keep(answer)
        return answer

    def land(self, state: str | None) -> Message:
        """What the browser gets that comes back from the provider."""
        query = "" if state is None else f"?state={quote(state)}"
        answer = self.world.get(f"{urlsplit(LANDING).path}{query}", b"Sec-Fetch-Site: cross-site")
        self.world.keep(answer)
        return answer


@frozen(kw_only=True)
class RefreshModule:
    """`change`: what is special. `lives`: whether the session goes on. `asks`: whether user info is asked again."""

    change: Callable[[SessionSuite], object] = lambda suite: None
    lives: bool = True
    asks: bool = True


@frozen(kw_only=True)
class LogoutModule:
    """A module in which a person signs out here.

    `state`: what becomes of it on the way back. `claims` and `sign` make the logout token; `status` is what it is
    answered. `frames`: whether the front channel is used as well.
    """

    state: Callable[[str], str | None] = lambda state: state
    claims: Callable[[Claims], Claims] = lambda claims: claims
    sign: Callable[[SessionSuite, Claims], str] = lambda suite, claims: suite.signed(claims)
    status: int = 200
    frames: bool = False


def _refreshed(**changes: Any) -> Callable[[SessionSuite], object]:
    return lambda suite: setattr(suite, "refreshed", changes)


def _ended(**changes: Any) -> RefreshModule:
    return RefreshModule(change=_refreshed(**changes), lives=False, asks=False)


def _damaged_when_refreshed(suite: SessionSuite) -> None:
    def sign(claims: Claims) -> str:
        signed = suite.signed(claims)
        if not suite.issued:
            return signed
        head, _, signature = signed.rpartition(".")
        return f"{head}.{signature[:9]}{'A' if signature[9] != 'A' else 'B'}{signature[10:]}"

    suite.sign = sign


REFRESH: Mapping[str, RefreshModule] = {
    "oidcc-client-test-refresh-token": RefreshModule(),
    "oidcc-client-test-refresh-token-invalid-issuer": _ended(iss=f"{ADDRESS}1"),
    "oidcc-client-test-refresh-token-invalid-sub": _ended(sub=f"{SUBJECT}1"),
    # Of former versions; the session lives on by the token of its login.
    "oidcc-client-test-refresh-token-invalid-aud": RefreshModule(change=_refreshed(aud=f"{CLIENT_ID}1"), asks=False),
    # What a provider may do besides.
    "invalid signature": RefreshModule(change=_damaged_when_refreshed, asks=False),
    "no nonce": RefreshModule(change=_refreshed(nonce=None)),
    "no ID token": RefreshModule(change=lambda suite: setattr(suite, "refreshed", None), asks=False),
    "not rotating": RefreshModule(change=lambda suite: setattr(suite, "rotates", False)),
}


def _with(**changes: Any) -> Callable[[Claims], Claims]:
    return lambda claims: {name: value for name, value in {**claims, **changes}.items() if value is not None}


def _unsigned(suite: SessionSuite, claims: Claims) -> str:
    return compact({"alg": "none"}, claims, None)


def _other_alg(suite: SessionSuite, claims: Claims) -> str:
    """By another key of the provider's, of another kind than ID tokens are signed with."""
    suite.alg = "ES256"
    try:
        return suite.signed(claims)
    finally:
        suite.alg = "RS256"


RP_INITIATED: Mapping[str, LogoutModule] = {
    "oidcc-client-test-rp-init-logout": LogoutModule(frames=True),
    "oidcc-client-test-rp-init-logout-other-state": LogoutModule(state=lambda state: f"{state}_INVALID", frames=True),
    "oidcc-client-test-rp-init-logout-no-state": LogoutModule(state=lambda state: None, frames=True),
}
BACK_CHANNEL: Mapping[str, LogoutModule] = {
    f"oidcc-client-test-rp-backchannel-rpinitlogout{name}": module
    for name, module in {
        "": LogoutModule(),
        "-alg-none": LogoutModule(sign=_unsigned, status=400),
        "-no-event": LogoutModule(claims=_with(events=None), status=400),
        "-with-nonce": LogoutModule(claims=_with(nonce="logout_tokens_must_not_contain_a_nonce"), status=400),
        "-wrong-alg": LogoutModule(sign=_other_alg, status=400),
        "-wrong-aud": LogoutModule(claims=_with(aud=f"{CLIENT_ID}INVALID"), status=400),
        "-wrong-event": LogoutModule(claims=_with(events={"http://schemas.openid.net/event/foobar": {}}), status=400),
        "-wrong-iss": LogoutModule(claims=_with(iss=f"{ADDRESS}INVALID"), status=400),
    }.items()
}
FRONT_CHANNEL: Mapping[str, LogoutModule] = {
    "oidcc-client-test-rp-frontchannel-rpinitlogout": LogoutModule(frames=True),
}
"""Each with the modules of its plan for the code flow; `-frontchannel-opinitlogout` has a test of its own.

The plan about session management is left out: it is for pages that poll a frame of the provider's.
"""
