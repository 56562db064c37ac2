"""Tests for `o2sidecar.oauth.claims`: who somebody is by an ID token and user info."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.oauth.claims import ClaimRules, Person, group_names
from o2sidecar.refusals import NotPermitted, ProviderFailed

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def person(claims: dict[str, Any], user_info: dict[str, Any] | None = None, **rules: Any) -> Person:
    """The person of these claims beside a subject."""
    return ClaimRules(**rules).person({"sub": "user-1", **claims}, user_info)


class PersonTests(SynchronousTestCase):
    """User, names and additional claims."""

    def test_standard_claims(self) -> None:
        """The standard claims make the person."""
        self.assertEqual(
            person({"email": "a@x.org", "groups": ["dev", "ops"], "preferred_username": "alice"}),
            Person(user="user-1", email="a@x.org", groups=("dev", "ops"), preferred_username="alice"),
        )

    def test_nothing_told(self) -> None:
        """A subject alone is a person without an email."""
        self.assertEqual(person({}), Person(user="user-1"))

    def test_control_characters(self) -> None:
        """F10: a name or email with control characters would become somebody else's in a header; it is refused."""
        for name in ("sub", "email", "preferred_username"):
            for text in ("a\nb", "alice\r", "\x00", "a\x7f", "a\u2028b", "a\x85"):
                with self.assertRaises(ProviderFailed):
                    person({name: text})

    def test_claims_of_other_types(self) -> None:
        """Numbers become text; lists, objects and truth values are no names."""
        self.assertEqual(person({"preferred_username": 7}).preferred_username, "7")
        others: tuple[object, ...] = ([], ["a"], {}, True, False)
        for value in others:
            with self.assertRaises(ProviderFailed):
                person({"email": value})

    def test_additional_claims(self) -> None:
        """Lists and objects are kept as they are, numbers and truth values as text, what is absent not at all."""
        claims = {
            "dept": "R&D",
            "level": 7,
            "rate": 1.5,
            "boss": True,
            "tags": ["a", 1],
            "obj": {"k": "v"},
            "nil": None,
        }
        self.assertEqual(
            person(claims, additional_claims=(*claims, "missing", "obj.k")).additional_claims,
            {
                "dept": "R&D",
                "level": "7",
                "rate": "1.5",
                "boss": "true",
                "tags": ["a", 1],
                "obj": {"k": "v"},
                "obj.k": "v",
            },
        )

    @settings(deadline=None)
    @given(st.dictionaries(st.sampled_from(["email", "groups", "email_verified", "preferred_username", "x"]), JSON))
    def test_any_claims(self, claims: dict[str, Any]) -> None:
        """Whatever the claims hold, there is a person of plain texts or a refusal."""
        try:
            found = person(claims, additional_claims=("x",))
        except (ProviderFailed, NotPermitted):
            return
        texts = (found.user, found.email, found.preferred_username, *found.groups)
        self.assertNotIn("Cc", {unicodedata.category(character) for text in texts for character in text})
        json.dumps(dict(found.additional_claims))


class GroupTests(SynchronousTestCase):
    """Groups, in the shapes that providers give them."""

    def test_shapes(self) -> None:
        """A list, a single text, numbers and objects (as JSON text)."""
        for claim, groups in (
            (["a", "b"], ("a", "b")),
            ("a", ("a",)),
            ("", ()),
            ([], ()),
            (None, ()),
            ([None, "", "a"], ("a",)),
            (7, ("7",)),
            ({"id": 1, "n": "é"}, ('{"id":1,"n":"é"}',)),
            ([{"id": 1}, ["x"], True], ('{"id":1}', '["x"]', "true")),
        ):
            self.assertEqual(person({"groups": claim}).groups, groups, claim)

    def test_dotted_name(self) -> None:
        """Dots reach into objects; a claim of the whole name goes first; a way that leads nowhere gives none."""
        claims = {"realm_access": {"roles": ["r"]}, "a.b": "whole", "a": {"b": "inner"}, "text": "x"}
        for name, groups in (("realm_access.roles", ("r",)), ("a.b", ("whole",)), ("text.y", ()), ("no.such", ())):
            self.assertEqual(person(claims, groups_claim=name).groups, groups)

    def test_control_characters(self) -> None:
        """F10: a group that a header would turn into another is left out, the others stay."""
        self.assertEqual(person({"groups": ["admin\n", "\x00admin", "dev", "a\rb"]}).groups, ("dev",))

    def test_many(self) -> None:
        """A3: a hundred thousand groups are just many."""
        self.assertEqual(len(person({"groups": [f"g{n}" for n in range(100_000)]}).groups), 100_000)


