"""GitLab: OpenID Connect, with groups from its user info and projects from its API as groups named `project:NAME`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote

from attrs import evolve, field, frozen

from o2sidecar.oauth.claims import ClaimRules, Person, group_names
from o2sidecar.oauth.gitlab_project import GitLabProject
from o2sidecar.provider_client import ProviderClient
from o2sidecar.providers import oidc
from o2sidecar.providers.oidc_provider import OidcProvider
from o2sidecar.providers.surroundings import Surroundings
from o2sidecar.providers.together import together
from o2sidecar.refusals import NotPermitted, ProviderFailed
from o2sidecar.settings.problems import Problem


class GitLabPersons:
    """Persons by what GitLab says of them now: nickname, verified email, groups, and access to `projects`.

    `root` is where GitLab lies; `allow_unverified_email`: whether an email is taken that nobody verified.
    """

    def __init__(
        self,
        *,
        client: ProviderClient,
        rules: ClaimRules,
        root: str,
        projects: Sequence[GitLabProject],
        allow_unverified_email: bool,
        groups_matter: bool,
    ) -> None:
        self.decides = groups_matter or bool(projects)
        self._client = client
        self._rules = rules
        self._root = root.rstrip("/")
        self._projects = tuple(projects)
        self._allow_unverified_email = allow_unverified_email

    async def person(
        self, claims: Mapping[str, Any], *, endpoint: str, access_token: str, renewing: bool = False
    ) -> Person:
        """See `Persons`; who is asked nothing is let in by nothing, so user info has its usual place at least."""
        headers = {"Accept": "application/json", "Authorization": f"Bearer {access_token}"}
        said = (await self._client.get(endpoint or f"{self._root}/oauth/userinfo", headers)).json_object()
        # OpenID Connect Core 1.0 §5.3.4: user info of another subject must not be used.
        if said.get("sub", claims["sub"]) != claims["sub"]:
            raise ProviderFailed(reason="user_info_subject", detail="the user info is of another subject (sub)")
        self._require_verified(said)
        person = self._rules.person({**claims, **{name: value for name, value in said.items() if value is not None}})
        nickname = said.get("nickname")
        works_on = await together(
            self._client, [partial(self._works_on, project, headers) for project in self._projects]
        )
        projects = [project.group for project, works in zip(self._projects, works_on, strict=True) if works]
        return evolve(
            person,
            user=nickname if nickname and group_names([nickname]) else person.user,
            groups=tuple(dict.fromkeys((*(g for g in person.groups if not _is_project(g)), *projects))),
        )

    async def presented(self, claims: Mapping[str, Any], *, token: str) -> Person:
        """See `Persons`; an ID token has the groups that somebody is in directly, and no projects.

        GitLab signs the tokens of CI jobs with the same keys, for any audience; they verify no email.
        """
        self._require_verified(claims)
        return self._rules.person(claims)

    def _require_verified(self, said: Mapping[str, Any]) -> None:
        if said.get("email_verified") is not True and not self._allow_unverified_email:
            raise NotPermitted(
                reason="email_unverified",
                sentence="Your e-mail address is not verified with GitLab.",
                detail="GitLab does not say that the email is verified (email_verified)",
            )

    async def _works_on(self, project: GitLabProject, headers: Mapping[str, str]) -> bool:
        answer = await self._client.get(f"{self._root}/api/v4/projects/{quote(project.name, safe='')}", headers)
        # GitLab answers 404 to who may not see a project; 403 only where the token may not ask at all.
        if answer.status == 404:
            return False
        found = answer.json_object()
        permissions = found.get("permissions")
        if found.get("archived") is True or not isinstance(permissions, dict):
            return False
        access = permissions.get("project_access") or permissions.get("group_access")
        level = access.get("access_level") if isinstance(access, dict) else None
        return isinstance(level, int) and not isinstance(level, bool) and level >= project.access_level


def _is_project(group: str) -> bool:
    """Groups of GitLab are paths; a claim that could be configured otherwise must not pose as a project."""
    return group.startswith("project:")


def _issuer(url: str) -> str:
    return url or "https://gitlab.com"


@frozen(kw_only=True)
class Options(oidc.Options):
    """What settings say; beside those of OpenID Connect, groups and projects of which one must be had."""

    oidc_issuer_url: str = field(default="", converter=_issuer)
    gitlab_groups: Sequence[str] = ()
    gitlab_projects: Sequence[str] = ()

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self.projects()

    @property
    def endpoints(self) -> dict[str, str]:
        """As for OpenID Connect; user info has a usual place where there is no discovery."""
        usual = {"userinfo_endpoint": f"{self.oidc_issuer_url.rstrip('/')}/oauth/userinfo"}
        return {**(usual if self.skip_oidc_discovery else {}), **super().endpoints}

    def projects(self) -> tuple[GitLabProject, ...]:
        """The projects; raises `ValueError` for what is none."""
        return tuple(GitLabProject.parse(text) for text in self.gitlab_projects)


def problems(said: Options) -> Iterator[Problem]:
    """What is wrong with what settings say, whether `Options` can be made of it or not."""
    for project in said.gitlab_projects:
        try:
            GitLabProject.parse(project)
        except ValueError as error:
            yield Problem(names=("gitlab_projects",), sentence=str(error))


def build(options: Options, surroundings: Surroundings) -> OidcProvider:
    """GitLab of settings."""
    projects = options.projects()
    scope = options.scope or "openid email"
    if projects and "read_api" not in scope.split():
        scope += " read_api"
    dialect = oidc.Dialect(
        name="GitLab",
        persons=lambda _: GitLabPersons(
            client=surroundings.client,
            rules=oidc.claim_rules(options),
            root=options.oidc_issuer_url,
            projects=projects,
            allow_unverified_email=options.insecure_oidc_allow_unverified_email,
            groups_matter=bool(options.gitlab_groups or options.allowed_groups),
        ),
        # The user is a nickname, which people choose.
        user_is_subject=False,
        allowed_groups=(*options.gitlab_groups, *(project.group for project in projects)),
    )
    return oidc.build(evolve(options, scope=scope), surroundings, dialect)
