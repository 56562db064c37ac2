"""What the operator's own pages are given: names, and the values that they are tried with at the start."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import product

from attrs import frozen


@frozen(kw_only=True)
class PageValues:
    """One page: its file and its values, by oauth2-proxy's names.

    `samples`: one of each. `branches`: others of what templates branch on, so that a branch does not break before a
    person's eyes.
    """

    file: str
    samples: Mapping[str, object]
    branches: Mapping[str, tuple[object, ...]]

    def trials(self) -> Iterator[dict[str, object]]:
        """Every combination to try."""
        for values in product(*self.branches.values()):
            yield {**self.samples, **dict(zip(self.branches, values, strict=True))}


SIGN_IN = PageValues(
    file="sign_in.html",
    samples={
        "ProviderName": "OpenID Connect",
        "SignInMessage": "",
        "StatusCode": 403,
        "CustomLogin": False,
        "Redirect": "/page?x=1&y=2",
        "Version": "0",
        "ProxyPrefix": "/oauth2",
        "Footer": "",
        "LogoData": "",
    },
    branches={
        "StatusCode": (200, 400, 401, 403),
        "CustomLogin": (False, True),
        "SignInMessage": ("", "<b>Hello</b>"),
        "LogoData": ("", '<img src="data:," alt="Logo">'),
        "Footer": ("", "<b>Footer</b>"),
    },
)
ERROR = PageValues(
    file="error.html",
    samples={
        "Title": "Forbidden",
        "Message": "You may not pass.",
        "ProxyPrefix": "/oauth2",
        "StatusCode": 403,
        "Redirect": "/page?x=1&y=2",
        "RequestID": "11111111-2222-3333-4444-555555555555",
        "Footer": "",
        "Version": "0",
    },
    branches={
        "StatusCode": (400, 403, 404, 500, 502),
        "Redirect": ("", "/page?x=1&y=2"),  # an app that is down gets none
        "Footer": ("", "<b>Footer</b>"),
    },
)
PAGES: Mapping[str, PageValues] = {page.file: page for page in (SIGN_IN, ERROR)}

HTML_VALUES = frozenset({"SignInMessage", "Footer", "LogoData"})
"""What a template gets as HTML: the operator's own, or made and escaped here."""


def python_name(name: str) -> str:
    """A value's second name, in the style of Jinja2: `RequestID` is `request_id`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
