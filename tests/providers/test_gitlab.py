"""Tests for `o2sidecar.providers.gitlab`: user info, groups and projects."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from o2sidecar.oauth.gitlab_project import GitLabProject
from o2sidecar.policy.admission import Admission
from o2sidecar.providers import gitlab
from o2sidecar.refusals import NotPermitted, ProviderFailed, ProviderUnavailable
from o2sidecar.session.session import Session
from tests.fakes import ISSUER, NOW, answering, id_token, silent
from tests.provider_apis import GitLabProjects
from tests.providers.case import ProviderTestCase

PROJECT = "/api/v4/projects/acme%2Fapp"


class GitLabTestCase(ProviderTestCase):
    """GitLab over an in-memory wire."""

    module = gitlab

    def setUp(self) -> None:
        super().setUp()
        self.fake.claims = {"groups": None, "groups_direct": ["acme"], "email_verified": None}
        self.fake.user_info = {
            "sub": "user-1",
            "nickname": "octo",
            "email": "octo@example.com",
            "email_verified": True,
            "groups": ["acme", "acme/core"],
        }
        self.projects = GitLabProjects()
        self.fake.apis["/api/v4/projects/"] = self.projects

    def admits(self, session: Session, **options: Any) -> bool:
        admission = Admission(email_domains=("*",), allowed_groups=self.make(**options).allowed_groups)
        return admission.refusal(session) is None


class SignInTests(GitLabTestCase):
    """Who somebody is."""

    def test_session(self) -> None:
        """The user is the nickname; email and groups are those of user info, which is asked by the person's token."""
        session = self.session()
        self.assertEqual(
            (session.user, session.email, session.groups), ("octo", "octo@example.com", ("acme", "acme/core"))
        )
        self.assertEqual(self.fake.asked[-1].headers["authorization"], "Bearer AT-1")
        self.assertEqual(self.fake.paths().count("/userinfo"), 1)

    def test_no_groups_any_more(self) -> None:
        """A1: an empty list of groups is no reason to believe the ID token's older one."""
        self.fake.claims["groups"] = ["acme"]
        self.fake.user_info["groups"] = []
        self.assertEqual(self.session().groups, ())

    def test_without_an_endpoint(self) -> None:
        """A document that names no user info endpoint does not spare anybody the question."""
        self.fake.discovery["userinfo_endpoint"] = None
        self.assertIs(type(self.refusal()), ProviderFailed)
        self.fake.instead["/oauth/userinfo"] = answering(self.fake.user_info)
        self.assertEqual(self.session().user, "octo")

    def test_nickname_that_is_none(self) -> None:
        """Without a usable nickname the user is the subject."""
        for nickname in (None, "", 7, "a\r\nb", "a,b", ["x"]):
            self.fake.user_info["nickname"] = nickname
            self.assertEqual(self.session().user, "user-1")

    def test_unverified(self) -> None:
        """An email that GitLab does not call verified is refused, unless the option allows it."""
        for verified in (False, None, "true", 1):
            self.fake.user_info["email_verified"] = verified
            self.assert_not_permitted("email_unverified")
        self.assertEqual(self.session(insecure_oidc_allow_unverified_email=True).email, "octo@example.com")

    def test_other_subject(self) -> None:
        """User info of somebody else is refused."""
        self.fake.user_info["sub"] = "user-2"
        self.assertEqual(self.refusal().reason, "user_info_subject")

    def test_failing_user_info(self) -> None:
        """While user info fails, nobody is signed in: their groups and email are not known."""
        for fault, kind in (
            (answering({}, 500), ProviderUnavailable),
            (answering({}, 429), ProviderUnavailable),
            (answering({}, 403), ProviderFailed),
            (answering([]), ProviderFailed),
            (answering(b"{"), ProviderFailed),
            (answering(b"a" * (2 << 20)), ProviderFailed),
            (answering(None, 302, location="https://evil.example/"), ProviderFailed),
        ):
            self.fake.instead["/userinfo"] = fault
            self.assertIs(type(self.refusal()), kind)

    def test_defaults(self) -> None:
        """GitLab.com is the issuer unless another is given; the scope gets `read_api` where projects decide."""
        self.assertEqual(gitlab.Options(client_id="a").oidc_issuer_url, "https://gitlab.com")
        for options, scope in (
            ({}, "openid email"),
            ({"allowed_groups": ["acme"], "gitlab_groups": ["acme"]}, "openid email"),
            ({"gitlab_projects": ["acme/app"]}, "openid email read_api"),
            ({"gitlab_projects": ["acme/app"], "scope": "openid read_api"}, "openid read_api"),
        ):
            self.assertEqual(self.make(**options).authorization_parameters()["scope"], scope)

    def test_without_discovery(self) -> None:
        """Without discovery user info is where GitLab has it."""
        self.fake.instead["/oauth/userinfo"] = answering(self.fake.user_info)
        by_hand = {
            "skip_oidc_discovery": True,
            "login_url": f"{ISSUER}/authorize",
            "redeem_url": f"{ISSUER}/token",
            "oidc_jwks_url": f"{ISSUER}/jwks",
        }
        self.assertEqual(self.session(**by_hand).user, "octo")


