"""Who may pass: rules about emails and groups, the operator's and those of a single question to the auth endpoint."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from string import ascii_lowercase, ascii_uppercase
from urllib.parse import parse_qsl

from attrs import field, frozen

from o2sidecar.refusals import NotPermitted
from o2sidecar.session.session import Session

_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)
_BLANK_OR_CONTROL = re.compile(r"[\s\x00-\x1f\x7f-\x9f]")


def _folded(text: str) -> str:
    """ASCII letters in lower case, and no others: some lower-case forms of other letters are ASCII ones (K: Kelvin)."""
    return text.translate(_LOWER)


def domain_of(email: str) -> str:
    """What stands behind the one @; empty if the email is not of that form (security.md A2)."""
    local, _, domain = email.partition("@")
    return domain if local and "@" not in domain and not _BLANK_OR_CONTROL.search(email) else ""


def _nobody_listed() -> frozenset[str]:
    return frozenset()


def _all_folded(domains: Iterable[str]) -> tuple[str, ...]:
    return tuple(_folded(domain.strip()) for domain in domains)


def _as_set(groups: Iterable[str]) -> frozenset[str]:
    return frozenset(groups)


@frozen(kw_only=True)
class Admission:
    """The operator's rules. An email must fit a domain or be listed, and one group must be among the allowed ones.

    `email_domains`: domains, `.domain` or `*.domain` for all below one (not itself), `*` for every email.
    `reserved_domains`: those whose addresses only another provider may vouch for.
    `listed_emails`: gives the listed addresses as they are now, in lower case. `allowed_groups`: empty for no rule.
    """

    email_domains: tuple[str, ...] = field(default=(), converter=_all_folded)
    reserved_domains: tuple[str, ...] = field(default=(), converter=_all_folded)
    listed_emails: Callable[[], frozenset[str]] = _nobody_listed
    allowed_groups: frozenset[str] = field(default=frozenset(), converter=_as_set)
    _everybody: bool = field(init=False)

    @_everybody.default
    def _lets_every_email_pass(self) -> bool:
        return "*" in self.email_domains

    def refusal(self, session: Session, *, signing_in: bool = False) -> NotPermitted | None:
        """Why this session may not pass; `None` if it may. HOT: asked for every signed-in request.

        A session without an email is subject to no rule about emails (a local user's has none), but no provider's
        login may begin one: that is `signing_in`.
        """
        if (session.email or signing_in) and not self._email_passes(session):
            who = session.email or "An account without a verified email address"
            return NotPermitted(
                reason="email_not_allowed",
                sentence=f"{who} is not allowed here.",
                detail=f"the email {session.email!r} of {session.user!r} fits no email rule",
            )
        if self.allowed_groups and self.allowed_groups.isdisjoint(session.groups):
            return NotPermitted(
                reason="group_not_allowed",
                sentence=f"{session.name or 'This account'} is in none of the groups that are allowed here.",
                detail=f"none of the {len(session.groups)} groups of {session.name!r} is allowed",
            )
        return None

    def _email_passes(self, session: Session) -> bool:
        email = session.email
        if not email:
            return False
        if self._everybody and not self.reserved_domains:
            return True
        folded = _folded(email)
        domain = domain_of(folded)
        if self.reserved_domains and (not domain or domain_fits(domain, self.reserved_domains)):
            # Another provider's, as one with several @ may be: it depends on who reads it.
            return False
        if self._everybody or (domain and domain_fits(domain, self.email_domains)):
            return True
        # What a provider's token names in the email's place is a subject, which its makers choose freely: it is no word
        # of the list. A local user, who has no token, may be listed by name.
        named = "@" in folded or not session.has_tokens
        return named and folded in self.listed_emails()


def domain_fits(domain: str, rules: Iterable[str]) -> bool:
    """Whether a domain is one of the rules, or below one that begins with a period; all in lower case."""
    return any(_fits(domain, rule) for rule in rules)


def _fits(domain: str, rule: str) -> bool:
    rule = rule.removeprefix("*")
    return domain.endswith(rule) and domain != rule[1:] if rule.startswith(".") else domain == rule


@frozen(kw_only=True)
class Constraints:
    """What the query of a question to the auth endpoint demands; compared exactly, with case. Empty: no demand."""

    groups: frozenset[str]
    emails: frozenset[str]
    email_domains: frozenset[str]

    @classmethod
    def from_query(cls, query: bytes) -> Constraints:
        """Of `allowed_groups`, `allowed_emails`, `allowed_email_domains`, repeated or separated by commas."""
        return _of_query(query)

    def admit(self, session: Session) -> bool:
        """Whether the session meets all of them."""
        if self.groups and self.groups.isdisjoint(session.groups):
            return False
        if self.emails and session.email not in self.emails:
            return False
        return not self.email_domains or self._domain_fits(domain_of(session.email))

    def _domain_fits(self, domain: str) -> bool:
        return domain != "" and any(
            domain == rule.removeprefix("*").removeprefix(".")
            or (rule.startswith((".", "*.")) and domain.endswith(rule.removeprefix("*")))
            for rule in self.email_domains
        )


@lru_cache(maxsize=64)
def _of_query(query: bytes) -> Constraints:
    pairs = parse_qsl(query.decode("utf-8", "replace"))
    values = {
        wanted: frozenset(item for name, value in pairs if name == wanted for item in value.split(",") if item)
        for wanted in ("allowed_groups", "allowed_emails", "allowed_email_domains")
    }
    return Constraints(
        groups=values["allowed_groups"], emails=values["allowed_emails"], email_domains=values["allowed_email_domains"]
    )
