"""Tests for the TOML file."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.settings.load import load
from o2sidecar.settings.table import BY_KEY
from o2sidecar.settings.table.later import LATER_BY_KEY
from tests.settings.loading import GOOD, load_with, refusal_of


class TomlFileTests(SynchronousTestCase):
    """The file of `--config` is read against the table."""

    def refused(self, content: bytes | str) -> str:
        """The message with which a file is refused."""
        return refusal_of("--config=o.cfg", files={"o.cfg": content})

    def test_values(self) -> None:
        """Values have TOML's kinds, or are texts as in a variable."""
        content = 'cookie_expire = "1h"\ncookie_secure = "false"\nskip_auth_routes = ["^/a,b$"]\n'
        content += 'whitelist_domains = "a.example, b.example"\nreverse_proxy = true\nhead_size_limit = 1024\n'
        values = load_with("--config=o.cfg", files={"o.cfg": content}).settings
        self.assertEqual(values.cookie_expire, 3600.0)
        self.assertIs(values.cookie_secure, False)
        self.assertEqual(values.skip_auth_routes, ("^/a,b$",))
        self.assertEqual(values.whitelist_domains, ("a.example", "b.example"))
        self.assertEqual((values.reverse_proxy, values.head_size_limit), (True, 1024))

    def test_file_of_the_seed(self) -> None:
        """The seed's ConfigMap starts, whatever it names."""
        content = """
            provider = "github"
            http_address = "0.0.0.0:4180"
            upstreams = ["http://127.0.0.1:8080"]
            redirect_url = "https://auth.example.com/oauth2/callback"
            cookie_domains = [".example.com"]
            cookie_secure = true
            cookie_httponly = true
            cookie_samesite = "lax"
            cookie_expire = "168h"
            cookie_refresh = "1h"
            email_domains = ["*"]
            pass_access_token = true
            pass_user_headers = true
            set_xauthrequest = true
            skip_provider_button = true
            reverse_proxy = true
            metrics_address = "0.0.0.0:44180"
            standard_logging = true
        """
        files = {"o.cfg": content}
        unset = ["PROVIDER", "OIDC_ISSUER_URL", "UPSTREAMS", "EMAIL_DOMAINS"]
        loaded = load_with("--config=o.cfg", files=files, without=unset)
        self.assertEqual(loaded.settings.cookie_domains, (".example.com",))
        self.assertEqual(loaded.settings.metrics_address, "0.0.0.0:44180")

    def test_names_of_files(self) -> None:
        """A file's name is shown escaped where it is not printable, a structured file's too."""
        said = refusal_of("--config=o\r\x1b.cfg", files={"o\r\x1b.cfg": "cookie_expire = 45\nnobody = 1\n"})
        self.assertIn("cookie_expire (o\\r\\x1b.cfg): ", said)
        self.assertIn("nobody (o\\r\\x1b.cfg): ", said)
        said = refusal_of("--alpha-config=a\x1b.yaml", files={"a\x1b.yaml": "nobody: 1\n"})
        self.assertIn("nobody (a\\x1b.yaml): ", said)

    def test_bare_duration(self) -> None:
        """A bare number is no duration, as oauth2-proxy would take it for nanoseconds."""
        self.assertIn(
            'cookie_expire (o.cfg): must be a duration in quotes with its unit, like "90s", not the number 45',
            self.refused("cookie_expire = 45"),
        )

    def test_unknown_keys(self) -> None:
        """Unknown keys and tables are named, each with the nearest known key."""
        text = self.refused("upstream = ['x']\n'cookie-secure' = true\nlogging_level = 'info'\n[server]\na = 1\n")
        self.assertIn("upstream (o.cfg): no option has this key (did you mean upstreams?)", text)
        self.assertIn("cookie-secure (o.cfg): no option has this key (did you mean cookie_secure?)", text)
        self.assertIn("logging_level (o.cfg): no option has this key", text)
        self.assertIn("server (o.cfg): no option has this key", text)

    def test_slips(self) -> None:
        """The singular for the plural, or the reverse, is refused with the right key."""
        slips = {key.removesuffix("s") if key.endswith("s") else f"{key}s": key for key in (*BY_KEY, *LATER_BY_KEY)}
        wrong = {slip: key for slip, key in slips.items() if slip not in slips.values()}
        text = self.refused("".join(f"{slip} = 1\n" for slip in wrong))
        for slip, key in wrong.items():
            self.assertIn(f"  {slip} (o.cfg): no option has this key (did you mean {key}?)", text)

    def test_syntax_error(self) -> None:
        """A syntax error is told with its line and column."""
        text = self.refused('ping_path = "/a"\nscope = = 1\n')
        self.assertIn('--config: "o.cfg" is no TOML: ', text)
        self.assertIn("(at line 2, column 9)", text)
        unfinished = self.refused('ping_path = "/a"\nupstreams = [1,')
        self.assertIn("at the document's end, line 2, column 16", unfinished)

    def test_missing_file(self) -> None:
        """A file that is not there is named."""
        self.assertIn('--config: "nofile.cfg" cannot be read: No such file', refusal_of("--config=nofile.cfg"))

    def test_directory_for_a_file(self) -> None:
        """A folder is no file."""
        self.assertRaisesRegex(Exception, "cannot be read: Is a directory", load, ["--config=."], GOOD)

    def test_hostile_files(self) -> None:
        """Files that are no text, nest too deep or hold huge numbers are refused, no traceback."""
        self.assertIn("is not text in UTF-8 (at byte 3)", self.refused(b"a =\xff"))
        self.assertIn("is no TOML", self.refused("a = \x00"))
        self.assertIn("is no TOML", self.refused("a = " + "[" * 100_000))
        self.assertIn("is no TOML", self.refused("header_count_limit = " + "9" * 10_000))

    def test_null_character(self) -> None:
        """A control character in a text is refused."""
        self.assertIn(
            "client_id (o.cfg): holds a control character",
            refusal_of("--config=o.cfg", files={"o.cfg": 'client_id = "a\\u0000b"'}, without=["CLIENT_ID"]),
        )
