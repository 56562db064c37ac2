"""Tests for `o2sidecar.providers.github`: who somebody is by GitHub's API, and who is let in."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.internet.error import ConnectionRefusedError

from o2sidecar.providers import github
from o2sidecar.providers.github import GitHubRules, Options, build
from o2sidecar.refusals import ProviderFailed, ProviderUnavailable, SessionEnded
from o2sidecar.session.session import Session
from tests.fakes import CLIENT_ID, CLIENT_SECRET, ISSUER, NOW, answering, silent
from tests.providers.case import ProviderTestCase

GOOD: dict[str, Any] = {
    "client_id": CLIENT_ID,
    "client_secret": CLIENT_SECRET,
    "login_url": f"{ISSUER}/login/oauth/authorize",
    "redeem_url": f"{ISSUER}/login/oauth/access_token",
    "validate_url": f"{ISSUER}/api/",
}
TOKEN = "/login/oauth/access_token"


class GitHubTestCase(ProviderTestCase):
    """GitHub over an in-memory wire."""

    module = github
    good = GOOD

    def setUp(self) -> None:
        super().setUp()
        self.account = self.fake.github
        self.make()


class SignInTests(GitHubTestCase):
    """`GitHubProvider.sign_in`."""

    def test_session(self) -> None:
        """The session has login, primary address, organisations and teams, and the default life."""
        self.account.orgs = ["acme", "beta"]
        self.account.teams = ["acme:core", "beta:x"]
        self.assertEqual(
            self.session(),
            Session(
                created_at=NOW,
                expires_on=NOW + 604800,
                access_token="gho_1",
                email="octo@example.com",
                user="octo",
                groups=("acme", "beta", "acme:core", "beta:x"),
            ),
        )

    def test_requests(self) -> None:
        """The API is asked page by page until one is empty, by the person's token, and last whether that is alive."""
        self.session()
        self.assertEqual(
            [f"{asked.path}?{asked.query}" for asked in self.fake.asked],
            [
                f"{TOKEN}?",
                "/api/user/orgs?page=1&per_page=100",
                "/api/user/orgs?page=2&per_page=100",
                "/api/user/teams?page=1&per_page=100",
                "/api/user/teams?page=2&per_page=100",
                "/api/user/emails?",
                "/api/user?",
                "/api/?",
            ],
        )
        self.assertEqual({asked.headers["authorization"] for asked in self.fake.asked[1:]}, {"token gho_1"})
        form = self.fake.asked[0].form
        self.assertEqual((form["client_id"], form["client_secret"], form["code"]), (CLIENT_ID, CLIENT_SECRET, "C-1"))

    def test_life_of_tokens(self) -> None:
        """A token with an end makes the session end with it."""
        self.fake.tokens = {"expires_in": 28800}
        self.assertEqual(self.session().expires_on, NOW + 28800)

    def test_life_is_a_setting(self) -> None:
        """The default life comes from outside."""
        self.wire.surroundings = evolve(self.wire.surroundings, session_lifetime=60.0)
        self.assertEqual(self.session().expires_on, NOW + 60)
        self.wire.surroundings = evolve(self.wire.surroundings, session_lifetime=0.0)
        self.assertIsNone(self.session().expires_on)

    def test_refused_code(self) -> None:
        """GitHub refuses a code with 200 and an error; that signs nobody in."""
        self.fake.instead[TOKEN] = answering({"error": "bad_verification_code"})
        refusal = self.refusal()
        self.assertEqual((type(refusal), refusal.status), (ProviderFailed, 500))
        self.assertIn("bad_verification_code", refusal.detail)

    def test_emails(self) -> None:
        """O18: only a primary address that is verified stands for a person; otherwise there is none."""
        for entry, email in (
            ({"primary": True, "verified": True}, "a@x.org"),
            ({"primary": True, "verified": False}, ""),
            ({"primary": False, "verified": True}, ""),
            ({"primary": "true", "verified": "true"}, ""),
            ({"primary": True}, ""),
            ({}, ""),
        ):
            self.account.emails = [{"email": "a@x.org", **entry}]
            self.assertEqual(self.session().email, email)
        self.account.emails = []
        self.assertEqual(self.session().email, "")

    def test_paging(self) -> None:
        """O18: an organisation on a late page counts, and a page that is full is not the last."""
        self.account.orgs = [f"org{n}" for n in range(30)]
        self.assertEqual(self.session(github_org="ORG29").groups[:30], tuple(self.account.orgs))
        self.account.per_page = 100
        self.account.orgs = [f"org{n}" for n in range(250)]
        self.assertTrue(self.session(github_org="org249"))

    def test_endless_pages(self) -> None:
        """A list that does not end is refused after a bounded number of requests."""
        self.fake.instead["/api/user/orgs"] = answering([{"login": "acme"}])
        self.assertIsInstance(self.refusal(), ProviderFailed)
        self.assertEqual(self.fake.paths().count("/api/user/orgs"), 100)

    def test_hostile_answers(self) -> None:
        """Answers of other shapes, and names that would be read otherwise elsewhere, sign nobody in."""
        cases: dict[str, tuple[object, ...]] = {
            "/api/user/orgs": ({}, [1], [{}], [{"login": 7}], [{"login": "a\nb"}], [{"login": ""}], None),
            "/api/user/teams": (
                [{"slug": "x"}],
                [{"slug": "x", "organization": "acme"}],
                [{"organization": {"login": "a"}}],
            ),
            "/api/user/emails": (
                {},
                [7],
                [{"primary": True, "verified": True}],
                [{"primary": True, "verified": True, "email": "a b@x"}],
            ),
            "/api/user": ([], {}, {"login": None}, {"login": "a b"}, {"login": "octo\r\n"}),
        }
        for path, answers in cases.items():
            for odd in answers:
                self.fake.instead = {path: answering(odd)}
                self.assertIsInstance(self.refusal(), ProviderFailed, (path, odd))

    def test_failing_api(self) -> None:
        """Errors of any call of the API sign nobody in; overload is told as an outage."""
        for path in ("/api/user/orgs", "/api/user/teams", "/api/user/emails", "/api/user", "/api/"):
            for status, kind in (
                (401, ProviderFailed),
                (404, ProviderFailed),
                (302, ProviderFailed),
                (429, ProviderUnavailable),
                (502, ProviderUnavailable),
            ):
                self.fake.instead = {path: answering({"message": "no"}, status)}
                self.assertIs(type(self.refusal()), kind)

    def test_down(self) -> None:
        """While GitHub is away, sign-ins are told to wait."""
        self.wire.cut(ConnectionRefusedError())
        self.assertIsInstance(self.refusal(), ProviderUnavailable)