class RestrictionTests(GitLabTestCase):
    """A1: groups and projects at sign-in."""

    def test_groups(self) -> None:
        """`gitlab_groups` lets members of one of them pass; the path counts whole."""
        session = self.session()
        self.assertTrue(self.admits(session, gitlab_groups=["other", "acme/core"]))
        self.assertFalse(self.admits(session, gitlab_groups=["core"]))
        self.assertFalse(self.admits(session, gitlab_groups=["acme/core/deep"]))

    def test_projects(self) -> None:
        """`gitlab_projects` lets those pass who have the level in one of them, as a group named `project:…`."""
        cases: tuple[tuple[dict[str, Any], str, bool], ...] = (
            ({"project": 20}, "", True),
            ({"project": 10}, "", False),
            ({"project": 10}, "=10", True),
            ({"project": 30}, "=40", False),
            ({"project": 40}, "=40", True),
            ({"group": 30}, "=30", True),
            ({"project": 10, "group": 40}, "=30", False),
            ({}, "", False),
            ({"project": 40, "archived": True}, "", False),
        )
        for access, level, expected in cases:
            self.projects.put("acme/app", **access)
            options = {"gitlab_projects": [f"acme/app{level}"]}
            session = self.session(**options)
            self.assertEqual("project:acme/app" in session.groups, expected, (access, level))
            self.assertEqual(self.admits(session, **options), expected)

    def test_unknown_project(self) -> None:
        """Who may not see a project does not work on it."""
        options = {"gitlab_projects": ["acme/secret", "acme/app"]}
        self.projects.put("acme/app", project=30)
        session = self.session(**options)
        self.assertEqual(session.groups, ("acme", "acme/core", "project:acme/app"))
        self.assertTrue(self.admits(session, **options))

    def test_path_is_quoted(self) -> None:
        """A project's path is one part of the URL."""
        self.session(gitlab_projects=["acme/app", "42"])
        self.assertEqual([path for path in self.fake.paths() if "projects" in path], [PROJECT, "/api/v4/projects/42"])

    def test_a_group_cannot_pose_as_a_project(self) -> None:
        """A group that is named like a project does not count as one."""
        self.fake.user_info["groups"] = ["project:acme/app"]
        self.assertEqual(self.session(gitlab_projects=["acme/app"]).groups, ())

    def test_failing_api(self) -> None:
        """A project that cannot be asked about refuses the sign-in."""
        for fault, kind in (
            (answering({}, 500), ProviderUnavailable),
            (answering({}, 429), ProviderUnavailable),
            (answering({}, 401), ProviderFailed),
            (answering({}, 403), ProviderFailed),
            (answering([]), ProviderFailed),
            (answering(b"<html>"), ProviderFailed),
        ):
            self.fake.instead[PROJECT] = fault
            self.assertIs(type(self.refusal(gitlab_projects=["acme/app"])), kind)

    def test_odd_answers(self) -> None:
        """An answer that grants no level that is a number grants nothing."""
        odd: tuple[Any, ...] = (None, [], "x", {"project_access": 40}, {"project_access": {"access_level": "40"}})
        for permissions in odd:
            self.fake.instead[PROJECT] = answering({"permissions": permissions})
            self.assertNotIn("project:acme/app", self.session(gitlab_projects=["acme/app"]).groups)
        self.fake.instead[PROJECT] = answering({"permissions": {"project_access": {"access_level": True}}})
        self.assertNotIn("project:acme/app", self.session(gitlab_projects=["acme/app=10"]).groups)

    def test_slow_api(self) -> None:
        """A project that does not answer is given up in time."""
        self.fake.instead[PROJECT] = silent
        provider = self.make(gitlab_projects=["acme/app"])
        waiting = self.wire.begin(provider.sign_in(code="C", redirect_uri="x", code_verifier=None, nonce=None))
        self.assertNoResult(waiting)
        self.wire.clock.advance(10)
        self.failureResultOf(waiting, ProviderUnavailable)

    def test_projects_at_once(self) -> None:
        """Five projects are asked about at a time, and all of them in the time of one answer."""
        names = [f"acme/p{number}" for number in range(7)]
        for name in names:
            self.projects.put(name, project=30)
        self.assertEqual(len(self.session(gitlab_projects=names).groups), 9)
        for name in names:
            self.fake.instead[f"/api/v4/projects/acme%2Fp{name[-1]}"] = silent
        self.fake.asked.clear()
        provider = self.make(gitlab_projects=names)
        waiting = self.wire.begin(provider.sign_in(code="C", redirect_uri="x", code_verifier=None, nonce=None))
        asked = [path for path in self.fake.paths() if path.startswith("/api/v4/projects/")]
        self.assertEqual(len(asked), 5)
        self.wire.clock.advance(10)
        self.failureResultOf(waiting, ProviderUnavailable)
        self.assertEqual(self.wire.clock.getDelayedCalls(), [])


