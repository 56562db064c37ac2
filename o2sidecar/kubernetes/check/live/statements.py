"""What can be wrong with a running site."""

from __future__ import annotations

from o2sidecar.kubernetes.check.rule import Statement
from o2sidecar.kubernetes.findings import Severity


def _error(id: str, title: str, why: str, mend: str) -> Statement:
    return Statement(id=id, severity=Severity.ERROR, title=title, why=why, mend=mend)


def _warning(id: str, title: str, why: str, mend: str) -> Statement:
    return Statement(id=id, severity=Severity.WARNING, title=title, why=why, mend=mend)


UNREACHABLE = _error(
    "O2S100",
    "The site does not answer",
    "Its name has no address, nothing listens there, or TLS fails: the certificate is for another name, has expired, or"
    " comes from an authority that nobody knows.",
    "Look at DNS, the gateway, and the certificate's Secret.",
)
EXPIRES = _warning(
    "O2S101",
    "The certificate ends soon",
    "When it has ended, browsers refuse the site.",
    "Renew it; see why cert-manager has not.",
)
PLAIN = _error(
    "O2S102",
    "The site speaks plain HTTP",
    "Sessions are sent for everybody on the way to read.",
    "End TLS at the gateway, and send http to https.",
)
OPEN = _error(
    "O2S103",
    "A page is given without a session",
    "The app, or whatever answered, is open to everybody.",
    "See that the route leads to the proxy, and what skip_auth_routes opens.",
)
BROKEN = _error(
    "O2S104",
    "The site fails",
    "It answers 5xx or 404 where it should ask people to sign in.",
    "Look at the proxy's log, and at the Service that the route leads to.",
)
NO_START = _error(
    "O2S105",
    "A sign-in does not begin",
    "/oauth2/start should lead to the provider, with client_id, state and a callback.",
    "Look at the proxy's log; see that the route has /oauth2/ too.",
)
WRONG_CALLBACK = _error(
    "O2S106",
    "The callback is a wrong one",
    "The provider refuses a callback that is not registered, and a plain http one gives codes away.",
    "Set redirect_url, or trusted_proxy_ips so that the gateway's word about https counts.",
)
UNPROTECTED = _warning(
    "O2S107",
    "PKCE is off",
    "Whoever gets to see a code can spend it (RFC 9700 section 2.1.1).",
    "Set code_challenge_method to S256.",
)
COOKIE = _error(
    "O2S108",
    "A cookie lacks protection",
    "Without Secure and HttpOnly others can read it; without SameSite other sites can use it.",
    "Leave cookie_secure and cookie_httponly on, and set cookie_samesite to lax.",
)
SPOOFED = _error(
    "O2S109",
    "A client's own identity headers count",
    "Whoever sends X-Forwarded-Email is that person to the app.",
    "Let nothing reach the app but the proxy, and have it take these headers out.",
)
BELIEVED = _error(
    "O2S110",
    "A client's own X-Forwarded-Host counts",
    "With a link, people are sent to the provider with somebody else's callback.",
    "Name the gateway's networks in trusted_proxy_ips, and let the gateway overwrite the header.",
)
LEADS_AWAY = _error(
    "O2S111",
    "Sign-out leads to any site",
    "A link to this site that ends elsewhere is what phishing wants.",
    "Take the stranger's domain out of whitelist_domains.",
)
METRICS = _error(
    "O2S112",
    "Metrics are public",
    "They tell everybody how many people sign in, and when.",
    "Serve them on a port of their own that no route leads to.",
)
CLOCK = _warning(
    "O2S113",
    "The site's clock is off",
    "Tokens and sessions begin too late or end too early.",
    "Synchronise the nodes' clocks; see that this machine's is right.",
)
SIGN_OUT = _warning(
    "O2S114",
    "Sign-out is not there",
    "People cannot leave.",
    "See that the route has /oauth2/ too.",
)
PROVIDER = _warning(
    "O2S115",
    "The provider does not take the request",
    "It answers with an error: the callback may not be registered, or the client unknown.",
    "Register exactly the callback that is named here.",
)

STATEMENTS = (
    UNREACHABLE,
    EXPIRES,
    PLAIN,
    OPEN,
    BROKEN,
    NO_START,
    WRONG_CALLBACK,
    UNPROTECTED,
    COOKIE,
    SPOOFED,
    BELIEVED,
    LEADS_AWAY,
    METRICS,
    CLOCK,
    SIGN_OUT,
    PROVIDER,
)
"""All of them."""
