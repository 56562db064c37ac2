"""Google: OpenID Connect, with the hosted domain by its claim and groups by the Directory API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import evolve, field, frozen
from twisted.logger import Logger

from o2sidecar.oauth.claims import Person
from o2sidecar.oauth.service_account import ServiceAccount
from o2sidecar.policy.admission import domain_fits, domain_of
from o2sidecar.providers import oidc
from o2sidecar.providers.endpoint_urls import configured_url
from o2sidecar.providers.google_directory import LIST_SCOPES, MEMBER_SCOPES, GoogleDirectory
from o2sidecar.providers.oidc_provider import OidcProvider
from o2sidecar.providers.persons import Persons
from o2sidecar.providers.surroundings import Surroundings
from o2sidecar.refusals import NotPermitted, ProviderFailed, ProviderUnavailable
from o2sidecar.settings.problems import Problem

ISSUER = "https://accounts.google.com"
LOGIN_URL = "https://accounts.google.com/o/oauth2/auth?access_type=offline"
"""Where `approval_prompt` is understood; with `access_type` there is a refresh token."""

_OWN_DOMAINS = frozenset({"gmail.com", "googlemail.com"})

_log = Logger()


class GooglePersons:
    """Persons whose email Google answers for, with their groups.

    `domains`: those whose addresses count only for accounts of the organisation that owns the domain. `directory`
    knows of groups; `groups`: those to ask about, none: all that somebody is in. `groups_matter`: whether groups
    decide who may pass. `allow_unverified_email`: whether an email is taken that nobody verified.
    """

    def __init__(
        self,
        persons: Persons,
        *,
        domains: Sequence[str],
        directory: GoogleDirectory | None,
        groups: Sequence[str],
        groups_matter: bool,
        allow_unverified_email: bool,
    ) -> None:
        self.decides = bool(domains) or groups_matter
        self._persons = persons
        self._domains = tuple(domains)
        self._directory = directory
        self._groups = tuple(groups)
        self._groups_matter = groups_matter
        self._allow_unverified_email = allow_unverified_email

    async def person(
        self, claims: Mapping[str, Any], *, endpoint: str, access_token: str, renewing: bool = False
    ) -> Person:
        """See `Persons`; the ID token has all that user info would say."""
        person = await self._persons.person(claims, endpoint="", access_token=access_token)
        return await self._vouched_for(person, claims, renewing=renewing)

    async def presented(self, claims: Mapping[str, Any], *, token: str) -> Person:
        """See `Persons`; the directory is asked with a token of its own."""
        return await self._vouched_for(await self._persons.presented(claims, token=token), claims)

    async def _vouched_for(self, person: Person, claims: Mapping[str, Any], *, renewing: bool = False) -> Person:
        if person.email:
            self._require_verified(claims)
            self._require_hosted(person.email, claims.get("hd"))
        return evolve(person, groups=await self._groups_of(person, renewing)) if self._directory else person

    def _require_verified(self, claims: Mapping[str, Any]) -> None:
        if claims.get("email_verified") is not True and not self._allow_unverified_email:
            raise NotPermitted(
                reason="email_unverified",
                sentence="Your e-mail address is not verified with Google.",
                detail="the id_token does not say that the email is verified (email_verified)",
            )

    def _require_hosted(self, email: str, hosted: Any) -> None:
        """Anybody can open an account by an address of any domain; `hd` says that the domain's owner gave it out."""
        domain = domain_of(email.lower())
        if domain in _OWN_DOMAINS or not domain_fits(domain, self._domains):
            return
        if not isinstance(hosted, str) or not domain_fits(hosted.lower(), self._domains):
            raise NotPermitted(
                reason="hosted_domain",
                sentence="Please sign in with the Google account that your organization gave you.",
                detail=f"the account with an address of {domain} is not one of its Google Workspace (hd)",
            )

    async def _groups_of(self, person: Person, renewing: bool) -> tuple[str, ...]:
        assert self._directory is not None
        try:
            if not person.email:
                return ()
            if self._groups:
                return await self._directory.groups_among(self._groups, person.email)
            return await self._directory.groups_of(person.email)
        except ProviderFailed as failed:
            if self._groups_matter or (renewing and isinstance(failed, ProviderUnavailable)):
                raise
            _log.warn("Google's groups could not be asked for: {trouble}", trouble=failed.detail)
            return ()


def _issuer(url: str) -> str:
    return url or ISSUER


@frozen(kw_only=True)
class Options(oidc.Options):
    """What settings say; beside those of OpenID Connect, groups and how to ask for them."""

    oidc_issuer_url: str = field(default="", converter=_issuer)
    email_domains: Sequence[str] = ()
    google_groups: Sequence[str] = ()
    google_admin_email: str = ""
    google_service_account_json: str = ""

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if bool(self.google_admin_email) != bool(self.google_service_account_json):
            raise ValueError("google_admin_email and google_service_account_json are of no use without each other")
        if self.google_groups and not self.google_service_account_json:
            raise ValueError("google_groups needs google_service_account_json and google_admin_email")

    @property
    def endpoints(self) -> dict[str, str]:
        """As for OpenID Connect, but for the login."""
        is_google = self.oidc_issuer_url == ISSUER
        return {**({"authorization_endpoint": LOGIN_URL} if is_google else {}), **super().endpoints}


def problems(said: Options) -> Iterator[Problem]:
    """What is wrong with what settings say, whether `Options` can be made of it or not."""
    pair = ("google_admin_email", "google_service_account_json")
    wanted = [key for key in ("google_groups", *pair) if getattr(said, key)]
    for key in pair:
        if wanted and not getattr(said, key):
            sentence = f"is missing: without it nobody can be asked about groups ({', '.join(wanted)})"
            yield Problem(names=(key,), sentence=sentence)


def build(options: Options, surroundings: Surroundings) -> OidcProvider:
    """Google of settings; raises `ValueError` naming a service account's file that cannot be used."""
    directory = _directory(options, surroundings)
    asked = (*options.google_groups, *options.allowed_groups) if options.google_groups else ()

    def persons(user_info: Persons) -> GooglePersons:
        return GooglePersons(
            user_info,
            domains=()
            if "*" in options.email_domains
            else [domain.strip().lower() for domain in options.email_domains],
            directory=directory,
            groups=asked,
            groups_matter=bool(options.google_groups or options.allowed_groups),
            allow_unverified_email=options.insecure_oidc_allow_unverified_email,
        )

    dialect = oidc.Dialect(
        name="Google", scope="openid email profile", persons=persons, allowed_groups=options.google_groups
    )
    return oidc.build(options, surroundings, dialect)


def _directory(options: Options, surroundings: Surroundings) -> GoogleDirectory | None:
    path = options.google_service_account_json
    if not path:
        return None
    try:
        account = ServiceAccount.parse(Path(path).read_bytes())
        configured_url(account.token_uri, "token_uri")
    except OSError as error:
        raise ValueError(f"google_service_account_json: {path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"google_service_account_json: {path}: {error}") from None
    return GoogleDirectory(
        client=surroundings.client,
        clock=surroundings.clock,
        account=account,
        admin_email=options.google_admin_email,
        scopes=MEMBER_SCOPES if options.google_groups else LIST_SCOPES,
    )
