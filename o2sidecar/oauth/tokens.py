"""Token endpoint answers: the tokens, or the provider's no (RFC 6749 §5)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import parse_qsl

from attrs import define, field, frozen

from o2sidecar.oauth import strict_json
from o2sidecar.oauth.strict_json import MalformedJson

LONGEST_LIFETIME = 10 * 365 * 86400.0
"""Seconds; what a provider promises beyond is cut to it, so that no time overflows what a cookie can carry."""

_LONGEST_ERROR_TEXT = 200
_MOST_FORM_FIELDS = 64
_FORM_TYPES = frozenset({"application/x-www-form-urlencoded", "text/plain"})


@define
class TokenRefused(Exception):
    """The token endpoint said no.

    Attributes:
        error: its error code, such as `invalid_grant` (RFC 6749 §5.2); `http_` and the status where it named none.
        description: its explanation for developers, cut short and without control characters; may be empty.
        status: the HTTP status; GitHub refuses with 200.
    """

    error: str
    description: str = ""
    status: int = 400

    def __str__(self) -> str:
        return f"{self.error}: {self.description}" if self.description else self.error

    @property
    def ends_the_grant(self) -> bool:
        """Whether asking again is useless: the grant is used up or taken back, or the client is no longer known."""
        return self.error in {"invalid_grant", "invalid_client"}

    @property
    def is_of_the_token(self) -> bool:
        """Whether it is the code or refresh token that is not taken, or no more."""
        return self.error == "invalid_grant"


class MalformedTokenResponse(ValueError):
    """A token endpoint answer that holds neither tokens nor an error; the message quotes nothing of it."""


@frozen(kw_only=True)
class TokenResponse:
    """What a token endpoint grants. Texts are empty where it granted none."""

    access_token: str = field(repr=False)
    id_token: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    expires_on: float | None = None
    """When the access token expires, in seconds since the epoch; `None` if the provider did not say."""
    scope: str = ""

    @classmethod
    def from_answer(cls, *, status: int, content_type: str, body: bytes, now: float) -> Self:
        """Read an answer; `content_type` is the media type without parameters, `now` in seconds since the epoch.

        JSON is the rule (RFC 6749 §5.1); some providers answer as a form in spite of the Accept field.
        Raises `TokenRefused` or `MalformedTokenResponse`.
        """
        is_form = content_type in _FORM_TYPES and not body.lstrip().startswith(b"{")
        try:
            members = _form_members(body) if is_form else strict_json.parse_object(body)
        except MalformedJson as malformed:
            if status != 200:
                raise TokenRefused(error=f"http_{status}", status=status) from None
            raise MalformedTokenResponse(f"the token endpoint's answer cannot be read: {malformed}") from None
        return cls._from_members(members, status, now)

    @classmethod
    def from_json(cls, body: bytes, now: float) -> Self:
        """Read a successful JSON answer; as `from_answer`."""
        return cls.from_answer(status=200, content_type="application/json", body=body, now=now)

    @classmethod
    def _from_members(cls, members: Mapping[str, Any], status: int, now: float) -> Self:
        if error := members.get("error"):
            raise TokenRefused(
                error=_error_text(error), description=_error_text(members.get("error_description")), status=status
            )
        if status != 200:
            raise TokenRefused(error=f"http_{status}", status=status)
        token_type = members.get("token_type", "bearer")
        if not isinstance(token_type, str) or token_type.lower() != "bearer":
            # RFC 6749 §7.1: a client must not use a token of a type that it does not understand.
            raise MalformedTokenResponse("the token endpoint granted a token_type other than Bearer")
        access_token = _token(members, "access_token")
        if not access_token:
            raise MalformedTokenResponse("the token endpoint's answer has no access_token")
        scope = members.get("scope")
        return cls(
            access_token=access_token,
            id_token=_token(members, "id_token"),
            refresh_token=_token(members, "refresh_token"),
            expires_on=_expiry(members.get("expires_in"), now),
            scope=scope if isinstance(scope, str) else "",
        )


def _form_members(body: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(
            body.decode("utf-8"), keep_blank_values=True, strict_parsing=True, max_num_fields=_MOST_FORM_FIELDS
        )
    except ValueError:
        raise MalformedJson("the text is neither JSON nor a form") from None
    members: dict[str, Any] = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedJson("the form has duplicate fields")
    return members


def _token(members: Mapping[str, Any], name: str) -> str:
    token = members.get(name)
    if token is None:
        return ""
    # RFC 6749 appendix A.12, A.17: VSCHAR only. Anything else could break the field it is sent in.
    if not isinstance(token, str) or not token.isascii() or not token.isprintable() or " " in token:
        raise MalformedTokenResponse(f"the token endpoint's {name} is not a token")
    return token


def _expiry(expires_in: Any, now: float) -> float | None:
    """RFC 6749 §5.1 wants a number; texts of digits are common, and zero or less means that nobody thought of it."""
    if isinstance(expires_in, bool) or not isinstance(expires_in, (int, float, str)):
        return None
    if isinstance(expires_in, str) and not (expires_in.isascii() and expires_in.isdigit() and len(expires_in) < 20):
        return None
    if isinstance(expires_in, float) and not math.isfinite(expires_in):
        return None
    seconds = min(int(expires_in), int(LONGEST_LIFETIME))
    return now + seconds if seconds > 0 else None


def _error_text(value: Any) -> str:
    """RFC 6749 §5.2 allows printable ASCII; it is shown in logs and on debug pages, so no more than that passes."""
    if not isinstance(value, str):
        return "" if value is None else "unreadable"
    cut = value[:_LONGEST_ERROR_TEXT]
    return "".join(character if character.isprintable() else " " for character in cut).strip()