class EmailTests(SynchronousTestCase):
    """O17: which email is believed."""

    def assert_refused(self, *args: Any, **rules: Any) -> None:
        with self.assertRaises(NotPermitted) as caught:
            person(*args, **rules)
        self.assertEqual(caught.exception.status, 403)
        self.assertIn("verified", caught.exception.detail)

    def test_verified(self) -> None:
        """True, its text, and silence count as verified."""
        said: tuple[dict[str, object], ...] = (
            {"email_verified": True},
            {"email_verified": "true"},
            {"email_verified": "True "},
            {"email_verified": None},
            {},
        )
        for silence in said:
            self.assertEqual(person({"email": "a@x.org", **silence}).email, "a@x.org")

    def test_unverified(self) -> None:
        """Anything else refuses."""
        values: tuple[object, ...] = (False, "false", "False", "no", "", 0, 1, [], {})
        for verified in values:
            self.assert_refused({"email": "a@x.org", "email_verified": verified})

    def test_allowed_unverified(self) -> None:
        """The option takes it all the same."""
        claims = {"email": "a@x.org", "email_verified": False}
        self.assertEqual(person(claims, allow_unverified_email=True).email, "a@x.org")

    def test_other_email_claim(self) -> None:
        """Another claim than the standard one is not what `email_verified` is about."""
        claims = {"upn": "u@x.org", "email": "a@x.org", "email_verified": False}
        self.assertEqual(person(claims, email_claim="upn").email, "u@x.org")

    def test_from_user_info(self) -> None:
        """User info fills in an email, and vouches for it itself."""
        self.assertEqual(person({}, {"email": "b@x.org", "email_verified": True}).email, "b@x.org")
        self.assert_refused({"email_verified": True}, {"email": "b@x.org", "email_verified": False})

    def test_token_goes_first(self) -> None:
        """User info changes nothing that the ID token says, but may say that its email is not verified."""
        self.assertEqual(person({"email": "a@x.org"}, {"email": "b@x.org", "email_verified": False}).email, "a@x.org")
        self.assert_refused({"email": "a@x.org"}, {"email": "a@x.org", "email_verified": False})

    def test_user_never_from_user_info(self) -> None:
        """The user is the ID token's subject."""
        self.assertEqual(person({}, {"sub": "mallory"}).user, "user-1")


class MissingTests(SynchronousTestCase):
    """`ClaimRules.missing`."""

    def test_missing(self) -> None:
        """Email, groups and additional claims are worth asking for; an empty list is an answer."""
        rules = ClaimRules(additional_claims=("dept",))
        self.assertEqual(rules.missing({}), {"email", "groups", "dept"})
        self.assertEqual(rules.missing({"email": "a", "groups": [], "dept": ""}), set())
        self.assertEqual(ClaimRules(groups_claim="a.b").missing({"email": "a", "a": {"b": 1}}), set())


class GroupNameTests(SynchronousTestCase):
    """`group_names`."""

    @given(st.lists(st.text(st.sampled_from("ab,\n\x00é "), max_size=4) | st.none() | st.integers()))
    def test_names(self, found: list[Any]) -> None:
        """A list of them in a header field is read as the same names, each once and in order."""
        names = group_names(found)
        self.assertEqual(list(names), list(dict.fromkeys(",".join(names).split(",") if names else ())))
        self.assertTrue(set(names) <= set(found))
        self.assertFalse(any(set(name) & set("\n\x00") for name in names))

    def test_good(self) -> None:
        """Names that are none are left out."""
        self.assertEqual(group_names(["b", "a", "b", "", "c,d", None]), ("b", "a"))
