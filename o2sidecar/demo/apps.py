"""The demo's apps: each shows who its sidecar says you are, and what it receives."""

from __future__ import annotations

import json

from twisted.web.http import Request
from twisted.web.resource import Resource

from o2sidecar.demo.pages import Pages

_SHOWN = {"User": "x-forwarded-user", "Email": "x-forwarded-email", "Groups": "x-forwarded-groups"}


class App(Resource):
    """A small app: `/headers` gives the request's fields as JSON, every other path a page.

    `other`, `other_url`: name and address of the app beside it.
    """

    isLeaf = True

    def __init__(self, *, name: str, other: str, other_url: str, pages: Pages) -> None:
        super().__init__()
        self._name = name
        self._other = other
        self._other_url = other_url
        self._pages = pages

    def render(self, request: Request) -> bytes:
        """Answer any method."""
        if request.uri.partition(b"?")[0] == b"/headers":
            return _headers(request)
        for name, value in self._pages.fields():
            request.setHeader(name, value)
        identity = [(label, request.getHeader(name)) for label, name in _SHOWN.items()]
        return self._pages.page(
            "app",
            app=self._name,
            other=self._other,
            other_url=self._other_url,
            email=request.getHeader("x-forwarded-email") or "",
            identity=[(label, value) for label, value in identity if value],
            asked=request.uri.decode("ascii", "backslashreplace"),
        )


def _headers(request: Request) -> bytes:
    """The request's fields as a JSON object; a field that comes more than once has a list of its values."""
    fields = {
        name.decode("latin-1"): [value.decode("utf-8", "replace") for value in values]
        for name, values in request.requestHeaders.getAllRawHeaders()
    }
    request.setHeader("Content-Type", "application/json")
    request.setHeader("Cache-Control", "no-store")
    request.setHeader("X-Content-Type-Options", "nosniff")
    shown = {name: values[0] if len(values) == 1 else values for name, values in sorted(fields.items())}
    return json.dumps(shown, indent=2).encode() + b"\n"
