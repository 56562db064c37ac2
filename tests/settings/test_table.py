"""Tests for the table of options as a whole."""

from __future__ import annotations

import re
from typing import Any

import attrs
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.settings.kinds import LIST
from o2sidecar.settings.option import KnownOption, flag_of
from o2sidecar.settings.options import Settings
from o2sidecar.settings.table import BY_KEY, OPTIONS, Options
from o2sidecar.settings.table.later import LATER

ALL: tuple[KnownOption, ...] = (*OPTIONS, *LATER)


class TableTests(SynchronousTestCase):
    """What must hold for every line of the table."""

    def test_names_are_unique(self) -> None:
        """No two options share a key, a flag or a variable, but for the old key of Google's groups."""
        options = [option for option in ALL if option.key != "google_group"]
        for names in (
            [option.key for option in options],
            [option.flag for option in options],
            [option.variable for option in options],
        ):
            self.assertEqual(len(names), len(set(names)))

    def test_every_option_is_an_attribute(self) -> None:
        """The table and the attributes of `Settings` are the same."""
        self.assertEqual({option.key for option in OPTIONS}, {field.name for field in attrs.fields(Settings)})

    def test_peer_is_covered(self) -> None:
        """All 168 keys of oauth2-proxy are known."""
        self.assertEqual(sum(option.variable.startswith("OAUTH2_PROXY_") for option in ALL), 168)

    def test_variables_follow_from_keys(self) -> None:
        """A variable is the key in capitals with one of two prefixes."""
        for option in ALL:
            self.assertRegex(option.variable, f"^(OAUTH2_PROXY|O2SIDECAR)_{option.key.upper()}$")

    def test_irregular_flags(self) -> None:
        """Flags of lists are singular, but for those that oauth2-proxy named otherwise."""
        for key, flag in {
            "cookie_domains": "--cookie-domain",
            "upstreams": "--upstream",
            "skip_auth_regex": "--skip-auth-regex",
            "trusted_ips": "--trusted-ip",
            "provider_ca_files": "--provider-ca-file",
            "extra_jwt_issuers": "--extra-jwt-issuers",
            "redis_cluster_connection_urls": "--redis-cluster-connection-urls",
            "redis_sentinel_connection_urls": "--redis-sentinel-connection-urls",
        }.items():
            self.assertEqual(BY_KEY[key].flag, flag)
        self.assertEqual(BY_KEY["google_groups"].flag, "--google-group")

    def test_singular(self) -> None:
        """Only lists lose their plural."""
        self.assertEqual(flag_of("a_bs", ()), "--a-b")
        self.assertEqual(flag_of("a_bs", ""), "--a-bs")

    def test_defaults_are_of_their_kind(self) -> None:
        """Every default can be written and read again as the same value."""
        for option in ALL:
            text = option.kind.to_text(option.default)
            self.assertEqual(option.kind.from_text(text), option.default, option.key)

    def test_defaults_are_valid_together(self) -> None:
        """With what has no default, the defaults of either kind are settings."""
        needed = {"client_id": "a", "client_secret": "b", "cookie_secret": "0123456789abcdef", "email_domains": ("*",)}
        Settings(**needed)  # type: ignore[arg-type]
        Settings(**{option.key: option.sidecar_default for option in OPTIONS} | needed)

    def test_help(self) -> None:
        """Every option has a line of help, without a full stop."""
        for option in OPTIONS:
            self.assertTrue(re.fullmatch(r"[^\n]{8,120}(?<!\.)", option.help), option.key)

    def test_successors_exist(self) -> None:
        """A deprecated option names one that exists, and takes its place only with a value of the same kind."""
        for option in OPTIONS:
            if option.successor:
                self.assertIn(option.successor, BY_KEY)
            if option.stands_for:
                self.assertIs(BY_KEY[option.stands_for].kind, option.kind)

    def test_secrets(self) -> None:
        """Options that hold a secret are marked, and not shown."""
        secret = {option.key for option in OPTIONS if option.secret}
        of_redis = {key for key in secret if key.startswith("redis_")}
        self.assertEqual(
            secret - of_redis,
            {
                "accepted_cookie_secrets",
                "client_secret",
                "cookie_secret",
                "basic_auth_password",
                "github_token",
                "jwt_key",
            },
        )
        urls = {"redis_connection_url", "redis_sentinel_connection_urls", "redis_cluster_connection_urls"}
        self.assertEqual(of_redis, {"redis_password", "redis_sentinel_password", *urls})
        word = "hunter2"
        values: dict[str, Any] = {key: (word,) if BY_KEY[key].kind is LIST else word for key in secret}
        shown = repr(Options(**values))
        self.assertNotIn(word, shown)