class ProjectOptionTests(GitLabTestCase):
    """`GitLabProject.parse`."""

    def test_good(self) -> None:
        """The level is reporter unless it is given."""
        self.assertEqual(GitLabProject.parse("a/b"), GitLabProject(name="a/b", access_level=20))
        self.assertEqual(GitLabProject.parse("a/b/c=50"), GitLabProject(name="a/b/c", access_level=50))

    def test_bad(self) -> None:
        """What is no path, and what is no level, is refused by a sentence that names it."""
        for text in ("", "=20", "a//b", "/a", "a b/c", "a/b=", "a/b=25", "a/b=twenty", "a/b=20=30", "a/b=٢٠"):
            self.assertRaises(ValueError, GitLabProject.parse, text)
            self.assertRaises(ValueError, gitlab.Options, client_id="a", gitlab_projects=[text])


class RefreshTests(GitLabTestCase):
    """Groups and projects at refresh."""

    def setUp(self) -> None:
        super().setUp()
        self.projects.put("acme/app", project=30)
        self.before = self.session(gitlab_projects=["acme/app"])
        self.wire.clock.advance(1000)

    def test_again(self) -> None:
        """Nickname, groups and projects are asked for anew by the new token."""
        self.fake.tokens = {"access_token": "AT-2", "refresh_token": "RT-2"}
        self.fake.user_info["groups"] = ["acme"]
        self.assertEqual(
            self.renewed(self.before),
            evolve(
                self.before,
                created_at=NOW + 1000,
                expires_on=NOW + 4600,
                access_token="AT-2",
                refresh_token="RT-2",
                groups=("acme", "project:acme/app"),
            ),
        )
        self.assertEqual(self.fake.asked[-1].headers["authorization"], "Bearer AT-2")

    def test_taken_away(self) -> None:
        """A1: who may not work on the project any more has lost its group, also when no new ID token came."""
        self.projects.put("acme/app", project=10)
        self.assertEqual(self.renewed(self.before).groups, ("acme", "acme/core"))
        self.fake.tokens = {"id_token": None}
        self.assertEqual(self.renewed(self.before).groups, ("acme", "acme/core"))

    def test_outage_of_the_api(self) -> None:
        """While it cannot be asked, the session has the new tokens, for the old ones are void, but not a new end."""
        self.fake.tokens = {"access_token": "AT-2", "refresh_token": "RT-2"}
        self.fake.instead[PROJECT] = answering({}, 503)
        self.assertEqual(
            self.renewed(self.before),
            evolve(self.before, access_token="AT-2", refresh_token="RT-2"),
        )
        self.wire.clock.advance(2600)
        self.assert_ended(self.before)

    def test_answers_that_cannot_be_used(self) -> None:
        """An answer that says nothing ends the session, since the rule cannot be checked."""
        for fault in (answering({}, 403), answering(b"x"), answering({}, 401)):
            self.fake.instead[PROJECT] = fault
            self.assert_ended(self.before)

    def test_other_person(self) -> None:
        """Another subject ends the session, though the session's user is the nickname."""
        self.fake.claims["sub"] = "user-2"
        self.assert_ended(self.before)
        self.fake.claims["sub"] = self.before.user
        self.assert_ended(self.before)
        self.assert_ended(evolve(self.before, id_token="ID-minted"))

    def test_a_hiccup_past_the_old_end(self) -> None:
        """Who came back in time has the grace of two refresh periods, although the old tokens have ended."""
        self.wire.surroundings = evolve(self.wire.surroundings, refresh_period=1800)
        self.make(gitlab_projects=["acme/app"])
        self.fake.instead[PROJECT] = answering({}, 503)
        before = evolve(self.before, expires_on=NOW + 900)
        self.assertEqual(self.renewed(before), before)
        self.wire.clock.advance(2599)
        self.assertEqual(self.renewed(before), before)
        self.wire.clock.advance(1)
        self.assert_ended(before)


class BearerTests(GitLabTestCase):
    """ID tokens that stand in the place of a login."""

    def test_claims_alone(self) -> None:
        """Nothing is asked by such a token; what it says of groups counts, and it names no project."""
        options = {"gitlab_projects": ["acme/app"], "gitlab_groups": ["dev"]}
        for groups, expected in ((["dev"], True), (["ops"], False)):
            token = id_token(groups=groups)
            session = self.wire.result(self.make(**options).token_issuer.session(token))
            self.assertEqual(self.admits(session, **options), expected)
        self.assertNotIn("/userinfo", self.fake.paths())

    def test_unverified(self) -> None:
        """A2: a token that verifies no email, as those of CI jobs, opens nothing."""
        issuer = self.make().token_issuer
        unverified: tuple[Any, ...] = (None, False, "true", 1)
        of_people_and_jobs: tuple[dict[str, Any], ...] = ({}, {"email": None, "user_email": "ceo@example.com"})
        for verified in unverified:
            for changes in of_people_and_jobs:
                token = id_token(**changes, email_verified=verified)
                self.assertIsInstance(self.wire.outcome(issuer.session(token)), NotPermitted)
