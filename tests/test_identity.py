"""Tests of the identity headers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.identity import RESERVED, HeaderRule, HeaderSource, IdentityHeaders, claim_texts, folded
from o2sidecar.session.session import Session

ALICE = Session(
    user="u-1",
    email="alice@example.com",
    groups=("dev", "ops"),
    preferred_username="alice",
    access_token="AT",
    created_at=0.0,
    additional_claims={"dept": "R&D", "level": 7, "org": {"unit": ["a", "b"]}, "on": True},
)


def rule(name: str, *claims: str, preserve: bool = False) -> HeaderRule:
    return HeaderRule(name=name, sources=tuple(HeaderSource(claim=claim) for claim in claims), preserve=preserve)


def headers(*rules: HeaderRule) -> IdentityHeaders:
    return IdentityHeaders(request_rules=rules, response_rules=(), auth_rules=())


class RuleTests(SynchronousTestCase):
    """A header rule gives one field's value."""

    def test_several_values_are_joined(self) -> None:
        """Groups become one value, joined by commas, unescaped as the peer has it."""
        self.assertEqual(rule("X-Groups", "groups").value(ALICE), "dev,ops")
        self.assertEqual(rule("X-Groups", "groups").value(Session(user="u", groups=("", "dev"))), "dev")

    def test_several_sources_are_joined(self) -> None:
        """Sources follow each other in the order in which they are stated."""
        source = HeaderSource(claim="user", prefix="id:")
        made = HeaderRule(name="X", sources=(HeaderSource(claim="email"), source, HeaderSource(value="fixed")))
        self.assertEqual(made.value(ALICE), "alice@example.com,id:u-1,fixed")

    def test_an_absent_claim_gives_nothing(self) -> None:
        """A prefix alone is no value."""
        made = HeaderRule(name="X", sources=(HeaderSource(claim="missing", prefix="id:"),))
        self.assertEqual(made.value(ALICE), "")

    def test_basic_credentials(self) -> None:
        """A Basic value is made of claim and password (RFC 7617)."""
        made = HeaderRule(name="Authorization", sources=(HeaderSource(claim="user", basic_auth_password="pw:1"),))
        self.assertEqual(made.value(ALICE), "Basic dS0xOnB3OjE=")

    def test_secrets_stay_out_of_the_repr(self) -> None:
        """A source that is printed tells neither its password nor its fixed value."""
        shown = repr(HeaderSource(claim="user", basic_auth_password="hunter2", value="s3cret"))
        self.assertNotIn("hunter2", shown)
        self.assertNotIn("s3cret", shown)


class ClaimTests(SynchronousTestCase):
    """Claims are read by name, additional ones by path."""

    def test_additional_claims(self) -> None:
        """Numbers and truth values become text, a dotted path reaches into objects, lists give several texts."""
        self.assertEqual(claim_texts(ALICE, "dept"), ["R&D"])
        self.assertEqual(claim_texts(ALICE, "level"), ["7"])
        self.assertEqual(claim_texts(ALICE, "on"), ["true"])
        self.assertEqual(claim_texts(ALICE, "org.unit"), ["a", "b"])

    def test_missing_paths(self) -> None:
        """A path that leads nowhere gives nothing, whatever it meets on the way."""
        for path in ("none", "dept.x", "org.none", "org.unit.0", ".", ""):
            self.assertEqual(claim_texts(ALICE, path), [], path)

    def test_times(self) -> None:
        """Times are RFC 3339; a time that nobody told is no value."""
        self.assertEqual(claim_texts(ALICE, "created_at"), ["1970-01-01T00:00:00Z"])
        self.assertEqual(claim_texts(ALICE, "expires_on"), [])


class IdentityTests(SynchronousTestCase):
    """An identity has its header lines ready made."""

    def test_lines(self) -> None:
        """What the app gets stands as fields and as lines."""
        identity = headers(rule("X-Forwarded-User", "user"), rule("X-None", "missing")).identify(ALICE)
        self.assertEqual(identity.request_fields, ((b"X-Forwarded-User", b"u-1"),))
        self.assertEqual(identity.request_lines, b"X-Forwarded-User: u-1\r\n")

    def test_gap_auth(self) -> None:
        """Answers name the email, else the user, unless that is switched off."""
        self.assertEqual(headers().identify(ALICE).response_fields, ((b"GAP-Auth", b"alice@example.com"),))
        self.assertEqual(headers().identify(Session(user="bob")).auth_fields, ((b"GAP-Auth", b"bob"),))
        claimed = Session(user="bob", additional_claims={"name": "Boss"})
        self.assertEqual(headers().identify(claimed).auth_fields, ((b"GAP-Auth", b"bob"),))
        silent = IdentityHeaders(request_rules=(), response_rules=(), auth_rules=(), gap_auth=False)
        self.assertEqual(silent.identify(ALICE).response_fields, ())

    @given(st.text(max_size=40))
    def test_no_claim_splits_a_field(self, claim: str) -> None:
        """Whatever a claim holds, the lines stay one line a field (security.md F10)."""
        identity = headers(rule("X-User", "preferred_username")).identify(Session(user="u", preferred_username=claim))
        lines = identity.request_lines
        self.assertIn(lines.count(b"\r\n"), (0, 1))
        self.assertNotIn(b"\n", lines.removesuffix(b"\r\n"))
        self.assertNotIn(b"\r", lines.removesuffix(b"\r\n"))
        self.assertNotIn(b"\0", lines)


class ReservedTests(SynchronousTestCase):
    """Names that a client may never send."""

    def test_both_families_always(self) -> None:
        """Both identity families are reserved whatever the options say (security.md F1)."""
        reserved = headers().reserved()
        for name in ("X-Forwarded-User", "X-Forwarded-Access-Token", "X-Auth-Request-Email", "GAP-Auth"):
            self.assertIn(folded(name.encode()), reserved)

    def test_injected_names(self) -> None:
        """A field that a rule sets is reserved too, unless its client value is to be kept."""
        made = headers(rule("Authorization", "id_token"), rule("X-Kept", "user", preserve=True))
        self.assertIn(b"authorization", made.reserved())
        self.assertNotIn(b"x-kept", made.reserved())
        self.assertEqual(made.preserved(), frozenset({b"x-kept"}))

    def test_identity_is_never_preserved(self) -> None:
        """The identity families are not kept from a client even if a rule asks for it (CONTRACT §10 #3)."""
        made = headers(rule("X-Forwarded-User", "user", preserve=True))
        self.assertEqual(made.preserved(), frozenset())
        self.assertIn(b"x-forwarded-user", made.reserved())

    @given(st.sampled_from(sorted(RESERVED)), st.data())
    def test_folding(self, name: bytes, data: st.DataObject) -> None:
        """Any case and any mix of `_` and `-` folds to the reserved name (security.md F2)."""
        spelt = bytes(
            data.draw(st.sampled_from([byte, ord(chr(byte).upper()), ord("_") if byte == ord("-") else byte]))
            for byte in name
        )
        self.assertEqual(folded(spelt), name)
