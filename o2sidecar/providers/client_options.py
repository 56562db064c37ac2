"""How we prove to a token endpoint who we are: the options for it, and the endpoint as they make it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from attrs import field, frozen

from o2sidecar.oauth.client_key import ClientKey
from o2sidecar.providers.surroundings import Surroundings
from o2sidecar.providers.token_endpoint import TokenEndpoint
from o2sidecar.secret_file import Secret


@frozen(kw_only=True)
class ClientOptions:
    """What settings say of us as a client; the names are the options' keys.

    `resource` is what access tokens are to be for. A key is used where there is one, unless
    `token_endpoint_auth_method` wants something else.
    """

    client_id: str
    client_secret: Secret = field(default="", repr=False)
    token_endpoint_auth_method: str = ""
    jwt_key: str = field(default="", repr=False)
    jwt_key_file: str = ""
    jwt_key_id: str = ""
    resource: str = ""

    def client_key(self) -> ClientKey | None:
        """The client's own key; raises `ValueError` with a sentence for one that cannot be used."""
        if self.jwt_key:
            return _parsed("jwt_key", self.jwt_key, self.jwt_key_id)
        if not self.jwt_key_file:
            return None
        try:
            pem = Path(self.jwt_key_file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            trouble = getattr(error, "strerror", None) or "it is no text"
            raise ValueError(f"jwt_key_file: {self.jwt_key_file} cannot be read: {trouble}") from None
        return _parsed(f"jwt_key_file: {self.jwt_key_file}", pem, self.jwt_key_id)


def token_endpoint(
    options: ClientOptions,
    surroundings: Surroundings,
    *,
    client_assertion: Callable[[str], str] | None = None,
    resource: str | None = None,
) -> TokenEndpoint:
    """The token endpoint of settings; `client_assertion` goes before a key, `resource` before that of settings.

    Raises `ValueError` as `ClientOptions.client_key` does.
    """
    key = options.client_key()
    clock = surroundings.clock

    def by_key(url: str) -> str:
        assert key is not None
        return key.assertion(client_id=options.client_id, audience=url, now=clock.seconds(), unique=uuid4().hex)

    return TokenEndpoint(
        client=surroundings.client,
        clock=clock,
        client_id=options.client_id,
        client_secret=options.client_secret,
        client_assertion=client_assertion or (by_key if key is not None else None),
        method=options.token_endpoint_auth_method,
        resource=options.resource if resource is None else resource,
    )


def _parsed(name: str, pem: str, key_id: str) -> ClientKey:
    try:
        return ClientKey.parse(pem, key_id=key_id)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
