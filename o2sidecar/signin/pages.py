"""Our own pages, as bytes with the fields that keep a browser from doing more with them than show them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, frozen

from o2sidecar.http.exchange import HeaderFields
from o2sidecar.refusals import (
    BadRequest,
    Busy,
    LoginFailed,
    NothingThere,
    NotPermitted,
    ProviderFailed,
    Refusal,
    UpstreamFailed,
)
from o2sidecar.signin.fields import Fields
from o2sidecar.signin.logo import OUR_MARK, Logo

if TYPE_CHECKING:
    from jinja2 import Environment

    from o2sidecar.signin.custom_templates import CustomTemplates


@frozen(kw_only=True)
class Page:
    """A page to answer with."""

    status: int
    fields: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def headers(self) -> HeaderFields:
        """The answer's fields."""
        return list(self.fields)


@frozen(kw_only=True)
class Way:
    """A way on from an error page: a button that leads to `action` with `fields`."""

    label: str
    action: str
    fields: tuple[tuple[str, str], ...] = ()


@frozen(kw_only=True)
class Choice:
    """One of several providers to sign in with: its id, and what people call it."""

    id: str
    name: str


@define(kw_only=True, slots=False)
class Pages:
    """Renders the pages. Values are text and are escaped; `banner` and `footer` are the operator's HTML.

    `prefix`: the path of the own endpoints. `email_domains`: named on the sign-in page, unless `banner` says something
    else (`-`: nothing). `footer`: in the place of ours (`-`: none). `show_detail`: error pages tell what else only the
    log tells. `local_users`: the sign-in page has a form for a user and a password. `choices`: the providers, where
    there are several. `templates`: the operator's own
    pages, used in the place of ours where there are some.
    """

    provider_name: str
    prefix: str
    version: str
    email_domains: Sequence[str] = ()
    banner: str = ""
    footer: str = ""
    logo: Logo = OUR_MARK
    show_detail: bool = False
    local_users: bool = False
    choices: Sequence[Choice] = ()
    templates: CustomTemplates | None = None

    def sign_in(self, status: int, redirect: str) -> Page:
        """The page that offers to sign in, and to go to `redirect` then."""
        message = self._message()
        own = self.templates and self.templates.sign_in(
            ProviderName=self.provider_name,
            SignInMessage=message,
            StatusCode=status,
            CustomLogin=self.local_users,
            Redirect=redirect,
            Version=self.version,
            ProxyPrefix=self.prefix,
            Footer=self._own_footer(),
            LogoData=self.logo.markup,
        )
        if own:
            return _page(status, own, _POLICY_OF_FOREIGN_PAGES)
        return self._render(
            status,
            "sign_in.html",
            redirect=redirect,
            message=_markup(message),
            logo=self.logo,
            local_users=self.local_users,
            choices=self.choices,
            trouble=_TROUBLES.get(status, ""),
        )

    def signed_out(self, redirect: str) -> Page:
        """The page after signing out, for when going on would sign the person in again at once."""
        return self._render(200, "signed_out.html", redirect=redirect)

    def error(self, refusal: Refusal, *, request_id: str, redirect: str = "/", who: str = "") -> Page:
        """The page that says why a request is not served.

        `redirect`: where the person wanted to go. `who`: whom the refusal is about, as far as that is known.
        """
        status, phrase = refusal.status, phrase_of(refusal.status)
        detail = refusal.detail if self.show_detail else ""
        own = self.templates and self.templates.error(
            Title=phrase,
            Message=detail or refusal.sentence,
            ProxyPrefix=self.prefix,
            StatusCode=status,
            Redirect="" if isinstance(refusal, UpstreamFailed) else redirect,
            RequestID=request_id,
            Footer=self._own_footer(),
            Version=self.version,
        )
        if own:
            return _page(status, own, _POLICY_OF_FOREIGN_PAGES)
        return self._render(
            status,
            "error.html",
            phrase=phrase,
            heading=_heading(refusal),
            message=refusal.sentence or phrase,
            who=who,
            ways=self._ways(refusal, redirect),
            request_id=request_id,
            detail=detail,
        )

    def _ways(self, refusal: Refusal, redirect: str) -> list[Way]:
        # A form that is sent by GET replaces the query of its action (HTML §4.10.21.3): repeat it as fields.
        again = Way(label="Go back", action=redirect, fields=_query(redirect))
        if isinstance(refusal, (UpstreamFailed, Busy)):
            return [evolve(again, label="Try again")]
        if isinstance(refusal, NothingThere):
            return [Way(label="Go to the first page", action="/")]
        if isinstance(refusal, NotPermitted):
            fields = (("rd", redirect), ("prompt", "select_account"))
            return [again, Way(label="Use another account", action=f"{self.prefix}/start", fields=fields)]
        return [again, Way(label="Sign in", action=f"{self.prefix}/sign_in", fields=(("rd", redirect),))]

    def _message(self) -> str:
        """The HTML above the button; empty if there is nothing to say."""
        from markupsafe import escape  # noqa: PLC0415 - with Jinja2, at the first page

        if self.banner:
            return "" if self.banner == "-" else self.banner
        domains = [domain for domain in self.email_domains if domain != "*"]
        if not domains or len(domains) < len(self.email_domains):
            return ""
        named = escape(", ".join(domains))
        if len(domains) == 1:
            return f"Authenticate using {named}"
        return f"Authenticate using one of the following domains: {named}"

    def _own_footer(self) -> str:
        return "" if self.footer == "-" else self.footer

    def _render(self, status: int, template: str, **values: object) -> Page:
        footer = "Protected by o2sidecar" if not self.footer else self._own_footer()
        body = self._environment.get_template(template).render(
            status=status,
            prefix=self.prefix,
            provider_name=self.provider_name,
            footer=_markup(footer),
            style=_markup(self._style),
            **values,
        )
        return _page(status, body, self._policy)

    @cached_property
    def _environment(self) -> Environment:
        from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - 2 MiB, only for pages

        return Environment(
            loader=PackageLoader("o2sidecar.signin"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )

    @cached_property
    def _style(self) -> str:
        loader = self._environment.loader
        assert loader is not None
        return loader.get_source(self._environment, "style.css")[0]

    @cached_property
    def _policy(self) -> bytes:
        """Nothing but the style that is in the page, by its hash.

        Forms may lead anywhere by https or http: browsers apply form-action to the redirects that follow as well, and
        signing in leads over hosts that only the provider knows.
        """
        digest = b64encode(sha256(self._style.encode()).digest()).decode("ascii")
        images = " ".join(["data:", *self.logo.origins])
        return (
            f"default-src 'none'; style-src 'sha256-{digest}'; img-src {images}; form-action 'self' https: http:; "
            "frame-ancestors 'none'; base-uri 'none'"
        ).encode("ascii")


_TROUBLES: Mapping[int, str] = {
    400: "Please give a user name and a password.",
    401: "There is no such user with this password.",
}
"""What the sign-in page says after its form was sent in vain, by status."""

_POLICY_OF_FOREIGN_PAGES = b"frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
"""What holds for pages from the operator's templates, which may have scripts and styles of their own."""


def _page(status: int, body: str, policy: bytes) -> Page:
    return Page(
        status=status,
        fields=(
            (b"Content-Type", b"text/html; charset=utf-8"),
            (b"Content-Security-Policy", policy),
            (b"X-Content-Type-Options", b"nosniff"),
            (b"X-Frame-Options", b"DENY"),
            (b"Referrer-Policy", b"no-referrer"),
        ),
        body=body.encode("utf-8", "replace"),
    )


def _markup(html: str) -> Any:
    from markupsafe import Markup  # noqa: PLC0415 - with Jinja2, at the first page

    return Markup(html)  # noqa: S704 - the operator's own HTML, and what `_message` escaped


def _query(redirect: str) -> tuple[tuple[str, str], ...]:
    query = redirect.partition("#")[0].partition("?")[2]
    try:
        return Fields.parse(query.encode()).pairs
    except BadRequest:
        return ()


def phrase_of(status: int) -> str:
    """The standard title of a status (RFC 9110 §15)."""
    return HTTPStatus(status).phrase if status in HTTPStatus.__members__.values() else "Error"


def _heading(refusal: Refusal) -> str:
    if isinstance(refusal, BadRequest) and refusal.status in _HEADINGS_BY_STATUS:
        return _HEADINGS_BY_STATUS[refusal.status]
    return next((heading for kind, heading in _HEADINGS if isinstance(refusal, kind)), "Something went wrong")


_HEADINGS: tuple[tuple[type[Refusal], str], ...] = (
    (BadRequest, "This request cannot be understood"),
    (NothingThere, "This page does not exist"),
    (NotPermitted, "You do not have access"),
    (LoginFailed, "Signing in did not work"),
    (ProviderFailed, "Signing in is not possible just now"),
    (UpstreamFailed, "The application is unavailable"),
    (Busy, "This site is busy"),
)

_HEADINGS_BY_STATUS: Mapping[int, str] = {
    404: "There is nothing here",
    408: "This took too long",
    413: "This is too large",
    414: "This address is too long",
    431: "This is too much at once",
}
