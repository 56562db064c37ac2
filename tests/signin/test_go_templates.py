"""Tests of o2sidecar.signin.go_templates."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.refusals import LoginFailed, UpstreamFailed
from o2sidecar.signin.custom_templates import CustomTemplates
from o2sidecar.signin.template_files import TemplatesRefused
from tests.signin.house import house

SIGN_IN = (
    '{{define "sign_in.html"}}<html><body>{{.ProviderName}} {{.ProxyPrefix}} {{.StatusCode}} {{.Redirect}} '
    "{{.CustomLogin}} {{if .SignInMessage}}message={{.SignInMessage}}{{else}}no-message{{end}} "
    '{{.ProviderName | ToUpper}} {{ToLower "ABC"}} {{if eq .StatusCode 403}}forbidden{{end}} '
    '<a href="{{.ProxyPrefix}}/start?rd={{.Redirect}}">go</a>{{- /* comment */ -}} footer={{.Footer}}</body></html>'
    "{{end}}"
)
ERROR = "{{.StatusCode}} {{.Title}} msg={{.Message}} back={{.Redirect}} id={{.RequestID}} footer={{.Footer}}"


class GoTemplatesTests(SynchronousTestCase):
    """The operator's oauth2-proxy templates render unchanged."""

    def load(self, **files: str) -> CustomTemplates:
        """Load a folder with these files; `__` in a name stands for the dot."""
        folder = Path(self.mktemp())
        folder.mkdir()
        for name, source in files.items():
            (folder / name.replace("__", ".")).write_text(source, "utf-8")
        return CustomTemplates.load(folder)

    def test_a_sign_in_page_gets_its_values(self) -> None:
        """Fields, functions, comparisons and defined names work as in Go."""
        pages = house().pages(templates=self.load(sign_in__html=SIGN_IN))
        self.assertEqual(
            pages.sign_in(403, "/p?a=1&b=2").body.decode(),
            "<html><body>Example /oauth2 403 /p?a=1&amp;b=2 false no-message EXAMPLE abc forbidden "
            '<a href="/oauth2/start?rd=%2fp%3fa%3d1%26b%3d2">go</a>footer=</body></html>',
        )

    def test_values_are_escaped_for_their_place(self) -> None:
        """Escaping depends on the context, and no value leaves it (security.md X1)."""
        source = '<a title="{{.Redirect}}">x</a><script>var r = {{.Redirect}};</script>'
        pages = house().pages(templates=self.load(sign_in__html=source))
        body = pages.sign_in(200, '/"></script><b>').body.decode()
        self.assertEqual(body.count("<script>"), 1)
        self.assertNotIn("<b>", body)

    def test_the_operators_html_stays_html(self) -> None:
        """Banner and footer are the operator's words; a domain is escaped by us."""
        templates = self.load(sign_in__html="{{.SignInMessage}}|{{.Footer}}|{{.LogoData}}")
        own = house().pages(templates=templates, banner="<i>b</i>", footer="<i>f</i>")
        self.assertEqual(own.sign_in(200, "/").body, b"<i>b</i>|<i>f</i>|")
        domain = house().pages(templates=templates, email_domains=["<a>"])
        self.assertEqual(domain.sign_in(200, "/").body, b"Authenticate using &lt;a&gt;||")

    def test_an_error_page_gets_its_values(self) -> None:
        """A file without a definition is the page itself; the message ends with what the provider said."""
        pages = house().pages(templates=self.load(error__html=ERROR))
        page = pages.error(LoginFailed(reason="x", sentence="It says: <b>x"), request_id="r", redirect="/")
        self.assertEqual(page.body, b"403 Forbidden msg=It says: &lt;b&gt;x back=/ id=r footer=")
        self.assertEqual(page.status, 403)

    def test_an_app_that_is_down_gets_no_way_back(self) -> None:
        """The 502 page has an empty Redirect, as templates for oauth2-proxy expect."""
        pages = house().pages(templates=self.load(error__html="[{{.Redirect}}]"))
        self.assertEqual(pages.error(UpstreamFailed(reason="x"), request_id="r", redirect="/x").body, b"[]")

    def test_a_missing_file_is_ours(self) -> None:
        """Either file may be missing, and so may the folder."""
        only_error = house().pages(templates=self.load(error__html="E"))
        self.assertIn(b"Sign in with Example", only_error.sign_in(200, "/").body)
        only_sign_in = house().pages(templates=self.load(sign_in__html="S"))
        self.assertIn(b"rid-1", only_sign_in.error(LoginFailed(reason="x"), request_id="rid-1").body)
        nowhere = house().pages(templates=CustomTemplates.load(Path(self.mktemp())))
        self.assertIn(b"Sign in with Example", nowhere.sign_in(200, "/").body)

    def test_foreign_pages_may_have_styles_but_no_frames(self) -> None:
        """The operator's page keeps what it needs; it still cannot be framed."""
        page = house().pages(templates=self.load(sign_in__html="S")).sign_in(200, "/")
        self.assertEqual(
            dict(page.fields)[b"Content-Security-Policy"],
            b"frame-ancestors 'none'; base-uri 'none'; object-src 'none'",
        )

    def test_a_page_is_html_whatever_it_looks_like(self) -> None:
        """Nobody guesses at a page's type: neither we by the template's text nor the browser by a value in it."""
        templates = self.load(sign_in__html="no tag: {{.Redirect}}", error__html="%PDF-1.7 {{.Message}}")
        pages = house().pages(templates=templates)
        refusal = LoginFailed(reason="x", sentence="\x00\x01<script>alert(1)</script>")
        for page in (
            pages.sign_in(403, "/x"),
            pages.sign_in(200, "/<script>alert(1)</script>"),
            pages.error(refusal, request_id="r"),
        ):
            fields = dict(page.fields)
            self.assertEqual(fields[b"Content-Type"], b"text/html; charset=utf-8")
            self.assertEqual(fields[b"X-Content-Type-Options"], b"nosniff")
            self.assertNotIn(b"<script>", page.body)

    def test_broken_templates_are_refused_at_the_start(self) -> None:
        """The problem names file, line, column and reason."""
        for source, reason in (
            ('{{define "sign_in.html"}}{{if}}{{end}}', r"line 1: missing value"),
            ("a\n{{.Nope}}b", r"line 2: .*Nope"),
            ("{{nofunc 1}}", r"nofunc"),
            ('{{template "gone"}}', r"gone"),
            ("<a href={{.Redirect}}", r"line 1"),
        ):
            refused = self.assertRaises(TemplatesRefused, self.load, sign_in__html=source)
            self.assertIn("sign_in.html", str(refused))
            self.assertRegex(str(refused), reason)

    def test_branches_that_are_rare_are_tried_as_well(self) -> None:
        """An error behind a condition shows at the start, not to the first person who meets it."""
        for source in (
            "{{if .CustomLogin}}{{.Nope}}{{end}}",
            "{{if eq .StatusCode 200}}{{.Nope}}{{end}}",
            "{{if .SignInMessage}}{{.Nope}}{{end}}",
            "{{if .LogoData}}{{.Nope}}{{end}}",
            "{{if .Footer}}{{.Nope}}{{end}}",
        ):
            self.assertRaises(TemplatesRefused, self.load, sign_in__html=source)
        for source in ("{{if eq .StatusCode 502}}{{.Nope}}{{end}}", "{{if not .Redirect}}{{.Nope}}{{end}}"):
            self.assertRaises(TemplatesRefused, self.load, error__html=source)

    def test_a_destination_is_always_there(self) -> None:
        """Templates may take the sign-in page's Redirect apart: it is never empty."""
        templates = self.load(sign_in__html="{{index .Redirect 0}}{{slice .Redirect 0 1}}")
        self.assertEqual(house().pages(templates=templates).sign_in(200, "/").body, b"47/")

    def test_the_broken_one_of_two_files_is_named(self) -> None:
        """The other file is not blamed."""
        refused = self.assertRaises(TemplatesRefused, self.load, sign_in__html="fine", error__html="{{.Nope}}")
        self.assertIn("error.html", str(refused))
        self.assertNotIn("sign_in.html", str(refused))

    def test_files_may_share_definitions(self) -> None:
        """What one file defines the other can use."""
        templates = self.load(sign_in__html='{{define "head"}}HEAD{{end}}S', error__html='{{template "head"}} E')
        page = house().pages(templates=templates).error(LoginFailed(reason="x"), request_id="r")
        self.assertEqual(page.body, b"HEAD E")

    def test_a_file_that_is_no_text_is_refused(self) -> None:
        """Bytes that are no UTF-8 are a problem that names the file."""
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "error.html").write_bytes(b"\xff\xfe")
        self.assertIn("error.html", str(self.assertRaises(TemplatesRefused, CustomTemplates.load, folder)))

    def test_a_failure_on_the_way_shows_our_page(self) -> None:
        """A template that fails with values that nobody tried is logged, and the person gets the built-in page."""
        pages = house().pages(
            templates=self.load(sign_in__html='{{if eq .Redirect "/odd"}}{{index .Redirect 99}}{{end}}ok')
        )
        self.assertEqual(pages.sign_in(200, "/even").body, b"ok")
        self.assertIn(b"Sign in with Example", pages.sign_in(200, "/odd").body)
        self.assertEqual(len(self.flushLoggedErrors()), 1)
