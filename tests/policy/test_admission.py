"""Tests of who may pass."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.policy.admission import Admission, Constraints
from o2sidecar.session.session import Session
from tests.session.vectors import shared

ALICE = Session(user="user-1", email="alice@example.com", groups=("dev", "ops"))


class EmailTests(SynchronousTestCase):
    """Rules about emails."""

    def passes(self, email: str, *domains: str, listed: tuple[str, ...] = ()) -> bool:
        admission = Admission(email_domains=domains, listed_emails=lambda: frozenset(listed))
        refusal = admission.refusal(evolve(ALICE, email=email))
        if refusal is not None:
            self.assertEqual((refusal.reason, refusal.status), ("email_not_allowed", 403))
            self.assertEqual(refusal.sentence, f"{email} is not allowed here.")
        return refusal is None

    def test_everybody(self) -> None:
        """`*` lets every email pass."""
        self.assertTrue(self.passes("x@anywhere.example", "*"))
        self.assertTrue(self.passes("x@anywhere.example", "corp.example", "*"))

    def test_a1_domains(self) -> None:
        """A1: a domain lets its own emails pass, in any case, and no others."""
        self.assertTrue(self.passes("a@corp.com", "corp.com"))
        self.assertTrue(self.passes("A@CORP.COM", "Corp.com"))
        self.assertTrue(self.passes("a@b.org", "corp.com", "b.org"))
        for email in ("a@sub.corp.com", "a@corp.com.evil", "a@evilcorp.com", "a@corp", "corp.com"):
            self.assertFalse(self.passes(email, "corp.com"), email)

    def test_domains_below(self) -> None:
        """`.x` and `*.x` mean the domains below x, not x (CONTRACT §7)."""
        for rule in (".corp.com", "*.corp.com"):
            self.assertTrue(self.passes("a@x.corp.com", rule))
            self.assertTrue(self.passes("a@x.y.corp.com", rule))
            self.assertFalse(self.passes("a@corp.com", rule))
            self.assertFalse(self.passes("a@evilcorp.com", rule))

    def test_a2_odd_emails(self) -> None:
        """A2: emails that two readers could read differently fit no domain."""
        for email in (
            "a@evil@corp.com", "a@corp.com.evil", "a@corp.com\n", "a@\uff43orp.com", "@corp.com", "a b@corp.com",
            "a@corp.com ", "a\x00@corp.com", "a@evil.com\u2028@corp.com", "a@.corp.com", "a\x85@corp.com",
        ):  # fmt: skip
            self.assertFalse(self.passes(email, "corp.com"), email)
        self.assertFalse(self.passes("a@\u212aorp.com", "korp.com"), "the Kelvin sign is no k")

    def test_listed(self) -> None:
        """Listed addresses pass, in any case, as the list is at that moment."""
        self.assertTrue(self.passes("Bob@Example.com", listed=("bob@example.com",)))
        self.assertFalse(self.passes("bob@example.com", listed=("alice@example.com",)))
        listed: set[str] = set()
        admission = Admission(listed_emails=lambda: frozenset(listed))
        self.assertIsNotNone(admission.refusal(ALICE))
        listed.add("alice@example.com")
        self.assertIsNone(admission.refusal(ALICE))

    def test_a_word_on_the_list(self) -> None:
        """A2: a subject that a token names in the email's place is no word of the list; a local user's name may be."""
        admission = Admission(listed_emails=lambda: frozenset({"deploy"}))
        local = Session(user="deploy", email="deploy")
        for bearer in (evolve(local, access_token="T"), evolve(local, id_token="T"), evolve(local, refresh_token="T")):
            self.assertIsNotNone(admission.refusal(bearer))
        self.assertIsNone(admission.refusal(local))
        self.assertIsNone(Admission(email_domains=("*",)).refusal(bearer), "golden: any email is any subject")

    def test_listed_beside_domains(self) -> None:
        """A list adds to the domains."""
        self.assertTrue(self.passes("bob@b.org", "corp.com", listed=("bob@b.org",)))
        self.assertTrue(self.passes("a@corp.com", "corp.com", listed=("bob@b.org",)))

    def test_no_rule(self) -> None:
        """Without any rule no email passes."""
        self.assertFalse(self.passes("a@corp.com"))

    def test_no_email(self) -> None:
        """A session without email passes (golden auth-session-without-email), a login without one does not."""
        local = Session(user="local")
        for domains in (("corp.example",), ("*",)):
            admission = Admission(email_domains=domains)
            self.assertIsNone(admission.refusal(local))
            refusal = admission.refusal(local, signing_in=True)
            assert refusal is not None
            self.assertEqual((refusal.reason, refusal.status), ("email_not_allowed", 403))
        self.assertIsNone(Admission(email_domains=("*",)).refusal(ALICE, signing_in=True))

    @given(st.text(max_size=30))
    def test_any_email(self, email: str) -> None:
        """Only what has exactly one @ before exactly that domain fits it."""
        passes = self.passes(email or "x", "corp.com")
        local, _, domain = email.rpartition("@")
        self.assertTrue(not passes or (domain.lower() == "corp.com" and "@" not in local))


class GroupTests(SynchronousTestCase):
    """Rules about groups."""

    def refused(self, groups: tuple[str, ...], *allowed: str) -> bool:
        refusal = Admission(email_domains=("*",), allowed_groups=allowed).refusal(evolve(ALICE, groups=groups))
        if refusal is not None:
            self.assertEqual((refusal.reason, refusal.status), ("group_not_allowed", 403))
            self.assertTrue(refusal.sentence.startswith("alice@example.com is in none of the groups"))
        return refusal is not None

    def test_a1_one_in_common(self) -> None:
        """A1: one common group is enough, compared exactly."""
        self.assertFalse(self.refused(("dev", "ops"), "admins", "ops"))
        for groups in (("dev",), ("OPS",), ("ops ",), ("op",), ()):
            self.assertTrue(self.refused(groups, "admins", "ops"), groups)

    def test_no_rule(self) -> None:
        """Without allowed groups none is needed."""
        self.assertFalse(self.refused(()))

    def test_a3_odd_groups(self) -> None:
        """A3: an empty group is no group of everybody, and very many are no trouble."""
        self.assertTrue(self.refused(("",), "dev"))
        self.assertFalse(self.refused((*map(str, range(100_000)), "dev"), "dev"))

    def test_email_first(self) -> None:
        """Both kinds of rule must be met."""
        admission = Admission(email_domains=("corp.com",), allowed_groups=("dev",))
        refusal = admission.refusal(ALICE)
        assert refusal is not None
        self.assertEqual(refusal.reason, "email_not_allowed")


class ConstraintsTests(SynchronousTestCase):
    """Demands of a question to the auth endpoint."""

    def test_recorded(self) -> None:
        """Every recorded question is answered as oauth2-proxy did."""
        document = json.loads((shared() / "conformance" / "cases" / "auth.json").read_text("utf-8"))
        judged = 0
        for case in document["cases"]:
            for step in case["steps"]:
                target = urlsplit(step["request"]["target"])
                if target.path != "/oauth2/auth" or "allowed_" not in target.query or "mint" not in step["request"]:
                    continue
                fields = step["request"]["mint"][0]["session"]
                session = Session(
                    user=fields["user"], email=fields.get("email", ""), groups=tuple(fields.get("groups", ()))
                )
                admitted = Constraints.from_query(target.query.encode()).admit(session)
                self.assertEqual(202 if admitted else 403, step["expect"]["status"], target.query)
                judged += 1
        self.assertGreater(judged, 15)

    def admits(self, query: bytes, session: Session = ALICE) -> bool:
        return Constraints.from_query(query).admit(session)

    def test_no_demand(self) -> None:
        """What asks for nothing is met by everybody."""
        for query in (b"", b"allowed_groups=", b"allowed_groups=,", b"rd=/x&other=1", b"%%%"):
            self.assertTrue(self.admits(query), query)

    def test_emails(self) -> None:
        """Emails are compared exactly."""
        self.assertTrue(self.admits(b"allowed_emails=bob@example.com,alice%40example.com"))
        self.assertFalse(self.admits(b"allowed_emails=ALICE@example.com"))
        self.assertFalse(self.admits(b"allowed_emails=bob@example.com", Session(user="u")))

    def test_odd_emails(self) -> None:
        """An email with two @ is in no domain."""
        self.assertFalse(self.admits(b"allowed_email_domains=corp.com", Session(email="a@evil@corp.com")))
        self.assertFalse(self.admits(b"allowed_email_domains=.", Session(email="a@corp.com")))
        self.assertFalse(self.admits(b"allowed_email_domains=*", Session(email="a@corp.com")))

    @given(st.binary(max_size=60))
    def test_any_query(self, query: bytes) -> None:
        """Whatever the query, there is an answer; one that demands a group that nobody has is no."""
        Constraints.from_query(query)
        self.assertFalse(self.admits(query + b"&allowed_groups=nobody-has-this", Session(user="u")))
