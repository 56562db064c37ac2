"""What an identity provider is to the rest of the program: a name and a few questions.

A provider is one file in this folder with one class that has this shape. It reads no settings: what it needs comes
by keyword (see `o2sidecar.providers.registry`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from o2sidecar.providers.bearer_tokens import TokenIssuer
from o2sidecar.providers.session_end import SessionEnd
from o2sidecar.session.session import Session


class Provider(Protocol):
    """An identity provider that people sign in with."""

    display_name: str
    """How the sign-in page calls it: GitHub, OpenID Connect, or what `provider_display_name` says."""

    @property
    def allowed_groups(self) -> frozenset[str]:
        """Groups that its own options name: who is in one of them may pass. Empty where it has no such options."""

    @property
    def token_issuer(self) -> TokenIssuer | None:
        """Judges its bearer tokens; `None` where it issues none that can be verified."""

    @property
    def session_end(self) -> SessionEnd | None:
        """What it offers when somebody signs out, and says of its own logouts; `None` where that is nothing."""

    async def authorization_endpoint(self) -> str:
        """The URL to send the browser to; it may have a query of its own (RFC 6749 §3.1).

        Raises `ProviderUnavailable` while discovery has not succeeded.
        """

    def authorization_parameters(self) -> Mapping[str, str]:
        """What this provider asks for beside the parameters of the code flow: scope, prompt and so on."""

    async def check_response_issuer(self, issuer: str | None) -> None:
        """Check the `iss` of an authorization response before its code is spent (RFC 9207 §2.4).

        `None`: the response has none. Raises `LoginFailed` if it is another provider's, or lacks what was promised.
        """

    async def sign_in(self, *, code: str, redirect_uri: str, code_verifier: str | None, nonce: str | None) -> Session:
        """Swap a code for tokens, check them, and ask who this is.

        `code_verifier`: `None` when PKCE was not used. `nonce`: the value that was sent in the authorization request
        and that the ID token must repeat; `None` when it was not sent or is not to be checked.

        Raises `ProviderFailed` (the answer cannot be used), `ProviderUnavailable`, `NotPermitted` (the person may not
        pass by this provider's own rules) or `LoginFailed` (the nonce differs).
        """

    async def refresh(self, session: Session) -> Session | None:
        """A renewed session, or `None` when the old one is still good but nothing about it is new.

        One with the old `created_at` has new tokens, but who its person is now nobody could tell: it is to be asked
        about again soon.

        Raises `SessionEnded` when it is over. Never raises for an outage while the session's tokens are still valid.
        """

    def trouble(self) -> str:
        """Why nobody can sign in just now, in a sentence; empty if people can."""

    async def start(self) -> None:
        """Fetch what is needed before the first sign-in; keeps trying by itself after a failure. Never raises."""

    def stop(self) -> None:
        """Stop whatever `start` keeps doing."""
