"""What makes a person of an ID token's claims: the claims alone, or what a provider's own API says besides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from o2sidecar.oauth.claims import Person


class Persons(Protocol):
    """Makes persons; a provider that knows more of people than OpenID Connect does has one of its own."""

    @property
    def decides(self) -> bool:
        """Whether rules of the provider's own decide here who may pass; then every refresh asks anew."""

    async def person(
        self, claims: Mapping[str, Any], *, endpoint: str, access_token: str, renewing: bool = False
    ) -> Person:
        """The person of verified claims; `endpoint`: the user info endpoint, empty if there is none.

        `renewing`: whether the person is known already. Then nothing is left out that only could not be asked for
        just now: `ProviderUnavailable` says so, and what is known stays.

        Raises `NotPermitted` by rules of its own, `ProviderFailed` for answers that cannot be used,
        `ProviderUnavailable` where waiting may help.
        """

    async def presented(self, claims: Mapping[str, Any], *, token: str) -> Person:
        """The person of a verified token that somebody presented in the place of a login.

        It is no token for the provider's API, so nothing is asked with it. Raises as `person` does.
        """
