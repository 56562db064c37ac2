"""The authorization request (RFC 6749 §4.1.1) as a URL to send the browser to."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit


def authorization_url(endpoint: str, parameters: Iterable[tuple[str, str]]) -> str:
    """The endpoint's URL with these parameters.

    RFC 6749 §3.1: a query that the endpoint has of its own is kept, no parameter comes twice (ours counts), and there
    is no fragment.
    """
    ours = list(parameters)
    names = {name for name, _ in ours}
    url = urlsplit(endpoint)
    kept = [pair for pair in parse_qsl(url.query, keep_blank_values=True) if pair[0] not in names]
    return urlunsplit((url.scheme, url.netloc, url.path, urlencode(kept + ours, quote_via=quote), ""))
