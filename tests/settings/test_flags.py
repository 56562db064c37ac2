"""Tests for the command line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.settings.flags import read_command_line
from o2sidecar.settings.problems import UsageRefused
from o2sidecar.settings.table import BY_KEY, OPTIONS
from o2sidecar.settings.table.later import LATER_BY_KEY


class CommandLineTests(SynchronousTestCase):
    """Flags are read as pflag reads them."""

    def value(self, key: str, *arguments: str) -> object:
        """The value that a command line gives an option."""
        return read_command_line(arguments).options()[key].read(BY_KEY[key].kind)

    def refused(self, *arguments: str) -> str:
        """The message with which a command line is refused."""
        return str(self.assertRaises(UsageRefused, read_command_line, arguments))

    def test_equals_sign(self) -> None:
        """A value may follow an equals sign, and hold more of them."""
        self.assertEqual(self.value("login_url", "--login-url=https://i/?a=b"), "https://i/?a=b")

    def test_next_argument(self) -> None:
        """A value may be the next argument, even if it looks like a flag."""
        self.assertEqual(self.value("client_secret", "--client-secret", "--x"), "--x")

    def test_empty_value(self) -> None:
        """An empty value is a value."""
        self.assertEqual(self.value("scope", "--scope="), "")
        self.assertEqual(self.value("scope", "--scope", ""), "")

    def test_bare_switch(self) -> None:
        """A bare switch is on and takes no argument."""
        command = read_command_line(["--skip-provider-button", "--scope=a"])
        self.assertIs(command.options()["skip_provider_button"].read(BY_KEY["skip_provider_button"].kind), True)
        self.assertIn("scope", command.options())

    def test_switch_off(self) -> None:
        """A switch is off with `=false`."""
        self.assertIs(self.value("cookie_secure", "--cookie-secure=false"), False)

    def test_switch_with_argument(self) -> None:
        """A truth value after a switch is refused with what to write; oauth2-proxy would ignore it."""
        self.assertIn("write --cookie-secure=false", self.refused("--cookie-secure", "false"))

    def test_stray_argument(self) -> None:
        """An argument that belongs to no flag is refused without being shown, since it may be a secret."""
        message = self.refused("--cookie-secret=", "hunter2")
        self.assertIn("after --cookie-secret", message)
        self.assertNotIn("hunter2", message)
        self.assertIn("at the beginning", self.refused("serve"))
        self.assertIn("unexpected", self.refused(""))

    def test_unknown_flag(self) -> None:
        """An unknown flag is named, its value is not, and the nearest known one is suggested."""
        message = self.refused("--client-secrt=hunter2")
        self.assertIn("unknown flag: --client-secrt (did you mean --client-secret?)", message)
        self.assertNotIn("hunter2", message)
        self.assertTrue(self.refused("--no-such-flag=1").endswith("--no-such-flag"))

    def test_misspelt_dashes(self) -> None:
        """One dash, underscores and plurals lead to the right flag."""
        self.assertIn("--upstream?", self.refused("-upstream=x"))
        self.assertIn("--cookie-secret?", self.refused("--cookie_secret=x"))
        self.assertIn("--email-domain?", self.refused("--email-domains=x"))

    def test_hostile_flag(self) -> None:
        """A huge or odd unknown flag gives a short printable message."""
        message = self.refused("--" + "\x1b\udcff" * 100_000)
        self.assertTrue(len(message) < 1000 and message.isprintable())

    def test_value_missing(self) -> None:
        """A flag at the end that needs a value is refused."""
        self.assertIn("--upstream needs a value", self.refused("--upstream"))

    def test_help(self) -> None:
        """`-h` and `--help` ask for help, whatever follows."""
        for flag in ("-h", "--help"):
            self.assertTrue(read_command_line([flag, "--no-such-flag"]).switch("--help"))

    def test_meta_flags(self) -> None:
        """Files and switches that are no options are kept apart from the options."""
        command = read_command_line(["--config=a.cfg", "--config", "b.cfg", "--config-test"])
        self.assertEqual(command.text("--config"), "b.cfg")
        self.assertEqual(command.text("--alpha-config"), "")
        self.assertTrue(command.switch("--config-test"))
        self.assertFalse(command.switch("--version"))
        self.assertEqual(command.options(), {})

    def test_meta_switch_that_is_no_truth_value(self) -> None:
        """A switch that is no option must have a truth value too."""
        command = read_command_line(["--config-test=maybe"])
        self.assertRaises(UsageRefused, command.switch, "--config-test")

    def test_overridden(self) -> None:
        """A flag with one value that is given twice is noticed; a list flag is not."""
        command = read_command_line(["--scope=a", "--upstream=a", "--scope=b", "--upstream=b"])
        self.assertEqual(command.overridden(), ["--scope"])

    def test_name(self) -> None:
        """An option is named by its flag and its key."""
        self.assertEqual(
            read_command_line(["--trusted-ip=x"]).options()["trusted_ips"].name, "--trusted-ip (trusted_ips)"
        )

    def test_secrets_are_not_shown(self) -> None:
        """A command line does not show its values."""
        self.assertNotIn("hunter2", repr(read_command_line(["--client-secret=hunter2"])))

    def test_later_options(self) -> None:
        """A flag of an option that is not built yet is known."""
        self.assertIn("htpasswd_file", read_command_line(["--htpasswd-file=x"]).options())
        self.assertIn("signature_key", LATER_BY_KEY)

    @given(st.lists(st.sampled_from([option.flag for option in OPTIONS]) | st.text(max_size=10), max_size=6))
    def test_any_arguments(self, arguments: list[str]) -> None:
        """Any arguments are a command line or are refused."""
        try:
            command = read_command_line(arguments)
        except UsageRefused:
            return
        self.assertTrue(set(command.options()) <= set(BY_KEY) | set(LATER_BY_KEY))
