"""A page, with the fields that keep a browser from doing more with it than show it; and what buttons lead to."""

from __future__ import annotations

from attrs import frozen

from o2sidecar.http.exchange import HeaderFields
from o2sidecar.refusals import BadRequest
from o2sidecar.signin.fields import Fields

Pairs = tuple[tuple[str, str], ...]

NO_STORE = (b"Cache-Control", b"no-store")

_POLICY_OF_FOREIGN_PAGES = b"frame-ancestors 'none'; base-uri 'none'; object-src 'none'"


@frozen(kw_only=True)
class Page:
    """A page to answer with."""

    status: int
    fields: tuple[tuple[bytes, bytes], ...]
    body: bytes

    @classmethod
    def of(cls, status: int, html: str, policy: bytes, *, no_store: bool = True) -> Page:
        """A page of ours, with its Content-Security-Policy; with `no_store` no cache keeps it (security.md X1)."""
        fields = (*_guarded(policy), *((NO_STORE,) if no_store else ()))
        return cls(status=status, fields=fields, body=html.encode("utf-8", "replace"))

    @classmethod
    def of_operator(cls, status: int, html: str) -> Page:
        """A page from the operator's templates, which may have scripts and styles of their own."""
        return cls(status=status, fields=_guarded(_POLICY_OF_FOREIGN_PAGES), body=html.encode("utf-8", "replace"))

    def headers(self) -> HeaderFields:
        """The answer's fields."""
        return list(self.fields)


def _guarded(policy: bytes) -> tuple[tuple[bytes, bytes], ...]:
    return (
        (b"Content-Type", b"text/html; charset=utf-8"),
        (b"Content-Security-Policy", policy),
        (b"X-Content-Type-Options", b"nosniff"),
        (b"X-Frame-Options", b"DENY"),
        (b"Referrer-Policy", b"no-referrer"),
    )


@frozen(kw_only=True)
class Way:
    """A way on from a page: a button that leads to `action` with `fields`. `label` is one of our sentences."""

    label: str
    action: str
    fields: Pairs = ()


@frozen(kw_only=True)
class ProviderButton:
    """One of the providers that people can choose from.

    `name`: what settings call it. `display_name`: what people do. `start_url`: where a sign-in there begins, its query
    included; `rd` is added to it.
    """

    name: str
    display_name: str
    start_url: str

    @property
    def letter(self) -> str:
        """The first of its name, which stands before it."""
        return next((each for each in self.display_name if each.isalnum()), "?").upper()[:1]

    def fields(self, redirect: str) -> Pairs:
        """What its form sends to come to `redirect` in the end."""
        return (*query_of(self.start_url), ("rd", redirect))


def query_of(url: str) -> Pairs:
    """The query of a URL, as fields.

    A form that is sent by GET replaces the query of its action (HTML §4.10.21.3), so it has to repeat it.
    """
    query = url.partition("#")[0].partition("?")[2]
    try:
        return Fields.parse(query.encode()).pairs
    except BadRequest:
        return ()
