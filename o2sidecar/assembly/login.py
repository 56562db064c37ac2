"""Assembles how people sign in and out: the provider, the login transaction, the pages and the own endpoints."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import attrs
from twisted.internet.interfaces import IReactorTime

from o2sidecar import __version__
from o2sidecar.assembly.asking import provider_client
from o2sidecar.assembly.checked import checked
from o2sidecar.assembly.edge import Edge
from o2sidecar.assembly.logout import signing_out_of
from o2sidecar.assembly.people import People
from o2sidecar.assembly.reauthentication import reauthentication_of
from o2sidecar.assembly.secrets import secret_of
from o2sidecar.policy.pattern import Pattern
from o2sidecar.provider_client import ProviderClient
from o2sidecar.providers import registry
from o2sidecar.providers.kept_documents import Documents
from o2sidecar.providers.provider import Provider
from o2sidecar.providers.registrations import Registrations
from o2sidecar.providers.surroundings import Surroundings
from o2sidecar.settings.loaded import ProviderEntry
from o2sidecar.settings.options import Settings
from o2sidecar.settings.problems import Problem, SettingsRefused
from o2sidecar.signin.answers import Answers
from o2sidecar.signin.brand import Brand
from o2sidecar.signin.callback_uri import CallbackUri
from o2sidecar.signin.choosing import Choosing
from o2sidecar.signin.colours import Colour
from o2sidecar.signin.destinations import Destinations
from o2sidecar.signin.failed_check import FailedCheck
from o2sidecar.signin.languages import Languages
from o2sidecar.signin.local_form import LocalForm
from o2sidecar.signin.logo import NO_LOGO, OUR_MARK, Logo
from o2sidecar.signin.page import ProviderButton
from o2sidecar.signin.pages import Pages
from o2sidecar.signin.recovery import Recovery
from o2sidecar.signin.session_life import SessionLife
from o2sidecar.signin.transaction import Logins

if TYPE_CHECKING:
    from twisted.web.resource import IResource

    from o2sidecar.signin.custom_templates import CustomTemplates


def surroundings_of(settings: Settings, client: ProviderClient, documents: Documents, reactor: Any) -> Surroundings:
    """What the provider, and other issuers of tokens, are built with."""
    return Surroundings(
        client=client,
        clock=reactor,
        documents=documents,
        session_lifetime=settings.cookie_expire,
        refresh_period=settings.cookie_refresh,
    )


def provider_of(
    entry: ProviderEntry, edge: Edge, documents: Documents, reactor: Any
) -> tuple[Provider, ProviderClient]:
    """The provider, and what it is asked with; it gets those options that it declares, by their keys."""
    settings = entry.settings
    client = provider_client(settings, edge, reactor)
    surroundings = surroundings_of(settings, client, documents, reactor)
    secret = secret_of(
        settings.client_secret, settings.client_secret_file, setting="client_secret_file", reactor=reactor
    )
    options = attrs.asdict(settings, recurse=False) | {**entry.own, "client_secret": secret}
    return checked("provider", lambda: registry.build(settings.provider, options, surroundings)), client


def sign_in_of(
    settings: Settings, people: People, registrations: Registrations, edge: Edge, clock: IReactorTime
) -> tuple[Answers, Callable[[], IResource]]:
    """What answers requests that are not served, and what makes the tree of the own endpoints."""
    destinations = Destinations(
        redirects=people.redirects,
        forwarding=edge.forwarding,
        prefix=settings.proxy_prefix,
        semicolons=settings.allow_query_semicolons,
    )
    answers = Answers(
        pages=_pages(settings, registrations),
        logins=_logins(settings, people, registrations, edge),
        choosing=Choosing(registrations=registrations, forwarding=edge.forwarding),
        destinations=destinations,
        forwarding=edge.forwarding,
        take_cookies=people.sessions.take_cookies,
        take_all_cookies=people.sessions.take_all_cookies,
        log=edge.auth.record,
        is_api=_is_api(settings.api_routes),
        force_json_errors=settings.force_json_errors,
        skip_provider_button=settings.skip_provider_button,
        websocket_challenge=settings.websocket_challenge,
        bare_json=settings.defaults == "oauth2-proxy",
        body_limit=settings.own_body_size_limit,
    )
    return answers, lambda: _endpoints(settings, people, answers, edge, clock)


def _endpoints(settings: Settings, people: People, answers: Answers, edge: Edge, clock: IReactorTime) -> IResource:
    # Klein costs 4 MiB: only where somebody signs in or out.
    from o2sidecar.signin.routes import SignIn  # noqa: PLC0415

    return SignIn(
        logins=answers.logins,
        recovery=Recovery(
            logins=answers.logins,
            failed_check=FailedCheck(attributes=people.pending.attributes, forwarding=edge.forwarding),
            log=edge.auth.record,
        ),
        session_life=SessionLife(
            look=people.current.look,
            renew=people.current.identity,
            now=edge.now,
            login_url=f"{settings.proxy_prefix}/start",
        ),
        answers=answers,
        destinations=answers.destinations,
        current=people.current.identity,
        end=people.sessions.end,
        take_cookies=people.sessions.take_cookies,
        public=people.passes.open,
        auth=people.auth,
        signing_out=signing_out_of(settings, people.cookie, answers.logins.registrations, edge, clock),
        body_limit=settings.own_body_size_limit,
        local_form=_local_form(people, answers, edge),
    ).resource()


def _local_form(people: People, answers: Answers, edge: Edge) -> LocalForm | None:
    if people.local_users is None:
        return None
    fresh = answers.logins.reauthentication
    form = LocalForm(
        judge=people.local_users.session,
        client_address=edge.forwarding.client_address,
        admission=people.admission,
        answers=answers,
        issue=people.sessions.issue,
    )
    return attrs.evolve(form, begun=fresh.of_local_user) if fresh else form


def _is_api(routes: Sequence[str]) -> Callable[[str], bool]:
    patterns = [Pattern(route) for route in routes]
    return lambda uri: any(pattern.found_in(uri) for pattern in patterns)


def _logins(settings: Settings, people: People, registrations: Registrations, edge: Edge) -> Logins:
    return Logins(
        registrations=registrations,
        callback_uri=CallbackUri(
            configured=settings.redirect_url,
            path=f"{settings.proxy_prefix}/callback",
            relative=settings.relative_redirect_url,
            secure=settings.cookie_secure,
            forwarding=edge.forwarding,
        ),
        pending=people.pending,
        issue=people.sessions.issue,
        forwarding=edge.forwarding,
        redirects=people.redirects,
        admission=people.admission,
        current=people.current.identity,
        look=people.sessions.look,
        why_none=people.sessions.why_none,
        random=os.urandom,
        now=edge.now,
        encode_state=settings.encode_state,
        seeds=settings.defaults == "o2sidecar",
        session_check=_session_check(people, edge) if settings.defaults == "o2sidecar" else None,
        reauthentication=reauthentication_of(settings, edge),
        counts=edge.counts.sign_ins,
    )


def _session_check(people: People, edge: Edge) -> FailedCheck:
    return FailedCheck(attributes=people.cookie.attributes, forwarding=edge.forwarding, may_be_large=True)


def _pages(settings: Settings, registrations: Registrations) -> Pages:
    buttons = [
        ProviderButton(
            name=each.id,
            display_name=each.provider.display_name,
            start_url=f"{settings.proxy_prefix}/start?provider={quote(each.id, safe='')}",
        )
        for each in registrations
    ]
    return Pages(
        provider_name=registrations.first.provider.display_name,
        providers=buttons if registrations.several else (),
        by_address=registrations.several and any(each.email_domains for each in registrations),
        prefix=settings.proxy_prefix,
        version=__version__,
        email_domains=settings.email_domains,
        banner=settings.banner,
        footer=settings.footer,
        logo=checked("custom_sign_in_logo", lambda: _logo(settings.custom_sign_in_logo)),
        brand=Brand(
            name=settings.brand_name,
            colour=Colour.parse(settings.brand_colour) if settings.brand_colour else None,
        ),
        no_store=settings.no_store_pages,
        language=checked("language", lambda: _language(settings.language)),
        show_detail=settings.show_debug_on_error,
        local_users=bool(settings.htpasswd_file) and settings.display_htpasswd_form,
        templates=_templates(settings.custom_templates_dir),
    )


def _language(tag: str) -> str:
    return Languages.shipped().named(tag).tag if tag else ""


def _logo(given: str) -> Logo:
    if not given:
        return OUR_MARK
    if given == "-":
        return NO_LOGO
    if given.startswith(("http://", "https://")):
        return Logo.from_url(given)
    return Logo.from_file(given, Path(given).read_bytes())


def _templates(folder: str) -> CustomTemplates | None:
    if not folder:
        return None
    from o2sidecar.signin.custom_templates import CustomTemplates  # noqa: PLC0415 - only for who has such templates
    from o2sidecar.signin.template_files import TemplatesRefused  # noqa: PLC0415

    try:
        return CustomTemplates.load(Path(folder))
    except TemplatesRefused as refused:
        names = ("custom_templates_dir",)
        raise SettingsRefused(Problem(names=names, sentence=sentence) for sentence in refused.problems) from None
