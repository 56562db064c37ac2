"""The page at which a login ends that was begun in a window of its own: it tells the app's pages, and closes.

It tells pages of the same origin only, and nothing but whether there is a session: they ask the session endpoint for
more. It is told over a BroadcastChannel as well, as a provider may cut the tie between a window and its opener
(Cross-Origin-Opener-Policy).
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

from o2sidecar.signin.page import Page

_SCRIPT = """
const told = { type: 'o2sidecar:renewed', authenticated: document.body.dataset.authenticated === 'true' };
new BroadcastChannel('o2sidecar').postMessage(told);
if (window.opener) window.opener.postMessage(told, location.origin);
if (told.authenticated) window.close();
"""
_POLICY = (
    f"default-src 'none'; script-src 'sha256-{b64encode(sha256(_SCRIPT.encode()).digest()).decode()}'; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
).encode("ascii")


def renewed_page(authenticated: bool) -> Page:
    """The page; `authenticated`: whether its reader is signed in."""
    said = "You are signed in" if authenticated else "You are not signed in"
    then = "You can close this window and go on where you were." if authenticated else "Please go back and sign in."
    body = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{said}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
</head>
<body data-authenticated="{str(authenticated).lower()}">
<main><h1>{said}</h1><p>{then}</p></main>
<script>{_SCRIPT}</script>
</body>
</html>
"""
    return Page(
        status=200,
        fields=(
            (b"Content-Type", b"text/html; charset=utf-8"),
            (b"Content-Security-Policy", _POLICY),
            (b"X-Content-Type-Options", b"nosniff"),
            (b"X-Frame-Options", b"DENY"),
            (b"Referrer-Policy", b"no-referrer"),
        ),
        body=body.encode("ascii"),
    )
