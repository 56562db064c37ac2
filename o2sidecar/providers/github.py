"""GitHub: OAuth 2 without ID tokens, so its API is asked who this is and what they belong to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Unpack

from attrs import evolve, field, frozen
from twisted.logger import Logger

from o2sidecar.providers.authorization_parameters import authorization_parameters
from o2sidecar.providers.client_options import ClientOptions, token_endpoint
from o2sidecar.providers.endpoint_urls import configured_url
from o2sidecar.providers.github_api import GitHubApi
from o2sidecar.providers.surroundings import Surroundings
from o2sidecar.providers.without_id_tokens import Common, WithoutIdTokens
from o2sidecar.refusals import NotPermitted, ProviderFailed, ProviderUnavailable, Refusal, SessionEnded
from o2sidecar.session.session import Session
from o2sidecar.settings.problems import Problem

_log = Logger()


@frozen(kw_only=True)
class GitHubRules:
    """Whom to let in; everybody where nothing is said.

    Attributes:
        org: people of this organisation.
        teams: of these people, or of everybody without `org`, those of one of these teams: `team` in `org`, or
            `org:team`.
        users: people named here need none of the rest.
        repo: `owner/name`: people who may push to this repository or are its collaborators.
    """

    org: str = field(default="")
    teams: frozenset[str] = frozenset()
    users: frozenset[str] = frozenset()
    repo: str = ""

    @classmethod
    def read(cls, *, org: str, team: str, users: Sequence[str], repo: str) -> GitHubRules:
        """Rules as options state them: `team` is a list with commas, and no name depends on its letters' case.

        Raises `ValueError` for a team of nobody knows which organisation, or a repository without an owner.
        """
        org = org.strip().lower()
        teams = [name.strip().lower() for name in team.split(",") if name.strip()]
        unclear = [name for name in teams if ":" not in name and not org]
        if unclear:
            raise ValueError(f"github_team {', '.join(unclear)} needs github_org, or the form org:team")
        if repo and len([part for part in repo.split("/") if part]) != 2:
            raise ValueError(f"github_repo {repo} is not of the form owner/name")
        return cls(
            org=org,
            teams=frozenset(name if ":" in name else f"{org}:{name}" for name in teams),
            users=frozenset(name.strip().lower() for name in users if name.strip()),
            repo=repo,
        )

    @property
    def asks_membership(self) -> bool:
        """Whether organisations and teams decide."""
        return bool(self.org or self.teams)

    def exempts(self, login: str) -> bool:
        """Whether somebody is let in by name."""
        return login.lower() in self.users

    def refusal(self, orgs: Sequence[str], teams: Sequence[str]) -> NotPermitted | None:
        """Why somebody of these organisations and teams (`org:team`) is not let in; `None` if nothing forbids it."""
        if self.users and not self.asks_membership and not self.repo:
            return _refused("github_user", "Your GitHub user is not on the list of those who may use this application.")
        if self.org and self.org not in {org.lower() for org in orgs}:
            return _refused("github_org", f"You are not a member of the GitHub organization {self.org}.")
        if self.teams and self.teams.isdisjoint(team.lower() for team in teams):
            return _refused("github_team", "You are not a member of a GitHub team that may use this application.")
        return None


def _refused(reason: str, sentence: str) -> NotPermitted:
    return NotPermitted(reason=reason, sentence=sentence, detail=sentence)


class GitHubProvider(WithoutIdTokens):
    """GitHub, or a GitHub Enterprise Server.

    `repo_token`: a token of ours that may list the collaborators of the rules' repository. `groups_matter`: whether
    groups are asked for again at each refresh. The rest is as in `WithoutIdTokens`.
    """

    def __init__(
        self, *, api: GitHubApi, rules: GitHubRules, repo_token: str, groups_matter: bool, **common: Unpack[Common]
    ) -> None:
        super().__init__(**common)
        self._api = api
        self._rules = rules
        self._repo_token = repo_token
        self._groups_matter = groups_matter

    async def sign_in(self, *, code: str, redirect_uri: str, code_verifier: str | None, nonce: str | None) -> Session:
        """See `Provider`; there is no ID token for a nonce to be in."""
        tokens = await self._redeem(code, redirect_uri, code_verifier)
        token = tokens.access_token
        orgs, teams = await self._api.orgs(token), await self._api.teams(token)
        email = await self._api.email(token)
        login = await self._api.login(token)
        await self._require_permitted(token, login, orgs, teams)
        await self._api.require_alive(token)
        return Session(
            created_at=self._clock.seconds(),
            expires_on=self._end(tokens.expires_on),
            access_token=token,
            refresh_token=tokens.refresh_token,
            email=email,
            user=login,
            groups=(*orgs, *teams),
        )

    async def refresh(self, session: Session) -> Session | None:
        """See `Provider`: the token must be alive, and who it belongs to still be let in."""
        try:
            return await self._checked_again(session)
        except ProviderUnavailable as unavailable:
            _log.warn("A session could not be checked again: {trouble}", trouble=unavailable.detail)
        except (ProviderFailed, NotPermitted) as refusal:
            raise SessionEnded(detail=str(refusal)) from None
        self._require_unexpired(session)
        return None

    async def _checked_again(self, session: Session) -> Session:
        token = session.access_token
        await self._api.require_alive(token)
        renewed = evolve(session, created_at=self._clock.seconds())
        if not self._groups_matter:
            await self._require_permitted(token, session.user, (), ())
            return renewed
        orgs, teams = await self._api.orgs(token), await self._api.teams(token)
        await self._require_permitted(token, session.user, orgs, teams)
        return evolve(renewed, groups=(*orgs, *teams))

    async def _require_permitted(self, token: str, login: str, orgs: Sequence[str], teams: Sequence[str]) -> None:
        if self._rules.exempts(login):
            return
        refusal = self._rules.refusal(orgs, teams)
        if refusal is not None:
            raise refusal
        if self._rules.repo and not await self._works_on(self._rules.repo, token, login):
            raise self._no_collaborator()

    def _no_collaborator(self) -> Refusal:
        sentence = f"You are not a collaborator of the GitHub repository {self._rules.repo}."
        if not self._repo_token:
            return _refused("github_repo", sentence)
        # GitHub answers 404 for people who are none, and for a github_token that may not see the repository: which of
        # the two it is nobody knows, so it is reported as oauth2-proxy does, as a failure of the check.
        return ProviderFailed(
            reason="github_repo",
            sentence=f"GitHub does not confirm that you are a collaborator of the repository {self._rules.repo}.",
            detail="the collaborator was not found; if this is wrong, look at what github_token may see",
        )

    async def _works_on(self, repo: str, token: str, login: str) -> bool:
        if self._repo_token:
            return await self._api.is_collaborator(repo, login, self._repo_token)
        return await self._api.may_change(repo, token)


@frozen(kw_only=True)
class Options(ClientOptions):
    """What settings say; the names are the options' keys.

    Making one raises `ValueError`, with a sentence, for settings that cannot work.
    """

    provider_display_name: str = ""
    login_url: str = ""
    redeem_url: str = ""
    validate_url: str = ""
    github_org: str = ""
    github_team: str = ""
    github_repo: str = ""
    github_token: str = field(default="", repr=False)
    github_users: Sequence[str] = ()
    allowed_groups: Sequence[str] = ()
    scope: str = ""
    prompt: str = ""
    approval_prompt: str = "force"

    def __attrs_post_init__(self) -> None:
        for option in ("login_url", "redeem_url", "validate_url"):
            if url := getattr(self, option):
                configured_url(url, option)
        self.rules()

    def rules(self) -> GitHubRules:
        """Whom to let in."""
        return GitHubRules.read(
            org=self.github_org, team=self.github_team, users=self.github_users, repo=self.github_repo
        )


def problems(said: Options) -> Iterator[Problem]:
    """What is wrong with what settings say, whether `Options` can be made of it or not."""
    teams = [team.strip() for team in said.github_team.split(",") if team.strip()]
    if not said.github_org and not all(":" in team for team in teams):
        sentence = "needs github_org, or teams written as org:team; without it the teams would restrict nobody"
        yield Problem(names=("github_team",), sentence=sentence)


def build(options: Options, surroundings: Surroundings) -> GitHubProvider:
    """GitHub of settings."""
    client, clock = surroundings.client, surroundings.clock
    rules = options.rules()
    return GitHubProvider(
        display_name=options.provider_display_name or "GitHub",
        login_url=options.login_url or "https://github.com/login/oauth/authorize",
        redeem_url=options.redeem_url or "https://github.com/login/oauth/access_token",
        api=GitHubApi(root=options.validate_url or "https://api.github.com/", client=client),
        tokens=token_endpoint(options, surroundings),
        rules=rules,
        repo_token=options.github_token,
        groups_matter=rules.asks_membership or bool(options.allowed_groups),
        parameters=authorization_parameters(
            scope=options.scope or "user:email read:org",
            prompt=options.prompt,
            approval_prompt=options.approval_prompt,
        ),
        lifetime=surroundings.session_lifetime,
        clock=clock,
    )
