"""Which provider a request is for: the one that it names, the one of an address, or the one of the page."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from attrs import frozen

from o2sidecar.http.exchange import Exchange
from o2sidecar.policy.peers import Forwarding
from o2sidecar.providers.registrations import Registration, Registrations
from o2sidecar.signin.fields import Fields

_HINT = re.compile(r"[!-~\u00a1-\ufffd]{1,256}")


@frozen(kw_only=True)
class Choice:
    """A provider, as far as it is known, and the address that the person gave (OpenID Connect Core 1.0 §3.1.2.1)."""

    registration: Registration | None
    login_hint: str = ""


@frozen(kw_only=True)
class Choosing:
    """Chooses among the registrations."""

    registrations: Registrations
    forwarding: Forwarding

    def of(self, exchange: Exchange, fields: Fields, redirect: str) -> Choice:
        """For a request that submitted `fields` and leads to `redirect` in the end.

        Raises `BadRequest` if it names a provider that there is not, or several.
        """
        said = fields.one("login_hint")
        hint = said if _HINT.fullmatch(said) else ""
        named = fields.one("provider")
        if named and self.registrations.several:
            return Choice(registration=self.registrations.named(named), login_hint=hint)
        target = urlsplit(redirect)
        registration = self.registrations.preferred(
            host=target.netloc or self.forwarding.host(exchange), path=target.path, login_hint=hint
        )
        return Choice(registration=registration, login_hint=hint)
