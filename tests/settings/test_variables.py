"""Tests for the environment."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.settings.table import BY_KEY
from o2sidecar.settings.variables import read_environment, unknown_variables
from tests.settings.test_table import ALL


class EnvironmentTests(SynchronousTestCase):
    """Variables are read against the table."""

    def remarks(self, *names: str) -> str:
        """What is said about variables of these names."""
        return "\n".join(map(str, unknown_variables(dict.fromkeys(names, "secret-value"))))

    def test_values(self) -> None:
        """A variable of the peer or of ours sets its option."""
        given = read_environment({"OAUTH2_PROXY_UPSTREAMS": "a, b", "O2SIDECAR_DEFAULTS": "o2sidecar", "PATH": "/bin"})
        self.assertEqual(set(given), {"upstreams", "defaults"})
        self.assertEqual(given["upstreams"].read(BY_KEY["upstreams"].kind), ("a", "b"))
        self.assertEqual(given["upstreams"].name, "OAUTH2_PROXY_UPSTREAMS")

    def test_empty(self) -> None:
        """An empty variable is none."""
        self.assertEqual(read_environment({"OAUTH2_PROXY_SCOPE": ""}), {})

    def test_ours_only_with_our_prefix(self) -> None:
        """An option of ours has no variable of oauth2-proxy's kind."""
        self.assertEqual(read_environment({"OAUTH2_PROXY_DEFAULTS": "o2sidecar"}), {})

    def test_unknown(self) -> None:
        """An unknown variable is named with the nearest known one, without its value."""
        text = self.remarks("OAUTH2_PROXY_COOKIE_DOMAIN")
        self.assertIn("OAUTH2_PROXY_COOKIE_DOMAIN: no option has this variable; it is ignored", text)
        self.assertIn("did you mean OAUTH2_PROXY_COOKIE_DOMAINS?", text)
        self.assertNotIn("secret-value", text)
        self.assertIn("O2SIDECAR_DEFAULTS", self.remarks("O2SIDECAR_DEFAULT"))

    def test_slips(self) -> None:
        """Whoever writes the singular for the plural or the reverse, or the other prefix, is told the right name."""
        for option in ALL:
            bare = option.key.upper()
            slip = bare.removesuffix("S") if bare.endswith("S") else f"{bare}S"
            other = {"OAUTH2_PROXY": "O2SIDECAR", "O2SIDECAR": "OAUTH2_PROXY"}
            prefix = option.variable.removesuffix(f"_{bare}")
            for wrong in (f"{prefix}_{slip}", f"{other[prefix]}_{bare}"):
                if wrong not in {each.variable for each in ALL}:
                    self.assertIn(f"(did you mean {option.variable}?)", self.remarks(wrong))

    def test_flag_only(self) -> None:
        """A variable for what is a flag only is told apart."""
        self.assertIn("only be given as a flag", self.remarks("OAUTH2_PROXY_CONFIG"))

    def test_known_and_foreign(self) -> None:
        """Nothing is said about known variables and those of others."""
        self.assertEqual(
            self.remarks("OAUTH2_PROXY_SCOPE", "OAUTH2_PROXY_HTPASSWD_FILE", "PATH", "OAUTH2_PROXYX", ""), ""
        )

    def test_kubernetes(self) -> None:
        """Nothing is said about variables by which Kubernetes describes a Service of our name."""
        names = ("SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT", "PORT_4180_TCP", "PORT_4180_TCP_ADDR")
        self.assertEqual(
            self.remarks(*(f"{own}_{name}" for own in ("OAUTH2_PROXY", "O2SIDECAR") for name in names)), ""
        )

    def test_hostile_name(self) -> None:
        """A huge or odd name gives a short printable remark."""
        text = self.remarks("OAUTH2_PROXY_" + "\x1b\n" * 10_000)
        self.assertTrue(len(text) < 1000 and text.isprintable())
