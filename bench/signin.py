"""A scripted sign-in: what a browser and its user do, through the demo's provider."""

from __future__ import annotations

from http.cookiejar import CookieJar
from urllib.parse import parse_qsl, urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, ProxyHandler, Request, build_opener

from bench.browser import HEADERS
from bench.process import ServerFailed
from bench.provider import PERSON

_PATIENCE = 20.0


def sign_in(url: str) -> str:
    """Ask for a page without a session, pick the person at the provider, come back; the Cookie field's value then.

    Raises `ServerFailed` if that does not lead to a page.
    """
    jar = CookieJar()
    opener = build_opener(ProxyHandler({}), HTTPCookieProcessor(jar))
    opener.addheaders = list(HEADERS.items())
    try:
        with opener.open(url, timeout=_PATIENCE) as page:
            picking = page.url
        asked = urlsplit(picking)
        form = urlencode([*parse_qsl(asked.query), ("person", PERSON)]).encode()
        with opener.open(Request(asked._replace(query="").geturl(), form), timeout=_PATIENCE) as page:
            ended = page.url
    except OSError as error:
        raise ServerFailed(f"the sign-in for {url} failed: {error}") from error
    if urlsplit(ended).netloc != urlsplit(url).netloc or not jar:
        raise ServerFailed(f"the sign-in for {url} led to {picking}, and ended at {ended} with {len(jar)} cookies")
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)
