"""Tests of o2sidecar.signin.template_files and custom_templates: which file is which page, in which language."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.signin.custom_templates import CustomTemplates
from o2sidecar.signin.page_values import python_name
from o2sidecar.signin.template_files import MOST_BYTES, TemplatesRefused
from tests.signin.house import house

GO = "Go {{.ProviderName}}"
JINJA = "Jinja {{ provider_name }}"


class TemplateFilesTests(SynchronousTestCase):
    """A file's name or its mark says what it is written in."""

    def folder(self, **files: str | bytes) -> Path:
        """A folder with these files; `__` in a name stands for the dot."""
        folder = Path(self.mktemp())
        folder.mkdir()
        for name, content in files.items():
            (folder / name.replace("__", ".")).write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder

    def shown(self, **files: str | bytes) -> str:
        """The sign-in page of such a folder."""
        return house().pages(templates=CustomTemplates.load(self.folder(**files))).sign_in(200, "/").body.decode()

    def problems(self, **files: str | bytes) -> tuple[str, ...]:
        """What is wrong with such a folder, its path left out."""
        folder = self.folder(**files)
        refused = self.assertRaises(TemplatesRefused, CustomTemplates.load, folder)
        return tuple(problem.replace(f"{folder}/", "").replace(str(folder), "") for problem in refused.problems)

    def test_the_name_tells_the_language(self) -> None:
        """The names of oauth2-proxy are Go's; an ending says Jinja2."""
        self.assertEqual(self.shown(sign_in__html=GO), "Go Example")
        for ending in ("j2", "jinja", "jinja2"):
            self.assertEqual(self.shown(**{f"sign_in__html__{ending}": JINJA}), "Jinja Example")

    def test_a_mark_tells_the_language(self) -> None:
        """The first comment of a file may say it as well, with a byte-order mark before it or blanks."""
        for mark in ("{# jinja #}", "\n {#- Jinja2 -#}", "\ufeff{# jinja #}"):
            self.assertTrue(self.shown(sign_in__html=mark + JINJA).strip().endswith("Jinja Example"))
        for mark in ("{{/* go */}}", "\n{{- /* Go */ -}}"):
            self.assertEqual(self.shown(sign_in__html=mark + "{% x %}{{.ProviderName}}").strip(), "{% x %}Example")

    def test_css_and_scripts_of_go_pages_are_no_jinja(self) -> None:
        """Braces that a style or a script brings along make nobody ask what the file is."""
        source = "<style>@media print{#a{color:red}}</style><script>a={b:{c:1}}</script>{{.ProviderName}}"
        self.assertTrue(self.shown(sign_in__html=source).endswith("Example"))

    def test_what_may_be_both_is_refused(self) -> None:
        """A page of Go's name with Jinja2 in it is never guessed: the sentence says what to do."""
        (problem,) = self.problems(sign_in__html="<p>\n{% if custom_login %}x{% endif %}")
        self.assertEqual(
            problem,
            "the template sign_in.html, line 2, may be Go's or Jinja2: call it sign_in.html.j2 if it is Jinja2, "
            "or begin it with {{/* go */}} if it is Go's",
        )
        (problem,) = self.problems(error__html="{{.Title}} {# note #}")
        self.assertIn("error.html, line 1, may be", problem)

    def test_a_jinja_page_of_gos_name_is_told_apart(self) -> None:
        """One that has nothing but variables of Jinja2's is refused as Go, with a word about its name."""
        (problem,) = self.problems(sign_in__html=JINJA)
        self.assertIn("function 'provider_name' not defined; a template in Jinja2 has to be called sign_in.h", problem)

    def test_name_and_mark_may_not_contradict(self) -> None:
        """Go's mark in a file of Jinja2's name is refused."""
        (problem,) = self.problems(sign_in__html__j2="{{/* go */}}x")
        self.assertIn("sign_in.html.j2 is marked as Go's", problem)

    def test_one_page_has_one_template(self) -> None:
        """Two files for a page are refused, in two languages or one."""
        for files in (
            {"sign_in__html": GO, "sign_in__html__j2": JINJA},
            {"sign_in__html__j2": "", "sign_in__html__jinja": ""},
        ):
            problems = self.problems(**files)
            self.assertIn(
                f"{' and '.join(sorted(name.replace('__', '.') for name in files))} for the same page", problems[0]
            )

    def test_pages_may_differ_in_language(self) -> None:
        """One page in each is fine."""
        templates = CustomTemplates.load(self.folder(sign_in__html__j2=JINJA, error__html="Go {{.Title}}"))
        self.assertEqual(templates.error(Title="T"), "Go T")

    def test_a_name_that_is_almost_one_is_refused(self) -> None:
        """Nobody looks in vain for a page that was called sign_in.j2."""
        self.assertEqual(
            self.problems(sign_in__j2="x"),
            ("the template sign_in.j2 is called neither sign_in.html nor sign_in.html.j2: call it sign_in.html.j2",),
        )

    def test_what_cannot_be_read_is_named(self) -> None:
        """A folder in a file's place, a link to nowhere, another encoding, too much of it: each is a problem."""
        folder = self.folder(error__html=b"a\n\xff\xfe")
        (folder / "sign_in.html").mkdir()
        refused = self.assertRaises(TemplatesRefused, CustomTemplates.load, folder)
        self.assertEqual(
            [problem.replace(str(folder), "") for problem in refused.problems],
            ["the template /sign_in.html is no file", "the template /error.html, line 2, is no text in UTF-8"],
        )
        dangling = self.folder()
        os.symlink("gone", dangling / "error.html")
        self.assertIn(
            "error.html cannot be read: No such file",
            str(self.assertRaises(TemplatesRefused, CustomTemplates.load, dangling)),
        )
        self.assertIn("has more than 1024 KiB", self.problems(sign_in__html="x" * (MOST_BYTES + 1))[0])
        self.assertIn("is no text in UTF-8", self.problems(sign_in__html="x".encode("utf-16"))[0])

    def test_a_folder_that_is_none_is_named(self) -> None:
        """A file in the place of the folder is a problem; a folder that is missing means our pages."""
        path = self.folder(file__txt="x") / "file.txt"
        refused = self.assertRaises(TemplatesRefused, CustomTemplates.load, path)
        self.assertIn("cannot be read: Not a directory", str(refused))
        self.assertIsNone(CustomTemplates.load(Path(self.mktemp())).sign_in())

    def test_every_problem_is_told_at_once(self) -> None:
        """Of both files, of both languages, in all branches."""
        problems = self.problems(
            sign_in__html="{{title 1}}\n{{.Nope}}\n"
            '{{if eq .StatusCode 599}}{{.Never}}{{title 2}}{{other}}{{template "gone"}}{{end}}',
            error__html__j2="{{ nope }}\n{% if status_code == 599 %}{{ never }}{{ title|gone }}{% endif %}",
        )
        self.assertEqual(
            [problem.split(";")[0] for problem in problems],
            [
                "the template sign_in.html, line 1: function 'title' not defined",
                "the template sign_in.html, line 3: function 'other' not defined",
                "the template sign_in.html, line 2: unknown field .Nope",
                "the template sign_in.html, line 3: unknown field .Never",
                'the template sign_in.html, line 3: there is no template "gone"',
                "the template error.html.j2, line 1: unknown variable nope",
                "the template error.html.j2, line 2: unknown variable never",
                "the template error.html.j2, line 2: unknown filter gone",
            ],
        )

    @given(st.from_regex(r"[A-Z][a-z]{1,5}([A-Z][a-z]{1,5}){0,2}", fullmatch=True))
    def test_second_names_are_pythons(self, name: str) -> None:
        """Each value has a name of small letters and underscores, from which nothing is lost."""
        self.assertEqual(python_name(name).replace("_", ""), name.lower())
        self.assertEqual(python_name("RequestID"), "request_id")