class RestrictionTests(GitHubTestCase):
    """A1: each restriction lets some in and keeps others out, at sign-in."""

    def test_org(self) -> None:
        """`github_org`, in any case of letters."""
        self.assertTrue(self.session(github_org="ACME"))
        self.assert_not_permitted("github_org", github_org="other")
        self.assertIn("organization", self.refusal(github_org="other").detail)

    def test_team(self) -> None:
        """`github_team` within the organisation, a list in any case of letters."""
        self.assertTrue(self.session(github_org="acme", github_team="nope, Core"))
        self.assert_not_permitted("github_team", github_org="acme", github_team="nope")

    def test_team_of_another_org(self) -> None:
        """A team of the same name elsewhere is another team."""
        self.account.orgs = ["acme", "evil"]
        self.account.teams = ["evil:core"]
        self.assert_not_permitted("github_team", github_org="acme", github_team="core")

    def test_qualified_team(self) -> None:
        """`org:team` needs no `github_org`; with one, both must hold."""
        self.assertTrue(self.session(github_team="acme:core"))
        self.assert_not_permitted("github_team", github_team="other:core")
        self.assert_not_permitted("github_org", github_org="other", github_team="acme:core")

    def test_users(self) -> None:
        """`github_users` alone lets in only those; beside others it lets in those as well."""
        self.assertTrue(self.session(github_users=["OCTO"]))
        self.assert_not_permitted("github_user", github_users=["someone"])
        self.assertTrue(self.session(github_users=["octo"], github_org="other"))
        self.assertTrue(self.session(github_users=["someone"], github_org="acme"))
        self.assert_not_permitted("github_org", github_users=["someone"], github_org="other")

    def test_repo_with_our_token(self) -> None:
        """`github_repo` with `github_token` asks for collaborators by that token."""
        self.account.collaborators = ["octo"]
        self.assertTrue(self.session(github_repo="acme/app", github_token="ours"))
        asked = next(asked for asked in self.fake.asked if "collaborators" in asked.path)
        self.assertEqual(
            (asked.path, asked.headers["authorization"]), ("/api/repos/acme/app/collaborators/octo", "token ours")
        )
        self.account.collaborators = []
        refusal = self.refusal(github_repo="acme/app", github_token="ours")
        self.assertEqual((type(refusal), refusal.status, refusal.reason), (ProviderFailed, 500, "github_repo"))
        self.assertIn("github_token", refusal.detail)

    def test_repo_with_their_token(self) -> None:
        """Without it, the person may push, or see what not everybody sees."""
        for repo, is_let_in in (
            ({"private": False, "permissions": {"pull": True, "push": True}}, True),
            ({"private": True, "permissions": {"pull": True, "push": False}}, True),
            ({"private": False, "permissions": {"pull": True, "push": False}}, False),
            ({"private": True, "permissions": {"pull": False}}, False),
            ({"private": True, "permissions": {}}, False),
            ({"private": True}, False),
            ({"permissions": "push"}, False),
            ({"permissions": {"push": "true"}}, False),
            (None, False),
        ):
            self.account.repo = repo
            if is_let_in:
                self.assertTrue(self.session(github_repo="acme/app"))
            else:
                self.assert_not_permitted("github_repo", github_repo="acme/app")

    def test_repo_check_fails(self) -> None:
        """When the check itself fails nobody is let in by it."""
        for path, options in (
            ("/api/repos/acme/app", {}),
            ("/api/repos/acme/app/collaborators/octo", {"github_token": "ours"}),
        ):
            for status in (200, 401, 403, 500):
                self.fake.instead = {path: answering([], status)}
                self.assertIsInstance(self.refusal(github_repo="acme/app", **options), ProviderFailed)

    def test_repo_and_org(self) -> None:
        """Both given, both must hold."""
        self.account.collaborators = ["octo"]
        self.assertTrue(self.session(github_repo="acme/app", github_token="ours", github_org="acme"))
        self.assert_not_permitted("github_org", github_repo="acme/app", github_token="ours", github_org="other")

    def test_names_in_paths(self) -> None:
        """A login cannot lead to another path of the API."""
        self.account.login = "octo/../../admin?x=1"
        self.refusal(github_repo="acme/app", github_token="ours")
        self.assertTrue(any("octo%2F..%2F..%2Fadmin%3Fx%3D1" in path for path in self.fake.paths()))


