"""Tests for `o2sidecar.settings.own_options`: options that a provider of another package declares."""

from __future__ import annotations

import sys

import yaml
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.settings.load import ConversionAsked, HelpAsked, Loaded, SettingsRefused
from tests.other_package import install_package
from tests.settings.loading import load_with, refusal_of

PROVIDER = """
from collections.abc import Sequence
import attrs
from o2sidecar.settings.kinds import Duration, Texts
from o2sidecar.settings.own_options import own_option
from o2sidecar.settings.problems import Problem

@attrs.frozen(kw_only=True)
class Options:
    client_id: str
    scope: str = ""
    acme_tenant: str = own_option("whose people are asked for")
    acme_key: str = own_option("what the API wants", secret=True)
    acme_pin: int = own_option("what the door wants", default=0, secret=True)
    acme_teams: Texts = own_option("who may pass", default=())
    acme_sites: Sequence[str] = ()
    acme_strict: bool = False
    acme_level: int = 1
    acme_wait: Duration = 5.0

    def __attrs_post_init__(self):
        if self.acme_level > 9:
            raise ValueError("acme_level is too high")

def problems(options):
    if options.acme_strict and not options.acme_teams:
        yield Problem(names=("acme_strict", "scope"), sentence="needs teams")

def build(options, surroundings):
    return options
"""
GIVEN = {
    "PROVIDER": "acme",
    "O2SIDECAR_ACME_TENANT": "t-1",
    "O2SIDECAR_ACME_KEY": "hunter2",
}
FILE = """
server: {bindAddress: ":4180"}
providers:
- {id: one, provider: oidc, clientID: a, clientSecret: s, oidcConfig: {issuerURL: "https://idp.example.com"}}
- id: two
  provider: acme
  clientID: b
  clientSecret: s
  options: OPTIONS
"""
BESIDE = ("PROVIDER", "OIDC_ISSUER_URL", "CLIENT_ID", "CLIENT_SECRET", "UPSTREAMS")


class OwnOptionsCase(SynchronousTestCase):
    """A package that adds the provider `acme`."""

    def setUp(self) -> None:
        install_package(self, {"acme_provider": PROVIDER}, {"acme": "acme_provider"})

    def structured(self, options: str) -> Loaded:
        """Settings of a file whose second provider has these options."""
        files = {"a.yaml": FILE.replace("OPTIONS", options)}
        return load_with("--alpha-config=a.yaml", variables={"ACME": "hunter2"}, files=files, without=BESIDE)

    def refusal(self, options: str) -> str:
        """Why such a file is refused."""
        with self.assertRaises(SettingsRefused) as caught:
            self.structured(options)
        return str(caught.exception)


