"""Our own pages: what stands on each, and which ways lead on from there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING

from attrs import define, evolve

from o2sidecar.refusals import (
    Busy,
    LoginLoop,
    NothingThere,
    NotPermitted,
    OtherProvider,
    ProviderFailed,
    Refusal,
    StoreUnavailable,
    UpstreamFailed,
)
from o2sidecar.signin.brand import OURS, Brand
from o2sidecar.signin.explanations import explanation_of
from o2sidecar.signin.kept_form import KeptForm
from o2sidecar.signin.languages import Language, Languages
from o2sidecar.signin.logo import OUR_MARK, Logo
from o2sidecar.signin.looks import Looks, markup, markup_of
from o2sidecar.signin.page import Page, ProviderButton, Way, query_of

if TYPE_CHECKING:
    from o2sidecar.signin.custom_templates import CustomTemplates

_OUR_FOOTER = "Protected by o2sidecar"


@define(kw_only=True, slots=False)
class Pages:
    """Renders the pages. Values are text and are escaped; `banner` and `footer` are the operator's HTML.

    `prefix`: the path of the own endpoints. `email_domains`: named on the sign-in page, unless `banner` says something
    else (`-`: nothing). `footer`: in the place of ours (`-`: none). `brand`: the operator's name and colour.
    `language`: that of all pages by its tag; empty: the one that each browser asks for. `show_detail`: error pages tell
    what else only the log tells. `local_users`: the sign-in page has a form for a user and a password. `providers`: the
    sign-in page has a button for each of them, if there are any. `by_address`: it asks for an address too, which tells
    the provider. `templates`: the operator's own pages, used in the
    place of ours where there are some. `no_store`: caches are told to keep no page of ours.

    Each page is given the request's id, which it shows as a reference, and its Accept-Language.
    """

    provider_name: str
    prefix: str
    version: str
    email_domains: Sequence[str] = ()
    banner: str = ""
    footer: str = ""
    logo: Logo = OUR_MARK
    brand: Brand = OURS
    language: str = ""
    show_detail: bool = False
    local_users: bool = False
    providers: Sequence[ProviderButton] = ()
    by_address: bool = False
    templates: CustomTemplates | None = None
    no_store: bool = True

    def sign_in(
        self,
        status: int,
        redirect: str,
        *,
        request_id: str = "",
        accept_language: bytes | None = None,
        choosing: bool = False,
        trouble: str = "",
    ) -> Page:
        """The page that offers to sign in, and to go to `redirect` then.

        `choosing`: a provider has to be chosen, for which operators' templates have no words.
        `trouble`: one of our sentences, why.
        """
        templates = None if choosing else self.templates
        own = templates and templates.sign_in(
            ProviderName=self.provider_name,
            SignInMessage=self._message(self._languages.named("en")),
            StatusCode=status,
            CustomLogin=self.local_users,
            Redirect=redirect,
            Version=self.version,
            ProxyPrefix=self.prefix,
            Footer=self._own_footer(),
            LogoData=self.logo.markup,
        )
        if own:
            return Page.of_operator(status, own)
        language = self._language(accept_language)
        return self._looks.page(
            status,
            "sign_in.html",
            language,
            request_id=request_id,
            provider_name=self.provider_name,
            prefix=self.prefix,
            redirect=redirect,
            message=markup(self._message(language)),
            local_users=self.local_users,
            providers=self.providers,
            by_address=self.by_address,
            trouble=trouble or _TROUBLES.get(status, ""),
        )

    def not_received(
        self,
        status: int,
        redirect: str,
        kept: KeptForm | None,
        *,
        renewed: str = "",
        request_id: str = "",
        accept_language: bytes | None = None,
    ) -> Page:
        """The page that says that a form did not arrive, with 401 to somebody who is signed in and is to do so again.

        `kept`: the form, if it may be sent again from here; `renewed`: where the login for that leads.
        """
        page = self._looks.page(
            status,
            "not_received.html",
            self._language(accept_language),
            request_id=request_id,
            prefix=self.prefix,
            redirect=redirect,
            renewed=renewed,
            kept=kept,
        )
        # A form that is sent again says where it comes from: apps that look at Origin would refuse "null".
        fields = [field for field in page.fields if field[0] != b"Referrer-Policy"]
        return evolve(page, fields=(*fields, (b"Referrer-Policy", b"same-origin")))

    def renewed(
        self, authenticated: bool, redirect: str, *, request_id: str = "", accept_language: bytes | None = None
    ) -> Page:
        """The page at which a login in a window of its own ends; `authenticated`: whether there is a session now.

        `redirect`: this page itself, for another try.
        """
        return self._looks.page(
            200,
            "renewed.html",
            self._language(accept_language),
            script="renewed.js",
            request_id=request_id,
            prefix=self.prefix,
            redirect=redirect,
            authenticated=authenticated,
        )

    def signed_out(self, redirect: str, *, request_id: str = "", accept_language: bytes | None = None) -> Page:
        """The page after signing out, for when going on would sign the person in again at once."""
        return self._looks.page(
            200,
            "signed_out.html",
            self._language(accept_language),
            request_id=request_id,
            provider_name="" if self.providers else self.provider_name,
            prefix=self.prefix,
            redirect=redirect,
        )

    def error(
        self,
        refusal: Refusal,
        *,
        request_id: str,
        redirect: str = "/",
        who: str = "",
        accept_language: bytes | None = None,
    ) -> Page:
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
            return Page.of_operator(status, own)
        language = self._language(accept_language)
        return self._looks.page(
            status,
            "error.html",
            language,
            request_id=request_id,
            provider_name="" if self.providers or isinstance(refusal, OtherProvider) else self.provider_name,
            phrase=phrase,
            explanation=explanation_of(refusal),
            message=language.translated(refusal.sentence or phrase),
            check=refusal.check if isinstance(refusal, LoginLoop) else "",
            who=who,
            ways=self._ways(refusal, redirect),
            detail=detail,
        )

    def _ways(self, refusal: Refusal, redirect: str) -> list[Way]:
        again = Way(label="Try again", action=redirect, fields=query_of(redirect))
        back = Way(label="Go back", action=redirect, fields=query_of(redirect))
        anew = (("rd", redirect),)
        if isinstance(refusal, (UpstreamFailed, Busy, StoreUnavailable)):
            return [again]
        if isinstance(refusal, NothingThere):
            return [Way(label="Go to the first page", action="/")]
        if isinstance(refusal, OtherProvider):
            return [Way(label="Sign in another way", action=f"{self.prefix}/sign_in", fields=anew)]
        if isinstance(refusal, NotPermitted):
            fields = (*anew, ("prompt", "select_account"))
            return [back, Way(label="Use another account", action=f"{self.prefix}/start", fields=fields)]
        if isinstance(refusal, ProviderFailed):
            return [back, Way(label="Try again", action=f"{self.prefix}/start", fields=anew)]
        return [back, Way(label="Sign in", action=f"{self.prefix}/sign_in", fields=anew)]

    def _message(self, language: Language) -> str:
        """The HTML above the button; empty if there is nothing to say."""
        if self.banner:
            return "" if self.banner == "-" else self.banner
        domains = [domain for domain in self.email_domains if domain != "*"]
        if not domains or len(domains) < len(self.email_domains):
            return ""
        several = "Authenticate using one of the following domains: {domains}"
        template = several if len(domains) > 1 else "Authenticate using {domains}"
        return str(markup_of(language.template(template), domains=", ".join(domains)))

    def _own_footer(self) -> str:
        return "" if self.footer == "-" else self.footer

    def _language(self, accept_language: bytes | None) -> Language:
        if self.language:
            return self._languages.named(self.language)
        return self._languages.asked_for(accept_language)

    @cached_property
    def _languages(self) -> Languages:
        return Languages.shipped()

    @cached_property
    def _looks(self) -> Looks:
        footer = self._own_footer() if self.footer else _OUR_FOOTER
        return Looks(brand=self.brand, logo=self.logo, footer=footer, no_store=self.no_store)


_TROUBLES: Mapping[int, str] = {
    400: "Please give a user name and a password.",
    401: "There is no such user with this password.",
}
"""What the sign-in page says after its form was sent in vain, by status."""


def phrase_of(status: int) -> str:
    """The standard title of a status (RFC 9110 §15)."""
    return HTTPStatus(status).phrase if status in HTTPStatus.__members__.values() else "Error"
