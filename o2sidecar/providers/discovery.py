"""A provider's own description: fetched, checked, kept, and fetched again (OpenID Connect Discovery 1.0 §4)."""

from __future__ import annotations

import random as _random
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol, Self

from attrs import evolve, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from o2sidecar.oauth import strict_json
from o2sidecar.provider_client import ProviderClient
from o2sidecar.providers.endpoint_urls import configured_url, discovered_url
from o2sidecar.providers.kept_documents import NO_DOCUMENTS, Documents
from o2sidecar.providers.remembered import Remembered
from o2sidecar.refusals import ProviderFailed, ProviderUnavailable
from o2sidecar.shared_call import SharedCall

REFRESH_INTERVAL = 3600.0
FIRST_DELAY = 1.0
LONGEST_DELAY = 60.0

_log = Logger()


@frozen(kw_only=True)
class ProviderMetadata:
    """What a provider says about itself (§3, RFC 8414 §2). Texts are empty where it says nothing."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str = ""
    userinfo_endpoint: str = ""
    end_session_endpoint: str = ""
    revocation_endpoint: str = ""
    token_endpoint_auth_methods: frozenset[str] = frozenset()
    signing_algorithms: frozenset[str] = frozenset()
    names_itself_in_responses: bool = False
    """Whether authorization responses carry `iss` (RFC 9207 §3)."""

    @classmethod
    def from_document(
        cls, document: Mapping[str, Any], *, issuer: str, check_issuer: bool = True, named: str = ""
    ) -> Self:
        """Read a discovery document fetched from `issuer`, which it must name unless it must say `named`.

        Raises `ValueError` saying what is wrong with it.
        """
        # §4.3: the issuer in the document must be the one it was fetched for, compared exactly.
        if check_issuer and document.get("issuer") != (named or issuer):
            raise ValueError(f"the discovery document is not that of the issuer {named or issuer}")

        def url(member: str, *, required: bool = False) -> str:
            value = document.get(member)
            if value is None and not required:
                return ""
            return discovered_url(value, issuer=issuer, member=member)

        def usable(member: str) -> str:
            # Nobody's sign-in is to fail for where signing out would lead.
            with suppress(ValueError):
                return url(member)
            return ""

        return cls(
            authorization_endpoint=url("authorization_endpoint", required=True),
            token_endpoint=url("token_endpoint", required=True),
            jwks_uri=url("jwks_uri", required=True),
            userinfo_endpoint=url("userinfo_endpoint"),
            end_session_endpoint=usable("end_session_endpoint"),
            revocation_endpoint=usable("revocation_endpoint"),
            token_endpoint_auth_methods=_names(document.get("token_endpoint_auth_methods_supported")),
            signing_algorithms=_names(document.get("id_token_signing_alg_values_supported")),
            names_itself_in_responses=document.get("authorization_response_iss_parameter_supported") is True,
        )


def _names(value: Any) -> frozenset[str]:
    return frozenset(name for name in value if isinstance(name, str)) if isinstance(value, list) else frozenset()


class MetadataSource(Protocol):
    """Where metadata comes from."""

    async def metadata(self) -> ProviderMetadata:
        """What is known; raises `ProviderUnavailable` if nothing is."""

    def trouble(self) -> str:
        """Why there is no metadata, in a sentence; empty if there is."""

    async def start(self) -> None:
        """Begin; never raises."""

    def stop(self) -> None:
        """Stop whatever `start` keeps doing."""


@frozen
class FixedMetadata:
    """Metadata that settings tell (`skip_oidc_discovery`)."""

    _metadata: ProviderMetadata

    async def metadata(self) -> ProviderMetadata:
        """It."""
        return self._metadata

    def trouble(self) -> str:
        """None."""
        return ""

    async def start(self) -> None:
        """Nothing to fetch."""

    def stop(self) -> None:
        """Nothing to stop."""


class Discovery:
    """A provider's metadata, with the last that was good during an outage.

    `issuer`: where it is; `check_issuer`: whether the document must name it, or what `named` says in its place;
    `overrides`: fields of the metadata that settings know better. `refresh_interval`: how long metadata is taken for
    current. After a failure the next attempt comes after `first_delay`, doubled each time up to `longest_delay`, each
    by chance up to half shorter (`random` gives numbers from 0 to 1). All in seconds. `documents` remember what was
    good in a process before this one; that counts from the first moment, and the document is fetched all the same.
    """

    def __init__(
        self,
        *,
        issuer: str,
        client: ProviderClient,
        clock: IReactorTime,
        check_issuer: bool = True,
        named: str = "",
        overrides: Mapping[str, Any] | None = None,
        refresh_interval: float = REFRESH_INTERVAL,
        first_delay: float = FIRST_DELAY,
        longest_delay: float = LONGEST_DELAY,
        random: Callable[[], float] = _random.random,
        documents: Documents = NO_DOCUMENTS,
    ) -> None:
        self._issuer = configured_url(issuer, "oidc_issuer_url")
        self._client = client
        self._clock = clock
        self._check_issuer = check_issuer
        self._named = named
        self._overrides = dict(overrides or {})
        self._refresh_interval = refresh_interval
        self._first_delay = first_delay
        self._longest_delay = longest_delay
        self._random = random
        self._known = Remembered(
            lambda body: self._read(strict_json.parse(body)),
            documents=documents,
            name=("metadata", self._issuer, named),
            what=f"the metadata of {self._issuer}",
            clock=clock,
        )
        self._trouble = ""
        self._failures = 0
        self._next: IDelayedCall | None = None
        self._is_kept_current = False
        self._fetch = SharedCall(self._fetch_once)

    async def metadata(self) -> ProviderMetadata:
        """What is known; before anything is, one attempt to fetch it, which all who wait share.

        Raises `ProviderUnavailable` if that fails too.
        """
        self._known.recall()
        return self._known.value or await self._fetch()

    def trouble(self) -> str:
        """Why there is no metadata, in a sentence; empty if there is, or if nobody has answered yet."""
        return "" if self._known.value or not self._trouble else f"{self._issuer}: {self._trouble}"

    async def start(self) -> None:
        """Fetch the metadata, and from then on keep it current until `stop`; never raises."""
        self._is_kept_current = True
        self._known.recall()
        await self._keep_current()

    def stop(self) -> None:
        """Ask no more."""
        self._is_kept_current = False
        if self._next is not None and self._next.active():
            self._next.cancel()
        self._fetch.stop()

    async def _keep_current(self) -> None:
        # A failure was logged, shows in `trouble`, and makes the next attempt due sooner.
        with suppress(ProviderFailed):
            await self._fetch()
        if self._is_kept_current:
            self._next = self._clock.callLater(self._delay(), self._due)

    def _due(self) -> None:
        Deferred.fromCoroutine(self._keep_current())

    def _delay(self) -> float:
        if not self._failures:
            return self._refresh_interval
        # Capped before it is computed: nobody counts the failures of a long outage.
        doublings = min(self._failures - 1, 16)
        return min(self._longest_delay, self._first_delay * 2.0**doublings) * (1 - self._random() / 2)

    def _read(self, document: Any) -> ProviderMetadata:
        if not isinstance(document, dict):
            raise ValueError("the discovery document is not a JSON object")
        found = ProviderMetadata.from_document(
            document, issuer=self._issuer, check_issuer=self._check_issuer, named=self._named
        )
        return evolve(found, **self._overrides)

    async def _fetch_once(self) -> ProviderMetadata:
        try:
            # §4.1: any slash at the issuer's end is removed before the path is appended.
            answer = await self._client.get(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
            found = self._read(answer.json_object())
        except (ProviderFailed, ValueError) as error:
            self._failed(error.detail if isinstance(error, ProviderFailed) else str(error))
            raise ProviderUnavailable(detail=f"discovery of the provider failed: {self._trouble}") from None
        if self._failures:
            _log.info("Discovery of {issuer} works again.", issuer=self._issuer)
        self._failures, self._trouble = 0, ""
        self._known.learn(answer.body, found)
        return found

    def _failed(self, trouble: str) -> None:
        if trouble != self._trouble:
            _log.warn("Discovery of {issuer} failed: {trouble}", issuer=self._issuer, trouble=trouble)
        self._failures += 1
        self._trouble = trouble
