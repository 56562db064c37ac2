"""The token endpoint: codes and refresh tokens in, tokens out (RFC 6749 §2.3, §4.1.3, §6)."""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection
from urllib.parse import quote_plus

from twisted.internet.interfaces import IReactorTime

from o2sidecar.oauth.tokens import MalformedTokenResponse, TokenRefused, TokenResponse
from o2sidecar.provider_client import ProviderClient
from o2sidecar.refusals import ProviderFailed
from o2sidecar.secret_file import Secret

_JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class TokenEndpoint:
    """Asks for tokens as one client. An empty secret makes it a public client, which PKCE must protect.

    `client_assertion` makes the JWT that takes the secret's place (RFC 7523 §2.2), for the endpoint's URL; it raises
    `ProviderFailed`. `method`: the one way to prove who we are, by its name (OpenID Connect Core 1.0 §9), whatever the
    endpoint knows; empty: what fits both. `resource`: what the tokens are for (RFC 8707 §2.2).
    """

    def __init__(
        self,
        *,
        client: ProviderClient,
        clock: IReactorTime,
        client_id: str,
        client_secret: Secret,
        client_assertion: Callable[[str], str] | None = None,
        method: str = "",
        resource: str = "",
    ) -> None:
        self._client = client
        self._clock = clock
        self._client_id = client_id
        self._client_secret = client_secret
        self._client_assertion = client_assertion
        self._method = method
        self._resource = [("resource", resource)] if resource else []

    async def redeem(
        self,
        url: str,
        *,
        code: str,
        redirect_uri: str,
        code_verifier: str | None,
        methods: Collection[str] = ("client_secret_basic",),
    ) -> TokenResponse:
        """Swap a code (§4.1.3). `methods`: the ways that the endpoint knows to authenticate a client.

        Raises `ProviderFailed`, with the endpoint's error where it named one, or `ProviderUnavailable`.
        """
        fields = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect_uri)]
        if code_verifier is not None:
            fields.append(("code_verifier", code_verifier))
        try:
            return await self._ask(url, fields, methods)
        except TokenRefused as refused:
            raise ProviderFailed(reason="code_refused", detail=f"the token endpoint refused: {refused}") from None

    async def refresh(
        self, url: str, *, refresh_token: str, methods: Collection[str] = ("client_secret_basic",)
    ) -> TokenResponse:
        """Swap a refresh token (§6); raises `TokenRefused`, `ProviderFailed` or `ProviderUnavailable`."""
        return await self._ask(url, [("grant_type", "refresh_token"), ("refresh_token", refresh_token)], methods)

    async def revoke(
        self, url: str, *, token: str, hint: str, methods: Collection[str] = ("client_secret_basic",)
    ) -> None:
        """Take a token back (RFC 7009 §2.1); raises `ProviderFailed` or `ProviderUnavailable`."""
        headers, proof = self._authentication(url, [self._method] if self._method else methods)
        fields = [("token", token), ("token_type_hint", hint), *proof]
        # §2.2: a token that is not known any more is answered 200 as well.
        (await self._client.post_form(url, fields, headers)).require(200)

    async def _ask(self, url: str, fields: list[tuple[str, str]], methods: Collection[str]) -> TokenResponse:
        headers, proof = self._authentication(url, [self._method] if self._method else methods)
        answer = await self._client.post_form(url, [*fields, *self._resource, *proof], headers)
        try:
            return TokenResponse.from_answer(
                status=answer.status,
                content_type=answer.content_type,
                body=answer.body,
                now=self._clock.seconds(),
            )
        except MalformedTokenResponse as malformed:
            raise ProviderFailed(reason="token_response", detail=str(malformed)) from None

    def _authentication(self, url: str, methods: Collection[str]) -> tuple[dict[str, str], list[tuple[str, str]]]:
        """§2.3.1: Basic unless the endpoint knows only the form's fields; a public client names itself only."""
        if self._client_assertion is not None and self._method in {"", "private_key_jwt"}:
            assertion = [("client_assertion_type", _JWT_BEARER), ("client_assertion", self._client_assertion(url))]
            return {}, [("client_id", self._client_id), *assertion]
        secret = self._client_secret if isinstance(self._client_secret, str) else self._client_secret()
        if not secret or self._method == "none":
            return {}, [("client_id", self._client_id)]
        if "client_secret_post" in methods and "client_secret_basic" not in methods:
            return {}, [("client_id", self._client_id), ("client_secret", secret)]
        # Both are form-encoded first, so that a colon in the id stays part of it.
        pair = f"{quote_plus(self._client_id)}:{quote_plus(secret)}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode("ascii")).decode("ascii")}, []
