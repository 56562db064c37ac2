"""The cookie that carries a ticket: signed, so that nobody can present one that was not issued."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor

from attrs import frozen

from o2sidecar.session.cookies import CookieAttributes, Cookies
from o2sidecar.session.keys import KeyRing
from o2sidecar.session.sealing import CookieRefused, is_signed_with, sign, verify
from o2sidecar.session.ticket import Ticket


@frozen(kw_only=True)
class Presented:
    """A ticket as a request brought it.

    Attributes:
        signed_at: when its cookie was made, in seconds since the epoch.
        aged: whether another key signs by now.
    """

    ticket: Ticket
    signed_at: int
    aged: bool = False


@frozen(kw_only=True)
class TicketCookie:
    """Writes tickets into cookies, and finds them again.

    `tries`: most cookies of the same name that are looked at in search for a good one.
    """

    attributes: CookieAttributes
    ring: KeyRing
    tries: int = 4

    def read(self, cookies: Cookies, now: float) -> list[Presented]:
        """The tickets among a request's cookies, the youngest first; none where there is no cookie of the name.

        A sibling host may have planted one beside ours. Raises `CookieRefused` if there are some, but no good one.
        """
        name, found, refused = self.attributes.name, [], None
        for value in [value for given, value in cookies if given == name][: self.tries]:
            try:
                text, when = verify(self.ring, name, value, self.attributes.expire, now)
                aged = not is_signed_with(self.ring.sealing, name, value)
                found.append(Presented(ticket=Ticket.parse(name, text), signed_at=when, aged=aged))
            except CookieRefused as error:
                refused = error
        if refused is not None and not found:
            raise refused
        return sorted(found, key=lambda presented: presented.signed_at, reverse=True)

    def write(self, ticket: Ticket, created_at: float, host: str, presented: Sequence[str]) -> list[bytes]:
        """The Set-Cookie values that give a ticket to a browser, and take away what it has of another session.

        `created_at`: that of the session; it becomes the time of the signature. `host`: the request's host.
        `presented`: the names that the request came with.
        """
        name = self.attributes.name
        value = sign(self.ring.sealing, name, ticket.text.encode("ascii"), floor(created_at))
        others = [other for other in dict.fromkeys(presented) if other != name]
        return [
            self.attributes.set_cookie(name, value, host),
            *(self.attributes.delete_cookie(other, host) for other in others),
        ]
