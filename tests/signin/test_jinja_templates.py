"""Tests of o2sidecar.signin.jinja_templates."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.refusals import LoginFailed, UpstreamFailed
from o2sidecar.signin.custom_templates import CustomTemplates
from o2sidecar.signin.page_values import PAGES, python_name
from o2sidecar.signin.template_files import TemplatesRefused
from tests.signin.house import house
from tests.signin.page_reader import Form, PageReader

SIGN_IN = (
    "<title>{{ provider_name }}</title>{% if sign_in_message %}<p>{{ sign_in_message }}</p>{% endif %}{{ logo_data }}"
    '<form method="get" action="{{ proxy_prefix }}/start"><input name="rd" value="{{ redirect }}">'
    "<button>{{ status_code }}</button></form>{% if custom_login %}local{% endif %}{{ footer }}{{ version }}"
)


class JinjaTemplatesTests(SynchronousTestCase):
    """A page in Jinja2 gets what a page in Go gets."""

    def load(self, **files: str) -> CustomTemplates:
        """Load a folder with these files; `__` in a name stands for the dot."""
        folder = Path(self.mktemp())
        folder.mkdir()
        for name, source in files.items():
            (folder / name.replace("__", ".")).write_text(source, "utf-8")
        return CustomTemplates.load(folder)

    def problem(self, source: str, **files: str) -> str:
        """What is wrong with a sign-in page."""
        refused = self.assertRaises(TemplatesRefused, self.load, sign_in__html__j2=source, **files)
        return str(refused)

    def test_a_page_gets_its_values(self) -> None:
        """Text is escaped, the operator's HTML stays HTML."""
        pages = house().pages(templates=self.load(sign_in__html__j2=SIGN_IN), banner="<i>b</i>", footer="<u>f</u>")
        self.assertEqual(
            pages.sign_in(403, "/p?a=1&b=2").body.decode(),
            '<title>Example</title><p><i>b</i></p><form method="get" action="/oauth2/start">'
            '<input name="rd" value="/p?a=1&amp;b=2"><button>403</button></form><u>f</u>1',
        )

    def test_both_names_of_a_value_work(self) -> None:
        """Whoever moves a page over from Go keeps its names."""
        for page, values in PAGES.items():
            first = self.load(**{f"{page}.j2": "|".join(f"{{{{ {name} }}}}" for name in values.samples)})
            second = self.load(**{f"{page}.j2": "|".join(f"{{{{ {python_name(name)} }}}}" for name in values.samples)})
            for values_given in values.trials():
                shown = [
                    one.sign_in(**values_given) if page == "sign_in.html" else one.error(**values_given)
                    for one in (first, second)
                ]
                self.assertEqual(shown[0], shown[1])
                self.assertIn(str(values_given["StatusCode"]), shown[0] or "")

    def test_an_error_page_gets_its_values(self) -> None:
        """As in Go, and an app that is down has no way back."""
        source = "{{ status_code }} {{ title }} {{ message }} [{{ redirect }}] {{ request_id }}"
        pages = house().pages(templates=self.load(error__html__jinja=source))
        page = pages.error(LoginFailed(reason="x", sentence="It says: <b>x"), request_id="r", redirect="/")
        self.assertEqual(page.body, b"403 Forbidden It says: &lt;b&gt;x [/] r")
        self.assertIn(b"[]", pages.error(UpstreamFailed(reason="x"), request_id="r", redirect="/x").body)

    @settings(max_examples=60, deadline=None)
    @given(st.one_of(st.text(), st.sampled_from(["</script>", "\"'><img src=x>", "\x00\u202e", "{{ 7*7 }}{% raw %}"])))
    def test_no_value_leaves_its_place(self, hostile: str) -> None:
        """Whatever a destination is, the page has the form that the template has (X1)."""
        pages = self._hostile_pages
        facts = PageReader(pages.sign_in(200, hostile).body.decode())
        value = facts.forms[0].inputs[0][1]
        self.assertEqual(facts.forms, [Form("get", "/oauth2/start", [("rd", value)], ["200"])])
        self.assertEqual(facts.tags, ["title", "form", "input", "button"])

    def setUp(self) -> None:
        self._hostile_pages = house().pages(templates=self.load(sign_in__html__j2=SIGN_IN))

    def test_parts_are_included_and_extended(self) -> None:
        """Other files of the folder with an ending of Jinja2's may be used, and their problems are told."""
        templates = self.load(
            sign_in__html__j2='{% extends "base.html.j2" %}{% block main %}{% include "foot.j2" %}{% endblock %}',
            base__html__j2="<main>{% block main %}{% endblock %}</main>",
            foot__j2="{{ provider_name }}",
        )
        self.assertEqual(templates.sign_in(ProviderName="<P>"), "<main>&lt;P&gt;</main>")
        self.assertIn(
            "foot.j2, line 2: unknown variable nope", self.problem('{% include "foot.j2" %}', foot__j2="\n{{ nope }}")
        )
        self.assertIn("line 1: there is no ../x.j2 in the folder", self.problem('{% include "../x.j2" %}'))
        self.assertIn("there is no foot.html in", self.problem('{% include "foot.html" %}', foot__html=""))
        self.assertIn("named by a plain text", self.problem("{% include redirect %}"))

    def test_unknown_names_are_found_in_branches_not_taken(self) -> None:
        """File, line and name are told, though no rendering at the start comes by."""
        never = "\n{% if status_code == 599 %}\n"
        for source, reason in (
            ("{{ nope }}", "line 3: unknown variable nope; this page has custom_login, footer,"),
            ("{{ redirect|nope }}", "line 3: unknown filter nope"),
            ("{% if redirect is nope %}{% endif %}", "line 3: unknown test nope"),
            ("{{ redirect.nope }}", "line 3: unknown attribute nope of redirect"),
            ("{{ nope() }}", "line 3: unknown variable nope"),
            ("{{ ''.__class__ }}", "line 3: the attribute __class__ is out of reach"),
            ("{{ redirect['__class__'] }}", "line 3: the attribute __class__ is out of reach"),
            ("{{ message }}", "line 3: unknown variable message"),
        ):
            self.assertIn(f"sign_in.html.j2, {reason}", self.problem(f"{never}{source}{{% endif %}}"))

    def test_names_of_its_own_are_known(self) -> None:
        """Variables, loops and macros that a template makes are no unknown names."""
        source = (
            "{% set x = redirect %}{% macro m(a) %}{{ a }}{{ caller is defined }}{% endmacro %}"
            "{% set n = namespace(i=0) %}"
            "{% for i in range(3) %}{% set n.i = i %}{{ loop.index }}{% endfor %}"
            "{{ m(x) }}{{ n.i }}{{ nope is defined }}"
        )
        self.assertRaises(TemplatesRefused, self.load, sign_in__html__j2=source)  # nope, even so: StrictUndefined
        templates = self.load(sign_in__html__j2=source.replace("{{ nope is defined }}", ""))
        self.assertEqual(templates.sign_in(Redirect="/"), "123/False2")

    def test_broken_templates_are_refused_at_the_start(self) -> None:
        """Syntax, and what fails when it is rendered, with file and line."""
        for source, reason in (
            ("\n{% if %}", "line 2: "),
            ("\n{{ .Redirect }}", "line 2: "),
            ("\n{{ 1/0 }}", "line 2: division by zero"),
            ("\n{{ redirect.join(1) }}", "line 2: can only join an iterable"),
            ("\n{% if custom_login %}{{ footer + 1 }}{% endif %}", "line 2: "),
        ):
            self.assertIn(f"sign_in.html.j2, {reason}", self.problem(source))

    def test_the_process_is_out_of_reach(self) -> None:
        """No way of the usual ones leads from a value to Python (X1)."""
        for source in (
            "{{ ''|attr('__class__') }}",
            "{{ ''['__cla' ~ 'ss__'] }}",
            "{{ '{0.__class__}'.format(redirect) }}",
            "{{ range.__self__ }}",
            "{{ self.__init__ }}",
            "{{ lipsum }}",
            "{{ cycler }}",
            "{{ [].append(1) }}",
        ):
            self.assertIn("sign_in.html.j2, line 1: ", self.problem(source))

    def test_endless_templates_are_refused(self) -> None:
        """What repeats, writes or calls itself without end does not keep the process busy."""
        for source, reason in (
            ("{% for i in range(1000000000) %}{% endfor %}", "more than 10000 repetitions"),
            (
                "{% for i in range(200) %}{% for j in range(200) %}{% endfor %}{% endfor %}",
                "more than 10000 repetitions",
            ),
            ("{% for i in range(10000) %}" + "x" * 1000 + "{% endfor %}", "more than 4000000 characters"),
            ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "recursion"),
        ):
            self.assertIn(reason, self.problem(source))

    def test_a_failure_on_the_way_shows_our_page(self) -> None:
        """A template that fails with values nobody tried is logged; no person sees a traceback."""
        source = '{% if redirect == "/odd" %}{{ 1/0 }}{% endif %}ok'
        pages = house().pages(templates=self.load(sign_in__html__j2=source))
        self.assertEqual(pages.sign_in(200, "/even").body, b"ok")
        body = pages.sign_in(200, "/odd").body
        self.assertIn(b"Sign in with Example", body)
        self.assertNotIn(b"division", body)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
