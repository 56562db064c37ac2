"""Claims to a person: user, email, groups and what else a session keeps of ID token and user info."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import field, frozen

from o2sidecar.refusals import NotPermitted, ProviderFailed

STANDARD_EMAIL_CLAIM = "email"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@frozen(kw_only=True)
class Person:
    """Who signed in, in the session's terms. Texts are empty where the provider told none."""

    user: str
    email: str = ""
    groups: tuple[str, ...] = ()
    preferred_username: str = ""
    additional_claims: Mapping[str, Any] = field(factory=dict)


@frozen(kw_only=True)
class ClaimRules:
    """Which claims say what. A name with dots reaches into objects, unless a claim has just that name.

    Attributes:
        email_claim: holds the email.
        groups_claim: holds the groups: a list, or a single text.
        additional_claims: others that the session keeps.
        allow_unverified_email: whether an email is taken that the provider says nobody verified.
    """

    email_claim: str = STANDARD_EMAIL_CLAIM
    groups_claim: str = "groups"
    additional_claims: tuple[str, ...] = ()
    allow_unverified_email: bool = False

    def missing(self, claims: Mapping[str, Any]) -> frozenset[str]:
        """The claims wanted that an ID token does not hold, for which the user info endpoint is worth asking."""
        wanted = (self.email_claim, self.groups_claim, *self.additional_claims)
        return frozenset(name for name in wanted if reach(claims, name) is None)

    def person(self, claims: Mapping[str, Any], user_info: Mapping[str, Any] | None = None) -> Person:
        """The person of an ID token's claims; `user_info` fills in what the token lacks and changes nothing else.

        Raises `NotPermitted` for an unverified email, `ProviderFailed` for a user or an email that is no plain text.
        """
        sources = (claims, user_info or {})
        return Person(
            user=_plain(claims.get("sub"), "sub"),
            email=self._email(sources),
            groups=_groups(_first(sources, self.groups_claim)),
            preferred_username=_plain(_first(sources, "preferred_username"), "preferred_username"),
            additional_claims={
                name: _kept(value) for name in self.additional_claims if (value := _first(sources, name)) is not None
            },
        )

    def _email(self, sources: Sequence[Mapping[str, Any]]) -> str:
        email = _plain(_first(sources, self.email_claim), self.email_claim)
        if email and self.email_claim == STANDARD_EMAIL_CLAIM and not self.allow_unverified_email:
            # Each source vouches only for the address that it names itself.
            vouching = (source for source in sources if source.get(STANDARD_EMAIL_CLAIM) == email)
            if any(_is_false(source.get("email_verified")) for source in vouching):
                raise NotPermitted(
                    reason="email_unverified",
                    sentence="Your e-mail address is not verified with the identity provider.",
                    detail="the email in the id_token or user info is not verified (email_verified is false)",
                )
        return email


def reach(claims: Mapping[str, Any], path: str) -> Any:
    """A claim by its name, or by a dotted path into objects; `None` where that leads nowhere."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for step in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(step)
    return found


def group_names(found: Iterable[Any]) -> tuple[str, ...]:
    """The texts among what an API of a provider calls groups, each once.

    Names are often anybody's choice there, and go into header fields as a list with commas: those with a comma or a
    control character are left out, since they would be read as other groups.
    """
    texts = (name for name in found if isinstance(name, str))
    return tuple(dict.fromkeys(name for name in texts if name and "," not in name and not _CONTROL.search(name)))


def _first(sources: Sequence[Mapping[str, Any]], path: str) -> Any:
    return next((value for source in sources if (value := reach(source, path)) is not None), None)


def _plain(value: Any, name: str) -> str:
    """A claim as one line of text. Control characters would be lost in header fields, and make two people one."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ProviderFailed(reason="claim_unusable", detail=f"the claim {name} is not a text")
    text = str(value)
    if _CONTROL.search(text):
        raise ProviderFailed(reason="claim_unusable", detail=f"the claim {name} holds control characters")
    return text


def _is_false(verified: Any) -> bool:
    """Whether `email_verified` says no: false, the text, or anything else that cannot be read as yes."""
    if isinstance(verified, str):
        return verified.strip().lower() != "true"
    return verified is not None and verified is not True


def _groups(value: Any) -> tuple[str, ...]:
    """Groups as texts, objects as JSON; those that header fields would change are left out."""
    members = value if isinstance(value, list) else [value]
    texts = (member if isinstance(member, str) else _json(member) for member in members if member is not None)
    return tuple(text for text in texts if text and not _CONTROL.search(text))


def _kept(value: Any) -> Any:
    """An additional claim as the session keeps it: lists and objects as they are, the rest as text."""
    return value if isinstance(value, (str, list, dict)) else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