class GivenTests(OwnOptionsCase):
    """Where they are given."""

    def test_variables(self) -> None:
        """Variables are read by the kinds of the fields' annotations; what is not given is left to the class."""
        given = {"TEAMS": "a, b", "SITES": "x", "STRICT": "true", "LEVEL": "3", "WAIT": "1m"}
        loaded = load_with(variables={**GIVEN, **{f"O2SIDECAR_ACME_{key}": text for key, text in given.items()}})
        self.assertEqual(
            loaded.providers[0].own,
            {
                "acme_tenant": "t-1",
                "acme_key": "hunter2",
                "acme_teams": ("a", "b"),
                "acme_sites": ("x",),
                "acme_strict": True,
                "acme_level": 3,
                "acme_wait": 60.0,
            },
        )
        self.assertNotIn("no option has this variable", "\n".join(loaded.warnings))
        self.assertEqual(load_with(variables=GIVEN).providers[0].own, {"acme_tenant": "t-1", "acme_key": "hunter2"})

    def test_toml(self) -> None:
        """They are keys of the TOML file, whichever source names the provider; a variable goes before the file."""
        text = 'acme_tenant = "t-2"\nacme_level = 4\nacme_teams = ["a,b"]\n'
        for variables, file in ((GIVEN, text), ({**GIVEN, "PROVIDER": ""}, text + 'provider = "acme"\n')):
            loaded = load_with("--config=c.toml", variables=variables, files={"c.toml": file})
            own = loaded.providers[0].own
            self.assertEqual((own["acme_tenant"], own["acme_level"], own["acme_teams"]), ("t-1", 4, ("a,b",)))
        self.assertIn(
            "acme_levle (c.toml): no option has this key (did you mean acme_level?)",
            refusal_of("--config=c.toml", variables=GIVEN, files={"c.toml": "acme_levle = 4\n"}),
        )

    def test_structured_file(self) -> None:
        """In the structured file each provider has those of its entry, with variables put in place."""
        first, second = self.structured(
            "{acme_tenant: 7, acme_key: '${OAUTH2_PROXY_ACME}', acme_teams: [a, '${OAUTH2_PROXY_ACME}']}"
        ).providers
        self.assertEqual(first.own, {})
        self.assertEqual(second.own, {"acme_tenant": "7", "acme_key": "hunter2", "acme_teams": ("a", "hunter2")})

    def test_beside_the_structured_file(self) -> None:
        """Beside it a variable is ignored, with a word, and a key of the TOML file refused, as with other options."""
        files = {"a.yaml": FILE.replace("OPTIONS", "{acme_tenant: t, acme_key: k}"), "c.toml": "acme_level = 4\n"}
        loaded = load_with("--alpha-config=a.yaml", variables=GIVEN, files=files, without=BESIDE)
        self.assertIn("O2SIDECAR_ACME_TENANT: this is ignored", "\n".join(loaded.warnings))
        with self.assertRaises(SettingsRefused) as caught:
            load_with("--alpha-config=a.yaml", "--config=c.toml", variables=GIVEN, files=files, without=BESIDE)
        self.assertIn("acme_level (c.toml): this belongs into the structured file", str(caught.exception))

    def test_converted(self) -> None:
        """The conversion to the structured file takes them along."""
        variables = {**GIVEN, "O2SIDECAR_ACME_TEAMS": "a", "O2SIDECAR_ACME_WAIT": "90s", "O2SIDECAR_ACME_PIN": "0"}
        with self.assertRaises(ConversionAsked) as caught:
            load_with("--convert-config-to-alpha", variables=variables)
        self.assertIn("O2SIDECAR_ACME_TEAMS", caught.exception.remarks)
        self.assertNotIn("hunter2", caught.exception.remarks)
        text = caught.exception.text
        self.assertEqual(
            yaml.safe_load(text)["providers"][0]["options"],
            {"acme_tenant": "t-1", "acme_key": "hunter2", "acme_pin": 0, "acme_teams": ["a"], "acme_wait": "1m30s"},
        )
        [again] = load_with("--alpha-config=a.yaml", files={"a.yaml": text}, without=BESIDE).providers
        self.assertEqual(again.own, load_with(variables=variables).providers[0].own)


class RefusedTests(OwnOptionsCase):
    """What is wrong with them."""

    def test_all_at_once(self) -> None:
        """Missing and wrong ones are told together with all other problems, as the operator wrote them."""
        variables = {"PROVIDER": "acme", "O2SIDECAR_ACME_STRICT": "yes", "COOKIE_SECRET": "short"}
        refused = refusal_of(variables=variables)
        for words in (
            "O2SIDECAR_ACME_TENANT (acme_tenant): is missing: whose people are asked for",
            "O2SIDECAR_ACME_KEY (acme_key): is missing",
            'O2SIDECAR_ACME_STRICT: must be true or false, not "yes"',
            "OAUTH2_PROXY_COOKIE_SECRET: ",
        ):
            self.assertIn(words, refused)

    def test_in_the_structured_file(self) -> None:
        """There the place of each is named, and for an unknown key the nearest."""
        refused = self.refusal("{acme_tennant: t, acme_key: '', acme_level: high, nonsense: 1, client_id: x}")
        for words in (
            'options.acme_tennant (a.yaml): the provider has no option "acme_tennant" (did you mean acme_tenant?)',
            "acme_tenant in providers[1].options (a.yaml): is missing: whose people are asked for",
            "providers[1].options.acme_key (a.yaml): is missing: what the API wants",
            'providers[1].options.acme_level (a.yaml): must be a whole number, not "high"',
            'providers[1].options.nonsense (a.yaml): the provider has no option "nonsense" (there are acme_key, ',
            "providers[1].options.client_id (a.yaml): the provider has no option",
        ):
            self.assertIn(words, refused)
        self.assertIn("providers[1].options (a.yaml): must be a block of keys and values", self.refusal("[a]"))

    def test_of_our_own(self) -> None:
        """A provider without such options takes none."""
        files = {"a.yaml": FILE.replace("provider: acme", "provider: github").replace("OPTIONS", "{github_org: x}")}
        with self.assertRaises(SettingsRefused) as caught:
            load_with("--alpha-config=a.yaml", files=files, without=BESIDE)
        self.assertIn("options.github_org (a.yaml): the provider has no option", str(caught.exception))

    def test_own_rules(self) -> None:
        """The provider's own rules are told with the rest, by the names that the operator wrote."""
        variables = {**GIVEN, "O2SIDECAR_ACME_STRICT": "1", "SCOPE": "a", "COOKIE_SECRET": "short"}
        refused = refusal_of(variables=variables)
        self.assertIn("O2SIDECAR_ACME_STRICT, OAUTH2_PROXY_SCOPE: needs teams", refused)
        self.assertIn("OAUTH2_PROXY_COOKIE_SECRET: ", refused)
        self.assertIn(
            "the options of acme cannot be used: acme_level is too high",
            refusal_of(variables={**GIVEN, "O2SIDECAR_ACME_LEVEL": "10"}),
        )

    def test_secrets(self) -> None:
        """A secret is in no message and no repr."""
        refused = refusal_of(variables={**GIVEN, "O2SIDECAR_ACME_PIN": "hunter3", "O2SIDECAR_ACME_LEVEL": "x"})
        self.assertIn("O2SIDECAR_ACME_PIN: must be of the kind NUMBER", refused)
        self.assertNotIn("hunter", refused)
        self.assertNotIn("hunter", repr(load_with(variables=GIVEN).providers))


