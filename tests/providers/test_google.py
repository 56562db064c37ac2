"""Tests for `o2sidecar.providers.google`: hosted domains, and groups by the Directory API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import evolve
from joserfc import jws
from joserfc.jwk import RSAKey
from twisted.internet.error import ConnectionRefusedError
from twisted.web.server import NOT_DONE_YET, Request

from o2sidecar.oauth.service_account import ServiceAccount
from o2sidecar.policy.admission import Admission
from o2sidecar.providers import google
from o2sidecar.refusals import ProviderFailed, ProviderUnavailable
from o2sidecar.session.session import Session
from tests.fakes import ISSUER, NOW, answering, id_token, silent
from tests.provider_apis import ACCOUNT, Directory, service_account_json, service_account_pem
from tests.providers.case import ProviderTestCase

STAFF, ADMINS = "staff@example.com", "admins@example.com"
ADMIN = "root@example.com"
HAS_MEMBER = "/admin/directory/v1/groups/staff%40example.com/hasMember/alice%40example.com"
LIST = "/admin/directory/v1/groups"


class GoogleTestCase(ProviderTestCase):
    """Google over an in-memory wire."""

    module = google

    def setUp(self) -> None:
        super().setUp()
        self.fake.claims = {"groups": None, "hd": "example.com", "preferred_username": None}
        self.directory = Directory(groups={STAFF: ["alice@example.com"], ADMINS: []})
        self.fake.apis = {
            "/service-token": self.directory.token,
            "/admin/directory/v1/": self.directory,
            LIST: self.directory,
        }
        self.key = Path(self.mktemp())
        self.key.write_bytes(service_account_json())

    def asking(self, *groups: str, **more: Any) -> dict[str, Any]:
        return {
            "google_groups": groups,
            "google_admin_email": ADMIN,
            "google_service_account_json": str(self.key),
            **more,
        }

    def admits(self, session: Session, **options: Any) -> bool:
        groups = (*self.make(**options).allowed_groups, *options.get("allowed_groups", ()))
        return Admission(email_domains=("*",), allowed_groups=groups).refusal(session) is None


class SignInTests(GoogleTestCase):
    """Who somebody is, and whether Google answers for the address."""

    def test_session(self) -> None:
        """The ID token says who it is; nothing else is asked."""
        session = self.session()
        self.assertEqual((session.user, session.email, session.groups), ("user-1", "alice@example.com", ()))
        self.assertNotIn("/userinfo", self.fake.paths())

    def test_login(self) -> None:
        """People are sent where oauth2-proxy sends them, for a refresh token; another login URL is taken as it is."""
        provider = google.build(google.Options(client_id="a", client_secret="b"), self.wire.surroundings)
        self.addCleanup(provider.stop)
        self.assertEqual(google.Options(client_id="a").endpoints, {"authorization_endpoint": google.LOGIN_URL})
        self.assertIn("access_type=offline", google.LOGIN_URL)
        self.assertEqual(
            dict(provider.authorization_parameters()), {"scope": "openid email profile", "approval_prompt": "force"}
        )
        self.assertEqual(
            self.wire.result(self.make(login_url="https://x.example/l").authorization_endpoint()), "https://x.example/l"
        )

    def test_unverified(self) -> None:
        """An email that is not said to be verified is refused, unless the option allows it."""
        for verified in (False, None, "true", 1):
            self.fake.claims["email_verified"] = verified
            self.assert_not_permitted("email_unverified")
        self.fake.claims["email_verified"] = None
        self.assertTrue(self.session(insecure_oidc_allow_unverified_email=True))

    def test_hosted_domain(self) -> None:
        """A1: where domains restrict, an address of theirs counts only for an account of that organisation."""
        self.assertTrue(self.session(email_domains=["example.com"]))
        self.assertTrue(self.session(email_domains=[" Example.COM "]))
        for hosted in (None, "", "evil.example", "example.com.evil", ["example.com"], True):
            self.fake.claims["hd"] = hosted
            self.assert_not_permitted("hosted_domain", email_domains=["example.com"])

    def test_sub_domains(self) -> None:
        """A rule for the domains below one wants an organisation below it, too."""
        self.fake.claims |= {"email": "a@x.corp.com", "hd": "x.corp.com"}
        self.assertTrue(self.session(email_domains=[".corp.com"]))
        self.fake.claims["hd"] = "x.evil.com"
        self.assert_not_permitted("hosted_domain", email_domains=[".corp.com"])

    def test_case_of_the_address(self) -> None:
        """However the address is written, the rule about its domain holds."""
        self.fake.claims |= {"email": "A@EXAMPLE.com", "hd": None}
        self.assert_not_permitted("hosted_domain", email_domains=["example.com"])

    def test_no_hosted_domain_needed(self) -> None:
        """Google answers for its own addresses; and where domains do not restrict, or others do, `hd` says nothing."""
        self.fake.claims["hd"] = None
        self.assertTrue(self.session(email_domains=["*"]))
        self.assertTrue(self.session(email_domains=["example.com", "*"]))
        self.assertTrue(self.session(email_domains=["other.example"]))
        self.assertTrue(self.session())
        self.fake.claims["email"] = "alice@gmail.com"
        self.assertTrue(self.session(email_domains=["gmail.com"]))

    def test_hosted_domain_at_refresh(self) -> None:
        """A1: a session whose account left the organisation ends at the refresh."""
        before = self.session(email_domains=["example.com"])
        self.assertTrue(self.renewed(before))
        self.fake.claims["hd"] = None
        self.assert_ended(before)

    def test_hosted_domain_of_bearer_tokens(self) -> None:
        """A1: the same goes for tokens that stand in the place of a login."""
        issuer = self.make(email_domains=["example.com"]).token_issuer
        self.assertTrue(self.wire.result(issuer.session(id_token(hd="example.com"))))
        self.assertIsInstance(self.wire.outcome(issuer.session(id_token())), Exception)


class GroupTests(GoogleTestCase):
    """A1: `google_groups` by the Directory API."""

    def test_member(self) -> None:
        """Of the groups asked about, those that somebody is in are the session's."""
        options = self.asking(STAFF, ADMINS)
        session = self.session(**options)
        self.assertEqual(session.groups, (STAFF,))
        self.assertTrue(self.admits(session, **options))

    def test_no_member(self) -> None:
        """Who is in none of them may not pass."""
        options = self.asking(ADMINS, "gone@example.com")
        session = self.session(**options)
        self.assertEqual(session.groups, ())
        self.assertFalse(self.admits(session, **options))

    def test_nested(self) -> None:
        """A member by another group is one."""
        self.directory.nested[ADMINS] = ["alice@example.com"]
        self.assertEqual(self.session(**self.asking(ADMINS)).groups, (ADMINS,))

    def test_other_domain(self) -> None:
        """Somebody of another domain is looked for among the members themselves, and counts while active."""
        self.fake.claims |= {"email": "eve@other.example", "hd": "other.example"}
        for status, expected in (("ACTIVE", (STAFF,)), ("SUSPENDED", ()), ("active", ()), (None, ())):
            self.directory.foreign[STAFF] = {"eve@other.example": status} if status else {}
            self.assertEqual(self.session(**self.asking(STAFF)).groups, expected)

    def test_allowed_groups_are_asked_about_too(self) -> None:
        """Groups of `allowed_groups` count beside them, by the same question."""
        options = self.asking(ADMINS, allowed_groups=[STAFF])
        session = self.session(**options)
        self.assertEqual(session.groups, (STAFF,))
        self.assertTrue(self.admits(session, **options))

    def test_all_groups(self) -> None:
        """Without `google_groups`, a session has all groups of the person, page by page."""
        self.directory.groups = {f"g{number}@example.com": ["alice@example.com"] for number in range(5)}
        session = self.session(**self.asking())
        self.assertEqual(session.groups, tuple(self.directory.groups))
        self.assertTrue(self.admits(session, **self.asking(allowed_groups=["g4@example.com"])))
        self.assertFalse(self.admits(session, **self.asking(allowed_groups=["g5@example.com"])))

    def test_odd_names(self) -> None:
        """Groups whose names would be read as others are left out of the list."""
        self.fake.instead[LIST] = answering(
            {"groups": [{"email": name} for name in ("a@x", "b@x,c@x", "d\r\n@x", "", None, 7, "a@x")]}
        )
        self.assertEqual(self.session(**self.asking()).groups, ("a@x",))

    def test_assertion(self) -> None:
        """The service account asks for the administrator by a signed assertion, for one scope, for an hour."""
        self.session(**self.asking(STAFF))
        asked = self.directory.assertions[0]
        self.assertEqual(asked["header"], {"alg": "RS256", "typ": "JWT", "kid": "k-1"})
        self.assertEqual(
            asked["claims"],
            {
                "iss": ACCOUNT,
                "sub": ADMIN,
                "scope": "https://www.googleapis.com/auth/admin.directory.group.member.readonly",
                "aud": f"{ISSUER}/service-token",
                "iat": int(NOW),
                "exp": int(NOW) + 3600,
            },
        )
        self.assertEqual(asked["form"]["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer")
        self.assertTrue(
            jws.deserialize_compact(asked["form"]["assertion"], RSAKey.import_key(service_account_pem().decode()))
        )

    def test_scopes(self) -> None:
        """The next scope is tried where one was not granted; none of them refuses the sign-in."""
        self.directory.granted = {"group"}
        self.assertEqual(self.session(**self.asking(STAFF)).groups, (STAFF,))
        self.assertEqual(len(self.directory.assertions), 4)
        self.directory.granted = set()
        refusal = self.refusal(**self.asking(STAFF))
        self.assertEqual((type(refusal), refusal.reason), (ProviderFailed, "service_account"))
        self.assertIn("was not granted", refusal.detail)

    def test_token_is_kept(self) -> None:
        """An access token serves many sign-ins until shortly before its end, and is replaced when it is refused."""
        provider = self.make(**self.asking(STAFF))

        def sign_in() -> None:
            made = provider.sign_in(code="C", redirect_uri="x", code_verifier=None, nonce=None)
            self.assertEqual(self.wire.result(made).groups, (STAFF,))

        sign_in()
        sign_in()
        self.assertEqual(self.directory.tokens, 1)
        self.directory.tokens = 7
        sign_in()
        self.assertEqual(self.directory.tokens, 8)
        self.wire.clock.advance(3540)
        self.fake.claims["iat"], self.fake.claims["exp"] = NOW + 3540, NOW + 7140
        sign_in()
        self.assertEqual(self.directory.tokens, 9)

    def test_failing_directory(self) -> None:
        """Groups that decide and cannot be asked about refuse the sign-in."""
        for path, fault, kind in (
            (HAS_MEMBER, answering({}, 500), ProviderUnavailable),
            (HAS_MEMBER, answering({}, 429), ProviderUnavailable),
            (HAS_MEMBER, answering({"error": {"errors": [{"reason": "quotaExceeded"}]}}, 403), ProviderUnavailable),
            (HAS_MEMBER, answering({"error": {"errors": [{"reason": "forbidden"}]}}, 403), ProviderFailed),
            (HAS_MEMBER, answering({}, 401), ProviderFailed),
            (HAS_MEMBER, answering([]), ProviderFailed),
            (HAS_MEMBER, answering(b"{"), ProviderFailed),
            (HAS_MEMBER, answering(b"a" * (2 << 20)), ProviderFailed),
            ("/service-token", answering({}, 503), ProviderUnavailable),
            ("/service-token", answering({"error": "invalid_grant"}, 400), ProviderFailed),
            ("/service-token", answering(b"<html>", 200, "text/html"), ProviderFailed),
            ("/service-token", answering(None, 302, location="https://evil.example/"), ProviderFailed),
        ):
            self.fake.instead = {path: fault}
            self.assertIs(type(self.refusal(**self.asking(STAFF))), kind, path)

    def test_lying_directory(self) -> None:
        """Only a plain yes is one."""
        for member in (False, None, "true", 1, ["x"]):
            self.fake.instead[HAS_MEMBER] = answering({"isMember": member})
            self.assertEqual(self.session(**self.asking(STAFF)).groups, ())

    def test_list_that_fails(self) -> None:
        """A list of groups that fails, or does not end, refuses the sign-in only where groups decide."""
        for fault in (
            answering({}, 500),
            answering({"groups": [{"email": "a@x"}], "nextPageToken": "again"}),
            answering({"groups": {"email": "a@x"}}),
            answering({"groups": ["a@x"]}),
            answering({"groups": [], "nextPageToken": 7}),
        ):
            self.fake.instead[LIST] = fault
            self.assertEqual(self.session(**self.asking()).groups, ())
            self.assertIsInstance(self.refusal(**self.asking(allowed_groups=["a@x"])), ProviderFailed)
        self.assertLess(self.fake.paths().count(LIST), 250)

    def test_slow_directory(self) -> None:
        """A directory that does not answer is given up in time."""
        self.fake.instead[HAS_MEMBER] = silent
        provider = self.make(**self.asking(STAFF))
        waiting = self.wire.begin(provider.sign_in(code="C", redirect_uri="x", code_verifier=None, nonce=None))
        self.assertNoResult(waiting)
        self.wire.clock.advance(10)
        self.failureResultOf(waiting, ProviderUnavailable)

    def test_one_time_for_all_questions(self) -> None:
        """However many groups there are to ask about, a slow directory costs no more than one answer may take."""
        groups = [f"g{number}@example.com" for number in range(12)]
        held: list[Request] = []

        def hold(request: Request) -> int:
            held.append(request)
            return NOT_DONE_YET

        for group in groups:
            self.fake.instead[HAS_MEMBER.replace("staff", group.partition("@")[0])] = hold
        provider = self.make(**self.asking(*groups))
        waiting = self.wire.begin(provider.sign_in(code="C", redirect_uri="x", code_verifier=None, nonce=None))
        for seconds in (6, 3):
            self.assertEqual(len(held), 5)
            self.wire.clock.advance(seconds)
            for request in held:
                request.write(b'{"isMember": false}')
                request.finish()
            held.clear()
            self.wire.settle()
        self.assertEqual(len(held), 2)
        self.wire.clock.advance(1)
        self.failureResultOf(waiting, ProviderUnavailable)


class RefreshTests(GoogleTestCase):
    """Groups at refresh."""

    def setUp(self) -> None:
        super().setUp()
        self.before = self.session(**self.asking(STAFF))
        self.wire.clock.advance(1000)

    def test_taken_away(self) -> None:
        """A1: who left the group has lost it at the next refresh, with or without a new ID token."""
        self.assertEqual(self.renewed(self.before).groups, (STAFF,))
        self.directory.groups[STAFF] = []
        self.assertEqual(self.renewed(self.before).groups, ())
        self.fake.tokens["id_token"] = None
        self.assertEqual(self.renewed(self.before).groups, ())

    def test_without_a_refresh_token(self) -> None:
        """Google gives no refresh token where nobody consented anew; groups are asked about all the same."""
        before = evolve(self.before, refresh_token="")
        self.directory.groups[STAFF] = []
        self.assertEqual(self.renewed(before), evolve(before, created_at=NOW + 1000, groups=()))

    def test_outage(self) -> None:
        """While the directory is away, the session lives on to the end that it had, and no longer."""
        self.fake.instead[HAS_MEMBER] = answering({}, 503)
        self.assertEqual(self.renewed(self.before), self.before)
        self.assert_ended(evolve(self.before, expires_on=NOW + 1000))
        self.wire.cut(ConnectionRefusedError())
        self.assertIsNone(self.refreshed(self.before))

    def test_a_late_refusal(self) -> None:
        """A question that is refused late, by a token that was replaced meanwhile, does not cost the new one."""
        held: list[Request] = []

        def hold(request: Request) -> int:
            held.append(request)
            return NOT_DONE_YET

        self.fake.instead[HAS_MEMBER] = hold
        late = self.wire.begin(self.provider.refresh(self.before))
        del self.fake.instead[HAS_MEMBER]
        self.directory.tokens += 1
        self.renewed(self.before)
        fetched = self.directory.tokens
        held[0].setResponseCode(401)
        held[0].finish()
        self.wire.settle()
        self.assertIsInstance(self.successResultOf(late), Session)
        self.assertEqual(self.directory.tokens, fetched)

    def test_outage_where_groups_do_not_decide(self) -> None:
        """Groups that could not be asked for just now stay, and cost nobody the session."""
        options = {"google_admin_email": ADMIN, "google_service_account_json": str(self.key)}
        before = self.session(**options)
        self.assertEqual(before.groups, (STAFF,))
        self.fake.instead[LIST] = answering({}, 503)
        renewed = self.renewed(evolve(before, expires_on=NOW + 1000))
        self.assertEqual((renewed.groups, renewed.expires_on), ((STAFF,), NOW + 4600))

    def test_no_longer_granted(self) -> None:
        """When the directory refuses to answer, the rule cannot be checked, and the session ends."""
        self.fake.instead[HAS_MEMBER] = answering({}, 403)
        self.assert_ended(self.before)


class BearerTests(GoogleTestCase):
    """A1: groups of tokens that stand in the place of a login."""

    def test_groups(self) -> None:
        """They are asked about as at a sign-in."""
        options = self.asking(STAFF)
        issuer = self.make(**options).token_issuer
        for email, expected in (("alice@example.com", True), ("bob@example.com", False)):
            session = self.wire.result(issuer.session(id_token(email=email, groups=[STAFF])))
            self.assertEqual(self.admits(session, **options), expected)


class OptionTests(GoogleTestCase):
    """Settings that cannot work."""

    def test_incomplete(self) -> None:
        """Groups that could not be asked about would restrict nobody, so they are refused."""
        for options in (
            {"google_groups": [STAFF]},
            {"google_groups": [STAFF], "google_admin_email": ADMIN},
            {"google_admin_email": ADMIN},
            {"google_service_account_json": str(self.key)},
        ):
            self.assertRaises(ValueError, self.make, **options)

    def test_service_account(self) -> None:
        """A file that holds no usable key is named, and nothing of it shown."""
        small = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n"
        for content in (
            b"",
            b"[]",
            b"hunter2",
            service_account_json(private_key=None),
            service_account_json(client_email=None),
            service_account_json(private_key=small),
            service_account_json(private_key=7),
            service_account_json(token_uri="file:///hunter2"),
        ):
            self.key.write_bytes(content)
            refused = self.assertRaises(ValueError, self.make, **self.asking(STAFF))
            self.assertIn(str(self.key), str(refused))
            self.assertNotIn("hunter2", str(refused))
        self.key.unlink()
        self.assertIn("cannot be read", str(self.assertRaises(ValueError, self.make, **self.asking(STAFF))))

    def test_defaults_of_the_file(self) -> None:
        """The token endpoint is Google's unless the file names another; the key does not show."""
        account = ServiceAccount.parse(service_account_json(token_uri=None, private_key_id=None))
        self.assertEqual((account.token_uri, account.key_id), ("https://oauth2.googleapis.com/token", ""))
        self.assertNotIn("key=", repr(account).replace("key_id=", ""))
