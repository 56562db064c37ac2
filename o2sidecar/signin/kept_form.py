"""Decides whether a form that was posted without a session may be given back to its person, to be sent again.

Nothing is stored: the fields stand in the page that says that they did not arrive. They are given back only where that
cannot do harm:

- the form came from a page of this very origin. A foreign page's form that is sent again from ours would be taken for
  ours, with the session that the person has by then (CSRF);
- it goes back to the path that it was for, and that is a safe one;
- no field looks like a secret. Half a form is not sent again either: the person has to fill it in anew;
- it is small, and text throughout.
"""

from __future__ import annotations

import re

from attrs import field, frozen

from o2sidecar.http.exchange import Exchange
from o2sidecar.policy.peers import Forwarding
from o2sidecar.policy.redirects import Redirects
from o2sidecar.refusals import BadRequest
from o2sidecar.signin.fields import Fields, carries_form
from o2sidecar.signin.own_pages import is_own

MOST_BYTES = 16 * 1024
_MOST_FIELDS = 100
_SECRET = re.compile(
    r"pass(?!eng|ive|port|age)|pwd|secret|credential|otp\b|(?:^|[^a-z])(?:otp|pin|cvv|cvc|ssn|iban)(?:[^a-z]|$)|card[^a-z]?n",
    re.IGNORECASE,
)
_CONTROLS = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)")
"""What no page gives back as it came (HTML, input stream)."""


@frozen(kw_only=True)
class KeptForm:
    """A form to be sent again: where to, and with what."""

    action: str
    fields: tuple[tuple[str, str], ...] = field(repr=False)


def kept_form(exchange: Exchange, body: bytes, redirects: Redirects, forwarding: Forwarding) -> KeptForm | None:
    """The form that a request brought, if it may be given back."""
    action = forwarding.uri(exchange)
    if not carries_form(exchange) or len(body) > MOST_BYTES or not is_own(exchange, forwarding):
        return None
    if not action.startswith("/") or not redirects.safe(action) or redirects.sends_on(action):
        return None
    try:
        pairs = Fields.parse(body, most=_MOST_FIELDS).pairs
    except BadRequest:
        return None
    if not pairs or any(_SECRET.search(name) or _CONTROLS.search(name + value) for name, value in pairs):
        return None
    return KeptForm(action=action, fields=pairs)
