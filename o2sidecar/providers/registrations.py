"""Our registrations as a client at identity providers: with which of them a person signs in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Literal

from attrs import field, frozen

from o2sidecar.policy.admission import domain_fits, domain_of
from o2sidecar.policy.pattern import Pattern
from o2sidecar.providers.provider import Provider
from o2sidecar.refusals import BadRequest
from o2sidecar.session.session import Session

ChallengeMethod = Literal["", "S256", "plain"]


def _lower(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name.lower() for name in names)


@frozen(kw_only=True)
class Registration:
    """What one provider knows us by, and when it is the one to ask (RFC 6749 §2).

    Attributes:
        id: what its sessions are marked with; empty if settings give none.
        provider: asks it.
        unanswered: says why the last question to it had no answer; empty if it had one.
        client_id: ours there.
        code_challenge_method: of PKCE; empty: none.
        nonce: whether logins send one, which the ID token must repeat.
        backend_logout_url: asked for at sign-out; `{id_token}` in it is replaced.
        ask: asks for such a URL, and raises what goes wrong.
        email_domains: whose addresses sign in here: who names such an address is sent here.
        hosts: hosts of the app where it is asked before the others; `.x`: those below x.
        paths: the same for its paths.
    """

    id: str = ""
    provider: Provider
    unanswered: Callable[[], str] = lambda: ""
    client_id: str
    code_challenge_method: ChallengeMethod = ""
    nonce: bool = False
    backend_logout_url: str = field(default="", repr=False)
    ask: Callable[[str], Awaitable[None]]
    email_domains: tuple[str, ...] = field(default=(), converter=_lower)
    hosts: tuple[str, ...] = field(default=(), converter=_lower)
    paths: tuple[Pattern, ...] = ()

    def is_for_address(self, email: str) -> bool:
        """Whether who has this address signs in here."""
        domain = domain_of(email.lower())
        return bool(domain) and domain_fits(domain, self.email_domains)

    def is_first_at(self, host: str, path: str) -> bool:
        """Whether it is asked before the others at a place of the app; `host` without a port."""
        return domain_fits(host.lower(), self.hosts) or any(pattern.found_in(path) for pattern in self.paths)


class Registrations:
    """All of them, in the order of the settings: the first one counts where nothing else decides."""

    def __init__(self, registrations: Sequence[Registration]) -> None:
        self._by_id = {each.id: each for each in registrations}
        self.first = registrations[0]

    def __iter__(self) -> Iterator[Registration]:
        return iter(self._by_id.values())

    @property
    def several(self) -> bool:
        """Whether there is a choice."""
        return len(self._by_id) > 1

    def segment(self, registration: Registration) -> str:
        """The last segment of its callback's path below the callback endpoint; empty for the first one's."""
        return "" if registration is self.first else registration.id

    def mark(self, registration: Registration) -> str:
        """What a login with it says of it: its id, where there are others."""
        return registration.id if self.several else ""

    def has_segment(self, segment: str) -> bool:
        """Whether a callback of one of them ends in it; the first one's does too, in case it comes to stand behind."""
        return self.several and segment in self._by_id

    def is_called_back_at(self, registration: Registration, segment: str) -> bool:
        """Whether a callback that ends in a segment, or in none, is a registration's."""
        return segment == registration.id or (not segment and registration is self.first)

    def named(self, id: str) -> Registration:
        """The one of an id that a request names; raises `BadRequest` if there is none."""
        found = self._by_id.get(id)
        if found is None:
            raise BadRequest(reason="provider_unknown", sentence="There is no such way to sign in here.")
        return found

    def of(self, session: Session) -> Registration | None:
        """The one that a session came from; the first for those that do not tell, `None` for a foreign one's."""
        return self._by_id.get(session.provider) if session.provider else self.first

    def preferred(self, *, host: str, path: str, login_hint: str = "") -> Registration | None:
        """The one to ask first of who wants to see a page; `None` if that is for the person to choose.

        `host`, `path`: of the page; `login_hint`: the address that the person gave, which goes before the page.
        """
        if not self.several:
            return self.first
        by_address = [each for each in self if login_hint and each.is_for_address(login_hint)]
        by_page = [each for each in self if each.is_first_at(host.partition(":")[0], path)]
        return next(iter((*by_address, *by_page)), None)