class RefreshTests(GitHubTestCase):
    """`GitHubProvider.refresh`."""

    def setUp(self) -> None:
        super().setUp()
        self.before = self.session()
        self.wire.clock.advance(1000)
        self.fake.asked.clear()

    def after(self, session: Session | None = None, **options: Any) -> Session | BaseException | None:
        self.make(**options)
        return self.refreshed(session or self.before)

    def test_alive(self) -> None:
        """A token that is alive makes the session young again, and changes nothing else; one request does it."""
        self.assertEqual(self.after(), evolve(self.before, created_at=NOW + 1000))
        self.assertEqual(
            [(asked.path, asked.headers["authorization"]) for asked in self.fake.asked], [("/api/", "token gho_1")]
        )

    def test_revoked(self) -> None:
        """A token that is taken back ends the session."""
        for status in (401, 403, 404, 302):
            self.fake.instead["/api/"] = answering({}, status)
            self.assertIsInstance(self.after(), SessionEnded)

    def test_outage(self) -> None:
        """While GitHub cannot answer, the session goes on, until its own end."""
        for fault in (answering({}, 500), answering({}, 429), answering({}, 403, retry_after="60")):
            self.fake.instead["/api/"] = fault
            self.assertIsNone(self.after())
        self.wire.cut(ConnectionRefusedError())
        self.assertIsNone(self.after())
        self.assertIsNone(self.after(evolve(self.before, expires_on=None)))
        self.assertIsInstance(self.after(evolve(self.before, expires_on=NOW + 1000)), SessionEnded)

    def test_slow(self) -> None:
        """A GitHub that does not answer is given up in time."""
        self.fake.instead["/api/"] = silent
        waiting = self.wire.begin(self.provider.refresh(self.before))
        self.wire.clock.advance(10)
        self.assertIsNone(self.successResultOf(waiting))

    def test_groups(self) -> None:
        """A4: where groups matter they are asked for again."""
        self.account.teams = []
        for options in ({"github_org": "acme"}, {"allowed_groups": ["acme"]}):
            renewed = self.after(**options)
            assert isinstance(renewed, Session)
            self.assertEqual(renewed.groups, ("acme",))

    def test_restrictions(self) -> None:
        """A1, A4: each restriction lets some stay and ends the sessions of others."""
        self.account.collaborators = ["octo"]
        self.account.repo = {"permissions": {"push": True}}
        for options in (
            {"github_org": "acme"},
            {"github_team": "acme:core"},
            {"github_users": ["octo"]},
            {"github_repo": "acme/app", "github_token": "ours"},
            {"github_repo": "acme/app"},
        ):
            self.assertIsInstance(self.after(**options), Session)
        self.account.orgs, self.account.teams, self.account.collaborators, self.account.repo = [], [], [], None
        for options in (
            {"github_org": "acme"},
            {"github_team": "acme:core"},
            {"github_users": ["someone"]},
            {"github_repo": "acme/app", "github_token": "ours"},
            {"github_repo": "acme/app"},
        ):
            self.assertIsInstance(self.after(**options), SessionEnded)

    def test_outage_of_groups(self) -> None:
        """An outage of the calls about groups leaves the session alone as well."""
        self.fake.instead["/api/user/orgs"] = answering({}, 502)
        self.assertIsNone(self.after(github_org="acme"))