class PackageTests(SynchronousTestCase):
    """Packages, good and bad."""

    def test_not_asked_for(self) -> None:
        """A package is not imported unless its provider is named, whatever is wrong with the settings."""
        install_package(self, {"acme_provider": PROVIDER}, {"acme": "acme_provider"})
        load_with(variables={"O2SIDECAR_ACME_TENANT": "t"})
        refusal_of(variables={"GITHUB_ORG": "x", "COOKIE_SECRET": "short"})
        refusal_of(variables={"PROVIDER": "acmee"})
        with self.assertRaises(HelpAsked) as caught:
            load_with("--help")
        self.assertNotIn("acme", caught.exception.text)
        self.assertNotIn("acme_provider", sys.modules)

    def test_unusable(self) -> None:
        """A package that cannot be used is a problem among others."""
        start = "import attrs\n@attrs.frozen(kw_only=True)\nclass Options:\n    client_id: str\n"
        for text, words in (
            ("import no_such_module", "cannot be loaded: ModuleNotFoundError"),
            ("1 / 0", "cannot be loaded: ZeroDivisionError"),
            ("", "is no provider: it needs Options, an attrs class, and build"),
            ("class Options: pass\ndef build(options, surroundings): pass", "is no provider"),
            (start, "is no provider"),
            (
                f"{start}    acme: dict = {{}}\ndef build(o, s): pass",
                "declares acme as <class 'dict'>, which is no kind",
            ),
            (f"{start}    acme: 'Nowhere' = 1\ndef build(o, s): pass", "annotations that cannot be read"),
        ):
            install_package(self, {"acme_provider": text}, {"acme": "acme_provider"})
            sys.modules.pop("acme_provider", None)
            refused = refusal_of(variables={"PROVIDER": "acme", "COOKIE_SECRET": "short"})
            self.assertIn("OAUTH2_PROXY_PROVIDER: ", refused, text)
            self.assertIn(words, refused, text)
            self.assertIn("OAUTH2_PROXY_COOKIE_SECRET: ", refused, text)

    def test_two_of_a_name(self) -> None:
        """Where two packages claim a name, neither is believed."""
        install_package(self, {"acme_one": PROVIDER}, {"acme": "acme_one"}, "acme-one")
        install_package(self, {"acme_two": PROVIDER}, {"acme": "acme_two"}, "acme-two")
        refused = refusal_of(variables=GIVEN)
        self.assertIn("several packages add a provider acme: acme_one, acme_two", refused)

    def test_our_names_stay_ours(self) -> None:
        """No package takes the name of a provider of o2sidecar's."""
        install_package(self, {"acme_provider": PROVIDER}, {"oidc": "acme_provider"})
        load_with()
        self.assertNotIn("acme_provider", sys.modules)
