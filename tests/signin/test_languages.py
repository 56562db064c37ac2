"""Tests of o2sidecar.signin.languages and of the catalogues in translations/."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.signin.languages import ENGLISH, Language, Languages, Said
from tests.signin.sentences import blank, of_code, of_templates

SHIPPED = Languages.shipped()
FRENCH = Language(
    "fr",
    {
        "Hello.": "Bonjour.",
        "{who} may not pass.": "{who} ne passe pas.",
        "{what} Again, please.": "{what} Encore, s'il vous plaît.",
        "{a} and {b}": "{b} et {a}",
    },
)


def catalogues() -> dict[str, Mapping[str, str]]:
    """The shipped catalogues by tag."""
    return {tag: language.sentences for tag, language in SHIPPED.known.items() if tag != ENGLISH}


class CatalogueTests(SynchronousTestCase):
    """A catalogue has what people may be told, and nothing else."""

    def test_there_is_german(self) -> None:
        """Besides English there is at least German."""
        self.assertIn("de", catalogues())

    def test_every_sentence_is_in_every_catalogue(self) -> None:
        """Whoever adds a sentence adds it to each; the message says which lines are missing."""
        for tag, sentences in catalogues().items():
            known = {blank(sentence) for sentence in sentences}
            framed = [each.removeprefix("{}") for each in known if each.startswith("{} ") and "{what}" not in each]

            def covered(text: str, known: set[str] = known, framed: list[str] = framed) -> bool:
                if text in known:
                    return True
                return any(text.endswith(end) and covered(text.removesuffix(end), known, framed) for end in framed)

            missing = [text for text in sorted(of_templates() | of_code()) if not covered(text) and not _rest(text)]
            self.assertEqual(missing, [], f"not in translations/{tag}.toml")

    def test_no_sentence_is_nobodys(self) -> None:
        """What no page says any more goes from the catalogues."""
        said = of_templates() | of_code()
        parts = {text.removesuffix(" Please sign in again.") for text in said}
        for tag, sentences in catalogues().items():
            exact = {blank(sentence) for sentence in sentences} - said - parts
            surplus = [text for text in exact if not any(_fits(text, each) for each in said)]
            self.assertEqual(surplus, [], f"only in translations/{tag}.toml")

    def test_places_are_kept(self) -> None:
        """A translation fills in what the English sentence does, no more and no less."""
        for tag, sentences in catalogues().items():
            for english, translated in sentences.items():
                places = [sorted(re.findall(r"\{[a-z]+\}", text)) for text in (english, translated)]
                self.assertEqual(places[0], places[1], (tag, english))
                self.assertEqual(translated.count("{"), len(places[1]), (tag, english))


def _rest(text: str) -> bool:
    """Whether it is only the frame that is put around another sentence."""
    return text.startswith("Those of your sign-in are deleted now")


def _fits(text: str, said: str) -> bool:
    pattern = ".+".join(re.escape(part) for part in said.split("{}"))
    return ("{}" in said and re.fullmatch(pattern, text) is not None) or text == "{} " + said


class SayingTests(SynchronousTestCase):
    """What is said in a language."""

    def test_own_sentences_are_filled(self) -> None:
        """Places take the values, in the order that the language has."""
        self.assertEqual(FRENCH.say("{a} and {b}", a="1", b="2"), "2 et 1")
        self.assertEqual(FRENCH.say("Unknown {a}", a="1"), "Unknown 1")

    def test_a_refusal_s_sentence_is_found_by_its_words(self) -> None:
        """Exactly, or with whatever stands in its places; a sentence in a sentence is translated too."""
        self.assertEqual(FRENCH.translated("Hello."), Said("Bonjour.", "fr"))
        self.assertEqual(FRENCH.translated("Eve may not pass."), Said("Eve ne passe pas.", "fr"))
        self.assertEqual(FRENCH.translated("Hello. Again, please."), Said("Bonjour. Encore, s'il vous plaît.", "fr"))

    def test_what_is_unknown_stays_english_and_says_so(self) -> None:
        """A person gets the English sentence rather than none, marked as English."""
        self.assertEqual(FRENCH.translated("Never heard of."), Said("Never heard of.", ENGLISH))
        self.assertEqual(SHIPPED.known[ENGLISH].translated("Never heard of."), Said("Never heard of.", ENGLISH))

    @given(st.text())
    def test_a_foreign_text_is_never_a_template(self, text: str) -> None:
        """X3: braces in what a provider or a person says are only characters."""
        self.assertEqual(FRENCH.translated(f"{text} may not pass.").text, f"{text} ne passe pas.")
        hostile = "{0.__class__} {who} {{ 7 * 7 }} %s"
        self.assertEqual(FRENCH.translated(f"{hostile} may not pass.").text, f"{hostile} ne passe pas.")
        self.assertEqual(FRENCH.translated(hostile).text, hostile)


class ChoiceTests(SynchronousTestCase):
    """Which language a browser gets."""

    def test_the_browser_s_preference_counts(self) -> None:
        """By quality, then by order; a region that we do not have falls back to its language."""
        for field, tag in (
            (b"de", "de"),
            (b"de-AT, en;q=0.5", "de"),
            (b"fr, de;q=0.4, en;q=0.8", "en"),
            (b"en;q=0.1, de;q=0.9", "de"),
            (b"DE-ch-1996", "de"),
            (b"de;q=0, en", "en"),
        ):
            self.assertEqual(SHIPPED.asked_for(field).tag, tag, field)

    def test_english_is_the_last_resort(self) -> None:
        """Nothing, nonsense and what we do not speak all get English."""
        for field in (None, b"", b"*", b"fr", b";;;,,,", b"de;q=2", b"de;q=x", b"../../etc/passwd", b"\xff\xfe", b"d"):
            self.assertEqual(SHIPPED.asked_for(field).tag, ENGLISH, field)
        self.assertEqual(SHIPPED.asked_for(b"fr," * 5000 + b"de").tag, ENGLISH, "a long list is cut")

    @given(st.binary(max_size=200))
    def test_any_field_gets_a_language(self, field: bytes) -> None:
        """Whatever a client sends, there is an answer to it."""
        self.assertIn(SHIPPED.asked_for(field).tag.lower(), SHIPPED.known)

    def test_an_operator_s_choice_must_exist(self) -> None:
        """A language that we have no catalogue of is refused, with those that there are."""
        self.assertEqual(SHIPPED.named("de-CH").tag, "de")
        with self.assertRaisesRegex(ValueError, r"'tlh'.* de, en"):
            SHIPPED.named("tlh")