class OptionsTests(GitHubTestCase):
    """`Options` and `build`."""

    def test_defaults(self) -> None:
        """Without addresses it is github.com."""
        provider = build(Options(client_id="c"), self.wire.surroundings)
        self.assertEqual(
            self.wire.result(provider.authorization_endpoint()), "https://github.com/login/oauth/authorize"
        )
        self.assertEqual(
            provider.authorization_parameters(), {"scope": "user:email read:org", "approval_prompt": "force"}
        )
        self.assertEqual(provider.display_name, "GitHub")
        self.assertEqual(self.make(provider_display_name="Forge").display_name, "Forge")

    def test_parameters(self) -> None:
        """Scope and prompt are what settings say."""
        provider = self.make(scope="user", prompt="select_account")
        self.assertEqual(provider.authorization_parameters(), {"scope": "user", "prompt": "select_account"})

    def test_nothing_to_start(self) -> None:
        """It needs nothing before the first sign-in, and no issuer is agreed on."""
        self.wire.result(self.provider.start())
        self.wire.result(self.provider.check_response_issuer("https://github.com/login/oauth"))
        self.provider.stop()
        self.assertEqual((self.provider.trouble(), self.fake.asked), ("", []))

    def test_unclear_team(self) -> None:
        """O18: a team of nobody knows which organisation is refused at the start, by its name."""
        for team in ("core", "acme:core, ops", " Core "):
            with self.assertRaises(ValueError) as caught:
                self.make(github_team=team)
            self.assertIn("github_team", str(caught.exception))

    def test_unclear_repo(self) -> None:
        """A repository has an owner and a name."""
        for repo in ("app", "acme/", "/app", "acme/app/x", "/"):
            with self.assertRaises(ValueError):
                self.make(github_repo=repo)

    def test_addresses(self) -> None:
        """Addresses that are none are refused by the option's name."""
        for option in ("login_url", "redeem_url", "validate_url"):
            with self.assertRaises(ValueError) as caught:
                self.make(**{option: "github.com"})
            self.assertIn(option, str(caught.exception))

    def test_secrets_do_not_show(self) -> None:
        """X4: the representation holds neither secret nor token."""
        self.assertNotIn("s3cret", repr(Options(client_id="c", client_secret="s3cret", github_token="s3cret")))

    def test_empty_entries(self) -> None:
        """Blanks and empty entries of lists say nothing."""
        rules = GitHubRules.read(org=" Acme ", team=" , ,", users=["", " "], repo="")
        self.assertEqual(rules, GitHubRules(org="acme"))
